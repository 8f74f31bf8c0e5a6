/*
 * webhook.c - decides whether a webhook was sent by somebody who holds one of our keys.
 *
 * May touch: its arguments, libcrypto's SHA-256, what verify.c touches. The body is hashed, never
 * parsed.
 */
#include <roomkey/webhook.h>

#include <openssl/evp.h>

#include "core/b64.h"
#include "core/diag.h"

enum { SHA256_SIZE = 32 };

/* LiveKit sends the bare token; some proxies put the scheme in front (RFC 9110 s.11.1: any case).
 */
static struct rk_str bare_token(struct rk_str authorization)
{
    static const struct rk_str scheme = RK_STR_INIT("Bearer ");

    if (rki_str_starts_with_nocase(authorization, scheme))
        return rki_str(authorization.ptr + scheme.len, authorization.len - scheme.len);
    return authorization;
}

static enum rk_err check_digest(struct rk_str claim, struct rk_str body, struct rk_diag *diag)
{
    char want[SHA256_SIZE];
    unsigned char got[SHA256_SIZE];
    size_t len = 0;

    if (claim.len == 0)
        return rki_diag_fail(diag, RK_E_DIGEST, "sha256", "required in a webhook's token");
    if (EVP_Digest(body.len == 0 ? "" : body.ptr, body.len, got, NULL, EVP_sha256(), NULL) != 1)
        return rki_diag_fail(diag, RK_E_CRYPTO, "", "libcrypto refused");
    if (rki_b64_std_decode(claim, want, sizeof(want), &len) != RK_OK || len != sizeof(want) ||
        !rk_ct_equal(rki_str(want, sizeof(want)), rki_str((const char *)got, sizeof(got))))
        return rki_diag_fail(diag, RK_E_DIGEST, "sha256",
                             "the body is not the one that was signed");
    return RK_OK;
}

enum rk_err rk_webhook_verify(const struct rk_keyring *ring, struct rk_str authorization,
                              struct rk_str body, int64_t now_s, int32_t leeway_s,
                              struct rk_claims **out_claims, struct rk_diag *out_diag)
{
    struct rk_str token = bare_token(authorization);
    struct rk_claims *claims = NULL;
    enum rk_err err;

    if (token.len == 0)
        return rki_diag_fail(out_diag, RK_E_STATE, "", "no Authorization header");
    err = rk_token_verify(ring, token, now_s, leeway_s, &claims, out_diag);
    if (err == RK_OK)
        err = check_digest(rk_claims_sha256(claims), body, out_diag);
    if (err == RK_OK && out_claims != NULL) {
        *out_claims = claims;
        claims = NULL;
    }
    rk_claims_free(claims);
    return err;
}
