/*
 * origin.c - reads the origins of the configuration and refuses what no browser would ever send.
 *
 * May touch: its arguments. Nothing else. Source: RFC 6454 s.6.2, the URL Standard's host
 * serialising; security case COR-05.
 */
#include "config/origin.h"

#include "config/addr.h"

enum { ORIGIN_MAX = 300, LABEL_MAX = 63, HOST_MAX = 253 };

/* An origin cut into its parts; all borrowed. */
struct parts {
    struct rk_str scheme, host, port; /* port: absent when none is written */
    bool wildcard;                    /* host is what follows "*." */
    uint16_t port_number;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static const char *check_scheme(struct rk_str scheme)
{
    if (scheme.len == 0 || !is_small(scheme.ptr[0]))
        return "has no scheme such as https";
    for (size_t i = 1; i < scheme.len; i++) {
        const char c = scheme.ptr[i];

        if (!is_small(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
            return "has a scheme that is none";
    }
    if (rki_str_equal(scheme, RK_STR("file")))
        return "is one that browsers send as null, which is never allowed";
    return NULL;
}

/* "1"-"65535" as browsers write it, and not the port that goes without saying. */
static const char *check_port(struct parts *parts)
{
    const struct rk_str port = parts->port;
    unsigned value = 0;

    if (port.ptr == NULL)
        return NULL;
    if (port.len == 0 || port.len > 5 || port.ptr[0] == '0')
        return "has a port that is none";
    for (size_t i = 0; i < port.len; i++) {
        if (!is_digit(port.ptr[i]))
            return "has a port that is none";
        value = value * 10 + (unsigned)(port.ptr[i] - '0');
    }
    if (value > UINT16_MAX)
        return "has a port that is none";
    if ((value == 443 && rki_str_equal(parts->scheme, RK_STR("https"))) ||
        (value == 80 && rki_str_equal(parts->scheme, RK_STR("http"))))
        return "names the scheme's own port, which browsers leave out";
    parts->port_number = (uint16_t)value;
    return NULL;
}

/* Addresses have many spellings, browsers send one: the one rkd_addr_write gives. */
static bool is_canonical_address(struct rk_str text, bool is_v4)
{
    char canonical[RKD_ADDR_TEXT_MAX + 1];
    struct rki_buf buf = rki_buf_over(canonical, sizeof(canonical));
    struct rkd_addr addr;

    if (rkd_addr_parse(text, &addr) != RK_OK || addr.is_v4 != is_v4)
        return false;
    rkd_addr_write(&buf, &addr);
    return rki_str_equal(rki_buf_str(&buf), text);
}

static const char *check_label(struct rk_str label)
{
    if (label.len == 0)
        return "has an empty label in its host name";
    if (label.len > LABEL_MAX)
        return "has a host name that is too long";
    for (size_t i = 0; i < label.len; i++) {
        const char c = label.ptr[i];

        if (c == '*')
            return "has a star that is not the whole first label";
        if (!is_small(c) && !is_digit(c) && c != '-' && c != '_')
            return "has a character in its host that is none of a host name (international names "
                   "are written xn--...)";
    }
    return NULL;
}

/* Walks the labels; says how many there are and which is the last. */
static const char *check_labels(struct rk_str host, size_t *out_count, struct rk_str *out_last)
{
    size_t from = 0;

    if (host.len > HOST_MAX)
        return "has a host name that is too long";
    *out_count = 0;
    for (size_t i = 0; i <= host.len; i++) {
        const char *why;

        if (i < host.len && host.ptr[i] != '.')
            continue;
        *out_last = rki_str(host.ptr + from, i - from);
        why = check_label(*out_last);
        if (why != NULL)
            return why;
        (*out_count)++;
        from = i + 1;
    }
    return NULL;
}

static const char *check_host(const struct parts *parts)
{
    const struct rk_str host = parts->host;
    struct rk_str last = {0};
    size_t labels = 0;
    const char *why;

    if (host.len == 0)
        return "has no host";
    if (host.ptr[0] == '[')
        return !parts->wildcard && host.len > 2 && host.ptr[host.len - 1] == ']' &&
                       is_canonical_address(rki_str(host.ptr + 1, host.len - 2), false)
                   ? NULL
                   : "has an IPv6 address that browsers write differently";
    why = check_labels(host, &labels, &last);
    if (why != NULL)
        return why;
    if (is_digit(last.ptr[0])) /* the URL Standard reads a host that ends in a number as IPv4 */
        return !parts->wildcard && is_canonical_address(host, true)
                   ? NULL
                   : "has an IPv4 address that browsers write differently";
    if (!parts->wildcard)
        return NULL;
    if (!rki_str_equal(parts->scheme, RK_STR("https")) &&
        !rki_str_equal(parts->scheme, RK_STR("http")))
        return "has a star, which is for http and https";
    if (labels < 2 && !rki_str_equal(host, RK_STR("localhost")))
        return "has a star over a whole top-level domain";
    return NULL;
}

/* What is wrong before there are any parts to look at. */
static const char *check_text(struct rk_str text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len > ORIGIN_MAX)
        return "is too long";
    if (rki_str_equal(text, RK_STR("null")))
        return "is null, which anybody's sandboxed frame can send";
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return "has capital letters, browsers send small ones";
    return NULL;
}

static const char *cut(struct rk_str text, struct parts *out)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    struct rk_str rest;
    size_t host_end;

    if (colon == NULL)
        return "has no scheme such as https";
    out->scheme = rki_str(text.ptr, (size_t)(colon - text.ptr));
    rest = rki_str(colon + 1, text.len - out->scheme.len - 1);
    if (!rki_str_starts_with(rest, RK_STR("//")))
        return "has no scheme such as https";
    rest = rki_str(rest.ptr + 2, rest.len - 2);
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] == '@')
            return "has user information";
        if (rest.ptr[i] == '/' || rest.ptr[i] == '?' || rest.ptr[i] == '#')
            return "has a path: an origin ends with its host or port, without a slash";
    }
    out->wildcard = rki_str_starts_with(rest, RK_STR("*."));
    if (out->wildcard)
        rest = rki_str(rest.ptr + 2, rest.len - 2);

    host_end = rest.len; /* a port follows the last colon; those of IPv6 are in brackets */
    for (size_t i = rest.len; i > 0 && rest.ptr[i - 1] != ']'; i--)
        if (rest.ptr[i - 1] == ':')
            host_end = i - 1;
    out->host = rki_str(rest.ptr, host_end);
    if (host_end < rest.len)
        out->port = rki_str(rest.ptr + host_end + 1, rest.len - host_end - 1);
    return NULL;
}

enum rk_err rkd_origin_parse(struct rk_str text, struct rkd_origin *out, const char **out_why)
{
    struct parts parts = {0};
    const char *why = check_text(text);

    if (rki_str_equal(text, RK_STR("*"))) {
        *out = (struct rkd_origin){.text = text, .any = true};
        return RK_OK;
    }
    if (why == NULL)
        why = cut(text, &parts);
    if (why == NULL)
        why = check_scheme(parts.scheme);
    if (why == NULL)
        why = check_port(&parts);
    if (why == NULL)
        why = check_host(&parts);
    if (why != NULL) {
        if (out_why != NULL)
            *out_why = why;
        return RK_E_INVAL;
    }
    *out = (struct rkd_origin){.text = text,
                               .scheme = parts.scheme,
                               .host = parts.host,
                               .port = parts.port_number,
                               .wildcard = parts.wildcard};
    return RK_OK;
}
