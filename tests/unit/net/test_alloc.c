/* The n-th allocation of a worker fails, for every n: that connection is lost, the others are not.
 */
#include "harness.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static atomic_uint left; /* 0: never fail */
static atomic_bool was_hit;

static bool fails_now(void)
{
    if (!h_is_worker || atomic_load(&left) == 0 || atomic_fetch_sub(&left, 1) != 1)
        return false;
    atomic_store(&was_hit, true);
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

/* Not checked: any of it may be lost. */
static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
    h_sleep_ms(2);
}

/* Everything that allocates: a connection, an exchange, a partial head that grows, a body in two, a
 * chunked one, a pending call, an answer that is not taken, a fault. */
static void run_script(struct harness *h)
{
    static char grown[5000];
    int fd = h_connect(h), narrow = h_connect_narrow(h);

    memset(grown, 'a', sizeof(grown) - 1);
    say(fd, GET("/a") "POST /b HTTP/1.1\r\n");
    say(fd, "X: ");
    say(fd, grown);
    say(fd, "\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    say(fd, "llo" CHUNKED("/c", "5\r\nhel"));
    say(fd, "lo\r\n0\r\n\r\n" GET("/hold") GET("/d"));
    h_release(h);
    say(fd, "BAD\r\n\r\n");
    for (unsigned i = 0; i < 300; i++)
        (void)!send(narrow, GET("/big?16000"), strlen(GET("/big?16000")),
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    h_sleep_ms(10);
    h_reset(narrow);
    h_reset(fd);
}

static void test_sweep(void **state)
{
    unsigned hits = 0, misses = 0;

    (void)state;
    for (unsigned n = 1; misses < 3; n++) { /* a busy machine may be late once */
        struct harness *h = h_start(&h_limits, 1);
        int fd;

        atomic_store(&was_hit, false);
        atomic_store(&left, n);
        run_script(h);
        h_sleep_ms(5);
        atomic_store(&left, 0);
        fd = h_connect(h);
        h_send_text(fd, GET("/alive"));
        h_expect(fd, h_ok("GET /alive "), "the service goes on");
        (void)close(fd);
        h_stop(h);
        misses = atomic_load(&was_hit) ? 0 : misses + 1;
        hits += atomic_load(&was_hit);
    }
    CHECK(hits >= 8, "the script allocates all over the place");
}

/* rkd_net_open, rkd_worker_new and rkd_loop_new fail whole. */
static void test_start(void **state)
{
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};
    static const struct rkd_handler nobody;
    enum rk_err err = RK_E_NOMEM;

    (void)state;
    for (unsigned n = 1; err != RK_OK; n++) {
        struct rkd_net *net = NULL;
        struct rkd_worker *worker = NULL;
        struct rkd_loop *loop = NULL;

        h_is_worker = true;
        atomic_store(&left, n);
        err = rkd_net_open(&listen, 1, &h_limits, 1, &net, NULL);
        if (err == RK_OK)
            err = rkd_worker_new(net, 0, &nobody, NULL, &worker);
        if (err == RK_OK)
            err = rkd_loop_new(&loop);
        atomic_store(&left, 0);
        h_is_worker = false;
        CHECK(err == RK_OK || err == RK_E_NOMEM, "says so");
        CHECK(n < 20, "comes to an end");
        rkd_loop_free(loop);
        rkd_worker_free(worker);
        rkd_net_free(net);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep),
                                              cmocka_unit_test(test_start)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
