/* test_explain.c - the caller `roomkey explain` plays, and the verdict for people (src/cli). */
#include "check.h"
#include "cli/explain_caller.h"
#include "cli/explain_text.h"
#include "core/json.h"

enum { NOW = 1800000000 };

#define TEXT(lit)                                                                                  \
    {                                                                                              \
        .text = RK_STR_INIT(lit)                                                                   \
    }

static struct rkd_raw_text audiences[] = {TEXT("roomkey"), TEXT("api://x")};
static struct rkd_value_member required[] = {
    {.key = RK_STR_INIT("typ"), .value = {.kind = RKD_VALUE_STRING, .text = RK_STR_INIT("Bearer")}},
    {.key = RK_STR_INIT("is_anonymous"), .value = {.kind = RKD_VALUE_BOOL}},
    {.key = RK_STR_INIT("level"), .value = {.kind = RKD_VALUE_NUMBER, .number = 2}},
};
static struct rkd_raw_api_key keys[] = {
    {.name = TEXT("acme")},
    {.name = TEXT("old"), .expires_s = NOW},
    {.name = TEXT("new"), .expires_s = NOW + 1},
};
static struct rkd_raw_caller callers[] = {
    {.name = TEXT("staff"),
     .kind = RKD_RAW_CALLER_OIDC,
     .oidc = {.issuer = TEXT("https://login.example.org/"),
              .audience = {.items = audiences, .count = 2},
              .require = {.kind = RKD_VALUE_MAP, .members = required, .count = 3}}},
    {.name = TEXT("backend"),
     .kind = RKD_RAW_CALLER_API_KEYS,
     .keys = keys,
     .key_count = ARRAY_LEN(keys)},
    {.name = TEXT("portal"), .kind = RKD_RAW_CALLER_EASY_AUTH},
    {.name = TEXT("tenants"),
     .kind = RKD_RAW_CALLER_OIDC,
     .oidc = {.issuer = TEXT("https://login.example.org/{tenantid}/v2.0")}},
};
static const struct rkd_raw raw = {.callers = callers, .caller_count = ARRAY_LEN(callers)};

static json_t *parse(const char *text)
{
    json_t *json = NULL;

    CHECK_ERR(rki_json_parse(rki_cstr(text), 0, &json, NULL), RK_OK, text);
    return json;
}

static void test_pick(void **state)
{
    static const struct rkd_raw one = {.callers = callers, .caller_count = 1};
    static const struct rkd_raw none = {.caller_count = 0};
    json_t *ours = parse("{\"iss\":\"https://login.example.org/\"}");
    json_t *other = parse("{\"iss\":\"https://login.example.org\"}");
    json_t *empty = parse("{}");
    const char *why = NULL;

    (void)state;
    assert_ptr_equal(rkd_explain_pick(&raw, "backend", empty, &why), &callers[1]);
    assert_ptr_equal(rkd_explain_pick(&raw, "backend", ours, &why), &callers[1]);
    assert_ptr_equal(rkd_explain_pick(&raw, NULL, ours, &why), &callers[0]);
    assert_ptr_equal(rkd_explain_pick(&one, NULL, empty, &why), &callers[0]);
    assert_null(rkd_explain_pick(&raw, "Backend", ours, &why));
    assert_non_null(strstr(why, "no caller of that name"));
    assert_null(rkd_explain_pick(&raw, NULL, other, &why)); /* a slash is a difference */
    assert_non_null(strstr(why, "--caller NAME"));
    assert_null(rkd_explain_pick(&raw, NULL, empty, &why));
    assert_null(rkd_explain_pick(&none, NULL, ours, &why));
    assert_non_null(strstr(why, "--anonymous"));
    json_decref(ours);
    json_decref(other);
    json_decref(empty);
}

