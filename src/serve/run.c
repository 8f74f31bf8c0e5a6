/*
 * run.c - the life of the service: listens, starts the workers, keeps watch, drains, ends.
 *
 * The first thread becomes the keeper: signals, reloads, outgoing calls and the end of the workers
 * arrive on its loop. Each worker has a thread. May touch: threads, signals, stderr (only for a
 * failure to start).
 */
#include "net/redis.h"
#include "serve/audit.h"
#include "serve/harden.h"
#include "serve/keeper.h"
#include "serve/places.h"
#include "serve/thread.h"

#include "config/config.h"

#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LOG_FLUSH_MS = 400, /* a sink that takes nothing must not hold up the end */
    FILES_LEAST = 20,   /* descriptors: 14 at rest, and a few files and lookups */
    FILES_A_WORKER = 8, /* 6 at rest */
};

struct worker_start {
    struct rkd_keeper *keeper;
    struct rkd_worker_ctx *worker;
};

/* ---- log lines ---- */

static void say_started(struct rkd_keeper *keeper)
{
    static const char *const anonymous_words[] = {
        [RKD_ANONYMOUS_UNSET] = "refuse",
        [RKD_ANONYMOUS_REFUSE] = "refuse",
        [RKD_ANONYMOUS_ALLOW] = "allow",
        [RKD_ANONYMOUS_RULES] = "rules",
    };
    const struct rkd_settings *settings = &keeper->snapshot->settings;
    const uint32_t connections = rkd_net_connections(keeper->service.net);
    struct rkd_log_line line;

    rkd_seal_say(&keeper->seal, settings->hardening_required, keeper->service.log);
    rkd_keeper_warn(keeper, keeper->snapshot);
    if (settings->limits.connections != 0 && connections < settings->limits.connections)
        rkd_keeper_say(
            keeper, RKD_LOG_WARN, RK_STR("warning"), RK_STR("text"),
            RK_STR("limits.connections was lowered: the descriptor limit (ulimit -n) is too small "
                   "for it"));
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), RKD_LOG_INFO, RK_STR("started"),
                  rkd_clock_wall_ms());
    rkd_log_word(&line, RK_STR("version"), rk_version());
    rkd_log_int(&line, RK_STR("workers"), keeper->worker_count);
    rkd_log_int(&line, RK_STR("connections"), connections);
    rkd_log_word(&line, RK_STR("anonymous"), anonymous_words[settings->anonymous]);
    rkd_log_int(&line, RK_STR("callers"), (int64_t)settings->raw.caller_count);
    rkd_log_int(&line, RK_STR("rules"), (int64_t)settings->raw.rule_count);
    if (rkd_log_wants(keeper->service.log, RKD_LOG_INFO))
        rkd_log_say(keeper->service.log, RKD_LOG_INFO, rkd_log_end(&line));
}

static void say_listening(struct rkd_keeper *keeper)
{
    const struct rkd_serve_hooks *hooks = keeper->hooks;
    const struct rkd_net_listener *listeners;
    const size_t count = rkd_net_listeners(keeper->service.net, &listeners);

    if (keeper->admin != NULL)
        rkd_keeper_say(keeper, RKD_LOG_INFO, RK_STR("admin_listening"), RK_STR("address"),
                       rki_cstr(rkd_admin_address(keeper->admin)));
    if (keeper->is_admin_elsewhere)
        rkd_keeper_say(keeper, RKD_LOG_WARN, RK_STR("warning"), RK_STR("text"),
                       RK_STR("the socket that LISTEN_FDNAMES calls admin lies elsewhere than "
                              "admin_listen says: see that no other machine reaches it, it asks "
                              "nobody for a credential"));
    for (size_t i = 0; i < count; i++) {
        rkd_keeper_say(keeper, RKD_LOG_INFO, RK_STR("listening"), RK_STR("address"),
                       rki_cstr(listeners[i].text));
        if (hooks != NULL && hooks->on_listening != NULL)
            hooks->on_listening(hooks->ctx, &keeper->snapshot->settings, listeners[i].text);
    }
}

/* ---- start ---- */

