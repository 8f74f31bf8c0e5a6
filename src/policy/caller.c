/*
 * caller.c - compiles what a caller's entry says of identity, name, attributes and metadata, and
 * keeps the identities of callers apart (semantics D13-D15, D19).
 *
 * Which credential proves a caller is the auth room's. May touch: its arguments.
 */
#include "core/utf8.h"
#include "policy/compiled.h"

enum rk_err rkd_compile_template(const struct rkd_compile *compile, struct rk_str text,
                                 struct rkd_pos at, const char *key, unsigned rules,
                                 struct rkd_template *out)
{
    const char *why = "";
    enum rk_err err = rkd_template_parse(&compile->policy->pool, text, rules, out, &why);

    return err == RK_E_INVAL ? rkd_refuse_raw(compile, at, key, why) : err;
}

/* A map of templates; kind NONE gives none. */
static enum rk_err compile_map(const struct rkd_compile *compile, const struct rkd_value *map,
                               const char *key, struct rkd_keyed_template **out, size_t *out_count)
{
    struct rkd_keyed_template *entries;

    if (map->kind == RKD_VALUE_NONE)
        return RK_OK;
    if (map->kind != RKD_VALUE_MAP)
        return rkd_refuse_raw(compile, map->at, key, "expected a map of templates");
    entries = rkd_pool_take(&compile->policy->pool, map->count, sizeof(*entries));
    if (entries == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < map->count; i++) {
        const struct rkd_value_member *member = &map->members[i];
        enum rk_err err;

        if (member->value.kind != RKD_VALUE_STRING)
            return rkd_refuse_raw(compile, member->value.at, key, "expected a template, in quotes");
        entries[i].key = member->key;
        err = rkd_compile_template(compile, member->value.text, member->value.at, key, 0,
                                   &entries[i].value);
        if (err != RK_OK)
            return err;
    }
    *out = entries;
    *out_count = map->count;
    return RK_OK;
}

static enum rk_err compile_attributes(const struct rkd_compile *compile,
                                      struct rkd_compiled_caller *caller)
{
    const struct rkd_value *map = &caller->raw->attributes;
    enum rk_err err =
        compile_map(compile, map, "attributes", &caller->attributes, &caller->attribute_count);

    if (err != RK_OK)
        return err;
    if (caller->attribute_count > RKD_ATTRIBUTES_MAX)
        return rkd_refuse_raw(compile, map->at, "attributes", "expected at most 32 attributes");
    for (size_t i = 0; i < caller->attribute_count; i++)
        if (rki_name_check(map->members[i].key) != RK_OK)
            return rkd_refuse_raw(compile, map->members[i].at, "attributes",
                                  "expected a name of 1 to 256 bytes without control characters");
    return RK_OK;
}

static enum rk_err compile_metadata(const struct rkd_compile *compile,
                                    struct rkd_compiled_caller *caller)
{
    const struct rkd_value *raw = &caller->raw->metadata;

    if (raw->kind == RKD_VALUE_NONE)
        return RK_OK;
    caller->metadata_is_map = raw->kind == RKD_VALUE_MAP;
    if (caller->metadata_is_map)
        return compile_map(compile, raw, "metadata", &caller->metadata, &caller->metadata_count);
    if (raw->kind != RKD_VALUE_STRING)
        return rkd_refuse_raw(compile, raw->at, "metadata",
                              "expected a template or a map of templates");
    if (raw->text.len == 0)
        return RK_OK;
    caller->metadata = rkd_pool_take(&compile->policy->pool, 1, sizeof(*caller->metadata));
    if (caller->metadata == NULL)
        return RK_E_NOMEM;
    caller->metadata_count = 1;
    return rkd_compile_template(compile, raw->text, raw->at, "metadata", 0,
                                &caller->metadata[0].value);
}

static enum rk_err compile_names(const struct rkd_compile *compile,
                                 struct rkd_compiled_caller *caller)
{
    const struct rkd_raw_list *list = &caller->raw->display_name;
    enum rk_err err = RK_OK;

