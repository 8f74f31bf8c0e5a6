/*
 * test_limiter.c - the address limit: the rate, the table, and that it is exact between threads
 * (RTL-01, -02, -03, -05, -08).
 */
#include "check.h"

#include "config/addr.h"
#include "serve/limiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const uint8_t hash_key[16] = "sixteen bytes..";
static const uint64_t start = 12345 * S;

static bool mmap_fails;

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap_fails ? MAP_FAILED : __real_mmap(at, size, protection, flags, fd, offset);
}

static struct rkd_limiter *new_limiter(void)
{
    struct rkd_limiter *limiter = NULL;

    CHECK_ERR(rkd_limiter_new(hash_key, &limiter), RK_OK, "new");
    return limiter;
}

static struct rkd_addr v4(uint32_t number)
{
    struct rkd_addr addr = {.is_v4 = true, .is_set = true};

    addr.bytes[10] = addr.bytes[11] = 0xff;
    for (unsigned i = 0; i < 4; i++)
        addr.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    return addr;
}

static uint64_t key_of(const struct rkd_limiter *limiter, uint32_t number)
{
    const struct rkd_addr addr = v4(number);

    return rkd_limiter_key(limiter, &addr);
}

/* One step of a story about one bucket. */
struct step {
    char what; /* t: take, l: look, c: charge */
    uint64_t at_ms;
    int want; /* -1: allowed (or not asked), else the seconds of Retry-After */
};

static void play(const char *why, struct rkd_rate rate, const struct step *steps, size_t count)
{
    struct rkd_limiter *limiter = new_limiter();
    const uint64_t key = key_of(limiter, 1);

    for (size_t i = 0; i < count; i++) {
        const uint64_t now = start + steps[i].at_ms * MS;
        struct rkd_verdict got = {.allowed = true};

        if (steps[i].what == 't')
            got = rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key, &rate, now);
        else if (steps[i].what == 'l')
            got = rkd_limiter_look(limiter, RKD_LAYER_ADDRESS, key, &rate, now);
        else
            rkd_limiter_charge(limiter, RKD_LAYER_ADDRESS, key, &rate, now);
        if (got.allowed != (steps[i].want < 0) ||
            (steps[i].want >= 0 && got.retry_after_s != (uint32_t)steps[i].want))
            fail_msg("%s: step %zu (%c at %llu ms): allowed %d, retry after %u", why, i,
                     steps[i].what, (unsigned long long)steps[i].at_ms, got.allowed,
                     got.retry_after_s);
    }
    rkd_limiter_free(limiter);
}

#define PLAY(why, rate, ...)                                                                       \
    do {                                                                                           \
        static const struct step play_steps_[] = {__VA_ARGS__};                                    \
        play((why), (rate), play_steps_, ARRAY_LEN(play_steps_));                                  \
    } while (0)

static void test_rate(void **state)
{
    const struct rkd_rate two_per_s = {.period_ns = 500 * MS, .burst = 2};
    const struct rkd_rate hourly = {.period_ns = 3600 * S, .burst = 1};
    const struct rkd_rate off = {.period_ns = S, .burst = 0}, no_period = {.burst = 5};
    const struct rkd_rate endless = {.period_ns = UINT64_MAX, .burst = UINT32_MAX};

    (void)state;
    PLAY("RTL-01: burst, then one more", two_per_s, {'t', 0, -1}, {'t', 0, -1}, {'t', 0, 1},
         {'t', 499, 1}, {'t', 500, -1}, {'t', 500, 1});
    PLAY("RTL-02: after Retry-After it is let in", hourly, {'t', 0, -1}, {'t', 1, 3600},
         {'t', 1000, 3599}, {'t', 3599999, 1}, {'t', 3600000, -1});
    PLAY("a refusal costs nothing", two_per_s, {'t', 0, -1}, {'t', 0, -1}, {'t', 100, 1},
         {'t', 200, 1}, {'t', 300, 1}, {'t', 500, -1});
    PLAY("a pause fills the bucket, not more", two_per_s, {'t', 0, -1}, {'t', 0, -1},
         {'t', 60000, -1}, {'t', 60000, -1}, {'t', 60000, 1});
    PLAY("look charges nothing", two_per_s, {'l', 0, -1}, {'l', 0, -1}, {'l', 0, -1}, {'t', 0, -1},
         {'l', 0, -1}, {'t', 0, -1}, {'l', 0, 1}, {'l', 500, -1}, {'t', 500, -1});
    PLAY("charge never refuses, and nobody owes more than a burst", two_per_s, {'c', 0, -1},
         {'l', 0, -1}, {'c', 0, -1}, {'l', 0, 1}, {'c', 0, -1}, {'c', 0, -1}, {'c', 0, -1},
         {'l', 499, 1}, {'l', 500, -1}, {'t', 500, -1}, {'l', 500, 1});
    PLAY("off", off, {'t', 0, -1}, {'t', 0, -1}, {'c', 0, -1}, {'l', 0, -1});
    PLAY("no period", no_period, {'t', 0, -1}, {'t', 0, -1}, {'t', 0, -1});
    PLAY("nothing overflows", endless, {'t', 0, -1}, {'t', 0, (int)(((uint64_t)1 << 57) / S + 1)});
}

