/*
 * jws.h - a compact JWS taken apart: three segments and a header read strictly. Nothing in here is
 * verified yet.
 */
#ifndef RKD_AUTH_JWS_H
#define RKD_AUTH_JWS_H

#include "auth/alg.h"
#include "auth/fault.h"

#include <jansson.h>

enum {
    RKD_BEARER_MAX = 12288, /* bytes of a token: one of Entra's with 200 groups has some 10,000 */
    RKD_PAYLOAD_MAX = RKD_BEARER_MAX / 4 * 3,
    RKD_HEADER_KID_MAX = 256,
};

struct rkd_header {
    enum rkd_alg alg; /* RKD_ALG_NONE: none of a public key */
    bool is_hs256;
    bool has_kid;
    size_t kid_len;
    char kid[RKD_HEADER_KID_MAX];
};

struct rkd_jws {
    struct rk_str header, payload, signature; /* base64url, as received */
    struct rk_str signed_text;                /* header "." payload, as received */
};

/* Absent when the header has none. */
static inline struct rk_str rkd_header_kid(const struct rkd_header *header)
{
    return header->has_kid ? rki_str(header->kid, header->kid_len) : rki_str(NULL, 0);
}

/* V1. The signature may be empty here; it then verifies under nothing. */
enum rkd_fault rkd_jws_split(struct rk_str token, struct rkd_jws *out);

/* V2-V7. An unknown `alg` is no fault here: out->alg is RKD_ALG_NONE and is_hs256 false. */
enum rkd_fault rkd_jws_read_header(struct rk_str segment, struct rkd_header *out);

#endif
