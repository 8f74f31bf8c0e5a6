/* test_signer.c - the token itself: its bytes, its bounds, and when there is none. */
#include "check.h"
#include "core/b64.h"
#include "core/claims.h"
#include "core/mac.h"
#include "guard.h"

#include <roomkey/roomkey.h>

static const int64_t now = 1767225600;
static struct rk_key *key;
static struct rk_signer *signer;
static struct rk_claims *claims;
static char token[RK_TOKEN_MAX * 2];

static int set_up(void **state)
{
    (void)state;
    if (rk_key_new(RK_STR("APIroomkeyTest1"), RK_STR("sec_0123456789abcdef0123456789abcdef"),
                   &key) != RK_OK)
        return -1;
    if (rk_signer_new(key, &signer) != RK_OK || rk_claims_new(&claims) != RK_OK)
        return -1;
    if (rk_claims_set_identity(claims, RK_STR("alice")) != RK_OK ||
        rk_claims_set_room(claims, RK_STR("r")) != RK_OK)
        return -1;
    return rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true) == RK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rk_signer_free(signer);
    rk_signer_free(NULL);
    rk_claims_free(claims);
    rk_key_free(key);
    return 0;
}

static struct rk_str payload(size_t len)
{
    static char out[RK_TOKEN_MAX];
    const char *first = memchr(token, '.', len);
    size_t got = 0;

    CHECK(first != NULL, "a dot");
    CHECK_ERR(rki_b64url_decode(rki_str(first + 1, (size_t)(token + len - 44 - first - 1)), out,
                                sizeof(out), &got),
              RK_OK, "payload");
    return rki_str(out, got);
}

static void test_form(void **state)
{
    struct rk_str header = RK_STR("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.");
    size_t len = 0;

    (void)state;
    CHECK_ERR(rk_claims_set_id(claims, RK_STR("id-1")), RK_OK, "jti");
    CHECK_ERR(rk_claims_set_ttl(claims, 60), RK_OK, "ttl");
    CHECK_ERR(rk_claims_set_metadata(claims, RK_STR("m")), RK_OK, "metadata first");
    CHECK_ERR(rk_claims_set_name(claims, RK_STR("N")), RK_OK, "name second");
    CHECK_ERR(rk_signer_sign(signer, claims, now, token, sizeof(token), &len), RK_OK, "sign");
    CHECK_STR(rki_str(token, header.len), header, "alg and typ");
    CHECK_STR(payload(len),
              RK_STR("{\"iss\":\"APIroomkeyTest1\",\"sub\":\"alice\",\"iat\":1767225600,"
                     "\"nbf\":1767225600,\"exp\":1767225660,\"jti\":\"id-1\",\"name\":\"N\","
                     "\"video\":{\"room\":\"r\",\"roomJoin\":true},\"metadata\":\"m\"}"),
              "the documented order");
}

