/* test_claims.c - every setter: what it takes, what it refuses, what it leaves alone. */
#include "check.h"
#include "core/claims.h"

#include <stdio.h>

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
    rk_claims_free(NULL);
    return 0;
}

static struct rk_str written(void)
{
    static char out[RK_CLAIMS_MAX * 2];
    size_t len = 0;

    CHECK_ERR(rk_claims_write_json(claims, out, sizeof(out), &len), RK_OK, "write");
    return rki_str(out, len);
}

static struct rk_str repeat(char c, size_t len)
{
    static char text[RK_CLAIMS_MAX + 2];

    memset(text, c, len);
    return rki_str(text, len);
}

typedef enum rk_err (*set_fn)(struct rk_claims *claims, struct rk_str value);
typedef struct rk_str (*get_fn)(const struct rk_claims *claims);

static void test_names(void **state)
{
    static const struct {
        const char *what;
        set_fn set;
        get_fn get;
    } setters[] = {
        {"identity", rk_claims_set_identity, rk_claims_identity},
        {"room", rk_claims_set_room, rk_claims_room},
        {"destinationRoom", rk_claims_set_destination_room, rk_claims_destination_room},
        {"roomPreset", rk_claims_set_room_preset, rk_claims_room_preset},
        {"jti", rk_claims_set_id, rk_claims_id},
    };
    static const struct {
        const char *why;
        struct rk_str value;
        enum rk_err err;
    } rows[] = {
        {"plain", RK_STR_INIT("daily"), RK_OK},
        {"blanks and bars", RK_STR_INIT(" a|b "), RK_OK},
        {"not ASCII", RK_STR_INIT("Zo\xc3\xab"), RK_OK},
        {"empty", RK_STR_INIT(""), RK_E_INVAL},
        {"embedded NUL", RK_STR_INIT("a\0b"), RK_E_INVAL},
        {"a line break would forge a log line", RK_STR_INIT("a\nb"), RK_E_INVAL},
        {"DEL", RK_STR_INIT("a\x7f"), RK_E_INVAL},
        {"C1", RK_STR_INIT("a\xc2\x85"), RK_E_INVAL},
        {"overlong UTF-8 for '/'", RK_STR_INIT("\xc0\xaf"), RK_E_INVAL},
        {"surrogate", RK_STR_INIT("\xed\xa0\x80"), RK_E_INVAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(setters); i++) {
        rk_claims_reset(claims);
        CHECK(setters[i].get(claims).ptr == NULL, "absent");
        for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
            CHECK_ERR(setters[i].set(claims, RK_STR("before")), RK_OK, setters[i].what);
            CHECK_ERR(setters[i].set(claims, rows[row].value), rows[row].err, rows[row].why);
            CHECK_STR(setters[i].get(claims),
                      rows[row].err == RK_OK ? rows[row].value : RK_STR("before"), rows[row].why);
        }
        CHECK_ERR(setters[i].set(claims, repeat('n', RK_IDENTITY_MAX)), RK_OK, "just as long");
        CHECK_ERR(setters[i].set(claims, repeat('n', RK_IDENTITY_MAX + 1)), RK_E_TOO_LONG,
                  "longer");
        CHECK(setters[i].get(claims).len == RK_IDENTITY_MAX, "left alone");
    }
}

