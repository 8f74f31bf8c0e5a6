/* Deadlines, slow readers, clients that go away, and how a connection ends (semantics H12, H17). */
#include "harness.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct rkd_net_limits *hasty(void)
{
    static struct rkd_net_limits limits;

    limits = h_limits;
    limits.head_ms = 200;
    limits.body_ms = 300;
    limits.idle_ms = 400;
    limits.write_ms = 500;
    return &limits;
}

static void check_took(uint64_t since_ms, unsigned least, unsigned most, const char *why)
{
    uint64_t took = h_now_ms() - since_ms;

    /* A loop's clock is as old as its turn, which a busy machine may hold up in between: a deadline
     * comes so much earlier. What is left of it is more than any shorter deadline of these tests.
     */
    CHECK(took + 90 >= least, why);
    CHECK(took <= most, why);
}

static void test_head_time(void **state)
{
    struct harness *h = h_start(hasty(), 1);
    uint64_t since;
    int fd = h_connect(h);

    (void)state;
    h_send_text(fd, GET("/1"));
    h_expect(fd, h_ok("GET /1 "), "first");
    since = h_now_ms();
    for (unsigned i = 0; i < 12; i++) { /* never a pause as long as the limit */
        if (send(fd, "GET /aaaaaaaaa" + i, 1, MSG_NOSIGNAL) <= 0)
            break;
        h_sleep_ms(20);
    }
    h_expect(fd, h_fault(408), "a total, not a pause");
    check_took(since, 200, 4000, "head_time");
    h_expect_end(fd, "end");
    (void)close(fd);
    h_stop(h);
}

static void test_body_time(void **state)
{
    static const char *const requests[] = {
        POST("/a", "50", "x"), POST("/drop", "50", "x"), CHUNKED("/a", "5\r\nhe"),
        CHUNKED("/drop", "5\r\nhello\r\n0\r\nX: "), POST("/a", "50", "")};
    struct harness *h = h_start(hasty(), 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        int fd = h_connect(h);
        uint64_t since = h_now_ms();

        h_send_text(fd, requests[i]);
        for (unsigned n = 0; n < 8; n++) {
            h_sleep_ms(20);
            if (i == 0 && send(fd, "y", 1, MSG_NOSIGNAL) <= 0)
                break;
        }
        h_expect(fd, h_fault(408), requests[i]);
        check_took(since, 300, 4000, "body_time");
        h_expect_end(fd, "end");
        (void)close(fd);
    }
    h_stop(h);
}

static void test_idle_time(void **state)
{
    struct harness *h = h_start(hasty(), 1);
    uint64_t since = h_now_ms();
    int fd = h_connect(h), second = h_connect(h);

    (void)state;
    h_send_text(second, "\r\n"); /* no byte of a request */
    h_expect_end(fd, "silently");
    check_took(since, 400, 4000, "idle_time");
    h_expect_end(second, "silently too");
    (void)close(second);
    (void)close(fd);
    fd = h_connect(h);
    for (unsigned i = 0; i < 6; i++) {
        since = h_now_ms();
        h_send_text(fd, GET("/a"));
        h_expect(fd, h_ok("GET /a "), "a request starts it anew");
        h_sleep_ms(100);
    }
    h_expect_end(fd, "then idle");
    check_took(since, 400, 4000, "idle_time after an answer");
    (void)close(fd);
    /* a pending call is the handler's own affair */
    fd = h_connect(h);
    h_send_text(fd, GET("/hold"));
    h_await(&h->counts.held, 1, "held");
    h_sleep_ms(700);
    h_release(h);
    h_expect(fd, h_ok("GET /hold "), "no deadline of ours while it waits");
    (void)close(fd);
    CHECK(atomic_load(&h->counts.faults) == 0, "no fault at all");
    h_stop(h);
}

/* Asks for much more than the sockets' buffers hold. */
static unsigned ask_for_much(int fd, unsigned count)
{
    static const char one[] = GET("/big?16000");
    unsigned asked = 0;

    while (asked < count && send(fd, one, sizeof(one) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) ==
                                (ssize_t)(sizeof(one) - 1))
        asked++;
    return asked;
}

