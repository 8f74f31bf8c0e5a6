/*
 * redis_line.c - the Redis connection that stands: commands out, replies in, what is overdue.
 *
 * May touch: its rkd_redis. Commands are gathered and written once a turn of the loop.
 */
#include "net/redis_impl.h"

static size_t slot(size_t position)
{
    return position & (RKD_REDIS_IN_FLIGHT_MAX - 1);
}

static bool is_waited_for(const struct redis_call *call)
{
    return call->fn != NULL;
}

/* ---- out ---- */

bool redis_put(struct rkd_redis *redis, const struct rk_str *args, size_t count)
{
    const size_t before = redis->out.len;

    /* Always an array with lengths, so an argument may hold anything (RTL-09). */
    rki_buf_char(&redis->out, '*');
    rki_buf_int(&redis->out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        rki_buf_lit(&redis->out, "\r\n$");
        rki_buf_int(&redis->out, (int64_t)args[i].len);
        rki_buf_lit(&redis->out, "\r\n");
        rki_buf_put(&redis->out, args[i]);
    }
    rki_buf_lit(&redis->out, "\r\n");
    if (redis->out.overflow || redis->out.len - before > RKD_REDIS_COMMAND_MAX) {
        redis->out.overflow = false;
        redis->out.len = before;
        return false;
    }
    return true;
}

static void forget_sent(struct redis_write *sent)
{
    if (sent->has_secret)
        rk_wipe(sent->bytes.ptr, sent->bytes.len);
    sent->has_secret = false;
    sent->bytes.len = 0;
}

static void on_written(uv_write_t *req, int status)
{
    struct rkd_redis *redis = req->data;

    redis->is_sending = false;
    forget_sent(&redis->sent);
    if (status == UV_ECANCELED) /* the connection was dropped */
        return;
    if (status != 0)
        redis_drop(redis, "closed");
    else
        redis_flush(redis);
}

void redis_flush(struct rkd_redis *redis)
{
    const struct rki_buf gathered = redis->out;
    uv_buf_t piece;

    if (redis->is_sending || gathered.len == 0)
        return;
    redis->out = redis->sent.bytes;
    redis->sent.bytes = gathered;
    redis->sent.has_secret = redis->state == REDIS_GREETING;
    redis->sent.req.data = redis;
    piece = uv_buf_init(gathered.ptr, (unsigned)gathered.len);
    redis->is_sending =
        uv_write(&redis->sent.req, (uv_stream_t *)&redis->tcp, &piece, 1, on_written) == 0;
    if (!redis->is_sending) {
        forget_sent(&redis->sent);
        redis_drop(redis, "closed");
    }
}

/* ---- in ---- */

static const char *greeting_fault(const struct rkd_redis *redis, struct rk_str text)
{
    if (rki_str_starts_with(text, RK_STR("NOAUTH")) || rki_str_starts_with(text, RK_STR("NOPERM")))
        return "auth";
    return redis->greetings[redis->greeted];
}

/* NULL, or why the connection is of no use. */
static const char *take_greeting(struct rkd_redis *redis, const struct rkd_redis_reply *reply)
{
    if (reply->self.kind == RKD_REDIS_ERROR)
        return greeting_fault(redis, reply->self.text);
    if (reply->self.kind != RKD_REDIS_STATUS)
        return "protocol";
    if (++redis->greeted == redis->greeting_count)
        redis_greeted(redis);
    return NULL;
}

/* Errors in a row: the server is full, read-only, loading, or wants another password by now. */
static const char *count_errors(struct rkd_redis *redis, const struct rkd_redis_reply *reply)
{
    if (reply->self.kind != RKD_REDIS_ERROR) {
        redis->errors_in_row = 0;
        redis->attempts = 0;
        return NULL;
    }
    /* Not an error but a question: see EVALSHA. */
    if (rki_str_starts_with(reply->self.text, RK_STR("NOSCRIPT")))
        return NULL;
    return ++redis->errors_in_row < REDIS_ERRORS_MAX ? NULL : "errors";
}

