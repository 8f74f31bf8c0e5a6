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
#include "net/net.h"
#include "serve/build.h"
#include "serve/clock.h"
#include "serve/lag.h"
#include "serve/limiter.h"
#include "serve/log.h"
#include "serve/mail.h"
#include "serve/random.h"
#include "serve/route.h"
#include "serve/stats.h"
#include "serve/traceparent.h"

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
    RKD_BOXES_MAX = 65,        /* a worker's own arena and those of 64 calls that wait */
};

_Static_assert((int)RKD_BODY_BYTES + (int)RKD_HEAD_BYTES <= (int)RKD_ANSWER_BYTES,
               "net keeps room for the longest answer");

/* Where the Functions host sends what it has wrapped: the name of the function's folder. */
#define RKD_ENVELOPE_PATH "/generateToken"
/* A head as net takes it, the request line on top. */
#define RKD_HEAD_ROOM(limits) ((size_t)(limits)->headers_bytes + RKD_REQUEST_LINE_MAX)

struct rkd_desk;
struct rkd_job;
struct rkd_audit;

/* What the threads share. */
struct rkd_service {
    struct rkd_limiter *limiter;
    struct rkd_log *log;
    struct rkd_net *net;
    struct rkd_desk *desk;   /* the keeper's side of every wait */
    struct rkd_audit *audit; /* NULL: no audit log */
    atomic_uint snapshots;   /* alive */
    struct rkd_lag lag;      /* which loops still turn */
    atomic_bool is_draining;
};

/*
 * What a worker holds of a snapshot: a reference, a signer and key sets of its own. Made by the
 * keeper, handed to the worker, which keeps an old one for as long as calls are on it.
 */
struct rkd_lease {
    struct rkd_note note; /* how it comes to the worker */
    struct rkd_lease *next;
    struct rkd_snapshot *snapshot;
    struct rk_signer *signer; /* NULL without a key */
    size_t keyset_count;
    struct rkd_keyset **keysets; /* by index of rkd_auth_keyset_at; NULL: none in memory */
    uint64_t *keyset_ids;        /* of the keeper's store */
    uint32_t calls;
};

struct rkd_worker_ctx;

/* What a stage says. Zero refuses. */
enum rkd_flow {
    RKD_ANSWER = 0, /* call->problem says what is wrong, or nothing more is to be done */
    RKD_NEXT,
    RKD_WAIT, /* call->job will bring the call back to the same stage */
};

enum rkd_phase { RKD_PHASE_HEAD = 0, RKD_PHASE_BODY, RKD_PHASE_RECORD };

/* An arena that a waiting call takes with it. */
struct rkd_box {
    struct rki_arena arena;
    struct rkd_box *next;
};

/* A request on its way. Strings live in the call's arena, the request or the snapshot: until the
 * answer is sent. */
struct rkd_call {
    struct rkd_worker_ctx *worker;
    struct rkd_exchange *x;
    const struct rkd_request *request;
    const struct rkd_request *outer; /* what the request came wrapped in; NULL: nothing */
    struct rkd_lease *lease;
    const struct rkd_snapshot *snapshot; /* the lease's */
    const struct rkd_route *route;       /* NULL before routing */
    const struct rkd_contract *contract; /* whose shape the answer has */
    struct rk_str allow;                 /* 405 and OPTIONS */
    uint64_t started_ns;
    uint64_t stage_ns; /* when the stage at hand began; 0: this call's stages are not timed */
    int64_t now_ms;    /* wall clock */
    struct rkd_addr client;
    size_t stage; /* the next one, or the one that waits */
    enum rkd_phase phase;
    struct rkd_job *job; /* what it waits for, or has waited for in this stage */
    struct rkd_box *box; /* its own arena, once it has waited in its body; else the worker's */
    struct rkd_call *prev_waiting, *next_waiting;
    bool is_waiting;
    bool is_exempt; /* a trusted proxy's own address, or a Unix socket: no address to limit */
    bool is_answered;
    bool was_head_seen; /* the address limit was charged */
    bool is_wrapped;    /* an envelope; once it is open, `outer` is set */
    bool is_body_encoded;
    bool is_explaining; /* X-Roomkey-Explain from a caller who may */
    bool was_decided;   /* the audit log wants to know */
    unsigned status;
    size_t bytes_out;
    struct rkd_span span; /* ours, in the caller's trace */
    char request_id[RKD_ID_LEN];
    char jti[RKD_ID_LEN];
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_decision decision;
    struct rkd_pass pass;
    struct rkd_trace *trace; /* while explaining */
    struct rkd_call *next_free;
    struct rkd_problem problem; /* last: its list of field errors need not be zeroed */
};

struct rkd_worker_ctx {
    struct rkd_service *service;
    struct rkd_worker *net_worker;
    struct rkd_log_ring *ring;
    struct rkd_mailbox mail; /* from the keeper and the audit log's thread */
    struct rkd_lag_view lag;
    bool says_keeper_lags; /* the first worker's: the keeper says it of all others */
    struct rkd_stats *stats;
    struct rkd_lease *lease; /* the current one; older ones behind it */
    struct rkd_verifier *verifier;
    struct rk_claims *claims;
    struct rkd_random random;
    struct rkd_clock clock;
    struct rkd_log_line line;
    struct rkd_box
        *box; /* calls are answered one at a time: one arena serves all that never wait */
    struct rkd_box *free_boxes;
    unsigned box_count; /* made so far, at most RKD_BOXES_MAX */
    size_t box_bytes;
    struct rkd_call *waiting; /* every call that waits */
    struct rkd_note give_up;  /* once, near the end of a drain */
    bool has_given_up;        /* no call begins to wait any more */
    struct rkd_call *free_calls;
    struct rkd_call spare; /* answers 503 when there is no memory for a call */
    char *body;            /* RKD_BODY_BYTES */
};