static void test_texts(void **state)
{
    struct rk_str controls = RK_STR("a\0\n\x7f\"");

    (void)state;
    CHECK_ERR(rk_claims_set_name(claims, controls), RK_OK, "a name may hold anything in UTF-8");
    CHECK_STR(rk_claims_name(claims), controls, "name");
    CHECK_ERR(rk_claims_set_name(claims, RK_STR("\xff")), RK_E_INVAL, "not UTF-8");
    CHECK_ERR(rk_claims_set_name(claims, repeat('n', RK_NAME_MAX)), RK_OK, "just as long");
    CHECK_ERR(rk_claims_set_name(claims, repeat('n', RK_NAME_MAX + 1)), RK_E_TOO_LONG, "longer");
    CHECK(rk_claims_name(claims).len == RK_NAME_MAX, "left alone");
    CHECK_ERR(rk_claims_set_name(claims, RK_STR("")), RK_OK, "empty asks for none");
    CHECK(rk_claims_name(claims).ptr == NULL, "none");

    CHECK_ERR(rk_claims_set_metadata(claims, RK_STR("{\"a\":1}")), RK_OK, "metadata");
    CHECK_ERR(rk_claims_set_metadata(claims, RK_STR("\xc3")), RK_E_INVAL, "cut off");
    CHECK_STR(rk_claims_metadata(claims), RK_STR("{\"a\":1}"), "left alone");
    CHECK_STR(written(), RK_STR("{\"metadata\":\"{\\\"a\\\":1}\"}"), "as a string");
    CHECK_ERR(rk_claims_set_metadata(claims, repeat('m', RK_CLAIMS_MAX + 1)), RK_E_TOO_LONG,
              "long");
    CHECK_ERR(rk_claims_set_metadata(claims, RK_STR("")), RK_OK, "dropped");
    CHECK_ERR(rk_claims_set_metadata(claims, repeat('m', RK_CLAIMS_MAX)), RK_OK, "all there is");
    CHECK_ERR(rk_claims_set_room(claims, RK_STR("r")), RK_E_TOO_LONG, "nothing left");
    CHECK(rk_claims_room(claims).ptr == NULL, "not set");
    CHECK(!rk_claims_has_section(claims, RK_SECTION_VIDEO), "no video either");
    CHECK_ERR(rk_claims_set_metadata(claims, RK_STR("")), RK_OK, "gone");
    CHECK(rk_claims_metadata(claims).ptr == NULL, "none");
    CHECK_ERR(rk_claims_set_room(claims, RK_STR("r")), RK_OK, "its space is free again");
    CHECK_STR(written(), RK_STR("{\"video\":{\"room\":\"r\"}}"), "and that is all");
}

static void test_sha256(void **state)
{
    static const struct rk_str bad[] = {
        RK_STR_INIT(""),
        RK_STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"),
        RK_STR_INIT("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="),
        RK_STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="),
        RK_STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA=="),
        RK_STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA"),
        RK_STR_INIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    };
    struct rk_str good = RK_STR("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(rk_claims_set_sha256(claims, bad[i]), RK_E_INVAL, bad[i].ptr);
    CHECK_ERR(rk_claims_set_sha256(claims, good), RK_OK, "good");
    CHECK_STR(rk_claims_sha256(claims), good, "good");
}

static void test_grants(void **state)
{
    (void)state;
    for (unsigned i = 1; rk_grant_name((enum rk_grant)i).ptr != NULL; i++) {
        enum rk_grant grant = (enum rk_grant)i;

        CHECK(rk_claims_grant(claims, grant) == RK_ABSENT, "absent");
        CHECK_ERR(rk_claims_set_grant(claims, grant, false), RK_OK, "false");
        CHECK(rk_claims_grant(claims, grant) == RK_FALSE, "false is not absent");
        CHECK_ERR(rk_claims_set_grant(claims, grant, true), RK_OK, "true");
        CHECK(rk_claims_grant(claims, grant) == RK_TRUE, "true");
        CHECK(rk_grant_from_name(rk_grant_name(grant)) == grant, "by name");
        if (i > 1)
            CHECK(rk_claims_grant(claims, (enum rk_grant)(i - 1)) == RK_TRUE, "the others stay");
    }
    CHECK_STR(
        written(),
        RK_STR("{\"video\":{\"roomCreate\":true,\"roomList\":true,\"roomRecord\":true,"
               "\"roomAdmin\":true,\"roomJoin\":true,\"canPublish\":true,\"canSubscribe\":true,"
               "\"canPublishData\":true,\"canUpdateOwnMetadata\":true,\"ingressAdmin\":true,"
               "\"hidden\":true,\"recorder\":true,\"agent\":true,\"canSubscribeMetrics\":true,"
               "\"canManageAgentSession\":true},\"sip\":{\"admin\":true,\"call\":true},"
               "\"agent\":{\"admin\":true,\"simulationAdmin\":true,\"databaseAdmin\":true},"
               "\"inference\":{\"perform\":true},\"observability\":{\"write\":true}}"),
        "all of them, in the documented order");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_NONE, true), RK_E_UNKNOWN, "none");
    CHECK_ERR(rk_claims_set_grant(claims, (enum rk_grant)23, true), RK_E_UNKNOWN, "past the end");
    CHECK(rk_claims_grant(claims, RK_GRANT_NONE) == RK_ABSENT, "none");
    CHECK(rk_claims_grant(claims, (enum rk_grant)99) == RK_ABSENT, "past the end");
    CHECK(!rk_claims_has_section(claims, RK_SECTION_NONE), "no section");
    CHECK(!rk_claims_has_section(claims, (enum rk_section)99), "no such section");
}

