/*
 * test_entra.c - decisions under ENTRA_*: every stage 004 case of vectors/contract.json that gets a
 * token, and what the other contracts do.
 */
#include "bench.h"

#include "core/json.h"
#include "core/room_config.h"

#define B(grant) RKD_GRANT_BIT(RK_GRANT_##grant)
#define VECTORS RK_TEST_SOURCE_DIR "/tests/vectors/contract.json"

static const struct rkd_terms original = {.name_is_identity = true, .default_ttl_s = 3600};
static const struct rkd_terms standard = {.invents = true, .default_ttl_s = 900};

struct entra {
    char memory[16384];
    struct rki_arena arena;
    struct rkd_caller caller;
    struct rkd_ask ask;
    struct rkd_decision decision;
    struct rkd_problem problem;
};

static void start(struct entra *e, json_t *claims)
{
    memset(e, 0, sizeof(*e));
    e->caller.kind = RKD_CALLER_ENTRA;
    e->caller.name = RK_STR("entra");
    e->caller.claims = e->caller.owned_claims = claims;
}

static enum rkd_err decide(struct entra *e, const struct rkd_terms *terms)
{
    const struct rkd_policy_in in = {.terms = terms,
                                     .caller = &e->caller,
                                     .ask = &e->ask,
                                     .random = RK_STR(BENCH_RANDOM),
                                     .now_s = BENCH_NOW,
                                     .arena = &e->arena};

    e->arena = rki_arena_over(e->memory, sizeof(e->memory));
    return rkd_policy_decide_entra(&in, &e->decision, &e->problem);
}

static struct rk_str text_of(const json_t *object, const char *key)
{
    return rki_json_str(json_object_get(object, key));
}

/* One vector: the request as the original contract's reader hands it on. */
static void check_vector(const json_t *vector)
{
    const json_t *request = json_object_get(vector, "request");
    const json_t *want = json_object_get(json_object_get(vector, "expected"), "tokenClaims");
    const char *why = json_string_value(json_object_get(vector, "id"));
    json_t *body = NULL;
    struct entra e;

    start(&e, json_deep_copy(json_object_get(json_object_get(request, "authorization"), "claims")));
    CHECK_ERR(rki_json_parse(text_of(request, "body"), 0, &body, NULL), RK_OK, why);
    e.ask.room = text_of(body, "roomName");
    e.ask.identity = text_of(body, "participantIdentity");
    e.ask.name = text_of(body, "participantName");
    if (e.ask.name.len == 0)
        e.ask.name = rki_str(NULL, 0);
    e.ask.ttl_s = 3600;
    CHECK(decide(&e, &original) == RKD_OK, why);
    CHECK_STR(e.decision.metadata, text_of(want, "metadata"), why);
    CHECK_STR(e.decision.name, text_of(want, "name"), why);
    CHECK_STR(e.decision.identity, text_of(want, "sub"), why);
    CHECK_STR(e.decision.room, text_of(json_object_get(want, "video"), "room"), why);
    CHECK(e.decision.grants ==
              (B(ROOM_JOIN) | B(CAN_PUBLISH) | B(CAN_SUBSCRIBE) | B(CAN_PUBLISH_DATA)),
          why);
    CHECK(e.decision.ttl_s == 3600, why);
    json_decref(body);
    rkd_caller_clear(&e.caller);
}

static void test_vectors(void **state)
{
    json_t *all = json_load_file(VECTORS, JSON_ALLOW_NUL, NULL);
    const json_t *cases = json_object_get(all, "cases");
    size_t checked = 0;

    (void)state;
    CHECK(all != NULL, VECTORS);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        const json_t *expected = json_object_get(vector, "expected");

        if (!rki_str_equal(text_of(vector, "stage"), RK_STR("004")) ||
            json_object_get(expected, "tokenClaims") == NULL)
            continue;
        check_vector(vector);
        checked++;
    }
    CHECK(checked == 13, "as many as there are");
    json_decref(all);
}

static json_t *ann(void)
{
    return bench_json("{'oid':'o','name':'Ann','email':'a@x','tid':'t'}");
}

