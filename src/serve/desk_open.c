/*
 * desk_open.c - makes the desk, and gives it a snapshot's key sets to keep.
 *
 * May touch: the desk, the log. On the keeper's thread, or before it is one.
 */
#include "serve/desk_impl.h"

#include "serve/clock.h"

#include <stdlib.h>

/* ---- what is worth a line ---- */

static void say_keyset(void *ctx, const struct rkd_keysets_event *event)
{
    struct rkd_desk *desk = ctx;
    struct rkd_log *log = desk->service->log;
    struct rkd_log_line line;

    if (!rkd_log_wants(log, event->level))
        return;
    rkd_log_begin(&line, rkd_log_format(log), event->level, rki_cstr(event->event),
                  rkd_clock_wall_ms());
    rkd_log_str(&line, RK_STR("caller"), event->caller);
    rkd_log_str(&line, RK_STR("issuer"), event->issuer);
    if (event->reason != NULL)
        rkd_log_word(&line, RK_STR("reason"), event->reason);
    if (event->failures != 0) {
        rkd_log_int(&line, RK_STR("failures"), event->failures);
    } else {
        rkd_log_int(&line, RK_STR("usable"), event->usable);
        rkd_log_int(&line, RK_STR("skipped"), event->skipped);
    }
    rkd_log_say(log, event->level, rkd_log_end(&line));
}

static void say_shared(void *ctx, const char *why, uint64_t unknown)
{
    struct rkd_desk *desk = ctx;
    const enum rkd_log_level level = why == NULL ? RKD_LOG_INFO : RKD_LOG_WARN;
    struct rkd_log_line line;

    if (!rkd_log_wants(desk->service->log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(desk->service->log), level,
                  why == NULL ? RK_STR("redis_back") : RK_STR("redis_away"), rkd_clock_wall_ms());
    if (why != NULL)
        rkd_log_word(&line, RK_STR("reason"), why);
    rkd_log_int(&line, RK_STR("unknown"), (int64_t)unknown);
    rkd_log_say(desk->service->log, level, rkd_log_end(&line));
}

/* ---- making one ---- */

static enum rk_err open_shared(struct rkd_desk *desk, const struct rkd_settings *settings)
{
    struct rkd_shared_limit_options options = {
        .timeout_ms = settings->redis.timeout_ms,
        .hash_key = settings->raw.identity_hash_key.bytes,
        .log = say_shared,
        .log_ctx = desk,
    };
    enum rk_err err;

    if (settings->redis.url.len == 0)
        return RK_OK;
    err =
        rkd_redis_url_read(settings->redis.url, settings->redis.password.bytes, &options.url, NULL);
    if (err == RK_OK)
        err = rkd_shared_limit_new(desk->loop, &options, &desk->shared);
    rk_wipe(&options.url, sizeof(options.url)); /* it may hold a password */
    return err;
}

enum rk_err rkd_desk_new(struct rkd_service *service, struct rkd_loop *loop,
                         struct rkd_worker_ctx *workers, unsigned worker_count,
                         const struct rkd_settings *settings, struct rkd_desk **out)
{
    struct rkd_desk *desk = calloc(1, sizeof(*desk));
    struct rkd_keysets_hooks hooks = {.publish = rkd_desk_publish, .say = say_keyset, .ctx = desk};
    enum rk_err err;

    if (desk == NULL)
        return RK_E_NOMEM;
    desk->service = service;
    desk->loop = loop;
    desk->workers = workers;
    desk->worker_count = worker_count;
    err = rkd_mailbox_init(&desk->mail);
    if (err == RK_OK)
        err = rkd_fetcher_new(loop, &desk->fetcher);
    if (err == RK_OK)
        err = rkd_keysets_new(loop, desk->fetcher, &hooks, &desk->keysets);
    if (err == RK_OK)
        err = open_shared(desk, settings);
    if (err != RK_OK) {
        rkd_desk_free(desk);
        return err;
    }
    *out = desk;
    return RK_OK;
}

/* ---- a snapshot's key sets ---- */

enum rk_err rkd_desk_use(struct rkd_desk *desk, const struct rkd_snapshot *snapshot)
{
    const size_t count = rkd_auth_keyset_count(snapshot->auth);
    const struct rkd_keyset_spec **specs = calloc(count + 1, sizeof(struct rkd_keyset_spec *));
    uint64_t *ids = calloc(count + 1, sizeof(*ids));
    enum rk_err err = specs == NULL || ids == NULL ? RK_E_NOMEM : RK_OK;

    for (size_t i = 0; i < count && err == RK_OK; i++)
        specs[i] = rkd_auth_keyset_at(snapshot->auth, i);
    if (err == RK_OK)
        err = rkd_keysets_use(desk->keysets, specs, count, ids);
    if (err == RK_OK) {
        free(desk->ids);
        desk->ids = ids;
        desk->id_count = count;
        ids = NULL;
    }
    free(ids);
    free(specs);
    return err;
}

enum rk_err rkd_desk_lease(struct rkd_desk *desk, struct rkd_snapshot *snapshot,
                           struct rkd_lease **out)
{
    enum rk_err err = rkd_lease_new(snapshot, out);

    for (size_t i = 0; err == RK_OK && i < (*out)->keyset_count && i < desk->id_count; i++) {
        (*out)->keyset_ids[i] = desk->ids[i];
        (*out)->keysets[i] = rkd_keyset_ref(rkd_keysets_current(desk->keysets, desk->ids[i]));
    }
    return err;
}
