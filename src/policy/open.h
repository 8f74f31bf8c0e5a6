/*
 * open.h - the decision without rules for a caller somebody has already let in. Not for other
 * rooms.
 */
#ifndef RKD_POLICY_OPEN_H
#define RKD_POLICY_OPEN_H

#include "policy/policy.h"

/* rkd_policy_decide_open without its question who is calling. `out` is written on success only. */
RK_NODISCARD enum rkd_err rkd_open_decide(const struct rkd_terms *terms, const struct rkd_ask *ask,
                                          struct rk_str random, struct rki_arena *arena,
                                          struct rkd_decision *out, struct rkd_problem *problem);

#endif
