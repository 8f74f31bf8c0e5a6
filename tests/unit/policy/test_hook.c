/*
 * test_hook.c - the question to a rule's hook, its signature, and what an answer can do
 * (security.md s.3.2): WHK-01 to WHK-03 and WHK-05 as far as no socket is needed.
 */
#include "bench.h"

#include "core/json.h"

#define B(grant) RKD_GRANT_BIT(RK_GRANT_##grant)
#define ALL (B(ROOM_JOIN) | B(CAN_PUBLISH) | B(CAN_SUBSCRIBE) | B(CAN_PUBLISH_DATA) | B(AGENT))

static struct rkd_decision a_decision(void)
{
    return (struct rkd_decision){.room = RK_STR("r\"1"),
                                 .identity = RK_STR("staff:u1"),
                                 .profile = RK_STR("speaker"),
                                 .rule = RK_STR("own"),
                                 .grants = ALL,
                                 .written = ALL | B(HIDDEN),
                                 .kind = RK_KIND_AGENT,
                                 .ttl_s = 600};
}

static void test_body(void **state)
{
    const struct rkd_decision decision = a_decision();
    const struct rkd_caller caller = {
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .subject = RK_STR("u1")};
    const struct rkd_caller guest = {.kind = RKD_CALLER_ANONYMOUS, .name = RK_STR("anonymous")};
    const struct rkd_hook_view view = {RK_STR_INIT("req-1"), RK_STR_INIT("192.0.2.1"), BENCH_NOW};
    char text[1024];
    struct rki_buf body = rki_buf_over(text, sizeof(text));
    json_t *json = NULL;

    (void)state;
    rkd_hook_write_body(&decision, &caller, &view, &body);
    CHECK_STR(rki_buf_str(&body),
              RK_STR("{\"version\":1,\"request_id\":\"req-1\",\"time\":1767225600,"
                     "\"caller\":{\"name\":\"staff\",\"kind\":\"oidc\",\"sub\":\"u1\"},"
                     "\"rule\":\"own\",\"room\":\"r\\\"1\",\"identity\":\"staff:u1\","
                     "\"profile\":\"speaker\",\"grants\":{\"roomJoin\":true,\"canPublish\":true,"
                     "\"canSubscribe\":true,\"canPublishData\":true,\"agent\":true},\"ttl\":600,"
                     "\"client_ip\":\"192.0.2.1\"}"),
              "the question");
    CHECK_ERR(rki_json_parse(rki_buf_str(&body), 0, &json, NULL), RK_OK, "strict JSON");
    json_decref(json);
    body = rki_buf_over(text, sizeof(text));
    rkd_hook_write_body(&decision, &guest, &view, &body);
    CHECK_ERR(rki_json_parse(rki_buf_str(&body), 0, &json, NULL), RK_OK, "strict JSON");
    CHECK(json_object_get(json_object_get(json, "caller"), "sub") == NULL, "guests have no sub");
    json_decref(json);
    body = rki_buf_over(text, 100);
    rkd_hook_write_body(&decision, &caller, &view, &body);
    CHECK(body.overflow, "no room");
}

static void test_kinds(void **state)
{
    static const struct {
        enum rkd_caller_kind kind;
        const char *name;
    } rows[] = {
        {RKD_CALLER_ANONYMOUS, "anonymous"}, {RKD_CALLER_OIDC, "oidc"},
        {RKD_CALLER_API_KEY, "api_key"},     {RKD_CALLER_EASY_AUTH, "easy_auth"},
        {RKD_CALLER_ENTRA, "entra"},         {RKD_CALLER_NONE, ""},
    };
    const struct rkd_hook_view view = {RK_STR_INIT("r"), RK_STR_INIT(""), BENCH_NOW};
    const struct rkd_decision nothing = {.ttl_s = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_caller caller = {.kind = rows[i].kind, .name = RK_STR("c")};
        char text[512];
        struct rki_buf body = rki_buf_over(text, sizeof(text));
        json_t *json = NULL;

        rkd_hook_write_body(&nothing, &caller, &view, &body);
        CHECK_ERR(rki_json_parse(rki_buf_str(&body), 0, &json, NULL), RK_OK, rows[i].name);
        CHECK_STR(rki_json_str(json_object_get(json_object_get(json, "caller"), "kind")),
                  rki_cstr(rows[i].name), "kind");
        CHECK(json_object_size(json_object_get(json, "grants")) == 0, "no grants");
        json_decref(json);
    }
}

