/*
 * metrics.h - everything that is counted, written for a scraper.
 */
#ifndef RKD_SERVE_METRICS_H
#define RKD_SERVE_METRICS_H

#include "serve/facts.h"
#include "serve/procstat.h"
#include "serve/ready.h"
#include "serve/service.h"

struct rkd_metrics_in {
    const struct rkd_service *service;
    const struct rkd_worker_ctx *workers; /* only their stats are read */
    unsigned worker_count;
    const struct rkd_facts *facts;
    const struct rkd_lag_view *lag;
    const struct rkd_ready *ready;
    const struct rkd_procstat *process;
    int64_t now_ms; /* monotonic */
};

/* The whole answer's body. Threads: the one whose view `lag` is. */
void rkd_metrics_write(const struct rkd_metrics_in *in, struct rkd_expo *expo);

#endif
