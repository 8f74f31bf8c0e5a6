/*
 * random.c - buffered random bytes.
 *
 * May touch: its arguments, libcrypto's generator. Nothing else.
 */
#include "serve/random.h"

#include <openssl/rand.h>

enum rk_err rkd_random_take(struct rkd_random *random, void *out, size_t count)
{
    if (count > random->left) {
        if (RAND_bytes(random->bytes, RKD_RANDOM_BYTES) != 1) {
            random->left = 0;
            return RK_E_CRYPTO;
        }
        random->left = RKD_RANDOM_BYTES;
    }
    random->left -= count;
    memcpy(out, random->bytes + random->left, count);
    rk_wipe(random->bytes + random->left, count);
    return RK_OK;
}

enum rk_err rkd_random_name(struct rkd_random *random, char out[RKD_RANDOM_NAME])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bytes[RKD_RANDOM_NAME / 8 * 5];
    enum rk_err err = rkd_random_take(random, bytes, sizeof(bytes));

    if (err != RK_OK)
        return err;
    for (size_t i = 0; i < RKD_RANDOM_NAME; i++) {
        size_t bit = i * 5, at = bit / 8, shift = bit % 8;
        unsigned pair = (unsigned)bytes[at] << 8 | (at + 1 < sizeof(bytes) ? bytes[at + 1] : 0u);

        out[i] = letters[pair >> (11 - shift) & 31];
    }
    return RK_OK;
}
