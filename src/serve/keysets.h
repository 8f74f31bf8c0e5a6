/*
 * keysets.h - the keeper's store of key sets: outside of snapshots, alive through reloads.
 *
 * An entry is what the configuration trusts: an issuer, the address of its keys or of its discovery
 * document, its CA file and the hosts it may be led to. A reload that leaves all of these as they
 * are keeps the entry with its set, its cool-down and its back-off; anything else makes a new one.
 *
 * What it does by itself (security.md s.1.5; times are of the caller's `jwks`):
 * - the first load of a new entry is tried at once; nobody waits for it to succeed;
 * - a set is fresh for the answer's max-age, brought to between 5 min and 24 h, without one for
 *   `fresh`; never for longer than `stale`. At 80 % of that it is fetched anew;
 * - a failure keeps the set that is there and is tried again after 1, 2, 4 ... 60 s (each up to
 *   half shorter, by chance); a set that has not been renewed for `stale` is withdrawn;
 * - only a document with at least one usable key replaces a set, as a whole.
 * What it is asked: rkd_keysets_refresh, when a token names a key that is not there.
 *
 * Where discovery is needed, the document is read before every fetch that was due by itself; one
 * that is asked for uses the address found before, if there is one. Each of the two fetches may
 * take `timeout`.
 *
 * Everything here belongs to the keeper's thread. All times are of the monotonic clock.
 */
#ifndef RKD_SERVE_KEYSETS_H
#define RKD_SERVE_KEYSETS_H

#include "auth/auth.h"
#include "model/settings.h"
#include "net/fetch.h"

enum {
    RKD_KEYSETS_WAITERS_MAX = 256, /* for one entry (design s.2) */
    RKD_KEYSETS_URL_MAX = 2048,
    RKD_KEYSETS_DOCUMENT_MAX = 512 * 1024,
};

struct rkd_keysets;

/*
 * A new set for entry `id`, or NULL: what was there is past its stale limit. Also called with NULL
 * for an entry that a reload dropped. Receivers take references of their own. Not from within:
 * rkd_keysets_use, rkd_keysets_free.
 */
typedef void rkd_keysets_publish_fn(void *ctx, uint64_t id, struct rkd_keyset *keyset);

/* Something for the log. All texts but caller and issuer are constants; those are from the
 * configuration, borrowed for the call. No address, no answer. */
struct rkd_keysets_event {
    enum rkd_log_level level;
    const char *event; /* "keyset_refreshed", "keyset_failed", "keyset_expired" */
    struct rk_str caller, issuer;
    const char *reason;       /* failed: the slug; refreshed: why a key was skipped, or NULL */
    unsigned usable, skipped; /* refreshed */
    unsigned failures;        /* failed: in a row */
};
typedef void rkd_keysets_say_fn(void *ctx, const struct rkd_keysets_event *event);

/* Milliseconds of a clock that never goes back. */
typedef int64_t rkd_keysets_now_fn(void);

struct rkd_keysets_hooks {
    rkd_keysets_publish_fn *publish;
    rkd_keysets_say_fn *say;
    rkd_keysets_now_fn *now_ms; /* NULL: rkd_clock_mono_ns */
    void *ctx;
};

/* `loop` and `fetcher` must outlive it. RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_keysets_new(struct rkd_loop *loop, struct rkd_fetcher *fetcher,
                                         const struct rkd_keysets_hooks *hooks,
                                         struct rkd_keysets **out);
/* Cancels what is under way; waiters are let go without a call, nothing is published. Before
 * rkd_fetcher_free and rkd_loop_free. NULL is a no-op. */
void rkd_keysets_free(struct rkd_keysets *keysets);

/*
 * These and only these are in use from now on: at the start and after each reload. out_ids[i]
 * (never 0, never used twice) is the entry of specs[i]; equal specs share one, with the times of
 * the last. Copies what it needs. Entries that are not named any more are dropped: publish(NULL),
 * and their waiters are told RKD_KEYSETS_DROPPED, both before this returns.
 * RK_E_NOMEM, RK_E_TOO_LONG (an address over RKD_KEYSETS_URL_MAX): everything stays as it was.
 * Not from within publish or a waiter's fn.
 */
RK_NODISCARD enum rk_err rkd_keysets_use(struct rkd_keysets *keysets,
                                         const struct rkd_keyset_spec *const *specs, size_t count,
                                         uint64_t *out_ids);

/* Borrowed until the loop's next turn; NULL: none (yet, or any more), or no such entry. */
struct rkd_keyset *rkd_keysets_current(const struct rkd_keysets *keysets, uint64_t id);

/* --- waiting for a key --- */

enum rkd_keysets_outcome {
    RKD_KEYSETS_NOT_RENEWED = 0, /* the fetch failed: what was there is there */
    RKD_KEYSETS_RENEWED,         /* look again; published before */
    RKD_KEYSETS_DROPPED,         /* withdrawn by a reload: 503, never decide (design s.2) */
};
typedef void rkd_keysets_wait_fn(void *ctx, enum rkd_keysets_outcome outcome);

/* The caller's storage; all zero but fn and ctx, and not to be moved while it waits. */
struct rkd_keysets_waiter {
    rkd_keysets_wait_fn *fn;
    void *ctx;
    struct rkd_keysets_waiter *next, *prev; /* ours: a ring; NULL: not waiting */
    struct rkd_keysets_entry *entry;
};

enum rkd_keysets_answer {
    RKD_KEYSETS_NOTHING = 0, /* nothing is under way and it is too soon for another attempt, or no
                                such entry: decide by what is there */
    RKD_KEYSETS_WAIT,        /* fn will be called once, later, unless it is cancelled */
    RKD_KEYSETS_BUSY,        /* 256 wait already: 503 */
};
/*
 * The key that a token names is not in the set. One fetch for all who ask; at most one per
 * `cooldown`, successful or not. What is fetched by itself does not count unless somebody joined
 * it or it failed, so a key that appears soon after a start is found. May call the fetcher, never
 * fn or publish. There is no time-out here: a fetch ends, and who cannot wait so long cancels.
 */
enum rkd_keysets_answer rkd_keysets_refresh(struct rkd_keysets *keysets, uint64_t id,
                                            struct rkd_keysets_waiter *waiter);
/* fn is not called any more. One that does not wait is left alone. */
void rkd_keysets_cancel(struct rkd_keysets_waiter *waiter);

/* --- for /readyz, metrics and the log --- */

struct rkd_keysets_status {
    struct rk_str caller, issuer; /* borrowed until the next rkd_keysets_use */
    bool has_set;
    int64_t age_ms;         /* of the set */
    unsigned usable;        /* keys in it */
    const char *last_error; /* a slug; NULL: the last attempt was good, or there was none */
    unsigned failures;      /* in a row */
    uint64_t attempts, successes;
    unsigned waiting;
};
/* False: no such entry, *out untouched. */
bool rkd_keysets_status(const struct rkd_keysets *keysets, uint64_t id,
                        struct rkd_keysets_status *out);

#endif
