/*
 * original.c - the contract of POST /api/token, field by field as the original read it, and the
 * route that hands standard bodies over to the standard contract.
 *
 * Checks, their order and their texts are those of vectors/contract.json; the reference has them in
 * words (livekit-tokens.md s.6.2). May touch: its arguments, the call's arena, jansson's readers.
 */
#include <math.h>

#include "api/plain.h"
#include "api/read.h"
#include "api/refusal.h"
#include "core/time.h"
#include "core/utf8.h"

enum { NAME_CHARS_MAX = 255, TTL_MIN_S = 60, TTL_MAX_S = 86400, TTL_DEFAULT_S = 3600 };

static const double safe_integer_max = 9007199254740991.0; /* 2^53 - 1 */

struct name_texts {
    const char *field, *required, *too_long, *characters;
};

static void add_error(struct rkd_problem *problem, const char *field, const char *message)
{
    if (problem->field_error_count == RKD_FIELD_ERRORS_MAX)
        return;
    problem->field_errors[problem->field_error_count++] =
        (struct rkd_field_error){.field = field, .message = message};
}

/* clang-format off */
#define RECEIVED(what) {what, "Invalid input: expected string, received " what, \
                              "Invalid input: expected number, received " what, \
                              "Invalid input: expected object, received " what}
/* clang-format on */

/* The message for a value of the wrong type; `expected` is "string", "number" or "object". */
static const char *type_message(const char *expected, const json_t *value)
{
    static const struct {
        const char *received, *string, *number, *object;
    } rows[] = {
        RECEIVED("undefined"), RECEIVED("null"),     RECEIVED("boolean"),
        RECEIVED("number"),    RECEIVED("string"),   RECEIVED("array"),
        RECEIVED("object"),    RECEIVED("Infinity"), RECEIVED("-Infinity"),
    };
    const char *received = rki_json_type_name(value);
    size_t i = 0;

    while (i < ARRAY_LEN(rows) - 1 && strcmp(rows[i].received, received) != 0)
        i++;
    return expected[0] == 's'   ? rows[i].string
           : expected[0] == 'n' ? rows[i].number
                                : rows[i].object;
}

/* A string: its type error is noted, the rest is the caller's. */
static bool take_string(const json_t *value, const char *field, struct rkd_problem *problem)
{
    if (json_is_string(value))
        return true;
    add_error(problem, field, type_message("string", value));
    return false;
}

static bool has_name_pattern(struct rk_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!rkd_plain_is_name_byte(s.ptr[i]))
            return false;
    return s.len != 0;
}

/* ^[a-zA-Z0-9_-]+$ of 1-255 code points; every check that fails is listed. */
static struct rk_str check_name(const json_t *value, const struct name_texts *texts,
                                bool may_be_absent, struct rkd_problem *problem)
{
    struct rk_str s = rki_json_str(value);

    if (may_be_absent && value == NULL)
        return s;
    if (!take_string(value, texts->field, problem))
        return s;
    if (s.len == 0)
        add_error(problem, texts->field, texts->required);
    if (rki_utf8_count(s) > NAME_CHARS_MAX)
        add_error(problem, texts->field, texts->too_long);
    if (!has_name_pattern(s))
        add_error(problem, texts->field, texts->characters);
    return s;
}

static struct rk_str check_participant_name(const json_t *value, struct rkd_problem *problem)
{
    struct rk_str s = rki_json_str(value);

    if (value == NULL || !take_string(value, "participantName", problem))
        return rki_str(NULL, 0);
    if (rki_utf8_count(s) > NAME_CHARS_MAX)
        add_error(problem, "participantName", "Participant name too long");
    return s.len == 0 ? rki_str(NULL, 0) : s;
}

/* A fraction is told as such and nothing else; an integer beyond 2^53 - 1 has two errors. */
static int64_t check_expiration(const json_t *value, struct rkd_problem *problem)
{
    static const char field[] = "expirationSeconds";
    double seconds;

    if (value == NULL) /* not asked: the contract's own, or the rule's */
        return 0;
    if (!json_is_number(value) || rki_json_is_infinite(value) != 0) {
        add_error(problem, field, type_message("number", value));
        return 0;
    }
    seconds = json_number_value(value);
    if (floor(seconds) < seconds || fabs(seconds) > safe_integer_max)
        add_error(problem, field, "Expiration must be an integer");
    if (floor(seconds) < seconds)
        return 0;
    if (seconds < TTL_MIN_S)
        add_error(problem, field, "Minimum expiration is 60 seconds");
    if (seconds > TTL_MAX_S)
        add_error(problem, field, "Maximum expiration is 24 hours");
    return seconds >= TTL_MIN_S && seconds <= TTL_MAX_S ? (int64_t)seconds : 0;
}

static enum rkd_err refuse_listed(struct rkd_problem *problem, const char *reason)
{
    return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, problem->field_errors[0].field, reason);
}

/* An absent string stays absent. */
static bool keep(const struct rkd_read_in *in, struct rk_str s, struct rk_str *out)
{
    return s.ptr == NULL || rki_arena_dup(in->arena, s, out) == RK_OK;
}

static enum rkd_err read_root(const struct rkd_read_in *in, const json_t *root, struct rkd_ask *ask,
                              struct rkd_problem *problem)
{
    static const struct name_texts room_texts = {"roomName", "Room name is required",
                                                 "Room name too long",
                                                 "Room name contains invalid characters"};
    static const struct name_texts identity_texts = {
        "participantIdentity", "Participant identity is required", "Participant identity too long",
        "Participant identity contains invalid characters"};
    struct rk_str room, identity, name;
    bool is_unusual;
    int64_t ttl_s;

