/*
 * policy.h - what a caller may have: room, identity, profile, lifetime. Pure functions, no sockets,
 * no clock, no randomness of its own.
 */
#ifndef RKD_POLICY_H
#define RKD_POLICY_H

#include "core/arena.h"
#include "core/buf.h"
#include "model/ask.h"
#include "model/error.h"
#include "model/raw.h"

enum {
    RKD_RANDOM_CHARS = 16, /* {random}: lower-case base32, one value a request (D8) */
    RKD_DEVICE_CHARS = 8,  /* an invented device: [a-z0-9] (D15) */
    RKD_TRACE_MAX = 64,
};

/*
 * The decision where there are no rules: `anonymous: allow` and `roomkey dev`.
 *
 * The room asked for, or room-{random}; the identity asked for, or guest-{random}, or
 * {participantName}__{random} where the contract wants that; always the profile `speaker`; the
 * lifetime asked for (only the original contract lets one be asked) or the contract's own.
 * `terms` are those of the contract that writes the answer.
 * `random` may be absent when both room and identity are in the ask. `out` is written whole on
 * success, all zero otherwise; its texts are borrowed from the ask and the arena.
 *
 * RKD_E_UNAUTHENTICATED     the caller is not known: zero is deny
 * RKD_E_ROOM_REQUIRED       no room, and the contract invents none
 * RKD_E_INVALID_IDENTITY    no identity, and the contract invents none; or {participantName}__
 *                           grows over 256 bytes
 * RKD_E_PROFILE_NOT_ALLOWED any profile but `speaker`
 * RKD_E_FIELD_NOT_ALLOWED   a member of room_config that nobody may set here
 * RKD_E_TOO_LARGE           a field over its limit
 * RKD_E_UNAVAILABLE         the arena is full
 * RKD_E_INTERNAL            no `random`, or terms without a lifetime
 *
 * Threads: safe. Source: semantics D18, D23, D25, D26, D33, D35, D36.
 */
RK_NODISCARD enum rkd_err rkd_policy_decide_open(const struct rkd_terms *terms,
                                                 const struct rkd_caller *caller,
                                                 const struct rkd_ask *ask, struct rk_str random,
                                                 struct rki_arena *arena, struct rkd_decision *out,
                                                 struct rkd_problem *problem);

/*
 * A built-in profile (D29) as grants, written grants, sources and kind of `out`; the rest of `out`
 * stays. False: no such profile, `out` untouched. There is no ceiling here: who calls holds the
 * key.
 */
bool rkd_profile_built_in(struct rk_str name, struct rkd_decision *out);

/* --- with rules --- */

/* Profiles, rules, identity templates and the ceiling, compiled. Immutable; borrows from `raw`. */
struct rkd_policy;

/*
 * Everything semantics D4, D5, D8-D15, D19, D22, D24, D27-D31 refuse at load is refused here, at
 * the position of the value. `raw` must outlive *out. Without rules *out is NULL and RK_OK the
 * answer (then rkd_policy_decide_open or _entra decides). Errors: RK_E_INVAL with *out_error
 * filled, RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rkd_policy_compile(const struct rkd_raw *raw, struct rkd_policy **out,
                                            struct rkd_raw_error *out_error);
void rkd_policy_free(struct rkd_policy *policy); /* NULL is a no-op */

/* What `roomkey check` says of a policy that loads: rules that can never match, profiles never
 * used, lifetimes over 24 h or under 120 s, grants and lifetimes the ceiling cuts, templates that
 * end in a single separator a claim may contain, identities that come from the request. */
void rkd_policy_warn(const struct rkd_policy *policy, rkd_warn_fn *warn, void *ctx);

/* A step of the decision, for explain and the log. Texts are constants, snapshot or arena text. */
struct rkd_trace_row {
    const char *stage;    /* "rule", "identity", "profile", "lifetime", "field", "hook", ... */
    struct rk_str rule;   /* id, absent where no rule is meant */
    const char *outcome;  /* a slug: "caller-differs", "when-fails", "room-differs", "matches" */
    struct rk_str detail; /* the key or value meant; absent: none. Never a claim's value */
};
struct rkd_trace {
    struct rkd_trace_row rows[RKD_TRACE_MAX];
    size_t count; /* rows past the end are dropped */
};

struct rkd_policy_in {
    const struct rkd_terms *terms;
    const struct rkd_caller *caller; /* verified, or anonymous */
    const struct rkd_ask *ask;
    struct rk_str random;        /* RKD_RANDOM_CHARS characters */
    struct rk_str device_random; /* RKD_DEVICE_CHARS characters */
    int64_t now_s;
    struct rki_arena *arena;
    struct rkd_trace *trace; /* may be NULL */
};

