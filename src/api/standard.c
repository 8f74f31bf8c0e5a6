/*
 * standard.c - LiveKit's TokenSource contract: POST /v1/token, /getToken, sandbox v2, and what
 * sandbox v1 takes.
 *
 * Clients send snake_case, most of them just {} or {"room_config":{}}; camelCase is read too
 * (reference livekit-tokens.md s.4). The answer says everything in both spellings, because each
 * client knows only some. May touch: its arguments, the call's arena, jansson's readers.
 */
#include "api/plain.h"
#include "api/read.h"
#include "api/refusal.h"
#include "core/room_config.h"
#include "core/time.h"
#include "core/utf8.h"

static const struct rkd_member members[] = {
    {"room_name", "roomName", RKD_TEXT_ROOM, false},
    {"participant_identity", "participantIdentity", RKD_TEXT_IDENTITY, false},
    {"participant_name", "participantName", RKD_TEXT_NAME, false},
    {"participant_metadata", "participantMetadata", RKD_TEXT_METADATA, false},
    {"participant_attributes", "participantAttributes", RKD_TEXT_NONE, false},
    {"room_config", "roomConfig", RKD_TEXT_NONE, false},
};
static const struct rkd_member *const attributes_member = &members[4];
static const struct rkd_member *const room_config_member = &members[5];

/* ---- participant_attributes ---- */

/* The field is participant_attributes.KEY; the key is a valid name. */
static enum rkd_err refuse_attribute(const struct rkd_read_in *in, struct rk_str key,
                                     struct rkd_problem *problem)
{
    const struct rk_str prefix = RK_STR("participant_attributes.");
    char *text = rki_arena_take(in->arena, prefix.len + key.len);
    struct rki_buf field = rki_buf_over(text, text == NULL ? 0 : prefix.len + key.len);

    rki_buf_put(&field, prefix);
    rki_buf_put(&field, key);
    (void)rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, attributes_member->snake, "type");
    if (!field.overflow)
        problem->field = rki_buf_str(&field);
    return problem->err;
}

static enum rkd_err take_attribute(const struct rkd_read_in *in, struct rk_str key,
                                   const json_t *value, struct rkd_ask *ask,
                                   struct rkd_problem *problem)
{
    struct rkd_attribute *to = &ask->attributes[ask->attribute_count];

    if (rki_name_check(key) != RK_OK)
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, attributes_member->snake,
                               "attribute-name");
    if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
        return RKD_OK; /* asks for nothing (D34) */
    if (!json_is_string(value))
        return refuse_attribute(in, key, problem);
    if (ask->attribute_count == RKD_ATTRIBUTES_MAX) {
        rkd_note_oversize(ask, attributes_member->snake);
        return RKD_OK;
    }
    if (rki_arena_dup(in->arena, key, &to->key) != RK_OK ||
        rki_arena_dup(in->arena, rki_json_str(value), &to->value) != RK_OK)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    ask->attribute_count++;
    return RKD_OK;
}

static enum rkd_err read_attributes(const struct rkd_read_in *in, const json_t *root,
                                    struct rkd_ask *ask, struct rkd_problem *problem)
{
    json_t *object;
    json_t *value;
    const char *key;
    size_t key_len, bytes = 0;
    enum rkd_err err = rkd_find_member(root, attributes_member, &object, problem);

    if (err != RKD_OK || object == NULL)
        return err;
    if (!json_is_object(object))
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, attributes_member->snake, "type");
    ask->attributes = rki_arena_take(in->arena, RKD_ATTRIBUTES_MAX * sizeof(struct rkd_attribute));
    if (ask->attributes == NULL)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    json_object_keylen_foreach(object, key, key_len, value)
    {
        err = take_attribute(in, rki_str(key, key_len), value, ask, problem);
        if (err != RKD_OK)
            return err;
    }
    for (size_t i = 0; i < ask->attribute_count; i++)
        bytes += ask->attributes[i].key.len + ask->attributes[i].value.len;
    if (bytes > RKD_ATTRIBUTES_BYTES_MAX)
        rkd_note_oversize(ask, attributes_member->snake);
    return RKD_OK;
}

/* ---- room_config ---- */

/* "roomConfig.egress.room.fileOutputs[0]" -> "room_config.egress.room.file_outputs[0]"; a run of
 * capitals stays (aliOSS is the proto's own name). Borrowed from the arena. */
static struct rk_str snake_path(struct rki_arena *arena, const char *camel)
{
    const size_t len = strlen(camel);
    char *text = rki_arena_take(arena, 2 * len);
    struct rki_buf path = rki_buf_over(text, text == NULL ? 0 : 2 * len);

    for (size_t i = 0; i < len; i++) {
        char c = camel[i];
        bool is_capital = c >= 'A' && c <= 'Z';
        bool in_run = is_capital && ((i > 0 && camel[i - 1] >= 'A' && camel[i - 1] <= 'Z') ||
                                     (camel[i + 1] >= 'A' && camel[i + 1] <= 'Z'));

        if (is_capital && !in_run) {
            rki_buf_char(&path, '_');
            c = rki_lower(c);
        }
        rki_buf_char(&path, c);
    }
    return path.overflow ? rki_cstr(room_config_member->snake) : rki_buf_str(&path);
}

