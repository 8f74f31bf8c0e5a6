/*
 * test_auth_keyset.c - JWKS documents (JWK-07, JWK-12 to JWK-18), discovery documents (JWK-10,
 * JWK-11), addresses.
 */
#include "fixture.h"

#include "auth/keyset.h"
#include "auth/url.h"
#include "core/b64.h"
#include "guard.h"

#define HEAD_EC RK_STR("{\"alg\":\"ES256\",\"kid\":\"ec\"}")

static struct fx *fx;

static int set_up(void **state)
{
    (void)state;
    fx = fx_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fx_free(fx);
    return 0;
}

/* ---- documents ---- */

static void test_documents(void **state)
{
    static const struct {
        const char *why;
        struct rk_str json;
        enum rk_err err;
    } rows[] = {
        {"JWK-07 HTML", RK_STR_INIT("<!doctype html><p>maintenance"), RK_E_MALFORMED},
        {"JWK-07 truncated", RK_STR_INIT("{\"keys\":[{\"kty\":"), RK_E_MALFORMED},
        {"JWK-07 []", RK_STR_INIT("[]"), RK_E_MALFORMED},
        {"JWK-07 {}", RK_STR_INIT("{}"), RK_E_MALFORMED},
        {"JWK-07 an object", RK_STR_INIT("{\"keys\":{}}"), RK_E_MALFORMED},
        {"JWK-07 no keys", RK_STR_INIT("{\"keys\":[null,1,\"x\"]}"), RK_E_STATE},
        {"JWK-07 nothing", RK_STR_INIT(""), RK_E_MALFORMED},
        {"JWK-07 NUL", RK_STR_INIT("{\"keys\":[]}\0"), RK_E_MALFORMED},
        {"JWK-08 empty", RK_STR_INIT("{\"keys\":[]}"), RK_E_STATE},
        {"twice", RK_STR_INIT("{\"keys\":[],\"keys\":[]}"), RK_E_MALFORMED},
        {"BOM", RK_STR_INIT("\xef\xbb\xbf{\"keys\":[]}"), RK_E_MALFORMED},
        {"JWK-13", RK_STR_INIT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"), RK_E_STATE},
    };
    struct guard guard = guard_new(64);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keyset *set = NULL;
        struct rkd_keyset_report report;

        CHECK_ERR(rkd_keyset_parse(guard_put(&guard, rows[i].json), &set, &report), rows[i].err,
                  rows[i].why);
        CHECK(set == NULL && report.reason != NULL, rows[i].why);
    }
    guard_free(&guard);
}

static void test_large_documents(void **state)
{
    const size_t cap = 1024 * 1024;
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);
    struct rkd_keyset *set = NULL;
    struct rkd_keyset_report report;

    (void)state;
    for (size_t i = 0; i < 100000; i++)
        rki_buf_lit(&buf, "[");
    CHECK_ERR(rkd_keyset_parse(rki_buf_str(&buf), &set, &report), RK_E_TOO_LONG, "JWK-07 deep");
    buf.len = 0;
    while (buf.len <= RKD_JWKS_BYTES_MAX)
        rki_buf_lit(&buf, "        ");
    CHECK_ERR(rkd_keyset_parse(rki_buf_str(&buf), &set, &report), RK_E_TOO_LONG, "512 KiB");
    for (size_t count = 100; count <= 3000; count += count == 100 ? 1 : 2899) {
        enum rk_err err;

        buf.len = 0;
        rki_buf_lit(&buf, "{\"keys\":[");
        jwt_key_put(fx->keys[FX_EC], "", &buf);
        for (size_t i = 1; i < count; i++)
            rki_buf_lit(&buf, ",{}");
        rki_buf_lit(&buf, "]}");
        err = rkd_keyset_parse(rki_buf_str(&buf), &set, &report);
        CHECK_ERR(err, count == 100 ? RK_OK : RK_E_TOO_LONG, "JWK-18");
        if (err == RK_OK)
            CHECK(report.usable == 1 && report.skipped == 99, "counted");
        rkd_keyset_unref(set);
        set = NULL;
    }
    free(buf.ptr);
}

/* ---- keys ---- */

