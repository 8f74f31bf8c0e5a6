/*
 * test_lag.c - who lags, who does not, and that a machine which sleeps accuses nobody.
 */
#include "serve/lag.h"

#include "check.h"

static const uint64_t ms = 1000000;

/* Three loops that beat by themselves for a while. */
struct world {
    struct rkd_lag lag;
    struct rkd_lag_view keeper, one, two;
    uint64_t now_ns;
};

static void beat_all(struct world *w, unsigned times, bool keeper, bool one, bool two)
{
    while (times-- > 0) {
        w->now_ns += RKD_LAG_BEAT_MS * ms;
        if (keeper)
            rkd_lag_beat(&w->keeper, w->now_ns);
        if (one)
            rkd_lag_beat(&w->one, w->now_ns);
        if (two)
            rkd_lag_beat(&w->two, w->now_ns);
    }
}

static void begin(struct world *w)
{
    *w = (struct world){.now_ns = 5000 * ms};
    rkd_lag_view_init(&w->keeper, &w->lag, RKD_LAG_KEEPER);
    rkd_lag_view_init(&w->one, &w->lag, RKD_LAG_WORKER);
    rkd_lag_view_init(&w->two, &w->lag, RKD_LAG_WORKER + 1);
    beat_all(w, 4, true, true, true);
}

static void test_all_beat(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    beat_all(&w, 100, true, true, true);
    CHECK(rkd_lag_is_ok(&w.keeper) && rkd_lag_is_ok(&w.one), "everybody beats");
    CHECK(rkd_lag_of(&w.one, RKD_LAG_WORKER + 1) == 0, "by nothing");
    CHECK(rkd_lag_of(&w.one, RKD_LAG_ADMIN) == 0, "a loop that never began");
    CHECK(rkd_lag_of(&w.one, RKD_LAG_LOOPS) == 0, "no such loop");
}

static void test_one_stops(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    beat_all(&w, 5, true, true, false); /* the first look still sees its last beat anew */
    CHECK(rkd_lag_is_ok(&w.keeper), "a second is not over a second");
    beat_all(&w, 2, true, true, false);
    CHECK(!rkd_lag_is_ok(&w.keeper) && !rkd_lag_is_ok(&w.one), "both others see it");
    CHECK(rkd_lag_of(&w.keeper, RKD_LAG_WORKER + 1) > RKD_LAG_MOST_MS, "by how much");
    CHECK(rkd_lag_of(&w.keeper, RKD_LAG_WORKER) == 0, "the other worker is well");
    beat_all(&w, 1, false, false, true);
    CHECK(rkd_lag_is_ok(&w.keeper), "one beat, and it is over at once");
}

static void test_the_keeper_stops(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    beat_all(&w, 8, false, true, true);
    CHECK(!rkd_lag_is_ok(&w.one), "workers watch the keeper");
    CHECK(rkd_lag_of(&w.one, RKD_LAG_KEEPER) > RKD_LAG_MOST_MS, "and know that it is the keeper");
}

/* It hangs in the very first thing it does, before its timer was ever due. */
static void test_one_never_gets_going(void **state)
{
    struct world w;

    (void)state;
    w = (struct world){.now_ns = 5000 * ms};
    rkd_lag_view_init(&w.keeper, &w.lag, RKD_LAG_KEEPER);
    rkd_lag_view_init(&w.one, &w.lag, RKD_LAG_WORKER);
    rkd_lag_beat(&w.one, w.now_ns); /* as its thread begins */
    beat_all(&w, 10, true, false, false);
    CHECK(!rkd_lag_is_ok(&w.keeper), "it has begun, and then nothing");
}

/* A stopped process, a frozen container, a machine asleep: everybody was away, nobody lags. */
static void test_a_pause(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    w.now_ns += 3600 * 1000 * ms;
    rkd_lag_beat(&w.one, w.now_ns); /* the first to run again */
    CHECK(rkd_lag_is_ok(&w.one), "the others have had no time to beat");
    beat_all(&w, 1, true, true, true);
    CHECK(rkd_lag_is_ok(&w.one) && rkd_lag_is_ok(&w.keeper), "and then they have");
}

static void test_leaving(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    rkd_lag_leave(&w.two);
    beat_all(&w, 20, true, true, false);
    CHECK(rkd_lag_is_ok(&w.keeper), "who has ended does not lag");
    beat_all(&w, 2, true, true, true);
    beat_all(&w, 20, true, true, false);
    rkd_lag_leave(&w.two);
    CHECK(rkd_lag_is_ok(&w.keeper), "and is forgiven without another look");
}

/* 2^32 beats are 34 years; what comes after must not look like "no such loop". */
static void test_the_count_wraps(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    atomic_store(&w.lag.loops[RKD_LAG_WORKER].count, UINT32_MAX);
    beat_all(&w, 1, true, true, true);
    CHECK(atomic_load(&w.lag.loops[RKD_LAG_WORKER].count) == 1, "never 0");
}

static void test_names(void **state)
{
    static const struct {
        unsigned loop;
        struct rk_str want;
    } rows[] = {{RKD_LAG_KEEPER, RK_STR_INIT("keeper")},
                {RKD_LAG_WORKER, RK_STR_INIT("worker-0")},
                {RKD_LAG_WORKER + 63, RK_STR_INIT("worker-63")},
                {RKD_LAG_ADMIN, RK_STR_INIT("admin")}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        rkd_lag_name(&buf, rows[i].loop);
        CHECK(rki_str_equal(rki_buf_str(&buf), rows[i].want), rows[i].want.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_beat),
        cmocka_unit_test(test_one_stops),
        cmocka_unit_test(test_the_keeper_stops),
        cmocka_unit_test(test_a_pause),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_the_count_wraps),
        cmocka_unit_test(test_one_never_gets_going),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