static void test_refusals(void **state)
{
    struct entra e;

    (void)state;
    start(&e, ann());
    CHECK(decide(&e, &original) == RKD_E_ROOM_REQUIRED, "no room");
    e.ask.room = RK_STR("r");
    CHECK(decide(&e, &original) == RKD_E_INVALID_IDENTITY, "no identity");
    e.ask.identity = RK_STR("i");
    e.ask.profile = RK_STR("agent");
    CHECK(decide(&e, &original) == RKD_E_PROFILE_NOT_ALLOWED, "D26: without rules");
    e.ask.profile = rki_str(NULL, 0);
    CHECK(decide(&e, &original) == RKD_OK, "as asked");
    e.caller.kind = RKD_CALLER_OIDC;
    CHECK(decide(&e, &original) == RKD_E_UNAUTHENTICATED, "of another kind");
    CHECK(e.decision.room.ptr == NULL && e.decision.grants == 0, "nothing to mint from");
    e.caller.kind = RKD_CALLER_ANONYMOUS;
    CHECK(decide(&e, &original) == RKD_E_UNAUTHENTICATED, "nobody");
    rkd_caller_clear(&e.caller);
    start(&e, bench_json("{'email':'a@x','oid':''}"));
    e.ask.room = RK_STR("r");
    e.ask.identity = RK_STR("i");
    CHECK(decide(&e, &original) == RKD_E_INVALID_TOKEN, "neither oid nor sub");
    rkd_caller_clear(&e.caller);
}

/* The metadata is proof: a request cannot write it. */
static void test_metadata_is_ours(void **state)
{
    struct entra e;

    (void)state;
    start(&e, ann());
    e.ask.room = RK_STR("r");
    e.ask.metadata = RK_STR("{\"userId\":\"boss\"}");
    CHECK(decide(&e, &standard) == RKD_E_FIELD_NOT_ALLOWED, "from the request");
    CHECK_STR(e.problem.field, RK_STR("participant_metadata"), "field");
    e.ask.metadata = rki_str(NULL, 0);
    e.ask.oversize = RK_STR("participant_metadata");
    CHECK(decide(&e, &standard) == RKD_E_FIELD_NOT_ALLOWED, "D25: before its size");
    e.ask.oversize = RK_STR("participant_attributes");
    CHECK(decide(&e, &standard) == RKD_E_TOO_LARGE, "another field's size");
    rkd_caller_clear(&e.caller);
}

static void test_standard(void **state)
{
    struct entra e;

    (void)state;
    start(&e, ann());
    CHECK(decide(&e, &standard) == RKD_OK, "invented, as the contract does");
    CHECK_STR(e.decision.room, RK_STR("room-" BENCH_RANDOM), "room");
    CHECK_STR(e.decision.identity, RK_STR("guest-" BENCH_RANDOM), "identity");
    CHECK_STR(e.decision.name, RK_STR("Ann"), "name");
    CHECK(e.decision.ttl_s == 900, "lifetime");
    e.ask.room_config_members = RKI_RC_EGRESS;
    CHECK(decide(&e, &standard) == RKD_E_FIELD_NOT_ALLOWED, "D35");
    rkd_caller_clear(&e.caller);
}

/* Claims are not names: one that cannot be one is told in the metadata only. */
static void test_odd_claims(void **state)
{
    struct entra e;

    (void)state;
    start(&e, bench_json("{'oid':'o','name':'Ann\\n'}"));
    e.ask.room = RK_STR("r");
    e.ask.identity = RK_STR("i");
    CHECK(decide(&e, &original) == RKD_OK, "goes on");
    CHECK_STR(e.decision.name, RK_STR("i"), "with the identity");
    CHECK_STR(
        e.decision.metadata,
        RK_STR("{\"userId\":\"o\",\"displayName\":\"Ann\\n\",\"email\":\"\",\"tenantId\":\"\"}"),
        "metadata");
    rkd_caller_clear(&e.caller);
    start(&e, bench_json("{'oid':'o','name':7,'email':true,'preferred_username':'p'}"));
    e.ask.room = RK_STR("r");
    e.ask.identity = RK_STR("i");
    CHECK(decide(&e, &original) == RKD_OK, "wrong types are missing");
    CHECK_STR(e.decision.name, RK_STR("p"), "so the next");
    {
        char *text = malloc(5000);

        memset(text, 'x', 4999);
        text[4999] = '\0';
        (void)json_object_set_new(e.caller.owned_claims, "email", json_string(text));
        free(text);
    }
    CHECK(decide(&e, &original) == RKD_E_TOO_LARGE, "D36");
    rkd_caller_clear(&e.caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_metadata_is_ours), cmocka_unit_test(test_standard),
        cmocka_unit_test(test_odd_claims),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
