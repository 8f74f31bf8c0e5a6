/*
 * test_desk.c - jobs on their way from a call to the keeper and back: real jobs, mailboxes and
 * desk; the key sets, the fetcher, shared limits and the loops are this file's.
 */
#include "check.h"

#include "alloc_fail.h"
#include "serve/desk_impl.h"
#include "serve/job.h"

#include <stdlib.h>

enum { CALLS = 80 };

/* ---- the world ---- */

struct rkd_fetch {
    rkd_fetch_fn *fn;
    void *ctx;
    bool is_flying;
};

static struct world {
    struct rkd_service service;
    struct rkd_worker_ctx worker;
    struct rkd_desk *desk;
    struct rkd_call calls[CALLS];
    unsigned resumed, wakes;
    struct { /* what the call was resumed with */
        bool is_ok;
        unsigned status;
        size_t answer_len;
        struct rkd_verdict verdict;
    } last;
    /* key sets */
    enum rkd_keysets_answer keysets_answer;
    struct rkd_keysets_waiter *waiters[CALLS];
    unsigned waiting, keysets_cancels;
    /* the fetcher */
    struct rkd_fetch fetches[2 * CALLS];
    unsigned starts, fetch_cancels;
    enum rk_err start_err;
    /* shared limits */
    rkd_shared_limit_fn *take_fn[CALLS];
    void *take_ctx[CALLS];
    unsigned takes;
} world;

void rkd_loop_wake(struct rkd_loop *loop)
{
    (void)loop;
}

void rkd_worker_wake(struct rkd_worker *worker)
{
    (void)worker;
    world.wakes++;
}

struct rkd_box *rkd_box_new(struct rkd_worker_ctx *worker)
{
    (void)worker;
    return NULL; /* every place is taken */
}

void rkd_call_resume(struct rkd_call *call)
{
    struct rkd_job *job = rkd_job_take(call);

    CHECK(job != NULL && !call->is_waiting, "resumed with what it waited for");
    world.resumed++;
    world.last.is_ok = job->is_ok;
    world.last.status = job->status;
    world.last.answer_len = job->answer_len;
    world.last.verdict = job->verdict;
    CHECK(rkd_job_take(call) == NULL, "once");
    rkd_job_free(job);
}

enum rk_err rkd_keysets_new(struct rkd_loop *loop, struct rkd_fetcher *fetcher,
                            const struct rkd_keysets_hooks *hooks, struct rkd_keysets **out)
{
    (void)loop;
    (void)fetcher;
    (void)hooks;
    *out = NULL;
    return RK_OK;
}

void rkd_keysets_free(struct rkd_keysets *keysets)
{
    (void)keysets;
    CHECK(world.waiting == 0, "waiters are cancelled first: their memory is gone");
}

enum rk_err rkd_keysets_use(struct rkd_keysets *keysets, const struct rkd_keyset_spec *const *specs,
                            size_t count, uint64_t *out_ids)
{
    (void)keysets;
    (void)specs;
    (void)count;
    (void)out_ids;
    return RK_OK;
}

struct rkd_keyset *rkd_keysets_current(const struct rkd_keysets *keysets, uint64_t id)
{
    (void)keysets;
    (void)id;
    return NULL;
}

enum rkd_keysets_answer rkd_keysets_refresh(struct rkd_keysets *keysets, uint64_t id,
                                            struct rkd_keysets_waiter *waiter)
{
    (void)keysets;
    CHECK(id == 7, "which set");
    if (world.keysets_answer == RKD_KEYSETS_WAIT)
        world.waiters[world.waiting++] = waiter;
    return world.keysets_answer;
}

void rkd_keysets_cancel(struct rkd_keysets_waiter *waiter)
{
    for (unsigned i = 0; i < world.waiting; i++) {
        if (world.waiters[i] != waiter)
            continue;
        world.waiters[i] = world.waiters[--world.waiting];
        world.keysets_cancels++;
        return;
    }
    CHECK(false, "it waits");
}

static void tell_waiters(enum rkd_keysets_outcome outcome)
{
    while (world.waiting != 0) {
        struct rkd_keysets_waiter *waiter = world.waiters[--world.waiting];

        waiter->fn(waiter->ctx, outcome);
    }
}

enum rk_err rkd_fetcher_new(struct rkd_loop *loop, struct rkd_fetcher **out)
{
    (void)loop;
    *out = NULL;
    return RK_OK;
}

void rkd_fetcher_free(struct rkd_fetcher *fetcher)
{
    (void)fetcher;
}

