/*
 * read.c - from bytes to callbacks: the way of a request through head, body and answer.
 *
 * May touch: its connection's state, the handler. No socket calls: what comes in stands in a view,
 * what goes out is gathered in the worker's buffer. Rules: semantics H11, H12, H16, H17.
 */
#include "net/worker.h"

enum step {
    STEP_NEXT = 0, /* answered: on to the next request */
    STEP_MORE,
    STEP_FULL,
    STEP_PENDING,
    STEP_LAST,
};

static const struct rkd_net_limits *limits_of(const struct rkd_conn *conn)
{
    return &conn->worker->net->limits;
}

/* After on_request or on_fault. */
static enum step answered(struct rkd_conn *conn, struct rkd_view *view)
{
    struct rkd_exchange *x = conn->x;

    if (!x->is_answered) {
        conn->stage = RKD_STAGE_PENDING;
        return STEP_PENDING;
    }
    view->off += x->raw_len;
    conn->x = NULL;
    return x->is_last ? STEP_LAST : STEP_NEXT;
}

static enum step fail(struct rkd_conn *conn, enum rkd_fault fault)
{
    struct rkd_worker *worker = conn->worker;
    struct rkd_exchange *x = conn->x;

    x->is_last = true;
    x->was_shown = true;
    x->request.body = (struct rk_str){0};
    worker->handler->on_fault(worker->ctx, x, fault);
    if (!x->is_answered) /* against the contract: at least nobody hangs */
        conn->is_gone = true;
    else
        conn->x = NULL;
    return STEP_LAST;
}

/* The request is as whole as it will be; `raw_len` bytes of the view are it. */
static enum step ask(struct rkd_conn *conn, struct rkd_view *view, size_t raw_len)
{
    struct rkd_worker *worker = conn->worker;

    conn->x->raw_len = raw_len;
    conn->phase_deadline_ms = 0;
    /* H21: asked here and not by on_async alone, which may come after this request in the turn */
    conn->x->is_last |= atomic_load(&worker->drain_ms) != 0;
    worker->handler->on_request(worker->ctx, conn->x);
    return answered(conn, view);
}

/* H12: the answer cannot wait for this body. What follows on the connection is not looked at. */
static enum step ask_without_body(struct rkd_conn *conn, struct rkd_view *view)
{
    conn->x->is_last = true;
    return ask(conn, view, view->len - view->off);
}

static enum step read_body(struct rkd_conn *conn, struct rkd_view *view)
{
    struct rkd_exchange *x = conn->x;
    char *data = view->data + view->off;
    size_t at = x->head_len + x->body_len; /* nothing of a dropped body is kept */
    size_t used = 0;

    x->body = data + x->head_len;
    switch (rkd_body_take(x, limits_of(conn), data + at, view->len - view->off - at, &used)) {
    case RKD_BODY_MORE:
        view->len = view->off + x->head_len + x->body_len; /* chunk framing is done with */
        return STEP_MORE;
    case RKD_BODY_WHOLE:
        return ask(conn, view, at + used);
    case RKD_BODY_TOO_LARGE:
        return x->is_dropping ? ask_without_body(conn, view) : fail(conn, RKD_FAULT_BODY_TOO_LARGE);
    case RKD_BODY_ACCOUNT:
        return fail(conn, RKD_FAULT_HEADERS_TOO_LARGE);
    case RKD_BODY_BAD:
        break;
    }
    return fail(conn, RKD_FAULT_BAD_REQUEST);
}

static enum step begin_body(struct rkd_conn *conn, struct rkd_view *view,
                            enum rkd_head_verdict verdict)
{
    struct rkd_exchange *x = conn->x;
    const struct rkd_request *req = &x->request;
    const struct rkd_net_limits *limits = limits_of(conn);
    bool is_long = req->content_length > rkd_exchange_body_max(x, limits);
    bool waits = req->expect == RKD_EXPECT_CONTINUE && req->minor != 0;

    if (verdict == RKD_HEAD_WAIT) {
        conn->stage = RKD_STAGE_PENDING;
        return STEP_PENDING;
    }
    if (!req->has_body)
        return ask(conn, view, x->head_len);
    x->is_dropping = verdict == RKD_HEAD_DROP;
    if (x->is_dropping && (is_long || waits))
        return ask_without_body(conn, view);
    if (is_long)
        return fail(conn, RKD_FAULT_BODY_TOO_LARGE);
    conn->phase_deadline_ms = uv_now(&conn->worker->loop) + limits->body_ms;
    if (view->len - view->off != x->head_len)
        return read_body(conn, view);
    if (waits)
        rkd_conn_continue(conn);
    return STEP_MORE;
}