static void *run_worker(void *arg)
{
    struct worker_start *start = arg;

    rkd_lag_beat(&start->worker->lag,
                 rkd_clock_mono_ns()); /* it may hang before its timer is due */
    rkd_worker_run(start->worker->net_worker);
    rkd_lag_leave(&start->worker->lag);
    (void)atomic_fetch_sub(&start->keeper->running, 1);
    rkd_loop_wake(start->keeper->loop);
    return NULL;
}

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "roomkey: %s%s%s\n", what, *why == '\0' ? "" : ": ", why);
    return 1;
}

static enum rk_err make_worker(struct rkd_keeper *keeper, unsigned index)
{
    struct rkd_lease *lease = NULL;
    enum rk_err err = rkd_desk_lease(keeper->service.desk, keeper->snapshot, &lease);

    return err != RK_OK
               ? err
               : rkd_worker_ctx_init(&keeper->workers[index], &keeper->service, index, lease);
}

static enum rk_err make_parts(struct rkd_keeper *keeper)
{
    const struct rkd_settings *settings = &keeper->snapshot->settings;
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
        err = rkd_keeper_watch(keeper);
    if (err == RK_OK)
        err = rkd_desk_new(&keeper->service, keeper->loop, keeper->workers, keeper->worker_count,
                           settings, &keeper->service.desk);
    if (err == RK_OK)
        err = rkd_desk_use(keeper->service.desk, keeper->snapshot);
    for (unsigned i = 0; i < keeper->worker_count && err == RK_OK; i++)
        err = make_worker(keeper, i);
    (void)
        rkd_harden_heap(); /* false where it cannot be had: there are no core dumps to begin with */
    return err;
}

/* The admin listener last: it reads what the workers count. */
static bool start_workers(struct rkd_keeper *keeper, struct worker_start *starts)
{
    atomic_store(&keeper->running, keeper->worker_count);
    for (unsigned i = 0; i < keeper->worker_count; i++) {
        starts[i] = (struct worker_start){.keeper = keeper, .worker = &keeper->workers[i]};
        if (!rkd_thread_start(&keeper->threads[i], run_worker, &starts[i]))
            return false;
        keeper->started++;
    }
    rkd_lag_beat(&keeper->lag, rkd_clock_mono_ns());
    rkd_keeper_publish(keeper);
    return keeper->admin == NULL || rkd_admin_start(keeper->admin);
}

static void stop_workers(struct rkd_keeper *keeper)
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
    rkd_log_int(&line, RK_STR("snapshots"), (int64_t)atomic_load(&keeper->service.snapshots));
    rkd_log_int(&line, RK_STR("log_dropped"), (int64_t)rkd_log_dropped(keeper->service.log));
    if (rkd_log_wants(keeper->service.log, level))
        rkd_log_say(keeper->service.log, level, rkd_log_end(&line));
}

static int serve(struct rkd_keeper *keeper)
{
    struct worker_start starts[RKD_WORKERS_MAX];

    if (!start_workers(keeper, starts)) {
        for (unsigned i = 0; i < keeper->started; i++)
            rkd_worker_drain(keeper->workers[i].net_worker, 0);
        stop_workers(keeper);
        return fail("cannot start a worker thread", "");
    }
    say_started(keeper);
    say_listening(keeper);
    rkd_notify_ready(&keeper->notify);
    rkd_loop_run(keeper->loop);
    stop_workers(keeper);
    return 0;
}

