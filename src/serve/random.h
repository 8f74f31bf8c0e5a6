/*
 * random.h - random bytes by the buffer: RAND_bytes once per 4 KiB instead of once per token.
 *
 * What was taken is wiped. One object, one thread; the process does not fork.
 */
#ifndef RKD_RANDOM_H
#define RKD_RANDOM_H

#include "core/str.h"

enum { RKD_RANDOM_BYTES = 4096, RKD_RANDOM_NAME = 16 };

struct rkd_random {
    size_t left;
    unsigned char bytes[RKD_RANDOM_BYTES];
};

/* `count` <= RKD_RANDOM_BYTES. RK_E_CRYPTO: the generator failed, nothing may be minted. */
RK_NODISCARD enum rk_err rkd_random_take(struct rkd_random *random, void *out, size_t count);

/* 16 characters of lower-case base32, 80 bits: the {random} of semantics D8. */
RK_NODISCARD enum rk_err rkd_random_name(struct rkd_random *random, char out[RKD_RANDOM_NAME]);

#endif
