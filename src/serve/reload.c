/*
 * reload.c - another snapshot for a service that runs.
 *
 * The configuration is read and compiled whole before anything changes; then every worker gets a
 * lease of the new snapshot through its mailbox, and drops the old one with the last call on it.
 * What a running process cannot change (addresses, workers, limits of connections and sizes, Redis,
 * the logs) stays as it was started. May touch: the keeper.
 */
#include "serve/audit.h"
#include "serve/keeper.h"

#include "config/config.h"
#include "core/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- warnings ---- */

static void warn_line(struct rkd_keeper *keeper, struct rkd_pos at, const char *key,
                      struct rk_str name, const char *text)
{
    char buffer[512];
    struct rki_buf where = rki_buf_over(buffer, sizeof(buffer));
    struct rkd_log_line line;

    if (!rkd_log_wants(keeper->service.log, RKD_LOG_WARN))
        return;
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), RKD_LOG_WARN, RK_STR("warning"),
                  rkd_clock_wall_ms());
    rkd_log_word(&line, RK_STR("text"), text);
    rkd_pos_write(&where, at);
    if (where.len > 2 && !where.overflow) /* without its ": " */
        rkd_log_str(&line, RK_STR("at"), rki_str(where.ptr, where.len - 2));
    if (key != NULL)
        rkd_log_word(&line, RK_STR("key"), key);
    if (name.len != 0)
        rkd_log_str(&line, RK_STR("name"), name);
    rkd_log_say(keeper->service.log, RKD_LOG_WARN, rkd_log_end(&line));
}

static void on_warning(void *ctx, struct rkd_pos at, const char *key, struct rk_str name,
                       const char *text)
{
    warn_line(ctx, at, key, name, text);
}

void rkd_keeper_warn(struct rkd_keeper *keeper, const struct rkd_snapshot *snapshot)
{
    const struct rkd_settings *settings = &snapshot->settings;

    for (size_t i = 0; i < settings->warning_count; i++)
        warn_line(keeper, settings->warnings[i].at, settings->warnings[i].key, rki_str(NULL, 0),
                  settings->warnings[i].text);
    rkd_snapshot_warn(snapshot, on_warning, keeper);
}

/* ---- the seal ---- */

/* What the process has closed to itself at the start cannot be opened again by a reload. */
static void explain_seal(const struct rkd_seal *seal, struct rkd_raw_error *error)
{
    const char *const forbidden = rki_open_problem(EACCES);

    if (seal->abi != 0 && strcmp(error->text, forbidden) == 0)
        (void)snprintf(error->text, sizeof(error->text),
                       "%s; or start it again: running, it reads only directories that held its "
                       "files at the start",
                       forbidden);
}

static enum rk_err check_ports(const struct rkd_seal *seal, const struct rkd_snapshot *fresh,
                               struct rkd_raw_error *out_error)
{
    const uint16_t port = rkd_seal_misses_port(seal, fresh);

    if (port == 0)
        return RK_OK;
    *out_error = (struct rkd_raw_error){.key = "callers"};
    (void)snprintf(out_error->text, sizeof(out_error->text),
                   "a provider or a hook has port %u, which was not in the configuration at the "
                   "start: start it again to connect there",
                   (unsigned)port);
    return RK_E_STATE;
}

/* ---- the swap ---- */

static void say_failed(struct rkd_keeper *keeper, const struct rkd_raw_error *error)
{
    char buffer[1024];
    struct rki_buf text = rki_buf_over(buffer, sizeof(buffer));

    rkd_raw_error_write(&text, error);
    rkd_keeper_say(keeper, RKD_LOG_ERROR, RK_STR("reload_failed"), RK_STR("text"),
                   rki_buf_str(&text));
}

/* What was sized or opened at the start. */
static void keep_process_wide(struct rkd_settings *to, const struct rkd_settings *from)
{
    struct rkd_limits limits = to->limits;

    to->limits = from->limits;
    to->limits.per_address = limits.per_address;
    to->limits.failures_per_address = limits.failures_per_address;
    to->limits.per_caller = limits.per_caller;
    to->limits.per_room = limits.per_room;
}

static bool listens_elsewhere(const struct rkd_settings *old, const struct rkd_settings *fresh)
{
    bool is_same = old->listen_count == fresh->listen_count;

    for (size_t i = 0; is_same && i < old->listen_count; i++)
        is_same = rkd_listen_equal(&old->listen[i], &fresh->listen[i]);
    return !is_same;
}

/* An operator who asks for an audit log or an address must not believe that there is one. */
static void warn_kept(struct rkd_keeper *keeper, const struct rkd_settings *old,
                      const struct rkd_settings *fresh)
{
    const char *const text = "changed in the file, but in use as it was at the start; it takes "
                             "effect when the service is started again";
    const struct rkd_audit *audit = keeper->service.audit;
    const bool is_wanted = fresh->audit.file.len != 0;
    const struct rkd_pos nowhere = {.file = NULL};

    if (is_wanted != (audit != NULL) ||
        (is_wanted && (fresh->audit.is_required != rkd_audit_is_required(audit) ||
                       !rki_str_equal(fresh->audit.file, old->audit.file))))
        warn_line(keeper, nowhere, "audit", rki_str(NULL, 0), text);
    if (listens_elsewhere(old, fresh))
        warn_line(keeper, nowhere, "listen", rki_str(NULL, 0), text);
    if (fresh->has_admin_listen != old->has_admin_listen ||
        !rkd_listen_equal(&fresh->admin_listen, &old->admin_listen))
        warn_line(keeper, nowhere, "admin_listen", rki_str(NULL, 0), text);
    if (fresh->hardening_required && !old->hardening_required)
        warn_line(keeper, nowhere, "hardening", rki_str(NULL, 0), text);
    if (!rki_str_equal(fresh->redis.url, old->redis.url) ||
        !rk_ct_equal(fresh->redis.password.bytes, old->redis.password.bytes))
        warn_line(keeper, nowhere, "redis", rki_str(NULL, 0), text);
}

