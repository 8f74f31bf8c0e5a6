/*
 * api.h - the contracts: how each reads a body and writes an answer or a refusal. No sockets, no
 * clock, no policy.
 *
 * One file per contract; the error table stands in errors.c. Everything written goes into a bounded
 * buffer, everything read goes into the call's arena. Threads: safe, there is no state.
 */
#ifndef RKD_API_H
#define RKD_API_H

#include "core/arena.h"
#include "core/buf.h"
#include "model/ask.h"
#include "model/error.h"

/* What a reader looks at. */
struct rkd_read_in {
    struct rk_str body;  /* whole */
    struct rk_str query; /* GET contracts: raw, percent-encoded */
    struct rki_arena *arena;
    bool has_rules; /* original: participantIdentity may be left out, and its characters are for
                       rkd_ask.identity_is_unusual to tell (D17); standard: a 0 or false
                       in room_config counts as sent (D31) */
};

/* What a refusal's body may tell. */
struct rkd_error_view {
    const struct rkd_problem *problem;
    struct rk_str request_id;
    struct rk_str path;
    int64_t now_ms; /* wall clock */
};

struct rkd_contract {
    struct rk_str name;     /* for the log */
    bool wants_json;        /* Content-Type is looked at (H10) */
    bool may_be_201;        /* success_status applies */
    bool needs_url;         /* the answer holds server_url: missing_server_url without one */
    struct rkd_terms terms; /* for policy */
    /* Fills ask (zeroed, .contract set to this one) or problem; RKD_OK or problem->err. May change
     * ask->contract. */
    enum rkd_err (*read)(const struct rkd_read_in *in, struct rkd_ask *ask,
                         struct rkd_problem *problem);
    void (*write_pass)(struct rki_buf *body, const struct rkd_pass *pass);
    struct rk_str pass_type; /* Content-Type of a success */
    size_t pass_max;         /* bytes of a success; more is 400 too_large; 0: no limit of its own */
    void (*write_error)(struct rki_buf *body, const struct rkd_error_view *view);
    struct rk_str error_type;
    /* Status of a refusal under this contract (missing_credentials is 500 on the original). */
    unsigned (*status)(enum rkd_err err);
};

extern const struct rkd_contract rkd_original, rkd_standard, rkd_sandbox_v1, rkd_meet,
    rkd_create_token;
extern const struct rkd_contract
    rkd_token_route; /* POST /api/token: original until its body says standard */
/* Refusals before routing, 404 and routes without a contract: problem details. read and write_pass
 * are NULL. */
extern const struct rkd_contract rkd_plain;

struct rkd_error_row {
    unsigned status;
    struct rk_str code;   /* "room_required" */
    struct rk_str title;  /* the status phrase: "Bad Request" */
    struct rk_str detail; /* public text, constant */
};
/* Never NULL; RKD_OK and unknown values give the row of RKD_E_INTERNAL. */
const struct rkd_error_row *rkd_error_row(enum rkd_err err);

#endif
