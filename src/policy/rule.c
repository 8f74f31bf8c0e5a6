/*
 * rule.c - compiles rules, each by itself and then against one another (semantics D4, D10, D22,
 * D24, D30). May touch: its arguments.
 */
#include "core/utf8.h"
#include "policy/compiled.h"

static const char name_expected[] =
    "expected 1 to 256 bytes without control characters or blanks around";

static enum rk_err compile_id(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_text *id = &rule->raw->id;

    if (id->text.ptr == NULL)
        return rkd_refuse_raw(compile, rule->raw->at, "id", "expected a name for this rule");
    if (rki_name_check(id->text) != RK_OK)
        return rkd_refuse_raw(compile, id->at, "id", name_expected);
    for (size_t i = 0; i < compile->policy->rule_count; i++)
        if (rki_str_equal(compile->policy->rules[i].id, id->text))
            return rkd_refuse_raw(compile, id->at, "id", "expected every id only once");
    rule->id = id->text;
    return RK_OK;
}

/* D4 */
static enum rk_err compile_caller(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_text *caller = &rule->raw->caller;
    const struct rkd_policy *policy = compile->policy;

    rule->caller = RKD_ANY_VERIFIED;
    if (caller->text.ptr == NULL)
        return RK_OK;
    if (rki_str_equal(caller->text, RK_STR("anonymous"))) {
        rule->caller = RKD_ANONYMOUS;
        return compile->raw->anonymous_by_rules
                   ? RK_OK
                   : rkd_refuse_raw(compile, caller->at, "caller",
                                    "expected anonymous only together with anonymous: rules");
    }
    for (size_t i = 0; i < policy->caller_count; i++)
        if (rki_str_equal(policy->callers[i].name, caller->text))
            rule->caller = i;
    return rule->caller != RKD_ANY_VERIFIED ? RK_OK
                                            : rkd_refuse_raw(compile, caller->at, "caller",
                                                             "expected the name of one of callers");
}

static enum rk_err compile_rooms(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_list *list = &rule->raw->room;

    if (!list->is_set || list->count == 0)
        return rkd_refuse_raw(compile, list->is_set ? list->at : rule->raw->at, "room",
                              "expected a pattern or a list of them");
    rule->rooms = rkd_pool_take(&compile->policy->pool, list->count, sizeof(*rule->rooms));
    if (rule->rooms == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        enum rk_err err;

        if (list->items[i].text.len == 0)
            return rkd_refuse_raw(compile, list->items[i].at, "room",
                                  "expected a pattern, not empty");
        err = rkd_compile_template(compile, list->items[i].text, list->items[i].at, "room",
                                   RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, &rule->rooms[i]);
        if (err != RK_OK)
            return err;
        rule->room_count++;
    }
    return RK_OK;
}

static enum rk_err compile_default_room(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_text *raw = &rule->raw->default_room;
    enum rk_err err;
    bool fits = false;

    if (raw->text.ptr == NULL)
        return RK_OK;
    if (raw->text.len == 0)
        return rkd_refuse_raw(compile, raw->at, "default_room", "expected a room, not empty");
    err = rkd_compile_template(compile, raw->text, raw->at, "default_room", RKD_TEMPLATE_NAME,
                               &rule->default_room);
    if (err != RK_OK)
        return err;
    for (size_t i = 0; i < rule->room_count; i++)
        fits = fits || !rkd_pattern_never_fits(&rule->rooms[i], &rule->default_room);
    return fits ? RK_OK
                : rkd_refuse_raw(compile, raw->at, "default_room",
                                 "expected a room that one of this rule's room patterns matches");
}

static enum rk_err compile_profile_list(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    static const struct rkd_raw_text speaker = {.text = RK_STR_INIT("speaker")};
    const struct rkd_raw_list *list = &rule->raw->profile;
    const struct rkd_raw_text *items = list->is_set ? list->items : &speaker;
    const size_t count = list->is_set ? list->count : 1;

    if (count == 0)
        return rkd_refuse_raw(compile, list->at, "profile", "expected a profile or a list of them");
    rule->profiles = rkd_pool_take(&compile->policy->pool, count, sizeof(struct rkd_profile *));
    if (rule->profiles == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        rule->profiles[i] = rkd_find_profile(compile->policy, items[i].text);
        if (rule->profiles[i] == NULL)
            return rkd_refuse_raw(
                compile, items[i].at, "profile",
                "expected one of profiles, or speaker, audio-only, listener, moderator, "
                "agent");
    }
    rule->profile_count = count;
    return RK_OK;
}

static enum rk_err compile_ttl(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_time *ttl = &rule->raw->ttl;

    rule->ttl_s = RKD_RULE_TTL_S;
    if (ttl->is_set && ttl->ms < RKD_TTL_MIN_S * INT64_C(1000))
        return rkd_refuse_raw(compile, ttl->at, "ttl", "expected 10s or more");
    if (ttl->is_set && ttl->ms > RK_TTL_MAX_S * INT64_C(1000))
        return rkd_refuse_raw(compile, ttl->at, "ttl", "expected a year or less");
    if (ttl->is_set)
        rule->ttl_s = ttl->ms / 1000;
    if (rule->ttl_s > compile->policy->ceiling_ttl_s)
        rule->ttl_s = compile->policy->ceiling_ttl_s;
    return RK_OK;
}