/* RTL-08, and a rate that was lowered: nobody waits longer than the rate of now explains. */
static void test_clock_back(void **state)
{
    const struct rkd_rate rate = {.period_ns = S, .burst = 2};
    struct rkd_limiter *limiter = new_limiter();
    const uint64_t key = key_of(limiter, 1), back = start - 3600 * S;

    (void)state;
    CHECK(rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key, &rate, start).allowed, "first");
    CHECK(!rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key, &rate, back).allowed, "in debt");
    CHECK(!rkd_limiter_look(limiter, RKD_LAYER_ADDRESS, key, &rate, back).allowed, "look too");
    CHECK(rkd_limiter_look(limiter, RKD_LAYER_ADDRESS, key, &rate, back + S).allowed, "look");
    CHECK(rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key, &rate, back + S).allowed,
          "one period later it goes on");
    CHECK(rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key, &rate, UINT64_MAX).allowed,
          "a clock beyond all years");
    rkd_limiter_free(limiter);
}

/* RTL-05 and its contraries. */
static void test_keys(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"192.0.2.1", "::1", false},
    };
    const struct rkd_addr unset = {0};
    struct rkd_limiter *limiter = new_limiter(), *other = NULL;

    (void)state;
    CHECK_ERR(rkd_limiter_new((const uint8_t *)"another sixteen.", &other), RK_OK, "new");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_addr a, b;

        CHECK_ERR(rkd_addr_parse(rki_cstr(rows[i].a), &a), RK_OK, rows[i].a);
        CHECK_ERR(rkd_addr_parse(rki_cstr(rows[i].b), &b), RK_OK, rows[i].b);
        CHECK((rkd_limiter_key(limiter, &a) == rkd_limiter_key(limiter, &b)) == rows[i].same,
              rows[i].b);
        CHECK(rkd_limiter_key(limiter, &a) != rkd_limiter_key(other, &a), "the key is secret");
    }
    CHECK(rkd_limiter_key(limiter, &unset) != 0, "never 0");
    rkd_limiter_free(other);
    rkd_limiter_free(limiter);
    rkd_limiter_free(NULL);
}

static void test_layers_and_addresses_are_apart(void **state)
{
    const struct rkd_rate one = {.period_ns = S, .burst = 1};
    struct rkd_limiter *limiter = new_limiter();

    (void)state;
    for (uint32_t n = 0; n < 1000; n++)
        for (int layer = RKD_LAYER_ADDRESS; layer <= RKD_LAYER_ROOM; layer++) {
            const uint64_t key = key_of(limiter, n);

            CHECK(rkd_limiter_take(limiter, (enum rkd_layer)layer, key, &one, start).allowed,
                  "a bucket of its own");
            CHECK(!rkd_limiter_take(limiter, (enum rkd_layer)layer, key, &one, start).allowed,
                  "and it is empty now");
        }
    CHECK(rkd_limiter_evictions(limiter) == 0, "4,000 have room");
    rkd_limiter_free(limiter);
}

static long resident_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    char *field;

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    (void)fclose(file);
    field = strchr(line, ' ');
    assert_non_null(field);
    return strtol(field, NULL, 10);
}

/*
 * RTL-03: a million addresses. An attacker in debt stays limited all the while, somebody new is
 * served, and memory stays what one mebibyte of table takes.
 */
