/*
 * test_property.c - IDN-10: random policies x callers x requests from fixed seeds. Whatever a
 * request says, what comes out is inside of what the rule gives: grants, lifetime, room, identity,
 * fields; and what a request may not say, it cannot say by leaving something else out.
 */
#include "bench.h"

#include "core/json.h"
#include "core/room_config.h"
#include "core/utf8.h"
#include "naive_pattern.h"

enum { POLICIES = 400, REQUESTS = 200 };

/* ---- chance ---- */

struct dice {
    uint64_t state;
};

static size_t roll(struct dice *dice, size_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (size_t)(dice->state >> 33) % sides;
}

#define PICK(dice, list) ((list)[roll((dice), ARRAY_LEN(list))])

/* ---- policies ---- */

static const char *const identities[] = {
    "'a:{sub}'",          "'a:{org}:{sub}'", "'a:{request.identity}'", "{'hash':'{sub}'}",
    "'{caller}/{email}'", "'a:{sub}#{org}'", "'a:{missing}'",
};
static const char *const patterns[] = {
    "*",
    "lobby",
    "{org}__*",
    "demo-*",
    "u/{identity}",
    "{rooms}",
    "t.{team}.*",
    "x{org}__{team}",
    "{scope}:*",
    "call-{random}",
    "{caller}!*",
    "y-{rooms}-{sub}",
    "{/deep/a}+*",
    "{sub}",
    "z-{request.name}",
    "k-{rooms}-{rooms}",
};
static const char *const profiles[] = {"speaker",   "listener", "audio-only",
                                       "moderator", "agent",    "p"};
static const char *const may_set[] = {"name", "metadata", "attributes", "attributes.theme",
                                      "room_config"};
static const char *const whens[] = {"", "", ",'when':{'org':'acme'}",
                                    ",'when':{'not':{'team':'t1'}}", ",'when':{'groups':'eng'}"};
static const char *const defaults[] = {"", "", ",'default_room':'lobby'",
                                       ",'default_room':'{org}__{random}'"};
static const char *const ttls[] = {"", ",'ttl':'30s'", ",'ttl':'2h'", ",'ttl':'20h'"};
static const char *const ceilings[] = {
    "{}", "{'ttl':'1h'}", "{'grants':['roomJoin','canSubscribe']}",
    "{'grants':['roomJoin','canPublish','agent','hidden'],'ttl':'45s'}"};

static void put(struct rki_buf *text, const char *s)
{
    rki_buf_put(text, rki_cstr(s));
}

static void put_list(struct rki_buf *text, struct dice *dice, const char *key,
                     const char *const *from, size_t sides, size_t most)
{
    const size_t count = 1 + roll(dice, most);

    put(text, key);
    for (size_t i = 0; i < count; i++) {
        put(text, i == 0 ? "['" : ",'");
        put(text, from[roll(dice, sides)]);
        put(text, "'");
    }
    put(text, "]");
}

static void put_rule(struct rki_buf *text, struct dice *dice, int64_t id)
{
    put(text, id == 0 ? "{'id':'r" : ",{'id':'r");
    rki_buf_int(text, id);
    put(text, "'");
    put_list(text, dice, ",'room':", patterns, ARRAY_LEN(patterns), 3);
    put_list(text, dice, ",'profile':", profiles, ARRAY_LEN(profiles), 2);
    if (roll(dice, 2) == 0)
        put_list(text, dice, ",'request_may_set':", may_set, ARRAY_LEN(may_set), 3);
    if (roll(dice, 3) == 0)
        put(text, ",'room_config':{'max_participants':8,'empty_timeout':300}");
    if (roll(dice, 3) == 0)
        put(text, ",'dispatch':['notes'],'request_agents':['greeter']");
    put(text, PICK(dice, whens));
    put(text, PICK(dice, defaults));
    put(text, PICK(dice, ttls));
    put(text, "}");
}

/* NULL when chance made one that is refused at load. */
static struct raw_json *make_policy(struct dice *dice, struct rkd_policy **out)
{
    char config[4096];
    struct rki_buf text = rki_buf_over(config, sizeof(config) - 1);
    const size_t rules = 1 + roll(dice, 4);
    struct rkd_raw_error error;
    struct raw_json *json;

