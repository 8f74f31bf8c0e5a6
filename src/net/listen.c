/*
 * listen.c - the listening sockets, opened once for all workers, and how many descriptors there
 * are.
 *
 * May touch: sockets, Unix paths it made, RLIMIT_NOFILE. Every refusal names the address and says
 * why in errno's words. Rules: semantics H18, H21.
 */
#include "net/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    FILES_BESIDES = 64,  /* descriptors of the process that are not connections */
    FILES_A_WORKER = 24, /* its loop, its dups */
    UNIX_MODE = 0660,
};

static void say(struct rk_diag *out_diag, const char *name, const char *text)
{
    if (out_diag == NULL)
        return;
    (void)snprintf(out_diag->field, sizeof(out_diag->field), "%s", name);
    (void)snprintf(out_diag->text, sizeof(out_diag->text), "%s", text);
}

/* libuv's texts: lower case, the same in every locale, no static buffer. */
static enum rk_err say_errno(struct rk_diag *out_diag, const char *name)
{
    say(out_diag, name, uv_strerror(uv_translate_sys_error(errno)));
    return RK_E_IO;
}

/* --- addresses --- */

static socklen_t to_sockaddr(const struct rkd_listen *listen, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(listen->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(listen->port)};

    *out = (struct sockaddr_storage){0};
    if (listen->addr.is_v4) {
        memcpy(&in.sin_addr, listen->addr.bytes + 12, sizeof(in.sin_addr));
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    memcpy(&in6.sin6_addr, listen->addr.bytes, sizeof(in6.sin6_addr));
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

/* --- TCP --- */

static enum rk_err open_tcp(struct rkd_net_listener *name, int *out_fd, struct rk_diag *out_diag)
{
    struct sockaddr_storage addr;
    socklen_t len = to_sockaddr(&name->listen, &addr);
    const int on = 1;
    int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *out_fd = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        /* accepted sockets inherit it */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        /* [::] and 0.0.0.0 are two addresses, and may both be listened on */
        (addr.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, SOMAXCONN) != 0)
        return say_errno(out_diag, name->text);
    return RK_OK;
}

/* --- Unix sockets --- */

static enum rk_err make_room(const struct sockaddr_un *addr, const char *name,
                             struct rk_diag *out_diag)
{
    struct stat st;
    int fd, failed;

    if (lstat(addr->sun_path, &st) != 0)
        return errno == ENOENT ? RK_OK : say_errno(out_diag, name);
    if (!S_ISSOCK(st.st_mode)) {
        say(out_diag, name, "something that is not a socket lies at this path");
        return RK_E_INVAL;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return say_errno(out_diag, name);
    failed = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? 0 : errno;
    (void)close(fd);
    if (failed != ECONNREFUSED) { /* somebody answers, or we cannot know */
        errno = failed == 0 || failed == EAGAIN ? EADDRINUSE : failed;
        return say_errno(out_diag, name);
    }
    return unlink(addr->sun_path) == 0 || errno == ENOENT ? RK_OK : say_errno(out_diag, name);
}

static enum rk_err open_unix(struct rkd_net_listener *name, struct rkd_listener *listener,
                             struct rk_diag *out_diag)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    enum rk_err err;

    memcpy(addr.sun_path, name->listen.path, sizeof(name->listen.path));
    err = make_room(&addr, name->text, out_diag);
    if (err != RK_OK)
        return err;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode first on the socket, which the path is made with: it is never wider than that. */
    if (listener->fd < 0 || fchmod(listener->fd, UNIX_MODE) != 0 ||
        bind(listener->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        return say_errno(out_diag, name->text);
    listener->has_path = true;
    if (lstat(addr.sun_path, &st) != 0 || chmod(addr.sun_path, UNIX_MODE) != 0 ||
        listen(listener->fd, SOMAXCONN) != 0)
        return say_errno(out_diag, name->text);
    listener->path_dev = st.st_dev;
    listener->path_ino = st.st_ino;
    return RK_OK;
}

static void remove_path(const struct rkd_net_listener *name, struct rkd_listener *listener)
{
    struct stat st;

    if (listener->has_path && lstat(name->listen.path, &st) == 0 &&
        st.st_dev == listener->path_dev && st.st_ino == listener->path_ino)
        (void)unlink(name->listen.path);
    listener->has_path = false;
}

/* --- inherited descriptors --- */

static enum rk_err adopt_fd(const struct rkd_net_listener *name, int *out_fd,
                            struct rk_diag *out_diag)
{
    int fd = name->listen.fd, type = 0, is_listening = 0, flags;
    const int on = 1;
    socklen_t len = sizeof(type);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
        return say_errno(out_diag, name->text);
    len = sizeof(is_listening);
    if (type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) != 0 || !is_listening) {
        say(out_diag, name->text, "is not a listening stream socket");
        return RK_E_INVAL;
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return say_errno(out_diag, name->text);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not on a Unix socket */
    *out_fd = fd;
    return RK_OK;
}

/* --- all of them --- */

static enum rk_err open_one(struct rkd_net_listener *name, struct rkd_listener *listener,
                            struct rk_diag *out_diag)
{
    char ip[INET6_ADDRSTRLEN] = "";
    enum rk_err err = RK_E_INVAL;

    switch (name->listen.kind) {
    case RKD_LISTEN_TCP:
        (void)inet_ntop(name->listen.addr.is_v4 ? AF_INET : AF_INET6,
                        name->listen.addr.bytes + (name->listen.addr.is_v4 ? 12 : 0), ip,
                        sizeof(ip));
        (void)snprintf(name->text, sizeof(name->text),
                       name->listen.addr.is_v4 ? "%s:%u" : "[%s]:%u", ip, name->listen.port);
        err = open_tcp(name, &listener->fd, out_diag);
        break;
    case RKD_LISTEN_UNIX:
        (void)snprintf(name->text, sizeof(name->text), "unix:%s", name->listen.path);
        err = open_unix(name, listener, out_diag);
        break;
    case RKD_LISTEN_INHERITED:
        (void)snprintf(name->text, sizeof(name->text), "descriptor %d", name->listen.fd);
        err = adopt_fd(name, &listener->fd, out_diag);
        break;
    }
    if (err == RK_OK)
        rkd_listen_learn(listener->fd, name);
    return err;
}

/* H18: as many descriptors as we may have; fewer connections where that is not enough. */
static void fit_descriptors(struct rkd_net *net)
{
    rlim_t besides = FILES_BESIDES + (rlim_t)net->workers * FILES_A_WORKER;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = soft;
    }
    if (limit.rlim_cur == RLIM_INFINITY || net->limits.connections == 0 ||
        limit.rlim_cur >= besides + net->limits.connections)
        return;
    net->limits.connections =
        limit.rlim_cur > besides ? (uint32_t)(limit.rlim_cur - besides) : (uint32_t)1;
}

enum rk_err rkd_net_open(const struct rkd_listen *listen, size_t count,
                         const struct rkd_net_limits *limits, unsigned workers,
                         struct rkd_net **out_net, struct rk_diag *out_diag)
{
    size_t size = sizeof(struct rkd_net) + workers * sizeof(struct rkd_load);
    struct rkd_net *net;
    enum rk_err err;

    if (count == 0 || count > RKD_LISTEN_MAX || workers == 0) {
        say(out_diag, "listen", "1 to 16 addresses, at least one worker");
        return RK_E_INVAL;
    }
    size = (size + RKD_CACHE_LINE - 1) / RKD_CACHE_LINE * RKD_CACHE_LINE;
    net = aligned_alloc(RKD_CACHE_LINE, size);
    if (net == NULL)
        return RK_E_NOMEM;
    memset(net, 0, size);
    net->limits = *limits;
    if (net->limits.answer_bytes < RKD_ANSWER_BYTES)
        net->limits.answer_bytes = RKD_ANSWER_BYTES;
    net->workers = workers;
    atomic_init(&net->accepting, workers);
    if (pthread_mutex_init(&net->shut_lock, NULL) != 0) {
        free(net);
        return RK_E_NOMEM;
    }
    err = rkd_count_init(net);
    for (size_t i = 0; err == RK_OK && i < count; i++) {
        net->names[i].listen = listen[i];
        net->listeners[i].fd = -1;
        net->listener_count = i + 1;
        err = open_one(&net->names[i], &net->listeners[i], out_diag);
    }
    if (err != RK_OK) {
        rkd_net_free(net);
        return err;
    }
    fit_descriptors(net);
    *out_net = net;
    return RK_OK;
}

size_t rkd_net_listeners(const struct rkd_net *net, const struct rkd_net_listener **out)
{
    *out = net->names;
    return net->listener_count;
}

uint32_t rkd_net_connections(const struct rkd_net *net)
{
    return net->limits.connections;
}

uint32_t rkd_net_open_connections(const struct rkd_net *net)
{
    return atomic_load(&net->connections);
}

uint64_t rkd_net_accepted(const struct rkd_net *net)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < net->workers; i++)
        sum += atomic_load_explicit(&net->load[i].accepted, memory_order_relaxed);
    return sum;
}

