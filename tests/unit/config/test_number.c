/* test_number.c - numbers, times, sizes, lists (src/config/number.c). */
#include "config/number.h"

#include "check.h"

static void test_number(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t want;
    } rows[] = {
        {"0", 9, true, 0},
        {"7", 9, true, 7},
        {"9", 9, true, 9},
        {"10", 9, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"07", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 99, false, 0},
        {"1e1", 99, false, 0},
        {"1.0", 99, false, 0},
        {"\xd9\xa1", 99, false, 0},
        {"5", 3, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t got = 12345;

        CHECK(rkd_number_parse(rki_cstr(rows[i].text), rows[i].max, &got) == rows[i].good,
              rows[i].text);
        CHECK(got == (rows[i].good ? rows[i].want : 12345), rows[i].text);
    }
}

static void test_time(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t want;
    } rows[] = {
        {"1ms", true, 1},         {"250ms", true, 250},
        {"5s", true, 5000},       {"10m", true, 600000},
        {"2h", true, 7200000},    {"1d", true, 86400000},
        {"2d", false, 0}, /* over the maximum of this test */
        {"86400001ms", false, 0}, {"0s", false, 0},
        {"0ms", false, 0},        {"5", false, 0},
        {"s", false, 0},          {"", false, 0},
        {"5S", false, 0},         {"5 s", false, 0},
        {"1.5s", false, 0},       {"5s ", false, 0},
        {"-5s", false, 0},        {"99999999999999999999d", false, 0}, /* CLI-05 */
        {"1h30m", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t got = 12345;

        CHECK(rkd_time_parse(rki_cstr(rows[i].text), 86400000, &got) == rows[i].good, rows[i].text);
        CHECK(got == (rows[i].good ? rows[i].want : 12345), rows[i].text);
    }
}

static void test_size(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t want;
    } rows[] = {
        {"1", true, 1},
        {"512", true, 512},
        {"64k", true, 65536},
        {"1m", true, 1048576},
        {"1024k", true, 1048576},
        {"1048576", true, 1048576},
        {"1048577", false, 0},
        {"1025k", false, 0},
        {"2m", false, 0},
        {"0", false, 0},
        {"0k", false, 0},
        {"64K", false, 0},
        {"64kb", false, 0},
        {"k", false, 0},
        {"", false, 0},
        {"1g", false, 0},
        {"18446744073709551616", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t got = 12345;

        CHECK(rkd_size_parse(rki_cstr(rows[i].text), 1048576, &got) == rows[i].good, rows[i].text);
        CHECK(got == (rows[i].good ? rows[i].want : 12345), rows[i].text);
    }
}

static void test_list(void **state)
{
    struct rk_str rest = RK_STR("a,,b,"), entry;

    (void)state;
    CHECK(rkd_list_next(&rest, ',', &entry), "first");
    CHECK_STR(entry, RK_STR("a"), "first");
    CHECK(rkd_list_next(&rest, ',', &entry), "empty one");
    CHECK_STR(entry, RK_STR(""), "empty one");
    CHECK(rkd_list_next(&rest, ',', &entry), "third");
    CHECK_STR(entry, RK_STR("b"), "third");
    CHECK(rkd_list_next(&rest, ',', &entry), "empty one at the end");
    CHECK_STR(entry, RK_STR(""), "empty one at the end");
    CHECK(!rkd_list_next(&rest, ',', &entry), "end");
    rest = RK_STR("");
    CHECK(rkd_list_next(&rest, ',', &entry), "an empty list is one empty entry");
    CHECK(!rkd_list_next(&rest, ',', &entry), "and no more");
}

static void test_visible(void **state)
{
    (void)state;
    CHECK(rkd_str_is_visible(RK_STR("/a~!")), "visible");
    CHECK(!rkd_str_is_visible(RK_STR("/a b")), "blank");
    CHECK(!rkd_str_is_visible(RK_STR("/a\x7f")), "DEL");
    CHECK(!rkd_str_is_visible(RK_STR("/a\n")), "newline");
    CHECK(!rkd_str_is_visible(RK_STR("/\xc3\xa4")), "beyond ASCII");
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        int64_t want;
    } rows[] = {
        {"1970-01-01", true, 0},
        {"2027-01-01", true, 1798761600},
        {"2000-02-29", true, 951782400},
        {"2024-12-31T23:59:59Z", true, 1735689599},
        {"2024-12-31t23:59:59z", true, 1735689599},
        {"2025-01-01T01:00:00+01:00", true, 1735689600},
        {"2024-12-31T18:30:00.999-05:30", true, 1735689600},
        {"1969-12-31", true, -86400},
        {"2023-02-29", false, 0},
        {"2100-02-29", false, 0},
        {"2027-13-01", false, 0},
        {"2027-00-01", false, 0},
        {"2027-04-31", false, 0},
        {"2027-1-1", false, 0},
        {"27-01-01", false, 0},
        {"2027-01-01 ", false, 0},
        {"2027-01-01T", false, 0},
        {"2027-01-01T12:00Z", false, 0},
        {"2027-01-01T12:00:00", false, 0},
        {"2027-01-01T24:00:00Z", false, 0},
        {"2027-01-01T12:60:00Z", false, 0},
        {"2027-01-01T12:00:60Z", false, 0},
        {"2027-01-01T12:00:00.Z", false, 0},
        {"2027-01-01T12:00:00+1:00", false, 0},
        {"2027-01-01T12:00:00+24:00", false, 0},
        {"2027-01-01T12:00:00Zx", false, 0},
        {"2027-01-01 12:00:00Z", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t got = 0;

        CHECK(rkd_date_parse(rki_cstr(rows[i].text), &got) == rows[i].is_good, rows[i].text);
        CHECK(got == rows[i].want, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates), cmocka_unit_test(test_number), cmocka_unit_test(test_time),
        cmocka_unit_test(test_size),  cmocka_unit_test(test_list),   cmocka_unit_test(test_visible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
