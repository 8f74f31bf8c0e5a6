/*
 * compile.c - the callers as they were written become callers that can be checked against, or a
 * refusal with its place (semantics P1).
 *
 * May touch: its arguments, malloc. Borrows the raw configuration.
 */
#include "auth/impl.h"

#include "core/utf8.h"

#include <stdlib.h>

static enum rkd_caller_kind kind_of(enum rkd_raw_caller_kind kind)
{
    switch (kind) {
    case RKD_RAW_CALLER_OIDC:
        return RKD_CALLER_OIDC;
    case RKD_RAW_CALLER_API_KEYS:
        return RKD_CALLER_API_KEY;
    case RKD_RAW_CALLER_EASY_AUTH:
        return RKD_CALLER_EASY_AUTH;
    case RKD_RAW_CALLER_ENTRA:
        return RKD_CALLER_ENTRA;
    case RKD_RAW_CALLER_NONE:
        break;
    }
    return RKD_CALLER_NONE;
}

static enum rk_err check_name(const struct rkd_raw *raw, size_t index, struct rkd_raw_error *error)
{
    const struct rkd_raw_caller *caller = &raw->callers[index];

    if (caller->kind == RKD_RAW_CALLER_ENTRA)
        return RK_OK;
    if (caller->name.text.ptr == NULL)
        return rkd_raw_refuse(error, caller->at, "callers.name", "required");
    if (rki_name_check(caller->name.text) != RK_OK)
        return rkd_raw_refuse(error, caller->name.at, "callers.name",
                              "expected a name of 1 to 256 bytes without control characters");
    if (rki_str_equal(caller->name.text, RK_STR("anonymous")))
        return rkd_raw_refuse(error, caller->name.at, "callers.name",
                              "anonymous is reserved for callers without a credential");
    for (size_t i = 0; i < index; i++)
        if (rki_str_equal(raw->callers[i].name.text, caller->name.text))
            return rkd_raw_refuse(error, caller->name.at, "callers.name",
                                  "another caller has this name");
    return RK_OK;
}

static enum rk_err compile_caller(struct rkd_auth *auth, size_t index,
                                  rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                                  struct rkd_raw_error *error)
{
    struct rkd_auth_caller *caller = &auth->callers[index];
    enum rk_err err = check_name(auth->raw, index, error);

    caller->raw = &auth->raw->callers[index];
    caller->kind = kind_of(caller->raw->kind);
    caller->keyset = RKD_NO_KEYSET;
    auth->has_entra = auth->has_entra || caller->kind == RKD_CALLER_ENTRA;
    auth->has_api_keys = auth->has_api_keys || caller->kind == RKD_CALLER_API_KEY;
    auth->has_easy_auth = auth->has_easy_auth || caller->kind == RKD_CALLER_EASY_AUTH;
    if (err == RK_OK && caller->kind == RKD_CALLER_NONE)
        err = rkd_raw_refuse(error, caller->raw->at, "callers",
                             "expected oidc, api_keys_file or easy_auth");
    if (err == RK_OK && auth->has_entra && auth->caller_count != 1)
        err = rkd_raw_refuse(error, caller->raw->at, "callers",
                             "the ENTRA_ variables do not go together with callers");
    if (err == RK_OK && (caller->kind == RKD_CALLER_OIDC || caller->kind == RKD_CALLER_ENTRA))
        err = rkd_compile_oidc(auth, index, is_livekit_secret, ctx, error);
    return err;
}

static enum rk_err compile_all(struct rkd_auth *auth, rkd_is_livekit_secret_fn *is_livekit_secret,
                               void *ctx, struct rkd_raw_error *error)
{
    enum rk_err err = RK_OK;

    for (size_t i = 0; i < auth->caller_count && err == RK_OK; i++)
        err = compile_caller(auth, i, is_livekit_secret, ctx, error);
    if (err == RK_OK)
        err = rkd_compile_issuers(auth, error);
    if (err == RK_OK)
        err = rkd_compile_keys(auth, error);
    if (err == RK_OK)
        err = rkd_compile_easy_auth(auth, error);
    return err;
}

