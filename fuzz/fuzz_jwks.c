/*
 * fuzz_jwks.c - key set documents: what is taken is bounded and usable, and no key verifies a
 * signature nobody made.
 */
#include "auth/keyset.h"
#include "auth/verifier.h"
#include "fuzz.h"

static void check_key(struct rkd_verifier *verifier, const struct rkd_keyset *set,
                      const struct rkd_public_key *key)
{
    static const enum rkd_alg algs[] = {RKD_ALG_RS256, RKD_ALG_PS512, RKD_ALG_ES256,
                                        RKD_ALG_ES384, RKD_ALG_ES512, RKD_ALG_EDDSA};
    char signature[RKD_SIGNATURE_MAX] = {0};
    const struct rkd_public_key *found = NULL;

    FUZZ_CHECK(key->pkey != NULL && key->type != RKD_KEY_NONE);
    FUZZ_CHECK(key->size >= 64 && key->size <= sizeof(signature));
    FUZZ_CHECK(key->kid.ptr == NULL || (key->kid.len >= 1 && key->kid.len <= RKD_KID_MAX));
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        const bool fits = rkd_alg_info(algs[i])->key == key->type;
        enum rk_err err;

        if (rkd_keyset_choose(set, algs[i], key->kid, &found) == RKD_CHOICE_FOUND)
            FUZZ_CHECK(found->type == rkd_alg_info(algs[i])->key &&
                       (found->pinned == RKD_ALG_NONE || found->pinned == algs[i]));
        signature[0] = 0;
        err = rkd_verifier_check(verifier, key, algs[i], RK_STR("text"),
                                 rki_str(signature, key->size));
        FUZZ_CHECK(err != RK_OK && (fits || err == RK_E_SIGNATURE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rkd_keyset *set = NULL;
    struct rkd_verifier *verifier = NULL;
    struct rkd_keyset_report report;
    const enum rk_err err = rkd_keyset_parse(fuzz_str(data, size), &set, &report);

    FUZZ_CHECK((err == RK_OK) == (set != NULL));
    FUZZ_CHECK(err == RK_OK || report.reason != NULL);
    if (err == RK_OK) {
        FUZZ_CHECK(set->count >= 1 && set->count == report.usable);
        FUZZ_CHECK(report.usable + report.skipped <= RKD_JWKS_KEYS_MAX);
        FUZZ_CHECK(rkd_verifier_new(&verifier) == RK_OK);
        for (size_t i = 0; i < set->count && i < 3; i++)
            check_key(verifier, set, &set->keys[i]);
        rkd_verifier_free(verifier);
        fuzz_reach();
    }
    rkd_keyset_unref(set);
    return 0;
}
