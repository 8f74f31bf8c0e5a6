/*
 * compiled.h - what rkd_policy_compile makes of the raw configuration. Not for other rooms.
 */
#ifndef RKD_POLICY_COMPILED_H
#define RKD_POLICY_COMPILED_H

#include "policy/match.h"
#include "policy/policy.h"
#include "policy/when.h"

enum {
    RKD_TTL_MIN_S = 10,           /* D30 */
    RKD_RULE_TTL_S = 600,         /* D24 */
    RKD_CEILING_TTL_S = 6 * 3600, /* design s.7 */
    RKD_CONFIG_MEMBERS = 11,      /* of RoomConfiguration, in the order of enum rki_rc_members */
    RKD_CONFIG_AGENTS = 9,        /* which of them */
    RKD_HASH_KEY_MIN = 32,
    RKD_HASHED_MAX = 1024, /* bytes that are hashed into an identity */
};

struct rkd_keyed_template {
    struct rk_str key;
    struct rkd_template value;
};

struct rkd_compiled_caller {
    const struct rkd_raw_caller *raw;
    struct rk_str name;
    struct rkd_template identity;
    bool is_hashed, devices_many, binds_to_exp;
    bool takes_name; /* a template has {request.name}: the member may be sent (D13) */
    struct rkd_template *names;
    size_t name_count;
    struct rkd_keyed_template *attributes;
    size_t attribute_count;
    struct rkd_keyed_template *metadata; /* a map, or one template without a key */
    size_t metadata_count;
    bool metadata_is_map;
};

struct rkd_profile {
    const struct rkd_raw_profile *raw; /* NULL: built in */
    struct rk_str name;
    uint32_t wanted;  /* grants as written */
    uint32_t grants;  /* what the ceiling leaves of them */
    uint32_t written; /* in the token, true or false */
    uint32_t sources;
    enum rk_kind kind; /* after the ceiling */
};

/* Whose rule: an index into the callers, or one of these. */
#define RKD_ANY_VERIFIED SIZE_MAX
#define RKD_ANONYMOUS (SIZE_MAX - 1)

/* The rule's room_config, a member at a time: `"maxParticipants":2` as it is written. */
struct rkd_rule_config {
    struct rk_str members[RKD_CONFIG_MEMBERS]; /* absent: not named */
    int64_t numbers[RKD_CONFIG_MEMBERS];
    struct rk_str whole; /* for a request that asks for nothing here, dispatch included */
};

struct rkd_permissions { /* request_may_set */
    bool name, metadata, attributes, room_config;
    struct rk_str *keys; /* attributes.KEY */
    size_t key_count;
};

struct rkd_rule {
    const struct rkd_raw_rule *raw;
    struct rk_str id;
    size_t caller;
    struct rkd_when when;
    struct rkd_template *rooms;
    size_t room_count;
    struct rkd_template default_room; /* no parts: none */
    const struct rkd_profile **profiles;
    size_t profile_count;
    int64_t ttl_s; /* under the ceiling */
    struct rkd_permissions may;
    struct rkd_rule_config config;
    const struct rkd_hook *hook; /* NULL: nobody is asked */
};

struct rkd_policy {
    struct rkd_pool pool;
    const struct rkd_raw *raw;
    struct rkd_compiled_caller *callers; /* as in raw */
    size_t caller_count;
    struct rkd_profile *profiles;
    size_t profile_count;
    struct rkd_rule *rules;
    size_t rule_count;
    struct rkd_hook *hooks;
    size_t hook_count;
    uint32_t ceiling;
    int64_t ceiling_ttl_s;
};

/* ---- compiling: each writes `error` when it gives RK_E_INVAL ---- */

struct rkd_compile {
    struct rkd_policy *policy;
    const struct rkd_raw *raw;
    struct rkd_raw_error *error;
};

/* RK_E_INVAL. `key` and `text` are constants or short; they quote no value. */
enum rk_err rkd_refuse_raw(const struct rkd_compile *compile, struct rkd_pos at, const char *key,
                           const char *text);

/* A template, refused under `key`. */
RK_NODISCARD enum rk_err rkd_compile_template(const struct rkd_compile *compile, struct rk_str text,
                                              struct rkd_pos at, const char *key, unsigned rules,
                                              struct rkd_template *out);

RK_NODISCARD enum rk_err rkd_compile_ceiling(const struct rkd_compile *compile);
RK_NODISCARD enum rk_err rkd_compile_profiles(const struct rkd_compile *compile);
RK_NODISCARD enum rk_err rkd_compile_callers(const struct rkd_compile *compile);
RK_NODISCARD enum rk_err rkd_check_identity_spaces(const struct rkd_compile *compile);
RK_NODISCARD enum rk_err rkd_compile_rules(const struct rkd_compile *compile);
RK_NODISCARD enum rk_err rkd_compile_rule_config(const struct rkd_compile *compile,
                                                 struct rkd_rule *rule);
RK_NODISCARD enum rk_err rkd_compile_hook(const struct rkd_compile *compile,
                                          const struct rkd_raw_hook *raw, size_t rule,
                                          struct rkd_hook *out);

const struct rkd_profile *rkd_find_profile(const struct rkd_policy *policy, struct rk_str name);

#endif
