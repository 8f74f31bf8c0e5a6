/*
 * test_query.c - meet and create-token: names from a query or a small body, nothing decoded twice.
 */
#include "api_support.h"

struct row {
    const char *query;
    enum rkd_err want;
    const char *field; /* NULL: none */
};

#define GOOD "roomName=a&participantName=b"
#define B16 "0123456789abcdef"
#define B256 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16 B16

static const struct row rows[] = {
    {GOOD, RKD_OK, NULL},
    {GOOD "&region=eu&x=%41", RKD_OK, NULL},
    {"&&" GOOD "&", RKD_OK, NULL},
    {GOOD "&metadata=", RKD_OK, NULL},
    {"room%4eame=a&participantName=b", RKD_OK, NULL},
    {"", RKD_E_ROOM_REQUIRED, "room_name"},
    {"participantName=b", RKD_E_ROOM_REQUIRED, "room_name"},
    {"roomName=&participantName=b", RKD_E_ROOM_REQUIRED, "room_name"},
    {"roomName&participantName=b", RKD_E_ROOM_REQUIRED, "room_name"},
    {"room_name=a&participant_name=b", RKD_E_ROOM_REQUIRED, "room_name"},
    {"roomName=a", RKD_E_INVALID_REQUEST, "participant_name"},
    {"roomName=a&participantName=", RKD_E_INVALID_REQUEST, "participant_name"},
    {GOOD "&roomName=a", RKD_E_INVALID_REQUEST, "room_name"},
    {GOOD "&participantName=", RKD_E_INVALID_REQUEST, "participant_name"},
    {"roomName=%&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=%4&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=%4g&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=%g4&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=%c0%af&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=%ff&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=a%00&participantName=b", RKD_E_INVALID_REQUEST, "room_name"},
    {"roomName=a%0a&participantName=b", RKD_E_INVALID_ROOM, "room_name"},
    {"roomName=+a&participantName=b", RKD_E_INVALID_ROOM, "room_name"},
    {"roomName=a&participantName=%e2%80%ae", RKD_E_INVALID_REQUEST, "participant_name"},
    {GOOD "&metadata=%00", RKD_E_INVALID_REQUEST, "metadata"},
    {GOOD "&x=%", RKD_E_INVALID_REQUEST, NULL},
    {GOOD "&%=x", RKD_E_INVALID_REQUEST, NULL},
};

static void check_query(const struct rkd_contract *contract, const struct row *row)
{
    const size_t len = strlen(row->query);
    char *copy = malloc(len + (len == 0)); /* asan guards its end */
    struct trip trip;

    CHECK(copy != NULL, "memory");
    memcpy(copy, row->query, len);
    trip_init(&trip);
    CHECK(trip_read(&trip, contract, rki_str(NULL, 0), rki_str(copy, len)) == row->want,
          row->query);
    if (row->want != RKD_OK)
        CHECK_STR(trip.problem.field.len == 0 ? rki_str(NULL, 0) : trip.problem.field,
                  rki_cstr(row->field), row->query);
    trip_clear(&trip);
    free(copy);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_query(&rkd_meet, &rows[i]);
        check_query(&rkd_create_token, &rows[i]);
    }
}

static void test_decoding(void **state)
{
    struct trip trip;

    (void)state;
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_meet, rki_str(NULL, 0),
                    RK_STR("roomName=a+b%2Bc%2525&participantName=Zo%C3%ab&metadata=%7b%3D%26=%7D"
                           "&region=x")) == RKD_OK,
          "read");
    CHECK_STR(trip.ask.room, RK_STR("a b+c%25"), "once, not twice");
    CHECK_STR(trip.ask.name, RK_STR("Zo\xc3\xab"), "UTF-8");
    CHECK_STR(trip.ask.metadata, RK_STR("{=&=}"), "'=' in a value");
    CHECK(trip_decide(&trip) == RKD_OK, "decided");
    CHECK_STR(trip.decision.identity, RK_STR("Zo\xc3\xab__" TEST_RANDOM), "postfixed");
    CHECK(trip.decision.ttl_s == 900, "15 minutes");
    trip_write_pass(&trip);
    CHECK_STR(rki_buf_str(&trip.answer),
              RK_STR("{\"serverUrl\":\"wss://media.example.org\",\"roomName\":\"a b+c%25\","
                     "\"participantToken\":\"" TEST_TOKEN "\",\"participantName\":\"Zo\xc3\xab\"}"),
              "meet's shape");
    trip_clear(&trip);
}

