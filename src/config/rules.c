/*
 * rules.c - `profiles`, `rules` and `ceiling` of roomkey.yaml, typed and with their positions;
 * policy says what they mean.
 *
 * May touch: its arguments, secret files by file.c.
 */
#include "config/read.h"

/* ---- profiles ---- */

enum rk_err rkd_read_profiles(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw *raw = &((struct rkd_settings *)target)->raw;
    struct rkd_raw_profile *profiles;

    if (value->kind != RKD_VALUE_MAP)
        return rkd_read_fail(read, value,
                             "expected a map of profiles (NAME: { canPublish: true })");
    profiles = rkd_store_take(read->store, value->count, sizeof(*profiles));
    if (profiles == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; i < value->count; i++) {
        const struct rkd_value_member *member = &value->members[i];

        if (member->value.kind != RKD_VALUE_MAP)
            return rkd_read_fail_at(read, member->value.at, member->key,
                                    "expected a map of LiveKit's grant names");
        profiles[i] = (struct rkd_raw_profile){.name = {.text = member->key, .at = member->at},
                                               .body = member->value};
    }
    raw->profiles = profiles;
    raw->profile_count = value->count;
    return RK_OK;
}

/* ---- rules ---- */

static enum rk_err read_hook_url(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    bool is_https = false;
    struct rk_str host;

    host =
        value->kind == RKD_VALUE_STRING ? rkd_url_host(value->text, &is_https) : rki_str(NULL, 0);
    if (host.ptr == NULL || (!is_https && !rkd_host_is_loopback(host)))
        return rkd_read_fail(read, value,
                             "expected an https:// URL (http:// only to this machine) without "
                             "user, query and fragment");
    return rkd_take_text(read, value, target);
}

static const struct rkd_key hook_keys[] = {
    RKD_KEY_NEEDED(struct rkd_raw_hook, url, read_hook_url),
    {RK_STR_INIT("secret_file"), rkd_take_secret, offsetof(struct rkd_raw_hook, secret), true},
    RKD_KEY(struct rkd_raw_hook, timeout, rkd_take_time),
};
const struct rkd_table rkd_hook_table = {"rules.ask.", hook_keys, ARRAY_LEN(hook_keys)};

static enum rk_err read_hook(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_hook *hook = target;

    hook->is_set = true;
    hook->at = value->at;
    return rkd_table_read(read, &rkd_hook_table, value, hook);
}

static const struct rkd_key rule_keys[] = {
    RKD_KEY_NEEDED(struct rkd_raw_rule, id, rkd_take_text),
    RKD_KEY(struct rkd_raw_rule, caller, rkd_take_text),
    RKD_KEY(struct rkd_raw_rule, when, rkd_take_map),
    RKD_KEY_NEEDED(struct rkd_raw_rule, room, rkd_take_list),
    RKD_KEY(struct rkd_raw_rule, default_room, rkd_take_text),
    RKD_KEY(struct rkd_raw_rule, profile, rkd_take_list),
    RKD_KEY(struct rkd_raw_rule, ttl, rkd_take_time),
    RKD_KEY(struct rkd_raw_rule, request_may_set, rkd_take_list),
    RKD_KEY(struct rkd_raw_rule, request_agents, rkd_take_list),
    RKD_KEY(struct rkd_raw_rule, dispatch, rkd_take_list),
    RKD_KEY(struct rkd_raw_rule, room_config, rkd_take_map),
    RKD_KEY(struct rkd_raw_rule, ask, read_hook),
};
const struct rkd_table rkd_rule_table = {"rules.", rule_keys, ARRAY_LEN(rule_keys)};

enum rk_err rkd_read_rules(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw *raw = &((struct rkd_settings *)target)->raw;
    struct rkd_raw_rule *rules;

    if (value->kind != RKD_VALUE_LIST)
        return rkd_read_fail(read, value, "expected a list of rules (- id: ...)");
    rules = rkd_store_take(read->store, value->count, sizeof(*rules));
    if (rules == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; i < value->count; i++) {
        enum rk_err err = rkd_table_read(read, &rkd_rule_table, &value->items[i], &rules[i]);

        if (err != RK_OK)
            return err;
        rules[i].at = value->items[i].at;
    }
    raw->rules = rules;
    raw->rule_count = value->count;
    raw->rules_at = value->at;
    return RK_OK;
}

/* ---- ceiling ---- */

static const struct rkd_key ceiling_keys[] = {
    RKD_KEY(struct rkd_raw_ceiling, ttl, rkd_take_time),
    RKD_KEY(struct rkd_raw_ceiling, grants, rkd_take_list),
};
const struct rkd_table rkd_ceiling_table = {"ceiling.", ceiling_keys, ARRAY_LEN(ceiling_keys)};

enum rk_err rkd_read_ceiling(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_ceiling *ceiling = &((struct rkd_settings *)target)->raw.ceiling;

    ceiling->at = value->at;
    return rkd_table_read(read, &rkd_ceiling_table, value, ceiling);
}
