/*
 * run.c - the life of the service: listens, starts the workers, keeps watch, drains, ends.
 *
 * The first thread becomes the keeper: signals and the end of the workers arrive on its loop. Each
 * worker has a thread. May touch: threads, signals, stderr (only for a failure to start).
 */
#include "serve/harden.h"
#include "serve/serve.h"
#include "serve/service.h"
#include "serve/thread.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DRAIN_MS = 9300,    /* exit 0 within 10 s (H21), the log's last lines included */
    LOG_FLUSH_MS = 400, /* a sink that takes nothing must not hold up the end */
};

struct keeper {
    struct rkd_service service;
    struct rkd_loop *loop;
    struct rkd_worker_ctx *workers;
    pthread_t *threads;
    unsigned worker_count, started;
    atomic_uint running;
    bool draining;
};

struct worker_start {
    struct keeper *keeper;
    struct rkd_worker_ctx *worker;
};

/* ---- log lines ---- */

static void say(struct keeper *keeper, enum rkd_log_level level, struct rk_str event,
                struct rk_str name, struct rk_str value)
{
    struct rkd_log_line line;

    if (!rkd_log_wants(keeper->service.log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), level, event, rkd_clock_wall_ms());
    rkd_log_str(&line, name, value);
    rkd_log_say(keeper->service.log, level, rkd_log_end(&line));
}

static void say_started(struct keeper *keeper)
{
    const struct rkd_settings *settings = keeper->service.snapshot.settings;
    const uint32_t connections = rkd_net_connections(keeper->service.net);
    struct rkd_log_line line;

    for (size_t i = 0; i < settings->warning_count; i++)
        say(keeper, RKD_LOG_WARN, RK_STR("warning"), RK_STR("text"),
            rki_cstr(settings->warnings[i]));
    if (settings->limits.connections != 0 && connections < settings->limits.connections)
        say(keeper, RKD_LOG_WARN, RK_STR("warning"), RK_STR("text"),
            RK_STR("limits.connections was lowered: the descriptor limit (ulimit -n) is too small "
                   "for it"));
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), RKD_LOG_INFO, RK_STR("started"),
                  rkd_clock_wall_ms());
    rkd_log_word(&line, RK_STR("version"), rk_version());
    rkd_log_int(&line, RK_STR("workers"), keeper->worker_count);
    rkd_log_int(&line, RK_STR("connections"), connections);
    rkd_log_word(&line, RK_STR("anonymous"),
                 settings->anonymous == RKD_ANONYMOUS_ALLOW ? "allow" : "refuse");
    if (rkd_log_wants(keeper->service.log, RKD_LOG_INFO))
        rkd_log_say(keeper->service.log, RKD_LOG_INFO, rkd_log_end(&line));
}

static void say_listening(struct keeper *keeper, const struct rkd_serve_hooks *hooks)
{
    const struct rkd_net_listener *listeners;
    const size_t count = rkd_net_listeners(keeper->service.net, &listeners);

    for (size_t i = 0; i < count; i++) {
        say(keeper, RKD_LOG_INFO, RK_STR("listening"), RK_STR("address"),
            rki_cstr(listeners[i].text));
        if (hooks != NULL && hooks->on_listening != NULL)
            hooks->on_listening(hooks->ctx, listeners[i].text);
    }
}

/* ---- signals and the end ---- */

static void on_signal(void *ctx, int signum)
{
    struct keeper *keeper = ctx;

    if (signum == SIGHUP) {
        say(keeper, RKD_LOG_WARN, RK_STR("reload_ignored"), RK_STR("text"),
            RK_STR("there is no configuration file to read again"));
        return;
    }
    if (keeper->draining)
        _exit(1); /* the operator asked twice */
    keeper->draining = true;
    for (unsigned i = 0; i < keeper->started; i++)
        rkd_worker_drain(keeper->workers[i].net_worker, DRAIN_MS);
    say(keeper, RKD_LOG_INFO, RK_STR("draining"), RK_STR("signal"), /* once it is true */
        signum == SIGINT ? RK_STR("INT") : RK_STR("TERM"));
}

static void on_wake(void *ctx)
{
    struct keeper *keeper = ctx;

    if (atomic_load(&keeper->running) == 0)
        rkd_loop_stop(keeper->loop);
}

static void *run_worker(void *arg)
{
    struct worker_start *start = arg;

    rkd_worker_run(start->worker->net_worker);
    (void)atomic_fetch_sub(&start->keeper->running, 1);
    rkd_loop_wake(start->keeper->loop);
    return NULL;
}

/* ---- start ---- */

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "roomkey: %s%s%s\n", what, *why == '\0' ? "" : ": ", why);
    return 1;
}

static enum rk_err watch_signals(struct keeper *keeper)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    enum rk_err err = rkd_loop_new(&keeper->loop);

    for (size_t i = 0; i < ARRAY_LEN(signals) && err == RK_OK; i++)
        err = rkd_loop_on_signal(keeper->loop, signals[i], on_signal, keeper);
    if (err == RK_OK)
        rkd_loop_on_wake(keeper->loop, on_wake, keeper);
    return err;
}

