/*
 * redis.c - the life of the connection to Redis: resolve, connect, greet, be up, come back.
 *
 * May touch: its own handles on the keeper's loop. One timer stands for whatever the state waits
 * for; every state but UP has an end in time.
 */
#include "net/redis_impl.h"

#include <stdlib.h>

enum {
    RESOLVE_MS = 5000,
    LOOK_AGAIN_MS = 10, /* at a name's lookup */
    CONNECT_MS = 2000,
    GREET_MS = 1000,
    OVERDUE_MS = 1000, /* a reply so late will not come */
    BACK_OFF_MIN_MS = 100,
    BACK_OFF_MAX_MS = 5000,
    DOUBLINGS_MAX = 6, /* 3.2 s, and then the longest */
    SETTLED_MS = 5000, /* a connection that lasted so long was a good one */
    KEEP_ALIVE_S = 60,
};

static void on_time(uv_timer_t *timer);

void redis_wake_at(struct rkd_redis *redis, uint64_t at_ms)
{
    const uint64_t now_ms = uv_now(redis->uv);

    if (at_ms >= redis->timer_at_ms)
        return;
    redis->timer_at_ms = at_ms;
    (void)uv_timer_start(&redis->timer, on_time, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static void enter(struct rkd_redis *redis, enum redis_state state, uint64_t for_ms)
{
    redis->state = state;
    redis->phase_ends_ms = uv_now(redis->uv) + for_ms;
    redis_wake_at(redis, redis->phase_ends_ms);
}

/* ---- the end of a connection ---- */

static void destroy(struct rkd_redis *redis)
{
    redis_lookup_leave(redis->lookup);
    redis_parser_free(redis->parser);
    free(redis->calls);
    free(redis->out.ptr);
    free(redis->sent.bytes.ptr);
    rk_wipe(redis, sizeof(*redis));
    free(redis);
}

static void on_closed(uv_handle_t *handle)
{
    struct rkd_redis *redis = handle->data;

    redis->handles_open--;
    if (redis->state == REDIS_FREED && redis->handles_open == 0)
        destroy(redis);
}

static void close_tcp(struct rkd_redis *redis)
{
    if (redis->state == REDIS_CONNECTING || redis->state == REDIS_GREETING ||
        redis->state == REDIS_UP)
        uv_close((uv_handle_t *)&redis->tcp, on_closed);
}

/* So that a fleet does not come back at one instant. */
static uint64_t with_jitter(uint64_t ms)
{
    uint16_t random = 0;

    (void)uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
    return ms + random % (ms / 4);
}

void redis_drop(struct rkd_redis *redis, const char *why)
{
    uint64_t wait_ms = BACK_OFF_MAX_MS;

    if (redis->state == REDIS_WAITING || redis->state == REDIS_FREED)
        return;
    if (redis->state == REDIS_UP && uv_now(redis->uv) - redis->up_since_ms >= SETTLED_MS)
        redis->attempts = 0;
    if (redis->attempts < DOUBLINGS_MAX && redis->errors_in_row < REDIS_ERRORS_MAX)
        wait_ms = (uint64_t)BACK_OFF_MIN_MS << redis->attempts;
    close_tcp(redis);
    (void)uv_prepare_stop(&redis->flusher);
    redis->attempts++;
    redis->errors_in_row = 0;
    redis->fault = why;
    enter(redis, REDIS_WAITING, with_jitter(wait_ms));
    redis_fail_all(redis, why); /* last: callbacks see that nothing can be sent */
}

/* ---- the beginning ---- */

void redis_greeted(struct rkd_redis *redis)
{
    redis->state = REDIS_UP;
    redis->phase_ends_ms = UINT64_MAX;
    redis->up_since_ms = uv_now(redis->uv);
    redis->fault = "slow"; /* what it would be from here on, if anything */
}

static void put_greeting(struct rkd_redis *redis, const char *fault, const struct rk_str *args,
                         size_t count)
{
    (void)redis_put(redis, args, count); /* the buffer is empty and has room for all of them */
    redis->greetings[redis->greeting_count++] = fault;
}

static void greet(struct rkd_redis *redis)
{
    const struct rkd_redis_url *url = &redis->url;
    const struct rk_str password = rki_cstr(url->password), ping = RK_STR("PING");
    char digits[8];
    struct rki_buf db = rki_buf_over(digits, sizeof(digits));

    redis->greeting_count = redis->greeted = 0;
    if (url->user[0] != '\0')
        put_greeting(redis, "auth",
                     (const struct rk_str[]){RK_STR("AUTH"), rki_cstr(url->user), password}, 3);
    else if (url->password[0] != '\0')
        put_greeting(redis, "auth", (const struct rk_str[]){RK_STR("AUTH"), password}, 2);
    rki_buf_int(&db, url->db);
    if (url->db != 0)
        put_greeting(redis, "select", (const struct rk_str[]){RK_STR("SELECT"), rki_buf_str(&db)},
                     2);
    put_greeting(redis, "errors", &ping, 1);
    redis_flush(redis);
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct rkd_redis *redis = connecting->data;
    const char *why;

    if (status == UV_ECANCELED) /* dropped or freed meanwhile */
        return;
    if (status != 0) {
        redis_drop(redis, "connect");
        return;
    }
    (void)uv_tcp_nodelay(&redis->tcp, 1);
    (void)uv_tcp_keepalive(&redis->tcp, 1, KEEP_ALIVE_S);
    enter(redis, REDIS_GREETING, GREET_MS);
    why = redis_start_reading(redis);
    if (why != NULL)
        redis_drop(redis, why);
    else
        greet(redis);
}

static void start_connect(struct rkd_redis *redis)
{
    const struct redis_addresses *found = &redis->addresses;
    int failed;

    if (found->count == 0 || uv_tcp_init(redis->uv, &redis->tcp) != 0) {
        redis_drop(redis, found->count == 0 ? "resolve" : "memory");
        return;
    }
    redis->tcp.data = redis->connecting.data = redis;
    redis->handles_open++;
    enter(redis, REDIS_CONNECTING, CONNECT_MS);
    failed = uv_tcp_connect(&redis->connecting, &redis->tcp,
                            (const struct sockaddr *)&found->at[redis->attempts % found->count],
                            on_connected);
    if (failed != 0)
        redis_drop(redis, "connect");
}

static void look_at_lookup(struct rkd_redis *redis)
{
    if (redis->lookup != NULL && redis_lookup_is_done(redis->lookup, &redis->addresses)) {
        redis_lookup_leave(redis->lookup);
        redis->lookup = NULL;
        start_connect(redis);
    } else if (redis->lookup == NULL || uv_now(redis->uv) >= redis->phase_ends_ms) {
        redis_drop(redis, "resolve"); /* a lookup that goes on is looked at again next time */
    } else {
        redis_wake_at(redis, uv_now(redis->uv) + LOOK_AGAIN_MS);
    }
}

static void begin(struct rkd_redis *redis)
{
    enter(redis, REDIS_RESOLVING, RESOLVE_MS);
    if (redis_numeric(redis->url.host, redis->url.port, &redis->addresses)) {
        start_connect(redis);
        return;
    }
    if (redis->lookup == NULL)
        redis->lookup = redis_lookup_start(redis->url.host, redis->url.port);
    look_at_lookup(redis);
}

/* ---- time ---- */

static void look_at_replies(struct rkd_redis *redis)
{
    const uint64_t now_ms = uv_now(redis->uv);
    const uint64_t next_ms = redis_expire(redis, now_ms);

    redis_wake_at(redis, next_ms);
    if (redis->abandoned == 0)
        return;
    if (now_ms - redis->overdue_since_ms >= OVERDUE_MS)
        redis_drop(redis, "timeout");
    else
        redis_wake_at(redis, redis->overdue_since_ms + OVERDUE_MS);
}

static void on_time(uv_timer_t *timer)
{
    struct rkd_redis *redis = timer->data;

    redis->timer_at_ms = UINT64_MAX;
    if (redis->state == REDIS_UP)
        look_at_replies(redis);
    else if (redis->state == REDIS_RESOLVING)
        look_at_lookup(redis);
    else if (uv_now(redis->uv) < redis->phase_ends_ms)
        redis_wake_at(redis, redis->phase_ends_ms); /* it rang for a state that is over */
    else if (redis->state == REDIS_WAITING)
        begin(redis);
    else
        redis_drop(redis, "timeout");
}

/* ---- for the neighbours ---- */

enum rk_err rkd_redis_new(struct rkd_loop *loop, const struct rkd_redis_url *url,
                          struct rkd_redis **out)
{
    struct rkd_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL)
        return RK_E_NOMEM;
    redis->uv = rkd_loop_uv(loop);
    redis->url = *url;
    redis->fault = "starting";
    redis->timer_at_ms = UINT64_MAX;
    /* Pages nobody touches cost nothing. */
    redis->calls = malloc(RKD_REDIS_IN_FLIGHT_MAX * sizeof(*redis->calls));
    redis->out = rki_buf_over(malloc(REDIS_OUT_BYTES), REDIS_OUT_BYTES);
    redis->sent.bytes = rki_buf_over(malloc(REDIS_OUT_BYTES), REDIS_OUT_BYTES);
    if (redis->calls == NULL || redis->out.ptr == NULL || redis->sent.bytes.ptr == NULL) {
        destroy(redis);
        return RK_E_NOMEM;
    }
    (void)uv_timer_init(redis->uv, &redis->timer); /* neither can fail */
    (void)uv_prepare_init(redis->uv, &redis->flusher);
    redis->timer.data = redis->flusher.data = redis;
    redis->handles_open = 2;
    uv_update_time(redis->uv);
    begin(redis);
    *out = redis;
    return RK_OK;
}

void rkd_redis_free(struct rkd_redis *redis)
{
    if (redis == NULL)
        return;
    close_tcp(redis);
    redis->state = REDIS_FREED;
    uv_close((uv_handle_t *)&redis->timer, on_closed);
    uv_close((uv_handle_t *)&redis->flusher, on_closed);
    redis->fault = "ended";
    redis_fail_all(redis, "ended"); /* those who wait are not left waiting */
}

bool rkd_redis_is_up(const struct rkd_redis *redis)
{
    return redis->state == REDIS_UP && redis->abandoned == 0;
}

const char *rkd_redis_fault(const struct rkd_redis *redis)
{
    return redis->fault;
}
