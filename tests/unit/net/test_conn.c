/* A connection: framing, order, pending answers, bodies that are dropped, 100 Continue, half-close.
 */
#include "harness.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned sum_of(const char *data, size_t len)
{
    unsigned sum = 17;

    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)data[i];
    return sum;
}

static void test_one_after_another(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
    for (int i = 0; i < 3; i++) {
        h_send_text(fd, GET("/a?b"));
        h_expect(fd, h_ok("GET /a "), "a GET");
        h_send_text(fd, POST("/b", "5", "hello"));
        h_expect(fd, h_ok("POST /b hello"), "a POST");
        h_send_text(fd, CHUNKED("/c", "2;x\r\nhe\r\n3\r\nllo\r\n0\r\nConnection: close\r\n\r\n"));
        h_expect(fd, h_ok("POST /c hello"), "chunked; a trailer changes nothing");
        h_send_text(fd, "\r\nPURGE / HTTP/1.1\r\nHost: a\r\n\r\n");
        h_expect(fd, h_ok("PURGE / "), "a method llhttp would not know, a CRLF before it");
        h_send_text(fd, "POST /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
                        "Content-Length: 2\t\r\n\r\nhi");
        h_expect(fd, h_ok("POST /u hi"), "H7: Upgrade is ignored");
    }
    h_send_text(fd, POST("/close", "1", "x") GET("/never"));
    h_expect(fd, h_ok_close("POST /close x"), "the handler closes");
    h_expect_end(fd, "and the next one is not served");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n" GET("/never"));
    h_expect(fd, h_ok_close("GET /a "), "the client closes");
    h_expect_end(fd, "end");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    h_expect(fd, h_ok_close("GET /a "), "H16: 1.0 closes");
    h_expect_end(fd, "end");
    (void)close(fd);
    CHECK(atomic_load(&h->counts.turns) > 0, "on_turn");
    h_stop(h);
}

static void test_byte_by_byte(void **state)
{
    static const struct rk_str text = RK_STR_INIT(POST("/first", "5", "hello") CHUNKED(
        "/second", "5;ext\r\nhello\r\n0\r\nX: y\r\n\r\n") GET("/third"));
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
    h_drip(fd, text);
    h_expect(fd, h_ok("POST /first hello"), "length");
    h_expect(fd, h_ok("POST /second hello"), "chunked");
    h_expect(fd, h_ok("GET /third "), "no body");
    for (size_t cut = 1; cut < text.len; cut += 3) {
        h_send(fd, rki_str(text.ptr, cut));
        h_sleep_ms(1);
        h_send(fd, rki_str(text.ptr + cut, text.len - cut));
        h_expect(fd, h_ok("POST /first hello"), "length, cut");
        h_expect(fd, h_ok("POST /second hello"), "chunked, cut");
        h_expect(fd, h_ok("GET /third "), "no body, cut");
    }
    (void)close(fd);
    h_stop(h);
}

static void test_long_bodies(void **state)
{
    enum { LEN = 65536 };
    static char body[LEN], text[3 * LEN], want[128];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);
    struct rki_buf buf;

    (void)state;
    for (size_t i = 0; i < LEN; i++)
        body[i] = (char)(i * 7 + i / 251);
    (void)snprintf(want, sizeof(want), "POST /long %d:%u", LEN, sum_of(body, LEN));
    for (int round = 0; round < 4; round++) {
        buf = rki_buf_over(text, sizeof(text));
        if (round % 2 == 0) {
            rki_buf_lit(&buf, POST("/long", "65536", ""));
            rki_buf_put(&buf, rki_str(body, LEN));
        } else {
            rki_buf_lit(&buf, CHUNKED("/long", ""));
            for (size_t i = 0; i < LEN; i += 64) {
                rki_buf_lit(&buf, "40\r\n");
                rki_buf_put(&buf, rki_str(body + i, 64));
                rki_buf_lit(&buf, "\r\n");
            }
            rki_buf_lit(&buf, "0\r\n\r\n");
        }
        rki_buf_lit(&buf, GET("/next"));
        h_send(fd, rki_buf_str(&buf));
        h_expect(fd, h_ok(want), "the longest body");
        h_expect(fd, h_ok("GET /next "), "and the next");
    }
    h_send_text(fd, CHUNKED("/too", "10001\r\n"));
    h_expect(fd, h_fault(413), "a chunk that is too long");
    h_expect_end(fd, "closes");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, POST("/too", "65537", ""));
    h_expect(fd, h_fault(413), "a length nobody minded");
    (void)close(fd);
    h_stop(h);
}

