/*
 * warn.c - what `roomkey check` says of a policy that loads but can hardly be meant.
 *
 * "Never" is said only where it is certain; the rest is told as it is. May touch: its arguments.
 */
#include "core/utf8.h"
#include "policy/compiled.h"

struct warn {
    const struct rkd_policy *policy;
    rkd_warn_fn *fn;
    void *ctx;
};

static void say(const struct warn *warn, struct rkd_pos at, const char *key, struct rk_str name,
                const char *text)
{
    warn->fn(warn->ctx, at, key, name, text);
}

static bool has_verified_callers(const struct rkd_policy *policy)
{
    return policy->caller_count != 0;
}

/* ---- rules that can never match ---- */

static bool is_only(const struct rkd_condition *condition, bool (*never)(const struct rkd_value *))
{
    for (size_t i = 0; i < condition->count; i++)
        if (!never(&condition->any[i]))
            return false;
    return true;
}

static bool never_equals(const struct rkd_value *literal)
{
    return rkd_literal_matches_nothing(literal) ||
           (literal->kind == RKD_VALUE_STRING && literal->text.len == 0);
}

static bool same_literal(const struct rkd_value *a, const struct rkd_value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == RKD_VALUE_STRING)
        return rki_str_equal(a->text, b->text);
    if (a->kind == RKD_VALUE_BOOL)
        return a->boolean == b->boolean;
    return a->kind == RKD_VALUE_NUMBER && !(a->number < b->number) && !(a->number > b->number);
}

/* Same key, and no literal that the wider one does not have. */
static bool is_within(const struct rkd_condition *narrow, const struct rkd_condition *wide)
{
    if (!rki_str_equal(narrow->key, wide->key))
        return false;
    for (size_t i = 0; i < narrow->count; i++) {
        size_t j = 0;

        while (j < wide->count && !same_literal(&narrow->any[i], &wide->any[j]))
            j++;
        if (j == wide->count)
            return false;
    }
    return true;
}

/* Whether every condition of `wide` surely holds where all of `narrow` do. */
static bool implies(const struct rkd_condition *narrow, size_t narrow_count,
                    const struct rkd_condition *wide, size_t wide_count)
{
    for (size_t i = 0; i < wide_count; i++) {
        size_t j = 0;

        while (j < narrow_count && !is_within(&narrow[j], &wide[i]))
            j++;
        if (j == narrow_count)
            return false;
    }
    return true;
}

static bool covers_when(const struct rkd_when *wide, const struct rkd_when *narrow)
{
    if (!implies(narrow->all, narrow->count, wide->all, wide->count))
        return false;
    return wide->not_count == 0 || /* what is denied turns round */
           (narrow->not_count != 0 &&
            implies(wide->not_all, wide->not_count, narrow->not_all, narrow->not_count));
}

static bool can_hold(const struct rkd_rule *rule)
{
    if (rule->caller == RKD_ANONYMOUS && rule->when.count != 0) /* guests have no claims */
        return false;
    if (rule->when.not_count != 0 &&
        implies(rule->when.all, rule->when.count, rule->when.not_all, rule->when.not_count))
        return false;
    for (size_t i = 0; i < rule->when.count; i++)
        if (is_only(&rule->when.all[i], never_equals))
            return false;
    return true;
}

/* Whether every caller of `later` is one of `earlier`. */
static bool covers_callers(const struct rkd_rule *earlier, const struct rkd_rule *later)
{
    return earlier->caller == later->caller ||
           (earlier->caller == RKD_ANY_VERIFIED && later->caller != RKD_ANONYMOUS);
}

static bool is_star(const struct rkd_template *pattern)
{
    return pattern->count == 1 && pattern->parts[0].kind == RKD_PART_STAR;
}

/* Whether `wide` surely matches every room `narrow` does: equal, or its literal and `*` begin it.
 */
