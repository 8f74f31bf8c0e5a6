/*
 * test_core_alloc.c - everything in the minting half that allocates, with the 1st, 2nd, ... nth
 * allocation failing: RK_E_NOMEM (or RK_E_CRYPTO from libcrypto), nothing leaked, nothing half
 * done.
 */
#include "check.h"

#include "alloc_fail.h"
#include "core/claims.h"
#include "core/key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <roomkey/roomkey.h>
#include <stdio.h>
#include <unistd.h>

static char token[4096];
static bool crypto_fails; /* whether libcrypto's allocations count in the sweep */

typedef enum rk_err (*job_fn)(void);

static enum rk_err make_key(void)
{
    struct rk_key *key = NULL;
    enum rk_err err = rk_key_new(RK_STR("k"), RK_STR("s"), &key);

    CHECK((err == RK_OK) == (key != NULL), "all or nothing");
    rk_key_free(key);
    return err;
}

static enum rk_err load_key(void)
{
    struct rk_key *key = NULL;
    char path[] = "/tmp/rk-test-alloc-XXXXXX";
    int fd = mkstemp(path);
    enum rk_err err;

    CHECK(fd >= 0 && write(fd, "s\n", 2) == 2, "a file");
    err = rk_key_load(RK_STR("k"), path, &key, NULL);
    CHECK((err == RK_OK) == (key != NULL), "all or nothing");
    rk_key_free(key);
    (void)close(fd);
    (void)unlink(path);
    return err;
}

static enum rk_err make_ring(void)
{
    struct rk_keyring *ring = NULL;
    enum rk_err err = rk_keyring_new(&ring);

    CHECK((err == RK_OK) == (ring != NULL), "all or nothing");
    rk_keyring_free(ring);
    return err;
}

static enum rk_err sign_once(void)
{
    struct rk_key *key = NULL;
    struct rk_claims *claims = NULL;
    size_t len = 0;
    enum rk_err err = rk_key_new(RK_STR("k"), RK_STR("s"), &key);

    if (err == RK_OK)
        err = rk_claims_new(&claims);
    if (err == RK_OK)
        err = rk_claims_set_identity(claims, RK_STR("a"));
    if (err == RK_OK)
        err = rk_claims_set_room(claims, RK_STR("r"));
    if (err == RK_OK)
        err = rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true);
    if (err == RK_OK)
        err = rk_token_sign(key, claims, 1, token, sizeof(token), &len);
    CHECK((err == RK_OK) == (len != 0), "all or nothing");
    rk_claims_free(claims);
    rk_key_free(key);
    return err;
}

static enum rk_err sign_js(void)
{
    struct rk_key *key = NULL;
    struct rk_signer *signer = NULL;
    struct rk_claims *claims = NULL;
    size_t len = 0;
    enum rk_err err = rk_key_new(RK_STR("k"), RK_STR("s"), &key);

    if (err == RK_OK)
        err = rk_signer_new(key, &signer);
    if (err == RK_OK)
        err = rk_claims_new(&claims);
    if (err == RK_OK)
        err =
            rk_claims_set_room_config(claims, RK_STR("{\"agents\":[{\"agentName\":\"b\"}]}"), NULL);
    if (err == RK_OK)
        err = rk_claims_set_extra(claims, RK_STR("x"), RK_STR("[1]"), NULL);
    if (err == RK_OK)
        err = rk_signer_sign_js(signer, claims, 1, token, sizeof(token), &len);
    CHECK((err == RK_OK) == (len != 0), "all or nothing");
    rk_claims_free(claims);
    rk_signer_free(signer);
    rk_key_free(key);
    return err;
}

static enum rk_err load_claims(void)
{
    struct rk_str json = RK_STR(
        "{\"sub\":\"a\",\"video\":{\"room\":\"r\"},\"x\":{\"y\":[1,2]},\"attributes\":{\"a\":"
        "\"b\"},\"roomConfig\":{\"agents\":[{\"agentName\":\"b\",\"metadata\":\"m\"}]}}");
    struct rk_claims *claims = NULL;
    enum rk_err err = rk_claims_new(&claims);

