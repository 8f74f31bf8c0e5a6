/*
 * desk.c - takes jobs from the workers and brings each back in time, done or not.
 *
 * May touch: the keeper's loop through fetch, keysets and shared_limit; workers' mailboxes. Decides
 * nothing: what an answer means is the worker's to say.
 */
#include "serve/desk_impl.h"

#include "serve/audit.h"

#include <stdlib.h>

enum {
    HOOKS_MAX = 64, /* under way at a time; more are refused, not queued (security.md s.3.2) */
    HOOK_CONNECT_MS = 500,
    HOOK_ANSWER_MAX = 64 * 1024,
    HEADER_MAX = 256,
    KEYS_WAIT_MS = 4000, /* a flight may last longer; whoever asked does not (JWK-04) */
};

/* ---- jobs that are here ---- */

static void hold(struct rkd_desk *desk, struct rkd_job *job)
{
    job->prev_held = NULL;
    job->next_held = desk->held;
    if (desk->held != NULL)
        desk->held->prev_held = job;
    desk->held = job;
}

static void let_go(struct rkd_desk *desk, struct rkd_job *job)
{
    if (job->prev_held != NULL)
        job->prev_held->next_held = job->next_held;
    else
        desk->held = job->next_held;
    if (job->next_held != NULL)
        job->next_held->prev_held = job->prev_held;
}

static void bring_back(struct rkd_desk *desk, struct rkd_job *job)
{
    let_go(desk, job);
    rkd_job_back(job);
}

static struct rkd_desk *desk_of(const struct rkd_job *job)
{
    return job->worker->service->desk;
}

/* ---- key sets ---- */

struct keyset_news { /* to one worker */
    struct rkd_note note;
    uint64_t id;
    struct rkd_keyset *keyset;
};

static void drop_news(struct rkd_note *note)
{
    struct keyset_news *news = (struct keyset_news *)note;

    rkd_keyset_unref(news->keyset);
    free(news);
}

static void tell_worker(void *owner, struct rkd_note *note)
{
    const struct keyset_news *news = (struct keyset_news *)note;

    rkd_lease_put_keyset(owner, news->id, news->keyset);
    drop_news(note);
}

/* Before the waiters of the same flight are answered: mail keeps its order. */
void rkd_desk_publish(void *ctx, uint64_t id, struct rkd_keyset *keyset)
{
    struct rkd_desk *desk = ctx;

    for (unsigned i = 0; i < desk->worker_count; i++) {
        struct keyset_news *news = calloc(1, sizeof(*news));

        if (news == NULL) /* it keeps the old set until the next refresh */
            continue;
        *news = (struct keyset_news){.note = {.run = tell_worker, .drop = drop_news},
                                     .id = id,
                                     .keyset = rkd_keyset_ref(keyset)};
        rkd_mail_put(&desk->workers[i].mail, &news->note);
        if (desk->workers[i].net_worker != NULL)
            rkd_worker_wake(desk->workers[i].net_worker);
    }
}

static void on_refreshed(void *ctx, enum rkd_keysets_outcome outcome)
{
    struct rkd_job *job = ctx;

    free(job->desk_state); /* the waiter */
    job->desk_state = NULL;
    job->is_ok = outcome != RKD_KEYSETS_DROPPED;
    bring_back(desk_of(job), job);
}

static void start_keys(struct rkd_desk *desk, struct rkd_job *job)
{
    struct rkd_keysets_waiter *waiter = calloc(1, sizeof(*waiter));
    enum rkd_keysets_answer answer = RKD_KEYSETS_BUSY;

    if (waiter != NULL) {
        waiter->fn = on_refreshed;
        waiter->ctx = job;
        answer = rkd_keysets_refresh(desk->keysets, job->keyset_id, waiter);
    }
    if (answer == RKD_KEYSETS_WAIT) {
        job->desk_state = waiter;
        return;
    }
    free(waiter);
    job->is_ok =
        answer == RKD_KEYSETS_NOTHING; /* there is nothing newer: decide by what is there */
    bring_back(desk, job);
}

/* ---- hooks ---- */

static int64_t now_ms(void)
{
    return (int64_t)(rkd_clock_mono_ns() / 1000000);
}

