/*
 * table.c - reads a map by its table of keys, and the values every table has.
 *
 * May touch: its arguments, secret files by file.c.
 */
#include "config/read.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- refusals and warnings ---- */

enum rk_err rkd_read_fail_at(const struct rkd_read *read, struct rkd_pos at, struct rk_str key,
                             const char *expected)
{
    return rkd_error_set(read->error, RK_E_INVAL, at, key, expected);
}

enum rk_err rkd_read_fail(const struct rkd_read *read, const struct rkd_value *value,
                          const char *expected)
{
    return rkd_read_fail_at(read, value->at, read->key, expected);
}

enum rk_err rkd_read_nomem(const struct rkd_read *read)
{
    return rkd_error_nomem(read->error);
}

void rkd_read_warn_at(struct rkd_read *read, struct rkd_pos at, const char *key, const char *text)
{
    struct rkd_settings *out = read->out;

    if (out->warning_count < ARRAY_LEN(out->warnings))
        out->warnings[out->warning_count++] =
            (struct rkd_setting_warning){.text = text, .at = at, .key = key};
}

void rkd_read_warn(struct rkd_read *read, const char *text)
{
    rkd_read_warn_at(read, (struct rkd_pos){.file = NULL}, NULL, text);
}

/* ---- maps ---- */

static const struct rkd_key *find(const struct rkd_table *table, struct rk_str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (rki_str_equal(table->keys[i].name, name))
            return &table->keys[i];
    return NULL;
}

static enum rk_err fail_unknown(struct rkd_read *read, const struct rkd_table *table,
                                const struct rkd_value_member *member)
{
    const bool is_variable = member->at.line == 0;
    char text[sizeof(read->error->text)];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_put(&buf, is_variable ? RK_STR("expected name=value, the name one of")
                                  : RK_STR("there is no such key here; expected one of"));
    for (size_t i = 0; i < table->count; i++) {
        rki_buf_lit(&buf, " ");
        rki_buf_put(&buf, table->keys[i].name);
    }
    if (buf.overflow) {
        buf = rki_buf_over(text, sizeof(text) - 1);
        rki_buf_lit(&buf, "there is no such key here; roomkey.yaml(5) lists them");
    }
    text[buf.len] = '\0';
    return rkd_read_fail_at(read, member->at, is_variable ? rki_str(NULL, 0) : member->key, text);
}

enum rk_err rkd_table_read(struct rkd_read *read, const struct rkd_table *table,
                           const struct rkd_value *value, void *target)
{
    const struct rk_str outer = read->key;
    enum rk_err err = RK_OK;

    if (value->kind != RKD_VALUE_MAP)
        return rkd_read_fail(read, value, "expected a map of keys and values");
    for (size_t i = 0; i < value->count && err == RK_OK; i++) {
        const struct rkd_value_member *member = &value->members[i];
        const struct rkd_key *key = find(table, member->key);

        if (key == NULL)
            return fail_unknown(read, table, member);
        read->key = key->name;
        err = key->read(read, &member->value, (char *)target + key->field);
    }
    for (size_t i = 0; i < table->count && err == RK_OK; i++) {
        const struct rkd_key *key = &table->keys[i];
        bool is_there = !key->is_required;

        for (size_t m = 0; m < value->count && !is_there; m++)
            is_there = rki_str_equal(value->members[m].key, key->name);
        if (!is_there)
            err = rkd_read_fail_at(read, value->at, key->name,
                                   "this key is missing here and has no default");
    }
    if (err == RK_OK)
        read->key = outer;
    return err;
}

const struct rkd_table *rkd_table_at(size_t index)
{
    static const struct rkd_table *const tables[] = {
        &rkd_top_table,     &rkd_livekit_table,  &rkd_cors_table, &rkd_proxies_table,
        &rkd_caller_table,  &rkd_oidc_table,     &rkd_jwks_table, &rkd_easy_auth_table,
        &rkd_rule_table,    &rkd_identity_table, &rkd_hook_table, &rkd_ceiling_table,
        &rkd_limits_table,  &rkd_redis_table,    &rkd_log_table,  &rkd_audit_table,
        &rkd_api_key_table,
    };

    return index < ARRAY_LEN(tables) ? tables[index] : NULL;
}

bool rkd_config_key_at(size_t index, const char **out_path, struct rk_str *out_name)
{
    const struct rkd_table *table;

    for (size_t i = 0; (table = rkd_table_at(i)) != NULL; i++) {
        if (index < table->count) {
            *out_path = table->path;
            *out_name = table->keys[index].name;
            return true;
        }
        index -= table->count;
    }
    return false;
}

/* ---- values ---- */

struct rk_str rkd_value_word(const struct rkd_value *value)
{
    return value->kind == RKD_VALUE_STRING || value->kind == RKD_VALUE_NUMBER ? value->text
                                                                              : rki_str(NULL, 0);
}

const struct rkd_value *rkd_value_items(const struct rkd_value *value, size_t *out_count)
{
    static const struct rkd_value none;

    *out_count = value->kind == RKD_VALUE_LIST ? value->count : 1;
    if (value->kind == RKD_VALUE_LIST)
        return value->count == 0 ? &none : value->items;
    return value->kind == RKD_VALUE_STRING ? value : NULL;
}

