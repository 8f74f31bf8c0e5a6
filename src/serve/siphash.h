/*
 * siphash.h - SipHash-2-4: a short keyed hash whose collisions cannot be made without the key.
 *
 * Ours, because libcrypto's (EVP_MAC "SIPHASH") allocates and looks up on each use and takes some
 * 500 ns where these forty lines take 20; the algorithm is public and fixed, and the test holds it
 * to its authors' vectors. It guards a hash table here and is no signature.
 * Threads: safe. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
#ifndef RKD_SERVE_SIPHASH_H
#define RKD_SERVE_SIPHASH_H

#include "core/str.h"

struct rkd_siphash_key {
    uint64_t word[2]; /* the 16 bytes of the key, little-endian */
};

struct rkd_siphash_key rkd_siphash_key(const uint8_t bytes[16]);
uint64_t rkd_siphash(const struct rkd_siphash_key *key, struct rk_str data);

#endif
