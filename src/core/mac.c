/*
 * mac.c - HMAC-SHA-256 over libcrypto's EVP_MAC.
 *
 * May touch: its arguments, libcrypto. One-shot HMAC() costs three times as much; keying a context
 * once and starting it again with a NULL key is the cheap way OpenSSL 3 has.
 */
#include "core/mac.h"

#include "core/key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

struct rki_mac {
    EVP_MAC_CTX *ctx;
};

/* libcrypto's objects may fail to come for want of memory, but it does not tell that apart. */
static enum rk_err make_ctx(struct rk_str secret, EVP_MAC_CTX **out_ctx)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    enum rk_err err = RK_E_CRYPTO;

    if (ctx == NULL)
        goto out;
    if (EVP_MAC_init(ctx, (const unsigned char *)secret.ptr, secret.len, params) != 1)
        goto out;
    *out_ctx = ctx;
    ctx = NULL;
    err = RK_OK;
out:
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac); /* the context holds its own reference */
    return err;
}

enum rk_err rki_mac_new(const struct rk_key *key, struct rki_mac **out_mac)
{
    struct rki_mac *mac = malloc(sizeof(*mac));
    enum rk_err err;

    if (mac == NULL)
        return RK_E_NOMEM;
    err = make_ctx(rki_key_secret(key), &mac->ctx);
    if (err != RK_OK) {
        free(mac);
        return err;
    }
    *out_mac = mac;
    return RK_OK;
}

enum rk_err rki_mac_run(struct rki_mac *mac, struct rk_str data, unsigned char out[RKI_MAC_SIZE])
{
    size_t len = 0;

    if (EVP_MAC_init(mac->ctx, NULL, 0, NULL) != 1)
        return RK_E_CRYPTO;
    if (EVP_MAC_update(mac->ctx, (const unsigned char *)data.ptr, data.len) != 1)
        return RK_E_CRYPTO;
    if (EVP_MAC_final(mac->ctx, out, &len, RKI_MAC_SIZE) != 1 || len != RKI_MAC_SIZE)
        return RK_E_CRYPTO;
    return RK_OK;
}

void rki_mac_free(struct rki_mac *mac)
{
    if (mac == NULL)
        return;
    EVP_MAC_CTX_free(mac->ctx); /* wipes the keyed state */
    free(mac);
}
