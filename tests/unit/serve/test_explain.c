/* test_explain.c - the verdict as JSON, from hand-made traces (src/serve/explain.c). */
#include "check.h"
#include "core/json.h"
#include "serve/explain.h"

#include <stdlib.h>

static const struct rkd_trace_row rows[] = {
    {.stage = "rule", .rule = RK_STR_INIT("guests"), .outcome = "caller-differs"},
    {.stage = "rule",
     .rule = RK_STR_INIT("own-team"),
     .outcome = "when-fails",
     .detail = RK_STR_INIT("groups")},
    {.stage = "rule", .rule = RK_STR_INIT("all"), .outcome = "matches"},
    {.stage = "profile", .rule = RK_STR_INIT("all"), .outcome = "chosen"},
};

static struct rkd_trace trace_of(size_t count)
{
    struct rkd_trace trace = {.count = count};

    memcpy(trace.rows, rows, count * sizeof(rows[0]));
    return trace;
}

static const struct rkd_attribute attributes[] = {
    {RK_STR_INIT("team"), RK_STR_INIT("a\"b\n")},
    {RK_STR_INIT("x"), RK_STR_INIT("")},
};
static const struct rkd_hook hook = {.url = RK_STR_INIT("https://planted-url.example"),
                                     .secret = RK_STR_INIT("planted-hook-secret")};

static struct rkd_decision full_decision(void)
{
    return (struct rkd_decision){
        .room = RK_STR_INIT("acme__daily"),
        .identity = RK_STR_INIT("staff:ada"),
        .name = RK_STR_INIT("Ada"),
        .metadata = RK_STR_INIT("{\"a\":1}"),
        .attributes = attributes,
        .attribute_count = ARRAY_LEN(attributes),
        .room_config = RK_STR_INIT("{\"maxParticipants\":2}"),
        .grants = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH),
        .written = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
                   RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE),
        .sources = RKD_SOURCE_BIT(RK_SOURCE_MICROPHONE) | RKD_SOURCE_BIT(RK_SOURCE_SCREEN_SHARE),
        .kind = RK_KIND_AGENT,
        .ttl_s = 600,
        .profile = RK_STR_INIT("speaker"),
        .rule = RK_STR_INIT("all"),
        .hook = &hook,
    };
}

/* A caller full of things that must not be told. */
static struct rkd_caller full_caller(json_t *claims)
{
    (void)json_object_set_new(claims, "email", json_string("planted-claim@example.org"));
    return (struct rkd_caller){.kind = RKD_CALLER_OIDC,
                               .name = RK_STR_INIT("staff"),
                               .subject = RK_STR_INIT("planted-subject"),
                               .claims = claims};
}

static char text[RKD_EXPLAIN_BYTES];

static json_t *explain(const struct rkd_trace *trace, const struct rkd_caller *caller,
                       const struct rkd_decision *decision, const struct rkd_problem *problem)
{
    struct rki_buf out = rki_buf_over(text, sizeof(text));
    json_t *json = NULL;

    rkd_explain_write(&out, trace, caller, decision, problem);
    assert_false(out.overflow);
    CHECK_ERR(rki_json_parse(rki_buf_str(&out), 0, &json, NULL), RK_OK, "strict JSON");
    text[out.len] = '\0';
    return json;
}

static void expect_text(const json_t *json, const char *member, const char *want)
{
    const char *got = json_string_value(json_object_get(json, member));

    CHECK(got != NULL, member);
    assert_string_equal(got, want);
}