static void test_names_of_grants(void **state)
{
    (void)state;
    CHECK(rk_grant_from_name(RK_STR("video.canPublish")) == RK_GRANT_CAN_PUBLISH, "with video.");
    CHECK(rk_grant_from_name(RK_STR("agent")) == RK_GRANT_AGENT, "agent of video");
    CHECK(rk_grant_from_name(RK_STR("video.agent")) == RK_GRANT_AGENT, "said in full");
    CHECK(rk_grant_from_name(RK_STR("agent.admin")) == RK_GRANT_AGENT_ADMIN, "the object agent");
    CHECK(rk_grant_from_name(RK_STR("admin")) == RK_GRANT_NONE, "of which object?");
    CHECK(rk_grant_from_name(RK_STR("video.sip.admin")) == RK_GRANT_NONE, "no such path");
    CHECK(rk_grant_from_name(RK_STR("CanPublish")) == RK_GRANT_NONE, "other letters");
    CHECK(rk_grant_from_name(RK_STR("room")) == RK_GRANT_NONE, "no boolean");
    CHECK(rk_grant_from_name(RK_STR("")) == RK_GRANT_NONE, "empty");
    CHECK(rk_grant_from_name(rki_str(NULL, 0)) == RK_GRANT_NONE, "absent");
    CHECK(rk_grant_name((enum rk_grant)99).ptr == NULL, "past the end");

    CHECK(rk_kind_from_name(RK_STR("agent")) == RK_KIND_AGENT, "kind");
    CHECK(rk_kind_from_name(RK_STR("Agent")) == RK_KIND_UNSET, "other letters");
    CHECK(rk_kind_name(RK_KIND_UNSET).ptr == NULL && rk_kind_name((enum rk_kind)99).ptr == NULL,
          "no name");
    CHECK(rk_kind_detail_from_name(RK_STR("forwarded")) == RK_KIND_DETAIL_FORWARDED, "detail");
    CHECK(rk_source_from_name(RK_STR("screen_share")) == RK_SOURCE_SCREEN_SHARE, "source");
    CHECK(rk_source_from_name(RK_STR("unknown")) == RK_SOURCE_UNKNOWN, "not one to set");
    CHECK_STR(rk_source_name(RK_SOURCE_UNKNOWN), RK_STR("unknown"), "but one to show");
}

