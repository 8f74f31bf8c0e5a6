/*
 * test_verify.c - token verification: the 71 cases and the golden tokens of other implementations,
 * then one row for each refusal of ours.
 */
#include "alloc_fail.h"
#include "check.h"
#include "forge.h"
#include "guard.h"

#include <roomkey/token.h>
#include <roomkey/verify.h>

#include <stdio.h>

#define NOW INT64_C(1767225600)
#define NAME RK_STR("APIroomkeyTest1")
#define SECRET RK_STR("0123456789abcdef0123456789abcdef")

static json_t *vectors(const char *file)
{
    char path[512];
    json_t *all;

    (void)snprintf(path, sizeof(path), "%s/tests/vectors/%s", RK_TEST_SOURCE_DIR, file);
    all = json_load_file(path, JSON_ALLOW_NUL, NULL);
    CHECK(json_is_array(all), file);
    return all;
}

static struct rk_str text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return rki_str(json_string_value(value), json_string_length(value));
}

static enum rk_err verify_vector(const json_t *vector, struct rk_claims **out)
{
    struct rk_keyring *ring = forge_ring(text(vector, "apiKey"), text(vector, "apiSecret"));
    struct rk_str token = text(vector, "token");
    struct guard guard = guard_new(token.len);
    enum rk_err err = rk_token_verify(ring, guard_put(&guard, token),
                                      json_integer_value(json_object_get(vector, "now")),
                                      RK_LEEWAY_DEFAULT, out, NULL);

    guard_free(&guard);
    rk_keyring_free(ring);
    return err;
}

static void test_cases(void **state)
{
    json_t *all = vectors("verify-cases.json");

    (void)state;
    CHECK(json_array_size(all) == 71, "all of them");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *vector = json_array_get(all, i);
        struct rk_str want = text(vector, "roomkeyRecommended");
        struct rk_claims *claims = NULL;
        enum rk_err err = verify_vector(vector, &claims);

        CHECK(rki_str_equal(want, RK_STR("accept")) || rki_str_equal(want, RK_STR("reject")),
              "known");
        CHECK((err == RK_OK) == rki_str_equal(want, RK_STR("accept")), text(vector, "name").ptr);
        CHECK((err == RK_OK) == (claims != NULL), text(vector, "name").ptr);
        rk_claims_free(claims);
    }
    json_decref(all);
}

/* ---- golden tokens: what we read is what they wrote ---- */

static void drop_defaults(json_t *payload)
{
    json_t *sources = json_object_get(json_object_get(payload, "video"), "canPublishSources");

    if (sources != NULL && json_array_size(sources) == 0)
        (void)json_object_del(json_object_get(payload, "video"), "canPublishSources");
    /* compared by text in test_room_config.c; here only that it is read at all */
    (void)json_object_del(payload, "roomConfig");
    (void)json_object_del(payload, "identity");
}

static void check_time(const json_t *payload, const char *name, bool present, int64_t value,
                       const char *why)
{
    const json_t *want = json_object_get(payload, name);

    CHECK(present == (want != NULL), why);
    CHECK(!present || value == json_integer_value(want), why);
}

static void check_golden(const json_t *vector, const struct rk_claims *claims)
{
    static const char *const compared[] = {"iss", "sub", "iat", "nbf", "exp"}; /* above already */
    const char *name = text(vector, "name").ptr;
    json_t *want = json_deep_copy(json_object_get(vector, "payload")), *got;
    char room[16384];
    size_t len = 0;
    int64_t exp = 0, nbf = 0, iat = 0;
    bool has_exp = rk_claims_expires_at(claims, &exp), has_nbf = rk_claims_not_before(claims, &nbf);
    bool has_iat = rk_claims_issued_at(claims, &iat);

    check_time(want, "exp", has_exp, exp, name);
    check_time(want, "nbf", has_nbf, nbf, name);
    check_time(want, "iat", has_iat, iat, name);
    CHECK_STR(rk_claims_issuer(claims), text(want, "iss"), name);
    CHECK_STR(rk_claims_identity(claims), text(want, "sub"), name);
    CHECK((rk_claims_room_config(claims).ptr != NULL) ==
              (json_object_size(json_object_get(want, "roomConfig")) > 0 &&
               strcmp(name, "roomconfig-empty") != 0),
          name);
    CHECK_ERR(rk_claims_write_json(claims, room, sizeof(room), &len), RK_OK, name);
    got = json_loadb(room, len, JSON_ALLOW_NUL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(compared); i++) {
        (void)json_object_del(want, compared[i]);
        (void)json_object_del(got, compared[i]);
    }
    drop_defaults(want);
    drop_defaults(got);
    if (!json_equal(want, got))
        fail_msg("%s: wanted %s, got %.*s", name, json_dumps(want, 0), (int)len, room);
    json_decref(want);
    json_decref(got);
}