/* WHK-03. python3: hmac.new(b"hook-secret", b'req-1.1767225600.{"a":1}', "sha256").hexdigest() */
static void test_signature(void **state)
{
    const struct rkd_hook hook = {.secret = RK_STR("hook-secret")};
    char text[128];
    struct rki_buf out = rki_buf_over(text, sizeof(text));

    (void)state;
    CHECK_ERR(rkd_hook_sign(&hook, RK_STR("req-1"), BENCH_NOW, RK_STR("{\"a\":1}"), &out), RK_OK,
              "signs");
    CHECK_STR(rki_buf_str(&out),
              RK_STR("v1=8aca062467178a99b390e358ec7a16f34a17290341f4ff57cac0c5c55c24f90d"),
              "as another implementation does");
    out = rki_buf_over(text, 10);
    CHECK_ERR(rkd_hook_sign(&hook, RK_STR("req-1"), BENCH_NOW, RK_STR("{\"a\":1}"), &out),
              RK_E_TOO_LONG, "no room");
}

struct answer {
    unsigned status;
    const char *body;
    enum rkd_err want;
    uint32_t grants; /* after an RKD_OK */
    int64_t ttl_s, cache_s;
};

static void check(const struct answer *row)
{
    struct rkd_decision decision = a_decision(), before = decision;
    struct rkd_problem problem = {.err = RKD_OK};
    char memory[64];
    struct rki_arena arena = rki_arena_over(memory, sizeof(memory));
    int64_t cache_s = -1;
    enum rkd_err err =
        rkd_hook_apply(row->status, rki_cstr(row->body), &arena, &decision, &cache_s, &problem);

    CHECK(err == row->want, row->body);
    CHECK(cache_s == row->cache_s, row->body);
    if (err != RKD_OK) {
        CHECK(problem.err == err && problem.reason != NULL, row->body);
        CHECK((row->status == 0) == (strcmp(problem.reason, "hook-silent") == 0), "silent");
        CHECK(memcmp(&decision, &before, sizeof(before)) == 0, "untouched");
        return;
    }
    CHECK(decision.grants == row->grants && decision.ttl_s == row->ttl_s, row->body);
    CHECK(decision.kind == ((row->grants & B(AGENT)) != 0 ? RK_KIND_AGENT : RK_KIND_STANDARD),
          "D28: kind follows the grant");
    CHECK(decision.written == before.written, "what goes is written as false");
    CHECK_STR(decision.room, before.room, "never another room");
    CHECK_STR(decision.identity, before.identity, "never another identity");
}

