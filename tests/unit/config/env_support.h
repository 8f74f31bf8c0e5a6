/*
 * env_support.h - an environment out of a list of literals, and one-call readings over it.
 *
 *     struct rk_diag diag;
 *     err = read_settings(&settings, &diag, "ROOMKEY_WORKERS=2", NULL);
 */
#ifndef RK_TEST_ENV_SUPPORT_H
#define RK_TEST_ENV_SUPPORT_H

#include "check.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENV_MAX = 32, ENV_PID = 4711 };

/* Writable copies, as in a real environment. */
struct test_env {
    char *entries[ENV_MAX + 1];
    size_t count;
    struct rkd_env env;
};

static inline void env_add(struct test_env *env, const char *entry)
{
    assert_true(env->count < ENV_MAX);
    env->entries[env->count] = strdup(entry);
    assert_non_null(env->entries[env->count]);
    env->count++;
}

static inline void env_open(struct test_env *env)
{
    *env = (struct test_env){0};
    env->env.entries = env->entries;
    env->env.pid = ENV_PID;
}

static inline void env_clear(struct test_env *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->entries[i]);
    *env = (struct test_env){0};
}

/* A refusal as variables have it: their name, and "entry 2: key: text". */
static inline void diag_of(const struct rkd_raw_error *error, struct rk_diag *diag)
{
    const bool has_name = error->at.file != NULL;
    char text[512];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    *diag = (struct rk_diag){.text = ""};
    if (error->at.line == 0 && error->at.column != 0) {
        rki_buf_lit(&buf, "entry ");
        rki_buf_int(&buf, error->at.column);
        rki_buf_lit(&buf, ": ");
    }
    if (has_name && error->key[0] != '\0') {
        rki_buf_put(&buf, rki_cstr(error->key));
        rki_buf_lit(&buf, ": ");
    }
    rki_buf_put(&buf, rki_cstr(error->text));
    text[buf.len] = '\0';
    (void)snprintf(diag->field, sizeof(diag->field), "%s", has_name ? error->at.file : error->key);
    (void)snprintf(diag->text, sizeof(diag->text), "%.190s", text);
}

/* `a` and `b` may be NULL. */
static inline enum rk_err read_settings_flags(const struct rkd_flags *flags,
                                              struct rkd_settings *out, struct rk_diag *diag,
                                              const char *a, const char *b)
{
    struct test_env env;
    struct rkd_raw_error error = {.text = ""};
    enum rk_err err;

    env_open(&env);
    env_add(&env, "PATH=/bin");
    if (a != NULL)
        env_add(&env, a);
    if (b != NULL)
        env_add(&env, b);
    *diag = (struct rk_diag){0};
    err = rkd_settings_read(&env.env, flags, out, &error);
    env_clear(&env); /* what was read must not borrow from it */
    if (err != RK_OK)
        diag_of(&error, diag);
    return err;
}

/* With anonymous: allow, so that the rest decides. */
static inline enum rk_err read_settings(struct rkd_settings *out, struct rk_diag *diag,
                                        const char *a, const char *b)
{
    static const struct rkd_flags flags = {.anonymous = "allow"};

    return read_settings_flags(&flags, out, diag, a, b);
}

static inline bool has_warning(const struct rkd_settings *settings, const char *part)
{
    for (size_t i = 0; i < settings->warning_count; i++)
        if (strstr(settings->warnings[i].text, part) != NULL)
            return true;
    return false;
}

#endif
