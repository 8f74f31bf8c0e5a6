/*
 * build.c - puts the snapshot together from settings: routes, callers, rules; whole or not at all.
 *
 * May touch: its arguments and the heap. The same for start, reload and `roomkey check`.
 */
#include "serve/build.h"

#include "config/config.h"
#include "core/key.h"
#include "net/redis.h"
#include "serve/ready.h"

#include <stdlib.h>

static bool is_livekit_secret(void *ctx, struct rk_str secret)
{
    const struct rkd_settings *settings = ctx;

    return settings->keys != NULL && rki_keyring_has_secret(settings->keys, secret);
}

static int64_t last_expiry_s(const struct rkd_raw_caller *caller)
{
    int64_t last_s = 0;

    for (size_t i = 0; i < caller->key_count; i++) {
        const int64_t expires_s =
            caller->keys[i].expires_s == 0 ? INT64_MAX : caller->keys[i].expires_s;

        last_s = expires_s > last_s ? expires_s : last_s;
    }
    return last_s;
}

/* Without callers everybody is let in or nobody; with them, one that needs no key set will do. */
static void look_at_callers(struct rkd_snapshot *snapshot)
{
    const struct rkd_settings *settings = &snapshot->settings;
    const struct rkd_raw *raw = &settings->raw;
    bool has_ready = raw->caller_count == 0 || settings->anonymous == RKD_ANONYMOUS_RULES;

    for (size_t i = 0; i < raw->caller_count; i++) {
        const struct rkd_raw_caller *caller = &raw->callers[i];
        const int64_t until_s = last_expiry_s(caller);

        switch (caller->kind) {
        case RKD_RAW_CALLER_API_KEYS:
            snapshot->wants |= RKD_WANTS_API_KEYS;
            if (until_s > snapshot->api_keys_until_s)
                snapshot->api_keys_until_s = until_s;
            break;
        case RKD_RAW_CALLER_EASY_AUTH:
            snapshot->wants |= RKD_WANTS_EASY_AUTH;
            has_ready = has_ready || raw->is_easy_auth_on;
            break;
        case RKD_RAW_CALLER_NONE:
            break;
        case RKD_RAW_CALLER_OIDC:
        case RKD_RAW_CALLER_ENTRA:
            if (caller->oidc.hs256_secret.bytes.ptr != NULL)
                has_ready = true;
            else
                snapshot->wants |= RKD_WANTS_KEY_SETS;
            break;
        }
    }
    snapshot->needs_keysets = !has_ready;
}

bool rkd_snapshot_can_verify(const struct rkd_snapshot *snapshot, int64_t now_s)
{
    return !snapshot->needs_keysets || now_s < snapshot->api_keys_until_s;
}

/* What only net can tell of it, before anything is swapped. */
static enum rk_err check_redis(const struct rkd_redis_settings *redis, struct rkd_raw_error *error)
{
    struct rkd_redis_url url;
    struct rk_diag diag = {.text = ""};
    enum rk_err err = RK_OK;

    if (redis->url.len != 0)
        err = rkd_redis_url_read(redis->url, redis->password.bytes, &url, &diag);
    rk_wipe(&url, sizeof(url)); /* it may hold a password */
    return err == RK_OK ? RK_OK : rkd_raw_refuse(error, redis->url_at, "redis.url", diag.text);
}

static enum rk_err compile(struct rkd_snapshot *snapshot, struct rkd_raw_error *out_error)
{
    struct rkd_settings *settings = &snapshot->settings;
    enum rk_err err;

    err = rkd_auth_compile(&settings->raw, is_livekit_secret, settings, &snapshot->auth, out_error);
    if (err == RK_OK)
        err = rkd_policy_compile(&settings->raw, &snapshot->policy, out_error);
    if (err == RK_OK)
        err = check_redis(&settings->redis, out_error);
    if (err == RK_OK)
        rkd_routes_build(&snapshot->routes, settings);
    look_at_callers(snapshot);
    return err;
}

enum rk_err rkd_snapshot_build(struct rkd_settings *settings, struct rkd_snapshot **out,
                               struct rkd_raw_error *out_error)
{
    struct rkd_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    enum rk_err err;

    if (snapshot == NULL) {
        rkd_settings_clear(settings);
        return RK_E_NOMEM;
    }
    snapshot->settings =
        *settings; /* taken: raw values point into storage, never into the struct */
    *settings = (struct rkd_settings){0};
    atomic_init(&snapshot->refs, 1);
    err = compile(snapshot, out_error);
    if (err != RK_OK) {
        rkd_raw_error_keep(out_error); /* its position is in the settings' own storage */
        rkd_snapshot_unref(snapshot);
        return err;
    }
    *out = snapshot;
    return RK_OK;
}

struct rkd_snapshot *rkd_snapshot_ref(struct rkd_snapshot *snapshot)
{
    (void)atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void rkd_snapshot_unref(struct rkd_snapshot *snapshot)
{
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (snapshot->alive != NULL)
        (void)atomic_fetch_sub(snapshot->alive, 1);
    rkd_policy_free(snapshot->policy);
    rkd_auth_free(snapshot->auth);
    rkd_settings_clear(&snapshot->settings);
    free(snapshot);
}

void rkd_snapshot_warn(const struct rkd_snapshot *snapshot, rkd_warn_fn *warn, void *ctx)
{
    rkd_auth_warn(snapshot->auth, warn, ctx);
    rkd_policy_warn(snapshot->policy, warn, ctx);
}
