/*
 * url.h - addresses of providers: as much of RFC 3986 as tells a good one from a trick.
 */
#ifndef RKD_AUTH_URL_H
#define RKD_AUTH_URL_H

#include "core/str.h"

enum { RKD_URL_MAX = 2048 };

struct rkd_url {
    bool is_https;
    struct rk_str host; /* of an IPv6 address: with its brackets */
    uint16_t port;      /* the scheme's where none is written */
    struct rk_str rest; /* path and query */
    bool has_query;
};

/*
 * `https://host[:port][/path][?query]` or http; small letters in the scheme, no user, no fragment,
 * no byte that is not printable, no backslash. Nothing is decoded or brought to another form.
 */
bool rkd_url_read(struct rk_str text, struct rkd_url *out);

/* The same scheme, host (ASCII case folded) and port. */
bool rkd_url_is_same_origin(const struct rkd_url *a, const struct rkd_url *b);

/* 127.0.0.0/8, [::1], localhost, as they are written. */
bool rkd_url_is_loopback(const struct rkd_url *url);

#endif
