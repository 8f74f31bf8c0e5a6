/*
 * test_identity.c - who a caller becomes in the room, and what a request may say about it
 * (semantics D13-D20), IDN-01 to IDN-04, IDN-08.
 */
#include "bench.h"

#define KEY32 "0123456789abcdef0123456789abcdef"
#define ONE(caller)                                                                                \
    "{'identity_hash_key':'" KEY32 "','callers':[{'name':'staff','oidc':{}" caller                 \
    "}],'rules':[{'id':'r','room':'*'}]}"
#define L64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define L240 L64 L64 L64 "0123456789abcdef0123456789abcdef0123456789abcdef"

static void ready(struct bench *b, const char *config, const char *claims)
{
    bench_open(b, config);
    bench_as(b, "staff", claims);
    bench_ask(b);
    b->ask.room = RK_STR("room");
}

static void test_template(void **state)
{
    static const struct {
        const char *config, *claims;
        enum rkd_err want;
        const char *identity;
    } rows[] = {
        /* D14 */
        {ONE(""), "{'sub':'u1'}", RKD_OK, "u1"},
        {ONE(",'identity':'staff:{sub}'"), "{'sub':'u1'}", RKD_OK, "staff:u1"},
        {ONE(",'identity':'{caller}:{sub}'"), "{'sub':'u1'}", RKD_OK, "staff:u1"},
        {ONE(",'identity':'{oid}'"), "{'sub':'u1'}", RKD_E_NO_IDENTITY, NULL},
        {ONE(",'identity':'{oid}'"), "{'sub':'u1','oid':7}", RKD_E_NO_IDENTITY, NULL},
        {ONE(",'identity':'{oid}'"), "{'sub':'u1','oid':['a']}", RKD_E_NO_IDENTITY, NULL},
        {ONE(",'identity':'{oid}'"), "{'sub':'u1','oid':''}", RKD_E_NO_IDENTITY, NULL},
        {ONE(",'identity':'{scope}'"), "{'sub':'u1','scope':'a'}", RKD_E_NO_IDENTITY, NULL},
        /* IDN-02: what a claim is called changes nothing */
        {ONE(""), "{'sub':'u1','identity':'boss','email':'b@x','preferred_username':'boss'}",
         RKD_OK, "u1"},
        {ONE(",'identity':'{sub}'"), "{'sub':'u1','caller':'x','request.identity':'boss'}", RKD_OK,
         "u1"},
        /* IDN-04, D10: a:b + c is not a + b:c */
        {ONE(",'identity':'{org}:{sub}'"), "{'org':'a','sub':'b:c'}", RKD_OK, "a:b:c"},
        {ONE(",'identity':'{org}:{sub}'"), "{'org':'a:b','sub':'c'}", RKD_E_NO_IDENTITY, NULL},
        /* D20: refused, never cut or mended */
        {ONE(""), "{'sub':' u1'}", RKD_E_NO_IDENTITY, NULL},
        {ONE(""), "{'sub':'u1\\u202e'}", RKD_E_NO_IDENTITY, NULL},
        {ONE(""), "{'sub':'u\\n1'}", RKD_E_NO_IDENTITY, NULL},
        {ONE(""), "{'sub':'e\\u0301'}", RKD_E_NO_IDENTITY, NULL}, /* no NFC */
        {ONE(""), "{'sub':'" L240 "0123456789abcdef'}", RKD_OK, L240 "0123456789abcdef"},
        {ONE(""), "{'sub':'" L240 "0123456789abcdef0'}", RKD_E_NO_IDENTITY, NULL},
        {ONE(",'identity':'s:{sub}'"), "{'sub':'" L240 "0123456789abcdef'}", RKD_E_NO_IDENTITY,
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        ready(&b, rows[i].config, rows[i].claims);
        CHECK_DECIDE(&b, rows[i].want, rows[i].claims);
        if (rows[i].want == RKD_OK)
            CHECK_STR(b.decision.identity, rki_cstr(rows[i].identity), rows[i].claims);
        else
            CHECK_STR(b.problem.field, RK_STR("participant_identity"), "field");
        bench_close(&b);
    }
}

/* python3: "u_"+b32encode(hmac.digest(key, b"staff\0u1", "sha256")).lower()[:26] */
static void test_hash(void **state)
{
    struct bench b;
    struct rk_str first;

    (void)state;
    ready(&b, ONE(",'identity':{'hash':'{sub}'}"), "{'sub':'u1'}");
    CHECK_DECIDE(&b, RKD_OK, "hashed");
    CHECK_STR(b.decision.identity, RK_STR("u_vvacq4mknto3khnxjca3fyoj2h"),
              "made by another implementation");
    first = b.decision.identity;
    CHECK(first.len == 28, "u_ and 26");
    bench_close(&b);

    ready(&b, ONE(",'identity':{'hash':'{sub}'}"), "{'sub':'" L240 L240 L240 L240 "'}");
    CHECK_DECIDE(&b, RKD_OK, "960 bytes are hashed");
    CHECK_STR(b.decision.identity, RK_STR("u_slwt4c3y5xb4cg4ly6rxjvw5wa"),
              "made by another implementation");
    bench_close(&b);

    ready(&b, ONE(",'identity':{'hash':'{sub}'}"), "{'sub':'" L240 L240 L240 L240 L240 "'}");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "1200 are not");
    bench_close(&b);

    ready(&b, ONE(",'identity':{'hash':'{org}:{sub}'}"), "{'org':'a:b','sub':'c'}");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "D10, hashed too");
    bench_close(&b);

    ready(&b, ONE(",'identity':{'hash':'{sub}'},'devices':'many'"), "{'sub':'u1'}");
    b.ask.device = RK_STR("phone");
    CHECK_DECIDE(&b, RKD_OK, "with a device");
    CHECK_STR(b.decision.identity, RK_STR("u_vvacq4mknto3khnxjca3fyoj2h#phone"), "behind the hash");
    bench_close(&b);
}

