/*
 * jwk_key.c - turns the numbers of a JWK into a public key of libcrypto, or refuses them.
 *
 * May touch: its arguments, libcrypto. Sizes are checked before libcrypto sees a number: large
 * moduli and exponents are a trap for CPU time (CVE-2023-6237), e = 1 forges everything.
 */
#include "auth/keyset.h"

#include "core/b64.h"
#include "core/json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

enum {
    RSA_BYTES_MIN = 256, /* 2048 bits */
    RSA_BYTES_MAX = 512, /* 4096 bits */
    COORDINATE_MAX = 66, /* P-521 */
    ED25519_BYTES = 32,
};

/* The member's bytes: canonical base64url, `cap` at most. 0: absent, of another type, too long. */
static size_t octets(const json_t *jwk, const char *name, uint8_t *out, size_t cap)
{
    size_t len = 0;
    struct rk_str text = rki_json_str(json_object_get(jwk, name));

    if (text.ptr == NULL || rki_b64url_decode(text, out, cap, &len) != RK_OK)
        return 0;
    return len;
}

/* libcrypto says no in one way for a bad key and for no memory; the queue tells them apart. */
static enum rk_err why(void)
{
    const bool is_memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;

    ERR_clear_error();
    return is_memory ? RK_E_NOMEM : RK_E_INVAL;
}

static enum rk_err from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;
    enum rk_err err = RK_E_NOMEM;

    if (ctx == NULL)
        return err;
    if (EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        err = why();
    } else {
        *out = pkey;
        err = RK_OK;
    }
    EVP_PKEY_CTX_free(ctx);
    return err;
}

static enum rk_err make_rsa(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
                            EVP_PKEY **out)
{
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    enum rk_err err = RK_E_NOMEM;

    if (modulus != NULL && exponent != NULL && build != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    if (params != NULL)
        err = from_params("RSA", params, out);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(exponent);
    BN_free(modulus);
    return err;
}

static enum rk_err read_rsa(const json_t *jwk, struct rkd_public_key *out)
{
    uint8_t n[RSA_BYTES_MAX], e[4];
    size_t n_len = octets(jwk, "n", n, sizeof(n));
    size_t e_len = octets(jwk, "e", e, sizeof(e));
    uint32_t exponent = 0;

    /* 2048 bits: with 256 bytes the first bit must be set. RFC 7518 s.6.3.1: no zero in front. */
    if (n_len < RSA_BYTES_MIN || n[0] == 0 || (n_len == RSA_BYTES_MIN && n[0] < 0x80))
        return RK_E_INVAL;
    if ((n[n_len - 1] & 1) == 0 || e_len == 0 || e[0] == 0)
        return RK_E_INVAL;
    for (size_t i = 0; i < e_len; i++)
        exponent = exponent << 8 | e[i];
    if (exponent < 65537 || (exponent & 1) == 0)
        return RK_E_INVAL;
    out->size = n_len;
    return make_rsa(n, n_len, e, e_len, &out->pkey);
}

/* fromdata checks that the point lies on the curve; infinity has no form of this length. */
static enum rk_err read_ec(const json_t *jwk, struct rkd_public_key *out)
{
    static const struct {
        const char *group;
        size_t bytes;
    } curves[] = {[RKD_KEY_P256] = {"P-256", 32},
                  [RKD_KEY_P384] = {"P-384", 48},
                  [RKD_KEY_P521] = {"P-521", 66}};
    const size_t bytes = curves[out->type].bytes;
    uint8_t point[1 + 2 * COORDINATE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    char group[sizeof("P-256")];
    OSSL_PARAM params[3];

    if (octets(jwk, "x", point + 1, bytes) != bytes ||
        octets(jwk, "y", point + 1 + bytes, bytes) != bytes)
        return RK_E_INVAL;
    memcpy(group, curves[out->type].group, sizeof(group));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * bytes);
    params[2] = OSSL_PARAM_construct_end();
    out->size = 2 * bytes;
    return from_params("EC", params, &out->pkey);
}

/*
 * Points of order 1, 2, 4 and 8 and their second spellings, the sign bit aside: under such a key a
 * signature nobody made verifies. Source: the list of libsodium's ge25519_has_small_order.
 */
static bool is_small_order(const uint8_t key[ED25519_BYTES])
{
    static const uint8_t list[][ED25519_BYTES] = {
        {0},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };

    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (memcmp(list[i], key, ED25519_BYTES - 1) == 0 &&
            list[i][ED25519_BYTES - 1] == (key[ED25519_BYTES - 1] & 0x7f))
            return true;
    return false;
}

static enum rk_err read_ed25519(const json_t *jwk, struct rkd_public_key *out)
{
    uint8_t key[ED25519_BYTES];

    if (octets(jwk, "x", key, sizeof(key)) != sizeof(key) || is_small_order(key))
        return RK_E_INVAL;
    out->size = 64;
    out->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key, sizeof(key));
    return out->pkey != NULL ? RK_OK : why();
}

enum rk_err rkd_jwk_make_key(const json_t *jwk, struct rkd_public_key *out)
{
    switch (out->type) {
    case RKD_KEY_RSA:
        return read_rsa(jwk, out);
    case RKD_KEY_P256:
    case RKD_KEY_P384:
    case RKD_KEY_P521:
        return read_ec(jwk, out);
    case RKD_KEY_ED25519:
        return read_ed25519(jwk, out);
    case RKD_KEY_NONE:
        break;
    }
    return RK_E_INVAL;
}
