/* The keeper's loop: signals, timers, a wake-up from another thread. */
#include "check.h"
#include "net/net.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct seen {
    struct rkd_loop *loop;
    unsigned ticks, wakes, signals;
};

static void on_tick(void *ctx)
{
    struct seen *seen = ctx;

    if (++seen->ticks == 3)
        (void)raise(SIGHUP);
}

static void *wake(void *loop)
{
    rkd_loop_wake(loop);
    return NULL;
}

static void on_signal(void *ctx, int signum)
{
    struct seen *seen = ctx;
    pthread_t thread;

    CHECK(signum == SIGHUP, "the one asked for");
    seen->signals++;
    CHECK(pthread_create(&thread, NULL, wake, seen->loop) == 0, "thread");
    CHECK(pthread_join(thread, NULL) == 0, "join");
}

static void on_wake(void *ctx)
{
    struct seen *seen = ctx;

    int fds[2];

    seen->wakes++;
    CHECK(pipe(fds) == 0 && close(fds[0]) == 0, "a pipe without a reader");
    CHECK(write(fds[1], "x", 1) == -1 && errno == EPIPE, "an error and no signal");
    (void)close(fds[1]);
    rkd_loop_stop(seen->loop);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void test_loop(void **state)
{
    struct seen seen = {0};

    (void)state;
    CHECK_ERR(rkd_loop_new(&seen.loop), RK_OK, "new");
    CHECK_ERR(rkd_loop_on_signal(seen.loop, SIGHUP, on_signal, &seen), RK_OK, "signal");
    CHECK_ERR(rkd_loop_every(seen.loop, 2, on_tick, &seen), RK_OK, "timer");
    rkd_loop_on_wake(seen.loop, on_wake, &seen);
    rkd_loop_run(seen.loop);
    CHECK(seen.ticks >= 3 && seen.signals == 1 && seen.wakes == 1, "each came");
    rkd_loop_free(seen.loop);
    rkd_loop_free(NULL);
}

static void test_bounds(void **state)
{
    struct rkd_loop *loop;

    (void)state;
    CHECK_ERR(rkd_loop_new(&loop), RK_OK, "new");
    for (int i = 0; i < 8; i++)
        CHECK_ERR(rkd_loop_every(loop, 1000, nothing, NULL), RK_OK, "eight timers");
    CHECK_ERR(rkd_loop_every(loop, 1000, nothing, NULL), RK_E_TOO_LONG, "no ninth");
    CHECK_ERR(rkd_loop_on_signal(loop, 9999, NULL, NULL), RK_E_INVAL, "no such signal");
    rkd_loop_wake(loop); /* nobody listens: nothing happens */
    rkd_loop_free(loop);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_loop),
                                              cmocka_unit_test(test_bounds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
