/*
 * test_clock.c - dates of answers and log lines, against gmtime_r of the C library.
 */
#include "check.h"

#include "serve/clock.h"

#include <stdio.h>
#include <time.h>

static void check_second(int64_t second)
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct rkd_clock clock = {0};
    char want[64], iso[32];
    struct rki_buf buf = rki_buf_over(iso, sizeof(iso));
    time_t at = (time_t)second;
    struct tm tm;

    assert_non_null(gmtime_r(&at, &tm));
    (void)snprintf(want, sizeof(want), "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    CHECK_STR(rkd_clock_date(&clock, second * 1000 + 999), rki_cstr(want), "Date");

    (void)snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.007Z", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    rkd_clock_iso_ms(&buf, second * 1000 + 7);
    CHECK_STR(rki_buf_str(&buf), rki_cstr(want), "ISO");
}

/* Every day from 1970 to 2400, at a second that moves, then the ends. */
static void test_against_libc(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 157054; day++)
        check_second(day * 86400 + day * 7919 % 86400);
    check_second(951782400); /* 29 February 2000 */
    check_second(4107542399);
    check_second(253402300799);
}

static void test_known_texts(void **state)
{
    struct rkd_clock clock = {0};
    char iso[32];
    struct rki_buf buf = rki_buf_over(iso, sizeof(iso));

    (void)state;
    CHECK_STR(rkd_clock_date(&clock, 784111777000), RK_STR("Sun, 06 Nov 1994 08:49:37 GMT"),
              "RFC 9110");
    CHECK_STR(rkd_clock_date(&clock, 784111777999), RK_STR("Sun, 06 Nov 1994 08:49:37 GMT"),
              "the same second");
    CHECK_STR(rkd_clock_date(&clock, 784111778000), RK_STR("Sun, 06 Nov 1994 08:49:38 GMT"),
              "the next second");
    CHECK_STR(rkd_clock_date(&clock, 784111777000), RK_STR("Sun, 06 Nov 1994 08:49:37 GMT"),
              "a clock that went back");
    CHECK_STR(rkd_clock_date(&(struct rkd_clock){0}, 0), RK_STR("Thu, 01 Jan 1970 00:00:00 GMT"),
              "an empty cache is not the epoch");
    CHECK_STR(rkd_clock_date(&clock, -1), RK_STR("Thu, 01 Jan 1970 00:00:00 GMT"), "before");
    CHECK_STR(rkd_clock_date(&clock, INT64_MAX), RK_STR("Fri, 31 Dec 9999 23:59:59 GMT"), "after");
    rkd_clock_iso_ms(&buf, INT64_MIN);
    CHECK_STR(rki_buf_str(&buf), RK_STR("1970-01-01T00:00:00.000Z"), "before");
    buf.len = 0;
    rkd_clock_iso_ms(&buf, INT64_MAX);
    CHECK_STR(rki_buf_str(&buf), RK_STR("9999-12-31T23:59:59.999Z"), "after");
}

static void test_clocks_go(void **state)
{
    const uint64_t mono = rkd_clock_mono_ns();
    const int64_t wall = rkd_clock_wall_ms();
    const int64_t libc = (int64_t)time(NULL);

    (void)state;
    CHECK(wall / 1000 >= libc - 2 && wall / 1000 <= libc + 2, "wall clock in ms");
    while (rkd_clock_mono_ns() < mono + 1000000) /* a millisecond passes */
        ;
    CHECK(rkd_clock_wall_ms() - wall < 60000, "a millisecond is not a minute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_known_texts),
        cmocka_unit_test(test_clocks_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
