/*
 * verify.c - what it costs to find out who is calling: ns per rkd_auth_identify with a known key,
 * next to a bare libcrypto verification of the same bytes with a kept context (design s.8: at most
 * 1.2 of it and 5 us more).
 *
 * Prints JSON. Rounds are interleaved, so that what the machine does meanwhile hits all rows alike;
 * the median is printed. Linked with tests/support/jwt_make.c.
 */
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/auth.h"
#include "core/b64.h"
#include "jwt_make.h"

enum { ROUNDS = 21, CALLS = 1000, NOW = 2000000000 };

#define ISSUER "https://login.example.org/realms/main"
/* As Keycloak writes one, some 700 bytes. */
#define PAYLOAD                                                                                    \
    "{\"exp\":2000000300,\"iat\":1999999999,\"auth_time\":1999999000,\"jti\":"                     \
    "\"0b0a1c9e-7d5c-4f1a-9d55-0f0f5d6b1f10\",\"iss\":\"" ISSUER "\",\"aud\":[\"roomkey\","        \
    "\"account\"],\"sub\":\"6f0c3c1e-1d3b-4b8e-8f6d-0c1d2e3f4a5b\",\"typ\":\"Bearer\",\"azp\":"    \
    "\"web\",\"sid\":\"b7c1b1f0-3b1a-4c59-9a53-2f0a1b2c3d4e\",\"acr\":\"1\",\"realm_access\":"     \
    "{\"roles\":[\"default-roles-main\",\"offline_access\",\"uma_authorization\"]},"               \
    "\"resource_access\":{\"account\":{\"roles\":[\"manage-account\",\"view-profile\"]}},"         \
    "\"scope\":\"openid profile email\",\"email_verified\":true,\"name\":\"Ada Lovelace\","        \
    "\"groups\":[\"engineering\",\"staff\"],\"preferred_username\":\"ada\",\"given_name\":"        \
    "\"Ada\",\"family_name\":\"Lovelace\",\"email\":\"ada@example.org\"}"

struct row {
    const char *kind, *alg;
    struct jwt_key *key;
    char *header; /* "Bearer ..." */
    uint8_t signature[512];
    size_t signature_len;
    struct rk_str text; /* what is signed */
    EVP_PKEY_CTX *ctx;
    EVP_MD_CTX *one_shot;
    double bare[ROUNDS], identify[ROUNDS];
};

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "bench verify: %s failed\n", what);
        exit(1);
    }
}

static void keep_context(struct row *row)
{
    if (row->alg[1] == 'd') {
        row->one_shot = EVP_MD_CTX_new();
        must(row->one_shot != NULL, "context");
        return;
    }
    row->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, row->key->pkey, NULL);
    must(row->ctx != NULL && EVP_PKEY_verify_init(row->ctx) == 1, "context");
    if (row->alg[0] == 'R')
        must(EVP_PKEY_CTX_set_rsa_padding(row->ctx, RSA_PKCS1_PADDING) == 1, "padding");
    must(EVP_PKEY_CTX_set_signature_md(row->ctx, EVP_sha256()) == 1, "digest");
}

static void make_row(struct row *row)
{
    char header[64], *token, *end;
    struct rki_buf buf = rki_buf_over(header, sizeof(header));
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    row->key = jwt_key_new(row->kind);
    rki_buf_lit(&buf, "{\"alg\":\"");
    rki_buf_put(&buf, rki_cstr(row->alg));
    rki_buf_lit(&buf, "\",\"typ\":\"JWT\",\"kid\":\"");
    rki_buf_put(&buf, rki_cstr(row->alg));
    rki_buf_lit(&buf, "\"}");
    token = jwt_make(row->key, row->alg, rki_buf_str(&buf), RK_STR(PAYLOAD));
    row->header = malloc(strlen(token) + 8);
    must(row->header != NULL && md != NULL, "memory");
    memcpy(row->header, "Bearer ", 7);
    memcpy(row->header + 7, token, strlen(token) + 1);
    free(token);
    end = strrchr(row->header, '.');
    row->text = rki_str(row->header + 7, (size_t)(end - row->header - 7));
    must(rki_b64url_decode(rki_cstr(end + 1), row->signature, sizeof(row->signature),
                           &row->signature_len) == RK_OK,
         "signature");
    if (row->alg[0] == 'E' && row->alg[1] == 'S') { /* libcrypto reads DER */
        EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, row->key->pkey);
        row->signature_len = sizeof(row->signature);
        must(EVP_DigestSign(md, row->signature, &row->signature_len, (const uint8_t *)row->text.ptr,
                            row->text.len) == 1,
             "sign");
    }
    EVP_MD_CTX_free(md);
    keep_context(row);
}

