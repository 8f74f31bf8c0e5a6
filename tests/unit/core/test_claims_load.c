/* test_claims_load.c - payloads that others wrote: what is kept, what is dropped, what is refused.
 */
#include "check.h"
#include "core/claims.h"
#include "guard.h"

static struct rk_claims *claims;

static int set_up(void **state)
{
    (void)state;
    return rk_claims_new(&claims) == RK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rk_claims_free(claims);
    return 0;
}

static struct rk_str written(void)
{
    static char out[RK_CLAIMS_MAX * 2];
    size_t len = 0;

    CHECK_ERR(rk_claims_write_json(claims, out, sizeof(out), &len), RK_OK, "write");
    return rki_str(out, len);
}

/* What is read, written again. */
static void test_kept(void **state)
{
    static const struct {
        const char *why;
        struct rk_str json, want;
    } rows[] = {
        {"empty", RK_STR_INIT("{}"), RK_STR_INIT("{}")},
        {"our order",
         RK_STR_INIT("{\"video\":{\"canPublish\":false,\"room\":\"r\"},\"sub\":\"a\"}"),
         RK_STR_INIT("{\"sub\":\"a\",\"video\":{\"room\":\"r\",\"canPublish\":false}}")},
        {"null is absent",
         RK_STR_INIT("{\"sub\":null,\"exp\":null,\"video\":null,\"kind\":null,\"kindDetails\":null,"
                     "\"roomConfig\":null,\"attributes\":null,\"sip\":{\"call\":null}}"),
         RK_STR_INIT("{\"sip\":{}}")},
        {"null inside video",
         RK_STR_INIT("{\"video\":{\"room\":null,\"roomJoin\":null,\"canPublishSources\":null}}"),
         RK_STR_INIT("{\"video\":{}}")},
        {"empty texts are absent",
         RK_STR_INIT("{\"name\":\"\",\"kind\":\"\",\"metadata\":\"\",\"sha256\":\"\","
                     "\"roomPreset\":\"\",\"video\":{\"room\":\"\",\"destinationRoom\":\"\"}}"),
         RK_STR_INIT("{\"video\":{}}")},
        {"times, fractions cut off", RK_STR_INIT("{\"iat\":1.9,\"nbf\":-2.5,\"exp\":1767229200.5}"),
         RK_STR_INIT("{\"iat\":1,\"nbf\":-2,\"exp\":1767229200}")},
        {"identity beside sub", RK_STR_INIT("{\"identity\":\"mallory\",\"sub\":\"alice\"}"),
         RK_STR_INIT("{\"sub\":\"alice\"}")},
        {"kind in other letters", RK_STR_INIT("{\"kind\":\"AGENT\"}"),
         RK_STR_INIT("{\"kind\":\"agent\"}")},
        {"an unknown kind is standard", RK_STR_INIT("{\"kind\":\"robot\"}"),
         RK_STR_INIT("{\"kind\":\"standard\"}")},
        {"unknown kind details are dropped",
         RK_STR_INIT("{\"kindDetails\":[\"Forwarded\",\"x\",null,\"forwarded\",\"simulation\"]}"),
         RK_STR_INIT("{\"kindDetails\":[\"forwarded\",\"simulation\"]}")},
        {"unknown sources must not vanish: an empty list is all",
         RK_STR_INIT("{\"video\":{\"canPublishSources\":[\"Camera\",\"x\",null]}}"),
         RK_STR_INIT("{\"video\":{\"canPublishSources\":[\"unknown\"]}}")},
        {"sources once each",
         RK_STR_INIT(
             "{\"video\":{\"canPublishSources\":[\"camera\",\"x\",\"camera\",\"microphone\","
             "\"screen_share\",\"screen_share_audio\",\"y\",\"camera\",\"z\"]}}"),
         RK_STR_INIT("{\"video\":{\"canPublishSources\":[\"camera\",\"unknown\",\"microphone\","
                     "\"screen_share\",\"screen_share_audio\"]}}")},
        {"an empty list", RK_STR_INIT("{\"video\":{\"canPublishSources\":[]}}"),
         RK_STR_INIT("{\"video\":{\"canPublishSources\":[]}}")},
        {"a null attribute", RK_STR_INIT("{\"attributes\":{\"a\":null,\"b\":\"c\"}}"),
         RK_STR_INIT("{\"attributes\":{\"a\":\"\",\"b\":\"c\"}}")},
        {"unknown claims stay",
         RK_STR_INIT("{\"x\":{\"a\":[1,2.5,-3e-7,{},[],[[]],{\"b\":{\"c\":null}}],\"d\":\"\\n\"},"
                     "\"aud\":[\"a\",\"b\"],\"t\":true,\"f\":false,\"n\":null,\"big\":1e20}"),
         RK_STR_INIT("{\"x\":{\"a\":[1,2.5,-3e-7,{},[],[[]],{\"b\":{\"c\":null}}],\"d\":\"\\n\"},"
                     "\"aud\":[\"a\",\"b\"],\"t\":true,\"f\":false,\"n\":null,\"big\":1e20}")},
        {"unknown members of grants do not",
         RK_STR_INIT("{\"video\":{\"canFly\":1},\"sip\":{\"x\":[]}}"),
         RK_STR_INIT("{\"video\":{},\"sip\":{}}")},
        {"roomConfig in one form", RK_STR_INIT("{\"roomConfig\":{\"empty_timeout\":5,\"zzz\":1}}"),
         RK_STR_INIT("{\"roomConfig\":{\"emptyTimeout\":5}}")},
        {"an empty roomConfig", RK_STR_INIT("{\"roomConfig\":{}}"), RK_STR_INIT("{}")},
        {"controls in a name", RK_STR_INIT("{\"name\":\"a\\u0000\\n\"}"),
         RK_STR_INIT("{\"name\":\"a\\u0000\\n\"}")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_diag diag = {{0}, {0}};

        CHECK_ERR(rk_claims_load_json(claims, rows[i].json, &diag), RK_OK, rows[i].why);
        CHECK_STR(written(), rows[i].want, rows[i].why);
        CHECK(diag.text[0] == '\0', "untouched");
    }
}

static void test_refused(void **state)
{
    static const struct {
        struct rk_str json;
        enum rk_err err;
        const char *field;
    } rows[] = {
        {RK_STR_INIT("[]"), RK_E_MALFORMED, ""},
        {RK_STR_INIT("null"), RK_E_MALFORMED, ""},
        {RK_STR_INIT("{bad"), RK_E_MALFORMED, ""},
        {RK_STR_INIT(""), RK_E_MALFORMED, ""},
        {RK_STR_INIT("{} x"), RK_E_MALFORMED, ""},
        {RK_STR_INIT("{\"sub\":\"a\",\"sub\":\"b\"}"), RK_E_MALFORMED, ""},
        {RK_STR_INIT("{\"name\":\"x\\ud800y\"}"), RK_E_MALFORMED, ""},
        {RK_STR_INIT("{\"iss\":1}"), RK_E_TYPE, "iss"},
        {RK_STR_INIT("{\"sub\":5}"), RK_E_TYPE, "sub"},
        {RK_STR_INIT("{\"jti\":[]}"), RK_E_TYPE, "jti"},
        {RK_STR_INIT("{\"identity\":5}"), RK_E_TYPE, "identity"},
        {RK_STR_INIT("{\"exp\":\"1767229200\"}"), RK_E_TYPE, "exp"},
        {RK_STR_INIT("{\"exp\":true}"), RK_E_TYPE, "exp"},
        {RK_STR_INIT("{\"exp\":1e300}"), RK_E_TYPE, "exp"},
        {RK_STR_INIT("{\"nbf\":9007199254740992}"), RK_E_TYPE, "nbf"},
        {RK_STR_INIT("{\"iat\":-9007199254740992}"), RK_E_TYPE, "iat"},
        {RK_STR_INIT("{\"name\":{}}"), RK_E_TYPE, "name"},
        {RK_STR_INIT("{\"metadata\":{\"a\":1}}"), RK_E_TYPE, "metadata"},
        {RK_STR_INIT("{\"kind\":4}"), RK_E_TYPE, "kind"},
        {RK_STR_INIT("{\"kindDetails\":\"x\"}"), RK_E_TYPE, "kindDetails"},
        {RK_STR_INIT("{\"kindDetails\":[\"x\",1]}"), RK_E_TYPE, "kindDetails[1]"},
        {RK_STR_INIT("{\"video\":[]}"), RK_E_TYPE, "video"},
        {RK_STR_INIT("{\"video\":true}"), RK_E_TYPE, "video"},
        {RK_STR_INIT("{\"video\":{\"room\":5}}"), RK_E_TYPE, "video.room"},
        {RK_STR_INIT("{\"video\":{\"destinationRoom\":5}}"), RK_E_TYPE, "video.destinationRoom"},
        {RK_STR_INIT("{\"video\":{\"roomJoin\":1}}"), RK_E_TYPE, "video.roomJoin"},
        {RK_STR_INIT("{\"video\":{\"canPublish\":\"true\"}}"), RK_E_TYPE, "video.canPublish"},
        {RK_STR_INIT("{\"video\":{\"canPublishSources\":\"camera\"}}"), RK_E_TYPE,
         "video.canPublishSources"},
        {RK_STR_INIT("{\"video\":{\"canPublishSources\":[\"camera\",2]}}"), RK_E_TYPE,
         "video.canPublishSources[1]"},
        {RK_STR_INIT("{\"sip\":{\"call\":0}}"), RK_E_TYPE, "sip.call"},
        {RK_STR_INIT("{\"agent\":{\"admin\":{}}}"), RK_E_TYPE, "agent.admin"},
        {RK_STR_INIT("{\"attributes\":[]}"), RK_E_TYPE, "attributes"},
        {RK_STR_INIT("{\"attributes\":{\"a\":1}}"), RK_E_TYPE, "attributes"},
        {RK_STR_INIT("{\"roomConfig\":{\"emptyTimeout\":5.5}}"), RK_E_TYPE,
         "roomConfig.emptyTimeout"},
        {RK_STR_INIT("{\"roomConfig\":{\"emptyTimeout\":1,\"empty_timeout\":2}}"), RK_E_STATE,
         "roomConfig.emptyTimeout"},
        {RK_STR_INIT("{\"Video\":{\"roomJoin\":true}}"), RK_E_INVAL, "video"},
        {RK_STR_INIT("{\"video\":{\"RoomJoin\":true}}"), RK_E_INVAL, "video.roomJoin"},
        {RK_STR_INIT("{\"video\":{\"ROOM\":\"r\"}}"), RK_E_INVAL, "video.room"},
        {RK_STR_INIT("{\"sip\":{\"Call\":null}}"), RK_E_INVAL, "sip.call"},
        {RK_STR_INIT("{\"EXP\":1}"), RK_E_INVAL, "exp"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_diag diag = {{0}, {0}};

        CHECK_ERR(rk_claims_set_room(claims, RK_STR("before")), RK_OK, "before");
        CHECK_ERR(rk_claims_load_json(claims, rows[i].json, &diag), rows[i].err, rows[i].json.ptr);
        CHECK_STR(rki_cstr(diag.field), rki_cstr(rows[i].field), rows[i].json.ptr);
        CHECK(diag.text[0] != '\0', rows[i].json.ptr);
        CHECK_STR(written(), RK_STR("{}"), "empty after a failure");
        CHECK_ERR(rk_claims_load_json(claims, rows[i].json, NULL), rows[i].err, "no diagnostic");
    }
}

/* What a server lets in or says itself is read here too, but cannot be signed again. */
static void test_read_not_signed(void **state)
{
    char json[2048];
    struct rki_buf buf = rki_buf_over(json, sizeof(json));
    struct rk_diag diag = {{0}, {0}};

    (void)state;
    rki_buf_lit(&buf, "{\"video\":{},\"sub\":\"");
    for (int i = 0; i < 300; i++)
        rki_buf_char(&buf, 'i');
    rki_buf_lit(&buf, "\"}");
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), NULL), RK_OK, "300 bytes");
    CHECK(rk_claims_identity(claims).len == 300, "kept");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_TOO_LONG, "not signed");
    CHECK_STR(rki_cstr(diag.field), RK_STR("sub"), "why");

    buf.len = 0;
    rki_buf_lit(&buf, "{\"video\":{\"room\":\"");
    for (int i = 0; i < 300; i++)
        rki_buf_char(&buf, 'r');
    rki_buf_lit(&buf, "\"}}");
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), NULL), RK_OK, "300 bytes");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_TOO_LONG, "not signed");
    CHECK_STR(rki_cstr(diag.field), RK_STR("video.room"), "why");

    CHECK_ERR(rk_claims_load_json(
                  claims,
                  RK_STR("{\"video\":{},\"roomConfig\":{\"egress\":{\"tracks\":{\"s3\":{\"secret\":"
                         "\"x\"}}}}}"),
                  NULL),
              RK_OK, "with credentials");
    CHECK(rk_claims_room_config(claims).ptr != NULL, "kept");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_CREDENTIALS, "not signed");
    CHECK_ERR(rk_claims_set_room_config(claims, RK_STR("{}"), NULL), RK_OK, "replaced");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_OK, "signed");
}