static void test_pipeline(void **state)
{
    enum { COUNT = 500 };
    static char text[COUNT * 64], want[COUNT * 128];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);
    size_t len = 0, want_len = 0;
    char path[32];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
        (void)snprintf(path, sizeof(path), "GET /%u ", i);
        want_len += (size_t)snprintf(want + want_len, sizeof(want) - want_len, "%s", h_ok(path));
    }
    h_send(fd, rki_str(text, len));
    h_expect(fd, want, "all in order");
    h_send_text(fd, GET("/1") GET("/2") "BROKEN\r\n\r\n" GET("/3"));
    h_expect(fd, h_ok("GET /1 "), "the first");
    h_expect(fd, h_ok("GET /2 "), "the second");
    h_expect(fd, h_fault(400), "an error leaves those before it intact");
    h_expect_end(fd, "and is the last");
    (void)close(fd);
    h_stop(h);
}

static void test_faults(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.2\r\n", 505},
        {"\r\n\r\n", 400},
        {CHUNKED("/a", "5 \r\n"), 400},
        {CHUNKED("/drop", "5 \r\n"), 400},
        {CHUNKED("/a", "0\r\nX\r\n"), 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
    };
    struct harness *h = h_start(&h_limits, 1);
    static char line[9001];
    int fd;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fd = h_connect(h);
        h_send_text(fd, rows[i].text);
        h_expect(fd, h_fault(rows[i].status), rows[i].text);
        h_expect_end(fd, rows[i].text);
        (void)close(fd);
    }
    memset(line, 'a', sizeof(line) - 1);
    memcpy(line, "GET /", 5);
    fd = h_connect(h);
    h_send_text(fd, line);
    h_expect(fd, h_fault(414), "a long line");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, "GET / HTTP/1.1\r\nHost: a\r\nA: ");
    h_send_text(fd, line);
    h_send_text(fd, line);
    h_expect(fd, h_fault(431), "long headers");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, CHUNKED("/a", "1;"));
    h_send_text(fd, line + 5);
    h_send_text(fd, line + 5);
    h_expect(fd, h_fault(431), "H9: the account");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, "GET /mute HTTP/1.1\r\nbroken\r\n");
    h_expect_end(fd, "a handler that does not answer a fault");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, GET("/1") GET("/over"));
    h_expect(fd, h_ok("GET /1 "), "what came before");
    h_expect_end(fd, "an answer without room is no answer");
    (void)close(fd);
    h_stop(h);
}

/* H12 */
static void test_dropped_bodies(void **state)
{
    static char body[65536];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, POST("/drop", "65536", ""));
    h_expect_silence(fd, 50, "the answer waits for the body");
    h_send(fd, rki_str(body, sizeof(body)));
    h_expect(fd, h_dropped("POST /drop "), "and comes behind it");
    h_send_text(fd, CHUNKED("/drop", "3\r\nab"));
    h_expect_silence(fd, 50, "chunked too");
    h_send_text(fd, "c\r\n0\r\n\r\n" GET("/next"));
    h_expect(fd, h_dropped("POST /drop "), "and the connection is kept");
    h_expect(fd, h_ok("GET /next "), "for the next");
    h_send_text(fd, "GET /g HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/h"));
    h_expect(fd, h_ok("GET /g "), "a GET's body is dropped");
    h_expect(fd, h_ok("GET /h "), "whole");
    h_send_text(fd, POST("/drop", "65537", ""));
    h_expect(fd, h_dropped_close("POST /drop "), "a longer one is not waited for");
    h_expect_end(fd, "and closes");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, CHUNKED("/drop", "8000\r\n"));
    h_send(fd, rki_str(body, 0x8000));
    h_send_text(fd, "\r\n");
    h_expect_silence(fd, 50, "still within the limit");
    h_send_text(fd, "8001\r\n");
    h_expect(fd, h_dropped_close("POST /drop "), "one byte over it");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, POST("/drop/hold", "2", "ab"));
    h_await(&h->counts.held, 1, "held");
    h_release(h);
    h_expect(fd, h_dropped("POST /drop/hold "), "an answer may come late as well");
    (void)close(fd);
    h_stop(h);
}

