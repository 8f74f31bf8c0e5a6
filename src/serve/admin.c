/*
 * admin.c - the life of the admin listener.
 *
 * May touch: its own socket, loop and thread; the service, for reading.
 */
#include "serve/admin_impl.h"
#include "serve/thread.h"

#include "config/config.h"

#include <stdlib.h>

enum {
    CONNECTIONS_MAX = 16, /* a scraper or two, a prober, an operator */
    HEADERS_MAX = 8 * 1024,
    BODY_MAX = 1024, /* nobody sends one; it is dropped */
    HEAD_MS = 5000,
    BODY_MS = 5000,
    IDLE_MS = 120 * 1000, /* longer than between two scrapes */
    WRITE_MS = 10000,
    DRAIN_MS = 100, /* a part of the 10 s the whole drain has (H21) */
};

/* ---- what net calls ---- */

static enum rkd_head_verdict on_head(void *ctx, struct rkd_exchange *x)
{
    (void)ctx;
    (void)x;
    return RKD_HEAD_DROP;
}

static void on_request(void *ctx, struct rkd_exchange *x)
{
    rkd_admin_answer(ctx, x);
}

static void on_fault(void *ctx, struct rkd_exchange *x, enum rkd_fault fault)
{
    rkd_admin_answer_fault(ctx, x, fault);
}

static void on_beat(void *ctx)
{
    struct rkd_admin *admin = ctx;

    rkd_lag_beat(&admin->lag, rkd_clock_mono_ns());
}

static const struct rkd_handler handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_fault = on_fault,
    .on_beat = on_beat,
};

/* ---- its life ---- */

static enum rk_err open_parts(struct rkd_admin *admin, const struct rkd_listen *listen,
                              struct rk_diag *out_diag)
{
    const struct rkd_net_limits limits = {
        .connections = CONNECTIONS_MAX,
        .body_bytes = BODY_MAX,
        .headers_bytes = HEADERS_MAX,
        .head_ms = HEAD_MS,
        .body_ms = BODY_MS,
        .idle_ms = IDLE_MS,
        .write_ms = WRITE_MS,
        .answer_bytes = RKD_ADMIN_BODY_BYTES + RKD_ADMIN_HEAD_BYTES,
        .makes_room = true, /* or 16 that say nothing keep every scraper out */
    };
    const struct rkd_net_listener *names;
    enum rk_err err = rkd_net_open(listen, 1, &limits, 1, &admin->net, out_diag);

    if (err == RK_OK)
        err = rkd_board_init(&admin->board);
    if (err == RK_OK)
        err = rkd_worker_new(admin->net, 0, &handler, admin, &admin->worker);
    if (err == RK_OK) {
        (void)rkd_net_listeners(admin->net, &names);
        admin->is_loopback = rkd_listen_is_loopback(&names[0].listen);
        admin->body = malloc(RKD_ADMIN_BODY_BYTES);
    }
    return err == RK_OK && admin->body == NULL ? RK_E_NOMEM : err;
}

enum rk_err rkd_admin_open(const struct rkd_listen *listen, struct rkd_service *service,
                           const struct rkd_worker_ctx *workers, unsigned worker_count,
                           struct rkd_admin **out, struct rk_diag *out_diag)
{
    struct rkd_admin *admin = calloc(1, sizeof(*admin));
    enum rk_err err;

    if (admin == NULL)
        return RK_E_NOMEM;
    admin->service = service;
    admin->workers = workers;
    admin->worker_count = worker_count;
    rkd_lag_view_init(&admin->lag, &service->lag, RKD_LAG_ADMIN);
    rkd_procstat_open(&admin->process, rkd_clock_wall_ms());
    err = open_parts(admin, listen, out_diag);
    if (err != RK_OK) {
        rkd_admin_free(admin);
        return err;
    }
    *out = admin;
    return RK_OK;
}

static void *run(void *arg)
{
    struct rkd_admin *admin = arg;

    rkd_lag_beat(&admin->lag, rkd_clock_mono_ns());
    rkd_worker_run(admin->worker);
    rkd_lag_leave(&admin->lag);
    return NULL;
}

bool rkd_admin_start(struct rkd_admin *admin)
{
    admin->is_running = rkd_thread_start(&admin->thread, run, admin);
    return admin->is_running;
}

void rkd_admin_drain(struct rkd_admin *admin)
{
    const struct rkd_net_listener *listeners;

    if (admin == NULL)
        return;
    (void)rkd_net_listeners(admin->net, &listeners);
    if (listeners[0].listen.kind == RKD_LISTEN_INHERITED)
        rkd_worker_drain(admin->worker, DRAIN_MS); /* it is joined at the end */
}

const char *rkd_admin_address(const struct rkd_admin *admin)
{
    const struct rkd_net_listener *listeners;

    (void)rkd_net_listeners(admin->net, &listeners);
    return listeners[0].text;
}

void rkd_admin_post(struct rkd_admin *admin, struct rkd_facts *facts)
{
    rkd_board_put(&admin->board, facts);
}

void rkd_admin_stop(struct rkd_admin *admin)
{
    if (admin == NULL || !admin->is_running)
        return;
    rkd_worker_drain(admin->worker, DRAIN_MS);
    (void)pthread_join(admin->thread, NULL);
    admin->is_running = false;
}

void rkd_admin_free(struct rkd_admin *admin)
{
    if (admin == NULL)
        return;
    rkd_admin_stop(admin);
    rkd_worker_free(admin->worker);
    rkd_net_free(admin->net);
    rkd_board_clear(&admin->board);
    rkd_procstat_close(&admin->process);
    free(admin->body);
    free(admin);
}
