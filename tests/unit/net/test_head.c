/* The raw scan of a head: semantics H1-H8. Each row is scanned whole, byte by byte and flush
 * against an unreadable page; the verdict must be the same, and llhttp must agree with what passes.
 */
#include "check.h"
#include "guard.h"
#include "net/worker.h"

enum { LIMIT = 32768, BIG = 40000 };

struct result {
    enum rkd_scan scan;
    enum rkd_fault fault;
    uint32_t pos; /* where the verdict fell */
};

/* In steps of `step` bytes; the bytes lie flush against the dead page each time. */
static struct result scan_in_steps(struct guard *guard, struct rk_str input, size_t step,
                                   uint32_t limit, struct rkd_exchange *x)
{
    struct rkd_head_state st = {0};
    struct result got = {.scan = RKD_SCAN_MORE};
    struct rk_str at = {0};

    for (size_t len = step; got.scan == RKD_SCAN_MORE; len += step) {
        at = guard_put(guard, rki_str(input.ptr, len < input.len ? len : input.len));
        got.scan = rkd_head_scan(&st, at.ptr, at.len, limit, &x->request, &got.fault);
        if (at.len == input.len)
            break;
    }
    got.pos = st.pos;
    if (got.scan == RKD_SCAN_DONE)
        CHECK(rkd_body_begin(x, &st, at.ptr), input.ptr);
    if (got.scan != RKD_SCAN_FAULT)
        got.fault = RKD_FAULT_BAD_REQUEST;
    return got;
}

static struct result scan_every_way(struct rk_str input, uint32_t limit, const char *why)
{
    struct guard guard = guard_new(BIG);
    struct rkd_exchange *x = calloc(1, sizeof(*x));
    static const size_t steps[] = {1, 2, 3, 7, 64};
    struct result whole = scan_in_steps(&guard, input, input.len + 1, limit, x);

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct result got = scan_in_steps(&guard, input, steps[i], limit, x);

        CHECK(got.scan == whole.scan && got.fault == whole.fault, why);
        CHECK(got.pos == whole.pos, why);
    }
    free(x);
    guard_free(&guard);
    return whole;
}

#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define GOOD(text)                                                                                 \
    {                                                                                              \
        text, RK_STR_INIT(text), RKD_SCAN_DONE, RKD_FAULT_BAD_REQUEST                              \
    }
#define BAD(text)                                                                                  \
    {                                                                                              \
        text, RK_STR_INIT(text), RKD_SCAN_FAULT, RKD_FAULT_BAD_REQUEST                             \
    }
#define VERSION(text)                                                                              \
    {                                                                                              \
        text, RK_STR_INIT(text), RKD_SCAN_FAULT, RKD_FAULT_VERSION                                 \
    }
#define MORE(text)                                                                                 \
    {                                                                                              \
        text, RK_STR_INIT(text), RKD_SCAN_MORE, RKD_FAULT_BAD_REQUEST                              \
    }
#define WITH(line) LINE HOST line "\r\n\r\n"
#define TARGET(t) "GET " t " HTTP/1.1\r\n" HOST "\r\n"

struct row {
    const char *why;
    struct rk_str input;
    enum rkd_scan scan;
    enum rkd_fault fault;
};

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct result got = scan_every_way(rows[i].input, LIMIT, rows[i].why);

        CHECK(got.scan == rows[i].scan, rows[i].why);
        CHECK(got.fault == rows[i].fault, rows[i].why);
    }
}

