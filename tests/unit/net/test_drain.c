/* The drain (semantics H21): nobody who was let in is dropped, nobody new is let in, and it ends.
 */
#include "harness.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_idle_and_begun(void **state)
{
    struct harness *h = h_start(&h_limits, 2);
    int idle = h_connect(h), used = h_connect(h), head = h_connect(h), body = h_connect(h),
        held = h_connect(h), unread = h_connect(h);
    uint64_t since;
    struct rk_str got;

    (void)state;
    h_send_text(used, GET("/used"));
    h_expect(used, h_ok("GET /used "), "used, then idle");
    h_send_text(head, "GET /head HTTP/1.1\r\nHo");
    h_send_text(body, POST("/body", "5", "he"));
    h_send_text(held, GET("/hold") GET("/behind"));
    h_await(&h->counts.held, 1, "held");
    h_await(&h->counts.heads, 3, "begun");
    h_send_text(unread, GET("/unread")); /* perhaps not read before the drain begins */
    h_drain(h, 10000);
    h_expect_end(idle, "idle: closed");
    h_expect_end(used, "idle again: closed");
    got = h_read_all(unread);
    CHECK(rki_str_ends_with(got, RK_STR("\r\n\r\nGET /unread ")), "received before it: served");
    h_send_text(head, "st: a\r\n\r\n" GET("/next"));
    h_expect(head, h_ok_close("GET /head "), "a begun head");
    h_expect_end(head, "is the last on its connection");
    h_send_text(body, "llo");
    h_expect(body, h_ok_close("POST /body hello"), "a begun body");
    h_expect_end(body, "last");
    h_release(h);
    h_expect(held, h_ok_close("GET /hold "), "a waiting call");
    h_expect_end(held, "last");
    (void)close(idle);
    (void)close(used);
    (void)close(head);
    (void)close(body);
    (void)close(held);
    (void)close(unread);
    since = h_now_ms();
    h_join(h);
    CHECK(h_now_ms() < since + 8000, "ends when the last is answered, not at the deadline");
    CHECK(h->cut_off == 0, "nobody is cut off");
    CHECK(h_connect(h) < 0, "nobody is let in");
    h_stop(h);
}

/* Connections in the backlog are served, not reset: the drain begins before the first accept. */
static void test_backlog(void **state)
{
    enum { COUNT = 64 };
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};
    struct harness *h = h_prepare(&h_limits, 2, &listen);
    int fds[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = h_connect(h);
        if (i % 4 != 0)
            h_send_text(fds[i], GET("/queued"));
    }
    h_drain(h, 10000);
    h_go(h);
    h_send_text(fds[0], GET("/queued")); /* a little late, and still in time */
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 4 != 0 || i == 0)
            h_expect(fds[i], h_ok_close("GET /queued "), "served");
        h_expect_end(fds[i], "and closed");
        (void)close(fds[i]);
    }
    h_join(h);
    CHECK(h->cut_off == 0, "nobody is cut off");
    h_stop(h);
}

static void test_deadline(void **state)
{
    struct harness *h = h_start(&h_limits, 2);
    int held = h_connect(h), dribbling = h_connect(h);
    uint64_t since;

    (void)state;
    h_send_text(held, GET("/hold"));
    h_send_text(dribbling, "GET /");
    h_await(&h->counts.held, 1, "held");
    h_sleep_ms(500); /* the other one's bytes are read */
    since = h_now_ms();
    h_drain(h, 300);
    h_join(h);
    CHECK(h_now_ms() - since >= 200 /* see check_took of test_close.c */ &&
              h_now_ms() - since < 8000,
          "at the deadline");
    CHECK(h->cut_off == 2, "both are counted");
    CHECK(atomic_load(&h->counts.done_lost) == 1, "on_done says so");
    h_expect_end(held, "closed");
    h_expect_end(dribbling, "closed");
    (void)close(held);
    (void)close(dribbling);
    h_stop(h);
}

