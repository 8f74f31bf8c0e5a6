/*
 * traceparent.h - W3C Trace Context: whose trace a request belongs to, and our span in it.
 *
 * Only ids are carried: into the log, the answer and the questions to hooks. The sampled flag of
 * a public caller decides nothing here, and `tracestate` is not looked at (the standard lets a
 * participant drop it). Source: W3C Trace Context level 2, hosting.md s.6.1.
 */
#ifndef RKD_SERVE_TRACEPARENT_H
#define RKD_SERVE_TRACEPARENT_H

#include "core/buf.h"
#include "serve/random.h"

enum {
    RKD_TRACE_ID_LEN = 32,
    RKD_SPAN_ID_LEN = 16,
    RKD_TRACEPARENT_LEN = 55,
};

/* All zero: no trace. */
struct rkd_span {
    bool is_set;
    uint8_t flags; /* sampled and random; no others are known */
    char trace_id[RKD_TRACE_ID_LEN];
    char id[RKD_SPAN_ID_LEN];
};

/* The header's value. False, *out untouched: it is not valid, and the request has no trace. */
RK_NODISCARD bool rkd_traceparent_read(struct rk_str text, struct rkd_span *out);
/* "00-{trace_id}-{id}-{flags}" */
void rkd_traceparent_write(struct rki_buf *out, const struct rkd_span *span);
/* A span of its own under `parent`: the same trace, a new id. Without random bytes: no trace. */
void rkd_span_begin(struct rkd_random *random, const struct rkd_span *parent, struct rkd_span *out);

#endif
