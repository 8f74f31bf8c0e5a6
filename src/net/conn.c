/*
 * conn.c - a connection: its socket's events, its input, its deadlines, its end.
 *
 * May touch: its socket, its places in the worker's lists. Reads into the worker's buffer and
 * copies aside only what is not yet whole; does not read on while its answers are not taken by the
 * kernel. Only the functions that uv, the wheel or the worker call directly may close it: whoever
 * is called from the handler leaves marks (is_gone, is_ending).
 */
#include "net/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRESH_MS = 1000 };

static uint64_t now_ms(const struct rkd_conn *conn)
{
    return uv_now(&conn->worker->loop);
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_now(struct rkd_conn *conn)
{
    struct rkd_worker *worker = conn->worker;

    conn->is_gone = true;
    rkd_conn_finish(conn);
    conn->stage = RKD_STAGE_CLOSED;
    if (worker->out_conn == conn)
        rkd_conn_push(conn);
    rkd_worker_resume_never(worker, conn);
    rkd_wheel_remove(&worker->wheel, &conn->node);
    free(conn->in.data);
    free(conn->out.data);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        worker->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    uv_close((uv_handle_t *)&conn->poll, on_closed);
    (void)close(conn->fd);
    rkd_count_give(worker->net, conn->count);
    atomic_fetch_sub_explicit(&worker->net->load[worker->index].connections, 1,
                              memory_order_relaxed);
    rkd_worker_conn_closed(worker);
}

/* --- what to wait for --- */

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct rkd_conn *conn, int events, uint64_t deadline_ms)
{
    rkd_worker_arm(conn->worker, conn, deadline_ms);
    if (conn->watched == events)
        return;
    conn->watched = (uint8_t)events;
    if (events == 0)
        (void)uv_poll_stop(&conn->poll);
    else if (uv_poll_start(&conn->poll, events, on_poll) != 0)
        close_now(conn);
}

/* H12: our side is shut, theirs is read on, so that no reset overtakes the answer. */
static void linger(struct rkd_conn *conn)
{
    rkd_input_free(conn);
    if (conn->is_eof || shutdown(conn->fd, SHUT_WR) != 0) {
        close_now(conn);
        return;
    }
    conn->stage = RKD_STAGE_LINGER;
    conn->linger_left = RKD_LINGER_BYTES;
    watch(conn, UV_READABLE, now_ms(conn) + RKD_LINGER_MS);
}

static void wait_for_idle(struct rkd_conn *conn)
{
    const struct rkd_net_limits *limits = &conn->worker->net->limits;
    uint32_t wait_ms = limits->idle_ms;

    if (conn->is_eof || (conn->worker->is_draining && !conn->is_fresh)) {
        close_now(conn);
        return;
    }
    if (conn->is_fresh) /* from the backlog: its request is on its way, or it never comes */
        wait_ms = limits->head_ms < FRESH_MS ? limits->head_ms : FRESH_MS;
    conn->phase_deadline_ms = 0;
    watch(conn, UV_READABLE, now_ms(conn) + wait_ms);
}

static void wait_for_rest(struct rkd_conn *conn)
{
    if (conn->phase_deadline_ms == 0)
        conn->phase_deadline_ms = now_ms(conn) + conn->worker->net->limits.head_ms;
    watch(conn, UV_READABLE, conn->phase_deadline_ms);
}

static bool has_partial(const struct rkd_conn *conn)
{
    return conn->stage == RKD_STAGE_READ && (conn->x != NULL || rkd_head_has_begun(&conn->head));
}

/* The request at hand will never be whole. */
static void give_up(struct rkd_conn *conn, enum rkd_fault fault)
{
    rkd_conn_fault(conn, &conn->in, fault);
    conn->is_ending = true;
    rkd_conn_push(conn);
    rkd_conn_finish(conn);
}

/* After anything happened: what does this connection wait for now? */
static void settle(struct rkd_conn *conn)
{
    bool is_free = !conn->is_gone && !conn->is_ending && conn->out.data == NULL;

    if (is_free && conn->is_eof && has_partial(conn))
        give_up(conn, RKD_FAULT_BAD_REQUEST);

    if (conn->is_gone)
        close_now(conn);
    else if (conn->stage == RKD_STAGE_LINGER)
        return;
    else if (conn->out.data != NULL)
        watch(conn, UV_WRITABLE, conn->write_deadline_ms);
    else if (conn->is_ending)
        linger(conn);
    else if (conn->stage == RKD_STAGE_PENDING)
        watch(conn, conn->is_eof || conn->in.len == conn->in.cap ? 0 : UV_READABLE, UINT64_MAX);
    else if (has_partial(conn))
        wait_for_rest(conn);
    else
        wait_for_idle(conn);
}

/* --- the way on --- */

/* An answer that came while its connection was being worked on, but not from on_request. */
static bool take_late_answer(struct rkd_conn *conn)
{
    struct rkd_exchange *x = conn->x;

    if (x == NULL || !x->is_answered || conn->is_gone)
        return false;
    conn->in.off += x->raw_len;
    conn->is_ending |= x->is_last;
    conn->stage = RKD_STAGE_READ;
    conn->x = NULL;
    return true;
}

