/*
 * redis.h - commands to one Redis or Valkey server on the keeper's loop, and never a wait.
 *
 * One connection, pipelined: AUTH, SELECT and PING first, so a server that takes connections but
 * does not answer is not "up". Every command has a deadline of its own; what is not answered by
 * then is answered RKD_REDIS_NONE, and its late reply is dropped. While a reply is overdue, the
 * connection is down or too much is under way, rkd_redis_command says no at once: a slow server
 * costs the first callers their time-out and the others nothing. Overdue for a second, five errors
 * in a row or a reply that is no such thing end the connection. It is made anew after 100 ms,
 * doubled up to 5 s, with jitter.
 *
 * hiredis parses replies, bytes and elements bounded; its own connection is not used (0.14 has no
 * async time-out), nor is TLS. Names are resolved on a thread of their own that nobody waits for.
 * Everything here belongs to the thread that runs the loop.
 */
#ifndef RKD_NET_REDIS_H
#define RKD_NET_REDIS_H

#include "net/net.h"

enum {
    RKD_REDIS_IN_FLIGHT_MAX = 4096,   /* commands that wait for a reply */
    RKD_REDIS_COMMAND_MAX = 8 * 1024, /* bytes of one command as sent */
    RKD_REDIS_ITEMS_MAX = 8,          /* of an array; longer or nested ones are RKD_REDIS_OTHER */
    RKD_REDIS_PASSWORD_MAX = 1024,
};

/* redis://[[user]:password@]host[:port][/db], percent-decoded. Holds a secret: rk_wipe it. */
struct rkd_redis_url {
    char host[256]; /* a name, or a numeric address without brackets */
    uint16_t port;
    uint32_t db;
    char user[256], password[RKD_REDIS_PASSWORD_MAX + 1]; /* "" when absent */
};

/*
 * Pure. `password` as it is, when it does not stand in the URL, which then is
 * redis://[user@]host[:port][/db]; absent: none. On failure *out is wiped and out_diag->text says
 * what was expected, without quoting. Errors: RK_E_INVAL; RK_E_STATE for rediss://, which cannot be
 * had here.
 */
RK_NODISCARD enum rk_err rkd_redis_url_read(struct rk_str url, struct rk_str password,
                                            struct rkd_redis_url *out, struct rk_diag *out_diag);

enum rkd_redis_kind {
    RKD_REDIS_NONE = 0, /* no reply: `fault` says why */
    RKD_REDIS_ERROR,    /* `text`: "WRONGTYPE Operation..." */
    RKD_REDIS_STATUS,   /* `text` */
    RKD_REDIS_STRING,   /* `text` */
    RKD_REDIS_INTEGER,
    RKD_REDIS_NIL,
    RKD_REDIS_ARRAY, /* of items that are no arrays */
    RKD_REDIS_OTHER, /* a shape nobody here asks for */
};

struct rkd_redis_item {
    enum rkd_redis_kind kind;
    int64_t integer;
    struct rk_str text;
};

/* Borrowed for the call. */
struct rkd_redis_reply {
    struct rkd_redis_item self;
    const char *fault; /* of RKD_REDIS_NONE: a constant, see rkd_redis_fault */
    size_t item_count;
    struct rkd_redis_item items[RKD_REDIS_ITEMS_MAX];
};

typedef void rkd_redis_fn(void *ctx, const struct rkd_redis_reply *reply);

struct rkd_redis;

/* Begins to connect; *url is copied. Errors: RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_redis_new(struct rkd_loop *loop, const struct rkd_redis_url *url,
                                       struct rkd_redis **out);
/* Answers what is under way with RKD_REDIS_NONE, during this call. Before rkd_loop_free, or on a
 * loop that goes on; not in a callback. */
void rkd_redis_free(struct rkd_redis *redis);

/* Would a command be sent now? */
bool rkd_redis_is_up(const struct rkd_redis *redis);

/*
 * Why there is no reply: "starting", "resolve", "connect", "timeout", "slow", "closed", "protocol",
 * "auth", "select", "errors", "busy", "memory", "ended". Never NULL.
 */
const char *rkd_redis_fault(const struct rkd_redis *redis);

/*
 * Sends a command and calls fn once, later, never during this call, after `timeout_ms` (>= 1) at
 * the latest. Arguments may hold any bytes. False: it was not sent and fn will not be called;
 * rkd_redis_fault says why. fn may send further commands.
 */
RK_NODISCARD bool rkd_redis_command(struct rkd_redis *redis, const struct rk_str *args,
                                    size_t count, uint32_t timeout_ms, rkd_redis_fn *fn, void *ctx);

#endif