/*
 * The decision under rules: semantics D8-D33, D36, refusals in the order of D25. `out` is written
 * whole on success, all zero otherwise; its texts are borrowed from ask, caller, policy and arena.
 * problem->reason is a constant slug for the log. A caller without the credential under
 * `anonymous: rules` that no rule fits is RKD_E_UNAUTHENTICATED (D5).
 * Threads: safe. Pure: no clock, no randomness, no sockets; nothing outside `in` is looked at.
 */
RK_NODISCARD enum rkd_err rkd_policy_decide(const struct rkd_policy *policy,
                                            const struct rkd_policy_in *in,
                                            struct rkd_decision *out, struct rkd_problem *problem);

/*
 * D17: does the ask name the identity its caller gets anyway? Then, and only then, the original
 * contract's character rule does not apply to it; for what it does apply to, it is the contract's
 * own validation and goes before every rule. False where the template uses {request.identity}, for
 * guests, and where no identity is named.
 */
bool rkd_policy_names_own_identity(const struct rkd_policy *policy, const struct rkd_policy_in *in);

/*
 * H13, D15: is the ask's device (device, device_is_repeated) refused whatever else is asked for?
 * False for callers whose devices are not told apart.
 */
bool rkd_policy_refuses_device(const struct rkd_policy *policy, const struct rkd_caller *caller,
                               const struct rkd_ask *ask);

/* --- the hook (`ask`) --- */

struct rkd_hook {
    struct rk_str url;
    struct rk_str secret; /* bytes */
    int64_t timeout_ms;
    size_t index; /* of its rule */
};
size_t rkd_policy_hook_count(const struct rkd_policy *policy); /* NULL: 0 */
const struct rkd_hook *rkd_policy_hook_at(const struct rkd_policy *policy, size_t index);

struct rkd_hook_view {
    struct rk_str request_id, client_ip;
    int64_t now_s;
};
/*
 * The JSON body of security.md s.3.2: who, which room, which grants, how long; no credential and no
 * claim but sub. Members whose value is not known ("sub") are left out:
 *
 *   {"version":1,"request_id":"...","time":1767225600,
 *    "caller":{"name":"staff","kind":"oidc","sub":"u1"},   kind: anonymous oidc api_key easy_auth
 *    "rule":"own-team","room":"acme__1","identity":"staff:u1","profile":"speaker",
 *    "grants":{"roomJoin":true,"canPublish":true},         those that are granted
 *    "ttl":600,"client_ip":"192.0.2.1"}
 */
void rkd_hook_write_body(const struct rkd_decision *decision, const struct rkd_caller *caller,
                         const struct rkd_hook_view *view, struct rki_buf *body);
/* The value of Roomkey-Signature: v1= and hex HMAC-SHA-256(secret, id "." time "." body). */
RK_NODISCARD enum rk_err rkd_hook_sign(const struct rkd_hook *hook, struct rk_str id, int64_t now_s,
                                       struct rk_str body, struct rki_buf *out);
/*
 * The hook's answer, intersected with the decision: it may refuse, drop grants, shorten the
 * lifetime, and nothing else. RKD_OK: `decision` is narrowed. RKD_E_REFUSED_BY_HOOK: it said no
 * (200 without allow:true, 401, 403). RKD_E_UNAVAILABLE: anything else; nothing may be minted.
 * *out_cache_s: for how long the answer allows itself to be kept (0: not at all).
 *
 * Strict JSON of at most 64 KiB, other members ignored:
 *   allow    the literal true, or it is a refusal
 *   rooms    a list of names: without the decision's room in it, it is a refusal. Absent: any
 *   grants   all that may stay: a map like the question's (what is not true in it is dropped) or a
 *            list of names; roomJoin stays anyway. Absent: all stay
 *   ttl      seconds, 10 or more; a longer one changes nothing
 *   cache_s  at most 30 (5 for a refusal) count
 */
RK_NODISCARD enum rkd_err rkd_hook_apply(unsigned status, struct rk_str body,
                                         struct rki_arena *arena, struct rkd_decision *decision,
                                         int64_t *out_cache_s, struct rkd_problem *problem);

/* --- the original's ENTRA_* settings: identity and room from the request, metadata from claims ---
 */

RK_NODISCARD enum rkd_err rkd_policy_decide_entra(const struct rkd_policy_in *in,
                                                  struct rkd_decision *out,
                                                  struct rkd_problem *problem);

#endif