uint64_t rkd_net_refused(const struct rkd_net *net)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < net->workers; i++)
        sum += atomic_load_explicit(&net->load[i].refused, memory_order_relaxed);
    return sum;
}

/*
 * What connects between the last accept and the close of a socket would be reset. So connecting
 * ends first: a Unix path is removed, a TCP socket of ours drops every SYN. Only those: the filter
 * also sees the last step of handshakes that have begun, and connections accepted from now on
 * inherit it. An inherited socket stays as it is, and keeps its queue (rkd_accept_drain): somebody
 * else goes on listening on it.
 */
void rkd_listen_shut(struct rkd_net *net)
{
    enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 }; /* RFC 9293 s.3.1 */
    struct sock_filter no_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = {.len = ARRAY_LEN(no_syn), .filter = no_syn};

    (void)pthread_mutex_lock(&net->shut_lock);
    for (size_t i = 0; i < net->listener_count; i++) {
        struct rkd_listener *listener = &net->listeners[i];

        if (listener->fd >= 0 && net->names[i].listen.kind == RKD_LISTEN_TCP)
            (void)setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
        remove_path(&net->names[i], listener);
    }
    (void)pthread_mutex_unlock(&net->shut_lock);
}

void rkd_listen_close(struct rkd_net *net)
{
    (void)pthread_mutex_lock(&net->shut_lock);
    for (size_t i = 0; i < net->listener_count; i++) {
        if (net->listeners[i].fd >= 0)
            (void)close(net->listeners[i].fd);
        net->listeners[i].fd = -1;
        remove_path(&net->names[i], &net->listeners[i]);
    }
    (void)pthread_mutex_unlock(&net->shut_lock);
}

void rkd_net_free(struct rkd_net *net)
{
    if (net == NULL)
        return;
    rkd_listen_close(net);
    rkd_count_clear(net);
    (void)pthread_mutex_destroy(&net->shut_lock);
    free(net);
}
