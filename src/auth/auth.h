/*
 * auth.h - who is calling: bearer tokens, key sets, API keys, the platform's headers.
 *
 * No sockets and no clock: key sets and `now` are passed in, and a key that is not in memory is
 * asked for by an answer (RKD_AUTH_WAIT), not by a call. The raw credential goes no further than
 * this room; others see struct rkd_caller.
 */
#ifndef RKD_AUTH_H
#define RKD_AUTH_H

#include "core/arena.h"
#include "core/buf.h"
#include "model/ask.h"
#include "model/error.h"
#include "model/raw.h"

/* --- the callers, compiled: immutable, borrows from `raw`, which must outlive it --- */

struct rkd_auth;

/*
 * Refuses, at the value's position: everything of CFG-01, an issuer with two callers (D3), a hash
 * in two files, algorithms we do not have, HS256 beside others, a secret under 32 bytes, addresses
 * that are no https URL (http only to allow_http hosts), no audience without azp or client_id in
 * `require`, a skew over 300 s. `is_livekit_secret` is asked for every HS256 secret.
 * Without callers *out is NULL and RK_OK the answer.
 * Errors: RK_E_INVAL with *out_error filled, RK_E_NOMEM.
 */
typedef bool rkd_is_livekit_secret_fn(void *ctx, struct rk_str secret);
RK_NODISCARD enum rk_err rkd_auth_compile(const struct rkd_raw *raw,
                                          rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                                          struct rkd_auth **out, struct rkd_raw_error *out_error);
void rkd_auth_free(struct rkd_auth *auth); /* NULL is a no-op */
void rkd_auth_warn(const struct rkd_auth *auth, rkd_warn_fn *warn, void *ctx);
/* Kinds of credential somebody here accepts, for WWW-Authenticate and readiness. */
bool rkd_auth_takes_bearer(const struct rkd_auth *auth);    /* JWT or rk_ key */
bool rkd_auth_takes_principal(const struct rkd_auth *auth); /* the platform's headers; NULL: no */

/* --- key sets --- */

struct rkd_keyset; /* parsed public keys; immutable, counted by reference, free-threaded */

struct rkd_keyset_report {
    unsigned usable, skipped;
    const char *reason; /* why the document is refused, or why the last key was skipped */
};
/* A JWKS document (RFC 7517), security.md s.1.5. RK_E_MALFORMED, RK_E_TOO_LONG (> 512 KiB or > 100
 * keys), RK_E_STATE (no usable key), RK_E_NOMEM; *out untouched then. */
RK_NODISCARD enum rk_err rkd_keyset_parse(struct rk_str json, struct rkd_keyset **out,
                                          struct rkd_keyset_report *report);
struct rkd_keyset *rkd_keyset_ref(struct rkd_keyset *keyset); /* NULL gives NULL */
void rkd_keyset_unref(struct rkd_keyset *keyset);             /* NULL is a no-op */

/* What must be fetched for a caller; one for each OIDC caller with public keys (and ENTRA). */
struct rkd_keyset_spec {
    struct rk_str caller, issuer;
    struct rk_str jwks_uri;      /* absent: by discovery */
    struct rk_str discovery_url; /* absent together with jwks_uri: never */
    struct rk_str ca_file;       /* absent: the system's; NUL-terminated */
    const struct rkd_raw_list *jwks_hosts, *allow_http;
    int64_t fresh_ms, cooldown_ms, stale_ms, timeout_ms;
};
size_t rkd_auth_keyset_count(const struct rkd_auth *auth); /* NULL: 0 */
const struct rkd_keyset_spec *rkd_auth_keyset_at(const struct rkd_auth *auth, size_t index);

/* May this address be fetched for that caller: https, or http to a host in allow_http; no user,
 * no fragment (semantics D7). */
bool rkd_keyset_url_is_allowed(const struct rkd_keyset_spec *spec, struct rk_str url);
/* The jwks_uri of a discovery document, D7's origin rule included, into `out`. RK_E_MALFORMED,
 * RK_E_STATE (the issuer differs), RK_E_INVAL (the address is not allowed), RK_E_TOO_LONG.
 * *out_reason is a constant slug. */
RK_NODISCARD enum rk_err rkd_discovery_read(const struct rkd_keyset_spec *spec, struct rk_str json,
                                            struct rki_buf *out, const char **out_reason);

/* --- verification --- */

/* A worker's own kept contexts (EVP contexts by key). One thread at a time. */
struct rkd_verifier;
RK_NODISCARD enum rk_err rkd_verifier_new(struct rkd_verifier **out);
void rkd_verifier_free(struct rkd_verifier *verifier);
/* With its kept context: a third of what SHA256() costs, which looks its algorithm up every time.
 */
RK_NODISCARD enum rk_err rkd_verifier_sha256(struct rkd_verifier *verifier, struct rk_str text,
                                             uint8_t out[32]);

/* The credential headers as they came; ptr NULL: not sent. Repeated lines were refused before. */
struct rkd_credentials {
    struct rk_str authorization, x_api_key;
    struct rk_str principal, principal_id, principal_idp; /* X-MS-CLIENT-PRINCIPAL, -ID, -IDP */
    bool principal_is_repeated;
};

enum rkd_auth_verdict {
    RKD_AUTH_REFUSED = 0, /* out->err says how */
    RKD_AUTH_OK,          /* *caller is filled; rkd_caller_clear it */
    RKD_AUTH_NONE,        /* no credential was presented */
    RKD_AUTH_WAIT,        /* the key is not known (yet): refresh out->keyset, then ask again */
};
struct rkd_auth_out {
    enum rkd_err err;   /* INVALID_TOKEN, INVALID_REQUEST, UNAVAILABLE */
    const char *reason; /* a slug for the log: "jwt.sig", "jwt.exp", "key.unknown", ... */
    bool is_charged;    /* to failures_per_address (H19) */
    size_t keyset;      /* WAIT: which */
    /* For the 401 bodies of stage 004: error.code and error.message, constants. Filled for every
     * kind of caller, to be shown under ENTRA only: elsewhere one text serves all reasons. */
    const char *entra_code, *entra_message;
};
struct rkd_auth_in {
    const struct rkd_credentials *credentials;
    struct rkd_keyset *const *keysets; /* by index of rkd_auth_keyset_at; NULL: none in memory */
    int64_t now_s;
    bool may_wait; /* false: a key that is not there is a refusal (503 without any set) */
};
/*
 * D1-D3 and security.md s.1.2, s.3.1, s.3.3. `auth` NULL: every credential is refused.
 * Threads: safe with a verifier a thread.
 */
RK_NODISCARD enum rkd_auth_verdict rkd_auth_identify(const struct rkd_auth *auth,
                                                     struct rkd_verifier *verifier,
                                                     const struct rkd_auth_in *in,
                                                     struct rkd_caller *caller,
                                                     struct rkd_auth_out *out);

#endif
