/*
 * timer.c - one-shot timers on the keeper's loop.
 *
 * May touch: its arguments, the loop.
 */
#include "net/timer.h"

#include "net/loop_impl.h"

#include <stdlib.h>

struct rkd_timer {
    uv_timer_t handle;
    rkd_loop_fn *fn;
    void *ctx;
};

enum rk_err rkd_timer_new(struct rkd_loop *loop, rkd_loop_fn *fn, void *ctx, struct rkd_timer **out)
{
    struct rkd_timer *timer = calloc(1, sizeof(*timer));

    if (timer == NULL)
        return RK_E_NOMEM;
    (void)uv_timer_init(rkd_loop_uv(loop), &timer->handle); /* cannot fail */
    timer->handle.data = timer;
    timer->fn = fn;
    timer->ctx = ctx;
    *out = timer;
    return RK_OK;
}

static void on_timer(uv_timer_t *handle)
{
    struct rkd_timer *timer = handle->data;

    timer->fn(timer->ctx);
}

void rkd_timer_start(struct rkd_timer *timer, uint64_t after_ms)
{
    uv_update_time(timer->handle.loop); /* its idea of now is as old as this turn of the loop */
    (void)uv_timer_start(&timer->handle, on_timer, after_ms, 0);
}

void rkd_timer_stop(struct rkd_timer *timer)
{
    (void)uv_timer_stop(&timer->handle);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rkd_timer_free(struct rkd_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->handle, on_closed);
}
