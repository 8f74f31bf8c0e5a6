/*
 * settings.h - the configuration, read and checked, before serve builds its snapshot from it.
 *
 * Made by config (environment and flags now, roomkey.yaml later), freed by rkd_settings_clear in
 * config/config.h.
 */
#ifndef RKD_MODEL_SETTINGS_H
#define RKD_MODEL_SETTINGS_H

#include "model/addr.h"

#include <roomkey/key.h>

enum {
    RKD_ORIGINS_MAX = 64,
    RKD_PATHS_MAX = 32,
    RKD_CIDRS_MAX = 64,
    RKD_WORKERS_MAX = 64,
    RKD_WORKERS_AUTO_MAX = 4,
};

enum rkd_anonymous { RKD_ANONYMOUS_UNSET = 0, RKD_ANONYMOUS_REFUSE, RKD_ANONYMOUS_ALLOW };

/* Bits of settings.contracts. */
enum rkd_contract_bit {
    RKD_CONTRACT_ORIGINAL = 1,
    RKD_CONTRACT_STANDARD = 2,
    RKD_CONTRACT_SANDBOX = 4,
    RKD_CONTRACT_MEET = 8,
    RKD_CONTRACT_CREATE_TOKEN = 16,
};

enum rkd_log_level { RKD_LOG_ERROR = 0, RKD_LOG_WARN, RKD_LOG_INFO, RKD_LOG_DEBUG };
enum rkd_log_format { RKD_LOG_JSON = 0, RKD_LOG_TEXT };

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

struct rkd_settings {
    struct rkd_listen listen[RKD_LISTEN_MAX];
    size_t listen_count;
    unsigned workers;                /* 1-64, "auto" already resolved */
    struct rk_str livekit_url;       /* absent when none; what clients get as server_url */
    struct rk_keyring *keys;         /* owned; NULL when there is none */
    const struct rk_key *active_key; /* borrowed from keys; NULL: /readyz and the contracts say
                                        missing_credentials */
    enum rkd_anonymous anonymous;
    unsigned contracts;
    struct rk_str endpoint_paths[RKD_PATHS_MAX];
    size_t endpoint_path_count;
    unsigned success_status; /* 200 or 201, standard contract only */
    struct rkd_origin origins[RKD_ORIGINS_MAX];
    size_t origin_count;
    bool any_loopback_origin; /* dev */
    struct rkd_cidr trusted[RKD_CIDRS_MAX];
    size_t trusted_count;
    enum rkd_forward_header forward_header;
    struct rkd_limits limits;
    enum rkd_log_level log_level;
    bool log_to_stdout;       /* under the Functions host (semantics H22) */
    bool dev;                 /* roomkey dev: loopback only, X-Roomkey-Dev: unsafe */
    const char *warnings[16]; /* constant texts to log at start, e.g. a short secret */
    size_t warning_count;
    void *storage; /* owns every rk_str above */
    enum rkd_log_format log_format;
};

#endif
