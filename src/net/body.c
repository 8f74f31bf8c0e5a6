/*
 * body.c - frames a request with llhttp, after our own scan let it pass: both must agree.
 *
 * May touch: the exchange and the bytes it is given; a decoded body is moved together in place,
 * behind its head. Knows no socket. llhttp is fed exactly the bytes of one message, never more.
 */
#include "net/worker.h"

static struct rkd_exchange *owner(llhttp_t *parser)
{
    return parser->data;
}

/* H7: an upgrade is a request like any other; llhttp would stop at its end. */
static int on_headers_complete(llhttp_t *parser)
{
    parser->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct rkd_exchange *x = owner(parser);
    char *to = x->body + x->body_len;

    if (x->is_dropping)
        return 0;
    if (at != to)
        memmove(to, at, len); /* chunk framing lay between: `to` is always before `at` */
    x->body_len += len;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    owner(parser)->is_llhttp_done = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static bool feed(struct rkd_exchange *x, struct rk_str bytes)
{
    return bytes.len == 0 || llhttp_execute(&x->llhttp, bytes.ptr, bytes.len) == HPE_OK;
}

/*
 * The head as llhttp understands it, where semantics.md is wider than llhttp: a method of its own
 * list in place of one it does not know, no HTAB behind a value.
 */
static bool feed_tidied(struct rkd_exchange *x, const char *end)
{
    const struct rkd_request *req = &x->request;
    struct rk_str method = req->method == RKD_METHOD_OTHER ? RK_STR("POST") : req->method_text;
    const char *rest = req->method_text.ptr + req->method_text.len;
    const char *line_end = req->header_count != 0 ? req->headers[0].name.ptr : end - 2;
    bool ok = feed(x, method) && feed(x, rki_str(rest, (size_t)(line_end - rest)));

    for (size_t i = 0; ok && i < req->header_count; i++)
        ok = feed(x, req->headers[i].name) && feed(x, RK_STR(": ")) &&
             feed(x, req->headers[i].value) && feed(x, RK_STR("\r\n"));
    return ok && feed(x, RK_STR("\r\n"));
}

bool rkd_body_begin(struct rkd_exchange *x, const struct rkd_head_state *head, const char *data)
{
    llhttp_init(&x->llhttp, HTTP_REQUEST, &settings);
    x->llhttp.data = x;
    x->is_llhttp_done = false;
    x->chunk = (struct rkd_chunk){0};
    x->body_left = x->request.content_length;
    x->body_len = 0;
    if (head->is_odd ? !feed_tidied(x, data + head->pos)
                     : !feed(x, rki_str(data + head->start, head->pos - head->start)))
        return false;
    return x->is_llhttp_done != x->request.has_body;
}

static enum rkd_body whole(struct rkd_exchange *x, uint64_t want)
{
    if (!x->is_llhttp_done || (!x->is_dropping && x->body_len != want))
        return RKD_BODY_BAD;
    if (!x->is_dropping)
        x->request.body = rki_str(x->body, x->body_len);
    return RKD_BODY_WHOLE;
}

/* Runs of bytes meant for llhttp are gathered, so that a chunk costs one call and not five. */
static enum rkd_body take_chunked(struct rkd_exchange *x, const struct rkd_net_limits *limits,
                                  const char *data, size_t len, size_t *out_used)
{
    struct rkd_net_limits own = *limits;
    enum rkd_chunk_kind kind;
    size_t from = 0, at = 0, step;

    own.body_bytes = rkd_exchange_body_max(x, limits);
    for (;;) {
        kind = rkd_chunk_next(&x->chunk, data + at, len - at, &own, &step);
        if (kind == RKD_CHUNK_FRAME || kind == RKD_CHUNK_DATA) {
            at += step;
            continue;
        }
        if (kind == RKD_CHUNK_LAST)
            at += step;
        if (!feed(x, rki_str(data + from, at - from)))
            return RKD_BODY_BAD;
        if (kind != RKD_CHUNK_SKIPPED)
            break;
        at += step;
        from = at;
    }
    *out_used = at;
    x->request.bytes_in += at;
    if (kind == RKD_CHUNK_MORE)
        return RKD_BODY_MORE;
    if (kind == RKD_CHUNK_LAST)
        return whole(x, x->chunk.data);
    if (kind == RKD_CHUNK_TOO_LARGE)
        return RKD_BODY_TOO_LARGE;
    return kind == RKD_CHUNK_ACCOUNT ? RKD_BODY_ACCOUNT : RKD_BODY_BAD;
}

enum rkd_body rkd_body_take(struct rkd_exchange *x, const struct rkd_net_limits *limits,
                            const char *data, size_t len, size_t *out_used)
{
    size_t take;

    if (x->request.is_chunked)
        return take_chunked(x, limits, data, len, out_used);
    take = x->body_left < len ? (size_t)x->body_left : len;
    *out_used = take;
    if (!feed(x, rki_str(data, take)))
        return RKD_BODY_BAD;
    x->body_left -= take;
    x->request.bytes_in += take;
    return x->body_left != 0 ? RKD_BODY_MORE : whole(x, x->request.content_length);
}
