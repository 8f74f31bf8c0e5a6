/*
 * handler.c - what net calls: opens a call when a head is here, runs its stages, answers, logs,
 * closes it.
 *
 * May touch: the worker and its calls. Runs on the worker's thread only.
 */
#include "serve/job.h"

#include "core/b64.h"
#include "serve/client.h"

#include <stdlib.h>

/* ---- calls: kept for reuse, bounded by the connections ---- */

static struct rkd_call *take_call(struct rkd_worker_ctx *worker)
{
    struct rkd_call *call = worker->free_calls;

    if (call != NULL)
        worker->free_calls = call->next_free;
    else
        call = malloc(sizeof(*call));
    return call;
}

static void give_call(struct rkd_worker_ctx *worker, struct rkd_call *call)
{
    rkd_job_leave(call);
    rkd_box_give(call);
    rkd_caller_clear(&call->caller);
    rkd_lease_leave(worker, call->lease);
    if (call == &worker->spare)
        return;
    call->next_free = worker->free_calls;
    worker->free_calls = call;
}

/* More than one line is none (W3C Trace Context s.3.2.1). */
static void begin_span(struct rkd_call *call)
{
    struct rkd_span parent;

    if (call->request->known_count[RKD_H_TRACEPARENT] == 1 &&
        rkd_traceparent_read(call->request->known[RKD_H_TRACEPARENT], &parent))
        rkd_span_begin(&call->worker->random, &parent, &call->span);
}

static void start_call(struct rkd_worker_ctx *worker, struct rkd_call *call, struct rkd_exchange *x)
{
    unsigned char bytes[16];

    memset(call, 0,
           offsetof(struct rkd_call, problem) + offsetof(struct rkd_problem, field_errors));
    call->worker = worker;
    call->x = x;
    call->request = rkd_exchange_request(x);
    call->lease = worker->lease;
    call->lease->calls++;
    call->snapshot = call->lease->snapshot;
    call->contract = &rkd_plain;
    call->started_ns = rkd_clock_mono_ns();
    call->now_ms = rkd_clock_wall_ms();
    if (rkd_random_take(&worker->random, bytes, sizeof(bytes)) != RK_OK) {
        memset(bytes, 0,
               sizeof(bytes)); /* the id names the request in the log, it guards nothing */
        call->problem.err = RKD_E_INTERNAL;
    }
    (void)rki_b64url_encode_raw(call->request_id, (const char *)bytes, sizeof(bytes));
    if (call->request->known_count[RKD_H_TRACEPARENT] != 0)
        begin_span(call);
    *rkd_exchange_slot(x) = call;
}

static struct rkd_call *open_call(struct rkd_worker_ctx *worker, struct rkd_exchange *x)
{
    struct rkd_call *call = take_call(worker);

    if (call != NULL)
        start_call(worker, call, x);
    return call;
}

/* No memory for a call: this request fails, the service goes on. The spare is used up within this
 * function. */
static void answer_without_call(struct rkd_worker_ctx *worker, struct rkd_exchange *x)
{
    struct rkd_call *call = &worker->spare;

    start_call(worker, call, x);
    *rkd_exchange_slot(x) = NULL;
    (void)rkd_refuse(call, RKD_E_UNAVAILABLE, "memory");
    rkd_answer(call);
    rkd_access_log(call);
    give_call(worker, call);
}

/* ---- the way through the stages, in one go or with waits ---- */

/* Every stage has said its word: the record, the answer, the line in the log. */
static void finish(struct rkd_call *call)
{
    call->phase = RKD_PHASE_RECORD;
    if (rkd_record(call) == RKD_WAIT)
        return;
    rkd_answer(call);
    rkd_access_log(call);
    /* Nothing looks at claims and arena any more. A client that does not take its answer must not
     * keep them: arenas are few, and claims may be large. */
    rkd_caller_clear(&call->caller);
    if (call->box != NULL)
        rkd_box_give(call);
    else
        rki_arena_reset(&call->worker->box->arena);
}

/* The head's stages have run already, but for a request that came in an envelope, or begins
 * again. */
static void run_body(struct rkd_call *call)
{
    call->phase = RKD_PHASE_BODY;
    if (call->problem.err == RKD_OK && rkd_stages_head(call) == RKD_WAIT)
        return;
    if (call->problem.err == RKD_OK && call->request->method != RKD_OPTIONS &&
        call->route->contract != NULL && rkd_stages_body(call) == RKD_WAIT)
        return;
    finish(call);
}

static enum rkd_head_verdict run_head(struct rkd_call *call)
{
    if (call->problem.err == RKD_OK && rkd_stages_head(call) == RKD_WAIT)
        return RKD_HEAD_WAIT;
    call->was_head_seen = true;
    return call->problem.err == RKD_OK && call->request->method == RKD_POST ? RKD_HEAD_READ
                                                                            : RKD_HEAD_DROP;
}

void rkd_call_resume(struct rkd_call *call)
{
    enum rkd_head_verdict verdict;

    switch (call->phase) {
    case RKD_PHASE_HEAD:
        verdict = run_head(call);
        if (verdict != RKD_HEAD_WAIT)
            rkd_exchange_go_on(call->x, verdict);
        return;
    case RKD_PHASE_BODY:
        run_body(call);
        return;
    case RKD_PHASE_RECORD:
        finish(call);
        return;
    }
}

