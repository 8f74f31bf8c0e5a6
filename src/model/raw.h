/*
 * raw.h - the configuration of callers, profiles and rules as it was written: typed, not yet
 * understood, every value with its position.
 *
 * Made by config from roomkey.yaml (or, for ENTRA_*, from the environment), compiled by auth and
 * policy, put together by serve. Everything is borrowed from the storage that owns it and lives as
 * long as the snapshot. An absent text has ptr NULL, an absent value kind RKD_VALUE_NONE.
 */
#ifndef RKD_MODEL_RAW_H
#define RKD_MODEL_RAW_H

#include <roomkey/base.h>

/* Where a value stands. line 0: it comes from the environment or a flag, `file` is its name and
 * `column` which entry of its list is meant (0: the whole). */
struct rkd_pos {
    const char *file;
    unsigned line, column; /* from 1 */
};

/* One refusal, printed as FILE:LINE:COLUMN: key: text (semantics P1). Never quotes a value.
 * `at.file` is borrowed from the settings: who clears them calls rkd_raw_error_keep first. */
struct rkd_raw_error {
    struct rkd_pos at;
    char key[96];
    char text[288];
    char file[256]; /* see rkd_raw_error_keep */
};

/* Copies the file's name into the error, so that it outlives the settings; of a long one the end.
 * The error must not be copied afterwards. */
static inline void rkd_raw_error_keep(struct rkd_raw_error *error)
{
    size_t len = 0, from = 0;

    if (error->at.file == NULL || error->at.file == error->file)
        return;
    while (error->at.file[len] != '\0')
        len++;
    if (len >= sizeof(error->file))
        from = len - (sizeof(error->file) - 1);
    for (size_t i = from; i <= len; i++)
        error->file[i - from] = error->at.file[i];
    error->at.file = error->file;
}

/* Fills *error and hands RK_E_INVAL back. `text` says what was expected; input is never quoted. */
RK_NODISCARD enum rk_err rkd_raw_refuse(struct rkd_raw_error *error, struct rkd_pos at,
                                        const char *key, const char *text);

enum rkd_value_kind {
    RKD_VALUE_NONE = 0, /* absent */
    RKD_VALUE_STRING,
    RKD_VALUE_NUMBER,
    RKD_VALUE_BOOL,
    RKD_VALUE_LIST,
    RKD_VALUE_MAP,
};

/* Free-form parts: when, profiles, require, attributes, metadata, room_config, claims of API keys.
 * Plain scalars are typed by YAML's core schema (true, false, numbers), quoted ones are strings. */
struct rkd_value_member;
struct rkd_value {
    enum rkd_value_kind kind;
    struct rkd_pos at;
    struct rk_str text; /* of a scalar, as written (unquoted) */
    double number;
    bool boolean;
    struct rkd_value *items;          /* LIST */
    struct rkd_value_member *members; /* MAP, in the order of the file, keys unique */
    size_t count;
};
struct rkd_value_member {
    struct rk_str key;
    struct rkd_pos at;
    struct rkd_value value;
};

struct rkd_raw_text {
    struct rk_str text;
    struct rkd_pos at;
};
struct rkd_raw_list { /* "one or a list" is a list of one */
    struct rkd_raw_text *items;
    size_t count;
    struct rkd_pos at;
    bool is_set;
};
struct rkd_raw_flag {
    bool value, is_set;
    struct rkd_pos at;
};
struct rkd_raw_time {
    int64_t ms;
    bool is_set;
    struct rkd_pos at;
};
/* A file's bytes without one final newline, in the secure heap; wiped with the configuration. */
struct rkd_raw_secret {
    struct rk_str bytes;
    struct rkd_pos at; /* of the value that names the file */
};

/* --- callers --- */

