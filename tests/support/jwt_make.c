/*
 * jwt_make.c - see jwt_make.h.
 */
#include "jwt_make.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/b64.h"

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void put_octets(struct rki_buf *buf, const char *name, const uint8_t *bytes, size_t len)
{
    rki_buf_lit(buf, ",\"");
    rki_buf_put(buf, rki_cstr(name));
    rki_buf_lit(buf, "\":\"");
    rki_b64url_encode(buf, rki_str((const char *)bytes, len));
    rki_buf_lit(buf, "\"");
}

static void put_number(struct rki_buf *buf, const EVP_PKEY *pkey, const char *name,
                       const char *param, int len)
{
    BIGNUM *number = NULL;
    uint8_t bytes[1024];

    MUST(EVP_PKEY_get_bn_param(pkey, param, &number) == 1);
    if (len == 0)
        len = BN_num_bytes(number);
    MUST(BN_bn2binpad(number, bytes, len) == len);
    put_octets(buf, name, bytes, (size_t)len);
    BN_free(number);
}

static void describe(struct jwt_key *key, const char *kind)
{
    struct rki_buf buf = rki_buf_over(key->jwk, sizeof(key->jwk) - 1);
    uint8_t raw[32];
    size_t len = sizeof(raw);
    int bytes = (EVP_PKEY_get_bits(key->pkey) + 7) / 8;

    if (strncmp(kind, "RSA", 3) == 0) {
        rki_buf_lit(&buf, "\"kty\":\"RSA\"");
        put_number(&buf, key->pkey, "n", OSSL_PKEY_PARAM_RSA_N, 0);
        put_number(&buf, key->pkey, "e", OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (kind[0] == 'P') {
        rki_buf_lit(&buf, "\"kty\":\"EC\",\"crv\":\"");
        rki_buf_put(&buf, rki_cstr(kind));
        rki_buf_lit(&buf, "\"");
        put_number(&buf, key->pkey, "x", OSSL_PKEY_PARAM_EC_PUB_X, bytes);
        put_number(&buf, key->pkey, "y", OSSL_PKEY_PARAM_EC_PUB_Y, bytes);
    } else {
        rki_buf_lit(&buf, "\"kty\":\"OKP\",\"crv\":\"Ed25519\"");
        MUST(EVP_PKEY_get_raw_public_key(key->pkey, raw, &len) == 1);
        put_octets(&buf, "x", raw, len);
    }
    MUST(!buf.overflow);
    key->jwk[buf.len] = '\0';
}

struct jwt_key *jwt_key_new(const char *kind)
{
    struct jwt_key *key = calloc(1, sizeof(*key));

    MUST(key != NULL);
    if (strncmp(kind, "RSA-", 4) == 0)
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
    else if (kind[0] == 'P')
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    else
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    MUST(key->pkey != NULL);
    describe(key, kind);
    return key;
}

void jwt_key_free(struct jwt_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

void jwt_key_put(const struct jwt_key *key, const char *extra, struct rki_buf *out)
{
    rki_buf_lit(out, "{");
    rki_buf_put(out, rki_cstr(key->jwk));
    if (extra[0] != '\0')
        rki_buf_lit(out, ",");
    rki_buf_put(out, rki_cstr(extra));
    rki_buf_lit(out, "}");
}

static const EVP_MD *digest_of(const char *alg)
{
    if (strcmp(alg, "EdDSA") == 0)
        return NULL;
    return strstr(alg, "512") != NULL   ? EVP_sha512()
           : strstr(alg, "384") != NULL ? EVP_sha384()
                                        : EVP_sha256();
}

static size_t from_der(const struct jwt_key *key, const uint8_t *der, size_t len, uint8_t *out)
{
    const int half = (EVP_PKEY_get_bits(key->pkey) + 7) / 8;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

    MUST(sig != NULL);
    MUST(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, half) == half);
    MUST(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, half) == half);
    ECDSA_SIG_free(sig);
    return 2 * (size_t)half;
}

size_t jwt_sign(const struct jwt_key *key, const char *alg, struct rk_str text, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    uint8_t raw[1024];
    size_t len = sizeof(raw);

    MUST(ctx != NULL && EVP_DigestSignInit(ctx, &pctx, digest_of(alg), NULL, key->pkey) == 1);
    if (alg[0] == 'P') {
        MUST(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
        MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    MUST(EVP_DigestSign(ctx, raw, &len, (const uint8_t *)text.ptr, text.len) == 1);
    EVP_MD_CTX_free(ctx);
    if (alg[0] == 'E' && alg[1] == 'S')
        return from_der(key, raw, len, out);
    MUST(len <= 512);
    memcpy(out, raw, len);
    return len;
}

static struct rki_buf start(struct rk_str header, struct rk_str payload)
{
    const size_t cap = 2 * (header.len + payload.len) + 1024;
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);

    MUST(buf.ptr != NULL);
    rki_b64url_encode(&buf, header);
    rki_buf_lit(&buf, ".");
    rki_b64url_encode(&buf, payload);
    return buf;
}

static char *finish(struct rki_buf *buf, struct rk_str signature)
{
    rki_buf_lit(buf, ".");
    rki_b64url_encode(buf, signature);
    rki_buf_char(buf, '\0');
    MUST(!buf->overflow);
    return buf->ptr;
}

char *jwt_make(const struct jwt_key *key, const char *alg, struct rk_str header,
               struct rk_str payload)
{
    struct rki_buf buf = start(header, payload);
    uint8_t signature[512];
    const size_t len = jwt_sign(key, alg, rki_buf_str(&buf), signature);

    return finish(&buf, rki_str((const char *)signature, len));
}

char *jwt_make_hmac(struct rk_str secret, const char *digest, struct rk_str header,
                    struct rk_str payload)
{
    struct rki_buf buf = start(header, payload);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *md = EVP_get_digestbyname(digest);

    MUST(md != NULL && HMAC(md, secret.len == 0 ? "" : secret.ptr, (int)secret.len,
                            (const uint8_t *)buf.ptr, buf.len, mac, &len) != NULL);
    return finish(&buf, rki_str((const char *)mac, len));
}

char *jwt_join(struct rk_str header, struct rk_str payload, struct rk_str signature)
{
    struct rki_buf buf = start(header, payload);

    return finish(&buf, signature);
}

static void put_pkcs1(const struct jwt_key *key, BIO *bio)
{
    uint8_t *der = NULL;
    const int len = i2d_PublicKey(key->pkey, &der);

    MUST(len > 0 && PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len) > 0);
    OPENSSL_free(der);
}

struct rk_str jwt_key_export(const struct jwt_key *key, const char *form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL, *copy;
    long len;

    MUST(bio != NULL);
    if (strcmp(form, "PEM") == 0)
        MUST(PEM_write_bio_PUBKEY(bio, key->pkey) == 1);
    else if (strcmp(form, "DER") == 0)
        MUST(i2d_PUBKEY_bio(bio, key->pkey) == 1);
    else
        put_pkcs1(key, bio);
    len = BIO_get_mem_data(bio, &bytes);
    copy = malloc((size_t)len);
    MUST(copy != NULL);
    memcpy(copy, bytes, (size_t)len);
    BIO_free(bio);
    return rki_str(copy, (size_t)len);
}