static void check_file(const char *file, size_t count)
{
    json_t *all = vectors(file);

    CHECK(json_array_size(all) == count, file);
    for (size_t i = 0; i < count; i++) {
        const json_t *vector = json_array_get(all, i);
        struct rk_claims *claims = NULL;

        CHECK_ERR(verify_vector(vector, &claims), RK_OK, text(vector, "name").ptr);
        check_golden(vector, claims);
        rk_claims_free(claims);
    }
    json_decref(all);
}

static void test_golden(void **state)
{
    (void)state;
    check_file("livekit-server-sdk-js.json", 32);
    check_file("livekit-go-style.json", 12);
}

/* The file itself is no strict JSON: that is its point. Its token holds \ud800, which we refuse. */
static void test_lone_surrogate(void **state)
{
    static char file[8192];
    FILE *in =
        fopen(RK_TEST_SOURCE_DIR "/tests/vectors/livekit-server-sdk-js-lone-surrogate.json", "rb");
    struct rk_keyring *ring;
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {.text = ""};
    char *token, *end;

    (void)state;
    CHECK(in != NULL && fread(file, 1, sizeof(file) - 1, in) > 0, "readable");
    (void)fclose(in);
    token = strstr(file, "\"token\": \"");
    CHECK(token != NULL && strstr(file, "\\ud800") != NULL, "it is what it says");
    token += strlen("\"token\": \"");
    end = strchr(token, '"');
    ring = forge_ring(NAME, RK_STR("any"));
    CHECK_ERR(rk_token_verify(ring, rki_str(token, (size_t)(end - token)), NOW, 60, &claims, &diag),
              RK_E_MALFORMED, "before the signature is looked at");
    CHECK_STR(rki_cstr(diag.text), RK_STR("the payload is not strict JSON"), "why");
    rk_keyring_free(ring);
}

/* ---- one row for each refusal ---- */

#define HS256 RK_STR_INIT("{\"alg\":\"HS256\"}")
#define GOOD "\"iss\":\"APIroomkeyTest1\",\"sub\":\"a\",\"exp\":1767225700"