/* The signer keeps the times as text; a new second or lifetime must not get the old ones. */
static void test_times_change(void **state)
{
    static const struct {
        int64_t now_s, ttl_s;
        const char *want;
    } rows[] = {
        {0, 60, "\"iat\":0,\"nbf\":0,\"exp\":60"},
        {0, 61, "\"iat\":0,\"nbf\":0,\"exp\":61"},
        {1, 61, "\"iat\":1,\"nbf\":1,\"exp\":62"},
        {1, 61, "\"iat\":1,\"nbf\":1,\"exp\":62"},
        {0, 60, "\"iat\":0,\"nbf\":0,\"exp\":60"},
        {(INT64_C(1) << 53) - 1 - RK_TTL_MAX_S, RK_TTL_MAX_S,
         "\"iat\":9007199223204991,\"nbf\":9007199223204991,\"exp\":9007199254740991"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_str got;
        size_t len = 0;

        CHECK_ERR(rk_claims_set_ttl(claims, rows[i].ttl_s), RK_OK, "ttl");
        CHECK_ERR(rk_signer_sign(signer, claims, rows[i].now_s, token, sizeof(token), &len), RK_OK,
                  rows[i].want);
        got = payload(len);
        CHECK(memmem(got.ptr, got.len, rows[i].want, strlen(rows[i].want)) != NULL, rows[i].want);
    }
}

static void test_one_for_all(void **state)
{
    char other[1024];
    size_t len = 0, other_len = 0;

    (void)state;
    CHECK_ERR(rk_signer_sign(signer, claims, now, token, sizeof(token), &len), RK_OK, "signer");
    CHECK_ERR(rk_token_sign(key, claims, now, other, sizeof(other), &other_len), RK_OK, "casual");
    CHECK_STR(rki_str(token, len), rki_str(other, other_len), "the same token");
    rk_key_free(key); /* the signer has what it needs */
    key = NULL;
    CHECK_ERR(rk_signer_sign(signer, claims, now, token, sizeof(token), &len), RK_OK, "again");
    CHECK_STR(rki_str(token, len), rki_str(other, other_len), "the same token");
}

static void test_refused(void **state)
{
    static const struct {
        const char *why;
        int64_t now_s;
        enum rk_err err;
    } times[] = {
        {"before the epoch", -1, RK_E_INVAL},
        {"the least", INT64_MIN, RK_E_INVAL},
        {"the last", INT64_MAX, RK_E_INVAL},
        {"past what doubles hold", (INT64_C(1) << 53) - RK_TTL_MAX_S, RK_E_INVAL},
    };
    size_t len = 77;
    char out[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        memset(out, 'x', sizeof(out));
        CHECK_ERR(rk_signer_sign(signer, claims, times[i].now_s, out, sizeof(out), &len),
                  times[i].err, times[i].why);
        CHECK(out[0] == 0 && memcmp(out, out + 1, sizeof(out) - 1) == 0, "wiped");
    }
    rk_claims_reset(claims);
    memset(out, 'x', sizeof(out));
    CHECK_ERR(rk_signer_sign(signer, claims, now, out, sizeof(out), &len), RK_E_STATE, "no grant");
    CHECK(out[0] == 0 && memcmp(out, out + 1, sizeof(out) - 1) == 0, "wiped");
    CHECK_ERR(rk_token_sign(key, claims, now, out, sizeof(out), &len), RK_E_STATE, "no grant");
    CHECK_ERR(rk_signer_sign_js(signer, claims, now, out, sizeof(out), &len), RK_OK,
              "the Node SDK signs even nothing");
    len = 77;
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "join");
    CHECK_ERR(rk_signer_sign_js(signer, claims, now, out, sizeof(out), &len), RK_E_STATE,
              "but no join without identity");
    CHECK_ERR(rk_claims_load_json(claims,
                                  RK_STR("{\"video\":{},\"roomConfig\":{\"egress\":{\"tracks\":{"
                                         "\"s3\":{\"secret\":\"x\"}}}}}"),
                                  NULL),
              RK_OK, "credentials");
    CHECK_ERR(rk_signer_sign(signer, claims, now, out, sizeof(out), &len), RK_E_CREDENTIALS,
              "ours");
    CHECK_ERR(rk_signer_sign_js(signer, claims, now, out, sizeof(out), &len), RK_E_CREDENTIALS,
              "and the other form");
    CHECK(len == 77, "untouched");
}

/* A space of exactly the token's length will do, none smaller, and not a byte behind it is written:
 * for payloads of every length modulo 12, which is where the in-place encoding could go wrong. */
static void test_space(void **state)
{
    struct guard guard = guard_new(2048);

    (void)state;
    for (size_t extra = 1; extra <= 26; extra++) {
        struct rk_str name = rki_str("abcdefghijklmnopqrstuvwxyz", extra), out;
        size_t len = 0, again = 0;

        CHECK_ERR(rk_claims_set_name(claims, name), RK_OK, "name");
        CHECK_ERR(rk_signer_sign(signer, claims, now, token, sizeof(token), &len), RK_OK, "ample");
        for (size_t cap = len - 3; cap <= len + 3; cap++) {
            out = guard_put(&guard, rki_str(guard.map, cap));
            CHECK_ERR(
                rk_signer_sign(signer, claims, now, guard.map + (out.ptr - guard.map), cap, &again),
                cap < len ? RK_E_TOO_LONG : RK_OK, "around its length");
            if (cap >= len)
                CHECK_STR(rki_str(out.ptr, again), rki_str(token, len), "the same token");
        }
    }
    for (size_t cap = 0; cap < 90; cap++) {
        size_t len = 77;
        struct rk_str out = guard_put(&guard, rki_str(guard.map, cap));

        CHECK_ERR(rk_signer_sign(signer, claims, now, guard.map + (out.ptr - guard.map), cap, &len),
                  RK_E_TOO_LONG, "tiny");
        CHECK(len == 77, "untouched");
    }
    guard_free(&guard);
}

