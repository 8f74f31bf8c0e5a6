/*
 * redis_impl.h - what the files of the Redis client share: redis.c (the life of the connection),
 * redis_line.c (commands out, replies in), redis_reply.c (hiredis), redis_resolve.c (names).
 */
#ifndef RKD_NET_REDIS_IMPL_H
#define RKD_NET_REDIS_IMPL_H

#include "net/loop_impl.h"
#include "net/redis.h"

enum {
    REDIS_OUT_BYTES = 1024 * 1024,
    REDIS_IN_BYTES = 16 * 1024,
    REDIS_REPLY_MAX = 64 * 1024, /* bytes of one reply: ours have some thirty */
    REDIS_ADDRESSES_MAX = 8,
    REDIS_ERRORS_MAX = 5, /* in a row */
};

enum redis_state {
    REDIS_WAITING = 0, /* for the back-off to pass */
    REDIS_RESOLVING,
    REDIS_CONNECTING,
    REDIS_GREETING, /* AUTH, SELECT, PING are under way */
    REDIS_UP,
    REDIS_FREED, /* handles are closing */
};

/* ---- redis_reply.c ---- */

struct redis_parser;

struct redis_parser *redis_parser_new(void);
void redis_parser_free(struct redis_parser *parser);
/* False: no memory, or what was fed before is no reply. */
bool redis_parser_feed(struct redis_parser *parser, struct rk_str bytes);
/* 1: *out is a reply, valid until the next call; 0: not whole yet; -1: it is none. */
int redis_parser_next(struct redis_parser *parser, const struct rkd_redis_reply **out);

/* ---- redis_resolve.c ---- */

struct redis_addresses {
    struct sockaddr_storage at[REDIS_ADDRESSES_MAX];
    size_t count;
};

/* A numeric host needs no resolver. */
bool redis_numeric(const char *host, uint16_t port, struct redis_addresses *out);

/* One at a time; it outlives whoever asked, if its resolver never answers. */
struct redis_lookup;

/* NULL: no memory or no thread. */
struct redis_lookup *redis_lookup_start(const char *host, uint16_t port);
/* False: not done. *out has no addresses when there are none. */
bool redis_lookup_is_done(const struct redis_lookup *lookup, struct redis_addresses *out);
void redis_lookup_leave(struct redis_lookup *lookup);

/* ---- redis_line.c ---- */

/* A command on its way. fn NULL: nobody waits for its reply any more. */
struct redis_call {
    rkd_redis_fn *fn;
    void *ctx;
    uint64_t due_ms; /* of the loop's clock; UINT64_MAX once it is abandoned */
};

struct redis_write {
    uv_write_t req;
    struct rkd_redis *redis;
    struct rki_buf bytes;
    bool has_secret;
};

struct rkd_redis {
    uv_loop_t *uv;
    struct rkd_redis_url url;
    enum redis_state state;
    const char *fault;

    /* of one connection */
    uv_tcp_t tcp; /* closed in the turn in which it was dropped: free again before the next try */
    uv_connect_t connecting;
    struct redis_parser *parser;
    const char *greetings[3]; /* what each reply that is no caller's is a fault of */
    unsigned greeting_count, greeted;
    unsigned errors_in_row;
    uint64_t up_since_ms;
    uint64_t overdue_since_ms; /* while `abandoned` is not 0 */

    struct redis_call *calls; /* a ring of RKD_REDIS_IN_FLIGHT_MAX */
    size_t head, tail;        /* both only grow */
    size_t abandoned;         /* of those between */

    struct rki_buf out;      /* gathered, sent once a turn */
    struct redis_write sent; /* in the kernel's or libuv's hands */
    bool is_sending;
    char in[REDIS_IN_BYTES];

    uv_timer_t timer;     /* the next thing that has a time */
    uint64_t timer_at_ms; /* UINT64_MAX: not armed */
    uv_prepare_t flusher; /* runs only while there is something to send */
    unsigned handles_open;

    unsigned attempts; /* connections that came to nothing, in a row */
    struct redis_lookup *lookup;
    struct redis_addresses addresses;
    uint64_t phase_ends_ms; /* of the state that is */
};

/* Puts a command behind the others, to be sent at the end of the turn; false: no room. */
bool redis_put(struct rkd_redis *redis, const struct rk_str *args, size_t count);
/* NULL, or why the connection is of no use. */
const char *redis_start_reading(struct rkd_redis *redis);
/* Sends what was gathered. */
void redis_flush(struct rkd_redis *redis);
/* Answers what is overdue; returns when to look again. */
uint64_t redis_expire(struct rkd_redis *redis, uint64_t now_ms);
/* Answers all with `why` and forgets what was to be sent. */
void redis_fail_all(struct rkd_redis *redis, const char *why);

/* ---- redis.c ---- */

/* Ends the connection, answers all, and comes back after a while. */
void redis_drop(struct rkd_redis *redis, const char *why);
/* The server answered the greetings. */
void redis_greeted(struct rkd_redis *redis);
/* The timer rings at `at_ms` or before. */
void redis_wake_at(struct rkd_redis *redis, uint64_t at_ms);

#endif
