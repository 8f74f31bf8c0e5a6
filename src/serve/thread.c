/*
 * thread.c - starts the threads of the service, and waits for them, but not for ever.
 *
 * May touch: the caller's signal mask, which it puts back; the clock.
 */
#include "serve/thread.h"

#include <signal.h>
#include <time.h>

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

static struct timespec in_ms(unsigned ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_REALTIME, &at); /* the clock pthread_timedjoin_np goes by */
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

bool rkd_thread_join_within(pthread_t thread, unsigned timeout_ms)
{
    const struct timespec until = in_ms(timeout_ms);

    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}
