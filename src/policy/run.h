/*
 * run.h - one decision under way, handed from step to step. Not for other rooms.
 */
#ifndef RKD_POLICY_RUN_H
#define RKD_POLICY_RUN_H

#include "policy/compiled.h"

struct rkd_run {
    const struct rkd_policy *policy;
    const struct rkd_policy_in *in;
    const struct rkd_compiled_caller *caller; /* NULL: anonymous */
    struct rkd_view view;
    const struct rkd_rule *rule;

    /* The identity, worked out before the rule, since rooms may name it; its verdict is spoken
     * after (D25). */
    enum rkd_err identity_err;
    const char *identity_reason;
    struct rk_str base, whole;

    json_t *config;       /* the room_config asked for, parsed; NULL: not needed */
    const json_t *agents; /* its agents; NULL: none */

    struct rkd_decision decision;
    struct rkd_problem *problem;
};

/* Fills the problem, and hands `err` back. field: a constant or NULL. */
enum rkd_err rkd_run_refuse(struct rkd_run *run, enum rkd_err err, const char *field,
                            const char *reason);

/* One row, where somebody wants to know. */
void rkd_run_trace(const struct rkd_run *run, const char *stage, struct rk_str rule,
                   const char *outcome, struct rk_str detail);

/* Sets run->caller, NULL for guests. RKD_E_UNAUTHENTICATED: the rules are about nobody like that.
 */
enum rkd_err rkd_run_find_caller(struct rkd_run *run);

/* base, whole and the verdict on them (D14-D18). Refuses at once what is no question of rules: a
 * bad device header, no memory, no randomness. */
enum rkd_err rkd_run_identify(struct rkd_run *run);

/* Parses what room_config needs; its agents must have names, each another (D32: 400). */
enum rkd_err rkd_run_open_config(struct rkd_run *run);

/* D31-D33: what was sent and is not permitted, in the order of the contract. */
enum rkd_err rkd_run_check_fields(struct rkd_run *run);
enum rkd_err rkd_run_check_config(struct rkd_run *run);

/* What was permitted, and what templates and the rule say. */
enum rkd_err rkd_run_fill_fields(struct rkd_run *run);
enum rkd_err rkd_run_fill_config(struct rkd_run *run);

#endif