static void test_flood(void **state)
{
    const struct rkd_rate rate = {.period_ns = 200 * MS, .burst = 60}; /* 300/m burst 60 */
    struct rkd_limiter *limiter = new_limiter();
    const uint64_t attacker = key_of(limiter, 0xffffffff);
    uint64_t now = start;
    unsigned passed = 0;
    long before, grown;

    (void)state;
    while (rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, attacker, &rate, now).allowed)
        passed++;
    CHECK(passed == 60, "a burst");

    before = resident_pages();
    passed = 0;
    for (uint32_t n = 0; n < 1000000; n++) {
        now += 1000; /* a million in a second */
        CHECK(rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, key_of(limiter, n), &rate, now).allowed,
              "somebody new is served");
        if (n % 100 == 0)
            passed +=
                rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, attacker, &rate, now).allowed ? 1 : 0;
    }
    grown = (resident_pages() - before) * sysconf(_SC_PAGESIZE);
    CHECK(passed == 4, "the attacker gets one after 200, 400, 600, 800 ms, and no more");
    CHECK(rkd_limiter_evictions(limiter) > 100000, "it was full");
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    CHECK(grown < 2 * 1024 * 1024, "memory is constant");
#else
    (void)grown; /* a sanitizer's shadow is counted too */
#endif
    rkd_limiter_free(limiter);
}

/* ---- threads ---- */

enum { THREADS = 4, ADDRESSES = 512 };

struct crowd {
    struct rkd_limiter *limiter;
    pthread_barrier_t barrier;
    const struct rkd_rate *rate;
    uint32_t rounds, takes; /* takes a thread and round */
    atomic_uint passed;
    atomic_uint per_address[ADDRESSES];
};

static void run_threads(struct crowd *crowd, void *(*body)(void *))
{
    pthread_t threads[THREADS];

    assert_int_equal(pthread_barrier_init(&crowd->barrier, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, crowd), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&crowd->barrier);
}

/* All threads take from one bucket that nobody has used before, so inserting races too. */
static void *take_one_bucket(void *ctx)
{
    struct crowd *crowd = ctx;

    for (uint32_t round = 0; round < crowd->rounds; round++) {
        const uint64_t key = key_of(crowd->limiter, round);

        (void)pthread_barrier_wait(&crowd->barrier);
        for (uint32_t i = 0; i < crowd->takes; i++)
            if (rkd_limiter_take(crowd->limiter, RKD_LAYER_ADDRESS, key, crowd->rate, start)
                    .allowed)
                atomic_fetch_add(&crowd->passed, 1);
        (void)pthread_barrier_wait(&crowd->barrier);
        if (pthread_barrier_wait(&crowd->barrier) == PTHREAD_BARRIER_SERIAL_THREAD &&
            atomic_exchange(&crowd->passed, 0) != crowd->rate->burst)
            atomic_fetch_add(&crowd->per_address[0], 1);
    }
    return NULL;
}

static void test_exact_between_threads(void **state)
{
    static const struct {
        uint32_t burst, takes, rounds;
    } rows[] = {{1, 1, 3000}, {2, 1, 3000}, {60, 250, 300}, {250, 250, 200}, {999, 250, 50}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_rate rate = {.period_ns = 60 * S, .burst = rows[i].burst};
        static struct crowd crowd;

        crowd = (struct crowd){.limiter = new_limiter(),
                               .rate = &rate,
                               .takes = rows[i].takes,
                               .rounds = rows[i].rounds};
        run_threads(&crowd, take_one_bucket);
        CHECK(atomic_load(&crowd.per_address[0]) == 0, "exactly burst of all takes pass");
        rkd_limiter_free(crowd.limiter);
    }
}

/* The same, while every set is flooded with fresh addresses: places change hands all the time. */
static void *take_in_a_flood(void *ctx)
{
    struct crowd *crowd = ctx;
    static atomic_uint next = 1U << 20;

    (void)pthread_barrier_wait(&crowd->barrier);
    for (uint32_t round = 0; round < crowd->rounds; round++)
        for (uint32_t n = 0; n < ADDRESSES; n++) {
            const struct rkd_rate cheap = {.period_ns = 1, .burst = 1};
            if (rkd_limiter_take(crowd->limiter, RKD_LAYER_ADDRESS, key_of(crowd->limiter, n),
                                 crowd->rate, start)
                    .allowed)
                atomic_fetch_add(&crowd->per_address[n], 1);
            for (unsigned i = 0; i < 8; i++)
                (void)rkd_limiter_take(crowd->limiter, RKD_LAYER_ADDRESS,
                                       key_of(crowd->limiter, atomic_fetch_add(&next, 1)), &cheap,
                                       start);
        }
    return NULL;
}

static void test_exact_in_a_flood(void **state)
{
    const struct rkd_rate rate = {.period_ns = 60 * S, .burst = 20};
    static struct crowd crowd;

    (void)state;
    crowd = (struct crowd){.limiter = new_limiter(), .rate = &rate, .rounds = 40};
    run_threads(&crowd, take_in_a_flood);
    for (uint32_t n = 0; n < ADDRESSES; n++)
        CHECK(atomic_load(&crowd.per_address[n]) == 20, "each address exactly its burst");
    CHECK(rkd_limiter_evictions(crowd.limiter) > 1000, "there was a flood");
    rkd_limiter_free(crowd.limiter);
}

