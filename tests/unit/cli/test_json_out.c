/* test_json_out.c - JSON for a terminal (src/cli/json_out.c). */
#include "cli/json_out.h"

#include "check.h"

static struct rk_str put(const char *json, bool is_pretty)
{
    static char text[8192];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));
    json_t *value =
        json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

    assert_non_null(value);
    rkd_put_json(&buf, value, is_pretty);
    json_decref(value);
    assert_false(buf.overflow);
    return rki_buf_str(&buf);
}

static void test_compact(void **state)
{
    static const char *const same[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1800000000",
        "1.5",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[1,[2,[],{}],3]",
        "{\"a\":{\"b\":[true,null]},\"c\":\"d\"}",
        "\"\xc3\xa4\"",
        "\"\\u0000\\u001b[31m\"",
        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        CHECK_STR(put(same[i], false), rki_cstr(same[i]), "as it was");
    CHECK_STR(put("\"\xe2\x80\xae\xc2\x9b\"", false), RK_STR("\"\\u202e\\u009b\""), "bidi, C1");
    CHECK_STR(put("{\"\x7f\":1}", false), RK_STR("{\"\\u007f\":1}"), "names too");
}

static void test_pretty(void **state)
{
    (void)state;
    CHECK_STR(put("{\"a\":{\"b\":[1,2]},\"c\":{},\"d\":[]}", true),
              RK_STR("{\n  \"a\": {\n    \"b\": [\n      1,\n      2\n    ]\n  },\n  \"c\": {},\n"
                     "  \"d\": []\n}"),
              "one member a line");
}

static void test_deep(void **state)
{
    char json[128], want[128];

    (void)state;
    memset(json, '[', 40);
    memset(json + 40, ']', 40);
    json[80] = '\0';
    memset(want, '[', 32);
    memcpy(want + 32, "null", 4);
    memset(want + 36, ']', 32);
    CHECK_STR(put(json, false), rki_str(want, 68), "null from the 33rd level on");
}

static void test_nothing(void **state)
{
    char text[8];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    rkd_put_json(&buf, NULL, true);
    CHECK_STR(rki_buf_str(&buf), RK_STR("null"), "NULL");
}

static void test_small_buffer(void **state)
{
    json_t *value = json_pack("{s:s}", "key", "a value that does not fit");
    char text[16];

    (void)state;
    for (size_t cap = 0; cap <= sizeof(text); cap++) {
        struct rki_buf buf = rki_buf_over(text, cap);

        rkd_put_json(&buf, value, true);
        CHECK(buf.overflow, "said, and nothing written behind the end");
    }
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact),      cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_deep),         cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_small_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
