/*
 * create_token.c - /createToken of LiveKit's token-server examples: both names in the query (GET)
 * or in a JSON body (POST), the bare token as text in return.
 *
 * The body has to come as application/json: a page of another site can send text/plain without a
 * preflight. May touch: its arguments, the call's arena, jansson's readers.
 */
#include "api/read.h"
#include "api/refusal.h"

static const struct rkd_member members[] = {
    {"room_name", "roomName", RKD_TEXT_ROOM, true},
    {"participant_name", "participantName", RKD_TEXT_NAME, true},
    {"metadata", "metadata", RKD_TEXT_METADATA, true},
};

static enum rkd_err read_create_token(const struct rkd_read_in *in, struct rkd_ask *ask,
                                      struct rkd_problem *problem)
{
    json_t *root = NULL;
    enum rkd_err err;

    if (in->query.len != 0) {
        err = rkd_read_query(in, members, ARRAY_LEN(members), ask, problem);
    } else {
        err = rkd_read_object(in->body, members, ARRAY_LEN(members), &root, problem);
        if (err == RKD_OK)
            err = rkd_read_texts(in, root, members, ARRAY_LEN(members), ask, problem);
        json_decref(root);
    }
    return err == RKD_OK ? rkd_require_names(ask, problem) : err;
}

static void write_pass(struct rki_buf *body, const struct rkd_pass *pass)
{
    rki_buf_put(body, pass->token);
}

const struct rkd_contract rkd_create_token = {
    .name = RK_STR_INIT("create-token"),
    .wants_json = true,
    .terms.postfixes_identity = true,
    .terms.default_ttl_s = 900,
    .read = read_create_token,
    .write_pass = write_pass,
    .pass_type = RK_STR_INIT("text/plain; charset=utf-8"),
    RKD_PROBLEM_SHAPE,
};