static void test_large_metadata(void **state)
{
    char query[8192];
    struct rki_buf buf = rki_buf_over(query, sizeof(query));
    struct trip trip;

    (void)state;
    rki_buf_lit(&buf, GOOD "&metadata=");
    for (size_t i = 0; i < 4096; i++)
        rki_buf_char(&buf, 'x');
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_meet, rki_str(NULL, 0), rki_buf_str(&buf)) == RKD_OK, "at 4 KiB");
    CHECK(trip_decide(&trip) == RKD_OK, "fits");
    trip_clear(&trip);
    rki_buf_char(&buf, 'x');
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_meet, rki_str(NULL, 0), rki_buf_str(&buf)) == RKD_OK, "over it");
    CHECK(trip_decide(&trip) == RKD_E_TOO_LARGE, "does not");
    CHECK_STR(trip.problem.field, RK_STR("metadata"), "named");
    trip_clear(&trip);
}

static void test_long_name(void **state)
{
    struct trip trip;

    (void)state;
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_meet, rki_str(NULL, 0),
                    RK_STR("roomName=a&participantName=" B256)) == RKD_OK,
          "a name of 256 bytes");
    CHECK(trip_decide(&trip) == RKD_E_INVALID_IDENTITY, "makes an identity of 274");
    CHECK_STR(trip.problem.field, RK_STR("participant_name"), "whose fault it is");
    trip_clear(&trip);
}

static void test_create_token_body(void **state)
{
    static const struct row bodies[] = {
        {"{\"roomName\":\"a\",\"participantName\":\"b\"}", RKD_OK, NULL},
        {"{\"roomName\":\"a\",\"participantName\":\"b\",\"metadata\":\"m\",\"room_name\":5}",
         RKD_OK, NULL},
        {"", RKD_E_ROOM_REQUIRED, "room_name"},
        {"{}", RKD_E_ROOM_REQUIRED, "room_name"},
        {"{\"roomName\":null}", RKD_E_ROOM_REQUIRED, "room_name"},
        {"{\"roomName\":\"a\"}", RKD_E_INVALID_REQUEST, "participant_name"},
        {"{\"roomName\":1,\"participantName\":\"b\"}", RKD_E_INVALID_REQUEST, "room_name"},
        {"{\"roomName\":\"a\",\"roomName\":\"a\"}", RKD_E_INVALID_REQUEST, "room_name"},
        {"[]", RKD_E_INVALID_REQUEST, NULL},
        {"roomName=a", RKD_E_INVALID_REQUEST, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct trip trip;

        trip_init(&trip);
        CHECK(trip_read(&trip, &rkd_create_token, rki_cstr(bodies[i].query), rki_str(NULL, 0)) ==
                  bodies[i].want,
              bodies[i].query);
        if (bodies[i].want != RKD_OK) {
            CHECK_STR(trip.problem.field.len == 0 ? rki_str(NULL, 0) : trip.problem.field,
                      rki_cstr(bodies[i].field), bodies[i].query);
        } else {
            CHECK(trip_decide(&trip) == RKD_OK, "decided");
            CHECK_STR(trip.decision.identity, RK_STR("b__" TEST_RANDOM), "postfixed");
            trip_write_pass(&trip);
            CHECK_STR(rki_buf_str(&trip.answer), RK_STR(TEST_TOKEN), "the bare token");
        }
        trip_clear(&trip);
    }
}

/* No memory is a refusal of its own, on every contract, wherever it runs out. */
static void test_small_arenas(void **state)
{
    static const struct {
        const struct rkd_contract *contract;
        const char *body, *query;
    } cases[] = {
        {&rkd_original, "{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"x\":1}", ""},
        {&rkd_token_route, "{\"room_name\":\"a\",\"x\":1}", ""},
        {&rkd_standard,
         "{\"room_name\":\"a\",\"participant_attributes\":{\"a\":\"b\"},\"room_config\":{\"name\":"
         "\"n\"}}",
         ""},
        {&rkd_sandbox_v1, "{\"roomName\":\"a\",\"x\":1}", ""},
        {&rkd_meet, "", GOOD},
        {&rkd_create_token, "{\"roomName\":\"a\",\"participantName\":\"b\"}", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool was_read = false;

        for (size_t cap = 0; cap <= 2048; cap += 16) {
            struct trip trip;
            enum rkd_err err;

            trip_init(&trip);
            trip.arena.cap = cap;
            err = trip_read(&trip, cases[i].contract, rki_cstr(cases[i].body),
                            rki_cstr(cases[i].query));
            CHECK(err == RKD_OK || err == RKD_E_UNAVAILABLE, cases[i].body);
            CHECK(cap != 0 || err == RKD_E_UNAVAILABLE, "no arena at all");
            CHECK(!was_read || err == RKD_OK, "more is never too little");
            was_read = err == RKD_OK;
            trip_clear(&trip);
        }
        CHECK(was_read, "and then it is enough");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_large_metadata),
        cmocka_unit_test(test_create_token_body),
        cmocka_unit_test(test_small_arenas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
