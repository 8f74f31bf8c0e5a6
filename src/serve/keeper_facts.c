/*
 * keeper_facts.c - what the keeper puts on the admin listener's board.
 *
 * May touch: the keeper. On its thread, or before it is one.
 */
#include "serve/audit.h"
#include "serve/keeper.h"

enum { EVERY_MS = 500 };

static void fill_config(const struct rkd_keeper *keeper, struct rkd_facts *facts)
{
    const struct rkd_settings *settings = &keeper->snapshot->settings;

    if (settings->active_key != NULL)
        rkd_facts_text(facts->key_id, RKD_FACTS_KEY_MAX, rk_key_name(settings->active_key));
    facts->can_verify |= !keeper->snapshot->needs_keysets;
    facts->misses_url = rkd_settings_miss_url(settings);
    facts->reloads = keeper->reloads;
    facts->reloads_failed = keeper->reloads_failed;
    facts->loaded_ms = keeper->loaded_ms;
    facts->has_audit = keeper->service.audit != NULL;
    if (facts->has_audit)
        facts->audit_lost = rkd_audit_dropped(keeper->service.audit);
}

void rkd_keeper_publish(struct rkd_keeper *keeper)
{
    struct rkd_facts *facts = keeper->admin == NULL ? NULL : rkd_desk_facts(keeper->service.desk);

    keeper->published_ns = rkd_clock_mono_ns();
    if (facts == NULL) /* no memory: the old sheet stays a while longer */
        return;
    fill_config(keeper, facts);
    rkd_admin_post(keeper->admin, facts);
}

void rkd_keeper_publish_in_time(struct rkd_keeper *keeper)
{
    if (rkd_clock_mono_ns() - keeper->published_ns >= (uint64_t)EVERY_MS * 1000000)
        rkd_keeper_publish(keeper);
}
