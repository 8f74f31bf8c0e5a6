/*
 * require.c - claims that must equal (`oidc.require`): typed and compared as in semantics D12.
 *
 * May touch: its arguments, malloc when compiling.
 */
#include "auth/impl.h"

#include "core/json.h"

#include <math.h>
#include <stdlib.h>

/* ---- compile ---- */

/* ~1 is a slash, ~0 a tilde (RFC 6901 s.4). False: neither. */
static bool take_escape(struct rk_str text, size_t *at, char *out)
{
    if (*at + 1 >= text.len || (text.ptr[*at + 1] != '0' && text.ptr[*at + 1] != '1'))
        return false;
    *out = text.ptr[*at + 1] == '0' ? '~' : '/';
    (*at)++;
    return true;
}

/* "/a/b" becomes "a\0b\0"; a name that begins with no slash is one step. */
static bool split_path(struct rk_str key, struct rkd_requirement *out)
{
    const bool is_pointer = key.len != 0 && key.ptr[0] == '/';
    size_t len = 0;

    out->steps = 1;
    for (size_t i = is_pointer ? 1 : 0; i < key.len; i++) {
        char c = key.ptr[i];

        if (c == '\0' || (is_pointer && c == '~' && !take_escape(key, &i, &c)))
            return false;
        if (is_pointer && key.ptr[i] == '/') {
            c = '\0';
            out->steps++;
        }
        out->path[len++] = c;
    }
    out->path[len] = '\0';
    return key.len != 0;
}

static bool is_literal(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_STRING || value->kind == RKD_VALUE_NUMBER ||
           value->kind == RKD_VALUE_BOOL;
}

static enum rk_err check_value(const struct rkd_value *value, struct rkd_raw_error *error)
{
    bool good = is_literal(value) || (value->kind == RKD_VALUE_LIST && value->count != 0);

    for (size_t i = 0; value->kind == RKD_VALUE_LIST && i < value->count; i++)
        if (!is_literal(&value->items[i]))
            return rkd_raw_refuse(error, value->items[i].at, "oidc.require",
                                  "expected a string, a number or a boolean");
    return good ? RK_OK
                : rkd_raw_refuse(error, value->at, "oidc.require",
                                 "expected a string, a number, a boolean or a list of them");
}

enum rk_err rkd_compile_require(const struct rkd_raw_oidc *oidc, struct rkd_auth_caller *out,
                                struct rkd_raw_error *error)
{
    const struct rkd_value *map = &oidc->require;

    if (map->kind == RKD_VALUE_NONE)
        return RK_OK;
    if (map->kind != RKD_VALUE_MAP)
        return rkd_raw_refuse(error, map->at, "oidc.require", "expected a map of claims");
    out->require = calloc(map->count + 1, sizeof(*out->require));
    if (out->require == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < map->count; i++) {
        const struct rkd_value_member *member = &map->members[i];
        struct rkd_requirement *to = &out->require[i];
        enum rk_err err = check_value(&member->value, error);

        if (err != RK_OK)
            return err;
        to->path = malloc(member->key.len + 1);
        if (to->path == NULL)
            return RK_E_NOMEM;
        out->require_count++;
        to->value = &member->value;
        if (!split_path(member->key, to))
            return rkd_raw_refuse(error, member->at, "oidc.require",
                                  "expected the name of a claim or a JSON Pointer");
    }
    return RK_OK;
}

/* ---- check ---- */

static const json_t *array_item(const json_t *array, const char *step)
{
    size_t index = 0, len = strlen(step);

    if (len == 0 || len > 5 || (len > 1 && step[0] == '0'))
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (step[i] < '0' || step[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(step[i] - '0');
    }
    return json_array_get(array, index);
}

static const json_t *find_claim(const struct rkd_requirement *requirement, const json_t *claims)
{
    const char *step = requirement->path;

    for (size_t i = 0; i < requirement->steps; i++) {
        claims = json_is_array(claims) ? array_item(claims, step) : json_object_get(claims, step);
        step += strlen(step) + 1;
    }
    return claims;
}

/* Exact and typed; from 2^53 on a number matches nothing. */
static bool equals(const json_t *claim, const struct rkd_value *literal)
{
    const double limit = 9007199254740992.0;
    double number;

    if (literal->kind == RKD_VALUE_STRING)
        return json_is_string(claim) && literal->text.len != 0 && /* an empty claim fails */
               rki_str_equal(rki_json_str(claim), literal->text);
    if (literal->kind == RKD_VALUE_BOOL)
        return json_is_boolean(claim) && json_is_true(claim) == literal->boolean;
    if (literal->kind != RKD_VALUE_NUMBER || !json_is_number(claim))
        return false;
    number = json_number_value(claim);
    return fabs(number) < limit && !(number < literal->number) && !(number > literal->number);
}

/* D9: a string scope is the list of its words. */
static bool has_word(struct rk_str words, const struct rkd_value *literal)
{
    size_t from = 0;

    if (literal->kind != RKD_VALUE_STRING || literal->text.len == 0)
        return false;
    for (size_t i = 0; i <= words.len; i++) {
        if (i < words.len && words.ptr[i] != ' ')
            continue;
        if (rki_str_equal(rki_str(words.ptr + from, i - from), literal->text))
            return true;
        from = i + 1;
    }
    return false;
}

static bool holds(const struct rkd_requirement *requirement, const json_t *claim,
                  const struct rkd_value *literal)
{
    const bool is_scope = requirement->steps == 1 && (strcmp(requirement->path, "scope") == 0 ||
                                                      strcmp(requirement->path, "scp") == 0);

    if (is_scope && json_is_string(claim))
        return has_word(rki_json_str(claim), literal);
    if (!json_is_array(claim))
        return equals(claim, literal);
    for (size_t i = 0; i < json_array_size(claim); i++)
        if (equals(json_array_get(claim, i), literal))
            return true;
    return false;
}

bool rkd_require_holds(const struct rkd_requirement *requirement, const json_t *claims)
{
    const json_t *claim = find_claim(requirement, claims);
    const struct rkd_value *value = requirement->value;

    if (claim == NULL)
        return false;
    if (value->kind != RKD_VALUE_LIST)
        return holds(requirement, claim, value);
    for (size_t i = 0; i < value->count; i++)
        if (holds(requirement, claim, &value->items[i]))
            return true;
    return false;
}