/* The workers' threads have ended; whoever may still bring them something goes first. */
static void clear(struct rkd_keeper *keeper)
{
    rkd_admin_free(keeper->admin); /* it reads of everybody below */
    if (keeper->service.audit != NULL)
        (void)rkd_audit_stop(keeper->service.audit, LOG_FLUSH_MS);
    rkd_desk_free(keeper->service.desk);
    for (unsigned i = 0; i < keeper->worker_count && keeper->workers != NULL; i++)
        rkd_worker_ctx_clear(&keeper->workers[i]);
    rkd_audit_free(keeper->service.audit);
    rkd_loop_free(keeper->loop);
    rkd_net_free(keeper->service.net);
    if (keeper->service.log != NULL)
        (void)rkd_log_stop(keeper->service.log,
                           LOG_FLUSH_MS); /* false: the sink is stuck; its loss, not ours */
    rkd_log_free(keeper->service.log);
    rkd_limiter_free(keeper->service.limiter);
    rkd_notify_close(&keeper->notify);
    rkd_snapshot_unref(keeper->snapshot);
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

static int fail_config(const struct rkd_raw_error *error)
{
    char text[1024];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rkd_raw_error_write(&buf, error);
    text[buf.len] = '\0';
    (void)fail(text, "");
    return 2;
}

/* A write to a pipe or socket that is gone is an error, not the end: libraries write too. */
static void ignore_sigpipe(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* libuv aborts where it cannot have its own pipes, so that is found out before. */
static bool has_descriptors(unsigned workers)
{
    const rlim_t least = FILES_LEAST + (rlim_t)workers * FILES_A_WORKER;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    char text[96];

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= least)
        return true;
    (void)snprintf(text, sizeof(text),
                   "at least %u descriptors are needed for %u workers; the limit is %u",
                   (unsigned)least, workers, (unsigned)limit.rlim_cur);
    (void)fail("ulimit -n", text);
    return false;
}

/* What binds is bound, and no thread is there yet. */
static bool lock_in(struct rkd_keeper *keeper)
{
    char text[160];
    struct rki_buf gap = rki_buf_over(text, sizeof(text) - 1);

    rkd_seal_process(keeper->snapshot, &keeper->seal);
    if (!keeper->snapshot->settings.hardening_required || !rkd_seal_gap(&keeper->seal, &gap))
        return true;
    text[gap.len] = '\0';
    (void)fail("hardening: required, but one measure does not hold", text);
    return false;
}

/* Everything that binds. 0, or the exit code. */
static int open_listeners(struct rkd_keeper *keeper)
{
    const struct rkd_settings *settings = &keeper->snapshot->settings;
    const struct rkd_net_limits limits = net_limits(&settings->limits);
    struct rkd_places places;
    struct rk_diag diag = {0};

    if (rkd_places_sort(settings, &places, &diag) != RK_OK ||
        rkd_net_open(places.listen, places.count, &limits, settings->workers, &keeper->service.net,
                     &diag) != RK_OK)
        return fail(diag.field, diag.text);
    keeper->is_admin_elsewhere = places.is_admin_elsewhere;
    keeper->worker_count = settings->workers;
    keeper->workers = calloc(keeper->worker_count, sizeof(*keeper->workers));
    keeper->threads = calloc(keeper->worker_count, sizeof(*keeper->threads));
    if (keeper->workers == NULL || keeper->threads == NULL)
        return fail("cannot start", "out of memory");
    if (settings->has_admin_listen &&
        rkd_admin_open(&places.admin, &keeper->service, keeper->workers, keeper->worker_count,
                       &keeper->admin, &diag) != RK_OK)
        return fail(diag.field[0] == '\0' ? "admin_listen" : diag.field, diag.text);
    return 0; /* NOLINT(clang-analyzer-unix.Malloc): clear() frees both */
}

static int open_and_serve(struct rkd_keeper *keeper)
{
    const struct rkd_settings *settings = &keeper->snapshot->settings;
    struct rk_diag diag = {0};
    const int code = open_listeners(keeper);

    if (code != 0)
        return code;
    if (!has_descriptors(settings->workers) || !lock_in(keeper))
        return 1;
    if (settings->audit.file.len != 0 &&
        rkd_audit_new(settings->audit.file.ptr, settings->audit.is_required,
                      settings->audit.hash_key.bytes, &keeper->service.audit, &diag) != RK_OK)
        return fail("audit.file", diag.text);
    if (make_parts(keeper) != RK_OK)
        return fail("cannot start", "out of memory or descriptors");
    return serve(keeper);
}

int rkd_serve_run(struct rkd_settings *settings, const struct rkd_serve_hooks *hooks)
{
    struct rkd_keeper keeper = {.hooks = hooks};
    struct rkd_raw_error error = {.key = ""};
    enum rk_err err = rkd_snapshot_build(settings, &keeper.snapshot, &error);
    int code;

    if (err == RK_E_NOMEM)
        return fail("cannot start", "out of memory");
    if (err != RK_OK)
        return fail_config(&error);
    keeper.snapshot->generation = 1;
    keeper.loaded_ms = rkd_clock_wall_ms();
    keeper.snapshot->alive = &keeper.service.snapshots;
    atomic_store(&keeper.service.snapshots, 1);
    ignore_sigpipe();
    rkd_notify_open(&keeper.notify, hooks == NULL ? NULL : hooks->env);
    code = open_and_serve(&keeper);
    clear(&keeper);
    return code;
}
