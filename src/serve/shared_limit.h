/*
 * shared_limit.h - the limits that several instances keep together, in Redis or Valkey.
 *
 * The same GCRA as limiter.h, as one script on the server: one key a call, the server's clock, and
 * every key expires when its debt is paid, so memory there is what is active. Of any number of
 * simultaneous takes of any number of instances exactly `burst` pass.
 * A take that cannot be answered is "not known", within the time-out, whatever the server does; the
 * caller then asks its local limiter with the same rate. The local limits of addresses come first
 * anyhow, so a flood never gets here.
 * Everything belongs to the keeper's thread. Source: reference security s.6.5.
 */
#ifndef RKD_SERVE_SHARED_LIMIT_H
#define RKD_SERVE_SHARED_LIMIT_H

#include "net/redis.h"
#include "serve/limiter.h"

enum { RKD_SHARED_LOG_EVERY_MS = 10000 };

struct rkd_shared_limit;

/* All zero: not known. */
struct rkd_shared_verdict {
    bool known;
    bool allowed;
    uint32_t retry_after_s; /* when refused: >= 1 */
};

typedef void rkd_shared_limit_fn(void *ctx, const struct rkd_shared_verdict *verdict);

/*
 * Something for the log, at most once in 10 s: `unknown` takes were not known since the last call,
 * and why (a constant, see rkd_redis_fault; also "wrong_type", "no_auth", "no_memory", "error",
 * "shape", "crypto"). why NULL: takes are known again.
 */
typedef void rkd_shared_limit_log_fn(void *ctx, const char *why, uint64_t unknown);

struct rkd_shared_limit_options {
    struct rkd_redis_url url;
    uint32_t timeout_ms; /* 1 or more */
    /* Keys are HMAC-SHA-256 with it, the same on all instances; absent: plain SHA-256, from which
     * addresses can be found again by trying. Copied. */
    struct rk_str hash_key;
    rkd_shared_limit_log_fn *log; /* may be NULL */
    void *log_ctx;
};

/* Errors: RK_E_NOMEM, RK_E_CRYPTO, RK_E_KEY (an empty hash key). */
RK_NODISCARD enum rk_err rkd_shared_limit_new(struct rkd_loop *loop,
                                              const struct rkd_shared_limit_options *options,
                                              struct rkd_shared_limit **out);
/* Takes under way are answered "not known", during this call, so a reload may replace it at any
 * time. Before rkd_loop_free; not in a callback. */
void rkd_shared_limit_free(struct rkd_shared_limit *limit);

/*
 * Charges one if it is within the rate; a refusal charges nothing. Calls fn exactly once, within
 * the time-out: perhaps during this call, when it is certain that nothing can be asked. A rate that
 * is off is known and allowed. `key` names who is charged, any bytes; only its hash leaves the
 * process.
 */
void rkd_shared_limit_take(struct rkd_shared_limit *limit, enum rkd_layer layer, struct rk_str key,
                           const struct rkd_rate *rate, rkd_shared_limit_fn *fn, void *ctx);

/* Takes that were not known, ever. */
uint64_t rkd_shared_limit_unknown(const struct rkd_shared_limit *limit);
bool rkd_shared_limit_is_up(const struct rkd_shared_limit *limit);

/* An address as the text of a key: IPv4 whole, IPv6 by its first 64 bits, as rkd_limiter_key does.
 */
struct rk_str rkd_shared_limit_addr(const struct rkd_addr *addr, char out[17]);

#endif