/* What an editor or a copy has not finished writing can be a secret, too: a short one. */
static bool is_weaker(const struct rkd_settings *fresh, const struct rkd_settings *old)
{
    return old->active_key != NULL && fresh->active_key != NULL &&
           !rk_key_is_short(old->active_key) && rk_key_is_short(fresh->active_key);
}

static enum rk_err build(struct rkd_keeper *keeper, struct rkd_snapshot **out,
                         struct rkd_raw_error *out_error)
{
    struct rkd_settings settings = {.workers = 0};
    enum rk_err err = keeper->hooks->reload(keeper->hooks->ctx, &settings, out_error);

    if (err != RK_OK) {
        explain_seal(&keeper->seal, out_error);
        return err;
    }
    if (is_weaker(&settings, &keeper->snapshot->settings)) {
        rkd_settings_clear(&settings);
        (void)snprintf(out_error->text, sizeof(out_error->text), "%s",
                       "the LiveKit secret has fewer than 32 bytes, the one in use has more: taken "
                       "for a file that is half written; start the service again if it is meant");
        return RK_E_KEY;
    }
    keep_process_wide(&settings, &keeper->snapshot->settings);
    err = rkd_snapshot_build(&settings, out, out_error);
    if (err == RK_OK)
        err = check_ports(&keeper->seal, *out, out_error);
    if (err == RK_OK) {
        (*out)->generation = keeper->snapshot->generation + 1;
        (*out)->alive = &keeper->service.snapshots;
        (void)atomic_fetch_add(&keeper->service.snapshots, 1);
    }
    return err;
}

static void install(void *owner, struct rkd_note *note)
{
    rkd_lease_install(owner, (struct rkd_lease *)note); /* the note comes first in it */
}

static void drop(struct rkd_note *note)
{
    rkd_lease_free((struct rkd_lease *)note);
}

/* All leases first: no worker is left behind on the old rules for want of memory. */
static enum rk_err hand_out(struct rkd_keeper *keeper, struct rkd_snapshot *snapshot)
{
    struct rkd_lease *leases[RKD_WORKERS_MAX] = {NULL};
    enum rk_err err = rkd_desk_use(keeper->service.desk, snapshot);

    for (unsigned i = 0; i < keeper->worker_count && err == RK_OK; i++)
        err = rkd_desk_lease(keeper->service.desk, snapshot, &leases[i]);
    for (unsigned i = 0; i < keeper->worker_count; i++) {
        if (err != RK_OK) {
            rkd_lease_free(leases[i]);
            continue;
        }
        leases[i]->note.run = install;
        leases[i]->note.drop = drop;
        rkd_mail_put(&keeper->workers[i].mail, &leases[i]->note);
        rkd_worker_wake(keeper->workers[i].net_worker);
    }
    return err;
}

static bool reload(struct rkd_keeper *keeper)
{
    struct rkd_snapshot *fresh = NULL;
    struct rkd_raw_error error = {.key = ""};
    struct rkd_log_line line;
    enum rk_err err;

    err = build(keeper, &fresh, &error);
    if (err == RK_OK) {
        err = hand_out(keeper, fresh);
        if (err != RK_OK && rkd_desk_use(keeper->service.desk, keeper->snapshot) != RK_OK)
            rkd_keeper_say(
                keeper, RKD_LOG_ERROR, RK_STR("keysets_lost"), RK_STR("text"),
                RK_STR("out of memory twice: key sets are renewed no more until the next "
                       "reload"));
    }
    if (err != RK_OK) {
        if (error.text[0] == '\0')
            (void)snprintf(error.text, sizeof(error.text), "%s", rk_err_text(err));
        say_failed(keeper, &error);
        keeper->reloads_failed++;
        rkd_snapshot_unref(fresh);
        return false;
    }
    warn_kept(keeper, &keeper->snapshot->settings, &fresh->settings);
    rkd_snapshot_unref(keeper->snapshot);
    keeper->snapshot = fresh;
    keeper->reloads++;
    keeper->loaded_ms = rkd_clock_wall_ms();
    rkd_keeper_publish(keeper);
    rkd_keeper_warn(keeper, fresh);
    rkd_log_begin(&line, rkd_log_format(keeper->service.log), RKD_LOG_INFO, RK_STR("reloaded"),
                  rkd_clock_wall_ms());
    rkd_log_int(&line, RK_STR("generation"), (int64_t)fresh->generation);
    rkd_log_int(&line, RK_STR("callers"), (int64_t)fresh->settings.raw.caller_count);
    rkd_log_int(&line, RK_STR("rules"), (int64_t)fresh->settings.raw.rule_count);
    if (rkd_log_wants(keeper->service.log, RKD_LOG_INFO))
        rkd_log_say(keeper->service.log, RKD_LOG_INFO, rkd_log_end(&line));
    return true;
}

void rkd_keeper_reload(struct rkd_keeper *keeper)
{
    if (keeper->hooks == NULL || keeper->hooks->reload == NULL) {
        rkd_keeper_say(keeper, RKD_LOG_WARN, RK_STR("reload_ignored"), RK_STR("text"),
                       RK_STR("there is nothing to read again"));
        return;
    }
    rkd_notify_reloading(&keeper->notify, rkd_clock_mono_ns());
    rkd_notify_reloaded(&keeper->notify, reload(keeper));
}