enum rk_err rkd_fetch_start(struct rkd_fetcher *fetcher, const struct rkd_fetch_request *request,
                            rkd_fetch_fn *fn, void *ctx, struct rkd_fetch **out_fetch)
{
    struct rkd_fetch *fetch = &world.fetches[world.starts];

    (void)fetcher;
    if (world.start_err != RK_OK)
        return world.start_err;
    CHECK(request->header_count == 3 && request->total_ms == 500 && request->max_bytes == 65536,
          "bounded");
    CHECK_STR(request->headers[1], RK_STR("Roomkey-Id: id"), "the id");
    world.starts++;
    *fetch = (struct rkd_fetch){.fn = fn, .ctx = ctx, .is_flying = true};
    *out_fetch = fetch;
    return RK_OK;
}

void rkd_fetch_cancel(struct rkd_fetch *fetch)
{
    CHECK(fetch->is_flying, "it is under way");
    fetch->is_flying = false;
    world.fetch_cancels++;
}

static void answer_fetch(unsigned index, unsigned status, struct rk_str body)
{
    const struct rkd_fetch_result result = {
        .status = status, .error = status == 0 ? "connect" : NULL, .body = body};
    struct rkd_fetch *fetch = &world.fetches[index];

    CHECK(fetch->is_flying, "not cancelled");
    fetch->is_flying = false;
    fetch->fn(fetch->ctx, &result);
}

enum rk_err rkd_shared_limit_new(struct rkd_loop *loop,
                                 const struct rkd_shared_limit_options *options,
                                 struct rkd_shared_limit **out)
{
    (void)loop;
    (void)options;
    *out = NULL;
    return RK_OK;
}

static void answer_takes(bool known)
{
    const struct rkd_shared_verdict verdict = {.known = known, .allowed = true, .retry_after_s = 0};

    while (world.takes != 0) {
        world.takes--;
        world.take_fn[world.takes](world.take_ctx[world.takes], &verdict);
    }
}

/* As the real one: what is under way is answered. */
void rkd_shared_limit_free(struct rkd_shared_limit *limit)
{
    (void)limit;
    answer_takes(false);
}

void rkd_shared_limit_take(struct rkd_shared_limit *limit, enum rkd_layer layer, struct rk_str key,
                           const struct rkd_rate *rate, rkd_shared_limit_fn *fn, void *ctx)
{
    (void)limit;
    (void)layer;
    (void)key;
    (void)rate;
    world.take_fn[world.takes] = fn;
    world.take_ctx[world.takes++] = ctx;
}

/* ---- setting up ---- */

static int set_up(void **state)
{
    const struct rkd_settings settings = {.workers = 1};

    (void)state;
    world = (struct world){.keysets_answer = RKD_KEYSETS_WAIT};
    world.worker.service = &world.service;
    CHECK_ERR(rkd_log_new(-1, RKD_LOG_ERROR, RKD_LOG_JSON, 1, &world.service.log), RK_OK, "log");
    CHECK_ERR(rkd_mailbox_init(&world.worker.mail), RK_OK, "box");
    CHECK_ERR(rkd_desk_new(&world.service, NULL, &world.worker, 1, &settings, &world.desk), RK_OK,
              "desk");
    world.service.desk = world.desk;
    for (unsigned i = 0; i < CALLS; i++)
        world.calls[i].worker = &world.worker; /* in its head: it needs no arena */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rkd_desk_free(world.desk);
    rkd_mailbox_clear(&world.worker.mail);
    (void)rkd_log_stop(world.service.log, 100);
    rkd_log_free(world.service.log);
    return 0;
}

static struct rkd_job *send(unsigned index, enum rkd_job_kind kind)
{
    struct rkd_job *job = rkd_job_new(&world.calls[index], kind, 16);
    size_t used = 0;

    CHECK(job != NULL, "memory");
    job->keyset_id = 7;
    job->timeout_ms = 500;
    job->url = rkd_job_text(job, &used, RK_STR("http://h/"));
    job->id = rkd_job_text(job, &used, RK_STR("id"));
    CHECK(rkd_job_send(job) == RKD_WAIT && world.calls[index].is_waiting, "it waits");
    return job;
}

/* A turn of the keeper, then one of the worker. */
static void turn(void)
{
    rkd_desk_work(world.desk);
    rkd_mail_run(&world.worker.mail, &world.worker);
}

/* ---- key sets ---- */

static void test_keys_come_back(void **state)
{
    static const struct {
        enum rkd_keysets_outcome outcome;
        bool is_ok;
    } rows[] = {
        {RKD_KEYSETS_RENEWED, true}, {RKD_KEYSETS_NOT_RENEWED, true}, {RKD_KEYSETS_DROPPED, false}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        (void)send(0, RKD_JOB_KEYS);
        (void)send(1, RKD_JOB_KEYS);
        turn();
        CHECK(world.waiting == 2 && world.resumed == 2 * i, "under way");
        tell_waiters(rows[i].outcome);
        turn();
        CHECK(world.resumed == 2 * (i + 1) && world.last.is_ok == rows[i].is_ok, "brought back");
    }
    CHECK(world.worker.waiting == NULL && world.desk->held == NULL, "nobody waits");
}

