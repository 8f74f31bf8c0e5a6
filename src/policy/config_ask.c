/*
 * config_ask.c - the room_config of a request against that of the rule: numbers go down, listed
 * agents come in, nothing else (semantics D31, D32).
 *
 * The request's text is the normal form the contract's reader made. May touch: its arguments, the
 * call's arena, jansson (a request without room_config never gets there).
 */
#include "core/json.h"
#include "core/room_config.h"
#include "policy/config.h"
#include "policy/run.h"

static const char *const agents_field = "room_config.agents";

static bool lists(const struct rkd_raw_list *list, struct rk_str name)
{
    for (size_t i = 0; i < list->count; i++)
        if (rki_str_equal(list->items[i].text, name))
            return true;
    return false;
}

static struct rk_str name_of(const json_t *agent)
{
    return rki_json_str(json_object_get(agent, "agentName"));
}

/* D32: an agent without a name, or named twice, is no way to ask. */
static enum rkd_err check_names(struct rkd_run *run)
{
    for (size_t i = 0; i < json_array_size(run->agents); i++) {
        struct rk_str name = name_of(json_array_get(run->agents, i));

        if (name.len == 0)
            return rkd_run_refuse(run, RKD_E_INVALID_REQUEST, agents_field, "agent-name");
        for (size_t j = 0; j < i; j++)
            if (rki_str_equal(name_of(json_array_get(run->agents, j)), name))
                return rkd_run_refuse(run, RKD_E_INVALID_REQUEST, agents_field, "agent-twice");
    }
    return RKD_OK;
}

/* Whether the parsed text has what the reader says it has: jansson drops a character of a name when
 * memory fails at the wrong moment, and a member that is lost so must not pass for one not sent. */
static bool has_all(const struct rkd_run *run)
{
    for (size_t i = 0; i < RKD_CONFIG_MEMBERS; i++)
        if ((run->in->ask->room_config_members & 1U << i) != 0 &&
            json_object_get(run->config, rkd_config_members[i].camel.ptr) == NULL)
            return false;
    return true;
}

enum rkd_err rkd_run_open_config(struct rkd_run *run)
{
    const struct rkd_ask *ask = run->in->ask;
    enum rk_err err;

    if (ask->room_config.len == 0 || ask->room_config_members == 0)
        return RKD_OK;
    err = rki_json_parse(ask->room_config, 0, &run->config, NULL);
    if (err == RK_E_NOMEM)
        return rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "memory");
    if (err != RK_OK || !has_all(run))
        return rkd_run_refuse(run, RKD_E_INTERNAL, NULL, "room-config");
    run->agents = json_object_get(run->config, "agents");
    return check_names(run);
}

/* ---- permissions ---- */

/* Only metadata, and only of those a request may ask for; the rest says how and where they run. */
static enum rkd_err check_agents(struct rkd_run *run)
{
    const struct rkd_raw_rule *raw = run->rule->raw;

    for (size_t i = 0; i < json_array_size(run->agents); i++) {
        const json_t *agent = json_array_get(run->agents, i);
        const struct rk_str name = name_of(agent);
        const bool is_open = lists(&raw->request_agents, name);
        const bool has_metadata = json_object_get(agent, "metadata") != NULL;

        if (!is_open && !lists(&raw->dispatch, name))
            return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, agents_field, "agent");
        if (json_object_size(agent) != (has_metadata ? 2U : 1U) || (has_metadata && !is_open))
            return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, agents_field, "agent-member");
    }
    return RKD_OK;
}

static bool may_send(const struct rkd_rule *rule, size_t member)
{
    return rkd_config_members[member].is_number && rule->may.room_config &&
           rule->config.members[member].len != 0;
}

enum rkd_err rkd_run_check_config(struct rkd_run *run)
{
    const struct rkd_ask *ask = run->in->ask;

    for (size_t i = 0; i < RKD_CONFIG_MEMBERS; i++) {
        enum rkd_err err = RKD_OK;

        if ((ask->room_config_members & 1U << i) == 0)
            continue;
        if (i == RKD_CONFIG_AGENTS)
            err = check_agents(run);
        else if (!may_send(run->rule, i))
            err = rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, rkd_config_members[i].field,
                                 "room-config");
        if (err != RKD_OK)
            return err;
    }
    if (ask->room_config_has_credentials) /* they stand in egress, so this is the second net */
        return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "room_config.egress", "credentials");
    if (ask->room_config_members >> RKD_CONFIG_MEMBERS != 0) /* of some later schema */
        return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "room_config", "room-config");
    return RKD_OK;
}

/* ---- the token's ---- */

enum { NUMBER_MAX = 48 }; /* "departureTimeout":4294967295 */

/* The rule's members, with the numbers a request lowered. */
struct mix {
    struct rk_str members[RKD_CONFIG_MEMBERS];
    char numbers[RKD_CONFIG_MEMBERS][NUMBER_MAX];
};

static void lower(const struct rkd_run *run, size_t member, struct mix *mix)
{
    struct rki_buf text = rki_buf_over(mix->numbers[member], NUMBER_MAX);
    int64_t asked = 0;

    /* 0 is no limit to LiveKit, so it is no lower number */
    if (!rki_json_int(json_object_get(run->config, rkd_config_members[member].camel.ptr), &asked) ||
        asked <= 0 || asked >= run->rule->config.numbers[member])
        return;
    rki_buf_json(&text, rkd_config_members[member].camel);
    rki_buf_char(&text, ':');
    rki_buf_int(&text, asked);
    mix->members[member] = rki_buf_str(&text);
}

/* dispatch first, then what was asked for besides, each once. */
static size_t mix_agents(const struct rkd_run *run, struct rkd_agent *agents)
{
    const struct rkd_raw_list *dispatch = &run->rule->raw->dispatch;
    size_t count = dispatch->count;

    for (size_t i = 0; i < dispatch->count; i++)
        agents[i] = (struct rkd_agent){.name = dispatch->items[i].text};
    for (size_t i = 0; i < json_array_size(run->agents); i++) {
        const json_t *agent = json_array_get(run->agents, i);
        const struct rk_str name = name_of(agent);
        size_t at = 0;

        while (at < count && !rki_str_equal(agents[at].name, name))
            at++;
        if (at == count)
            agents[count++].name = name;
        agents[at].metadata = rki_json_str(json_object_get(agent, "metadata"));
    }
    return count;
}

enum rkd_err rkd_run_fill_config(struct rkd_run *run)
{
    const struct rkd_rule *rule = run->rule;
    const size_t most = rule->raw->dispatch.count + json_array_size(run->agents);
    char text[RKD_TOKEN_MAX];
    struct rki_buf out = rki_buf_over(text, sizeof(text));
    struct rkd_agent *agents;
    struct mix mix;

    run->decision.room_config = rule->config.whole;
    if (run->config == NULL)
        return RKD_OK;
    agents = rki_arena_take(run->in->arena, most * sizeof(*agents));
    if (agents == NULL)
        return rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
    memcpy(mix.members, rule->config.members, sizeof(mix.members));
    for (size_t i = 0; i < RKD_CONFIG_MEMBERS; i++)
        if (rkd_config_members[i].is_number && mix.members[i].len != 0)
            lower(run, i, &mix);
    rkd_config_write(&out, mix.members, agents, mix_agents(run, agents));
    if (out.overflow)
        return rkd_run_refuse(run, RKD_E_TOO_LARGE, "room_config", "room-config-length");
    if (out.len != 0 &&
        rki_arena_dup(run->in->arena, rki_buf_str(&out), &run->decision.room_config) != RK_OK)
        return rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
    return RKD_OK;
}
