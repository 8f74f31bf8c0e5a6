/*
 * harness.h - real workers on a loopback socket with a toy handler, and a client of raw sockets.
 *
 * The handler answers every request with its method, target and body, so that an answer tells which
 * request it belongs to. Paths: /hold waits for h_release, /later for 20 ms; /drop, /drop/hold and
 * GET are answered from the head alone; the head of /wait waits for h_let_in; /big?N has N bytes of
 * body; /close closes after itself; /over writes more than there is room for; /turn is answered by
 * the on_done of the request before it.
 */
#ifndef RK_TEST_NET_HARNESS_H
#define RK_TEST_NET_HARNESS_H

#include "check.h"
#include "net/worker.h"

/* True on a worker's thread while our own code runs there, not the toy handler's. Volatile: a
 * compiler knows that malloc reads no variable of ours, but a wrapped one does. */
extern _Thread_local volatile bool h_is_worker;

enum { H_WORKERS_MAX = 4, H_HELD_MAX = 1024, H_TEXT = 1 << 20 };

struct h_counts { /* of all workers */
    atomic_uint heads, requests, faults, done_sent, done_lost, turns, moved, held,
        waiting, /* heads that waited */
        ahead;   /* the largest buffer of a connection whose call was held */
};

struct h_side {
    struct harness *h;
    struct rkd_worker *worker;
    pthread_t thread;
    uv_async_t release;
    struct rkd_exchange *held[H_HELD_MAX];
    struct rkd_exchange *waiting[H_HELD_MAX];
    unsigned held_count, waiting_count;
    atomic_bool may_let_in;
    struct rkd_exchange *answer_in_done, *answer_in_turn;
};

struct harness {
    struct rkd_net *net;
    struct rkd_net_limits limits;
    struct rkd_listen listen;
    unsigned workers;
    atomic_bool is_trusting;
    struct h_counts counts;
    struct h_side sides[H_WORKERS_MAX];
    bool is_running;
    uint32_t cut_off;
};

/* Short enough to test, long enough not to matter where they are not tested. */
extern const struct rkd_net_limits h_limits;

struct harness *h_start(const struct rkd_net_limits *limits, unsigned workers);
/* With a listener of the caller's. */
struct harness *h_start_at(const struct rkd_net_limits *limits, unsigned workers,
                           const struct rkd_listen *listen);
/* The same in two steps: between them connections queue up. */
struct harness *h_prepare(const struct rkd_net_limits *limits, unsigned workers,
                          const struct rkd_listen *listen);
void h_go(struct harness *h);
/* Answers what is held, on the workers' threads. */
void h_release(struct harness *h);
/* Gives the heads that wait their verdict, on the workers' threads. */
void h_let_in(struct harness *h);
/* Tells all workers to drain. */
void h_drain(struct harness *h, uint32_t deadline_ms);
/* Waits until they have; then h->cut_off is known. */
void h_join(struct harness *h);
/* Drains if that was not done, checks that every exchange was closed and gives everything back. */
void h_stop(struct harness *h);

/* --- the client --- */

int h_connect(const struct harness *h);
/* With a socket of the caller's; false: refused. */
bool h_connect_on(const struct harness *h, int fd);
/* With so small a receive buffer that answers pile up. */
int h_connect_narrow(const struct harness *h);
void h_send(int fd, struct rk_str bytes);
void h_send_text(int fd, const char *text);
/* A byte at a time. */
void h_drip(int fd, struct rk_str bytes);
/* Reads until the end, a reset, or `ms` without a byte. The result is NUL-terminated and static. */
struct rk_str h_read_all(int fd);
/* The same, and releases what is held all the while. */
struct rk_str h_read_all_releasing(struct harness *h, int fd);
/* What comes next is exactly this. */
void h_expect(int fd, const char *text, const char *why);
/* The connection ends now, without another byte. */
void h_expect_end(int fd, const char *why);
/* Nothing comes for so long. */
void h_expect_silence(int fd, unsigned ms, const char *why);
/* Closes so that the server gets a reset. */
void h_reset(int fd);
uint64_t h_now_ms(void);
void h_sleep_ms(unsigned ms);
/* Waits until *counter is at least `want`; fails after 5 s. */
void h_await(atomic_uint *counter, unsigned want, const char *why);

/* What the toy handler answers: static, eight in turn. */
const char *h_ok(const char *body);
const char *h_ok_close(const char *body);
const char *h_fault(unsigned status);
const char *h_dropped(const char *body);
const char *h_dropped_close(const char *body);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, length, body)                                                                   \
    "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n" body
#define CHUNKED(path, body)                                                                        \
    "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" body

#endif
