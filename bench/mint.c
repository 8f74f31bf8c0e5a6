/*
 * mint.c - what a token costs in the library: ns per mint (ten setters and the signature), per
 * signature of claims that stand, per verify, next to a bare HMAC of the same bytes.
 *
 * Prints JSON. Rounds are interleaved, so that what the machine does meanwhile hits all rows alike;
 * the median is printed.
 */
#include <roomkey/roomkey.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 21, CALLS = 20000 };

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct rk_str str(const char *text)
{
    return (struct rk_str){text, strlen(text)};
}

static void must(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "bench mint: %s failed\n", what);
        exit(1);
    }
}

static void fill(struct rk_claims *claims)
{
    rk_claims_reset(claims);
    must(rk_claims_set_identity(claims, str("user-1234567890")) == RK_OK, "identity");
    must(rk_claims_set_name(claims, str("Ada Lovelace")) == RK_OK, "name");
    must(rk_claims_set_id(claims, str("AAAAAAAAAAAAAAAAAAAAAA")) == RK_OK, "id");
    must(rk_claims_set_ttl(claims, 3600) == RK_OK, "ttl");
    must(rk_claims_set_room(claims, str("daily-standup")) == RK_OK, "room");
    must(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true) == RK_OK, "join");
    must(rk_claims_set_grant(claims, RK_GRANT_CAN_PUBLISH, true) == RK_OK, "publish");
    must(rk_claims_set_grant(claims, RK_GRANT_CAN_SUBSCRIBE, true) == RK_OK, "subscribe");
    must(rk_claims_set_grant(claims, RK_GRANT_CAN_PUBLISH_DATA, true) == RK_OK, "data");
    must(rk_claims_set_grant(claims, RK_GRANT_CAN_UPDATE_OWN_METADATA, false) == RK_OK, "metadata");
}

static double time_mint(struct rk_signer *signer, struct rk_claims *claims, char *token,
                        size_t *len)
{
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++) {
        fill(claims);
        must(rk_signer_sign(signer, claims, 1767225600, token, RK_TOKEN_MAX, len) == RK_OK, "sign");
    }
    return (now_ns() - start) / CALLS;
}

static double time_sign(struct rk_signer *signer, const struct rk_claims *claims, char *token,
                        size_t *len)
{
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++)
        must(rk_signer_sign(signer, claims, 1767225600, token, RK_TOKEN_MAX, len) == RK_OK, "sign");
    return (now_ns() - start) / CALLS;
}

static double time_hmac(EVP_MAC_CTX *ctx, const char *bytes, size_t len)
{
    unsigned char mac[32];
    size_t mac_len;
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++)
        must(EVP_MAC_init(ctx, NULL, 0, NULL) == 1 &&
                 EVP_MAC_update(ctx, (const unsigned char *)bytes, len) == 1 &&
                 EVP_MAC_final(ctx, mac, &mac_len, sizeof(mac)) == 1,
             "hmac");
    return (now_ns() - start) / CALLS;
}

static double time_verify(const struct rk_keyring *ring, struct rk_str token)
{
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++) {
        struct rk_claims *claims = NULL;

        must(rk_token_verify(ring, token, 1767225600, RK_LEEWAY_DEFAULT, &claims, NULL) == RK_OK,
             "verify");
        rk_claims_free(claims);
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

static EVP_MAC_CTX *keyed_mac(const char *secret)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                           OSSL_PARAM_construct_end()};

    must(EVP_MAC_init(ctx, (const unsigned char *)secret, strlen(secret), params) == 1, "keying");
    EVP_MAC_free(mac);
    return ctx;
}

int main(void)
{
    static const char secret[] = "bench-secret-bench-secret-bench-secret-";
    static char token[RK_TOKEN_MAX];
    static double mints[ROUNDS], signs[ROUNDS], hmacs[ROUNDS], verifies[ROUNDS];
    struct rk_key *key = NULL;
    struct rk_keyring *ring = NULL;
    struct rk_signer *signer = NULL;
    struct rk_claims *claims = NULL;
    EVP_MAC_CTX *ctx = keyed_mac(secret);
    size_t len = 0, signed_len;

    must(rk_key_new(str("APIbenchbench"), str(secret), &key) == RK_OK, "key");
    must(rk_signer_new(key, &signer) == RK_OK && rk_claims_new(&claims) == RK_OK, "signer");
    must(rk_keyring_new(&ring) == RK_OK && rk_keyring_add(ring, &key) == RK_OK, "ring");
    (void)time_mint(signer, claims, token, &len);
    signed_len = len - 44; /* without the dot and 43 characters of signature */
    for (int i = 0; i < ROUNDS; i++) {
        mints[i] = time_mint(signer, claims, token, &len);
        signs[i] = time_sign(signer, claims, token, &len);
        hmacs[i] = time_hmac(ctx, token, signed_len);
        verifies[i] = time_verify(ring, (struct rk_str){token, len});
    }
    (void)printf("{\"token_bytes\": %zu, \"signed_bytes\": %zu, \"mint_ns\": %.0f, \"sign_ns\": "
                 "%.0f, \"hmac_ns\": "
                 "%.0f, \"verify_ns\": %.0f}\n",
                 len, signed_len, median(mints), median(signs), median(hmacs), median(verifies));
    EVP_MAC_CTX_free(ctx);
    rk_claims_free(claims);
    rk_signer_free(signer);
    rk_keyring_free(ring);
    return 0;
}
