/* A head that waits for its verdict: nothing is read, answered or timed meanwhile (semantics H11,
 * H16). */
#include "harness.h"

#include <sys/socket.h>
#include <unistd.h>

static const char expecting[] = "POST /wait/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                                "Expect: 100-continue\r\n\r\n";

static void await_and_let_in(struct harness *h, unsigned *so_far)
{
    h_await(&h->counts.waiting, ++*so_far, "the head waits");
    h_let_in(h);
}

static void test_verdicts(void **state)
{
    static const struct {
        const char *why, *request, *answer;
    } rows[] = {
        {"the whole request is here", POST("/wait/a", "5", "hello"), "POST /wait/a hello"},
        {"no body", POST("/wait/b", "0", ""), "POST /wait/b "},
        {"GET", GET("/wait/c"), "GET /wait/c "},
        {"chunked", CHUNKED("/wait/d", "5\r\nhello\r\n0\r\n\r\n"), "POST /wait/d hello"},
    };
    struct harness *h = h_start(&h_limits, 1);
    unsigned waits = 0;
    int fd = h_connect(h);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        h_send_text(fd, rows[i].request);
        h_send_text(fd, GET("/after"));
        h_await(&h->counts.waiting, waits + 1, rows[i].why);
        h_expect_silence(fd, 20, "neither it nor what comes after it is answered");
        await_and_let_in(h, &waits);
        h_expect(fd, h_ok(rows[i].answer), rows[i].why);
        h_expect(fd, h_ok("GET /after "), "in order");
    }
    h_send_text(fd, POST("/wait/drop", "5", "hello") GET("/after"));
    await_and_let_in(h, &waits);
    h_expect(fd, h_dropped("POST /wait/drop "), "refused after all; its body is dropped");
    h_expect(fd, h_ok("GET /after "), "and the connection kept");
    (void)close(fd);
    h_stop(h);
}

/* The body comes while the head waits, or only afterwards. */
static void test_body_later(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    unsigned waits = 0;
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, POST("/wait/a", "5", "he"));
    h_await(&h->counts.waiting, 1, "waits");
    h_send_text(fd, "llo");
    await_and_let_in(h, &waits);
    h_expect(fd, h_ok("POST /wait/a hello"), "came meanwhile");
    h_send_text(fd, POST("/wait/b", "5", ""));
    await_and_let_in(h, &waits);
    h_expect_silence(fd, 20, "its body is missing");
    h_send_text(fd, "hello" GET("/after"));
    h_expect(fd, h_ok("POST /wait/b hello"), "came afterwards");
    h_expect(fd, h_ok("GET /after "), "in order");
    (void)close(fd);
    h_stop(h);
}

/* H11: 100 only once the call was let through; a refusal in its place closes. */
static void test_continue(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    unsigned waits = 0;
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, expecting);
    h_await(&h->counts.waiting, 1, "waits");
    h_expect_silence(fd, 20, "no 100 before the verdict");
    await_and_let_in(h, &waits);
    h_expect(fd, "HTTP/1.1 100 Continue\r\n\r\n", "now");
    h_send_text(fd, "hello");
    h_expect(fd, h_ok("POST /wait/x hello"), "served");
    h_send_text(fd, "POST /wait/drop HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                    "Expect: 100-continue\r\n\r\n");
    await_and_let_in(h, &waits);
    h_expect(fd, h_dropped_close("POST /wait/drop "), "no 100");
    h_expect_end(fd, "and closed");
    (void)close(fd);
    h_stop(h);
}

static void test_gone(void **state)
{
    struct rkd_net_limits limits = h_limits;
    struct harness *h;
    unsigned waits = 0;
    int fd;

    (void)state;
    limits.head_ms = limits.body_ms = 100;
    h = h_start(&limits, 1);
    fd = h_connect(h);
    h_send_text(fd, POST("/wait/a", "5", "hello"));
    h_await(&h->counts.waiting, ++waits, "waits");
    h_reset(fd);
    h_await(&h->counts.done_lost, 1, "the client went away: over");
    h_let_in(h);
    fd = h_connect(h);
    h_send_text(fd, POST("/wait/b", "5", "hello"));
    h_await(&h->counts.waiting, ++waits, "waits");
    (void)shutdown(fd, SHUT_WR);
    h_expect_silence(fd, 300, "no deadline runs while the head waits");
    h_let_in(h);
    h_expect(fd, h_ok("POST /wait/b hello"), "a half-close behind a whole request is answered");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, POST("/wait/c", "5", "he"));
    (void)shutdown(fd, SHUT_WR);
    await_and_let_in(h, &waits);
    h_expect(fd, h_fault(400), "a half-close inside one is not");
    (void)close(fd);
    fd = h_connect(h);
    h_send_text(fd, POST("/wait/d", "5", "he"));
    await_and_let_in(h, &waits);
    h_expect(fd, h_fault(408), "and the body's deadline runs from the verdict");
    (void)close(fd);
    h_stop(h);
}

/* H21: a head that waits when the drain begins was begun, and is served. */
static void test_drain(void **state)
{
    struct harness *h = h_start(&h_limits, 2);
    int fd = h_connect(h), cut = h_connect(h);

    (void)state;
    h_send_text(fd, POST("/wait/a", "5", "hello"));
    h_await(&h->counts.waiting, 1, "waits");
    h_drain(h, 1000);
    h_sleep_ms(50);
    h_let_in(h);
    h_expect(fd, h_ok_close("POST /wait/a hello"), "served, and the last");
    (void)close(fd);
    (void)close(cut);
    h_join(h);
    CHECK(h->cut_off == 0, "nobody is cut off");
    h_stop(h);
    h = h_start(&h_limits, 1);
    fd = h_connect(h);
    h_send_text(fd, POST("/wait/a", "5", "hello"));
    h_await(&h->counts.waiting, 1, "waits");
    h_drain(h, 100);
    h_join(h);
    CHECK(h->cut_off == 1, "one that waits too long is cut off");
    (void)close(fd);
    h_stop(h);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_body_later),
        cmocka_unit_test(test_continue), cmocka_unit_test(test_gone),
        cmocka_unit_test(test_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
