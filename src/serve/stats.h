/*
 * stats.h - what a worker counts: requests, tokens, refusals, how long things took.
 *
 * Each worker has its own and is the only one that writes them: a count is a plain load and store
 * (relaxed atomics, so that the admin listener may read at any time), and no line of the cache goes
 * back and forth. Every label is from a fixed set: nothing a client sends names a series.
 */
#ifndef RKD_SERVE_STATS_H
#define RKD_SERVE_STATS_H

#include "core/str.h"
#include "model/error.h"

#include <stdatomic.h>

enum {
    RKD_STAGES = 9, /* of stages.c */
    RKD_BOUNDS = 13,
    RKD_STAT_STATUSES = 19,
    RKD_STAT_METHODS = 5,   /* enum rkd_method */
    RKD_STAT_CONTRACTS = 5, /* those that give tokens */
    RKD_STAT_CLASSES = 3,   /* 2xx, 4xx, 5xx */
    RKD_STAT_LAYERS = 4,    /* of limits */
    RKD_TIMED_FIRST = 512,  /* of a worker's requests for tokens so many have their stages timed, */
    RKD_TIMED_OF = 16,      /* then one of so many: a clock read costs 25 to 50 ns, and there are
                               ten a request */
};

/* The paths there may be, as labels. */
enum rkd_stat_route {
    RKD_STAT_OTHER = 0, /* no such path, or no whole head */
    RKD_STAT_API_TOKEN,
    RKD_STAT_V1_TOKEN,
    RKD_STAT_GET_TOKEN,
    RKD_STAT_SANDBOX_V2,
    RKD_STAT_SANDBOX,
    RKD_STAT_MEET,
    RKD_STAT_CREATE_TOKEN,
    RKD_STAT_ENDPOINT, /* one of endpoint_paths */
    RKD_STAT_ROOT,
    RKD_STAT_HEALTHZ,
    RKD_STAT_LIVEZ,
    RKD_STAT_READYZ,
    RKD_STAT_ROUTES,
};

#define RKD_STAT _Atomic uint64_t /* one writer */

/* counts[i]: took at most bounds[i], and more than the one before; the last: more than all. */
struct rkd_histogram {
    RKD_STAT counts[RKD_BOUNDS + 1];
    RKD_STAT sum_ns;
};

struct rkd_stats {
    _Alignas(64) RKD_STAT issued[RKD_STAT_CONTRACTS];
    RKD_STAT refused[RKD_ERR_COUNT];
    RKD_STAT limited[RKD_STAT_LAYERS];
    RKD_STAT abandoned; /* the client went away before its request was whole */
    RKD_STAT requests[RKD_STAT_ROUTES][RKD_STAT_METHODS][RKD_STAT_STATUSES];
    struct rkd_histogram http[RKD_STAT_ROUTES][RKD_STAT_CLASSES];
    struct rkd_histogram stages[RKD_STAGES];
    unsigned asked; /* for tokens, for RKD_TIMED_OF; the worker's alone */
};

/* Upper bounds, in nanoseconds and as Prometheus writes them. */
extern const uint64_t rkd_stage_bounds_ns[RKD_BOUNDS], rkd_http_bounds_ns[RKD_BOUNDS];
extern const struct rk_str rkd_stage_bounds[RKD_BOUNDS], rkd_http_bounds[RKD_BOUNDS];

/* Labels, by index. */
extern const struct rk_str rkd_stat_routes[RKD_STAT_ROUTES], rkd_stat_methods[RKD_STAT_METHODS],
    rkd_stat_statuses[RKD_STAT_STATUSES], rkd_stat_classes[RKD_STAT_CLASSES],
    rkd_stat_layers[RKD_STAT_LAYERS];

static inline void rkd_stat_add(RKD_STAT *stat, uint64_t n)
{
    atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t rkd_stat_get(const RKD_STAT *stat)
{
    return atomic_load_explicit(stat, memory_order_relaxed);
}

/* All zero, on lines of its own; NULL: no memory. free() frees it. */
struct rkd_stats *rkd_stats_new(void);

/* What the contract is called in a metric, by index; absent: none. */
struct rk_str rkd_stat_contract(size_t index);

struct rkd_call;
/* The request is over: answered (took_ns since its head was here), or its client has gone. */
void rkd_stats_request(const struct rkd_call *call, uint64_t took_ns);
void rkd_stats_stage(struct rkd_stats *stats, size_t stage, uint64_t took_ns);

#endif
