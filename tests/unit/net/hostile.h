/*
 * hostile.h - an HTTP server on loopback that answers by path, badly when asked to: raw sockets, a
 * thread a connection.
 *
 *   /ok /echo /N (status N, with a Location) /age/VALUE (Cache-Control) /slow/MS /drip /huge
 *   /leave (a good answer, then closes without a word) /length /gzip /te-gzip /close-mid /reset
 * /silent /not-http /heads /interim /empty and whatever the test's own `answer` writes.
 */
#ifndef RK_TEST_HOSTILE_H
#define RK_TEST_HOSTILE_H

#include "core/str.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { HOSTILE_THREADS_MAX = 256, HOSTILE_TEXT = 16384 };

struct hostile;
/* The test's own answers: true when `path` was answered, whole, into out. Called with the lock. */
typedef bool hostile_fn(void *ctx, const char *path, char *out, size_t size);

struct hostile {
    int fd;
    unsigned port;
    SSL_CTX *tls; /* NULL: http */
    hostile_fn *answer;
    void *ctx;
    pthread_t accepting;
    pthread_t threads[HOSTILE_THREADS_MAX];
    unsigned thread_count;
    atomic_bool is_stopping;
    atomic_uint connections, requests;
    pthread_mutex_t lock;
    char last[HOSTILE_TEXT]; /* the last request, as it came; under the lock */
};

struct hostile *hostile_start(hostile_fn *answer, void *ctx, SSL_CTX *tls);
void hostile_stop(struct hostile *h);
/* "http://127.0.0.1:PORT<path>": static, eight in turn. */
const char *hostile_url(const struct hostile *h, const char *path);

/* A port of loopback on which nobody listens. */
unsigned hostile_dead_port(void);

#endif
