/*
 * token.h - signs claims: HS256 compact JWTs as LiveKit servers and SDKs read them.
 *
 *     struct rk_key *key;        // rk_key_new or rk_key_load
 *     struct rk_claims *claims;  // rk_claims_new, then rk_claims_set_...
 *     char token[RK_TOKEN_MAX];
 *     size_t len;
 *
 *     err = rk_token_sign(key, claims, time(NULL), token, sizeof(token), &len);
 *
 * Form: header {"alg":"HS256","typ":"JWT"}; payload iss, sub, iat, nbf, exp, jti, then name, kind,
 * kindDetails, video (room, the booleans in the order of enum rk_grant, canPublishSources,
 * destinationRoom), sip, agent, inference, observability, roomConfig, roomPreset, sha256, metadata,
 * attributes, then unknown claims; what is absent is left out. Strings are raw UTF-8; only `"`, `\`
 * and what lies below U+0020 is escaped. iat and nbf are now_s, exp is now_s + ttl, all integers.
 */
#ifndef ROOMKEY_TOKEN_H
#define ROOMKEY_TOKEN_H

#include <roomkey/base.h>
#include <roomkey/claims.h>
#include <roomkey/key.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RK_TOKEN_MAX = 65536, /* bytes of a token: no longer one is signed or read */
};

struct rk_signer;

/**
 * A signer for one thread: keyed once, then fast. `key` is only read and may be freed afterwards.
 * Errors: RK_E_NOMEM, RK_E_CRYPTO. On failure *out_signer is untouched.
 */
RK_API RK_NODISCARD enum rk_err rk_signer_new(const struct rk_key *key,
                                              struct rk_signer **out_signer);

/**
 * Sign `claims` as a compact JWT with HS256.
 *
 * `now_s` is seconds since the Unix epoch, 0 to 2^53 - 1, passed in so that tests need no clock.
 * It is now_s + ttl that readers must take: over 2^53 - 1 as `exp` they (rk_token_verify too)
 * refuse the token, which is signed nevertheless. Writes *out_len bytes to out, no NUL; bytes
 * behind them, up to out + cap, serve as scratch. On failure out is wiped and *out_len is
 * untouched.
 *
 * Errors: RK_E_STATE        rk_claims_check says why: no identity or room for roomJoin, no grant at
 *                           all; an absent grant is refused, never defaulted
 *         RK_E_TOO_LONG     the token is longer than `cap` or than RK_TOKEN_MAX
 *         RK_E_INVAL        now_s out of range
 *         RK_E_CREDENTIALS  loaded claims whose roomConfig holds credentials
 *         RK_E_CRYPTO       libcrypto refused
 * Threads: one signer, one thread; claims are only read.
 * Source: RFC 7515 s.3.1, RFC 7519 s.4.1, LiveKit protocol auth/accesstoken.go.
 */
RK_API RK_NODISCARD enum rk_err rk_signer_sign(struct rk_signer *signer,
                                               const struct rk_claims *claims, int64_t now_s,
                                               char *out, size_t cap, size_t *out_len);

/**
 * As rk_signer_sign, but byte for byte what npm livekit-server-sdk 2.19 writes: header
 * {"alg":"HS256"}, claims and grants in the order they were set, then iss, exp, nbf, sub (and jti
 * when one is set); no iat; roomConfig in field-number order with all defaults; no grant is no
 * error. For comparing with existing systems; it parses roomConfig again and so may allocate
 * (RK_E_NOMEM).
 */
RK_API RK_NODISCARD enum rk_err rk_signer_sign_js(struct rk_signer *signer,
                                                  const struct rk_claims *claims, int64_t now_s,
                                                  char *out, size_t cap, size_t *out_len);

/* Wipes and frees; NULL is a no-op. */
RK_API void rk_signer_free(struct rk_signer *signer);

/**
 * As rk_signer_sign with a signer of its own for this one call: 2 to 4 times slower, no object to
 * keep. Errors: also RK_E_NOMEM. Threads: safe; key and claims are only read.
 */
RK_API RK_NODISCARD enum rk_err rk_token_sign(const struct rk_key *key,
                                              const struct rk_claims *claims, int64_t now_s,
                                              char *out, size_t cap, size_t *out_len);

#ifdef __cplusplus
}
#endif

#endif
