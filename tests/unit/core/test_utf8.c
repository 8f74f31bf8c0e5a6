/*
 * test_utf8.c - UTF-8 and the names of semantics D20.
 */
#include "check.h"
#include "guard.h"

#include "core/utf8.h"

static void test_valid(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text;
        bool valid;
        size_t count;
    } rows[] = {
        {"empty", RK_STR_INIT(""), true, 0},
        {"ASCII with NUL", RK_STR_INIT("a\0b"), true, 3},
        {"two bytes", RK_STR_INIT("\xc3\xa9"), true, 1},
        {"three bytes", RK_STR_INIT("\xe6\x9d\xb1"), true, 1},
        {"four bytes", RK_STR_INIT("\xf0\x9f\x98\x80"), true, 1},
        {"U+10FFFF", RK_STR_INIT("\xf4\x8f\xbf\xbf"), true, 1},
        {"U+D7FF", RK_STR_INIT("\xed\x9f\xbf"), true, 1},
        {"U+E000", RK_STR_INIT("\xee\x80\x80"), true, 1},
        {"U+FFFF", RK_STR_INIT("\xef\xbf\xbf"), true, 1},
        {"lone continuation", RK_STR_INIT("\x80"), false, 0},
        {"overlong slash", RK_STR_INIT("\xc0\xaf"), false, 0},
        {"overlong NUL", RK_STR_INIT("\xc0\x80"), false, 0},
        {"overlong in three", RK_STR_INIT("\xe0\x9f\xbf"), false, 0},
        {"overlong in four", RK_STR_INIT("\xf0\x8f\xbf\xbf"), false, 0},
        {"U+D800", RK_STR_INIT("\xed\xa0\x80"), false, 0},
        {"U+DFFF", RK_STR_INIT("\xed\xbf\xbf"), false, 0},
        {"U+110000", RK_STR_INIT("\xf4\x90\x80\x80"), false, 0},
        {"five bytes", RK_STR_INIT("\xf8\x88\x80\x80\x80"), false, 0},
        {"cut short", RK_STR_INIT("a\xe6\x9d"), false, 0},
        {"bad continuation", RK_STR_INIT("\xe6\x9dz"), false, 0},
        {"0xff", RK_STR_INIT("\xff"), false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct guard guard = guard_new(rows[i].text.len);
        struct rk_str text = guard_put(&guard, rows[i].text);

        CHECK(rki_utf8_is_valid(text) == rows[i].valid, rows[i].why);
        CHECK(!rows[i].valid || rki_utf8_count(text) == rows[i].count, rows[i].why);
        guard_free(&guard);
    }
}

