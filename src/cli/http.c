/*
 * http.c - one request over a plain connection of its own: for health checks, and for Lambda.
 *
 * It speaks to machines of the same house (this service, the host it runs on), never to addresses
 * that come from a request. May touch: one socket, the monotonic clock.
 */
#include "cli/http.h"

#include "api/envelope.h"
#include "config/number.h"
#include "net/chunk.h"

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

/* How long somebody is waited for, and what ends the waiting early. */
struct patience {
    int64_t deadline_ms; /* INT64_MAX: none */
    int stop_fd;         /* readable, or its other end closed: give up; -1: none */
};

/* Ready for `events` before patience ends? */
static bool wait_for(int fd, short events, const struct patience *patience)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = events},
                               {.fd = patience->stop_fd, .events = POLLIN}};
        const int64_t left = patience->deadline_ms - now_ms();
        int got;

        if (left <= 0)
            return false;
        got = poll(fds, ARRAY_LEN(fds), left > INT32_MAX ? -1 : (int)left);
        if (got > 0)
            return fds[1].revents == 0;
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

static bool connect_to(int fd, const struct rkd_listen *to, const struct patience *patience)
{
    struct sockaddr_storage address;
    const socklen_t len = address_of(to, &address);
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (connect(fd, (const struct sockaddr *)&address, len) == 0)
        return true;
    if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, patience))
        return false;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && error == 0;
}

/* A connection, or -1. */
static int open_to(const struct rkd_listen *to, const struct patience *patience)
{
    const int family = to->kind == RKD_LISTEN_UNIX ? AF_UNIX : to->addr.is_v4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && !connect_to(fd, to, patience)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool send_all(int fd, struct rk_str bytes, const struct patience *patience)
{
    while (bytes.len != 0) {
        const ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent > 0)
            bytes = rki_str(bytes.ptr + sent, bytes.len - (size_t)sent);
        else if (sent < 0 && errno != EINTR &&
                 (errno != EAGAIN || !wait_for(fd, POLLOUT, patience)))
            return false;
    }
    return true;
}

/* At least one byte more; 0 at the end, and when patience ends. */
static size_t read_more(int fd, char *to, size_t cap, const struct patience *patience)
{
    for (;;) {
        ssize_t got;

        if (!wait_for(fd, POLLIN, patience))
            return 0;
        got = read(fd, to, cap);
        if (got >= 0)
            return (size_t)got;
        if (errno != EINTR && errno != EAGAIN)
            return 0;
    }
}

/* "HTTP/1.1 200 OK": the three digits, 0 when it is something else. */
static unsigned status_of(struct rk_str line)
{
    static const struct rk_str version = RK_STR_INIT("HTTP/1.");
    enum { STATUS_AT = 9, STATUS_END = RKD_HTTP_STATUS_LEN };
    unsigned status = 0;

    if (line.len < STATUS_END || !rki_str_starts_with(line, version) ||
        line.ptr[STATUS_AT - 1] != ' ')
        return 0;
    for (size_t i = STATUS_AT; i < STATUS_END; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): read() wrote it */
        if (line.ptr[i] < '0' || line.ptr[i] > '9')
            return 0;
        status = status * 10 + (unsigned)(line.ptr[i] - '0');
    }
    return status;
}

/* ---- answers ---- */

struct rk_str rkd_http_find(const struct rkd_http_answer *answer, struct rk_str name)
{
    struct rk_str rest = answer->fields, found, value;

    while (rkd_envelope_next_field(&rest, &found, &value))
        if (rki_str_equal_nocase(found, name))
            return value;
    return rki_str(NULL, 0);
}

/* Puts the chunks in data[0, len) together, where they are. False: not all of them are there. */
static bool join_chunks(char *data, size_t len, size_t *out_len)
{
    static const struct rkd_net_limits limits = {.body_bytes = UINT32_MAX,
                                                 .headers_bytes = UINT32_MAX};
    enum rkd_chunk_kind kind = RKD_CHUNK_FRAME;
    struct rkd_chunk chunk = {0};
    size_t at = 0, run;

    for (*out_len = 0; kind >= RKD_CHUNK_FRAME && kind <= RKD_CHUNK_SKIPPED; at += run) {
        kind = rkd_chunk_next(&chunk, data + at, len - at, &limits, &run);
        if (kind == RKD_CHUNK_DATA) {
            memmove(data + *out_len, data + at, run);
            *out_len += run;
        }
    }
    return kind == RKD_CHUNK_LAST;
}

/* Is what stands in data[0, len) the whole answer? *out is filled in as far as it goes. */
static bool take_answer(char *data, size_t len, bool to_head, struct rkd_http_answer *out)
{
    char *end = memmem(data, len, "\r\n\r\n", 4);
    struct rk_str field, none;
    uint64_t length;

    *out = (struct rkd_http_answer){.status = status_of(rki_str(data, len))};
    if (end == NULL || out->status == 0)
        return false;
    out->fields = rki_str(data, (size_t)(end - data) + 2);
    (void)rkd_envelope_next_field(&out->fields, &field, &none); /* the status line */
    end += 4;
    out->body = rki_str(end, len - (size_t)(end - data));
    field = rkd_http_find(out, RK_STR("Transfer-Encoding"));
    if (rki_str_equal_nocase(field, RK_STR("chunked")))
        return join_chunks(end, out->body.len, &out->body.len);
    field = rkd_http_find(out, RK_STR("Content-Length"));
    if (field.ptr == NULL || to_head)
        return true;
    if (!rkd_number_parse(field, out->body.len, &length)) /* or more than is there */
        return false;
    out->body.len = (size_t)length;
    return true;
}

enum rk_err rkd_http_exchange(const struct rkd_listen *to, const struct rkd_http_request *request,
                              char *data, size_t cap, struct rkd_http_answer *out)
{
    const struct patience patience = {
        request->timeout_ms < 0 ? INT64_MAX : now_ms() + request->timeout_ms, request->stop_fd};
    const int fd = open_to(to, &patience);
    size_t len = 0, got = 1;

    *out = (struct rkd_http_answer){0};
    if (fd < 0)
        return RK_E_IO;
    if (send_all(fd, request->head, &patience) && send_all(fd, request->body, &patience))
        for (; got != 0 && len < cap; len += got)
            got = read_more(fd, data + len, cap - len, &patience);
    (void)close(fd);
    if (take_answer(data, len, rki_str_starts_with(request->head, RK_STR("HEAD ")), out))
        return RK_OK;
    return len == cap ? RK_E_TOO_LONG : RK_E_IO;
}

unsigned rkd_http_get(const struct rkd_listen *to, const char *path, int timeout_ms, char *data,
                      size_t cap, struct rkd_http_answer *out)
{
    char text[256];
    struct rki_buf head = rki_buf_over(text, sizeof(text));
    struct rkd_http_request request = {.timeout_ms = timeout_ms, .stop_fd = -1};

    *out = (struct rkd_http_answer){0};
    rki_buf_lit(&head, "GET ");
    rki_buf_put(&head, rki_cstr(path));
    rki_buf_lit(&head, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    request.head = rki_buf_str(&head);
    if (!head.overflow)
        (void)!rkd_http_exchange(to, &request, data, cap, out);
    return out->status;
}
