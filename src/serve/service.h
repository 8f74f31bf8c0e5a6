/*
 * service.h - what the files of this room share: the service, its workers, a call on its way
 * through the stages.
 *
 * One thread, one rkd_worker_ctx; a call never leaves its worker. What workers share is either
 * immutable (the snapshot), lock-free (the limiter) or has its own rules (the log).
 */
#ifndef RKD_SERVICE_H
#define RKD_SERVICE_H

#include "api/api.h"
#include "model/settings.h"
#include "net/net.h"
#include "serve/clock.h"
#include "serve/limiter.h"
#include "serve/log.h"
#include "serve/random.h"
#include "serve/route.h"

#include <roomkey/token.h>

enum {
    RKD_ID_LEN = 22, /* 16 random bytes in base64url: request ids and jti */
    RKD_ARENA_LEAST =
        192 * 1024, /* room for what does not grow with the body: token, names, decision */
    RKD_ARENA_PER_BODY =
        4, /* a body is read, normalised (roomConfig) and borrowed from; four times holds it */
    RKD_BODY_BYTES =
        24 * 1024,             /* an answer holds its token of 8 KiB, the names and the URL twice */
    RKD_HEAD_BYTES = 4 * 1024, /* no head is longer: the headers a preflight echoes are 1 KiB */
};

_Static_assert((int)RKD_BODY_BYTES + (int)RKD_HEAD_BYTES <= (int)RKD_ANSWER_BYTES,
               "net keeps room for the longest answer");

/* Immutable once built; made from the settings. */
struct rkd_snapshot {
    const struct rkd_settings *settings;
    struct rkd_routes routes;
};

struct rkd_service {
    struct rkd_snapshot snapshot;
    struct rkd_limiter *limiter;
    struct rkd_log *log;
    struct rkd_net *net;
};

struct rkd_worker_ctx;

/* A request on its way. Strings live in the worker's arena, the request or the snapshot: until the
 * answer is sent. */
struct rkd_call {
    struct rkd_worker_ctx *worker;
    struct rkd_exchange *x;
    const struct rkd_request *request;
    const struct rkd_snapshot *snapshot;
    const struct rkd_route *route;       /* NULL before routing */
    const struct rkd_contract *contract; /* whose shape the answer has */
    struct rk_str allow;                 /* 405 and OPTIONS */
    uint64_t started_ns;
    int64_t now_ms; /* wall clock */
    struct rkd_addr client;
    bool is_exempt; /* a trusted proxy's own address, or a Unix socket: no address to limit */
    bool is_preflight;
    bool is_answered;
    bool was_head_seen; /* the address limit was charged */
    unsigned status;
    size_t bytes_out;
    char request_id[RKD_ID_LEN];
    char jti[RKD_ID_LEN];
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_decision decision;
    struct rkd_pass pass;
    struct rkd_call *next_free;
    struct rkd_problem problem; /* last: its list of field errors need not be zeroed */
};

struct rkd_worker_ctx {
    struct rkd_service *service;
    struct rkd_worker *net_worker;
    struct rkd_log_ring *ring;
    struct rk_signer *signer; /* NULL without a key */
    struct rk_claims *claims;
    struct rkd_random random;
    struct rkd_clock clock;
    struct rkd_log_line line;
    struct rki_arena arena; /* calls are answered one at a time: one arena serves them all */
    struct rkd_call *free_calls;
    struct rkd_call spare; /* answers 503 when there is no memory for a call */
    char *body;            /* RKD_BODY_BYTES */
};

/* stages.c: the part that needs the head only, then the rest. Both fill problem or go on. */
void rkd_stages_head(struct rkd_call *call);
void rkd_stages_body(struct rkd_call *call);

/* admit.c: what the head alone decides. */
bool rkd_admit(struct rkd_call *call);
bool rkd_identify(struct rkd_call *call);
/* A request that never got a whole head: finds the client and charges it (semantics H19). */
void rkd_admit_fault(struct rkd_call *call);

/* H10, once a chunked body is known to hold something. */
bool rkd_admit_late_media(struct rkd_call *call);

/* mint.c */
bool rkd_mint(struct rkd_call *call);

/* answer.c: writes the answer the call has come to into the exchange's buffer and hands it to net.
 */
void rkd_answer(struct rkd_call *call);

/* access.c: the one line of a request. */
void rkd_access_log(struct rkd_call *call);

/* handler.c: what net calls. */
extern const struct rkd_handler rkd_serve_handler;

/* worker.c */
RK_NODISCARD enum rk_err rkd_worker_ctx_init(struct rkd_worker_ctx *worker,
                                             struct rkd_service *service, unsigned index);
void rkd_worker_ctx_clear(struct rkd_worker_ctx *worker);

/* Refuses the call: always false, so that stages can return it. */
static inline bool rkd_refuse(struct rkd_call *call, enum rkd_err err, const char *reason)
{
    call->problem.err = err;
    call->problem.reason = reason;
    return false;
}

#endif