    put(&text, "{'identity_hash_key':'0123456789abcdef0123456789abcdef','callers':[{'name':'c',"
               "'oidc':{},'identity':");
    put(&text, PICK(dice, identities));
    put(&text, roll(dice, 2) == 0 ? ",'devices':'many'" : "");
    put(&text, roll(dice, 2) == 0 ? ",'bind_to_caller_exp':true" : "");
    put(&text, roll(dice, 2) == 0 ? ",'display_name':'{org} says','attributes':{'team':'{team}'},"
                                    "'metadata':'proved {org}'"
                                  : "");
    put(&text, "}],'profiles':{'p':{'canPublish':true,'hidden':true,'danger':'x'}},'ceiling':");
    put(&text, PICK(dice, ceilings));
    put(&text, ",'rules':[");
    for (size_t i = 0; i < rules; i++)
        put_rule(&text, dice, (int64_t)i);
    put(&text, "]}");
    CHECK(!text.overflow, "room for the configuration");
    config[text.len] = '\0';
    json = raw_json_read(config);
    if (rkd_policy_compile(raw_json_raw(json), out, &error) == RK_OK)
        return json;
    raw_json_free(json);
    return NULL;
}

/* ---- callers and requests ---- */

static const char *const claim_sets[] = {
    "{'sub':'u1','org':'acme','team':'t1','groups':['eng'],'rooms':['r1','r2','lobby'],"
    "'email':'u1@x','scope':'read write','deep':{'a':'d'}}",
    "{'sub':'u2','org':'acme__eu','team':'t.1','rooms':[1,''],'email':'a/b','scp':'x'}",
    "{'sub':'a:b','org':'*','team':['t1','t2'],'rooms':'lobby','deep':{'a':'d+'}}",
    "{'sub':'u1#x','org':'','team':'t1','groups':'eng','scope':''}",
    "{'sub':'lobby'}",
};
static const char *const asked_rooms[] = {
    NULL,        "lobby",
    "acme__1",   "acme__eu__1",
    "acme__",    "demo-1",
    "demo-",     "other",
    "r1",        "t.t1.x",
    "t.t2.x",    "y-r1-u1",
    "read:1",    "c!x",
    "d+x",       "*",
    "*__1",      "u/a:u1",
    "u/a:u2",    "xacme__t1",
    "xacme__t2", "u1",
    "z-name",    "k-r1-r1",
    "k-r1-r2",   "call-abcdefghijklmnop",
};
static const char *const asked_identities[] = {NULL,      NULL,   "a:u1",  "a:u2",    "u1",
                                               "a:u1#d1", "boss", "a:a:b", "guest-1", "c/u1@x"};
static const char *const asked_configs[] = {
    NULL,
    NULL,
    "{\"maxParticipants\":2}",
    "{\"maxParticipants\":500}",
    "{\"emptyTimeout\":10,\"maxParticipants\":1}",
    "{\"agents\":[{\"agentName\":\"greeter\"}]}",
    "{\"agents\":[{\"agentName\":\"root\"}]}",
    "{\"egress\":{\"room\":{}}}",
    "{\"tags\":{\"a\":\"b\"}}",
};
static const char *const asked_profiles[] = {NULL, NULL, "speaker", "agent", "moderator", "p", "x"};
static const int64_t asked_ttls[] = {0, 0, 10, 60, 3600, 86400, 9};

static unsigned members_of(const char *config)
{
    char room[256];
    struct rki_buf out = rki_buf_over(room, sizeof(room));
    unsigned members = 0;
    json_t *json = NULL;

    CHECK_ERR(rki_json_parse(rki_cstr(config), 0, &json, NULL), RK_OK, config);
    CHECK_ERR(rki_room_config_write(json, RKI_RC_STRICT, &out, &members, NULL), RK_OK, config);
    json_decref(json);
    return members;
}

/* Most members are left out most of the time, or nothing would ever get through. */
static void make_ask(struct bench *b, struct dice *dice)
{
    bench_ask(b);
    if (roll(dice, 4) != 0)
        b->ask.room = rki_cstr(PICK(dice, asked_rooms));
    if (roll(dice, 3) == 0)
        b->ask.identity = rki_cstr(PICK(dice, asked_identities));
    if (roll(dice, 4) == 0)
        b->ask.profile = rki_cstr(PICK(dice, asked_profiles));
    b->ask.ttl_s = PICK(dice, asked_ttls);
    b->ask.device = rki_cstr(roll(dice, 2) == 0 ? "d1" : NULL);
    b->ask.name = rki_cstr(roll(dice, 6) == 0 ? "name" : NULL);
    b->ask.metadata = rki_cstr(roll(dice, 6) == 0 ? "meta" : NULL);
    if (roll(dice, 6) == 0)
        b->attributes[b->ask.attribute_count++] =
            (struct rkd_attribute){rki_cstr(roll(dice, 2) == 0 ? "theme" : "team"), RK_STR("sent")};
    if (roll(dice, 4) == 0)
        b->ask.room_config = rki_cstr(PICK(dice, asked_configs));
    b->ask.room_config_members =
        b->ask.room_config.ptr == NULL ? 0 : members_of(b->ask.room_config.ptr);
}

