/* Who is let in: shared evenly, counted exactly, and what happens when descriptors run out. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 20 }; /* to be in time: what else the machine does makes it slower only */
/* Four hundred requests, before a worker is free that sleeps for half a second, and in less than a
 * millisecond each. Under the thread sanitizer that is the machine's to decide, and no word on us.
 */
#if defined(__SANITIZE_THREAD__)
enum { BATCH_MS = 60000 };
#else
enum { BATCH_MS = 350 };
#endif

static atomic_int accept_errno; /* accept4 fails with it while it is not 0 */
static atomic_uint accept_calls;

int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int error = atomic_load(&accept_errno);

    atomic_fetch_add(&accept_calls, 1);
    if (error == 0)
        return __real_accept4(fd, addr, len, flags);
    errno = error;
    return -1;
}

static unsigned load_of(const struct harness *h, unsigned worker)
{
    return atomic_load(&h->net->load[worker].connections);
}

static void await_open(const struct harness *h, uint32_t want, const char *why)
{
    for (unsigned i = 0; i < 2000 && rkd_net_open_connections(h->net) != want; i++)
        h_sleep_ms(10);
    CHECK(rkd_net_open_connections(h->net) == want, why);
}

static void test_even(void **state)
{
    enum { COUNT = 64 };
    struct harness *h = h_start(&h_limits, 2);
    int fds[COUNT];
    unsigned least = 0;

    (void)state;
    for (unsigned tries = 0; tries < TRIES && least < COUNT / 4; tries++) {
        for (unsigned i = 0; i < COUNT; i++) {
            fds[i] = h_connect(h);
            h_send_text(fds[i], GET("/a"));
            h_expect(fds[i], h_ok("GET /a "), "served");
        }
        await_open(h, COUNT, "all are counted");
        CHECK(load_of(h, 0) + load_of(h, 1) == COUNT, "by worker too");
        least = load_of(h, 0) < load_of(h, 1) ? load_of(h, 0) : load_of(h, 1);
        for (unsigned i = 0; i < COUNT; i++)
            (void)close(fds[i]);
        await_open(h, 0, "and given back");
    }
    CHECK(least >= COUNT / 4, "neither sits idle, if the machine lets it run");
    h_stop(h);
}

/* The least loaded worker is busy: after a millisecond another takes the connection all the same.
 */
static void test_busy_worker(void **state)
{
    enum { MOST = 50 };
    struct harness *h = h_start(&h_limits, 2);
    unsigned count[2] = {0, 0}, opened = 0, least;
    int fds[MOST], at[2], fd;
    uint64_t since, best = UINT64_MAX;

    (void)state;
    while (count[0] == count[1] || count[0] == 0 || count[1] == 0) {
        char got[256];
        ssize_t n;

        CHECK(opened < MOST, "each worker gets some");
        fds[opened] = h_connect(h);
        h_send_text(fds[opened], GET("/worker"));
        n = recv(fds[opened], got, sizeof(got), 0);
        CHECK(n > 0, "answered");
        at[got[n - 1] - '0'] = fds[opened++];
        count[got[n - 1] - '0']++;
    }
    least = count[0] < count[1] ? 0 : 1;
    for (unsigned tries = 0; tries < TRIES && best >= 300; tries++) {
        h_send_text(at[least], GET("/sleep"));
        h_sleep_ms(20);
        since = h_now_ms();
        fd = h_connect(h);
        h_send_text(fd, GET("/b"));
        h_expect(fd, h_ok("GET /b "), "served");
        best = h_now_ms() - since < best ? h_now_ms() - since : best;
        h_expect(at[least], h_ok("slept"), "the busy one, too");
        (void)close(fd);
        await_open(h, opened, "the new one is gone");
    }
    CHECK(best < 300, "before the busy one is free");
    for (unsigned i = 0; i < opened; i++)
        (void)close(fds[i]);
    h_stop(h);
}

/*
 * The least loaded worker is busy and many come: what is queued after a millisecond is taken by the
 * batch. One at a time left a backlog of short connections waiting for seconds on a loaded machine.
 */
