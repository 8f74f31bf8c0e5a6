/*
 * lag.h - does every loop still turn? Each beats, and each looks whether the others do.
 *
 * A loop's timer is due every RKD_LAG_BEAT_MS and does two things: it counts its own beat up, and
 * it looks at the beats of all others. A beat that stays the same for longer than one period is a
 * timer that should have run and did not: scheduled against actual. Nobody compares clock readings
 * of two moments with a stop in between: a look that was itself late counts as two periods at most,
 * so a machine that slept, or a process that was stopped, finds nobody lagging when it goes on.
 *
 * Loops: 0 is the keeper, 1.. the workers, RKD_LAG_ADMIN the admin listener. A loop that has not
 * begun, or has ended, lags for nobody. Threads: struct rkd_lag is shared; a view belongs to the
 * thread of its loop.
 */
#ifndef RKD_SERVE_LAG_H
#define RKD_SERVE_LAG_H

#include "model/settings.h"
#include "net/net.h"

#include <stdatomic.h>

enum {
    RKD_LAG_BEAT_MS = RKD_BEAT_MS,
    RKD_LAG_MOST_MS = 1000, /* more is no longer "busy" */
    RKD_LAG_KEEPER = 0,
    RKD_LAG_WORKER = 1, /* worker i is RKD_LAG_WORKER + i */
    RKD_LAG_ADMIN = RKD_LAG_WORKER + RKD_WORKERS_MAX,
    RKD_LAG_LOOPS,
};

struct rkd_lag_beats {
    _Alignas(64) atomic_uint count; /* 0: no such loop; each on a line of its own */
};

/* All zero: nobody has begun. */
struct rkd_lag {
    struct rkd_lag_beats loops[RKD_LAG_LOOPS];
};

/* What one loop has seen of the others. */
struct rkd_lag_view {
    struct rkd_lag *lag;
    unsigned self;
    uint64_t looked_ns; /* 0: never */
    unsigned seen[RKD_LAG_LOOPS];
    uint32_t unchanged_ms[RKD_LAG_LOOPS];
};

void rkd_lag_view_init(struct rkd_lag_view *view, struct rkd_lag *lag, unsigned self);
/* When the loop begins, then from its timer, every RKD_LAG_BEAT_MS or oftener; now_ns:
 * rkd_clock_mono_ns. */
void rkd_lag_beat(struct rkd_lag_view *view, uint64_t now_ns);
/* The loop has ended. Threads: any, once it has. */
void rkd_lag_leave(struct rkd_lag_view *view);

/* By how much this loop's beat is late, as far as `view` has seen; 0: it is not, or there is no
 * such loop. */
uint32_t rkd_lag_of(const struct rkd_lag_view *view, unsigned loop);
/* No loop lags by more than RKD_LAG_MOST_MS. A view whose own loop lags says what it last saw. */
bool rkd_lag_is_ok(const struct rkd_lag_view *view);
/* "keeper", "worker-0", "admin". */
void rkd_lag_name(struct rki_buf *out, unsigned loop);

#endif
