/*
 * host.c - the grammar of a Host value and of an absolute target's authority (semantics H4).
 *
 * A pure function; its value decides nothing, only its form. Source: RFC 3986 s.3.2.2.
 */
#include "net/head.h"

#include <arpa/inet.h>

enum { PORT_DIGITS = 5 };

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_future(struct rk_str s)
{
    size_t i = 1;

    while (i < s.len && rkd_ch_is(s.ptr[i], RKD_CH_HEX))
        i++;
    if (i == 1 || i + 1 >= s.len || s.ptr[i] != '.')
        return false;
    for (i++; i < s.len; i++)
        if (!rkd_ch_is(s.ptr[i], RKD_CH_HOST) && s.ptr[i] != ':')
            return false;
    return true;
}

/* What stands between the brackets. inet_pton reads what RFC 3986 calls IPv6address, and no zone.
 */
static bool is_ip_literal(struct rk_str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;

    if (s.len != 0 && rki_lower(s.ptr[0]) == 'v')
        return is_future(s);
    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.ptr, 0, s.len) != NULL)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool is_port(struct rk_str s)
{
    if (s.len > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

/* Length of the reg-name (an IPv4address is one too) at the start; it ends at ':' or the end. */
static size_t reg_name_len(struct rk_str s)
{
    size_t i = 0;

    while (i < s.len) {
        if (rkd_ch_is(s.ptr[i], RKD_CH_HOST))
            i++;
        else if (s.ptr[i] == '%' && s.len - i >= 3 && rkd_ch_is(s.ptr[i + 1], RKD_CH_HEX) &&
                 rkd_ch_is(s.ptr[i + 2], RKD_CH_HEX))
            i += 3;
        else
            break;
    }
    return i;
}

bool rkd_host_is_valid(struct rk_str host)
{
    size_t end = 0;

    if (host.len != 0 && host.ptr[0] == '[') {
        const char *close = memchr(host.ptr, ']', host.len);

        if (close == NULL)
            return false;
        end = (size_t)(close - host.ptr);
        if (!is_ip_literal(rki_str(host.ptr + 1, end - 1)))
            return false;
        end++;
    } else {
        end = reg_name_len(host);
    }
    if (end == host.len)
        return true;
    return host.ptr[end] == ':' && is_port(rki_str(host.ptr + end + 1, host.len - end - 1));
}
