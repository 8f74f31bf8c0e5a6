/*
 * fetch_part.h - the parts of a fetch that need no socket: which addresses may be connected to, and
 * what the head of an answer says.
 */
#ifndef RKD_NET_FETCH_PART_H
#define RKD_NET_FETCH_PART_H

#include "core/str.h"

#include <sys/socket.h>

enum { RKD_FETCH_HEAD_MAX = 64 * 1024 }; /* of all answers to a request, interim ones included */

/*
 * May a fetch connect there? Never: 0.0.0.0/8, 169.254.0.0/16, fe80::/10, multicast, broadcast, and
 * the metadata services fd00:ec2::254 and 168.63.129.16; nor any of them inside an IPv6 address
 * (mapped, compatible, NAT64, 6to4); nor what is no Internet address. Private ones and loopback
 * are allowed, since an operator named the host (semantics D7).
 */
bool rkd_fetch_addr_is_allowed(const struct sockaddr *addr, size_t len);

/* Does the host of this URL stand there as a number, so that nobody need be asked for it? */
bool rkd_fetch_url_is_numeric(struct rk_str url);

/* What was read of an answer's head; made by rkd_fetch_head_init. */
struct rkd_fetch_head {
    size_t bytes;
    int64_t max_age_s, date_s;
    bool is_no_store, is_coded;
};

void rkd_fetch_head_init(struct rkd_fetch_head *head);
/* One line, with or without its line end. NULL, or the slug of why the answer is refused. */
const char *rkd_fetch_head_line(struct rkd_fetch_head *head, struct rk_str line);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 s.5.6.7, the form that is still written) in seconds of
 * the Unix epoch; -1: it is anything else. */
int64_t rkd_fetch_date(struct rk_str text);
/* -1: none, or not to be kept. */
int64_t rkd_fetch_head_max_age(const struct rkd_fetch_head *head);

#endif
