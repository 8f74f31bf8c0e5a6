/*
 * test_siphash.c - SipHash-2-4 against its authors' vectors and against libcrypto's.
 */
#include "check.h"

#include "serve/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const uint8_t key_bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Appendix A of the paper, and the first and last of vectors.h of its reference code. */
static void test_authors_vectors(void **state)
{
    static const struct {
        size_t len;
        uint64_t want;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31U},
        {1, 0x74f839c593dc67fdU},
        {15, 0xa129ca6149be45e5U},
        {63, 0x958a324ceb064572U},
    };
    const struct rkd_siphash_key key = rkd_siphash_key(key_bytes);
    char input[64];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (char)i;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(rkd_siphash(&key, rki_str(input, rows[i].len)), rows[i].want);
    assert_int_equal(rkd_siphash(&key, (struct rk_str){0}), rows[0].want);
}

static uint64_t libcrypto_siphash(const uint8_t *key, const char *data, size_t len)
{
    size_t size = 8, got = 0;
    unsigned char out[8];
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    uint64_t word = 0;

    assert_int_equal(EVP_MAC_init(ctx, key, 16, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, (const unsigned char *)data, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &got, sizeof(out)), 1);
    assert_int_equal(got, 8);
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)out[i] << (8 * i);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return word;
}

static void test_against_libcrypto(void **state)
{
    char input[300];
    uint8_t key[16];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (char)(i * 131 + 17);
    for (size_t len = 0; len < sizeof(input); len++) {
        struct rkd_siphash_key ours;

        for (unsigned i = 0; i < sizeof(key); i++)
            key[i] = (uint8_t)(len * 31 + i * 7);
        ours = rkd_siphash_key(key);
        assert_int_equal(rkd_siphash(&ours, rki_str(input, len)),
                         libcrypto_siphash(key, input, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authors_vectors),
        cmocka_unit_test(test_against_libcrypto),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
