/*
 * keysets.c - which key sets there are, when each is fetched, and who waits for one.
 *
 * May touch: its arguments, the monotonic clock, a timer. What is fetched and read is the flight's
 * business (keysets_flight.c).
 */
#include "serve/keysets_impl.h"

#include "serve/clock.h"

#include <stdlib.h>

int64_t rkd_keysets_now(const struct rkd_keysets *keysets)
{
    if (keysets->hooks.now_ms != NULL)
        return keysets->hooks.now_ms();
    return (int64_t)(rkd_clock_mono_ns() / 1000000);
}

/* ---- what is due ---- */

void rkd_keysets_schedule(struct rkd_keysets *keysets)
{
    const int64_t now_ms = rkd_keysets_now(keysets);
    int64_t next_ms = INT64_MAX;

    for (const struct rkd_keysets_entry *at = keysets->first; at != NULL; at = at->next) {
        if (at->fetch == NULL && at->due_ms < next_ms)
            next_ms = at->due_ms;
        if (at->keyset != NULL && rkd_keysets_stale_at_ms(at) < next_ms)
            next_ms = rkd_keysets_stale_at_ms(at);
    }
    if (next_ms == INT64_MAX)
        rkd_timer_stop(keysets->timer);
    else
        rkd_timer_start(keysets->timer, next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 0);
}

static void on_due(void *ctx)
{
    struct rkd_keysets *keysets = ctx;
    const int64_t now_ms = rkd_keysets_now(keysets);

    for (struct rkd_keysets_entry *at = keysets->first; at != NULL; at = at->next) {
        if (at->keyset != NULL && rkd_keysets_stale_at_ms(at) <= now_ms)
            rkd_keysets_expire(at);
        if (at->fetch == NULL && at->due_ms <= now_ms)
            rkd_keysets_take_off(at, false);
    }
    rkd_keysets_schedule(keysets);
}

/* ---- what is in use ---- */

enum rk_err rkd_keysets_new(struct rkd_loop *loop, struct rkd_fetcher *fetcher,
                            const struct rkd_keysets_hooks *hooks, struct rkd_keysets **out)
{
    struct rkd_keysets *keysets = calloc(1, sizeof(*keysets));
    enum rk_err err;

    if (keysets == NULL)
        return RK_E_NOMEM;
    keysets->fetcher = fetcher;
    keysets->hooks = *hooks;
    err = rkd_timer_new(loop, on_due, keysets, &keysets->timer);
    if (err != RK_OK) {
        free(keysets);
        return err;
    }
    *out = keysets;
    return RK_OK;
}

static void free_entry(struct rkd_keysets_entry *entry)
{
    if (entry->fetch != NULL)
        rkd_fetch_cancel(entry->fetch);
    while (entry->waiters.next != &entry->waiters)
        rkd_keysets_cancel(entry->waiters.next);
    rkd_keysets_entry_free(entry);
}

void rkd_keysets_free(struct rkd_keysets *keysets)
{
    if (keysets == NULL)
        return;
    while (keysets->first != NULL) {
        struct rkd_keysets_entry *entry = keysets->first;

        keysets->first = entry->next;
        free_entry(entry);
    }
    rkd_timer_free(keysets->timer);
    rk_wipe(&keysets->random, sizeof(keysets->random));
    free(keysets);
}

static struct rkd_keysets_entry *find_spec(struct rkd_keysets_entry *first,
                                           const struct rkd_keyset_spec *spec)
{
    while (first != NULL && !rkd_keysets_entry_is_for(first, spec))
        first = first->next;
    return first;
}

static struct rkd_keysets_entry *find_id(const struct rkd_keysets *keysets, uint64_t id)
{
    struct rkd_keysets_entry *entry = keysets->first;

    while (entry != NULL && entry->id != id)
        entry = entry->next;
    return entry;
}

/* The parts of a spec that may change under an entry. */
static void take_over(struct rkd_keysets_entry *entry, const struct rkd_keyset_spec *spec)
{
    size_t len = spec->caller.len;

    len = len < sizeof(entry->caller) ? len : sizeof(entry->caller) - 1;
    if (len != 0)
        memcpy(entry->caller, spec->caller.ptr, len);
    entry->caller[len] = '\0';
    entry->spec.fresh_ms = spec->fresh_ms;
    entry->spec.cooldown_ms = spec->cooldown_ms;
    entry->spec.stale_ms = spec->stale_ms;
    entry->spec.timeout_ms = spec->timeout_ms;
    if (entry->keyset != NULL && entry->failures == 0)
        entry->due_ms = rkd_keysets_ahead_ms(entry);
    entry->is_wanted = true;
}