static void test_slow_reader(void **state)
{
    enum { COUNT = 600 };
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect_narrow(h), other;
    unsigned asked = ask_for_much(fd, COUNT), served;
    size_t head_len = strlen("HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n");
    struct rk_str got;

    (void)state;
    CHECK(asked == COUNT, "all requests are on their way");
    do { /* until it stands still */
        served = atomic_load(&h->counts.requests);
        h_sleep_ms(300);
    } while (served == 0 || atomic_load(&h->counts.requests) != served);
    CHECK(served < COUNT, "no more is served while nobody reads");
    other = h_connect(h);
    h_send_text(other, GET("/o"));
    h_expect(other, h_ok("GET /o "), "others do not notice");
    (void)close(other);
    CHECK(shutdown(fd, SHUT_WR) == 0, "that is all");
    for (unsigned i = 0; i < COUNT / 8; i++) {
        static char chunk[8 * 17000];
        size_t want = 8 * (16000 + head_len), len = 0;

        while (len < want) {
            ssize_t n = recv(fd, chunk + len, want - len, 0);

            CHECK(n > 0, "more comes");
            len += (size_t)n;
        }
        CHECK(memcmp(chunk, "HTTP/1.1 200 OK\r\n", 17) == 0, "at its place");
    }
    got = h_read_all(fd);
    CHECK(got.len == 0, "all, and nothing else");
    (void)close(fd);
    h_stop(h);
}

/* Late answers come while what was written before them is not taken yet. The client reads a little
 * before each, so that the kernel would take an answer out of turn if it were offered one. */
