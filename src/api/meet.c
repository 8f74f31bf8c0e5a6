/*
 * meet.c - GET /api/connection-details of LiveKit's meet example: both names in the query.
 *
 * The example answers a missing member in plain text; we answer problem details like everywhere.
 * Its cookie for the identity's postfix is neither read nor set. May touch: its arguments, the
 * call's arena.
 */
#include "api/read.h"
#include "api/refusal.h"

static const struct rkd_member members[] = {
    {"room_name", "roomName", RKD_TEXT_ROOM, true},
    {"participant_name", "participantName", RKD_TEXT_NAME, true},
    {"metadata", "metadata", RKD_TEXT_METADATA, true},
};

static enum rkd_err read_meet(const struct rkd_read_in *in, struct rkd_ask *ask,
                              struct rkd_problem *problem)
{
    enum rkd_err err = rkd_read_query(in, members, ARRAY_LEN(members), ask, problem);

    return err == RKD_OK ? rkd_require_names(ask, problem) : err;
}

const struct rkd_contract rkd_meet = {
    .name = RK_STR_INIT("meet"),
    .needs_url = true,
    .terms.postfixes_identity = true,
    .terms.default_ttl_s = 900,
    .read = read_meet,
    .write_pass = rkd_write_camel_pass,
    .pass_type = RK_STR_INIT("application/json"),
    RKD_PROBLEM_SHAPE,
};
