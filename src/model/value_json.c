/*
 * value_json.c - a value of the configuration as JSON. May touch: its arguments, jansson.
 *
 * A stack of our own instead of recursion; what is deeper is refused.
 */
#include "model/value_json.h"

#include "core/str.h"
#include "core/utf8.h"

#include <math.h>

enum { DEPTH_MAX = 16, KEY_MAX = 256 };

struct level {
    const struct rkd_value *from;
    json_t *to; /* borrowed from the root */
    size_t next;
};

static bool is_text(struct rk_str text)
{
    return (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL) && rki_utf8_is_valid(text);
}

static json_t *make(const struct rkd_value *value)
{
    switch (value->kind) {
    case RKD_VALUE_STRING:
        return json_stringn(value->text.len == 0 ? "" : value->text.ptr, value->text.len);
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

static const char *fault_of(const struct rkd_value *value)
{
    if (value->kind == RKD_VALUE_NONE)
        return "expected a value";
    if (value->kind == RKD_VALUE_STRING && !is_text(value->text))
        return "expected text without U+0000";
    if (value->kind == RKD_VALUE_NUMBER && !isfinite(value->number))
        return "expected a number that a double can hold";
    return NULL;
}

/* Takes `child`. */
static enum rk_err put(const struct level *level, const struct rk_str *name, json_t *child)
{
    char text[KEY_MAX + 1];

    if (name == NULL)
        return json_array_append_new(level->to, child) == 0 ? RK_OK : RK_E_NOMEM;
    memcpy(text, name->ptr, name->len);
    text[name->len] = '\0';
    return json_object_set_new(level->to, text, child) == 0 ? RK_OK : RK_E_NOMEM;
}

static enum rk_err step(struct level *stack, size_t *depth, const char *key,
                        struct rkd_raw_error *error)
{
    struct level *level = &stack[*depth - 1];
    const bool is_map = level->from->kind == RKD_VALUE_MAP;
    const struct rkd_value_member *member = is_map ? &level->from->members[level->next] : NULL;
    const struct rkd_value *value = is_map ? &member->value : &level->from->items[level->next];
    const bool is_container = value->kind == RKD_VALUE_LIST || value->kind == RKD_VALUE_MAP;
    const char *fault = fault_of(value);
    json_t *child;

    level->next++;
    if (is_map && (member->key.len > KEY_MAX || !is_text(member->key)))
        return rkd_raw_refuse(error, member->at, key, "expected a name of at most 256 bytes");
    if (fault != NULL)
        return rkd_raw_refuse(error, value->at, key, fault);
    if (is_container && *depth == DEPTH_MAX)
        return rkd_raw_refuse(error, value->at, key, "expected at most 16 levels");
    child = make(value);
    if (child == NULL)
        return RK_E_NOMEM;
    if (is_container)
        stack[(*depth)++] = (struct level){.from = value, .to = child};
    return put(level, is_map ? &member->key : NULL, child);
}

enum rk_err rkd_value_to_json(const struct rkd_value *value, const char *key, json_t **out,
                              struct rkd_raw_error *error)
{
    struct level stack[DEPTH_MAX];
    size_t depth = 1;
    enum rk_err err = RK_OK;
    const char *fault = fault_of(value);
    json_t *root;

    if (fault != NULL)
        return rkd_raw_refuse(error, value->at, key, fault);
    root = make(value);
    if (root == NULL)
        return RK_E_NOMEM;
    stack[0] = (struct level){.from = value, .to = root};
    while (depth != 0 && err == RK_OK) {
        if (stack[depth - 1].next == stack[depth - 1].from->count)
            depth--;
        else
            err = step(stack, &depth, key, error);
    }
    if (err != RK_OK) {
        json_decref(root);
        return err;
    }
    *out = root;
    return RK_OK;
}
