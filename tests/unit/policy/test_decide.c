/*
 * test_decide.c - which rule decides, which room and profile and lifetime it gives, and in which
 * order it says no (semantics D4, D5, D21-D30), IDN-05 to IDN-07.
 */
#include "bench.h"

#define B(grant) RKD_GRANT_BIT(RK_GRANT_##grant)
#define SPEAKER (B(ROOM_JOIN) | B(CAN_PUBLISH) | B(CAN_SUBSCRIBE) | B(CAN_PUBLISH_DATA))
#define STAFF "{'name':'staff','oidc':{},'identity':'staff:{sub}'}"
#define KEYS "{'name':'keys','api_keys':{},'identity':'keys:{sub}'}"
#define RULES(rules) "{'callers':[" STAFF "," KEYS "],'rules':[" rules "]}"
#define GUESTS(rules) "{'anonymous':'rules','callers':[" STAFF "],'rules':[" rules "]}"

static const char *const claims = "{'sub':'u1','org':'acme','groups':['eng'],'rooms':['r1','r2'],"
                                  "'one':['only'],'eu':'acme__eu','blank':' '}";

/* Decides one row as `staff`; room NULL: none asked. */
struct row {
    const char *config, *room;
    enum rkd_err want;
    const char *rule, *got; /* the rule and room decided */
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bench b;

        bench_open(&b, rows[i].config);
        bench_as(&b, "staff", claims);
        b.ask.room = rki_cstr(rows[i].room);
        CHECK_DECIDE(&b, rows[i].want, rows[i].config);
        if (rows[i].want == RKD_OK) {
            CHECK_STR(b.decision.rule, rki_cstr(rows[i].rule), rows[i].config);
            CHECK_STR(b.decision.room, rki_cstr(rows[i].got), rows[i].config);
        }
        bench_close(&b);
    }
}