static void test_times(void **state)
{
    int64_t s = 77;

    (void)state;
    CHECK(!rk_claims_issued_at(claims, &s) && !rk_claims_not_before(claims, &s) &&
              !rk_claims_expires_at(claims, &s) && s == 77,
          "absent");
    CHECK_ERR(
        rk_claims_load_json(claims, RK_STR("{\"iss\":\"k\",\"iat\":1,\"nbf\":0,\"exp\":3}"), NULL),
        RK_OK, "times");
    CHECK_STR(rk_claims_issuer(claims), RK_STR("k"), "iss");
    CHECK(rk_claims_issued_at(claims, &s) && s == 1, "iat");
    CHECK(rk_claims_not_before(claims, &s) && s == 0, "nbf 0 is not absent");
    CHECK(rk_claims_expires_at(claims, &s) && s == 3, "exp");
    CHECK(rk_claims_ttl(claims) == RK_TTL_DEFAULT_S, "no lifetime is loaded");
}

static void test_too_much(void **state)
{
    static char json[RK_CLAIMS_MAX + 8192];
    struct rki_buf buf = rki_buf_over(json, sizeof(json));
    struct rk_diag diag = {{0}, {0}};

    (void)state;
    rki_buf_lit(&buf, "{\"attributes\":{");
    for (int i = 0; i <= RK_ATTRIBUTES_MAX; i++) {
        rki_buf_lit(&buf, "\"k");
        rki_buf_int(&buf, i);
        rki_buf_lit(&buf, "\":\"\",");
    }
    buf.len--;
    rki_buf_lit(&buf, "}}");
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), &diag), RK_E_TOO_LONG, "attributes");
    CHECK_STR(rki_cstr(diag.field), RK_STR("attributes"), "where");

    buf.len = 0;
    rki_buf_lit(&buf, "{\"metadata\":\"");
    while (buf.len < RK_CLAIMS_MAX + 100)
        rki_buf_char(&buf, 'm');
    rki_buf_lit(&buf, "\"}");
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), &diag), RK_E_TOO_LONG, "metadata");
    CHECK_STR(rki_cstr(diag.field), RK_STR("metadata"), "where");
    buf.ptr[2] = 'X'; /* "Xetadata": a claim nobody knows */
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), &diag), RK_E_TOO_LONG, "an extra");

    buf.len = 0;
    rki_buf_lit(&buf, "{\"x0\":0");
    for (int i = 1; i <= RK_EXTRAS_MAX; i++) {
        rki_buf_lit(&buf, ",\"x");
        rki_buf_int(&buf, i);
        rki_buf_lit(&buf, "\":0");
    }
    rki_buf_lit(&buf, "}");
    CHECK_ERR(rk_claims_load_json(claims, rki_buf_str(&buf), &diag), RK_E_TOO_LONG, "extras");
}