enum rkd_raw_caller_kind {
    RKD_RAW_CALLER_NONE = 0,
    RKD_RAW_CALLER_OIDC,
    RKD_RAW_CALLER_API_KEYS,
    RKD_RAW_CALLER_EASY_AUTH,
    RKD_RAW_CALLER_ENTRA, /* the original's ENTRA_* variables; then it is the only caller */
};

struct rkd_raw_oidc {
    struct rkd_pos at;
    struct rkd_raw_text issuer;
    struct rkd_raw_list audience, algorithms, tenants, jwks_hosts, allow_http;
    struct rkd_value require;                             /* map: claim -> literal */
    struct rkd_raw_text jwks_uri, discovery_url, ca_file; /* ca_file: a path made absolute */
    struct rkd_raw_secret hs256_secret;
    struct rkd_raw_time clock_skew;                      /* 60 s when absent, at most 300 s */
    struct rkd_raw_time fresh, cooldown, stale, timeout; /* 10 m, 30 s, 24 h, 3 s */
};

/* One entry of an API keys file. */
struct rkd_raw_api_key {
    struct rkd_raw_text name;
    uint8_t sha256[32];
    struct rkd_pos sha256_at;
    int64_t expires_s; /* exclusive, Unix seconds; 0: never */
    struct rkd_pos expires_at;
    struct rkd_value claims; /* map */
};

struct rkd_raw_caller {
    struct rkd_pos at;
    struct rkd_raw_text name;
    enum rkd_raw_caller_kind kind;
    struct rkd_pos kind_at;
    struct rkd_raw_oidc oidc;
    struct rkd_raw_api_key *keys;
    size_t key_count;
    struct rkd_raw_list easy_auth_providers;
    struct rkd_raw_text identity; /* a template; absent: {sub} */
    bool identity_is_hashed;      /* { hash: T } */
    bool devices_many;
    struct rkd_raw_list display_name; /* templates, the first that renders */
    struct rkd_value attributes;      /* map of templates */
    struct rkd_value metadata;        /* a template, or a map of templates */
    struct rkd_raw_flag bind_to_caller_exp, explain, shares_identities;
};

/* --- what they may have --- */

struct rkd_raw_profile {
    struct rkd_raw_text name;
    struct rkd_value body; /* map of VideoGrant names, kind, sip, danger */
};

struct rkd_raw_hook {
    struct rkd_pos at;
    struct rkd_raw_text url;
    struct rkd_raw_secret secret;
    struct rkd_raw_time timeout; /* 2 s when absent */
    bool is_set;
};

struct rkd_raw_rule {
    struct rkd_pos at;
    struct rkd_raw_text id, caller, default_room;
    struct rkd_value when;
    struct rkd_raw_list room, profile, request_may_set, request_agents, dispatch;
    struct rkd_raw_time ttl;
    struct rkd_value room_config;
    struct rkd_raw_hook ask;
};

struct rkd_raw_ceiling {
    struct rkd_pos at;
    struct rkd_raw_time ttl;    /* 6 h when absent */
    struct rkd_raw_list grants; /* design s.7's list when absent */
};

struct rkd_raw {
    struct rkd_raw_caller *callers;
    size_t caller_count;
    struct rkd_raw_profile *profiles;
    size_t profile_count;
    struct rkd_raw_rule *rules;
    size_t rule_count;
    struct rkd_pos callers_at, rules_at;
    struct rkd_raw_ceiling ceiling;
    struct rkd_raw_secret identity_hash_key;
    bool anonymous_by_rules;    /* anonymous: rules */
    bool is_easy_auth_on;       /* WEBSITE_AUTH_ENABLED says so */
    struct rk_str entra_tenant; /* ENTRA_TENANT_ID, for the 401 bodies only */
};

/* A warning of `roomkey check`; `key` and `text` are constants, `name` is the rule, profile or
 * caller it is about (absent: none). */
typedef void rkd_warn_fn(void *ctx, struct rkd_pos at, const char *key, struct rk_str name,
                         const char *text);

#endif
