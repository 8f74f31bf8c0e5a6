/*
 * stages.c - the whole way of a request: one table, no contract has another.
 *
 * The first part needs the head only and runs before a byte of the body is asked for; the second
 * runs when the body is here. A stage that refuses has filled call->problem; one that waits is
 * called again when what it waited for has come. The answer is written in one place afterwards. May
 * touch: the call, through the rooms below.
 */
#include "serve/service.h"

typedef enum rkd_flow stage_fn(struct rkd_call *call);

struct stage {
    const char *name;
    stage_fn *run;
};

/* D17: the contract's rule for characters does not hold for the caller's own identity. */
static void check_unusual(struct rkd_call *call)
{
    const struct rkd_policy_in in = {
        .terms = &call->contract->terms,
        .caller = &call->caller,
        .ask = &call->ask,
        .now_s = call->now_ms / 1000,
        .arena = rkd_call_arena(call),
    };

    if (rkd_policy_names_own_identity(call->snapshot->policy, &in)) {
        call->problem.field_error_count = 0;
        return;
    }
    (void)rkd_refuse(call, RKD_E_INVALID_REQUEST, "validation");
    call->problem.field = rki_cstr(call->problem.field_errors[0].field);
}

static enum rkd_flow stage_read(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    struct rkd_read_in in = {.body = request->body, .arena = rkd_call_arena(call)};

    if (rkd_accept_body(call) != RKD_NEXT)
        return RKD_ANSWER;
    if (request->method != RKD_POST)
        in.query = request->query;
    in.has_rules = call->snapshot->policy != NULL;
    call->ask.contract = call->contract;
    call->ask.profile = request->known[RKD_H_ROOMKEY_PROFILE];
    call->problem.err = call->contract->read(&in, &call->ask, &call->problem);
    call->contract = call->ask.contract;
    if (call->problem.err == RKD_OK && call->ask.identity_is_unusual)
        check_unusual(call);
    return call->problem.err == RKD_OK ? RKD_NEXT : RKD_ANSWER;
}

/* RKD_RANDOM_CHARS for names, then RKD_DEVICE_CHARS for a device. */
static bool take_random(struct rkd_call *call, struct rk_str *out_random, struct rk_str *out_device)
{
    char *text = rki_arena_take(rkd_call_arena(call), 2 * (size_t)RKD_RANDOM_NAME);
    struct rkd_random *random = &call->worker->random;

    if (text == NULL || rkd_random_name(random, text) != RK_OK ||
        rkd_random_name(random, text + RKD_RANDOM_NAME) != RK_OK)
        return false;
    *out_random = rki_str(text, RKD_RANDOM_NAME);
    *out_device = rki_str(text + RKD_RANDOM_NAME, RKD_DEVICE_CHARS); /* base32: [a-z2-7] */
    return true;
}

/* Zeroed: an explanation starts empty. NULL when nobody asked, or there is no room for it. */
static struct rkd_trace *new_trace(struct rkd_call *call)
{
    struct rkd_trace *trace = NULL;

    if (call->is_explaining)
        trace = rki_arena_take(rkd_call_arena(call), sizeof(*trace));
    if (trace != NULL)
        trace->count = 0;
    return trace;
}

static enum rkd_flow stage_decide(struct rkd_call *call)
{
    struct rkd_policy_in in = {
        .terms = &call->contract->terms,
        .caller = &call->caller,
        .ask = &call->ask,
        .now_s = call->now_ms / 1000,
        .arena = rkd_call_arena(call),
    };

    call->was_decided = true;
    if ((call->snapshot->policy != NULL || call->ask.room.ptr == NULL ||
         call->ask.identity.ptr == NULL) &&
        !take_random(call, &in.random, &in.device_random))
        return rkd_refuse(call, RKD_E_INTERNAL, "random");
    in.trace = call->trace = new_trace(call);
    if (call->snapshot->policy != NULL)
        call->problem.err =
            rkd_policy_decide(call->snapshot->policy, &in, &call->decision, &call->problem);
    else if (call->caller.kind == RKD_CALLER_ENTRA)
        call->problem.err = rkd_policy_decide_entra(&in, &call->decision, &call->problem);
    else
        call->problem.err = rkd_policy_decide_open(in.terms, in.caller, in.ask, in.random, in.arena,
                                                   &call->decision, &call->problem);
    if (call->problem.err != RKD_OK || call->is_explaining) /* an explanation mints nothing */
        return RKD_ANSWER;
    return RKD_NEXT;
}

static const struct stage stages[] = {
    /* the head */
    {"admit", rkd_admit},
    {"identify", rkd_identify},
    {"limit", rkd_limit_caller},
    {"accept", rkd_accept_head},
    /* the body is here */
    {"read", stage_read},
    {"decide", stage_decide},
    {"limit_room", rkd_limit_room},
    {"ask", rkd_ask_hook},
    {"mint", rkd_mint},
};

enum { HEAD_STAGES = 4 };

_Static_assert(ARRAY_LEN(stages) == RKD_STAGES, "each stage is counted");

struct rk_str rkd_stage_name(size_t stage)
{
    return stage < ARRAY_LEN(stages) ? rki_cstr(stages[stage].name) : rki_str(NULL, 0);
}

/* With all that it waited for. */
static void time_stage(struct rkd_call *call)
{
    const uint64_t now_ns = rkd_clock_mono_ns();

    rkd_stats_stage(call->worker->stats, call->stage, now_ns - call->stage_ns);
    call->stage_ns = now_ns;
}

/* Asked after the first stage, which knows the path: a probe, a preflight and what nobody serves
 * are no sample of how tokens are made, and must not take a token's place in it. */
static bool is_timed(const struct rkd_call *call)
{
    unsigned n;

    if (call->route == NULL || call->route->contract == NULL ||
        call->request->method == RKD_OPTIONS)
        return false;
    n = call->worker->stats->asked++;
    return n < RKD_TIMED_FIRST || n % RKD_TIMED_OF == 0;
}

static uint64_t first_began_ns(const struct rkd_call *call)
{
    return call->stage_ns != 0 ? call->stage_ns : call->started_ns;
}

static enum rkd_flow run(struct rkd_call *call, size_t end)
{
    enum rkd_flow flow = RKD_NEXT;

    while (flow == RKD_NEXT && call->stage < end) {
        flow = stages[call->stage].run(call);
        if (call->stage == 0 && flow != RKD_WAIT)
            call->stage_ns = is_timed(call) ? first_began_ns(call) : 0;
        if (call->stage_ns != 0 && flow != RKD_WAIT)
            time_stage(call);
        if (flow == RKD_NEXT)
            call->stage++;
    }
    return flow;
}

enum rkd_flow rkd_stages_head(struct rkd_call *call)
{
    return run(call, HEAD_STAGES);
}

enum rkd_flow rkd_stages_body(struct rkd_call *call)
{
    return run(call, ARRAY_LEN(stages));
}