static void test_refused(void **state)
{
    static const struct {
        const char *why;
        struct rk_str header, payload;
        enum rk_err want;
        const char *field;
    } rows[] = {
        {"good", HS256, RK_STR_INIT("{" GOOD "}"), RK_OK, ""},
        {"blanks in the header", RK_STR_INIT(" {\"alg\" : \"HS256\"}"), RK_STR_INIT("{" GOOD "}"),
         RK_OK, ""},
        {"typ in small letters", RK_STR_INIT("{\"alg\":\"HS256\",\"typ\":\"jwt\"}"),
         RK_STR_INIT("{" GOOD "}"), RK_OK, ""},
        {"header is a list", RK_STR_INIT("[]"), RK_STR_INIT("{" GOOD "}"), RK_E_MALFORMED, ""},
        {"header is no JSON", RK_STR_INIT("{"), RK_STR_INIT("{" GOOD "}"), RK_E_MALFORMED, ""},
        {"alg twice", RK_STR_INIT("{\"alg\":\"none\",\"alg\":\"HS256\"}"),
         RK_STR_INIT("{" GOOD "}"), RK_E_MALFORMED, ""},
        {"no alg", RK_STR_INIT("{}"), RK_STR_INIT("{" GOOD "}"), RK_E_ALGORITHM, "alg"},
        {"alg with a blank", RK_STR_INIT("{\"alg\":\"HS256 \"}"), RK_STR_INIT("{" GOOD "}"),
         RK_E_ALGORITHM, "alg"},
        {"alg RS256", RK_STR_INIT("{\"alg\":\"RS256\"}"), RK_STR_INIT("{" GOOD "}"), RK_E_ALGORITHM,
         "alg"},
        {"Alg", RK_STR_INIT("{\"Alg\":\"HS256\"}"), RK_STR_INIT("{" GOOD "}"), RK_E_ALGORITHM,
         "alg"},
        {"alg null", RK_STR_INIT("{\"alg\":null}"), RK_STR_INIT("{" GOOD "}"), RK_E_ALGORITHM,
         "alg"},
        {"crit", RK_STR_INIT("{\"alg\":\"HS256\",\"crit\":[]}"), RK_STR_INIT("{" GOOD "}"),
         RK_E_MALFORMED, "crit"},
        {"b64", RK_STR_INIT("{\"alg\":\"HS256\",\"b64\":true}"), RK_STR_INIT("{" GOOD "}"),
         RK_E_MALFORMED, "b64"},
        {"zip", RK_STR_INIT("{\"alg\":\"HS256\",\"zip\":\"DEF\"}"), RK_STR_INIT("{" GOOD "}"),
         RK_E_MALFORMED, "zip"},
        {"another kind of token", RK_STR_INIT("{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}"),
         RK_STR_INIT("{" GOOD "}"), RK_E_MALFORMED, "typ"},
        {"typ is a number", RK_STR_INIT("{\"alg\":\"HS256\",\"typ\":1}"), RK_STR_INIT("{" GOOD "}"),
         RK_E_MALFORMED, "typ"},
        {"payload is a list", HS256, RK_STR_INIT("[]"), RK_E_MALFORMED, ""},
        {"payload with a mark", HS256, RK_STR_INIT("\xef\xbb\xbf{" GOOD "}"), RK_E_MALFORMED, ""},
        {"text after the payload", HS256, RK_STR_INIT("{" GOOD "}{}"), RK_E_MALFORMED, ""},
        {"payload not UTF-8", HS256, RK_STR_INIT("{" GOOD ",\"name\":\"\xff\"}"), RK_E_MALFORMED,
         ""},
        {"duplicate deep inside", HS256, RK_STR_INIT("{" GOOD ",\"x\":[{\"a\":1,\"a\":1}]}"),
         RK_E_MALFORMED, ""},
        {"duplicate after unescaping", HS256, RK_STR_INIT("{" GOOD ",\"s\\u0075b\":\"b\"}"),
         RK_E_MALFORMED, ""},
        {"NUL in a name", HS256, RK_STR_INIT("{" GOOD ",\"name\":\"a\\u0000b\"}"), RK_OK, ""},
        {"too deep", HS256, RK_STR_INIT("{" GOOD ",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"),
         RK_E_MALFORMED, ""},
        {"no iss", HS256, RK_STR_INIT("{\"sub\":\"a\",\"exp\":1767225700}"), RK_E_ISSUER, "iss"},
        {"iss with a NUL", HS256,
         RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\\u0000\",\"exp\":1767225700}"), RK_E_ISSUER,
         "iss"},
        {"iss in other letters", HS256,
         RK_STR_INIT("{\"iss\":\"APIROOMKEYTEST1\",\"exp\":1767225700}"), RK_E_ISSUER, "iss"},
        {"Iss beside iss", HS256, RK_STR_INIT("{" GOOD ",\"Iss\":\"x\"}"), RK_E_INVAL, "iss"},
        {"a long s, which Go takes for an s", HS256,
         RK_STR_INIT("{" GOOD ",\"\xc5\xbf"
                     "ub\":\"b\"}"),
         RK_E_INVAL, "sub"},
        {"a Kelvin sign, which Go takes for a k", HS256,
         RK_STR_INIT("{" GOOD ",\"\xe2\x84\xaa"
                     "ind\":\"agent\"}"),
         RK_E_INVAL, "kind"},
        {"and inside a grant", HS256,
         RK_STR_INIT("{" GOOD ",\"video\":{\"roomLi\xc5\xbf"
                     "t\":true}}"),
         RK_E_INVAL, "video.roomList"},
        {"EXP", HS256, RK_STR_INIT("{" GOOD ",\"EXP\":99999999999}"), RK_E_INVAL, "exp"},
        {"name is a number", HS256, RK_STR_INIT("{" GOOD ",\"name\":5}"), RK_E_TYPE, "name"},
        {"roomJoin is a word", HS256, RK_STR_INIT("{" GOOD ",\"video\":{\"roomJoin\":\"true\"}}"),
         RK_E_TYPE, "video.roomJoin"},
        {"roomConfig of the wrong type", HS256,
         RK_STR_INIT("{" GOOD ",\"roomConfig\":{\"maxParticipants\":-1}}"), RK_E_TYPE,
         "roomConfig.maxParticipants"},
        {"roomConfig with credentials verifies", HS256,
         RK_STR_INIT("{" GOOD
                     ",\"roomConfig\":{\"egress\":{\"tracks\":{\"s3\":{\"secret\":\"x\"}}}}}"),
         RK_OK, ""},
        {"exp is text", HS256, RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"exp\":\"1767225700\"}"),
         RK_E_TYPE, "exp"},
        {"no exp", HS256, RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\"}"), RK_E_STATE, "exp"},
        {"exp at the edge", HS256, RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"exp\":1767225541}"),
         RK_OK, ""},
        {"exp over the edge", HS256,
         RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"exp\":1767225540}"), RK_E_EXPIRED, "exp"},
        {"exp over the edge by a fraction", HS256,
         RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"exp\":1767225540.9}"), RK_E_EXPIRED, "exp"},
        {"nbf at the edge", HS256, RK_STR_INIT("{" GOOD ",\"nbf\":1767225660}"), RK_OK, ""},
        {"nbf over the edge", HS256, RK_STR_INIT("{" GOOD ",\"nbf\":1767225661}"), RK_E_NOT_YET,
         "nbf"},
        {"iat is not looked at", HS256, RK_STR_INIT("{" GOOD ",\"iat\":99999999999}"), RK_OK, ""},
    };
    struct rk_keyring *ring = forge_ring(NAME, SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_str token = forge_token(ring, NAME, rows[i].header, rows[i].payload);
        struct rk_diag diag = {.field = ""};
        struct rk_claims *claims = NULL;

        CHECK_ERR(rk_token_verify(ring, token, NOW, RK_LEEWAY_DEFAULT, &claims, &diag),
                  rows[i].want, rows[i].why);
        CHECK_STR(rki_cstr(diag.field), rki_cstr(rows[i].field), rows[i].why);
        CHECK((diag.text[0] == '\0') == (rows[i].want == RK_OK), rows[i].why);
        rk_claims_free(claims);
        forge_free(token);
    }
    rk_keyring_free(ring);
}

