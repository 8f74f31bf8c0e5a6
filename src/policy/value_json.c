/*
 * value_json.c - copies a tree of configured values, with a stack of fixed size in place of
 * recursion. May touch: its arguments, jansson.
 */
#include "policy/value_json.h"

#include "core/str.h"

enum { DEPTH_MAX = 16, KEY_MAX = 255 };

struct level {
    const struct rkd_value *value;
    json_t *json; /* owned by the level above, the first by the walk */
    size_t next;
};

static json_t *make(const struct rkd_value *value)
{
    switch (value->kind) {
    case RKD_VALUE_STRING:
        return json_stringn(value->text.ptr == NULL ? "" : value->text.ptr, value->text.len);
    case RKD_VALUE_NUMBER:
        return json_real(value->number);
    case RKD_VALUE_BOOL:
        return json_boolean(value->boolean);
    case RKD_VALUE_LIST:
        return json_array();
    case RKD_VALUE_MAP:
        return json_object();
    case RKD_VALUE_NONE:
        break;
    }
    return NULL;
}

/* Names of this configuration hold no NUL, but need not end in one. Takes `value`. */
static enum rk_err set_member(json_t *object, struct rk_str key, json_t *value)
{
    char name[KEY_MAX + 1];

    if (key.len > KEY_MAX) {
        json_decref(value);
        return RK_E_TOO_LONG;
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    return json_object_set_new(object, name, value) == 0 ? RK_OK : RK_E_NOMEM;
}

static enum rk_err why_not(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_NONE ? RK_E_INVAL : RK_E_NOMEM;
}

/* The next child of the level, put into its container, which owns it. */
static enum rk_err add_child(struct level *level, struct level *out)
{
    const size_t at = level->next++;
    const bool is_list = level->value->kind == RKD_VALUE_LIST;
    const struct rkd_value *child =
        is_list ? &level->value->items[at] : &level->value->members[at].value;

    *out = (struct level){.value = child, .json = make(child)};
    if (out->json == NULL)
        return why_not(child);
    if (!is_list)
        return set_member(level->json, level->value->members[at].key, out->json);
    return json_array_append_new(level->json, out->json) == 0 ? RK_OK : RK_E_NOMEM;
}

static bool is_container(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_LIST || value->kind == RKD_VALUE_MAP;
}

/* Fills `root`, made of `value`, level by level. */
static enum rk_err fill(const struct rkd_value *value, json_t *root)
{
    struct level levels[DEPTH_MAX];
    size_t depth = 1;

    levels[0] = (struct level){.value = value, .json = root};
    while (depth > 0) {
        struct level *level = &levels[depth - 1], child;
        enum rk_err err;

        if (level->next == level->value->count) {
            depth--;
            continue;
        }
        err = add_child(level, &child);
        if (err != RK_OK)
            return err;
        if (!is_container(child.value))
            continue;
        if (depth == DEPTH_MAX)
            return RK_E_TOO_LONG;
        levels[depth++] = child;
    }
    return RK_OK;
}

enum rk_err rkd_value_to_json(const struct rkd_value *value, json_t **out)
{
    json_t *root = make(value);
    enum rk_err err = RK_OK;

    if (root == NULL)
        return why_not(value);
    if (is_container(value))
        err = fill(value, root);
    if (err == RK_OK)
        *out = root;
    else
        json_decref(root);
    return err;
}
