/*
 * hs256.c - checks HS256 under an issuer's secret. May touch: its arguments, malloc, core's HMAC.
 */
#include "auth/hs256.h"

#include "core/mac.h"

#include <stdlib.h>

struct rkd_hs256_secret {
    struct rk_key *key; /* keeps the bytes where secrets live, and wipes them */
};

enum rk_err rkd_hs256_secret_new(struct rk_str bytes, struct rkd_hs256_secret **out)
{
    struct rkd_hs256_secret *secret;
    enum rk_err err;

    if (bytes.len < RKD_HS256_SECRET_MIN)
        return RK_E_KEY;
    secret = calloc(1, sizeof(*secret));
    if (secret == NULL)
        return RK_E_NOMEM;
    err = rk_key_new(RK_STR("hs256"), bytes, &secret->key);
    if (err != RK_OK) {
        free(secret);
        return err;
    }
    *out = secret;
    return RK_OK;
}

void rkd_hs256_secret_free(struct rkd_hs256_secret *secret)
{
    if (secret == NULL)
        return;
    rk_key_free(secret->key);
    free(secret);
}

enum rk_err rkd_hs256_check(const struct rkd_hs256_secret *secret, struct rk_str signed_text,
                            struct rk_str mac)
{
    unsigned char ours[RKI_MAC_SIZE];
    struct rki_mac *context = NULL;
    enum rk_err err;

    if (mac.len != sizeof(ours))
        return RK_E_SIGNATURE;
    err = rki_mac_new(secret->key, &context);
    if (err == RK_OK)
        err = rki_mac_run(context, signed_text, ours);
    rki_mac_free(context);
    if (err == RK_OK && !rk_ct_equal(rki_str((const char *)ours, sizeof(ours)), mac))
        err = RK_E_SIGNATURE;
    rk_wipe(ours, sizeof(ours)); /* the right MAC for a text of somebody's choice */
    return err;
}
