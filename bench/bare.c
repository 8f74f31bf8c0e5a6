/*
 * bare.c SIGNED-BYTES - what libcrypto alone takes to verify a signature over that many bytes:
 * RS256 (2048 bits) and ES256, the key's context kept between calls. The floor of a caller's token.
 *
 * Prints JSON: nanoseconds, medians of interleaved rounds.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, CALLS = 1000, SIGNED_MAX = 8192, SIG_MAX = 512 };

struct subject {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    unsigned char sig[SIG_MAX];
    size_t sig_len;
    double ns[ROUNDS];
};

static void must(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "bench verify: %s failed\n", what);
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void prepare(struct subject *s, const unsigned char *bytes, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    must(md != NULL && s->key != NULL, "key");
    s->sig_len = sizeof(s->sig);
    must(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, s->key) == 1 &&
             EVP_DigestSign(md, s->sig, &s->sig_len, bytes, len) == 1,
         "sign");
    EVP_MD_CTX_free(md);
    s->ctx = EVP_PKEY_CTX_new(s->key, NULL);
    must(s->ctx != NULL && EVP_PKEY_verify_init(s->ctx) == 1 &&
             EVP_PKEY_CTX_set_signature_md(s->ctx, EVP_sha256()) == 1,
         "context");
}

static double time_verify(struct subject *s, EVP_MD *sha256, const unsigned char *bytes, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char digest[32];
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++)
        must(EVP_DigestInit_ex2(md, sha256, NULL) == 1 && EVP_DigestUpdate(md, bytes, len) == 1 &&
                 EVP_DigestFinal_ex(md, digest, NULL) == 1 &&
                 EVP_PKEY_verify(s->ctx, s->sig, s->sig_len, digest, sizeof(digest)) == 1,
             "verify");
    const double took = now_ns() - start;

    EVP_MD_CTX_free(md);
    return took / CALLS;
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

int main(int argc, char **argv)
{
    static unsigned char bytes[SIGNED_MAX];
    const size_t len = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct subject rsa = {.key = EVP_RSA_gen(2048)}, ec = {.key = EVP_EC_gen("P-256")};
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);

    must(len > 0 && len <= sizeof(bytes), "SIGNED-BYTES");
    prepare(&rsa, bytes, len);
    prepare(&ec, bytes, len);
    for (int i = 0; i < ROUNDS; i++) {
        rsa.ns[i] = time_verify(&rsa, sha256, bytes, len);
        ec.ns[i] = time_verify(&ec, sha256, bytes, len);
    }
    (void)printf("{\"rs256_ns\": %.0f, \"es256_ns\": %.0f}\n", median(rsa.ns), median(ec.ns));
    EVP_PKEY_CTX_free(rsa.ctx);
    EVP_PKEY_CTX_free(ec.ctx);
    EVP_PKEY_free(rsa.key);
    EVP_PKEY_free(ec.key);
    EVP_MD_free(sha256);
    return 0;
}
