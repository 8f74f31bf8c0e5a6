/* Listening sockets: addresses, Unix paths, inherited descriptors, descriptor limits. */
#include "check.h"
#include "net/worker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct rkd_net_limits limits = {.connections = 100};

static struct rkd_listen loopback(uint16_t port)
{
    return (struct rkd_listen){
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}},
        .port = port};
}

static struct rkd_listen at_path(const char *path)
{
    struct rkd_listen listen = {.kind = RKD_LISTEN_UNIX};

    (void)snprintf(listen.path, sizeof(listen.path), "%s", path);
    return listen;
}

static enum rk_err open_one(struct rkd_listen listen, struct rkd_net **net, struct rk_diag *diag)
{
    *diag = (struct rk_diag){0};
    *net = NULL;
    return rkd_net_open(&listen, 1, &limits, 2, net, diag);
}

static void test_tcp(void **state)
{
    struct rkd_listen listen[2] = {loopback(0), {.addr = {.is_set = true, .bytes = {[15] = 1}}}};
    const struct rkd_net_listener *names;
    struct rkd_net *net, *second;
    struct rk_diag diag;
    int on = 0;
    socklen_t len = sizeof(on);
    char want[64];

    (void)state;
    CHECK_ERR(rkd_net_open(listen, 2, &limits, 2, &net, &diag), RK_OK, "both families");
    CHECK(rkd_net_listeners(net, &names) == 2, "two");
    CHECK(names[0].listen.port != 0 && names[1].listen.port != 0, "the port the kernel chose");
    (void)snprintf(want, sizeof(want), "127.0.0.1:%u", names[0].listen.port);
    CHECK_STR(rki_cstr(names[0].text), rki_cstr(want), "IPv4 text");
    (void)snprintf(want, sizeof(want), "[::1]:%u", names[1].listen.port);
    CHECK_STR(rki_cstr(names[1].text), rki_cstr(want), "IPv6 text");
    CHECK(getsockopt(net->listeners[0].fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on == 1,
          "NODELAY is inherited from here");
    CHECK((fcntl(net->listeners[0].fd, F_GETFD) & FD_CLOEXEC) != 0, "CLOEXEC");
    CHECK_ERR(open_one(loopback(names[0].listen.port), &second, &diag), RK_E_IO, "in use");
    CHECK_STR(rki_cstr(diag.text), RK_STR("address already in use"), "hosts look for these words");
    (void)snprintf(want, sizeof(want), "127.0.0.1:%u", names[0].listen.port);
    CHECK_STR(rki_cstr(diag.field), rki_cstr(want), "the culprit");
    CHECK(second == NULL, "untouched");
    rkd_net_free(net);
    rkd_net_free(NULL);
    CHECK_ERR(rkd_net_open(listen, 0, &limits, 1, &net, &diag), RK_E_INVAL, "no address");
    CHECK_ERR(rkd_net_open(listen, 1, &limits, 0, &net, NULL), RK_E_INVAL, "no worker");
    listen[0].addr.bytes[12] = 192; /* 192.0.0.1: not ours */
    CHECK_ERR(open_one(listen[0], &net, &diag), RK_E_IO, "not our address");
    CHECK_STR(rki_cstr(diag.text), RK_STR("address not available"), "says why");
}

static void test_unix(void **state)
{
    char dir[] = "/tmp/rk-listen-XXXXXX", path[64];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct rkd_net *net, *second;
    struct rk_diag diag;
    struct stat st;
    int fd;

    (void)state;
    CHECK(mkdtemp(dir) != NULL, "a directory");
    (void)snprintf(path, sizeof(path), "%s/sock", dir);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);

    CHECK_ERR(open_one(at_path(path), &net, &diag), RK_OK, "made");
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0660, "mode 0660");
    CHECK_ERR(open_one(at_path(path), &second, &diag), RK_E_IO, "somebody listens");
    CHECK_STR(rki_cstr(diag.text), RK_STR("address already in use"), "text");
    CHECK(stat(path, &st) == 0, "and keeps it");
    rkd_net_free(net);
    CHECK(stat(path, &st) != 0, "removed at the end");

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "a stale one");
    CHECK(close(fd) == 0, "nobody listens");
    CHECK_ERR(open_one(at_path(path), &net, &diag), RK_OK, "replaced");
    CHECK(unlink(path) == 0, "an administrator moves it away");
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    rkd_net_free(net);
    CHECK(stat(path, &st) == 0 && S_ISREG(st.st_mode), "what is not ours is not removed");
    CHECK_ERR(open_one(at_path(path), &net, &diag), RK_E_INVAL, "not a socket");
    CHECK(stat(path, &st) == 0, "and stays");
    CHECK(close(fd) == 0 && unlink(path) == 0 && rmdir(dir) == 0, "clean up");
    CHECK_ERR(open_one(at_path(path), &net, &diag), RK_E_IO, "no such directory");
    CHECK_STR(rki_cstr(diag.text), RK_STR("no such file or directory"), "says why");
}

