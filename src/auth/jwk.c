/*
 * jwk.c - which JWKs are keys we verify with (RFC 7517, security.md s.1.5, "per key").
 *
 * May touch: its arguments, malloc, libcrypto through jwk_key.c. x5c, x5t, x5u and everything else
 * a JWK may hold is ignored.
 */
#include "auth/keyset.h"

#include "core/json.h"
#include "core/utf8.h"

#include <stdlib.h>

/* No control characters: a kid is looked up and logged, and that is all. */
static bool is_kid(struct rk_str kid)
{
    for (size_t i = 0; i < kid.len; i++)
        if ((unsigned char)kid.ptr[i] < 0x20 || kid.ptr[i] == 0x7f)
            return false;
    return kid.len >= 1 && kid.len <= RKD_KID_MAX;
}

static enum rkd_key_type type_of(const json_t *jwk)
{
    static const struct {
        struct rk_str kty, crv;
        enum rkd_key_type type;
    } rows[] = {
        {RK_STR_INIT("EC"), RK_STR_INIT("P-256"), RKD_KEY_P256},
        {RK_STR_INIT("EC"), RK_STR_INIT("P-384"), RKD_KEY_P384},
        {RK_STR_INIT("EC"), RK_STR_INIT("P-521"), RKD_KEY_P521},
        {RK_STR_INIT("OKP"), RK_STR_INIT("Ed25519"), RKD_KEY_ED25519},
    };
    struct rk_str kty = rki_json_str(json_object_get(jwk, "kty"));
    struct rk_str crv = rki_json_str(json_object_get(jwk, "crv"));

    if (rki_str_equal(kty, RK_STR("RSA")))
        return RKD_KEY_RSA;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rki_str_equal(kty, rows[i].kty) && rki_str_equal(crv, rows[i].crv))
            return rows[i].type;
    return RKD_KEY_NONE; /* oct among them: a published secret is none */
}

static bool has_private_member(const json_t *jwk)
{
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_object_get(jwk, names[i]) != NULL)
            return true;
    return false;
}

/* `use` absent or sig; `key_ops` absent or with verify in it. */
static bool is_for_verifying(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops");
    bool verifies = ops == NULL;

    if (use != NULL && !rki_str_equal(rki_json_str(use), RK_STR("sig")))
        return false;
    for (size_t i = 0; i < json_array_size(ops); i++)
        verifies =
            verifies || rki_str_equal(rki_json_str(json_array_get(ops, i)), RK_STR("verify"));
    return verifies;
}

/* An absent alg pins nothing (Entra); one that is there pins the key to it. */
static bool read_alg(const json_t *jwk, struct rkd_public_key *out)
{
    const json_t *alg = json_object_get(jwk, "alg");

    if (alg == NULL)
        return true;
    out->pinned = rkd_alg_by_name(rki_json_str(alg));
    return out->pinned != RKD_ALG_NONE && rkd_alg_info(out->pinned)->key == out->type;
}

static enum rk_err keep_text(struct rkd_public_key *out, struct rk_str kid, struct rk_str issuer)
{
    if (kid.ptr == NULL && issuer.ptr == NULL)
        return RK_OK;
    out->text = malloc(kid.len + issuer.len + 1);
    if (out->text == NULL)
        return RK_E_NOMEM;
    if (kid.ptr != NULL) {
        memcpy(out->text, kid.ptr, kid.len);
        out->kid = rki_str(out->text, kid.len);
    }
    if (issuer.ptr != NULL) {
        memcpy(out->text + kid.len, issuer.ptr, issuer.len);
        out->issuer = rki_str(out->text + kid.len, issuer.len);
    }
    return RK_OK;
}

/* NULL: everything but the numbers is in order. */
static const char *fault_of(const json_t *jwk, struct rkd_public_key *out)
{
    const json_t *kid = json_object_get(jwk, "kid");

    if (!json_is_object(jwk))
        return "jwk.type";
    if (has_private_member(jwk))
        return "jwk.private";
    out->type = type_of(jwk);
    if (out->type == RKD_KEY_NONE)
        return "jwk.kty";
    if (!is_for_verifying(jwk))
        return "jwk.use";
    if (!read_alg(jwk, out))
        return "jwk.alg";
    if (kid != NULL && !is_kid(rki_json_str(kid)))
        return "jwk.kid";
    return NULL;
}

enum rk_err rkd_jwk_read(const json_t *jwk, struct rkd_public_key *out, const char **out_reason)
{
    struct rkd_public_key key = {.type = RKD_KEY_NONE};
    const char *reason = fault_of(jwk, &key);
    enum rk_err err = reason == NULL ? rkd_jwk_make_key(jwk, &key) : RK_E_INVAL;

    *out = (struct rkd_public_key){.type = RKD_KEY_NONE};
    if (err == RK_OK)
        err = keep_text(&key, rki_json_str(json_object_get(jwk, "kid")),
                        rki_json_str(json_object_get(jwk, "issuer")));
    if (err != RK_OK) {
        *out_reason = reason == NULL ? "jwk.key" : reason;
        rkd_public_key_clear(&key);
        return err;
    }
    *out = key;
    return RK_OK;
}

void rkd_public_key_clear(struct rkd_public_key *key)
{
    EVP_PKEY_free(key->pkey);
    free(key->text);
    *key = (struct rkd_public_key){.type = RKD_KEY_NONE};
}
