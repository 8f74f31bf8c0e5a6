/*
 * test_match.c - room patterns (semantics D9-D11, D22), IDN-04, IDN-07.
 */
#include "bench.h"

#include "policy/match.h"

static const char *const claims =
    "{'org':'acme','eu':'acme__eu','tail':'acme_','rooms':['r1','r2',3,'',null,['x'],'star*'],"
    "'same':['x','x'],'one':['only'],'bad':['ok','no\\n'],'none':[1,2],'empty':[],'n':7,"
    "'scope':'read  write','blank':' x','star':'*','big':['A','B']}";

struct fixture {
    struct rkd_pool pool;
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_view view;
};

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->caller = (struct rkd_caller){
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .subject = RK_STR("u1")};
    f->caller.claims = f->caller.owned_claims = bench_json(claims);
    f->view =
        (struct rkd_view){&f->caller, &f->ask, RK_STR_INIT(BENCH_RANDOM), RK_STR_INIT("staff:u1")};
}

static void stop(struct fixture *f)
{
    rkd_caller_clear(&f->caller);
    rkd_pool_clear(&f->pool);
}

static struct rkd_template parse(struct fixture *f, const char *text)
{
    struct rkd_template template = {.count = 0};
    const char *why = "";

    CHECK_ERR(rkd_template_parse(&f->pool, rki_cstr(text), RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN,
                                 &template, &why),
              RK_OK, text);
    return template;
}

static void test_matches(void **state)
{
    static const struct {
        const char *pattern, *room;
        bool want;
    } rows[] = {
        {"demo", "demo", true},
        {"demo", "Demo", false},
        {"demo", "demo1", false},
        {"demo", "dem", false},
        {"demo", "", false},
        /* D11 */
        {"*", "x", true},
        {"*", "", false},
        {"demo-*", "demo-1", true},
        {"demo-*", "demo-", false}, /* IDN-07: one or more */
        {"demo-*", "demo", false},
        {"demo-*", "demo-a/b*c", true},
        {"demo-*", "xdemo-1", false},
        {"{star}", "*", true},
        {"{star}", "x", false}, /* a * in a value is a * */
        {"{star}-x", "*-x", true},
        /* D10: nobody names himself into another tenant */
        {"{org}__*", "acme__1", true},
        {"{org}__*", "acme__", false},
        {"{org}__*", "acme_1", false},
        {"{org}__*", "acme__eu__1", true}, /* acme's own room of that name */
        {"{org}__*", "other__1", false},
        {"{eu}__*", "acme__eu__1", false},
        {"{tail}__*", "acme___1", false},
        {"{tail}__*", "acme__1", false},
        {"{org}", "acme", true},
        {"{org}", "acme1", false},
        {"{missing}__*", "__1", false},
        {"{n}-*", "7-1", false},
        /* our own */
        {"u-{identity}", "u-staff:u1", true},
        {"u-{identity}", "u-staff:u2", false},
        {"{caller}.{sub}", "staff.u1", true},
        {"{caller}.{sub}", "staff.u2", false},
        {"call-{random}", "call-" BENCH_RANDOM, true},
        {"call-{random}", "call-abcdefghijklmnoq", false},
        {"{request.room}", "any", true},
        /* D9: list claims */
        {"{rooms}", "r1", true},
        {"{rooms}", "r2", true},
        {"{rooms}", "r3", false},
        {"{rooms}", "3", false},
        {"{rooms}", "x", false},
        {"{rooms}", "", false},
        {"{rooms}", "star*", true},
        {"{rooms}", "starx", false},
        {"class-{rooms}-{rooms}", "class-r1-r1", true},
        {"class-{rooms}-{rooms}", "class-r1-r2", false}, /* the same member */
        {"class-{rooms}-{/rooms}", "class-r1-r2", false},
        {"{rooms}.{big}", "r1.B", true},
        {"{rooms}.{big}", "r2.A", true},
        {"{rooms}.{big}", "r2.C", false},
        {"{/rooms/0}-*", "r1-x", true},
        {"{/rooms/0}-*", "r2-x", false},
        {"{none}", "1", false},
        {"{empty}", "x", false},
        {"{scope}-*", "write-1", true},
        {"{scope}-*", "read write-1", false},
        {"{scope}-*", "-1", false},
    };
    struct fixture f;

    (void)state;
    start(&f);
    f.ask.room = RK_STR("any");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_template pattern = parse(&f, rows[i].pattern);

        if (rkd_pattern_matches(&pattern, &f.view, rki_cstr(rows[i].room)) != rows[i].want)
            fail_msg("%s against %s", rows[i].pattern, rows[i].room);
    }
    stop(&f);
}

