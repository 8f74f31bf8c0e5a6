/*
 * claims_value.c - writes a parsed JSON value back as text: the value of a claim we do not know.
 *
 * May touch: its arguments. The walk has a stack of fixed size, as deep as the parser allows.
 */
#include "core/claims_impl.h"

struct frame {
    json_t *value;
    void *member; /* of an object: the next one */
    size_t index; /* of an array: the next one */
};

struct stack {
    struct frame frames[RKI_JSON_DEPTH_MAX];
    size_t depth;
};

static enum rk_err put_scalar(struct rki_buf *buf, const json_t *value)
{
    if (json_is_number(value))
        return rki_json_put_double(buf, json_number_value(value));
    if (json_is_string(value))
        rki_buf_json(buf, rki_json_str(value));
    else if (json_is_boolean(value))
        rki_buf_put(buf, json_is_true(value) ? RK_STR("true") : RK_STR("false"));
    else
        rki_buf_lit(buf, "null");
    return RK_OK;
}

/* The next child of the container, its name written; NULL behind the last. */
static json_t *next_child(struct rki_buf *buf, struct frame *frame)
{
    json_t *child;

    if (json_is_array(frame->value))
        return json_array_get(frame->value, frame->index++);
    if (frame->member == NULL)
        return NULL;
    rki_buf_json(buf, rki_cstr(json_object_iter_key(frame->member)));
    rki_buf_char(buf, ':');
    child = json_object_iter_value(frame->member);
    frame->member = json_object_iter_next(frame->value, frame->member);
    return child;
}

/* Opens a container, or writes a scalar and its comma. */
static enum rk_err begin(struct rki_buf *buf, json_t *value, struct stack *stack)
{
    enum rk_err err;

    if (json_is_array(value) || json_is_object(value)) {
        if (stack->depth == ARRAY_LEN(stack->frames))
            return RK_E_TOO_LONG;
        rki_buf_char(buf, json_is_array(value) ? '[' : '{');
        stack->frames[stack->depth++] = (struct frame){
            .value = value, .member = json_is_object(value) ? json_object_iter(value) : NULL};
        return RK_OK;
    }
    err = put_scalar(buf, value);
    if (err == RK_OK)
        rki_buf_char(buf, ',');
    return err;
}

/* What is written next; closes the containers that have no more. NULL: the whole is written. */
static json_t *proceed(struct rki_buf *buf, struct stack *stack)
{
    while (stack->depth != 0) {
        struct frame *frame = &stack->frames[stack->depth - 1];
        json_t *child = next_child(buf, frame);

        if (child != NULL)
            return child;
        rki_claims_close(buf, json_is_array(frame->value) ? ']' : '}');
        rki_buf_char(buf, ',');
        stack->depth--;
    }
    return NULL;
}

enum rk_err rki_claims_write_value(struct rki_buf *buf, json_t *value)
{
    struct stack stack;

    stack.depth = 0;
    while (value != NULL) {
        enum rk_err err = begin(buf, value, &stack);

        if (err != RK_OK)
            return err;
        value = proceed(buf, &stack);
    }
    if (!buf->overflow)
        buf->len--; /* the comma behind the whole */
    return RK_OK;
}
