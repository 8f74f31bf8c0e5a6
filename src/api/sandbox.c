/*
 * sandbox.c - version 1 of LiveKit's sandbox token server, which the esp32 client and old front
 * ends speak: two optional members, four camelCase strings back.
 *
 * The esp32 client cuts answers at 2,048 bytes, hence pass_max. Version 2 is the standard contract
 * under another path. May touch: its arguments, the call's arena, jansson's
 * readers.
 */
#include "api/read.h"
#include "api/refusal.h"

static const struct rkd_member members[] = {
    {"room_name", "roomName", RKD_TEXT_ROOM, false},
    {"participant_name", "participantName", RKD_TEXT_NAME, false},
};

static enum rkd_err read_v1(const struct rkd_read_in *in, struct rkd_ask *ask,
                            struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rkd_err err = rkd_read_object(in->body, members, ARRAY_LEN(members), &root, problem);

    if (err == RKD_OK)
        err = rkd_read_texts(in, root, members, ARRAY_LEN(members), ask, problem);
    json_decref(root);
    return err;
}

void rkd_write_camel_pass(struct rki_buf *body, const struct rkd_pass *pass)
{
    rki_buf_lit(body, "{\"serverUrl\":");
    rki_buf_json(body, pass->server_url);
    rki_buf_lit(body, ",\"roomName\":");
    rki_buf_json(body, pass->room);
    rki_buf_lit(body, ",\"participantToken\":\"");
    rki_buf_put(body, pass->token);
    rki_buf_lit(body, "\",\"participantName\":");
    rki_buf_json(body, pass->name);
    rki_buf_char(body, '}');
}

const struct rkd_contract rkd_sandbox_v1 = {
    .name = RK_STR_INIT("sandbox"),
    .wants_json = true,
    .terms.invents = true,
    .needs_url = true,
    .terms.default_ttl_s = 900,
    .read = read_v1,
    .write_pass = rkd_write_camel_pass,
    .pass_type = RK_STR_INIT("application/json"),
    .pass_max = 2048,
    RKD_PROBLEM_SHAPE,
};
