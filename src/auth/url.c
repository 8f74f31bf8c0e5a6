/*
 * url.c - reads addresses strictly. May touch: its arguments.
 */
#include "auth/url.h"

static bool is_alnum(char c)
{
    const char lower = rki_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

/* A name or an address: no percent signs, so that there is one spelling. */
static bool is_host(struct rk_str host)
{
    if (host.len >= 4 && host.ptr[0] == '[') {
        for (size_t i = 1; i + 1 < host.len; i++) {
            const char c = rki_lower(host.ptr[i]);

            if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.'))
                return false;
        }
        return host.ptr[host.len - 1] == ']';
    }
    for (size_t i = 0; i < host.len; i++)
        if (!is_alnum(host.ptr[i]) && host.ptr[i] != '.' && host.ptr[i] != '-' &&
            host.ptr[i] != '_')
            return false;
    return host.len >= 1 && host.len <= 253;
}

static bool read_port(struct rk_str text, uint16_t *out)
{
    uint32_t port = 0;

    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *out = (uint16_t)port;
    return port >= 1 && port <= 65535;
}

static bool read_authority(struct rk_str text, struct rkd_url *out)
{
    size_t colon = text.len;

    for (size_t i = text.len; i > 0 && text.ptr[i - 1] != ']'; i--)
        if (text.ptr[i - 1] == ':')
            colon = i - 1;
    out->host = rki_str(text.ptr, colon);
    out->port = out->is_https ? 443 : 80;
    if (colon != text.len &&
        !read_port(rki_str(text.ptr + colon + 1, text.len - colon - 1), &out->port))
        return false;
    return is_host(out->host);
}

/* Printable, and none of what browsers and libraries read in different ways. */
static bool is_plain(struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>')
            return false;
    }
    return true;
}

bool rkd_url_read(struct rk_str text, struct rkd_url *out)
{
    static const struct rk_str https = RK_STR_INIT("https://"), http = RK_STR_INIT("http://");
    struct rk_str rest;
    size_t end = 0;

    *out = (struct rkd_url){.is_https = rki_str_starts_with(text, https)};
    if ((!out->is_https && !rki_str_starts_with(text, http)) || text.len > RKD_URL_MAX ||
        !is_plain(text))
        return false;
    rest = out->is_https ? rki_str(text.ptr + https.len, text.len - https.len)
                         : rki_str(text.ptr + http.len, text.len - http.len);
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    out->rest = rki_str(rest.ptr + end, rest.len - end);
    out->has_query = out->rest.len != 0 && memchr(out->rest.ptr, '?', out->rest.len) != NULL;
    return read_authority(rki_str(rest.ptr, end), out);
}

bool rkd_url_is_same_origin(const struct rkd_url *a, const struct rkd_url *b)
{
    return a->is_https == b->is_https && a->port == b->port &&
           rki_str_equal_nocase(a->host, b->host);
}

bool rkd_url_is_loopback(const struct rkd_url *url)
{
    const struct rk_str host = url->host;

    if (rki_str_equal_nocase(host, RK_STR("localhost")) || rki_str_equal(host, RK_STR("[::1]")))
        return true;
    if (!rki_str_starts_with(host, RK_STR("127.")))
        return false;
    for (size_t i = 0; i < host.len; i++) /* 127.evil.example is a name */
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    return true;
}
