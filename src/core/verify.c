/*
 * verify.c - decides whether a token was signed with one of the keys of a ring and holds now.
 *
 * May touch: its arguments, malloc, libcrypto's HMAC through mac.h. May not touch: the clock,
 * files, the log. The order of the checks is that of reference security.md s.1.2: cheap ones first,
 * and of the payload only iss is read before the MAC matches, to choose the key.
 */
#include <roomkey/verify.h>

#include <stdlib.h>

#include "core/b64.h"
#include "core/claims.h"
#include "core/json.h"
#include "core/mac.h"
#include <roomkey/token.h>

enum {
    HEADER_MAX = 2048, /* bytes decoded */
    HEADER_MEMBERS_MAX = 32,
    PAYLOAD_MAX = RK_TOKEN_MAX / 4 * 3,
};

struct parts {
    struct rk_str header, payload, signature; /* base64url */
    struct rk_str signed_text;                /* header "." payload, as received */
};

static enum rk_err malformed(struct rk_diag *diag, const char *field, const char *text)
{
    return rki_diag_fail(diag, RK_E_MALFORMED, field, text);
}

/* Exactly two dots; no array sized by the input (CVE-2025-30204). */
static enum rk_err split(struct rk_str token, struct parts *out, struct rk_diag *diag)
{
    const char *one = token.len == 0 ? NULL : memchr(token.ptr, '.', token.len);
    const char *end, *two;

    if (one == NULL)
        return malformed(diag, "", "expected three segments");
    end = token.ptr + token.len;
    two = memchr(one + 1, '.', (size_t)(end - one - 1));
    if (two == NULL || memchr(two + 1, '.', (size_t)(end - two - 1)) != NULL)
        return malformed(diag, "", "expected three segments");
    out->header = rki_str(token.ptr, (size_t)(one - token.ptr));
    out->payload = rki_str(one + 1, (size_t)(two - one - 1));
    out->signature = rki_str(two + 1, (size_t)(end - two - 1));
    out->signed_text = rki_str(token.ptr, (size_t)(two - token.ptr));
    if (out->header.len == 0 || out->payload.len == 0 || out->signature.len == 0)
        return malformed(diag, "", "a segment is empty");
    return RK_OK;
}

/* ---- header ---- */

static enum rk_err check_type(const json_t *header, struct rk_diag *diag)
{
    const json_t *typ = json_object_get(header, "typ");

    if (typ == NULL || rki_str_equal_nocase(rki_json_str(typ), RK_STR("JWT")))
        return RK_OK;
    return malformed(diag, "typ", "expected JWT"); /* logout+jwt, secevent+jwt: RFC 8725 s.3.11 */
}

static enum rk_err check_header(const json_t *header, struct rk_diag *diag)
{
    /* each changes what the token means; we know none, so each is a refusal (RFC 7515 s.4.1.11) */
    static const char *const extensions[] = {"crit", "b64", "zip", "enc", "epk", "p2c", "p2s"};
    const json_t *alg = json_object_get(header, "alg");

    if (!json_is_object(header) || json_object_size(header) > HEADER_MEMBERS_MAX)
        return malformed(diag, "", "the header must be a JSON object");
    if (!json_is_string(alg) || !rki_str_equal(rki_json_str(alg), RK_STR("HS256")))
        return rki_diag_fail(diag, RK_E_ALGORITHM, "alg", "expected HS256");
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (json_object_get(header, extensions[i]) != NULL)
            return malformed(diag, extensions[i], "extensions are not supported");
    return check_type(header, diag);
}

static enum rk_err read_header(struct rk_str segment, struct rk_diag *diag)
{
    /* {"alg":"HS256"} and {"alg":"HS256","typ":"JWT"}: nearly every token there is */
    static const struct rk_str usual[] = {
        RK_STR_INIT("eyJhbGciOiJIUzI1NiJ9"),
        RK_STR_INIT("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
    };
    char text[HEADER_MAX];
    size_t len = 0;
    json_t *header = NULL;
    enum rk_err err;

    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (rki_str_equal(segment, usual[i]))
            return RK_OK;
    if (rki_b64url_decode(segment, text, sizeof(text), &len) != RK_OK)
        return malformed(diag, "", "the header is not canonical base64url, or too long");
    err = rki_json_parse(rki_str(text, len), 0, &header, diag);
    if (err == RK_OK)
        err = check_header(header, diag);
    else if (err != RK_E_NOMEM)
        err = malformed(diag, "", "the header is not strict JSON");
    json_decref(header);
    return err;
}

/* ---- payload and signature ---- */

static enum rk_err read_payload(struct rk_str segment, json_t **out, struct rk_diag *diag)
{
    char *text = malloc(PAYLOAD_MAX);
    size_t len = 0;
    enum rk_err err;

