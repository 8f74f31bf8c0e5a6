/*
 * mint.c - turns a decision into a pass: claims, signature, expiry.
 *
 * May touch: the call, its worker's claims, signer and random bytes. The only file of this room
 * that signs.
 */
#include "serve/grant.h"
#include "serve/service.h"

#include "core/b64.h"
#include "core/claims.h"

static enum rk_err set_claims(struct rk_claims *claims, const struct rkd_decision *d,
                              struct rk_str jti)
{
    enum rk_err err;

    rk_claims_reset(claims);
    if ((err = rk_claims_set_identity(claims, d->identity)) != RK_OK ||
        (err = rk_claims_set_room(claims, d->room)) != RK_OK ||
        (err = rk_claims_set_id(claims, jti)) != RK_OK ||
        (err = rk_claims_set_ttl(claims, d->ttl_s)) != RK_OK ||
        (err = rkd_decision_set_grants(d, claims)) != RK_OK)
        return err;
    if (d->name.len != 0)
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

static enum rkd_flow sign(struct rkd_call *call, struct rk_signer *signer)
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
        err = rk_signer_sign(signer, worker->claims, now_s, token, RKD_TOKEN_MAX, &len);
    if (err != RK_OK)
        return refuse_mint(call, err);
    call->pass.token = rki_str(token, len);
    call->pass.expires_at_s = now_s + call->decision.ttl_s;
    return RKD_NEXT;
}

/* Another lease may go while the answer waits for its record: its URL is copied. */
static bool keep_url(struct rkd_call *call, const struct rkd_lease *lease)
{
    const struct rk_str url = lease->snapshot->settings.livekit_url;
    char *text;

    call->pass.server_url = url;
    if (lease == call->lease || url.len == 0)
        return true;
    text = rki_arena_take(rkd_call_arena(call), url.len);
    if (text == NULL)
        return false;
    memcpy(text, url.ptr, url.len);
    call->pass.server_url = rki_str(text, url.len);
    return true;
}

enum rkd_flow rkd_mint(struct rkd_call *call)
{
    /* The current one's: a key that was withdrawn while the call waited is not used any more. Its
     * rules are those that decided: on_request, and whatever waits when it comes back, see to it
     * (rkd_call_rules_hold), and no lease is installed while stages run. */
    const struct rkd_lease *lease = call->worker->lease;
    const struct rkd_settings *settings = &lease->snapshot->settings;
    const struct rkd_decision *d = &call->decision;

    if (lease->signer == NULL)
        return rkd_refuse(call, RKD_E_MISSING_CREDENTIALS, NULL);
    if (call->contract->needs_url && settings->livekit_url.len == 0)
        return rkd_refuse(call, RKD_E_MISSING_SERVER_URL, NULL);
    if (!keep_url(call, lease))
        return refuse_mint(call, RK_E_NOMEM);
    call->pass.room = d->room;
    call->pass.identity = d->identity;
    call->pass.name = d->name.len != 0 ? d->name : d->identity; /* D33 */
    return sign(call, lease->signer);
}
