/*
 * easy_auth.c - the headers with which Azure's front end says who signed in (security.md s.3.3).
 *
 * May touch: its arguments, jansson. They are not signed: they mean something only where the
 * platform sets them and strips what clients send, so identify.c asks for that first.
 */
#include "auth/impl.h"

#include "core/b64.h"
#include "core/json.h"

enum { PRINCIPAL_MAX = 16 * 1024 };

/* Does a caller before this one, or this one before this entry, list the provider? */
static bool is_taken(const struct rkd_auth *auth, size_t caller, size_t entry)
{
    const struct rk_str name = auth->callers[caller].raw->easy_auth_providers.items[entry].text;

    for (size_t i = 0; i <= caller; i++) {
        const struct rkd_raw_list *list = &auth->callers[i].raw->easy_auth_providers;

        for (size_t k = 0; k < (i == caller ? entry : list->count); k++)
            if (rki_str_equal(list->items[k].text, name))
                return true;
    }
    return false;
}

enum rk_err rkd_compile_easy_auth(struct rkd_auth *auth, struct rkd_raw_error *error)
{
    for (size_t i = 0; i < auth->caller_count; i++) {
        const struct rkd_raw_caller *caller = auth->callers[i].raw;
        const struct rkd_raw_list *providers = &caller->easy_auth_providers;

        if (caller->kind != RKD_RAW_CALLER_EASY_AUTH)
            continue;
        if (providers->count == 0)
            return rkd_raw_refuse(error, providers->is_set ? providers->at : caller->kind_at,
                                  "easy_auth.providers", "expected at least one");
        for (size_t k = 0; k < providers->count; k++)
            if (providers->items[k].text.len == 0 || is_taken(auth, i, k))
                return rkd_raw_refuse(error, providers->items[k].at, "easy_auth.providers",
                                      "expected a provider's name, each in one place only");
    }
    return RK_OK;
}

/* The caller that lists the provider; caller_count when none does. */
static size_t find_caller(const struct rkd_auth *auth, struct rk_str idp)
{
    for (size_t i = 0; i < auth->caller_count; i++) {
        const struct rkd_raw_list *providers = &auth->callers[i].raw->easy_auth_providers;

        if (auth->callers[i].kind != RKD_CALLER_EASY_AUTH)
            continue;
        for (size_t k = 0; k < providers->count; k++)
            if (idp.len != 0 && rki_str_equal(providers->items[k].text, idp))
                return i;
    }
    return auth->caller_count;
}

static enum rkd_fault read_document(struct rk_str header, json_t **out)
{
    char text[PRINCIPAL_MAX];
    size_t len = 0;
    enum rk_err err = RK_E_MALFORMED;

    if (header.len != 0)
        err = rki_b64_std_decode(header, text, sizeof(text), &len);
    if (err == RK_OK)
        err = rki_json_parse(rki_str(text, len), 0, out, NULL);
    if (err == RK_OK)
        return RKD_FAULT_NONE;
    return err == RK_E_NOMEM ? RKD_FAULT_MEMORY : RKD_FAULT_PRINCIPAL_FORM;
}

/* The first value of a type is that value, the second makes it a list. */
static enum rkd_fault add_claim(json_t *claims, const char *typ, json_t *val)
{
    json_t *old = json_object_get(claims, typ), *list;

    if (old == NULL)
        return json_object_set(claims, typ, val) == 0 ? RKD_FAULT_NONE : RKD_FAULT_MEMORY;
    if (json_is_array(old))
        return json_array_append(old, val) == 0 ? RKD_FAULT_NONE : RKD_FAULT_MEMORY;
    list = json_array();
    if (list == NULL || json_array_append(list, old) != 0 || json_array_append(list, val) != 0) {
        json_decref(list);
        return RKD_FAULT_MEMORY;
    }
    return json_object_set_new(claims, typ, list) == 0 ? RKD_FAULT_NONE : RKD_FAULT_MEMORY;
}

static enum rkd_fault read_claims(const json_t *document, json_t *claims)
{
    const json_t *list = json_object_get(document, "claims");

    if (!json_is_object(document) || !json_is_array(list))
        return RKD_FAULT_PRINCIPAL_FORM;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *typ = json_object_get(entry, "typ");
        json_t *val = json_object_get(entry, "val");
        enum rkd_fault fault;

        if (!json_is_string(typ) || !json_is_string(val))
            return RKD_FAULT_PRINCIPAL_FORM;
        fault = add_claim(claims, json_string_value(typ), val);
        if (fault != RKD_FAULT_NONE)
            return fault;
    }
    return RKD_FAULT_NONE;
}

/* The object id says who it is; where a provider has none, the name identifier does. */
static bool is_id_of(const json_t *claims, struct rk_str id)
{
    static const char *const types[] = {
        "http://schemas.microsoft.com/identity/claims/objectidentifier",
        "oid",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "sub",
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const json_t *value = json_object_get(claims, types[i]);

        if (value != NULL) /* a list is no id */
            return json_is_string(value) && rki_str_equal(rki_json_str(value), id);
    }
    return false;
}

static enum rkd_fault make_claims(const struct rkd_credentials *credentials, json_t **out)
{
    const struct rk_str id = credentials->principal_id;
    json_t *document = NULL, *claims = json_object(), *sub = NULL;
    enum rkd_fault fault = read_document(credentials->principal, &document);

    if (claims == NULL)
        fault = RKD_FAULT_MEMORY;
    if (fault == RKD_FAULT_NONE)
        fault = read_claims(document, claims);
    json_decref(document);
    if (fault == RKD_FAULT_NONE && (!rkd_is_subject(id) || !is_id_of(claims, id)))
        fault = RKD_FAULT_PRINCIPAL_ID;
    if (fault == RKD_FAULT_NONE) {
        sub = json_stringn(id.ptr, id.len);
        if (sub == NULL || json_object_set_new(claims, "sub", sub) != 0)
            fault = RKD_FAULT_MEMORY;
    }
    if (fault != RKD_FAULT_NONE) {
        json_decref(claims);
        return fault;
    }
    *out = claims;
    return RKD_FAULT_NONE;
}

enum rkd_fault rkd_easy_auth_identify(const struct rkd_job *job, size_t *index)
{
    const struct rkd_credentials *credentials = job->in->credentials;
    const size_t found = find_caller(job->auth, credentials->principal_idp);
    json_t *claims = NULL;
    enum rkd_fault fault;

    if (found == job->auth->caller_count)
        return RKD_FAULT_PRINCIPAL_IDP;
    fault = make_claims(credentials, &claims);
    if (fault != RKD_FAULT_NONE)
        return fault;
    *index = found;
    job->caller->kind = RKD_CALLER_EASY_AUTH;
    job->caller->claims = claims;
    job->caller->owned_claims = claims;
    job->caller->subject = rki_json_str(json_object_get(claims, "sub"));
    return RKD_FAULT_NONE;
}