/* lag_line.c: "loop_lags", "loops_turn". */
void rkd_lag_say(struct rkd_log *log, const struct rkd_lag_view *view, unsigned loop,
                 bool is_lagging);
/* On every beat. A keeper that hangs cannot say so, so the first worker does. */
void rkd_worker_say_lag(struct rkd_worker_ctx *worker);

/* stages.c: the part that needs the head only, then the rest. WAIT: come back with
 * rkd_call_resume. */
enum rkd_flow rkd_stages_head(struct rkd_call *call);
enum rkd_flow rkd_stages_body(struct rkd_call *call);
/* By index, "admit" first; absent: there is none. */
struct rk_str rkd_stage_name(size_t stage);

/* admit.c: what the head alone decides: route, lengths, address limits. */
enum rkd_flow rkd_admit(struct rkd_call *call);
/* From the peer's address and what trusted proxies say. */
void rkd_find_client(struct rkd_call *call);
/* A request that never got a whole head: finds the client and charges it (semantics H19). */
void rkd_admit_fault(struct rkd_call *call);
/* Pages and OPTIONS never look at a credential and are never charged (H19). */
bool rkd_call_is_free(const struct rkd_call *call);
bool rkd_call_presents_credential(const struct rkd_call *call);
/* Is a platform's principal proof of anything here? Not by a GET (design s.5): a page of anybody
 * can make a browser send one, and the platform adds its headers to that as well. */
bool rkd_call_takes_principal(const struct rkd_call *call);
/* To the address's failed logins. */
void rkd_charge_failure(struct rkd_call *call);

/* identify.c: who is calling (D1-D6), then what the head may ask for. */
enum rkd_flow rkd_identify(struct rkd_call *call);
enum rkd_flow rkd_accept_head(struct rkd_call *call);
/* H10, once a chunked body is known to hold something. */
enum rkd_flow rkd_accept_body(struct rkd_call *call);

/* rate.c: the caller's and the room's limits, shared ones too. */
enum rkd_flow rkd_limit_caller(struct rkd_call *call);
enum rkd_flow rkd_limit_room(struct rkd_call *call);

/* ask.c: the rule's hook, where it has one. */
enum rkd_flow rkd_ask_hook(struct rkd_call *call);

/* envelope.c: the Functions host without forwarding. */
bool rkd_envelope_is_for(const struct rkd_call *call);
enum rkd_head_verdict rkd_envelope_head(struct rkd_call *call);
/* Its body grew past what is read. */
void rkd_envelope_too_large(struct rkd_call *call);
/* The body is here: call->request becomes what was in it, or the call is refused. */
void rkd_envelope_open(struct rkd_call *call);

/* mint.c */
enum rkd_flow rkd_mint(struct rkd_call *call);

/* record.c: the audit log. WAIT only where it is required. */
enum rkd_flow rkd_record(struct rkd_call *call);

/* answer.c: writes the answer the call has come to into the exchange's buffer and hands it to net.
 */
void rkd_answer(struct rkd_call *call);
/* "OK": of the answers that are no refusals, and of the admin listener's. */
struct rk_str rkd_status_phrase(unsigned status);

/* access.c: the one line of a request. */
void rkd_access_log(struct rkd_call *call);

/* handler.c: what net calls. */
extern const struct rkd_handler rkd_serve_handler;
/* Carries on where the call waited. */
void rkd_call_resume(struct rkd_call *call);
/* No more waiting: the drain's end is near. On the worker's thread. */
void rkd_worker_give_up_waiting(struct rkd_worker_ctx *worker);

/* worker.c: `lease` is taken, on failure too. */
RK_NODISCARD enum rk_err rkd_worker_ctx_init(struct rkd_worker_ctx *worker,
                                             struct rkd_service *service, unsigned index,
                                             struct rkd_lease *lease);
void rkd_worker_ctx_clear(struct rkd_worker_ctx *worker);
/* NULL: no memory, or RKD_BOXES_MAX are there. */
struct rkd_box *rkd_box_new(struct rkd_worker_ctx *worker);
/* The call's own arena is free again. */
void rkd_box_give(struct rkd_call *call);

/* lease.c */
RK_NODISCARD enum rk_err rkd_lease_new(struct rkd_snapshot *snapshot, struct rkd_lease **out);
void rkd_lease_free(struct rkd_lease *lease);
/* The worker's current one from now on. */
void rkd_lease_install(struct rkd_worker_ctx *worker, struct rkd_lease *lease);
/* Is there somebody who can be verified (or let in without)? */
bool rkd_lease_can_verify(const struct rkd_lease *lease, int64_t now_s);
/* May the call be decided by what it began with? Yes while its lease is the current one, and after
 * a reload that changed neither callers nor rules (design s.2). */
bool rkd_call_rules_hold(const struct rkd_call *call);
/* A call is over: frees the lease when it was the last on an old one. */
void rkd_lease_leave(struct rkd_worker_ctx *worker, struct rkd_lease *lease);
/* The keeper has another set for this entry (NULL: none any more). Takes a reference a lease. */
void rkd_lease_put_keyset(struct rkd_worker_ctx *worker, uint64_t id, struct rkd_keyset *keyset);

/* The arena of the call: its own, or the worker's. */
static inline struct rki_arena *rkd_call_arena(const struct rkd_call *call)
{
    return call->box != NULL ? &call->box->arena : &call->worker->box->arena;
}

/* Refuses the call, so that stages can return it. */
static inline enum rkd_flow rkd_refuse(struct rkd_call *call, enum rkd_err err, const char *reason)
{
    call->problem.err = err;
    call->problem.reason = reason;
    return RKD_ANSWER;
}

#endif
