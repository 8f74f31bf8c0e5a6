/*
 * accept.c - takes connections off the listening sockets, evenly over the workers.
 *
 * May touch: the worker's dups of the listening sockets, the shared counts. One accept a readiness
 * event, and none while this worker is well ahead of the least loaded one: it stands back for a
 * millisecond. What is still queued then, the others had no time for; it takes a batch whatever
 * they hold (uv_listen on dups split 64 connections 1 : 63). "Well" ahead and a batch, because
 * short connections on a machine without spare cores otherwise come in at one a millisecond: each
 * worker is one ahead in turn. When descriptors run out, a reserve one is given up to close the
 * excess connection.
 */
#include "net/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURN_MS = 1,
    SHORT_OF_MS = 50,
    AHEAD_MAX = 4, /* a connection just taken is not load yet */
    BATCH = 16,    /* after standing back */
};

static void listen_again(uv_timer_t *timer);
static void on_acceptable(uv_poll_t *handle, int status, int events);

static void poll_all(struct rkd_worker *worker, bool on)
{
    for (size_t i = 0; i < worker->net->listener_count; i++) {
        struct rkd_acceptor *acceptor = &worker->acceptors[i];

        if (acceptor->fd < 0)
            continue;
        if (on)
            (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_acceptable);
        else
            (void)uv_poll_stop(&acceptor->poll);
    }
}

static void stand_back(struct rkd_worker *worker, uint64_t ms)
{
    if (worker->is_draining)
        return;
    poll_all(worker, false);
    (void)uv_timer_start(&worker->accept_timer, listen_again, ms, 0);
}

/* Any descriptor will do; the loop's own outlives it. */
static int open_reserve(const struct rkd_worker *worker)
{
    return fcntl(uv_backend_fd(&worker->loop), F_DUPFD_CLOEXEC, 0);
}

static void listen_again(uv_timer_t *timer)
{
    struct rkd_worker *worker = timer->data;

    if (worker->reserve_fd < 0)
        worker->reserve_fd = open_reserve(worker);
    worker->is_accept_forced = true;
    poll_all(worker, true);
}

static bool is_ahead(const struct rkd_worker *worker)
{
    const struct rkd_net *net = worker->net;
    unsigned mine =
        atomic_load_explicit(&net->load[worker->index].connections, memory_order_relaxed);

    for (unsigned i = 0; i < net->workers && mine > AHEAD_MAX; i++)
        if (atomic_load_explicit(&net->load[i].connections, memory_order_relaxed) <
            mine - AHEAD_MAX)
            return true;
    return false;
}

static struct rkd_addr peer_of(const struct sockaddr_storage *from)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct rkd_addr addr = {.is_set = true};

    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, from, sizeof(in));
        memcpy(addr.bytes, mapped, sizeof(mapped));
        memcpy(addr.bytes + sizeof(mapped), &in.sin_addr, sizeof(in.sin_addr));
        addr.is_v4 = true;
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, from, sizeof(in6));
        memcpy(addr.bytes, &in6.sin6_addr, sizeof(addr.bytes));
        addr.is_v4 = memcmp(addr.bytes, mapped, sizeof(mapped)) == 0; /* an inherited dual socket */
    } else {
        addr.is_set = false;
    }
    return addr;
}