    if (err == RK_OK) {
        err = rk_claims_load_json(claims, json, NULL);
        CHECK((err == RK_OK) == (rk_claims_identity(claims).ptr != NULL), "empty after a failure");
    }
    rk_claims_free(claims);
    return err;
}

/* Growth: a setter that fails leaves what was set. */
static enum rk_err grow_claims(void)
{
    static char text[4000];
    struct rk_claims *claims = NULL;
    enum rk_err err = rk_claims_new(&claims);

    memset(text, 'm', sizeof(text));
    if (err == RK_OK)
        err = rk_claims_set_identity(claims, RK_STR("alice"));
    for (size_t len = 500; err == RK_OK && len <= sizeof(text); len += 500) {
        err = rk_claims_set_metadata(claims, rki_str(text, len));
        CHECK(rk_claims_metadata(claims).len == (err == RK_OK ? len : len - 500), "or as before");
        CHECK_STR(rk_claims_identity(claims), RK_STR("alice"), "still there");
    }
    rk_claims_free(claims);
    return err;
}

/*
 * What a job may say when an allocation failed in it. Two libraries know less than we do: jansson
 * calls some of its failures malformed text (see test_json.c), and libcrypto does without some of
 * what it asks for, or fails without a reason.
 */
static bool is_said(enum rk_err err)
{
    return err == RK_E_NOMEM || err == RK_E_MALFORMED ||
           (crypto_fails && (err == RK_E_CRYPTO || err == RK_OK));
}

static void sweep(job_fn job, size_t least)
{
    size_t n, no_memory = 0;

    CHECK_ERR(job(), RK_OK, "with all the memory there is"); /* also warms up the libraries */
    for (n = 1; n < 1000; n++) {
        enum rk_err err;

        alloc_fail_at(n);
        err = job();
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, "none failed");
            break;
        }
        if (!is_said(err))
            CHECK_ERR(err, RK_E_NOMEM, "it said so");
        no_memory += err == RK_E_NOMEM;
    }
    CHECK(n > least && n < 1000, "as many allocations as there must be");
    CHECK(no_memory != 0, "some of them ours");
}

static void test_sweep(void **state)
{
    (void)state;
    sweep(make_key, 1);
    sweep(load_key, 1);
    sweep(make_ring, 1);
    sweep(sign_once, 5);
    sweep(sign_js, 8);
    sweep(load_claims, 5);
    sweep(grow_claims, 4);
}

/* A warm claims object and a signer: no allocation of ours at all. */
static void test_warm_mint(void **state)
{
    struct rk_key *key = NULL;
    struct rk_signer *signer = NULL;
    struct rk_claims *claims = NULL;

    (void)state;
    CHECK_ERR(rk_key_new(RK_STR("k"), RK_STR("s"), &key), RK_OK, "key");
    CHECK_ERR(rk_signer_new(key, &signer), RK_OK, "signer");
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    for (int i = 0; i < 100; i++) {
        size_t len = 0;

        if (i > 0)
            alloc_fail_at(1);
        rk_claims_reset(claims);
        CHECK_ERR(rk_claims_set_identity(claims, RK_STR("a")), RK_OK, "set");
        CHECK_ERR(rk_claims_set_room(claims, RK_STR("r")), RK_OK, "set");
        CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("k"), RK_STR("v")), RK_OK, "set");
        CHECK_ERR(rki_claims_set_room_config_raw(claims, RK_STR("{\"name\":\"n\"}")), RK_OK, "set");
        CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "set");
        /* libcrypto's own allocations go through its functions, which main() points past us */
        CHECK_ERR(rk_signer_sign(signer, claims, 1, token, sizeof(token), &len), RK_OK, "sign");
        CHECK(!alloc_fail_hit(), "nothing allocated");
    }
    rk_claims_free(claims);
    rk_signer_free(signer);
    rk_key_free(key);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return crypto_fails ? __wrap_malloc(size) : __real_malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return crypto_fails ? __wrap_realloc(ptr, size) : __real_realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

static void test_sweep_with_libcrypto(void **state)
{
    (void)state;
    crypto_fails = true;
    sweep(sign_once, 10);
    sweep(sign_js, 10);
    crypto_fails = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_warm_mint),
        cmocka_unit_test(test_sweep_with_libcrypto),
    };

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    json_set_alloc_funcs(alloc_fail_jansson, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
