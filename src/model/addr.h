/*
 * addr.h - an IP address, an address block, a place to listen. Plain structs handed between rooms.
 */
#ifndef RKD_MODEL_ADDR_H
#define RKD_MODEL_ADDR_H

#include <roomkey/base.h>

/* IPv4 is kept as ::ffff:a.b.c.d, so that one comparison serves both. All zero: no address (a Unix
 * socket's peer). */
struct rkd_addr {
    uint8_t bytes[16];
    bool is_v4;
    bool is_set;
};

struct rkd_cidr {
    struct rkd_addr base;
    uint8_t prefix; /* bits of the 16-byte form: 0-128; a /8 of IPv4 is 104 here */
};

enum {
    RKD_LISTEN_MAX = 16,
    RKD_UNIX_PATH_MAX = 107,
    RKD_INHERITED_FIRST = 3, /* sd_listen_fds(3) */
};

enum rkd_listen_kind { RKD_LISTEN_TCP = 0, RKD_LISTEN_UNIX, RKD_LISTEN_INHERITED };

struct rkd_listen {
    enum rkd_listen_kind kind;
    struct rkd_addr addr;             /* TCP */
    uint16_t port;                    /* TCP; 0 lets the kernel choose, the log says which */
    char path[RKD_UNIX_PATH_MAX + 1]; /* Unix: NUL-terminated */
    int fd;                           /* inherited (LISTEN_FDS) */
};

#endif
