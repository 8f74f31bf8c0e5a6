/*
 * verify.h - checks tokens: whether one of your keys signed them and they hold now.
 *
 * Stricter than a LiveKit server where the server is lenient, so that what we accept means the same
 * to everybody: base64url is canonical, no member stands twice, names of known claims are exact,
 * times are numbers. Everything the official SDKs mint is accepted.
 */
#ifndef ROOMKEY_VERIFY_H
#define ROOMKEY_VERIFY_H

#include <roomkey/base.h>
#include <roomkey/claims.h>
#include <roomkey/key.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RK_LEEWAY_DEFAULT = 60, /* seconds of clock difference; what LiveKit servers allow */
    RK_LEEWAY_MAX = 3600,
};

/**
 * Verify a compact JWT with the key of `ring` that its `iss` names, and hand out its claims.
 *
 * `now_s` is seconds since the Unix epoch, 0 to 2^53 - 1; `leeway_s` 0 to RK_LEEWAY_MAX. The token
 * holds while now_s < exp + leeway_s and now_s >= nbf - leeway_s; exp is required, nbf is not, iat
 * and aud are not looked at. Fractions of a second are cut off. That a token verifies does not mean
 * that it may join a room: ask the claims (and take `jti` for the identity where `sub` is absent,
 * as the server does).
 *
 * *out_claims is a new object, yours to rk_claims_free; untouched on failure. out_diag may be NULL.
 *
 * Errors, in the order of the checks; nothing of the payload but iss counts before the MAC:
 *   RK_E_INVAL     now_s or leeway_s out of range
 *   RK_E_TOO_LONG  more than RK_TOKEN_MAX bytes
 *   RK_E_MALFORMED not three segments of canonical base64url, or header or payload not one strict
 *                  JSON object; or the header asks for an extension (crit, b64, zip, enc, ...) or
 *                  names another type than JWT
 *   RK_E_ALGORITHM alg is not exactly "HS256"
 *   RK_E_ISSUER    iss is missing or names no key of the ring
 *   RK_E_SIGNATURE the MAC does not match
 *   RK_E_TYPE, RK_E_INVAL, RK_E_UNKNOWN, RK_E_STATE   a claim the server would refuse the token
 *                  for, or a known claim in other letters: see rk_claims_load_json
 *   RK_E_STATE     exp is missing
 *   RK_E_EXPIRED, RK_E_NOT_YET
 *   RK_E_NOMEM, RK_E_CRYPTO
 * Threads: safe; the ring is only read.
 * Source: RFC 7515 s.5.2, RFC 8725 s.3, livekit protocol auth/verifier.go.
 */
RK_API RK_NODISCARD enum rk_err rk_token_verify(const struct rk_keyring *ring, struct rk_str token,
                                                int64_t now_s, int32_t leeway_s,
                                                struct rk_claims **out_claims,
                                                struct rk_diag *out_diag);

#ifdef __cplusplus
}
#endif

#endif