static void test_single(void **state)
{
    static const struct {
        const char *pattern;
        enum rkd_single want;
        const char *room;
    } rows[] = {
        /* D22 */
        {"lobby", RKD_SINGLE_ONE, "lobby"},
        {"{org}-hall", RKD_SINGLE_ONE, "acme-hall"},
        {"{missing}", RKD_SINGLE_NONE, NULL},
        {"{eu}__hall", RKD_SINGLE_NONE, NULL},
        {"{blank}", RKD_SINGLE_NONE, NULL}, /* a blank in front is no room */
        {"{rooms}", RKD_SINGLE_SEVERAL, NULL},
        {"{one}", RKD_SINGLE_ONE, "only"},
        {"{same}", RKD_SINGLE_ONE, "x"},
        {"{bad}", RKD_SINGLE_ONE, "ok"},
        {"{none}", RKD_SINGLE_NONE, NULL},
        {"{empty}", RKD_SINGLE_NONE, NULL},
        {"{one}.{same}", RKD_SINGLE_ONE, "only.x"},
        {"{one}.{big}", RKD_SINGLE_SEVERAL, NULL},
        {"{one}.{one}", RKD_SINGLE_ONE, "only.only"},
        {"{scope}", RKD_SINGLE_SEVERAL, NULL},
        {"r-{random}", RKD_SINGLE_ONE, "r-" BENCH_RANDOM},
        {"lobby*", RKD_SINGLE_NONE, NULL},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_template pattern = parse(&f, rows[i].pattern);
        char text[256];
        struct rki_buf out = rki_buf_over(text, sizeof(text));

        CHECK(rkd_pattern_single(&pattern, &f.view, &out) == rows[i].want, rows[i].pattern);
        if (rows[i].room != NULL) {
            CHECK_STR(rki_buf_str(&out), rki_cstr(rows[i].room), rows[i].pattern);
            CHECK(rkd_pattern_matches(&pattern, &f.view, rki_buf_str(&out)), "and it fits");
        }
    }
    stop(&f);
}

/* Thousands of alternatives that all come to nothing: the search ends, and ends in no. */
static void test_single_is_bounded(void **state)
{
    struct fixture f;
    struct rkd_template pattern;
    char text[256];
    struct rki_buf out = rki_buf_over(text, sizeof(text));
    json_t *list = json_array();

    (void)state;
    start(&f);
    for (size_t i = 0; i < 2000; i++)
        (void)json_array_append_new(list, json_string("x"));
    (void)json_object_set_new(f.caller.owned_claims, "many", list);
    pattern = parse(&f, "{many}.{/many}-{rooms}-{same}");
    CHECK(rkd_pattern_single(&pattern, &f.view, &out) == RKD_SINGLE_SEVERAL, "given up");
    CHECK(rkd_pattern_matches(&pattern, &f.view, RK_STR("x.x-r2-x")), "matching needs no search");
    stop(&f);
}

static void test_clash(void **state)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        /* D10, last part */
        {"{org}__*", "{org}__lobby", false},
        {"{org}__*", "{org}-*", true},
        {"{org}__*", "{/org}-*", true},
        {"{org}__*", "{org}", true}, /* nothing counts as one */
        {"{org}__*", "{eu}-*", false},
        {"a-{org}__*", "b-{org}-*", false},
        {"a-{org}__*", "a-{org}-*", true},
        {"a{org}__*", "ab{org}-*", false},
        {"{org}__{sub}-x", "{org}__{sub}.x", true},
        {"{org}__{sub}-x", "{org}__{eu}.x", false},
        {"{org}__a{sub}-x", "{org}__b{sub}.x", false},
        {"{org}__a", "{org}__b", false}, /* the same l, the rest may differ */
        {"u-{identity}", "u-{identity}-*", true},
        {"{random}-a", "{random}", false}, /* of fixed length: nothing to take for another */
        {"*", "{org}-*", false},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_template a = parse(&f, rows[i].a), b = parse(&f, rows[i].b);

        CHECK(rkd_patterns_clash(&a, &b) == rows[i].want, rows[i].a);
        CHECK(rkd_patterns_clash(&b, &a) == rows[i].want, rows[i].b);
        CHECK(!rkd_patterns_clash(&a, &a), "not with itself");
    }
    stop(&f);
}

static void test_never_fits(void **state)
{
    static const struct {
        const char *pattern, *from;
        bool want;
    } rows[] = {
        {"lobby", "lobby", false},
        {"lobby", "lobb", true},
        {"lobby", "lobby1", true},
        {"demo-*", "demo-1", false},
        {"demo-*", "demo-", true},
        {"demo-*", "other-1", true},
        {"*", "x", false},
        {"{org}__*", "x", false},
        {"a-{org}", "a-", true},
        {"a-{org}", "a-b", false},
        {"a-{org}", "b-{org}", true},
        {"a-{org}", "{sub}", false},
        {"lobby", "lobby{sub}", true},
        {"lobby", "lob{sub}", false},
        {"lo*", "lobby{sub}", false},
        {"lobby-*", "lo{sub}", false},
    };
    struct fixture f;

    (void)state;
    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_template pattern = parse(&f, rows[i].pattern), from = parse(&f, rows[i].from);

        CHECK(rkd_pattern_never_fits(&pattern, &from) == rows[i].want, rows[i].from);
    }
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),           cmocka_unit_test(test_single),
        cmocka_unit_test(test_single_is_bounded), cmocka_unit_test(test_clash),
        cmocka_unit_test(test_never_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