static void test_answers(void **state)
{
    static const struct answer rows[] = {
        {200, "{\"allow\":true}", RKD_OK, ALL, 600, 0},
        {200, " { \"allow\" : true , \"x\" : [1] } ", RKD_OK, ALL, 600, 0},
        /* WHK-01 */
        {200, "{\"allow\":false}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":\"true\"}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":1}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":null}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"Allow\":true}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {401, "{\"allow\":true}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {403, "", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {0, "", RKD_E_UNAVAILABLE, 0, 0, 0},
        {201, "{\"allow\":true}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {204, "", RKD_E_UNAVAILABLE, 0, 0, 0},
        {302, "{\"allow\":true}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {500, "{\"allow\":true}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true}x", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":false,\"allow\":true}", RKD_E_UNAVAILABLE, 0, 0, 0}, /* strict */
        {200, "true", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "[true]", RKD_E_UNAVAILABLE, 0, 0, 0},
        /* narrower */
        {200, "{\"allow\":true,\"ttl\":60}", RKD_OK, ALL, 60, 0},
        {200, "{\"allow\":true,\"grants\":{\"canSubscribe\":true}}", RKD_OK,
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 600, 0},
        {200, "{\"allow\":true,\"grants\":[\"canSubscribe\",\"roomJoin\",\"agent\"]}", RKD_OK,
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE) | B(AGENT), 600, 0},
        {200, "{\"allow\":true,\"grants\":{\"canSubscribe\":true,\"canPublish\":false}}", RKD_OK,
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 600, 0},
        {200, "{\"allow\":true,\"grants\":{}}", RKD_E_REFUSED_BY_HOOK, 0, 0,
         0}, /* nothing is left */
        {200, "{\"allow\":true,\"grants\":[]}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":[\"nonsense\"]}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":{\"nonsense\":true}}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":{\"roomJoin\":false,\"canPublish\":true}}",
         RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":[\"roomJoin\"]}", RKD_OK, B(ROOM_JOIN), 600, 0},
        {200, "{\"allow\":true,\"rooms\":[\"another\"]}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"rooms\":[]}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {200, "{\"allow\":true,\"rooms\":[\"x\",\"r\\\"1\"]}", RKD_OK, ALL, 600, 0},
        {200, "{\"allow\":true,\"rooms\":\"acme__1\"}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"rooms\":[1]}", RKD_E_UNAVAILABLE, 0, 0, 0},
        /* WHK-02: never wider */
        {200, "{\"allow\":true,\"ttl\":31536000}", RKD_OK, ALL, 600, 0},
        {200,
         "{\"allow\":true,\"grants\":{\"roomAdmin\":true,\"hidden\":true,\"canPublish\":true,"
         "\"nothing\":true}}",
         RKD_OK, B(ROOM_JOIN) | B(CAN_PUBLISH), 600, 0},
        {200, "{\"allow\":true,\"room\":\"other\",\"identity\":\"boss\",\"name\":\"x\"}", RKD_OK,
         ALL, 600, 0},
        /* of the wrong type: cannot be meant, so nothing is minted */
        {200, "{\"allow\":true,\"grants\":true}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":null}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":{\"canPublish\":1}}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"grants\":[1]}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"ttl\":\"60\"}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"ttl\":9}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"ttl\":0}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"ttl\":-60}", RKD_E_UNAVAILABLE, 0, 0, 0},
        {200, "{\"allow\":true,\"ttl\":60.5}", RKD_E_UNAVAILABLE, 0, 0, 0},
        /* WHK-05: kept as long as it says, and not for long */
        {200, "{\"allow\":true,\"cache_s\":10}", RKD_OK, ALL, 600, 10},
        {200, "{\"allow\":true,\"cache_s\":86400}", RKD_OK, ALL, 600, 30},
        {200, "{\"allow\":true,\"cache_s\":-1}", RKD_OK, ALL, 600, 0},
        {200, "{\"allow\":true,\"cache_s\":\"10\"}", RKD_OK, ALL, 600, 0},
        {200, "{\"allow\":false,\"cache_s\":10}", RKD_E_REFUSED_BY_HOOK, 0, 0, 5},
        {403, "{\"cache_s\":10}", RKD_E_REFUSED_BY_HOOK, 0, 0, 0},
        {500, "{\"cache_s\":10}", RKD_E_UNAVAILABLE, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

/* WHK-01: one byte over 64 KiB is not looked at. */
static void test_large_answer(void **state)
{
    const size_t most = 64 * 1024;
    char *body = malloc(most + 2);
    struct answer row = {200, body, RKD_OK, ALL, 600, 0};

    (void)state;
    memset(body, ' ', most + 1);
    body[most] = '\0';
    for (size_t i = 0; i < 14; i++)
        body[i] = "{\"allow\":true}"[i];
    check(&row);
    body[most] = ' ';
    body[most + 1] = '\0';
    row.want = RKD_E_UNAVAILABLE;
    check(&row);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body),         cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_signature),    cmocka_unit_test(test_answers),
        cmocka_unit_test(test_large_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