static void test_grant_text(void **state)
{
    static const struct {
        const char *why;
        struct rk_str name, value;
        enum rk_err err;
        const char *field;
    } rows[] = {
        {"false", RK_STR_INIT("canPublish"), RK_STR_INIT("false"), RK_OK, ""},
        {"in full", RK_STR_INIT("video.canSubscribe"), RK_STR_INIT("true"), RK_OK, ""},
        {"another object", RK_STR_INIT("sip.admin"), RK_STR_INIT("true"), RK_OK, ""},
        {"room", RK_STR_INIT("room"), RK_STR_INIT("r"), RK_OK, ""},
        {"room in full", RK_STR_INIT("video.room"), RK_STR_INIT("r2"), RK_OK, ""},
        {"destination", RK_STR_INIT("destinationRoom"), RK_STR_INIT("d"), RK_OK, ""},
        {"sources", RK_STR_INIT("canPublishSources"), RK_STR_INIT("camera,screen_share_audio"),
         RK_OK, ""},
        {"yes", RK_STR_INIT("canPublish"), RK_STR_INIT("yes"), RK_E_TYPE, "canPublish"},
        {"1", RK_STR_INIT("sip.call"), RK_STR_INIT("1"), RK_E_TYPE, "sip.call"},
        {"True", RK_STR_INIT("hidden"), RK_STR_INIT("True"), RK_E_TYPE, "hidden"},
        {"empty", RK_STR_INIT("hidden"), RK_STR_INIT(""), RK_E_TYPE, "hidden"},
        {"no grant", RK_STR_INIT("canFly"), RK_STR_INIT("true"), RK_E_UNKNOWN, ""},
        {"no name", RK_STR_INIT(""), RK_STR_INIT("true"), RK_E_UNKNOWN, ""},
        {"no room", RK_STR_INIT("room"), RK_STR_INIT(""), RK_E_INVAL, "video.room"},
        {"no destination", RK_STR_INIT("destinationRoom"), RK_STR_INIT("\n"), RK_E_INVAL,
         "video.destinationRoom"},
        {"no source: all of them to LiveKit", RK_STR_INIT("canPublishSources"), RK_STR_INIT(""),
         RK_E_UNKNOWN, "video.canPublishSources"},
        {"a comma at the end", RK_STR_INIT("canPublishSources"), RK_STR_INIT("camera,"),
         RK_E_UNKNOWN, "video.canPublishSources"},
        {"an unknown source", RK_STR_INIT("canPublishSources"), RK_STR_INIT("camera,screen"),
         RK_E_UNKNOWN, "video.canPublishSources"},
        {"a source twice", RK_STR_INIT("canPublishSources"), RK_STR_INIT("camera,camera"),
         RK_E_INVAL, "video.canPublishSources"},
        {"more than there are", RK_STR_INIT("canPublishSources"),
         RK_STR_INIT("camera,camera,camera,camera,camera"), RK_E_INVAL, "video.canPublishSources"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_diag diag = {{0}, {0}};

        CHECK_ERR(rk_claims_set_grant_text(claims, rows[i].name, rows[i].value, &diag), rows[i].err,
                  rows[i].why);
        CHECK_STR(rki_cstr(diag.field), rki_cstr(rows[i].field), rows[i].why);
        CHECK((diag.text[0] != '\0') == (rows[i].err != RK_OK), rows[i].why);
    }
    CHECK_ERR(rk_claims_set_grant_text(claims, RK_STR("x"), RK_STR("y"), NULL), RK_E_UNKNOWN,
              "without a diagnostic");
    CHECK_STR(written(),
              RK_STR("{\"video\":{\"room\":\"r2\",\"canPublish\":false,\"canSubscribe\":true,"
                     "\"canPublishSources\":[\"camera\",\"screen_share_audio\"],"
                     "\"destinationRoom\":\"d\"},\"sip\":{\"admin\":true}}"),
              "what was right");
}

static void test_lists(void **state)
{
    const enum rk_source two[] = {RK_SOURCE_MICROPHONE, RK_SOURCE_CAMERA};
    const enum rk_source twice[] = {RK_SOURCE_CAMERA, RK_SOURCE_CAMERA};
    const enum rk_source unknown[] = {RK_SOURCE_CAMERA, RK_SOURCE_UNKNOWN};

    (void)state;
    CHECK(!rk_claims_has_publish_sources(claims), "absent");
    CHECK_ERR(rk_claims_set_publish_sources(claims, two, 2), RK_OK, "two");
    CHECK_ERR(rk_claims_set_publish_sources(claims, twice, 2), RK_E_INVAL, "twice");
    CHECK_ERR(rk_claims_set_publish_sources(claims, unknown, 2), RK_E_UNKNOWN, "unknown");
    CHECK(rk_claims_publish_source_count(claims) == 2, "left alone");
    CHECK(rk_claims_publish_source_at(claims, 0) == RK_SOURCE_MICROPHONE, "in order");
    CHECK(rk_claims_publish_source_at(claims, 2) == RK_SOURCE_UNKNOWN, "past the end");
    CHECK_ERR(rk_claims_set_publish_sources(claims, NULL, 0), RK_OK, "an empty list");
    CHECK(rk_claims_has_publish_sources(claims), "is there");
    CHECK_STR(written(), RK_STR("{\"video\":{\"canPublishSources\":[]}}"), "and written");

    rk_claims_reset(claims);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 1; rk_kind_detail_name((enum rk_kind_detail)i).ptr != NULL; i++)
            CHECK_ERR(rk_claims_add_kind_detail(claims, (enum rk_kind_detail)i), RK_OK,
                      "each once");
    CHECK(rk_claims_kind_detail_count(claims) == 6, "six");
    CHECK(rk_claims_kind_detail_at(claims, 1) == RK_KIND_DETAIL_FORWARDED, "in order");
    CHECK(rk_claims_kind_detail_at(claims, 6) == RK_KIND_DETAIL_NONE, "past the end");
    CHECK_ERR(rk_claims_add_kind_detail(claims, RK_KIND_DETAIL_NONE), RK_E_UNKNOWN, "none");
    CHECK_ERR(rk_claims_add_kind_detail(claims, (enum rk_kind_detail)7), RK_E_UNKNOWN, "no such");
    CHECK_ERR(rk_claims_set_kind(claims, RK_KIND_UNSET), RK_E_UNKNOWN, "unset");
    CHECK_ERR(rk_claims_set_kind(claims, (enum rk_kind)8), RK_E_UNKNOWN, "no such");
    CHECK(rk_claims_kind(claims) == RK_KIND_UNSET, "still unset");
    CHECK_ERR(rk_claims_set_kind(claims, RK_KIND_BRIDGE), RK_OK, "bridge");
    CHECK(rk_claims_kind(claims) == RK_KIND_BRIDGE, "bridge");
    CHECK_STR(
        written(),
        RK_STR("{\"kind\":\"bridge\",\"kindDetails\":[\"cloud_agent\",\"forwarded\","
               "\"connector_whatsapp\",\"connector_twilio\",\"bridge_rtsp\",\"simulation\"]}"),
        "both");
}

