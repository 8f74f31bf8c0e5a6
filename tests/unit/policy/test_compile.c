/*
 * test_compile.c - what loads and what is refused at load, at which place (semantics D4, D5,
 * D8-D15, D19, D22, D24, D27-D32, P1).
 */
#include "bench.h"

#define STAFF "{'name':'staff','oidc':{},'identity':'staff:{sub}'}"
#define RULE "{'id':'r','room':'x'}"
#define WITH_RULE(rule) "{'callers':[" STAFF "],'rules':[" rule "]}"
#define WITH_CALLER(caller) "{'callers':[" caller "],'rules':[" RULE "]}"
#define WITH_PROFILE(body) "{'callers':[" STAFF "],'profiles':{'p':" body "},'rules':[" RULE "]}"
#define KEY32 "0123456789abcdef0123456789abcdef"

#define B64 KEY32 KEY32

struct row {
    const char *config, *key; /* key NULL: loads */
    const char *why;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].key == NULL)
            bench_loads(rows[i].config, rows[i].why);
        else
            bench_refused(rows[i].config, rows[i].key, rows[i].why);
}

/* The sample of design s.7. */
static const char *const sample =
    "{'callers':["
    "{'name':'staff','oidc':{'issuer':'https://login.example.org/','audience':['roomkey']},"
    " 'identity':'staff:{sub}','devices':'one','display_name':['{name}','{preferred_username}'],"
    " 'attributes':{'team':'{org}'},'metadata':'','bind_to_caller_exp':false,'explain':false},"
    "{'name':'backend','api_keys':{},'identity':'{request.identity}','shares_identities':true},"
    "{'name':'portal','easy_auth':{'providers':['aad']},'identity':'portal:{sub}'}],"
    "'profiles':{'helper':{'canPublish':true,'canPublishSources':['microphone'],"
    " 'canSubscribe':true,'canPublishData':true}},"
    "'rules':[{'id':'own-team','caller':'staff','when':{'groups':'engineering'},"
    " 'room':['{org}__*'],'default_room':'{org}__{random}','profile':['speaker','listener'],"
    " 'ttl':'10m','request_may_set':['name','metadata','attributes.theme'],"
    " 'request_agents':['greeter'],'dispatch':['notetaker'],'room_config':{'max_participants':2},"
    " 'ask':{'url':'https://app.example.org/may-enter','secret':'" KEY32 "','timeout':'2s'}}],"
    "'ceiling':{'ttl':'6h','grants':['roomJoin','canPublish','canSubscribe','canPublishData',"
    " 'canPublishSources','canUpdateOwnMetadata','roomAdmin']},"
    "'identity_hash_key':'" KEY32 "'}";

static void test_sample(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, sample);
    CHECK(rkd_policy_hook_count(b.policy) == 1, "its hook");
    CHECK_STR(rkd_policy_hook_at(b.policy, 0)->url, RK_STR("https://app.example.org/may-enter"),
              "url");
    CHECK(rkd_policy_hook_at(b.policy, 0)->timeout_ms == 2000, "time-out");
    bench_as(&b, "staff", "{'sub':'u1','org':'acme','groups':['x','engineering'],'name':'Ann'}");
    CHECK_DECIDE(&b, RKD_OK, "a member of the team");
    CHECK_STR(b.decision.room, RK_STR("acme__" BENCH_RANDOM), "the default room");
    CHECK_STR(b.decision.identity, RK_STR("staff:u1"), "identity");
    CHECK_STR(b.decision.name, RK_STR("Ann"), "display name");
    CHECK_STR(b.decision.room_config,
              RK_STR("{\"maxParticipants\":2,\"agents\":[{\"agentName\":\"notetaker\"}]}"),
              "room_config");
    CHECK(b.decision.attribute_count == 1, "team");
    CHECK_STR(b.decision.attributes[0].value, RK_STR("acme"), "team");
    CHECK(b.decision.hook == rkd_policy_hook_at(b.policy, 0), "who must agree");
    bench_as(&b, "backend", "{'org':'acme','groups':'engineering'}");
    CHECK_DECIDE(&b, RKD_E_NO_RULE, "not the backend's rule");
    bench_close(&b);
}

