/*
 * input.c - where the bytes of requests that are not yet whole, not answered or not sent stay.
 *
 * May touch: the connection's and the worker's read buffers. A request that is whole and answered
 * at once never leaves the worker's buffer; the others take what they need with them.
 */
#include "net/worker.h"

#include <stdlib.h>

enum {
    HEAD_BYTES_MIN = 2048,
    /* Behind a request, so that a pending one still notices that its client went away. */
    AHEAD_BYTES_MIN = 256,
    DROP_BYTES = 4096,
};

void rkd_input_free(struct rkd_conn *conn)
{
    free(conn->in.data);
    conn->in = (struct rkd_view){0};
}

static bool move(struct rkd_conn *conn, const struct rkd_view *from, size_t cap)
{
    size_t len = from->len - from->off;
    char *data = malloc(cap);

    if (data == NULL)
        return false;
    if (len != 0)
        memcpy(data, from->data + from->off, len);
    if (conn->x != NULL)
        rkd_head_rebase(&conn->x->request, from->data + from->off, data);
    free(conn->in.data);
    conn->in = (struct rkd_view){.data = data, .len = len, .cap = cap};
    return true;
}

bool rkd_input_reserve(struct rkd_conn *conn)
{
    struct rkd_view *in = &conn->in;
    size_t want = 2 * (in->len - in->off); /* a client is given no more than twice what it sent */

    if (in->len < in->cap)
        return true;
    return conn->x == NULL && move(conn, in, want < HEAD_BYTES_MIN ? HEAD_BYTES_MIN : want);
}

bool rkd_input_settle(struct rkd_conn *conn, struct rkd_view **view, struct rkd_exchange *x)
{
    const uint32_t body_bytes = rkd_exchange_body_max(x, &conn->worker->net->limits);
    const struct rkd_request *req = &x->request;
    size_t here = (*view)->len - (*view)->off, room = DROP_BYTES;

    if (req->is_chunked)
        room += body_bytes;
    else if (req->content_length <= body_bytes)
        room = (size_t)req->content_length;
    room += x->head_len + AHEAD_BYTES_MIN;
    if (room < here)
        room = here;
    if ((*view != &conn->in || conn->in.cap - conn->in.off < room) && !move(conn, *view, room))
        return false;
    *view = &conn->in;
    return true;
}

/* The worker's read buffer becomes the connection's. */
static bool adopt(struct rkd_conn *conn, const struct rkd_view *view)
{
    struct rkd_worker *worker = conn->worker;
    char *fresh = malloc(RKD_READ_BYTES);

    if (fresh == NULL)
        return false;
    rkd_input_free(conn);
    conn->in = *view;
    worker->read = fresh;
    return true;
}

bool rkd_input_keep(struct rkd_conn *conn, struct rkd_view *view)
{
    size_t len = view->len - view->off;

    if (conn->x == NULL && conn->first == NULL && (len == 0 || conn->is_ending)) {
        rkd_input_free(conn);
        return true;
    }
    if (view == &conn->in)
        return true;
    if (conn->x != NULL || conn->first != NULL) /* somebody still looks at these bytes */
        return adopt(conn, view);
    return move(conn, view, 2 * len < HEAD_BYTES_MIN ? HEAD_BYTES_MIN : 2 * len);
}
