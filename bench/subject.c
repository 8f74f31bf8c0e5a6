/*
 * subject.c - verifies the same signature again and again, with everything kept that can be.
 */
#include "subject.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIG_MAX = 512 };

struct bench_subject {
    EVP_PKEY_CTX *ctx;
    EVP_MD *sha256;
    EVP_MD_CTX *hash;
    unsigned char sig[SIG_MAX];
    size_t sig_len, len;
    unsigned char bytes[];
};

static void must(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "bench subject: %s failed\n", what);
        exit(1);
    }
}

struct bench_subject *bench_subject_new(const char *alg, size_t signed_bytes)
{
    struct bench_subject *s = calloc(1, sizeof(*s) + signed_bytes);
    EVP_PKEY *key = strcmp(alg, "rs256") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

    must(s != NULL && key != NULL, "key");
    s->len = signed_bytes;
    s->sig_len = sizeof(s->sig);
    s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    s->hash = EVP_MD_CTX_new();
    must(s->sha256 != NULL && s->hash != NULL, "digest");
    must(EVP_DigestSignInit(s->hash, NULL, s->sha256, NULL, key) == 1 &&
             EVP_DigestSign(s->hash, s->sig, &s->sig_len, s->bytes, s->len) == 1 &&
             EVP_MD_CTX_reset(s->hash) == 1,
         "sign");
    s->ctx = EVP_PKEY_CTX_new(key, NULL);
    must(s->ctx != NULL && EVP_PKEY_verify_init(s->ctx) == 1 &&
             EVP_PKEY_CTX_set_signature_md(s->ctx, s->sha256) == 1,
         "context");
    EVP_PKEY_free(key); /* the context holds its own reference */
    return s;
}

void bench_subject_verify(struct bench_subject *s)
{
    unsigned char digest[32];

    must(EVP_DigestInit_ex2(s->hash, s->sha256, NULL) == 1 &&
             EVP_DigestUpdate(s->hash, s->bytes, s->len) == 1 &&
             EVP_DigestFinal_ex(s->hash, digest, NULL) == 1 &&
             EVP_PKEY_verify(s->ctx, s->sig, s->sig_len, digest, sizeof(digest)) == 1,
         "verify");
}
