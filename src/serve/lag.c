/*
 * lag.c - beats, and who has stopped beating.
 *
 * May touch: its arguments. No clock: the caller says what time it is.
 */
#include "serve/lag.h"

enum { LOOK_MOST_MS = 2 * RKD_LAG_BEAT_MS }; /* what one look counts for, however late it is */

void rkd_lag_view_init(struct rkd_lag_view *view, struct rkd_lag *lag, unsigned self)
{
    *view = (struct rkd_lag_view){.lag = lag, .self = self};
}

static void look_at(struct rkd_lag_view *view, unsigned loop, uint32_t passed_ms)
{
    const unsigned count =
        atomic_load_explicit(&view->lag->loops[loop].count, memory_order_relaxed);

    if (count == 0 || count != view->seen[loop])
        view->unchanged_ms[loop] = 0;
    else if (view->unchanged_ms[loop] < UINT32_MAX - passed_ms)
        view->unchanged_ms[loop] += passed_ms;
    view->seen[loop] = count;
}

void rkd_lag_beat(struct rkd_lag_view *view, uint64_t now_ns)
{
    atomic_uint *own = &view->lag->loops[view->self].count;
    const unsigned next = atomic_load_explicit(own, memory_order_relaxed) + 1;
    uint64_t passed_ms = view->looked_ns == 0 ? 0 : (now_ns - view->looked_ns) / 1000000;

    atomic_store_explicit(own, next == 0 ? 1 : next, memory_order_relaxed);
    if (passed_ms > LOOK_MOST_MS)
        passed_ms = LOOK_MOST_MS;
    view->looked_ns = now_ns;
    for (unsigned i = 0; i < RKD_LAG_LOOPS; i++)
        if (i != view->self)
            look_at(view, i, (uint32_t)passed_ms);
}

void rkd_lag_leave(struct rkd_lag_view *view)
{
    if (view->lag != NULL)
        atomic_store_explicit(&view->lag->loops[view->self].count, 0, memory_order_relaxed);
}

/* A view is only as fresh as its last look: who has left since does not lag. */
uint32_t rkd_lag_of(const struct rkd_lag_view *view, unsigned loop)
{
    if (loop >= RKD_LAG_LOOPS || view->lag == NULL ||
        atomic_load_explicit(&view->lag->loops[loop].count, memory_order_relaxed) !=
            view->seen[loop])
        return 0;
    return view->unchanged_ms[loop] <= RKD_LAG_BEAT_MS ? 0
                                                       : view->unchanged_ms[loop] - RKD_LAG_BEAT_MS;
}

bool rkd_lag_is_ok(const struct rkd_lag_view *view)
{
    for (unsigned i = 0; i < RKD_LAG_LOOPS; i++)
        if (rkd_lag_of(view, i) > RKD_LAG_MOST_MS)
            return false;
    return true;
}

void rkd_lag_name(struct rki_buf *out, unsigned loop)
{
    if (loop == RKD_LAG_KEEPER) {
        rki_buf_lit(out, "keeper");
    } else if (loop == RKD_LAG_ADMIN) {
        rki_buf_lit(out, "admin");
    } else {
        rki_buf_lit(out, "worker-");
        rki_buf_int(out, (int64_t)loop - RKD_LAG_WORKER);
    }
}
