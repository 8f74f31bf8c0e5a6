/*
 * jwt_make.h - keys, JWKs and tokens of every algorithm, honest and forged, made with libcrypto and
 * nothing of src/auth: an opinion of its own.
 */
#ifndef RK_TEST_JWT_MAKE_H
#define RK_TEST_JWT_MAKE_H

#include "core/buf.h"

#include <openssl/evp.h>

struct jwt_key {
    EVP_PKEY *pkey;
    char jwk[2048]; /* public members, without braces: "kty":"RSA","n":... */
};

/* kind: "RSA-2048" and other sizes, "P-256", "P-384", "P-521", "Ed25519". Ends the program when
 * libcrypto fails. */
struct jwt_key *jwt_key_new(const char *kind);
void jwt_key_free(struct jwt_key *key);

/* Appends {"kty":...,EXTRA}; extra is "" or `"kid":"a","alg":"RS256"`. */
void jwt_key_put(const struct jwt_key *key, const char *extra, struct rki_buf *out);

/*
 * header "." payload "." signature, all base64url; the caller frees. `alg` says how it is signed,
 * whatever the header says: RS/PS/ES 256-512, EdDSA. PSS salts are of the digest's length.
 */
char *jwt_make(const struct jwt_key *key, const char *alg, struct rk_str header,
               struct rk_str payload);
/* `digest`: SHA256, SHA384, SHA512. */
char *jwt_make_hmac(struct rk_str secret, const char *digest, struct rk_str header,
                    struct rk_str payload);
/* With any signature bytes. */
char *jwt_join(struct rk_str header, struct rk_str payload, struct rk_str signature);

/* The raw signature as JWS has it; returns its length. `out` has 512 bytes. */
size_t jwt_sign(const struct jwt_key *key, const char *alg, struct rk_str text, uint8_t *out);

/* The public key as PEM, DER (SubjectPublicKeyInfo) or PKCS#1 PEM; the caller frees. */
struct rk_str jwt_key_export(const struct jwt_key *key, const char *form);

#endif
