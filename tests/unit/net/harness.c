/*
 * harness.c - the toy handler, its workers' threads, and the client.
 *
 * The handler's side runs on the workers' threads and only counts; every check is made by the
 * test's own thread.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const struct rkd_net_limits h_limits = {
    .connections = 2000,
    .connections_per_address = 1500,
    .body_bytes = 65536,
    .headers_bytes = 16384,
    .head_ms = 3000,
    .body_ms = 3000,
    .idle_ms = 5000,
    .write_ms = 3000,
};

_Thread_local volatile bool h_is_worker;

/* --- the handler --- */

struct noted { /* where the path lay at on_head, and what it was */
    const char *at;
    size_t len;
    unsigned sum;
};

static unsigned sum_of(struct rk_str s)
{
    unsigned sum = 17;

    for (size_t i = 0; i < s.len; i++)
        sum = sum * 31 + (unsigned char)s.ptr[i];
    return sum;
}

static void note(struct rkd_exchange *x)
{
    struct rk_str path = rkd_exchange_request(x)->path;
    struct noted *noted;

    h_is_worker = false;
    noted = malloc(sizeof(*noted));
    h_is_worker = true;
    *noted = (struct noted){.at = path.ptr, .len = path.len, .sum = sum_of(path)};
    *rkd_exchange_slot(x) = noted;
}

/* The bytes must not have moved since on_head. */
static void check_noted(struct h_side *side, struct rkd_exchange *x)
{
    const struct noted *noted = *rkd_exchange_slot(x);

    if (noted == NULL)
        return;
    if (noted->at != rkd_exchange_request(x)->path.ptr ||
        noted->sum != sum_of(rki_str(noted->at, noted->len)))
        atomic_fetch_add(&side->h->counts.moved, 1);
}

static bool path_has(const struct rkd_exchange *x, const char *part)
{
    struct rk_str path = rkd_exchange_request(x)->path;

    return path.ptr != NULL && memmem(path.ptr, path.len, part, strlen(part)) != NULL;
}

static void answer(struct rkd_exchange *x, const char *status, struct rk_str body)
{
    struct rki_buf *out = rkd_exchange_out(x);

    rki_buf_lit(out, "HTTP/1.1 ");
    rki_buf_put(out, rki_cstr(status));
    rki_buf_lit(out, "\r\nContent-Length: ");
    rki_buf_int(out, (int64_t)body.len);
    if (rkd_exchange_closes(x))
        rki_buf_lit(out, "\r\nConnection: close");
    rki_buf_lit(out, "\r\n\r\n");
    rki_buf_put(out, body);
    rkd_exchange_send(x);
}

static void answer_big(struct rkd_exchange *x)
{
    struct rk_str query = rkd_exchange_request(x)->query;
    static char body[16384];
    size_t n = 0;

    for (size_t i = 0; i < query.len; i++)
        n = n * 10 + (size_t)(query.ptr[i] - '0');
    if (n > sizeof(body))
        abort();
    answer(x, "200 OK", rki_str(body, n));
}

static void answer_as_asked(struct h_side *side, struct rkd_exchange *x)
{
    const struct rkd_request *req = rkd_exchange_request(x);
    static _Thread_local char text[80 * 1024];
    struct rki_buf body = rki_buf_over(text, sizeof(text));

    check_noted(side, x);
    if (path_has(x, "/big")) {
        answer_big(x);
        return;
    }
    if (path_has(x, "/close"))
        rkd_exchange_close_after(x);
    rki_buf_put(&body, req->method_text);
    rki_buf_char(&body, ' ');
    rki_buf_put(&body, req->path);
    rki_buf_char(&body, ' ');
    if (req->body.len < 1024) {
        rki_buf_put(&body, req->body);
    } else {
        rki_buf_int(&body, (int64_t)req->body.len);
        rki_buf_char(&body, ':');
        rki_buf_int(&body, (int64_t)sum_of(req->body));
    }
    answer(x, path_has(x, "/drop") ? "404 Not Found" : "200 OK", rki_buf_str(&body));
}

static void hold_in(struct rkd_exchange **list, unsigned *count, struct rkd_exchange *x)
{
    if (*count == H_HELD_MAX)
        abort();
    list[(*count)++] = x;
}

static enum rkd_head_verdict verdict_of(const struct rkd_exchange *x)
{
    return path_has(x, "/drop") || rkd_exchange_request(x)->method == RKD_GET ? RKD_HEAD_DROP
                                                                              : RKD_HEAD_READ;
}

static void release_waiting(struct h_side *side)
{
    for (unsigned i = 0; i < side->waiting_count; i++)
        if (side->waiting[i] != NULL)
            rkd_exchange_go_on(side->waiting[i], verdict_of(side->waiting[i]));
    side->waiting_count = 0;
}