static enum rkd_err read_room_config(const struct rkd_read_in *in, const json_t *root,
                                     struct rkd_ask *ask, struct rkd_problem *problem)
{
    const unsigned flags =
        RKI_RC_STRICT | RKI_RC_KEEP_CREDENTIALS | (in->has_rules ? RKI_RC_KEEP_ZEROS : 0U);
    char text[RKD_TOKEN_MAX]; /* one that is longer fits into no token */
    struct rki_buf out = rki_buf_over(text, sizeof(text));
    struct rk_diag diag = {.field = ""};
    json_t *config;
    unsigned bits = 0;
    enum rkd_err err = rkd_find_member(root, room_config_member, &config, problem);
    enum rk_err wrote;

    if (err != RKD_OK || config == NULL)
        return err;
    if (!json_is_object(config)) /* [] is absent inside (D31), here it is the wrong type */
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, room_config_member->snake, "type");
    wrote = rki_room_config_write(config, flags, &out, &bits, &diag);
    if (wrote == RK_E_NOMEM)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "memory");
    if (wrote != RK_OK) {
        (void)rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, NULL, "room-config");
        problem->field = snake_path(in->arena, diag.field);
        return problem->err;
    }
    ask->room_config_has_credentials = (bits & RKI_RC_CREDENTIALS) != 0;
    ask->room_config_members = bits & ~(unsigned)RKI_RC_CREDENTIALS;
    if (ask->room_config_members == 0)
        return RKD_OK;
    if (out.overflow)
        rkd_note_oversize(ask, room_config_member->snake);
    else if (rki_arena_dup(in->arena, rki_buf_str(&out), &ask->room_config) != RK_OK)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    return RKD_OK;
}

/* ---- the contract ---- */

enum rkd_err rkd_read_standard_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                    struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rkd_err err = rkd_read_object(in->body, members, ARRAY_LEN(members), &root, problem);

    if (err == RKD_OK)
        err = rkd_read_texts(in, root, members, ARRAY_LEN(members), ask, problem);
    if (err == RKD_OK)
        err = read_attributes(in, root, ask, problem);
    if (err == RKD_OK)
        err = read_room_config(in, root, ask, problem);
    json_decref(root);
    return err;
}

enum rkd_err rkd_read_standard(const struct rkd_read_in *in, struct rkd_ask *ask,
                               struct rkd_problem *problem)
{
    struct rkd_plain_body plain;

    if (rkd_plain_scan(in->body, &plain) && rkd_plain_as_standard(&plain, ask))
        return RKD_OK;
    return rkd_read_standard_json(in, ask, problem);
}

/* Writes `value` under its second name by copying what was written at `from`. */
static void put_again(struct rki_buf *body, struct rk_str name, size_t from, size_t to)
{
    rki_buf_put(body, name);
    if (!body->overflow)
        rki_buf_put(body, rki_str(body->ptr + from, to - from));
}

/* Both spellings with equal values; strict readers of either find theirs (reference s.4.2). The
 * token is base64url and dots; it needs no escaping. */
static void write_pass(struct rki_buf *body, const struct rkd_pass *pass)
{
    size_t url, room, name, end;

    rki_buf_lit(body, "{\"server_url\":");
    url = body->len;
    rki_buf_json(body, pass->server_url);
    rki_buf_lit(body, ",\"participant_token\":\"");
    rki_buf_put(body, pass->token);
    rki_buf_lit(body, "\",\"room_name\":");
    room = body->len;
    rki_buf_json(body, pass->room);
    rki_buf_lit(body, ",\"participant_name\":");
    name = body->len;
    rki_buf_json(body, pass->name);
    end = body->len;
    put_again(body, RK_STR(",\"serverUrl\":"), url,
              room - pass->token.len - strlen(",\"participant_token\":\"\",\"room_name\":"));
    rki_buf_lit(body, ",\"participantToken\":\"");
    rki_buf_put(body, pass->token);
    put_again(body, RK_STR("\",\"roomName\":"), room, name - strlen(",\"participant_name\":"));
    put_again(body, RK_STR(",\"participantName\":"), name, end);
    rki_buf_lit(body, ",\"expires_at\":\"");
    rki_buf_iso_ms(body, pass->expires_at_s * 1000);
    rki_buf_lit(body, "\"}");
}

const struct rkd_contract rkd_standard = {
    .name = RK_STR_INIT("standard"),
    .wants_json = true,
    .may_be_201 = true,
    .needs_url = true,
    .terms = {.invents = true, .default_ttl_s = 900},
    .read = rkd_read_standard,
    .write_pass = write_pass,
    .pass_type = RK_STR_INIT("application/json"),
    RKD_PROBLEM_SHAPE,
};
