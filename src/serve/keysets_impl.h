/*
 * keysets_impl.h - an entry of the store, as its files share it: keysets.c (who wants what, and
 * when), keysets_entry.c (its storage), keysets_flight.c (fetching), keysets_landing.c (what comes
 * of it).
 */
#ifndef RKD_SERVE_KEYSETS_IMPL_H
#define RKD_SERVE_KEYSETS_IMPL_H

#include "net/timer.h"
#include "serve/keysets.h"
#include "serve/random.h"

enum { RKD_KEYSETS_LABEL_MAX = 128 };

struct rkd_keysets_entry {
    struct rkd_keysets *keysets;
    struct rkd_keysets_entry *next;
    uint64_t id;
    struct rkd_keyset_spec spec; /* everything it points to is behind the entry, in its block */
    struct rkd_raw_list jwks_hosts, allow_http;
    char caller[RKD_KEYSETS_LABEL_MAX]; /* for the log: a renamed caller keeps its entry */
    bool is_wanted;                     /* by the rkd_keysets_use that runs */

    struct rkd_keyset *keyset;
    unsigned usable;
    int64_t renewed_ms; /* when the set was asked for */
    int64_t max_age_s;  /* what was said of it; -1: nothing */
    int64_t due_ms;     /* the next attempt of our own */
    int64_t counted_ms; /* the last attempt that starts a cool-down */
    bool has_counted;

    struct rkd_fetch *fetch; /* the flight; NULL: none */
    int64_t took_off_ms;
    bool is_asked_for; /* somebody waits, or waited, for this flight */
    bool is_discovering;
    size_t found_len; /* of the address a discovery document gave; 0: none */
    char found[RKD_KEYSETS_URL_MAX];

    unsigned failures; /* in a row */
    const char *last_error;
    const char *said_error; /* the last that went to the log, and when */
    int64_t said_ms;
    uint64_t attempts, successes;

    struct rkd_keysets_waiter waiters; /* the ring's head */
    unsigned waiting;
};

struct rkd_keysets {
    struct rkd_fetcher *fetcher;
    struct rkd_timer *timer;
    struct rkd_keysets_hooks hooks;
    struct rkd_keysets_entry *first;
    uint64_t last_id;
    struct rkd_random random;
};

/* An entry of its own for a spec, all times zero. RK_E_NOMEM, RK_E_TOO_LONG. */
RK_NODISCARD enum rk_err rkd_keysets_entry_new(const struct rkd_keyset_spec *spec,
                                               struct rkd_keysets_entry **out);
/* Only the storage and the set: no flight, nobody waiting. */
void rkd_keysets_entry_free(struct rkd_keysets_entry *entry);
bool rkd_keysets_entry_is_for(const struct rkd_keysets_entry *entry,
                              const struct rkd_keyset_spec *spec);

/* Begins a fetch; when even that fails, it has failed (rkd_keysets_landed is called). */
void rkd_keysets_take_off(struct rkd_keysets_entry *entry, bool is_asked_for);

/* The end of a flight. `keyset` (taken) is the new set, or NULL and `error` says why. */
struct rkd_keysets_landing {
    struct rkd_keyset *keyset;
    const char *error;
    int64_t max_age_s;
    struct rkd_keyset_report report;
};
void rkd_keysets_landed(struct rkd_keysets_entry *entry, const struct rkd_keysets_landing *landing);

/* When its set should be renewed; and when it must not be used any more. */
int64_t rkd_keysets_ahead_ms(const struct rkd_keysets_entry *entry);
static inline int64_t rkd_keysets_stale_at_ms(const struct rkd_keysets_entry *entry)
{
    return entry->renewed_ms + entry->spec.stale_ms;
}

/* Publishes `keyset` (taken; NULL: none) in place of what was there. */
void rkd_keysets_put(struct rkd_keysets_entry *entry, struct rkd_keyset *keyset);
/* The set is past its stale limit. */
void rkd_keysets_expire(struct rkd_keysets_entry *entry);
/*
 * Tells everybody who waits now; those who come while it is told wait for the next flight. The
 * entry is not looked at any more once the first has been called.
 */
void rkd_keysets_tell(struct rkd_keysets_entry *entry, enum rkd_keysets_outcome outcome);

/* Only finds the moment of the next thing to do. */
void rkd_keysets_schedule(struct rkd_keysets *keysets);
int64_t rkd_keysets_now(const struct rkd_keysets *keysets);

#endif