/* H11 */
static void test_continue(void **state)
{
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
#define EXPECTS(path, more)                                                                        \
    "POST " path " HTTP/1.1\r\nHost: a\r\nExpect: 100-CONTINUE\r\n" more "\r\n\r\n"
    h_send_text(fd, GET("/first") EXPECTS("/a", "Content-Length: 5"));
    h_expect(fd, h_ok("GET /first "), "in order");
    h_expect(fd, go, "then go on");
    h_send_text(fd, "hello");
    h_expect(fd, h_ok("POST /a hello"), "the answer");
    h_send_text(fd, EXPECTS("/a", "Transfer-Encoding: chunked"));
    h_expect(fd, go, "chunked");
    h_send_text(fd, "0\r\n\r\n");
    h_expect(fd, h_ok("POST /a "), "the answer");
    h_send_text(fd, EXPECTS("/a", "Content-Length: 5") "h");
    h_expect_silence(fd, 50, "some of it is here: no 100");
    h_send_text(fd, "ello");
    h_expect(fd, h_ok("POST /a hello"), "the answer");
    h_send_text(fd, EXPECTS("/a", "Content-Length: 0"));
    h_expect(fd, h_ok("POST /a "), "no body, no 100");
    h_send_text(fd, EXPECTS("/drop", "Content-Length: 5"));
    h_expect(fd, h_dropped_close("POST /drop "), "the final answer in its place");
    h_expect_end(fd, "closes");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    h_expect_silence(fd, 50, "never on 1.0");
    h_send_text(fd, "hi");
    h_expect(fd, h_ok_close("POST /a hi"), "the answer");
    (void)close(fd);
    h_stop(h);
}

static void test_pending(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h), other = h_connect(h);

    (void)state;
    h_send_text(fd, GET("/1") POST("/hold/2", "5", "hello") GET("/3") POST("/hold/4", "1", "x"));
    h_expect(fd, h_ok("GET /1 "), "what came before it");
    h_await(&h->counts.held, 1, "held");
    h_expect_silence(fd, 20, "nothing overtakes it");
    h_send_text(other, GET("/o"));
    h_expect(other, h_ok("GET /o "), "others go on");
    h_send_text(fd, GET("/5"));
    h_release(h);
    h_expect(fd, h_ok("POST /hold/2 hello"), "the late answer, its request still there");
    h_expect(fd, h_ok("GET /3 "), "the next");
    h_await(&h->counts.held, 2, "held again");
    h_release(h);
    h_expect(fd, h_ok("POST /hold/4 x"), "late again");
    h_expect(fd, h_ok("GET /5 "), "and the last");
    for (int i = 0; i < 5; i++) {
        h_send_text(fd, GET("/later") GET("/after"));
        h_expect(fd, h_ok("later"), "from a timer");
        h_expect(fd, h_ok("GET /after "), "and on");
    }
    h_send_text(fd, POST("/hold", "2", "h"));
    h_sleep_ms(5);
    h_send_text(fd, "i" GET("/next"));
    h_await(&h->counts.held, 3, "held");
    h_release(h);
    h_expect(fd, h_ok("POST /hold hi"), "a body that came in two");
    h_expect(fd, h_ok("GET /next "), "and the next");
    h_send_text(fd, GET("/a") GET("/turn"));
    h_expect(fd, h_ok("GET /a "), "its on_done...");
    h_expect(fd, h_ok("in done"), "...answers the next");
    (void)close(fd);
    (void)close(other);
    h_stop(h);
}

/* Answers of one worker given in one go, interleaved with a request that is being answered. */
static void test_many_pending(void **state)
{
    enum { COUNT = 60 };
    struct harness *h = h_start(&h_limits, 2);
    int fds[COUNT];
    char text[128];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = h_connect(h);
        (void)snprintf(text, sizeof(text), "GET /hold/%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
        h_send_text(fds[i], text);
    }
    h_await(&h->counts.held, COUNT, "all held");
    for (unsigned i = 0; i < COUNT; i += 3)
        h_reset(fds[i]);
    h_await(&h->counts.done_lost, COUNT / 3, "who goes away is noticed while he waits");
    h_release(h);
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 3 == 0)
            continue;
        (void)snprintf(text, sizeof(text), "GET /hold/%u ", i);
        h_expect(fds[i], h_ok(text), "each gets its own");
        (void)close(fds[i]);
    }
    h_stop(h);
}

/* A request that is being answered, in the middle of a pipeline, wakes the calls of others. */
static void test_woken_by_another(void **state)
{
    enum { COUNT = 3 };
    struct harness *h = h_start(&h_limits, 1);
    int held[COUNT], fd = h_connect(h);
    char text[128];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        held[i] = h_connect(h);
        (void)snprintf(text, sizeof(text), "GET /hold/%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
        h_send_text(held[i], text);
    }
    h_await(&h->counts.held, COUNT, "all held");
    h_send_text(fd, GET("/1") GET("/wake") GET("/2"));
    h_expect(fd, h_ok("GET /1 "), "before");
    h_expect(fd, h_ok("GET /wake "), "the one that woke them");
    h_expect(fd, h_ok("GET /2 "), "after");
    for (unsigned i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof(text), "GET /hold/%u ", i);
        h_expect(held[i], h_ok(text), "each its own");
        h_send_text(held[i], GET("/on"));
        h_expect(held[i], h_ok("GET /on "), "and on");
        (void)close(held[i]);
    }
    (void)close(fd);
    h_stop(h);
}

