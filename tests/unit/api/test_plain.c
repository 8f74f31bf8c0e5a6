/*
 * test_plain.c - the plain-body reader: what it takes, what it hands over, and that the careful
 * reader reads the same.
 */
#include "api_support.h"

#include "api/plain.h"
#include "api/read.h"

enum taken { NONE = 0, ORIGINAL = 1, STANDARD = 2 };

#define B15 "abcdefghijklmno"
#define B255 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15 B15

/* clang-format off */
static const struct {
    const char *body;
    unsigned taken;
} rows[] = {
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\"}", ORIGINAL | STANDARD},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":60}", ORIGINAL},
    {"{\"expirationSeconds\":86400,\"participantIdentity\":\"b\",\"roomName\":\"-_9Z\"}", ORIGINAL},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"participantName\":\"Dr. Sarah Johnson!\"}", ORIGINAL | STANDARD},
    {" \t\r\n{ \"roomName\" : \"a\" , \"participantIdentity\"\n:\"b\" } \n", ORIGINAL | STANDARD},
    {"{\"roomName\":\"" B255 "\",\"participantIdentity\":\"" B255 "\",\"participantName\":\"" B255 "\"}", ORIGINAL | STANDARD},
    {"{\"roomName\":\"" B255 "x\",\"participantIdentity\":\"b\"}", STANDARD},
    {"{\"roomName\":\"" B255 "xy\",\"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"participantName\":\" \"}", ORIGINAL},
    {"{\"roomName\":\"a b\",\"participantIdentity\":\"b\"}", STANDARD},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b@c\"}", STANDARD},
    {"{\"roomName\":\"a\"}", STANDARD},
    {"{}", STANDARD}, {" { } ", STANDARD},
    {"{\"room_config\":{}}", STANDARD}, {"{\"roomConfig\": { } }", STANDARD},
    {"{\"room_name\":\"a b\",\"participant_identity\":\"c\",\"participant_name\":\"d\",\"participant_metadata\":\" {} \"}", STANDARD},
    {"{\"participantMetadata\":\"m\"}", STANDARD},

    {"", NONE}, {" ", NONE}, {"{", NONE}, {"}", NONE}, {"{}}", NONE}, {"{}x", NONE}, {"[]", NONE}, {"{,}", NONE},
    {"{\"roomName\":\"a\",}", NONE}, {"{\"roomName\" \"a\"}", NONE}, {"{\"roomName\":a}", NONE}, {"{\"roomName\":\"a", NONE},
    {"{\"roomName\":\"a\" \"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\"\",\"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\" a\"}", NONE}, {"{\"roomName\":\"a \"}", NONE}, {"{\"participant_metadata\":\"\"}", NONE},
    {"{\"roomName\":\"a\",\"roomName\":\"a\",\"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\"a\",\"room_name\":\"a\",\"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\"\\u0061\",\"participantIdentity\":\"b\"}", NONE},
    {"{\"roomName\":\"Zo\xc3\xab\"}", NONE}, {"{\"roomName\":\"a\x7f\"}", NONE}, {"{\"roomName\":\"a\x1f\"}", NONE}, {"{\"roomName\":\"a\tb\"}", NONE},
    {"\xef\xbb\xbf{}", NONE}, {"{\"roomName\":null}", NONE}, {"{\"x\":\"y\"}", NONE}, {"{\"\":\"y\"}", NONE},
    {"{\"RoomName\":\"a\"}", NONE}, {"{\"roomname\":\"a\"}", NONE}, {"{\"participantattributes1234567890\":\"a\"}", NONE},
    {"{\"participant_attributes\":{}}", NONE}, {"{\"room_config\":{\"a\":1}}", NONE}, {"{\"room_config\":\"\"}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":59}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":86401}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":060}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":60.0}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":6e1}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":-60}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":\"60\"}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":100060}", NONE},
    {"{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"expirationSeconds\":60", NONE},
};
/* clang-format on */

static unsigned taken_by(struct rk_str body, struct rkd_ask *original, struct rkd_ask *standard)
{
    struct rkd_plain_body plain;

    if (!rkd_plain_scan(body, &plain))
        return NONE;
    return (rkd_plain_as_original(&plain, original) ? ORIGINAL : 0U) |
           (rkd_plain_as_standard(&plain, standard) ? STANDARD : 0U);
}