static void test_first_rule(void **state)
{
    static const struct row rows[] = {
        /* D21 */
        {RULES("{'id':'a','room':'x'},{'id':'b','room':'x'}"), "x", RKD_OK, "a", "x"},
        {RULES("{'id':'a','room':'y'},{'id':'b','room':'x'}"), "x", RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':['y','x']}"), "x", RKD_OK, "a", "x"},
        {RULES("{'id':'a','room':'y'}"), "x", RKD_E_NO_RULE, NULL, NULL},
        {RULES("{'id':'a','room':'x','when':{'org':'other'}},{'id':'b','room':'x'}"), "x", RKD_OK,
         "b", "x"},
        /* D4 */
        {RULES("{'id':'a','caller':'keys','room':'x'},{'id':'b','room':'x'}"), "x", RKD_OK, "b",
         "x"},
        {RULES("{'id':'a','caller':'keys','room':'x'}"), "x", RKD_E_NO_RULE, NULL, NULL},
        {GUESTS("{'id':'a','caller':'anonymous','room':'x'}"), "x", RKD_E_NO_RULE, NULL, NULL},
        /* IDN-07 */
        {RULES("{'id':'a','room':'{org}__*'}"), "acme__1", RKD_OK, "a", "acme__1"},
        {RULES("{'id':'a','room':'{org}__*'}"), "acme__", RKD_E_NO_RULE, NULL, NULL},
        {RULES("{'id':'a','room':'{org}__*'}"), "other__1", RKD_E_NO_RULE, NULL, NULL},
        {RULES("{'id':'a','room':'{eu}__*'}"), "acme__eu__1", RKD_E_NO_RULE, NULL, NULL},
        {RULES("{'id':'a','room':'{missing}__*'}"), "__1", RKD_E_NO_RULE, NULL, NULL},
        {RULES("{'id':'a','room':'demo'}"), "demo-", RKD_E_NO_RULE, NULL, NULL},
        /* D13: an alternative that cannot render is skipped */
        {RULES("{'id':'a','room':['{missing}','x']}"), "x", RKD_OK, "a", "x"},
        {RULES("{'id':'a','room':'{rooms}'}"), "r2", RKD_OK, "a", "r2"},
        {RULES("{'id':'a','room':'u-{identity}'}"), "u-staff:u1", RKD_OK, "a", "u-staff:u1"},
        {RULES("{'id':'a','room':'u-{identity}'}"), "u-staff:u2", RKD_E_NO_RULE, NULL, NULL},
        /* IDN-06: what no contract lets through is stopped here too */
        {RULES("{'id':'a','room':'*'}"), "a\n", RKD_E_INVALID_ROOM, NULL, NULL},
        {RULES("{'id':'a','room':'*'}"), " a", RKD_E_INVALID_ROOM, NULL, NULL},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_default_room(void **state)
{
    static const struct row rows[] = {
        /* D22 */
        {RULES("{'id':'a','room':'{org}__*','default_room':'{org}__{random}'}"), NULL, RKD_OK, "a",
         "acme__" BENCH_RANDOM},
        {RULES("{'id':'a','room':'lobby'}"), NULL, RKD_OK, "a", "lobby"},
        {RULES("{'id':'a','room':'{org}-hall'}"), NULL, RKD_OK, "a", "acme-hall"},
        {RULES("{'id':'a','room':'{one}'}"), NULL, RKD_OK, "a", "only"},
        /* fails to render, to be valid, to match, or is several: the next is tried */
        {RULES("{'id':'a','room':'*','default_room':'{missing}'},{'id':'b','room':'x'}"), NULL,
         RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'*','default_room':'{one}'},{'id':'b','room':'x'}"), NULL, RKD_OK,
         "b", "x"}, /* D9: a list renders in room only */
        {RULES("{'id':'a','room':'*','default_room':'{blank}'},{'id':'b','room':'x'}"), NULL,
         RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'{sub}-*','default_room':'{org}-1'},{'id':'b','room':'x'}"), NULL,
         RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'{missing}'},{'id':'b','room':'x'}"), NULL, RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'{blank}'},{'id':'b','room':'x'}"), NULL, RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'{rooms}'},{'id':'b','room':'x'}"), NULL, RKD_OK, "b", "x"},
        {RULES("{'id':'a','room':'{rooms}'}"), NULL, RKD_E_NO_RULE, NULL, NULL},
        /* it has neither */
        {RULES("{'id':'a','room':'*'},{'id':'b','room':'x'}"), NULL, RKD_E_ROOM_REQUIRED, NULL,
         NULL},
        {RULES("{'id':'a','room':['x','y']}"), NULL, RKD_E_ROOM_REQUIRED, NULL, NULL},
        {RULES("{'id':'a','room':'*','when':{'org':'other'}},{'id':'b','room':'x'}"), NULL, RKD_OK,
         "b", "x"},
        /* default_room is no pattern: asking for it must still match room */
        {RULES("{'id':'a','room':['x','y'],'default_room':'y'}"), NULL, RKD_OK, "a", "y"},
        {RULES("{'id':'a','room':['x','y'],'default_room':'y'}"), "z", RKD_E_NO_RULE, NULL, NULL},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_guests(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, GUESTS("{'id':'a','caller':'anonymous','room':'lobby','profile':'listener'},"
                          "{'id':'b','room':'*'}"));
    CHECK_DECIDE(&b, RKD_OK, "D23");
    CHECK_STR(b.decision.room, RK_STR("lobby"), "room");
    CHECK(b.decision.grants == (B(ROOM_JOIN) | B(CAN_SUBSCRIBE)), "listening only");
    b.ask.room = RK_STR("office");
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "D5: no rule for them, so who are you");
    bench_close(&b);
    bench_open(&b, GUESTS("{'id':'a','caller':'anonymous','room':'*'}"));
    CHECK_DECIDE(&b, RKD_E_ROOM_REQUIRED, "D22 holds for them");
    bench_close(&b);
}

