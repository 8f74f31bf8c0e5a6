/*
 * test_alloc.c - loading a policy and deciding under it with the 1st, 2nd, ... nth
 * allocation failing: all or nothing, and nothing leaks.
 */
#include "alloc_fail.h"
#include "bench.h"

#include "core/room_config.h"

#define KEY32 "0123456789abcdef0123456789abcdef"

static const char *const config =
    "{'identity_hash_key':'" KEY32 "','anonymous':'rules','callers':["
    "{'name':'staff','oidc':{},'identity':'{caller}:{sub}','display_name':['{name}','x'],"
    "'attributes':{'team':'{/org/id}'},'metadata':{'m':'{sub}'}},"
    "{'name':'keys','api_keys':{},'identity':{'hash':'{sub}'},'metadata':'{sub}'}],"
    "'profiles':{'p':{'canPublish':true}},'rules':["
    "{'id':'a','caller':'staff','when':{'groups':['x','y'],'not':{'b':true}},"
    "'room':['{org}__*','x'],'default_room':'x','profile':['p','listener'],"
    "'request_may_set':['name','attributes.a','room_config'],'request_agents':['g'],"
    "'dispatch':['d'],'room_config':{'max_participants':5,'tags':{'a':'b'}},"
    "'ask':{'url':'https://a.example/','secret':'s'}}]}";

static void test_compile(void **state)
{
    struct raw_json *json = raw_json_read(config);
    size_t n = 1;

    (void)state;
    for (;; n++) {
        struct rkd_policy *policy = NULL;
        struct rkd_raw_error error = {.text = ""};
        enum rk_err err;

        alloc_fail_at(n);
        err = rkd_policy_compile(raw_json_raw(json), &policy, &error);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, error.text);
            rkd_policy_free(policy);
            break;
        }
        CHECK_ERR(err, RK_E_NOMEM, error.text);
        CHECK(policy == NULL, "all or nothing");
    }
    CHECK(n > 30, "there were allocations to fail");
    raw_json_free(json);
}

/* A decision allocates for a room_config only; without one nothing at all. */
static void test_decide(void **state)
{
    const struct rk_str want =
        RK_STR("{\"maxParticipants\":2,\"agents\":[{\"agentName\":\"d\"},{\"agentName\":\"g\"}],"
               "\"tags\":{\"a\":\"b\"}}");
    struct bench b;
    size_t n = 1;

    (void)state;
    bench_open(&b, config);
    bench_as(&b, "staff", "{'sub':'u','groups':'x','name':'Ann','org':{'id':'acme'}}");
    alloc_fail_at(1);
    CHECK_DECIDE(&b, RKD_OK, "without room_config");
    CHECK(!alloc_fail_hit(), "nothing was allocated");
    b.ask.room_config = RK_STR("{\"maxParticipants\":2,\"agents\":[{\"agentName\":\"g\"}]}");
    b.ask.room_config_members = RKI_RC_MAX_PARTICIPANTS | RKI_RC_AGENTS;
    for (;; n++) {
        enum rkd_err err;
        bool hit;

        alloc_fail_at(n);
        err = bench_decide(&b);
        hit = alloc_fail_hit();
        if (err == RKD_OK) /* jansson did without that one */
            CHECK_STR(b.decision.room_config, want, "nothing half done");
        else /* and reports some as malformed JSON (docs/DESIGN.md) */
            CHECK(err == RKD_E_UNAVAILABLE || err == RKD_E_INTERNAL, "5xx");
        if (!hit)
            break;
    }
    CHECK(n > 3, "there were allocations to fail");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile),
        cmocka_unit_test(test_decide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
