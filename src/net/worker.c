/*
 * worker.c - one thread's loop: what runs in it, when it sleeps, how it ends.
 *
 * May touch: its own loop and lists. Between threads go only the load counters, the listening
 * sockets' shut-down and the wake-up for a drain.
 */
#include "net/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_SHIFT_MAX = 7, TICK_SHIFT_MIN = 3, TICKS_PER_LIMIT = 8 };

/* --- deadlines --- */

/* A tick of 128 ms, or finer when a limit is so short that being late by one would show. */
static unsigned tick_shift(const struct rkd_net_limits *limits)
{
    const uint32_t all[] = {limits->head_ms, limits->body_ms, limits->idle_ms, limits->write_ms};
    uint32_t least = UINT32_MAX;
    unsigned shift = TICK_SHIFT_MAX;

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i] < least)
            least = all[i];
    while (shift > TICK_SHIFT_MIN && (1U << shift) > least / TICKS_PER_LIMIT)
        shift--;
    return shift;
}

static void on_late(void *ctx, struct rkd_wheel_node *node)
{
    void *conn = (char *)node - offsetof(struct rkd_conn, node);

    (void)ctx;
    rkd_conn_late(conn);
}

static void on_tick(uv_timer_t *timer)
{
    struct rkd_worker *worker = timer->data;

    rkd_wheel_run(&worker->wheel, uv_now(&worker->loop), on_late, worker);
    if (worker->wheel.linked == 0) { /* nobody waits: sleep on */
        (void)uv_timer_stop(timer);
        worker->is_ticking = false;
    }
}

void rkd_worker_arm(struct rkd_worker *worker, struct rkd_conn *conn, uint64_t deadline_ms)
{
    uint64_t tick_ms = 1U << worker->wheel.shift;

    rkd_wheel_set(&worker->wheel, &conn->node, deadline_ms);
    if (worker->is_ticking || worker->wheel.linked == 0)
        return;
    worker->is_ticking = uv_timer_start(&worker->tick, on_tick, tick_ms, tick_ms) == 0;
}

static void on_beat(uv_timer_t *timer)
{
    const struct rkd_worker *worker = timer->data;

    worker->handler->on_beat(worker->ctx);
}

/* --- a turn of the loop --- */

void rkd_worker_resume_later(struct rkd_worker *worker, struct rkd_conn *conn)
{
    if (conn->is_resuming)
        return;
    conn->is_resuming = true;
    conn->next_resume = NULL;
    if (worker->resume_last != NULL)
        worker->resume_last->next_resume = conn;
    else
        worker->resume_first = conn;
    worker->resume_last = conn;
}

void rkd_worker_resume_never(struct rkd_worker *worker, struct rkd_conn *conn)
{
    struct rkd_conn *before = NULL, *at = worker->resume_first;

    if (!conn->is_resuming)
        return;
    while (at != conn) {
        before = at;
        at = at->next_resume;
    }
    if (before != NULL)
        before->next_resume = conn->next_resume;
    else
        worker->resume_first = conn->next_resume;
    if (worker->resume_last == conn)
        worker->resume_last = before;
    conn->is_resuming = false;
}

static void end_turn(struct rkd_worker *worker)
{
    struct rkd_conn *conn;

    while ((conn = worker->resume_first) != NULL) {
        rkd_worker_resume_never(worker, conn); /* the first: takes it off at once */
        rkd_conn_resume(conn);
    }
    if (!worker->is_busy)
        return;
    worker->is_busy = false;
    if (worker->handler->on_turn != NULL)
        worker->handler->on_turn(worker->ctx);
}

static void on_prepare(uv_prepare_t *prepare)
{
    end_turn(prepare->data);
}

/* --- the drain --- */

static void stop_if_over(struct rkd_worker *worker)
{
    if (worker->is_draining && worker->conns == NULL)
        uv_stop(&worker->loop);
}

void rkd_worker_conn_closed(struct rkd_worker *worker)
{
    stop_if_over(worker);
}

static void on_drain_deadline(uv_timer_t *timer)
{
    struct rkd_worker *worker = timer->data;

    worker->is_busy = true;
    while (worker->conns != NULL)
        worker->cut_off += rkd_conn_cut(worker->conns);
}