static void test_profile_choice(void **state)
{
    static const struct {
        struct rk_str asked;
        enum rkd_err want;
        const char *got;
    } rows[] = {
        /* D26 */
        {{NULL, 0}, RKD_OK, "listener"},
        {RK_STR_INIT("listener"), RKD_OK, "listener"},
        {RK_STR_INIT("moderator"), RKD_OK, "moderator"},
        {RK_STR_INIT("speaker"), RKD_E_PROFILE_NOT_ALLOWED, NULL},
        {RK_STR_INIT("Moderator"), RKD_E_PROFILE_NOT_ALLOWED, NULL},
        {RK_STR_INIT("agent"), RKD_E_PROFILE_NOT_ALLOWED, NULL},
        {RK_STR_INIT(""), RKD_E_PROFILE_NOT_ALLOWED, NULL}, /* serve says 400 before */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        bench_open(&b, RULES("{'id':'a','room':'x','profile':['listener','moderator']}"));
        bench_as(&b, "staff", claims);
        b.ask.profile = rows[i].asked;
        CHECK_DECIDE(&b, rows[i].want, rows[i].asked.ptr == NULL ? "none" : rows[i].asked.ptr);
        CHECK_STR(b.decision.profile, rki_cstr(rows[i].got), "profile");
        bench_close(&b);
    }
}

#define PROFILE(name, profiles, ceiling)                                                           \
    "{'callers':[" STAFF "],'profiles':" profiles ",'ceiling':" ceiling                            \
    ",'rules':[{'id':'a','room':'x','profile':'" name "'}]}"

static void test_grants(void **state)
{
    static const struct {
        const char *config;
        uint32_t grants, sources;
        enum rk_kind kind;
    } rows[] = {
        /* D24, D29 */
        {RULES("{'id':'a','room':'x'}"), SPEAKER, 0, RK_KIND_UNSET},
        {PROFILE("audio-only", "{}", "{}"), SPEAKER, RKD_SOURCE_BIT(RK_SOURCE_MICROPHONE),
         RK_KIND_UNSET},
        {PROFILE("listener", "{}", "{}"), B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 0, RK_KIND_UNSET},
        {PROFILE("moderator", "{}", "{}"), SPEAKER | B(ROOM_ADMIN), 0, RK_KIND_UNSET},
        /* D28: agent is not under the default ceiling */
        {PROFILE("agent", "{}", "{}"), SPEAKER | B(CAN_UPDATE_OWN_METADATA), 0, RK_KIND_STANDARD},
        {PROFILE("agent", "{}", "{'grants':['roomJoin','canPublish','agent']}"),
         B(ROOM_JOIN) | B(CAN_PUBLISH) | B(AGENT), 0, RK_KIND_AGENT},
        {PROFILE("moderator", "{}", "{'grants':['roomJoin','canSubscribe']}"),
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 0, RK_KIND_UNSET},
        /* D27: the ceiling removes no restriction */
        {PROFILE("audio-only", "{}", "{'grants':['roomJoin','canPublish']}"),
         B(ROOM_JOIN) | B(CAN_PUBLISH), RKD_SOURCE_BIT(RK_SOURCE_MICROPHONE), RK_KIND_UNSET},
        {PROFILE("p", "{'p':{}}", "{}"), B(ROOM_JOIN), 0, RK_KIND_UNSET},
        {PROFILE("p", "{'p':{'canPublish':true,'canSubscribe':false,'kind':'ingress'}}", "{}"),
         B(ROOM_JOIN) | B(CAN_PUBLISH), 0, RK_KIND_INGRESS},
        {PROFILE("p", "{'p':{'hidden':true,'danger':'x','canSubscribe':true}}", "{}"),
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 0, RK_KIND_UNSET},
        {PROFILE("p", "{'p':{'hidden':true,'danger':'x'}}", "{'grants':['roomJoin','hidden']}"),
         B(ROOM_JOIN) | B(HIDDEN), 0, RK_KIND_UNSET},
        {PROFILE("p", "{'p':{'sip':{'call':true,'admin':true},'danger':'x'}}",
                 "{'grants':['roomJoin','sip.call']}"),
         B(ROOM_JOIN) | B(SIP_CALL), 0, RK_KIND_UNSET},
        {PROFILE("p", "{'p':{'agent':true,'danger':'x','kind':'agent'}}", "{}"), B(ROOM_JOIN), 0,
         RK_KIND_STANDARD},
        {PROFILE("p", "{'p':{'agent':true,'danger':'x'}}", "{'grants':['roomJoin','agent']}"),
         B(ROOM_JOIN) | B(AGENT), 0, RK_KIND_AGENT},
        /* a file profile replaces a built-in one */
        {PROFILE("speaker", "{'speaker':{'canSubscribe':true}}", "{}"),
         B(ROOM_JOIN) | B(CAN_SUBSCRIBE), 0, RK_KIND_UNSET},
    };
    const uint32_t always = SPEAKER | B(CAN_UPDATE_OWN_METADATA) | B(ROOM_ADMIN) | B(HIDDEN) |
                            B(ROOM_CREATE) | B(AGENT) | B(RECORDER);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        bench_open(&b, rows[i].config);
        bench_as(&b, "staff", claims);
        CHECK_DECIDE(&b, RKD_OK, rows[i].config);
        CHECK(b.decision.grants == rows[i].grants, rows[i].config);
        CHECK((b.decision.written & always) == always, "D27: an absent boolean is written");
        CHECK((b.decision.grants & ~b.decision.written) == 0, "what is granted is written");
        CHECK(((b.decision.written ^ b.decision.grants) & (B(SIP_CALL) | B(SIP_ADMIN))) == 0,
              "no sip object without a sip grant");
        CHECK(b.decision.sources == rows[i].sources, rows[i].config);
        CHECK(b.decision.kind == rows[i].kind, rows[i].config);
        bench_close(&b);
    }
}

