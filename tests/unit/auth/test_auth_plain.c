/*
 * test_auth_plain.c - the quick reader gives what rki_json_parse gives, or hands over.
 */
#include "check.h"

#include "alloc_fail.h"
#include "auth/plain.h"
#include "core/buf.h"
#include "core/json.h"
#include "guard.h"

static void test_against_jansson(void **state)
{
    static const struct {
        struct rk_str text;
        bool is_plain;
    } rows[] = {
        {RK_STR_INIT("{}"), true},
        {RK_STR_INIT(" { \"a\" : \"b\" , \"c\" : [ ] }\n"), true},
        {RK_STR_INIT("{\"a\":[1,[2,{\"b\":true}],null,false],\"c\":{}}"), true},
        {RK_STR_INIT("{\"a\":0,\"b\":999999999999999,\"\":\"\"}"), true},
        {RK_STR_INIT("{\"a\":\"Zo\xc3\xab\"}"), true},
        {RK_STR_INIT("{\"a\":\"\x7f\"}"), true},
        {RK_STR_INIT("{\"a\":1000000000000000}"), false},
        {RK_STR_INIT("{\"a\":-1}"), false},
        {RK_STR_INIT("{\"a\":1.5}"), false},
        {RK_STR_INIT("{\"a\":1e3}"), false},
        {RK_STR_INIT("{\"a\":1 }"), false},
        {RK_STR_INIT("{\"a\":01}"), false},
        {RK_STR_INIT("{\"a\":\"\\n\"}"), false},
        {RK_STR_INIT("{\"a\":\"\xc0\xaf\"}"), false},
        {RK_STR_INIT("{\"a\":\"b\nc\"}"), false},
        {RK_STR_INIT("{\"a\":1,\"a\":1}"), false},
        {RK_STR_INIT("{\"a\":1,}"), false},
        {RK_STR_INIT("{,\"a\":1}"), false},
        {RK_STR_INIT("{\"a\":[1,]}"), false},
        {RK_STR_INIT("{\"a\":[,1]}"), false},
        {RK_STR_INIT("{\"a\":[1 2]}"), false},
        {RK_STR_INIT("{\"a\":[1}"), false},
        {RK_STR_INIT("{\"a\":[1]]"), false},
        {RK_STR_INIT("{\"a\"1}"), false},
        {RK_STR_INIT("{\"a\":}"), false},
        {RK_STR_INIT("{a:1}"), false},
        {RK_STR_INIT("{\"a\":truex}"), false},
        {RK_STR_INIT("{\"a\":tru}"), false},
        {RK_STR_INIT("{\"a\":true}x"), false},
        {RK_STR_INIT("{\"a\":true}\0"), false},
        {RK_STR_INIT("[]"), false},
        {RK_STR_INIT(""), false},
        {RK_STR_INIT("\xef\xbb\xbf{}"), false},
    };
    struct guard guard = guard_new(128);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t len = 0; len <= rows[i].text.len; len++) { /* every prefix too */
            struct rk_str text = guard_put(&guard, rki_str(rows[i].text.ptr, len));
            json_t *ours = NULL, *theirs = NULL;
            const bool got = rkd_plain_read(text, &ours);

            if (len == rows[i].text.len)
                CHECK(got == rows[i].is_plain, rows[i].text.ptr);
            CHECK(got == (ours != NULL), "all or nothing");
            if (got) {
                CHECK_ERR(rki_json_parse(text, 0, &theirs, NULL), RK_OK, "jansson takes it too");
                CHECK(json_equal(ours, theirs), "and reads the same");
            }
            json_decref(ours);
            json_decref(theirs);
        }
    }
    guard_free(&guard);
}

static void test_bounds(void **state)
{
    static char text[8192];

    (void)state;
    for (size_t depth = 15; depth <= 17; depth++) {
        struct rki_buf buf = rki_buf_over(text, sizeof(text));
        json_t *value = NULL;

        rki_buf_lit(&buf, "{\"a\":");
        for (size_t i = 1; i < depth; i++)
            rki_buf_lit(&buf, "[");
        for (size_t i = 1; i < depth; i++)
            rki_buf_lit(&buf, "]");
        rki_buf_lit(&buf, "}");
        CHECK(rkd_plain_read(rki_buf_str(&buf), &value) == (depth <= 16), "depth");
        json_decref(value);
    }
    for (size_t count = 1023; count <= 1024; count++) {
        struct rki_buf buf = rki_buf_over(text, sizeof(text));
        json_t *value = NULL;

        rki_buf_lit(&buf, "{\"a\":[1");
        for (size_t i = 1; i < count; i++)
            rki_buf_lit(&buf, ",1");
        rki_buf_lit(&buf, "]}");
        CHECK(rkd_plain_read(rki_buf_str(&buf), &value) == (count == 1023), "values");
        json_decref(value);
    }
}

static void test_long_name(void **state)
{
    (void)state;
    for (size_t len = 127; len <= 128; len++) {
        char text[160];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));
        json_t *value = NULL;

        rki_buf_lit(&buf, "{\"");
        for (size_t i = 0; i < len; i++)
            rki_buf_char(&buf, 'n');
        rki_buf_lit(&buf, "\":1}");
        CHECK(rkd_plain_read(rki_buf_str(&buf), &value) == (len == 127), "name");
        json_decref(value);
    }
}

static void test_memory(void **state)
{
    const struct rk_str text = RK_STR("{\"a\":[1,{\"b\":\"c\"}],\"d\":true}");
    size_t n;

    (void)state;
    for (n = 1; n < 100; n++) {
        json_t *value = NULL;
        bool got;

        alloc_fail_at(n);
        got = rkd_plain_read(text, &value);
        if (!alloc_fail_hit()) {
            CHECK(got, "none failed");
            json_decref(value);
            break;
        }
        CHECK(!got && value == NULL, "handed over, nothing kept");
    }
    CHECK(n > 8 && n < 100, "as many as there must be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_jansson),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_memory),
    };

    json_set_alloc_funcs(alloc_fail_jansson, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
