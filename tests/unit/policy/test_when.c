/*
 * test_when.c - conditions over claims (semantics D12).
 */
#include "bench.h"

#define RULES(when)                                                                                \
    "{'callers':[{'name':'s','oidc':{}}],'rules':[{'id':'r','room':'x','when':" when "}]}"

static const char *const claims =
    "{'sub':'u','text':'a','empty':'','zero':0,'five':5,'half':0.5,'minus':-3,'yes':true,'no':"
    "false,"
    "'null':null,'list':['x','y',7,false],'none':[],'map':{'in':{'deep':'d'},'list':['p']},"
    "'void':{},'big':9007199254740992,'edge':9007199254740991,'scope':'read write','scp':'one',"
    "'/odd':'slash','groups':['eng','ops'],'digits':'5','word':'true'}";

static const struct {
    const char *when;
    bool want;
} rows[] = {
    {RULES("{'text':'a'}"), true},
    {RULES("{'text':'A'}"), false},
    {RULES("{'text':'ab'}"), false},
    {RULES("{'text':['b','a']}"), true},
    {RULES("{'text':['b','c']}"), false},
    {RULES("{'text':'a','five':5}"), true},
    {RULES("{'text':'a','five':6}"), false},
    {RULES("{'missing':'a'}"), false},
    {RULES("{'empty':''}"), false}, /* an empty claim makes its key fail */
    {RULES("{'null':'null'}"), false},
    {RULES("{'none':'x'}"), false},
    {RULES("{'void':'x'}"), false},
    /* typed */
    {RULES("{'five':'5'}"), false},
    {RULES("{'digits':5}"), false},
    {RULES("{'digits':'5'}"), true},
    {RULES("{'yes':true}"), true},
    {RULES("{'yes':'true'}"), false},
    {RULES("{'word':true}"), false},
    {RULES("{'yes':1}"), false},
    {RULES("{'no':false}"), true},
    {RULES("{'no':0}"), false},
    {RULES("{'zero':0}"), true},
    {RULES("{'zero':false}"), false},
    {RULES("{'five':5.0}"), true},
    {RULES("{'half':0.5}"), true},
    {RULES("{'minus':-3}"), true},
    {RULES("{'minus':3}"), false},
    /* 2^53 and more equal nothing, not even themselves */
    {RULES("{'edge':9007199254740991}"), true},
    {RULES("{'big':9007199254740992}"), false},
    {RULES("{'big':9007199254740993}"), false},
    {RULES("{'not':{'big':9007199254740992}}"), true},
    /* lists */
    {RULES("{'list':'x'}"), true},
    {RULES("{'list':'z'}"), false},
    {RULES("{'list':7}"), true},
    {RULES("{'list':false}"), true},
    {RULES("{'list':true}"), false},
    {RULES("{'list':['z','y']}"), true},
    {RULES("{'map':'d'}"), false},
    /* pointers */
    {RULES("{'/map/in/deep':'d'}"), true},
    {RULES("{'/map/list':'p'}"), true},
    {RULES("{'/map/list/0':'p'}"), true},
    {RULES("{'/map/list/1':'p'}"), false},
    {RULES("{'/text':'a'}"), true},
    {RULES("{'/~1odd':'slash'}"), true},
    {RULES("{'/odd':'slash'}"), false},
    /* scope and scp are lists */
    {RULES("{'scope':'read'}"), true},
    {RULES("{'scope':'write'}"), true},
    {RULES("{'scope':'read write'}"), false},
    {RULES("{'scope':'rea'}"), false},
    {RULES("{'scp':'one'}"), true},
    {RULES("{'/scope/1':'write'}"), true},
    /* not */
    {RULES("{'not':{'text':'a'}}"), false},
    {RULES("{'not':{'text':'b'}}"), true},
    {RULES("{'not':{'missing':'a'}}"), true},
    {RULES("{'not':{'empty':'a'}}"), true},
    {RULES("{'not':{'text':'a','five':6}}"), true}, /* the inner map does not hold */
    {RULES("{'not':{'text':'a','five':5}}"), false},
    {RULES("{'groups':'eng','not':{'text':'b'}}"), true},
    {RULES("{'groups':'eng','not':{'text':'a'}}"), false},
    {RULES("{'groups':'hr','not':{'text':'b'}}"), false},
    {RULES("{'sub':'u'}"), true},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        bench_open(&b, rows[i].when);
        bench_as(&b, "s", claims);
        CHECK_DECIDE(&b, rows[i].want ? RKD_OK : RKD_E_NO_RULE, rows[i].when);
        bench_close(&b);
    }
}

/* API keys' claims hold JSON integers as well as reals. */
static void test_integers(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, RULES("{'n':5}"));
    bench_as(&b, "s", "{'sub':'u'}");
    (void)json_object_set_new(b.caller.owned_claims, "n", json_integer(5));
    CHECK_DECIDE(&b, RKD_OK, "an integer");
    (void)json_object_set_new(b.caller.owned_claims, "n", json_integer(INT64_MAX));
    CHECK_DECIDE(&b, RKD_E_NO_RULE, "a large one");
    bench_close(&b);
}

static void test_trace_names_the_key(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, RULES("{'text':'a','/map/list':'q'}"));
    bench_as(&b, "s", claims);
    CHECK_DECIDE(&b, RKD_E_NO_RULE, "fails");
    CHECK(b.trace.count == 1, "a row");
    CHECK(strcmp(b.trace.rows[0].outcome, "when-fails") == 0, "outcome");
    CHECK_STR(b.trace.rows[0].detail, RK_STR("/map/list"), "the key, not the value");
    bench_close(&b);
    bench_open(&b, RULES("{'not':{'text':'a'}}"));
    bench_as(&b, "s", claims);
    CHECK_DECIDE(&b, RKD_E_NO_RULE, "fails");
    CHECK_STR(b.trace.rows[0].detail, RK_STR("not"), "not");
    bench_close(&b);
}

/* Guests have no claims: every key fails, and every not holds. */
static void test_guests(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "{'anonymous':'rules','rules':[{'id':'r','caller':'anonymous','room':'x',"
                   "'when':{'a':1}},{'id':'s','caller':'anonymous','room':'y',"
                   "'when':{'not':{'a':1}}}]}");
    CHECK_DECIDE(&b, RKD_OK, "the second");
    CHECK_STR(b.decision.rule, RK_STR("s"), "rule");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_trace_names_the_key),
        cmocka_unit_test(test_guests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
