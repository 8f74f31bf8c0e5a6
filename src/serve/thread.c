/*
 * thread.c - starts the threads of the service.
 *
 * May touch: the caller's signal mask, which it puts back.
 */
#include "serve/thread.h"

#include <signal.h>

bool rkd_thread_start(pthread_t *out_thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits the mask */
    failed = pthread_create(out_thread, NULL, fn, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}