static void test_allowed(void **state)
{
    json_t *claims = json_object(), *json, *grants;
    const struct rkd_trace trace = trace_of(ARRAY_LEN(rows));
    const struct rkd_decision decision = full_decision();
    const struct rkd_problem problem = {.err = RKD_OK};
    const struct rkd_caller caller = full_caller(claims);

    (void)state;
    json = explain(&trace, &caller, &decision, &problem);
    expect_text(json, "verdict", "allowed");
    expect_text(json, "caller", "staff");
    expect_text(json, "kind", "oidc");
    expect_text(json, "rule", "all");
    expect_text(json, "room", "acme__daily");
    expect_text(json, "identity", "staff:ada");
    expect_text(json, "name", "Ada");
    expect_text(json, "profile", "speaker");
    expect_text(json, "participant_kind", "agent");
    expect_text(json, "metadata", "{\"a\":1}");
    expect_text(json_object_get(json, "attributes"), "team", "a\"b\n");
    expect_text(json_object_get(json, "attributes"), "x", "");
    assert_true(json_is_true(json_object_get(json, "hook")));
    assert_true(json_number_value(json_object_get(json, "ttl_s")) > 599.5);
    assert_int_equal(json_object_size(json_object_get(json, "room_config")), 1);
    grants = json_object_get(json, "grants");
    assert_int_equal(json_object_size(grants), 4);
    assert_true(json_is_true(json_object_get(grants, "roomJoin")));
    assert_true(json_is_false(json_object_get(grants, "canSubscribe")));
    assert_int_equal(json_array_size(json_object_get(grants, "canPublishSources")), 2);
    assert_null(json_object_get(json, "code"));
    assert_null(strstr(text, "planted"));
    json_decref(json);
    json_decref(claims);
}

static void test_stages(void **state)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_ANONYMOUS,
                                      .name = RK_STR_INIT("anonymous")};
    const struct rkd_problem problem = {.err = RKD_OK};
    const struct rkd_decision decision = full_decision();
    struct rkd_trace trace = trace_of(ARRAY_LEN(rows));
    json_t *json = explain(&trace, &caller, &decision, &problem);
    const json_t *stages = json_object_get(json, "stages");

    (void)state;
    assert_int_equal(json_array_size(stages), 5);
    expect_text(json_array_get(stages, 0), "outcome", "caller-differs");
    assert_int_equal(json_object_size(json_array_get(stages, 0)), 3); /* no detail, no member */
    expect_text(json_array_get(stages, 1), "detail", "groups");
    expect_text(json_array_get(stages, 4), "stage", "hook");
    expect_text(json_array_get(stages, 4), "outcome", "to-be-asked");
    json_decref(json);

    /* the trace knows of it: not twice */
    trace.rows[trace.count++] = (struct rkd_trace_row){.stage = "hook", .outcome = "needed"};
    json = explain(&trace, &caller, &decision, &problem);
    assert_int_equal(json_array_size(json_object_get(json, "stages")), 5);
    json_decref(json);
    json = explain(NULL, &caller, &decision, &problem);
    assert_int_equal(json_array_size(json_object_get(json, "stages")), 1);
    json_decref(json);
}

static void test_refused(void **state)
{
    json_t *claims = json_object(), *json;
    const struct rkd_trace trace = trace_of(2), matched = trace_of(4);
    const struct rkd_decision none = {.ttl_s = 0}, stale = full_decision();
    struct rkd_problem problem = {.err = RKD_E_NO_RULE, .reason = "no-rule"};
    const struct rkd_caller caller = full_caller(claims);

    (void)state;
    json = explain(&trace, &caller, &none, &problem);
    expect_text(json, "verdict", "refused");
    expect_text(json, "code", "no_rule");
    expect_text(json, "reason", "no-rule");
    assert_true(json_number_value(json_object_get(json, "status")) > 402.5);
    assert_null(json_object_get(json, "rule"));
    assert_null(json_object_get(json, "field"));
    assert_int_equal(json_object_size(json), 7);
    assert_null(strstr(text, "planted"));
    json_decref(json);

    /* the rule was found and something after it refused; a decision left over is not told */
    problem = (struct rkd_problem){.err = RKD_E_FIELD_NOT_ALLOWED,
                                   .field = RK_STR_INIT("participant_name")};
    json = explain(&matched, &caller, &stale, &problem);
    expect_text(json, "rule", "all");
    expect_text(json, "field", "participant_name");
    assert_null(json_object_get(json, "room"));
    assert_null(json_object_get(json, "grants"));
    assert_null(json_object_get(json, "hook"));
    assert_null(json_object_get(json, "reason"));
    assert_int_equal(json_array_size(json_object_get(json, "stages")), 4);
    json_decref(json);
    json_decref(claims);
}

