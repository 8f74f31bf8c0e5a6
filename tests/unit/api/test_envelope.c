/* test_envelope.c - the Functions host's envelope: what becomes a head, what is refused, and that
 * nothing in it can write a line of its own (hosting reference s.1.6). */
#include "check.h"

#include "api/envelope.h"
#include "guard.h"

enum { ARENA = 64 * 1024, HEAD_MAX = 256, BODY_MAX = 64 };

#define REQ(members) "{\"Data\":{\"req\":{" members "}}}"
#define URL "\"Url\":\"http://h:1/api/token\",\"Method\":\"POST\""
#define LINE "POST /api/token HTTP/1.1\r\n"

struct row {
    const char *json;
    enum rkd_envelope_err err;
    const char *head, *body;
};

static const struct row rows[] = {
    {REQ(URL), RKD_ENVELOPE_OK, LINE "Host: h:1\r\n\r\n", ""},
    {REQ(URL
         ",\"Headers\":{\"Host\":[\"h\"],\"X\":[\"1\",\"2\"],\"Y\":\"3\",\"Z\":[]},\"Body\":\"b\""),
     RKD_ENVELOPE_OK, LINE "Host: h\r\nX: 1\r\nX: 2\r\nY: 3\r\n\r\n", "b"},
    {REQ("\"Method\":\"GET\",\"Url\":\"HTTPS://h?a=b&c\",\"Query\":\"{}\",\"Body\":null"),
     RKD_ENVELOPE_OK, "GET /?a=b&c HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"http://h\""), RKD_ENVELOPE_OK,
     "GET / HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {REQ(URL ",\"Body\":\"a\\u0000\\u00e9\""), RKD_ENVELOPE_OK, LINE "Host: h:1\r\n\r\n", "a"},
    {"{\"Metadata\":{\"x\":[1]},\"Data\":{\"o\":1,\"req\":{" URL "}}}", RKD_ENVELOPE_OK,
     LINE "Host: h:1\r\n\r\n", ""},
    /* Host is the URL's where no header has it, whichever way it is written */
    {REQ(URL ",\"Headers\":{\"hOST\":\"x\"}"), RKD_ENVELOPE_OK, LINE "hOST: x\r\n\r\n", ""},
    {REQ(URL ",\"Headers\":{\"Host\":null}"), RKD_ENVELOPE_OK, LINE "Host: \r\n\r\n", ""},
    {REQ(URL ",\"Headers\":{\"Host\":[],\"X\":\"1\"}"), RKD_ENVELOPE_OK,
     LINE "X: 1\r\nHost: h:1\r\n\r\n", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"/api/token?a\""), RKD_ENVELOPE_OK,
     "GET /api/token?a HTTP/1.1\r\n\r\n", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"http:///x\""), RKD_ENVELOPE_OK, "GET /x HTTP/1.1\r\n\r\n",
     ""},
    {REQ(URL ",\"Headers\":{\"X\":null,\"Y\":[null,\"1\"]}"), RKD_ENVELOPE_OK,
     LINE "X: \r\nY: \r\nY: 1\r\nHost: h:1\r\n\r\n", ""},
    /* nobody's request */
    {"", RKD_ENVELOPE_MALFORMED, "", ""},
    {"null", RKD_ENVELOPE_MALFORMED, "", ""},
    {"[]", RKD_ENVELOPE_MALFORMED, "", ""},
    {"{}", RKD_ENVELOPE_MALFORMED, "", ""},
    {"{\"Data\":{}}", RKD_ENVELOPE_MALFORMED, "", ""},
    {"{\"Data\":{\"req\":[]}}", RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL) "x", RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ("\"Url\":\"http://h/\""), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ("\"Method\":\"GET\""), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ("\"Method\":1,\"Url\":\"http://h/\""), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Headers\":[]"), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":1}"), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":[[\"1\"]]}"), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Body\":{}"), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Body\":\"a\",\"Body\":\"b\""), RKD_ENVELOPE_MALFORMED, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":\"1\",\"X\":\"2\"}"), RKD_ENVELOPE_MALFORMED, "", ""},
    /* a client's smuggling */
    {REQ("\"Method\":\"GET\",\"Url\":\"ftp://h/\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"api/token\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"http://h\\r\\nX: y/\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":\"1\\r\\nAuthorization: y\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":[\"1\\n\"]}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":\"1\\r\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X\":\"1\\u0000\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X: 1\\r\\nY\":\"1\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"X:Y\":\"1\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\" X\":\"1\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"\":\"1\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ(URL ",\"Headers\":{\"\\u00e9\":\"1\"}"), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"GET / HTTP/1.1\\r\\nX: y\\r\\n\\r\\nPOST\",\"Url\":\"http://h/\""),
     RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"\",\"Url\":\"http://h/\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"http://h/a HTTP/1.1\\r\\nX: y\""), RKD_ENVELOPE_BAD_HEAD, "",
     ""},
    {REQ("\"Method\":\"GET\",\"Url\":\"http://h/\\u00e9\""), RKD_ENVELOPE_BAD_HEAD, "", ""},
};

