/*
 * env.c - variables by name, out of a list like environ.
 *
 * May touch: its arguments; rkd_env_wipe writes into the environment.
 */
#include "config/error.h"
#include "config/local.h"
#include "config/read.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* Not const: rkd_env_wipe writes there. NULL when the entry is another variable's. */
static char *value_of(char *entry, struct rk_str name)
{
    const bool is_it = strncmp(entry, name.ptr, name.len) == 0 && entry[name.len] == '=';

    return is_it ? entry + name.len + 1 : NULL;
}

struct rk_str rkd_env_get(const struct rkd_env *env, const char *name)
{
    for (char *const *entry = env->entries; *entry != NULL; entry++) {
        const char *value = value_of(*entry, rki_cstr(name));

        if (value != NULL)
            return rki_cstr(*value == '\0' ? NULL : value);
    }
    return rki_str(NULL, 0);
}

void rkd_env_wipe(char *const *entries)
{
    for (; *entries != NULL; entries++) {
        const struct rkd_variable *variable;

        for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
            char *value = value_of(*entries, rki_cstr(variable->name));

            /* the name of a key is no secret, but nobody needs it here any more either */
            if (variable->kind == RKD_VARIABLE_SECRET && value != NULL)
                rk_wipe(value, strlen(value));
        }
    }
}

/* ---- a copy for reloads ---- */

/* One block in the secure heap for what may be secret, one outside for the rest: the heap is
 * small. */
struct rkd_env_copy {
    struct rkd_env env;
    struct rkd_local local; /* where entries of local.settings.json were said */
    char **entries;
    char *plain, *secret;
    size_t plain_len, secret_len;
};

static struct rk_str name_of(const char *entry)
{
    const char *end = strchr(entry, '=');

    return end == NULL ? rki_cstr(entry) : rki_str(entry, (size_t)(end - entry));
}

enum keep { KEEP_NOT = 0, KEEP_PLAIN, KEEP_SECRET };

static enum keep keep(const char *entry)
{
    const struct rk_str name = name_of(entry);
    const struct rkd_variable *variable;

    for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++)
        if (rkd_variable_names(variable, name))
            return variable->kind == RKD_VARIABLE_SECRET ? KEEP_SECRET : KEEP_PLAIN;
    return rki_str_starts_with(name, RK_STR("ROOMKEY_")) ||
                   rki_str_starts_with(name, RK_STR("ENTRA_")) ||
                   rki_str_equal(name, RK_STR("LISTEN_PID")) ||
                   rki_str_equal(name, RK_STR("LISTEN_FDNAMES")) ||
                   rki_str_equal(name, RK_STR("WATCHDOG_PID"))
               ? KEEP_PLAIN
               : KEEP_NOT;
}

static void copy_entries(struct rkd_env_copy *copy, char *const *entries)
{
    char *plain = copy->plain, *secret = copy->secret;
    size_t count = 0;

    for (; *entries != NULL; entries++) {
        const size_t len = strlen(*entries) + 1;
        const enum keep how = keep(*entries);
        char **to = how == KEEP_SECRET ? &secret : &plain;

        if (how == KEEP_NOT)
            continue;
        memcpy(*to, *entries, len);
        copy->entries[count++] = *to;
        *to += len;
    }
}

struct rkd_env_copy *rkd_env_keep(const struct rkd_env *env)
{
    struct rkd_env_copy *copy = calloc(1, sizeof(*copy));
    size_t count = 0;

    if (copy == NULL)
        return NULL;
    for (char *const *entry = env->entries; *entry != NULL; entry++, count++) {
        const enum keep how = keep(*entry);

        if (how != KEEP_NOT)
            *(how == KEEP_SECRET ? &copy->secret_len : &copy->plain_len) += strlen(*entry) + 1;
    }
    copy->entries = calloc(count + 1, sizeof(*copy->entries));
    copy->plain = malloc(copy->plain_len + 1);
    copy->secret = OPENSSL_secure_malloc(copy->secret_len + 1);
    if (copy->entries == NULL || copy->plain == NULL || copy->secret == NULL) {
        rkd_env_drop(copy);
        return NULL;
    }
    copy_entries(copy, env->entries);
    copy->env = (struct rkd_env){.entries = copy->entries, .pid = env->pid};
    return copy;
}

/* Is the variable set and empty, and said in the file? Then the file's counts. */
static bool is_filled(const struct rkd_local *local, const char *entry)
{
    const struct rk_str name = name_of(entry);

    if (entry[name.len] != '=' || entry[name.len + 1] != '\0')
        return false;
    for (size_t i = 0; i < local->count; i++)
        if (rki_str_equal(rki_cstr(local->places[i].name), name))
            return true;
    return false;
}

/* The environment with the file's entries behind it, copied as ever. NULL: out of memory. */
static struct rkd_env_copy *keep_both(const struct rkd_env *env, const struct rkd_local *local)
{
    struct rkd_env both = *env;
    struct rkd_env_copy *copy = NULL;
    size_t count = 0, total = local->count + 1;
    char **entries;

    for (char *const *entry = env->entries; *entry != NULL; entry++)
        total++;
    entries = calloc(total, sizeof(*entries));
    if (entries == NULL)
        return NULL;
    for (char *const *entry = env->entries; *entry != NULL; entry++)
        if (!is_filled(local, *entry))
            entries[count++] = *entry;
    for (size_t i = 0; i < local->count; i++)
        entries[count++] = local->entries[i];
    both.entries = entries;
    copy = rkd_env_keep(&both);
    free(entries);
    return copy;
}

enum rk_err rkd_env_keep_local(const struct rkd_env *env, const char *path,
                               struct rkd_env_copy **out, struct rkd_raw_error *out_error)
{
    struct rkd_local local = {.count = 0};
    struct rkd_env_copy *copy = NULL;
    enum rk_err err = RK_OK;

    *out = NULL;
    if (path != NULL)
        err = rkd_local_read(path, env, &local, out_error);
    if (err == RK_OK) {
        copy = keep_both(env, &local);
        if (copy == NULL)
            err = rkd_error_nomem(out_error);
    }
    rkd_local_wipe(&local);
    if (copy == NULL) {
        rkd_raw_error_keep(out_error);
        rkd_local_clear(&local);
        return err;
    }
    copy->local = local; /* taken */
    copy->env.local = path == NULL ? NULL : &copy->local;
    *out = copy;
    return RK_OK;
}

const struct rkd_env *rkd_env_of(const struct rkd_env_copy *copy)
{
    return &copy->env;
}

void rkd_env_drop(struct rkd_env_copy *copy)
{
    if (copy == NULL)
        return;
    OPENSSL_secure_clear_free(copy->secret, copy->secret_len + 1);
    rkd_local_clear(&copy->local);
    free(copy->plain);
    free(copy->entries);
    free(copy);
}
