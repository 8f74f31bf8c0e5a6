/*
 * json_out.c - a decoded JSON value as text, without recursion.
 *
 * May touch: its arguments.
 */
#include "cli/json_out.h"

#include "core/json.h"

enum { DEPTH_MAX = 32 };

/* A container that is being written: the member or element that comes next. */
struct level {
    json_t *container;
    void *member; /* objects */
    size_t index; /* arrays */
    bool has_any; /* something was written in it */
};

static void put_line(struct rki_buf *out, size_t depth, bool is_pretty)
{
    if (!is_pretty)
        return;
    rki_buf_lit(out, "\n");
    for (size_t i = 0; i < depth; i++)
        rki_buf_lit(out, "  ");
}

static void put_scalar(struct rki_buf *out, const json_t *value)
{
    switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_STRING:
        rki_buf_json_untrusted(out, rki_json_str(value), SIZE_MAX);
        break;
    case JSON_INTEGER:
        rki_buf_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        if (rki_json_put_double(out, json_real_value(value)) != RK_OK)
            rki_buf_lit(out, "null"); /* infinite: JSON has no word for it */
        break;
    case JSON_TRUE:
        rki_buf_lit(out, "true");
        break;
    case JSON_FALSE:
        rki_buf_lit(out, "false");
        break;
    case JSON_OBJECT: /* nested too deep */
    case JSON_ARRAY:
    case JSON_NULL:
        rki_buf_lit(out, "null");
        break;
    }
}

/* The next value of the innermost container, its name and comma written; NULL when it is at its
 * end. */
static json_t *next(struct rki_buf *out, struct level *level, size_t depth, bool is_pretty)
{
    const bool is_object = json_is_object(level->container);
    json_t *value = is_object ? json_object_iter_value(level->member)
                              : json_array_get(level->container, level->index);

    if (is_object ? level->member == NULL : value == NULL)
        return NULL;
    if (level->has_any)
        rki_buf_lit(out, ",");
    level->has_any = true;
    put_line(out, depth, is_pretty);
    if (is_object) {
        rki_buf_json_untrusted(out, rki_cstr(json_object_iter_key(level->member)), SIZE_MAX);
        rki_buf_put(out, is_pretty ? RK_STR(": ") : RK_STR(":"));
        level->member = json_object_iter_next(level->container, level->member);
    } else {
        level->index++;
    }
    return value;
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

/* Closes containers until one has a further value. False: all are closed. */
static bool close_ended(struct rki_buf *out, struct level *levels, size_t *depth, bool is_pretty,
                        json_t **out_value)
{
    while (*depth != 0) {
        struct level *level = &levels[*depth - 1];

        *out_value = next(out, level, *depth, is_pretty);
        if (*out_value != NULL)
            return true;
        (*depth)--;
        if (level->has_any)
            put_line(out, *depth, is_pretty);
        rki_buf_put(out, json_is_object(level->container) ? RK_STR("}") : RK_STR("]"));
    }
    return false;
}

void rkd_put_json(struct rki_buf *out, json_t *value, bool is_pretty)
{
    struct level levels[DEPTH_MAX];
    size_t depth = 0;

    do {
        if (depth < DEPTH_MAX && is_container(value)) {
            rki_buf_put(out, json_is_object(value) ? RK_STR("{") : RK_STR("["));
            levels[depth++] = (struct level){.container = value, .member = json_object_iter(value)};
        } else {
            put_scalar(out, value);
        }
    } while (close_ended(out, levels, &depth, is_pretty, &value));
}
