/*
 * test_fields.c - names, metadata, attributes, room_config and agents: from templates, from the
 * rule, from the request where the rule lists them (semantics D13, D31-D33, D36), IDN-05, IDN-09.
 */
#include "bench.h"

#include "core/json.h"
#include "core/room_config.h"

#define CONFIG(caller, rule)                                                                       \
    "{'callers':[{'name':'staff','oidc':{}" caller "}],'rules':[{'id':'a','room':'x'" rule "}]}"

static const char *const claims =
    "{'sub':'u1','name':'Ann','nick':' nick','org':'acme','n':1,'quote':'a\\\"b\\u0001'}";

static void ready(struct bench *b, const char *config)
{
    bench_open(b, config);
    bench_as(b, "staff", claims);
    bench_ask(b);
}

static void test_name(void **state)
{
    static const struct {
        const char *config, *asked;
        enum rkd_err want;
        const char *name; /* NULL: none */
    } rows[] = {
        /* D13, D33 */
        {CONFIG("", ""), NULL, RKD_OK, NULL},
        {CONFIG("", ""), "Bob", RKD_E_FIELD_NOT_ALLOWED, NULL},
        {CONFIG("", ""), "", RKD_OK, NULL}, /* asks for nothing */
        {CONFIG("", ",'request_may_set':'name'"), "Bob", RKD_OK, "Bob"},
        {CONFIG("", ",'request_may_set':'name'"), NULL, RKD_OK, NULL},
        {CONFIG(",'display_name':'{name}'", ""), NULL, RKD_OK, "Ann"},
        {CONFIG(",'display_name':'{name}'", ""), "Bob", RKD_E_FIELD_NOT_ALLOWED, NULL},
        {CONFIG(",'display_name':'{name}'", ",'request_may_set':'name'"), "Bob", RKD_OK, "Bob"},
        {CONFIG(",'display_name':['{missing}','{n}','{name}']", ""), NULL, RKD_OK, "Ann"},
        {CONFIG(",'display_name':['{nick}','{name}']", ""), NULL, RKD_OK, "Ann"}, /* no name */
        {CONFIG(",'display_name':['{missing}']", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'display_name':['']", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'display_name':'{name} ({org})'", ""), NULL, RKD_OK, "Ann (acme)"},
        /* {request.name} permits that member, wherever it stands */
        {CONFIG(",'display_name':'{request.name} ({org})'", ""), "Bob", RKD_OK, "Bob (acme)"},
        {CONFIG(",'display_name':'{request.name} ({org})'", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'attributes':{'said':'{request.name}'}", ""), "Bob", RKD_OK, NULL},
        {CONFIG(",'metadata':{'said':'{request.name}'}", ""), "Bob", RKD_OK, NULL},
        {CONFIG(",'display_name':'{request.identity}'", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'display_name':'{identity}'", ""), NULL, RKD_OK, "u1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        ready(&b, rows[i].config);
        b.ask.name = rki_cstr(rows[i].asked);
        CHECK_DECIDE(&b, rows[i].want, rows[i].config);
        CHECK_STR(b.decision.name, rki_cstr(rows[i].name), rows[i].config);
        if (rows[i].want != RKD_OK)
            CHECK_STR(b.problem.field, RK_STR("participant_name"), "field");
        bench_close(&b);
    }
}

static void test_original_name(void **state)
{
    struct bench b;

    (void)state;
    ready(&b, CONFIG(",'identity':'s:{sub}'", ""));
    b.terms.name_is_identity = true;
    CHECK_DECIDE(&b, RKD_OK, "D33");
    CHECK_STR(b.decision.name, RK_STR("s:u1"), "the identity");
    bench_close(&b);
    ready(&b, CONFIG(",'display_name':'{name}'", ""));
    b.terms.name_is_identity = true;
    CHECK_DECIDE(&b, RKD_OK, "D33");
    CHECK_STR(b.decision.name, RK_STR("Ann"), "unless there is one");
    bench_close(&b);
}

static void test_metadata(void **state)
{
    static const struct {
        const char *config, *asked;
        enum rkd_err want;
        const char *metadata;
    } rows[] = {
        {CONFIG("", ""), "m", RKD_E_FIELD_NOT_ALLOWED, NULL},
        {CONFIG("", ",'request_may_set':'metadata'"), "m", RKD_OK, "m"},
        {CONFIG(",'metadata':'{org}'", ",'request_may_set':'metadata'"), "m", RKD_OK, "m"},
        {CONFIG(",'metadata':'{org}'", ",'request_may_set':'metadata'"), NULL, RKD_OK, "acme"},
        {CONFIG(",'metadata':''", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'metadata':'{missing}'", ""), NULL, RKD_OK, NULL},
        {CONFIG(",'metadata':'{{\\\"org\\\":\\\"{org}\\\"}}'", ""), NULL, RKD_OK,
         "{\"org\":\"acme\"}"},
        /* D13: a map is compact JSON, without what cannot render */
        {CONFIG(",'metadata':{'o':'{org}','x':'{missing}','q':'{quote}','k':'lit','e':''}", ""),
         NULL, RKD_OK, "{\"o\":\"acme\",\"q\":\"a\\\"b\\u0001\",\"k\":\"lit\"}"},
        {CONFIG(",'metadata':{'x':'{missing}'}", ""), NULL, RKD_OK, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        ready(&b, rows[i].config);
        b.ask.metadata = rki_cstr(rows[i].asked);
        CHECK_DECIDE(&b, rows[i].want, rows[i].config);
        CHECK_STR(b.decision.metadata, rki_cstr(rows[i].metadata), rows[i].config);
        if (rows[i].want != RKD_OK)
            CHECK_STR(b.problem.field, RK_STR("participant_metadata"), "field");
        bench_close(&b);
    }
}

static void test_attributes(void **state)
{
    static const struct {
        const char *config;
        const char *keys[2]; /* sent, with the value v */
        enum rkd_err want;
        const char *field;
        const char *got; /* key=value;... */
    } rows[] = {
        {CONFIG("", ""), {"a", NULL}, RKD_E_FIELD_NOT_ALLOWED, "participant_attributes", ""},
        {CONFIG("", ",'request_may_set':'attributes'"), {"a", "b"}, RKD_OK, "", "a=v;b=v;"},
        {CONFIG("", ",'request_may_set':'attributes.a'"), {"a", NULL}, RKD_OK, "", "a=v;"},
        {CONFIG("", ",'request_may_set':'attributes.a'"),
         {"a", "b"},
         RKD_E_FIELD_NOT_ALLOWED,
         "participant_attributes.b",
         ""},
        {CONFIG("", ",'request_may_set':'attributes.a'"),
         {"A", NULL},
         RKD_E_FIELD_NOT_ALLOWED,
         "participant_attributes.A",
         ""},
        {CONFIG(",'attributes':{'team':'{org}','x':'{missing}','e':''}", ""),
         {NULL, NULL},
         RKD_OK,
         "",
         "team=acme;"},
        /* D33: then the request wins */
        {CONFIG(",'attributes':{'team':'{org}','b':'{sub}'}", ",'request_may_set':'attributes'"),
         {"team", NULL},
         RKD_OK,
         "",
         "team=v;b=u1;"},
        /* IDN-09: a key the policy owns is not the request's */
        {CONFIG(",'attributes':{'team':'{org}'}", ",'request_may_set':'attributes.theme'"),
         {"team", NULL},
         RKD_E_FIELD_NOT_ALLOWED,
         "participant_attributes.team",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        char got[256];
        struct rki_buf text = rki_buf_over(got, sizeof(got));

        ready(&b, rows[i].config);
        for (size_t j = 0; j < 2 && rows[i].keys[j] != NULL; j++)
            b.attributes[b.ask.attribute_count++] =
                (struct rkd_attribute){rki_cstr(rows[i].keys[j]), RK_STR("v")};
        CHECK_DECIDE(&b, rows[i].want, rows[i].config);
        CHECK_STR(b.problem.field, rki_cstr(rows[i].field), rows[i].config);
        for (size_t j = 0; j < b.decision.attribute_count; j++) {
            rki_buf_put(&text, b.decision.attributes[j].key);
            rki_buf_char(&text, '=');
            rki_buf_put(&text, b.decision.attributes[j].value);
            rki_buf_char(&text, ';');
        }
        CHECK_STR(rki_buf_str(&text), rki_cstr(rows[i].got), rows[i].config);
        bench_close(&b);
    }
}

/* D36, D25: what is not permitted is refused for that, not for its size. */
static void test_oversize(void **state)
{
    static const struct {
        const char *may, *oversize;
        enum rkd_err want;
    } rows[] = {
        {CONFIG("", ",'request_may_set':'metadata'"), "participant_metadata", RKD_E_TOO_LARGE},
        {CONFIG("", ""), "participant_metadata", RKD_E_FIELD_NOT_ALLOWED},
        {CONFIG("", ",'request_may_set':'attributes'"), "participant_attributes", RKD_E_TOO_LARGE},
        {CONFIG("", ",'request_may_set':'attributes.a'"), "participant_attributes",
         RKD_E_TOO_LARGE},
        {CONFIG("", ""), "participant_attributes", RKD_E_FIELD_NOT_ALLOWED},
        {CONFIG("", ""), "room_config", RKD_E_TOO_LARGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        ready(&b, rows[i].may);
        b.ask.oversize = rki_cstr(rows[i].oversize);
        CHECK_DECIDE(&b, rows[i].want, rows[i].oversize);
        CHECK_STR(b.problem.field, rki_cstr(rows[i].oversize), "field");
        bench_close(&b);
    }
}

static void set_long(struct bench *b, const char *claim, size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    text[len] = '\0';
    (void)json_object_set_new(b->caller.owned_claims, claim, json_string(text));
    free(text);
}

/* A template grows over the limits too. */
static void test_template_sizes(void **state)
{
    struct bench b;

    (void)state;
    ready(&b, CONFIG(",'metadata':'{big}'", ""));
    set_long(&b, "big", 4096);
    CHECK_DECIDE(&b, RKD_OK, "4096 bytes");
    set_long(&b, "big", 4097);
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "4097");
    CHECK_STR(b.problem.field, RK_STR("participant_metadata"), "field");
    bench_close(&b);
    ready(&b, CONFIG(",'metadata':{'k':'{big}'}", ""));
    set_long(&b, "big", 4088);
    CHECK_DECIDE(&b, RKD_OK, "with its key and quotes");
    set_long(&b, "big", 4089);
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "one more");
    set_long(&b, "big", 5000);
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "many more");
    bench_close(&b);
    ready(&b, CONFIG(",'attributes':{'k':'{big}','l':'{big}'}", ""));
    set_long(&b, "big", 2047);
    CHECK_DECIDE(&b, RKD_OK, "4096 bytes in all");
    set_long(&b, "big", 2048);
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "4098");
    set_long(&b, "big", 5000);
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "one alone");
    CHECK_STR(b.problem.field, RK_STR("participant_attributes"), "field");
    bench_close(&b);
    ready(&b, CONFIG(",'display_name':['{big}','{name}']", ""));
    set_long(&b, "big", 257);
    CHECK_DECIDE(&b, RKD_OK, "no valid name");
    CHECK_STR(b.decision.name, RK_STR("Ann"), "so the next");
    bench_close(&b);
}

static void test_attribute_count(void **state)
{
    char config[2048];
    struct rki_buf text = rki_buf_over(config, sizeof(config) - 1);
    struct bench b;

    (void)state;
    rki_buf_lit(&text, "{'callers':[{'name':'staff','oidc':{},'attributes':{'k0':'v'");
    for (int64_t i = 1; i < 32; i++) {
        rki_buf_lit(&text, ",'k");
        rki_buf_int(&text, i);
        rki_buf_lit(&text, "':'v'");
    }
    rki_buf_lit(&text, "}}],'rules':[{'id':'a','room':'x','request_may_set':'attributes'}]}");
    config[text.len] = '\0';
    ready(&b, config);
    CHECK_DECIDE(&b, RKD_OK, "32");
    CHECK(b.decision.attribute_count == 32, "32");
    b.attributes[0] = (struct rkd_attribute){RK_STR("k1"), RK_STR("mine")};
    b.ask.attribute_count = 1;
    CHECK_DECIDE(&b, RKD_OK, "one of them in place of its template");
    b.attributes[0].key = RK_STR("other");
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "IDN-09: 33");
    bench_close(&b);
}

/* ---- room_config ---- */

/* Sends `config` as the contract's reader hands it on. */
static void send_config(struct bench *b, const char *config, char *room, size_t cap)
{
    struct rki_buf out = rki_buf_over(room, cap);
    json_t *json = bench_json(config);
    unsigned members = 0;

    CHECK_ERR(
        rki_room_config_write(json, RKI_RC_STRICT | RKI_RC_KEEP_CREDENTIALS, &out, &members, NULL),
        RK_OK, config);
    json_decref(json);
    b->ask.room_config_has_credentials = (members & RKI_RC_CREDENTIALS) != 0;
    b->ask.room_config_members = members & ~(unsigned)RKI_RC_CREDENTIALS;
    if (b->ask.room_config_members != 0)
        b->ask.room_config = rki_buf_str(&out);
}

#define LOWER ",'request_may_set':'room_config'"
#define TWO ",'room_config':{'max_participants':10,'name':'n','empty_timeout':60}"

static void test_room_config(void **state)
{
    static const struct {
        const char *config, *sent;
        enum rkd_err want;
        const char *got; /* the field, or the token's */
    } rows[] = {
        /* D31 */
        {CONFIG("", ""), "{}", RKD_OK, NULL},
        {CONFIG("", TWO), "{}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":10}"},
        {CONFIG("", TWO LOWER), "{'max_participants':2}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":2}"},
        {CONFIG("", TWO LOWER), "{'max_participants':10,'emptyTimeout':59}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":59,\"maxParticipants\":10}"},
        {CONFIG("", TWO LOWER), "{'max_participants':11}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":10}"},
        {CONFIG("", TWO LOWER), "{'max_participants':4294967295}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":10}"},
        {CONFIG("", TWO LOWER), "{'max_participants':0}", RKD_OK, /* no limit, to LiveKit */
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":10}"},
        {CONFIG("", TWO), "{'max_participants':2}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.max_participants"},
        {CONFIG("", TWO LOWER), "{'departure_timeout':2}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.departure_timeout"},
        {CONFIG("", LOWER), "{'max_participants':2}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.max_participants"},
        {CONFIG("", ",'room_config':{'max_participants':0}" LOWER), "{'max_participants':2}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.max_participants"},
        {CONFIG("", TWO LOWER), "{'name':'m'}", RKD_E_FIELD_NOT_ALLOWED, "room_config.name"},
        {CONFIG("", TWO LOWER), "{'metadata':'m'}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.metadata"},
        {CONFIG("", TWO LOWER), "{'egress':{'room':{'layout':'x'}}}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.egress"},
        {CONFIG("", TWO LOWER), "{'egress':{'room':{'file_outputs':[{'s3':{'secret':'x'}}]}}}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.egress"},
        {CONFIG("", TWO LOWER), "{'sync_streams':true}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.sync_streams"},
        {CONFIG("", TWO LOWER), "{'tags':{'a':'b'}}", RKD_E_FIELD_NOT_ALLOWED, "room_config.tags"},
        {CONFIG("", TWO LOWER), "{'tags':{'a':'b'},'egress':{'room':{}},'max_participants':2}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.egress"},
        /* IDN-05: no members of the schema, dropped by the reader */
        {CONFIG("", TWO LOWER), "{'video':{'roomAdmin':true},'ttl':9}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":10}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[1024];
        struct bench b;

        ready(&b, rows[i].config);
        send_config(&b, rows[i].sent, room, sizeof(room));
        CHECK_DECIDE(&b, rows[i].want, rows[i].sent);
        CHECK_STR(rows[i].want == RKD_OK ? b.decision.room_config : b.problem.field,
                  rki_cstr(rows[i].got), rows[i].sent);
        bench_close(&b);
    }
}

#define AGENTS ",'dispatch':['notes','both'],'request_agents':['greeter','both']"
#define A(name) "{\"agentName\":\"" name "\"}"
#define AM(name, m) "{\"agentName\":\"" name "\",\"metadata\":\"" m "\"}"

static void test_agents(void **state)
{
    static const struct {
        const char *config, *sent;
        enum rkd_err want;
        const char *got;
    } rows[] = {
        /* D32 */
        {CONFIG("", AGENTS), "{}", RKD_OK, "{\"agents\":[" A("notes") "," A("both") "]}"},
        {CONFIG("", AGENTS), "{'agents':[{'agent_name':'greeter'}]}", RKD_OK,
         "{\"agents\":[" A("notes") "," A("both") "," A("greeter") "]}"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'notes'}]}", RKD_OK,
         "{\"agents\":[" A("notes") "," A("both") "]}"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'greeter','metadata':'m'}]}", RKD_OK,
         "{\"agents\":[" A("notes") "," A("both") "," AM("greeter", "m") "]}"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'both','metadata':'m'}]}", RKD_OK,
         "{\"agents\":[" A("notes") "," AM("both", "m") "]}"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'notes','metadata':'m'}]}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'other'}]}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'greeter','deployment':'d'}]}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'greeter','attributes':{'a':'b'}}]}",
         RKD_E_FIELD_NOT_ALLOWED, "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{'metadata':'m'}]}", RKD_E_INVALID_REQUEST,
         "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{}]}", RKD_E_INVALID_REQUEST, "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[{'agentName':'greeter'},{'agentName':'greeter'}]}",
         RKD_E_INVALID_REQUEST, "room_config.agents"},
        {CONFIG("", AGENTS), "{'agents':[]}", RKD_OK,
         "{\"agents\":[" A("notes") "," A("both") "]}"},
        {CONFIG("", ""), "{'agents':[{'agentName':'greeter'}]}", RKD_E_FIELD_NOT_ALLOWED,
         "room_config.agents"},
        {CONFIG("", ",'request_agents':'greeter'"), "{'agents':[{'agentName':'greeter'}]}", RKD_OK,
         "{\"agents\":[" A("greeter") "]}"},
        {CONFIG("", ",'request_agents':'greeter'" TWO LOWER),
         "{'agents':[{'agentName':'greeter'}],'max_participants':3}", RKD_OK,
         "{\"name\":\"n\",\"emptyTimeout\":60,\"maxParticipants\":3,\"agents\":[" A(
             "greeter") "]}"},
        {CONFIG("", ",'dispatch':'d','room_config':{'tags':{'a':'b'}}"), "{}", RKD_OK,
         "{\"agents\":[" A("d") "],\"tags\":{\"a\":\"b\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[1024];
        struct bench b;

        ready(&b, rows[i].config);
        send_config(&b, rows[i].sent, room, sizeof(room));
        CHECK_DECIDE(&b, rows[i].want, rows[i].sent);
        CHECK_STR(rows[i].want == RKD_OK ? b.decision.room_config : b.problem.field,
                  rki_cstr(rows[i].got), rows[i].sent);
        bench_close(&b);
    }
}

