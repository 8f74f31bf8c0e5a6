/*
 * shared_limit.c - GCRA on Redis: one script, one key, one answer.
 *
 * May touch: its arguments, the keeper's loop through net/redis.h, the monotonic clock.
 */
#include "serve/shared_limit.h"

#include "core/mac.h"
#include "serve/clock.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    SHA1_HEX = 40,
    KEY_HASH_BYTES = 16,
    KEY_MAX = 64,
    TAKES_MAX = RKD_REDIS_IN_FLIGHT_MAX,
    NO_TAKE = TAKES_MAX,
};

/* Lua has doubles: up to 2^53 every microsecond is exact. 2026 is 1.8e15 of them. */
static const uint64_t DEBT_MAX_US = 2000000000000000;
static const uint64_t NS_PER_MS = 1000000;

/*
 * Numbers are written with %.0f: Lua's own form has 14 digits. A value that is no number counts as
 * none at all (NaN as well: every comparison with it is false), one that is no string is an error.
 * A clock that went back and a rate that was changed owe a whole burst at most.
 */
static const struct rk_str script =
    RK_STR_INIT("local T, B = tonumber(ARGV[1]), tonumber(ARGV[2]) "
                "local c = redis.call('TIME') "
                "local now = c[1] * 1000000 + c[2] "
                "local tat = tonumber(redis.call('GET', KEYS[1]) or 0) or 0 "
                "if not (tat >= now) then tat = now elseif tat > now + B then tat = now + B end "
                "local new = tat + T "
                "if now < new - B then return {0, new - B - now} end "
                "redis.call('SET', KEYS[1], string.format('%.0f', new), 'PX', "
                "string.format('%.0f', math.ceil((new - now) / 1000))) "
                "return {1, 0}");

struct take {
    struct rkd_shared_limit *limit;
    rkd_shared_limit_fn *fn;
    void *ctx;
    uint64_t due_ns;
    uint64_t period_us, burst_us;
    uint16_t key_len;
    uint16_t next_free;
    char key[KEY_MAX];
};

struct rkd_shared_limit {
    struct rkd_redis *redis;
    struct rki_mac *mac; /* NULL: plain hash */
    uint32_t timeout_ms;
    rkd_shared_limit_log_fn *log;
    void *log_ctx;
    uint64_t unknown, logged_unknown; /* all, and of them those that were told */
    uint64_t logged_ns;
    bool has_logged, is_unwell; /* the last one was not known, as far as the log knows */
    char sha1[SHA1_HEX];
    struct take *takes; /* TAKES_MAX; [0, touched) were used before, the free ones are chained */
    uint16_t first_free, touched;
};

/* ---- keys ---- */

static void put_hex(struct rki_buf *buf, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        rki_buf_char(buf, digits[bytes[i] >> 4]);
        rki_buf_char(buf, digits[bytes[i] & 15]);
    }
}

static struct rk_str layer_name(enum rkd_layer layer)
{
    static const struct rk_str names[] = {
        [RKD_LAYER_ADDRESS] = RK_STR_INIT("address"),
        [RKD_LAYER_FAILURES] = RK_STR_INIT("failures"),
        [RKD_LAYER_CALLER] = RK_STR_INIT("caller"),
        [RKD_LAYER_ROOM] = RK_STR_INIT("room"),
    };

    return names[layer];
}

