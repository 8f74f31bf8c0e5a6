/*
 * explain_caller.h - the caller that `roomkey explain` plays: one of the configuration's, with the
 * claims of a file.
 */
#ifndef RKD_CLI_EXPLAIN_CALLER_H
#define RKD_CLI_EXPLAIN_CALLER_H

#include "model/ask.h"
#include "model/error.h"
#include "model/raw.h"
#include "policy/policy.h"

/* Rows past the end of the trace are dropped. `outcome` is a constant, `detail` lives as long as
 * the trace. */
void rkd_trace_add(struct rkd_trace *trace, const char *stage, const char *outcome,
                   struct rk_str detail);

/*
 * Which configured caller is meant: the one named `name`, else the only one, else the one whose
 * issuer the claims name. NULL with a text for the operator in *out_why.
 */
const struct rkd_raw_caller *rkd_explain_pick(const struct rkd_raw *raw, const char *name,
                                              const json_t *claims, const char **out_why);

/*
 * The caller as if its credential were good. What the claims hold of iss, aud, sub and the claims
 * of `require` must be right, else *problem is the refusal (401) and false is returned; what they
 * do not hold is taken as right, and the trace says so (`sub` apart: it must be there). An `exp`
 * that has passed is that of an old token: a fresh one is assumed. Of an API key `sub` is the name
 * in its file.
 * *caller borrows from `chosen` and `claims`.
 */
bool rkd_explain_identify(const struct rkd_raw *raw, const struct rkd_raw_caller *chosen,
                          json_t *claims, int64_t now_s, struct rkd_caller *caller,
                          struct rkd_trace *trace, struct rkd_problem *problem);

#endif
