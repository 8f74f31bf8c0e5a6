/*
 * keys_plan.h - `roomkey keys plan`: in which order LiveKit keys are changed, and how long to wait.
 */
#ifndef RKD_CLI_KEYS_PLAN_H
#define RKD_CLI_KEYS_PLAN_H

#include "cli/cli.h"

int rkd_keys_plan(struct rkd_cli *cli, const struct rkd_args *args);

#endif