/* SHA-256 of layer, NUL and text. Two steps, so that a text of any length needs no memory. */
static bool hash_plain(struct rk_str layer, struct rk_str text, unsigned char out[RKI_MAC_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(ctx, layer.ptr, layer.len) == 1 &&
              EVP_DigestUpdate(ctx, "", 1) == 1 &&
              EVP_DigestUpdate(ctx, text.len == 0 ? "" : text.ptr, text.len) == 1 &&
              EVP_DigestFinal_ex(ctx, out, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

/*
 * roomkey:{layer}:{32 hex digits}. Nothing of the text is left, no brace is there for a cluster to
 * pin a slot by, no blank to end an argument (RTL-09).
 */
static bool make_key(struct rkd_shared_limit *limit, struct take *take, enum rkd_layer layer,
                     struct rk_str text)
{
    const struct rk_str name = layer_name(layer);
    struct rki_buf buf = rki_buf_over(take->key, sizeof(take->key));
    unsigned char hash[RKI_MAC_SIZE];

    if (!hash_plain(name, text, hash))
        return false;
    if (limit->mac != NULL &&
        rki_mac_run(limit->mac, rki_str((const char *)hash, sizeof(hash)), hash) != RK_OK)
        return false;
    rki_buf_lit(&buf, "roomkey:");
    rki_buf_put(&buf, name);
    rki_buf_char(&buf, ':');
    put_hex(&buf, hash, KEY_HASH_BYTES);
    take->key_len = (uint16_t)buf.len;
    return !buf.overflow;
}

struct rk_str rkd_shared_limit_addr(const struct rkd_addr *addr, char out[17])
{
    const size_t len = addr->is_v4 ? sizeof(addr->bytes) : sizeof(addr->bytes) / 2;

    out[0] = addr->is_v4 ? '4' : '6';
    memcpy(out + 1, addr->bytes, len);
    return rki_str(out, len + 1);
}

/* ---- the log ---- */

static void tell(struct rkd_shared_limit *limit, const char *why, uint64_t now_ns)
{
    if (why != NULL && strcmp(why, "starting") == 0)
        return; /* the first milliseconds are no news */
    if (limit->has_logged &&
        now_ns - limit->logged_ns < (uint64_t)RKD_SHARED_LOG_EVERY_MS * NS_PER_MS)
        return;
    limit->has_logged = true;
    limit->logged_ns = now_ns;
    limit->is_unwell = why != NULL;
    if (limit->log != NULL)
        limit->log(limit->log_ctx, why, limit->unknown - limit->logged_unknown);
    limit->logged_unknown = limit->unknown;
}

/* ---- takes ---- */

static struct take *new_take(struct rkd_shared_limit *limit)
{
    struct take *take;

    if (limit->first_free != NO_TAKE) {
        take = &limit->takes[limit->first_free];
        limit->first_free = take->next_free;
        return take;
    }
    return limit->touched == TAKES_MAX ? NULL : &limit->takes[limit->touched++];
}

static void free_take(struct take *take)
{
    struct rkd_shared_limit *limit = take->limit;

    take->next_free = limit->first_free;
    limit->first_free = (uint16_t)(take - limit->takes);
}

/* The take is free before its caller is told: the caller may take again. */
static void answer(struct take *take, const struct rkd_shared_verdict *verdict)
{
    rkd_shared_limit_fn *fn = take->fn;
    void *ctx = take->ctx;

    free_take(take);
    fn(ctx, verdict);
}

static void answer_unknown(struct take *take, const char *why)
{
    const struct rkd_shared_verdict unknown = {0};
    struct rkd_shared_limit *limit = take->limit;

    limit->unknown++;
    tell(limit, why, rkd_clock_mono_ns());
    answer(take, &unknown);
}

static bool is_error(const struct rkd_redis_reply *reply, struct rk_str code)
{
    return reply->self.kind == RKD_REDIS_ERROR && rki_str_starts_with(reply->self.text, code);
}

/* Errors inside a script may name the script first: the code is looked for anywhere. */
static bool mentions(const struct rkd_redis_reply *reply, const char *code)
{
    const struct rk_str text = reply->self.text;

    return memmem(text.ptr, text.len, code, strlen(code)) != NULL;
}

/* NULL: it is {0|1, microseconds}. */
static const char *why_not(const struct rkd_redis_reply *reply)
{
    if (reply->self.kind == RKD_REDIS_NONE)
        return reply->fault;
    if (reply->self.kind == RKD_REDIS_ERROR)
        return mentions(reply, "WRONGTYPE") ? "wrong_type"
               : mentions(reply, "NOAUTH")  ? "no_auth"
               : mentions(reply, "NOPERM")  ? "no_auth"
               : mentions(reply, "OOM")     ? "no_memory"
                                            : "error";
    if (reply->self.kind != RKD_REDIS_ARRAY || reply->item_count != 2 ||
        reply->items[0].kind != RKD_REDIS_INTEGER || reply->items[1].kind != RKD_REDIS_INTEGER ||
        reply->items[0].integer < 0 || reply->items[0].integer > 1 || reply->items[1].integer < 0)
        return "shape";
    return NULL;
}

static uint32_t seconds_up(int64_t us)
{
    const int64_t seconds = us / 1000000 + (us % 1000000 != 0 ? 1 : 0);

    if (seconds < 1)
        return 1;
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static void answer_known(struct take *take, const struct rkd_redis_reply *reply)
{
    const bool allowed = reply->items[0].integer == 1;
    const struct rkd_shared_verdict verdict = {
        .known = true,
        .allowed = allowed,
        .retry_after_s = allowed ? 0 : seconds_up(reply->items[1].integer),
    };

    if (take->limit->is_unwell)
        tell(take->limit, NULL, rkd_clock_mono_ns());
    answer(take, &verdict);
}

static void on_eval(void *ctx, const struct rkd_redis_reply *reply)
{
    struct take *take = ctx;
    const char *why = why_not(reply);

    if (why != NULL)
        answer_unknown(take, why);
    else
        answer_known(take, reply);
}

/* False: nothing was sent. */
static bool send_eval(struct take *take, struct rk_str verb, struct rk_str body,
                      uint32_t timeout_ms, rkd_redis_fn *fn)
{
    char period[24], burst[24];
    struct rki_buf period_buf = rki_buf_over(period, sizeof(period));
    struct rki_buf burst_buf = rki_buf_over(burst, sizeof(burst));

    rki_buf_int(&period_buf, (int64_t)take->period_us);
    rki_buf_int(&burst_buf, (int64_t)take->burst_us);
    return rkd_redis_command(take->limit->redis,
                             (const struct rk_str[]){
                                 verb,
                                 body,
                                 RK_STR("1"),
                                 rki_str(take->key, take->key_len),
                                 rki_buf_str(&period_buf),
                                 rki_buf_str(&burst_buf),
                             },
                             6, timeout_ms, fn, take);
}

static void on_evalsha(void *ctx, const struct rkd_redis_reply *reply)
{
    struct take *take = ctx;
    const uint64_t now_ns = rkd_clock_mono_ns();

    if (!is_error(reply, RK_STR("NOSCRIPT"))) {
        on_eval(take, reply);
        return;
    }
    /* A server that was started anew: it learns the script by this, within what time is left. */
    if (now_ns + NS_PER_MS > take->due_ns)
        answer_unknown(take, "timeout");
    else if (!send_eval(take, RK_STR("EVAL"), script,
                        (uint32_t)((take->due_ns - now_ns) / NS_PER_MS), on_eval))
        answer_unknown(take, rkd_redis_fault(take->limit->redis));
}

void rkd_shared_limit_take(struct rkd_shared_limit *limit, enum rkd_layer layer, struct rk_str key,
                           const struct rkd_rate *rate, rkd_shared_limit_fn *fn, void *ctx)
{
    const struct rkd_shared_verdict off = {.known = true, .allowed = true}, unknown = {0};
    struct take *take;

    if (rate->burst == 0 || rate->period_ns == 0) {
        fn(ctx, &off);
        return;
    }
    take = new_take(limit);
    if (take == NULL) {
        limit->unknown++;
        tell(limit, "busy", rkd_clock_mono_ns());
        fn(ctx, &unknown);
        return;
    }
    take->limit = limit;
    take->fn = fn;
    take->ctx = ctx;
    take->due_ns = rkd_clock_mono_ns() + limit->timeout_ms * NS_PER_MS;
    /* Rounded up: never more than the local limiter admits. */
    take->period_us = rate->period_ns / 1000 + (rate->period_ns % 1000 != 0 ? 1 : 0);
    if (take->period_us > DEBT_MAX_US)
        take->period_us = DEBT_MAX_US;
    take->burst_us =
        rate->burst > DEBT_MAX_US / take->period_us ? DEBT_MAX_US : rate->burst * take->period_us;
    if (!make_key(limit, take, layer, key))
        answer_unknown(take, "crypto");
    else if (!send_eval(take, RK_STR("EVALSHA"), rki_str(limit->sha1, SHA1_HEX), limit->timeout_ms,
                        on_evalsha))
        answer_unknown(take, rkd_redis_fault(limit->redis));
}

/* ---- beginning and end ---- */

static enum rk_err set_hash_key(struct rkd_shared_limit *limit, struct rk_str secret)
{
    struct rk_key *key = NULL;
    enum rk_err err;

    if (secret.ptr == NULL)
        return RK_OK;
    err = rk_key_new(RK_STR("limit"), secret, &key);
    if (err == RK_OK)
        err = rki_mac_new(key, &limit->mac);
    rk_key_free(key);
    return err;
}

static enum rk_err name_script(struct rkd_shared_limit *limit)
{
    struct rki_buf hex = rki_buf_over(limit->sha1, sizeof(limit->sha1));
    unsigned char sha1[20];

    if (EVP_Digest(script.ptr, script.len, sha1, NULL, EVP_sha1(), NULL) != 1)
        return RK_E_CRYPTO;
    put_hex(&hex, sha1, sizeof(sha1));
    return RK_OK;
}

enum rk_err rkd_shared_limit_new(struct rkd_loop *loop,
                                 const struct rkd_shared_limit_options *options,
                                 struct rkd_shared_limit **out)
{
    struct rkd_shared_limit *limit = calloc(1, sizeof(*limit));
    enum rk_err err = RK_E_NOMEM;

    if (limit == NULL)
        return RK_E_NOMEM;
    limit->timeout_ms = options->timeout_ms == 0 ? 1 : options->timeout_ms;
    limit->log = options->log;
    limit->log_ctx = options->log_ctx;
    limit->first_free = NO_TAKE;
    limit->takes = malloc(TAKES_MAX * sizeof(*limit->takes)); /* untouched pages cost nothing */
    if (limit->takes == NULL)
        goto out;
    err = name_script(limit);
    if (err != RK_OK)
        goto out;
    err = set_hash_key(limit, options->hash_key);
    if (err != RK_OK)
        goto out;
    err = rkd_redis_new(loop, &options->url, &limit->redis);
    if (err != RK_OK)
        goto out;
    *out = limit;
    limit = NULL;
out:
    rkd_shared_limit_free(limit);
    return err;
}

void rkd_shared_limit_free(struct rkd_shared_limit *limit)
{
    if (limit == NULL)
        return;
    limit->log = NULL;
    rkd_redis_free(limit->redis); /* answers the takes */
    rki_mac_free(limit->mac);
    free(limit->takes);
    free(limit);
}

uint64_t rkd_shared_limit_unknown(const struct rkd_shared_limit *limit)
{
    return limit->unknown;
}

bool rkd_shared_limit_is_up(const struct rkd_shared_limit *limit)
{
    return rkd_redis_is_up(limit->redis);
}