static void test_attributes(void **state)
{
    struct rk_str key, value;
    char name[8];

    (void)state;
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("a"), RK_STR("1")), RK_OK, "a");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR(""), RK_STR("")), RK_OK, "both empty");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("a"), RK_STR("a longer value")), RK_OK,
              "again");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("\xff"), RK_STR("1")), RK_E_INVAL, "key");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("b"), RK_STR("\xff")), RK_E_INVAL, "value");
    CHECK(rk_claims_attribute_count(claims) == 2, "two");
    CHECK(rk_claims_attribute_at(claims, 0, &key, &value), "the first");
    CHECK_STR(key, RK_STR("a"), "key");
    CHECK_STR(value, RK_STR("a longer value"), "value");
    CHECK(!rk_claims_attribute_at(claims, 2, &key, &value), "past the end");
    CHECK_STR(key, RK_STR("a"), "untouched");
    CHECK_STR(written(), RK_STR("{\"attributes\":{\"a\":\"a longer value\",\"\":\"\"}}"), "both");

    for (int i = 2; i < RK_ATTRIBUTES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        CHECK_ERR(rk_claims_set_attribute(claims, rki_cstr(name), RK_STR("v")), RK_OK, name);
    }
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("more"), RK_STR("v")), RK_E_TOO_LONG, "full");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("n77"), RK_STR("w")), RK_OK, "a known one");
    CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("n77"), repeat('v', RK_CLAIMS_MAX)),
              RK_E_TOO_LONG, "more than there is");
    CHECK(rk_claims_attribute_count(claims) == RK_ATTRIBUTES_MAX, "as many");
}

