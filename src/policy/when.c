/*
 * when.c - compiles `when` and looks whether it holds. May touch: its arguments, jansson's readers.
 */
#include "policy/when.h"

static const double number_limit =
    9007199254740992.0; /* 2^53: from here on doubles skip integers */

struct compile {
    struct rkd_pool *pool;
    struct rkd_pos *at;
    const char **why;
};

static enum rk_err refuse(const struct compile *compile, struct rkd_pos at, const char *why)
{
    *compile->at = at;
    *compile->why = why;
    return RK_E_INVAL;
}

static bool is_scalar(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_STRING || value->kind == RKD_VALUE_NUMBER ||
           value->kind == RKD_VALUE_BOOL;
}

bool rkd_literal_matches_nothing(const struct rkd_value *literal)
{
    return literal->kind == RKD_VALUE_NUMBER &&
           !(literal->number > -number_limit && literal->number < number_limit); /* NaN too */
}

static enum rk_err compile_values(const struct compile *compile, const struct rkd_value *value,
                                  struct rkd_condition *out)
{
    if (is_scalar(value)) {
        out->any = value;
        out->count = 1;
        return RK_OK;
    }
    if (value->kind != RKD_VALUE_LIST || value->count == 0)
        return refuse(compile, value->at,
                      "expected a string, number or boolean, or a list of them");
    for (size_t i = 0; i < value->count; i++)
        if (!is_scalar(&value->items[i]))
            return refuse(compile, value->items[i].at, "expected a string, number or boolean");
    out->any = value->items;
    out->count = value->count;
    return RK_OK;
}

/* The keys of a map but `not`, which is left to the caller. */
static enum rk_err compile_map(const struct compile *compile, const struct rkd_value *map,
                               struct rkd_condition **out, size_t *out_count)
{
    struct rkd_condition *all;
    size_t count = 0;

    if (map->kind != RKD_VALUE_MAP || map->count == 0)
        return refuse(compile, map->at, "expected a map of claims and values, not empty");
    all = rkd_pool_take(compile->pool, map->count, sizeof(*all));
    if (all == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < map->count; i++) {
        const struct rkd_value_member *member = &map->members[i];
        enum rk_err err;

        if (rki_str_equal(member->key, RK_STR("not")))
            continue;
        all[count].key = member->key;
        *compile->at = member->at;
        err = rkd_claim_path_parse(compile->pool, member->key, &all[count].path, compile->why);
        if (err == RK_OK)
            err = compile_values(compile, &member->value, &all[count]);
        if (err != RK_OK)
            return err;
        count++;
    }
    *out = all;
    *out_count = count;
    return RK_OK;
}

static const struct rkd_value_member *find_not(const struct rkd_value *map)
{
    for (size_t i = 0; map->kind == RKD_VALUE_MAP && i < map->count; i++)
        if (rki_str_equal(map->members[i].key, RK_STR("not")))
            return &map->members[i];
    return NULL;
}

enum rk_err rkd_when_compile(struct rkd_pool *pool, const struct rkd_value *raw,
                             struct rkd_when *out, struct rkd_pos *out_at, const char **out_why)
{
    const struct compile compile = {.pool = pool, .at = out_at, .why = out_why};
    const struct rkd_value_member *not_member, *second;
    enum rk_err err;

    *out = (struct rkd_when){.count = 0};
    if (raw->kind == RKD_VALUE_NONE)
        return RK_OK;
    err = compile_map(&compile, raw, &out->all, &out->count);
    not_member = find_not(raw);
    if (err != RK_OK || not_member == NULL)
        return err;
    second = find_not(&not_member->value);
    if (second != NULL)
        return refuse(&compile, second->at, "expected no not inside not");
    return compile_map(&compile, &not_member->value, &out->not_all, &out->not_count);
}

/* ---- at the decision ---- */

static bool json_equals(const json_t *value, const struct rkd_value *literal)
{
    double number;

    if (literal->kind == RKD_VALUE_BOOL)
        return json_is_boolean(value) && json_is_true(value) == literal->boolean;
    if (literal->kind != RKD_VALUE_NUMBER || !json_is_number(value) ||
        rkd_literal_matches_nothing(literal))
        return false;
    number = json_number_value(value);
    return number >= literal->number && number <= literal->number;
}

static bool equals(const struct rkd_claim *claim, const struct rkd_value *literal)
{
    if (literal->kind == RKD_VALUE_STRING)
        return literal->text.len != 0 && rkd_claim_has(claim, literal->text);
    if (claim->kind != RKD_CLAIM_OTHER)
        return false;
    if (!json_is_array(claim->value))
        return json_equals(claim->value, literal);
    for (size_t i = 0; i < json_array_size(claim->value); i++)
        if (json_equals(json_array_get(claim->value, i), literal))
            return true;
    return false;
}

static bool condition_holds(const struct rkd_condition *condition, const struct rkd_caller *caller)
{
    const struct rkd_claim claim = rkd_claim_find(caller, &condition->path);

    if (claim.kind == RKD_CLAIM_NONE)
        return false;
    for (size_t i = 0; i < condition->count; i++)
        if (equals(&claim, &condition->any[i]))
            return true;
    return false;
}

/* The first condition that fails; `count` when all hold. */
static size_t first_failing(const struct rkd_condition *all, size_t count,
                            const struct rkd_caller *caller)
{
    for (size_t i = 0; i < count; i++)
        if (!condition_holds(&all[i], caller))
            return i;
    return count;
}

bool rkd_when_holds(const struct rkd_when *when, const struct rkd_caller *caller,
                    struct rk_str *out_key)
{
    const size_t failing = first_failing(when->all, when->count, caller);

    if (failing != when->count) {
        *out_key = when->all[failing].key;
        return false;
    }
    if (when->not_count == 0 ||
        first_failing(when->not_all, when->not_count, caller) != when->not_count)
        return true;
    *out_key = RK_STR("not");
    return false;
}
