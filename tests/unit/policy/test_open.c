/*
 * test_open.c - decisions without rules: what is given, what is refused, in which order.
 */
#include "check.h"

#include "core/room_config.h"
#include "policy/policy.h"

#define RANDOM "abcdefghijklmnop"
#define B16 "0123456789abcdef"
#define B240 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16

static const uint32_t speaker =
    RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH) |
    RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH_DATA);

static const struct rkd_terms inventing = {.invents = true, .default_ttl_s = 900};
static const struct rkd_terms original = {.name_is_identity = true, .default_ttl_s = 3600};
static const struct rkd_terms postfixing = {.postfixes_identity = true, .default_ttl_s = 900};

struct bench {
    char memory[1024];
    struct rki_arena arena;
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rk_str random;
    struct rkd_decision decision;
    struct rkd_problem problem;
};

static void start(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->arena = rki_arena_over(b->memory, sizeof(b->memory));
    b->caller.kind = RKD_CALLER_ANONYMOUS;
    b->random = RK_STR(RANDOM);
}

static void named(struct bench *b)
{
    start(b);
    b->ask.room = RK_STR("r");
    b->ask.identity = RK_STR("i");
}

static enum rkd_err decide(struct bench *b, const struct rkd_terms *terms)
{
    enum rkd_err err = rkd_policy_decide_open(terms, &b->caller, &b->ask, b->random, &b->arena,
                                              &b->decision, &b->problem);

    if (err != RKD_OK) {
        const struct rkd_decision *d = &b->decision;

        CHECK(b->problem.err == err, "told in both places");
        CHECK(d->room.ptr == NULL && d->identity.ptr == NULL && d->grants == 0 && d->ttl_s == 0,
              "a refusal leaves nothing to mint from");
    }
    return err;
}

static void test_as_asked(void **state)
{
    struct rkd_attribute attribute = {RK_STR("k"), RK_STR("v")};
    struct bench b;

    (void)state;
    named(&b);
    b.ask.name = RK_STR("n");
    b.ask.metadata = RK_STR("m");
    b.ask.attributes = &attribute;
    b.ask.attribute_count = 1;
    b.ask.room_config = RK_STR("{\"name\":\"x\"}");
    b.ask.room_config_members = RKI_RC_NAME;
    CHECK(decide(&b, &inventing) == RKD_OK, "decided");
    CHECK_STR(b.decision.room, RK_STR("r"), "room");
    CHECK_STR(b.decision.identity, RK_STR("i"), "identity");
    CHECK_STR(b.decision.name, RK_STR("n"), "name");
    CHECK_STR(b.decision.metadata, RK_STR("m"), "metadata");
    CHECK(b.decision.attributes == &attribute && b.decision.attribute_count == 1, "attributes");
    CHECK_STR(b.decision.room_config, RK_STR("{\"name\":\"x\"}"), "room config");
    CHECK(b.decision.grants == speaker && b.decision.written == speaker, "a speaker's powers");
    CHECK(b.decision.ttl_s == 900, "the contract's lifetime");
    CHECK_STR(b.decision.profile, RK_STR("speaker"), "profile");
}

static void test_invented(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    CHECK(decide(&b, &inventing) == RKD_OK, "decided");
    CHECK_STR(b.decision.room, RK_STR("room-" RANDOM), "room");
    CHECK_STR(b.decision.identity, RK_STR("guest-" RANDOM), "identity");
    CHECK(b.decision.name.ptr == NULL, "no name");
    start(&b);
    b.ask.room = RK_STR("r");
    CHECK(decide(&b, &inventing) == RKD_OK, "decided");
    CHECK_STR(b.decision.room, RK_STR("r"), "the room asked for");
    CHECK_STR(b.decision.identity, RK_STR("guest-" RANDOM), "identity");
}

static void test_not_invented(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    CHECK(decide(&b, &original) == RKD_E_ROOM_REQUIRED, "no room");
    CHECK_STR(b.problem.field, RK_STR("room_name"), "field");
    b.ask.room = RK_STR("r");
    CHECK(decide(&b, &original) == RKD_E_INVALID_IDENTITY, "no identity");
    CHECK_STR(b.problem.field, RK_STR("participant_identity"), "field");
}

