/*
 * fuzz_http.c - a connection from its bytes to its callbacks and back: head scan, chunk guard,
 * llhttp, the buffers between them, on a real loop and a socket pair.
 *
 * However the bytes are cut into reads, the handler sees the same requests and faults in the same
 * order, a request's bytes do not move until its on_done, each exchange ends once, and the client
 * gets each answer whole, in order.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "net/worker.h"

enum { TOLD_MAX = 64 * 1024, ANSWERS_MAX = 512 * 1024, TURNS_MAX = 10000, HELD_MAX = 16 };

static const struct rkd_net_limits limits = {
    .body_bytes = 2048,
    .headers_bytes = 1024,
    .head_ms = 600000,
    .body_ms = 600000,
    .idle_ms = 600000,
    .write_ms = 600000,
};

/* What one connection did. */
struct told {
    char text[TOLD_MAX]; /* what the handler saw */
    size_t len;
    char answers[ANSWERS_MAX]; /* what it wrote */
    size_t answers_len;
    char got[ANSWERS_MAX]; /* what the client read */
    size_t got_len;
    unsigned begun, done, answered;
    struct rkd_exchange *held[HELD_MAX];
    unsigned held_count;
    bool has_body;
};

struct rig { /* made once */
    struct rkd_net *net;
    struct rkd_worker *worker;
    struct told *told; /* of the connection at hand */
    struct told runs[3];
};

static struct rig rig;

static void tell(struct rk_str s)
{
    struct told *told = rig.told;

    FUZZ_CHECK(s.len < sizeof(told->text) - told->len);
    if (s.len != 0)
        memcpy(told->text + told->len, s.ptr, s.len);
    told->len += s.len;
    told->text[told->len++] = '\n';
}

static bool path_has(const struct rkd_request *req, char c)
{
    return req->path.ptr != NULL && memchr(req->path.ptr, c, req->path.len) != NULL;
}

static void answer(struct rkd_exchange *x)
{
    struct told *told = rig.told;
    struct rki_buf *out = rkd_exchange_out(x);
    size_t padding = path_has(rkd_exchange_request(x), 'B') ? 9000 : 1;

    rki_buf_char(out, '<');
    rki_buf_int(out, told->answered++);
    while (padding-- != 0)
        rki_buf_char(out, rkd_exchange_closes(x) ? '!' : '.');
    rki_buf_char(out, '>');
    FUZZ_CHECK(!out->overflow && out->len <= sizeof(told->answers) - told->answers_len);
    memcpy(told->answers + told->answers_len, out->ptr, out->len);
    told->answers_len += out->len;
    rkd_exchange_send(x);
}

static enum rkd_head_verdict on_head(void *ctx, struct rkd_exchange *x)
{
    const struct rkd_request *req = rkd_exchange_request(x);

    (void)ctx;
    rig.told->begun++;
    *rkd_exchange_slot(x) = (char *)x + (req->path.ptr - (const char *)x); /* where it lies */
    tell(RK_STR("head"));
    tell(req->method_text);
    tell(req->path);
    tell(req->query);
    for (size_t i = 0; i < req->header_count; i++) {
        tell(req->headers[i].name);
        tell(req->headers[i].value);
    }
    return req->method == RKD_POST && !path_has(req, 'D') ? RKD_HEAD_READ : RKD_HEAD_DROP;
}

static void check_still(struct rkd_exchange *x)
{
    const char *at = *rkd_exchange_slot(x);

    FUZZ_CHECK(at == NULL || at == rkd_exchange_request(x)->path.ptr);
}

static void on_request(void *ctx, struct rkd_exchange *x)
{
    const struct rkd_request *req = rkd_exchange_request(x);
    struct told *told = rig.told;

    (void)ctx;
    check_still(x);
    tell(RK_STR("request"));
    tell(req->body);
    tell(rkd_exchange_closes(x) ? RK_STR("closes") : RK_STR("keeps"));
    told->has_body |= req->body.len != 0;
    if (path_has(req, 'H') && told->held_count < HELD_MAX)
        told->held[told->held_count++] = x;
    else
        answer(x);
}

static void on_fault(void *ctx, struct rkd_exchange *x, enum rkd_fault fault)
{
    static const char *const names[] = {"400", "408", "413", "414", "431", "505"};

    (void)ctx;
    check_still(x);
    if (*rkd_exchange_slot(x) == NULL)
        rig.told->begun++;
    tell(rki_cstr(names[fault]));
    tell(rkd_exchange_request(x)->method_text);
    tell(rkd_exchange_request(x)->path);
    FUZZ_CHECK(rkd_exchange_closes(x));
    answer(x);
}

