/*
 * read.c - reading that several contracts share: the strict object, members in two spellings,
 * texts and their rules.
 *
 * May touch: its arguments, the call's arena, jansson's readers.
 */
#include "api/read.h"

#include "core/utf8.h"

enum rkd_err rkd_refuse_read(struct rkd_problem *problem, enum rkd_err err, const char *field,
                             const char *reason)
{
    problem->err = err;
    problem->field = rki_cstr(field);
    problem->reason = reason;
    return err;
}

void rkd_note_oversize(struct rkd_ask *ask, const char *field)
{
    if (ask->oversize.ptr == NULL)
        ask->oversize = rki_cstr(field);
}

static struct rk_str *text_of(struct rkd_ask *ask, enum rkd_text text)
{
    switch (text) {
    case RKD_TEXT_ROOM:
        return &ask->room;
    case RKD_TEXT_IDENTITY:
        return &ask->identity;
    case RKD_TEXT_NAME:
        return &ask->name;
    case RKD_TEXT_METADATA:
    case RKD_TEXT_NONE:
        break;
    }
    return &ask->metadata;
}

/* What a text is called that breaks its rule (D20). */
static enum rkd_err breach_of(enum rkd_text text)
{
    return text == RKD_TEXT_ROOM       ? RKD_E_INVALID_ROOM
           : text == RKD_TEXT_IDENTITY ? RKD_E_INVALID_IDENTITY
                                       : RKD_E_INVALID_REQUEST;
}

enum rkd_err rkd_set_text(struct rkd_ask *ask, const struct rkd_member *member, struct rk_str value,
                          struct rkd_problem *problem)
{
    if (value.len == 0)
        return RKD_OK;
    if (member->text == RKD_TEXT_METADATA) {
        if (value.len > RKD_METADATA_MAX) {
            rkd_note_oversize(ask, member->snake);
            return RKD_OK;
        }
    } else if (rki_name_check(value) != RK_OK) {
        return rkd_refuse_read(problem, breach_of(member->text), member->snake, "name-invalid");
    }
    *text_of(ask, member->text) = value;
    return RKD_OK;
}

/*
 * A body that is no strict JSON. One that is JSON but for U+0000 breaks the rule of the member that
 * holds it, as any other control character there does.
 */
static enum rkd_err refuse_json(struct rk_str body, const struct rkd_member *members, size_t count,
                                struct rkd_problem *problem)
{
    const struct rkd_member *member = rkd_blame(body, members, count);
    enum rkd_err err = RKD_E_INVALID_REQUEST;
    json_t *root = NULL;

    if (member != NULL && rki_json_parse(body, RKI_JSON_ALLOW_NUL, &root, NULL) == RK_OK)
        err = breach_of(member->text);
    json_decref(root);
    return rkd_refuse_read(problem, err, member == NULL ? NULL : member->snake, "json");
}

enum rkd_err rkd_read_object(struct rk_str body, const struct rkd_member *members, size_t count,
                             json_t **out, struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rk_err err;

    *out = NULL;
    if (body.len == 0)
        return RKD_OK;
    err = rki_json_parse(body, 0, &root, NULL);
    if (err == RK_E_NOMEM)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "memory");
    if (err != RK_OK)
        return refuse_json(body, members, count, problem);
    if (!json_is_object(root)) {
        json_decref(root);
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, NULL, "not-an-object");
    }
    *out = root;
    return RKD_OK;
}

static bool is_absent(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

enum rkd_err rkd_find_member(const json_t *object, const struct rkd_member *member, json_t **out,
                             struct rkd_problem *problem)
{
    json_t *camel = json_object_get(object, member->camel);
    json_t *snake = member->camel_only ? NULL : json_object_get(object, member->snake);

    if (camel != NULL && snake != NULL)
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, member->snake, "both-spellings");
    *out = camel != NULL ? camel : snake;
    if (is_absent(*out))
        *out = NULL;
    return RKD_OK;
}

static enum rkd_err read_text(const struct rkd_read_in *in, const json_t *object,
                              const struct rkd_member *member, struct rkd_ask *ask,
                              struct rkd_problem *problem)
{
    json_t *value;
    struct rk_str text;
    enum rkd_err err = rkd_find_member(object, member, &value, problem);

    if (err != RKD_OK || value == NULL)
        return err;
    if (!json_is_string(value))
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, member->snake, "type");
    if (rki_arena_dup(in->arena, rki_json_str(value), &text) != RK_OK)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    return rkd_set_text(ask, member, text, problem);
}

enum rkd_err rkd_read_texts(const struct rkd_read_in *in, const json_t *object,
                            const struct rkd_member *members, size_t count, struct rkd_ask *ask,
                            struct rkd_problem *problem)
{
    enum rkd_err err = RKD_OK;

    for (size_t i = 0; i < count && err == RKD_OK; i++)
        if (members[i].text != RKD_TEXT_NONE)
            err = read_text(in, object, &members[i], ask, problem);
    return err;
}

enum rkd_err rkd_require_names(const struct rkd_ask *ask, struct rkd_problem *problem)
{
    if (ask->room.ptr == NULL)
        return rkd_refuse_read(problem, RKD_E_ROOM_REQUIRED, "room_name", "missing");
    if (ask->name.ptr == NULL)
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, "participant_name", "missing");
    return RKD_OK;
}
