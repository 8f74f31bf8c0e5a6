/*
 * ready.h - can this instance do its work: the one judgement behind both /readyz.
 */
#ifndef RKD_SERVE_READY_H
#define RKD_SERVE_READY_H

#include "core/buf.h"

/* Zero is not ready. */
struct rkd_ready {
    bool has_key;    /* something signs */
    bool can_verify; /* at least one configured kind of caller, or everybody is let in */
    bool has_url;    /* or no contract needs one; without it only the original works: a warning */
    bool loops_turn; /* none lags by more than a second */
    bool is_staying; /* it does not drain */
};

bool rkd_ready_is_ok(const struct rkd_ready *ready);
/* For anybody: {"status":"fail","missing":["credentials"],"failing":["loop_lag"]}, no more than
 * that. Returns 200 or 503. */
unsigned rkd_ready_write(struct rki_buf *out, const struct rkd_ready *ready);

#endif
