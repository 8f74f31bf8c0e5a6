/*
 * keeper_facts.c - what the keeper tells of the service's state: on the admin listener's board, and
 * in the log when a loop hangs.
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
    facts->can_verify |= rkd_snapshot_can_verify(keeper->snapshot, rkd_clock_wall_ms() / 1000);
    facts->wants = keeper->snapshot->wants;
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

static unsigned worst_loop(const struct rkd_lag_view *view)
{
    unsigned worst = RKD_LAG_WORKER;

    for (unsigned i = RKD_LAG_WORKER; i < RKD_LAG_LOOPS; i++)
        if (rkd_lag_of(view, i) > rkd_lag_of(view, worst))
            worst = i;
    return worst;
}

void rkd_keeper_say_lag(struct rkd_keeper *keeper)
{
    const bool is_lagging = !rkd_lag_is_ok(&keeper->lag);

    if (is_lagging == keeper->is_lagging)
        return;
    keeper->is_lagging = is_lagging;
    rkd_lag_say(keeper->service.log, &keeper->lag, worst_loop(&keeper->lag), is_lagging);
}
