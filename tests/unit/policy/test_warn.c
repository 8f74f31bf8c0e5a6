/*
 * test_warn.c - what `roomkey check` says of a policy that loads, and what it is silent about.
 */
#include "bench.h"

#define KEY32 "0123456789abcdef0123456789abcdef"
#define STAFF "{'name':'staff','oidc':{},'identity':'staff:{sub}'}"
#define RULES(rules) "{'callers':[" STAFF "],'rules':[" rules "]}"

struct heard {
    size_t count, hits;
    const char *key, *part; /* what is waited for */
    struct rk_str name;
};

static void listen(void *ctx, struct rkd_pos at, const char *key, struct rk_str name,
                   const char *text)
{
    struct heard *heard = ctx;

    CHECK(at.file != NULL && at.line != 0, "says where");
    heard->count++;
    if (heard->key != NULL && strcmp(key, heard->key) == 0 && strstr(text, heard->part) != NULL &&
        rki_str_equal(name, heard->name))
        heard->hits++;
}

static void test_rows(void **state)
{
    static const struct {
        const char *config, *key, *name, *part; /* key NULL: silence */
    } rows[] = {
        {RULES("{'id':'a','room':'{org}__*'}"), NULL, NULL, NULL},
        /* rules that can never match */
        {RULES("{'id':'a','room':'*'},{'id':'b','room':'x'}"), "rules", "b", "never match"},
        {RULES("{'id':'a','room':'*'},{'id':'b','caller':'staff','room':'x'}"), "rules", "b",
         "never match"},
        {RULES("{'id':'a','room':'x'},{'id':'b','room':'x'}"), "rules", "b", "never match"},
        {RULES("{'id':'a','room':'{org}__*'},{'id':'b','room':'{org}__x-{sub}'}"), "rules", "b",
         "never match"},
        {RULES("{'id':'a','room':['x*','y*']},{'id':'b','room':['x1','y2']}"), "rules", "b",
         "never match"},
        {RULES("{'id':'a','room':'x*'},{'id':'b','room':['x1','y2']}"), NULL, NULL, NULL},
        {RULES("{'id':'a','room':'x*'},{'id':'b','room':'x'}"), NULL, NULL, NULL},
        {RULES("{'id':'a','caller':'staff','room':'*'},{'id':'b','room':'x'}"), NULL, NULL, NULL},
        {RULES("{'id':'a','room':'*','when':{'a':1}},{'id':'b','room':'x'}"), NULL, NULL, NULL},
        {RULES(
             "{'id':'a','room':'*','when':{'g':['x','y']}},{'id':'b','room':'r','when':{'g':'x'}}"),
         "rules", "b", "never match"},
        {RULES("{'id':'a','room':'*','when':{'g':'x','h':1}},{'id':'b','room':'r','when':{'h':1,'g'"
               ":'x'}}"),
         "rules", "b", "never match"},
        {RULES("{'id':'a','room':'*','when':{'not':{'g':'x'}}},{'id':'b','room':'r','when':{'not':{"
               "'g':['x','y']}}}"),
         "rules", "b", "never match"},
        {RULES("{'id':'a','room':'r','when':{'g':'x','not':{'g':'x'}}}"), "when", "a",
         "never hold"},
        {RULES("{'id':'a','room':' r'}"), "room", "a", "never match"},
        {RULES(
             "{'id':'a','room':'*','when':{'g':'x'}},{'id':'b','room':'r','when':{'g':['x','y']}}"),
         NULL, NULL, NULL},
        {RULES(
             "{'id':'a','room':'*','when':{'g':'x','h':1}},{'id':'b','room':'r','when':{'g':'x'}}"),
         NULL, NULL, NULL},
        {RULES("{'id':'a','room':'*','when':{'not':{'g':['x','y']}}},{'id':'b','room':'r','when':{'"
               "not':{'g':'x'}}}"),
         NULL, NULL, NULL},
        {RULES("{'id':'a','room':'r','when':{'g':['x','y'],'not':{'g':'x'}}}"), NULL, NULL, NULL},
        /* without a room asked the second is reached when the default fails */
        {RULES("{'id':'a','room':'*','default_room':'{org}'},{'id':'b','room':'x'}"), NULL, NULL,
         NULL},
        {RULES("{'id':'a','room':'x','when':{'a':9007199254740992}}"), "when", "a", "never hold"},
        {RULES("{'id':'a','room':'x','when':{'a':''}}"), "when", "a", "never hold"},
        {RULES("{'id':'a','room':'x','when':{'a':['',1]}}"), NULL, NULL, NULL},
        {"{'anonymous':'rules','rules':[{'id':'a','caller':'anonymous','room':'x',"
         "'when':{'a':1}}]}",
         "when", "a", "never hold"},
        {"{'anonymous':'rules','rules':[{'id':'a','room':'x'}]}", "rules", "a", "no callers"},
        /* profiles never used */
        {"{'callers':[" STAFF "],'profiles':{'p':{}},'rules':[{'id':'a','room':'x'}]}", "profiles",
         "p", "no rule uses"},
        {"{'callers':[" STAFF
         "],'profiles':{'p':{}},'rules':[{'id':'a','room':'x','profile':'p'}]}",
         NULL, NULL, NULL},
        /* lifetimes */
        {RULES("{'id':'a','room':'x','ttl':'119s'}"), "ttl", "a", "under 120s"},
        {RULES("{'id':'a','room':'x','ttl':'120s'}"), NULL, NULL, NULL},
        {RULES("{'id':'a','room':'x','ttl':'25h'}"), "ttl", "a", "over 24h"},
        {RULES("{'id':'a','room':'x','ttl':'7h'}"), "ttl", "a", "ceiling"},
        {RULES("{'id':'a','room':'x','ttl':'6h'}"), NULL, NULL, NULL},
        /* grants the ceiling cuts */
        {RULES("{'id':'a','room':'x','profile':'agent'}"), "profile", "agent", "ceiling cuts"},
        {RULES("{'id':'a','room':'x','profile':['audio-only','moderator']}"), NULL, NULL, NULL},
        /* separators */
        {RULES("{'id':'a','room':'{org}-*'}"), "room", "a", "single character"},
        {"{'callers':[{'name':'staff','oidc':{},'identity':'s:{org}:{sub}'}],"
         "'rules':[{'id':'a','room':'x'}]}",
         "identity", "staff", "single character"},
        {RULES("{'id':'a','room':'x*','default_room':'x*'}"), "default_room", "a", "as it stands"},
        /* callers */
        {"{'callers':[{'name':'b','api_keys':{},'identity':'{request.identity}'}],"
         "'rules':[{'id':'a','room':'x'}]}",
         "identity", "b", "can be anybody"},
        {"{'callers':[" STAFF ",{'name':'b','oidc':{},'identity':'b:{sub}'}],"
         "'rules':[{'id':'a','caller':'staff','room':'x'}]}",
         "callers", "b", "no rule lets"},
        {"{'anonymous':'rules','callers':[{'name':'b','oidc':{},'identity':'guest-{sub}'}],"
         "'rules':[{'id':'a','room':'x'}]}",
         "identity", "b", "nobody gets in"},
        /* secrets */
        {RULES("{'id':'a','room':'x','ask':{'url':'https://a.example/','secret':'short'}}"),
         "secret_file", "a", "under 32 bytes"},
        {RULES("{'id':'a','room':'x','ask':{'url':'https://a.example/','secret':'" KEY32 "'}}"),
         NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct heard heard = {
            .key = rows[i].key, .part = rows[i].part, .name = rki_cstr(rows[i].name)};
        struct bench b;

        bench_open(&b, rows[i].config);
        rkd_policy_warn(b.policy, listen, &heard);
        if (rows[i].key == NULL)
            CHECK(heard.count == 0, rows[i].config);
        else
            CHECK(heard.hits == 1, rows[i].config);
        bench_close(&b);
    }
}

static void test_nothing(void **state)
{
    struct heard heard = {.key = "", .part = ""};

    (void)state;
    rkd_policy_warn(NULL, listen, &heard);
    CHECK(heard.hits == 0, "no policy, no words");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
