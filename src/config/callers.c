/*
 * callers.c - `callers` of roomkey.yaml: who they are proved by, and what identity they get.
 *
 * What stands in templates, addresses and conditions is for auth and policy to judge; here every
 * value gets its type and its position. May touch: its arguments, secret files by file.c.
 */
#include "config/read.h"

/* ---- oidc ---- */

static const struct rkd_key jwks_keys[] = {
    RKD_KEY(struct rkd_raw_oidc, fresh, rkd_take_time),
    RKD_KEY(struct rkd_raw_oidc, cooldown, rkd_take_time),
    RKD_KEY(struct rkd_raw_oidc, stale, rkd_take_time),
    RKD_KEY(struct rkd_raw_oidc, timeout, rkd_take_time),
};
const struct rkd_table rkd_jwks_table = {"callers.oidc.jwks.", jwks_keys, ARRAY_LEN(jwks_keys)};

static enum rk_err read_jwks(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_jwks_table, value, target);
}

/* A file that is not there would show at the first fetch only, as an outage of the provider. */
static enum rk_err read_ca_file(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_text *out = target;
    enum rk_err err = rkd_take_path(read, value, out);
    const char *wrong = err == RK_OK ? rkd_file_problem(read, out->text) : NULL;

    return wrong == NULL ? err : rkd_error_set(read->error, RK_E_IO, value->at, read->key, wrong);
}

static const struct rkd_key oidc_keys[] = {
    RKD_KEY_NEEDED(struct rkd_raw_oidc, issuer, rkd_take_text),
    RKD_KEY(struct rkd_raw_oidc, audience, rkd_take_list),
    RKD_KEY(struct rkd_raw_oidc, require, rkd_take_map),
    RKD_KEY(struct rkd_raw_oidc, algorithms, rkd_take_list),
    RKD_KEY(struct rkd_raw_oidc, jwks_uri, rkd_take_text),
    RKD_KEY(struct rkd_raw_oidc, discovery_url, rkd_take_text),
    RKD_KEY_AS(struct rkd_raw_oidc, "hs256_secret_file", hs256_secret, rkd_take_secret),
    RKD_KEY(struct rkd_raw_oidc, tenants, rkd_take_list),
    RKD_KEY(struct rkd_raw_oidc, jwks_hosts, rkd_take_list),
    RKD_KEY(struct rkd_raw_oidc, clock_skew, rkd_take_time),
    RKD_KEY(struct rkd_raw_oidc, ca_file, read_ca_file),
    RKD_KEY(struct rkd_raw_oidc, allow_http, rkd_take_list),
    RKD_KEY_WHOLE("jwks", read_jwks),
};
const struct rkd_table rkd_oidc_table = {"callers.oidc.", oidc_keys, ARRAY_LEN(oidc_keys)};

/* ---- what proves a caller: exactly one of three ---- */

static enum rk_err set_kind(struct rkd_read *read, struct rkd_raw_caller *caller,
                            enum rkd_raw_caller_kind kind, struct rkd_pos at)
{
    if (caller->kind != RKD_RAW_CALLER_NONE)
        return rkd_read_fail_at(read, at, read->key,
                                "expected only one of oidc, api_keys_file and easy_auth in a "
                                "caller");
    caller->kind = kind;
    caller->kind_at = at;
    return RK_OK;
}

static enum rk_err read_oidc(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_caller *caller = target;
    struct rkd_raw_oidc *oidc = &caller->oidc;
    enum rk_err err = set_kind(read, caller, RKD_RAW_CALLER_OIDC, value->at);

    if (err != RK_OK)
        return err;
    oidc->at = value->at;
    err = rkd_table_read(read, &rkd_oidc_table, value, oidc);
    if (err == RK_OK && oidc->hs256_secret.bytes.ptr != NULL &&
        (oidc->jwks_uri.text.ptr != NULL || oidc->discovery_url.text.ptr != NULL))
        err = rkd_read_fail_at(read, oidc->hs256_secret.at, RK_STR("hs256_secret_file"),
                               "expected without jwks_uri and discovery_url: a shared secret is no "
                               "public key");
    return err;
}

static enum rk_err read_api_keys(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    enum rk_err err = set_kind(read, target, RKD_RAW_CALLER_API_KEYS, value->at);

    return err == RK_OK ? rkd_read_api_keys(read, value, target) : err;
}

static const struct rkd_key easy_auth_keys[] = {
    {RK_STR_INIT("providers"), rkd_take_list, offsetof(struct rkd_raw_caller, easy_auth_providers),
     true},
};
const struct rkd_table rkd_easy_auth_table = {"callers.easy_auth.", easy_auth_keys,
                                              ARRAY_LEN(easy_auth_keys)};