enum rk_err rkd_take_word(const struct rkd_read *read, const struct rkd_value *value,
                          const char *const *words, size_t count, const char *expected, size_t *out)
{
    for (size_t i = 0; i < count && value->kind == RKD_VALUE_STRING; i++) {
        if (rki_str_equal(rki_cstr(words[i]), value->text)) {
            *out = i;
            return RK_OK;
        }
    }
    return rkd_read_fail(read, value, expected);
}

static const char expected_text[] =
    "expected a text (in quotes where it looks like a number or a boolean)";

enum rk_err rkd_take_template(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    if (value->kind != RKD_VALUE_STRING)
        return rkd_read_fail(read, value, expected_text);
    *(struct rkd_raw_text *)target = (struct rkd_raw_text){.text = value->text, .at = value->at};
    return RK_OK;
}

enum rk_err rkd_take_text(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    if (value->kind == RKD_VALUE_STRING && value->text.len == 0)
        return rkd_read_fail(read, value, "expected a text that is not empty");
    return rkd_take_template(read, value, target);
}

enum rk_err rkd_take_list(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_list *out = target;
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);
    struct rkd_raw_text *texts;

    if (items == NULL)
        return rkd_read_fail(read, value, "expected a text or a list of texts");
    texts = rkd_store_take(read->store, count, sizeof(*texts));
    if (texts == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; i < count; i++) {
        enum rk_err err = rkd_take_text(read, &items[i], &texts[i]);

        if (err != RK_OK)
            return err;
    }
    *out = (struct rkd_raw_list){.items = texts, .count = count, .at = value->at, .is_set = true};
    return RK_OK;
}

enum rk_err rkd_take_time(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const uint64_t max_ms = UINT64_C(366) * 24 * 3600 * 1000;
    uint64_t ms = 0;

    if (value->kind != RKD_VALUE_STRING || !rkd_time_parse(value->text, max_ms, &ms))
        return rkd_read_fail(read, value,
                             "expected a time like 500ms, 10s, 5m, 6h or 7d, at most 366d");
    *(struct rkd_raw_time *)target =
        (struct rkd_raw_time){.ms = (int64_t)ms, .is_set = true, .at = value->at};
    return RK_OK;
}

enum rk_err rkd_take_bool(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    if (value->kind != RKD_VALUE_BOOL)
        return rkd_read_fail(read, value, "expected true or false, without quotes");
    *(bool *)target = value->boolean;
    return RK_OK;
}

enum rk_err rkd_take_flag(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_flag flag = {.is_set = true, .at = value->at};
    enum rk_err err = rkd_take_bool(read, value, &flag.value);

    if (err == RK_OK)
        *(struct rkd_raw_flag *)target = flag;
    return err;
}

enum rk_err rkd_take_map(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    if (value->kind != RKD_VALUE_MAP)
        return rkd_read_fail(read, value, "expected a map");
    *(struct rkd_value *)target = *value;
    return RK_OK;
}

enum rk_err rkd_take_value(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    if (value->kind != RKD_VALUE_MAP && value->kind != RKD_VALUE_STRING)
        return rkd_read_fail(read, value, "expected a text or a map of texts");
    *(struct rkd_value *)target = *value;
    return RK_OK;
}

/* ---- files ---- */

enum { SECRET_MAX = 1024 };

static enum rk_err take_secret(struct rkd_read *read, const struct rkd_value *value, size_t least,
                               const char *expected, struct rkd_raw_secret *out)
{
    struct rk_str text = {0}, bytes;
    char *memory = NULL;
    bool is_readable = false;
    enum rk_err err = rkd_file_secret(read, value, SECRET_MAX + 1, &memory, &text, &is_readable);

    if (err == RK_OK && text.len < least)
        err = rkd_read_fail(read, value, expected);
    if (err == RK_OK && rkd_store_secret(read->store, text, &bytes) != RK_OK)
        err = rkd_read_nomem(read);
    if (err == RK_OK)
        *out = (struct rkd_raw_secret){.bytes = bytes, .at = value->at};
    if (err == RK_OK && is_readable)
        rkd_read_warn_at(read, value->at, read->key.ptr, RKD_READABLE_TEXT);
    if (memory != NULL)
        rk_wipe(memory, SECRET_MAX + 1);
    free(memory);
    return err;
}

enum rk_err rkd_take_secret(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return take_secret(read, value, 1, "", target);
}

enum rk_err rkd_take_hash_key(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return take_secret(read, value, 32, "the file holds fewer than 32 bytes, which can be guessed",
                       target);
}

enum rk_err rkd_take_path(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_text *out = target;
    struct rk_str path;
    enum rk_err err = rkd_take_text(read, value, out);
    char cwd[PATH_MAX];

    if (err != RK_OK)
        return err;
    if (rkd_file_path(read, value->text, &path) != RK_OK)
        return rkd_read_nomem(read);
    if (path.ptr[0] != '/') {
        struct rki_buf buf;
        const size_t cap = PATH_MAX + path.len + 2;
        char *whole = rkd_store_take(read->store, cap, 1);

        if (whole == NULL)
            return rkd_read_nomem(read);
        if (getcwd(cwd, sizeof(cwd)) == NULL)
            return rkd_read_fail(read, value, "expected an absolute path: there is no directory");
        buf = rki_buf_over(whole, cap - 1);
        rki_buf_put(&buf, rki_cstr(cwd));
        rki_buf_lit(&buf, "/");
        rki_buf_put(&buf, path);
        path = rki_buf_str(&buf); /* the store's memory is zero: it ends in NUL */
    }
    out->text = path;
    return RK_OK;
}