static void test_lifetime(void **state)
{
#define LIFE(ttl, ceiling, caller)                                                                 \
    "{'callers':[{'name':'staff','oidc':{}" caller "}],'ceiling':" ceiling                         \
    ",'rules':[{'id':'a','room':'x'" ttl "}]}"
    static const struct {
        const char *config;
        int64_t asked, left; /* left 0: the credential never ends */
        int64_t want;
        enum rkd_err err;
    } rows[] = {
        /* D24, D30 */
        {LIFE("", "{}", ""), 0, 0, 600, RKD_OK},
        {LIFE(",'ttl':'1h'", "{}", ""), 0, 0, 3600, RKD_OK},
        {LIFE(",'ttl':'1h'", "{}", ""), 60, 0, 60, RKD_OK},
        {LIFE(",'ttl':'1h'", "{}", ""), 86400, 0, 3600, RKD_OK}, /* lowered, never refused */
        {LIFE(",'ttl':'12h'", "{}", ""), 0, 0, 21600, RKD_OK},
        {LIFE(",'ttl':'12h'", "{'ttl':'24h'}", ""), 0, 0, 43200, RKD_OK},
        {LIFE(",'ttl':'12h'", "{'ttl':'30s'}", ""), 60, 0, 30, RKD_OK},
        {LIFE("", "{}", ""), 10, 0, 10, RKD_OK},
        {LIFE("", "{}", ""), 9, 0, 0, RKD_E_INVALID_REQUEST},
        {LIFE("", "{}", ""), -1, 0, 0, RKD_E_INVALID_REQUEST},
        {LIFE("", "{}", ""), 0, 5, 600, RKD_OK}, /* bind_to_caller_exp is off */
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, 0, 600, RKD_OK},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, 300, 300, RKD_OK},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 60, 300, 60, RKD_OK},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, 9000, 600, RKD_OK},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, 10, 10, RKD_OK},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, 9, 0, RKD_E_INVALID_TOKEN},
        {LIFE("", "{}", ",'bind_to_caller_exp':true"), 0, -200, 0, RKD_E_INVALID_TOKEN}, /* skew */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        bench_open(&b, rows[i].config);
        bench_as(&b, "staff", claims);
        b.ask.ttl_s = rows[i].asked;
        b.caller.expires_s = rows[i].left == 0 ? 0 : BENCH_NOW + rows[i].left;
        CHECK_DECIDE(&b, rows[i].err, rows[i].config);
        CHECK(b.decision.ttl_s == rows[i].want, rows[i].config);
        bench_close(&b);
    }
}

