/*
 * output.c - hands answers to the kernel: one send for all that were gathered, the rest kept.
 *
 * May touch: the connection's socket, the worker's output buffer. A dead socket is noted, never
 * closed here: callers up the stack still use the connection.
 */
#include "net/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

bool rkd_worker_has_room(const struct rkd_worker *worker)
{
    return worker->out_cap - worker->out_len >= worker->net->limits.answer_bytes &&
           worker->gathered < RKD_GATHERED_MAX;
}

/* How many bytes the kernel took. */
static size_t send_some(struct rkd_conn *conn, const char *data, size_t len)
{
    ssize_t n;

    if (conn->is_gone || len == 0)
        return 0;
    do
        n = send(conn->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno != EAGAIN) /* Linux: the same as EWOULDBLOCK */
            conn->is_gone = true;
        return 0;
    }
    conn->out_sent += (uint64_t)n;
    return (size_t)n;
}

static void keep_rest(struct rkd_conn *conn, const char *data, size_t len)
{
    struct rkd_view *out = &conn->out;
    size_t held = out->len - out->off;
    char *more = malloc(held + len);

    if (more == NULL) {
        conn->is_gone = true;
        return;
    }
    if (out->data != NULL)
        memcpy(more, out->data + out->off, held);
    if (held == 0)
        conn->write_deadline_ms = uv_now(&conn->worker->loop) + conn->worker->net->limits.write_ms;
    memcpy(more + held, data, len);
    free(out->data);
    *out = (struct rkd_view){.data = more, .len = held + len, .cap = held + len};
}

void rkd_conn_push(struct rkd_conn *conn)
{
    struct rkd_worker *worker = conn->worker;
    size_t sent = 0;

    if (worker->out_conn != conn)
        return;
    if (conn->out.data == NULL)
        sent = send_some(conn, worker->out, worker->out_len);
    if (sent < worker->out_len && !conn->is_gone)
        keep_rest(conn, worker->out + sent, worker->out_len - sent);
    worker->out_conn = NULL;
    worker->out_len = 0;
    worker->gathered = 0;
}

void rkd_conn_push_rest(struct rkd_conn *conn)
{
    struct rkd_view *out = &conn->out;

    out->off += send_some(conn, out->data + out->off, out->len - out->off);
    if (out->off == out->len) {
        free(out->data);
        *out = (struct rkd_view){0};
    }
}

void rkd_conn_continue(struct rkd_conn *conn)
{
    static const struct rk_str text = RK_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    struct rkd_worker *worker = conn->worker;

    if (worker->out_conn != NULL && worker->out_conn != conn)
        rkd_conn_push(worker->out_conn);
    worker->out_conn = conn;
    memcpy(worker->out + worker->out_len, text.ptr, text.len); /* has_room was asked */
    worker->out_len += text.len;
    conn->out_total += text.len;
}

static void over(struct rkd_worker *worker, struct rkd_exchange *x, bool sent)
{
    if (x->was_shown && worker->handler->on_done != NULL)
        worker->handler->on_done(worker->ctx, x, sent);
    rkd_exchange_give(worker, x);
}

void rkd_conn_finish(struct rkd_conn *conn)
{
    struct rkd_exchange *x;

    while ((x = conn->first) != NULL && (x->out_end <= conn->out_sent || conn->is_gone)) {
        conn->first = x->next;
        if (conn->first == NULL)
            conn->last = NULL;
        over(conn->worker, x, x->out_end <= conn->out_sent);
    }
    if (conn->is_gone && (x = conn->x) != NULL) {
        conn->x = NULL;
        over(conn->worker, x, false);
    }
}
