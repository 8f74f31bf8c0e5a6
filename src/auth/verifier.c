/*
 * verifier.c - signatures, with everything that can be kept from one to the next kept.
 *
 * May touch: its own contexts, malloc, libcrypto. One verifier a thread; keys are shared between
 * them and only read. Making a context costs as much as a fifth of an RSA verification, which is
 * why one is kept for each key and algorithm (design s.8).
 */
#include "auth/verifier.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

enum { DER_MAX = 8 + 2 * 67 }; /* two integers of P-521 in a sequence */

enum rk_err rkd_verifier_new(struct rkd_verifier **out)
{
    static const char *const names[] = {
        [RKD_SHA256] = "SHA256", [RKD_SHA384] = "SHA384", [RKD_SHA512] = "SHA512"};
    struct rkd_verifier *verifier = calloc(1, sizeof(*verifier));
    bool good;

    if (verifier == NULL)
        return RK_E_NOMEM;
    verifier->hash = EVP_MD_CTX_new();
    good = verifier->hash != NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        verifier->digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
        good = good && verifier->digests[i] != NULL;
    }
    if (!good) {
        rkd_verifier_free(verifier);
        return RK_E_CRYPTO;
    }
    *out = verifier;
    return RK_OK;
}

static void forget(struct rkd_kept *kept)
{
    EVP_PKEY_CTX_free(kept->ctx);
    EVP_MD_CTX_free(kept->one_shot);
    EVP_PKEY_free(kept->pkey);
    *kept = (struct rkd_kept){.pkey = NULL};
}

void rkd_verifier_free(struct rkd_verifier *verifier)
{
    if (verifier == NULL)
        return;
    for (size_t i = 0; i < RKD_KEPT_MAX; i++)
        forget(&verifier->kept[i]);
    for (size_t i = 0; i < RKD_DIGEST_COUNT; i++)
        EVP_MD_free(verifier->digests[i]);
    EVP_MD_CTX_free(verifier->hash);
    rk_wipe(verifier->payload, sizeof(verifier->payload)); /* somebody's claims */
    free(verifier);
}

/* ---- contexts ---- */

static bool set_up_pss(EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
    /* the length is set, not found out: AUTO takes any salt (security.md s.1.4) */
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static EVP_PKEY_CTX *make_ctx(EVP_PKEY *pkey, const struct rkd_alg_info *info, const EVP_MD *md)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;

    if (good && info->key == RKD_KEY_RSA && !info->is_pss)
        good = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    good = good && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
    if (good && info->is_pss)
        good = set_up_pss(ctx, md);
    if (good)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return NULL;
}

static struct rkd_kept *make_kept(struct rkd_verifier *verifier, struct rkd_kept *place,
                                  const struct rkd_public_key *key, enum rkd_alg alg)
{
    const struct rkd_alg_info *info = rkd_alg_info(alg);

    forget(place);
    if (alg == RKD_ALG_EDDSA)
        place->one_shot = EVP_MD_CTX_new();
    else
        place->ctx = make_ctx(key->pkey, info, verifier->digests[info->digest]);
    if ((place->ctx == NULL && place->one_shot == NULL) || EVP_PKEY_up_ref(key->pkey) != 1) {
        forget(place);
        return NULL;
    }
    place->pkey = key->pkey;
    place->alg = alg;
    return place;
}

static struct rkd_kept *kept_for(struct rkd_verifier *verifier, const struct rkd_public_key *key,
                                 enum rkd_alg alg)
{
    struct rkd_kept *found = NULL, *oldest = &verifier->kept[0];

    for (size_t i = 0; i < RKD_KEPT_MAX && found == NULL; i++) {
        struct rkd_kept *kept = &verifier->kept[i];

        if (kept->pkey == key->pkey && kept->alg == alg)
            found = kept;
        if (kept->used_at < oldest->used_at)
            oldest = kept;
    }
    if (found == NULL)
        found = make_kept(verifier, oldest, key, alg);
    if (found != NULL)
        found->used_at = ++verifier->turn;
    return found;
}

/* ---- signatures ---- */

/* The orders of the curves, big-endian. */
static const uint8_t order_p256[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t order_p384[48] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};
static const uint8_t order_p521[66] = {
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b,
    0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c,
    0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09};

static const uint8_t *order_of(enum rkd_key_type type)
{
    switch (type) {
    case RKD_KEY_P256:
        return order_p256;
    case RKD_KEY_P384:
        return order_p384;
    case RKD_KEY_P521:
        return order_p521;
    case RKD_KEY_NONE:
    case RKD_KEY_RSA:
    case RKD_KEY_ED25519:
        break;
    }
    return NULL;
}

/* 1 <= number < order, checked before libcrypto sees it ("psychic signatures", CVE-2022-21449). */
static bool is_in_range(const uint8_t *number, const uint8_t *order, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= number[i];
    return any != 0 && memcmp(number, order, len) < 0; /* public numbers */
}