    problem->field_error_count = 0;
    if (!json_is_object(root)) {
        add_error(problem, "", type_message("object", root));
        return refuse_listed(problem, "not-an-object");
    }
    room = check_name(json_object_get(root, "roomName"), &room_texts, false, problem);
    identity = check_name(json_object_get(root, "participantIdentity"), &identity_texts,
                          in->has_rules, problem);
    /* D17: whether those characters are wrong depends on who asks */
    is_unusual = in->has_rules && problem->field_error_count == 1 &&
                 problem->field_errors[0].message == identity_texts.characters;
    ttl_s = check_expiration(json_object_get(root, "expirationSeconds"), problem);
    name = check_participant_name(json_object_get(root, "participantName"), problem);
    if (is_unusual && problem->field_error_count == 1)
        ask->identity_is_unusual = true;
    else if (problem->field_error_count != 0)
        return refuse_listed(problem, "validation");
    if (!keep(in, room, &ask->room) || !keep(in, identity, &ask->identity) ||
        !keep(in, name, &ask->name))
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena");
    ask->ttl_s = ttl_s;
    return RKD_OK;
}

static enum rkd_err parse(struct rk_str body, json_t **out, struct rkd_problem *problem)
{
    enum rk_err err = rki_json_parse(body, RKI_JSON_ORIGINAL, out, NULL);

    if (err == RK_OK)
        return RKD_OK;
    if (err == RK_E_NOMEM)
        return rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "memory");
    problem->field_error_count = 0;
    add_error(problem, "", "Request body must be valid JSON");
    return refuse_listed(problem, "json");
}

enum rkd_err rkd_read_original_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                    struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rkd_err err = parse(in->body, &root, problem);

    if (err == RKD_OK)
        err = read_root(in, root, ask, problem);
    json_decref(root);
    return err;
}

static enum rkd_err read_original(const struct rkd_read_in *in, struct rkd_ask *ask,
                                  struct rkd_problem *problem)
{
    struct rkd_plain_body plain;

    if (rkd_plain_scan(in->body, &plain) && rkd_plain_as_original(&plain, ask))
        return RKD_OK;
    return rkd_read_original_json(in, ask, problem);
}

/* ---- POST /api/token ---- */

/* Design s.5: a standard snake_case member and none of the original's. */
static bool is_standard_body(const json_t *root)
{
    static const char *const standard[] = {"room_name",
                                           "participant_identity",
                                           "participant_name",
                                           "participant_metadata",
                                           "participant_attributes",
                                           "room_config"};
    static const char *const original[] = {"roomName", "participantIdentity", "expirationSeconds",
                                           "participantName"};

    for (size_t i = 0; i < ARRAY_LEN(original); i++)
        if (json_object_get(root, original[i]) != NULL)
            return false;
    for (size_t i = 0; i < ARRAY_LEN(standard); i++)
        if (json_object_get(root, standard[i]) != NULL)
            return true;
    return false;
}

enum rkd_err rkd_read_token_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                 struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rkd_err err = parse(in->body, &root, problem);
    bool is_standard = err == RKD_OK && is_standard_body(root);

    if (err == RKD_OK && !is_standard)
        err = read_root(in, root, ask, problem);
    json_decref(root);
    if (!is_standard)
        return err;
    ask->contract = &rkd_standard; /* its refusals too; read again, by its stricter rules */
    return rkd_read_standard_json(in, ask, problem);
}

static enum rkd_err read_token(const struct rkd_read_in *in, struct rkd_ask *ask,
                               struct rkd_problem *problem)
{
    struct rkd_plain_body plain;

    ask->contract = &rkd_original;
    if (rkd_plain_scan(in->body, &plain)) {
        if (rkd_plain_as_original(&plain, ask))
            return RKD_OK;
        if (rkd_plain_is_standard(&plain) && rkd_plain_as_standard(&plain, ask)) {
            ask->contract = &rkd_standard;
            return RKD_OK;
        }
    }
    return rkd_read_token_json(in, ask, problem);
}

/* ---- answers ---- */

/* The token is base64url and dots; it needs no escaping. */
static void write_pass(struct rki_buf *body, const struct rkd_pass *pass)
{
    rki_buf_lit(body, "{\"token\":\"");
    rki_buf_put(body, pass->token);
    rki_buf_lit(body, "\",\"expiresAt\":\"");
    rki_buf_iso_ms(body, pass->expires_at_s * 1000);
    rki_buf_lit(body, "\",\"roomName\":");
    rki_buf_json(body, pass->room);
    rki_buf_lit(body, ",\"participantIdentity\":");
    rki_buf_json(body, pass->identity);
    rki_buf_char(body, '}');
}

/* clang-format off */
#define ORIGINAL(reader) { \
    .name = RK_STR_INIT("original"), \
    .terms.name_is_identity = true, \
    .terms.default_ttl_s = TTL_DEFAULT_S, \
    .read = (reader), \
    .write_pass = write_pass, \
    .pass_type = RK_STR_INIT("application/json"), \
    .write_error = rkd_write_original_error, \
    .error_type = RK_STR_INIT("application/json"), \
    .status = rkd_status_original, \
}
/* clang-format on */

const struct rkd_contract rkd_original = ORIGINAL(read_original);
const struct rkd_contract rkd_token_route = ORIGINAL(read_token);
