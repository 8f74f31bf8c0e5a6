/*
 * scan.h - what the two halves of the head's scan share: the walk (head.c) and what a header line
 * means (header.c).
 */
#ifndef RKD_NET_SCAN_H
#define RKD_NET_SCAN_H

#include "net/head.h"

/* One look at the bytes: what the resumable state does not keep. */
struct rkd_scan_at {
    struct rkd_head_state *st;
    const char *data;
    struct rkd_request *req;
    enum rkd_fault fault;
};

static inline bool rkd_scan_refuse(struct rkd_scan_at *s, enum rkd_fault fault)
{
    s->fault = fault;
    return false;
}

static inline bool rkd_scan_bad(struct rkd_scan_at *s)
{
    return rkd_scan_refuse(s, RKD_FAULT_BAD_REQUEST);
}

static inline struct rk_str rkd_scan_between(const struct rkd_scan_at *s, uint32_t from,
                                             uint32_t to)
{
    return rki_str(s->data + from, to - from);
}

/* The line whose places stand in the state; false: refused. */
bool rkd_scan_line(struct rkd_scan_at *s);
/* After the empty line: what only the whole head shows. */
bool rkd_scan_end(struct rkd_scan_at *s);

#endif
