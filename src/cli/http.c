/*
 * http.c - one request over a plain connection of its own: for health checks, and for Lambda.
 *
 * It speaks to machines of the same house (this service, the host it runs on), never to addresses
 * that come from a request. May touch: one socket, the monotonic clock.
 */
#include "cli/http.h"

#include "config/number.h"

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
    enum { STATUS_AT = 9, STATUS_END = 12 };
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

unsigned rkd_http_get(const struct rkd_listen *to, const char *path, int timeout_ms)
{
    const struct patience patience = {now_ms() + timeout_ms, -1};
    char text[256], head[12]; /* as far as the status */
    struct rki_buf request = rki_buf_over(text, sizeof(text));
    size_t len = 0, got = 1;
    int fd;

    rki_buf_lit(&request, "GET ");
    rki_buf_put(&request, rki_cstr(path));
    rki_buf_lit(&request, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    if (request.overflow)
        return 0;
    fd = open_to(to, &patience);
    if (fd < 0)
        return 0;
    if (send_all(fd, rki_buf_str(&request), &patience))
        for (; got != 0 && len < sizeof(head); len += got)
            got = read_more(fd, head + len, sizeof(head) - len, &patience);
    (void)close(fd);
    return status_of(rki_str(head, len));
}

/* ---- whole answers ---- */

/* Where `what` stands in `text`; text.len when it does not. */
static size_t find(struct rk_str text, struct rk_str what)
{
    for (size_t at = 0; at + what.len <= text.len; at++)
        if (memcmp(text.ptr + at, what.ptr, what.len) == 0)
            return at;
    return text.len;
}

/* Cuts the next line off *rest, without its end; false when there is no whole one. */
static bool next_line(struct rk_str *rest, struct rk_str *out_line)
{
    static const struct rk_str crlf = RK_STR_INIT("\r\n");
    const size_t end = find(*rest, crlf);

    if (end == rest->len)
        return false;
    *out_line = rki_str(rest->ptr, end);
    *rest = rki_str(rest->ptr + end + crlf.len, rest->len - end - crlf.len);
    return true;
}

bool rkd_http_field(struct rk_str *rest, struct rk_str *out_name, struct rk_str *out_value)
{
    struct rk_str line;

    if (!next_line(rest, &line))
        return false;
    rkd_str_cut(line, ':', out_name, out_value);
    while (out_value->len != 0 && out_value->ptr[0] == ' ')
        *out_value = rki_str(out_value->ptr + 1, out_value->len - 1);
    return true;
}

struct rk_str rkd_http_find(struct rk_str fields, struct rk_str name)
{
    struct rk_str at, value;

    while (rkd_http_field(&fields, &at, &value))
        if (rki_str_equal_nocase(at, name))
            return value;
    return rki_str(NULL, 0);
}

/* A chunk's size (RFC 9112 s.7.1), extensions ignored; false: no number, or more than we take. */
static bool chunk_size(struct rk_str line, size_t *out)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    size_t at = 0, size = 0;

    for (; at < line.len && line.ptr[at] != ';' && size <= RKD_HTTP_ANSWER_MAX; at++) {
        const char *digit = memchr(digits, line.ptr[at], sizeof(digits) - 1);

        if (digit == NULL)
            return false;
        size = size * 16 + (size_t)(digit - digits) - (digit - digits < 16 ? 0 : 6);
    }
    *out = size;
    return at != 0 && size <= RKD_HTTP_ANSWER_MAX;
}

/* Moves the chunks in `all` together, at `to`, which is where they begin. False: not all of them
 * are there, and then nothing was moved. */
static bool join_chunks(char *to, struct rk_str all, size_t *out_len)
{
    for (int pass = 0; pass < 2; pass++) { /* first only to see whether the last one is there */
        struct rk_str rest = all, line;
        size_t size = 0, len = 0;

        do {
            if (!next_line(&rest, &line) || !chunk_size(line, &size) || size + 2 > rest.len)
                return false;
            if (pass == 1)
                memmove(to + len, rest.ptr, size);
            len += size;
            rest = rki_str(rest.ptr + size + 2, rest.len - size - 2);
        } while (size != 0);
        *out_len = len;
    }
    return true;
}

/* Is what stands in data[0, len) the whole answer? *out is filled in as far as it goes. */
static bool take_answer(char *data, size_t len, bool to_head, struct rkd_http_answer *out)
{
    static const struct rk_str blank = RK_STR_INIT("\r\n\r\n");
    const size_t head = find(rki_str(data, len), blank);
    const size_t at = head + blank.len;
    struct rk_str rest, line;
    uint64_t want = 0;

    if (head == len)
        return false;
    rest = rki_str(data, head + 2);
    (void)next_line(&rest, &line); /* there is one: it ends at head at the latest */
    *out = (struct rkd_http_answer){.status = status_of(line), .fields = rest};
    if (rki_str_equal_nocase(rkd_http_find(rest, RK_STR("Transfer-Encoding")), RK_STR("chunked"))) {
        out->body.ptr = data + at;
        return join_chunks(data + at, rki_str(data + at, len - at), &out->body.len);
    }
    line = rkd_http_find(rest, RK_STR("Content-Length"));
    if (!to_head && line.ptr != NULL && !rkd_number_parse(line, RKD_HTTP_ANSWER_MAX, &want))
        want = RKD_HTTP_ANSWER_MAX;
    if (want > len - at)
        return false;
    out->body = rki_str(data + at, (size_t)want);
    return true;
}

enum rk_err rkd_http_exchange(const struct rkd_listen *to, const struct rkd_http_request *request,
                              char *data, size_t cap, struct rkd_http_answer *out)
{
    const struct patience patience = {
        request->timeout_ms < 0 ? INT64_MAX : now_ms() + request->timeout_ms, request->stop_fd};
    const int fd = open_to(to, &patience);
    bool is_whole = false;
    size_t len = 0, got = 1;

    *out = (struct rkd_http_answer){0};
    if (fd < 0)
        return RK_E_IO;
    if (send_all(fd, request->head, &patience) && send_all(fd, request->body, &patience)) {
        while (!is_whole && got != 0 && len < cap) {
            got = read_more(fd, data + len, cap - len, &patience);
            len += got;
            is_whole = got != 0 && take_answer(data, len, request->to_head, out);
        }
    }
    (void)close(fd);
    if (is_whole)
        return out->status == 0 ? RK_E_IO : RK_OK;
    return len == cap ? RK_E_TOO_LONG : RK_E_IO;
}
