/*
 * keeper.h - the first thread once the service runs: signals, reload, everything slow or rare.
 */
#ifndef RKD_SERVE_KEEPER_H
#define RKD_SERVE_KEEPER_H

#include "serve/admin.h"
#include "serve/desk.h"
#include "serve/harden.h"
#include "serve/notify.h"
#include "serve/serve.h"

struct rkd_keeper {
    struct rkd_service service;
    struct rkd_loop *loop;
    struct rkd_worker_ctx *workers;
    pthread_t *threads;
    unsigned worker_count, started;
    atomic_uint running;
    const struct rkd_serve_hooks *hooks; /* NULL: none */
    struct rkd_snapshot *snapshot;       /* the current one: one reference */
    struct rkd_lag_view lag;             /* rkd_lag_is_ok on the keeper's thread */
    struct rkd_seal seal;                /* what this process still may do */
    struct rkd_admin *admin;             /* NULL: nobody looks */
    bool is_admin_elsewhere;             /* than admin_listen says: its socket was named */
    uint64_t reloads, reloads_failed, published_ns;
    int64_t loaded_ms;                  /* wall clock: when the snapshot was taken */
    struct rkd_notify notify;           /* the service manager */
    uint64_t draining_since_ns;         /* 0: not draining */
    uint64_t audit_lost, audit_said_ns; /* of the audit log: told so far, and when */
    uint64_t links_looked_ns, links_state, links_tried; /* see look_at_links */
    bool is_lagging;                                    /* said so */
    bool has_given_up;
    bool is_reload_wanted; /* SIGHUP came */
};

/* A line of one text member. `name` absent: none. */
void rkd_keeper_say(struct rkd_keeper *keeper, enum rkd_log_level level, struct rk_str event,
                    struct rk_str name, struct rk_str value);

/* keeper.c: makes the loop and sets on it what comes by itself: signals, wake-ups, ticks. */
RK_NODISCARD enum rk_err rkd_keeper_watch(struct rkd_keeper *keeper);

/* reload.c: SIGHUP. Reads, checks whole, then hands every worker its lease; a bad configuration is
 * logged and the old one stays. */
void rkd_keeper_reload(struct rkd_keeper *keeper);

/* keeper_facts.c: a new sheet on the admin listener's board; in time: unless it is fresh. */
void rkd_keeper_publish(struct rkd_keeper *keeper);
void rkd_keeper_publish_in_time(struct rkd_keeper *keeper);
/* A line when a loop begins to lag, and when all turn again. */
void rkd_keeper_say_lag(struct rkd_keeper *keeper);

/* The snapshot's warnings and those of its settings, a line each. */
void rkd_keeper_warn(struct rkd_keeper *keeper, const struct rkd_snapshot *snapshot);

#endif