static const char *take_reply(struct rkd_redis *redis, const struct rkd_redis_reply *reply)
{
    struct redis_call call;
    const char *why;

    if (redis->state == REDIS_GREETING)
        return take_greeting(redis, reply);
    if (redis->head == redis->tail)
        return "protocol"; /* nobody asked */
    call = redis->calls[slot(redis->head++)];
    why = count_errors(redis, reply);
    if (is_waited_for(&call))
        call.fn(call.ctx, reply);
    else
        redis->abandoned--;
    return why;
}

static const char *take_bytes(struct rkd_redis *redis, struct rk_str bytes)
{
    const struct rkd_redis_reply *reply;
    const char *why = NULL;

    if (!redis_parser_feed(redis->parser, bytes))
        return "protocol";
    while (why == NULL) {
        const int got = redis_parser_next(redis->parser, &reply);

        if (got <= 0)
            return got == 0 ? NULL : "protocol";
        why = take_reply(redis, reply);
    }
    return why;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct rkd_redis *redis = handle->data;

    (void)suggested;
    *out = uv_buf_init(redis->in, sizeof(redis->in));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct rkd_redis *redis = stream->data;
    const char *why = NULL;

    if (got < 0)
        why = redis->state == REDIS_UP ? "closed" : "connect";
    else if (got > 0)
        why = take_bytes(redis, rki_str(buf->base, (size_t)got));
    if (why != NULL)
        redis_drop(redis, why);
}

const char *redis_start_reading(struct rkd_redis *redis)
{
    redis_parser_free(redis->parser); /* a half reply of the connection before */
    redis->parser = redis_parser_new();
    if (redis->parser == NULL)
        return "memory";
    return uv_read_start((uv_stream_t *)&redis->tcp, on_alloc, on_read) == 0 ? NULL : "connect";
}

/* ---- time ---- */

static void give_up(struct redis_call *call, const char *why)
{
    const struct rkd_redis_reply none = {.fault = why};
    const struct redis_call asked = *call;

    call->fn = NULL;
    asked.fn(asked.ctx, &none);
}

uint64_t redis_expire(struct rkd_redis *redis, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    /* fn may send nothing now: something is overdue. So the ring stays as it is. */
    for (size_t at = redis->head; at != redis->tail; at++) {
        struct redis_call *call = &redis->calls[slot(at)];

        if (!is_waited_for(call))
            continue;
        if (call->due_ms > now_ms) {
            next = call->due_ms < next ? call->due_ms : next;
            continue;
        }
        if (redis->abandoned++ == 0)
            redis->overdue_since_ms = now_ms;
        give_up(call, "timeout");
    }
    return next;
}

void redis_fail_all(struct rkd_redis *redis, const char *why)
{
    rk_wipe(redis->out.ptr, redis->out.len); /* the password may be there */
    redis->out.len = 0;
    while (redis->head != redis->tail) {
        struct redis_call *call = &redis->calls[slot(redis->head++)];

        if (is_waited_for(call))
            give_up(call, why);
    }
    redis->abandoned = 0;
}

static void on_turn(uv_prepare_t *flusher)
{
    struct rkd_redis *redis = flusher->data;

    (void)uv_prepare_stop(flusher);
    redis_flush(redis);
}

bool rkd_redis_command(struct rkd_redis *redis, const struct rk_str *args, size_t count,
                       uint32_t timeout_ms, rkd_redis_fn *fn, void *ctx)
{
    struct redis_call *call = &redis->calls[slot(redis->tail)];

    if (redis->state != REDIS_UP)
        return false;
    if (redis->abandoned != 0) {
        redis->fault = "slow";
        return false;
    }
    if (redis->tail - redis->head == RKD_REDIS_IN_FLIGHT_MAX || !redis_put(redis, args, count)) {
        redis->fault = "busy";
        return false;
    }
    uv_update_time(redis->uv); /* the turn may have been long */
    *call = (struct redis_call){.fn = fn, .ctx = ctx, .due_ms = uv_now(redis->uv) + timeout_ms};
    redis->tail++;
    redis_wake_at(redis, call->due_ms);
    (void)uv_prepare_start(&redis->flusher, on_turn);
    return true;
}
