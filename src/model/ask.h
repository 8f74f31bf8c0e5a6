/*
 * ask.h - what a request asks for (ask), who asks (caller), what was decided (decision), what is
 * handed out (pass).
 *
 * Plain structs; every rk_str is borrowed from the call's arena, from the snapshot or a constant
 * and lives to the answer.
 */
#ifndef RKD_MODEL_ASK_H
#define RKD_MODEL_ASK_H

#include <jansson.h>
#include <roomkey/claims.h>

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
    int64_t ttl_s; /* 0: not asked */
    /* Original contract under rules: the identity breaks the contract's rule for characters, which
     * only the caller's own may (D17). problem holds the refusal, should it not be that. */
    bool identity_is_unusual;
    struct rk_str profile;   /* header Roomkey-Profile, absent when not sent */
    struct rk_str device;    /* header Roomkey-Device as it came, absent when not sent */
    bool device_is_repeated; /* more than one such line: bad where devices are looked at (D15) */
};

enum rkd_caller_kind {
    RKD_CALLER_NONE = 0, /* not yet known: nothing is given */
    RKD_CALLER_ANONYMOUS,
    RKD_CALLER_OIDC,
    RKD_CALLER_API_KEY,
    RKD_CALLER_EASY_AUTH,
    RKD_CALLER_ENTRA, /* the original's settings: the identity comes from the request */
};

/* Who asks, once proved. Filled by auth, read by policy; the raw credential is not in it. */
struct rkd_caller {
    enum rkd_caller_kind kind;
    size_t index;          /* which of the configuration's callers; not for anonymous */
    struct rk_str name;    /* its name there, "anonymous" for anonymous; snapshot text */
    struct rk_str subject; /* {sub}; borrowed from claims or the snapshot */
    const json_t *claims;  /* an object; NULL when there are none */
    json_t *owned_claims;  /* what rkd_caller_clear gives back; NULL when the snapshot owns them */
    int64_t expires_s;     /* of the token (exp) or the key; 0: never */
};

static inline void rkd_caller_clear(struct rkd_caller *caller)
{
    json_decref(caller->owned_claims);
    *caller = (struct rkd_caller){.kind = RKD_CALLER_NONE};
}

struct rkd_hook; /* policy/policy.h */

#define RKD_GRANT_BIT(grant) (UINT32_C(1) << (grant))    /* of enum rk_grant */
#define RKD_SOURCE_BIT(source) (UINT32_C(1) << (source)) /* of enum rk_source */

/* Zero means: no room, no identity, no power, no lifetime; nothing can be minted from it. */
struct rkd_decision {
    struct rk_str room, identity, name, metadata; /* name absent: the token has none */
    const struct rkd_attribute *attributes;
    size_t attribute_count;
    struct rk_str room_config; /* normalised JSON, agents included; absent: none */
    uint32_t grants;           /* RKD_GRANT_BIT: true in the token */
    uint32_t written;          /* RKD_GRANT_BIT: in the token at all, false where not granted */
    uint32_t sources;          /* RKD_SOURCE_BIT; 0: no restriction */
    enum rk_kind kind;         /* RK_KIND_UNSET: none written */
    int64_t ttl_s;
    struct rk_str profile, rule; /* constant or snapshot text, for the log; rule absent: none */
    const struct rkd_hook *hook; /* who must agree before this is minted; NULL: nobody */
};

struct rkd_pass {
    struct rk_str token;
    int64_t expires_at_s;
    struct rk_str server_url; /* absent when none is configured */
    struct rk_str room, identity,
        name; /* name: what the answer's participant_name says (D33: the identity without one) */
};

#endif
