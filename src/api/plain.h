/*
 * plain.h - the plain-body reader: the bodies that nearly all clients send, without jansson.
 *
 * It only ever takes a body or hands it over, it never refuses: one flat object of the contracts'
 * own members, each at most once, texts of printable ASCII without escapes, a lifetime of plain
 * digits, an empty room_config. Whatever it takes, the careful reader reads the same (fuzz_body).
 * Not for other rooms.
 */
#ifndef RKD_API_PLAIN_H
#define RKD_API_PLAIN_H

#include "api/api.h"

enum rkd_plain_member {
    RKD_PLAIN_ROOM,
    RKD_PLAIN_IDENTITY,
    RKD_PLAIN_NAME,
    RKD_PLAIN_METADATA,
    RKD_PLAIN_TEXTS, /* how many members are texts */
    RKD_PLAIN_EXPIRATION = RKD_PLAIN_TEXTS,
    RKD_PLAIN_ROOM_CONFIG, /* {} */
};

struct rkd_plain_body {
    unsigned camel, snake; /* bit 1 << member: seen in that spelling; never in both */
    unsigned name_like;    /* of the texts: nothing but A-Z a-z 0-9 _ - */
    int64_t expiration_s;
    struct rk_str texts[RKD_PLAIN_TEXTS]; /* borrowed from the body; only those seen are set */
};

/* A byte of [a-zA-Z0-9_-]. */
bool rkd_plain_is_name_byte(char c);

/* False: something here is not plain. */
bool rkd_plain_scan(struct rk_str body, struct rkd_plain_body *plain);

/* Fills the ask and says true, or leaves it alone. */
bool rkd_plain_as_original(const struct rkd_plain_body *plain, struct rkd_ask *ask);
bool rkd_plain_as_standard(const struct rkd_plain_body *plain, struct rkd_ask *ask);

/* On /api/token: a standard snake_case member and none of the original's. */
bool rkd_plain_is_standard(const struct rkd_plain_body *plain);

#endif