enum rk_err rkd_auth_compile(const struct rkd_raw *raw, rkd_is_livekit_secret_fn *is_livekit_secret,
                             void *ctx, struct rkd_auth **out, struct rkd_raw_error *out_error)
{
    struct rkd_raw_error ours;
    struct rkd_auth *auth;
    enum rk_err err = RK_E_NOMEM;

    *out = NULL;
    if (raw->caller_count == 0)
        return RK_OK;
    auth = calloc(1, sizeof(*auth));
    if (auth == NULL)
        return RK_E_NOMEM;
    auth->raw = raw;
    auth->callers = calloc(raw->caller_count, sizeof(*auth->callers));
    auth->specs = calloc(raw->caller_count, sizeof(*auth->specs));
    if (auth->callers != NULL && auth->specs != NULL) {
        auth->caller_count = raw->caller_count;
        /* also the callers not reached yet can be looked at and freed */
        for (size_t i = 0; i < raw->caller_count; i++)
            auth->callers[i] =
                (struct rkd_auth_caller){.raw = &raw->callers[i], .keyset = RKD_NO_KEYSET};
        err = compile_all(auth, is_livekit_secret, ctx, out_error != NULL ? out_error : &ours);
    }
    if (err != RK_OK) {
        rkd_auth_free(auth);
        return err;
    }
    *out = auth;
    return RK_OK;
}

static void free_caller(struct rkd_auth_caller *caller)
{
    for (size_t i = 0; i < caller->require_count; i++)
        free(caller->require[i].path);
    free(caller->require);
    free(caller->discovery_url);
    rkd_hs256_secret_free(caller->secret);
}

void rkd_auth_free(struct rkd_auth *auth)
{
    if (auth == NULL)
        return;
    for (size_t i = 0; i < auth->caller_count; i++)
        free_caller(&auth->callers[i]);
    for (size_t i = 0; i < auth->issuer_count; i++)
        free(auth->issuers[i].text);
    for (size_t i = 0; i < auth->key_count; i++)
        json_decref(auth->keys[i].claims);
    free(auth->callers);
    free(auth->issuers);
    free(auth->keys);
    free(auth->specs);
    free(auth);
}

bool rkd_auth_takes_bearer(const struct rkd_auth *auth)
{
    return auth != NULL && (auth->has_api_keys || auth->has_entra || auth->issuer_count != 0);
}

bool rkd_auth_takes_principal(const struct rkd_auth *auth)
{
    return auth != NULL && auth->has_easy_auth && auth->raw->is_easy_auth_on;
}

size_t rkd_auth_keyset_count(const struct rkd_auth *auth)
{
    return auth == NULL ? 0 : auth->spec_count;
}

const struct rkd_keyset_spec *rkd_auth_keyset_at(const struct rkd_auth *auth, size_t index)
{
    return auth == NULL || index >= auth->spec_count ? NULL : &auth->specs[index];
}

static void warn_oidc(const struct rkd_auth_caller *caller, rkd_warn_fn *warn, void *ctx)
{
    const struct rkd_raw_oidc *oidc = &caller->raw->oidc;
    const struct rk_str name = caller->raw->name.text;

    if (oidc->allow_http.count != 0)
        warn(ctx, oidc->allow_http.at, "oidc.allow_http", name,
             "keys come over http: whoever is on the way can be anybody");
}

void rkd_auth_warn(const struct rkd_auth *auth, rkd_warn_fn *warn, void *ctx)
{
    if (auth == NULL)
        return;
    for (size_t i = 0; i < auth->caller_count; i++) {
        const struct rkd_auth_caller *caller = &auth->callers[i];

        if (caller->kind == RKD_CALLER_OIDC)
            warn_oidc(caller, warn, ctx);
        if (caller->kind == RKD_CALLER_API_KEY && caller->raw->key_count == 0)
            warn(ctx, caller->raw->kind_at, "api_keys_file", caller->raw->name.text,
                 "the file holds no key");
    }
}
