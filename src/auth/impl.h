/*
 * impl.h - the callers, compiled, and what the files of this room call of one another.
 */
#ifndef RKD_AUTH_IMPL_H
#define RKD_AUTH_IMPL_H

#include "auth/fault.h"
#include "auth/hs256.h"
#include "auth/verifier.h"

enum {
    RKD_SKEW_MAX_S = 300,
    RKD_SUBJECT_MAX = 256,
    RKD_NO_KEYSET = -1,
};

/* A claim that must equal, its path taken apart: names one behind the other, each with its NUL. */
struct rkd_requirement {
    char *path;
    size_t steps;
    const struct rkd_value *value; /* a literal, or a list of them */
};

struct rkd_auth_caller {
    const struct rkd_raw_caller *raw;
    enum rkd_caller_kind kind;
    uint32_t algorithms; /* RKD_ALG_BIT */
    int64_t skew_s;
    struct rkd_hs256_secret *secret; /* then algorithms is 0 and there is no key set */
    ptrdiff_t keyset;                /* index of its spec, or RKD_NO_KEYSET */
    char *discovery_url;             /* made from the issuer */
    struct rkd_requirement *require;
    size_t require_count;
    bool is_template; /* the issuer has {tenantid} */
};

/* One `iss` that a token may have. Sorted, each once. */
struct rkd_issuer {
    struct rk_str iss;
    size_t caller;
    struct rk_str tenant; /* what stands for {tenantid}; ptr NULL: no template */
    char *text;           /* what iss points into, when it was made here */
    struct rkd_pos at;
};

struct rkd_api_key {
    const struct rkd_raw_api_key *raw;
    size_t caller;
    json_t *claims; /* an object, `sub` is the key's name */
};

struct rkd_auth {
    const struct rkd_raw *raw;
    struct rkd_auth_caller *callers;
    size_t caller_count;
    struct rkd_issuer *issuers;
    size_t issuer_count;
    struct rkd_api_key *keys; /* sorted by SHA-256 */
    size_t key_count;
    struct rkd_keyset_spec *specs;
    size_t spec_count;
    bool has_entra; /* then it is the only caller */
    bool has_api_keys, has_easy_auth;
    struct rkd_raw_text entra_host; /* of an http key-set address on loopback, and a list of it */
    struct rkd_raw_list entra_http;
};

/* What one credential is checked with. */
struct rkd_job {
    const struct rkd_auth *auth;
    struct rkd_verifier *verifier;
    const struct rkd_auth_in *in;
    struct rkd_caller *caller;
    struct rkd_auth_out *out;
};

/* --- compile --- */

RK_NODISCARD enum rk_err rkd_compile_oidc(struct rkd_auth *auth, size_t index,
                                          rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                                          struct rkd_raw_error *error);
RK_NODISCARD enum rk_err rkd_compile_require(const struct rkd_raw_oidc *oidc,
                                             struct rkd_auth_caller *out,
                                             struct rkd_raw_error *error);
/* Every iss of every OIDC caller, templates written out; an issuer with two callers is refused. */
RK_NODISCARD enum rk_err rkd_compile_issuers(struct rkd_auth *auth, struct rkd_raw_error *error);
RK_NODISCARD enum rk_err rkd_compile_keys(struct rkd_auth *auth, struct rkd_raw_error *error);
RK_NODISCARD enum rk_err rkd_compile_easy_auth(struct rkd_auth *auth, struct rkd_raw_error *error);

/* --- checks --- */

const struct rkd_issuer *rkd_issuer_find(const struct rkd_auth *auth, struct rk_str iss);
/* Whether `text` is `pattern` with `tenant` for its one {tenantid}. */
bool rkd_issuer_is(struct rk_str pattern, struct rk_str tenant, struct rk_str text);
/* A GUID in its one canonical form: small letters, hyphens. */
bool rkd_is_tenant(struct rk_str text);

bool rkd_require_holds(const struct rkd_requirement *requirement, const json_t *claims);
/* V19: 1-256 bytes of UTF-8 without control and bidi characters. */
bool rkd_is_subject(struct rk_str text);

/* V14-V19. `issuer` is NULL for ENTRA. Fills subject and expiry of *out. */
enum rkd_fault rkd_claims_check(const struct rkd_auth *auth, const struct rkd_auth_caller *caller,
                                const struct rkd_issuer *issuer, const struct rkd_public_key *key,
                                const json_t *claims, int64_t now_s, struct rkd_caller *out);

/* Each fills job->caller, but for `index` and `name`, on RKD_FAULT_NONE. */
enum rkd_fault rkd_bearer_identify(const struct rkd_job *job, struct rk_str token, size_t *index);
enum rkd_fault rkd_api_key_identify(const struct rkd_job *job, struct rk_str text, size_t *index);
enum rkd_fault rkd_easy_auth_identify(const struct rkd_job *job, size_t *index);

#endif
