/*
 * keeper.c - what the first thread does while the service runs: signals, ticks, the drain's end.
 *
 * May touch: the keeper, workers' mailboxes, the log. Every function runs on the keeper's loop, but
 * rkd_keeper_watch, which sets it up.
 */
#include "serve/keeper.h"
#include "serve/audit.h"

#include "config/config.h"

#include <signal.h>
#include <unistd.h>

enum {
    DRAIN_MS = 9300,   /* exit 0 within 10 s (H21), the log's last lines included */
    GIVE_UP_MS = 7600, /* of it: calls that still wait are answered 503 (H21) */
    TICK_MS = 100,
    SAY_AGAIN_MS = 10000,
    LINKS_MS = 1000,
};

void rkd_keeper_say(struct rkd_keeper *keeper, enum rkd_log_level level, struct rk_str event,
                    struct rk_str name, struct rk_str value)
{
    struct rkd_log_line line;

    if (!rkd_log_wants(keeper->service.log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), level, event, rkd_clock_wall_ms());
    if (name.len != 0)
        rkd_log_str(&line, name, value);
    rkd_log_say(keeper->service.log, level, rkd_log_end(&line));
}

/* After log rotation. */
static void reopen_audit(struct rkd_keeper *keeper)
{
    struct rk_diag diag = {0};

    if (keeper->service.audit != NULL && rkd_audit_reopen(keeper->service.audit, &diag) != RK_OK)
        rkd_keeper_say(keeper, RKD_LOG_ERROR, RK_STR("audit_reopen_failed"), RK_STR("text"),
                       rki_cstr(diag.text));
}

static void on_signal(void *ctx, int signum)
{
    struct rkd_keeper *keeper = ctx;

    if (signum == SIGHUP) {
        keeper->is_reload_wanted = true;
        rkd_loop_wake(keeper->loop); /* once for all that came together */
        return;
    }
    if (keeper->draining_since_ns != 0)
        _exit(1); /* the operator asked twice */
    keeper->draining_since_ns = rkd_clock_mono_ns();
    atomic_store(&keeper->service.is_draining, true);
    rkd_notify_stopping(&keeper->notify);
    for (unsigned i = 0; i < keeper->started; i++)
        rkd_worker_drain(keeper->workers[i].net_worker, DRAIN_MS);
    rkd_admin_drain(keeper->admin);
    rkd_keeper_say(keeper, RKD_LOG_INFO, RK_STR("draining"), RK_STR("signal"), /* once it is true */
                   signum == SIGINT ? RK_STR("INT") : RK_STR("TERM"));
}

static void on_wake(void *ctx)
{
    struct rkd_keeper *keeper = ctx;

    rkd_desk_work(keeper->service.desk);
    if (keeper->is_reload_wanted && keeper->draining_since_ns == 0) {
        keeper->is_reload_wanted = false;
        rkd_keeper_reload(keeper);
        reopen_audit(keeper);
    }
    if (atomic_load(&keeper->running) == 0)
        rkd_loop_stop(keeper->loop);
}

static void give_up(void *owner, struct rkd_note *note)
{
    (void)note; /* the worker's own */
    rkd_worker_give_up_waiting(owner);
}

static void drop_nothing(struct rkd_note *note)
{
    (void)note;
}

/* Records of the audit log that were not written: said at once, then every ten seconds. */
static void say_lost_records(struct rkd_keeper *keeper)
{
    const uint64_t now_ns = rkd_clock_mono_ns();
    const uint64_t lost =
        keeper->service.audit == NULL ? 0 : rkd_audit_dropped(keeper->service.audit);
    struct rkd_log_line line;

    if (lost == keeper->audit_lost ||
        (keeper->audit_lost != 0 &&
         now_ns - keeper->audit_said_ns < (uint64_t)SAY_AGAIN_MS * 1000000))
        return;
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), RKD_LOG_ERROR, RK_STR("audit_lost"),
                  rkd_clock_wall_ms());
    rkd_log_int(&line, RK_STR("records"), (int64_t)(lost - keeper->audit_lost));
    rkd_log_say(keeper->service.log, RKD_LOG_ERROR, rkd_log_end(&line));
    keeper->audit_lost = lost;
    keeper->audit_said_ns = now_ns;
}

/*
 * A cluster replaces mounted files by swapping the link "..data" (hosting.md s.4.2): once what it
 * points to has stayed the same for a second, that is a reload, one for each swap whether it went
 * well or not. Looked at and not waited for: a readlink a second works on every file system and
 * needs none of the few inotify instances of a node.
 */
static void look_at_links(struct rkd_keeper *keeper)
{
    const uint64_t now_ns = rkd_clock_mono_ns();
    uint64_t state = 0;

    if (keeper->draining_since_ns != 0 ||
        now_ns - keeper->links_looked_ns < (uint64_t)LINKS_MS * 1000000)
        return;
    keeper->links_looked_ns = now_ns;
    if (!rkd_links_moved(&keeper->snapshot->settings, &state) || state == keeper->links_tried)
        return;
    if (state != keeper->links_state) { /* several volumes may change one after the other */
        keeper->links_state = state;
        return;
    }
    keeper->links_tried = state;
    rkd_keeper_say(keeper, RKD_LOG_INFO, RK_STR("files_swapped"), rki_str(NULL, 0),
                   rki_str(NULL, 0));
    rkd_keeper_reload(keeper);
}

static void on_tick(void *ctx)
{
    struct rkd_keeper *keeper = ctx;

    rkd_lag_beat(&keeper->lag, rkd_clock_mono_ns());
    rkd_desk_tick(keeper->service.desk);
    rkd_keeper_publish_in_time(keeper);
    if (rkd_lag_is_ok(&keeper->lag)) /* the watchdog is told while every loop turns */
        rkd_notify_alive(&keeper->notify, rkd_clock_mono_ns());
    rkd_keeper_say_lag(keeper);
    say_lost_records(keeper);
    look_at_links(keeper);
    if (keeper->draining_since_ns == 0 || keeper->has_given_up ||
        rkd_clock_mono_ns() - keeper->draining_since_ns < (uint64_t)GIVE_UP_MS * 1000000)
        return;
    keeper->has_given_up = true;
    for (unsigned i = 0; i < keeper->started; i++) {
        struct rkd_worker_ctx *worker = &keeper->workers[i];

        worker->give_up = (struct rkd_note){.run = give_up, .drop = drop_nothing};
        rkd_mail_put(&worker->mail, &worker->give_up);
        rkd_worker_wake(worker->net_worker);
    }
}

enum rk_err rkd_keeper_watch(struct rkd_keeper *keeper)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    enum rk_err err = rkd_loop_new(&keeper->loop);

    rkd_lag_view_init(&keeper->lag, &keeper->service.lag, RKD_LAG_KEEPER);
    for (size_t i = 0; i < ARRAY_LEN(signals) && err == RK_OK; i++)
        err = rkd_loop_on_signal(keeper->loop, signals[i], on_signal, keeper);
    if (err == RK_OK)
        rkd_loop_on_wake(keeper->loop, on_wake, keeper);
    if (err == RK_OK)
        err = rkd_loop_every(keeper->loop, TICK_MS, on_tick, keeper);
    return err;
}