/* Accepted just before the drain, its request on the way: served, like those from the backlog. One
 * that was served before is idle. */
static void test_request_on_its_way(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    int old = h_connect(h), fresh;

    (void)state;
    h_send_text(old, GET("/a"));
    h_expect(old, h_ok("GET /a "), "served");
    fresh = h_connect(h);
    for (unsigned i = 0; i < 100 && rkd_net_open_connections(h->net) != 2; i++)
        h_sleep_ms(5);
    h_drain(h, 3000);
    h_expect_end(old, "idle, so closed");
    h_send_text(fresh, GET("/b"));
    h_expect(fresh, h_ok_close("GET /b "), "came after the drain began");
    (void)close(old);
    (void)close(fresh);
    h_join(h);
    CHECK(h->cut_off == 0, "nobody is cut off");
    h_stop(h);
}

/* Clients that connect and ask all the time: each gets a whole answer or is not let in. */
struct client {
    const struct harness *h;
    pthread_t thread;
    atomic_uint served;
    unsigned broken;
};

static void *ask_until_refused(void *arg)
{
    struct client *client = arg;
    static const char request[] = GET("/a");

    for (unsigned i = 0; i < 20000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char got[256];

        if (!h_connect_on(client->h, fd)) {
            (void)close(fd);
            return NULL;
        }
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
            recv(fd, got, sizeof(got), 0) > 12 && memcmp(got, "HTTP/1.1 200", 12) == 0)
            atomic_fetch_add(&client->served, 1);
        else
            client->broken++;
        (void)close(fd);
    }
    return NULL;
}

static void test_under_load(void **state)
{
    enum { CLIENTS = 4 };
    struct harness *h = h_start(&h_limits, 2);
    struct client clients[CLIENTS] = {0};

    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].h = h;
        CHECK(pthread_create(&clients[i].thread, NULL, ask_until_refused, &clients[i]) == 0, "go");
    }
    for (unsigned i = 0; i < CLIENTS; i++) /* the first of them may have been served all */
        h_await(&clients[i].served, 20, "under way");
    h_drain(h, 10000);
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK(pthread_join(clients[i].thread, NULL) == 0, "join");
        CHECK(clients[i].broken == 0, "and never reset");
    }
    h_join(h);
    CHECK(h->cut_off == 0, "nobody is cut off");
    h_stop(h);
}

/* An inherited socket goes on listening for whoever else has it. */
static void test_inherited(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rkd_listen listening = {.kind = RKD_LISTEN_INHERITED};
    int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, taken;
    struct harness *h;

    (void)state;
    CHECK(bind(ours, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(ours, 5) == 0, "listen");
    listening.fd = dup(ours);
    h = h_start_at(&h_limits, 1, &listening);
    fd = h_connect(h);
    h_send_text(fd, GET("/a"));
    h_expect(fd, h_ok("GET /a "), "serves it");
    (void)close(fd);
    h_drain(h, 1000);
    h_join(h);
    fd = h_connect(h);
    CHECK(fd >= 0, "still listening");
    taken = accept(ours, NULL, NULL);
    CHECK(taken >= 0, "for the one who has it too");
    (void)close(taken);
    (void)close(fd);
    h_stop(h);
    (void)close(ours);
}

/* Made and never run, as when a start fails half way. */
static void test_never_run(void **state)
{
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};
    static const struct rkd_handler nobody;
    struct rkd_worker *worker;
    struct rkd_net *net;

    (void)state;
    CHECK_ERR(rkd_net_open(&listen, 1, &h_limits, 1, &net, NULL), RK_OK, "open");
    CHECK_ERR(rkd_worker_new(net, 0, &nobody, NULL, &worker), RK_OK, "new");
    rkd_worker_free(worker);
    rkd_worker_free(NULL);
    rkd_net_free(net);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_and_begun), cmocka_unit_test(test_backlog),
        cmocka_unit_test(test_deadline),       cmocka_unit_test(test_request_on_its_way),
        cmocka_unit_test(test_under_load),     cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_never_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
