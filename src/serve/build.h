/*
 * build.h - the snapshot: settings, routes, callers and rules, put together whole or not at all.
 *
 * The same for start, reload and `roomkey check`.
 */
#ifndef RKD_SERVE_BUILD_H
#define RKD_SERVE_BUILD_H

#include "auth/auth.h"
#include "model/raw.h"
#include "model/settings.h"
#include "policy/policy.h"
#include "serve/route.h"

#include <stdatomic.h>

/* Immutable once built, but for the count of those who hold it. */
struct rkd_snapshot {
    struct rkd_settings settings;
    struct rkd_routes routes;
    struct rkd_auth *auth;     /* NULL: no callers */
    struct rkd_policy *policy; /* NULL: no rules */
    uint64_t generation;       /* 1, 2, ... over the process's reloads */
    unsigned wants;            /* RKD_WANTS_…: what its kinds of caller need (ready.h) */
    bool needs_keysets;       /* beside API keys nobody can be verified before a key set is there */
    int64_t api_keys_until_s; /* the last of them expires then, Unix seconds; 0: there is none */
    atomic_uint *alive;       /* counted down by the last unref; NULL: nobody counts */
    atomic_uint refs;
};

/*
 * Takes *settings (all zero afterwards, on failure too). *out has one reference.
 * RK_E_INVAL, RK_E_STATE with *out_error filled; RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rkd_snapshot_build(struct rkd_settings *settings,
                                            struct rkd_snapshot **out,
                                            struct rkd_raw_error *out_error);
struct rkd_snapshot *rkd_snapshot_ref(struct rkd_snapshot *snapshot);
/* The last one frees and wipes. NULL is a no-op. Threads: any. */
void rkd_snapshot_unref(struct rkd_snapshot *snapshot);

/* Can somebody be verified now without a key set, or is everybody let in? */
bool rkd_snapshot_can_verify(const struct rkd_snapshot *snapshot, int64_t now_s);

/* A contract is on whose answers hold the server's URL, and there is none. */
static inline bool rkd_settings_miss_url(const struct rkd_settings *settings)
{
    return (settings->contracts & ~(unsigned)RKD_CONTRACT_ORIGINAL) != 0 &&
           settings->livekit_url.len == 0;
}

/* What `roomkey check` warns about, the settings' own warnings not included. */
void rkd_snapshot_warn(const struct rkd_snapshot *snapshot, rkd_warn_fn *warn, void *ctx);

#endif