/* good: the outcome of the last row; bad: the same, and 401 invalid_token. */
static void test_identify(void **state)
{
    static const struct {
        size_t caller;
        const char *claims;
        bool is_good;
        const char *outcome, *detail; /* of the last row; NULL: no row */
        int64_t expires_s;
    } rows[] = {
        {0,
         "{\"sub\":\"a\",\"iss\":\"https://login.example.org/\",\"aud\":\"roomkey\",\"typ\":"
         "\"Bearer\",\"is_anonymous\":false,\"level\":2}",
         true, NULL, NULL, 0},
        {0,
         "{\"sub\":\"a\",\"iss\":\"https://login.example.org/\",\"aud\":[\"x\",\"api://x\"],"
         "\"typ\":\"Bearer\",\"is_anonymous\":false,\"level\":2.0,\"exp\":1800000001}",
         true, NULL, NULL, NOW + 1},
        {0, "{\"sub\":\"a\"}", true, "assumed", "level", 0},
        {0, "{\"sub\":\"a\",\"exp\":1800000000}", true, "expired-ignored", "exp", 0},
        {0, "{}", false, "no-subject", "sub", 0},
        {0, "{\"sub\":\"\"}", false, "no-subject", "sub", 0},
        {0, "{\"sub\":7}", false, "no-subject", "sub", 0},
        {0, "{\"sub\":\"a\",\"iss\":\"https://login.example.org\"}", false, "issuer-differs", "iss",
         0},
        {0, "{\"sub\":\"a\",\"iss\":7}", false, "issuer-differs", "iss", 0},
        {0, "{\"sub\":\"a\",\"aud\":\"account\"}", false, "audience-differs", "aud", 0},
        {0, "{\"sub\":\"a\",\"aud\":[]}", false, "audience-differs", "aud", 0},
        {0, "{\"sub\":\"a\",\"aud\":[\"account\",7]}", false, "audience-differs", "aud", 0},
        {0, "{\"sub\":\"a\",\"aud\":null}", false, "audience-differs", "aud", 0},
        {0, "{\"sub\":\"a\",\"typ\":\"ID\"}", false, "claim-differs", "typ", 0},
        {0, "{\"sub\":\"a\",\"is_anonymous\":true}", false, "claim-differs", "is_anonymous", 0},
        {0, "{\"sub\":\"a\",\"is_anonymous\":\"false\"}", false, "claim-differs", "is_anonymous",
         0},
        {0, "{\"sub\":\"a\",\"level\":3}", false, "claim-differs", "level", 0},
        {0, "{\"sub\":\"a\",\"level\":\"2\"}", false, "claim-differs", "level", 0},
        {0, "{\"sub\":\"a\",\"exp\":\"1900000000\"}", false, "no-time", "exp", 0},
        {0, "{\"sub\":\"a\",\"exp\":-1}", false, "no-time", "exp", 0},
        {1, "{\"sub\":\"acme\"}", true, NULL, NULL, 0},
        {1, "{\"sub\":\"new\"}", true, NULL, NULL, NOW + 1},
        {1, "{\"sub\":\"old\"}", false, "expired", "expires", NOW}, /* exclusive (D3) */
        {1, "{\"sub\":\"other\"}", true, "not-in-key-file", "sub", 0},
        {2, "{\"sub\":\"a\"}", true, "assumed", "WEBSITE_AUTH_ENABLED", 0},
        {3, "{\"sub\":\"a\",\"iss\":\"https://login.example.org/t/v2.0\"}", true, "assumed", "iss",
         0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *claims = parse(rows[i].claims);
        struct rkd_trace trace = {.count = 0};
        struct rkd_problem problem = {.err = RKD_OK};
        struct rkd_caller caller;
        const char *why = rows[i].claims;
        const bool is_good = rkd_explain_identify(&raw, &callers[rows[i].caller], claims, NOW,
                                                  &caller, &trace, &problem);

        CHECK(is_good == rows[i].is_good, why);
        CHECK(problem.err == (is_good ? RKD_OK : RKD_E_INVALID_TOKEN), why);
        CHECK((trace.count != 0) == (rows[i].outcome != NULL), why);
        CHECK(caller.expires_s == rows[i].expires_s, why);
        if (rows[i].outcome != NULL) {
            const struct rkd_trace_row *row = &trace.rows[trace.count - 1];

            assert_string_equal(row->stage, "identify");
            assert_string_equal(row->outcome, rows[i].outcome);
            CHECK_STR(row->detail, rki_cstr(rows[i].detail), why);
        }
        CHECK(caller.index == rows[i].caller && caller.claims == claims, why);
        json_decref(claims);
    }
}

static void test_trace_is_bounded(void **state)
{
    struct rkd_trace trace = {.count = 0};

    (void)state;
    for (size_t i = 0; i < RKD_TRACE_MAX + 5; i++)
        rkd_trace_add(&trace, "s", "o", RK_STR("d"));
    assert_int_equal(trace.count, RKD_TRACE_MAX);
}

/* ---- for people ---- */

static char text[16384];

static void put(const struct rkd_trace *trace, const struct rkd_decision *decision,
                const struct rkd_problem *problem)
{
    static const struct rkd_caller caller = {.kind = RKD_CALLER_OIDC, .name = RK_STR_INIT("staff")};
    struct rki_buf out = rki_buf_over(text, sizeof(text) - 1);

    rkd_explain_put_text(&out, trace, &caller, decision, problem);
    assert_false(out.overflow);
    text[out.len] = '\0';
}

static void test_text(void **state)
{
    static const struct rkd_trace trace = {
        .rows = {{.stage = "identify", .outcome = "assumed", .detail = RK_STR_INIT("aud")},
                 {.stage = "rule",
                  .rule = RK_STR_INIT("guests"),
                  .outcome = "when-fails",
                  .detail = RK_STR_INIT("groups")},
                 {.stage = "rule", .rule = RK_STR_INIT("all"), .outcome = "matches"}},
        .count = 3};
    static const struct rkd_attribute attribute = {RK_STR_INIT("team"), RK_STR_INIT("red")};
    static const struct rkd_hook hook = {.secret = RK_STR_INIT("planted")};
    static const struct rkd_decision decision = {
        .room = RK_STR_INIT("a\x1b[2J\xe2\x80\xaeroom"),
        .identity = RK_STR_INIT("ada"),
        .attributes = &attribute,
        .attribute_count = 1,
        .grants = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH),
        .written = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
                   RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE),
        .sources = RKD_SOURCE_BIT(RK_SOURCE_MICROPHONE),
        .ttl_s = 600,
        .profile = RK_STR_INIT("audio-only"),
        .rule = RK_STR_INIT("all"),
        .hook = &hook,
    };
    static const struct rkd_problem good = {.err = RKD_OK},
                                    same = {.err = RKD_E_NO_RULE, .reason = "no-rule"},
                                    bad = {.err = RKD_E_FIELD_NOT_ALLOWED,
                                           .field = RK_STR_INIT("participant_name"),
                                           .reason = "name"};

    (void)state;
    put(&trace, &decision, &good);
    assert_non_null(strstr(text, "caller    staff (oidc)\n"
                                 "identify                    assumed             aud\n"
                                 "rule      guests            when-fails          groups\n"
                                 "rule      all               matches\n"
                                 "\nallowed by rule all\n"));
    assert_non_null(strstr(text, "  may        roomJoin canPublish (publish only: microphone)\n"));
    assert_non_null(strstr(text, "  for        600 s\n"));
    assert_non_null(strstr(text, "  attributes \"team\": \"red\"\n"));
    assert_non_null(strstr(text, "which was not asked"));
    assert_null(strstr(text, "canSubscribe")); /* written false is not granted */
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "planted"));

    put(&trace, &decision, &bad);
    assert_non_null(
        strstr(text, "\nrefused by rule all: 403 field_not_allowed, participant_name (name)\n"));
    assert_null(strstr(text, "\"ada\""));
    assert_null(strstr(text, "600"));

    put(&trace, &decision, &same);
    assert_non_null(strstr(text, ": 403 no_rule\n")); /* the slug would say it twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pick),
        cmocka_unit_test(test_identify),
        cmocka_unit_test(test_trace_is_bounded),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