/* A set of `entry` and, behind it, a good EC key with kid "ec": is `entry` used? */
static unsigned usable_with(const char *entry, struct rkd_keyset **out)
{
    static char room[16384];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));
    struct rkd_keyset_report report;

    rki_buf_lit(&buf, "{\"keys\":[");
    rki_buf_put(&buf, rki_cstr(entry));
    rki_buf_lit(&buf, ",");
    jwt_key_put(fx->keys[FX_EC], "\"kid\":\"ec\"", &buf);
    rki_buf_lit(&buf, "]}");
    CHECK(!buf.overflow, "room");
    CHECK_ERR(rkd_keyset_parse(rki_buf_str(&buf), out, &report), RK_OK, entry);
    CHECK(report.usable + report.skipped == 2, "both counted");
    return report.usable;
}

/* The rest serves: a token of the good key passes with this set. */
static void check_rest(struct rkd_keyset *set, const char *why)
{
    struct rkd_keyset *before = fx->sets[0];

    fx->sets[0] = set;
    fx_expect(fx, jwt_make(fx->keys[FX_EC], "ES256", HEAD_EC, RK_STR(CLAIMS)), NULL, why);
    fx->sets[0] = before;
    rkd_keyset_unref(set);
}

static void check_entry(const char *entry, bool is_used, const char *why)
{
    struct rkd_keyset *set = NULL;

    CHECK(usable_with(entry, &set) == (is_used ? 2 : 1), why);
    check_rest(set, why);
}

