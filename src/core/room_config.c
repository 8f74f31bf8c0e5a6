/*
 * room_config.c - walks a RoomConfiguration along its schema, checks each value, writes it out.
 *
 * The walk follows the schema, not the input: members the schema does not know are never looked
 * at, and the stack below is as deep as the schema can be. May touch: its arguments, jansson's
 * readers. Nothing else.
 */
#include "core/room_config.h"

#include <assert.h>

#include "core/room_config_schema.h"
#include "core/room_config_value.h"

struct frame { /* one message being written */
    const struct rki_rc_message *message;
    const json_t *object;
    const struct rki_rc_field *field; /* the member in hand */
    const json_t *array;              /* while a list of messages is being written */
    size_t index;                     /* into array */
    size_t next;                      /* declaration order: index; else the last field number */
    unsigned oneofs;                  /* bit per oneof that has its member */
    bool comma;
};

struct walk {
    struct frame frames[RKI_RC_DEPTH];
    size_t depth;
    unsigned flags, members;
    size_t element; /* of the list of strings in hand, plus 1; 0: none */
    struct rki_buf *out;
    struct rk_diag *diag;
};

static void put_index(struct rki_buf *path, size_t index)
{
    rki_buf_char(path, '[');
    rki_buf_int(path, (int64_t)index);
    rki_buf_char(path, ']');
}

/* "roomConfig.egress.room.fileOutputs[0].s3.secret" out of the stack. */
static enum rk_err fail(const struct walk *walk, enum rk_err err, const char *text)
{
    char room[sizeof(((struct rk_diag *)0)->field)];
    struct rki_buf path = rki_buf_over(room, sizeof(room) - 1);

    rki_buf_lit(&path, "roomConfig");
    for (size_t i = 0; i < walk->depth; i++) {
        const struct frame *frame = &walk->frames[i];

        if (frame->field == NULL)
            break;
        rki_buf_char(&path, '.');
        rki_buf_put(&path, rki_cstr(frame->field->name));
        if (frame->array != NULL && frame->index > 0)
            put_index(&path, frame->index - 1);
    }
    if (walk->element != 0)
        put_index(&path, walk->element - 1);
    rki_diag_set_str(walk->diag, rki_buf_str(&path), text);
    return err;
}

/* ---- finding members ---- */

/* fileOutputs -> file_outputs. The longest name of the schema has 23 characters. */
static void to_snake(const char *camel, char *out, size_t cap)
{
    size_t len = 0;

    for (; *camel != '\0' && len + 2 < cap; camel++) {
        if (*camel >= 'A' && *camel <= 'Z')
            out[len++] = '_';
        out[len++] = rki_lower(*camel);
    }
    assert(*camel == '\0');
    out[len] = '\0';
}

/* The member under either spelling, NULL when it is not there. Both: the server reads that as the
 * field given twice, and refuses the token. */
static enum rk_err find(const struct walk *walk, const struct frame *frame, json_t **out)
{
    char snake[40];
    json_t *first = json_object_get(frame->object, frame->field->name), *second = NULL;

    if (!frame->field->one_spelling) {
        to_snake(frame->field->name, snake, sizeof(snake));
        if (strcmp(snake, frame->field->name) != 0)
            second = json_object_get(frame->object, snake);
    }
    if (first != NULL && second != NULL)
        return fail(walk, RK_E_STATE, "given in both spellings");
    *out = first != NULL ? first : second;
    return RK_OK;
}

