/*
 * redis_url.c - reads redis://[[user]:password@]host[:port][/db].
 *
 * May touch: its arguments. The password is in no error text.
 */
#include "net/redis.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { PORT_DEFAULT = 6379, DB_MAX = 9999 };

static enum rk_err fail(struct rk_diag *diag, enum rk_err err, const char *text)
{
    if (diag != NULL)
        (void)snprintf(diag->text, sizeof(diag->text), "%s", text);
    return err;
}

/* Splits at the first (or last) `c`; without one everything is the tail. */
static bool split(struct rk_str s, char c, bool at_last, struct rk_str *out_head,
                  struct rk_str *out_tail)
{
    const char *at = s.len == 0 ? NULL
                     : at_last  ? memrchr(s.ptr, c, s.len)
                                : memchr(s.ptr, c, s.len);

    if (at == NULL)
        return false;
    *out_head = rki_str(s.ptr, (size_t)(at - s.ptr));
    *out_tail = rki_str(at + 1, s.len - out_head->len - 1);
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = rki_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes into a NUL-terminated text of `cap` bytes; a NUL inside is refused. */
static bool decode(struct rk_str s, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '%') {
            const int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
            const int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || len + 1 >= cap)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

/* Digits only, no sign, no blanks. */
static bool read_number(struct rk_str s, uint32_t max, uint32_t *out)
{
    uint32_t value = 0;

    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(s.ptr[i] - '0');
    }
    *out = value;
    return value <= max;
}

static bool is_name(struct rk_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = rki_lower(s.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return s.len != 0;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool read_host(struct rk_str s, struct rkd_redis_url *out)
{
    struct rk_str host = s, rest = {0};
    struct in6_addr addr;
    uint32_t port = PORT_DEFAULT;
    const bool is_v6 = rki_str_starts_with(s, RK_STR("["));

    if (is_v6) {
        if (!split(rki_str(s.ptr + 1, s.len - 1), ']', false, &host, &rest))
            return false;
        if (rest.len != 0 &&
            (rest.ptr[0] != ':' || !read_number(rki_str(rest.ptr + 1, rest.len - 1), 65535, &port)))
            return false;
    } else if (split(s, ':', false, &host, &rest) && !read_number(rest, 65535, &port)) {
        return false;
    }
    if (port == 0 || host.len >= sizeof(out->host) || (!is_v6 && !is_name(host)))
        return false;
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = '\0';
    out->port = (uint16_t)port;
    return !is_v6 ||
           (memchr(host.ptr, '\0', host.len) == NULL && inet_pton(AF_INET6, out->host, &addr) == 1);
}

static bool copy_password(struct rk_str s, struct rkd_redis_url *out)
{
    if (s.len == 0 || s.len >= sizeof(out->password) || memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    memcpy(out->password, s.ptr, s.len);
    out->password[s.len] = '\0';
    return true;
}

/* Not the empty user of "@host": whoever writes that has left something out. */
static bool read_login(struct rk_str login, bool has_password, struct rkd_redis_url *out)
{
    struct rk_str user = login, password;

    if (has_password)
        return login.len != 0 && memchr(login.ptr, ':', login.len) == NULL &&
               decode(user, out->user, sizeof(out->user));
    return split(login, ':', false, &user, &password) && password.len != 0 &&
           decode(user, out->user, sizeof(out->user)) &&
           decode(password, out->password, sizeof(out->password));
}

static enum rk_err read_parts(struct rk_str rest, struct rk_str password, struct rkd_redis_url *out,
                              struct rk_diag *diag)
{
    const bool has_password = password.ptr != NULL;
    struct rk_str login, place, db;

    if (split(rest, '@', true, &login, &place)) {
        rest = place;
        if (!read_login(login, has_password, out))
            return fail(diag, RK_E_INVAL,
                        has_password
                            ? "the password is given by itself, so a user stands alone as `user@`, "
                              "other characters than letters and digits as %XX"
                            : "user and password stand as `user:password@` or `:password@`, other "
                              "characters than letters and digits as %XX");
    }
    if (has_password && !copy_password(password, out))
        return fail(diag, RK_E_INVAL, "expected a password of 1 to 1024 bytes without a NUL");
    if (split(rest, '/', false, &place, &db)) {
        rest = place;
        if (db.len != 0 && !read_number(db, DB_MAX, &out->db))
            return fail(diag, RK_E_INVAL, "after the slash stands the number of a database");
    }
    if (!read_host(rest, out))
        return fail(diag, RK_E_INVAL,
                    "expected a host name, an IPv4 address or an IPv6 address in brackets, and "
                    "perhaps `:` and a port");
    return RK_OK;
}

enum rk_err rkd_redis_url_read(struct rk_str url, struct rk_str password, struct rkd_redis_url *out,
                               struct rk_diag *out_diag)
{
    static const struct rk_str scheme = RK_STR_INIT("redis://");
    enum rk_err err;

    *out = (struct rkd_redis_url){.port = PORT_DEFAULT};
    if (rki_str_starts_with(url, RK_STR("rediss://")))
        return fail(out_diag, RK_E_STATE,
                    "rediss:// (TLS) cannot be had with this build; put a TLS tunnel beside "
                    "roomkey and name its end with redis://");
    if (!rki_str_starts_with(url, scheme))
        return fail(out_diag, RK_E_INVAL, "expected redis://[[user]:password@]host[:port][/db]");
    err = read_parts(rki_str(url.ptr + scheme.len, url.len - scheme.len), password, out, out_diag);
    if (err != RK_OK)
        rk_wipe(out, sizeof(*out));
    return err;
}
