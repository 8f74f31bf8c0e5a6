/*
 * test_time.c - dates against those of another calendar implementation (Python's datetime).
 */
#include "check.h"

#include "core/time.h"

static void test_iso(void **state)
{
    static const struct {
        int64_t ms;
        struct rk_str want;
        unsigned weekday;
    } rows[] = {
        {0, RK_STR_INIT("1970-01-01T00:00:00.000Z"), 4},
        {-1, RK_STR_INIT("1969-12-31T23:59:59.999Z"), 3},
        {1767225600000, RK_STR_INIT("2026-01-01T00:00:00.000Z"), 4},
        {951782400000, RK_STR_INIT("2000-02-29T00:00:00.000Z"), 2},
        {951868799999, RK_STR_INIT("2000-02-29T23:59:59.999Z"), 2},
        {951868800000, RK_STR_INIT("2000-03-01T00:00:00.000Z"), 3},
        {1709208305007, RK_STR_INIT("2024-02-29T12:05:05.007Z"), 4},
        {4107542400000, RK_STR_INIT("2100-03-01T00:00:00.000Z"), 1},
        {-62167219200000, RK_STR_INIT("0000-01-01T00:00:00.000Z"), 6},
        {253402300799999, RK_STR_INIT("9999-12-31T23:59:59.999Z"), 5},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[RKI_ISO_MS_LEN];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        rki_buf_iso_ms(&buf, rows[i].ms);
        CHECK(!buf.overflow, "24 bytes suffice");
        CHECK_STR(rki_buf_str(&buf), rows[i].want, "iso");
        CHECK(rki_civil_from_ms(rows[i].ms).weekday == rows[i].weekday, rows[i].want.ptr);
    }
}

static void test_beyond(void **state)
{
    char text[RKI_ISO_MS_LEN];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    rki_buf_iso_ms(&buf, INT64_MAX);
    CHECK_STR(rki_buf_str(&buf), RK_STR("9999-12-31T23:59:59.999Z"), "clamped above");
    buf.len = 0;
    rki_buf_iso_ms(&buf, INT64_MIN);
    CHECK_STR(rki_buf_str(&buf), RK_STR("0000-01-01T00:00:00.000Z"), "clamped below");
    buf = rki_buf_over(text, sizeof(text) - 1);
    rki_buf_iso_ms(&buf, 0);
    CHECK(buf.overflow, "one byte short");
}

/* Every day of 800 years follows the one before. */
static void test_every_day(void **state)
{
    struct rki_civil last = rki_civil_from_ms(-12622780800000); /* 1570-01-01 */

    (void)state;
    for (int64_t day = -146097 + 1; day < 146097; day++) {
        struct rki_civil now = rki_civil_from_ms(day * 86400000);

        CHECK(now.weekday == (last.weekday + 1) % 7, "weekdays go round");
        if (now.day != 1) {
            CHECK(now.day == last.day + 1 && now.month == last.month && now.year == last.year,
                  "the next day of the month");
        } else {
            CHECK(last.day >= 28 && last.day <= 31, "months have 28 to 31 days");
            CHECK(now.month == last.month % 12 + 1, "the next month");
            CHECK(now.year == last.year + (now.month == 1), "the next year");
        }
        last = now;
    }
    CHECK(last.year == 2369 && last.month == 12 && last.day == 31, "and it ends where it must");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_every_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