/* The address is not told, it may hold a secret: the rule says whose hook it is. */
static void say_hook(struct rkd_desk *desk, const struct rkd_job *job, enum rkd_breaker_news news)
{
    const enum rkd_log_level level = news == RKD_BREAKER_OPENED ? RKD_LOG_WARN : RKD_LOG_INFO;
    struct rkd_log_line line;

    if (news == RKD_BREAKER_NOTHING || !rkd_log_wants(desk->service->log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(desk->service->log), level,
                  news == RKD_BREAKER_OPENED ? RK_STR("hook_away") : RK_STR("hook_back"),
                  rkd_clock_wall_ms());
    rkd_log_str(&line, RK_STR("rule"), job->rule);
    rkd_log_say(desk->service->log, level, rkd_log_end(&line));
}

/* What a hook may say; whether a yes can be read is the worker's to find out. */
static bool is_good_answer(unsigned status)
{
    return status == 200 || status == 401 || status == 403;
}

/* Nothing was learnt about the hook. */
static void forget_hook(struct rkd_desk *desk, struct rkd_job *job)
{
    if (job->is_probe)
        rkd_breaker_give_back(&desk->breaker, job->url);
    job->is_probe = false;
}

static void on_hook_answer(void *ctx, const struct rkd_fetch_result *result)
{
    struct rkd_job *job = ctx;
    struct rkd_desk *desk = desk_of(job);

    desk->hooks--;
    job->desk_state = NULL;
    job->status = result->status;
    if (is_good_answer(result->status))
        desk->hooks_answered++;
    else
        desk->hooks_failed++;
    say_hook(desk, job,
             rkd_breaker_tell(&desk->breaker, job->url, job->is_probe,
                              is_good_answer(result->status), now_ms()));
    if (result->status != 0 && result->body.len != 0) {
        job->answer = malloc(result->body.len);
        if (job->answer == NULL) {
            job->status = 0;
        } else {
            memcpy(job->answer, result->body.ptr, result->body.len);
            job->answer_len = result->body.len;
        }
    }
    bring_back(desk, job);
}

static struct rk_str header(char out[HEADER_MAX], const char *name, struct rk_str value)
{
    struct rki_buf buf = rki_buf_over(out, HEADER_MAX);

    rki_buf_put(&buf, rki_cstr(name));
    rki_buf_put(&buf, value);
    return rki_buf_str(&buf);
}

static void start_hook(struct rkd_desk *desk, struct rkd_job *job)
{
    char texts[4][HEADER_MAX], number[24];
    struct rki_buf now = rki_buf_over(number, sizeof(number));
    struct rk_str headers[4];
    struct rkd_fetch_request request = {
        .url = job->url,
        .allow_http = rki_str_starts_with(job->url, RK_STR("http://")), /* policy let it pass */
        .body = job->text,
        .headers = headers,
        .header_count = job->traceparent.len != 0 ? 4 : 3,
        .connect_ms = HOOK_CONNECT_MS,
        .total_ms = (uint32_t)job->timeout_ms,
        .max_bytes = HOOK_ANSWER_MAX,
    };
    struct rkd_fetch *fetch = NULL;
    enum rkd_breaker_leave leave = RKD_BREAKER_NO;

    if (desk->hooks < HOOKS_MAX)
        leave = rkd_breaker_may_ask(&desk->breaker, job->url, now_ms());
    if (leave == RKD_BREAKER_NO) {
        desk->hooks_not_asked++;
        bring_back(desk, job); /* status 0: no answer */
        return;
    }
    job->is_probe = leave == RKD_BREAKER_PROBE;
    rki_buf_int(&now, job->now_s);
    headers[0] = header(texts[0], "Roomkey-Timestamp: ", rki_buf_str(&now));
    headers[1] = header(texts[1], "Roomkey-Id: ", job->id);
    headers[2] = header(texts[2], "Roomkey-Signature: ", job->signature);
    headers[3] = header(texts[3], "traceparent: ", job->traceparent);
    if (rkd_fetch_start(desk->fetcher, &request, on_hook_answer, job, &fetch) != RK_OK) {
        desk->hooks_not_asked++;
        forget_hook(desk, job);
        bring_back(desk, job);
        return;
    }
    desk->hooks++;
    job->desk_state = fetch;
}

/* ---- shared limits ---- */

static void on_verdict(void *ctx, const struct rkd_shared_verdict *verdict)
{
    struct rkd_job *job = ctx;

    job->is_ok = verdict->known;
    job->verdict =
        (struct rkd_verdict){.allowed = verdict->allowed, .retry_after_s = verdict->retry_after_s};
    bring_back(desk_of(job), job);
}

static void start_limit(struct rkd_desk *desk, struct rkd_job *job)
{
    if (desk->shared == NULL) {
        bring_back(desk, job);
        return;
    }
    rkd_shared_limit_take(desk->shared, job->layer, job->text, &job->rate, on_verdict, job);
}

/* ---- the desk ---- */

static bool is_abandoned(const struct rkd_job *job)
{
    return atomic_load_explicit(&job->is_abandoned, memory_order_relaxed);
}

static void begin(void *owner, struct rkd_note *note)
{
    static void (*const starts[])(struct rkd_desk * desk, struct rkd_job * job) = {
        [RKD_JOB_KEYS] = start_keys, [RKD_JOB_LIMIT] = start_limit, [RKD_JOB_HOOK] = start_hook};
    struct rkd_desk *desk = owner;
    struct rkd_job *job = (struct rkd_job *)note; /* the note comes first in it */

    hold(desk, job);
    job->since_ns = rkd_clock_mono_ns();
    if (!is_abandoned(job) && job->kind < ARRAY_LEN(starts) && starts[job->kind] != NULL)
        starts[job->kind](desk, job);
    else
        bring_back(desk, job);
}

static void drop(struct rkd_note *note)
{
    rkd_job_free((struct rkd_job *)note);
}

void rkd_desk_put(struct rkd_desk *desk, struct rkd_job *job)
{
    job->note.run = begin;
    job->note.drop = drop;
    rkd_mail_put(&desk->mail, &job->note);
    rkd_loop_wake(desk->loop);
}

void rkd_desk_work(struct rkd_desk *desk)
{
    rkd_mail_run(&desk->mail, desk);
}

/* Nobody waits for it any more: what carries it is called off. */
static void call_off(struct rkd_desk *desk, struct rkd_job *job)
{
    if (job->desk_state == NULL)
        return;
    if (job->kind == RKD_JOB_KEYS) {
        rkd_keysets_cancel(job->desk_state);
        free(job->desk_state);
    } else if (job->kind == RKD_JOB_HOOK) {
        rkd_fetch_cancel(job->desk_state);
        forget_hook(desk, job);
        desk->hooks--;
    } else {
        return;
    }
    job->desk_state = NULL;
    bring_back(desk, job);
}

static bool is_over(const struct rkd_job *job, uint64_t now_ns)
{
    return is_abandoned(job) ||
           (job->kind == RKD_JOB_KEYS && now_ns - job->since_ns > KEYS_WAIT_MS * UINT64_C(1000000));
}

void rkd_desk_tick(struct rkd_desk *desk)
{
    const uint64_t now_ns = rkd_clock_mono_ns();
    struct rkd_job *job, *next;

    for (job = desk->held; job != NULL; job = next) {
        next = job->next_held;
        if (is_over(job, now_ns)) {
            job->is_ok = true; /* decide by what is there */
            call_off(desk, job);
        }
    }
    if (desk->service->audit != NULL)
        rkd_audit_tick(desk->service->audit, rkd_clock_mono_ns() / 1000000);
}

static void drop_held(struct rkd_job *job)
{
    if (job->kind == RKD_JOB_KEYS && job->desk_state != NULL) {
        rkd_keysets_cancel(job->desk_state);
        free(job->desk_state);
    }
    rkd_job_free(job);
}

void rkd_desk_free(struct rkd_desk *desk)
{
    if (desk == NULL)
        return;
    rkd_mailbox_clear(&desk->mail);
    rkd_shared_limit_free(desk->shared); /* brings back what it was asked: jobs live until then */
    while (desk->held != NULL) {         /* hooks are cancelled with the fetcher */
        struct rkd_job *job = desk->held;

        let_go(desk, job);
        drop_held(job);
    }
    rkd_keysets_free(desk->keysets);
    rkd_fetcher_free(desk->fetcher);
    free(desk->ids);
    free(desk);
}