static enum rkd_head_verdict on_head(void *ctx, struct rkd_exchange *x)
{
    struct h_side *side = ctx;

    atomic_fetch_add(&side->h->counts.heads, 1);
    note(x);
    rkd_exchange_conn_slot(x)->word[0]++;
    if (path_has(x, "/wait")) {
        hold_in(side->waiting, &side->waiting_count, x);
        atomic_fetch_add(&side->h->counts.waiting, 1);
        return RKD_HEAD_WAIT;
    }
    return verdict_of(x);
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer);
}

/* The client stays: nobody gives these up. */
static void on_later(uv_timer_t *timer)
{
    struct rkd_exchange *x = timer->data;

    uv_close((uv_handle_t *)timer, on_timer_closed);
    answer(x, "200 OK", RK_STR("later"));
}

static void hold(struct h_side *side, struct rkd_exchange *x)
{
    hold_in(side->held, &side->held_count, x);
    atomic_fetch_add(&side->h->counts.held, 1);
}

static void release_held(struct h_side *side)
{
    unsigned count = side->held_count;

    side->held_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct rkd_exchange *x = side->held[i];

        if (x == NULL)
            continue;
        if (x->conn->in.cap > atomic_load(&side->h->counts.ahead))
            atomic_store(&side->h->counts.ahead, (unsigned)x->conn->in.cap);
        answer_as_asked(side, x);
    }
}

static void answer_peer(struct h_side *side, struct rkd_exchange *x)
{
    const struct rkd_addr *peer = rkd_exchange_peer(x);

    (void)side;
    answer(x, "200 OK", !peer->is_set ? RK_STR("none") : peer->is_v4 ? RK_STR("v4") : RK_STR("v6"));
}

static void answer_in_done(struct h_side *side, struct rkd_exchange *x)
{
    side->answer_in_done = x;
}

static void answer_in_turn(struct h_side *side, struct rkd_exchange *x)
{
    side->answer_in_turn = x;
}

static void answer_later(struct h_side *side, struct rkd_exchange *x)
{
    uv_timer_t *timer = malloc(sizeof(*timer));

    timer->data = x;
    if (uv_timer_init(&side->worker->loop, timer) != 0 ||
        uv_timer_start(timer, on_later, 20, 0) != 0)
        abort();
}

static void answer_slowly(struct h_side *side, struct rkd_exchange *x)
{
    (void)side;
    h_sleep_ms(500);
    answer(x, "200 OK", RK_STR("slept"));
}

static void answer_worker(struct h_side *side, struct rkd_exchange *x)
{
    answer(x, "200 OK", side == &side->h->sides[0] ? RK_STR("0") : RK_STR("1"));
}

static void answer_too_much(struct h_side *side, struct rkd_exchange *x)
{
    struct rki_buf *out = rkd_exchange_out(x);

    (void)side;
    while (!out->overflow)
        rki_buf_lit(out, "0123456789abcdef");
    rkd_exchange_send(x);
}

static void wake_others(struct h_side *side, struct rkd_exchange *x)
{
    release_held(side);
    answer_as_asked(side, x);
}

static void on_request(void *ctx, struct rkd_exchange *x)
{
    static const struct {
        const char *path;
        void (*fn)(struct h_side *side, struct rkd_exchange *x);
    } ways[] = {
        {"/hold", hold},
        {"/turn", answer_in_done},
        {"/soon", answer_in_turn},
        {"/sleep", answer_slowly},
        {"/worker", answer_worker},
        {"/later", answer_later},
        {"/over", answer_too_much},
        {"/peer", answer_peer},
        {"/wake", wake_others},
        {"", answer_as_asked},
    };
    struct h_side *side = ctx;
    size_t i = 0;

    atomic_fetch_add(&side->h->counts.requests, 1);
    check_noted(side, x);
    while (!path_has(x, ways[i].path))
        i++;
    ways[i].fn(side, x);
}

static void on_fault(void *ctx, struct rkd_exchange *x, enum rkd_fault fault)
{
    static const char *const status[] = {"400 ", "408 ", "413 ", "414 ", "431 ", "505 "};
    struct h_side *side = ctx;

    atomic_fetch_add(&side->h->counts.faults, 1);
    check_noted(side, x);
    if (path_has(x, "/mute")) /* against the contract */
        return;
    answer(x, status[fault], RK_STR(""));
}