static void test_inherited(void **state)
{
    struct rkd_listen inherited = {.kind = RKD_LISTEN_INHERITED};
    const struct rkd_net_listener *names;
    struct rkd_net *net;
    struct rk_diag diag;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    inherited.fd = fd;
    CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0, "bind");
    CHECK_ERR(open_one(inherited, &net, &diag), RK_E_INVAL, "does not listen");
    CHECK(listen(fd, 1) == 0, "listen");
    CHECK_ERR(open_one(inherited, &net, &diag), RK_OK, "taken");
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "non-blocking");
    CHECK(rkd_net_listeners(net, &names) == 1 && names[0].listen.port != 0, "named");
    CHECK(names[0].listen.addr.is_v4 && names[0].listen.addr.bytes[12] == 127, "with its address");
    rkd_net_free(net);

    inherited.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_ERR(open_one(inherited, &net, &diag), RK_E_INVAL, "not a stream");
    CHECK(close(inherited.fd) == 0, "still the caller's");
    inherited.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK_ERR(open_one(inherited, &net, &diag), RK_E_IO, "no socket");
    CHECK(close(inherited.fd) == 0, "close");
    inherited.fd = 12345;
    CHECK_ERR(open_one(inherited, &net, &diag), RK_E_IO, "not open");
}

static void test_bound(void **state)
{
    struct rkd_listen here = loopback(0), there = {.addr = {.is_set = true, .bytes = {[15] = 1}}};
    const struct rkd_net_listener *names;
    char dir[] = "/tmp/roomkey-bound-XXXXXX", path[64];
    struct rkd_net *net;
    struct rk_diag diag;
    int fd;

    (void)state;
    CHECK_ERR(open_one(here, &net, &diag), RK_OK, "open");
    (void)rkd_net_listeners(net, &names);
    fd = net->listeners[0].fd;
    CHECK(!rkd_net_is_bound(fd, &here), "port 0 is nowhere");
    here.port = there.port = names[0].listen.port;
    CHECK(rkd_net_is_bound(fd, &here), "this very place");
    CHECK(!rkd_net_is_bound(fd, &there), "another address");
    here.port++;
    CHECK(!rkd_net_is_bound(fd, &here), "another port");
    CHECK(!rkd_net_is_bound(fd, &(struct rkd_listen){.kind = RKD_LISTEN_UNIX}), "another kind");
    CHECK(!rkd_net_is_bound(12345, &names[0].listen), "not open");
    rkd_net_free(net);

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/sock", dir);
    CHECK_ERR(open_one(at_path(path), &net, &diag), RK_OK, "open");
    fd = net->listeners[0].fd;
    here = at_path(path);
    CHECK(rkd_net_is_bound(fd, &here), "this very path");
    here.path[strlen(here.path) - 1] = 'x';
    CHECK(!rkd_net_is_bound(fd, &here), "another path");
    rkd_net_free(net);
    CHECK(rmdir(dir) == 0, "clean up");
}

/* H18, last of all: it lowers the limit for good. */
static void test_descriptors(void **state)
{
    struct rkd_net_limits wide = {.connections = 5000};
    struct rkd_listen listen = loopback(0);
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 1024};
    struct rkd_net *net;

    (void)state;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0, "set");
    CHECK_ERR(rkd_net_open(&listen, 1, &wide, 2, &net, NULL), RK_OK, "opens all the same");
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 1024,
          "raised to the hard one");
    CHECK(rkd_net_connections(net) < 1024 && rkd_net_connections(net) > 800, "and fitted to it");
    CHECK(rkd_net_open_connections(net) == 0, "none yet");
    rkd_net_free(net);
    wide.connections = 100;
    CHECK_ERR(rkd_net_open(&listen, 1, &wide, 2, &net, NULL), RK_OK, "opens");
    CHECK(rkd_net_connections(net) == 100, "enough for that");
    rkd_net_free(net);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),         cmocka_unit_test(test_unix),
        cmocka_unit_test(test_inherited),   cmocka_unit_test(test_bound),
        cmocka_unit_test(test_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