void rkd_worker_give_up_waiting(struct rkd_worker_ctx *worker)
{
    worker->has_given_up = true;
    while (worker->waiting != NULL) {
        struct rkd_call *call = worker->waiting;

        rkd_job_leave(call);
        (void)rkd_refuse(call, RKD_E_DRAINING, "drain");
        call->pass = (struct rkd_pass){.expires_at_s = 0};
        if (call->phase == RKD_PHASE_HEAD) {
            rkd_exchange_go_on(call->x, run_head(call));
        } else {
            call->was_decided = false; /* there is no time left to record it */
            finish(call);
        }
    }
}

/* ---- what net calls ---- */

static enum rkd_head_verdict on_head(void *ctx, struct rkd_exchange *x)
{
    struct rkd_call *call = open_call(ctx, x);

    if (call == NULL)
        return RKD_HEAD_DROP;
    if (call->problem.err == RKD_OK && rkd_envelope_is_for(call))
        return rkd_envelope_head(call);
    return run_head(call);
}

/* The body took its time, and callers or rules were changed meanwhile. Nobody has waited for
 * anything but the client, so the call begins anew with what holds now: it is neither decided by
 * what was withdrawn nor refused (design s.2). */
static void begin_again(struct rkd_call *call)
{
    struct rkd_worker_ctx *worker = call->worker;

    rkd_caller_clear(&call->caller);
    rkd_lease_leave(worker, call->lease);
    call->lease = worker->lease;
    call->lease->calls++;
    call->snapshot = call->lease->snapshot;
    call->contract = &rkd_plain;
    call->route = NULL;
    call->allow = rki_str(NULL, 0);
    call->stage = 0;
    call->is_explaining = false;
}

static void on_request(void *ctx, struct rkd_exchange *x)
{
    struct rkd_call *call = *rkd_exchange_slot(x);

    if (call == NULL) {
        answer_without_call(ctx, x);
        return;
    }
    if (call->outer == NULL)
        call->request = rkd_exchange_request(x);
    if (call->stage_ns != 0 || call->is_wrapped) /* the body's way here belongs to no stage */
        call->stage_ns = rkd_clock_mono_ns();
    if (call->problem.err == RKD_OK && !rkd_call_rules_hold(call))
        begin_again(call);
    if (call->problem.err == RKD_OK && call->is_wrapped)
        rkd_envelope_open(call);
    run_body(call);
}

static void on_fault(void *ctx, struct rkd_exchange *x, enum rkd_fault fault)
{
    static const enum rkd_err errors[] = {
        [RKD_FAULT_BAD_REQUEST] = RKD_E_INVALID_REQUEST,
        [RKD_FAULT_TIMEOUT] = RKD_E_TIMEOUT,
        [RKD_FAULT_BODY_TOO_LARGE] = RKD_E_BODY_TOO_LARGE,
        [RKD_FAULT_URI_TOO_LONG] = RKD_E_URI_TOO_LONG,
        [RKD_FAULT_HEADERS_TOO_LARGE] = RKD_E_HEADERS_TOO_LARGE,
        [RKD_FAULT_VERSION] = RKD_E_HTTP_VERSION,
    };
    struct rkd_worker_ctx *worker = ctx;
    struct rkd_call *call = *rkd_exchange_slot(x);

    if (call == NULL)
        call = open_call(worker, x);
    if (call == NULL) {
        answer_without_call(worker, x);
        return;
    }
    call->request = rkd_exchange_request(x);
    if (!call->was_head_seen)
        rkd_admit_fault(call);
    call->problem.layer = NULL;
    if (call->is_wrapped && fault == RKD_FAULT_BODY_TOO_LARGE)
        rkd_envelope_too_large(call);
    else
        (void)rkd_refuse(call, errors[fault], "http");
    finish(call);
}

static void on_done(void *ctx, struct rkd_exchange *x, bool sent)
{
    struct rkd_call *call = *rkd_exchange_slot(x);

    (void)sent;
    if (call == NULL)
        return;
    if (!call->is_answered) /* the client went away before its request was whole */
        rkd_access_log(call);
    *rkd_exchange_slot(x) = NULL;
    give_call(ctx, call);
}

static bool is_trusted(void *ctx, const struct rkd_addr *peer)
{
    const struct rkd_worker_ctx *worker = ctx;

    return rkd_client_is_trusted(&worker->lease->snapshot->settings, peer);
}

static void on_turn(void *ctx)
{
    const struct rkd_worker_ctx *worker = ctx;

    rkd_log_turn(worker->ring);
}

static void on_wake(void *ctx)
{
    struct rkd_worker_ctx *worker = ctx;

    rkd_mail_run(&worker->mail, worker);
}

static void on_beat(void *ctx)
{
    struct rkd_worker_ctx *worker = ctx;

    rkd_lag_beat(&worker->lag, rkd_clock_mono_ns());
    rkd_worker_say_lag(worker);
}

const struct rkd_handler rkd_serve_handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_fault = on_fault,
    .on_done = on_done,
    .on_turn = on_turn,
    .on_wake = on_wake,
    .on_beat = on_beat,
    .is_trusted = is_trusted,
};
