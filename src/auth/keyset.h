/*
 * keyset.h - the inside of a key set: public keys, and which of them a token means.
 */
#ifndef RKD_AUTH_KEYSET_H
#define RKD_AUTH_KEYSET_H

#include "auth/alg.h"
#include "auth/auth.h"

#include <openssl/evp.h>
#include <stdatomic.h>

enum {
    RKD_JWKS_BYTES_MAX = 512 * 1024,
    RKD_JWKS_KEYS_MAX = 100,
    RKD_KID_MAX = 256,
};

struct rkd_public_key {
    EVP_PKEY *pkey;
    enum rkd_key_type type;
    enum rkd_alg pinned;  /* the JWK's own alg; RKD_ALG_NONE: any that fits the type */
    size_t size;          /* bytes of a signature */
    struct rk_str kid;    /* ptr NULL: none */
    struct rk_str issuer; /* Entra's member of that name; ptr NULL: none */
    char *text;           /* what kid and issuer point into */
};

/*
 * One JWK (security.md s.1.5). RK_E_INVAL: not a key we use, *out_reason says why; RK_E_NOMEM.
 * *out is all zero unless RK_OK.
 */
RK_NODISCARD enum rk_err rkd_jwk_read(const json_t *jwk, struct rkd_public_key *out,
                                      const char **out_reason);
void rkd_public_key_clear(struct rkd_public_key *key);

/* jwk_key.c: the key material alone; `out->type` says which. */
RK_NODISCARD enum rk_err rkd_jwk_make_key(const json_t *jwk, struct rkd_public_key *out);

struct rkd_keyset {
    atomic_size_t refs;
    size_t count;
    struct rkd_public_key keys[];
};

enum rkd_key_choice {
    RKD_CHOICE_UNKNOWN = 0, /* no key of that kid: a refresh may bring it */
    RKD_CHOICE_MISFIT,      /* there is one, but not for that algorithm; or no kid and none fits */
    RKD_CHOICE_AMBIGUOUS,
    RKD_CHOICE_FOUND,
};

/* `kid` with ptr NULL: the token has none; then exactly one key must fit. Never tries keys. */
enum rkd_key_choice rkd_keyset_choose(const struct rkd_keyset *keyset, enum rkd_alg alg,
                                      struct rk_str kid, const struct rkd_public_key **out);

#endif
