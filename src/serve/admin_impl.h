/*
 * admin_impl.h - the admin listener's inside, for admin.c (its life) and admin_pages.c (what it
 * answers).
 */
#ifndef RKD_SERVE_ADMIN_IMPL_H
#define RKD_SERVE_ADMIN_IMPL_H

#include "serve/admin.h"
#include "serve/metrics.h"

enum {
    RKD_ADMIN_BODY_BYTES = 1024 * 1024, /* pages are touched only as far as used */
    RKD_ADMIN_HEAD_BYTES = 1024,
};

struct rkd_admin {
    struct rkd_service *service;
    const struct rkd_worker_ctx *workers;
    unsigned worker_count;
    struct rkd_net *net;
    struct rkd_worker *worker;
    struct rkd_board board;
    struct rkd_lag_view lag;
    struct rkd_procstat process;
    struct rkd_clock clock;
    char *body; /* RKD_ADMIN_BODY_BYTES */
    pthread_t thread;
    bool is_running;
    bool is_loopback; /* what a page in a browser can reach by a name of its own */
};

/* admin_pages.c: writes the whole answer; fault: there is no whole request. */
void rkd_admin_answer(struct rkd_admin *admin, struct rkd_exchange *x);
void rkd_admin_answer_fault(struct rkd_admin *admin, struct rkd_exchange *x, enum rkd_fault fault);

#endif
