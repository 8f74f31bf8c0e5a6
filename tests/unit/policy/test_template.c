/*
 * test_template.c - templates: what they may look like, what they render, what they refuse to
 * (semantics D8-D10, D13).
 */
#include "bench.h"

#include "policy/template.h"

static void test_grammar(void **state)
{
    static const struct {
        const char *text;
        unsigned rules;
        bool good;
    } rows[] = {
        {"", 0, true},
        {"plain", 0, true},
        {"{sub}", 0, true},
        {"{{sub}}", 0, true},
        {"a}}b", 0, true},
        {"{/a/b}", 0, true},
        {"{/a~1b~0}", 0, true},
        {"{https://example.org/org}", 0, true},
        {"{a}{b}", 0, true},
        {"{}", 0, false},
        {"{a", 0, false},
        {"a}", 0, false},
        {"{a{b}", 0, false},
        {"{{a}", 0, false},
        {"{/a~2}", 0, false},
        {"{/a~}", 0, false},
        {"{/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g}", 0, true},
        {"{/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h}", 0, false},
        {"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}", 0, true},
        {"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}", 0, false},
        /* D8: {identity} is what an identity template makes */
        {"{identity}", RKD_TEMPLATE_NAME | RKD_TEMPLATE_NO_IDENTITY, false},
        {"{identity}", RKD_TEMPLATE_NAME, true},
        {"{/identity}", RKD_TEMPLATE_NAME | RKD_TEMPLATE_NO_IDENTITY, true},
        /* D10: literal text behind a placeholder */
        {"{a}{b}", RKD_TEMPLATE_NAME, false},
        {"{a}-{b}", RKD_TEMPLATE_NAME, true},
        {"{a}{{{b}", RKD_TEMPLATE_NAME, true},
        {"{a}*", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, false},
        {"{a}-*", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, true},
        {"{random}", RKD_TEMPLATE_NAME, true},
        {"{random}-x", RKD_TEMPLATE_NAME, true},
        {"{random}x", RKD_TEMPLATE_NAME, false},
        {"{random}2", RKD_TEMPLATE_NAME, false},
        {"{random}8", RKD_TEMPLATE_NAME, true},
        {"{random}A", RKD_TEMPLATE_NAME, true},
        {"{random}x", 0, true},
        /* D11: * at the end */
        {"*", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, true},
        {"a*", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, true},
        {"*a", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, false},
        {"a**", RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, false},
        {"a*", RKD_TEMPLATE_NAME, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_pool pool = {0};
        struct rkd_template template;
        const char *why = NULL;
        enum rk_err err =
            rkd_template_parse(&pool, rki_cstr(rows[i].text), rows[i].rules, &template, &why);

        CHECK_ERR(err, rows[i].good ? RK_OK : RK_E_INVAL, rows[i].text);
        CHECK((why == NULL) == rows[i].good, rows[i].text);
        rkd_pool_clear(&pool);
    }
}

static void test_long(void **state)
{
    char text[RKD_TEMPLATE_MAX + 1];
    struct rkd_pool pool = {0};
    struct rkd_template template;
    const char *why = NULL;

    (void)state;
    memset(text, 'x', sizeof(text));
    CHECK_ERR(rkd_template_parse(&pool, rki_str(text, sizeof(text) - 1), 0, &template, &why), RK_OK,
              "4096 bytes");
    CHECK_ERR(rkd_template_parse(&pool, rki_str(text, sizeof(text)), 0, &template, &why),
              RK_E_INVAL, "4097");
    rkd_pool_clear(&pool);
}

/* `want` NULL: does not render. */
static void check_render(const char *text, unsigned rules, const struct rkd_view *view,
                         const char *want)
{
    struct rkd_pool pool = {0};
    struct rkd_template template;
    const char *why = "";
    char room[64];
    struct rki_buf out = rki_buf_over(room, sizeof(room));
    bool renders;

    CHECK_ERR(rkd_template_parse(&pool, rki_cstr(text), rules, &template, &why), RK_OK, text);
    renders = rkd_template_render(&template, view, &out);
    CHECK(renders == (want != NULL), text);
    if (want != NULL)
        CHECK_STR(rki_buf_str(&out), rki_cstr(want), text);
    rkd_pool_clear(&pool);
}

static const char *const claims =
    "{'sub':'claims-sub','org':'acme','n':5,'t':true,'z':null,'e':'','l':['a','b'],'one':['a'],"
    "'o':{'p':{'q':'deep'},'m':['x','y']},'a/b':'slash','a~b':'tilde','caller':'theirs',"
    "'scope':'read write','scp':'only','long':'0123456789012345678901234567890123456789012345678"
    "90123456789012345678901234567890','star':'*','us':'acme__eu','tail':'acme_','brace':'{org}',"
    "'https://x.org/y':'url'}";

static void test_render(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        /* D8 */
        {"plain", "plain"},
        {"", ""},
        {"{{x}}", "{x}"},
        {"{org}", "acme"},
        {"<{org}>", "<acme>"},
        {"{/org}", "acme"},
        {"{/o/p/q}", "deep"},
        {"{/o/m/1}", "y"},
        {"{/o/m/01}", NULL},
        {"{/o/m/2}", NULL},
        {"{/o/m/-}", NULL},
        {"{/o/m}", NULL},
        {"{/a~1b}", "slash"},
        {"{a/b}", "slash"},
        {"{/a~0b}", "tilde"},
        {"{a~b}", "tilde"},
        {"{https://x.org/y}", "url"},
        {"{caller}", "staff"},
        {"{/caller}", "theirs"},
        {"{random}", BENCH_RANDOM},
        {"{identity}", "base"},
        {"{request.identity}", "asked-i"},
        {"{request.name}", "asked-n"},
        {"{request.room}", "asked-r"},
        {"{request.other}", NULL},
        {"{sub}", "subject"},
        {"{/sub}", "subject"},
        {"{/sub/0}", NULL},
        {"{brace}", "{org}"}, /* what a value holds is never read again */
        {"{star}", "*"},
        /* D9 */
        {"{n}", NULL},
        {"{t}", NULL},
        {"{z}", NULL},
        {"{e}", NULL},
        {"{o}", NULL},
        {"{missing}", NULL},
        {"{org}{missing}", NULL},
        {"{l}", NULL},
        {"{one}", NULL},
        {"{scope}", NULL},
        {"{scp}", NULL},
        {"{/scope/1}", "write"},
        {"{/scope/2}", NULL},
        {"{/scope/0/0}", NULL},
        {"{/org/0}", NULL},
        /* bounded: refused, not cut */
        {"{long}", NULL},
    };
    struct rkd_caller caller = {
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .subject = RK_STR("subject")};
    struct rkd_ask ask = {
        .identity = RK_STR("asked-i"), .name = RK_STR("asked-n"), .room = RK_STR("asked-r")};
    const struct rkd_view view = {&caller, &ask, RK_STR_INIT(BENCH_RANDOM), RK_STR_INIT("base")};

    (void)state;
    caller.claims = caller.owned_claims = bench_json(claims);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_render(rows[i].text, 0, &view, rows[i].want);
    rkd_caller_clear(&caller);
}