static bool is_absent(const json_t *value, unsigned flags)
{
    if (value == NULL || json_is_null(value))
        return true;
    if ((flags & RKI_RC_STRICT) == 0)
        return false;
    return (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* ---- members ---- */

/* http://user:password@host: whoever reads the token reads the password. */
static bool has_user_info(struct rk_str url)
{
    size_t at = 0;

    while (at + 3 <= url.len && memcmp(url.ptr + at, "://", 3) != 0)
        at++;
    if (at + 3 > url.len)
        return false;
    for (at += 3; at < url.len; at++) {
        if (url.ptr[at] == '@')
            return true;
        if (url.ptr[at] == '/' || url.ptr[at] == '?' || url.ptr[at] == '#')
            return false;
    }
    return false;
}

static enum rk_err check_secrecy(struct walk *walk, const struct rki_rc_field *field,
                                 const json_t *value)
{
    bool found = false;

    if (field->secrecy == RKI_RC_SECRET)
        found = json_string_length(value) > 0 || json_array_size(value) > 0;
    else if (field->secrecy == RKI_RC_SECRET_URL)
        found = json_is_string(value) && has_user_info(rki_json_str(value));
    if (!found)
        return RK_OK;
    walk->members |= RKI_RC_CREDENTIALS;
    if ((walk->flags & RKI_RC_KEEP_CREDENTIALS) != 0)
        return RK_OK;
    return fail(walk, RK_E_CREDENTIALS, "credentials do not belong into a token");
}

/* The name and colon of a member that is about to be written. */
static void put_name(struct walk *walk, struct frame *frame)
{
    if (frame->comma)
        rki_buf_char(walk->out, ',');
    frame->comma = true;
    rki_buf_json(walk->out, rki_cstr(frame->field->name));
    rki_buf_char(walk->out, ':');
}

/* Counts a top-level member as given. */
static void mark(struct walk *walk, const struct frame *frame)
{
    if (walk->depth == 1)
        walk->members |= 1U << (unsigned)(frame->field - frame->message->fields);
}

static void push(struct walk *walk, const struct rki_rc_message *message, const json_t *object)
{
    assert(walk->depth < RKI_RC_DEPTH); /* the schema's depth, not the input's */
    walk->frames[walk->depth++] = (struct frame){.message = message, .object = object};
    rki_buf_char(walk->out, '{');
}

static void write_default(struct walk *walk, struct frame *frame)
{
    const struct rki_rc_field *field = frame->field;
    const struct rki_rc_scalar zero = {
        .text = field->names == NULL ? RK_STR("") : rki_cstr(field->names->names[0])};

    if ((walk->flags & RKI_RC_ALL_DEFAULTS) == 0 || field->oneof != 0)
        return;
    if (field->repeated || field->type == RKI_RC_TYPE_MAP) {
        put_name(walk, frame);
        rki_buf_put(walk->out, field->repeated ? RK_STR("[]") : RK_STR("{}"));
    } else if (field->type != RKI_RC_TYPE_MESSAGE) {
        put_name(walk, frame);
        (void)!rki_rc_put(walk->out, field->type, &zero); /* 0 never fails */
    }
}

static enum rk_err write_strings(struct walk *walk, const json_t *array)
{
    rki_buf_char(walk->out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);

        walk->element = i + 1;
        if (!json_is_string(value))
            return fail(walk, RK_E_TYPE, "expected a string");
        if (i > 0)
            rki_buf_char(walk->out, ',');
        rki_buf_json(walk->out, rki_json_str(value));
    }
    walk->element = 0;
    rki_buf_char(walk->out, ']');
    return RK_OK;
}

static enum rk_err write_list(struct walk *walk, struct frame *frame, const json_t *value)
{
    if (!json_is_array(value))
        return fail(walk, RK_E_TYPE, "expected a list");
    if (json_array_size(value) == 0) {
        write_default(walk, frame);
        return RK_OK;
    }
    mark(walk, frame);
    put_name(walk, frame);
    if (frame->field->type == RKI_RC_TYPE_STRING)
        return write_strings(walk, value);
    rki_buf_char(walk->out, '[');
    frame->array = value;
    frame->index = 0;
    return RK_OK;
}

static enum rk_err write_map(struct walk *walk, struct frame *frame, json_t *value)
{
    const char *comma = "";

    if (!json_is_object(value))
        return fail(walk, RK_E_TYPE, "expected an object with string values");
    if (json_object_size(value) == 0) {
        write_default(walk, frame);
        return RK_OK;
    }
    mark(walk, frame);
    put_name(walk, frame);
    rki_buf_char(walk->out, '{');
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        if (!json_is_string(json_object_iter_value(at)))
            return fail(walk, RK_E_TYPE, "expected an object with string values");
        rki_buf_put(walk->out, rki_cstr(comma));
        rki_buf_json(walk->out, rki_cstr(json_object_iter_key(at)));
        rki_buf_char(walk->out, ':');
        rki_buf_json(walk->out, rki_json_str(json_object_iter_value(at)));
        comma = ",";
    }
    rki_buf_char(walk->out, '}');
    return RK_OK;
}

static enum rk_err write_message(struct walk *walk, struct frame *frame, const json_t *value)
{
    if (!json_is_object(value))
        return fail(walk, RK_E_TYPE, "expected an object");
    mark(walk, frame);
    put_name(walk, frame);
    push(walk, frame->field->message, value);
    return RK_OK;
}