static void carry_on(struct rkd_conn *conn, struct rkd_view *view)
{
    enum rkd_run run;

    do {
        run = RKD_RUN_LAST;
        conn->is_running = true;
        if (!conn->is_ending && !conn->is_gone)
            run = rkd_conn_run(conn, &view);
        rkd_conn_push(conn);
        rkd_conn_finish(conn);
        conn->is_ending |= run == RKD_RUN_LAST;
        if (run == RKD_RUN_FULL && conn->out.data == NULL && !conn->is_gone)
            continue;
        if (!conn->is_gone && !rkd_input_keep(conn, view))
            conn->is_gone = true;
        view = &conn->in;
        run = take_late_answer(conn) ? RKD_RUN_FULL : RKD_RUN_MORE;
    } while (run == RKD_RUN_FULL);
    conn->is_running = false;
    settle(conn);
}

/* -1: nothing there; 0: end or dead (marked); else so many bytes. */
static ssize_t receive(struct rkd_conn *conn, char *data, size_t cap)
{
    ssize_t n;

    do
        n = recv(conn->fd, data, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        conn->is_eof = true;
    if (n >= 0 || errno == EAGAIN)
        return n;
    conn->is_gone = true;
    return 0;
}

static void read_on_lingering(struct rkd_conn *conn)
{
    ssize_t n = receive(conn, conn->worker->read, RKD_READ_BYTES);

    if (n == 0 || (n > 0 && (size_t)n >= conn->linger_left))
        close_now(conn);
    else if (n > 0)
        conn->linger_left -= (uint32_t)n;
}

static void on_readable(struct rkd_conn *conn)
{
    struct rkd_worker *worker = conn->worker;
    ssize_t n;

    if (conn->stage == RKD_STAGE_LINGER) {
        read_on_lingering(conn);
        return;
    }
    if (conn->in.data == NULL) {
        struct rkd_view view = {.data = worker->read, .cap = RKD_READ_BYTES};

        n = receive(conn, view.data, view.cap);
        if (n > 0) {
            view.len = (size_t)n;
            carry_on(conn, &view);
            return;
        }
    } else {
        if (!rkd_input_reserve(conn)) {
            close_now(conn);
            return;
        }
        n = receive(conn, conn->in.data + conn->in.len, conn->in.cap - conn->in.len);
        if (n > 0) {
            conn->in.len += (size_t)n;
            carry_on(conn, &conn->in);
            return;
        }
    }
    if (n == 0) /* what came before the end may still be served */
        carry_on(conn, &conn->in);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct rkd_conn *conn = handle->data;

    conn->worker->is_busy = true;
    if (conn->is_resuming) /* answered late: on_done first, while the bytes are there */
        rkd_conn_finish(conn);
    if (status < 0) { /* uv has stopped the poll: an error stands on the socket */
        conn->watched = 0;
        conn->is_gone = true;
        settle(conn);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && conn->out.data != NULL) {
        rkd_conn_push_rest(conn);
        rkd_conn_finish(conn);
        if (conn->out.data != NULL || conn->is_gone)
            settle(conn);
        else
            carry_on(conn, &conn->in);
        return;
    }
    if ((events & UV_READABLE) != 0)
        on_readable(conn);
}

/* --- what the worker calls --- */

bool rkd_conn_open(struct rkd_worker *worker, int fd, const struct rkd_addr *peer,
                   struct rkd_count *count)
{
    struct rkd_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL || uv_poll_init(&worker->loop, &conn->poll, fd) != 0) {
        free(conn);
        (void)close(fd);
        return false;
    }
    conn->poll.data = conn;
    conn->worker = worker;
    conn->fd = fd;
    conn->peer = *peer;
    conn->count = count;
    conn->is_fresh = worker->is_draining;
    conn->opened_ms = uv_now(&worker->loop);
    rkd_wheel_node_init(&conn->node);
    conn->next = worker->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    worker->conns = conn;
    atomic_fetch_add_explicit(&worker->net->load[worker->index].connections, 1,
                              memory_order_relaxed);
    settle(conn);
    return true;
}

void rkd_conn_late(struct rkd_conn *conn)
{
    conn->worker->is_busy = true;
    if (!has_partial(conn) || conn->out.data != NULL)
        conn->is_gone = true; /* idle, lingering, or its answer was not taken */
    else
        give_up(conn, RKD_FAULT_TIMEOUT);
    settle(conn);
}

void rkd_conn_resume(struct rkd_conn *conn)
{
    conn->worker->is_busy = true;
    rkd_conn_finish(conn);
    if (conn->is_gone || conn->out.data != NULL || conn->stage == RKD_STAGE_LINGER)
        settle(conn);
    else
        carry_on(conn, &conn->in);
}

void rkd_conn_drain(struct rkd_conn *conn)
{
    if (conn->stage == RKD_STAGE_READ && !has_partial(conn) && conn->out.data == NULL &&
        !conn->is_fresh) {
        on_readable(conn);
        if (conn->stage == RKD_STAGE_READ) { /* nothing came: idle, so closed */
            conn->is_fresh = conn->out_total == 0 && now_ms(conn) - conn->opened_ms < FRESH_MS;
            settle(conn);
        }
    }
}

bool rkd_conn_is_waiting(const struct rkd_conn *conn)
{
    char c;

    return conn->watched == UV_READABLE && conn->stage != RKD_STAGE_PENDING &&
           recv(conn->fd, &c, sizeof(c), MSG_PEEK | MSG_DONTWAIT) <= 0;
}

bool rkd_conn_cut(struct rkd_conn *conn)
{
    bool was_lost =
        conn->stage != RKD_STAGE_LINGER &&
        (conn->x != NULL || conn->first != NULL || conn->out.data != NULL || has_partial(conn));

    close_now(conn);
    return was_lost;
}
