/*
 * sandbox.c - version 1 of LiveKit's sandbox token server, which the esp32 client and old front
 * ends speak: it takes what the standard contract takes and gives four camelCase strings back.
 *
 * The esp32 client cuts answers at 2,048 bytes, hence pass_max. Version 2 is the standard contract
 * under another path. May touch: its arguments.
 */
#include "api/read.h"
#include "api/refusal.h"

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
    .read = rkd_read_standard,
    .write_pass = rkd_write_camel_pass,
    .pass_type = RK_STR_INIT("application/json"),
    .pass_max = 2048,
    RKD_PROBLEM_SHAPE,
};