static enum rk_err write_scalar(struct walk *walk, struct frame *frame, const json_t *value)
{
    struct rki_rc_scalar scalar = {.is_default = false};
    const char *expected = "";
    enum rk_err err = rki_rc_read(frame->field, value, walk->flags, &scalar, &expected);

    if (err != RK_OK)
        return fail(walk, err, expected);
    if (scalar.is_default && frame->field->oneof == 0 &&
        ((walk->flags & RKI_RC_KEEP_ZEROS) == 0 || walk->depth != 1)) {
        write_default(walk, frame);
        return RK_OK;
    }
    mark(walk, frame);
    put_name(walk, frame);
    err = rki_rc_put(walk->out, frame->field->type, &scalar);
    return err == RK_OK ? RK_OK : fail(walk, err, "out of memory");
}

/* Writes frame->field, or begins to: a message or a list of them goes on in walk_on. */
static enum rk_err write_member(struct walk *walk, struct frame *frame)
{
    const struct rki_rc_field *field = frame->field;
    json_t *value = NULL;
    enum rk_err err = find(walk, frame, &value);

    if (err != RK_OK)
        return err;
    if (is_absent(value, walk->flags)) {
        write_default(walk, frame);
        return RK_OK;
    }
    if (field->oneof != 0) {
        if ((frame->oneofs >> field->oneof & 1U) != 0)
            return fail(walk, RK_E_STATE, "excludes another member that is given");
        frame->oneofs |= 1U << field->oneof;
    }
    err = check_secrecy(walk, field, value);
    if (err != RK_OK)
        return err;
    if (field->repeated)
        return write_list(walk, frame, value);
    if (field->type == RKI_RC_TYPE_MAP)
        return write_map(walk, frame, value);
    if (field->type == RKI_RC_TYPE_MESSAGE)
        return write_message(walk, frame, value);
    return write_scalar(walk, frame, value);
}

/* ---- the walk ---- */

/* The field after the one in hand, in the order the flags ask for; NULL at the end. */
static const struct rki_rc_field *next_field(struct frame *frame, unsigned flags)
{
    const struct rki_rc_field *best = NULL;

    if ((flags & RKI_RC_ALL_DEFAULTS) == 0)
        return frame->next < frame->message->count ? &frame->message->fields[frame->next++] : NULL;
    for (size_t i = 0; i < frame->message->count; i++) {
        const struct rki_rc_field *field = &frame->message->fields[i];

        if (field->number > frame->next && (best == NULL || field->number < best->number))
            best = field;
    }
    if (best != NULL)
        frame->next = best->number;
    return best;
}

/* The next element of the list of messages in hand, or its end. */
static enum rk_err next_element(struct walk *walk, struct frame *frame)
{
    const json_t *element = json_array_get(frame->array, frame->index);

    if (frame->index == json_array_size(frame->array)) {
        rki_buf_char(walk->out, ']');
        frame->array = NULL;
        return RK_OK;
    }
    if (frame->index++ > 0)
        rki_buf_char(walk->out, ',');
    if (!json_is_object(element))
        return fail(walk, RK_E_TYPE, "expected an object");
    push(walk, frame->field->message, element);
    return RK_OK;
}

static enum rk_err walk_on(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->depth - 1];

    if (frame->array != NULL)
        return next_element(walk, frame);
    frame->field = next_field(frame, walk->flags);
    if (frame->field == NULL) {
        rki_buf_char(walk->out, '}');
        walk->depth--;
        return RK_OK;
    }
    return write_member(walk, frame);
}

enum rk_err rki_room_config_write(const json_t *config, unsigned flags, struct rki_buf *out,
                                  unsigned *out_members, struct rk_diag *out_diag)
{
    json_t *nothing = NULL;
    struct walk walk = {.flags = flags, .out = out, .diag = out_diag};
    enum rk_err err = RK_OK;

    if (is_absent(config, flags)) {
        nothing = json_object();
        if (nothing == NULL)
            return fail(&walk, RK_E_NOMEM, "out of memory");
        config = nothing;
    }
    if (json_is_object(config))
        push(&walk, &rki_rc_schema, config);
    else
        err = fail(&walk, RK_E_TYPE, "expected an object");
    while (err == RK_OK && walk.depth > 0)
        err = walk_on(&walk);
    if (err == RK_OK && out_members != NULL)
        *out_members = walk.members;
    json_decref(nothing);
    return err;
}
