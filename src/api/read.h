/*
 * read.h - what the contracts of this room share in reading a request. Not for other rooms.
 */
#ifndef RKD_API_READ_H
#define RKD_API_READ_H

#include "api/api.h"
#include "core/json.h"

/* Fills the refusal and hands `err` back. field: a constant, or NULL when none is to blame. */
enum rkd_err rkd_refuse_read(struct rkd_problem *problem, enum rkd_err err, const char *field,
                             const char *reason);

/* A text that an ask can hold. */
enum rkd_text {
    RKD_TEXT_NONE = 0,
    RKD_TEXT_ROOM,
    RKD_TEXT_IDENTITY,
    RKD_TEXT_NAME,
    RKD_TEXT_METADATA
};

struct rkd_member {
    const char *snake; /* what `field` says; also the member's name in JSON unless camel_only */
    const char *camel;
    enum rkd_text text; /* NONE: not a text, or read in its own way */
    bool camel_only;    /* the contract knows one spelling */
};

/*
 * Checks `value` (UTF-8, may be empty, which asks for nothing) as that text and sets it in the ask;
 * the bytes are borrowed. Errors: invalid_room, invalid_identity, invalid_request by D20; metadata
 * over its limit is noted in ask->oversize.
 */
enum rkd_err rkd_set_text(struct rkd_ask *ask, const struct rkd_member *member, struct rk_str value,
                          struct rkd_problem *problem);

/* Notes a field that is over its limit; the first one stays. */
void rkd_note_oversize(struct rkd_ask *ask, const char *field);

/*
 * The body as a JSON object by the strict rules; *out is the caller's to json_decref. An empty body
 * gives NULL, which json_object_get takes as an object without members. `members` are those a
 * refusal may name.
 */
enum rkd_err rkd_read_object(struct rk_str body, const struct rkd_member *members, size_t count,
                             json_t **out, struct rkd_problem *problem);

/* Which member made `body` bad JSON; NULL when that cannot be said. At most 32 members. */
const struct rkd_member *rkd_blame(struct rk_str body, const struct rkd_member *members,
                                   size_t count);

/*
 * The member under either spelling; both at once are refused, even if one is null. *out is NULL
 * when it is absent: missing, null or "" (D34).
 */
enum rkd_err rkd_find_member(const json_t *object, const struct rkd_member *member, json_t **out,
                             struct rkd_problem *problem);

/* The text members of a contract, in their order, copied into the arena; others are passed over. */
enum rkd_err rkd_read_texts(const struct rkd_read_in *in, const json_t *object,
                            const struct rkd_member *members, size_t count, struct rkd_ask *ask,
                            struct rkd_problem *problem);

/* The same from a query string: strict percent-decoding, '+' is a blank, a member twice is refused,
 * others are ignored. `field` in refusals is the snake_case name. */
enum rkd_err rkd_read_query(const struct rkd_read_in *in, const struct rkd_member *members,
                            size_t count, struct rkd_ask *ask, struct rkd_problem *problem);

/* meet and create-token: both names must be there. */
enum rkd_err rkd_require_names(const struct rkd_ask *ask, struct rkd_problem *problem);

/* What the standard contract and both versions of the sandbox take. */
enum rkd_err rkd_read_standard(const struct rkd_read_in *in, struct rkd_ask *ask,
                               struct rkd_problem *problem);

/* The four camelCase members, for sandbox v1 and meet. */
void rkd_write_camel_pass(struct rki_buf *body, const struct rkd_pass *pass);

/* The careful halves of the readers, without plain.c in front: for those readers and for the test
 * that the two agree. */
enum rkd_err rkd_read_token_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                 struct rkd_problem *problem);
enum rkd_err rkd_read_original_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                    struct rkd_problem *problem);
enum rkd_err rkd_read_standard_json(const struct rkd_read_in *in, struct rkd_ask *ask,
                                    struct rkd_problem *problem);

#endif