static void drop_unwanted(struct rkd_keysets *keysets)
{
    struct rkd_keysets_entry **at = &keysets->first;

    while (*at != NULL) {
        struct rkd_keysets_entry *entry = *at;

        if (entry->is_wanted) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        rkd_keysets_put(entry, NULL);
        rkd_keysets_tell(entry, RKD_KEYSETS_DROPPED);
        free_entry(entry);
    }
}

/* Everything of a reload that can fail: entries for specs that have none, in a list of their own.
 */
static enum rk_err make_missing(struct rkd_keysets *keysets,
                                const struct rkd_keyset_spec *const *specs, size_t count,
                                struct rkd_keysets_entry **out_first)
{
    struct rkd_keysets_entry *first = NULL;

    for (size_t i = 0; i < count; i++) {
        struct rkd_keysets_entry *entry;
        enum rk_err err;

        if (find_spec(keysets->first, specs[i]) != NULL || find_spec(first, specs[i]) != NULL)
            continue;
        err = rkd_keysets_entry_new(specs[i], &entry);
        if (err != RK_OK) {
            while (first != NULL) {
                entry = first;
                first = entry->next;
                rkd_keysets_entry_free(entry);
            }
            return err;
        }
        entry->next = first;
        first = entry;
    }
    *out_first = first;
    return RK_OK;
}

enum rk_err rkd_keysets_use(struct rkd_keysets *keysets, const struct rkd_keyset_spec *const *specs,
                            size_t count, uint64_t *out_ids)
{
    struct rkd_keysets_entry *made = NULL;
    enum rk_err err = make_missing(keysets, specs, count, &made);

    if (err != RK_OK)
        return err;
    while (made != NULL) {
        struct rkd_keysets_entry *entry = made;

        made = entry->next;
        entry->keysets = keysets;
        entry->id = ++keysets->last_id;
        entry->due_ms = rkd_keysets_now(keysets);
        entry->next = keysets->first;
        keysets->first = entry;
    }
    for (struct rkd_keysets_entry *at = keysets->first; at != NULL; at = at->next)
        at->is_wanted = false;
    for (size_t i = 0; i < count; i++) {
        struct rkd_keysets_entry *entry = find_spec(keysets->first, specs[i]);

        take_over(entry, specs[i]);
        out_ids[i] = entry->id;
    }
    drop_unwanted(keysets);
    rkd_keysets_schedule(keysets);
    return RK_OK;
}

/* ---- questions ---- */

struct rkd_keyset *rkd_keysets_current(const struct rkd_keysets *keysets, uint64_t id)
{
    const struct rkd_keysets_entry *entry = find_id(keysets, id);

    return entry == NULL ? NULL : entry->keyset;
}

enum rkd_keysets_answer rkd_keysets_refresh(struct rkd_keysets *keysets, uint64_t id,
                                            struct rkd_keysets_waiter *waiter)
{
    struct rkd_keysets_entry *entry = find_id(keysets, id);

    if (entry == NULL)
        return RKD_KEYSETS_NOTHING;
    if (entry->fetch == NULL) {
        if (entry->has_counted &&
            rkd_keysets_now(keysets) - entry->counted_ms < entry->spec.cooldown_ms)
            return RKD_KEYSETS_NOTHING;
        rkd_keysets_take_off(entry, true);
        if (entry->fetch == NULL) /* it has failed already */
            return RKD_KEYSETS_NOTHING;
        rkd_keysets_schedule(keysets);
    }
    if (entry->waiting == RKD_KEYSETS_WAITERS_MAX)
        return RKD_KEYSETS_BUSY;
    entry->is_asked_for = true;
    waiter->entry = entry;
    waiter->next = &entry->waiters;
    waiter->prev = entry->waiters.prev;
    waiter->prev->next = waiter;
    entry->waiters.prev = waiter;
    entry->waiting++;
    return RKD_KEYSETS_WAIT;
}

bool rkd_keysets_status(const struct rkd_keysets *keysets, uint64_t id,
                        struct rkd_keysets_status *out)
{
    const struct rkd_keysets_entry *entry = find_id(keysets, id);

    if (entry == NULL)
        return false;
    *out = (struct rkd_keysets_status){
        .caller = rki_cstr(entry->caller),
        .issuer = entry->spec.issuer,
        .has_set = entry->keyset != NULL,
        .age_ms = entry->keyset == NULL ? 0 : rkd_keysets_now(keysets) - entry->renewed_ms,
        .usable = entry->usable,
        .last_error = entry->last_error,
        .failures = entry->failures,
        .attempts = entry->attempts,
        .successes = entry->successes,
        .waiting = entry->waiting,
    };
    return true;
}
