/*
 * local_parse.c - what local.settings.json says.
 *
 * By Core Tools 4 (hosting reference s.1.11): names are matched in any case, Values may be numbers
 * and booleans, null is no value, a variable that is set and not empty goes before the file. May
 * touch: its arguments.
 */
#include "config/local_parse.h"

#include "core/utf8.h"

#include <stdlib.h>

typedef enum rk_err member_fn(struct rkd_local_parse *parse, const struct rkd_jsonc_token *name,
                              struct rkd_jsonc_token *value);

static enum rk_err fail(struct rkd_local_parse *parse, struct rkd_pos at, struct rk_str key,
                        const char *text)
{
    return rkd_error_set(parse->error, RK_E_INVAL, at, key, text);
}

static enum rk_err fail_token(struct rkd_local_parse *parse, const struct rkd_jsonc_token *token,
                              const char *text)
{
    if (token->kind == RKD_JSONC_END)
        text = "the file ends in the middle";
    return fail(parse, token->at, rki_str(NULL, 0), text);
}

/* ---- Values ---- */

/* What the host itself says is not the file's to say: it would switch on the trust in a platform.
 */
static bool is_ours(struct rk_str name, bool *out_is_secret)
{
    const struct rkd_variable *variable;

    *out_is_secret = false;
    for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
        if (!rkd_variable_names(variable, name))
            continue;
        *out_is_secret = variable->kind == RKD_VARIABLE_SECRET;
        return variable->kind != RKD_VARIABLE_HOST;
    }
    return rki_str_starts_with(name, RK_STR("ROOMKEY_")) ||
           rki_str_starts_with(name, RK_STR("ENTRA_"));
}

/* ASP.NET's data protection, with which Core Tools encrypt, begins so in base64url. */
static bool is_ciphertext(struct rk_str text)
{
    return rki_str_starts_with(text, RK_STR("CfDJ8"));
}

static enum rk_err take_value(struct rkd_local_parse *parse,
                              const struct rkd_jsonc_token *name_token,
                              struct rkd_jsonc_token *value)
{
    char decoded[sizeof(parse->out->places[0].name)];
    struct rk_str name = name_token->raw;
    bool is_secret;
    enum rk_err err;

    if (value->kind != RKD_JSONC_NULL && rkd_local_text(value).ptr == NULL)
        return fail(parse, value->at, name, "expected a text");
    if (name.len > sizeof(decoded))
        return RK_OK; /* no variable of ours has such a name */
    name = rki_str(decoded, rkd_jsonc_decode(name_token->raw, decoded));
    if (value->kind == RKD_JSONC_NULL || !is_ours(name, &is_secret) ||
        rkd_local_is_set(parse->env, name))
        return RK_OK;
    if (rkd_local_has(parse->out, name))
        return fail(parse, name_token->at, name, "stands here twice");
    parse->has_values = true;
    parse->out->has_secret |= is_secret;
    parse->looks_encrypted |= is_ciphertext(rkd_local_text(value));
    err = rkd_local_begin(parse, name, NULL, value->at);
    if (err != RK_OK)
        return err;
    rkd_local_put_token(parse->out, value);
    return rkd_local_end(parse, value->at);
}

/* ---- the walk ---- */

/* The members of a map whose brace was taken. */
static enum rk_err each_member(struct rkd_local_parse *parse, member_fn *take)
{
    struct rkd_jsonc_token name, value, after;
    enum rk_err err;

    for (;;) {
        rkd_jsonc_next(&parse->reader, &name);
        if (name.kind == RKD_JSONC_MAP_END) /* empty, or a comma too many, which Json.NET takes */
            return RK_OK;
        if (name.kind != RKD_JSONC_STRING)
            return fail_token(parse, &name, "expected a name in double quotes, or }");
        rkd_jsonc_next(&parse->reader, &after);
        if (after.kind != RKD_JSONC_COLON)
            return fail_token(parse, &after, "expected a colon");
        rkd_jsonc_next(&parse->reader, &value);
        err = take(parse, &name, &value);
        if (err != RK_OK)
            return err;
        rkd_jsonc_next(&parse->reader, &after);
        if (after.kind == RKD_JSONC_MAP_END)
            return RK_OK;
        if (after.kind != RKD_JSONC_COMMA)
            return fail_token(parse, &after, "expected a comma or }");
    }
}

static enum rk_err skip(struct rkd_local_parse *parse, struct rkd_jsonc_token *value)
{
    return rkd_jsonc_skip(&parse->reader, value)
               ? RK_OK
               : fail_token(parse, value, "expected a value of JSON");
}