static void test_extras(void **state)
{
    static const struct {
        const char *why;
        struct rk_str name, json;
        enum rk_err err;
    } rows[] = {
        {"an object", RK_STR_INIT("agentThread"), RK_STR_INIT("{\"a\": [1, 2]}"), RK_OK},
        {"aud is ours to give", RK_STR_INIT("aud"), RK_STR_INIT("\"x\""), RK_OK},
        {"a name to escape", RK_STR_INIT("a\"b"), RK_STR_INIT("1e3"), RK_OK},
        {"not JSON", RK_STR_INIT("x"), RK_STR_INIT("{bad"), RK_E_MALFORMED},
        {"two values", RK_STR_INIT("x"), RK_STR_INIT("1,2"), RK_E_MALFORMED},
        {"nothing", RK_STR_INIT("x"), RK_STR_INIT(""), RK_E_MALFORMED},
        {"a way out of the value", RK_STR_INIT("x"), RK_STR_INIT("1,\"video\":{}"), RK_E_MALFORMED},
        {"no name", RK_STR_INIT(""), RK_STR_INIT("1"), RK_E_INVAL},
        {"not UTF-8", RK_STR_INIT("\xff"), RK_STR_INIT("1"), RK_E_INVAL},
        {"has a setter", RK_STR_INIT("video"), RK_STR_INIT("{}"), RK_E_INVAL},
        {"LiveKit reads this as video", RK_STR_INIT("VIDEO"), RK_STR_INIT("{}"), RK_E_INVAL},
        {"exp", RK_STR_INIT("exp"), RK_STR_INIT("1"), RK_E_INVAL},
        {"Nbf", RK_STR_INIT("Nbf"), RK_STR_INIT("1"), RK_E_INVAL},
        {"identity", RK_STR_INIT("identity"), RK_STR_INIT("\"x\""), RK_E_INVAL},
    };
    struct rk_str name, json;
    struct rk_diag diag = {{0}, {0}};
    char numbered[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_ERR(rk_claims_set_extra(claims, rows[i].name, rows[i].json, &diag), rows[i].err,
                  rows[i].why);
    CHECK(rk_claims_extra_count(claims) == 3, "three");
    CHECK(rk_claims_extra_at(claims, 2, &name, &json), "the third");
    CHECK_STR(name, RK_STR("a\"b"), "name");
    CHECK(!rk_claims_extra_at(claims, 3, &name, &json), "past the end");
    CHECK_STR(written(), RK_STR("{\"agentThread\":{\"a\": [1, 2]},\"aud\":\"x\",\"a\\\"b\":1e3}"),
              "as they are");
    CHECK_ERR(rk_claims_set_extra(claims, RK_STR("aud"), RK_STR("null"), NULL), RK_OK, "replaced");
    for (int i = 3; i < RK_EXTRAS_MAX; i++) {
        (void)snprintf(numbered, sizeof(numbered), "n%d", i);
        CHECK_ERR(rk_claims_set_extra(claims, rki_cstr(numbered), RK_STR("0"), NULL), RK_OK,
                  "more");
    }
    CHECK_ERR(rk_claims_set_extra(claims, RK_STR("x"), RK_STR("0"), &diag), RK_E_TOO_LONG, "full");
}

static void test_room_config(void **state)
{
    static const struct rk_str bad[] = {
        RK_STR_INIT("{"),
        RK_STR_INIT("{\"name\":\"\\ud800\"}"),
        RK_STR_INIT("{\"name\":\"\xff\"}"),
        RK_STR_INIT("{\"agents\":[{\"metadata\":\"a\\u0000\"}]}"),
        RK_STR_INIT("{\"name\":\"a\",\"name\":\"b\"}"),
        RK_STR_INIT("{\"tags\":{\"a\":\"1\",\"a\":\"2\"}}"),
        RK_STR_INIT("{\"maxParticipants\":1e400}"),
    };
    struct rk_diag diag = {{0}, {0}};

    (void)state;
    CHECK_ERR(
        rk_claims_set_room_config(claims, RK_STR("{\"empty_timeout\":\"5\",\"zzz\":1}"), &diag),
        RK_OK, "good");
    CHECK_STR(rk_claims_room_config(claims), RK_STR("{\"emptyTimeout\":5}"), "in one form");
    CHECK_ERR(rk_claims_set_room_config(claims, RK_STR("{\"agents\":[{\"agentName\":1}]}"), &diag),
              RK_E_TYPE, "wrong type");
    CHECK_STR(rki_cstr(diag.field), RK_STR("roomConfig.agents[0].agentName"), "path");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        diag = (struct rk_diag){.field = ""};
        CHECK_ERR(rk_claims_set_room_config(claims, bad[i], &diag), RK_E_MALFORMED, bad[i].ptr);
        CHECK_STR(rki_cstr(diag.field), RK_STR("roomConfig"), bad[i].ptr);
        CHECK(diag.text[0] != '\0', bad[i].ptr);
        CHECK_ERR(rk_claims_set_room_config(claims, bad[i], NULL), RK_E_MALFORMED, "no diagnostic");
    }
    CHECK_ERR(rk_claims_set_room_config(
                  claims, RK_STR("{\"egress\":{\"tracks\":{\"s3\":{\"secret\":\"x\"}}}}"), &diag),
              RK_E_CREDENTIALS, "credentials");
    CHECK_STR(rk_claims_room_config(claims), RK_STR("{\"emptyTimeout\":5}"), "left alone");
    CHECK_STR(written(), RK_STR("{\"roomConfig\":{\"emptyTimeout\":5}}"), "written");
    CHECK_ERR(rk_claims_set_room_config(claims, RK_STR("{\"emptyTimeout\":0}"), NULL), RK_OK,
              "empty");
    CHECK(rk_claims_room_config(claims).ptr == NULL, "counts as absent");
    CHECK_STR(written(), RK_STR("{}"), "not written");
    CHECK_ERR(rki_claims_set_room_config_raw(claims, RK_STR("{\"name\":\"n\"}")), RK_OK, "raw");
    CHECK_STR(written(), RK_STR("{\"roomConfig\":{\"name\":\"n\"}}"), "as it is");
    CHECK_ERR(rki_claims_set_room_config_raw(claims, RK_STR("")), RK_OK, "raw and empty");
    CHECK_STR(written(), RK_STR("{}"), "absent");
}

