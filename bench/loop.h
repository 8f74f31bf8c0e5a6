/*
 * loop.h - the smallest useful epoll server, shared by the floor and the spike: one thread,
 * keep-alive, no limits.
 *
 * A yardstick, not an example: it trusts its client. The program gives one function that turns
 * input into output.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stddef.h>

/* Called with what one read brought; writes answers to `out` (cap bytes) and returns their length.
 */
typedef size_t bench_answer_fn(void *conn_state, const char *in, size_t len, char *out, size_t cap);

/* Serves 127.0.0.1:port until killed. `state_size` zeroed bytes per connection go to `answer`;
 * `start` prepares them. */
int bench_serve(int port, size_t state_size, void (*start)(void *), bench_answer_fn *answer);

#endif
