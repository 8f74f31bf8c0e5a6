/* Bodies: chunked framing (semantics H8, H9) and Content-Length, through guard and llhttp together,
 * cut in every way. */
#include "check.h"
#include "guard.h"
#include "net/worker.h"

enum { MAX = 4096, BODY_MAX = 64, ACCOUNT_MAX = 200 };

static const struct rkd_net_limits limits = {.body_bytes = BODY_MAX, .headers_bytes = ACCOUNT_MAX};

static const struct rk_str chunked_head =
    RK_STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

struct result {
    enum rkd_body verdict;
    size_t used; /* of the body's bytes */
    size_t body_len;
    char body[BODY_MAX];
};

static void begin(struct rkd_exchange *x, struct rk_str head)
{
    struct rkd_head_state st = {0};
    enum rkd_fault fault;

    *x = (struct rkd_exchange){0};
    CHECK(rkd_head_scan(&st, head.ptr, head.len, MAX, &x->request, &fault) == RKD_SCAN_DONE,
          "head");
    CHECK(rkd_body_begin(x, &st, head.ptr), "llhttp");
}

/* As a connection does: what is decoded stays in front, what comes next is read behind it. Each
 * piece ends at an unreadable page. */
static struct result read_in_steps(struct rk_str head, struct rk_str input, size_t step)
{
    struct guard guard = guard_new(MAX);
    struct rkd_exchange *x = calloc(1, sizeof(*x));
    struct result got = {.verdict = RKD_BODY_MORE};
    char held[MAX];

    begin(x, head);
    while (got.verdict == RKD_BODY_MORE && got.used < input.len) {
        size_t len = step < input.len - got.used ? step : input.len - got.used, used = 0;
        struct rk_str at;

        memcpy(held + x->body_len, input.ptr + got.used, len);
        at = guard_put(&guard, rki_str(held, x->body_len + len));
        x->body = guard.map + guard.readable - at.len;
        got.verdict = rkd_body_take(x, &limits, at.ptr + x->body_len, len, &used);
        got.used += used;
        memcpy(held, at.ptr, x->body_len);
    }
    if (got.verdict == RKD_BODY_WHOLE) {
        CHECK(x->request.body.ptr != NULL, "a body that is whole is there");
        CHECK(x->request.bytes_in == got.used, "bytes are counted");
        got.body_len = x->request.body.len;
        memcpy(got.body, held, got.body_len);
    }
    free(x);
    guard_free(&guard);
    return got;
}

static struct result read_every_way(struct rk_str head, struct rk_str input, const char *why)
{
    struct result whole = read_in_steps(head, input, MAX);

    for (size_t step = 1; step < 9; step++) {
        struct result got = read_in_steps(head, input, step);

        CHECK(got.verdict == whole.verdict, why);
        if (whole.verdict == RKD_BODY_WHOLE) {
            CHECK(got.used == whole.used, why);
            CHECK_STR(rki_str(got.body, got.body_len), rki_str(whole.body, whole.body_len), why);
        }
    }
    return whole;
}

#define WHOLE(text, data)                                                                          \
    {                                                                                              \
        text, RK_STR_INIT(text), RKD_BODY_WHOLE, RK_STR_INIT(data)                                 \
    }
#define NOT(verdict, text)                                                                         \
    {                                                                                              \
        text, RK_STR_INIT(text), verdict, RK_STR_INIT("")                                          \
    }
#define BAD(text) NOT(RKD_BODY_BAD, text)
#define SIXTEEN "aaaaaaaaaaaaaaaa"