static void test_devices(void **state)
{
    static const struct {
        struct rk_str device;
        bool repeated;
        enum rkd_err many;
        const char *identity;
    } rows[] = {
        /* D15 */
        {{NULL, 0}, false, RKD_OK, "u1#" BENCH_DEVICE},
        {RK_STR_INIT("phone"), false, RKD_OK, "u1#phone"},
        {RK_STR_INIT("0123456789abcdef"), false, RKD_OK, "u1#0123456789abcdef"},
        {RK_STR_INIT("0123456789abcdef0"), false, RKD_E_INVALID_REQUEST, NULL},
        {RK_STR_INIT(""), false, RKD_E_INVALID_REQUEST, NULL},
        {RK_STR_INIT("Phone"), false, RKD_E_INVALID_REQUEST, NULL},
        {RK_STR_INIT("a#b"), false, RKD_E_INVALID_REQUEST, NULL},
        {RK_STR_INIT("a b"), false, RKD_E_INVALID_REQUEST, NULL},
        {RK_STR_INIT("phone"), true, RKD_E_INVALID_REQUEST, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        ready(&b, ONE(",'devices':'many'"), "{'sub':'u1'}");
        b.ask.device = rows[i].device;
        b.ask.device_is_repeated = rows[i].repeated;
        CHECK_DECIDE(&b, rows[i].many, "many");
        if (rows[i].many == RKD_OK)
            CHECK_STR(b.decision.identity, rki_cstr(rows[i].identity), "many");
        bench_close(&b);
        ready(&b, ONE(""), "{'sub':'u1'}");
        b.ask.device = rows[i].device;
        b.ask.device_is_repeated = rows[i].repeated;
        CHECK_DECIDE(&b, RKD_OK, "one: ignored");
        CHECK_STR(b.decision.identity, RK_STR("u1"), "one: ignored");
        bench_close(&b);
    }
}

static void test_device_bounds(void **state)
{
    struct bench b;

    (void)state;
    ready(&b, ONE(",'devices':'many'"), "{'sub':'u1#x'}");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "alice#x would be alice's device");
    bench_close(&b);
    ready(&b, ONE(""), "{'sub':'u1#x'}");
    CHECK_DECIDE(&b, RKD_OK, "harmless where there are no devices");
    bench_close(&b);
    ready(&b, ONE(",'devices':'many'"), "{'sub':'" L240 "'}");
    b.ask.device = RK_STR("0123456789abcde");
    CHECK_DECIDE(&b, RKD_OK, "256 bytes");
    CHECK(b.decision.identity.len == 256, "256 bytes");
    b.ask.device = RK_STR("0123456789abcdef");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "D14: the length counts #device");
    bench_close(&b);
}