    caller->names = rkd_pool_take(&compile->policy->pool, list->count, sizeof(*caller->names));
    if (caller->names == NULL)
        return RK_E_NOMEM;
    caller->name_count = list->count;
    for (size_t i = 0; i < list->count && err == RK_OK; i++)
        err = rkd_compile_template(compile, list->items[i].text, list->items[i].at, "display_name",
                                   0, &caller->names[i]);
    return err;
}

/* Where a refusal about the identity points: at the key, or at the map that lacks it (P1). */
static struct rkd_pos identity_at(const struct rkd_raw_caller *raw)
{
    return raw->identity.text.ptr == NULL ? raw->at : raw->identity.at;
}

static enum rk_err compile_identity(const struct rkd_compile *compile,
                                    struct rkd_compiled_caller *caller)
{
    const struct rkd_raw_caller *raw = caller->raw;
    const struct rk_str text =
        raw->identity.text.ptr == NULL ? RK_STR("{sub}") : raw->identity.text;

    caller->is_hashed = raw->identity_is_hashed;
    caller->devices_many = raw->devices_many;
    caller->binds_to_exp = raw->bind_to_caller_exp.value;
    if (text.len == 0)
        return rkd_refuse_raw(compile, identity_at(raw), "identity",
                              "expected a template, not empty");
    if (raw->identity_is_hashed && compile->raw->identity_hash_key.bytes.ptr == NULL)
        return rkd_refuse_raw(compile, identity_at(raw), "identity",
                              "expected identity_hash_key_file, which a hash needs");
    return rkd_compile_template(compile, text, identity_at(raw), "identity",
                                RKD_TEMPLATE_NAME | RKD_TEMPLATE_NO_IDENTITY, &caller->identity);
}

static bool takes_name(const struct rkd_compiled_caller *caller)
{
    const enum rkd_part_kind name = RKD_PART_REQUEST_NAME;
    bool takes = rkd_template_uses(&caller->identity, name);

    for (size_t i = 0; i < caller->name_count; i++)
        takes = takes || rkd_template_uses(&caller->names[i], name);
    for (size_t i = 0; i < caller->attribute_count; i++)
        takes = takes || rkd_template_uses(&caller->attributes[i].value, name);
    for (size_t i = 0; i < caller->metadata_count; i++)
        takes = takes || rkd_template_uses(&caller->metadata[i].value, name);
    return takes;
}

static enum rk_err compile_caller(const struct rkd_compile *compile,
                                  struct rkd_compiled_caller *caller)
{
    const struct rkd_raw_text *name = &caller->raw->name;
    enum rk_err err;

    caller->name = name->text;
    if (name->text.ptr == NULL)
        return rkd_refuse_raw(compile, caller->raw->at, "name", "expected a name for this caller");
    if (rki_name_check(name->text) != RK_OK)
        return rkd_refuse_raw(
            compile, name->at, "name",
            "expected 1 to 256 bytes without control characters or blanks around");
    if (rki_str_equal(name->text, RK_STR("anonymous"))) /* D4 */
        return rkd_refuse_raw(compile, name->at, "name",
                              "expected another name; anonymous are those without a credential");
    for (size_t i = 0; i < compile->policy->caller_count; i++)
        if (rki_str_equal(compile->policy->callers[i].name, name->text))
            return rkd_refuse_raw(compile, name->at, "name", "expected every name only once");
    if ((err = compile_identity(compile, caller)) != RK_OK ||
        (err = compile_names(compile, caller)) != RK_OK ||
        (err = compile_attributes(compile, caller)) != RK_OK ||
        (err = compile_metadata(compile, caller)) != RK_OK)
        return err;
    caller->takes_name = takes_name(caller);
    return RK_OK;
}

enum rk_err rkd_compile_callers(const struct rkd_compile *compile)
{
    const struct rkd_raw *raw = compile->raw;
    struct rkd_policy *policy = compile->policy;
    const struct rkd_raw_secret *key = &raw->identity_hash_key;

    if (key->bytes.ptr != NULL && key->bytes.len < RKD_HASH_KEY_MIN)
        return rkd_refuse_raw(compile, key->at, "identity_hash_key_file",
                              "expected a file of 32 bytes or more");
    policy->callers = rkd_pool_take(&policy->pool, raw->caller_count, sizeof(*policy->callers));
    if (policy->callers == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < raw->caller_count; i++) {
        enum rk_err err;

        policy->callers[i].raw = &raw->callers[i];
        err = compile_caller(compile, &policy->callers[i]);
        if (err != RK_OK)
            return err;
        policy->caller_count++;
    }
    return RK_OK;
}

