/*
 * local_entry.c - variables out of local.settings.json, in memory that is wiped.
 *
 * May touch: its arguments.
 */
#include "config/local_parse.h"

struct rk_str rkd_local_text(const struct rkd_jsonc_token *token)
{
    return token->kind == RKD_JSONC_STRING || token->kind == RKD_JSONC_NUMBER ||
                   token->kind == RKD_JSONC_TRUE || token->kind == RKD_JSONC_FALSE
               ? token->raw
               : rki_str(NULL, 0);
}

void rkd_local_put(struct rkd_local *out, struct rk_str bytes)
{
    if (bytes.len != 0)
        memcpy(out->memory + out->memory_used, bytes.ptr, bytes.len);
    out->memory_used += bytes.len;
}

/* A token's text behind what is there; RKD_JSONC_STRING decoded. */
void rkd_local_put_token(struct rkd_local *out, const struct rkd_jsonc_token *token)
{
    if (token->kind == RKD_JSONC_STRING)
        out->memory_used += rkd_jsonc_decode(token->raw, out->memory + out->memory_used);
    else
        rkd_local_put(out, rkd_local_text(token));
}

bool rkd_local_has(const struct rkd_local *out, struct rk_str name)
{
    for (size_t i = 0; i < out->count; i++)
        if (rki_str_equal(rki_cstr(out->places[i].name), name))
            return true;
    return false;
}

/* Memory for any entry there can be was taken before (parse_text). */
enum rk_err rkd_local_begin(struct rkd_local_parse *parse, struct rk_str name, const char *key,
                            struct rkd_pos at)
{
    struct rkd_local *out = parse->out;
    struct rkd_local_place *place = &out->places[out->count];

    if (out->count == RKD_LOCAL_ENTRIES_MAX || name.len >= sizeof(place->name))
        return rkd_error_set(parse->error, RK_E_INVAL, at, name,
                             "there is no such variable; `roomkey serve --help` lists them");
    *place = (struct rkd_local_place){.key = key, .line = at.line, .column = at.column};
    memcpy(place->name, name.ptr, name.len);
    out->entries[out->count] = out->memory + out->memory_used;
    rkd_local_put(out, name);
    rkd_local_put(out, RK_STR("="));
    return RK_OK;
}

enum rk_err rkd_local_end(struct rkd_local_parse *parse, struct rkd_pos at)
{
    struct rkd_local *out = parse->out;
    const char *entry = out->entries[out->count];

    if (memchr(entry, '\0', (size_t)(out->memory + out->memory_used - entry)) != NULL)
        return rkd_error_set(parse->error, RK_E_INVAL, at, rki_cstr(out->places[out->count].name),
                             "a variable cannot hold a NUL");
    rkd_local_put(out, rki_str("", 1));
    out->count++;
    return RK_OK;
}

bool rkd_local_is_set(const struct rkd_env *env, struct rk_str name)
{
    for (char *const *entry = env->entries; *entry != NULL; entry++) {
        const struct rk_str whole = rki_cstr(*entry);

        if (rki_str_starts_with(whole, name) && whole.len > name.len + 1 &&
            whole.ptr[name.len] == '=')
            return true;
    }
    return false;
}