static void test_named(void **state)
{
    static const struct {
        const char *caller, *identity, *device;
        enum rkd_err want;
    } rows[] = {
        /* D16, IDN-01 */
        {"", NULL, NULL, RKD_OK},
        {"", "u1", NULL, RKD_OK},
        {"", "u2", NULL, RKD_E_IDENTITY_MISMATCH},
        {"", "U1", NULL, RKD_E_IDENTITY_MISMATCH},
        {"", "u1#phone", "phone", RKD_E_IDENTITY_MISMATCH}, /* devices: one */
        {",'devices':'many'", "u1", NULL, RKD_OK},
        {",'devices':'many'", "u1", "phone", RKD_OK},
        {",'devices':'many'", "u1#phone", "phone", RKD_OK},
        {",'devices':'many'", "u1#phone", NULL, RKD_E_IDENTITY_MISMATCH},
        {",'devices':'many'", "u1#" BENCH_DEVICE, NULL, RKD_E_IDENTITY_MISMATCH},
        {",'devices':'many'", "u1#tablet", "phone", RKD_E_IDENTITY_MISMATCH},
        {",'devices':'many'", "u2#phone", "phone", RKD_E_IDENTITY_MISMATCH},
        {",'identity':{'hash':'{sub}'}", "u1", NULL, RKD_E_IDENTITY_MISMATCH},
        {",'identity':{'hash':'{sub}'}", "u_vvacq4mknto3khnxjca3fyoj2h", NULL, RKD_OK},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char config[512];
        struct rki_buf text = rki_buf_over(config, sizeof(config) - 1);
        struct bench b;

        rki_buf_lit(&text, "{'identity_hash_key':'" KEY32 "','callers':[{'name':'staff','oidc':{}");
        rki_buf_put(&text, rki_cstr(rows[i].caller));
        rki_buf_lit(&text, "}],'rules':[{'id':'r','room':'*'}]}");
        config[text.len] = '\0';
        ready(&b, config, "{'sub':'u1'}");
        b.ask.identity = rki_cstr(rows[i].identity);
        b.ask.device = rki_cstr(rows[i].device);
        CHECK_DECIDE(&b, rows[i].want, config);
        bench_close(&b);
    }
}

static void test_backend(void **state)
{
    struct bench b;

    (void)state;
    ready(&b, ONE(",'identity':'{request.identity}'"), "{'sub':'key'}");
    CHECK_DECIDE(&b, RKD_E_INVALID_IDENTITY, "D16: needed and not named");
    b.ask.identity = RK_STR("anybody#phone");
    CHECK_DECIDE(&b, RKD_OK, "D19: anybody's, devices included");
    CHECK_STR(b.decision.identity, RK_STR("anybody#phone"), "as named");
    bench_close(&b);

    ready(&b, ONE(",'identity':'{org}:{request.identity}'"), "{'sub':'key','org':'acme'}");
    b.ask.identity = RK_STR("bob");
    CHECK_DECIDE(&b, RKD_OK, "inside its template");
    CHECK_STR(b.decision.identity, RK_STR("acme:bob"), "prefixed");
    bench_close(&b);

    ready(&b, ONE(",'identity':'{org}:{request.identity}'"), "{'sub':'key'}");
    CHECK_DECIDE(&b, RKD_E_INVALID_IDENTITY, "D25: invalid_identity before no_identity");
    b.ask.identity = RK_STR("bob");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "then that");
    bench_close(&b);

    ready(&b, ONE(",'identity':'{request.identity}','devices':'many'"), "{'sub':'key'}");
    b.ask.identity = RK_STR("bob#x");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "D15: # in the base");
    bench_close(&b);
}

#define GUESTS                                                                                     \
    "{'anonymous':'rules','callers':[{'name':'staff','oidc':{}}],'rules':["                        \
    "{'id':'g','caller':'anonymous','room':'lobby'},{'id':'r','room':'*'}]}"

static void test_guests(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, GUESTS);
    CHECK_DECIDE(&b, RKD_OK, "D18: always invented");
    CHECK_STR(b.decision.identity, RK_STR("guest-" BENCH_RANDOM), "identity");
    CHECK_STR(b.decision.room, RK_STR("lobby"), "D23: its room");
    b.ask.identity = RK_STR("bob");
    CHECK_DECIDE(&b, RKD_E_IDENTITY_MISMATCH, "naming one");
    b.ask.identity = RK_STR("guest-" BENCH_RANDOM);
    CHECK_DECIDE(&b, RKD_E_IDENTITY_MISMATCH, "even this one");
    bench_ask(&b);
    b.ask.device = RK_STR("!");
    CHECK_DECIDE(&b, RKD_OK, "guests have no devices");
    /* IDN-08 */
    bench_as(&b, "staff", "{'sub':'guest-1'}");
    bench_ask(&b);
    b.ask.room = RK_STR("x");
    CHECK_DECIDE(&b, RKD_E_NO_IDENTITY, "D18: a guest's identity for somebody else");
    bench_as(&b, "staff", "{'sub':'guest'}");
    CHECK_DECIDE(&b, RKD_OK, "not one of them");
    bench_close(&b);
    ready(&b, ONE(""), "{'sub':'guest-1'}");
    CHECK_DECIDE(&b, RKD_OK, "where there are no guests it is a name like others");
    bench_close(&b);
}