static void count_one(const struct rkd_worker *worker, bool is_taken)
{
    struct rkd_load *load = &worker->net->load[worker->index];
    _Atomic uint64_t *count = is_taken ? &load->accepted : &load->refused;

    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/*
 * One of those that wait for their client goes: the oldest that was never answered, or else the
 * oldest. Whoever asks as soon as he is connected, as scrapers do, is answered however many come
 * that do not: his bytes are here before he is taken, and what has bytes stays.
 */
static bool make_room(struct rkd_worker *worker)
{
    struct rkd_conn *victim = NULL;

    for (struct rkd_conn *conn = worker->conns; conn != NULL; conn = conn->next) /* newest first */
        if ((victim == NULL || victim->out_total != 0 || conn->out_total == 0) &&
            rkd_conn_is_waiting(conn))
            victim = conn;
    if (victim == NULL)
        return false;
    (void)rkd_conn_cut(victim);
    return true;
}

static bool is_trusted(const struct rkd_worker *worker, const struct rkd_addr *peer)
{
    return worker->handler->is_trusted != NULL && worker->handler->is_trusted(worker->ctx, peer);
}

static void admit(struct rkd_worker *worker, int fd, const struct sockaddr_storage *from)
{
    struct rkd_addr peer = peer_of(from);
    bool is_exempt = !peer.is_set || is_trusted(worker, &peer);
    struct rkd_count *count;
    bool is_taken;

    worker->is_busy = true;
    is_taken = rkd_count_take(worker->net, &peer, is_exempt, &count);
    if (!is_taken && worker->net->limits.makes_room && make_room(worker))
        is_taken = rkd_count_take(worker->net, &peer, is_exempt, &count);
    if (!is_taken) {
        (void)close(fd);
    } else if (!rkd_conn_open(worker, fd, &peer, count)) {
        rkd_count_give(worker->net, count);
        is_taken = false;
    }
    count_one(worker, is_taken);
}

/*
 * Out of descriptors: the connection at the head of the queue is closed, or it would wake us for
 * ever. Its own descriptor becomes the next reserve in one step, so that no other thread gets
 * between. False: even the reserve is gone.
 */
static bool shed(struct rkd_worker *worker, int listen_fd)
{
    int fd;

    if (worker->reserve_fd < 0)
        return false;
    (void)close(worker->reserve_fd);
    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    worker->reserve_fd =
        fd >= 0 ? dup3(uv_backend_fd(&worker->loop), fd, O_CLOEXEC) : open_reserve(worker);
    return fd >= 0;
}

/* True when there may be more. */
static bool accept_one(struct rkd_worker *worker, int listen_fd)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(from);
    int fd = accept4(listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        admit(worker, fd, &from);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        if (shed(worker, listen_fd)) {
            count_one(worker, false);
            return true;
        }
        break;
    case EINTR: /* and what befell the connection before we took it (accept(2)): it is gone */
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default: /* memory is out, or somebody forbids it: the connection may still be queued */
        break;
    }
    stand_back(worker, SHORT_OF_MS);
    return false;
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    struct rkd_acceptor *acceptor = handle->data;
    struct rkd_worker *worker = acceptor->worker;
    unsigned most = worker->is_accept_forced ? BATCH : 1;

    (void)events;
    if (status < 0) {
        stand_back(worker, SHORT_OF_MS);
        return;
    }
    if (!worker->is_accept_forced && is_ahead(worker)) {
        stand_back(worker, TURN_MS);
        return;
    }
    worker->is_accept_forced = false;
    while (most > 0 && accept_one(worker, acceptor->fd))
        most--;
}

enum rk_err rkd_accept_open(struct rkd_worker *worker)
{
    struct rkd_net *net = worker->net;

    worker->reserve_fd = open_reserve(worker);
    worker->accept_timer.data = worker;
    for (size_t i = 0; i < net->listener_count; i++) {
        struct rkd_acceptor *acceptor = &worker->acceptors[i];

        acceptor->worker = worker;
        acceptor->fd = fcntl(net->listeners[i].fd, F_DUPFD_CLOEXEC, 0);
        if (acceptor->fd < 0)
            return RK_E_IO;
        if (uv_poll_init(&worker->loop, &acceptor->poll, acceptor->fd) != 0) {
            (void)close(acceptor->fd);
            acceptor->fd = -1;
            return RK_E_NOMEM;
        }
        acceptor->poll.data = acceptor;
        if (uv_poll_start(&acceptor->poll, UV_READABLE, on_acceptable) != 0)
            return RK_E_NOMEM;
    }
    return worker->reserve_fd < 0 ? RK_E_IO : RK_OK;
}

void rkd_accept_close(struct rkd_worker *worker)
{
    for (size_t i = 0; i < RKD_LISTEN_MAX; i++) {
        struct rkd_acceptor *acceptor = &worker->acceptors[i];

        if (acceptor->fd < 0)
            continue;
        uv_close((uv_handle_t *)&acceptor->poll, NULL);
        (void)close(acceptor->fd);
        acceptor->fd = -1;
    }
    (void)uv_timer_stop(&worker->accept_timer);
}

void rkd_accept_drain(struct rkd_worker *worker)
{
    struct rkd_net *net = worker->net;
    bool is_last;

    rkd_listen_shut(net);
    is_last = atomic_fetch_sub(&net->accepting, 1) == 1;
    /* An inherited socket's queue stays for whoever goes on listening on it. */
    for (size_t i = 0; i < net->listener_count; i++)
        while (net->names[i].listen.kind != RKD_LISTEN_INHERITED &&
               accept_one(worker, worker->acceptors[i].fd))
            continue;
    if (is_last) /* each worker's dup keeps the queue until it has looked, too */
        rkd_listen_close(net);
    rkd_accept_close(worker);
}
