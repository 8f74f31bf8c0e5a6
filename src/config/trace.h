/*
 * trace.h - what a reading was made of: a digest of all that callers and rules come from, and the
 * symbolic links that a cluster swaps when it brings new files.
 */
#ifndef RKD_CONFIG_TRACE_H
#define RKD_CONFIG_TRACE_H

#include "config/read.h"

/* Before the first value. RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_trace_begin(struct rkd_read *read);
/* roomkey.yaml as a tree: every member but those that change no decision (the LiveKit keys, the
 * rates, the log). */
void rkd_trace_tree(struct rkd_read *read, const struct rkd_value *top);
/* A file it names, but for LiveKit's keys. */
void rkd_trace_file(struct rkd_read *read, struct rk_str bytes);
/* Into the settings; frees. A digest that failed is none. */
void rkd_trace_end(struct rkd_read *read);

/*
 * Before the file at `path` is opened: wherever "..data" lies beside it or above, what that link
 * points to is kept in the settings (hosting.md s.4.2). More than RKD_LINKS_MAX are not watched.
 */
void rkd_trace_path(struct rkd_read *read, struct rk_str path);

#endif