static bool covers_pattern(const struct rkd_template *wide, const struct rkd_template *narrow)
{
    const size_t last = wide->count - 1;
    const bool has_star = rkd_template_uses(wide, RKD_PART_STAR);

    if (is_star(wide))
        return true;
    for (size_t i = 0; i < wide->count && i < narrow->count; i++) {
        const struct rkd_part *part = &wide->parts[i], *other = &narrow->parts[i];

        if (rkd_part_equal(part, other))
            continue;
        if (part->kind == RKD_PART_STAR) /* every part has a byte at least */
            return true;
        /* the last literal before `*`: the other goes on where it ends */
        return has_star && i + 1 == last && part->kind == RKD_PART_LITERAL &&
               other->kind == RKD_PART_LITERAL && rki_str_starts_with(other->text, part->text);
    }
    return wide->count == narrow->count;
}

static bool covers_rooms(const struct rkd_rule *earlier, const struct rkd_rule *later)
{
    for (size_t i = 0; i < later->room_count; i++) {
        bool covered = false;

        for (size_t j = 0; j < earlier->room_count && !covered; j++)
            covered = covers_pattern(&earlier->rooms[j], &later->rooms[i]);
        if (!covered)
            return false;
    }
    return true;
}

/* Whether a request without a room surely ends at this rule: it wants one, or has a fixed one. */
static bool settles_default(const struct rkd_rule *rule)
{
    if (rule->default_room.count != 0)
        return rule->default_room.uses == 1U << RKD_PART_LITERAL;
    return rule->room_count != 1 || rkd_template_uses(&rule->rooms[0], RKD_PART_STAR) ||
           rule->rooms[0].uses == 1U << RKD_PART_LITERAL;
}

static bool shadows(const struct rkd_rule *earlier, const struct rkd_rule *later)
{
    return covers_when(&earlier->when, &later->when) && covers_callers(earlier, later) &&
           covers_rooms(earlier, later) && settles_default(earlier);
}

/* No room of the rule can be: a literal that is no name (D21), or a claim where guests have none.
 */
static bool has_no_room(const struct rkd_rule *rule)
{
    for (size_t i = 0; i < rule->room_count; i++) {
        const struct rkd_template *room = &rule->rooms[i];
        const bool is_literal = room->count == 1 && room->parts[0].kind == RKD_PART_LITERAL;

        if (!(is_literal && rki_name_check(room->parts[0].text) != RK_OK) &&
            !(rule->caller == RKD_ANONYMOUS && rkd_template_uses(room, RKD_PART_CLAIM)))
            return false;
    }
    return rule->room_count != 0;
}

static void warn_never(const struct warn *warn, const struct rkd_rule *rule)
{
    for (const struct rkd_rule *earlier = warn->policy->rules; earlier < rule; earlier++)
        if (shadows(earlier, rule)) {
            say(warn, rule->raw->at, "rules", rule->id,
                "can never match: a rule before it takes every caller and room of it");
            return;
        }
    if (rule->caller == RKD_ANY_VERIFIED && !has_verified_callers(warn->policy))
        say(warn, rule->raw->at, "rules", rule->id, "can never match: there are no callers");
    else if (has_no_room(rule))
        say(warn, rule->raw->at, "room", rule->id, "can never match: no room fits");
    else if (!can_hold(rule))
        say(warn, rule->raw->when.at, "when", rule->id, "can never hold");
}

/* ---- lifetimes, grants, rooms ---- */

static void warn_ttl(const struct warn *warn, const struct rkd_rule *rule)
{
    const struct rkd_raw_time *ttl = &rule->raw->ttl;
    const struct rkd_pos at = ttl->is_set ? ttl->at : rule->raw->at;
    const int64_t wanted_s = ttl->is_set ? ttl->ms / 1000 : RKD_RULE_TTL_S;

    if (wanted_s > 86400)
        say(warn, at, "ttl", rule->id, "over 24h: nothing takes a token back before it ends");
    if (wanted_s < 120)
        say(warn, at, "ttl", rule->id, "under 120s: slow networks and clocks a minute off fail");
    if (wanted_s > rule->ttl_s)
        say(warn, at, "ttl", rule->id, "over the ceiling, which cuts it");
}