static void test_arguments(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" GOOD "}"));
    struct rk_claims *claims = NULL;
    char *big = malloc(RK_TOKEN_MAX + 1);

    (void)state;
    CHECK_ERR(rk_token_verify(ring, token, -1, 60, &claims, NULL), RK_E_INVAL, "before 1970");
    CHECK_ERR(rk_token_verify(ring, token, INT64_MAX, 60, &claims, NULL), RK_E_INVAL, "overflow");
    CHECK_ERR(rk_token_verify(ring, token, NOW, -1, &claims, NULL), RK_E_INVAL, "leeway");
    CHECK_ERR(rk_token_verify(ring, token, NOW, RK_LEEWAY_MAX + 1, &claims, NULL), RK_E_INVAL,
              "leeway");
    memset(big, 'A', RK_TOKEN_MAX + 1);
    CHECK_ERR(rk_token_verify(ring, rki_str(big, RK_TOKEN_MAX + 1), NOW, 60, &claims, NULL),
              RK_E_TOO_LONG, "one byte more");
    CHECK_ERR(rk_token_verify(ring, rki_str(big, RK_TOKEN_MAX), NOW, 60, &claims, NULL),
              RK_E_MALFORMED, "as long as allowed, and no token");
    CHECK_ERR(rk_token_verify(ring, rki_str(NULL, 0), NOW, 60, &claims, NULL), RK_E_MALFORMED,
              "absent");
    CHECK_ERR(rk_token_verify(ring, RK_STR(".."), NOW, 60, &claims, NULL), RK_E_MALFORMED, "dots");
    memset(big, '.', RK_TOKEN_MAX);
    CHECK_ERR(rk_token_verify(ring, rki_str(big, RK_TOKEN_MAX), NOW, 60, &claims, NULL),
              RK_E_MALFORMED, "65,536 dots");
    CHECK(claims == NULL, "untouched");
    free(big);
    forge_free(token);
    rk_keyring_free(ring);
}

/* What is no canonical base64url is malformed, whatever its length; what is, and of another length,
 * is a signature that does not match. */
