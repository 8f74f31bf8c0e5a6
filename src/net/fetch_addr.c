/*
 * fetch_addr.c - where a fetch may go, by the address really connected (security.md s.1.5).
 *
 * A name or a decimal, octal or mapped number has become bytes by now, so there is one way to write
 * an address here and nothing to get around. May touch: its arguments.
 */
#include "net/fetch_part.h"

#include <netinet/in.h>

static bool v4_is_allowed(const uint8_t at[4])
{
    static const uint8_t wire_server[4] = {168, 63, 129, 16}; /* Azure's metadata, DNS, agent */

    if (at[0] == 0 || at[0] >= 224) /* "this host"; multicast, reserved, broadcast */
        return false;
    if (at[0] == 169 && at[1] == 254)
        return false;
    return memcmp(at, wire_server, sizeof(wire_server)) != 0;
}

static bool is_loopback(const uint8_t at[16])
{
    static const uint8_t loopback[16] = {[15] = 1};

    return memcmp(at, loopback, sizeof(loopback)) == 0;
}

static bool v6_is_allowed(const uint8_t at[16])
{
    static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t ec2[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};

    if (is_loopback(at))
        return true; /* would look like 0.0.0.1 below */
    if (memcmp(at, zeros, 12) == 0 || memcmp(at, mapped, 12) == 0 || memcmp(at, nat64, 12) == 0)
        return v4_is_allowed(at + 12);
    if (at[0] == 0x20 && at[1] == 0x02) /* 6to4 */
        return v4_is_allowed(at + 2);
    if (at[0] == 0xff || (at[0] == 0xfe && (at[1] & 0xc0) == 0x80))
        return false;
    return memcmp(at, ec2, sizeof(ec2)) != 0;
}

bool rkd_fetch_addr_is_allowed(const struct sockaddr *addr, size_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (addr->sa_family == AF_INET && len >= sizeof(v4)) {
        uint8_t bytes[4];

        memcpy(&v4, addr, sizeof(v4)); /* copied: `addr` need not be aligned for it */
        memcpy(bytes, &v4.sin_addr, sizeof(bytes));
        return v4_is_allowed(bytes);
    }
    if (addr->sa_family == AF_INET6 && len >= sizeof(v6)) {
        memcpy(&v6, addr, sizeof(v6));
        return v6_is_allowed(v6.sin6_addr.s6_addr);
    }
    return false;
}

bool rkd_fetch_url_is_numeric(struct rk_str url)
{
    size_t at = 0;

    while (at + 3 <= url.len && memcmp(url.ptr + at, "://", 3) != 0)
        at++;
    at += 3;
    if (at >= url.len)
        return false;
    if (url.ptr[at] == '[')
        return true;
    for (; at < url.len && strchr(":/?#", url.ptr[at]) == NULL; at++)
        if (strchr("0123456789.", url.ptr[at]) == NULL)
            return false;
    return true;
}
