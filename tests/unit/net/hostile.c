#include "hostile.h"

#include "check.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct side {
    struct hostile *h;
    int fd;
    SSL *ssl;
};

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

static bool put_bytes(struct side *side, const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t sent = side->ssl != NULL ? SSL_write(side->ssl, bytes, (int)len)
                                         : send(side->fd, bytes, len, MSG_NOSIGNAL);

        if (sent <= 0 || atomic_load(&side->h->is_stopping))
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool put(struct side *side, const char *text)
{
    return put_bytes(side, text, strlen(text));
}

/* Reads one request whole into `text`; false: the connection is over. */
static bool get_request(struct side *side, char *text, size_t size)
{
    size_t len = 0, want = 0;

    for (;;) {
        struct pollfd wait = {.fd = side->fd, .events = POLLIN};
        const char *end, *length;
        ssize_t got;

        if (atomic_load(&side->h->is_stopping) || len + 1 >= size)
            return false;
        if ((side->ssl == NULL || SSL_pending(side->ssl) == 0) && poll(&wait, 1, 10) == 0)
            continue;
        got = side->ssl != NULL ? SSL_read(side->ssl, text + len, (int)(size - len - 1))
                                : recv(side->fd, text + len, size - len - 1, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end == NULL)
            continue;
        length = strstr(text, "Content-Length: ");
        want = (size_t)(end + 4 - text) + (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
        if (len >= want)
            return true;
    }
}

static void put_ok(struct side *side, const char *extra, const char *body)
{
    char text[HOSTILE_TEXT + 512];

    (void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s",
                   strlen(body), extra, body);
    (void)put(side, text);
}

static void put_drip(struct side *side)
{
    if (!put(side, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"))
        return;
    while (put(side, "x"))
        sleep_ms(20);
}

static void put_huge(struct side *side, const char *head, const char *unit)
{
    if (!put(side, head))
        return;
    for (unsigned i = 0; i < 2000000 && put(side, unit); i++)
        continue;
}

/* By a path of its own; false: none of these. The connection ends where `*out_ends` says so. */
static bool put_bad(struct side *side, const char *path, bool *out_ends)
{
    static const struct {
        const char *path, *text;
    } plain[] = {
        {"/length", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\nx"},
        {"/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"},
        {"/te-gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {"/close-mid", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"},
        {"/leave", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"/reset", ""},
        {"/not-http", "SSH-2.0-OpenSSH_9.2\r\n\r\nhello\r\n"},
    };

    *out_ends = true;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strcmp(path, plain[i].path) == 0)
            return put(side, plain[i].text), true;
    if (strcmp(path, "/drip") == 0)
        put_drip(side);
    else if (strcmp(path, "/huge") == 0)
        put_huge(side, "HTTP/1.1 200 OK\r\n\r\n", "0123456789012345678901234567890123456789");
    else if (strcmp(path, "/heads") == 0)
        put_huge(side, "HTTP/1.1 200 OK\r\n", "X-Header: 0123456789012345678901234567890\r\n");
    else if (strcmp(path, "/interim") == 0)
        put_huge(side, "", "HTTP/1.1 100 Continue\r\nX-Header: 01234567890123456789\r\n\r\n");
    else if (strcmp(path, "/silent") == 0)
        while (!atomic_load(&side->h->is_stopping))
            sleep_ms(5);
    else
        return false;
    return true;
}

static bool answer(struct side *side, const char *path, const char *request)
{
    char text[HOSTILE_TEXT];
    bool ends = false, is_own = false;

    if (side->h->answer != NULL) {
        (void)pthread_mutex_lock(&side->h->lock);
        is_own = side->h->answer(side->h->ctx, path, text, sizeof(text));
        (void)pthread_mutex_unlock(&side->h->lock);
    }
    if (is_own)
        return put(side, text);
    if (put_bad(side, path, &ends))
        return !ends;
    if (strncmp(path, "/slow/", 6) == 0) {
        for (unsigned long ms = strtoul(path + 6, NULL, 10); ms != 0 && ms < 100000; ms -= 10) {
            if (atomic_load(&side->h->is_stopping))
                return false;
            sleep_ms(10);
        }
        put_ok(side, "", "slow");
    } else if (strncmp(path, "/age/", 5) == 0) {
        (void)snprintf(text, sizeof(text), "Cache-Control: %s\r\n", path + 5);
        for (char *at = text + 15; *at != '\0'; at++)
            *at = (char)(*at == '_' ? ' ' : *at);
        put_ok(side, text, "{}");
    } else if (path[1] >= '1' && path[1] <= '9') {
        (void)snprintf(text, sizeof(text),
                       "HTTP/1.1 %.3s Told\r\nLocation: %s\r\nContent-Length: 2\r\n\r\nno",
                       path + 1, path[4] == '\0' ? "file:///etc/passwd" : path + 4);
        return put(side, text);
    } else {
        put_ok(side, "", strcmp(path, "/echo") == 0 ? request : "{\"ok\":true}");
    }
    return true;
}

static void *serve(void *arg)
{
    struct side *side = arg;
    char text[HOSTILE_TEXT], path[512];
    bool goes_on = true;

    if (side->h->tls != NULL) {
        side->ssl = SSL_new(side->h->tls);
        goes_on =
            side->ssl != NULL && SSL_set_fd(side->ssl, side->fd) == 1 && SSL_accept(side->ssl) == 1;
    }
    while (goes_on && get_request(side, text, sizeof(text))) {
        const char *from = strchr(text, ' '), *to = from == NULL ? NULL : strchr(from + 1, ' ');

        if (to == NULL || (size_t)(to - from) > sizeof(path))
            break;
        (void)snprintf(path, sizeof(path), "%.*s", (int)(to - from - 1), from + 1);
        (void)pthread_mutex_lock(&side->h->lock);
        memcpy(side->h->last, text, sizeof(text));
        (void)pthread_mutex_unlock(&side->h->lock);
        atomic_fetch_add(&side->h->requests, 1);
        goes_on = answer(side, path, text);
    }
    SSL_free(side->ssl);
    (void)close(side->fd);
    free(side);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct hostile *h = arg;

    while (!atomic_load(&h->is_stopping)) {
        struct pollfd wait = {.fd = h->fd, .events = POLLIN};
        struct side *side;
        int fd;

        if (poll(&wait, 1, 10) <= 0)
            continue;
        fd = accept(h->fd, NULL, NULL);
        if (fd < 0)
            continue;
        atomic_fetch_add(&h->connections, 1);
        side = calloc(1, sizeof(*side));
        if (side == NULL || h->thread_count == HOSTILE_THREADS_MAX)
            abort();
        *side = (struct side){.h = h, .fd = fd};
        if (pthread_create(&h->threads[h->thread_count++], NULL, serve, side) != 0)
            abort();
    }
    return NULL;
}

static int bind_any(unsigned *out_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0, "socket");
    CHECK(bind(fd, (struct sockaddr *)(void *)&addr, sizeof(addr)) == 0, "bind");
    CHECK(getsockname(fd, (struct sockaddr *)(void *)&addr, &len) == 0, "port");
    *out_port = ntohs(addr.sin_port);
    return fd;
}

struct hostile *hostile_start(hostile_fn *fn, void *ctx, SSL_CTX *tls)
{
    struct hostile *h = calloc(1, sizeof(*h));

    CHECK(h != NULL, "memory");
    h->answer = fn;
    h->ctx = ctx;
    h->tls = tls;
    (void)pthread_mutex_init(&h->lock, NULL);
    h->fd = bind_any(&h->port);
    CHECK(listen(h->fd, 64) == 0, "listen");
    CHECK(pthread_create(&h->accepting, NULL, accept_all, h) == 0, "thread");
    return h;
}

void hostile_stop(struct hostile *h)
{
    atomic_store(&h->is_stopping, true);
    (void)pthread_join(h->accepting, NULL);
    for (unsigned i = 0; i < h->thread_count; i++)
        (void)pthread_join(h->threads[i], NULL);
    (void)close(h->fd);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

const char *hostile_url(const struct hostile *h, const char *path)
{
    static char texts[8][512];
    static unsigned next;
    char *text = texts[next++ % 8];

    (void)snprintf(text, sizeof(texts[0]), "%s://127.0.0.1:%u%s", h->tls != NULL ? "https" : "http",
                   h->port, path);
    return text;
}

unsigned hostile_dead_port(void)
{
    unsigned port;

    (void)bind_any(&port); /* kept and not listened on, or the kernel would hand it out again */
    return port;
}
