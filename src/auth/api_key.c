/*
 * api_key.c - API keys: found by the SHA-256 of the whole key, compared in constant time (D3).
 *
 * May touch: its arguments, malloc when compiling, libcrypto through the verifier. The secret has
 * 256 bits, so a slow hash would add nothing but a lever for strangers (security.md s.3.1).
 */
#include "auth/impl.h"

#include "model/value_json.h"

#include <stdlib.h>

static int by_hash(const void *a, const void *b)
{
    const struct rkd_api_key *x = a, *y = b;
    const int order = memcmp(x->raw->sha256, y->raw->sha256, sizeof(x->raw->sha256));

    if (order != 0)
        return order;
    if (x->caller != y->caller)
        return x->caller < y->caller ? -1 : 1;
    return (x->raw > y->raw) - (x->raw < y->raw); /* one array: the order of the file */
}

static enum rk_err add_key(struct rkd_auth *auth, size_t caller, const struct rkd_raw_api_key *raw,
                           struct rkd_raw_error *error)
{
    static const struct rkd_value none = {.kind = RKD_VALUE_MAP};
    const struct rkd_value *claims = raw->claims.kind == RKD_VALUE_NONE ? &none : &raw->claims;
    struct rkd_api_key *key = &auth->keys[auth->key_count];
    json_t *name;
    enum rk_err err;

    if (!rkd_is_subject(raw->name.text))
        return rkd_raw_refuse(error, raw->name.at, "api_keys_file",
                              "expected a name of 1 to 256 bytes without control characters");
    if (claims->kind != RKD_VALUE_MAP)
        return rkd_raw_refuse(error, claims->at, "claims", "expected a map");
    for (size_t i = 0; i < claims->count; i++)
        if (rki_str_equal(claims->members[i].key, RK_STR("sub")))
            return rkd_raw_refuse(error, claims->members[i].at, "claims.sub",
                                  "not here: {sub} of a key is its name");
    err = rkd_value_to_json(claims, "claims", &key->claims, error);
    if (err != RK_OK)
        return err;
    key->raw = raw;
    key->caller = caller;
    auth->key_count++; /* from here on rkd_auth_free gives it back */
    name = json_stringn(raw->name.text.ptr, raw->name.text.len);
    return name != NULL && json_object_set_new(key->claims, "sub", name) == 0 ? RK_OK : RK_E_NOMEM;
}

enum rk_err rkd_compile_keys(struct rkd_auth *auth, struct rkd_raw_error *error)
{
    size_t count = 0;
    enum rk_err err = RK_OK;

    for (size_t i = 0; i < auth->caller_count; i++)
        count += auth->callers[i].raw->key_count;
    auth->keys = calloc(count + 1, sizeof(*auth->keys));
    if (auth->keys == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < auth->caller_count; i++)
        for (size_t k = 0; k < auth->callers[i].raw->key_count && err == RK_OK; k++)
            err = add_key(auth, i, &auth->callers[i].raw->keys[k], error);
    if (err != RK_OK)
        return err;
    qsort(auth->keys, auth->key_count, sizeof(*auth->keys), by_hash);
    for (size_t i = 1; i < auth->key_count; i++)
        if (memcmp(auth->keys[i - 1].raw->sha256, auth->keys[i].raw->sha256, 32) == 0)
            return rkd_raw_refuse(error, auth->keys[i].raw->sha256_at, "sha256",
                                  "another key has this hash");
    return RK_OK;
}

/*
 * The last key whose hash is not above `hash`. As many steps for every hash, and one comparison of
 * whole hashes at the end whether there is something to find or not.
 */
static const struct rkd_api_key *find(const struct rkd_auth *auth, const uint8_t hash[32])
{
    const struct rkd_api_key *base = auth->keys;
    const uint8_t *candidate;
    bool is_equal;

    for (size_t left = auth->key_count; left > 1;) {
        const size_t half = left / 2;

        if (memcmp(base[half].raw->sha256, hash, 32) <= 0)
            base += half;
        left -= half;
    }
    candidate = auth->key_count == 0 ? hash : base->raw->sha256;
    is_equal = rk_ct_equal(rki_str((const char *)candidate, 32), rki_str((const char *)hash, 32));
    return is_equal && auth->key_count != 0 ? base : NULL;
}

enum rkd_fault rkd_api_key_identify(const struct rkd_job *job, struct rk_str text, size_t *index)
{
    const struct rkd_api_key *key;
    uint8_t hash[32];

    if (text.len > RKD_BEARER_MAX || !rki_str_starts_with(text, RK_STR("rk_")))
        return RKD_FAULT_KEY_UNKNOWN;
    if (rkd_verifier_sha256(job->verifier, text, hash) != RK_OK)
        return RKD_FAULT_MEMORY;
    key = find(job->auth, hash);
    if (key == NULL)
        return RKD_FAULT_KEY_UNKNOWN;
    if (key->raw->expires_s != 0 && job->in->now_s >= key->raw->expires_s)
        return RKD_FAULT_KEY_EXPIRED;
    *index = key->caller;
    job->caller->kind = RKD_CALLER_API_KEY;
    job->caller->subject = key->raw->name.text;
    job->caller->claims = key->claims;
    job->caller->expires_s = key->raw->expires_s;
    return RKD_FAULT_NONE;
}