static void test_members(void **state)
{
    static const struct {
        const char *why, *extra;
        bool is_used;
    } rows[] = {
        {"nothing more", "", true},
        {"JWK-12 enc", "\"use\":\"enc\"", false},
        {"JWK-12 sig", "\"use\":\"sig\"", true},
        {"use is no text", "\"use\":1", false},
        {"JWK-12 encrypt", "\"key_ops\":[\"encrypt\"]", false},
        {"verify", "\"key_ops\":[\"sign\",\"verify\"]", true},
        {"no list", "\"key_ops\":\"verify\"", false},
        {"private", "\"d\":\"AAAA\"", false},
        {"a secret", "\"k\":\"AAAA\"", false},
        {"alg fits", "\"alg\":\"PS384\"", true},
        {"alg of another type", "\"alg\":\"ES256\"", false},
        {"alg for encryption", "\"alg\":\"RSA-OAEP\"", false},
        {"alg null", "\"alg\":null", false},
        {"HS256", "\"alg\":\"HS256\"", false},
        {"kid is no text", "\"kid\":1", false},
        {"kid empty", "\"kid\":\"\"", false},
        {"kid with a line break", "\"kid\":\"a\\nb\"", false},
        {"JWK-17 kid", "\"kid\":\"a+/=\"", true},
        {"x5c is not read", "\"x5c\":[\"nonsense\"],\"x5u\":1", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[4096];
        struct rki_buf buf = rki_buf_over(room, sizeof(room));

        jwt_key_put(fx->keys[FX_RSA], rows[i].extra, &buf);
        rki_buf_char(&buf, '\0');
        check_entry(room, rows[i].is_used, rows[i].why);
    }
}

/* {"kty":"RSA","n":N,"e":E} with a modulus of `bytes` bytes, its first one `first`. */
static void check_rsa(size_t bytes, uint8_t first, uint8_t last, const char *e, bool is_used,
                      const char *why)
{
    static uint8_t n[2048];
    static char room[8192];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    memset(n, 0xa5, sizeof(n));
    n[0] = first;
    n[bytes - 1] = last;
    rki_buf_lit(&buf, "{\"kty\":\"RSA\",\"n\":\"");
    rki_b64url_encode(&buf, rki_str((const char *)n, bytes));
    rki_buf_lit(&buf, "\",\"e\":\"");
    rki_buf_put(&buf, rki_cstr(e));
    rki_buf_lit(&buf, "\"}");
    rki_buf_char(&buf, '\0');
    check_entry(room, is_used, why);
}

static void test_rsa_sizes(void **state)
{
    (void)state;
    check_rsa(256, 0xff, 0x01, "AQAB", true, "2048 bits");
    check_rsa(512, 0xff, 0x01, "AQAB", true, "4096 bits");
    check_rsa(257, 0x01, 0x01, "AQAB", true, "2049 bits");
    check_rsa(256, 0x7f, 0x01, "AQAB", false, "2047 bits");
    check_rsa(128, 0xff, 0x01, "AQAB", false, "JWK-14 1024 bits");
    check_rsa(513, 0x01, 0x01, "AQAB", false, "4097 bits");
    check_rsa(2048, 0xff, 0x01, "AQABAQABAQABAQABAQAB", false, "JWK-14 16,384 bits, a long e");
    check_rsa(257, 0x00, 0x01, "AQAB", false, "a zero in front");
    check_rsa(256, 0xff, 0x02, "AQAB", false, "an even modulus");
    check_rsa(256, 0xff, 0x01, "AQ", false, "JWK-14 e = 1");
    check_rsa(256, 0xff, 0x01, "Aw", false, "JWK-14 e = 3");
    check_rsa(256, 0xff, 0x01, "AQAA", false, "JWK-14 e even");
    check_rsa(256, 0xff, 0x01, "", false, "no e");
    check_rsa(256, 0xff, 0x01, "AAEAAQ", false, "e with a zero in front");
    check_rsa(256, 0xff, 0x01, "_____w", true, "e of 32 bits");
    check_rsa(256, 0xff, 0x01, "AQAAAAE", false, "e of 33 bits");
    check_rsa(256, 0xff, 0x01, "AQAB=", false, "padding");
}

static void test_ec_points(void **state)
{
    static const struct {
        const char *why, *entry;
    } rows[] = {
        {"JWK-15 off the curve",
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\","
         "\"y\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}"},
        {"JWK-15 (0,0)",
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
        {"JWK-15 short", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}"},
        {"JWK-15 P-999", "{\"kty\":\"EC\",\"crv\":\"P-999\",\"x\":\"AQ\",\"y\":\"AQ\"}"},
        {"secp256k1", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AQ\",\"y\":\"AQ\"}"},
        {"Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AQ\"}"},
        {"X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":"
                   "\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}"},
        {"JWT-27 the identity", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                                "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
        {"JWT-27 order 8", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"xxdqcD1N2E-6PAt2DRBnDyogU_"
                           "osOczGTsf9d5KsA_o\"}"},
        {"JWT-27 zero", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
        {"kty is missing", "{\"crv\":\"P-256\"}"},
        {"kty in small letters", "{\"kty\":\"rsa\",\"n\":\"AQ\",\"e\":\"AQAB\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_entry(rows[i].entry, false, rows[i].why);
}

/* ---- choosing ---- */

static void put_set(const char *const *extras, const enum fx_key *keys, size_t count)
{
    static char room[16384];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    rki_buf_lit(&buf, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            rki_buf_lit(&buf, ",");
        jwt_key_put(fx->keys[keys[i]], extras[i], &buf);
    }
    rki_buf_lit(&buf, "]}");
    rkd_keyset_unref(fx->sets[0]);
    fx->sets[0] = fx_parse(rki_buf_str(&buf));
}

static void expect_of(enum fx_key key, const char *alg, const char *header, const char *reason,
                      const char *why)
{
    fx_expect(fx, jwt_make(fx->keys[key], alg, rki_cstr(header), RK_STR(CLAIMS)), reason, why);
}

static void test_choice(void **state)
{
    static const char *const twice[] = {"\"kid\":\"a\"", "\"kid\":\"a\"", "\"kid\":\"b\""};
    static const enum fx_key twice_keys[] = {FX_RSA, FX_EVIL, FX_EC};
    static const char *const uses[] = {"\"kid\":\"a\",\"use\":\"enc\"",
                                       "\"kid\":\"a\",\"use\":\"sig\""};
    static const enum fx_key uses_keys[] = {FX_EVIL, FX_RSA};
    static const char *const mixed[] = {"\"kid\":\"a\"", "\"kid\":\"a\""};
    static const enum fx_key mixed_keys[] = {FX_RSA, FX_EC};

    (void)state;
    put_set(twice, twice_keys, 3);
    expect_of(FX_RSA, "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", "jwt.key", "JWK-16 first");
    expect_of(FX_EVIL, "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", "jwt.key", "JWK-16 second");
    expect_of(FX_EC, "ES256", "{\"alg\":\"ES256\",\"kid\":\"b\"}", NULL, "JWK-16 others");
    expect_of(FX_RSA, "RS256", "{\"alg\":\"RS256\"}", "jwt.key", "no kid and two that fit");
    expect_of(FX_EC, "ES256", "{\"alg\":\"ES256\"}", NULL, "no kid and one that fits");
    expect_of(FX_EC, "ES256", "{\"alg\":\"ES384\"}", "jwt.key", "no kid and none that fits");
    put_set(uses, uses_keys, 2);
    expect_of(FX_RSA, "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", NULL, "JWK-12 enc and sig");
    expect_of(FX_EVIL, "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", "jwt.sig", "JWK-12 enc key");
    put_set(mixed, mixed_keys, 2);
    expect_of(FX_RSA, "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", NULL, "one kid, two types");
    expect_of(FX_EC, "ES256", "{\"alg\":\"ES256\",\"kid\":\"a\"}", NULL, "one kid, two types");
    expect_of(FX_RSA, "RS256", "{\"alg\":\"RS256\",\"kid\":\"A\"}", "jwt.kid", "case");
}

/* A set goes, its keys stay in the verifier; the next set's keys are other keys. */
static void test_kept_contexts(void **state)
{
    static const char *const extra[] = {"\"kid\":\"a\""};
    static const enum fx_key keys[] = {FX_RSA, FX_EVIL};

    (void)state;
    for (size_t i = 0; i < 200; i++) { /* more than are kept */
        put_set(extra, &keys[i % 2], 1);
        expect_of(keys[i % 2], "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", NULL, "its own key");
        expect_of(keys[1 - i % 2], "RS256", "{\"alg\":\"RS256\",\"kid\":\"a\"}", "jwt.sig",
                  "the key that went");
    }
}

/* ---- discovery ---- */

static struct rkd_raw_text hosts[] = {
    {.text = RK_STR_INIT("https://keys.example.net")},
    {.text = RK_STR_INIT("cdn.example.net:8443")},
};
static struct rkd_raw_text http_hosts[] = {{.text = RK_STR_INIT("idp.local")},
                                           {.text = RK_STR_INIT("127.0.0.1")}};
static const struct rkd_raw_list host_list = {.items = hosts, .count = 2};
static const struct rkd_raw_list http_list = {.items = http_hosts, .count = 2};

static void test_discovery(void **state)
{
    static const struct {
        const char *why, *json;
        enum rk_err err;
    } rows[] = {
        {"its own origin",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org/k\"}",
         RK_OK},
        {"the port written out",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://LOGIN.example.org:443/"
         "k\"}",
         RK_OK},
        {"listed",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://keys.example.net/k\"}",
         RK_OK},
        {"listed without a scheme",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://cdn.example.net:8443/"
         "k\"}",
         RK_OK},
        {"another port",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org:8443/"
         "k\"}",
         RK_E_INVAL},
        {"another host",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://evil.example/k\"}",
         RK_E_INVAL},
        {"a host that begins alike",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org.evil/"
         "k\"}",
         RK_E_INVAL},
        {"JWK-11 user",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://"
         "login.example.org@evil.example/k\"}",
         RK_E_INVAL},
        {"JWK-11 http",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"http://login.example.org/k\"}",
         RK_E_INVAL},
        {"http to a host that may, of another origin",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"http://127.0.0.1/k\"}",
         RK_E_INVAL},
        {"JWK-11 file",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"file:///etc/passwd\"}",
         RK_E_INVAL},
        {"JWK-11 metadata",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://169.254.169.254/k\"}",
         RK_E_INVAL},
        {"JWK-11 mapped",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://"
         "[::ffff:169.254.169.254]/k\"}",
         RK_E_INVAL},
        {"JWK-11 decimal",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://2852039166/k\"}",
         RK_E_INVAL},
        {"JWK-10 another issuer",
         "{\"issuer\":\"https://evil.example/\",\"jwks_uri\":\"https://login.example.org/k\"}",
         RK_E_STATE},
        {"JWK-10 a slash less",
         "{\"issuer\":\"https://login.example.org\",\"jwks_uri\":\"https://login.example.org/k\"}",
         RK_E_STATE},
        {"no issuer", "{\"jwks_uri\":\"https://login.example.org/k\"}", RK_E_MALFORMED},
        {"no jwks_uri", "{\"issuer\":\"https://login.example.org/\"}", RK_E_MALFORMED},
        {"a list",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":[\"https://login.example.org/"
         "k\"]}",
         RK_E_MALFORMED},
        {"an array", "[]", RK_E_MALFORMED},
        {"not JSON", "<html>", RK_E_MALFORMED},
        {"twice",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org/"
         "k\",\"jwks_uri\":\"https://login.example.org/k\"}",
         RK_E_MALFORMED},
        {"a fragment",
         "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org/"
         "k#x\"}",
         RK_E_INVAL},
    };
    const struct rkd_keyset_spec spec = {
        .issuer = RK_STR(ISSUER), .jwks_hosts = &host_list, .allow_http = &http_list};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[256];
        struct rki_buf buf = rki_buf_over(room, sizeof(room));
        const char *reason = NULL;

        CHECK_ERR(rkd_discovery_read(&spec, rki_cstr(rows[i].json), &buf, &reason), rows[i].err,
                  rows[i].why);
        CHECK((buf.len != 0) == (rows[i].err == RK_OK), rows[i].why);
        CHECK((reason == NULL) == (rows[i].err == RK_OK), rows[i].why);
    }
}

static void test_discovery_room(void **state)
{
    const struct rkd_keyset_spec spec = {.issuer = RK_STR(ISSUER)};
    const struct rk_str json = RK_STR(
        "{\"issuer\":\"https://login.example.org/\",\"jwks_uri\":\"https://login.example.org/k\"}");
    char room[28];
    const char *reason = NULL;
    struct rki_buf buf = rki_buf_over(room, 26);

    (void)state;
    CHECK_ERR(rkd_discovery_read(&spec, json, &buf, &reason), RK_E_TOO_LONG, "a byte too few");
    buf = rki_buf_over(room, 27);
    CHECK_ERR(rkd_discovery_read(&spec, json, &buf, &reason), RK_OK, "exactly");
    CHECK_STR(rki_buf_str(&buf), RK_STR("https://login.example.org/k"), "the address");
}

static void test_addresses(void **state)
{
    static const struct {
        const char *url;
        bool is_allowed;
    } rows[] = {
        {"https://a.example", true},
        {"https://a.example/p?q=1", true},
        {"https://a.example:8443/", true},
        {"https://[::1]/", true},
        {"https://[::1]:99/", true},
        {"http://idp.local/k", true},
        {"http://IDP.local:8080/k", true},
        {"http://a.example/", false},
        {"HTTPS://a.example/", false},
        {"https://", false},
        {"https:///k", false},
        {"https://u@a.example/", false},
        {"https://u:p@a.example/", false},
        {"https://a.example/#f", false},
        {"https://a.example:0/", false},
        {"https://a.example:65536/", false},
        {"https://a.example:/", false},
        {"https://a.example:80a/", false},
        {"https://a example/", false},
        {"https://a.example/\r\n", false},
        {"https://a.example\\@evil/", false},
        {"https://a%2eexample/", false},
        {"https://[::1/", false},
        {"https://[::1]evil/", false},
        {"ftp://a.example/", false},
        {"file:///etc/passwd", false},
        {"//a.example/", false},
        {"", false},
        {"http://idp.local.evil/", false},
        {"http://idp.local@evil/", false},
    };
    const struct rkd_keyset_spec spec = {.allow_http = &http_list};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_keyset_url_is_allowed(&spec, rki_cstr(rows[i].url)) == rows[i].is_allowed,
              rows[i].url);
}

static void test_loopback(void **state)
{
    static const struct {
        const char *url;
        bool is_loopback;
    } rows[] = {
        {"http://127.0.0.1:1/", true},     {"http://localhost/", true},
        {"http://[::1]/", true},           {"http://127.evil.example/", false},
        {"http://localhost.evil/", false}, {"http://128.0.0.1/", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_url url;

        CHECK(rkd_url_read(rki_cstr(rows[i].url), &url), rows[i].url);
        CHECK(rkd_url_is_loopback(&url) == rows[i].is_loopback, rows[i].url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),      cmocka_unit_test(test_large_documents),
        cmocka_unit_test(test_members),        cmocka_unit_test(test_rsa_sizes),
        cmocka_unit_test(test_ec_points),      cmocka_unit_test(test_choice),
        cmocka_unit_test(test_kept_contexts),  cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_discovery_room), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_loopback),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