    if (text == NULL)
        return rki_diag_fail(diag, RK_E_NOMEM, "", "out of memory");
    if (rki_b64url_decode(segment, text, PAYLOAD_MAX, &len) != RK_OK) {
        err = malformed(diag, "", "the payload is not canonical base64url");
    } else { /* names of others may hold U+0000: the Node SDK writes it, the server reads it */
        err = rki_json_parse(rki_str(text, len), RKI_JSON_ALLOW_NUL, out, diag);
        if (err != RK_OK && err != RK_E_NOMEM)
            err = malformed(diag, "", "the payload is not strict JSON");
    }
    free(text);
    return err;
}

static enum rk_err find_key(const struct rk_keyring *ring, const json_t *payload,
                            const struct rk_key **out, struct rk_diag *diag)
{
    const json_t *iss = json_object_get(payload, "iss");

    if (!json_is_object(payload))
        return malformed(diag, "", "the payload must be a JSON object");
    *out = json_is_string(iss) ? rk_keyring_find(ring, rki_json_str(iss)) : NULL;
    return *out != NULL ? RK_OK : rki_diag_fail(diag, RK_E_ISSUER, "iss", "no key of this name");
}

/* In pieces of whole groups: canonical is what is so in each of them. */
static bool is_base64url(struct rk_str text)
{
    char bytes[48];
    size_t len;

    while (text.len != 0) {
        struct rk_str piece = rki_str(text.ptr, text.len < 64 ? text.len : 64);

        if (rki_b64url_decode(piece, bytes, sizeof(bytes), &len) != RK_OK)
            return false;
        text = rki_str(text.ptr + piece.len, text.len - piece.len);
    }
    return true;
}

static enum rk_err check_signature(const struct rk_key *key, const struct parts *parts,
                                   struct rk_diag *diag)
{
    char theirs[RKI_MAC_SIZE];
    unsigned char ours[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;
    size_t len = 0;
    enum rk_err err = rki_b64url_decode(parts->signature, theirs, sizeof(theirs), &len);

    if (err == RK_E_MALFORMED || (err == RK_E_TOO_LONG && !is_base64url(parts->signature)))
        return malformed(diag, "", "the signature is not canonical base64url");
    if (err != RK_OK || len != sizeof(theirs))
        return rki_diag_fail(diag, RK_E_SIGNATURE, "", "the signature does not match");
    err = rki_mac_new(key, &mac);
    if (err == RK_OK)
        err = rki_mac_run(mac, parts->signed_text, ours);
    rki_mac_free(mac);
    if (err == RK_OK &&
        !rk_ct_equal(rki_str((const char *)ours, sizeof(ours)), rki_str(theirs, sizeof(theirs))))
        err = RK_E_SIGNATURE;
    rk_wipe(ours, sizeof(ours)); /* the right MAC for a text of somebody's choice */
    if (err != RK_OK)
        rki_diag_set(diag, "", rk_err_text(err));
    return err;
}

/* ---- claims ---- */

/* Sums cannot overflow: times lie below 2^53. */
static enum rk_err check_times(const struct rk_claims *claims, int64_t now_s, int32_t leeway_s,
                               struct rk_diag *diag)
{
    int64_t exp = 0, nbf = 0;

    if (!rk_claims_expires_at(claims, &exp))
        return rki_diag_fail(diag, RK_E_STATE, "exp", "required");
    if (now_s >= exp + leeway_s)
        return rki_diag_fail(diag, RK_E_EXPIRED, "exp", "the token has expired");
    if (rk_claims_not_before(claims, &nbf) && nbf > now_s + leeway_s)
        return rki_diag_fail(diag, RK_E_NOT_YET, "nbf", "the token is not valid yet");
    return RK_OK;
}

static enum rk_err read_claims(json_t *payload, int64_t now_s, int32_t leeway_s,
                               struct rk_claims **out, struct rk_diag *diag)
{
    struct rk_claims *claims = NULL;
    enum rk_err err = rk_claims_new(&claims);

    if (err != RK_OK)
        return rki_diag_fail(diag, err, "", rk_err_text(err));
    err = rki_claims_load(claims, payload, diag);
    if (err == RK_OK)
        err = check_times(claims, now_s, leeway_s, diag);
    if (err != RK_OK) {
        rk_claims_free(claims);
        return err;
    }
    *out = claims;
    return RK_OK;
}

enum rk_err rk_token_verify(const struct rk_keyring *ring, struct rk_str token, int64_t now_s,
                            int32_t leeway_s, struct rk_claims **out_claims,
                            struct rk_diag *out_diag)
{
    struct parts parts = {.header = {NULL, 0}};
    const struct rk_key *key = NULL;
    json_t *payload = NULL;
    enum rk_err err;

    if (now_s < 0 || now_s >= INT64_C(1) << 53 || leeway_s < 0 || leeway_s > RK_LEEWAY_MAX)
        return rki_diag_fail(out_diag, RK_E_INVAL, "", "now_s or leeway_s is out of range");
    if (token.len > RK_TOKEN_MAX)
        return rki_diag_fail(out_diag, RK_E_TOO_LONG, "", "the token is too long");
    err = split(token, &parts, out_diag);
    if (err == RK_OK)
        err = read_header(parts.header, out_diag);
    if (err == RK_OK)
        err = read_payload(parts.payload, &payload, out_diag);
    if (err == RK_OK)
        err = find_key(ring, payload, &key, out_diag);
    if (err == RK_OK)
        err = check_signature(key, &parts, out_diag);
    if (err == RK_OK)
        err = read_claims(payload, now_s, leeway_s, out_claims, out_diag);
    json_decref(payload);
    return err;
}