static void check_same(const struct rkd_ask *a, const struct rkd_ask *b, const char *why)
{
    CHECK_STR(a->room, b->room, why);
    CHECK_STR(a->identity, b->identity, why);
    CHECK_STR(a->name, b->name, why);
    CHECK_STR(a->metadata, b->metadata, why);
    CHECK((a->room.ptr == NULL) == (b->room.ptr == NULL), why);
    CHECK((a->name.ptr == NULL) == (b->name.ptr == NULL), why);
    CHECK(a->ttl_s == b->ttl_s && a->attribute_count == 0 && b->attribute_count == 0, why);
    CHECK(a->room_config.ptr == NULL && b->room_config.ptr == NULL, why);
}

static void check_careful(struct rk_str body, const struct rkd_ask *plain,
                          enum rkd_err (*read)(const struct rkd_read_in *, struct rkd_ask *,
                                               struct rkd_problem *))
{
    struct trip trip;
    struct rkd_read_in in = {.body = body};

    trip_init(&trip);
    in.arena = &trip.arena;
    CHECK(read(&in, &trip.ask, &trip.problem) == RKD_OK, body.ptr);
    check_same(plain, &trip.ask, body.ptr);
    trip_clear(&trip);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_ask original = {0}, standard = {0};
        const size_t len = strlen(rows[i].body);
        char *copy = malloc(len == 0 ? 1 : len); /* asan guards its end */
        struct rk_str body = rki_str(copy, len);

        CHECK(copy != NULL, "memory");
        memcpy(copy, rows[i].body, len);
        CHECK(taken_by(body, &original, &standard) == rows[i].taken, rows[i].body);
        body.ptr = rows[i].body;
        if ((rows[i].taken & ORIGINAL) != 0) {
            (void)taken_by(body, &original, &standard);
            check_careful(body, &original, rkd_read_original_json);
        }
        if ((rows[i].taken & STANDARD) != 0) {
            (void)taken_by(body, &original, &standard);
            check_careful(body, &standard, rkd_read_standard_json);
        }
        free(copy);
    }
}

/* What is not a whole body is never taken, and nothing behind it is read. */
static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *last = strrchr(rows[i].body, '}');
        const size_t whole = last == NULL ? strlen(rows[i].body) : (size_t)(last - rows[i].body);

        for (size_t len = 1; len < whole; len++) {
            struct rkd_ask original = {0}, standard = {0};
            char *copy = malloc(len);

            CHECK(copy != NULL, "memory");
            memcpy(copy, rows[i].body, len);
            if (memchr(copy, '}', len) == NULL)
                CHECK(taken_by(rki_str(copy, len), &original, &standard) == NONE, rows[i].body);
            free(copy);
        }
    }
}

/* The readers put the plain reader in front, and what it takes is borrowed from the body. */
static void test_in_front(void **state)
{
    static const char body[] = "{\"room_name\":\"r\",\"participant_identity\":\"i\"}";
    struct trip trip;

    (void)state;
    trip_init(&trip);
    CHECK(trip_read(&trip, &rkd_token_route, rki_cstr(body), rki_str(NULL, 0)) == RKD_OK, "read");
    CHECK(trip.ask.contract == &rkd_standard, "snake_case");
    CHECK(trip.ask.room.ptr == body + 14, "borrowed");
    CHECK(trip.arena.len == 0, "nothing was copied");
    trip_clear(&trip);
}

/* ---- many bodies put together from pieces: whatever is taken is read the same ---- */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13; /* xorshift32: the same bodies in every run */
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const char *const names[] = {
    "roomName",
    "room_name",
    "participantName",
    "participant_name",
    "roomName",
    "participantIdentity",
    "participant_identity",
    "participantMetadata",
    "participantIdentity",
    "participant_metadata",
    "expirationSeconds",
    "roomConfig",
    "room_config",
    "x",
};
static const char *const texts[] = {"\"a\"",      "\"a b\"", "\"\"",    "\" a\"",
                                    "\"Az-_09\"", "\"a@b\"", "\"\\n\"", "\"\xc3\xab\"",
                                    "null",       "7",       "{}",      "[]"};
static const char *const seconds[] = {"60",  "3600",   "86400",  "59",  "86401", "60.0",
                                      "060", "\"60\"", "100000", "6e1", "-60",   "99999"};