static void test_without_rules(void **state)
{
    static const struct row rows[] = {
        {"{'callers':[" STAFF "]}", "rules", "D5: callers without rules"},
        {"{'anonymous':'rules'}", "rules", "D5: anonymous: rules without rules"},
        {"{'callers':[{'name':'e','entra':{}}],'rules':[" RULE "]}", "rules", "ENTRA and rules"},
        {WITH_RULE(RULE), NULL, "with"},
        {"{'anonymous':'rules','rules':[{'id':'r','caller':'anonymous','room':'x'}]}", NULL,
         "guests only"},
    };
    struct rkd_raw_error error = {.text = ""};
    struct rkd_policy *policy = NULL;
    struct raw_json *json = raw_json_read("{'callers':[{'name':'e','entra':{}}]}");

    (void)state;
    check(rows, ARRAY_LEN(rows));
    CHECK_ERR(rkd_policy_compile(raw_json_raw(json), &policy, &error), RK_OK, "ENTRA alone");
    CHECK(policy == NULL, "has no policy");
    CHECK(rkd_policy_hook_count(policy) == 0, "and no hooks");
    rkd_policy_free(policy);
    raw_json_free(json);
    json = raw_json_read("{}");
    CHECK_ERR(rkd_policy_compile(raw_json_raw(json), &policy, &error), RK_OK, "nothing at all");
    CHECK(policy == NULL, "has no policy");
    raw_json_free(json);
}

