/* The n-th allocation of ours fails, for every n, while something is fetched: it says so, or ends
 * in its time-out; nothing leaks, and the next fetch is fine. */
#include "check.h"

#include "hostile.h"
#include "net/fetch.h"
#include "net/timer.h"

#include <signal.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static _Thread_local volatile unsigned left; /* 0: never fail; of this thread, not the server's */
static bool was_hit;

static bool fails_now(void)
{
    if (left == 0 || --left != 0)
        return false;
    was_hit = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails_now() ? NULL : __real_realloc(ptr, size);
}

struct outcome {
    struct rkd_loop *loop;
    unsigned calls, status;
    const char *error;
};

static void on_fetched(void *ctx, const struct rkd_fetch_result *result)
{
    struct outcome *outcome = ctx;

    outcome->calls++;
    outcome->status = result->status;
    outcome->error = result->error;
    rkd_loop_stop(outcome->loop);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

/* RK_OK: it was fetched. */
static enum rk_err fetch_once(struct rkd_loop *loop, struct rkd_fetcher *fetcher, const char *url)
{
    const struct rk_str header = RK_STR("X-A: b");
    const struct rkd_fetch_request request = {.url = rki_cstr(url),
                                              .allow_http = true,
                                              .body = RK_STR("{}"),
                                              .headers = &header,
                                              .header_count = 1,
                                              .connect_ms = 200,
                                              .total_ms = 300,
                                              .max_bytes = 100000};
    struct outcome outcome = {.loop = loop};
    struct rkd_fetch *handle;
    enum rk_err err = rkd_fetch_start(fetcher, &request, on_fetched, &outcome, &handle);

    if (err != RK_OK)
        return err;
    rkd_loop_run(loop);
    CHECK(outcome.calls == 1, "told");
    if (outcome.status != 0)
        return RK_OK;
    CHECK(strcmp(outcome.error, "memory") == 0 || strcmp(outcome.error, "timeout") == 0, "why");
    return RK_E_NOMEM;
}

static void test_sweep(void **state)
{
    struct hostile *server = hostile_start(NULL, NULL, NULL);
    const char *url = hostile_url(server, "/echo");
    unsigned n;

    (void)state;
    for (n = 1;; n++) {
        struct rkd_loop *loop = NULL;
        struct rkd_fetcher *fetcher = NULL;
        struct rkd_timer *timer = NULL;
        enum rk_err err;

        was_hit = false;
        left = n;
        err = rkd_loop_new(&loop);
        if (err == RK_OK)
            err = rkd_fetcher_new(loop, &fetcher);
        if (err == RK_OK)
            err = rkd_timer_new(loop, nothing, NULL, &timer);
        if (err == RK_OK)
            err = fetch_once(loop, fetcher, url);
        left = 0;
        if (!was_hit || err != RK_E_NOMEM) /* a socket that is not watched is not always missed */
            CHECK_ERR(err, RK_OK, "or says so");
        if (fetcher != NULL && timer != NULL)
            CHECK_ERR(fetch_once(loop, fetcher, url), RK_OK, "the next one is fine");
        rkd_timer_free(timer);
        rkd_fetcher_free(fetcher);
        rkd_loop_free(loop);
        if (!was_hit)
            break;
    }
    CHECK(n > 8 && n < 100, "all over the place");
    hostile_stop(server);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