static void test_absent(void **state)
{
    static const char *const texts[] = {
        "{org}",          "{sub}",          "{random}",          "{identity}",
        "{request.name}", "{request.room}", "{request.identity}"};
    struct rkd_caller caller = {.kind = RKD_CALLER_ANONYMOUS, .name = RK_STR("anonymous")};
    struct rkd_ask ask = {.ttl_s = 0};
    const struct rkd_view view = {.caller = &caller, .ask = &ask};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        check_render(texts[i], 0, &view, NULL);
    check_render("{caller}", 0, &view, "anonymous");
}

static void test_separators(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        /* D10 */
        {"{org}__x", "acme__x"},
        {"{us}__x", NULL},   /* acme__eu */
        {"{tail}__x", NULL}, /* acme_ + __: begins one too early */
        {"{tail}-x", "acme_-x"},
        {"{us}", "acme__eu"},       /* nothing follows, nothing is checked */
        {"{us}_-x", "acme__eu_-x"}, /* l is _-, which it does not hold */
        {"{org}e", NULL},           /* begins with a letter: the whole literal, "e" */
        {"{org}me", NULL},
        {"{org}meX", "acmemeX"},
        {"{us}__eu", NULL},
        {"{sub}-1", NULL}, /* our own count too */
        {"{sub}:1", "a-b:1"},
        {"{request.room}.x", NULL},
        {"{identity}#x", NULL},
        {"{caller}ff", NULL},
        {"{random}-x", BENCH_RANDOM "-x"},
    };
    struct rkd_caller caller = {
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .subject = RK_STR("a-b")};
    struct rkd_ask ask = {.room = RK_STR("a.b")};
    const struct rkd_view view = {&caller, &ask, RK_STR_INIT(BENCH_RANDOM), RK_STR_INIT("i#d")};

    (void)state;
    caller.claims = caller.owned_claims = bench_json(claims);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_render(rows[i].text, RKD_TEMPLATE_NAME, &view, rows[i].want);
    check_render("{us}__x", 0, &view, "acme__eu__x"); /* elsewhere nobody is named by it */
    rkd_caller_clear(&caller);
}

static void test_unambiguous(void **state)
{
    static const struct {
        const char *value, *after;
        bool want;
    } rows[] = {
        {"a", "", true},       {"a", "-", true},      {"a-", "-", false},    {"-", "-", false},
        {"a-b", "-", false},   {"a", "__", true},     {"a_", "__", false},   {"a_b", "__", true},
        {"a__", "__", false},  {"aab", "aba", false}, {"ab", "aba", false},  {"aba", "ba", false},
        {"ab", "bb", false},   {"xyxy", "xyz", true}, {"xyz", "xyz", false}, {"xy", "xyxyz", true},
        {"xyx", "yxy", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_value_is_unambiguous(rki_cstr(rows[i].value), rki_cstr(rows[i].after)) ==
                  rows[i].want,
              rows[i].value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_render),     cmocka_unit_test(test_absent),
        cmocka_unit_test(test_separators), cmocka_unit_test(test_unambiguous),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