static void on_done(void *ctx, struct rkd_exchange *x, bool sent)
{
    (void)ctx;
    check_still(x);
    FUZZ_CHECK(sent);
    rig.told->done++;
}

/* Those that were held are answered at the end of the turn. */
static void on_turn(void *ctx)
{
    struct told *told = rig.told;
    unsigned count = told->held_count;

    (void)ctx;
    told->held_count = 0;
    for (unsigned i = 0; i < count; i++)
        answer(told->held[i]);
}

static const struct rkd_handler handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_fault = on_fault,
    .on_done = on_done,
    .on_turn = on_turn,
};

static void set_up(void)
{
    struct rkd_listen listen = {
        .addr = {.is_v4 = true, .is_set = true, .bytes = {[10] = 255, [11] = 255, 127, 0, 0, 1}}};

    FUZZ_CHECK(rkd_net_open(&listen, 1, &limits, 1, &rig.net, NULL) == RK_OK);
    FUZZ_CHECK(rkd_worker_new(rig.net, 0, &handler, NULL, &rig.worker) == RK_OK);
}

static void turn(int client)
{
    struct told *told = rig.told;
    ssize_t n;

    (void)uv_run(&rig.worker->loop, UV_RUN_NOWAIT);
    do {
        n = recv(client, told->got + told->got_len, sizeof(told->got) - told->got_len,
                 MSG_DONTWAIT);
        told->got_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

/* What the client read is what was written, but for 100 Continue between two answers. */
static void check_answers(const struct told *told)
{
    static const struct rk_str go = RK_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    struct rk_str got = rki_str(told->got, told->got_len);
    size_t at = 0;

    while (got.len != 0) {
        if (rki_str_starts_with(got, go)) {
            got = rki_str(got.ptr + go.len, got.len - go.len);
            continue;
        }
        FUZZ_CHECK(at < told->answers_len && got.ptr[0] == told->answers[at]);
        got = rki_str(got.ptr + 1, got.len - 1);
        at++;
    }
    FUZZ_CHECK(at == told->answers_len);
}

/* Sends the bytes in pieces of 1 to `most`, all at once when that is 0. */
static void play(struct told *told, const uint8_t *data, size_t size, size_t most, uint32_t seed)
{
    static const struct rkd_addr nobody;
    unsigned turns = 0;
    size_t at = 0;
    int ends[2];

    told->len = told->answers_len = told->got_len = 0;
    told->begun = told->done = told->answered = told->held_count = 0;
    told->has_body = false;
    rig.told = told;
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    atomic_fetch_add(&rig.net->connections, 1);
    FUZZ_CHECK(rkd_conn_open(rig.worker, ends[0], &nobody, NULL));
    while (at < size) {
        size_t len = size - at;
        ssize_t n;

        seed = seed * 1664525 + 1013904223;
        if (most != 0 && len > 1 + (seed >> 16) % most)
            len = 1 + (seed >> 16) % most;
        n = send(ends[1], data + at, len, MSG_NOSIGNAL);
        if (n < 0) /* closed: a fault, or the last answer and a mebibyte behind it */
            break;
        at += (size_t)n;
        turn(ends[1]);
    }
    (void)shutdown(ends[1], SHUT_WR);
    while (rig.worker->conns != NULL && turns++ < TURNS_MAX)
        turn(ends[1]);
    turn(ends[1]);
    FUZZ_CHECK(rig.worker->conns == NULL);
    FUZZ_CHECK(told->begun == told->done && told->begun == told->answered);
    check_answers(told);
    (void)close(ends[1]);
}

static void check_same(const struct told *a, const struct told *b)
{
    FUZZ_CHECK(a->len == b->len && memcmp(a->text, b->text, a->len) == 0);
    FUZZ_CHECK(a->answers_len == b->answers_len &&
               memcmp(a->answers, b->answers, a->answers_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed = (uint32_t)size;

    if (size > 6 * 1024)
        return 0;
    if (rig.worker == NULL)
        set_up();
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ data[i]) * 16777619U;
    play(&rig.runs[0], data, size, 0, 0);
    play(&rig.runs[1], data, size, 40, seed);
    check_same(&rig.runs[0], &rig.runs[1]);
    if (size <= 256) {
        play(&rig.runs[2], data, size, 2, seed);
        check_same(&rig.runs[0], &rig.runs[2]);
    }
    if (rig.runs[0].has_body)
        fuzz_reach();
    return 0;
}