static const char *const configs[] = {"{}", "{ }", "null", "\"\"", "{\"a\":1}", "[]"};
static const char *const blanks[] = {"", "", "", "", " ", "\t", "\r\n", "\f"};

#define PICK(list, state) ((list)[next_random(state) % ARRAY_LEN(list)])

static const char *pick_value(const char *name, uint32_t *state)
{
    /* three of four are what the member wants, so that whole bodies are plain now and then */
    bool likely = next_random(state) % 4 != 0;

    if (name[0] == 'e')
        return likely ? seconds[next_random(state) % 3] : PICK(seconds, state);
    if (strcmp(name, "roomConfig") == 0 || strcmp(name, "room_config") == 0)
        return likely ? configs[0] : PICK(configs, state);
    return likely ? texts[next_random(state) % 2 * 4] : PICK(texts, state);
}

static struct rk_str make_body(char *out, size_t cap, uint32_t *state)
{
    struct rki_buf buf = rki_buf_over(out, cap);
    const uint32_t count = next_random(state) % 5;

    rki_buf_put(&buf, rki_cstr(PICK(blanks, state)));
    rki_buf_char(&buf, '{');
    for (uint32_t i = 0; i < count; i++) {
        const char *name = PICK(names, state);

        rki_buf_put(&buf, rki_cstr(PICK(blanks, state)));
        rki_buf_char(&buf, '"');
        rki_buf_put(&buf, rki_cstr(name));
        rki_buf_lit(&buf, "\":");
        rki_buf_put(&buf, rki_cstr(PICK(blanks, state)));
        rki_buf_put(&buf, rki_cstr(pick_value(name, state)));
        if (i + 1 < count || next_random(state) % 32 == 0)
            rki_buf_char(&buf, ',');
    }
    rki_buf_char(&buf, '}');
    rki_buf_put(&buf, rki_cstr(PICK(blanks, state)));
    CHECK(!buf.overflow, "the body fits");
    return rki_buf_str(&buf);
}

static void test_many(void **state)
{
    uint32_t random = 2463534242U;
    size_t as_original = 0, as_standard = 0;
    char text[1024];

    (void)state;
    for (size_t i = 0; i < 200000; i++) {
        struct rkd_ask original = {0}, standard = {0};
        struct rk_str body = make_body(text, sizeof(text) - 1, &random);
        unsigned taken = taken_by(body, &original, &standard);

        text[body.len] = '\0'; /* for the messages */
        if ((taken & ORIGINAL) != 0)
            check_careful(body, &original, rkd_read_original_json);
        if ((taken & STANDARD) != 0)
            check_careful(body, &standard, rkd_read_standard_json);
        as_original += (taken & ORIGINAL) != 0;
        as_standard += (taken & STANDARD) != 0;
    }
    print_message("taken: %zu as original, %zu as standard\n", as_original, as_standard);
    CHECK(as_original > 100 && as_standard > 3000, "both were taken, many times");
}

/* The route's own choice between the two contracts. */
static void test_many_on_the_route(void **state)
{
    uint32_t random = 88172645U;
    size_t standard = 0, original = 0;
    char text[1024];
    struct trip plain, careful;

    (void)state;
    trip_init(&plain);
    trip_init(&careful);
    for (size_t i = 0; i < 200000; i++) {
        struct rk_str body = make_body(text, sizeof(text) - 1, &random);
        struct rkd_read_in in = {.body = body, .arena = &careful.arena};
        enum rkd_err err;

        rki_arena_reset(&plain.arena);
        rki_arena_reset(&careful.arena);
        memset(&plain.ask, 0, sizeof(plain.ask));
        memset(&careful.ask, 0, sizeof(careful.ask));
        text[body.len] = '\0';
        careful.ask.contract = &rkd_original;
        err = rkd_read_token_json(&in, &careful.ask, &careful.problem);
        CHECK(trip_read(&plain, &rkd_token_route, body, rki_str(NULL, 0)) == err, text);
        CHECK(plain.ask.contract == careful.ask.contract, text);
        if (err != RKD_OK)
            continue;
        check_same(&plain.ask, &careful.ask, text);
        *(plain.ask.contract == &rkd_standard ? &standard : &original) += 1;
    }
    trip_clear(&plain);
    trip_clear(&careful);
    CHECK(original > 300 && standard > 300, "both contracts were chosen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_in_front),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_on_the_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
