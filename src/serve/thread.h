/*
 * thread.h - threads that leave all signals to the keeper.
 */
#ifndef RKD_SERVE_THREAD_H
#define RKD_SERVE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Starts `fn(arg)` with every signal blocked: a process-wide signal goes to the keeper, and a
 * closed pipe is EPIPE, not SIGPIPE. The caller's own mask is as it was. False: no thread could be
 * had.
 */
bool rkd_thread_start(pthread_t *out_thread, void *(*fn)(void *), void *arg);

/* Waits for its end. False: it has not ended by then, and is neither joined nor detached. */
bool rkd_thread_join_within(pthread_t thread, unsigned timeout_ms);

#endif