/* ---- what must hold ---- */

static const struct rkd_raw_rule *rule_of(const struct bench *b)
{
    const struct rkd_raw *raw = raw_json_raw(b->json);

    for (size_t i = 0; i < raw->rule_count; i++)
        if (rki_str_equal(raw->rules[i].id.text, b->decision.rule))
            return &raw->rules[i];
    fail_msg("a decision without a rule");
    return NULL;
}

static bool lists(const struct rkd_raw_list *list, const char *what)
{
    for (size_t i = 0; i < list->count; i++)
        if (rki_str_equal(list->items[i].text, rki_cstr(what)))
            return true;
    return false;
}

/* The grants of a profile by its name, written down again. */
static uint32_t grants_of(struct rk_str profile)
{
    const uint32_t speaker =
        RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
        RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH_DATA);

    switch (profile.ptr[0]) {
    case 'l':
        return RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE);
    case 'm':
        return speaker | RKD_GRANT_BIT(RK_GRANT_ROOM_ADMIN);
    case 'p':
        return RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
               RKD_GRANT_BIT(RK_GRANT_HIDDEN);
    case 'a':
        return profile.len == 5 ? speaker | RKD_GRANT_BIT(RK_GRANT_AGENT) |
                                      RKD_GRANT_BIT(RK_GRANT_CAN_UPDATE_OWN_METADATA)
                                : speaker;
    default:
        return speaker;
    }
}

static uint32_t ceiling_of(const struct rkd_raw_ceiling *ceiling)
{
    uint32_t grants = 0;

    if (!ceiling->grants.is_set)
        return ~(RKD_GRANT_BIT(RK_GRANT_AGENT) | RKD_GRANT_BIT(RK_GRANT_HIDDEN));
    for (size_t i = 0; i < ceiling->grants.count; i++)
        grants |= RKD_GRANT_BIT(rk_grant_from_name(ceiling->grants.items[i].text));
    return grants;
}

static void check_powers(const struct bench *b, const struct rkd_raw_rule *rule)
{
    const struct rkd_raw *raw = raw_json_raw(b->json);
    const struct rkd_decision *d = &b->decision;
    const int64_t ceiling_s = raw->ceiling.ttl.is_set ? raw->ceiling.ttl.ms / 1000 : 21600;
    const int64_t rule_s = rule->ttl.is_set ? rule->ttl.ms / 1000 : 600;
    bool is_listed = false;

    for (size_t i = 0; i < rule->profile.count; i++)
        is_listed = is_listed || rki_str_equal(rule->profile.items[i].text, d->profile);
    CHECK(is_listed, "a profile of the rule");
    CHECK((d->grants & ~(grants_of(d->profile) & ceiling_of(&raw->ceiling))) == 0,
          "grants within profile and ceiling");
    CHECK((d->sources == 0) == (d->profile.len != 10), "the restriction stays");
    CHECK(d->kind != RK_KIND_AGENT || (d->grants & RKD_GRANT_BIT(RK_GRANT_AGENT)) != 0, "kind");
    CHECK(d->ttl_s >= 10 && d->ttl_s <= rule_s && d->ttl_s <= ceiling_s, "lifetime");
    if (raw->callers[0].bind_to_caller_exp.value && b->caller.expires_s != 0)
        CHECK(BENCH_NOW + d->ttl_s <= b->caller.expires_s, "no longer than the caller's");
}

/* The identity, worked out from the claims alone (or the request where the template says so). */
static void check_identity(const struct bench *b, struct naive *in)
{
    const struct rkd_raw_caller *raw = &raw_json_raw(b->json)->callers[0];
    struct rk_str whole = b->decision.identity, base = whole;
    const char *hash = memchr(whole.ptr, '#', whole.len);

    CHECK(rki_name_check(whole) == RK_OK, "a valid identity");
    if (raw->devices_many) {
        CHECK(hash != NULL, "has its device");
        base.len = (size_t)(hash - whole.ptr);
        CHECK(rki_str_equal(rki_str(hash + 1, whole.len - base.len - 1),
                            b->ask.device.ptr != NULL ? b->ask.device : RK_STR(BENCH_DEVICE)),
              "the device of the header, or an invented one");
    }
    in->identity = base;
    if (raw->identity_is_hashed)
        CHECK(base.len == 28 && rki_str_starts_with(base, RK_STR("u_")), "a hash");
    else
        CHECK(naive_matches(raw->identity.text, in, base), "what the template makes of the claims");
}