/* D25: each line takes away the first reason. */
static void test_order(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "{'callers':[{'name':'staff','oidc':{},'identity':'s:{org}:{request.identity}'},"
                   "{'name':'keys','api_keys':{},'identity':'k:{sub}'}],"
                   "'rules':[{'id':'a','room':'x'}]}");
    bench_as(&b, "staff", "{'sub':'u1'}");
    b.ask.attributes = b.attributes;
    b.ask.room = RK_STR("y");
    b.ask.profile = RK_STR("agent");
    b.ask.name = RK_STR("n");
    b.ask.metadata = RK_STR("m");
    b.attributes[0] = (struct rkd_attribute){RK_STR("k"), RK_STR("v")};
    b.ask.attribute_count = 1;
    b.ask.room_config_members = 1U << 3;
    b.ask.oversize = RK_STR("room_config");
    CHECK_DECIDE(&b, RKD_E_NO_RULE, "no rule");
    CHECK(b.problem.field.ptr == NULL, "names nothing");
    b.ask.room = RK_STR("x");
    CHECK_DECIDE(&b, RKD_E_INVALID_IDENTITY, "invalid_identity");
    b.ask.identity = RK_STR("i");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "no_identity");
    bench_as(&b, "keys", "{'sub':'u1'}");
    CHECK_DECIDE(&b, RKD_E_IDENTITY_MISMATCH, "identity_mismatch");
    b.ask.identity = RK_STR("k:u1");
    CHECK_DECIDE(&b, RKD_E_PROFILE_NOT_ALLOWED, "profile_not_allowed");
    b.ask.profile = RK_STR("speaker");
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "name");
    CHECK_STR(b.problem.field, RK_STR("participant_name"), "in the contract's order");
    b.ask.name = rki_str(NULL, 0);
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "metadata");
    CHECK_STR(b.problem.field, RK_STR("participant_metadata"), "in the contract's order");
    b.ask.metadata = rki_str(NULL, 0);
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "attributes");
    CHECK_STR(b.problem.field, RK_STR("participant_attributes"), "in the contract's order");
    b.ask.attribute_count = 0;
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "room_config");
    CHECK_STR(b.problem.field, RK_STR("room_config.max_participants"), "in the contract's order");
    b.ask.room_config_members = 0;
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "too_large");
    CHECK_STR(b.problem.field, RK_STR("room_config"), "which");
    b.ask.oversize = rki_str(NULL, 0);
    CHECK_DECIDE(&b, RKD_OK, "nothing is left");
    bench_close(&b);
}

static bool has_row(const struct rkd_trace *trace, const char *stage, const char *rule,
                    const char *outcome)
{
    for (size_t i = 0; i < trace->count; i++)
        if (strcmp(trace->rows[i].stage, stage) == 0 &&
            rki_str_equal(trace->rows[i].rule, rki_cstr(rule)) &&
            strcmp(trace->rows[i].outcome, outcome) == 0)
            return true;
    return false;
}

