/*
 * test_core_threads.c - what the headers say may be shared is shared by two threads: a key, a ring,
 * claims that are only read, rk_token_sign. Run under tsan.
 */
#include "check.h"

#include <pthread.h>
#include <roomkey/roomkey.h>

enum {
    THREADS = 2,
    ROUNDS = 200,
};

struct shared {
    struct rk_keyring *ring;
    struct rk_claims *claims;
};

struct worker {
    pthread_t thread;
    const struct shared *shared;
    enum rk_err err;
    size_t len;
    char token[1024];
};

static enum rk_err mint(struct worker *worker, struct rk_signer *signer, struct rk_claims *own)
{
    const struct rk_key *key = rk_keyring_find(worker->shared->ring, RK_STR("k"));
    enum rk_err err = rk_token_sign(key, worker->shared->claims, 7, worker->token,
                                    sizeof(worker->token), &worker->len);
    char other[1024];
    size_t len = 0;

    rk_claims_reset(own);
    if (err == RK_OK)
        err = rk_claims_set_identity(own, rk_claims_identity(worker->shared->claims));
    if (err == RK_OK)
        err = rk_claims_set_grant(own, RK_GRANT_ROOM_LIST, true);
    if (err == RK_OK)
        err = rk_signer_sign(signer, own, 7, other, sizeof(other), &len);
    return err;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct rk_signer *signer = NULL;
    struct rk_claims *own = NULL;
    enum rk_err err = rk_signer_new(rk_keyring_find(worker->shared->ring, RK_STR("k")), &signer);

    if (err == RK_OK)
        err = rk_claims_new(&own);
    for (int i = 0; err == RK_OK && i < ROUNDS; i++)
        err = mint(worker, signer, own);
    rk_claims_free(own);
    rk_signer_free(signer);
    worker->err = err;
    return NULL;
}

static void test_two_threads(void **state)
{
    static struct worker workers[THREADS];
    struct shared shared = {NULL, NULL};
    struct rk_key *key = NULL;

    (void)state;
    CHECK_ERR(rk_key_new(RK_STR("k"), RK_STR("secret"), &key), RK_OK, "key");
    CHECK_ERR(rk_keyring_new(&shared.ring), RK_OK, "ring");
    CHECK_ERR(rk_keyring_add(shared.ring, &key), RK_OK, "add");
    CHECK_ERR(rk_claims_new(&shared.claims), RK_OK, "claims");
    CHECK_ERR(rk_claims_set_identity(shared.claims, RK_STR("alice")), RK_OK, "set");
    CHECK_ERR(rk_claims_set_room(shared.claims, RK_STR("r")), RK_OK, "set");
    CHECK_ERR(rk_claims_set_grant(shared.claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "set");
    for (int i = 0; i < THREADS; i++) {
        workers[i].shared = &shared;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "thread");
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0, "join");
        CHECK_ERR(workers[i].err, RK_OK, "worked");
        CHECK_STR(rki_str(workers[i].token, workers[i].len),
                  rki_str(workers[0].token, workers[0].len), "the same token");
    }
    rk_claims_free(shared.claims);
    rk_keyring_free(shared.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
