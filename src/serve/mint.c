/*
 * mint.c - turns a decision into a pass: claims, signature, expiry.
 *
 * May touch: the call, its worker's claims, signer and random bytes. The only file of this room
 * that signs.
 */
#include "serve/service.h"

#include "core/b64.h"
#include "core/claims.h"
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

static enum rk_err set_claims(struct rk_claims *claims, const struct rkd_decision *d,
                              struct rk_str jti)
{
    enum rk_err err;

    rk_claims_reset(claims);
    if ((err = rk_claims_set_identity(claims, d->identity)) != RK_OK ||
        (err = rk_claims_set_room(claims, d->room)) != RK_OK ||
        (err = rk_claims_set_id(claims, jti)) != RK_OK ||
        (err = rk_claims_set_ttl(claims, d->ttl_s)) != RK_OK)
        return err;
    for (unsigned grant = RK_GRANT_NONE + 1; grant < RKI_GRANT_COUNT && err == RK_OK; grant++)
        if ((d->written & RKD_GRANT_BIT(grant)) != 0)
            err = rk_claims_set_grant(claims, (enum rk_grant)grant,
                                      (d->grants & RKD_GRANT_BIT(grant)) != 0);
    if (err == RK_OK && d->sources != 0)
        err = set_sources(claims, d->sources);
    if (err == RK_OK && d->kind != RK_KIND_UNSET)
        err = rk_claims_set_kind(claims, d->kind);
    if (err == RK_OK && d->name.len != 0)
        err = rk_claims_set_name(claims, d->name);
    if (err == RK_OK && d->metadata.len != 0)
        err = rk_claims_set_metadata(claims, d->metadata);
    for (size_t i = 0; i < d->attribute_count && err == RK_OK; i++)
        err = rk_claims_set_attribute(claims, d->attributes[i].key, d->attributes[i].value);
    if (err == RK_OK && d->room_config.len != 0)
        err = rki_claims_set_room_config_raw(claims, d->room_config);
    return err;
}

/* What the library refuses that reading and policy let pass; anything but a length would be a
 * defect of ours. */
static enum rkd_flow refuse_mint(struct rkd_call *call, enum rk_err err)
{
    if (err == RK_E_TOO_LONG)
        return rkd_refuse(call, RKD_E_TOO_LARGE, "token");
    if (err == RK_E_NOMEM)
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "memory");
    return rkd_refuse(call, RKD_E_INTERNAL, "mint");
}

static enum rkd_flow sign(struct rkd_call *call)
{
    struct rkd_worker_ctx *worker = call->worker;
    const int64_t now_s = call->now_ms / 1000;
    unsigned char bytes[16];
    char *token;
    size_t len = 0;
    enum rk_err err;

    if (rkd_random_take(&worker->random, bytes, sizeof(bytes)) != RK_OK)
        return rkd_refuse(call, RKD_E_INTERNAL, "random");
    (void)rki_b64url_encode_raw(call->jti, (const char *)bytes, sizeof(bytes));
    token = rki_arena_take(rkd_call_arena(call), RKD_TOKEN_MAX);
    if (token == NULL)
        return refuse_mint(call, RK_E_NOMEM);
    err = set_claims(worker->claims, &call->decision, rki_str(call->jti, sizeof(call->jti)));
    if (err == RK_OK)
        err =
            rk_signer_sign(call->lease->signer, worker->claims, now_s, token, RKD_TOKEN_MAX, &len);
    if (err != RK_OK)
        return refuse_mint(call, err);
    call->pass.token = rki_str(token, len);
    call->pass.expires_at_s = now_s + call->decision.ttl_s;
    return RKD_NEXT;
}

enum rkd_flow rkd_mint(struct rkd_call *call)
{
    const struct rkd_settings *settings = &call->snapshot->settings;
    const struct rkd_decision *d = &call->decision;

    if (call->lease->signer == NULL)
        return rkd_refuse(call, RKD_E_MISSING_CREDENTIALS, NULL);
    if (call->contract->needs_url && settings->livekit_url.len == 0)
        return rkd_refuse(call, RKD_E_MISSING_SERVER_URL, NULL);
    call->pass.server_url = settings->livekit_url;
    call->pass.room = d->room;
    call->pass.identity = d->identity;
    call->pass.name = d->name.len != 0 ? d->name : d->identity; /* D33 */
    return sign(call);
}