/* What goes into the token is what core would write of it: mint writes it as it is. */
static void test_normal_form(void **state)
{
    char room[1024], again[1024];
    struct rki_buf out = rki_buf_over(again, sizeof(again));
    struct bench b;
    json_t *json = NULL;

    (void)state;
    ready(&b, CONFIG("", AGENTS LOWER ",'room_config':{'name':'\\u00e9\\\"x','max_participants':9,"
                                      "'min_playout_delay':5,'sync_streams':true,'tags':{'a':'b'},"
                                      "'metadata':'m','egress':{'room':{'layout':'grid'}}}"));
    send_config(&b, "{'agents':[{'agentName':'greeter','metadata':'m'}],'max_participants':3}",
                room, sizeof(room));
    CHECK_DECIDE(&b, RKD_OK, "all at once");
    CHECK_ERR(rki_json_parse(b.decision.room_config, 0, &json, NULL), RK_OK, "strict JSON");
    CHECK_ERR(rki_room_config_write(json, RKI_RC_STRICT, &out, NULL, NULL), RK_OK, "of its schema");
    CHECK_STR(rki_buf_str(&out), b.decision.room_config, "byte for byte");
    json_decref(json);
    bench_close(&b);
}

static void test_too_long_together(void **state)
{
    char room[RKD_TOKEN_MAX], sent[RKD_TOKEN_MAX];
    struct rki_buf text = rki_buf_over(sent, sizeof(sent) - 1);
    struct bench b;

    (void)state;
    ready(&b, CONFIG("", AGENTS));
    rki_buf_lit(&text, "{'agents':[{'agentName':'greeter','metadata':'");
    for (size_t i = 0; i < 8130; i++)
        rki_buf_char(&text, 'x');
    rki_buf_lit(&text, "'}]}");
    CHECK(!text.overflow, "room");
    sent[text.len] = '\0';
    send_config(&b, sent, room, sizeof(room));
    CHECK_DECIDE(&b, RKD_E_TOO_LARGE, "with the agents of dispatch over 8 KiB");
    CHECK_STR(b.problem.field, RK_STR("room_config"), "field");
    bench_close(&b);
}

/* A reader that hands on what is no JSON has a bug; nothing is minted from it. */
static void test_broken_reader(void **state)
{
    struct bench b;

    (void)state;
    ready(&b, CONFIG("", AGENTS));
    b.ask.room_config = RK_STR("{\"agents\":[");
    b.ask.room_config_members = RKI_RC_AGENTS;
    CHECK_DECIDE(&b, RKD_E_INTERNAL, "500");
    b.ask.room_config = rki_str(NULL, 0);
    b.ask.room_config_members = 1U << 11;
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "a member of some later schema");
    CHECK_STR(b.problem.field, RK_STR("room_config"), "field");
    b.ask.room_config_members = 0;
    b.ask.room_config_has_credentials = true;
    CHECK_DECIDE(&b, RKD_E_FIELD_NOT_ALLOWED, "never, whatever the bits say");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_original_name),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_oversize),
        cmocka_unit_test(test_template_sizes),
        cmocka_unit_test(test_attribute_count),
        cmocka_unit_test(test_room_config),
        cmocka_unit_test(test_agents),
        cmocka_unit_test(test_normal_form),
        cmocka_unit_test(test_too_long_together),
        cmocka_unit_test(test_broken_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
