/*
 * test_random.c - buffered random bytes: never the same twice, wiped when taken, names in base32.
 */
#include "check.h"
#include "serve/random.h"

static void test_take(void **state)
{
    static struct rkd_random random;
    unsigned char seen[600][16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(seen);
         i++) { /* 9,600 bytes: the buffer is filled three times */
        CHECK(rkd_random_take(&random, seen[i], sizeof(seen[i])) == RK_OK, "take");
        for (size_t k = 0; k < i; k++)
            CHECK(memcmp(seen[i], seen[k], sizeof(seen[i])) != 0, "no 16 bytes come twice");
    }
    for (size_t i = random.left; i < RKD_RANDOM_BYTES; i++)
        CHECK(random.bytes[i] == 0, "what was taken is wiped");
}

static void test_name(void **state)
{
    static struct rkd_random random;
    char name[RKD_RANDOM_NAME], before[RKD_RANDOM_NAME] = {0};
    unsigned letters[256] = {0};
    unsigned kinds = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        CHECK(rkd_random_name(&random, name) == RK_OK, "name");
        CHECK(memcmp(name, before, sizeof(name)) != 0, "two in a row differ");
        memcpy(before, name, sizeof(name));
        for (size_t k = 0; k < sizeof(name); k++) {
            CHECK((name[k] >= 'a' && name[k] <= 'z') || (name[k] >= '2' && name[k] <= '7'),
                  "lower-case base32");
            letters[(unsigned char)name[k]]++;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        kinds += letters[i] != 0;
    CHECK(kinds == 32, "all letters occur");
    for (size_t i = 0; i < ARRAY_LEN(letters);
         i++) /* 1,000 each on average; 700 is ten standard deviations off */
        CHECK(letters[i] == 0 || (letters[i] > 700 && letters[i] < 1300), "none is favoured");
}

/* The first five bytes 0xff 0x00 0xff 0x00 0xff are 11111 11100 00000 01111 11110 00000 00111
 * 11111. */
static void test_name_bits(void **state)
{
    static struct rkd_random random;
    char name[RKD_RANDOM_NAME];

    (void)state;
    random.left = 10;
    memcpy(random.bytes, "\xff\x00\xff\x00\xff\x00\x00\x00\x00\x01", 10);
    CHECK(rkd_random_name(&random, name) == RK_OK, "name");
    CHECK(memcmp(name, "74ap6ah7aaaaaaab", sizeof(name)) == 0, "five bits a letter, in order");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_name_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