static void test_ttl(void **state)
{
    (void)state;
    CHECK(rk_claims_ttl(claims) == RK_TTL_DEFAULT_S, "the default");
    CHECK_ERR(rk_claims_set_ttl(claims, 0), RK_E_INVAL, "zero");
    CHECK_ERR(rk_claims_set_ttl(claims, -1), RK_E_INVAL, "the past");
    CHECK_ERR(rk_claims_set_ttl(claims, RK_TTL_MAX_S + 1), RK_E_INVAL, "over a year");
    CHECK_ERR(rk_claims_set_ttl(claims, INT64_MAX), RK_E_INVAL, "for ever");
    CHECK(rk_claims_ttl(claims) == RK_TTL_DEFAULT_S, "left alone");
    CHECK_ERR(rk_claims_set_ttl(claims, RK_TTL_MAX_S), RK_OK, "a year");
    CHECK(rk_claims_ttl(claims) == RK_TTL_MAX_S, "a year");
}

/* A name that defaults to the identity is set from a getter; growth must not pull it away. */
static void test_own_text_as_argument(void **state)
{
    (void)state;
    CHECK_ERR(rk_claims_set_identity(claims, RK_STR("alice-in-wonderland")), RK_OK, "identity");
    for (int i = 0; i < 20; i++) {
        char key[8];

        (void)snprintf(key, sizeof(key), "k%d", i);
        CHECK_ERR(rk_claims_set_metadata(claims, repeat('m', 200 * (size_t)(i + 1))), RK_OK,
                  "grow");
        CHECK_ERR(rk_claims_set_name(claims, rk_claims_metadata(claims)),
                  i < 5 ? RK_OK : RK_E_TOO_LONG, "from a getter");
        CHECK_ERR(rk_claims_set_attribute(claims, rki_cstr(key), rk_claims_metadata(claims)), RK_OK,
                  "value from a getter");
    }
    CHECK_STR(rk_claims_identity(claims), RK_STR("alice-in-wonderland"), "still there");
    CHECK(rk_claims_name(claims).len == 1000 && rk_claims_name(claims).ptr[999] == 'm', "whole");
    CHECK_ERR(rk_claims_set_name(claims, rki_str(rk_claims_identity(claims).ptr + 9, 10)), RK_OK,
              "a part of another");
    CHECK_STR(rk_claims_name(claims), RK_STR("wonderland"), "a part");
    CHECK_ERR(rk_claims_set_name(claims, rki_str(rk_claims_name(claims).ptr + 2, 8)), RK_OK,
              "a part of itself");
    CHECK_STR(rk_claims_name(claims), RK_STR("nderland"), "a part of itself");
}

/* Setting again and again needs no more memory than setting once. */
static void test_replacing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        CHECK_ERR(rk_claims_set_metadata(claims, repeat('m', 1 + i * 7 % 3000)), RK_OK, "again");
        CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("k"), repeat('v', 1 + i * 11 % 5000)),
                  RK_OK, "again");
        CHECK_ERR(rk_claims_set_extra(claims, RK_STR("x"), RK_STR("[1,2,3,4,5]"), NULL), RK_OK,
                  "again");
    }
    CHECK(rk_claims_metadata(claims).len == 1 + 1999 * 7 % 3000, "the last one");
    CHECK(rk_claims_attribute_count(claims) == 1, "one attribute");
}