static void warn_grants(const struct warn *warn, const struct rkd_rule *rule)
{
    for (size_t i = 0; i < rule->profile_count; i++)
        if (rule->profiles[i]->wanted != rule->profiles[i]->grants)
            say(warn, rule->raw->profile.is_set ? rule->raw->profile.at : rule->raw->at, "profile",
                rule->profiles[i]->name,
                "holds grants the ceiling cuts: ceiling.grants does not name them");
}

/* {org}-* : a tenant with a "-" in its name gets nothing, and one day somebody has one. */
static bool has_weak_separator(const struct rkd_template *template)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->parts[i].kind == RKD_PART_CLAIM && template->parts[i].after.len == 1)
            return true;
    return false;
}

static void warn_rooms(const struct warn *warn, const struct rkd_rule *rule)
{
    const struct rkd_raw_text *fallback = &rule->raw->default_room;

    for (size_t i = 0; i < rule->room_count; i++)
        if (has_weak_separator(&rule->rooms[i]))
            say(warn, rule->raw->room.items[i].at, "room", rule->id,
                "a single character behind a claim: values that contain it match nothing; two "
                "characters such as __ are safer");
    if (fallback->text.len != 0 && memchr(fallback->text.ptr, '*', fallback->text.len) != NULL)
        say(warn, fallback->at, "default_room", rule->id, "the * is taken as it stands");
}

/* ---- callers, profiles, secrets ---- */

static bool is_used(const struct rkd_policy *policy, size_t caller)
{
    for (size_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].caller == caller || policy->rules[i].caller == RKD_ANY_VERIFIED)
            return true;
    return false;
}

static void warn_caller(const struct warn *warn, size_t index)
{
    const struct rkd_compiled_caller *caller = &warn->policy->callers[index];
    const struct rkd_pos at =
        caller->raw->identity.text.ptr == NULL ? caller->raw->at : caller->raw->identity.at;

    if (!is_used(warn->policy, index))
        say(warn, caller->raw->at, "callers", caller->name, "no rule lets this caller in");
    if (rkd_template_uses(&caller->identity, RKD_PART_REQUEST_IDENTITY))
        say(warn, at, "identity", caller->name,
            "the identity comes from the request: this caller can be anybody");
    if (has_weak_separator(&caller->identity))
        say(warn, at, "identity", caller->name,
            "a single character behind a claim: values that contain it have no identity");
    if (warn->policy->raw->anonymous_by_rules && !caller->is_hashed &&
        rki_str_starts_with(rkd_template_prefix(&caller->identity), RK_STR("guest-")))
        say(warn, at, "identity", caller->name,
            "guest- belongs to callers without a credential: nobody gets in");
}

static void warn_profile(const struct warn *warn, const struct rkd_profile *profile)
{
    if (profile->raw == NULL)
        return;
    for (size_t i = 0; i < warn->policy->rule_count; i++)
        for (size_t j = 0; j < warn->policy->rules[i].profile_count; j++)
            if (warn->policy->rules[i].profiles[j] == profile)
                return;
    say(warn, profile->raw->name.at, "profiles", profile->name, "no rule uses this profile");
}

static void warn_secret(const struct warn *warn, const struct rkd_raw_secret *secret,
                        const char *key, struct rk_str name)
{
    if (secret->bytes.ptr == NULL)
        return;
    if (secret->bytes.len < RKD_HASH_KEY_MIN)
        say(warn, secret->at, key, name, "a secret under 32 bytes can be guessed");
}

void rkd_policy_warn(const struct rkd_policy *policy, rkd_warn_fn *warn, void *ctx)
{
    const struct warn to = {.policy = policy, .fn = warn, .ctx = ctx};

    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->caller_count; i++)
        warn_caller(&to, i);
    for (size_t i = 0; i < policy->profile_count; i++)
        warn_profile(&to, &policy->profiles[i]);
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rkd_rule *rule = &policy->rules[i];

        warn_never(&to, rule);
        warn_ttl(&to, rule);
        warn_grants(&to, rule);
        warn_rooms(&to, rule);
        warn_secret(&to, &rule->raw->ask.secret, "secret_file", rule->id);
    }
    warn_secret(&to, &policy->raw->identity_hash_key, "identity_hash_key_file", rki_str(NULL, 0));
}