/*
 * One set, fought over: two threads take from one bucket (each round it is paid off and thus the
 * first to make room), two bring 16 newcomers each into the 8 places. Nobody may lose a charge to
 * another, or be charged for another.
 */
enum { MATES = 16, FIRST = 0 };

struct fight {
    struct crowd crowd;
    uint64_t shared, mates[THREADS][MATES];
    atomic_uint number, wrong;
};

/* White box: limiter.c takes the set from the top 13 bits of key + layer * this. */
static uint64_t set_of(uint64_t key)
{
    return (key + RKD_LAYER_ADDRESS * UINT64_C(0x9e3779b97f4a7c15)) >> 51;
}

static void fight_round(struct fight *fight, unsigned me, uint64_t now)
{
    const struct rkd_rate rate = {.period_ns = 60 * S, .burst = 20};
    const struct rkd_rate two = {.period_ns = S, .burst = 2};

    for (unsigned i = 0; i < MATES; i++) {
        struct rkd_limiter *limiter = fight->crowd.limiter;

        if (me < 2) {
            if (rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, fight->shared, &rate, now).allowed)
                atomic_fetch_add(&fight->crowd.passed, 1);
        } else if (!rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, fight->mates[me][i], &two, now)
                        .allowed ||
                   !rkd_limiter_take(limiter, RKD_LAYER_ADDRESS, fight->mates[me][i], &two, now)
                        .allowed) {
            atomic_fetch_add(&fight->wrong, 1);
        }
    }
}

/* Everybody's debt is paid by the next round, the shared bucket's first. */
static void prepare_round(struct fight *fight, uint64_t now)
{
    const struct rkd_rate rate = {.period_ns = 60 * S, .burst = 20};
    const struct rkd_rate slow = {.period_ns = 600 * S, .burst = 1};

    (void)rkd_limiter_take(fight->crowd.limiter, RKD_LAYER_ADDRESS, fight->shared, &rate, now);
    for (unsigned i = 0; i < 7; i++)
        (void)rkd_limiter_take(fight->crowd.limiter, RKD_LAYER_ADDRESS, fight->mates[0][i], &slow,
                               now);
}

static void *fight_for_a_set(void *ctx)
{
    struct fight *fight = ctx;
    const unsigned me = atomic_fetch_add(&fight->number, 1);
    uint64_t now = start;

    for (uint32_t round = 0; round < fight->crowd.rounds; round++) {
        if (pthread_barrier_wait(&fight->crowd.barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            if (round != 0 && atomic_exchange(&fight->crowd.passed, 0) != 20)
                atomic_fetch_add(&fight->wrong, 1);
            prepare_round(fight, now + 20 * 60 * S);
        }
        now += 40 * 60 * S;
        (void)pthread_barrier_wait(&fight->crowd.barrier);
        fight_round(fight, me, now);
    }
    return NULL;
}

static void test_fight_for_a_set(void **state)
{
    static struct fight fight;
    unsigned found = 0;

    (void)state;
    fight = (struct fight){.crowd.limiter = new_limiter(), .crowd.rounds = 20000};
    fight.shared = key_of(fight.crowd.limiter, FIRST);
    for (uint32_t n = FIRST + 1; found < THREADS * MATES; n++) {
        const uint64_t key = key_of(fight.crowd.limiter, n);

        if (set_of(key) == set_of(fight.shared)) {
            fight.mates[found / MATES][found % MATES] = key;
            found++;
        }
    }
    run_threads(&fight.crowd, fight_for_a_set);
    CHECK(atomic_load(&fight.wrong) == 0, "every charge went where it belongs");
    CHECK(rkd_limiter_evictions(fight.crowd.limiter) > 1000, "it was a fight");
    rkd_limiter_free(fight.crowd.limiter);
}

static void test_no_memory(void **state)
{
    struct rkd_limiter *limiter = NULL;

    (void)state;
    mmap_fails = true;
    CHECK_ERR(rkd_limiter_new(hash_key, &limiter), RK_E_NOMEM, "no memory");
    mmap_fails = false;
    assert_null(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_layers_and_addresses_are_apart),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_exact_between_threads),
        cmocka_unit_test(test_exact_in_a_flood),
        cmocka_unit_test(test_fight_for_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