static void test_rows(void **state)
{
    static char memory[ARENA];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rki_arena arena = rki_arena_over(memory, sizeof(memory));
        struct rkd_envelope got;
        const enum rkd_envelope_err err =
            rkd_envelope_read(rki_cstr(rows[i].json), HEAD_MAX, BODY_MAX, &arena, &got);

        CHECK(err == rows[i].err, rows[i].json);
        CHECK_STR(got.head, rki_cstr(rows[i].head), rows[i].json);
        CHECK(rki_str_starts_with(got.body, rki_cstr(rows[i].body)), rows[i].json);
    }
}

/* Both limits to the byte; a body that is too long is only counted. */
static void test_limits(void **state)
{
    static char memory[ARENA];
    char json[1024];

    (void)state;
    for (size_t n = 0; n < 4; n++) {
        struct rki_arena arena = rki_arena_over(memory, sizeof(memory));
        struct rki_buf buf = rki_buf_over(json, sizeof(json));
        const size_t value =
            HEAD_MAX - sizeof(LINE) + 1 - sizeof("X: \r\nHost: h:1\r\n\r\n") + 1 + (n & 1);
        struct rkd_envelope got;
        enum rkd_envelope_err err;

        rki_buf_lit(&buf, "{\"Data\":{\"req\":{" URL ",\"Headers\":{\"X\":\"");
        for (size_t i = 0; i < value; i++)
            rki_buf_char(&buf, 'v');
        rki_buf_lit(&buf, "\"},\"Body\":\"");
        for (size_t i = 0; i < BODY_MAX + (n >> 1); i++)
            rki_buf_char(&buf, 'b');
        rki_buf_lit(&buf, "\"}}}");
        err = rkd_envelope_read(rki_buf_str(&buf), HEAD_MAX, BODY_MAX, &arena, &got);
        CHECK(err == ((n & 1) != 0 ? RKD_ENVELOPE_LONG_HEAD : RKD_ENVELOPE_OK), "the head");
        if (err == RKD_ENVELOPE_OK) {
            CHECK(got.body_len == BODY_MAX + (n >> 1), "is counted");
            CHECK((got.body.ptr != NULL) == (n >> 1 == 0), "and there unless it is too long");
        }
    }
}

static void test_little_memory(void **state)
{
    static char memory[ARENA];

    (void)state;
    for (size_t cap = 0; cap < HEAD_MAX + 64; cap += 8) {
        struct rki_arena arena = rki_arena_over(memory, cap);
        struct rkd_envelope got;
        const enum rkd_envelope_err err =
            rkd_envelope_read(rki_cstr(rows[1].json), HEAD_MAX, BODY_MAX, &arena, &got);

        CHECK(err == RKD_ENVELOPE_NOMEM || (err == RKD_ENVELOPE_OK && cap > HEAD_MAX), "or whole");
    }
}

static void test_prefixes(void **state)
{
    static char memory[ARENA];
    struct guard guard = guard_new(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t len = 0; len < strlen(rows[i].json); len++) {
            struct rki_arena arena = rki_arena_over(memory, sizeof(memory));
            struct rkd_envelope got;

            CHECK(rows[i].err != RKD_ENVELOPE_OK ||
                      rkd_envelope_read(guard_put(&guard, rki_str(rows[i].json, len)), HEAD_MAX,
                                        BODY_MAX, &arena, &got) == RKD_ENVELOPE_MALFORMED,
                  "half an envelope is none");
        }
    guard_free(&guard);
}

static void test_write(void **state)
{
    static const char want[] =
        "{\"Outputs\":{\"res\":{\"statusCode\":204,\"headers\":{\"Vary\":\"Origin\",\"X\":\"a: "
        "\\\"b\\\"\"},\"body\":\"{\\\"t\\\":\\\"\\\\\\\"\\\"}\\n\"}},\"Logs\":[],"
        "\"ReturnValue\":null}";
    char text[512];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    rkd_envelope_write(&buf, 204, RK_STR("Vary: Origin\r\nX: a: \"b\"\r\n"),
                       RK_STR("{\"t\":\"\\\"\"}\n"));
    CHECK_STR(rki_buf_str(&buf), rki_cstr(want), "escaped");
    for (size_t cap = 0; cap < sizeof(want) - 1; cap++) {
        buf = rki_buf_over(text, cap);
        rkd_envelope_write(&buf, 204, RK_STR("Vary: Origin\r\nX: a: \"b\"\r\n"),
                           RK_STR("{\"t\":\"\\\"\"}\n"));
        CHECK(buf.overflow, "too long is said");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_limits),
        cmocka_unit_test(test_little_memory), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