static void test_backlog_behind_a_busy_worker(void **state)
{
    enum { MANY = 400 };
    struct harness *h = h_start(&h_limits, 2);
    static int fds[MANY];
    uint64_t since;
    uint64_t best = UINT64_MAX;
    int busy = h_connect(h);

    (void)state;
    for (unsigned tries = 0; tries < TRIES && best >= BATCH_MS; tries++) {
        h_send_text(busy, GET("/sleep"));
        h_sleep_ms(20);
        since = h_now_ms();
        for (unsigned i = 0; i < MANY; i++) {
            fds[i] = h_connect(h);
            h_send_text(fds[i], GET("/b"));
        }
        for (unsigned i = 0; i < MANY; i++)
            h_expect(fds[i], h_ok("GET /b "), "served");
        best = h_now_ms() - since < best ? h_now_ms() - since : best;
        for (unsigned i = 0; i < MANY; i++)
            (void)close(fds[i]);
        h_expect(busy, h_ok("slept"), "the busy one, too");
        await_open(h, 1, "and the others are gone");
    }
    CHECK(best < BATCH_MS, "before the busy one is free, and not one a millisecond");
    (void)close(busy);
    h_stop(h);
}

static bool is_served(int fd)
{
    static const char request[] = GET("/a");
    char got[256];

    return send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
           recv(fd, got, sizeof(got), 0) > 0;
}

static void test_caps(void **state)
{
    struct rkd_net_limits limits = h_limits;
    struct harness *h;
    int fds[12];

    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        unsigned want = way == 2 ? 8 : 5;

        limits.connections = way == 0 ? 5 : 8;
        limits.connections_per_address = way == 0 ? 0 : 5;
        h = h_start(&limits, 2);
        atomic_store(&h->is_trusting, way == 2); /* a proxy: only the first cap counts */
        for (unsigned i = 0; i < 12; i++) {
            fds[i] = h_connect(h);
            CHECK(is_served(fds[i]) == (i < want), "exactly so many");
        }
        (void)close(fds[0]);
        await_open(h, want - 1, "one leaves");
        fds[0] = h_connect(h);
        CHECK(is_served(fds[0]), "one may come");
        for (unsigned i = 0; i < 12; i++)
            (void)close(fds[i]);
        h_stop(h);
    }
}

static void test_counts(void **state)
{
    struct rkd_net_limits limits = {.connections = 3000, .connections_per_address = 2};
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};
    static struct rkd_count *counts[3000];
    struct rkd_count *more;
    struct rkd_addr v6 = {.is_set = true, .bytes = {0x20, 1, 0xd, 0xb8}}, v4 = listen.addr;
    struct rkd_net *net;

    (void)state;
    CHECK_ERR(rkd_net_open(&listen, 1, &limits, 1, &net, NULL), RK_OK, "open");
    CHECK(rkd_count_take(net, &v6, false, &counts[0]), "one");
    v6.bytes[15] = 9;
    CHECK(rkd_count_take(net, &v6, false, &counts[1]), "another of the same /64");
    v6.bytes[12] = 9;
    CHECK(!rkd_count_take(net, &v6, false, &more) && more == NULL, "are all of it");
    v6.bytes[7] = 1;
    CHECK(rkd_count_take(net, &v6, false, &counts[2]), "the next /64 has its own");
    for (unsigned i = 0; i < 3; i++)
        rkd_count_give(net, counts[i]);
    CHECK(rkd_net_open_connections(net) == 0, "all given back");
    for (unsigned i = 0; i < 3000; i++) {
        v4.bytes[14] = (uint8_t)(i >> 8);
        v4.bytes[15] = (uint8_t)i;
        CHECK(rkd_count_take(net, &v4, false, &counts[i]), "each IPv4 address counts by itself");
    }
    CHECK(!rkd_count_take(net, &v4, true, &more), "all together have a limit too");
    for (unsigned i = 0; i < 3000; i += 2)
        rkd_count_give(net, counts[i]);
    CHECK(rkd_net_open_connections(net) == 1500, "half");
    rkd_net_free(net); /* with some left */
}

static unsigned open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count - 3; /* ".", ".." and this one */
}

