/*
 * desk.h - the keeper's side of every wait: key sets, hooks, shared limits, time-outs of the audit
 * log.
 *
 * Everything belongs to the keeper's thread but rkd_desk_put (job.h). What a desk holds when it is
 * freed goes to the workers' mailboxes or nowhere: their threads have ended by then, the workers
 * are still there.
 */
#ifndef RKD_SERVE_DESK_H
#define RKD_SERVE_DESK_H

#include "serve/facts.h"
#include "serve/job.h"

/*
 * What the outgoing side needs of the settings is copied. `workers` are borrowed, they get the key
 * sets. RK_E_NOMEM, RK_E_INVAL (the address of Redis).
 */
RK_NODISCARD enum rk_err rkd_desk_new(struct rkd_service *service, struct rkd_loop *loop,
                                      struct rkd_worker_ctx *workers, unsigned worker_count,
                                      const struct rkd_settings *settings, struct rkd_desk **out);
/* Before rkd_loop_free. NULL is a no-op. */
void rkd_desk_free(struct rkd_desk *desk);

/* The key sets of this snapshot are kept from now on, others are let go. RK_E_NOMEM: as before. */
RK_NODISCARD enum rk_err rkd_desk_use(struct rkd_desk *desk, const struct rkd_snapshot *snapshot);
/* A lease of the snapshot in use, with the key sets there are. */
RK_NODISCARD enum rk_err rkd_desk_lease(struct rkd_desk *desk, struct rkd_snapshot *snapshot,
                                        struct rkd_lease **out);

/* A sheet with the desk's part filled in; NULL: no memory. */
struct rkd_facts *rkd_desk_facts(const struct rkd_desk *desk);

/* What workers have put there. */
void rkd_desk_work(struct rkd_desk *desk);
/* Every 100 ms or so. */
void rkd_desk_tick(struct rkd_desk *desk);

#endif