/* The head is whole. A body that is not here yet must not move the head when it comes. */
static enum step begin(struct rkd_conn *conn, struct rkd_view **view)
{
    struct rkd_worker *worker = conn->worker;
    struct rkd_exchange *x = conn->x;
    size_t here = (*view)->len - (*view)->off - conn->head.pos;
    bool is_here = !x->request.is_chunked && x->request.content_length <= here;
    enum rkd_head_verdict verdict;

    if (!is_here && conn->first != NULL) {
        /* It would take the view elsewhere, and those answered before it may neither be moved nor
         * left behind in the worker's buffer while their on_done is to come: send those first. */
        rkd_exchange_give(worker, x);
        conn->x = NULL;
        conn->head = (struct rkd_head_state){0};
        return STEP_FULL;
    }
    if (!rkd_body_begin(x, &conn->head, (*view)->data + (*view)->off))
        return fail(conn, RKD_FAULT_BAD_REQUEST);
    x->head_len = conn->head.pos;
    conn->head = (struct rkd_head_state){0};
    if (!is_here && !rkd_input_settle(conn, view, x)) {
        conn->is_gone = true;
        return STEP_LAST;
    }
    x->is_last = x->request.minor == 0 || x->request.asks_close;
    x->was_shown = true;
    verdict = worker->handler->on_head(worker->ctx, x);
    /* a longer body was allowed: room for it */
    if (!is_here && x->long_body != 0 && !rkd_input_settle(conn, view, x)) {
        conn->is_gone = true;
        return STEP_LAST;
    }
    return begin_body(conn, *view, verdict);
}

static enum step read_head(struct rkd_conn *conn, struct rkd_view **view)
{
    struct rkd_worker *worker = conn->worker;
    struct rkd_exchange *x = rkd_exchange_take(worker);
    enum rkd_fault fault = RKD_FAULT_BAD_REQUEST;
    enum rkd_scan scan;

    if (x == NULL) {
        conn->is_gone = true;
        return STEP_LAST;
    }
    scan = rkd_head_scan(&conn->head, (*view)->data + (*view)->off, (*view)->len - (*view)->off,
                         worker->net->limits.headers_bytes, &x->request, &fault);
    if (scan == RKD_SCAN_MORE) {
        rkd_exchange_give(worker, x);
        return STEP_MORE;
    }
    x->conn = conn;
    conn->x = x;
    conn->is_fresh = false;
    x->request.bytes_in = conn->head.pos - conn->head.start;
    return scan == RKD_SCAN_FAULT ? fail(conn, fault) : begin(conn, view);
}

/* The head waited for its verdict, which has come. */
static enum step take_verdict(struct rkd_conn *conn, struct rkd_view *view)
{
    conn->x->has_verdict = false;
    return begin_body(conn, view, conn->x->verdict);
}

static enum step next_step(struct rkd_conn *conn, struct rkd_view **view)
{
    if (conn->x == NULL)
        return read_head(conn, view);
    return conn->x->has_verdict ? take_verdict(conn, *view) : read_body(conn, *view);
}

enum rkd_run rkd_conn_run(struct rkd_conn *conn, struct rkd_view **view)
{
    static const enum rkd_run runs[] = {
        [STEP_MORE] = RKD_RUN_MORE,
        [STEP_FULL] = RKD_RUN_FULL,
        [STEP_PENDING] = RKD_RUN_PENDING,
        [STEP_LAST] = RKD_RUN_LAST,
    };
    enum step step = STEP_NEXT;

    if (conn->stage == RKD_STAGE_PENDING)
        return RKD_RUN_PENDING;
    while (step == STEP_NEXT) {
        if (!rkd_worker_has_room(conn->worker))
            return RKD_RUN_FULL;
        if (conn->x == NULL && (*view)->off == (*view)->len)
            return RKD_RUN_MORE;
        step = next_step(conn, view);
    }
    return runs[step];
}

void rkd_conn_fault(struct rkd_conn *conn, const struct rkd_view *view, enum rkd_fault fault)
{
    struct rkd_worker *worker = conn->worker;

    if (conn->x == NULL) { /* a partial head: tell what its first bytes say */
        struct rkd_head_state head = {0};
        enum rkd_fault ignored;
        struct rkd_exchange *x = rkd_exchange_take(worker);

        if (x == NULL) {
            conn->is_gone = true;
            return;
        }
        if (rkd_head_scan(&head, view->data + view->off, view->len - view->off,
                          worker->net->limits.headers_bytes, &x->request,
                          &ignored) != RKD_SCAN_MORE)
            fault = RKD_FAULT_BAD_REQUEST; /* cannot be: the run would have seen it */
        x->conn = conn;
        x->request.bytes_in = head.pos - head.start;
        conn->x = x;
    }
    conn->is_running = true;
    (void)fail(conn, fault);
    conn->is_running = false;
}
