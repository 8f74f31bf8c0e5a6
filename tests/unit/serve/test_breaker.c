/* The circuit breaker of hooks (WHK-04): when it opens, for how long, who is the probe. */
#include "check.h"

#include "serve/breaker.h"

#include <stdio.h>

static struct rk_str hook(void)
{
    return RK_STR("https://hook.example/may");
}

static enum rkd_breaker_news fail_once(struct rkd_breaker *breaker, int64_t now_ms)
{
    return rkd_breaker_tell(breaker, hook(), false, false, now_ms);
}

static void open_it(struct rkd_breaker *breaker, int64_t now_ms)
{
    for (int i = 0; i < RKD_BREAKER_FAILURES - 1; i++)
        CHECK(fail_once(breaker, now_ms) == RKD_BREAKER_NOTHING, "not yet");
    CHECK(rkd_breaker_may_ask(breaker, hook(), now_ms) == RKD_BREAKER_ASK, "four are too few");
    CHECK(fail_once(breaker, now_ms) == RKD_BREAKER_OPENED, "the fifth opens it");
}

static void test_opens_after_five_in_a_row(void **state)
{
    struct rkd_breaker breaker = {{{0}}};

    (void)state;
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 0) == RKD_BREAKER_ASK, "new");
    for (int i = 0; i < 3; i++) { /* four, then a good one: never in a row */
        for (int k = 0; k < 4; k++)
            CHECK(fail_once(&breaker, 0) == RKD_BREAKER_NOTHING, "interrupted");
        CHECK(rkd_breaker_tell(&breaker, hook(), false, true, 0) == RKD_BREAKER_NOTHING,
              "it was not open");
    }
    open_it(&breaker, 100);
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 100) == RKD_BREAKER_NO, "open");
    CHECK(rkd_breaker_may_ask(&breaker, RK_STR("https://hook.example/other"), 100) ==
              RKD_BREAKER_ASK,
          "another address has its own");
}

static void test_one_probe_then_closed(void **state)
{
    struct rkd_breaker breaker = {{{0}}};

    (void)state;
    open_it(&breaker, 0);
    CHECK(rkd_breaker_may_ask(&breaker, hook(), RKD_BREAKER_OPEN_MS - 1) == RKD_BREAKER_NO,
          "not before its time");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), RKD_BREAKER_OPEN_MS) == RKD_BREAKER_PROBE,
          "the first one after it");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), RKD_BREAKER_OPEN_MS) == RKD_BREAKER_NO,
          "one probe at a time");
    CHECK(rkd_breaker_tell(&breaker, hook(), true, true, 6000) == RKD_BREAKER_CLOSED, "back");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 6000) == RKD_BREAKER_ASK, "closed");
    open_it(&breaker, 6000);
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 6000 + RKD_BREAKER_OPEN_MS) == RKD_BREAKER_PROBE,
          "it begins at 5 s again");
}

static void test_doubles_to_a_minute(void **state)
{
    static const int64_t lasts[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct rkd_breaker breaker = {{{0}}};
    int64_t now = 0;

    (void)state;
    open_it(&breaker, now);
    for (size_t i = 0; i < ARRAY_LEN(lasts); i++) {
        CHECK(rkd_breaker_may_ask(&breaker, hook(), now + lasts[i] - 1) == RKD_BREAKER_NO,
              "still open");
        now += lasts[i];
        CHECK(rkd_breaker_may_ask(&breaker, hook(), now) == RKD_BREAKER_PROBE, "a probe");
        CHECK(rkd_breaker_tell(&breaker, hook(), true, false, now) == RKD_BREAKER_NOTHING,
              "open all along");
    }
}

/* 64 may have been under way when it opened. */
static void test_late_answers(void **state)
{
    struct rkd_breaker breaker = {{{0}}};

    (void)state;
    open_it(&breaker, 0);
    for (int i = 0; i < 64; i++)
        CHECK(fail_once(&breaker, 4000) == RKD_BREAKER_NOTHING, "late");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 5000) == RKD_BREAKER_PROBE, "not prolonged");
    CHECK(fail_once(&breaker, 5001) == RKD_BREAKER_NOTHING, "late, while a probe is under way");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 5001) == RKD_BREAKER_NO, "the probe goes on");
    CHECK(rkd_breaker_tell(&breaker, hook(), false, true, 5002) == RKD_BREAKER_CLOSED,
          "a late good answer is a good answer");
    CHECK(rkd_breaker_tell(&breaker, hook(), true, false, 5003) == RKD_BREAKER_NOTHING,
          "one failure, by now");
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 5003) == RKD_BREAKER_ASK, "closed");
}

static void test_a_probe_that_is_called_off(void **state)
{
    struct rkd_breaker breaker = {{{0}}};

    (void)state;
    rkd_breaker_give_back(&breaker, hook()); /* there is none: nothing */
    open_it(&breaker, 0);
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 5000) == RKD_BREAKER_PROBE, "a probe");
    rkd_breaker_give_back(&breaker, hook());
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 5000) == RKD_BREAKER_PROBE, "the next is");
}

static void test_a_full_table(void **state)
{
    struct rkd_breaker breaker = {{{0}}};
    char url[32];

    (void)state;
    for (unsigned i = 0; i < RKD_BREAKER_ROWS; i++) {
        const int len = snprintf(url, sizeof(url), "https://%u.example/", i);

        for (int k = 0; k < (i == 7 ? 1 : RKD_BREAKER_FAILURES); k++)
            (void)rkd_breaker_tell(&breaker, rki_str(url, (size_t)len), false, false, 0);
    }
    open_it(&breaker, 0); /* in the place of the closed one */
    CHECK(rkd_breaker_may_ask(&breaker, hook(), 0) == RKD_BREAKER_NO, "it got a row");
    CHECK(rkd_breaker_may_ask(&breaker, RK_STR("https://63.example/"), 0) == RKD_BREAKER_NO,
          "an open one keeps its row");
    for (int k = 0; k < 9; k++)
        CHECK(rkd_breaker_tell(&breaker, RK_STR("https://7.example/"), false, false, 0) ==
                  RKD_BREAKER_NOTHING,
              "no row is left");
    CHECK(rkd_breaker_may_ask(&breaker, RK_STR("https://7.example/"), 0) == RKD_BREAKER_ASK,
          "no breaker without a row");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_after_five_in_a_row),
        cmocka_unit_test(test_one_probe_then_closed),
        cmocka_unit_test(test_doubles_to_a_minute),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_a_probe_that_is_called_off),
        cmocka_unit_test(test_a_full_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
