/*
 * test_auth_threads.c - key sets swapped by one thread while others verify with them; for the
 * thread sanitizer, and for the address sanitizer's sake: the last one out frees.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ROUNDS = 400, SWAPS = 4000 };

struct shared {
    pthread_mutex_t lock; /* over `current`, as the keeper publishes it */
    struct rkd_keyset *current;
    const struct rkd_auth *auth;
    const char *token;
    atomic_uint good;
};

static struct rkd_keyset *take(struct shared *shared)
{
    struct rkd_keyset *set;

    (void)pthread_mutex_lock(&shared->lock);
    set = rkd_keyset_ref(shared->current);
    (void)pthread_mutex_unlock(&shared->lock);
    return set;
}

static void *verify(void *arg)
{
    struct shared *shared = arg;
    struct rkd_verifier *verifier = NULL;
    const struct rkd_credentials credentials = {.authorization = rki_cstr(shared->token)};

    if (rkd_verifier_new(&verifier) != RK_OK)
        return NULL;
    for (int i = 0; i < ROUNDS; i++) {
        struct rkd_keyset *sets[2] = {take(shared), NULL};
        const struct rkd_auth_in in = {.credentials = &credentials, .keysets = sets, .now_s = NOW};
        struct rkd_caller caller;
        struct rkd_auth_out out;

        if (rkd_auth_identify(shared->auth, verifier, &in, &caller, &out) == RKD_AUTH_OK)
            atomic_fetch_add(&shared->good, 1);
        rkd_caller_clear(&caller);
        rkd_keyset_unref(sets[0]);
    }
    rkd_verifier_free(verifier);
    return NULL;
}

static void test_swap(void **state)
{
    struct fx *fx = fx_new();
    struct shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .auth = fx->auth};
    char *token = jwt_make(fx->keys[FX_EC], "ES256", RK_STR("{\"alg\":\"ES256\",\"kid\":\"ec\"}"),
                           RK_STR(CLAIMS));
    const size_t size = strlen(token) + 8;
    char *header = malloc(size);
    pthread_t threads[2];

    (void)state;
    CHECK(header != NULL, "memory");
    memcpy(header, "Bearer ", 7);
    memcpy(header + 7, token, size - 7);
    shared.token = header;
    shared.current = fx_keyset(fx);
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, verify, &shared) == 0, "thread");
    for (int i = 0; i < SWAPS; i++) {
        struct rkd_keyset *next = i % 20 == 0 ? fx_keyset(fx) : rkd_keyset_ref(fx->sets[0]), *old;

        (void)pthread_mutex_lock(&shared.lock);
        old = shared.current;
        shared.current = next;
        (void)pthread_mutex_unlock(&shared.lock);
        rkd_keyset_unref(old);
    }
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(atomic_load(&shared.good) == 2 * ROUNDS, "every one verified");
    rkd_keyset_unref(shared.current);
    free(header);
    free(token);
    fx_free(fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_swap)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
