/*
 * facts.h - what only the keeper knows, written down for the admin listener.
 *
 * The keeper makes a sheet now and then and puts it on the board; whoever scrapes takes the one
 * that hangs there. So a scraper waits for nobody, even when the keeper is stuck, and the keeper
 * for no scraper. A sheet never changes once it hangs. Threads: the board's functions any, making a
 * sheet the keeper's.
 */
#ifndef RKD_SERVE_FACTS_H
#define RKD_SERVE_FACTS_H

#include "core/str.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    RKD_FACTS_CALLER_MAX = 128,
    RKD_FACTS_ISSUER_MAX = 512, /* longer ones are cut at this */
    RKD_FACTS_KEY_MAX = 256,
};

struct rkd_facts_keyset {
    char caller[RKD_FACTS_CALLER_MAX + 1], issuer[RKD_FACTS_ISSUER_MAX + 1];
    bool has_set;
    int64_t renewed_ms; /* monotonic; while has_set */
    unsigned usable, failures;
    const char *last_error; /* a constant; NULL: the last attempt was good, or there was none */
    uint64_t attempts, successes;
};

struct rkd_facts {
    atomic_uint refs;
    char key_id[RKD_FACTS_KEY_MAX + 1]; /* of the key that signs; "": none */
    bool can_verify, misses_url;
    unsigned wants; /* as the snapshot's */
    uint64_t reloads, reloads_failed;
    int64_t loaded_ms; /* wall clock: when the configuration in use was taken */
    uint64_t hooks_answered, hooks_failed, hooks_not_asked;
    unsigned hooks_open; /* circuit breakers */
    bool has_redis, is_redis_up, has_audit;
    uint64_t redis_unknown, audit_lost;
    size_t keyset_count;
    struct rkd_facts_keyset keysets[];
};

struct rkd_board {
    pthread_mutex_t lock;
    struct rkd_facts *facts; /* NULL: none yet */
    bool is_made;
};

RK_NODISCARD enum rk_err rkd_board_init(struct rkd_board *board);
/* An all-zero board will do. */
void rkd_board_clear(struct rkd_board *board);
/* Takes the sheet. */
void rkd_board_put(struct rkd_board *board, struct rkd_facts *facts);
/* A reference; NULL: none yet. */
struct rkd_facts *rkd_board_take(struct rkd_board *board);

/* One reference, everything else zero. NULL: no memory. */
struct rkd_facts *rkd_facts_new(size_t keyset_count);
/* NULL is a no-op. */
void rkd_facts_unref(struct rkd_facts *facts);
/* Copies as much of `text` as there is room for, never half a character. */
void rkd_facts_text(char *out, size_t max, struct rk_str text);

#endif
