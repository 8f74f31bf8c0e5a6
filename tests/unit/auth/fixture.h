/*
 * fixture.h - callers, keys and a clock for the tests of this room.
 *
 * Two issuers with keys of their own (one key set each), at 2033-05-18T03:33:20Z.
 */
#ifndef RK_TEST_AUTH_FIXTURE_H
#define RK_TEST_AUTH_FIXTURE_H

#include "check.h"

#include "auth/auth.h"
#include "jwt_make.h"

#include <stdlib.h>

#define NOW INT64_C(2000000000)
#define ISSUER "https://login.example.org/"
#define ISS "\"iss\":\"" ISSUER "\""
#define AUD ",\"aud\":\"roomkey\""
#define SUB ",\"sub\":\"alice\""
#define EXP ",\"exp\":2000003600"
#define CLAIMS "{" ISS AUD SUB EXP "}"

enum fx_key { FX_RSA = 0, FX_EC, FX_P384, FX_P521, FX_ED, FX_EVIL, FX_KEYS };

struct fx {
    struct jwt_key *keys[FX_KEYS];
    struct rkd_raw raw;
    struct rkd_raw_caller callers[4];
    struct rkd_raw_text texts[16];
    struct rkd_auth *auth;
    struct rkd_verifier *verifier;
    struct rkd_keyset *sets[4];
    bool may_wait;
    int64_t now_s;
};

/* A list of one or more texts, in fx->texts from `at` on. */
static inline struct rkd_raw_list fx_list(struct rkd_raw_text *at, size_t count)
{
    return (struct rkd_raw_list){.items = at, .count = count, .is_set = true};
}

static inline struct rkd_raw_text fx_text(const char *text)
{
    return (struct rkd_raw_text){.text = rki_cstr(text), .at = {"t.yaml", 1, 1}};
}

static inline struct rkd_keyset *fx_parse(struct rk_str json)
{
    struct rkd_keyset *set = NULL;
    struct rkd_keyset_report report;

    CHECK_ERR(rkd_keyset_parse(json, &set, &report), RK_OK, report.reason ? report.reason : "set");
    return set;
}

static inline struct rkd_keyset *fx_keyset(const struct fx *fx)
{
    static char room[16384];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    rki_buf_lit(&buf, "{\"keys\":[");
    jwt_key_put(fx->keys[FX_RSA], "\"kid\":\"rsa\",\"use\":\"sig\",\"alg\":\"RS256\"", &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_RSA], "\"kid\":\"any+/=\"", &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_EC], "\"kid\":\"ec\"", &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_P384], "\"kid\":\"p384\"", &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_P521], "\"kid\":\"p521\"", &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_ED], "\"kid\":\"ed\",\"alg\":\"EdDSA\"", &buf);
    rki_buf_lit(&buf, "]}");
    CHECK(!buf.overflow, "room");
    return fx_parse(rki_buf_str(&buf));
}

/* The second issuer's set: FX_EVIL's key, which is honest there. */
static inline struct rkd_keyset *fx_other_keyset(const struct fx *fx)
{
    char room[4096];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    rki_buf_lit(&buf, "{\"keys\":[");
    jwt_key_put(fx->keys[FX_EVIL], "\"kid\":\"other\"", &buf);
    rki_buf_lit(&buf, "]}");
    return fx_parse(rki_buf_str(&buf));
}

static inline void fx_compile(struct fx *fx)
{
    struct rkd_raw_error error = {.key = ""};

    rkd_auth_free(fx->auth);
    fx->auth = NULL;
    CHECK_ERR(rkd_auth_compile(&fx->raw, NULL, NULL, &fx->auth, &error), RK_OK, error.text);
}

