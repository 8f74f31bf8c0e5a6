/*
 * addr.h - IP addresses as text: one address, an entry a proxy wrote, an address block; and back.
 *
 * Strict, because what is read here decides who is limited and who is trusted: IPv4 is four decimal
 * numbers without leading zeros, IPv6 is RFC 4291 s.2.2 text, neither has a zone, blanks or other
 * ends. ::ffff:a.b.c.d is the IPv4 address a.b.c.d. Threads: safe, there is no state.
 */
#ifndef RKD_CONFIG_ADDR_H
#define RKD_CONFIG_ADDR_H

#include "core/buf.h"
#include "model/addr.h"

enum { RKD_ADDR_TEXT_MAX = 45 }; /* the longest text of an IPv6 address */

/* One bare address: no brackets, no port. RK_E_INVAL and *out untouched otherwise. */
RK_NODISCARD enum rk_err rkd_addr_parse(struct rk_str text, struct rkd_addr *out);

/*
 * One entry of X-Forwarded-For, or the value of `for=` in Forwarded (RFC 7239 s.6), blanks around
 * it cut by the caller: "ip", "ip:port", "v6", "[v6]", "[v6]:port", each also in double quotes. The
 * port (1-5 digits) is checked and dropped. "unknown", "_obfuscated" and anything else: RK_E_INVAL.
 */
RK_NODISCARD enum rk_err rkd_addr_parse_forwarded(struct rk_str text, struct rkd_addr *out);

/*
 * "10.0.0.0/8", "2001:db8::/32", or a bare address, which is a block of one. Bits right of the
 * prefix must be zero: 10.0.0.1/8 is a typing error for one of two very different things.
 * Errors: RK_E_INVAL; *out untouched then.
 */
RK_NODISCARD enum rk_err rkd_cidr_parse(struct rk_str text, struct rkd_cidr *out);

/* Does the block hold the address? IPv6 blocks hold no IPv4 addresses (::/0 neither); an address or
 * a block that is not set holds and matches nothing. */
bool rkd_cidr_has(const struct rkd_cidr *block, const struct rkd_addr *addr);

bool rkd_addr_equal(const struct rkd_addr *a, const struct rkd_addr *b);

/* "192.0.2.1" or "2001:db8::1" (RFC 5952); "-" when it is not set. */
void rkd_addr_write(struct rki_buf *buf, const struct rkd_addr *addr);

#endif
