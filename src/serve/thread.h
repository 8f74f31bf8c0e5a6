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

#endif
