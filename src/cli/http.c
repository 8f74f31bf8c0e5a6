/*
 * http.c - one GET over loopback, for health checks: connect, ask, read the status line.
 *
 * May touch: one socket, the monotonic clock.
 */
#include "cli/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ready for `events` before the deadline? */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = events};
        const int64_t left = deadline_ms - now_ms();
        int got;

        if (left <= 0)
            return false;
        got = poll(&poll_fd, 1, (int)left);
        if (got > 0)
            return true;
        if (got == 0 || errno != EINTR)
            return false;
    }
}

static socklen_t address_of(const struct rkd_listen *to, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (to->kind == RKD_LISTEN_UNIX) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};

        memcpy(un.sun_path, to->path, sizeof(to->path) - 1);
        memcpy(out, &un, sizeof(un));
        return sizeof(un);
    }
    if (to->addr.is_v4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(to->port)};

        memcpy(&in.sin_addr, to->addr.bytes + 12, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};

        memcpy(&in6.sin6_addr, to->addr.bytes, 16);
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    }
}

static bool connect_to(int fd, const struct rkd_listen *to, int64_t deadline_ms)
{
    struct sockaddr_storage address;
    const socklen_t len = address_of(to, &address);
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (connect(fd, (const struct sockaddr *)&address, len) == 0)
        return true;
    if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline_ms))
        return false;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && error == 0;
}

/* Reads until the status line stands in `head`; its three digits. */
static unsigned read_status(int fd, int64_t deadline_ms)
{
    static const struct rk_str version = RK_STR_INIT("HTTP/1.");
    enum { STATUS_AT = 9, STATUS_END = 12 };
    char head[STATUS_END];
    unsigned status = 0;
    size_t len = 0;

    while (len < sizeof(head)) {
        ssize_t got;

        if (!wait_for(fd, POLLIN, deadline_ms))
            return 0;
        got = read(fd, head + len, sizeof(head) - len);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return 0;
        len += (size_t)got;
    }
    if (!rki_str_starts_with(rki_str(head, len), version) || head[STATUS_AT - 1] != ' ')
        return 0;
    for (size_t i = STATUS_AT; i < STATUS_END; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + (unsigned)(head[i] - '0');
    }
    return status;
}

unsigned rkd_http_get(const struct rkd_listen *to, const char *path, int timeout_ms)
{
    const int64_t deadline_ms = now_ms() + timeout_ms;
    const int family = to->kind == RKD_LISTEN_UNIX ? AF_UNIX : to->addr.is_v4 ? AF_INET : AF_INET6;
    char text[256];
    struct rki_buf request = rki_buf_over(text, sizeof(text));
    unsigned status = 0;
    int fd;

    rki_buf_lit(&request, "GET ");
    rki_buf_put(&request, rki_cstr(path));
    rki_buf_lit(&request, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    if (request.overflow)
        return 0;
    fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    /* so few bytes always fit into a fresh socket's buffer */
    if (connect_to(fd, to, deadline_ms) &&
        send(fd, text, request.len, MSG_NOSIGNAL) == (ssize_t)request.len)
        status = read_status(fd, deadline_ms);
    (void)close(fd);
    return status;
}