static void on_done(void *ctx, struct rkd_exchange *x, bool sent)
{
    struct h_side *side = ctx;

    check_noted(side, x);
    free(*rkd_exchange_slot(x));
    for (unsigned i = 0; i < side->held_count; i++)
        if (side->held[i] == x)
            side->held[i] = NULL;
    for (unsigned i = 0; i < side->waiting_count; i++)
        if (side->waiting[i] == x)
            side->waiting[i] = NULL;
    if (side->answer_in_done == x) {
        side->answer_in_done = NULL;
    } else if (side->answer_in_done != NULL) {
        struct rkd_exchange *other = side->answer_in_done;

        side->answer_in_done = NULL;
        answer(other, "200 OK", RK_STR("in done"));
    }
    atomic_fetch_add(sent ? &side->h->counts.done_sent : &side->h->counts.done_lost, 1);
}

static void on_turn(void *ctx)
{
    struct h_side *side = ctx;

    atomic_fetch_add(&side->h->counts.turns, 1);
    if (side->answer_in_turn != NULL) {
        struct rkd_exchange *x = side->answer_in_turn;

        side->answer_in_turn = NULL;
        answer(x, "200 OK", RK_STR("soon"));
    }
}

static bool is_trusted(void *ctx, const struct rkd_addr *peer)
{
    struct h_side *side = ctx;

    return peer->is_set && peer->is_v4 && peer->bytes[12] == 127 &&
           atomic_load(&side->h->is_trusting);
}

static void on_wake(void *ctx)
{
    struct h_side *side = ctx;

    if (atomic_exchange(&side->may_let_in, false)) /* a drain wakes the worker as well */
        release_waiting(side);
}

static const struct rkd_handler handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_fault = on_fault,
    .on_done = on_done,
    .on_turn = on_turn,
    .on_wake = on_wake,
    .is_trusted = is_trusted,
};

/* --- the workers --- */

static void on_release(uv_async_t *async)
{
    release_held(async->data);
}

static void *run(void *arg)
{
    h_is_worker = true;
    rkd_worker_run(arg);
    return NULL;
}

struct harness *h_prepare(const struct rkd_net_limits *limits, unsigned workers,
                          const struct rkd_listen *listen)
{
    struct harness *h = calloc(1, sizeof(*h));
    const struct rkd_net_listener *names;
    struct rk_diag diag = {{0}, {0}};

    h->limits = *limits;
    h->workers = workers;
    CHECK_ERR(rkd_net_open(listen, 1, limits, workers, &h->net, &diag), RK_OK, diag.text);
    (void)rkd_net_listeners(h->net, &names);
    h->listen = names[0].listen;
    for (unsigned i = 0; i < workers; i++) {
        struct h_side *side = &h->sides[i];

        side->h = h;
        CHECK_ERR(rkd_worker_new(h->net, i, &handler, side, &side->worker), RK_OK, "worker");
        CHECK(uv_async_init(&side->worker->loop, &side->release, on_release) == 0, "async");
        uv_unref((uv_handle_t *)&side->release);
        side->release.data = side;
    }
    return h;
}

void h_go(struct harness *h)
{
    for (unsigned i = 0; i < h->workers; i++)
        CHECK(pthread_create(&h->sides[i].thread, NULL, run, h->sides[i].worker) == 0, "thread");
    h->is_running = true;
}

struct harness *h_start_at(const struct rkd_net_limits *limits, unsigned workers,
                           const struct rkd_listen *listen)
{
    struct harness *h = h_prepare(limits, workers, listen);

    h_go(h);
    return h;
}

struct harness *h_start(const struct rkd_net_limits *limits, unsigned workers)
{
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};

    return h_start_at(limits, workers, &listen);
}

void h_release(struct harness *h)
{
    for (unsigned i = 0; i < h->workers; i++)
        CHECK(uv_async_send(&h->sides[i].release) == 0, "send");
}

void h_let_in(struct harness *h)
{
    for (unsigned i = 0; i < h->workers; i++) {
        atomic_store(&h->sides[i].may_let_in, true);
        rkd_worker_wake(h->sides[i].worker);
    }
}

void h_drain(struct harness *h, uint32_t deadline_ms)
{
    for (unsigned i = 0; i < h->workers; i++)
        rkd_worker_drain(h->sides[i].worker, deadline_ms);
}

void h_join(struct harness *h)
{
    for (unsigned i = 0; h->is_running && i < h->workers; i++) {
        CHECK(pthread_join(h->sides[i].thread, NULL) == 0, "join");
        h->cut_off += rkd_worker_cut_off(h->sides[i].worker);
    }
    h->is_running = false;
}