static void test_signature_text(void **state)
{
    static const struct {
        size_t cut; /* off the end */
        struct rk_str more;
        enum rk_err want;
    } rows[] = {
        {0, RK_STR_INIT(""), RK_OK},
        {0, RK_STR_INIT("="), RK_E_MALFORMED},
        {0, RK_STR_INIT("=="), RK_E_MALFORMED},
        {1, RK_STR_INIT("="), RK_E_MALFORMED},
        {1, RK_STR_INIT("A="), RK_E_MALFORMED},
        {0, RK_STR_INIT("+"), RK_E_MALFORMED},
        {0, RK_STR_INIT("A "), RK_E_MALFORMED},
        {0, RK_STR_INIT("AA"), RK_E_MALFORMED}, /* 45 characters are no bytes */
        {0, RK_STR_INIT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/"), RK_E_MALFORMED},
        {3, RK_STR_INIT(""), RK_E_SIGNATURE},
        {0, RK_STR_INIT("A"), RK_E_SIGNATURE},
        {0, RK_STR_INIT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_"), RK_E_SIGNATURE},
    };
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" GOOD "}"));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const size_t kept = token.len - rows[i].cut;
        char *text = malloc(kept + rows[i].more.len);
        struct rk_claims *claims = NULL;

        CHECK(text != NULL, "memory");
        memcpy(text, token.ptr, kept);
        memcpy(text + kept, rows[i].more.ptr, rows[i].more.len);
        CHECK_ERR(
            rk_token_verify(ring, rki_str(text, kept + rows[i].more.len), NOW, 60, &claims, NULL),
            rows[i].want, rows[i].more.ptr);
        rk_claims_free(claims);
        free(text);
    }
    forge_free(token);
    rk_keyring_free(ring);
}

/* Every prefix, and every single bit turned: never accepted, never read past the end. */
static void test_damaged(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" GOOD "}"));
    struct guard guard = guard_new(token.len);
    struct rk_claims *claims = NULL;

    (void)state;
    for (size_t len = 0; len < token.len; len++)
        CHECK(rk_token_verify(ring, guard_put(&guard, rki_str(token.ptr, len)), NOW, 60, &claims,
                              NULL) != RK_OK,
              "a prefix");
    for (size_t bit = 0; bit < token.len * 8; bit++) {
        struct rk_str copy = guard_put(&guard, token);

        ((char *)(uintptr_t)copy.ptr)[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(rk_token_verify(ring, copy, NOW, 60, &claims, NULL) != RK_OK, "a bit turned");
    }
    CHECK(claims == NULL, "untouched");
    guard_free(&guard);
    forge_free(token);
    rk_keyring_free(ring);
}

/* The key is the one iss names, not any that fits. */
static void test_two_keys(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_key *other =
        forge_key(RK_STR("APIother"), RK_STR("another secret of thirty-two byt"));
    struct rk_claims *claims = NULL;
    struct rk_str mine, theirs, mixed;

    (void)state;
    CHECK_ERR(rk_keyring_add(ring, &other), RK_OK, "second key");
    mine = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" GOOD "}"));
    theirs = forge_token(ring, RK_STR("APIother"), FORGE_HEADER,
                         RK_STR("{\"iss\":\"APIother\",\"exp\":1767225700}"));
    mixed = forge_token(ring, RK_STR("APIother"), FORGE_HEADER, RK_STR("{" GOOD "}"));
    CHECK_ERR(rk_token_verify(ring, mine, NOW, 60, &claims, NULL), RK_OK, "first");
    rk_claims_free(claims);
    CHECK_ERR(rk_token_verify(ring, theirs, NOW, 60, &claims, NULL), RK_OK, "second");
    CHECK_STR(rk_claims_issuer(claims), RK_STR("APIother"), "issuer");
    rk_claims_free(claims);
    CHECK_ERR(rk_token_verify(ring, mixed, NOW, 60, &claims, NULL), RK_E_SIGNATURE,
              "signed with a good key that is not the issuer's");
    forge_free(mine);
    forge_free(theirs);
    forge_free(mixed);
    rk_keyring_free(ring);
}

static void test_out_of_memory(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token = forge_token(
        ring, NAME, RK_STR("{\"alg\":\"HS256\" }"),
        RK_STR("{" GOOD ",\"video\":{\"room\":\"r\"},\"roomConfig\":{\"name\":\"n\"}}"));
    size_t n = 1;

    (void)state;
    for (;; n++) {
        struct rk_claims *claims = NULL;
        enum rk_err err;

        alloc_fail_at(n);
        err = rk_token_verify(ring, token, NOW, 60, &claims, NULL);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, "enough memory");
            rk_claims_free(claims);
            break;
        }
        CHECK((err == RK_OK) == (claims != NULL), "all or nothing");
        rk_claims_free(claims);
    }
    CHECK(n > 20, "the sweep swept");
    forge_free(token);
    rk_keyring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_golden),
        cmocka_unit_test(test_lone_surrogate), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_arguments),      cmocka_unit_test(test_signature_text),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_two_keys),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