static void test_keys_at_once(void **state)
{
    (void)state;
    world.keysets_answer = RKD_KEYSETS_NOTHING;
    (void)send(0, RKD_JOB_KEYS);
    turn();
    CHECK(world.resumed == 1 && world.last.is_ok, "decide by what is there");
    world.keysets_answer = RKD_KEYSETS_BUSY;
    (void)send(0, RKD_JOB_KEYS);
    turn();
    CHECK(world.resumed == 2 && !world.last.is_ok, "too many");
    world.keysets_answer = RKD_KEYSETS_WAIT;
    (void)send(0, RKD_JOB_KEYS);
    alloc_fail_at(1);
    turn();
    CHECK(alloc_fail_hit() && world.resumed == 3 && !world.last.is_ok, "no memory for the waiter");
}

/* JWK-04: four seconds, whatever the flight does. */
static void test_keys_wait_is_bounded(void **state)
{
    struct rkd_job *old, *young;

    (void)state;
    old = send(0, RKD_JOB_KEYS);
    young = send(1, RKD_JOB_KEYS);
    turn();
    rkd_desk_tick(world.desk);
    turn();
    CHECK(world.resumed == 0, "not yet");
    old->since_ns -= UINT64_C(4100) * 1000000;
    young->since_ns -= UINT64_C(3500) * 1000000;
    rkd_desk_tick(world.desk);
    turn();
    CHECK(world.resumed == 1 && world.last.is_ok && world.keysets_cancels == 1, "the old one");
    CHECK(world.calls[1].is_waiting && !world.calls[0].is_waiting, "not the young one");
    tell_waiters(RKD_KEYSETS_RENEWED);
    turn();
    CHECK(world.resumed == 2, "the young one in its time");
}

/* ---- calls that leave ---- */

static void test_back_to_nobody(void **state)
{
    (void)state;
    (void)send(0, RKD_JOB_KEYS);
    (void)send(1, RKD_JOB_HOOK);
    (void)send(2, RKD_JOB_LIMIT);
    (void)send(3, RKD_JOB_KEYS);
    world.desk->shared = (struct rkd_shared_limit *)&world; /* only looked at for NULL */
    rkd_desk_work(world.desk);
    for (unsigned i = 0; i < 3; i++)
        rkd_job_leave(&world.calls[i]);
    rkd_desk_tick(world.desk);
    CHECK(world.keysets_cancels == 1 && world.fetch_cancels == 1 && world.desk->hooks == 0,
          "what carried them is called off");
    turn();
    CHECK(world.resumed == 0 && world.calls[3].is_waiting, "nobody is resumed, nobody else leaves");
    answer_takes(true);
    turn();
    CHECK(world.resumed == 0, "a shared limit is waited for, then nobody takes it");
    rkd_job_leave(&world.calls[3]); /* after it has come back: */
    tell_waiters(RKD_KEYSETS_RENEWED);
    turn();
    CHECK(world.resumed == 0 && world.desk->held == NULL && world.worker.waiting == NULL, "over");
}

/* Left before the keeper has seen the job. */
static void test_left_early(void **state)
{
    (void)state;
    (void)send(0, RKD_JOB_HOOK);
    rkd_job_leave(&world.calls[0]);
    rkd_job_leave(&world.calls[0]); /* nothing more to leave */
    turn();
    rkd_desk_tick(world.desk);
    turn();
    CHECK(world.resumed == 0 && world.desk->held == NULL && world.desk->hooks == 0, "gone");
    CHECK(world.starts == 0, "no hook is asked for nobody");
}

/* ---- hooks ---- */

static void test_hooks_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 70; i++)
        (void)send(i, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 64 && world.resumed == 6 && world.last.status == 0, "64 at a time");
    answer_fetch(0, 200, RK_STR("{\"allow\":true}"));
    turn();
    CHECK(world.resumed == 7 && world.last.status == 200 && world.last.answer_len == 14, "one");
    (void)send(70, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 65, "its place is free");
    rkd_job_leave(&world.calls[1]);
    rkd_desk_tick(world.desk);
    (void)send(71, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 66, "so is that of one who left");
}

static void test_hook_answers(void **state)
{
    (void)state;
    (void)send(0, RKD_JOB_HOOK);
    turn();
    answer_fetch(0, 403, rki_str(NULL, 0));
    turn();
    CHECK(world.last.status == 403 && world.last.answer_len == 0, "without a body");
    (void)send(0, RKD_JOB_HOOK);
    turn();
    alloc_fail_at(1);
    answer_fetch(1, 200, RK_STR("{}"));
    CHECK(alloc_fail_hit(), "it needs memory");
    turn();
    CHECK(world.resumed == 2 && world.last.status == 0, "no memory: no answer");
    world.start_err = RK_E_NOMEM;
    (void)send(0, RKD_JOB_HOOK);
    turn();
    CHECK(world.resumed == 3 && world.last.status == 0 && world.desk->hooks == 0, "cannot ask");
}

