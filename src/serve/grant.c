/*
 * grant.c - grants, sources and kind of a decision, written into claims.
 *
 * May touch: its arguments.
 */
#include "serve/grant.h"

#include "core/grants.h"

static enum rk_err set_sources(struct rk_claims *claims, uint32_t bits)
{
    enum rk_source sources[RK_SOURCE_SCREEN_SHARE_AUDIO];
    size_t count = 0;

    for (unsigned source = RK_SOURCE_CAMERA; source <= RK_SOURCE_SCREEN_SHARE_AUDIO; source++)
        if ((bits & RKD_SOURCE_BIT(source)) != 0)
            sources[count++] = (enum rk_source)source;
    return rk_claims_set_publish_sources(claims, sources, count);
}

enum rk_err rkd_decision_set_grants(const struct rkd_decision *d, struct rk_claims *claims)
{
    enum rk_err err = RK_OK;

    for (unsigned grant = RK_GRANT_NONE + 1; grant < RKI_GRANT_COUNT && err == RK_OK; grant++)
        if ((d->written & RKD_GRANT_BIT(grant)) != 0)
            err = rk_claims_set_grant(claims, (enum rk_grant)grant,
                                      (d->grants & RKD_GRANT_BIT(grant)) != 0);
    if (err == RK_OK && d->sources != 0)
        err = set_sources(claims, d->sources);
    if (err == RK_OK && d->kind != RK_KIND_UNSET)
        err = rk_claims_set_kind(claims, d->kind);
    return err;
}
