/*
 * exchange.c - one request and its answer, as the handler sees it, and the worker's spare ones.
 *
 * May touch: the worker's output buffer and lists. Every function runs on the worker's thread.
 */
#include "net/worker.h"

#include <stdlib.h>

enum { SPARE_MAX = 64 };

struct rkd_exchange *rkd_exchange_take(struct rkd_worker *worker)
{
    struct rkd_exchange *x = worker->free_exchanges;

    if (x == NULL)
        return calloc(1, sizeof(*x));
    worker->free_exchanges = x->next;
    worker->free_count--;
    x->next = NULL;
    return x;
}

void rkd_exchange_give(struct rkd_worker *worker, struct rkd_exchange *x)
{
    if (worker->writing == x)
        worker->writing = NULL;
    if (worker->free_count == SPARE_MAX) {
        free(x);
        return;
    }
    /* The request and llhttp are set anew by the scan. */
    x->conn = NULL;
    x->slot = NULL;
    x->head_len = x->raw_len = x->body_len = 0;
    x->long_body = 0;
    x->was_shown = x->is_dropping = x->is_answered = x->is_last = x->has_verdict = false;
    x->next = worker->free_exchanges;
    worker->free_exchanges = x;
    worker->free_count++;
}

const struct rkd_request *rkd_exchange_request(const struct rkd_exchange *x)
{
    return &x->request;
}

const struct rkd_addr *rkd_exchange_peer(const struct rkd_exchange *x)
{
    return &x->conn->peer;
}

void **rkd_exchange_slot(struct rkd_exchange *x)
{
    return &x->slot;
}

struct rkd_conn_slot *rkd_exchange_conn_slot(struct rkd_exchange *x)
{
    return &x->conn->slot;
}

bool rkd_exchange_closes(const struct rkd_exchange *x)
{
    return x->is_last || x->conn->worker->is_draining;
}

void rkd_exchange_close_after(struct rkd_exchange *x)
{
    x->is_last = true;
}

void rkd_exchange_allow_body(struct rkd_exchange *x, uint32_t bytes)
{
    x->long_body = bytes;
}

void rkd_exchange_go_on(struct rkd_exchange *x, enum rkd_head_verdict verdict)
{
    struct rkd_conn *conn = x->conn;

    x->verdict = verdict;
    x->has_verdict = true;
    conn->stage = RKD_STAGE_READ;
    rkd_worker_resume_later(conn->worker, conn);
}

struct rki_buf *rkd_exchange_out(struct rkd_exchange *x)
{
    struct rkd_worker *worker = x->conn->worker;

    if (worker->writing == x)
        return &worker->answer;
    if (worker->out_conn != NULL && (worker->out_conn != x->conn || !rkd_worker_has_room(worker)))
        rkd_conn_push(worker->out_conn);
    worker->out_conn = x->conn;
    worker->writing = x;
    worker->answer = rki_buf_over(worker->out + worker->out_len, worker->out_cap - worker->out_len);
    return &worker->answer;
}

static void append(struct rkd_conn *conn, struct rkd_exchange *x)
{
    x->next = NULL;
    if (conn->last != NULL)
        conn->last->next = x;
    else
        conn->first = x;
    conn->last = x;
}

void rkd_exchange_send(struct rkd_exchange *x)
{
    struct rkd_conn *conn = x->conn;
    struct rkd_worker *worker = conn->worker;
    const struct rki_buf *answer;

    if (x->is_answered)
        return;
    answer = rkd_exchange_out(x);
    if (answer->overflow) {
        /* A fault of the handler's; better no answer than half of one. H16: those before it are
         * good. */
        rkd_conn_push(conn);
        conn->is_gone = true;
    } else {
        worker->out_len += answer->len;
        worker->gathered++;
    }
    conn->out_total += answer->len;
    worker->writing = NULL;
    x->is_answered = true;
    x->is_last |= worker->is_draining;
    x->out_end = conn->out_total;
    append(conn, x);
    if (conn->is_running)
        return;

    /* Given late: the request's bytes are done with, the rest is for the end of the turn, so that
     * no callback runs inside this call. */
    conn->in.off += x->raw_len;
    conn->x = NULL;
    conn->stage = RKD_STAGE_READ;
    conn->is_ending |= x->is_last;
    rkd_conn_push(conn);
    rkd_worker_resume_later(worker, conn);
}
