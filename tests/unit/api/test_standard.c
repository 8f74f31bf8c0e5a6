/*
 * test_standard.c - the standard contract and sandbox v1: what is read, what is refused and how,
 * what is answered.
 */
#include "api_support.h"

#include "core/room_config.h"

#define E_ACUTE "\xc3\xa9"
#define B16 "0123456789abcdef"
#define B64 B16 B16 B16 B16
#define B256 B64 B64 B64 B64

struct row {
    const char *why;
    struct rk_str body;
    enum rkd_err want;
    const char *field; /* NULL: none */
};

#define OK(why, body)                                                                              \
    {                                                                                              \
        why, RK_STR_INIT(body), RKD_OK, NULL                                                       \
    }
#define NO(why, body, err, field)                                                                  \
    {                                                                                              \
        why, RK_STR_INIT(body), err, field                                                         \
    }

static void check_rows(const struct rkd_contract *contract, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct trip trip;
        enum rkd_err err;
        char *copy = malloc(rows[i].body.len + 1);

        CHECK(copy != NULL, "memory");
        memcpy(copy + 1, rows[i].body.ptr, rows[i].body.len); /* flush against the end */
        trip_init(&trip);
        err = trip_read(&trip, contract, rki_str(copy + 1, rows[i].body.len), rki_str(NULL, 0));
        if (err != rows[i].want)
            fail_msg("%s: got %d, wanted %d", rows[i].why, (int)err, (int)rows[i].want);
        if (err != RKD_OK)
            CHECK_STR(trip.problem.field.len == 0 ? rki_str(NULL, 0) : trip.problem.field,
                      rki_cstr(rows[i].field), rows[i].why);
        trip_clear(&trip);
        free(copy);
    }
}

