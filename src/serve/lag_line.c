/*
 * lag_line.c - the log's word on a loop that hangs, and on one that turns again.
 *
 * May touch: the log. Threads: any.
 */
#include "serve/service.h"

void rkd_lag_say(struct rkd_log *log, const struct rkd_lag_view *view, unsigned loop,
                 bool is_lagging)
{
    const enum rkd_log_level level = is_lagging ? RKD_LOG_WARN : RKD_LOG_INFO;
    char text[32];
    struct rki_buf name = rki_buf_over(text, sizeof(text));
    struct rkd_log_line line;

    if (!rkd_log_wants(log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(log), level,
                  is_lagging ? RK_STR("loop_lags") : RK_STR("loops_turn"), rkd_clock_wall_ms());
    if (is_lagging) {
        rkd_lag_name(&name, loop);
        rkd_log_str(&line, RK_STR("loop"), rki_buf_str(&name));
        rkd_log_int(&line, RK_STR("late_ms"), rkd_lag_of(view, loop));
    }
    rkd_log_say(log, level, rkd_log_end(&line));
}

void rkd_worker_say_lag(struct rkd_worker_ctx *worker)
{
    const bool is_lagging = rkd_lag_of(&worker->lag, RKD_LAG_KEEPER) > RKD_LAG_MOST_MS;

    if (worker->lag.self != RKD_LAG_WORKER || is_lagging == worker->says_keeper_lags)
        return;
    worker->says_keeper_lags = is_lagging;
    rkd_lag_say(worker->service->log, &worker->lag, RKD_LAG_KEEPER, is_lagging);
}