/* WHK-04 */
static void test_the_breaker(void **state)
{
    static const unsigned bad[] = {0, 500, 404, 302, 201};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        (void)send(0, RKD_JOB_HOOK);
        turn();
        answer_fetch(i, bad[i], rki_str(NULL, 0));
        turn();
    }
    (void)send(0, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 5 && world.resumed == 6 && world.last.status == 0, "open");
    world.desk->breaker.rows[0].until_ms = 0; /* time passes */
    (void)send(0, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 6, "the probe");
    (void)send(1, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 6 && world.resumed == 7, "alone");
    rkd_job_leave(&world.calls[0]);
    rkd_desk_tick(world.desk);
    turn();
    world.start_err = RK_E_NOMEM;
    (void)send(1, RKD_JOB_HOOK);
    turn();
    world.start_err = RK_OK;
    (void)send(1, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 7, "one that was called off is given back");
    answer_fetch(6, 401, rki_str(NULL, 0));
    turn();
    (void)send(0, RKD_JOB_HOOK);
    turn();
    CHECK(world.starts == 8 && world.desk->breaker.rows[0].key == 0, "closed");
}

/* ---- shared limits, odd jobs ---- */

static void test_limits(void **state)
{
    (void)state;
    (void)send(0, RKD_JOB_LIMIT);
    turn();
    CHECK(world.resumed == 1 && !world.last.is_ok, "there is no Redis: not known");
    world.desk->shared = (struct rkd_shared_limit *)&world;
    (void)send(0, RKD_JOB_LIMIT);
    turn();
    CHECK(world.resumed == 1 && world.takes == 1, "asked");
    answer_takes(true);
    turn();
    CHECK(world.resumed == 2 && world.last.is_ok && world.last.verdict.allowed, "the verdict");
    (void)send(0, RKD_JOB_AUDIT);
    turn();
    CHECK(world.resumed == 3, "what is not the desk's comes back");
}

/* ---- the end ---- */

/* Every job is given back once: a sanitizer looks. */
static void test_the_end_with_jobs(void **state)
{
    (void)state;
    world.desk->shared = (struct rkd_shared_limit *)&world;
    (void)send(0, RKD_JOB_KEYS);
    (void)send(1, RKD_JOB_HOOK);
    (void)send(2, RKD_JOB_LIMIT);
    (void)send(3, RKD_JOB_LIMIT);
    rkd_desk_work(world.desk);
    (void)send(4, RKD_JOB_HOOK); /* still in the desk's box */
    for (unsigned i = 0; i < 5; i++)
        rkd_job_leave(&world.calls[i]); /* the workers have ended */
}

static void test_closed_boxes(void **state)
{
    (void)state;
    (void)send(0, RKD_JOB_KEYS);
    rkd_desk_work(world.desk);
    rkd_job_leave(&world.calls[0]);
    rkd_mailbox_close(&world.worker.mail);
    tell_waiters(RKD_KEYSETS_RENEWED); /* its worker is going: dropped */
    CHECK(world.desk->held == NULL, "not held any more");
    rkd_mailbox_close(&world.desk->mail);
    (void)send(1, RKD_JOB_KEYS); /* dropped at once */
    world.calls[1].job = NULL;
    world.calls[1].is_waiting = false;
    CHECK(world.desk->held == NULL, "never taken");
}

/* ---- making jobs ---- */

static void test_no_memory(void **state)
{
    (void)state;
    alloc_fail_at(1);
    CHECK(rkd_job_new(&world.calls[0], RKD_JOB_KEYS, 100) == NULL && alloc_fail_hit(), "none");
    rkd_job_free(NULL);
}

static void test_no_place_to_wait(void **state)
{
    struct rkd_call *call = &world.calls[0];

    (void)state;
    call->phase = RKD_PHASE_BODY;
    CHECK(rkd_job_send(rkd_job_new(call, RKD_JOB_HOOK, 0)) == RKD_ANSWER, "refused");
    CHECK(call->problem.err == RKD_E_UNAVAILABLE && !call->is_waiting && call->job == NULL, "503");
    assert_string_equal(call->problem.reason, "too-many-waiting");
    turn();
    CHECK(world.resumed == 0 && world.starts == 0, "and not sent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_wait_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_back_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_left_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hooks_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hook_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_breaker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_with_jobs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closed_boxes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_place_to_wait, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