/* IDN-03 */
static void test_two_issuers(void **state)
{
    static const char *const config =
        "{'callers':[{'name':'staff','oidc':{},'identity':'{caller}:{sub}'},"
        "{'name':'other','oidc':{},'identity':'{caller}:{sub}'}],'rules':[{'id':'r','room':'*'}]}";
    struct bench b;

    (void)state;
    ready(&b, config, "{'sub':'u1'}");
    CHECK_DECIDE(&b, RKD_OK, "one");
    CHECK_STR(b.decision.identity, RK_STR("staff:u1"), "one");
    bench_as(&b, "other", "{'sub':'u1'}");
    CHECK_DECIDE(&b, RKD_OK, "the other");
    CHECK_STR(b.decision.identity, RK_STR("other:u1"), "the other");
    bench_close(&b);
}

/* D17 */
static void test_names_own_identity(void **state)
{
    static const struct {
        const char *config, *named, *device;
        bool want;
    } rows[] = {
        {ONE(""), "a|b", NULL, true},
        {ONE(""), "a|c", NULL, false},
        {ONE(""), NULL, NULL, false},
        {ONE(",'devices':'many'"), "a|b#phone", "phone", true},
        {ONE(",'devices':'many'"), "a|b#phone", NULL, false},
        {ONE(",'devices':'many'"), "a|b#aaaaaaaa", NULL, false},
        {ONE(",'devices':'many'"), "a|b", NULL, true},
        {ONE(",'devices':'many'"), "a|b", "phone", true},
        {ONE(",'devices':'many'"), "a|c", NULL, false},
        {ONE(",'identity':'{request.identity}'"), "a|b", NULL, false},
        {ONE(",'identity':'{missing}'"), "a|b", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        struct rkd_policy_in in;

        ready(&b, rows[i].config, "{'sub':'a|b'}");
        b.ask.identity = rki_cstr(rows[i].named);
        b.ask.device = rki_cstr(rows[i].device);
        in = bench_in(&b);
        in.random = in.device_random = rki_str(NULL, 0); /* the contract is read before any */
        CHECK(rkd_policy_names_own_identity(b.policy, &in) == rows[i].want, rows[i].config);
        bench_close(&b);
    }
}

static void test_zero_is_deny(void **state)
{
    struct bench b;
    struct rkd_policy_in in;

    (void)state;
    ready(&b, ONE(",'devices':'many'"), "{'sub':'u1'}");
    in = bench_in(&b);
    in.device_random = rki_str(NULL, 0);
    CHECK(rkd_policy_decide(b.policy, &in, &b.decision, &b.problem) == RKD_E_INTERNAL,
          "no randomness for a device");
    in = bench_in(&b);
    in.random = RK_STR("short");
    CHECK(rkd_policy_decide(b.policy, &in, &b.decision, &b.problem) == RKD_E_INTERNAL,
          "too little randomness");
    b.caller.kind = RKD_CALLER_NONE;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "nobody");
    b.caller.kind = RKD_CALLER_ANONYMOUS;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "guests where there are none");
    b.caller.kind = RKD_CALLER_ENTRA;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "ENTRA under rules");
    b.caller.kind = RKD_CALLER_API_KEY;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "of another kind than configured");
    b.caller.kind = (enum rkd_caller_kind)77;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "of no kind");
    b.caller.kind = RKD_CALLER_OIDC;
    b.caller.index = 1;
    CHECK_DECIDE(&b, RKD_E_UNAUTHENTICATED, "past the end");
    b.caller.index = 0;
    CHECK_DECIDE(&b, RKD_OK, "somebody");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_device_bounds),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_backend),
        cmocka_unit_test(test_guests),
        cmocka_unit_test(test_two_issuers),
        cmocka_unit_test(test_names_own_identity),
        cmocka_unit_test(test_zero_is_deny),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