/* Nobody known and nothing decided: still a verdict, and a refusal. */
static void test_nothing(void **state)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_NONE};
    const struct rkd_decision none = {.ttl_s = 0};
    const struct rkd_problem problem = {.err = RKD_E_UNAUTHENTICATED};
    json_t *json = explain(NULL, &caller, &none, &problem);

    (void)state;
    expect_text(json, "kind", "none");
    expect_text(json, "code", "unauthenticated");
    assert_null(json_object_get(json, "caller"));
    assert_int_equal(json_array_size(json_object_get(json, "stages")), 0);
    json_decref(json);
    assert_string_equal(rkd_caller_kind_name((enum rkd_caller_kind)99), "none");
    assert_string_equal(rkd_caller_kind_name(RKD_CALLER_API_KEY), "api-key");
}

/* Names that turn a terminal's text around are escaped. */
static void test_hostile_text(void **state)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_OIDC, .name = RK_STR_INIT("staff")};
    const struct rkd_problem problem = {.err = RKD_OK};
    const struct rkd_decision decision = {.room = RK_STR_INIT("a\xe2\x80\xae\x1b[2Jb"),
                                          .identity = RK_STR_INIT("\xff")};

    (void)state;
    json_decref(explain(NULL, &caller, &decision, &problem));
    assert_null(strstr(text, "\x1b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_non_null(strstr(text, "\\u202e"));
    assert_non_null(strstr(text, "\"identity\":\"\\ufffd\""));
}

/* A buffer of any smaller size overflows and is not written past. */
static void test_every_size(void **state)
{
    const struct rkd_caller caller = {.kind = RKD_CALLER_OIDC, .name = RK_STR_INIT("staff")};
    const struct rkd_trace trace = trace_of(ARRAY_LEN(rows));
    const struct rkd_decision decision = full_decision();
    const struct rkd_problem problem = {.err = RKD_OK};
    struct rki_buf out = rki_buf_over(text, sizeof(text));

    (void)state;
    rkd_explain_write(&out, &trace, &caller, &decision, &problem);
    for (size_t cap = 0; cap < out.len; cap++) {
        char *exact = malloc(cap == 0 ? 1 : cap); /* asan watches its end */
        struct rki_buf small = rki_buf_over(exact, cap);

        assert_non_null(exact);
        rkd_explain_write(&small, &trace, &caller, &decision, &problem);
        assert_true(small.overflow);
        free(exact);
    }
}

static void test_largest(void **state)
{
    static char big[4096], name[256];
    const struct rkd_caller caller = {.kind = RKD_CALLER_OIDC,
                                      .name = {.ptr = name, .len = sizeof(name)}};
    struct rkd_trace trace = {.count = RKD_TRACE_MAX};
    struct rkd_decision decision = full_decision();
    const struct rkd_problem problem = {.err = RKD_OK};
    const struct rkd_attribute one = {.key = RK_STR_INIT("k"), .value = {big, sizeof(big)}};
    struct rki_buf out = rki_buf_over(text, sizeof(text));

    (void)state;
    memset(big, 1, sizeof(big)); /* six bytes each */
    memset(name, 'n', sizeof(name));
    for (size_t i = 0; i < RKD_TRACE_MAX; i++)
        trace.rows[i] = (struct rkd_trace_row){.stage = "rule",
                                               .rule = caller.name,
                                               .outcome = "caller-differs",
                                               .detail = caller.name};
    decision.metadata = rki_str(big, sizeof(big));
    decision.attributes = &one;
    decision.attribute_count = 1;
    rkd_explain_write(&out, &trace, &caller, &decision, &problem);
    assert_false(out.overflow);
    assert_true(out.len + 8192 < sizeof(text)); /* room for a room_config */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),      cmocka_unit_test(test_stages),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
