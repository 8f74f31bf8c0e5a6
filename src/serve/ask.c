/*
 * ask.c - the rule's hook: somebody else's second opinion, which may only narrow.
 *
 * The request is written and signed here, carried by the keeper, and the answer intersected with
 * the decision by policy. Anything but a clear yes or no is 503, nothing is minted. May touch: the
 * call.
 */
#include "serve/job.h"

#include "config/addr.h"

enum { BODY_MAX = 16 * 1024, SIGNATURE_MAX = 128, ADDRESS_MAX = 64 };

static struct rk_str write_address(struct rkd_call *call)
{
    char *text = rki_arena_take(rkd_call_arena(call), ADDRESS_MAX);
    struct rki_buf buf = rki_buf_over(text, text == NULL ? 0 : ADDRESS_MAX);

    rkd_addr_write(&buf, &call->client);
    return rki_buf_str(&buf);
}

/* The question is a span of its own, under ours. Absent: there is no trace. */
static struct rk_str write_trace(struct rkd_call *call, char out[RKD_TRACEPARENT_LEN])
{
    struct rki_buf buf = rki_buf_over(out, RKD_TRACEPARENT_LEN);
    struct rkd_span child;

    rkd_span_begin(&call->worker->random, &call->span, &child);
    if (child.is_set)
        rkd_traceparent_write(&buf, &child);
    return rki_buf_str(&buf);
}

static enum rkd_flow send_question(struct rkd_call *call, const struct rkd_hook *hook)
{
    const struct rkd_hook_view view = {
        .request_id = rki_str(call->request_id, RKD_ID_LEN),
        .client_ip = write_address(call),
        .now_s = call->now_ms / 1000,
    };
    char *text = rki_arena_take(rkd_call_arena(call), BODY_MAX);
    char signature[SIGNATURE_MAX], traceparent[RKD_TRACEPARENT_LEN];
    const struct rk_str trace = write_trace(call, traceparent);
    struct rki_buf body = rki_buf_over(text, text == NULL ? 0 : BODY_MAX);
    struct rki_buf sign = rki_buf_over(signature, sizeof(signature));
    struct rkd_job *job;
    size_t used = 0;

    rkd_hook_write_body(&call->decision, &call->caller, &view, &body);
    if (body.overflow ||
        rkd_hook_sign(hook, view.request_id, view.now_s, rki_buf_str(&body), &sign) != RK_OK ||
        sign.overflow)
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "hook-question");
    job = rkd_job_new(call, RKD_JOB_HOOK,
                      hook->url.len + view.request_id.len + sign.len + body.len + trace.len +
                          call->decision.rule.len);
    if (job == NULL)
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "memory");
    job->url = rkd_job_text(job, &used, hook->url);
    job->id = rkd_job_text(job, &used, view.request_id);
    job->rule = rkd_job_text(job, &used, call->decision.rule);
    job->signature = rkd_job_text(job, &used, rki_buf_str(&sign));
    job->text = rkd_job_text(job, &used, rki_buf_str(&body));
    if (trace.len != 0)
        job->traceparent = rkd_job_text(job, &used, trace);
    job->timeout_ms = hook->timeout_ms;
    job->now_s = view.now_s;
    return rkd_job_send(job);
}

enum rkd_flow rkd_ask_hook(struct rkd_call *call)
{
    struct rkd_job *job = rkd_job_take(call);
    int64_t cache_s = 0;

    if (job == NULL)
        return call->decision.hook == NULL ? RKD_NEXT : send_question(call, call->decision.hook);
    if (!rkd_call_rules_hold(call))
        (void)rkd_refuse(call, RKD_E_UNAVAILABLE, "reloaded");
    else
        call->problem.err =
            rkd_hook_apply(job->status, rki_str(job->answer, job->answer_len), rkd_call_arena(call),
                           &call->decision, &cache_s, &call->problem);
    rkd_job_free(job);
    return call->problem.err == RKD_OK ? RKD_NEXT : RKD_ANSWER;
}