static void test_chunked(void **state)
{
    static const struct {
        const char *why;
        struct rk_str input;
        enum rkd_body verdict;
        struct rk_str data;
    } rows[] = {
        WHOLE("0\r\n\r\n", ""),
        WHOLE("5\r\nhello\r\n0\r\n\r\n", "hello"),
        WHOLE("1\r\nh\r\n4\r\nello\r\n0\r\n\r\nNEXT", "hello"),
        WHOLE("000000000000000A\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
        WHOLE("a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n0\r\n\r\n"),
        WHOLE("5;a=b;c=\"d \t\x80\"\r\nhello\r\n0;x\r\n\r\n", "hello"),
        WHOLE("5;\r\nhello\r\n0\r\n\r\n", "hello"),
        WHOLE("5\r\nhello\r\n0\r\nX: y\r\nAuthorization:z\r\n\r\n", "hello"),
        WHOLE("0\r\nConnection: close\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n", ""),
        WHOLE("40\r\n" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "\r\n0\r\n\r\n",
              SIXTEEN SIXTEEN SIXTEEN SIXTEEN),
        NOT(RKD_BODY_TOO_LARGE, "41\r\n"),
        NOT(RKD_BODY_TOO_LARGE, "40\r\n" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "\r\n1\r\n"),
        NOT(RKD_BODY_TOO_LARGE, "ffffffffffffffff\r\n"),
        NOT(RKD_BODY_TOO_LARGE, "1\r\nx\r\nffffffffffffffff\r\n"),
        NOT(RKD_BODY_TOO_LARGE, "8000000000000000\r\n"),
        BAD("fffffffffffffffff\r\n"),
        BAD("00000000000000005\r\nhello\r\n0\r\n\r\n"),
        BAD("-1\r\n"),
        BAD("+5\r\nhello\r\n0\r\n\r\n"),
        BAD("0x5\r\nhello\r\n"),
        BAD(" 5\r\nhello\r\n0\r\n\r\n"),
        BAD("5 \r\nhello\r\n0\r\n\r\n"),
        BAD("5 ;a\r\nhello\r\n0\r\n\r\n"),
        BAD("5\t\r\nhello\r\n0\r\n\r\n"),
        BAD("g\r\n"),
        BAD("\r\n0\r\n\r\n"),
        BAD(";a\r\n"),
        BAD("5\nhello\r\n0\r\n\r\n"),
        BAD("5;ext\nhello\r\n0\r\n\r\n"),
        BAD("5;e\x01\r\nhello\r\n0\r\n\r\n"),
        BAD("5;e\r\rhello\r\n0\r\n\r\n"),
        BAD("5\rhello\r\n0\r\n\r\n"),
        BAD("5\r\nhelloo\r\n0\r\n\r\n"),
        BAD("5\r\nhell\r\n0\r\n\r\n"),
        BAD("5\r\nhello\n0\r\n\r\n"),
        BAD("5\r\nhello\r0\r\n\r\n"),
        BAD("5\r\nhello0\r\n\r\n"),
        BAD("0\r\n\n"),
        BAD("0\r\n\rx"),
        BAD("0\r\nX\r\n\r\n"),
        BAD("0\r\nX : y\r\n\r\n"),
        BAD("0\r\n: y\r\n\r\n"),
        BAD("0\r\n X: y\r\n\r\n"),
        BAD("0\r\nX: y\r\n folded\r\n\r\n"),
        BAD("0\r\nX: y\n\r\n"),
        BAD("0\r\nX: \x01\r\n\r\n"),
        NOT(RKD_BODY_MORE, "0\r\n"),
        NOT(RKD_BODY_MORE, "0\r\n\r"),
        NOT(RKD_BODY_MORE, "5\r\nhello\r\n"),
        NOT(RKD_BODY_MORE, "5\r\nhel"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result got = read_every_way(chunked_head, rows[i].input, rows[i].why);

        CHECK(got.verdict == rows[i].verdict, rows[i].why);
        CHECK_STR(rki_str(got.body, got.body_len), rows[i].data, rows[i].why);
    }
}

/* H9: everything but the data has an account of its own. */
static void test_account(void **state)
{
    char text[MAX];
    struct rki_buf buf;
    struct rk_str input;

    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        buf = rki_buf_over(text, sizeof(text));
        rki_buf_lit(&buf, "1;");
        while (buf.len < ACCOUNT_MAX - 7 + extra) /* CRLF, CRLF, 0 CRLF CRLF: seven besides... */
            rki_buf_char(&buf, 'e');
        buf.len -= 2; /* ...and two more */
        rki_buf_lit(&buf, "\r\nx\r\n0\r\n\r\n");
        input = rki_buf_str(&buf);
        CHECK(input.len - 1 == ACCOUNT_MAX + extra, "the test counts right");
        CHECK(read_every_way(chunked_head, input, "extension").verdict ==
                  (extra == 0 ? RKD_BODY_WHOLE : RKD_BODY_ACCOUNT),
              "to the byte");
    }
    buf = rki_buf_over(text, sizeof(text));
    for (unsigned i = 0; i < ACCOUNT_MAX; i++)
        rki_buf_lit(&buf, "1\r\nx\r\n");
    CHECK(read_every_way(chunked_head, rki_buf_str(&buf), "dribble").verdict == RKD_BODY_ACCOUNT,
          "chunks of one byte");
}

static void test_trailer_lines(void **state)
{
    struct rkd_net_limits wide = {.body_bytes = 1, .headers_bytes = 4096};

    (void)state;
    for (unsigned lines = 64; lines < 66; lines++) {
        struct rkd_chunk chunk = {0};
        enum rkd_chunk_kind kind = RKD_CHUNK_MORE;
        char text[MAX];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));
        size_t step;

        rki_buf_lit(&buf, "0\r\n");
        for (unsigned i = 0; i < lines; i++)
            rki_buf_lit(&buf, "A: b\r\n");
        rki_buf_lit(&buf, "\r\n");
        for (size_t at = 0; at < buf.len && kind < RKD_CHUNK_LAST; at += step)
            kind = rkd_chunk_next(&chunk, text + at, buf.len - at, &wide, &step);
        CHECK(kind == (lines == 64 ? RKD_CHUNK_LAST : RKD_CHUNK_ACCOUNT), "at most 64 lines");
    }
}

static void test_length(void **state)
{
    static const struct rk_str head =
        RK_STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    struct result got = read_every_way(head, RK_STR("helloGET"), "with a next request");

    (void)state;
    CHECK(got.verdict == RKD_BODY_WHOLE && got.used == 5, "as many as announced");
    CHECK_STR(rki_str(got.body, got.body_len), RK_STR("hello"), "data");
    CHECK(read_every_way(head, RK_STR("hell"), "short").verdict == RKD_BODY_MORE, "one is missing");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_trailer_lines),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