static void check_room(const struct bench *b, const struct rkd_raw_rule *rule,
                       const struct naive *in)
{
    bool fits = false;

    CHECK(rki_name_check(b->decision.room) == RK_OK, "a valid room");
    for (size_t i = 0; i < rule->room.count; i++)
        fits = fits || naive_matches(rule->room.items[i].text, in, b->decision.room);
    CHECK(fits, "a room of the rule");
    if (b->ask.room.ptr != NULL)
        CHECK_STR(b->decision.room, b->ask.room, "never another one than asked for");
}

static void check_fields(const struct bench *b, const struct rkd_raw_rule *rule)
{
    const struct rkd_raw_list *may = &rule->request_may_set;
    const struct rkd_decision *d = &b->decision;

    CHECK(!rki_str_equal(d->name, RK_STR("name")) || lists(may, "name"), "name");
    CHECK(!rki_str_equal(d->metadata, RK_STR("meta")) || lists(may, "metadata"), "metadata");
    for (size_t i = 0; i < d->attribute_count; i++)
        if (rki_str_equal(d->attributes[i].value, RK_STR("sent")))
            CHECK(lists(may, "attributes") ||
                      (rki_str_equal(d->attributes[i].key, RK_STR("theme")) &&
                       lists(may, "attributes.theme")),
                  "attributes");
}

static void check_config(const struct bench *b, const struct rkd_raw_rule *rule)
{
    json_t *json = NULL;
    int64_t most = 0, empty = 0;

    if (b->decision.room_config.ptr == NULL)
        return;
    CHECK_ERR(rki_json_parse(b->decision.room_config, 0, &json, NULL), RK_OK, "JSON");
    CHECK((rule->room_config.kind == RKD_VALUE_NONE) ==
              (json_object_get(json, "maxParticipants") == NULL),
          "numbers come from the rule");
    if (rule->room_config.kind != RKD_VALUE_NONE) {
        CHECK(rki_json_int(json_object_get(json, "maxParticipants"), &most) && most >= 1 &&
                  most <= 8,
              "lowered at most");
        CHECK(rki_json_int(json_object_get(json, "emptyTimeout"), &empty) && empty >= 1 &&
                  empty <= 300,
              "lowered at most");
        CHECK((most == 8 && empty == 300) || lists(&rule->request_may_set, "room_config"),
              "where the rule lets");
    }
    CHECK(json_object_get(json, "egress") == NULL && json_object_get(json, "tags") == NULL,
          "nothing else");
    for (size_t i = 0; i < json_array_size(json_object_get(json, "agents")); i++) {
        struct rk_str name = rki_json_str(
            json_object_get(json_array_get(json_object_get(json, "agents"), i), "agentName"));

        CHECK(rki_str_equal(name, RK_STR("notes")) || rki_str_equal(name, RK_STR("greeter")),
              "agents of the rule");
        CHECK(rule->dispatch.is_set, "of this rule");
    }
    json_decref(json);
}

static void check_decision(struct bench *b)
{
    const struct rkd_raw_rule *rule = rule_of(b);
    struct naive in = {.claims = b->caller.claims,
                       .sub = b->caller.subject,
                       .caller = b->caller.name,
                       .random = RK_STR(BENCH_RANDOM),
                       .request_identity = b->ask.identity,
                       .request_name = b->ask.name,
                       .request_room = b->ask.room};

    check_powers(b, rule);
    check_identity(b, &in);
    check_room(b, rule, &in);
    check_fields(b, rule);
    check_config(b, rule);
}

/* ---- the runs ---- */

static void run_policy(struct dice *dice, size_t *decided, size_t *refused)
{
    struct bench b;

    memset(&b, 0, sizeof(b));
    b.terms.default_ttl_s = 900;
    b.json = make_policy(dice, &b.policy);
    if (b.json == NULL)
        return;
    for (size_t i = 0; i < REQUESTS; i++) {
        if (i % 10 == 0) {
            bench_as(&b, "c", PICK(dice, claim_sets));
            b.caller.expires_s = roll(dice, 2) == 0 ? 0 : BENCH_NOW + (int64_t)roll(dice, 900);
        }
        make_ask(&b, dice);
        if (bench_decide(&b) == RKD_OK) {
            check_decision(&b);
            (*decided)++;
        } else {
            (*refused)++;
        }
    }
    bench_close(&b);
}

static void test_never_more_than_the_rule(void **state)
{
    struct dice dice = {UINT64_C(0x9e3779b97f4a7c15)};
    size_t decided = 0, refused = 0;

    (void)state;
    for (size_t i = 0; i < POLICIES; i++)
        run_policy(&dice, &decided, &refused);
    if (decided < 1000 || refused < 1000)
        fail_msg("%zu decided, %zu refused: the dice show too little", decided, refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_more_than_the_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