static void test_token_max(void **state)
{
    static char text[RK_CLAIMS_MAX];
    size_t len = 0;

    (void)state;
    memset(text, 'm', sizeof(text));
    CHECK_ERR(rk_claims_set_metadata(claims, rki_str(text, RK_CLAIMS_MAX - 250)), RK_OK, "large");
    CHECK_ERR(rk_signer_sign(signer, claims, now, token, RK_TOKEN_MAX, &len), RK_OK, "the largest");
    CHECK(len <= RK_TOKEN_MAX && len > RK_TOKEN_MAX - 400, "nearly all of it");
    memset(text, '"', 512);
    CHECK_ERR(rk_claims_set_metadata(claims, rki_str(text, RK_CLAIMS_MAX - 250)), RK_OK, "escapes");
    CHECK_ERR(rk_signer_sign(signer, claims, now, token, sizeof(token), &len), RK_E_TOO_LONG,
              "over RK_TOKEN_MAX, though there is space");
}

static void test_issuer_is_escaped(void **state)
{
    struct rk_key *odd = NULL;
    size_t len = 0;
    struct rk_str got;
    char name[RK_KEY_NAME_MAX];

    (void)state;
    memset(name, '"', sizeof(name));
    CHECK_ERR(rk_key_new(rki_str(name, sizeof(name)), RK_STR("s"), &odd), RK_OK, "odd name");
    CHECK_ERR(rk_token_sign(odd, claims, now, token, sizeof(token), &len), RK_OK, "sign");
    got = payload(len);
    CHECK(got.len > 2 * sizeof(name) && memcmp(got.ptr, "{\"iss\":\"\\\"\\\"", 12) == 0, "escaped");
    CHECK_ERR(rk_claims_load_json(claims, got, NULL), RK_OK, "reads");
    CHECK_STR(rk_claims_issuer(claims), rki_str(name, sizeof(name)), "the same");
    rk_key_free(odd);
}

/* What a signer signs has the MAC of the first two segments, with each of many secrets. */
static void test_mac(void **state)
{
    char secret[200];

    (void)state;
    memset(secret, 's', sizeof(secret));
    for (size_t n = 1; n <= sizeof(secret); n += 13) {
        struct rk_key *some = NULL;
        struct rki_mac *mac = NULL;
        unsigned char digest[RKI_MAC_SIZE];
        char text[44];
        size_t len = 0;

        CHECK_ERR(rk_key_new(RK_STR("k"), rki_str(secret, n), &some), RK_OK, "key");
        CHECK_ERR(rk_token_sign(some, claims, now, token, sizeof(token), &len), RK_OK, "sign");
        CHECK_ERR(rki_mac_new(some, &mac), RK_OK, "mac");
        CHECK_ERR(rki_mac_run(mac, rki_str(token, len - 44), digest), RK_OK, "run");
        CHECK(rki_b64url_encode_raw(text, (const char *)digest, sizeof(digest)) == 43, "letters");
        CHECK_STR(rki_str(text, 43), rki_str(token + len - 43, 43), "signature");
        rki_mac_free(mac);
        rk_key_free(some);
    }
    rki_mac_free(NULL);
}

static void test_js_extras(void **state)
{
    size_t len = 0;

    (void)state;
    rk_claims_reset(claims);
    CHECK_ERR(rk_claims_set_extra(claims, RK_STR("x"), RK_STR("1"), NULL), RK_OK, "extra first");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_SIP_CALL, true), RK_OK, "call");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_LIST, false), RK_OK, "list");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_SIP_ADMIN, false), RK_OK, "admin after call");
    CHECK_ERR(rk_claims_set_destination_room(claims, RK_STR("d")), RK_OK, "destination");
    CHECK_ERR(rk_claims_set_room(claims, RK_STR("r")), RK_OK, "room");
    CHECK_ERR(rk_claims_add_kind_detail(claims, RK_KIND_DETAIL_FORWARDED), RK_OK, "detail");
    CHECK_ERR(rk_claims_set_identity(claims, RK_STR("a")), RK_OK, "identity");
    CHECK_ERR(rk_claims_set_id(claims, RK_STR("j")), RK_OK, "id");
    CHECK_ERR(rk_signer_sign_js(signer, claims, now, token, sizeof(token), &len), RK_OK, "sign");
    CHECK_STR(
        payload(len),
        RK_STR("{\"x\":1,\"sip\":{\"call\":true,\"admin\":false},\"video\":{\"roomList\":false,"
               "\"destinationRoom\":\"d\",\"room\":\"r\"},\"kindDetails\":[\"forwarded\"],"
               "\"iss\":\"APIroomkeyTest1\",\"exp\":1767226500,\"nbf\":1767225600,\"sub\":\"a\","
               "\"jti\":\"j\"}"),
        "as it was set");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_form),        TEST(test_times_change),
        TEST(test_one_for_all), TEST(test_refused),
        TEST(test_space),       TEST(test_token_max),
        TEST(test_mac),         TEST(test_issuer_is_escaped),
        TEST(test_js_extras),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