/* attributes.KEY */
static bool take_key(struct rkd_permissions *may, struct rk_str text)
{
    const struct rk_str prefix = RK_STR("attributes.");
    struct rk_str key;

    if (!rki_str_starts_with(text, prefix))
        return false;
    key = rki_str(text.ptr + prefix.len, text.len - prefix.len);
    if (rki_name_check(key) != RK_OK)
        return false;
    may->keys[may->key_count++] = key;
    return true;
}

static enum rk_err compile_permissions(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    const struct rkd_raw_list *list = &rule->raw->request_may_set;
    struct rkd_permissions *may = &rule->may;

    may->keys = rkd_pool_take(&compile->policy->pool, list->count, sizeof(*may->keys));
    if (may->keys == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        struct rk_str text = list->items[i].text;

        if (rki_str_equal(text, RK_STR("name")))
            may->name = true;
        else if (rki_str_equal(text, RK_STR("metadata")))
            may->metadata = true;
        else if (rki_str_equal(text, RK_STR("attributes")))
            may->attributes = true;
        else if (rki_str_equal(text, RK_STR("room_config")))
            may->room_config = true;
        else if (!take_key(may, text))
            return rkd_refuse_raw(
                compile, list->items[i].at, "request_may_set",
                "expected name, metadata, attributes, attributes.KEY or room_config");
    }
    return RK_OK;
}

static enum rk_err compile_when(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    struct rkd_pos at = rule->raw->at;
    const char *why = "";
    enum rk_err err =
        rkd_when_compile(&compile->policy->pool, &rule->raw->when, &rule->when, &at, &why);

    return err == RK_E_INVAL ? rkd_refuse_raw(compile, at, "when", why) : err;
}

static enum rk_err compile_ask(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    struct rkd_policy *policy = compile->policy;
    struct rkd_hook *hook = &policy->hooks[policy->hook_count];
    enum rk_err err;

    if (!rule->raw->ask.is_set)
        return RK_OK;
    err = rkd_compile_hook(compile, &rule->raw->ask, policy->rule_count, hook);
    if (err != RK_OK)
        return err;
    rule->hook = hook;
    policy->hook_count++;
    return RK_OK;
}

/* D10: against every pattern before it in the file, itself included. */
static enum rk_err check_patterns(const struct rkd_compile *compile, const struct rkd_rule *rule)
{
    const struct rkd_policy *policy = compile->policy;

    for (size_t i = 0; i < rule->room_count; i++) {
        bool clashes = false;

        for (const struct rkd_rule *other = policy->rules; other <= rule && !clashes; other++)
            for (size_t j = 0; j < (other == rule ? i : other->room_count) && !clashes; j++)
                clashes = rkd_patterns_clash(&other->rooms[j], &rule->rooms[i]);
        if (clashes)
            return rkd_refuse_raw(
                compile, rule->raw->room.items[i].at, "room",
                "expected the same text behind a placeholder as in the other patterns "
                "of this file that begin alike");
    }
    return RK_OK;
}

static enum rk_err compile_rule(const struct rkd_compile *compile, struct rkd_rule *rule)
{
    enum rk_err err;

    if ((err = compile_id(compile, rule)) != RK_OK ||
        (err = compile_caller(compile, rule)) != RK_OK ||
        (err = compile_when(compile, rule)) != RK_OK ||
        (err = compile_rooms(compile, rule)) != RK_OK ||
        (err = check_patterns(compile, rule)) != RK_OK ||
        (err = compile_default_room(compile, rule)) != RK_OK ||
        (err = compile_profile_list(compile, rule)) != RK_OK ||
        (err = compile_ttl(compile, rule)) != RK_OK ||
        (err = compile_permissions(compile, rule)) != RK_OK ||
        (err = rkd_compile_rule_config(compile, rule)) != RK_OK)
        return err;
    return compile_ask(compile, rule);
}

enum rk_err rkd_compile_rules(const struct rkd_compile *compile)
{
    const struct rkd_raw *raw = compile->raw;
    struct rkd_policy *policy = compile->policy;

    policy->rules = rkd_pool_take(&policy->pool, raw->rule_count, sizeof(*policy->rules));
    policy->hooks = rkd_pool_take(&policy->pool, raw->rule_count, sizeof(*policy->hooks));
    if (policy->rules == NULL || policy->hooks == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < raw->rule_count; i++) {
        enum rk_err err;

        policy->rules[i].raw = &raw->rules[i];
        err = compile_rule(compile, &policy->rules[i]);
        if (err != RK_OK)
            return err;
        policy->rule_count++;
    }
    return RK_OK;
}
