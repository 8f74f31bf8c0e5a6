/*
 * procstat.h - what the system says of this process: the standard process_* metrics.
 *
 * Files of /proc are opened once, at start, so that a sandbox may forbid opening them later. Where
 * there is no /proc, what only it knows is left out.
 */
#ifndef RKD_SERVE_PROCSTAT_H
#define RKD_SERVE_PROCSTAT_H

#include "serve/expo.h"

#include <dirent.h>

struct rkd_procstat {
    int statm_fd;     /* -1: none */
    DIR *fds;         /* NULL: none */
    int64_t start_ms; /* wall clock */
};

void rkd_procstat_open(struct rkd_procstat *stat, int64_t start_ms);
void rkd_procstat_close(struct rkd_procstat *stat);
void rkd_procstat_write(const struct rkd_procstat *stat, struct rkd_expo *expo);

#endif
