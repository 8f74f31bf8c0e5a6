/*
 * stages.c - the whole way of a request: one table, no contract has another.
 *
 * The first part needs the head only and runs before a byte of the body is asked for; the second
 * runs when the body is here. A stage that refuses has filled call->problem; the answer is written
 * in one place afterwards. May touch: the call, through the rooms below. Nothing here waits.
 */
#include "serve/service.h"

#include "policy/policy.h"

typedef bool stage_fn(struct rkd_call *call);

struct stage {
    const char *name;
    stage_fn *run;
};

static bool stage_read(struct rkd_call *call)
{
    struct rkd_read_in in = {.body = call->request->body, .arena = &call->worker->arena};

    if (!rkd_admit_late_media(call))
        return false;
    if (call->request->method != RKD_POST)
        in.query = call->request->query;
    call->ask.contract = call->contract;
    call->ask.profile = call->request->known[RKD_H_ROOMKEY_PROFILE];
    call->problem.err = call->contract->read(&in, &call->ask, &call->problem);
    call->contract = call->ask.contract;
    return call->problem.err == RKD_OK;
}

static bool stage_decide(struct rkd_call *call)
{
    char name[RKD_RANDOM_NAME];
    struct rk_str random = {0};

    if (call->ask.room.ptr == NULL || call->ask.identity.ptr == NULL) {
        if (rkd_random_name(&call->worker->random, name) != RK_OK)
            return rkd_refuse(call, RKD_E_INTERNAL, "random");
        random = rki_str(name, sizeof(name));
    }
    call->problem.err =
        rkd_policy_decide_open(&call->contract->terms, &call->caller, &call->ask, random,
                               &call->worker->arena, &call->decision, &call->problem);
    return call->problem.err == RKD_OK;
}

static const struct stage head_stages[] = {
    {"admit", rkd_admit},
    {"identify", rkd_identify},
};

static const struct stage body_stages[] = {
    {"read", stage_read},
    {"decide", stage_decide},
    {"mint", rkd_mint},
};

static void run(struct rkd_call *call, const struct stage *stages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!stages[i].run(call))
            return;
}

void rkd_stages_head(struct rkd_call *call)
{
    run(call, head_stages, ARRAY_LEN(head_stages));
}

void rkd_stages_body(struct rkd_call *call)
{
    run(call, body_stages, ARRAY_LEN(body_stages));
}