static void on_async(uv_async_t *async)
{
    struct rkd_worker *worker = async->data;
    unsigned deadline_ms = atomic_load(&worker->drain_ms);
    struct rkd_conn *conn, *next;

    if (worker->handler->on_wake != NULL)
        worker->handler->on_wake(worker->ctx);
    if (deadline_ms == 0 || worker->is_draining)
        return;
    worker->is_draining = true;
    worker->is_busy = true;
    rkd_accept_drain(worker);
    for (conn = worker->conns; conn != NULL; conn = next) {
        next = conn->next;
        rkd_conn_drain(conn);
    }
    (void)uv_timer_start(&worker->drain_timer, on_drain_deadline, deadline_ms, 0);
    stop_if_over(worker);
}

void rkd_worker_drain(struct rkd_worker *worker, uint32_t deadline_ms)
{
    atomic_store(&worker->drain_ms, deadline_ms == 0 ? 1 : deadline_ms);
    (void)uv_async_send(&worker->async);
}

void rkd_worker_wake(struct rkd_worker *worker)
{
    (void)uv_async_send(&worker->async);
}

uint32_t rkd_worker_cut_off(const struct rkd_worker *worker)
{
    return worker->cut_off;
}

/* --- its life --- */

static enum rk_err open_handles(struct rkd_worker *worker)
{
    uv_loop_t *loop = &worker->loop;

    if (uv_loop_init(loop) != 0)
        return RK_E_NOMEM;
    /* None of these fails but uv_async_init, which comes first. */
    if (uv_async_init(loop, &worker->async, on_async) != 0) {
        (void)uv_loop_close(loop);
        return RK_E_NOMEM;
    }
    (void)uv_prepare_init(loop, &worker->prepare);
    (void)uv_timer_init(loop, &worker->tick);
    (void)uv_timer_init(loop, &worker->accept_timer);
    (void)uv_timer_init(loop, &worker->drain_timer);
    (void)uv_timer_init(loop, &worker->beat);
    worker->async.data = worker->prepare.data = worker;
    worker->tick.data = worker->drain_timer.data = worker->beat.data = worker;
    (void)uv_prepare_start(&worker->prepare, on_prepare);
    if (worker->handler->on_beat != NULL)
        (void)uv_timer_start(&worker->beat, on_beat, RKD_BEAT_MS, RKD_BEAT_MS);
    rkd_wheel_init(&worker->wheel, tick_shift(&worker->net->limits), uv_now(loop));
    return RK_OK;
}

enum rk_err rkd_worker_new(struct rkd_net *net, unsigned index, const struct rkd_handler *handler,
                           void *worker_ctx, struct rkd_worker **out)
{
    const size_t longest = 2 * (size_t)net->limits.answer_bytes;
    const size_t out_cap = longest > RKD_OUT_BYTES ? longest : RKD_OUT_BYTES;
    struct rkd_worker *worker = calloc(1, sizeof(*worker) + out_cap);
    enum rk_err err;

    if (worker == NULL)
        return RK_E_NOMEM;
    worker->net = net;
    worker->handler = handler;
    worker->ctx = worker_ctx;
    worker->index = index;
    worker->reserve_fd = -1;
    worker->out_cap = out_cap;
    for (size_t i = 0; i < RKD_LISTEN_MAX; i++)
        worker->acceptors[i].fd = -1;
    worker->read = malloc(RKD_READ_BYTES);
    err = worker->read == NULL ? RK_E_NOMEM : open_handles(worker);
    if (err != RK_OK) {
        free(worker->read);
        free(worker);
        return err;
    }
    err = rkd_accept_open(worker);
    if (err != RK_OK) {
        rkd_worker_free(worker);
        return err;
    }
    *out = worker;
    return RK_OK;
}

void rkd_worker_run(struct rkd_worker *worker)
{
    sigset_t set;

    /* We send with MSG_NOSIGNAL; this is for whatever else in the thread may write to a pipe. */
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    end_turn(worker); /* a stopped loop does not prepare to sleep */
}

void rkd_worker_free(struct rkd_worker *worker)
{
    struct rkd_exchange *x;

    if (worker == NULL)
        return;
    while (worker->conns != NULL)
        (void)rkd_conn_cut(worker->conns);
    rkd_accept_close(worker);
    uv_close((uv_handle_t *)&worker->async, NULL);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
    uv_close((uv_handle_t *)&worker->tick, NULL);
    uv_close((uv_handle_t *)&worker->accept_timer, NULL);
    uv_close((uv_handle_t *)&worker->drain_timer, NULL);
    uv_close((uv_handle_t *)&worker->beat, NULL);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* lets uv give back what was closed */
    (void)uv_loop_close(&worker->loop);
    while ((x = worker->free_exchanges) != NULL) {
        worker->free_exchanges = x->next;
        free(x);
    }
    if (worker->reserve_fd >= 0)
        (void)close(worker->reserve_fd);
    free(worker->read);
    free(worker);
}