static void test_late_behind_untaken(void **state)
{
    enum { ROUNDS = 500, SIP = 16000 };
    static const char three[] = GET("/big?16000") GET("/big?16000") GET("/hold");
    static char all[ROUNDS * 33000];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect_narrow(h);
    const char *held = h_ok("GET /hold ");
    size_t each =
        2 * (16000 + strlen("HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n")) + strlen(held);
    unsigned rounds = 0;
    size_t len = 0;
    struct rk_str rest;

    (void)state;
    while (rounds < ROUNDS && atomic_load(&h->counts.held) == rounds) {
        uint64_t until = h_now_ms() + 500;
        ssize_t n;

        h_send_text(fd, three);
        rounds++;
        while (atomic_load(&h->counts.held) < rounds && h_now_ms() < until)
            h_sleep_ms(1);
        n = recv(fd, all + len, SIP, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        h_release(h);
    }
    CHECK(rounds > 10 && rounds < ROUNDS, "it came to a standstill");
    CHECK(shutdown(fd, SHUT_WR) == 0, "that is all");
    rest = h_read_all_releasing(h, fd);
    CHECK(len + rest.len == rounds * each, "all of it");
    memcpy(all + len, rest.ptr, rest.len);
    for (unsigned i = 0; i < rounds; i++) {
        const char *at = all + i * each;

        CHECK(memcmp(at, "HTTP/1.1 200 OK\r\nContent-Length: 16000", 38) == 0, "a big one");
        CHECK(memcmp(at + each - strlen(held), held, strlen(held)) == 0, "the late one behind it");
    }
    (void)close(fd);
    h_stop(h);
}

static bool reaches(atomic_uint *counter, unsigned want)
{
    uint64_t until = h_now_ms() + 500;

    while (atomic_load(counter) < want && h_now_ms() < until)
        h_sleep_ms(1);
    return atomic_load(counter) >= want;
}

/* Answers that the kernel does not take, and behind their requests a body that is not whole, all in
 * one read: the answered requests' bytes stay, too, until their on_done (checked by the handler),
 * whatever others send meanwhile. */
static void test_untaken_before_partial_body(void **state)
{
    enum { ROUNDS = 500, EACH = 3 };
    static const char batch[] = GET("/big?16000") GET("/big?16000") POST("/a", "10", "01234");
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect_narrow(h), other;
    size_t big = 16000 + strlen("HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n");
    size_t each = 2 * big + strlen(h_ok("POST /a 0123456789")), len = 0;
    unsigned rounds = 0;
    bool is_moving = true;

    (void)state;
    while (rounds < ROUNDS && is_moving) {
        rounds++;
        h_send_text(fd, batch);
        (void)reaches(&h->counts.heads, EACH * rounds);
        h_send_text(fd, "56789");
        is_moving = reaches(&h->counts.requests, EACH * rounds);
    }
    CHECK(!is_moving, "it came to a standstill");
    other = h_connect(h);
    for (unsigned i = 0; i < 20; i++) {
        h_send_text(other, GET("/others/") GET("/others/") GET("/others/") GET("/others/"));
        for (unsigned k = 0; k < 4; k++)
            h_expect(other, h_ok("GET /others/ "), "others do not notice");
    }
    (void)close(other);
    CHECK(shutdown(fd, SHUT_WR) == 0, "that is all");
    while (len < rounds * each) {
        static char some[65536];
        ssize_t n = recv(fd, some, sizeof(some), 0);

        CHECK(n > 0, "more comes");
        len += (size_t)n;
    }
    CHECK(len == rounds * each, "all of it");
    h_expect_end(fd, "and nothing else");
    (void)close(fd);
    h_stop(h);
}

static void test_write_time(void **state)
{
    struct harness *h = h_start(hasty(), 1);
    int fd = h_connect_narrow(h);
    unsigned asked = ask_for_much(fd, 600);
    uint64_t since = h_now_ms();

    (void)state;
    CHECK(asked == 600, "asked");
    h_await(&h->counts.done_lost, 1, "given up");
    check_took(since, 500, 8000, "write_time");
    while (rkd_net_open_connections(h->net) != 0 && h_now_ms() < since + 10000)
        h_sleep_ms(10);
    CHECK(rkd_net_open_connections(h->net) == 0, "closed");
    (void)close(fd);
    h_stop(h);
}

/* H12: what the client still sends must not destroy the answer. */
static void test_linger(void **state)
{
    static char body[400000];
    struct harness *h = h_start(&h_limits, 1);
    int fd = h_connect(h);
    uint64_t since;
    size_t sent = 0;
    ssize_t n;

    (void)state;
    h_send_text(fd, POST("/drop", "400000", ""));
    h_send(fd, rki_str(body, sizeof(body)));
    h_sleep_ms(50);
    h_expect(fd, h_dropped_close("POST /drop "), "the answer survives");
    h_expect_end(fd, "our side is shut");
    h_send(fd, rki_str(body, 1000)); /* theirs is not */
    (void)close(fd);

    fd = h_connect(h);
    since = h_now_ms();
    h_send_text(fd, "BAD\r\n\r\n");
    h_expect(fd, h_fault(400), "a client that does not close");
    h_expect_end(fd, "is shut out");
    while (rkd_net_open_connections(h->net) != 0 && h_now_ms() < since + 10000)
        h_sleep_ms(10);
    check_took(since, 2000, 8000, "after two seconds");
    CHECK(rkd_net_open_connections(h->net) == 0, "and let go");
    (void)close(fd);

    fd = h_connect(h);
    h_send_text(fd, "BAD\r\n\r\n");
    do {
        n = send(fd, body, sizeof(body), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    } while (n > 0 && sent < 64 * 1024 * 1024);
    CHECK(n < 0, "or after a mebibyte");
    (void)close(fd);
    h_stop(h);
}

static void test_gone(void **state)
{
    static const char *const requests[] = {GET("/a"),
                                           "GET / HTTP",
                                           POST("/a", "5", "he"),
                                           CHUNKED("/a", "5\r\nh"),
                                           GET("/hold"),
                                           POST("/drop", "9", "x"),
                                           GET("/big?16000") GET("/big?16000") GET("/hold"),
                                           "",
                                           "BAD\r\n\r\n"};
    struct harness *h = h_start(&h_limits, 2);

    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        int fd = h_connect(h);

        h_send_text(fd, requests[round % ARRAY_LEN(requests)]);
        if (round % 3 == 0)
            h_sleep_ms(1);
        if (round % 2 == 0)
            h_reset(fd);
        else
            (void)close(fd);
    }
    for (unsigned i = 0; i < 300 && rkd_net_open_connections(h->net) != 0; i++) {
        h_release(h); /* those who only closed may have been waited for */
        h_sleep_ms(10);
    }
    CHECK(rkd_net_open_connections(h->net) == 0, "nobody is left");
    h_stop(h);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_time),
        cmocka_unit_test(test_body_time),
        cmocka_unit_test(test_idle_time),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_late_behind_untaken),
        cmocka_unit_test(test_untaken_before_partial_body),
        cmocka_unit_test(test_write_time),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