static void test_request_line(void **state)
{
    static const struct row rows[] = {
        GOOD(LINE HOST "\r\n"),
        GOOD("\r\n" LINE HOST "\r\n"),
        BAD("\r\n\r\n" LINE HOST "\r\n"),
        BAD("\n" LINE HOST "\r\n"),
        BAD("\rX"),
        BAD(" " LINE HOST "\r\n"),
        GOOD("post / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("POSTX / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("TRACE / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("DESCRIBE / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("SOURCE / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("PRI / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("M-SEARCH / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("HEAD / HTTP/1.1\r\n" HOST "\r\n"),
        GOOD("!#$%&'*+-.^_`|~09 / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n"),
        BAD("CONNECT / HTTP/1.1\r\n" HOST "\r\n"),
        BAD("G(T / HTTP/1.1\r\n"),
        BAD("G\"T / HTTP/1.1\r\n"),
        BAD("G\x80T / HTTP/1.1\r\n"),
        BAD("GET\t/ HTTP/1.1\r\n"),
        BAD("GET  / HTTP/1.1\r\n"),
        BAD("GET / HTTP/1.1 \r\n"),
        BAD("GET /  HTTP/1.1\r\n"),
        BAD("GET / http/1.1\r\n"),
        BAD("GET / HTTP/1.1\n"),
        BAD("GET / HTTP/1.1\r\r\n"),
        BAD("GET / HTTP/1\r\n"),
        BAD("GET / HTTP/1.10\r\n"),
        BAD("GET / HTTP/11.0\r\n"),
        BAD("GET / HTTP/1,1\r\n"),
        BAD("GET / ICE/1.0\r\n"),
        BAD("GET / RTSP/1.0\r\n"),
        BAD("GET /\r\n"),
        BAD("GET / \r\n"),
        BAD("GET\r\n"),
        VERSION("GET / HTTP/1.2\r\n"),
        VERSION("GET / HTTP/0.9\r\n"),
        VERSION("GET / HTTP/2.0\r\n"),
        VERSION("GET / HTTP/2.1\r\nno colon\n"),
        VERSION("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        MORE("GET / HTTP/2.0\r"),
        MORE(""),
        MORE("\r\n"),
        MORE("G"),
        MORE(LINE HOST),
    };

    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_target(void **state)
{
    static const struct row rows[] = {
        GOOD(TARGET("/a?b=c&d?e")),
        GOOD(TARGET("//a/../%00;x=\\^`{|}\"<>~")),
        GOOD(TARGET("*")),
        GOOD(TARGET("http://a")),
        GOOD(TARGET("HTTP://a:80/x?y")),
        GOOD(TARGET("hTTp://[::1]:80")),
        GOOD(TARGET("http://a?x")),
        BAD(TARGET("/a#b")),
        BAD(TARGET("/\x80")),
        BAD(TARGET("/\x7f")),
        BAD(TARGET("/\t")),
        BAD(TARGET("a")),
        BAD(TARGET("*a")),
        BAD(TARGET("a:80")),
        BAD(TARGET("http://")),
        BAD(TARGET("http:///x")),
        BAD(TARGET("http://:80/x")),
        BAD(TARGET("http://u@a/")),
        BAD(TARGET("http://u:p@a/")),
        BAD(TARGET("http://a:123456/")),
        BAD(TARGET("http://a:8x/")),
        BAD(TARGET("http:/a")),
        BAD(TARGET("https://a/")),
        BAD(TARGET("ftp://a/")),
        BAD(TARGET("?x")),
    };

    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_lines(void **state)
{
    static const struct row rows[] = {
        GOOD(WITH("X: y")),
        GOOD(WITH("X:y")),
        GOOD(WITH("X:")),
        GOOD(WITH("X-A-Name-Longer-Than-Any-We-Look-For: y")),
        GOOD(WITH("X: \t ")),
        GOOD(WITH("X: \ty z\x80\xff\t ")),
        GOOD(WITH("!#$%&'*+-.^_`|~09Az: y")),
        GOOD(WITH("Connection: Upgrade\r\nUpgrade: h2c")),
        GOOD(WITH("Connection: close\t, keep-alive")),
        GOOD(WITH("Connection:\t\r\nConnection: ,")),
        BAD(LINE " Host: a\r\n\r\n"),
        BAD(LINE "\tHost: a\r\n\r\n"),
        BAD(WITH(": y")),
        BAD(WITH("X : y")),
        BAD(WITH("X\t: y")),
        BAD(WITH("X")),
        BAD(WITH("X y: z")),
        BAD(WITH("X\x80: z")),
        BAD(WITH("X: a\r\n b")),
        BAD(WITH("X: a\r\n\tb")),
        BAD(WITH("X: a\nY: b")),
        BAD(WITH("X: a\rY: b")),
        BAD(WITH("X: a\0b")),
        BAD(WITH("X: a\x01")),
        BAD(WITH("X: 12345678\x1f 123456789")),
        BAD(WITH("X: a\x7f")),
        BAD(WITH("X: 1234567\x7f 123456789")),
        BAD(LINE HOST "\n"),
        BAD(LINE HOST "\r\r\n"),
        BAD(LINE "\r\n"),
        GOOD("GET / HTTP/1.0\r\n\r\n"),
        BAD(LINE HOST HOST "\r\n"),
        BAD("GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
        GOOD(LINE "Host:\r\n\r\n"),
        GOOD(LINE "hOsT: [::1]:80\r\n\r\n"),
        BAD(LINE "Host: a/b\r\n\r\n"),
        BAD(LINE "Host: u@a\r\n\r\n"),
        BAD(LINE "Host: a b\r\n\r\n"),
        BAD(WITH("Authorization: a\r\nauthorization: a")),
        BAD(WITH("X-API-Key: a\r\nx-api-keY: b")),
        BAD(WITH("Origin: a\r\nOrigin: a")),
        BAD(WITH("Content-Type: a\r\nContent-Type: a")),
        BAD(WITH("Content-Encoding: a\r\nContent-Encoding: a")),
        BAD(WITH("Expect: a\r\nExpect: a")),
        BAD(WITH("Content-Length: 1\r\nContent-Length: 1")),
        GOOD(WITH("Forwarded: a\r\nForwarded: a")),
        GOOD(WITH("Roomkey-Profile: a\r\nRoomkey-Profile: a")),
    };

    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_framing(void **state)
{
    static const struct row rows[] = {
        GOOD(WITH("Content-Length: 0")),
        GOOD(WITH("Content-Length: \t 7\t")),
        GOOD(WITH("Content-Length: 007")),
        GOOD(WITH("Content-Length: 0000000000000000000")),
        GOOD(WITH("Content-Length: 9999999999999999999")),
        BAD(WITH("Content-Length: 00000000000000000000")),
        BAD(WITH("Content-Length: 10000000000000000000")),
        BAD(WITH("Content-Length:")),
        BAD(WITH("Content-Length: 5, 5")),
        BAD(WITH("Content-Length: +5")),
        BAD(WITH("Content-Length: -1")),
        BAD(WITH("Content-Length: 0x5")),
        BAD(WITH("Content-Length: 5 5")),
        BAD(WITH("Content-Length: 5.")),
        GOOD(WITH("Transfer-Encoding: chunked")),
        GOOD(WITH("Transfer-Encoding:\tChUnKeD \t")),
        BAD(WITH("Transfer-Encoding: xchunked")),
        BAD(WITH("Transfer-Encoding: chunked, identity")),
        BAD(WITH("Transfer-Encoding: gzip, chunked")),
        BAD(WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        BAD(WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")),
        BAD(WITH("Transfer-Encoding: identity")),
        BAD(WITH("Transfer-Encoding:")),
        BAD(WITH("Transfer-Encoding: \"chunked\"")),
        BAD(WITH("Transfer-Encoding: chunked;q=1")),
        BAD(WITH("Transfer-Encoding: chunked\r\nContent-Length: 3")),
        BAD(WITH("Content-Length: 3\r\nTransfer-Encoding: chunked")),
        BAD(WITH("Content-Length: 0\r\nTransfer-Encoding: chunked")),
        BAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        GOOD("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n"),
    };

    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* A head of exactly `len` bytes. */
static struct rk_str head_of(char *out, size_t len)
{
    static const char begin[] = LINE HOST "X: ";
    size_t at = sizeof(begin) - 1;

    memcpy(out, begin, at);
    memset(out + at, 'y', len - at);
    memcpy(out + len - 4, "\r\n\r\n", 4);
    return rki_str(out, len);
}

/* A request line of exactly `len` bytes, its CRLF not counted, then a Host and the end. */
static struct rk_str line_of(char *out, size_t len)
{
    static const char end[] = " HTTP/1.1\r\n" HOST "\r\n";
    size_t target = len - 4 - 9;

    memcpy(out, "GET /", 5);
    memset(out + 5, 'a', target - 1);
    memcpy(out + 4 + target, end, sizeof(end) - 1);
    return rki_str(out, 4 + target + sizeof(end) - 1);
}

static struct rk_str lines_of(char *out, size_t lines, struct rk_str end)
{
    struct rki_buf buf = rki_buf_over(out, BIG);

    rki_buf_lit(&buf, LINE HOST);
    for (size_t i = 1; i < lines; i++)
        rki_buf_lit(&buf, "A: b\r\n");
    rki_buf_put(&buf, end);
    return rki_buf_str(&buf);
}

static void check_limit(struct rk_str input, uint32_t limit, enum rkd_scan scan,
                        enum rkd_fault fault, const char *why)
{
    struct result got = scan_every_way(input, limit, why);

    CHECK(got.scan == scan, why);
    CHECK(scan != RKD_SCAN_FAULT || got.fault == fault, why);
}

static void test_limits(void **state)
{
    static char text[BIG];
    char crlf[2 + 512] = "\r\n";

    (void)state;
    check_limit(head_of(text, 512), 512, RKD_SCAN_DONE, 0, "exactly the limit");
    check_limit(head_of(text, 513), 512, RKD_SCAN_FAULT, RKD_FAULT_HEADERS_TOO_LARGE, "one more");
    check_limit(head_of(text, 511), 512, RKD_SCAN_DONE, 0, "one less");
    (void)head_of(text, 512);
    memcpy(crlf + 2, text, 512);
    check_limit(rki_str(crlf, sizeof(crlf)), 512, RKD_SCAN_DONE, 0,
                "a CRLF in front is no byte of the request");
    check_limit(line_of(text, 8192), LIMIT, RKD_SCAN_DONE, 0, "longest line");
    check_limit(line_of(text, 8193), LIMIT, RKD_SCAN_FAULT, RKD_FAULT_URI_TOO_LONG, "line + 1");
    check_limit(rki_str(line_of(text, 9000).ptr, 8193), LIMIT, RKD_SCAN_FAULT,
                RKD_FAULT_URI_TOO_LONG, "certain before the line ends");
    check_limit(rki_str(line_of(text, 9000).ptr, 8192), LIMIT, RKD_SCAN_MORE, 0,
                "not certain yet: a CR may come");
    check_limit(line_of(text, 9000), 1024, RKD_SCAN_FAULT, RKD_FAULT_URI_TOO_LONG,
                "414 goes before 431");
    check_limit(line_of(text, 2000), 1024, RKD_SCAN_FAULT, RKD_FAULT_HEADERS_TOO_LARGE,
                "a line below 414, over 431");
    check_limit(lines_of(text, 64, RK_STR("\r\n")), LIMIT, RKD_SCAN_DONE, 0, "64 lines");
    check_limit(lines_of(text, 65, RK_STR("")), LIMIT, RKD_SCAN_FAULT, RKD_FAULT_HEADERS_TOO_LARGE,
                "65 lines");
    check_limit(lines_of(text, 64, RK_STR("A")), LIMIT, RKD_SCAN_FAULT, RKD_FAULT_HEADERS_TOO_LARGE,
                "the 65th line's first byte makes it certain");
    check_limit(lines_of(text, 64, RK_STR("\rA")), LIMIT, RKD_SCAN_FAULT, RKD_FAULT_BAD_REQUEST,
                "not a line");
    (void)head_of(text, 600);
    text[500] = '\x01';
    check_limit(rki_str(text, 600), 512, RKD_SCAN_FAULT, RKD_FAULT_BAD_REQUEST,
                "400 first for what came before");
}

/* What the handler gets. */
static void test_request(void **state)
{
    static const struct rk_str input = RK_STR_INIT(
        "POST http://a.example:80/x/y?q=1?2 HTTP/1.1\r\nHost: other\r\nORIGIN: \t o p\t \r\n"
        "connection: keep-alive, Close \r\nExpect: 100-Continue\r\nX-Other: 1\r\n"
        "Forwarded: a\r\nforwarded: b\r\nContent-length: 0012\r\n\r\nrest");
    struct rkd_exchange *x = calloc(1, sizeof(*x));
    struct rkd_request *req = &x->request;
    struct rkd_head_state st = {0};
    enum rkd_fault fault;
    char *copy;

    (void)state;
    CHECK(rkd_head_scan(&st, input.ptr, input.len, LIMIT, req, &fault) == RKD_SCAN_DONE, "whole");
    CHECK(st.pos == input.len - 4, "ends before the body");
    copy = malloc(input.len);
    memcpy(copy, input.ptr, input.len);
    rkd_head_rebase(req, input.ptr, copy);
    CHECK(req->method == RKD_POST, "method");
    CHECK_STR(req->method_text, RK_STR("POST"), "method text");
    CHECK_STR(req->path, RK_STR("/x/y"), "path of an absolute target");
    CHECK(req->path.ptr > copy && req->path.ptr < copy + input.len, "rebased");
    CHECK_STR(req->query, RK_STR("q=1?2"), "query");
    CHECK(req->minor == 1, "minor");
    CHECK(req->header_count == 8, "lines");
    CHECK_STR(req->headers[4].name, RK_STR("X-Other"), "name");
    CHECK(req->headers[4].id == RKD_H_OTHER, "unknown");
    CHECK(req->headers[1].id == RKD_H_ORIGIN, "known");
    CHECK_STR(req->known[RKD_H_ORIGIN], RK_STR("o p"), "blanks around do not belong to it");
    CHECK_STR(req->known[RKD_H_FORWARDED], RK_STR("a"), "the first");
    CHECK(req->known_count[RKD_H_FORWARDED] == 2, "of two");
    CHECK(req->known[RKD_H_AUTHORIZATION].ptr == NULL, "absent");
    CHECK(req->expect == RKD_EXPECT_CONTINUE && req->asks_close, "expect, close");
    CHECK(req->has_body && req->content_length == 12 && !req->is_chunked, "length");
    free(copy);
    free(x);
}

/* Every known name is found in any case, and nothing else of its length. */
static void test_known_names(void **state)
{
    static const char *const names[RKD_H_COUNT] = {
        "Authorization",
        "X-API-Key",
        "Origin",
        "Content-Type",
        "Content-Encoding",
        "Expect",
        "Content-Length",
        "Host",
        "Transfer-Encoding",
        "Connection",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
        "Roomkey-Profile",
        "Sec-Fetch-Site",
        "X-Forwarded-For",
        "Forwarded",
        "Roomkey-Device",
        "X-Roomkey-Explain",
        "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-ID",
        "X-MS-CLIENT-PRINCIPAL-IDP",
        "X-Azure-Functions-InvocationId",
        "traceparent",
    };
    struct rkd_exchange *x = calloc(1, sizeof(*x));

    (void)state;
    for (unsigned id = 0; id < RKD_H_COUNT; id++) {
        for (unsigned flip = 0; flip <= strlen(names[id]); flip++) {
            struct rkd_head_state st = {0};
            enum rkd_fault fault;
            char text[256], name[64];
            bool is_changed = flip < strlen(names[id]);
            int len;

            (void)snprintf(name, sizeof(name), "%s", names[id]);
            if (is_changed) /* one letter is another one */
                name[flip] = name[flip] == '-' ? '.' : name[flip] == 'q' ? 'z' : 'q';
            for (unsigned i = 0; i < strlen(name); i += 2) /* and every other in the other case */
                name[i] = rki_lower(name[i]) != name[i]      ? rki_lower(name[i])
                          : name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32)
                                                             : name[i];
            len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s: %s\r\n%s\r\n", name,
                           id == RKD_H_CONTENT_LENGTH ? "7" : "chunked",
                           id == RKD_H_HOST && !is_changed ? "" : HOST);
            CHECK(rkd_head_scan(&st, text, (size_t)len, LIMIT, &x->request, &fault) ==
                      RKD_SCAN_DONE,
                  name);
            CHECK((x->request.headers[0].id == id) == !is_changed, name);
            CHECK(id == RKD_H_HOST || (x->request.known_count[id] == 1) == !is_changed, name);
        }
    }
    free(x);
}

/* H2: when the clock of a request begins. */
static void test_has_begun(void **state)
{
    struct rkd_exchange *x = calloc(1, sizeof(*x));
    struct rkd_head_state st = {0};
    enum rkd_fault fault;

    (void)state;
    CHECK(!rkd_head_has_begun(&st), "nothing");
    CHECK(rkd_head_scan(&st, "\r\n", 2, LIMIT, &x->request, &fault) == RKD_SCAN_MORE, "more");
    CHECK(!rkd_head_has_begun(&st), "a CRLF is no byte of a request");
    CHECK(rkd_head_scan(&st, "\r\nG", 3, LIMIT, &x->request, &fault) == RKD_SCAN_MORE, "more");
    CHECK(rkd_head_has_begun(&st), "its first byte");
    free(x);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_line), cmocka_unit_test(test_target),
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_request),
        cmocka_unit_test(test_known_names),  cmocka_unit_test(test_has_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
