/*
 * test_origin.c - which origins the configuration may name (COR-05).
 */
#include "check.h"
#include "guard.h"

#include "config/origin.h"

static void test_accepted(void **state)
{
    static const struct {
        const char *text, *scheme, *host;
        unsigned port;
        bool wildcard, any;
    } rows[] = {
        {"*", "", "", 0, false, true},
        {"https://app.example.org", "https", "app.example.org", 0, false, false},
        {"http://localhost:4200", "http", "localhost", 4200, false, false},
        {"http://example.org:443", "http", "example.org", 443, false, false},
        {"https://example.org:80", "https", "example.org", 80, false, false},
        {"https://192.0.2.1:8443", "https", "192.0.2.1", 8443, false, false},
        {"https://[2001:db8::1]:8443", "https", "[2001:db8::1]", 8443, false, false},
        {"https://[::1]", "https", "[::1]", 0, false, false},
        {"https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 0, false, false},
        {"https://under_score.example.org", "https", "under_score.example.org", 0, false, false},
        {"capacitor://localhost", "capacitor", "localhost", 0, false, false},
        {"chrome-extension://abcdefghijklmnop", "chrome-extension", "abcdefghijklmnop", 0, false,
         false},
        {"https://*.preview.example.org", "https", "preview.example.org", 0, true, false},
        {"https://*.preview.example.org:8443", "https", "preview.example.org", 8443, true, false},
        {"http://*.localhost:3000", "http", "localhost", 3000, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_origin origin;

        CHECK_ERR(rkd_origin_parse(rki_cstr(rows[i].text), &origin, NULL), RK_OK, rows[i].text);
        CHECK_STR(origin.text, rki_cstr(rows[i].text), "text");
        CHECK_STR(origin.scheme, rki_cstr(rows[i].scheme), rows[i].text);
        CHECK_STR(origin.host, rki_cstr(rows[i].host), rows[i].text);
        CHECK(origin.port == rows[i].port, rows[i].text);
        CHECK(origin.wildcard == rows[i].wildcard, rows[i].text);
        CHECK(origin.any == rows[i].any, rows[i].text);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *why; /* a word of the reason */
    } rows[] = {
        {"", "empty"},
        {"null", "null"},
        {"file://", "null"},
        {"https://app.example.org/", "path"},
        {"https://app.example.org/x", "path"},
        {"https://app.example.org?x", "path"},
        {"https://app.example.org#x", "path"},
        {"https://me@app.example.org", "user"},
        {"https://me:pw@app.example.org", "user"},
        {"HTTPS://app.example.org", "capital"},
        {"https://App.example.org", "capital"},
        {"https://app.example.org:443", "own port"},
        {"http://app.example.org:80", "own port"},
        {"https://app.example.org:", "port"},
        {"https://app.example.org:0", "port"},
        {"https://app.example.org:08443", "port"},
        {"https://app.example.org:65536", "port"},
        {"https://app.example.org:999999", "port"},
        {"https://app.example.org:80a", "port"},
        {"https://a:1:2", "port"},
        {"app.example.org", "scheme"},
        {"app.example.org:8443", "scheme"},
        {"https:app.example.org", "scheme"},
        {"://app.example.org", "scheme"},
        {"1ttp://app.example.org", "scheme"},
        {"ht_tp://app.example.org", "scheme"},
        {"https://", "host"},
        {"https://:8443", "host"},
        {"https://app..example.org", "label"},
        {"https://.example.org", "label"},
        {"https://example.org.", "label"},
        {"https://app example.org", "character"},
        {" https://app.example.org", "scheme"},
        {"https://app.example.org ", "character"},
        {"https://b\xc3\xbc"
         "cher.example",
         "xn--"},
        {"https://example.org\r\nx: y", "port"},
        {"https://127.1", "IPv4"},
        {"https://192.0.2.01", "IPv4"},
        {"https://1.2.3.4.5", "IPv4"},
        {"https://[2001:db8:0::1]", "IPv6"},
        {"https://[192.0.2.1]", "IPv6"},
        {"https://[::ffff:192.0.2.1]", "IPv6"},
        {"https://[2001:db8::1", "port"},
        {"https://[]", "IPv6"},
        {"https://2001:db8::1", "port"},
        {"https://*", "star"},
        {"https://*.org", "star"},
        {"https://*:8443", "star"},
        {"https://*.*.example.org", "star"},
        {"https://a.*.example.org", "star"},
        {"https://a*.example.org", "star"},
        {"https://*a.example.org", "star"},
        {"https://example.*", "star"},
        {"https://*.", "host"},
        {"https://*.192.0.2.1", "IPv4"},
        {"https://*.[::1]", "IPv6"},
        {"capacitor://*.example.org", "star"},
        {"*://example.org", "scheme"},
        {"*.example.org", "scheme"},
        {"**", "scheme"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_origin origin = {.port = 4711};
        const char *why = NULL;

        CHECK_ERR(rkd_origin_parse(rki_cstr(rows[i].text), &origin, &why), RK_E_INVAL,
                  rows[i].text);
        CHECK(origin.port == 4711, "untouched");
        CHECK(why != NULL, rows[i].text);
        if (strstr(why, rows[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, why, rows[i].why);
    }
    CHECK_ERR(rkd_origin_parse((struct rk_str){0}, &(struct rkd_origin){0}, NULL), RK_E_INVAL,
              "absent");
}

static void test_lengths(void **state)
{
    char text[400] = "https://";
    struct rkd_origin origin;

    (void)state;
    for (size_t len = 8; len < sizeof(text); len++) { /* labels of 63 */
        struct rk_str whole = rki_str(text, len);
        bool dot = len > 8 && text[len - 1] == '.';
        enum rk_err want = len > 8 && !dot && len - 8 <= 253 ? RK_OK : RK_E_INVAL;

        CHECK_ERR(rkd_origin_parse(whole, &origin, NULL), want, "length");
        text[len] = (len - 8) % 64 == 63 ? '.' : 'a';
    }
    memset(text + 8, 'a', 70);
    CHECK_ERR(rkd_origin_parse(rki_str(text, 8 + 63), &origin, NULL), RK_OK, "63");
    CHECK_ERR(rkd_origin_parse(rki_str(text, 8 + 64), &origin, NULL), RK_E_INVAL, "64");
}

static void test_every_prefix(void **state)
{
    static const char *const texts[] = {"https://*.preview.example.org:8443",
                                        "https://[2001:db8::1]:8443"};
    struct guard guard = guard_new(64);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            struct rkd_origin origin;

            (void)!rkd_origin_parse(guard_put(&guard, rki_str(texts[i], len)), &origin, NULL);
        }
    guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