/* clang-format off */
static const struct row rows[] = {
    OK("the usual body", "{}"),
    OK("no body is {}", ""),
    OK("what three mobile SDKs send", "{\"room_config\":{}}"),
    OK("unknown members", "{\"a\":1,\"Room_name\":5,\"video\":{\"roomAdmin\":true}}"),
    OK("null and empty are absent", "{\"room_name\":null,\"participant_identity\":\"\",\"participant_attributes\":\"\",\"room_config\":null,\"participant_metadata\":null}"),
    OK("a room of 256 bytes", "{\"room_name\":\"" B256 "\"}"),
    OK("blanks around", " \t\r\n{ \"room_name\" : \"a b\" } "),
    OK("metadata is any text", "{\"participant_metadata\":\"{\\\"a\\\":\\\"\\n\\\"}\"}"),

    NO("blanks are not empty", " ", RKD_E_INVALID_REQUEST, NULL),
    NO("not JSON", "{", RKD_E_INVALID_REQUEST, NULL),
    NO("trailing bytes", "{}x", RKD_E_INVALID_REQUEST, NULL),
    NO("two values", "{}{}", RKD_E_INVALID_REQUEST, NULL),
    NO("not an object", "[]", RKD_E_INVALID_REQUEST, NULL),
    NO("null is no object", "null", RKD_E_INVALID_REQUEST, NULL),
    NO("byte order mark", "\xef\xbb\xbf{}", RKD_E_INVALID_REQUEST, NULL),
    NO("duplicate member", "{\"room_name\":\"a\",\"room_name\":\"a\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("duplicate member in camelCase", "{\"roomConfig\":{},\"x\":1,\"roomConfig\":{}}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("duplicate member by an escape", "{\"room_name\":\"a\",\"room_nam\\u0065\":\"b\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("duplicate attribute", "{\"participant_attributes\":{\"a\":\"1\",\"a\":\"2\"}}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("duplicate attribute by an escape", "{\"room_name\":\"a\",\"participantAttributes\":{\"a\":\"1\",\"\\u0061\":\"2\"}}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("duplicate member of room_config", "{\"room_config\":{\"name\":\"a\",\"name\":\"b\"},\"room_name\":\"a\"}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("duplicate member deep in room_config", "{\"room_config\":{\"agents\":[{},{\"x\":[{\"y\":1,\"y\":1}]}]}}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("duplicate member of an unknown one", "{\"room_name\":\"a\",\"x\":{\"room_name\":1,\"room_name\":2}}", RKD_E_INVALID_REQUEST, NULL),
    NO("no JSON behind a good value", "{\"room_name\":\"a\" \"b\":1e400}", RKD_E_INVALID_REQUEST, NULL),
    NO("duplicate unknown member", "{\"x\":1,\"x\":1}", RKD_E_INVALID_REQUEST, NULL),
    NO("lone surrogate", "{\"room_name\":\"\\ud800\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("NUL in a string", "{\"participant_metadata\":\"a\\u0000b\"}", RKD_E_INVALID_REQUEST, "participant_metadata"),
    NO("over-long number", "{\"x\":1e400}", RKD_E_INVALID_REQUEST, NULL),
    NO("over-long number in a member", "{\"room_config\":{\"max_participants\":1e400}}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("NUL in a room", "{\"room_name\":\"a\\u0000b\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("NUL in an identity", "{\"x\":[1],\"participantIdentity\":\"\\u0000\"}", RKD_E_INVALID_IDENTITY, "participant_identity"),
    NO("NUL in a name", "{\"participant_name\":\"\\u0000\"}", RKD_E_INVALID_REQUEST, "participant_name"),
    NO("NUL in a room of no JSON", "{\"room_name\":\"a\\u0000b\"}}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("NUL in an attribute's name", "{\"participant_attributes\":{\"a\\u0000\":\"b\"}}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("NUL in an unknown member", "{\"room_name\":\"a\",\"x\":\"\\u0000\"}", RKD_E_INVALID_REQUEST, NULL),
    NO("the first of two", "{\"room_name\":\"\\ud800\",\"participant_name\":\"\\u0000\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("depth 17 in a member", "{\"room_config\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("depth 17", "{\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", RKD_E_INVALID_REQUEST, NULL),
    NO("bad UTF-8", "{\"room_name\":\"\xc0\xaf\"}", RKD_E_INVALID_REQUEST, "room_name"),

    NO("both spellings", "{\"room_name\":\"a\",\"roomName\":\"a\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("both spellings, one null", "{\"roomName\":null,\"room_name\":\"a\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("both spellings, both null", "{\"roomName\":null,\"room_name\":null}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("both spellings of an identity", "{\"participantIdentity\":\"a\",\"participant_identity\":\"a\"}", RKD_E_INVALID_REQUEST, "participant_identity"),
    NO("both spellings of a name", "{\"participantName\":\"a\",\"participant_name\":\"a\"}", RKD_E_INVALID_REQUEST, "participant_name"),
    NO("both spellings of metadata", "{\"participantMetadata\":\"a\",\"participant_metadata\":\"a\"}", RKD_E_INVALID_REQUEST, "participant_metadata"),
    NO("both spellings of attributes", "{\"participantAttributes\":{},\"participant_attributes\":{}}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("both spellings of a room config", "{\"roomConfig\":{},\"room_config\":{}}", RKD_E_INVALID_REQUEST, "room_config"),

    NO("a room that is a number", "{\"room_name\":1}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("camelCase is told in snake_case", "{\"roomName\":1}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("an identity that is false", "{\"participant_identity\":false}", RKD_E_INVALID_REQUEST, "participant_identity"),
    NO("a name that is a list", "{\"participant_name\":[]}", RKD_E_INVALID_REQUEST, "participant_name"),
    NO("metadata that is an object", "{\"participant_metadata\":{}}", RKD_E_INVALID_REQUEST, "participant_metadata"),
    NO("a room of 257 bytes", "{\"room_name\":\"" B256 "x\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("a blank in front of a room", "{\"room_name\":\" a\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("a line break in a room", "{\"room_name\":\"a\\nb\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("a bidi override in a room", "{\"room_name\":\"a\\u202eb\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("a room not in NFC", "{\"room_name\":\"e\\u0301\"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("a blank behind an identity", "{\"participant_identity\":\"a \"}", RKD_E_INVALID_IDENTITY, "participant_identity"),
    NO("nothing but a blank", "{\"participantIdentity\":\" \"}", RKD_E_INVALID_IDENTITY, "participant_identity"),
    NO("a control in a name", "{\"participant_name\":\"a\\u0085b\"}", RKD_E_INVALID_REQUEST, "participant_name"),

    OK("attributes", "{\"participant_attributes\":{\"theme\":\"dark\",\"" E_ACUTE "\":\"x\\ny\"}}"),
    OK("an empty attribute asks for nothing", "{\"participant_attributes\":{\"a\":\"\",\"b\":null}}"),
    NO("attributes that are a list", "{\"participant_attributes\":[]}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("an attribute that is a number", "{\"participant_attributes\":{\"ok\":\"1\",\"theme\":1}}", RKD_E_INVALID_REQUEST, "participant_attributes.theme"),
    NO("an attribute without a name", "{\"participant_attributes\":{\"\":\"x\"}}", RKD_E_INVALID_REQUEST, "participant_attributes"),
    NO("an attribute name with a blank in front", "{\"participant_attributes\":{\" a\":\"x\"}}", RKD_E_INVALID_REQUEST, "participant_attributes"),

    OK("a room config", "{\"room_config\":{\"agents\":[{\"agent_name\":\"greeter\"}],\"max_participants\":2,\"tags\":{\"a\":\"b\"}}}"),
    OK("unknown members of a room config", "{\"room_config\":{\"nope\":1}}"),
    NO("a room config that is a list of something", "{\"room_config\":[1]}", RKD_E_INVALID_REQUEST, "room_config"),
    NO("an empty list is no room config", "{\"room_config\":[]}", RKD_E_INVALID_REQUEST, "room_config"),
    OK("but inside it counts as absent", "{\"room_config\":{\"agents\":{},\"tags\":[]}}"),
    NO("numbers may not be text", "{\"room_config\":{\"max_participants\":\"2\"}}", RKD_E_INVALID_REQUEST, "room_config.max_participants"),
    NO("paths are told in snake_case", "{\"roomConfig\":{\"maxParticipants\":-1}}", RKD_E_INVALID_REQUEST, "room_config.max_participants"),
    NO("inside a list", "{\"room_config\":{\"agents\":[{},{\"agentName\":5}]}}", RKD_E_INVALID_REQUEST, "room_config.agents[1].agent_name"),
    NO("both spellings inside", "{\"room_config\":{\"maxParticipants\":1,\"max_participants\":1}}", RKD_E_INVALID_REQUEST, "room_config.max_participants"),
    NO("the one name that is not snake_case", "{\"room_config\":{\"egress\":{\"tracks\":{\"aliOSS\":5}}}}", RKD_E_INVALID_REQUEST, "room_config.egress.tracks.aliOSS"),
};
/* clang-format on */

static void test_standard_rows(void **state)
{
    (void)state;
    check_rows(&rkd_standard, rows, ARRAY_LEN(rows));
}

/* Every prefix of a body is refused or, when it is empty, nothing was asked. */
static void test_every_prefix(void **state)
{
    static const char body[] = "{\"room_name\":\"r\",\"participant_attributes\":{\"a\":\"b\"},"
                               "\"room_config\":{\"tags\":{}}}";

    (void)state;
    for (size_t len = 1; len < sizeof(body) - 1; len++) {
        char *copy = malloc(len);
        struct trip trip;

        CHECK(copy != NULL, "memory");
        memcpy(copy, body, len);
        trip_init(&trip);
        CHECK(trip_read(&trip, &rkd_standard, rki_str(copy, len), rki_str(NULL, 0)) ==
                  RKD_E_INVALID_REQUEST,
              "half a body");
        trip_clear(&trip);
        free(copy);
    }
}

static void read_whole(const char *body, struct rk_str identity)
{
    struct trip trip;

    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_standard, rki_cstr(body), rki_str(NULL, 0)) == RKD_OK, body);
    CHECK_STR(trip.ask.room, RK_STR("r\xc3\xb6om"), "room");
    CHECK_STR(trip.ask.identity, identity, "identity");
    CHECK_STR(trip.ask.name, RK_STR("Zo\xc3\xab"), "name");
    CHECK_STR(trip.ask.metadata, RK_STR("m\n"), "metadata");
    CHECK(trip.ask.attribute_count == 2, "attributes");
    CHECK_STR(trip.ask.attributes[0].key, RK_STR("b"), "in their order");
    CHECK_STR(trip.ask.attributes[1].value, RK_STR("2"), "value");
    CHECK_STR(trip.ask.room_config,
              RK_STR("{\"maxParticipants\":2,\"agents\":[{\"agentName\":\"x\"}]}"), "normalised");
    CHECK(trip.ask.room_config_members == (RKI_RC_MAX_PARTICIPANTS | RKI_RC_AGENTS), "members");
    CHECK(!trip.ask.room_config_has_credentials && trip.ask.oversize.ptr == NULL, "nothing more");
    CHECK(trip.ask.ttl_s == 0, "no lifetime is asked here");
    trip_clear(&trip);
}

static void test_what_is_read(void **state)
{
    (void)state;
    read_whole("{\"room_name\":\"r\xc3\xb6om\",\"participant_identity\":\"i\",\"participant_name\":"
               "\"Zo\\u00eb\",\"participant_metadata\":\"m\\n\",\"participant_attributes\":{\"b\":"
               "\"1\",\"c\":\"\",\"a\":\"2\"},\"room_config\":{\"agents\":[{\"agent_name\":\"x\"}],"
               "\"max_participants\":2}}",
               RK_STR("i"));
    read_whole("{\"roomName\":\"r\xc3\xb6om\",\"participantIdentity\":\"j\",\"participantName\":"
               "\"Zo\xc3\xab\",\"participantMetadata\":\"m\\n\",\"participantAttributes\":{\"b\":"
               "\"1\",\"a\":\"2\"},\"roomConfig\":{\"agents\":[{\"agentName\":\"x\"}],"
               "\"maxParticipants\":2.0}}",
               RK_STR("j"));
}

static void test_absent(void **state)
{
    static const char *const bodies[] = {
        "", "{}", "{\"room_name\":null,\"participant_name\":\"\",\"room_config\":{}}",
        "{\"participant_attributes\":{},\"room_config\":{\"agents\":[],\"metadata\":\"\"}}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct trip trip;

        trip_init(&trip);
        CHECK(trip_read(&trip, &rkd_standard, rki_cstr(bodies[i]), rki_str(NULL, 0)) == RKD_OK,
              bodies[i]);
        CHECK(trip.ask.room.ptr == NULL && trip.ask.identity.ptr == NULL &&
                  trip.ask.name.ptr == NULL && trip.ask.metadata.ptr == NULL &&
                  trip.ask.attribute_count == 0 && trip.ask.room_config.ptr == NULL,
              bodies[i]);
        trip_clear(&trip);
    }
}

/* Reading notes what is over its limit; policy refuses it (D25: what is not permitted first). */
static void check_size(struct rk_str body, const char *field)
{
    struct trip trip;

    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_standard, body, rki_str(NULL, 0)) == RKD_OK, "read");
    CHECK_STR(trip.ask.oversize, rki_cstr(field), "noted");
    CHECK(trip_decide(&trip) == (field == NULL ? RKD_OK : RKD_E_TOO_LARGE), "decided");
    if (field != NULL)
        CHECK_STR(trip.problem.field, rki_cstr(field), "told");
    trip_clear(&trip);
}

static struct rk_str many_attributes(char *out, size_t cap, unsigned count, unsigned value_len)
{
    struct rki_buf buf = rki_buf_over(out, cap);

    rki_buf_lit(&buf, "{\"participant_attributes\":{");
    for (unsigned i = 0; i < count; i++) {
        rki_buf_put(&buf, i == 0 ? RK_STR("\"k") : RK_STR(",\"k"));
        rki_buf_int(&buf, 10 + i);
        rki_buf_lit(&buf, "\":\"");
        for (unsigned n = 0; n < value_len; n++)
            rki_buf_char(&buf, 'v');
        rki_buf_char(&buf, '"');
    }
    rki_buf_lit(&buf, "}}");
    CHECK(!buf.overflow, "the body fits");
    return rki_buf_str(&buf);
}

/* `before`, then n bytes, then `after`. */
static struct rk_str padded(char *out, size_t cap, const char *before, size_t n, const char *after)
{
    struct rki_buf buf = rki_buf_over(out, cap);

    rki_buf_put(&buf, rki_cstr(before));
    for (size_t i = 0; i < n; i++)
        rki_buf_char(&buf, 'x');
    rki_buf_put(&buf, rki_cstr(after));
    CHECK(!buf.overflow, "the body fits");
    return rki_buf_str(&buf);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *before;
        size_t n;
        const char *after, *field;
    } cases[] = {
        {"{\"participant_metadata\":\"", 4096, "\"}", NULL},
        {"{\"participant_metadata\":\"", 4097, "\"}", "participant_metadata"},
        {"{\"participantMetadata\":\"", 4097, "\"}", "participant_metadata"},
        {"{\"participantMetadata\":\"\\n", 4096, "\"}", "participant_metadata"},
        {"{\"room_config\":{\"name\":\"", 9000, "\"}}", "room_config"},
    };
    char body[10000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_size(padded(body, sizeof(body), cases[i].before, cases[i].n, cases[i].after),
                   cases[i].field);
    check_size(many_attributes(body, sizeof(body), 32, 1), NULL);
    check_size(many_attributes(body, sizeof(body), 33, 1), "participant_attributes");
    check_size(many_attributes(body, sizeof(body), 32, 125), NULL); /* 32 x (3 + 125) = 4,096 */
    check_size(many_attributes(body, sizeof(body), 31, 130), "participant_attributes");
}

static void test_credentials_are_noted(void **state)
{
    struct trip trip;

    (void)state;
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_standard,
                    RK_STR("{\"room_config\":{\"egress\":{\"room\":{\"fileOutputs\":[{\"s3\":{"
                           "\"secret\":\"hush\"}}]}}}}"),
                    rki_str(NULL, 0)) == RKD_OK,
          "read");
    CHECK(trip.ask.room_config_has_credentials, "seen");
    CHECK((trip.ask.room_config_members & RKI_RC_EGRESS) != 0, "egress");
    CHECK(trip_decide(&trip) == RKD_E_FIELD_NOT_ALLOWED, "refused");
    CHECK_STR(trip.problem.field, RK_STR("room_config.egress"), "named");
    trip_clear(&trip);
}

static void answer(struct trip *trip, const struct rkd_contract *contract, const char *body)
{
    trip_init(trip);
    CHECK(trip_read(trip, contract, rki_cstr(body), rki_str(NULL, 0)) == RKD_OK, body);
    CHECK(trip_decide(trip) == RKD_OK, body);
    trip_write_pass(trip);
    CHECK(trip->ask.contract == contract, "the contract stays");
}

static void test_answers(void **state)
{
    struct trip trip;

    (void)state;
    answer(&trip, &rkd_standard, "{\"room_name\":\"a\\\"b\",\"participant_name\":\"Z\xc3\xab\"}");
    CHECK_STR(rki_buf_str(&trip.answer),
              RK_STR("{\"server_url\":\"wss://media.example.org\",\"participant_token\":"
                     "\"" TEST_TOKEN "\",\"room_name\":\"a\\\"b\",\"participant_name\":\"Z\xc3\xab"
                     "\",\"serverUrl\":\"wss://media.example.org\",\"participantToken\":"
                     "\"" TEST_TOKEN "\",\"roomName\":\"a\\\"b\",\"participantName\":\"Z\xc3\xab"
                     "\",\"expires_at\":\"2026-01-01T00:15:00.000Z\"}"),
              "standard");
    trip_clear(&trip);

    answer(&trip, &rkd_standard, "{}");
    CHECK_STR(trip.decision.room, RK_STR("room-" TEST_RANDOM), "invented room");
    CHECK_STR(trip.decision.identity, RK_STR("guest-" TEST_RANDOM), "invented identity");
    json_decref(trip_json(&trip, "the answer is JSON"));
    trip_clear(&trip);

    answer(&trip, &rkd_sandbox_v1, "{\"roomName\":\"a\"}");
    CHECK_STR(rki_buf_str(&trip.answer),
              RK_STR("{\"serverUrl\":\"wss://media.example.org\",\"roomName\":\"a\","
                     "\"participantToken\":\"" TEST_TOKEN "\",\"participantName\":"
                     "\"guest-" TEST_RANDOM "\"}"),
              "sandbox v1");
    CHECK(rkd_sandbox_v1.pass_max == 2048, "the esp32 client cuts there");
    trip_clear(&trip);
}

static void test_write_overflow(void **state)
{
    const struct rkd_pass pass = {.token = RK_STR(TEST_TOKEN),
                                  .server_url = RK_STR("wss://x"),
                                  .room = RK_STR("r"),
                                  .identity = RK_STR("i"),
                                  .name = RK_STR("n")};
    char text[512];
    size_t need = 0;

    (void)state;
    for (size_t cap = 0; cap < sizeof(text); cap++) {
        struct rki_buf buf = rki_buf_over(text, cap);

        rkd_standard.write_pass(&buf, &pass);
        CHECK(buf.len <= cap, "never past the end");
        if (!buf.overflow && need == 0)
            need = cap;
        CHECK(buf.overflow == (need == 0), "overflow is told");
    }
    CHECK(need > 100, "and it fits in the end");
}

/* clang-format off */
static const struct row sandbox_rows[] = {
    OK("nothing", "{}"), OK("no body", ""),
    OK("snake_case too", "{\"room_name\":\"a\"}"),
    OK("all that v2 takes", "{\"participantIdentity\":\"b\",\"participant_metadata\":\"m\",\"participantAttributes\":{\"a\":\"b\"},\"roomConfig\":{\"agents\":[{\"agentName\":\"x\"}]}}"),
    NO("an identity that is none", "{\"participant_identity\":5}", RKD_E_INVALID_REQUEST, "participant_identity"),
    NO("an attribute that is none", "{\"participantAttributes\":{\"a\":1}}", RKD_E_INVALID_REQUEST, "participant_attributes.a"),
    NO("a room_config that is none", "{\"roomConfig\":{\"agents\":1}}", RKD_E_INVALID_REQUEST, "room_config.agents"),
    NO("both spellings", "{\"room_name\":\"a\",\"roomName\":\"a\"}", RKD_E_INVALID_REQUEST, "room_name"),
    NO("a number", "{\"participantName\":1}", RKD_E_INVALID_REQUEST, "participant_name"),
    NO("a bad room", "{\"roomName\":\" \"}", RKD_E_INVALID_ROOM, "room_name"),
    NO("not JSON", "x", RKD_E_INVALID_REQUEST, NULL),
};
/* clang-format on */

static void test_sandbox_rows(void **state)
{
    (void)state;
    check_rows(&rkd_sandbox_v1, sandbox_rows, ARRAY_LEN(sandbox_rows));
}

/* POST /api/token: a standard snake_case member and none of the original's. */
static void test_token_route(void **state)
{
    static const struct {
        const char *body;
        bool is_standard;
        enum rkd_err want;
    } cases[] = {
        {"{\"room_name\":\"a\"}", true, RKD_OK},
        {"{\"room_name\":\"a\",\"participant_name\":\"Z\xc3\xab\"}", true, RKD_OK},
        {"{\"room_config\":{}}", true, RKD_OK},
        {"{\"room_config\":{\"agents\":[{\"agentName\":\"x\"}]},\"roomConfig\":null}", true,
         RKD_E_INVALID_REQUEST},
        {"{\"room_name\":\"a\",\"room_name\":\"b\"}", true, RKD_E_INVALID_REQUEST},
        {"\xef\xbb\xbf{\"room_name\":\"a\"}", true, RKD_E_INVALID_REQUEST},
        {"{\"room_name\":null}", true, RKD_OK},
        {"{\"participant_metadata\":\"m\",\"x\":1e400}", true, RKD_E_INVALID_REQUEST},
        {"{\"participant_attributes\":{\"a\":1}}", true, RKD_E_INVALID_REQUEST},
        {"{}", false, RKD_E_INVALID_REQUEST},
        {"", false, RKD_E_INVALID_REQUEST},
        {"{\"room_name\":\"a\",\"roomName\":\"a\",\"participantIdentity\":\"b\"}", false, RKD_OK},
        {"{\"room_name\":\"a\",\"roomName\":null}", false, RKD_E_INVALID_REQUEST},
        {"{\"room_name\":\"a\",\"expirationSeconds\":60}", false, RKD_E_INVALID_REQUEST},
        {"{\"roomConfig\":{}}", false, RKD_E_INVALID_REQUEST},
        {"{\"room_name\":\"a\"", false, RKD_E_INVALID_REQUEST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trip trip;

        trip_init(&trip);
        CHECK(trip_read(&trip, &rkd_token_route, rki_cstr(cases[i].body), rki_str(NULL, 0)) ==
                  cases[i].want,
              cases[i].body);
        CHECK((trip.ask.contract == &rkd_standard) == cases[i].is_standard, cases[i].body);
        CHECK((trip.problem.field_error_count != 0) ==
                  (!cases[i].is_standard && cases[i].want != RKD_OK),
              "the original lists its errors, the standard contract never");
        trip_clear(&trip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_rows), cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_what_is_read),  cmocka_unit_test(test_absent),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_credentials_are_noted),
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_write_overflow),
        cmocka_unit_test(test_sandbox_rows),  cmocka_unit_test(test_token_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