/* Payloads that came past rki_json_parse are bounded here: as deep as it allows, no deeper. */
static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = 1; depth <= 40; depth++) {
        json_t *payload = json_object(), *value = json_array();
        struct rk_diag diag = {{0}, {0}};

        for (size_t i = 1; i < depth; i++) {
            json_t *outer = json_array();

            CHECK(json_array_append_new(outer, value) == 0, "nest");
            value = outer;
        }
        CHECK(json_object_set_new(payload, "x", value) == 0, "claim");
        CHECK_ERR(rki_claims_load(claims, payload, &diag), depth <= 16 ? RK_OK : RK_E_TOO_LONG,
                  "depth");
        json_decref(payload);
    }
}

/* Every prefix, flush against a dead page, and every byte changed: refused or read, never a crash.
 */
static void test_prefixes(void **state)
{
    static const struct rk_str whole = RK_STR_INIT(
        "{\"iss\":\"k\",\"sub\":\"a\\u00eb\",\"exp\":1.5,\"video\":{\"roomJoin\":true,\"room\":"
        "\"r\","
        "\"canPublishSources\":[\"camera\"]},\"kindDetails\":[\"forwarded\"],\"roomConfig\":{"
        "\"agents\":[{\"agentName\":\"b\"}]},\"attributes\":{\"k\":\"v\"},\"x\":[{\"y\":1}]}");
    struct guard guard = guard_new(whole.len);

    (void)state;
    CHECK_ERR(rk_claims_load_json(claims, guard_put(&guard, whole), NULL), RK_OK, "whole");
    for (size_t len = 0; len < whole.len; len++)
        CHECK_ERR(rk_claims_load_json(claims, guard_put(&guard, rki_str(whole.ptr, len)), NULL),
                  RK_E_MALFORMED, "a prefix");
    for (size_t i = 0; i < whole.len; i++)
        for (unsigned char flip = 1; flip != 0; flip = (unsigned char)(flip << 1)) {
            struct rk_str copy = guard_put(&guard, whole);

            guard.map[guard.readable - whole.len + i] ^= (char)flip;
            if (rk_claims_load_json(claims, copy, NULL) != RK_OK)
                CHECK_STR(written(), RK_STR("{}"), "empty after a failure");
        }
    guard_free(&guard);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kept),     TEST(test_refused),  TEST(test_read_not_signed), TEST(test_times),
        TEST(test_too_much), TEST(test_prefixes), TEST(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
