/* test_buf.c - the bounded buffer: numbers, JSON strings, and a failure that sticks. */
#include "check.h"
#include "core/buf.h"

static void test_int(void **state)
{
    static const struct {
        int64_t value;
        struct rk_str text;
    } rows[] = {
        {0, RK_STR_INIT("0")},
        {7, RK_STR_INIT("7")},
        {10, RK_STR_INIT("10")},
        {99, RK_STR_INIT("99")},
        {100, RK_STR_INIT("100")},
        {101, RK_STR_INIT("101")},
        {1767225600, RK_STR_INIT("1767225600")},
        {-1, RK_STR_INIT("-1")},
        {-100, RK_STR_INIT("-100")},
        {INT64_MAX, RK_STR_INIT("9223372036854775807")},
        {INT64_MIN, RK_STR_INIT("-9223372036854775808")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[20];
        struct rki_buf buf = rki_buf_over(out, sizeof(out));

        rki_buf_int(&buf, rows[i].value);
        CHECK(!buf.overflow, "fits");
        CHECK_STR(rki_buf_str(&buf), rows[i].text, "digits");
    }
}

static void test_sticky(void **state)
{
    char out[4] = "....";
    struct rki_buf buf = rki_buf_over(out, 3);

    (void)state;
    rki_buf_lit(&buf, "ab");
    rki_buf_lit(&buf, "cd"); /* does not fit: nothing of it is written */
    rki_buf_char(&buf, 'e'); /* would fit, but the buffer has failed */
    rki_buf_put(&buf, rki_str(NULL, 0));
    CHECK(buf.overflow, "stays");
    CHECK(buf.len == 2 && memcmp(out, "ab..", 4) == 0, "no byte more");

    buf = rki_buf_over(out, 3);
    rki_buf_lit(&buf, "abc");
    CHECK(!buf.overflow, "exactly full is not over");
    rki_buf_char(&buf, 'd');
    CHECK(buf.overflow && out[3] == '.', "one more is");

    buf = rki_buf_over(NULL, 0);
    rki_buf_put(&buf, rki_str(NULL, 0));
    CHECK(!buf.overflow, "nothing into nothing");
}

static void test_json(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text, json;
    } rows[] = {
        {"empty", RK_STR_INIT(""), RK_STR_INIT("\"\"")},
        {"plain", RK_STR_INIT("daily"), RK_STR_INIT("\"daily\"")},
        {"quote and backslash", RK_STR_INIT("a\"b\\c"), RK_STR_INIT("\"a\\\"b\\\\c\"")},
        {"short escapes", RK_STR_INIT("\b\t\n\f\r"), RK_STR_INIT("\"\\b\\t\\n\\f\\r\"")},
        {"other controls, lower case", RK_STR_INIT("\0\x0b\x1f"),
         RK_STR_INIT("\"\\u0000\\u000b\\u001f\"")},
        {"DEL, slash and UTF-8 stay", RK_STR_INIT("\x7f/\xc3\xab\xe2\x80\xa8"),
         RK_STR_INIT("\"\x7f/\xc3\xab\xe2\x80\xa8\"")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[64];
        struct rki_buf buf = rki_buf_over(out, sizeof(out));

        rki_buf_json(&buf, rows[i].text);
        CHECK_STR(rki_buf_str(&buf), rows[i].json, rows[i].why);
        for (size_t cap = 0; cap < rows[i].json.len; cap++) {
            buf = rki_buf_over(out, cap);
            rki_buf_json(&buf, rows[i].text);
            CHECK(buf.overflow && buf.len <= cap, rows[i].why);
        }
    }
}

static void test_json_untrusted(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text, json;
        size_t max;
    } rows[] = {
        {"plain", RK_STR_INIT("daily"), RK_STR_INIT("\"daily\""), 100},
        {"a line break would forge a line", RK_STR_INIT("a\nb"), RK_STR_INIT("\"a\\nb\""), 100},
        {"not UTF-8", RK_STR_INIT("a\xff\xc0\xaf"), RK_STR_INIT("\"a\\ufffd\\ufffd\\ufffd\""), 100},
        {"cut inside a character", RK_STR_INIT("\xe2\x82"), RK_STR_INIT("\"\\ufffd\\ufffd\""), 100},
        {"DEL and C1", RK_STR_INIT("\x7f\xc2\x85"), RK_STR_INIT("\"\\u007f\\u0085\""), 100},
        {"text turned around", RK_STR_INIT("a\xe2\x80\xae"), RK_STR_INIT("\"a\\u202e\""), 100},
        {"cut", RK_STR_INIT("abcdef"), RK_STR_INIT("\"abc...\""), 3},
        {"emoji", RK_STR_INIT("\xf0\x9f\x98\x80"), RK_STR_INIT("\"\xf0\x9f\x98\x80\""), 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[64];
        struct rki_buf buf = rki_buf_over(out, sizeof(out));

        rki_buf_json_untrusted(&buf, rows[i].text, rows[i].max);
        CHECK_STR(rki_buf_str(&buf), rows[i].json, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_untrusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