static inline struct fx *fx_new(void)
{
    static const char *const kinds[FX_KEYS] = {
        [FX_RSA] = "RSA-2048", [FX_EC] = "P-256",   [FX_P384] = "P-384",
        [FX_P521] = "P-521",   [FX_ED] = "Ed25519", [FX_EVIL] = "RSA-2048"};
    static const char *const algorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                             "PS512", "ES256", "ES384", "ES512", "EdDSA"};
    struct fx *fx = calloc(1, sizeof(*fx));

    CHECK(fx != NULL, "memory");
    for (size_t i = 0; i < FX_KEYS; i++)
        fx->keys[i] = jwt_key_new(kinds[i]);
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
        fx->texts[i] = fx_text(algorithms[i]);
    fx->texts[10] = fx_text("roomkey");
    fx->callers[0] = (struct rkd_raw_caller){.name = fx_text("staff"), .kind = RKD_RAW_CALLER_OIDC};
    fx->callers[0].oidc.issuer = fx_text(ISSUER);
    fx->callers[0].oidc.algorithms = fx_list(fx->texts, ARRAY_LEN(algorithms));
    fx->callers[0].oidc.audience = fx_list(&fx->texts[10], 1);
    fx->callers[1] = (struct rkd_raw_caller){.name = fx_text("other"), .kind = RKD_RAW_CALLER_OIDC};
    fx->callers[1].oidc.issuer = fx_text("https://other.example.org");
    fx->callers[1].oidc.audience = fx_list(&fx->texts[10], 1);
    fx->raw.callers = fx->callers;
    fx->raw.caller_count = 2;
    fx->now_s = NOW;
    fx_compile(fx);
    CHECK_ERR(rkd_verifier_new(&fx->verifier), RK_OK, "verifier");
    fx->sets[0] = fx_keyset(fx);
    fx->sets[1] = fx_other_keyset(fx);
    return fx;
}

static inline void fx_free(struct fx *fx)
{
    for (size_t i = 0; i < FX_KEYS; i++)
        jwt_key_free(fx->keys[i]);
    for (size_t i = 0; i < ARRAY_LEN(fx->sets); i++)
        rkd_keyset_unref(fx->sets[i]);
    rkd_auth_free(fx->auth);
    rkd_verifier_free(fx->verifier);
    free(fx);
}

/* Identifies with these headers; the caller is cleared when `out_caller` is NULL. */
static inline enum rkd_auth_verdict fx_identify(struct fx *fx,
                                                const struct rkd_credentials *credentials,
                                                struct rkd_caller *out_caller,
                                                struct rkd_auth_out *out)
{
    struct rkd_caller caller = {.kind = RKD_CALLER_NONE};
    const struct rkd_auth_in in = {.credentials = credentials,
                                   .keysets = fx->sets,
                                   .now_s = fx->now_s,
                                   .may_wait = fx->may_wait};
    const enum rkd_auth_verdict verdict =
        rkd_auth_identify(fx->auth, fx->verifier, &in, &caller, out);

    CHECK((verdict == RKD_AUTH_OK) == (caller.kind != RKD_CALLER_NONE), "all or nothing");
    CHECK((verdict == RKD_AUTH_OK) == (out->err == RKD_OK), "an error unless it is good");
    CHECK(verdict == RKD_AUTH_OK || caller.owned_claims == NULL, "nothing to give back");
    if (out_caller != NULL)
        *out_caller = caller;
    else
        rkd_caller_clear(&caller);
    return verdict;
}

static inline enum rkd_auth_verdict fx_bearer(struct fx *fx, struct rk_str token,
                                              struct rkd_caller *out_caller,
                                              struct rkd_auth_out *out)
{
    const size_t cap = token.len + 7; /* exactly: one byte read too far shows */
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);
    enum rkd_auth_verdict verdict;

    rki_buf_lit(&buf, "Bearer ");
    rki_buf_put(&buf, token);
    verdict = fx_identify(fx, &(struct rkd_credentials){.authorization = rki_buf_str(&buf)},
                          out_caller, out);
    free(buf.ptr);
    return verdict;
}

/* The token is good (reason NULL), or refused with 401 for this reason. Frees it. */
static inline void fx_expect(struct fx *fx, char *token, const char *reason, const char *why)
{
    struct rkd_auth_out out;
    const enum rkd_auth_verdict verdict = fx_bearer(fx, rki_cstr(token), NULL, &out);

    if (reason == NULL) {
        if (verdict != RKD_AUTH_OK)
            fail_msg("%s: refused: %s", why, out.reason);
    } else if (verdict != RKD_AUTH_REFUSED || out.err != RKD_E_INVALID_TOKEN ||
               strcmp(out.reason, reason) != 0) {
        fail_msg("%s: verdict %d, %s, wanted %s", why, (int)verdict,
                 out.reason == NULL ? "-" : out.reason, reason);
    }
    free(token);
}

#endif
