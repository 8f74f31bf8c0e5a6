/*
 * loop.c - epoll, accept4, read, write; nothing else.
 */
#include "loop.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, IN = 65536, OUT = 65536 };

struct conn {
    int fd;
    max_align_t state[];
};

static int listen_on(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 512) != 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void take_connections(int epoll, int listener, size_t state_size, void (*start)(void *))
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = calloc(1, sizeof(*conn) + state_size);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

        if (conn == NULL)
            exit(1);
        conn->fd = fd;
        if (start != NULL)
            start(conn->state);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            exit(1);
    }
}

static void serve_one(struct conn *conn, bench_answer_fn *answer)
{
    static char in[IN], out[OUT];
    ssize_t got = read(conn->fd, in, sizeof(in));
    size_t len;

    if (got <= 0) {
        (void)close(conn->fd);
        free(conn);
        return;
    }
    len = answer(conn->state, in, (size_t)got, out, sizeof(out));
    if (len != 0 && write(conn->fd, out, len) != (ssize_t)len) {
        (void)close(conn->fd);
        free(conn);
    }
}

int bench_serve(int port, size_t state_size, void (*start)(void *), bench_answer_fn *answer)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        return 1;
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < count; i++)
            if (events[i].data.ptr == NULL)
                take_connections(epoll, listener, state_size, start);
            else
                serve_one(events[i].data.ptr, answer);
    }
}
