/*
 * cors.c - decides which origins may read answers and writes the header lines.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/cors.h"

#include "config/addr.h"

enum {
    ORIGIN_MAX = 320, /* longer than any that configuration lets through */
    ECHO_MAX = 1024,  /* of Access-Control-Request-Headers */
    LABEL_MAX = 63,
};

bool rkd_cors_is_on(const struct rkd_settings *settings)
{
    return settings->origin_count != 0 || settings->any_loopback_origin;
}

/* Cuts `prefix` off the front of `s`. */
static bool skip(struct rk_str *s, struct rk_str prefix)
{
    if (!rki_str_starts_with(*s, prefix))
        return false;
    *s = rki_str(s->ptr + prefix.len, s->len - prefix.len);
    return true;
}

/* Nothing, or ":" and a port as browsers write it. */
static bool is_port_suffix(struct rk_str s)
{
    unsigned value = 0;

    if (s.len == 0)
        return true;
    if (s.len < 2 || s.len > 6 || s.ptr[0] != ':' || s.ptr[1] == '0')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(s.ptr[i] - '0');
    }
    return value <= UINT16_MAX;
}

/* As browsers write names: in small letters. */
static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* localhost and the names below it, which browsers do not ask the DNS for (RFC 6761 s.6.3). */
static bool is_localhost(struct rk_str host)
{
    bool in_label = false;

    for (size_t i = 0; i < host.len; i++) {
        if (!is_label_char(host.ptr[i]) && !(host.ptr[i] == '.' && in_label))
            return false;
        in_label = host.ptr[i] != '.';
    }
    return rki_str_equal(host, RK_STR("localhost")) ||
           rki_str_ends_with(host, RK_STR(".localhost"));
}

static bool is_loopback(struct rk_str origin)
{
    struct rkd_addr addr;
    size_t end = 0;

    if (!skip(&origin, RK_STR("http://")) && !skip(&origin, RK_STR("https://")))
        return false;
    if (skip(&origin, RK_STR("[::1]")))
        return is_port_suffix(origin);
    while (end < origin.len && origin.ptr[end] != ':')
        end++;
    if (!is_port_suffix(rki_str(origin.ptr + end, origin.len - end)))
        return false;
    origin.len = end;
    return is_localhost(origin) ||
           (rkd_addr_parse(origin, &addr) == RK_OK && addr.is_v4 && addr.bytes[12] == 127);
}

/* Exactly one label more in front, and the configured port or none. */
static bool matches_wildcard(const struct rkd_origin *allowed, struct rk_str origin)
{
    char digits[8];
    struct rki_buf port = rki_buf_over(digits, sizeof(digits));
    size_t label = 0;

    if (!skip(&origin, allowed->scheme) || !skip(&origin, RK_STR("://")))
        return false;
    while (label < origin.len && is_label_char(origin.ptr[label]))
        label++;
    if (label == 0 || label > LABEL_MAX)
        return false;
    origin = rki_str(origin.ptr + label, origin.len - label);
    if (!skip(&origin, RK_STR(".")) || !skip(&origin, allowed->host))
        return false;
    if (allowed->port != 0) {
        rki_buf_char(&port, ':');
        rki_buf_int(&port, allowed->port);
    }
    return rki_str_equal(origin, rki_buf_str(&port));
}

bool rkd_cors_allows(const struct rkd_settings *settings, struct rk_str origin)
{
    if (origin.len == 0 || origin.len > ORIGIN_MAX || rki_str_equal(origin, RK_STR("null")))
        return false;
    for (size_t i = 0; i < settings->origin_count; i++) {
        const struct rkd_origin *allowed = &settings->origins[i];

        if (allowed->any)
            return true;
        if (allowed->wildcard ? matches_wildcard(allowed, origin)
                              : rki_str_equal(allowed->text, origin))
            return true;
    }
    return settings->any_loopback_origin && is_loopback(origin);
}

bool rkd_cors_is_preflight(const struct rkd_request *request)
{
    return request->method == RKD_OPTIONS && request->known_count[RKD_H_ORIGIN] != 0 &&
           request->known_count[RKD_H_AC_REQUEST_METHOD] != 0;
}

static bool allows_any(const struct rkd_settings *settings)
{
    for (size_t i = 0; i < settings->origin_count; i++)
        if (settings->origins[i].any)
            return true;
    return false;
}

/* "*" is answered as such: what every page may read need not be echoed. */
static bool write_allow_origin(struct rki_buf *buf, const struct rkd_settings *settings,
                               const struct rkd_request *request)
{
    const struct rk_str origin = request->known[RKD_H_ORIGIN];

    if (!rkd_cors_allows(settings, origin))
        return false;
    rki_buf_lit(buf, "Access-Control-Allow-Origin: ");
    rki_buf_put(buf, allows_any(settings) ? RK_STR("*") : origin);
    rki_buf_lit(buf, "\r\n");
    if (settings->cors_credentials && !allows_any(settings)) /* never both: COR-05 */
        rki_buf_lit(buf, "Access-Control-Allow-Credentials: true\r\n");
    return true;
}

void rkd_cors_write_answer(struct rki_buf *buf, const struct rkd_settings *settings,
                           const struct rkd_request *request)
{
    if (!rkd_cors_is_on(settings))
        return;
    rki_buf_lit(buf, "Vary: Origin\r\n");
    if (write_allow_origin(buf, settings, request))
        rki_buf_lit(buf, "Access-Control-Expose-Headers: Retry-After, X-Request-Id, "
                         "traceparent\r\n");
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Tokens between commas, blanks around them allowed: safe to send back as it came. */
static bool is_token_list(struct rk_str list)
{
    enum { BEFORE, IN, AFTER } state = BEFORE;

    for (size_t i = 0; i < list.len; i++) {
        const char c = list.ptr[i];

        if (c == ',') {
            if (state == BEFORE)
                return false;
            state = BEFORE;
        } else if (c == ' ' || c == '\t') {
            state = state == IN ? AFTER : state;
        } else if (state == AFTER || !is_token_char(c)) {
            return false;
        } else {
            state = IN;
        }
    }
    return state != BEFORE;
}

static void write_allow_headers(struct rki_buf *buf, const struct rkd_request *request)
{
    const struct rk_str asked = request->known[RKD_H_AC_REQUEST_HEADERS];

    if (request->known_count[RKD_H_AC_REQUEST_HEADERS] != 1 || asked.len > ECHO_MAX ||
        !is_token_list(asked))
        return;
    rki_buf_lit(buf, "Access-Control-Allow-Headers: ");
    rki_buf_put(buf, asked);
    rki_buf_lit(buf, "\r\n");
}

void rkd_cors_write_preflight(struct rki_buf *buf, const struct rkd_settings *settings,
                              const struct rkd_request *request, struct rk_str allow_methods)
{
    if (!rkd_cors_is_on(settings))
        return;
    rki_buf_lit(buf, "Vary: Origin, Access-Control-Request-Method, "
                     "Access-Control-Request-Headers\r\n");
    if (!write_allow_origin(buf, settings, request) || !rkd_cors_is_preflight(request))
        return;
    rki_buf_lit(buf, "Access-Control-Allow-Methods: ");
    rki_buf_put(buf, allow_methods);
    rki_buf_lit(buf, "\r\n");
    write_allow_headers(buf, request);
    rki_buf_lit(buf, "Access-Control-Max-Age: ");
    rki_buf_int(buf, settings->cors_max_age_s);
    rki_buf_lit(buf, "\r\n");
}
