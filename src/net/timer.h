/*
 * timer.h - one-shot timers on the keeper's loop, as many as somebody needs.
 *
 * Everything belongs to the thread that runs the loop.
 */
#ifndef RKD_NET_TIMER_H
#define RKD_NET_TIMER_H

#include "net/net.h"

struct rkd_timer;

/* RK_E_NOMEM. Not running yet. */
RK_NODISCARD enum rk_err rkd_timer_new(struct rkd_loop *loop, rkd_loop_fn *fn, void *ctx,
                                       struct rkd_timer **out);
/* Calls fn once, `after_ms` from now at the earliest, never during this call. A timer that runs
 * starts anew. */
void rkd_timer_start(struct rkd_timer *timer, uint64_t after_ms);
void rkd_timer_stop(struct rkd_timer *timer);
/* fn is not called any more. Before rkd_loop_free, also from within fn. NULL is a no-op. */
void rkd_timer_free(struct rkd_timer *timer);

#endif
