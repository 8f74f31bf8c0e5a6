/*
 * admin.h - the listener for whoever runs roomkey: /metrics, and /readyz with all it knows.
 *
 * A loop, a thread and a socket of its own, so that a scraper holds up no worker and a flood of
 * clients no scraper. It takes nothing from a worker but counts, and what only the keeper knows
 * from the board (facts.h). It asks nobody for a credential: it belongs on an address that only the
 * operator reaches. It tells no secret, no room and no identity.
 */
#ifndef RKD_SERVE_ADMIN_H
#define RKD_SERVE_ADMIN_H

#include "serve/facts.h"
#include "serve/service.h"

struct rkd_admin;

/*
 * Opens the socket and what is read of /proc. Errors as rkd_net_open, with the culprit in out_diag.
 * `service` and `workers` are borrowed; they may still be empty.
 */
RK_NODISCARD enum rk_err rkd_admin_open(const struct rkd_listen *listen,
                                        struct rkd_service *service,
                                        const struct rkd_worker_ctx *workers, unsigned worker_count,
                                        struct rkd_admin **out, struct rk_diag *out_diag);
/* Begins to answer. False: no thread. After the workers are made. */
RK_NODISCARD bool rkd_admin_start(struct rkd_admin *admin);
/* The drain begins. An inherited socket is served by the next process from here on, so this one
 * ends answering on it; one of its own tells until the end that it drains. NULL: a no-op. Threads:
 * the keeper's. */
void rkd_admin_drain(struct rkd_admin *admin);
/* "127.0.0.1:9464", "unix:/path". */
const char *rkd_admin_address(const struct rkd_admin *admin);
/* Takes the sheet. Threads: the keeper's. */
void rkd_admin_post(struct rkd_admin *admin, struct rkd_facts *facts);
/* Ends the thread, within a moment; answers under way are finished. Before the workers, the log and
 * the limiter go. NULL, or not started: a no-op. */
void rkd_admin_stop(struct rkd_admin *admin);
/* NULL is a no-op. */
void rkd_admin_free(struct rkd_admin *admin);

#endif
