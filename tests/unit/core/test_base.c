/* test_base.c - error texts, wiping, constant-time comparison, the version, scanning of texts. */
#include "check.h"
#include "core/text.h"
#include "guard.h"

static void test_err_text(void **state)
{
    (void)state;
    for (int err = RK_OK; err <= RK_E_IO; err++) {
        const char *text = rk_err_text((enum rk_err)err);

        CHECK(text != NULL && strlen(text) > 4, "a sentence");
        CHECK(strcmp(text, "unknown error") != 0, text);
        for (int other = RK_OK; other < err; other++)
            CHECK(strcmp(text, rk_err_text((enum rk_err)other)) != 0, text);
    }
    CHECK(strcmp(rk_err_text((enum rk_err)(RK_E_IO + 1)), "unknown error") == 0, "past the end");
    CHECK(strcmp(rk_err_text((enum rk_err) - 1), "unknown error") == 0, "before the start");
}

static void test_trim(void **state)
{
    static const struct {
        struct rk_str text, want;
    } rows[] = {
        {RK_STR_INIT(""), RK_STR_INIT("")},
        {RK_STR_INIT(" \t\r\n"), RK_STR_INIT("")},
        {RK_STR_INIT("a"), RK_STR_INIT("a")},
        {RK_STR_INIT("\t a b\r\n"), RK_STR_INIT("a b")},
        {RK_STR_INIT("\0a\v"), RK_STR_INIT("\0a\v")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rki_str_equal(rki_str_trim(rows[i].text), rows[i].want), rows[i].want.ptr);
}

static void test_memory(void **state)
{
    char secret[8] = "secret!";

    (void)state;
    rk_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        CHECK(secret[i] == 0, "wiped");
    rk_wipe(NULL, 0);
    CHECK(rk_ct_equal(RK_STR("abc"), RK_STR("abc")), "equal");
    CHECK(!rk_ct_equal(RK_STR("abc"), RK_STR("abd")), "last byte");
    CHECK(!rk_ct_equal(RK_STR("abc"), RK_STR("ab")), "shorter");
    CHECK(rk_ct_equal(rki_str(NULL, 0), RK_STR("")), "nothing is nothing");
    CHECK(rk_version()[0] != '\0', "a version");
}

static void test_scan(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text;
        enum rk_err err;
        unsigned flags;
    } rows[] = {
        {"empty", RK_STR_INIT(""), RK_OK, 0},
        {"short", RK_STR_INIT("daily"), RK_OK, 0},
        {"eight bytes", RK_STR_INIT("standup1"), RK_OK, 0},
        {"all printable ASCII", RK_STR_INIT(" !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"), RK_OK, 0},
        {"quote in the first eight", RK_STR_INIT("a\"bcdefghijk"), RK_OK, RKI_TEXT_ESCAPE},
        {"backslash in the last eight", RK_STR_INIT("abcdefghij\\k"), RK_OK, RKI_TEXT_ESCAPE},
        {"line break behind eight", RK_STR_INIT("abcdefgh\n"), RK_OK,
         RKI_TEXT_ESCAPE | RKI_TEXT_CONTROL},
        {"NUL", RK_STR_INIT("abcdefgh\0ijklmnop"), RK_OK, RKI_TEXT_ESCAPE | RKI_TEXT_CONTROL},
        {"unit separator", RK_STR_INIT("\x1f"), RK_OK, RKI_TEXT_ESCAPE | RKI_TEXT_CONTROL},
        {"DEL", RK_STR_INIT("abcdefghi\x7f"), RK_OK, RKI_TEXT_CONTROL},
        {"two bytes", RK_STR_INIT("Zo\xc3\xab"), RK_OK, RKI_TEXT_HIGH},
        {"the last C1", RK_STR_INIT("abcdefgh\xc2\x9f"), RK_OK, RKI_TEXT_HIGH | RKI_TEXT_CONTROL},
        {"just past C1", RK_STR_INIT("\xc2\xa0"), RK_OK, RKI_TEXT_HIGH},
        {"U+0440 has the byte 80, not C1", RK_STR_INIT("\xd1\x80"), RK_OK, RKI_TEXT_HIGH},
        {"overlong", RK_STR_INIT("\xc0\xaf"), RK_E_INVAL, 99},
        {"surrogate", RK_STR_INIT("\xed\xa0\x80"), RK_E_INVAL, 99},
        {"cut off", RK_STR_INIT("abcdefgh\xe2\x82"), RK_E_INVAL, 99},
        {"past Unicode", RK_STR_INIT("\xf4\x90\x80\x80"), RK_E_INVAL, 99},
    };
    struct guard guard = guard_new(64);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned flags = 99;

        CHECK_ERR(rki_text_scan(guard_put(&guard, rows[i].text), &flags), rows[i].err, rows[i].why);
        CHECK(flags == rows[i].flags, rows[i].why);
    }
    guard_free(&guard);
}

/* The look at eight bytes at once agrees with the look at one, for every byte in every place. */
static void test_scan_places(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 128; byte++) {
        char one = (char)byte;
        unsigned want = 99;

        CHECK_ERR(rki_text_scan(rki_str(&one, 1), &want), RK_OK, "alone");
        for (size_t place = 0; place < 21; place++) {
            char text[21];
            unsigned flags = 99;

            memset(text, 'a', sizeof(text));
            text[place] = one;
            CHECK_ERR(rki_text_scan(rki_str(text, sizeof(text)), &flags), RK_OK, "among others");
            CHECK(flags == want, "same flags");
        }
    }
}

static void test_check_name(void **state)
{
    char text[300];
    unsigned flags = 99;

    (void)state;
    memset(text, 'n', sizeof(text));
    CHECK_ERR(rki_text_check_name(rki_str(text, 256), 256, &flags), RK_OK, "just as long");
    CHECK_ERR(rki_text_check_name(rki_str(text, 257), 256, &flags), RK_E_TOO_LONG, "one longer");
    CHECK_ERR(rki_text_check_name(RK_STR(""), 256, &flags), RK_E_INVAL, "empty");
    CHECK_ERR(rki_text_check_name(RK_STR("a\nb"), 256, &flags), RK_E_INVAL, "line break");
    CHECK_ERR(rki_text_check_name(RK_STR("a\xc2\x85"), 256, &flags), RK_E_INVAL, "C1");
    CHECK_ERR(rki_text_check_name(RK_STR("\xff"), 256, &flags), RK_E_INVAL, "not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_text),    cmocka_unit_test(test_trim),
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_scan),
        cmocka_unit_test(test_scan_places), cmocka_unit_test(test_check_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
