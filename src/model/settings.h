/*
 * settings.h - the configuration, read and checked, before serve builds its snapshot from it.
 *
 * Made by config from roomkey.yaml, environment and flags, freed by rkd_settings_clear in
 * config/config.h.
 */
#ifndef RKD_MODEL_SETTINGS_H
#define RKD_MODEL_SETTINGS_H

#include "model/addr.h"
#include "model/raw.h"

#include <roomkey/key.h>

enum {
    RKD_ORIGINS_MAX = 64,
    RKD_PATHS_MAX = 32,
    RKD_CIDRS_MAX = 64,
    RKD_WORKERS_MAX = 64,
    RKD_WORKERS_AUTO_MAX = 4,
    RKD_WARNINGS_MAX = 32,
    RKD_LINKS_MAX = 16,
};

enum rkd_anonymous {
    RKD_ANONYMOUS_UNSET = 0,
    RKD_ANONYMOUS_REFUSE,
    RKD_ANONYMOUS_ALLOW,
    RKD_ANONYMOUS_RULES,
};

/* Bits of settings.contracts. */
enum rkd_contract_bit {
    RKD_CONTRACT_ORIGINAL = 1,
    RKD_CONTRACT_STANDARD = 2,
    RKD_CONTRACT_SANDBOX = 4,
    RKD_CONTRACT_MEET = 8,
    RKD_CONTRACT_CREATE_TOKEN = 16,
};

enum rkd_log_format { RKD_LOG_JSON = 0, RKD_LOG_TEXT };

enum rkd_log_level { RKD_LOG_ERROR = 0, RKD_LOG_WARN, RKD_LOG_INFO, RKD_LOG_DEBUG };

/* One admission every `period_ns`, at most `burst` at one instant. burst 0: off (only "off" in the
 * configuration says so). */
struct rkd_rate {
    uint64_t period_ns;
    uint32_t burst;
};

/* An origin of CORS in its serialised form. wildcard: `host` is what follows "*." and one label
 * stands in front. */
struct rkd_origin {
    struct rk_str text; /* exact origins: the whole, e.g. "http://localhost:4200"; "*" alone allows
                           every origin */
    struct rk_str scheme; /* wildcards: "https" */
    struct rk_str host;   /* wildcards: "preview.example.org" */
    uint16_t port;        /* wildcards: 0 when none is written */
    bool wildcard;
    bool any; /* "*" */
};

struct rkd_limits {
    struct rkd_rate per_address, failures_per_address, per_caller, per_room;
    uint32_t connections, connections_per_address; /* 0: off */
    uint32_t body_bytes, headers_bytes;
    uint32_t head_ms, body_ms, idle_ms, write_ms;
};

enum rkd_forward_header { RKD_FORWARD_XFF = 0, RKD_FORWARD_RFC7239 };

/* Shared limits. url absent: none. */
struct rkd_redis_settings {
    struct rk_str url; /* redis://[[user]:password@]host[:port][/db]: may hold a password; with the
                          next one redis://[user@]host[:port][/db] */
    struct rkd_pos url_at;
    struct rkd_raw_secret password; /* of password_file */
    uint32_t timeout_ms;
};

struct rkd_audit_settings {
    struct rk_str file; /* a path, NUL-terminated; absent: no audit log */
    bool is_required;
    struct rkd_raw_secret hash_key; /* 32 bytes or more; absent: personal fields as they are */
};

/* A file the configuration is read from or names; the path ends in NUL. */
struct rkd_named_file {
    struct rk_str path;
    const struct rkd_named_file *next;
};

/* Said at start and by `roomkey check`; text and key are constants. */
struct rkd_setting_warning {
    const char *text;
    struct rkd_pos at; /* file NULL: nothing in particular */
    const char *key;   /* NULL: a variable's, or none */
};

/* A symbolic link that is swapped whole when files are replaced: Kubernetes' "..data". */
struct rkd_link {
    struct rk_str path, target; /* each with a NUL behind it; as it pointed before reading */
};

struct rkd_settings {
    struct rkd_listen listen[RKD_LISTEN_MAX];
    size_t listen_count;
    struct rkd_listen admin_listen; /* metrics and readiness detail */
    bool has_admin_listen;
    unsigned
        inherited; /* sockets handed over (LISTEN_FDS), served or not: RKD_INHERITED_FIRST on */
    int inherited_admin;             /* the one LISTEN_FDNAMES calls admin; 0: none */
    unsigned workers;                /* 1-64, "auto" already resolved */
    struct rk_str livekit_url;       /* absent when none; what clients get as server_url */
    struct rk_str livekit_api_url;   /* http(s): how roomkey reaches it; absent when none */
    struct rk_keyring *keys;         /* owned; NULL when there is none */
    bool names_active_key;           /* livekit.active_key says which, so there may be several */
    const struct rk_key *active_key; /* borrowed from keys; NULL: /readyz and the contracts say
                                        missing_credentials */
    enum rkd_anonymous anonymous;
    unsigned contracts;
    struct rk_str endpoint_paths[RKD_PATHS_MAX];
    size_t endpoint_path_count;
    unsigned success_status; /* 200 or 201, standard contract only */
    struct rkd_origin origins[RKD_ORIGINS_MAX];
    size_t origin_count;
    bool cors_credentials;    /* never together with "*" */
    uint32_t cors_max_age_s;  /* of preflights */
    bool any_loopback_origin; /* dev */
    struct rkd_cidr trusted[RKD_CIDRS_MAX];
    size_t trusted_count;
    enum rkd_forward_header forward_header;
    struct rkd_limits limits;
    struct rkd_redis_settings redis;
    enum rkd_log_level log_level;
    enum rkd_log_format log_format;
    bool log_to_stdout;   /* under the Functions host (semantics H22) */
    bool under_functions; /* FUNCTIONS_CUSTOMHANDLER_PORT: the peer is the Azure Functions host */
    bool dev;             /* roomkey dev: loopback only, X-Roomkey-Dev: unsafe */
    struct rkd_audit_settings audit;
    bool hardening_required;   /* hardening: required */
    struct rk_str config_file; /* its path, NUL-terminated; absent: there is none to read again */
    const struct rkd_named_file *files; /* every file that was read or is named, this one too */
    struct rkd_raw raw;                 /* callers, profiles, rules */
    struct rkd_setting_warning warnings[RKD_WARNINGS_MAX];
    size_t warning_count;
    struct rkd_link links[RKD_LINKS_MAX];
    size_t link_count;
    uint8_t rules_digest[32]; /* of all that callers and rules are made of: config/trace.h */
    bool has_rules_digest;    /* false: nobody can say that two readings are the same */
    void *storage;            /* owns every text and secret above */
};

#endif
