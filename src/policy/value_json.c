/*
 * value_json.c - copies a tree of configured values, with a stack of fixed size in place of
 * recursion. May touch: its arguments, jansson.
 */
#include "policy/value_json.h"

#include "core/str.h"

enum { DEPTH_MAX = 16 };

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

/* Names of this configuration hold no NUL, but need not end in one. */
static int set_member(json_t *object, struct rk_str key, json_t *value)
{
    char name[256];

    if (key.len >= sizeof(name)) {
        json_decref(value);
        return -1;
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    return json_object_set_new(object, name, value);
}

/* The next child of the level, put into its container; NULL: it could not be. */
static json_t *add_child(struct level *level, const struct rkd_value **out_child)
{
    const size_t at = level->next++;
    const bool is_list = level->value->kind == RKD_VALUE_LIST;
    const struct rkd_value *child =
        is_list ? &level->value->items[at] : &level->value->members[at].value;
    json_t *json = make(child);

    *out_child = child;
    if (json == NULL)
        return NULL;
    if ((is_list ? json_array_append_new(level->json, json)
                 : set_member(level->json, level->value->members[at].key, json)) != 0)
        return NULL;
    return json;
}

static bool is_container(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_LIST || value->kind == RKD_VALUE_MAP;
}

enum rk_err rkd_value_to_json(const struct rkd_value *value, json_t **out)
{
    struct level levels[DEPTH_MAX];
    size_t depth = 1;
    json_t *root = value->kind == RKD_VALUE_NONE ? NULL : make(value);

    if (root == NULL)
        return value->kind == RKD_VALUE_NONE ? RK_E_INVAL : RK_E_NOMEM;
    levels[0] = (struct level){.value = value, .json = root};
    while (depth > 0 && is_container(value)) {
        struct level *level = &levels[depth - 1];
        const struct rkd_value *child;
        json_t *json;

        if (level->next == level->value->count) {
            depth--;
            continue;
        }
        json = add_child(level, &child);
        if (json == NULL || (is_container(child) && depth == DEPTH_MAX)) {
            json_decref(root);
            return json != NULL                    ? RK_E_TOO_LONG
                   : child->kind == RKD_VALUE_NONE ? RK_E_INVAL
                                                   : RK_E_NOMEM;
        }
        if (is_container(child))
            levels[depth++] = (struct level){.value = child, .json = json};
    }
    *out = root;
    return RK_OK;
}
