/*
 * config.c - compiles a rule's room_config, member by member, into the bytes a token holds.
 *
 * core's writer does the reading and the normal form; cut into members here, so that a decision
 * only puts pieces together. May touch: its arguments, jansson.
 */
#include "policy/config.h"

#include "core/room_config.h"
#include "core/utf8.h"
#include "model/value_json.h"

/* clang-format off */
#define TEXT(camel, snake)   {RK_STR_INIT(camel), RK_STR_INIT(snake), "room_config." snake, false}
#define NUMBER(camel, snake) {RK_STR_INIT(camel), RK_STR_INIT(snake), "room_config." snake, true}
/* clang-format on */

const struct rkd_config_member rkd_config_members[RKD_CONFIG_MEMBERS] = {
    TEXT("name", "name"),
    NUMBER("emptyTimeout", "empty_timeout"),
    NUMBER("departureTimeout", "departure_timeout"),
    NUMBER("maxParticipants", "max_participants"),
    TEXT("metadata", "metadata"),
    TEXT("egress", "egress"),
    NUMBER("minPlayoutDelay", "min_playout_delay"),
    NUMBER("maxPlayoutDelay", "max_playout_delay"),
    TEXT("syncStreams", "sync_streams"),
    TEXT("agents", "agents"),
    TEXT("tags", "tags"),
};

_Static_assert(RKI_RC_AGENTS == 1 << RKD_CONFIG_AGENTS, "the order of enum rki_rc_members");
_Static_assert(RKI_RC_TAGS == 1 << (RKD_CONFIG_MEMBERS - 1), "every member has its row");

static void write_agents(struct rki_buf *out, const struct rkd_agent *agents, size_t count)
{
    rki_buf_lit(out, "\"agents\":[");
    for (size_t i = 0; i < count; i++) {
        rki_buf_put(out, i == 0 ? RK_STR("{\"agentName\":") : RK_STR(",{\"agentName\":"));
        rki_buf_json(out, agents[i].name);
        if (agents[i].metadata.len != 0) {
            rki_buf_lit(out, ",\"metadata\":");
            rki_buf_json(out, agents[i].metadata);
        }
        rki_buf_char(out, '}');
    }
    rki_buf_char(out, ']');
}

void rkd_config_write(struct rki_buf *out, const struct rk_str members[RKD_CONFIG_MEMBERS],
                      const struct rkd_agent *agents, size_t agent_count)
{
    char before = '{';

    for (size_t i = 0; i < RKD_CONFIG_MEMBERS; i++) {
        const bool is_agents = i == RKD_CONFIG_AGENTS;

        if (is_agents ? agent_count == 0 : members[i].len == 0)
            continue;
        rki_buf_char(out, before);
        before = ',';
        if (is_agents)
            write_agents(out, agents, agent_count);
        else
            rki_buf_put(out, members[i]);
    }
    if (before == ',')
        rki_buf_char(out, '}');
}

/* ---- at load ---- */

static size_t find_member(struct rk_str key)
{
    size_t i = 0;

    while (i < RKD_CONFIG_MEMBERS && !rki_str_equal(key, rkd_config_members[i].camel) &&
           !rki_str_equal(key, rkd_config_members[i].snake))
        i++;
    return i;
}

static enum rk_err refuse_member(const struct rkd_compile *compile, struct rkd_pos at,
                                 enum rk_err err, const struct rk_diag *diag)
{
    if (err == RK_E_NOMEM)
        return err;
    if (err == RK_E_CREDENTIALS)
        return rkd_refuse_raw(compile, at, "room_config",
                              "expected no credentials: whoever holds the token reads them");
    return rkd_refuse_raw(compile, at, "room_config",
                          diag->text[0] == '\0' ? "expected a value LiveKit takes" : diag->text);
}