static void test_postfixed(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    b.ask.room = RK_STR("r");
    b.ask.name = RK_STR("Z\xc3\xab");
    b.ask.identity = RK_STR("not this");
    CHECK(decide(&b, &postfixing) == RKD_OK, "decided");
    CHECK_STR(b.decision.identity, RK_STR("Z\xc3\xab__" RANDOM), "identity");
    CHECK_STR(b.decision.name, RK_STR("Z\xc3\xab"), "name");
    b.ask.name = RK_STR(B240);
    CHECK(decide(&b, &postfixing) == RKD_E_INVALID_IDENTITY, "240 + 18 bytes");
    b.ask.name = RK_STR(B16 B16);
    CHECK(decide(&b, &postfixing) == RKD_OK, "shorter again");
    b.ask.name = rki_str(NULL, 0);
    CHECK(decide(&b, &postfixing) == RKD_E_INVALID_IDENTITY, "no name");
    CHECK_STR(b.problem.field, RK_STR("participant_name"), "field");
}

static void test_original(void **state)
{
    struct bench b;

    (void)state;
    named(&b);
    CHECK(decide(&b, &original) == RKD_OK, "decided");
    CHECK_STR(b.decision.name, RK_STR("i"), "the name is the identity");
    CHECK(b.decision.ttl_s == 3600, "an hour");
    b.ask.ttl_s = 60;
    b.ask.name = RK_STR("n");
    CHECK(decide(&b, &original) == RKD_OK, "decided");
    CHECK_STR(b.decision.name, RK_STR("n"), "unless there is one");
    CHECK(b.decision.ttl_s == 60, "the lifetime asked for");
}

static void test_zero_is_deny(void **state)
{
    static const struct rkd_terms nothing = {.invents = true};
    struct bench b;

    (void)state;
    named(&b);
    b.caller.kind = RKD_CALLER_NONE;
    CHECK(decide(&b, &inventing) == RKD_E_UNAUTHENTICATED, "nobody");
    b.caller.kind = (enum rkd_caller_kind)77;
    CHECK(decide(&b, &inventing) == RKD_E_UNAUTHENTICATED, "somebody else");
    named(&b);
    CHECK(decide(&b, &nothing) == RKD_E_INTERNAL, "no lifetime");
    start(&b);
    b.random = rki_str(NULL, 0);
    CHECK(decide(&b, &inventing) == RKD_E_INTERNAL, "no random");
    b.random = RK_STR("short");
    CHECK(decide(&b, &inventing) == RKD_E_INTERNAL, "too little of it");
    named(&b);
    b.random = rki_str(NULL, 0);
    CHECK(decide(&b, &inventing) == RKD_OK, "not needed when both are named");
}

static void test_profile(void **state)
{
    static const struct {
        struct rk_str profile;
        enum rkd_err want;
    } rows[] = {
        {RK_STR_INIT("speaker"), RKD_OK},
        {RK_STR_INIT("Speaker"), RKD_E_PROFILE_NOT_ALLOWED},
        {RK_STR_INIT("listener"), RKD_E_PROFILE_NOT_ALLOWED},
        {RK_STR_INIT("moderator"), RKD_E_PROFILE_NOT_ALLOWED},
        {RK_STR_INIT("agent"), RKD_E_PROFILE_NOT_ALLOWED},
        {RK_STR_INIT("speaker,agent"), RKD_E_PROFILE_NOT_ALLOWED},
        {RK_STR_INIT(""), RKD_E_PROFILE_NOT_ALLOWED}, /* serve says 400 before (D26) */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        named(&b);
        b.ask.profile = rows[i].profile;
        CHECK(decide(&b, &inventing) == rows[i].want, rows[i].profile.ptr);
        CHECK(decide(&b, &original) == rows[i].want, "on the original contract too");
    }
}

