/*
 * ready.h - can this instance do its work: the one judgement behind both /readyz.
 */
#ifndef RKD_SERVE_READY_H
#define RKD_SERVE_READY_H

#include "core/buf.h"

/* What a kind of caller that is configured needs before it can be verified. */
enum {
    RKD_WANTS_KEY_SETS = 1,  /* one of a login provider's */
    RKD_WANTS_API_KEYS = 2,  /* one that has not expired */
    RKD_WANTS_EASY_AUTH = 4, /* a platform that says that it authenticates (WEBSITE_AUTH_ENABLED) */
};

/* Zero is not ready. */
struct rkd_ready {
    bool has_key;    /* something signs */
    bool can_verify; /* at least one configured kind of caller, or everybody is let in */
    bool has_url;    /* or no contract needs one; without it only the original works: a warning */
    bool loops_turn; /* none lags by more than a second */
    bool is_staying; /* it does not drain */
    unsigned wants;  /* RKD_WANTS_…: what is missing where nobody can be verified */
};

bool rkd_ready_is_ok(const struct rkd_ready *ready);
/* For anybody: {"status":"fail","missing":["credentials"],"failing":["loop_lag"]}, no more than
 * that. Returns 200 or 503. */
unsigned rkd_ready_write(struct rki_buf *out, const struct rkd_ready *ready);

#endif
