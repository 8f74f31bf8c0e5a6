/*
 * rate.c - is this caller within its rate, is this room within its own?
 *
 * Verified callers are charged by name and subject right after verification, rooms right after the
 * decision, never by text nobody has proved (security.md s.6.2). With a shared limit the local
 * bucket is charged first and the shared one has the last word; when that one cannot be asked, the
 * local answer stands. Callers without a credential were charged by address in admit; where limits
 * are shared, their address is charged there too. May touch: the call, the limiter.
 */
#include "serve/job.h"
#include "serve/shared_limit.h"

enum { KEY_MAX = 1024 }; /* a caller's name and subject */

static enum rkd_flow refuse_rate(struct rkd_call *call, const char *layer, uint32_t retry_after_s)
{
    call->problem.layer = layer;
    call->problem.retry_after_s = retry_after_s;
    return rkd_refuse(call, RKD_E_RATE_LIMITED, NULL);
}

static enum rkd_flow ask_shared(struct rkd_call *call, enum rkd_layer layer,
                                const struct rkd_rate *rate, struct rk_str key)
{
    struct rkd_job *job = rkd_job_new(call, RKD_JOB_LIMIT, key.len);
    size_t used = 0;

    if (job == NULL || !rkd_call_keep_arena(call)) { /* no memory, too many wait */
        rkd_job_free(job);
        return RKD_NEXT; /* the local answer stands */
    }
    job->layer = layer;
    job->rate = *rate;
    job->text = rkd_job_text(job, &used, key);
    return rkd_job_send(job);
}

static enum rkd_flow take_answer(struct rkd_call *call, struct rkd_job *job, const char *layer)
{
    const struct rkd_verdict verdict = job->verdict;
    const bool is_known = job->is_ok;

    rkd_job_free(job);
    if (!rkd_call_rules_hold(call))
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "reloaded");
    return !is_known || verdict.allowed ? RKD_NEXT
                                        : refuse_rate(call, layer, verdict.retry_after_s);
}

/* The local bucket, then the shared one. */
static enum rkd_flow charge(struct rkd_call *call, enum rkd_layer layer, const char *name,
                            const struct rkd_rate *rate, struct rk_str key)
{
    struct rkd_limiter *limiter = call->worker->service->limiter;
    struct rkd_verdict verdict;

    if (rate->burst == 0)
        return RKD_NEXT;
    verdict = rkd_limiter_take(limiter, layer, rkd_limiter_text_key(limiter, key), rate,
                               call->started_ns);
    if (!verdict.allowed)
        return refuse_rate(call, name, verdict.retry_after_s);
    return call->snapshot->settings.redis.url.len == 0 ? RKD_NEXT
                                                       : ask_shared(call, layer, rate, key);
}

/* Caller's name, a zero byte, its subject: names hold none. */
static void put_caller(struct rki_buf *key, const struct rkd_call *call)
{
    rki_buf_put(key, call->caller.name);
    rki_buf_char(key, '\0');
    rki_buf_put(key, call->caller.subject);
}

enum rkd_flow rkd_limit_caller(struct rkd_call *call)
{
    const struct rkd_settings *settings = &call->snapshot->settings;
    struct rkd_job *job = rkd_job_take(call);
    const bool is_anonymous = call->caller.kind == RKD_CALLER_ANONYMOUS;
    char text[KEY_MAX];
    struct rki_buf key = rki_buf_over(text, sizeof(text));

    if (rkd_call_is_free(call))
        return RKD_NEXT;
    if (job != NULL)
        return take_answer(call, job, is_anonymous ? "per_address" : "per_caller");
    if (is_anonymous) {
        if (settings->redis.url.len == 0 || settings->limits.per_address.burst == 0 ||
            call->is_exempt)
            return RKD_NEXT;
        return ask_shared(call, RKD_LAYER_ADDRESS, &settings->limits.per_address,
                          rkd_shared_limit_addr(&call->client, text));
    }
    put_caller(&key, call);
    return charge(call, RKD_LAYER_CALLER, "per_caller", &settings->limits.per_caller,
                  rki_buf_str(&key));
}

enum rkd_flow rkd_limit_room(struct rkd_call *call)
{
    struct rkd_job *job = rkd_job_take(call);

    if (job != NULL)
        return take_answer(call, job, "per_room");
    return charge(call, RKD_LAYER_ROOM, "per_room", &call->snapshot->settings.limits.per_room,
                  call->decision.room);
}