static void test_room_config(void **state)
{
    static const struct {
        unsigned members;
        const char *field; /* NULL: permitted */
    } rows[] = {
        /* D35 */
        {0, NULL},
        {RKI_RC_NAME | RKI_RC_AGENTS | RKI_RC_TAGS, NULL},
        {RKI_RC_EMPTY_TIMEOUT | RKI_RC_DEPARTURE_TIMEOUT | RKI_RC_MAX_PARTICIPANTS, NULL},
        {RKI_RC_MIN_PLAYOUT_DELAY | RKI_RC_MAX_PLAYOUT_DELAY, NULL},
        {RKI_RC_EGRESS, "room_config.egress"},
        {RKI_RC_METADATA, "room_config.metadata"},
        {RKI_RC_SYNC_STREAMS, "room_config.sync_streams"},
        {RKI_RC_EGRESS | RKI_RC_METADATA | RKI_RC_NAME, "room_config.metadata"},
        {RKI_RC_SYNC_STREAMS | RKI_RC_EGRESS, "room_config.egress"},
        {1U << 11, "room_config"}, /* a member of some later schema */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        named(&b);
        b.ask.room_config_members = rows[i].members;
        CHECK(decide(&b, &inventing) == (rows[i].field == NULL ? RKD_OK : RKD_E_FIELD_NOT_ALLOWED),
              rows[i].field == NULL ? "permitted" : rows[i].field);
        CHECK_STR(b.problem.field, rki_cstr(rows[i].field), "field");
    }
}

static void test_credentials(void **state)
{
    struct bench b;

    (void)state;
    named(&b);
    b.ask.room_config_has_credentials = true;
    CHECK(decide(&b, &inventing) == RKD_E_FIELD_NOT_ALLOWED, "never, whatever the bits say");
    CHECK_STR(b.problem.field, RK_STR("room_config.egress"), "field");
}

/* D25: each line takes away the first reason. */
static void test_order(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    b.ask.profile = RK_STR("agent");
    b.ask.room_config_members = RKI_RC_EGRESS;
    b.ask.oversize = RK_STR("participant_metadata");
    CHECK(decide(&b, &original) == RKD_E_ROOM_REQUIRED, "room");
    b.ask.room = RK_STR("r");
    CHECK(decide(&b, &original) == RKD_E_INVALID_IDENTITY, "identity");
    b.ask.identity = RK_STR("i");
    CHECK(decide(&b, &original) == RKD_E_PROFILE_NOT_ALLOWED, "profile");
    b.ask.profile = RK_STR("speaker");
    CHECK(decide(&b, &original) == RKD_E_FIELD_NOT_ALLOWED, "fields");
    b.ask.room_config_members = 0;
    CHECK(decide(&b, &original) == RKD_E_TOO_LARGE, "sizes");
    CHECK_STR(b.problem.field, RK_STR("participant_metadata"), "which");
    b.ask.oversize = rki_str(NULL, 0);
    CHECK(decide(&b, &original) == RKD_OK, "nothing is left");
}

static void test_small_arena(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    for (size_t cap = 0; cap < 64; cap += 16) {
        b.arena = rki_arena_over(b.memory, cap);
        CHECK(decide(&b, &inventing) == RKD_E_UNAVAILABLE, "21 and 22 bytes take 32 each");
    }
    b.arena = rki_arena_over(b.memory, 64);
    CHECK(decide(&b, &inventing) == RKD_OK, "and fit into 64");
    start(&b);
    b.ask.room = RK_STR("r");
    b.ask.name = RK_STR("n");
    b.arena = rki_arena_over(b.memory, 16);
    CHECK(decide(&b, &postfixing) == RKD_E_UNAVAILABLE, "the postfix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_asked),     cmocka_unit_test(test_invented),
        cmocka_unit_test(test_not_invented), cmocka_unit_test(test_postfixed),
        cmocka_unit_test(test_original),     cmocka_unit_test(test_zero_is_deny),
        cmocka_unit_test(test_profile),      cmocka_unit_test(test_room_config),
        cmocka_unit_test(test_credentials),  cmocka_unit_test(test_order),
        cmocka_unit_test(test_small_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
