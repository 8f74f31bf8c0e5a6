/*
 * webhook.h - checks that a webhook comes from a LiveKit server that holds one of your keys.
 *
 * Give it the body exactly as it was received, before any JSON parser: the signature covers bytes,
 * and a body written again differs. Parse it only when this says RK_OK, answer 2xx quickly, and
 * drop repeats by the event's `id`: the server retries.
 */
#ifndef ROOMKEY_WEBHOOK_H
#define ROOMKEY_WEBHOOK_H

#include <roomkey/base.h>
#include <roomkey/claims.h>
#include <roomkey/key.h>
#include <roomkey/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Verify a webhook: its Authorization header's value (LiveKit sends the bare token; `Bearer ` in
 * front is tolerated) and its raw body. now_s and leeway_s: see rk_token_verify; RK_LEEWAY_DEFAULT
 * fits, tokens live five minutes and a retry carries the first one.
 *
 * out_claims may be NULL; otherwise it gets a new object on success, yours to rk_claims_free
 * (rk_claims_issuer tells which key signed). out_diag may be NULL.
 *
 * Errors: RK_E_STATE   the header is empty
 *         RK_E_DIGEST  the body is not the one that was signed, or the token has no sha256 claim:
 *                      a participant's token must not pass for a webhook
 *         and those of rk_token_verify
 * Threads: safe. Source: livekit protocol webhook/verifier.go.
 */
RK_API RK_NODISCARD enum rk_err rk_webhook_verify(const struct rk_keyring *ring,
                                                  struct rk_str authorization, struct rk_str body,
                                                  int64_t now_s, int32_t leeway_s,
                                                  struct rk_claims **out_claims,
                                                  struct rk_diag *out_diag);

#ifdef __cplusplus
}
#endif

#endif