/* An INTEGER: no zeros in front but the one that keeps it positive. */
static size_t put_integer(uint8_t *out, const uint8_t *number, size_t len)
{
    size_t pad;

    while (len > 1 && number[0] == 0) {
        number++;
        len--;
    }
    pad = number[0] >> 7;
    out[0] = 0x02;
    out[1] = (uint8_t)(len + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number, len);
    return 2 + pad + len;
}

/*
 * r || s becomes what libcrypto reads, SEQUENCE { r, s }. By hand: ECDSA_SIG and i2d would take six
 * allocations a request for these twenty lines. 0: out of range.
 */
static size_t to_der(const struct rkd_public_key *key, const uint8_t *raw, uint8_t out[DER_MAX])
{
    const uint8_t *order = order_of(key->type);
    const size_t half = key->size / 2;
    uint8_t body[DER_MAX];
    size_t len, at = 0;

    if (order == NULL || !is_in_range(raw, order, half) || !is_in_range(raw + half, order, half))
        return 0;
    len = put_integer(body, raw, half);
    len += put_integer(body + len, raw + half, half);
    out[at++] = 0x30;
    if (len > 127)
        out[at++] = 0x81;
    out[at++] = (uint8_t)len;
    memcpy(out + at, body, len);
    return at + len;
}

/* `out` has room for the digest. */
static bool digest(struct rkd_verifier *verifier, enum rkd_digest which, struct rk_str text,
                   uint8_t *out, unsigned *out_len)
{
    return EVP_DigestInit_ex2(verifier->hash, verifier->digests[which], NULL) == 1 &&
           EVP_DigestUpdate(verifier->hash, text.ptr, text.len) == 1 &&
           EVP_DigestFinal_ex(verifier->hash, out, out_len) == 1;
}

enum rk_err rkd_verifier_sha256(struct rkd_verifier *verifier, struct rk_str text, uint8_t out[32])
{
    unsigned len = 0;

    return digest(verifier, RKD_SHA256, text, out, &len) && len == 32 ? RK_OK : RK_E_CRYPTO;
}

static enum rk_err check_kept(struct rkd_verifier *verifier, struct rkd_kept *kept,
                              const struct rkd_public_key *key, struct rk_str text,
                              const uint8_t *signature)
{
    uint8_t hash[EVP_MAX_MD_SIZE], der[DER_MAX];
    size_t len = key->size;
    unsigned hash_len = 0;

    if (kept->one_shot != NULL) { /* started anew: later versions end a context with its verdict */
        if (EVP_DigestVerifyInit_ex(kept->one_shot, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1)
            return RK_E_CRYPTO;
        return EVP_DigestVerify(kept->one_shot, signature, len, (const uint8_t *)text.ptr,
                                text.len) == 1
                   ? RK_OK
                   : RK_E_SIGNATURE;
    }
    if (key->type != RKD_KEY_RSA) {
        len = to_der(key, signature, der);
        if (len == 0)
            return RK_E_SIGNATURE;
        signature = der;
    }
    if (!digest(verifier, rkd_alg_info(kept->alg)->digest, text, hash, &hash_len))
        return RK_E_CRYPTO;
    return EVP_PKEY_verify(kept->ctx, signature, len, hash, hash_len) == 1 ? RK_OK : RK_E_SIGNATURE;
}

enum rk_err rkd_verifier_check(struct rkd_verifier *verifier, const struct rkd_public_key *key,
                               enum rkd_alg alg, struct rk_str text, struct rk_str signature)
{
    struct rkd_kept *kept;
    enum rk_err err;

    /* asked again here: this is the last place that can tell a key from another kind of key */
    if (key->type == RKD_KEY_NONE || key->type != rkd_alg_info(alg)->key ||
        signature.len != key->size)
        return RK_E_SIGNATURE;
    kept = kept_for(verifier, key, alg);
    if (kept == NULL)
        return RK_E_NOMEM;
    err = check_kept(verifier, kept, key, text, (const uint8_t *)signature.ptr);
    if (err != RK_OK)
        ERR_clear_error();
    return err;
}

/* ---- headers ---- */

bool rkd_verifier_recall(const struct rkd_verifier *verifier, struct rk_str text,
                         struct rkd_header *out)
{
    for (size_t i = 0; i < RKD_MEMO_MAX; i++) {
        const struct rkd_memo *memo = &verifier->memos[i];

        if (memo->text_len != 0 && rki_str_equal(rki_str(memo->text, memo->text_len), text)) {
            *out = memo->header;
            return true;
        }
    }
    return false;
}

void rkd_verifier_remember(struct rkd_verifier *verifier, struct rk_str text,
                           const struct rkd_header *header)
{
    struct rkd_memo *memo = &verifier->memos[verifier->memo_next];
    struct rkd_header known;

    if (text.len > sizeof(memo->text) || rkd_verifier_recall(verifier, text, &known))
        return;
    memcpy(memo->text, text.ptr, text.len);
    memo->text_len = text.len;
    memo->header = *header;
    verifier->memo_next = (verifier->memo_next + 1) % RKD_MEMO_MAX;
}