static void test_reset(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        CHECK_STR(written(), RK_STR("{}"), "empty");
        CHECK_ERR(rk_claims_set_identity(claims, RK_STR("alice")), RK_OK, "set");
        CHECK_ERR(rk_claims_set_kind(claims, RK_KIND_AGENT), RK_OK, "set");
        CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_SIP_CALL, true), RK_OK, "set");
        CHECK_ERR(rk_claims_set_attribute(claims, RK_STR("a"), RK_STR("1")), RK_OK, "set");
        CHECK_ERR(rk_claims_set_extra(claims, RK_STR("x"), RK_STR("1"), NULL), RK_OK, "set");
        CHECK_ERR(rk_claims_set_ttl(claims, 5), RK_OK, "set");
        CHECK_STR(written(),
                  RK_STR("{\"sub\":\"alice\",\"kind\":\"agent\",\"sip\":{\"call\":true},"
                         "\"attributes\":{\"a\":\"1\"},\"x\":1}"),
                  "all of it");
        rk_claims_reset(claims);
        CHECK(rk_claims_ttl(claims) == RK_TTL_DEFAULT_S, "the default again");
        CHECK(rk_claims_attribute_count(claims) == 0 && rk_claims_extra_count(claims) == 0, "none");
        CHECK(!rk_claims_has_section(claims, RK_SECTION_SIP), "none");
    }
}

static void test_write_bounds(void **state)
{
    char out[64];
    size_t len = 77;

    (void)state;
    CHECK_ERR(rk_claims_set_identity(claims, RK_STR("al\"ice")), RK_OK, "set");
    for (size_t cap = 0; cap < 17; cap++) {
        memset(out, '.', sizeof(out));
        CHECK_ERR(rk_claims_write_json(claims, out, cap, &len), RK_E_TOO_LONG, "too small");
        for (size_t i = 0; i < sizeof(out); i++)
            CHECK(out[i] == (i < cap ? 0 : '.'), "wiped, and nothing behind");
        CHECK(len == 77, "untouched");
    }
    CHECK_ERR(rk_claims_write_json(claims, out, 17, &len), RK_OK, "just enough");
    CHECK_STR(rki_str(out, len), RK_STR("{\"sub\":\"al\\\"ice\"}"), "written");
}

static void test_check(void **state)
{
    struct rk_diag diag = {{0}, {0}};

    (void)state;
    CHECK_ERR(rk_claims_set_identity(claims, RK_STR("alice")), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_STATE, "no grant at all");
    CHECK_STR(rki_cstr(diag.field), RK_STR("video"), "which");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_STATE, "no room to join");
    CHECK_STR(rki_cstr(diag.field), RK_STR("video.room"), "which");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, false), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, NULL), RK_OK, "said not to join");

    rk_claims_reset(claims);
    CHECK_ERR(rk_claims_set_room(claims, RK_STR("r")), RK_OK, "set");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_STATE, "nobody joins");
    CHECK_STR(rki_cstr(diag.field), RK_STR("sub"), "which");

    rk_claims_reset(claims);
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_LIST, true), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_OK, "a server needs no identity");
    CHECK_ERR(rk_claims_set_id(claims, RK_STR("x")), RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_E_STATE, "but an id would become one");

    rk_claims_reset(claims);
    CHECK_ERR(rk_claims_set_sha256(claims, RK_STR("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
              RK_OK, "set");
    CHECK_ERR(rk_claims_check(claims, &diag), RK_OK, "a webhook needs no grant");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_texts),
        TEST(test_sha256),
        TEST(test_grants),
        TEST(test_names_of_grants),
        TEST(test_grant_text),
        TEST(test_lists),
        TEST(test_attributes),
        TEST(test_extras),
        TEST(test_room_config),
        TEST(test_ttl),
        TEST(test_own_text_as_argument),
        TEST(test_replacing),
        TEST(test_reset),
        TEST(test_write_bounds),
        TEST(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
