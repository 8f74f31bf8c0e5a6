/*
 * keyring.c - the LiveKit keys of a service: of the environment or of livekit.key_file, and which
 * of several signs.
 *
 * May touch: the environment and the files named there or in roomkey.yaml; secrets are wiped
 * everywhere but in struct rk_key.
 */
#include "config/read.h"
#include "config/secret.h"
#include "config/trace.h"
#include "core/diag.h"

#include <stdlib.h>

/* Errors of variables: their name stands where a key would. */
static struct rkd_pos none_at(void)
{
    return (struct rkd_pos){.file = NULL};
}

/* LiveKit's own development pair; livekit-server --dev has it too. */
static enum rk_err use_dev_key(struct rkd_read *read)
{
    struct rkd_settings *out = read->out;
    struct rk_key *key = NULL;
    enum rk_err err = rk_keyring_new(&out->keys);

    if (err == RK_OK)
        err = rk_key_new(RK_STR("devkey"), RK_STR("secret"), &key);
    if (err == RK_OK)
        err = rk_keyring_add(out->keys, &key);
    if (err == RK_OK)
        out->active_key = rk_keyring_find(out->keys, RK_STR("devkey"));
    else
        err = rkd_read_nomem(read);
    rk_key_free(key);
    return err;
}

static enum rk_err read_key_file(struct rkd_read *read)
{
    const struct rkd_raw_text *named = &read->marks.key_file;
    const struct rkd_value value = {.kind = RKD_VALUE_STRING, .at = named->at, .text = named->text};
    struct rkd_settings *out = read->out;
    const struct rk_key *last = NULL;
    struct rk_str text = {0};
    struct rk_diag diag = {.text = ""};
    char *memory = NULL;
    bool is_readable = false;
    enum rk_err err;

    read->key = RK_STR("key_file");
    err = rkd_file_secret(read, &value, RKD_SECRET_FILE_MAX, &memory, &text, &is_readable);
    if (err == RK_OK && rk_keyring_new(&out->keys) != RK_OK)
        err = rkd_read_nomem(read);
    if (err == RK_OK) {
        err = rkd_keys_from_yaml(text, "key_file", out->keys, &last, &diag);
        if (err == RK_E_NOMEM)
            err = rkd_read_nomem(read);
        else if (err != RK_OK)
            err = rkd_error_set(read->error, err, named->at, read->key, diag.text);
    }
    if (err == RK_OK && is_readable)
        rkd_read_warn_at(read, named->at, "key_file", RKD_READABLE_TEXT);
    if (err == RK_OK && rk_keyring_count(out->keys) == 1)
        out->active_key = last;
    if (memory != NULL)
        rk_wipe(memory, RKD_SECRET_FILE_MAX);
    free(memory);
    return err;
}

static enum rk_err choose(struct rkd_read *read, struct rkd_pos keys_at, struct rk_str key)
{
    const struct rkd_raw_text *active = &read->marks.active_key;
    struct rkd_settings *out = read->out;

    out->names_active_key = active->text.ptr != NULL;
    if (active->text.ptr != NULL) {
        out->active_key = out->keys == NULL ? NULL : rk_keyring_find(out->keys, active->text);
        if (out->active_key == NULL)
            return rkd_error_set(read->error, RK_E_STATE, active->at, RK_STR("active_key"),
                                 "expected the name of one of the LiveKit keys that are given");
    }
    if (out->keys != NULL && out->active_key == NULL)
        return rkd_error_set(read->error, RK_E_STATE, keys_at, key,
                             "expected one key, or livekit.active_key in roomkey.yaml, which says "
                             "which of several signs");
    return RK_OK;
}

static enum rk_err read_environment(struct rkd_read *read)
{
    struct rkd_settings *out = read->out;
    static const char *const files[] = {"LIVEKIT_API_KEY_FILE", "LIVEKIT_API_SECRET_FILE",
                                        "LIVEKIT_KEYS_FILE"};
    const bool has_file = read->marks.key_file.text.ptr != NULL;
    const bool is_dev = read->flags->dev;
    struct rk_diag diag = {.text = ""};
    struct rkd_keys keys;
    enum rk_err err;

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        rkd_trace_path(read, rkd_env_get(read->env, files[i]));
    err = rkd_keys_read(read->env, &keys, &diag);

    if (err == RK_E_NOMEM)
        return rkd_read_nomem(read);
    if (err != RK_OK)
        return rkd_error_set(read->error, err, none_at(), rki_cstr(diag.field), diag.text);
    out->keys = keys.ring; /* taken */
    out->active_key = keys.active;
    if (has_file && keys.is_given)
        return rkd_error_set(read->error, RK_E_STATE, read->marks.key_file.at, RK_STR("key_file"),
                             "expected either this file or keys in the environment "
                             "(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, LIVEKIT_KEYS), not both");
    if (is_dev && !keys.is_given)
        return use_dev_key(read);
    if (is_dev && keys.ring == NULL)
        return rkd_error_set(read->error, RK_E_STATE, none_at(), RK_STR("LIVEKIT_API_SECRET"),
                             "roomkey dev expects both LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or "
                             "neither of them (devkey and secret then)");
    for (size_t i = 0; i < keys.warning_count && !has_file; i++)
        rkd_read_warn(read, keys.warnings[i]);
    return RK_OK;
}

/* Of the key that the file holds, or chose among several of the environment's. */
static void warn_doubts(struct rkd_read *read, struct rkd_pos at, const char *name)
{
    const char *doubts[RKD_SECRET_DOUBTS_MAX];
    const size_t count = rkd_secret_doubts(read->out->active_key, doubts);

    for (size_t i = 0; i < count; i++)
        rkd_read_warn_at(read, at, name, doubts[i]);
}

enum rk_err rkd_keyring_read(struct rkd_read *read)
{
    const bool has_file = read->marks.key_file.text.ptr != NULL;
    enum rk_err err = read_environment(read);
    const bool is_judged = read->out->active_key != NULL;

    if (err == RK_OK && has_file)
        err = read_key_file(read);
    if (err == RK_OK)
        err = choose(read, has_file ? read->marks.key_file.at : none_at(),
                     has_file ? RK_STR("key_file") : RK_STR("LIVEKIT_KEYS"));
    if (err == RK_OK && !is_judged && read->out->active_key != NULL)
        warn_doubts(read, has_file ? read->marks.key_file.at : read->marks.active_key.at,
                    has_file ? "key_file" : "active_key");
    read->key = rki_str(NULL, 0);
    return err;
}
