/*
 * test_spare.c - what libcrypto frees is kept, wiped and given again, in bounds; and a signature is
 * verified without asking malloc for more than small change.
 */
#include "check.h"

#include "serve/spare.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What spare.c asked malloc for, above what it never keeps. */
static unsigned asked;
static bool malloc_fails;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    if (size > RKD_SPARE_LEAST / 2)
        asked++;
    return malloc_fails ? NULL : __real_malloc(size);
}

static void *take(size_t size)
{
    return rkd_spare_malloc(size, __FILE__, __LINE__);
}

static void give(void *block)
{
    rkd_spare_free(block, __FILE__, __LINE__);
}

static bool is_blank(const unsigned char *block, size_t size)
{
    unsigned char any = 0;

    for (size_t i = 0; i < size; i++)
        any |= block[i];
    return any == 0;
}

/* The exit code of a child that does this, 1 for one that a signal ended. */
static int in_a_child(int (*fn)(void))
{
    int status = 0;
    pid_t child = fork();

    CHECK(child >= 0, "fork");
    if (child == 0)
        _exit(fn());
    CHECK(waitpid(child, &status, 0) == child, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int start_late(void)
{
    OPENSSL_free(OPENSSL_malloc(8));
    return rkd_spare_start() ? 0 : 2;
}

/* Must be the first that makes libcrypto allocate. */
static void test_a_signature(void **state)
{
    unsigned char sig[256], digest[32] = {1};
    size_t len = sizeof(sig);
    EVP_PKEY_CTX *signs, *verifies;
    EVP_PKEY *key;

    (void)state;
    CHECK(in_a_child(start_late) == 2, "too late");
    CHECK(rkd_spare_start(), "before anything");
    key = EVP_RSA_gen(2048);
    CHECK(key != NULL, "key");
    signs = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    verifies = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    CHECK(EVP_PKEY_sign_init(signs) == 1 && EVP_PKEY_verify_init(verifies) == 1, "init");
    CHECK(EVP_PKEY_sign(signs, sig, &len, digest, sizeof(digest)) == 1, "sign");
    CHECK(EVP_PKEY_verify(verifies, sig, len, digest, sizeof(digest)) == 1, "verify");
    asked = 0;
    for (int i = 0; i < 100; i++)
        CHECK(EVP_PKEY_verify(verifies, sig, len, digest, sizeof(digest)) == 1, "verify again");
    CHECK(asked == 0, "all of it was kept");
    sig[9] ^= 1;
    CHECK(EVP_PKEY_verify(verifies, sig, len, digest, sizeof(digest)) != 1, "a bad one is bad");
    EVP_PKEY_CTX_free(signs);
    EVP_PKEY_CTX_free(verifies);
    EVP_PKEY_free(key);
}

enum { TRIED = 12 };

struct bound {
    size_t size;
    unsigned want, kept;
    bool failed; /* no memory, or what came back was not wiped */
};

/* How many of twelve blocks of a size, freed at once, come back without malloc. */
static void look_at(struct bound *bound)
{
    unsigned char *blocks[TRIED];

    for (unsigned i = 0; i < TRIED; i++) {
        blocks[i] = take(bound->size);
        if (blocks[i] != NULL)
            memset(blocks[i], 0x5a, bound->size);
    }
    for (unsigned i = 0; i < TRIED; i++)
        give(blocks[i]);
    for (unsigned i = 0; i < TRIED; i++) {
        asked = 0;
        blocks[i] = take(bound->size);
        bound->failed |= blocks[i] == NULL;
        if (blocks[i] != NULL && asked == 0) {
            bound->failed |= !is_blank(blocks[i], bound->size);
            bound->kept++;
        }
    }
    for (unsigned i = 0; i < TRIED; i++)
        free(blocks[i]); /* past the list: the next row finds it empty */
}

static struct bound bounds[] = {
    {.size = 129, .want = 8},  {.size = 256, .want = 8},  {.size = 257, .want = 8},
    {.size = 1024, .want = 8}, {.size = 2048, .want = 4}, {.size = 2049, .want = 2},
    {.size = 4096, .want = 2},
};

static void *run_bounds(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        look_at(&bounds[i]);
    return NULL;
}

/* In a thread of its own, whose list nobody has used. */
static void test_bounds(void **state)
{
    pthread_t thread;

    (void)state;
    CHECK(pthread_create(&thread, NULL, run_bounds, NULL) == 0, "thread");
    CHECK(pthread_join(thread, NULL) == 0, "thread");
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        CHECK(!bounds[i].failed && bounds[i].kept == bounds[i].want, "eight, and 8 KiB");
}

static void test_not_kept(void **state)
{
    void *large = take(4097), *other;

    (void)state;
    CHECK(large != NULL, "malloc");
    CHECK(take(0) == NULL, "nothing is NULL");
    give(NULL);
    give(large);
    asked = 0;
    other = take(4097);
    CHECK(other != NULL && asked == 1, "too large to keep");
    give(other);
    malloc_fails = true;
    other = take(4097);
    malloc_fails = false;
    CHECK(other == NULL, "no memory");
}

static void test_another_size(void **state)
{
    unsigned char *block = rkd_spare_realloc(NULL, 300, __FILE__, __LINE__);

    (void)state;
    CHECK(block != NULL, "from nothing");
    memset(block, 7, 300);
    block = rkd_spare_realloc(block, 3000, __FILE__, __LINE__);
    CHECK(block != NULL && block[0] == 7 && block[299] == 7, "larger");
    block = rkd_spare_realloc(block, 20, __FILE__, __LINE__);
    CHECK(block != NULL && block[0] == 7 && block[19] == 7, "smaller");
    CHECK(rkd_spare_realloc(block, 0, __FILE__, __LINE__) == NULL, "to nothing");
}

static int free_twice(void)
{
    void *block = take(500);

    (void)signal(SIGILL, SIG_DFL);
    give(block);
    give(block);
    return 0;
}

static void test_freed_twice(void **state)
{
    (void)state;
    CHECK(in_a_child(free_twice) != 0, "it goes no further");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_not_kept),    cmocka_unit_test(test_another_size),
        cmocka_unit_test(test_freed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