static double time_bare(struct row *row, EVP_MD_CTX *hash)
{
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++) {
        uint8_t digest[32];

        if (row->one_shot != NULL) {
            must(EVP_DigestVerifyInit(row->one_shot, NULL, NULL, NULL, row->key->pkey) == 1 &&
                     EVP_DigestVerify(row->one_shot, row->signature, row->signature_len,
                                      (const uint8_t *)row->text.ptr, row->text.len) == 1,
                 "verify");
            continue;
        }
        must(EVP_DigestInit_ex2(hash, NULL, NULL) == 1 &&
                 EVP_DigestUpdate(hash, row->text.ptr, row->text.len) == 1 &&
                 EVP_DigestFinal_ex(hash, digest, NULL) == 1 &&
                 EVP_PKEY_verify(row->ctx, row->signature, row->signature_len, digest, 32) == 1,
             "verify");
    }
    return (now_ns() - start) / CALLS;
}

static double time_identify(const struct rkd_auth *auth, struct rkd_verifier *verifier,
                            struct rkd_keyset *set, const struct rkd_credentials *credentials)
{
    struct rkd_keyset *const sets[] = {set};
    const struct rkd_auth_in in = {.credentials = credentials, .keysets = sets, .now_s = NOW};
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++) {
        struct rkd_caller caller;
        struct rkd_auth_out out;

        must(rkd_auth_identify(auth, verifier, &in, &caller, &out) == RKD_AUTH_OK, "identify");
        rkd_caller_clear(&caller);
    }
    return (now_ns() - start) / CALLS;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

static struct rkd_keyset *make_set(const struct row *rows, size_t count)
{
    char room[8192];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));
    struct rkd_keyset *set = NULL;

    rki_buf_lit(&buf, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        char extra[32];

        (void)snprintf(extra, sizeof(extra), "\"kid\":\"%s\"", rows[i].alg);
        if (i != 0)
            rki_buf_lit(&buf, ",");
        jwt_key_put(rows[i].key, extra, &buf);
    }
    rki_buf_lit(&buf, "]}");
    must(rkd_keyset_parse(rki_buf_str(&buf), &set, NULL) == RK_OK, "key set");
    return set;
}

int main(void)
{
    static const char api_key[] = "rk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static struct row rows[] = {{.kind = "RSA-2048", .alg = "RS256"},
                                {.kind = "P-256", .alg = "ES256"},
                                {.kind = "Ed25519", .alg = "EdDSA"}};
    static double keys[ROUNDS];
    struct rkd_raw_text audience = {.text = RK_STR("roomkey")};
    struct rkd_raw_api_key key = {.name = {.text = RK_STR("k")}};
    struct rkd_raw_caller callers[] = {
        {.name = {.text = RK_STR("staff")},
         .kind = RKD_RAW_CALLER_OIDC,
         .oidc = {.issuer = {.text = RK_STR(ISSUER)},
                  .audience = {.items = &audience, .count = 1, .is_set = true}}},
        {.name = {.text = RK_STR("backend")},
         .kind = RKD_RAW_CALLER_API_KEYS,
         .keys = &key,
         .key_count = 1}};
    const struct rkd_raw raw = {.callers = callers, .caller_count = 2};
    struct rkd_auth *auth = NULL;
    struct rkd_verifier *verifier = NULL;
    struct rkd_raw_error error;
    struct rkd_keyset *set;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    (void)SHA256((const uint8_t *)api_key, strlen(api_key), key.sha256);
    must(hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1, "digest");
    must(rkd_auth_compile(&raw, NULL, NULL, &auth, &error) == RK_OK, "compile");
    must(rkd_verifier_new(&verifier) == RK_OK, "verifier");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        make_row(&rows[i]);
    set = make_set(rows, ARRAY_LEN(rows));
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            const struct rkd_credentials credentials = {.authorization = rki_cstr(rows[i].header)};

            rows[i].bare[round] = time_bare(&rows[i], hash);
            rows[i].identify[round] = time_identify(auth, verifier, set, &credentials);
        }
        keys[round] = time_identify(auth, verifier, set,
                                    &(struct rkd_credentials){.x_api_key = rki_cstr(api_key)});
    }
    (void)printf("{\"token_bytes\": %zu", strlen(rows[0].header) - 7);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        (void)printf(", \"%s_bare_ns\": %.0f, \"%s_identify_ns\": %.0f", rows[i].alg,
                     median(rows[i].bare), rows[i].alg, median(rows[i].identify));
    (void)printf(", \"api_key_ns\": %.0f}\n", median(keys));
    return 0;
}