static uint64_t cpu_ms(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static unsigned fill(int *fillers, unsigned cap)
{
    unsigned filled = 0;

    while (filled < cap && (fillers[filled] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        filled++;
    CHECK(filled < cap && errno == EMFILE, "the table is full");
    return filled;
}

/* The clients are of the same process: their sockets are made before the table is full. */
static void test_out_of_descriptors(void **state)
{
    enum { CLIENTS = 20, TABLE = 256 };
    struct rlimit was, now;
    unsigned before = open_files(), filled;
    struct harness *h = h_start(&h_limits, 1);
    int ready = h_connect(h), fillers[TABLE], clients[CLIENTS];
    uint64_t cpu;
    char c;

    (void)state;
    CHECK(is_served(ready), "while there are descriptors");
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0, "limit");
    now = was;
    now.rlim_cur = TABLE;
    CHECK(setrlimit(RLIMIT_NOFILE, &now) == 0, "lower it");
    filled = fill(fillers, TABLE);

    for (unsigned i = 0; i < CLIENTS; i++)
        CHECK(h_connect_on(h, clients[i]), "the kernel lets them in");
    for (unsigned i = 0; i < CLIENTS; i++) {
        ssize_t n = recv(clients[i], &c, 1, 0);

        CHECK(n == 0 || (n < 0 && errno == ECONNRESET), "the excess is closed, not left waiting");
    }
    cpu = cpu_ms();
    h_sleep_ms(300);
    CHECK(cpu_ms() - cpu < 100, "no busy loop");
    CHECK(is_served(ready), "who is in is served");

    for (unsigned i = 0; i < CLIENTS; i++)
        (void)close(clients[i]);
    while (filled != 0)
        (void)close(fillers[--filled]);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0, "raise it again");
    clients[0] = h_connect(h);
    CHECK(is_served(clients[0]), "resumes when descriptors return");
    (void)close(clients[0]);
    (void)close(ready);
    h_stop(h);
    CHECK(open_files() == before, "none is lost");
}

/* Not even the reserve is there: the queue waits, quietly, and is served later. */
static void test_no_reserve(void **state)
{
    enum { TABLE = 256 };
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};
    struct harness *h = h_prepare(&h_limits, 1, &listen);
    struct rlimit was, now;
    int fillers[TABLE], fd = h_connect(h);
    unsigned filled;
    uint64_t cpu;

    (void)state;
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0, "limit");
    now = was;
    now.rlim_cur = TABLE;
    CHECK(setrlimit(RLIMIT_NOFILE, &now) == 0, "lower it");
    (void)close(h->sides[0].worker->reserve_fd);
    h->sides[0].worker->reserve_fd = -1;
    filled = fill(fillers, TABLE);
    h_go(h);
    cpu = cpu_ms();
    h_sleep_ms(300);
    CHECK(cpu_ms() - cpu < 100, "no busy loop");
    while (filled != 0)
        (void)close(fillers[--filled]);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0, "raise it again");
    CHECK(is_served(fd), "taken when descriptors return");
    (void)close(fd);
    h_drain(h, 1000);
    h_join(h);
    CHECK(h->sides[0].worker->reserve_fd >= 0, "with a reserve again");
    h_stop(h);
}

/* A security module may forbid it and leave the connection where it is (accept(2): EPERM). */
static void test_accept_forbidden(void **state)
{
    struct harness *h = h_start(&h_limits, 1);
    unsigned before = atomic_load(&accept_calls);
    int fd;

    (void)state;
    atomic_store(&accept_errno, EPERM);
    fd = h_connect(h);
    h_send_text(fd, GET("/a"));
    h_sleep_ms(300);
    CHECK(atomic_load(&accept_calls) - before < 50, "no busy loop");
    atomic_store(&accept_errno, 0);
    h_expect(fd, h_ok("GET /a "), "served once it is allowed");
    (void)close(fd);
    atomic_store(&accept_errno, EPERM);
    h_drain(h, 1000);
    h_join(h);
    atomic_store(&accept_errno, 0);
    h_stop(h);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_busy_worker),
        cmocka_unit_test(test_backlog_behind_a_busy_worker),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_no_reserve),
        cmocka_unit_test(test_accept_forbidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