static enum rk_err read_easy_auth(struct rkd_read *read, const struct rkd_value *value,
                                  void *target)
{
    struct rkd_raw_caller *caller = target;
    enum rk_err err = set_kind(read, caller, RKD_RAW_CALLER_EASY_AUTH, value->at);

    if (err == RK_OK)
        err = rkd_table_read(read, &rkd_easy_auth_table, value, caller);
    if (err == RK_OK && caller->easy_auth_providers.count == 0)
        err = rkd_read_fail_at(read, caller->easy_auth_providers.at, RK_STR("providers"),
                               "expected at least one provider, such as aad");
    return err;
}

/* ---- identity ---- */

static const struct rkd_key identity_keys[] = {
    RKD_KEY_AS(struct rkd_raw_text, "hash", text, rkd_take_text),
};
const struct rkd_table rkd_identity_table = {"callers.identity.", identity_keys,
                                             ARRAY_LEN(identity_keys)};

static enum rk_err read_identity(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_caller *caller = target;

    if (value->kind != RKD_VALUE_MAP)
        return rkd_take_text(read, value, &caller->identity);
    if (value->count == 0)
        return rkd_read_fail(read, value, "expected a template or { hash: TEMPLATE }");
    caller->identity_is_hashed = true;
    return rkd_table_read(read, &rkd_identity_table, value, &caller->identity);
}

static enum rk_err read_devices(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const char *const words[] = {"one", "many"};
    size_t index = 0;
    enum rk_err err =
        rkd_take_word(read, value, words, ARRAY_LEN(words), "expected one or many", &index);

    if (err == RK_OK)
        *(bool *)target = index == 1;
    return err;
}

/* D4: `anonymous` is reserved. Other rooms see names only as they are compared here. */
static enum rk_err read_name(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    enum rk_err err = rkd_take_text(read, value, target);

    if (err == RK_OK && rki_str_equal(value->text, RK_STR("anonymous")))
        err = rkd_read_fail(read, value,
                            "expected another name: this one means callers without a "
                            "credential");
    if (err == RK_OK && value->text.len > 256)
        err = rkd_read_fail(read, value, "expected a name of at most 256 bytes");
    return err;
}

static const struct rkd_key caller_keys[] = {
    RKD_KEY_NEEDED(struct rkd_raw_caller, name, read_name),
    RKD_KEY_WHOLE("oidc", read_oidc),
    RKD_KEY_WHOLE("api_keys_file", read_api_keys),
    RKD_KEY_WHOLE("easy_auth", read_easy_auth),
    RKD_KEY_WHOLE("identity", read_identity),
    RKD_KEY_AS(struct rkd_raw_caller, "devices", devices_many, read_devices),
    RKD_KEY(struct rkd_raw_caller, display_name, rkd_take_list),
    RKD_KEY(struct rkd_raw_caller, attributes, rkd_take_map),
    RKD_KEY(struct rkd_raw_caller, metadata, rkd_take_value),
    RKD_KEY(struct rkd_raw_caller, bind_to_caller_exp, rkd_take_flag),
    RKD_KEY(struct rkd_raw_caller, explain, rkd_take_flag),
    RKD_KEY(struct rkd_raw_caller, shares_identities, rkd_take_flag),
};
const struct rkd_table rkd_caller_table = {"callers.", caller_keys, ARRAY_LEN(caller_keys)};

static enum rk_err read_caller(struct rkd_read *read, const struct rkd_value *value,
                               struct rkd_raw_caller *caller)
{
    enum rk_err err = rkd_table_read(read, &rkd_caller_table, value, caller);

    caller->at = value->at;
    if (err == RK_OK && caller->kind == RKD_RAW_CALLER_NONE)
        err = rkd_read_fail_at(read, value->at, RK_STR("oidc"),
                               "nothing proves this caller: expected one of oidc, api_keys_file "
                               "and easy_auth");
    return err;
}

enum rk_err rkd_read_callers(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw *raw = &((struct rkd_settings *)target)->raw;
    struct rkd_raw_caller *callers;
    enum rk_err err = RK_OK;

    if (value->kind != RKD_VALUE_LIST)
        return rkd_read_fail(read, value, "expected a list of callers (- name: ...)");
    callers = rkd_store_take(read->store, value->count, sizeof(*callers));
    if (callers == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; i < value->count && err == RK_OK; i++) {
        err = read_caller(read, &value->items[i], &callers[i]);
        for (size_t other = 0; other < i && err == RK_OK; other++)
            if (rki_str_equal(callers[other].name.text, callers[i].name.text))
                err = rkd_read_fail_at(read, callers[i].name.at, RK_STR("name"),
                                       "another caller has this name");
    }
    if (err != RK_OK)
        return err;
    raw->callers = callers;
    raw->caller_count = value->count;
    raw->callers_at = value->at;
    return RK_OK;
}
