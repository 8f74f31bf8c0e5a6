/*
 * loop.c - the keeper's loop: signals, timers, a wake-up. It holds no connections.
 *
 * May touch: its own uv loop. Everything but rkd_loop_wake belongs to the thread that runs it.
 */
#include "net/loop_impl.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { TIMERS_MAX = 8, SIGNALS_MAX = 8 };

struct timer {
    uv_timer_t handle;
    rkd_loop_fn *fn;
    void *ctx;
};

struct signal_watch {
    uv_signal_t handle;
    rkd_signal_fn *fn;
    void *ctx;
};

struct rkd_loop {
    uv_loop_t uv;
    uv_async_t wake;
    rkd_loop_fn *wake_fn;
    void *wake_ctx;
    struct timer timers[TIMERS_MAX];
    struct signal_watch signals[SIGNALS_MAX];
    size_t timer_count, signal_count;
};

static void on_wake(uv_async_t *async)
{
    struct rkd_loop *loop = async->data;

    if (loop->wake_fn != NULL)
        loop->wake_fn(loop->wake_ctx);
}

enum rk_err rkd_loop_new(struct rkd_loop **out)
{
    struct rkd_loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL)
        return RK_E_NOMEM;
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return RK_E_NOMEM;
    }
    if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return RK_E_NOMEM;
    }
    loop->wake.data = loop;
    *out = loop;
    return RK_OK;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct signal_watch *watch = handle->data;

    watch->fn(watch->ctx, signum);
}

enum rk_err rkd_loop_on_signal(struct rkd_loop *loop, int signum, rkd_signal_fn *fn, void *ctx)
{
    struct signal_watch *watch;

    if (loop->signal_count == SIGNALS_MAX)
        return RK_E_TOO_LONG;
    watch = &loop->signals[loop->signal_count];
    *watch = (struct signal_watch){.fn = fn, .ctx = ctx};
    if (uv_signal_init(&loop->uv, &watch->handle) != 0)
        return RK_E_NOMEM;
    watch->handle.data = watch;
    loop->signal_count++; /* from here on rkd_loop_free closes it */
    return uv_signal_start(&watch->handle, on_signal, signum) == 0 ? RK_OK : RK_E_INVAL;
}

static void on_timer(uv_timer_t *handle)
{
    struct timer *timer = handle->data;

    timer->fn(timer->ctx);
}

enum rk_err rkd_loop_every(struct rkd_loop *loop, uint32_t every_ms, rkd_loop_fn *fn, void *ctx)
{
    struct timer *timer;

    if (loop->timer_count == TIMERS_MAX)
        return RK_E_TOO_LONG;
    timer = &loop->timers[loop->timer_count];
    *timer = (struct timer){.fn = fn, .ctx = ctx};
    (void)uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    loop->timer_count++;
    return uv_timer_start(&timer->handle, on_timer, every_ms, every_ms) == 0 ? RK_OK : RK_E_INVAL;
}

void rkd_loop_on_wake(struct rkd_loop *loop, rkd_loop_fn *fn, void *ctx)
{
    loop->wake_fn = fn;
    loop->wake_ctx = ctx;
}

void rkd_loop_wake(struct rkd_loop *loop)
{
    (void)uv_async_send(&loop->wake);
}

void rkd_loop_run(struct rkd_loop *loop)
{
    sigset_t set;

    /* libuv writes to its streams without MSG_NOSIGNAL: a peer that is gone is EPIPE here. For
     * good, because one that is pending would come when it is let in again. */
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void rkd_loop_stop(struct rkd_loop *loop)
{
    uv_stop(&loop->uv);
}

uv_loop_t *rkd_loop_uv(struct rkd_loop *loop)
{
    return &loop->uv;
}

void rkd_loop_free(struct rkd_loop *loop)
{
    if (loop == NULL)
        return;
    for (size_t i = 0; i < loop->timer_count; i++)
        uv_close((uv_handle_t *)&loop->timers[i].handle, NULL);
    for (size_t i = 0; i < loop->signal_count; i++)
        uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop->uv);
    free(loop);
}