static enum rk_err make_parts(struct keeper *keeper)
{
    const struct rkd_settings *settings = keeper->service.snapshot.settings;
    uint8_t hash_key[16];
    enum rk_err err = RAND_bytes(hash_key, sizeof(hash_key)) == 1 ? RK_OK : RK_E_CRYPTO;

    if (err == RK_OK)
        err = rkd_limiter_new(hash_key, &keeper->service.limiter);
    rk_wipe(hash_key, sizeof(hash_key));
    if (err == RK_OK)
        err = rkd_log_new(settings->log_to_stdout ? STDOUT_FILENO : STDERR_FILENO,
                          settings->log_level, settings->log_format, keeper->worker_count,
                          &keeper->service.log);
    if (err == RK_OK)
        err = watch_signals(keeper);
    for (unsigned i = 0; i < keeper->worker_count && err == RK_OK; i++)
        err = rkd_worker_ctx_init(&keeper->workers[i], &keeper->service, i);
    (void)
        rkd_harden_heap(); /* false where it cannot be had: there are no core dumps to begin with */
    return err;
}

static bool start_workers(struct keeper *keeper, struct worker_start *starts)
{
    atomic_store(&keeper->running, keeper->worker_count);
    for (unsigned i = 0; i < keeper->worker_count; i++) {
        starts[i] = (struct worker_start){.keeper = keeper, .worker = &keeper->workers[i]};
        if (!rkd_thread_start(&keeper->threads[i], run_worker, &starts[i]))
            return false;
        keeper->started++;
    }
    return true;
}

static void stop_workers(struct keeper *keeper)
{
    uint32_t cut_off = 0;
    enum rkd_log_level level;
    struct rkd_log_line line;

    for (unsigned i = 0; i < keeper->started; i++) {
        (void)pthread_join(keeper->threads[i], NULL);
        cut_off += rkd_worker_cut_off(keeper->workers[i].net_worker);
    }
    level = cut_off == 0 ? RKD_LOG_INFO : RKD_LOG_WARN;
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), level, RK_STR("stopped"),
                  rkd_clock_wall_ms());
    rkd_log_int(&line, RK_STR("cut_off"), cut_off);
    rkd_log_int(&line, RK_STR("log_dropped"), (int64_t)rkd_log_dropped(keeper->service.log));
    if (rkd_log_wants(keeper->service.log, level))
        rkd_log_say(keeper->service.log, level, rkd_log_end(&line));
}

static int serve(struct keeper *keeper, const struct rkd_serve_hooks *hooks)
{
    struct worker_start starts[RKD_WORKERS_MAX];

    if (!start_workers(keeper, starts)) {
        for (unsigned i = 0; i < keeper->started; i++)
            rkd_worker_drain(keeper->workers[i].net_worker, 0);
        stop_workers(keeper);
        return fail("cannot start a worker thread", "");
    }
    say_started(keeper);
    say_listening(keeper, hooks);
    rkd_loop_run(keeper->loop);
    stop_workers(keeper);
    return 0;
}

static void clear(struct keeper *keeper)
{
    for (unsigned i = 0; i < keeper->worker_count && keeper->workers != NULL; i++)
        rkd_worker_ctx_clear(&keeper->workers[i]);
    rkd_loop_free(keeper->loop);
    rkd_net_free(keeper->service.net);
    if (keeper->service.log != NULL)
        (void)rkd_log_stop(keeper->service.log,
                           LOG_FLUSH_MS); /* false: the sink is stuck; its loss, not ours */
    rkd_log_free(keeper->service.log);
    rkd_limiter_free(keeper->service.limiter);
    free(keeper->workers);
    free(keeper->threads);
}

static struct rkd_net_limits net_limits(const struct rkd_limits *limits)
{
    return (struct rkd_net_limits){
        .connections = limits->connections,
        .connections_per_address = limits->connections_per_address,
        .body_bytes = limits->body_bytes,
        .headers_bytes = limits->headers_bytes,
        .head_ms = limits->head_ms,
        .body_ms = limits->body_ms,
        .idle_ms = limits->idle_ms,
        .write_ms = limits->write_ms,
    };
}

int rkd_serve_run(const struct rkd_settings *settings, const struct rkd_serve_hooks *hooks)
{
    const struct rkd_net_limits limits = net_limits(&settings->limits);
    struct keeper keeper = {.worker_count = settings->workers};
    struct rk_diag diag = {0};
    int code = 1;

    keeper.service.snapshot.settings = settings;
    rkd_routes_build(&keeper.service.snapshot.routes, settings);
    if (rkd_net_open(settings->listen, settings->listen_count, &limits, settings->workers,
                     &keeper.service.net, &diag) != RK_OK)
        return fail(diag.field, diag.text);
    keeper.workers = calloc(keeper.worker_count, sizeof(*keeper.workers));
    keeper.threads = calloc(keeper.worker_count, sizeof(*keeper.threads));
    if (keeper.workers == NULL || keeper.threads == NULL || make_parts(&keeper) != RK_OK)
        (void)fail("cannot start", "out of memory or descriptors");
    else
        code = serve(&keeper, hooks);
    clear(&keeper);
    return code;
}
