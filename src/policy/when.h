/*
 * when.h - conditions over claims (semantics D12). Not for other rooms.
 */
#ifndef RKD_POLICY_WHEN_H
#define RKD_POLICY_WHEN_H

#include "model/raw.h"
#include "policy/claim.h"

struct rkd_condition { /* one key: any of the literals */
    struct rk_str key;
    struct rkd_claim_path path;
    const struct rkd_value *any; /* scalars */
    size_t count;
};

/* All zero: always holds. */
struct rkd_when {
    struct rkd_condition *all, *not_all;
    size_t count, not_count;
};

/* `raw` is borrowed; kind NONE gives the condition that always holds. RK_E_INVAL with *out_at and a
 * constant *out_why, RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_when_compile(struct rkd_pool *pool, const struct rkd_value *raw,
                                          struct rkd_when *out, struct rkd_pos *out_at,
                                          const char **out_why);

/* *out_key: the key that failed, "not" included; untouched when it holds. */
bool rkd_when_holds(const struct rkd_when *when, const struct rkd_caller *caller,
                    struct rk_str *out_key);

/* Whether no claim whatever equals the literal: a number of 2^53 or more. */
bool rkd_literal_matches_nothing(const struct rkd_value *literal);

#endif