static void test_trace(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, RULES("{'id':'a','caller':'keys','room':'x'},"
                         "{'id':'b','when':{'org':'other'},'room':'x'},"
                         "{'id':'c','room':'y'},"
                         "{'id':'d','room':'x','profile':['agent','listener'],'ttl':'9h',"
                         "'ask':{'url':'https://a.example/','secret':'s'}}"));
    bench_as(&b, "staff", claims);
    b.ask.room = RK_STR("x");
    CHECK_DECIDE(&b, RKD_OK, "the last");
    CHECK(has_row(&b.trace, "rule", "a", "caller-differs"), "caller");
    CHECK(has_row(&b.trace, "rule", "b", "when-fails"), "when");
    CHECK(has_row(&b.trace, "rule", "c", "room-differs"), "room");
    CHECK(has_row(&b.trace, "rule", "d", "matches"), "match");
    CHECK(has_row(&b.trace, "identity", "d", "template"), "identity");
    CHECK(has_row(&b.trace, "profile", "d", "default"), "profile");
    CHECK(has_row(&b.trace, "profile", "d", "ceiling-cuts"), "ceiling");
    CHECK(has_row(&b.trace, "lifetime", "d", "ceiling"), "lifetime");
    CHECK(has_row(&b.trace, "field", "d", "permitted"), "field");
    CHECK(has_row(&b.trace, "hook", "d", "to-be-asked"), "hook");
    for (size_t i = 0; i < b.trace.count; i++)
        CHECK(!rki_str_equal(b.trace.rows[i].detail, RK_STR("acme")), "never a claim's value");
    b.ask.room = rki_str(NULL, 0);
    CHECK_DECIDE(&b, RKD_OK, "the third has a single room");
    CHECK(has_row(&b.trace, "rule", "c", "matches"), "default");
    b.ask.profile = RK_STR("agent");
    CHECK_DECIDE(&b, RKD_E_PROFILE_NOT_ALLOWED, "not there");
    CHECK(has_row(&b.trace, "profile", "c", "profile"), "the reason");
    bench_close(&b);
}

/* More rules than rows: the decision stands, the rest of the rows are dropped. */
static void test_trace_is_bounded(void **state)
{
    char config[8192];
    struct rki_buf text = rki_buf_over(config, sizeof(config) - 1);
    struct bench b;

    (void)state;
    rki_buf_lit(&text, "{'callers':[" STAFF "],'rules':[");
    for (int64_t i = 0; i < 100; i++) {
        rki_buf_lit(&text, "{'id':'");
        rki_buf_int(&text, i);
        rki_buf_lit(&text, "','room':'y'},");
    }
    rki_buf_lit(&text, "{'id':'last','room':'x'}]}");
    CHECK(!text.overflow, "room");
    config[text.len] = '\0';
    bench_open(&b, config);
    bench_as(&b, "staff", claims);
    b.ask.room = RK_STR("x");
    CHECK_DECIDE(&b, RKD_OK, "the last");
    CHECK_STR(b.decision.rule, RK_STR("last"), "rule");
    CHECK(b.trace.count == RKD_TRACE_MAX, "rows");
    bench_close(&b);
}

static void test_small_arena(void **state)
{
    struct bench b;
    size_t refused = 0;

    (void)state;
    bench_open(&b, "{'callers':[{'name':'staff','oidc':{},'display_name':'{org}','metadata':"
                   "'{org}','attributes':{'a':'{org}'}}],'rules':[{'id':'a','room':'{org}'}]}");
    bench_as(&b, "staff", claims);
    for (size_t cap = 0; cap < 512; cap += 16) {
        struct rkd_policy_in in = bench_in(&b);
        enum rkd_err err;

        b.arena = rki_arena_over(b.memory, cap);
        err = rkd_policy_decide(b.policy, &in, &b.decision, &b.problem);
        if (err == RKD_OK)
            break;
        CHECK(err == RKD_E_UNAVAILABLE, "503");
        bench_check_nothing(&b);
        refused++;
    }
    CHECK(refused > 5, "every piece was refused once");
    CHECK_STR(b.decision.room, RK_STR("acme"), "and then it goes through");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_rule),
        cmocka_unit_test(test_default_room),
        cmocka_unit_test(test_guests),
        cmocka_unit_test(test_profile_choice),
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_trace_is_bounded),
        cmocka_unit_test(test_small_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
