/*
 * keysets_landing.c - what an attempt leaves behind: a new set or the old one, the next attempt's
 * time, a line for the log, and those who waited told.
 *
 * May touch: its entry, the hooks.
 */
#include "serve/keysets_impl.h"

enum {
    AGE_LEAST_MS = 5 * 60 * 1000,
    AGE_MOST_MS = 24 * 3600 * 1000,
    LIFETIME_LEAST_MS = 1000,
    AHEAD_PERCENT = 80,
    BACK_OFF_MS = 1000,
    BACK_OFF_MOST_MS = 60 * 1000,
    SAY_AGAIN_MS = 5 * 60 * 1000, /* the same failure */
};

/* ---- times of an entry ---- */

/* For how long its set is fresh. */
static int64_t lifetime_ms(const struct rkd_keysets_entry *entry)
{
    int64_t ms = entry->spec.fresh_ms;

    if (entry->max_age_s >= 0) {
        ms = entry->max_age_s > AGE_MOST_MS / 1000 ? AGE_MOST_MS : entry->max_age_s * 1000;
        ms = ms < AGE_LEAST_MS ? AGE_LEAST_MS : ms;
    }
    ms = ms < entry->spec.stale_ms ? ms : entry->spec.stale_ms;
    return ms < LIFETIME_LEAST_MS ? LIFETIME_LEAST_MS : ms;
}

int64_t rkd_keysets_ahead_ms(const struct rkd_keysets_entry *entry)
{
    return entry->renewed_ms + lifetime_ms(entry) * AHEAD_PERCENT / 100;
}

/* 1, 2, 4 ... 60 s, and up to half of it less by chance, so that replicas do not come together. */
static int64_t back_off_ms(struct rkd_keysets_entry *entry)
{
    int64_t ms = BACK_OFF_MS;
    uint32_t chance = 0;

    for (unsigned i = 1; i < entry->failures && ms < BACK_OFF_MOST_MS; i++)
        ms *= 2;
    ms = ms < BACK_OFF_MOST_MS ? ms : BACK_OFF_MOST_MS;
    if (rkd_random_take(&entry->keysets->random, &chance, sizeof(chance)) != RK_OK)
        chance = 0; /* only less spread */
    return ms - (int64_t)chance % (ms / 2);
}

/* ---- the log ---- */

static struct rkd_keysets_event event_of(const struct rkd_keysets_entry *entry,
                                         enum rkd_log_level level, const char *name)
{
    return (struct rkd_keysets_event){.level = level,
                                      .event = name,
                                      .caller = rki_cstr(entry->caller),
                                      .issuer = entry->spec.issuer};
}

static void say(const struct rkd_keysets_entry *entry, const struct rkd_keysets_event *event)
{
    if (entry->keysets->hooks.say != NULL)
        entry->keysets->hooks.say(entry->keysets->hooks.ctx, event);
}

/* A failure is said when it is new, another, or five minutes old. */
static void say_failed(struct rkd_keysets_entry *entry, int64_t now_ms)
{
    struct rkd_keysets_event event = event_of(entry, RKD_LOG_WARN, "keyset_failed");

    if (entry->said_error != NULL && strcmp(entry->said_error, entry->last_error) == 0 &&
        now_ms - entry->said_ms < SAY_AGAIN_MS)
        return;
    entry->said_error = entry->last_error;
    entry->said_ms = now_ms;
    event.reason = entry->last_error;
    event.failures = entry->failures;
    say(entry, &event);
}

/* ---- sets come and go ---- */

void rkd_keysets_put(struct rkd_keysets_entry *entry, struct rkd_keyset *keyset)
{
    struct rkd_keyset *old = entry->keyset;

    entry->keyset = keyset;
    entry->keysets->hooks.publish(entry->keysets->hooks.ctx, entry->id, keyset);
    rkd_keyset_unref(old);
}

void rkd_keysets_expire(struct rkd_keysets_entry *entry)
{
    struct rkd_keysets_event event = event_of(entry, RKD_LOG_ERROR, "keyset_expired");

    event.reason = entry->last_error;
    entry->usable = 0;
    rkd_keysets_put(entry, NULL);
    say(entry, &event);
}

/* ---- waiting ---- */

static void unlink_waiter(struct rkd_keysets_waiter *waiter)
{
    waiter->next->prev = waiter->prev;
    waiter->prev->next = waiter->next;
    waiter->next = waiter->prev = NULL;
    if (waiter->entry != NULL)
        waiter->entry->waiting--;
    waiter->entry = NULL;
}

void rkd_keysets_tell(struct rkd_keysets_entry *entry, enum rkd_keysets_outcome outcome)
{
    struct rkd_keysets_waiter told, *head = &entry->waiters;

    if (head->next == head)
        return;
    told.next = head->next;
    told.prev = head->prev;
    told.next->prev = told.prev->next = &told;
    head->next = head->prev = head;
    for (struct rkd_keysets_waiter *at = told.next; at != &told; at = at->next)
        at->entry = NULL;
    entry->waiting = 0;
    while (told.next != &told) {
        struct rkd_keysets_waiter *waiter = told.next;

        unlink_waiter(waiter);
        waiter->fn(waiter->ctx, outcome);
    }
}

void rkd_keysets_cancel(struct rkd_keysets_waiter *waiter)
{
    if (waiter->next != NULL)
        unlink_waiter(waiter);
}

/* ---- the end of a flight ---- */

static void renewed(struct rkd_keysets_entry *entry, const struct rkd_keysets_landing *landing)
{
    struct rkd_keysets_event event = event_of(entry, RKD_LOG_INFO, "keyset_refreshed");

    entry->failures = 0;
    entry->last_error = entry->said_error = NULL;
    entry->successes++;
    entry->usable = landing->report.usable;
    entry->renewed_ms = entry->took_off_ms;
    entry->max_age_s = landing->max_age_s;
    entry->due_ms = rkd_keysets_ahead_ms(entry);
    rkd_keysets_put(entry, landing->keyset);
    event.usable = landing->report.usable;
    event.skipped = landing->report.skipped;
    event.reason = landing->report.skipped == 0 ? NULL : landing->report.reason;
    say(entry, &event);
}

static void failed(struct rkd_keysets_entry *entry, const char *error, int64_t now_ms)
{
    entry->failures++;
    entry->last_error = error;
    entry->found_len = 0;                                 /* its keys may have moved */
    if (entry->keyset == NULL || entry->due_ms <= now_ms) /* else it was only asked for */
        entry->due_ms = now_ms + back_off_ms(entry);
    say_failed(entry, now_ms);
}

void rkd_keysets_landed(struct rkd_keysets_entry *entry, const struct rkd_keysets_landing *landing)
{
    const int64_t now_ms = rkd_keysets_now(entry->keysets);

    if (entry->is_asked_for || landing->keyset == NULL) {
        entry->has_counted = true;
        entry->counted_ms = entry->took_off_ms;
    }
    if (landing->keyset != NULL)
        renewed(entry, landing);
    else
        failed(entry, landing->error, now_ms);
    rkd_keysets_schedule(entry->keysets);
    rkd_keysets_tell(entry,
                     landing->keyset != NULL ? RKD_KEYSETS_RENEWED : RKD_KEYSETS_NOT_RENEWED);
}