static void test_peer(void **state)
{
    struct rkd_listen v6 = {.addr = {.is_set = true, .bytes = {[15] = 1}}};
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, GET("/peer"));
    h_expect(fd, h_ok("v4"), "IPv4");
    (void)close(fd);
    h_stop(h);
    h = h_start_at(&h_limits, 1, &v6);
    fd = h_connect(h);
    h_send_text(fd, GET("/peer"));
    h_expect(fd, h_ok("v6"), "IPv6");
    (void)close(fd);
    h_stop(h);
}

/* H16: what is read ahead of a pending answer is bounded, and nothing of it is lost. */
static void test_read_ahead(void **state)
{
    enum { COUNT = 20000 };
    static const struct rk_str one = RK_STR_INIT(GET("/x"));
    static char text[COUNT * 32];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);
    size_t len = 0, sent = 0;
    ssize_t n;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++, len += one.len)
        memcpy(text + len, one.ptr, one.len);
    h_send_text(fd, GET("/hold"));
    h_await(&h->counts.held, 1, "held");
    do {
        n = send(fd, text + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        h_sleep_ms(20);
    } while (n > 0 && sent < len);
    h_release(h);
    h_expect(fd, h_ok("GET /hold "), "the held one");
    CHECK(atomic_load(&h->counts.ahead) <= RKD_READ_BYTES, "no more than a buffer was held");
    for (size_t i = 0; i < sent / one.len; i++)
        h_expect(fd, h_ok("GET /x "), "and those behind it");
    (void)close(fd);
    h_stop(h);
}

static void test_half_close(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, GET("/1") GET("/2"));
    CHECK(shutdown(fd, SHUT_WR) == 0, "half-close");
    h_expect(fd, h_ok("GET /1 "), "answered");
    h_expect(fd, h_ok("GET /2 "), "both");
    h_expect_end(fd, "then closed");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, GET("/hold"));
    CHECK(shutdown(fd, SHUT_WR) == 0, "half-close");
    h_await(&h->counts.held, 1, "held");
    h_sleep_ms(30);
    h_release(h);
    h_expect(fd, h_ok("GET /hold "), "a late answer too");
    h_expect_end(fd, "then closed");
    (void)close(fd);
    fd = h_connect(h); /* the end is seen between the late answer and the next request */
    h_send_text(fd, GET("/soon") GET("/next"));
    CHECK(shutdown(fd, SHUT_WR) == 0, "half-close");
    h_expect(fd, h_ok("soon"), "answered at the end of the turn");
    h_expect(fd, h_ok("GET /next "), "what came behind it as well");
    h_expect_end(fd, "then closed");
    (void)close(fd);
    for (int i = 0; i < 2; i++) {
        fd = h_connect(h);
        h_send_text(fd, i == 0 ? "GET / HT" : POST("/a", "5", "hell"));
        CHECK(shutdown(fd, SHUT_WR) == 0, "half-close");
        h_expect(fd, h_fault(400), "a request that will never be whole");
        h_expect_end(fd, "then closed");
        (void)close(fd);
    }
    fd = h_connect(h);
    CHECK(shutdown(fd, SHUT_WR) == 0, "half-close");
    h_expect_end(fd, "nothing asked, nothing said");
    (void)close(fd);
    h_stop(h);
}

static void test_unix_socket(void **state)
{
    struct rkd_listen listen = {.kind = RKD_LISTEN_UNIX};
    char dir[] = "/tmp/rk-conn-XXXXXX";
    struct harness *h;
    int fd;

    (void)state;
    CHECK(mkdtemp(dir) != NULL, "a directory");
    (void)snprintf(listen.path, sizeof(listen.path), "%s/sock", dir);
    h = h_start_at(&h_limits, 2, &listen);
    fd = h_connect(h);
    h_send_text(fd, GET("/peer") POST("/a", "5", "hello") GET("/later"));
    h_expect(fd, h_ok("none"), "no address");
    h_expect(fd, h_ok("POST /a hello"), "over a Unix socket");
    h_expect(fd, h_ok("later"), "late too");
    (void)close(fd);
    h_stop(h);
    CHECK(access(listen.path, F_OK) != 0, "the path is gone");
    CHECK(rmdir(dir) == 0, "clean up");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_another),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_long_bodies),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_dropped_bodies),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_many_pending),
        cmocka_unit_test(test_read_ahead),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_woken_by_another),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_unix_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
