/*
 * alg.c - the table of algorithms. May touch: its arguments.
 */
#include "auth/alg.h"

static const struct rkd_alg_info infos[RKD_ALG_COUNT] = {
    [RKD_ALG_NONE] = {{NULL, 0}, RKD_KEY_NONE, RKD_SHA256, false},
    [RKD_ALG_RS256] = {RK_STR_INIT("RS256"), RKD_KEY_RSA, RKD_SHA256, false},
    [RKD_ALG_RS384] = {RK_STR_INIT("RS384"), RKD_KEY_RSA, RKD_SHA384, false},
    [RKD_ALG_RS512] = {RK_STR_INIT("RS512"), RKD_KEY_RSA, RKD_SHA512, false},
    [RKD_ALG_PS256] = {RK_STR_INIT("PS256"), RKD_KEY_RSA, RKD_SHA256, true},
    [RKD_ALG_PS384] = {RK_STR_INIT("PS384"), RKD_KEY_RSA, RKD_SHA384, true},
    [RKD_ALG_PS512] = {RK_STR_INIT("PS512"), RKD_KEY_RSA, RKD_SHA512, true},
    [RKD_ALG_ES256] = {RK_STR_INIT("ES256"), RKD_KEY_P256, RKD_SHA256, false},
    [RKD_ALG_ES384] = {RK_STR_INIT("ES384"), RKD_KEY_P384, RKD_SHA384, false},
    [RKD_ALG_ES512] = {RK_STR_INIT("ES512"), RKD_KEY_P521, RKD_SHA512, false},
    [RKD_ALG_EDDSA] = {RK_STR_INIT("EdDSA"), RKD_KEY_ED25519, RKD_SHA512, false},
};

const struct rkd_alg_info *rkd_alg_info(enum rkd_alg alg)
{
    return &infos[alg > RKD_ALG_NONE && alg < RKD_ALG_COUNT ? alg : RKD_ALG_NONE];
}

enum rkd_alg rkd_alg_by_name(struct rk_str name)
{
    for (unsigned i = RKD_ALG_NONE + 1; i < RKD_ALG_COUNT; i++)
        if (rki_str_equal(infos[i].name, name))
            return (enum rkd_alg)i;
    return RKD_ALG_NONE;
}