static enum rk_err take_host(struct rkd_local_parse *parse, const struct rkd_jsonc_token *name,
                             struct rkd_jsonc_token *value)
{
    struct rkd_local_host *host = &parse->host;
    const struct {
        struct rk_str name;
        struct rkd_jsonc_token *to;
    } rows[] = {
        {RK_STR("CORS"), &host->cors},
        {RK_STR("CORSCredentials"), &host->credentials},
        {RK_STR("LocalHttpPort"), &host->port},
        {RK_STR("LocalHttpAddress"), &host->address},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rki_str_equal_nocase(name->raw, rows[i].name))
            continue;
        if (rows[i].to->kind != RKD_JSONC_BAD)
            return fail(parse, name->at, rows[i].name, "stands here twice");
        if (value->kind != RKD_JSONC_NULL && rkd_local_text(value).ptr == NULL)
            return fail(parse, value->at, rows[i].name, "expected a text, a number or a boolean");
        *rows[i].to = *value;
        return RK_OK;
    }
    return skip(parse, value);
}

static enum rk_err take_map(struct rkd_local_parse *parse, struct rk_str key,
                            struct rkd_jsonc_token *value, member_fn *take)
{
    if (value->kind == RKD_JSONC_NULL)
        return RK_OK;
    if (value->kind != RKD_JSONC_MAP)
        return fail(parse, value->at, key, "expected a map: { \"NAME\": \"value\" }");
    return each_member(parse, take);
}

static enum rk_err take_top(struct rkd_local_parse *parse, const struct rkd_jsonc_token *name,
                            struct rkd_jsonc_token *value)
{
    static const struct rk_str names[] = {RK_STR_INIT("IsEncrypted"), RK_STR_INIT("Values"),
                                          RK_STR_INIT("Host")};
    size_t i = 0;

    while (i < ARRAY_LEN(names) && !rki_str_equal_nocase(name->raw, names[i]))
        i++;
    if (i == ARRAY_LEN(names))
        return skip(parse, value);
    if ((parse->seen & 1U << i) != 0)
        return fail(parse, name->at, names[i], "stands here twice");
    parse->seen |= 1U << i;
    if (i == 1) {
        parse->values_at = value->at;
        return take_map(parse, names[i], value, take_value);
    }
    if (i == 2)
        return take_map(parse, names[i], value, take_host);
    if (value->kind != RKD_JSONC_TRUE && value->kind != RKD_JSONC_FALSE)
        return fail(parse, value->at, names[i], "expected true or false");
    parse->encrypted = *value;
    return RK_OK;
}

/* ---- the whole ---- */

/*
 * Absent means encrypted to Core Tools, but nobody's file does without it: every template writes
 * false. So the values decide.
 */
static enum rk_err check_encrypted(struct rkd_local_parse *parse)
{
    const bool is_said = parse->encrypted.kind != RKD_JSONC_BAD;

    if (!parse->has_values ||
        (is_said ? parse->encrypted.kind == RKD_JSONC_FALSE : !parse->looks_encrypted))
        return RK_OK;
    return rkd_error_set(parse->error, RK_E_STATE, is_said ? parse->encrypted.at : parse->values_at,
                         is_said ? RK_STR("IsEncrypted") : RK_STR("Values"),
                         "the values are encrypted with a key that only the Core Tools have; "
                         "expected plain ones: `func settings decrypt` writes them");
}

static enum rk_err parse_text(struct rkd_local_parse *parse)
{
    struct rkd_jsonc_token token;
    enum rk_err err;

    rkd_jsonc_next(&parse->reader, &token);
    if (token.kind != RKD_JSONC_MAP)
        return fail_token(parse, &token, "expected {");
    err = each_member(parse, take_top);
    if (err != RK_OK)
        return err;
    rkd_jsonc_next(&parse->reader, &token);
    if (token.kind != RKD_JSONC_END)
        return fail_token(parse, &token, "expected nothing behind the last }");
    err = check_encrypted(parse);
    return err == RK_OK ? rkd_local_add_host(parse) : err;
}

enum rk_err rkd_local_parse(struct rk_str text, const char *path, const struct rkd_env *env,
                            struct rkd_local *out, struct rkd_raw_error *out_error)
{
    enum { AROUND = 256 }; /* the names of our own entries */
    struct rkd_local_parse parse = {.out = out, .env = env, .error = out_error};
    const size_t path_len = strlen(path) + 1;

    *out = (struct rkd_local){.count = 0};
    out->path = malloc(path_len);
    /* Values need fewer bytes here than there, Host's once more. */
    out->memory_len = 2 * text.len + AROUND;
    out->memory = malloc(out->memory_len);
    if (out->path == NULL || out->memory == NULL)
        return rkd_error_nomem(out_error);
    memcpy(out->path, path, path_len);
    parse.reader = (struct rkd_jsonc){.text = text, .file = out->path};
    if (rki_str_starts_with(text, RK_STR("\xef\xbb\xbf"))) /* some editors write it */
        parse.reader.at = parse.reader.line_at = 3;
    if (!rki_utf8_is_valid(text))
        return fail(&parse, (struct rkd_pos){.file = out->path, .line = 1, .column = 1},
                    rki_str(NULL, 0), "expected UTF-8");
    return parse_text(&parse);
}