void h_stop(struct harness *h)
{
    unsigned done;

    if (h->is_running)
        h_drain(h, 300);
    h_join(h);
    for (unsigned i = 0; i < h->workers; i++) {
        uv_close((uv_handle_t *)&h->sides[i].release, NULL);
        rkd_worker_free(h->sides[i].worker);
    }
    done = atomic_load(&h->counts.done_sent) + atomic_load(&h->counts.done_lost);
    CHECK(done >= atomic_load(&h->counts.heads), "on_done for each exchange");
    CHECK(done >= atomic_load(&h->counts.faults), "on_done for each fault");
    CHECK(done <= atomic_load(&h->counts.heads) + atomic_load(&h->counts.faults), "and only once");
    CHECK(atomic_load(&h->counts.moved) == 0, "a request's bytes stay where they are");
    CHECK(rkd_net_open_connections(h->net) == 0, "all connections are given back");
    rkd_net_free(h->net);
    free(h);
}

/* --- the client --- */

static int family_of(const struct harness *h)
{
    if (h->listen.kind == RKD_LISTEN_UNIX)
        return AF_UNIX;
    return h->listen.kind == RKD_LISTEN_TCP && !h->listen.addr.is_v4 ? AF_INET6 : AF_INET;
}

bool h_connect_on(const struct harness *h, int fd)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(h->listen.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(h->listen.port),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    memcpy(un.sun_path, h->listen.path, sizeof(h->listen.path));
    switch (family_of(h)) {
    case AF_UNIX:
        return connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
    case AF_INET6:
        return connect(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;
    default:
        return connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
    }
}

static int connect_with(const struct harness *h, int rcvbuf)
{
    struct timeval wait = {.tv_sec = 20};
    const int on = 1;
    int fd = socket(family_of(h), SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0, "socket");
    if (rcvbuf != 0)
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)) == 0, "rcvbuf");
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0, "timeout");
    if (h->listen.kind != RKD_LISTEN_UNIX)
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "nodelay");
    if (h_connect_on(h, fd))
        return fd;
    (void)close(fd);
    return -1;
}

int h_connect(const struct harness *h)
{
    return connect_with(h, 0);
}

int h_connect_narrow(const struct harness *h)
{
    return connect_with(h, 4096);
}

void h_send(int fd, struct rk_str bytes)
{
    while (bytes.len != 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        CHECK(n > 0, "the server takes it");
        bytes = rki_str(bytes.ptr + n, bytes.len - (size_t)n);
    }
}

void h_send_text(int fd, const char *text)
{
    h_send(fd, rki_cstr(text));
}

void h_drip(int fd, struct rk_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        h_send(fd, rki_str(bytes.ptr + i, 1));
        if (i % 8 == 0)
            h_sleep_ms(1);
    }
}

struct rk_str h_read_all_releasing(struct harness *h, int fd)
{
    static char text[H_TEXT * 16];
    size_t len = 0;
    ssize_t n;

    do {
        if (h != NULL)
            h_release(h);
        n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    text[len] = '\0';
    return rki_str(text, len);
}

struct rk_str h_read_all(int fd)
{
    return h_read_all_releasing(NULL, fd);
}

void h_expect(int fd, const char *text, const char *why)
{
    static char got[H_TEXT];
    size_t want = strlen(text), len = 0;

    CHECK(want < sizeof(got), "fits");
    while (len < want) {
        ssize_t n = recv(fd, got + len, want - len, 0);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    CHECK_STR(rki_str(got, len), rki_str(text, want), why);
}

void h_expect_end(int fd, const char *why)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);

    CHECK(n == 0 || (n < 0 && errno == ECONNRESET), why);
}

void h_expect_silence(int fd, unsigned ms, const char *why)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    CHECK(poll(&wait, 1, (int)ms) == 0, why);
}

void h_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0, "linger");
    CHECK(close(fd) == 0, "close");
}

uint64_t h_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void h_sleep_ms(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&ts, NULL);
}

void h_await(atomic_uint *counter, unsigned want, const char *why)
{
    uint64_t until = h_now_ms() + 20000;

    while (atomic_load(counter) < want && h_now_ms() < until)
        h_sleep_ms(1);
    CHECK(atomic_load(counter) >= want, why);
}

static const char *text_of(const char *status, const char *body, bool closes)
{
    static char texts[8][4096];
    static unsigned at;
    char *text = texts[at++ % 8];

    (void)snprintf(text, sizeof(texts[0]), "HTTP/1.1 %s\r\nContent-Length: %zu%s\r\n\r\n%s", status,
                   strlen(body), closes ? "\r\nConnection: close" : "", body);
    return text;
}

const char *h_ok(const char *body)
{
    return text_of("200 OK", body, false);
}

const char *h_ok_close(const char *body)
{
    return text_of("200 OK", body, true);
}

const char *h_dropped(const char *body)
{
    return text_of("404 Not Found", body, false);
}

const char *h_dropped_close(const char *body)
{
    return text_of("404 Not Found", body, true);
}

const char *h_fault(unsigned status)
{
    char text[8];

    (void)snprintf(text, sizeof(text), "%u ", status);
    return text_of(text, "", true);
}