/* Every code point there is: encoded by hand here, decoded there. */
static void test_all_codes(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x110000; code++) {
        unsigned char raw[4];
        uint32_t got = 0;
        size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};

        for (size_t i = len; i-- > 0;)
            raw[i] = (unsigned char)((code >> 6 * (len - 1 - i) & 0x3f) | 0x80);
        if (len == 1)
            raw[0] = (unsigned char)code;
        else
            raw[0] = (unsigned char)((code >> 6 * (len - 1)) | lead[len]);
        if (rki_utf8_next(rki_str((const char *)raw, len), 0, &got) != (valid ? len : 0) ||
            (valid && got != code))
            fail_msg("U+%04X is not decoded", (unsigned)code);
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *why;
        struct rk_str name;
        enum rk_err want;
    } rows[] = {
        {"plain", RK_STR_INIT("daily"), RK_OK},
        {"inner blank", RK_STR_INIT("daily standup"), RK_OK},
        {"composed", RK_STR_INIT("Zo\xc3\xab"), RK_OK},
        {"joined emoji", RK_STR_INIT("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"), RK_OK},
        {"soft hyphen is a format character and allowed",
         RK_STR_INIT("a\xc2\xad"
                     "b"),
         RK_OK},
        {"empty", RK_STR_INIT(""), RK_E_INVAL},
        {"decomposed", RK_STR_INIT("Zoe\xcc\x88"), RK_E_INVAL},
        {"singleton that NFC replaces (U+212B)", RK_STR_INIT("\xe2\x84\xab"), RK_E_INVAL},
        {"embedded NUL", RK_STR_INIT("a\0b"), RK_E_INVAL},
        {"a line break would forge a log line", RK_STR_INIT("a\nb"), RK_E_INVAL},
        {"DEL", RK_STR_INIT("a\x7f"), RK_E_INVAL},
        {"C1", RK_STR_INIT("a\xc2\x85z"), RK_E_INVAL},
        {"line separator", RK_STR_INIT("a\xe2\x80\xa8z"), RK_E_INVAL},
        {"paragraph separator", RK_STR_INIT("a\xe2\x80\xa9z"), RK_E_INVAL},
        {"Arabic letter mark", RK_STR_INIT("a\xd8\x9cz"), RK_E_INVAL},
        {"left-to-right mark", RK_STR_INIT("a\xe2\x80\x8ez"), RK_E_INVAL},
        {"right-to-left override", RK_STR_INIT("a\xe2\x80\xaez"), RK_E_INVAL},
        {"first isolate", RK_STR_INIT("a\xe2\x81\xa6z"), RK_E_INVAL},
        {"last isolate", RK_STR_INIT("a\xe2\x81\xa9z"), RK_E_INVAL},
        {"leading blank", RK_STR_INIT(" a"), RK_E_INVAL},
        {"trailing blank", RK_STR_INIT("a "), RK_E_INVAL},
        {"trailing no-break space", RK_STR_INIT("a\xc2\xa0"), RK_E_INVAL},
        {"leading ideographic space",
         RK_STR_INIT("\xe3\x80\x80"
                     "a"),
         RK_E_INVAL},
        {"leading Ogham space",
         RK_STR_INIT("\xe1\x9a\x80"
                     "a"),
         RK_E_INVAL},
        {"trailing hair space", RK_STR_INIT("a\xe2\x80\x8a"), RK_E_INVAL},
        {"zero-width space is not White_Space", RK_STR_INIT("a\xe2\x80\x8b"), RK_OK},
        {"not UTF-8", RK_STR_INIT("a\xff"), RK_E_INVAL},
    };
    char room[RKI_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct guard guard = guard_new(rows[i].name.len);

        CHECK_ERR(rki_name_check(guard_put(&guard, rows[i].name)), rows[i].want, rows[i].why);
        guard_free(&guard);
    }
    memset(room, 'x', sizeof(room));
    CHECK_ERR(rki_name_check(rki_str(room, RKI_NAME_MAX)), RK_OK, "256 bytes");
    CHECK_ERR(rki_name_check(rki_str(room, RKI_NAME_MAX + 1)), RK_E_TOO_LONG, "257 bytes");
    for (size_t i = 0; i < RKI_NAME_MAX; i += 2)
        memcpy(room + i, "\xc3\xa9", 2);
    CHECK_ERR(rki_name_check(rki_str(room, RKI_NAME_MAX)), RK_OK, "bytes count, not characters");
}

/* The twelve of D20, and only those, besides Cc and the two separators. */
static void test_unsafe(void **state)
{
    size_t found = 0;

    (void)state;
    for (uint32_t code = 0xa0; code <= 0x10ffff; code++)
        found += rki_utf8_is_unsafe(code);
    CHECK(found == 14, "twelve bidi characters and two separators");
    for (uint32_t code = 0; code < 0xa0; code++)
        CHECK(rki_utf8_is_unsafe(code) == (code < 0x20 || code >= 0x7f), "Cc");
}

static void test_folding(void **state)
{
    (void)state;
    CHECK(rki_utf8_folds_to(RK_STR("RoomJOIN"), RK_STR("roomJoin")), "case");
    CHECK(rki_utf8_folds_to(RK_STR("\xc5\xbf"
                                   "ub"),
                            RK_STR("sub")),
          "long s");
    CHECK(rki_utf8_folds_to(RK_STR("\xe2\x84\xaa"
                                   "ind"),
                            RK_STR("kind")),
          "Kelvin sign");
    CHECK(!rki_utf8_folds_to(RK_STR("su"), RK_STR("sub")), "shorter");
    CHECK(!rki_utf8_folds_to(RK_STR("subs"), RK_STR("sub")), "longer");
    CHECK(!rki_utf8_folds_to(RK_STR("s\xc3\xbc"), RK_STR("sub")), "another letter");
    CHECK(!rki_utf8_folds_to(RK_STR("su\xff"), RK_STR("sub")), "not UTF-8");
    CHECK(!rki_utf8_folds_to(RK_STR("u\0b"), RK_STR("sub")), "NUL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),   cmocka_unit_test(test_all_codes),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_unsafe),
        cmocka_unit_test(test_folding),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