/* ---- D19 ---- */

/* The literal an identity begins with: {caller} is the caller's name, a hash begins with u_. In two
 * pieces, so that nothing is copied. */
struct space {
    struct rk_str first, second;
};

static struct space space_of(const struct rkd_compiled_caller *caller)
{
    const struct rkd_template *identity = &caller->identity;
    struct space space = {RK_STR_INIT(""), RK_STR_INIT("")};

    if (caller->is_hashed) {
        space.first = RK_STR("u_");
    } else if (identity->parts[0].kind == RKD_PART_CALLER) {
        space.first = caller->name;
        if (identity->count > 1 && identity->parts[1].kind == RKD_PART_LITERAL)
            space.second = identity->parts[1].text;
    } else {
        space.first = rkd_template_prefix(identity);
    }
    return space;
}

static char space_char(const struct space *space, size_t at)
{
    if (at < space->first.len)
        return space->first.ptr[at];
    return space->second.ptr[at - space->first.len];
}

static bool one_begins_the_other(const struct space *a, const struct space *b)
{
    const size_t mine = a->first.len + a->second.len, theirs = b->first.len + b->second.len;

    for (size_t i = 0; i < mine && i < theirs; i++)
        if (space_char(a, i) != space_char(b, i))
            return false;
    return true;
}

static bool contains(struct rk_str text, struct rk_str what)
{
    for (size_t at = 0; at + what.len <= text.len; at++)
        if (memcmp(text.ptr + at, what.ptr, what.len) == 0)
            return true;
    return false;
}

/* {caller} followed by a literal that no caller's name contains. */
static bool is_led_by_name(const struct rkd_policy *policy,
                           const struct rkd_compiled_caller *caller, struct rk_str *out_literal)
{
    const struct rkd_template *identity = &caller->identity;

    if (caller->is_hashed || identity->count < 2 || identity->parts[0].kind != RKD_PART_CALLER ||
        identity->parts[1].kind != RKD_PART_LITERAL)
        return false;
    *out_literal = identity->parts[1].text;
    for (size_t i = 0; i < policy->caller_count; i++)
        if (contains(policy->callers[i].name, *out_literal))
            return false;
    return true;
}

/* A trusted backend: acts for anybody's identity, and says so. */
static bool is_backend(const struct rkd_compiled_caller *caller)
{
    return caller->raw->shares_identities.value && !caller->is_hashed &&
           caller->identity.parts[0].kind == RKD_PART_REQUEST_IDENTITY;
}

static bool are_apart(const struct rkd_policy *policy, const struct rkd_compiled_caller *a,
                      const struct rkd_compiled_caller *b)
{
    const struct space mine = space_of(a), theirs = space_of(b);
    struct rk_str my_literal, their_literal;

    if (a->is_hashed && b->is_hashed) /* the caller's name is hashed too */
        return true;
    if (a->raw->shares_identities.value && b->raw->shares_identities.value)
        return true;
    if (is_backend(a) || is_backend(b))
        return true;
    if (is_led_by_name(policy, a, &my_literal) && is_led_by_name(policy, b, &their_literal) &&
        rki_str_equal(my_literal, their_literal))
        return true;
    return !one_begins_the_other(&mine, &theirs);
}

enum rk_err rkd_check_identity_spaces(const struct rkd_compile *compile)
{
    const struct rkd_policy *policy = compile->policy;

    for (size_t later = 1; later < policy->caller_count; later++)
        for (size_t i = 0; i < later; i++)
            if (!are_apart(policy, &policy->callers[i], &policy->callers[later]))
                return rkd_refuse_raw(
                    compile, identity_at(policy->callers[later].raw), "identity",
                    "expected a template whose identities no other caller can have: begin each "
                    "with a "
                    "literal of its own (\"name:{sub}\"), or say shares_identities: true in both");
    return RK_OK;
}
