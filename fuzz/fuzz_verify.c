/*
 * fuzz_verify.c - token verification: what is accepted holds together.
 */
#include <stdlib.h>

#include "forged.h"
#include <roomkey/token.h>
#include <roomkey/verify.h>

/* What was accepted holds together: it names our key, ends, and can be signed or says why not. */
static void check_claims(const struct rk_key *key, const struct rk_claims *claims)
{
    char *out = malloc(RK_TOKEN_MAX);
    size_t len = 0;
    int64_t exp = 0, nbf = 0;
    struct rk_claims *again = NULL;

    FUZZ_CHECK(rki_str_equal(rk_claims_issuer(claims), rk_key_name(key)));
    FUZZ_CHECK(rk_claims_expires_at(claims, &exp) && exp + RK_LEEWAY_DEFAULT > FORGED_NOW);
    FUZZ_CHECK(!rk_claims_not_before(claims, &nbf) || nbf - RK_LEEWAY_DEFAULT <= FORGED_NOW);
    if (out != NULL && rk_claims_write_json(claims, out, RK_TOKEN_MAX, &len) == RK_OK) {
        FUZZ_CHECK(rk_claims_new(&again) == RK_OK);
        FUZZ_CHECK(rk_claims_load_json(again, rki_str(out, len), NULL) == RK_OK);
        rk_claims_free(again);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t cap = 2 * size + 256;
    struct rk_keyring *ring = NULL;
    struct rk_key *key = forged_key(), *own = forged_key();
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {.field = ""};
    char *room = malloc(cap);

    FUZZ_CHECK(room != NULL && rk_keyring_new(&ring) == RK_OK);
    FUZZ_CHECK(rk_keyring_add(ring, &key) == RK_OK);
    if (size > 0) {
        struct rk_str token =
            forged_token(own, data[0] % 3, fuzz_str(data + 1, size - 1), room, cap);
        enum rk_err err =
            rk_token_verify(ring, token, FORGED_NOW, RK_LEEWAY_DEFAULT, &claims, &diag);

        FUZZ_CHECK((err == RK_OK) == (claims != NULL));
        FUZZ_CHECK((err == RK_OK) == (diag.text[0] == '\0'));
        if (err == RK_OK) {
            check_claims(own, claims);
            fuzz_reach();
        }
    }
    rk_claims_free(claims);
    rk_key_free(own);
    rk_keyring_free(ring);
    free(room);
    return 0;
}
