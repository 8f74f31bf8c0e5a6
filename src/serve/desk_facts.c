/*
 * desk_facts.c - the desk's part of a sheet of facts: key sets, hooks, Redis.
 *
 * May touch: the desk, the sheet. On the keeper's thread, or before it is one.
 */
#include "serve/desk_impl.h"

#include "serve/clock.h"

static void fill_keyset(const struct rkd_keysets_status *status, struct rkd_facts_keyset *out)
{
    rkd_facts_text(out->caller, RKD_FACTS_CALLER_MAX, status->caller);
    rkd_facts_text(out->issuer, RKD_FACTS_ISSUER_MAX, status->issuer);
    out->has_set = status->has_set;
    out->renewed_ms = (int64_t)(rkd_clock_mono_ns() / 1000000) - status->age_ms;
    out->usable = status->usable;
    out->failures = status->failures;
    out->last_error = status->last_error;
    out->attempts = status->attempts;
    out->successes = status->successes;
}

/* Callers that share an entry have one row, and so have entries that share both names: two series
 * must not be called the same. */
static bool is_there(const struct rkd_facts *facts, const struct rkd_facts_keyset *row)
{
    for (size_t i = 0; i < facts->keyset_count; i++)
        if (strcmp(facts->keysets[i].caller, row->caller) == 0 &&
            strcmp(facts->keysets[i].issuer, row->issuer) == 0)
            return true;
    return false;
}

struct rkd_facts *rkd_desk_facts(const struct rkd_desk *desk)
{
    struct rkd_facts *facts = rkd_facts_new(desk->id_count);

    if (facts == NULL)
        return NULL;
    facts->keyset_count = 0;
    for (size_t i = 0; i < desk->id_count; i++) {
        struct rkd_facts_keyset *row = &facts->keysets[facts->keyset_count];
        struct rkd_keysets_status status;

        if (!rkd_keysets_status(desk->keysets, desk->ids[i], &status))
            continue;
        fill_keyset(&status, row);
        facts->can_verify |= row->has_set;
        if (!is_there(facts, row))
            facts->keyset_count++;
    }
    facts->hooks_answered = desk->hooks_answered;
    facts->hooks_failed = desk->hooks_failed;
    facts->hooks_not_asked = desk->hooks_not_asked;
    facts->hooks_open = rkd_breaker_open(&desk->breaker);
    facts->has_redis = desk->shared != NULL;
    if (desk->shared != NULL) {
        facts->is_redis_up = rkd_shared_limit_is_up(desk->shared);
        facts->redis_unknown = rkd_shared_limit_unknown(desk->shared);
    }
    return facts;
}
