/* W3C Trace Context: which headers are one, and what is made of them. */
#include "check.h"

#include "serve/traceparent.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define GOOD "00-" TRACE "-" SPAN "-01"

static bool reads(struct rk_str text)
{
    struct rkd_span span;

    return rkd_traceparent_read(text, &span);
}

static void test_valid(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text, written;
    } rows[] = {
        {"the standard's example", RK_STR_INIT(GOOD), RK_STR_INIT(GOOD)},
        {"not sampled", RK_STR_INIT("00-" TRACE "-" SPAN "-00"),
         RK_STR_INIT("00-" TRACE "-" SPAN "-00")},
        {"random, level 2", RK_STR_INIT("00-" TRACE "-" SPAN "-03"),
         RK_STR_INIT("00-" TRACE "-" SPAN "-03")},
        {"unknown flags are not passed on", RK_STR_INIT("00-" TRACE "-" SPAN "-fd"),
         RK_STR_INIT(GOOD)},
        {"a later version is answered in ours", RK_STR_INIT("01-" TRACE "-" SPAN "-01"),
         RK_STR_INIT(GOOD)},
        {"and may go on", RK_STR_INIT("cc-" TRACE "-" SPAN "-01-what-comes-later"),
         RK_STR_INIT(GOOD)},
        {"with nothing", RK_STR_INIT("cc-" TRACE "-" SPAN "-01-"), RK_STR_INIT(GOOD)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_span span = {.is_set = false};
        char text[64];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        CHECK(rkd_traceparent_read(rows[i].text, &span) && span.is_set, rows[i].why);
        rkd_traceparent_write(&buf, &span);
        CHECK_STR(rki_buf_str(&buf), rows[i].written, rows[i].why);
    }
}

static void test_invalid(void **state)
{
    static const struct rk_str rows[] = {
        RK_STR_INIT(""),
        RK_STR_INIT("00"),
        RK_STR_INIT("ff-" TRACE "-" SPAN "-01"),
        RK_STR_INIT("00-00000000000000000000000000000000-" SPAN "-01"),
        RK_STR_INIT("00-" TRACE "-0000000000000000-01"),
        RK_STR_INIT("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"),
        RK_STR_INIT("0G-" TRACE "-" SPAN "-01"),
        RK_STR_INIT("00-" TRACE "-" SPAN "-0g"),
        RK_STR_INIT("00-" TRACE "-" SPAN "-01-"),
        RK_STR_INIT("00-" TRACE "-" SPAN "-01x"),
        RK_STR_INIT("01-" TRACE "-" SPAN "-01x"),
        RK_STR_INIT("00-" TRACE "-" SPAN "-1"),
        RK_STR_INIT("00_" TRACE "-" SPAN "-01"),
        RK_STR_INIT("00-" TRACE "_" SPAN "-01"),
        RK_STR_INIT("00-" TRACE "-" SPAN "_01"),
        RK_STR_INIT(" " GOOD),
        RK_STR_INIT(GOOD ", " GOOD),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(!reads(rows[i]), rows[i].ptr);
}

/* Every prefix, and every byte in every place: the good one alone is good, but for other digits. */
static void test_every_byte(void **state)
{
    static const char good[] = GOOD;
    char text[sizeof(good)];

    (void)state;
    for (size_t len = 0; len < RKD_TRACEPARENT_LEN; len++)
        CHECK(!reads(rki_str(good, len)), "a prefix");
    for (size_t at = 0; at < RKD_TRACEPARENT_LEN; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const bool is_digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');

            memcpy(text, good, sizeof(good));
            text[at] = (char)byte;
            CHECK(reads(rki_str(text, RKD_TRACEPARENT_LEN)) ==
                      (good[at] == '-' ? byte == '-' : is_digit),
                  "one byte else");
        }
    }
}

static void test_a_span_of_its_own(void **state)
{
    struct rkd_random random = {0};
    struct rkd_span parent, one, two;

    (void)state;
    CHECK(rkd_traceparent_read(RK_STR(GOOD), &parent), "good");
    rkd_span_begin(&random, &parent, &one);
    rkd_span_begin(&random, &parent, &two);
    CHECK(one.is_set && memcmp(one.trace_id, TRACE, sizeof(one.trace_id)) == 0, "the same trace");
    CHECK(one.flags == 1, "and flags");
    CHECK(memcmp(one.id, parent.id, sizeof(one.id)) != 0, "not the caller's");
    CHECK(memcmp(one.id, two.id, sizeof(one.id)) != 0, "nor the one before");
    rkd_span_begin(&random, &(struct rkd_span){.is_set = false}, &one);
    CHECK(!one.is_set, "no trace, no span");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_a_span_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