/* One member as an object of its own, in its normal form without the braces. */
static enum rk_err write_member(const struct rkd_compile *compile, const struct rkd_value *value,
                                const struct rkd_config_member *member, struct rk_str *out)
{
    char text[RKD_TOKEN_MAX];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));
    struct rk_diag diag = {.text = ""};
    json_t *object = json_object(), *json = NULL;
    enum rk_err err = object == NULL ? RK_E_NOMEM : RK_OK;

    if (err == RK_OK)
        err = rkd_value_to_json(value, "room_config", &json, compile->error);
    if (err != RK_OK) {
        json_decref(object);
        return err;
    }
    if (json_object_set_new(object, member->camel.ptr, json) != 0)
        err = RK_E_NOMEM;
    if (err == RK_OK)
        err = rki_room_config_write(object, RKI_RC_STRICT, &buf, NULL, &diag);
    json_decref(object);
    if (err != RK_OK)
        return refuse_member(compile, value->at, err, &diag);
    if (buf.overflow)
        return rkd_refuse_raw(compile, value->at, "room_config",
                              "expected something shorter than 8 KiB");
    return rkd_pool_dup(&compile->policy->pool, rki_str(text + 1, buf.len - 2), out);
}

static enum rk_err compile_members(const struct rkd_compile *compile, const struct rkd_value *map,
                                   struct rkd_rule_config *config)
{
    unsigned seen = 0;

    if (map->kind == RKD_VALUE_NONE)
        return RK_OK;
    if (map->kind != RKD_VALUE_MAP)
        return rkd_refuse_raw(compile, map->at, "room_config", "expected a map");
    for (size_t i = 0; i < map->count; i++) {
        const struct rkd_value_member *member = &map->members[i];
        const size_t at = find_member(member->key);
        enum rk_err err;

        if (at == RKD_CONFIG_MEMBERS)
            return rkd_refuse_raw(compile, member->at, "room_config",
                                  "expected a member of LiveKit's RoomConfiguration");
        if (at == RKD_CONFIG_AGENTS)
            return rkd_refuse_raw(compile, member->at, "room_config",
                                  "expected no agents here: dispatch and request_agents name them");
        if ((seen & 1U << at) != 0)
            return rkd_refuse_raw(compile, member->at, "room_config",
                                  "expected every member only once");
        seen |= 1U << at;
        err = write_member(compile, &member->value, &rkd_config_members[at], &config->members[at]);
        if (err != RK_OK)
            return err;
        if (rkd_config_members[at].is_number)
            config->numbers[at] = (int64_t)member->value.number; /* a uint32, or it was refused */
    }
    return RK_OK;
}

static enum rk_err check_agents(const struct rkd_compile *compile, const struct rkd_raw_list *list,
                                const char *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (rki_name_check(list->items[i].text) != RK_OK)
            return rkd_refuse_raw(compile, list->items[i].at, key, "expected the name of an agent");
        for (size_t j = 0; j < i; j++)
            if (rki_str_equal(list->items[j].text, list->items[i].text))
                return rkd_refuse_raw(compile, list->items[i].at, key,
                                      "expected every agent only once");
    }
    return RK_OK;
}

/* The bytes for a request that asks for nothing. */
static enum rk_err write_whole(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_list *dispatch = &rule->raw->dispatch;
    struct rkd_pool *pool = &compile->policy->pool;
    char text[RKD_TOKEN_MAX];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));
    struct rkd_agent *agents = rkd_pool_take(pool, dispatch->count, sizeof(*agents));

    if (agents == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < dispatch->count; i++)
        agents[i].name = dispatch->items[i].text;
    rkd_config_write(&buf, rule->config.members, agents, dispatch->count);
    if (buf.overflow)
        return rkd_refuse_raw(
            compile, rule->raw->at, "room_config",
            "expected something shorter than 8 KiB, the agents of dispatch included");
    return buf.len == 0 ? RK_OK : rkd_pool_dup(pool, rki_buf_str(&buf), &rule->config.whole);
}

enum rk_err rkd_compile_rule_config(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    enum rk_err err;

    if ((err = check_agents(compile, &rule->raw->dispatch, "dispatch")) != RK_OK ||
        (err = check_agents(compile, &rule->raw->request_agents, "request_agents")) != RK_OK ||
        (err = compile_members(compile, &rule->raw->room_config, &rule->config)) != RK_OK)
        return err;
    return write_whole(compile, rule);
}
