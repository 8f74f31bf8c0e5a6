/*
 * ask.h - what a request asks for (ask), who asks (caller), what was decided (decision), what is
 * handed out (pass).
 *
 * Plain structs; every rk_str is borrowed from the call's arena, from the snapshot or a constant
 * and lives to the answer.
 */
#ifndef RKD_MODEL_ASK_H
#define RKD_MODEL_ASK_H

#include <roomkey/base.h>

enum {
    RKD_ATTRIBUTES_MAX = 32,
    RKD_METADATA_MAX = 4096,
    RKD_ATTRIBUTES_BYTES_MAX = 4096,
    RKD_TOKEN_MAX = 8192
};

struct rkd_contract;

/* What a contract gives by itself where no rule says otherwise; policy knows no more of contracts.
 */
struct rkd_terms {
    bool invents; /* absent room and identity are invented for anonymous callers (D18, D23) */
    bool name_is_identity;   /* without a name the token's name is the identity (original) */
    bool postfixes_identity; /* meet, create-token: identity is {participantName}__{random} */
    int64_t default_ttl_s;
};

struct rkd_attribute {
    struct rk_str key, value;
};

/* An absent member has ptr NULL (D34: on standard and sandbox null and "" are absent too). */
struct rkd_ask {
    const struct rkd_contract
        *contract; /* the one that writes the answer; the reader of /api/token may change it */
    struct rk_str room, identity, name, metadata;
    struct rkd_attribute *attributes;
    size_t attribute_count;
    struct rk_str
        room_config; /* normalised JSON (core/room_config.h); absent when nothing is set in it */
    unsigned room_config_members; /* RKI_RC_* bits of what it sets */
    bool room_config_has_credentials;
    /* The first field over its limit of D36, which is not kept; absent: none. Policy refuses it,
     * since what is not permitted goes first (D25). */
    struct rk_str oversize;
    int64_t ttl_s;         /* 0: not asked */
    struct rk_str profile; /* header Roomkey-Profile, absent when not sent */
};

enum rkd_caller_kind {
    RKD_CALLER_NONE = 0,
    RKD_CALLER_ANONYMOUS
}; /* zero: not yet known, nothing is given */

struct rkd_caller {
    enum rkd_caller_kind kind;
};

enum rkd_power { RKD_CAN_PUBLISH = 1, RKD_CAN_SUBSCRIBE = 2, RKD_CAN_PUBLISH_DATA = 4 };

/* Zero means: no room, no identity, no power, no lifetime; nothing can be minted from it. */
struct rkd_decision {
    struct rk_str room, identity, name, metadata; /* name absent: the token has none */
    const struct rkd_attribute *attributes;
    size_t attribute_count;
    struct rk_str room_config;
    unsigned powers; /* enum rkd_power bits; roomJoin is implied */
    int64_t ttl_s;
    const char *profile; /* constant or snapshot text, for the log */
};

struct rkd_pass {
    struct rk_str token;
    int64_t expires_at_s;
    struct rk_str server_url; /* absent when none is configured */
    struct rk_str room, identity,
        name; /* name: what the answer's participant_name says (D33: the identity without one) */
};

#endif