static void test_rules(void **state)
{
    static const struct row rows[] = {
        /* D24 */
        {WITH_RULE("{'room':'x'}"), "id", "an id"},
        {WITH_RULE("{'id':'','room':'x'}"), "id", "an empty id"},
        {WITH_RULE("{'id':'r'}"), "room", "a room"},
        {WITH_RULE("{'id':'r','room':[]}"), "room", "no patterns"},
        {WITH_RULE("{'id':'r','room':''}"), "room", "an empty pattern"},
        {WITH_RULE("{'id':'r','room':['x','']}"), "room", "an empty pattern in a list"},
        {WITH_RULE(RULE "," RULE), "id", "the same id twice"},
        {WITH_RULE(RULE ",{'id':'s','room':'x'}"), NULL, "two rules"},
        {WITH_RULE("{'id':'r','room':'x','request_may_set':['name','metadata','attributes',"
                   "'room_config','attributes.a']}"),
         NULL, "all that can be set"},
        {WITH_RULE("{'id':'r','room':'x','request_may_set':'identity'}"), "request_may_set",
         "never the identity"},
        {WITH_RULE("{'id':'r','room':'x','request_may_set':'attributes.'}"), "request_may_set",
         "no key"},
        {WITH_RULE("{'id':'r','room':'x','request_may_set':''}"), "request_may_set", "nothing"},
        /* D4 */
        {WITH_RULE("{'id':'r','caller':'staff','room':'x'}"), NULL, "a caller"},
        {WITH_RULE("{'id':'r','caller':'other','room':'x'}"), "caller", "an unknown caller"},
        {WITH_RULE("{'id':'r','caller':'anonymous','room':'x'}"), "caller", "guests are off"},
        /* D26, D29 */
        {WITH_RULE("{'id':'r','room':'x','profile':['speaker','audio-only','listener',"
                   "'moderator','agent']}"),
         NULL, "the built-in ones"},
        {WITH_RULE("{'id':'r','room':'x','profile':'other'}"), "profile", "an unknown profile"},
        {WITH_RULE("{'id':'r','room':'x','profile':[]}"), "profile", "no profile"},
        /* D30 */
        {WITH_RULE("{'id':'r','room':'x','ttl':'10s'}"), NULL, "ten seconds"},
        {WITH_RULE("{'id':'r','room':'x','ttl':'9s'}"), "ttl", "less"},
        {WITH_RULE("{'id':'r','room':'x','ttl':'9000d'}"), "ttl", "no token lives so long"},
        {WITH_RULE("{'id':'r','room':'x','ttl':'48h'}"), NULL, "over the ceiling loads"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_patterns(void **state)
{
    static const struct row rows[] = {
        /* D8 */
        {WITH_RULE("{'id':'r','room':'{'}"), "room", "an open brace"},
        {WITH_RULE("{'id':'r','room':'{identity}'}"), NULL, "{identity} in a room"},
        /* D10 */
        {WITH_RULE("{'id':'r','room':'{a}{b}'}"), "room", "nothing between"},
        {WITH_RULE("{'id':'r','room':'{a}*'}"), "room", "nothing before *"},
        {WITH_RULE("{'id':'r','room':'{random}a'}"), "room", "a letter behind {random}"},
        {WITH_RULE("{'id':'r','room':['{org}__*','{org}__x']}"), NULL, "the same text behind"},
        {WITH_RULE("{'id':'r','room':['{org}__*','{org}-*']}"), "room", "another in one rule"},
        {WITH_RULE("{'id':'r','room':'{org}__*'},{'id':'s','room':'{/org}-*'}"), "room",
         "another in another rule"},
        {WITH_RULE("{'id':'r','room':'{org}__*'},{'id':'s','room':'{org}'}"), "room",
         "nothing counts as one"},
        {WITH_RULE("{'id':'r','room':'{org}__*'},{'id':'s','room':'a{org}-*'}"), NULL,
         "another beginning"},
        /* D11 */
        {WITH_RULE("{'id':'r','room':'a*b'}"), "room", "* in the middle"},
        {WITH_RULE("{'id':'r','room':'*'}"), NULL, "* alone"},
        /* D22 */
        {WITH_RULE("{'id':'r','room':'a-*','default_room':'a-1'}"), NULL, "a default"},
        {WITH_RULE("{'id':'r','room':'a-*','default_room':'b-1'}"), "default_room",
         "one that never fits"},
        {WITH_RULE("{'id':'r','room':'a-*','default_room':'b{sub}'}"), "default_room",
         "nor with a placeholder"},
        {WITH_RULE("{'id':'r','room':['a-*','b-*'],'default_room':'b-1'}"), NULL,
         "one of the patterns will do"},
        {WITH_RULE("{'id':'r','room':'a','default_room':''}"), "default_room", "an empty one"},
        {WITH_RULE("{'id':'r','room':'*','default_room':'{a}{b}'}"), "default_room",
         "D10 holds there too"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_when(void **state)
{
    static const struct row rows[] = {
        /* D12 */
        {WITH_RULE("{'id':'r','room':'x','when':{'a':'b'}}"), NULL, "a text"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':[1,true,'x']}}"), NULL, "any of three"},
        {WITH_RULE("{'id':'r','room':'x','when':{'/a/b':1,'not':{'c':2}}}"), NULL, "not"},
        {WITH_RULE("{'id':'r','room':'x','when':{'not':{'c':2}}}"), NULL, "not alone"},
        {WITH_RULE("{'id':'r','room':'x','when':{}}"), "when", "an empty map"},
        {WITH_RULE("{'id':'r','room':'x','when':{'not':{}}}"), "when", "an empty not"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':[]}}"), "when", "an empty list"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':null}}"), "when", "null"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':[null]}}"), "when", "null in a list"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':{'b':1}}}"), "when", "a map"},
        {WITH_RULE("{'id':'r','room':'x','when':{'a':[[1]]}}"), "when", "a list in a list"},
        {WITH_RULE("{'id':'r','room':'x','when':{'not':{'not':{'a':1}}}}"), "when", "not in not"},
        {WITH_RULE("{'id':'r','room':'x','when':{'not':'a'}}"), "when", "not of no map"},
        {WITH_RULE("{'id':'r','room':'x','when':'a'}"), "when", "no map"},
        {WITH_RULE("{'id':'r','room':'x','when':{'/a~':1}}"), "when", "a bad pointer"},
        {WITH_RULE("{'id':'r','room':'x','when':{'':1}}"), "when", "a claim without a name"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_callers(void **state)
{
    static const struct row rows[] = {
        {WITH_CALLER("{'oidc':{}}"), "name", "a name"},
        {WITH_CALLER("{'name':'','oidc':{}}"), "name", "an empty name"},
        {WITH_CALLER("{'name':'anonymous','oidc':{}}"), "name", "D4: reserved"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':'a:{sub}'},"
                     "{'name':'a','oidc':{},'identity':'b:{sub}'}"),
         "name", "the same name twice"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':'{identity}'}"), "identity", "D8"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':''}"), "identity", "an empty identity"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':'{a}{b}'}"), "identity", "D10"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':{'hash':'{a}{b}'}}"), "identity",
         "D10, hashed too"},
        {WITH_CALLER("{'name':'a','oidc':{},'identity':{'hash':'{sub}'}}"), "identity",
         "D14: a hash without its key"},
        {"{'callers':[{'name':'a','oidc':{},'identity':{'hash':'{sub}'}}],'rules':[" RULE "],"
         "'identity_hash_key':'" KEY32 "'}",
         NULL, "with one"},
        {"{'callers':[" STAFF "],'rules':[" RULE "],'identity_hash_key':'short'}",
         "identity_hash_key_file", "D14: a short key"},
        {WITH_CALLER("{'name':'a','oidc':{},'display_name':'{x'}"), "display_name", "a brace"},
        {WITH_CALLER("{'name':'a','oidc':{},'display_name':['{x}{y}','z']}"), NULL, "a list"},
        {WITH_CALLER("{'name':'a','oidc':{},'attributes':{'k':'{x}'}}"), NULL, "attributes"},
        {WITH_CALLER("{'name':'a','oidc':{},'attributes':{'k':1}}"), "attributes", "a number"},
        {WITH_CALLER("{'name':'a','oidc':{},'attributes':{' k':'x'}}"), "attributes", "D20"},
        {WITH_CALLER("{'name':'a','oidc':{},'attributes':'x'}"), "attributes", "no map"},
        {WITH_CALLER("{'name':'a','oidc':{},'metadata':{'k':'{x}'}}"), NULL, "a map"},
        {WITH_CALLER("{'name':'a','oidc':{},'metadata':'{x'}"), "metadata", "a brace"},
        {WITH_CALLER("{'name':'a','oidc':{},'metadata':{'k':'{x'}}"), "metadata", "a brace"},
        {WITH_CALLER("{'name':'a','oidc':{},'metadata':1}"), "metadata", "a number"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define TWO(a, b)                                                                                  \
    "{'identity_hash_key':'" KEY32 "','rules':[" RULE "],'callers':[{'name':'ab','oidc':{}," a     \
    "},{'name':'abc','oidc':{}," b "}]}"

static void test_spaces(void **state)
{
    static const struct row rows[] = {
        /* D19, IDN-03 */
        {TWO("'identity':'a:{sub}'", "'identity':'b:{sub}'"), NULL, "literals of their own"},
        {TWO("'identity':'a:{sub}'", "'identity':'a:{sub}'"), "identity", "the same"},
        {TWO("'identity':'a:{sub}'", "'identity':'a:b:{sub}'"), "identity", "one begins the other"},
        {TWO("'identity':'{sub}'", "'identity':'b:{sub}'"), "identity", "no literal"},
        {TWO("'explain':false", "'explain':false"), "identity", "no template is {sub}"},
        {TWO("'identity':'{caller}:{sub}'", "'identity':'{caller}:{sub}'"), NULL, "by name"},
        {TWO("'identity':'{caller}:{sub}'", "'identity':'{caller}-{sub}'"), NULL,
         "ab: and abc- differ"},
        {TWO("'identity':'{caller}:{sub}'", "'identity':'ab:x{sub}'"), "identity",
         "the name counts as a literal"},
        {TWO("'identity':'{caller}c{sub}'", "'identity':'{caller}c{sub}'"), "identity",
         "a literal a name contains"},
        {TWO("'identity':'{caller}'", "'identity':'{caller}'"), "identity", "ab begins abc"},
        {TWO("'identity':{'hash':'{sub}'}", "'identity':{'hash':'{sub}'}"), NULL, "both hashed"},
        {TWO("'identity':{'hash':'{sub}'}", "'identity':'b:{sub}'"), NULL, "u_ and b:"},
        {TWO("'identity':{'hash':'{sub}'}", "'identity':'u_{sub}'"), "identity", "u_ twice"},
        {TWO("'identity':{'hash':'{sub}'}", "'identity':'u{sub}'"), "identity", "u begins u_"},
        {TWO("'identity':'{sub}','shares_identities':true",
             "'identity':'{sub}','shares_identities':true"),
         NULL, "both say so"},
        {TWO("'identity':'{sub}','shares_identities':true", "'identity':'{sub}'"), "identity",
         "one says so"},
        {TWO("'identity':'{request.identity}','shares_identities':true", "'identity':'{sub}'"),
         NULL, "a backend that says so"},
        {TWO("'identity':'{sub}'", "'identity':'{request.identity}','shares_identities':true"),
         NULL, "in whatever order"},
        {TWO("'identity':'{request.identity}'", "'identity':'{sub}','shares_identities':true"),
         "identity", "the wrong one says so"},
        {TWO("'identity':'b:{request.identity}','shares_identities':true", "'identity':'{sub}'"),
         "identity", "it must begin with it"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_profiles(void **state)
{
    static const struct row rows[] = {
        /* D27 */
        {WITH_PROFILE("{'canPublish':true,'canSubscribe':false}"), NULL, "grants"},
        {WITH_PROFILE("{}"), NULL, "nothing: joins and is deaf and dumb"},
        {WITH_PROFILE("{'canpublish':true}"), "profiles", "another spelling"},
        {WITH_PROFILE("{'video.canPublish':true}"), "profiles", "with its object"},
        {WITH_PROFILE("{'room':'x'}"), "profiles", "room is the rule's"},
        {WITH_PROFILE("{'destinationRoom':'x'}"), "profiles", "destinationRoom"},
        {WITH_PROFILE("{'agent.admin':true}"), "profiles", "no VideoGrant"},
        {WITH_PROFILE("{'canPublish':'true'}"), "canPublish", "a text"},
        {WITH_PROFILE("{'canPublish':1}"), "canPublish", "a number"},
        {WITH_PROFILE("{'roomJoin':true}"), NULL, "implied"},
        {WITH_PROFILE("{'roomJoin':false}"), "roomJoin", "without it nobody joins"},
        {WITH_PROFILE("{'canPublishSources':['camera','screen_share']}"), NULL, "sources"},
        {WITH_PROFILE("{'canPublishSources':[]}"), "canPublishSources", "to LiveKit that is all"},
        {WITH_PROFILE("{'canPublishSources':['Camera']}"), "canPublishSources", "a bad source"},
        {WITH_PROFILE("{'canPublishSources':['unknown']}"), "canPublishSources", "no source"},
        {WITH_PROFILE("{'canPublishSources':'camera'}"), "canPublishSources", "no list"},
        {WITH_PROFILE("{'kind':'ingress'}"), NULL, "a kind"},
        {WITH_PROFILE("{'kind':'Agent'}"), "kind", "a bad kind"},
        /* D28 */
        {WITH_PROFILE("{'roomAdmin':true}"), NULL, "of the token's room"},
        {WITH_PROFILE("{'roomCreate':true}"), "danger", "roomCreate"},
        {WITH_PROFILE("{'roomList':true}"), "danger", "roomList"},
        {WITH_PROFILE("{'roomRecord':true}"), "danger", "roomRecord"},
        {WITH_PROFILE("{'ingressAdmin':true}"), "danger", "ingressAdmin"},
        {WITH_PROFILE("{'hidden':true}"), "danger", "hidden"},
        {WITH_PROFILE("{'recorder':true}"), "danger", "recorder"},
        {WITH_PROFILE("{'agent':true}"), "danger", "agent"},
        {WITH_PROFILE("{'sip':{'call':true}}"), "danger", "SIP"},
        {WITH_PROFILE("{'sip':{'admin':true}}"), "danger", "SIP"},
        {WITH_PROFILE("{'hidden':true,'danger':'monitoring'}"), NULL, "with a reason"},
        {WITH_PROFILE("{'sip':{'call':true},'danger':'dial-in'}"), NULL, "with a reason"},
        {WITH_PROFILE("{'hidden':false}"), NULL, "not granted"},
        {WITH_PROFILE("{'hidden':true,'danger':''}"), "danger", "no reason"},
        {WITH_PROFILE("{'hidden':true,'danger':true}"), "danger", "no reason"},
        {WITH_PROFILE("{'sip':{'other':true},'danger':'x'}"), "sip", "no grant"},
        {WITH_PROFILE("{'sip':true,'danger':'x'}"), "sip", "no map"},
        {WITH_PROFILE("{'kind':'agent'}"), "kind", "without the grant"},
        {WITH_PROFILE("{'kind':'agent','agent':true,'danger':'bot'}"), NULL, "with it"},
        {WITH_PROFILE("{'kind':'standard','agent':true,'danger':'bot'}"), "kind",
         "a contradiction"},
        {WITH_PROFILE("true"), "profiles", "no map"},
        {"{'callers':[" STAFF "],'profiles':{'speaker':{}},'rules':[" RULE "]}", NULL,
         "D29: in place of a built-in one"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define WITH_CEILING(body) "{'callers':[" STAFF "],'rules':[" RULE "],'ceiling':" body "}"

static void test_ceiling(void **state)
{
    static const struct row rows[] = {
        {WITH_CEILING("{}"), NULL, "D28: absent keys"},
        {WITH_CEILING("{'grants':['roomJoin']}"), NULL, "the least"},
        {WITH_CEILING("{'grants':['roomJoin','canPublishSources','sip.call','hidden']}"), NULL,
         "all kinds of names"},
        {WITH_CEILING("{'grants':['canPublish']}"), "grants", "D27: nobody could join"},
        {WITH_CEILING("{'grants':[]}"), "grants", "D27"},
        {WITH_CEILING("{'grants':['roomJoin','other']}"), "grants", "an unknown grant"},
        {WITH_CEILING("{'grants':['roomJoin','inference.perform']}"), "grants", "no profile's"},
        {WITH_CEILING("{'ttl':'10s'}"), NULL, "short"},
        {WITH_CEILING("{'ttl':'5s'}"), "ttl", "too short"},
        {WITH_CEILING("{'ttl':'9999d'}"), "ttl", "too long"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define WITH_CONFIG(body) WITH_RULE("{'id':'r','room':'x','room_config':" body "}")

static void test_room_config(void **state)
{
    static const struct row rows[] = {
        /* D31 */
        {WITH_CONFIG("{'max_participants':2,'emptyTimeout':60,'tags':{'a':'b'}}"), NULL, "members"},
        {WITH_CONFIG("{}"), NULL, "nothing"},
        {WITH_CONFIG("{'name':'x','metadata':'y','sync_streams':true}"), NULL, "texts"},
        {WITH_CONFIG("{'egress':{'room':{'file_outputs':[{'filepath':'a','s3':{'bucket':'b'}}]}}}"),
         NULL, "egress is the operator's to set"},
        {WITH_CONFIG("{'egress':{'room':{'file_outputs':[{'s3':{'secret':'b'}}]}}}"), "room_config",
         "credentials"},
        {WITH_CONFIG("{'max_participants':'2'}"), "room_config", "a number as text"},
        {WITH_CONFIG("{'max_participants':-1}"), "room_config", "below 0"},
        {WITH_CONFIG("{'max_participants':1.5}"), "room_config", "a fraction"},
        {WITH_CONFIG("{'max_participants':2,'maxParticipants':2}"), "room_config", "twice"},
        {WITH_CONFIG("{'maxparticipants':2}"), "room_config", "an unknown member"},
        {WITH_CONFIG("{'agents':[{'agent_name':'a'}]}"), "room_config", "D32: dispatch does that"},
        {WITH_CONFIG("{'tags':[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"), "room_config", "too deep"},
        {WITH_CONFIG("{'tags':[[[[[[[[[[1]]]]]]]]]]}"), "room_config", "of another type"},
        {WITH_CONFIG("{'tags':{'" B64 B64 B64 B64 "x':'b'}}"), "room_config", "a long name"},
        {WITH_CONFIG("{'tags':{'a':null}}"), "room_config", "null inside"},
        {WITH_CONFIG("'x'"), "room_config", "no map"},
        {WITH_CONFIG("{'name':null}"), "room_config", "null"},
        /* D32 */
        {WITH_RULE("{'id':'r','room':'x','dispatch':['a','b'],'request_agents':['a']}"), NULL,
         "agents"},
        {WITH_RULE("{'id':'r','room':'x','dispatch':['a','a']}"), "dispatch", "twice"},
        {WITH_RULE("{'id':'r','room':'x','dispatch':['']}"), "dispatch", "no name"},
        {WITH_RULE("{'id':'r','room':'x','request_agents':['']}"), "request_agents", "no name"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define WITH_ASK(body) WITH_RULE("{'id':'r','room':'x','ask':" body "}")

static void test_ask(void **state)
{
    static const struct row rows[] = {
        {WITH_ASK("{'url':'https://a.example/x?y=z','secret':'s'}"), NULL, "https"},
        {WITH_ASK("{'url':'https://[2001:db8::1]:8443/','secret':'s'}"), NULL, "an address"},
        {WITH_ASK("{'url':'http://127.0.0.1:9/x','secret':'s'}"), NULL, "loopback"},
        {WITH_ASK("{'url':'http://[::1]:9/x','secret':'s'}"), NULL, "loopback"},
        {WITH_ASK("{'url':'http://localhost/x','secret':'s'}"), NULL, "loopback"},
        {WITH_ASK("{'url':'http://a.example/x','secret':'s'}"), "url", "http"},
        {WITH_ASK("{'url':'http://127.0.0.1.a.example/','secret':'s'}"), "url", "looks like it"},
        {WITH_ASK("{'url':'http://localhost@a.example/','secret':'s'}"), "url", "a user"},
        {WITH_ASK("{'url':'https://u:p@a.example/','secret':'s'}"), "url", "a user"},
        {WITH_ASK("{'url':'https://a.example/#x','secret':'s'}"), "url", "a fragment"},
        {WITH_ASK("{'url':'https://a.example/ x','secret':'s'}"), "url", "a blank"},
        {WITH_ASK("{'url':'https:///x','secret':'s'}"), "url", "no host"},
        {WITH_ASK("{'url':'ftp://a.example/','secret':'s'}"), "url", "another scheme"},
        {WITH_ASK("{'url':'','secret':'s'}"), "url", "empty"},
        {WITH_ASK("{'secret':'s'}"), "url", "none"},
        {WITH_ASK("{'url':'https://a.example/'}"), "secret_file", "no secret"},
        {WITH_ASK("{'url':'https://a.example/','secret':''}"), "secret_file", "an empty one"},
        {WITH_ASK("{'url':'https://a.example/','secret':'s','timeout':'99ms'}"), "timeout",
         "short"},
        {WITH_ASK("{'url':'https://a.example/','secret':'s','timeout':'11s'}"), "timeout", "long"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

/* P1: a wrong value where it begins, a missing key at its map. */
static void test_positions(void **state)
{
    static const char *const clash = WITH_RULE("{'id':'r','room':'{org}__*'},"
                                               "{'id':'s','room':['x','{org}-*']}");
    struct raw_json *json = raw_json_read(clash);
    const struct rkd_raw *raw = raw_json_raw(json);
    struct rkd_policy *policy = NULL;
    struct rkd_raw_error error = {.text = ""};

    (void)state;
    CHECK_ERR(rkd_policy_compile(raw, &policy, &error), RK_E_INVAL, "patterns");
    CHECK(error.at.line == raw->rules[1].room.items[1].at.line, "the later pattern");
    raw_json_free(json);

    json = raw_json_read(WITH_RULE("{'id':'r'}"));
    raw = raw_json_raw(json);
    CHECK_ERR(rkd_policy_compile(raw, &policy, &error), RK_E_INVAL, "no room");
    CHECK(error.at.line == raw->rules[0].at.line, "the rule");
    raw_json_free(json);

    json = raw_json_read(TWO("'identity':'a:{sub}'", "'identity':'a:{sub}'"));
    raw = raw_json_raw(json);
    CHECK_ERR(rkd_policy_compile(raw, &policy, &error), RK_E_INVAL, "spaces");
    CHECK(error.at.line == raw->callers[1].identity.at.line, "the later caller's identity");
    raw_json_free(json);

    json = raw_json_read(TWO("'identity':'a:{sub}'", "'explain':false"));
    raw = raw_json_raw(json);
    CHECK_ERR(rkd_policy_compile(raw, &policy, &error), RK_E_INVAL, "spaces");
    CHECK(error.at.line == raw->callers[1].at.line, "the later caller, which has none");
    raw_json_free(json);

    json = raw_json_read(WITH_RULE("{'id':'r','room':'x','when':{'a':1,'b':{}}}"));
    raw = raw_json_raw(json);
    CHECK_ERR(rkd_policy_compile(raw, &policy, &error), RK_E_INVAL, "when");
    CHECK(error.at.line == raw->rules[0].when.members[1].value.at.line, "the value");
    raw_json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),  cmocka_unit_test(test_without_rules),
        cmocka_unit_test(test_rules),   cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_when),    cmocka_unit_test(test_callers),
        cmocka_unit_test(test_spaces),  cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_ceiling), cmocka_unit_test(test_room_config),
        cmocka_unit_test(test_ask),     cmocka_unit_test(test_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
