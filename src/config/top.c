/*
 * top.c - the keys of roomkey.yaml that are not about callers and rules, and their tables.
 *
 * The target of every table here is struct rkd_settings. May touch: its arguments, secret files by
 * file.c.
 */
#include "config/read.h"
#include "config/tree.h"

/* ---- livekit ---- */

static enum rk_err read_api_url(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;
    bool is_https;

    if (value->kind != RKD_VALUE_STRING || rkd_url_host(value->text, &is_https).ptr == NULL)
        return rkd_read_fail(read, value,
                             "expected an http:// or https:// URL with a host and "
                             "neither user, query nor fragment");
    out->livekit_api_url = value->text;
    return RK_OK;
}

static enum rk_err read_key_file(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    (void)target;
    return rkd_take_text(read, value, &read->marks.key_file);
}

static enum rk_err read_active_key(struct rkd_read *read, const struct rkd_value *value,
                                   void *target)
{
    (void)target;
    return rkd_take_text(read, value, &read->marks.active_key);
}

static const struct rkd_key livekit_keys[] = {
    RKD_KEY_AS(struct rkd_settings, "url", livekit_url, rkd_read_url),
    RKD_KEY_WHOLE("api_url", read_api_url),
    RKD_KEY_WHOLE("key_file", read_key_file),
    RKD_KEY_WHOLE("active_key", read_active_key),
};
const struct rkd_table rkd_livekit_table = {"livekit.", livekit_keys, ARRAY_LEN(livekit_keys)};

static enum rk_err read_livekit(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_livekit_table, value, target);
}

/* ---- log, audit, redis, hardening ---- */

static enum rk_err read_log_format(struct rkd_read *read, const struct rkd_value *value,
                                   void *target)
{
    static const char *const words[] = {[RKD_LOG_JSON] = "json", [RKD_LOG_TEXT] = "text"};
    size_t index = 0;
    enum rk_err err =
        rkd_take_word(read, value, words, ARRAY_LEN(words), "expected json or text", &index);

    if (err == RK_OK)
        ((struct rkd_settings *)target)->log_format = (enum rkd_log_format)index;
    return err;
}

static const struct rkd_key log_keys[] = {
    RKD_KEY_WHOLE("level", rkd_read_log_level),
    RKD_KEY_WHOLE("format", read_log_format),
};
const struct rkd_table rkd_log_table = {"log.", log_keys, ARRAY_LEN(log_keys)};

static enum rk_err read_log(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_log_table, value, target);
}

static enum rk_err read_audit_file(struct rkd_read *read, const struct rkd_value *value,
                                   void *target)
{
    struct rkd_raw_text path = {.text = {0}};
    enum rk_err err = rkd_take_path(read, value, &path);

    if (err == RK_OK)
        *(struct rk_str *)target = path.text;
    return err;
}

static const struct rkd_key audit_keys[] = {
    RKD_KEY_NEEDED(struct rkd_audit_settings, file, read_audit_file),
    RKD_KEY_AS(struct rkd_audit_settings, "required", is_required, rkd_take_bool),
    RKD_KEY_AS(struct rkd_audit_settings, "hash_key_file", hash_key, rkd_take_hash_key),
};
const struct rkd_table rkd_audit_table = {"audit.", audit_keys, ARRAY_LEN(audit_keys)};

static enum rk_err read_audit(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_audit_table, value, target);
}

/* redis://[[user]:password@]host[:port][/db], or with password_file redis://[user@]... */
static enum rk_err read_redis_url(struct rkd_read *read, const struct rkd_value *value,
                                  void *target)
{
    static const struct rk_str scheme = RK_STR_INIT("redis://");
    const struct rk_str url = value->kind == RKD_VALUE_STRING ? value->text : rki_str(NULL, 0);

    if (rki_str_starts_with(url, RK_STR("rediss://")))
        return rkd_read_fail(read, value,
                             "rediss:// needs hiredis 1.0 or newer with TLS, which this roomkey "
                             "is built without; expected redis://HOST:PORT");
    if (!rki_str_starts_with(url, scheme) || url.len == scheme.len || url.ptr[scheme.len] == '/' ||
        url.len > 1024 || !rkd_str_is_visible(url))
        return rkd_read_fail(read, value, "expected redis://HOST:PORT");
    *(struct rk_str *)target = url;
    return RK_OK;
}

static enum rk_err read_redis_timeout(struct rkd_read *read, const struct rkd_value *value,
                                      void *target)
{
    enum { MAX_MS = 10000 };
    uint64_t ms = 0;

    if (value->kind != RKD_VALUE_STRING || !rkd_time_parse(value->text, MAX_MS, &ms))
        return rkd_read_fail(read, value, "expected a time like 50ms, at most 10s");
    *(uint32_t *)target = (uint32_t)ms;
    return RK_OK;
}

static const struct rkd_key redis_keys[] = {
    RKD_KEY_NEEDED(struct rkd_redis_settings, url, read_redis_url),
    RKD_KEY_AS(struct rkd_redis_settings, "password_file", password, rkd_take_secret),
    RKD_KEY_AS(struct rkd_redis_settings, "timeout", timeout_ms, read_redis_timeout),
};
const struct rkd_table rkd_redis_table = {"redis.", redis_keys, ARRAY_LEN(redis_keys)};

static bool has_password(struct rk_str url)
{
    const char *start = url.ptr + RK_STR("redis://").len;
    const char *at = memrchr(start, '@', url.len - (size_t)(start - url.ptr));

    return at != NULL && memchr(start, ':', (size_t)(at - start)) != NULL;
}

static enum rk_err read_redis(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_redis_settings *redis = target;
    enum rk_err err = rkd_table_read(read, &rkd_redis_table, value, target);

    if (err == RK_OK)
        redis->url_at = rkd_tree_find(value, RK_STR("url"))->value.at;
    if (err == RK_OK && redis->password.bytes.ptr != NULL && has_password(redis->url))
        err = rkd_read_fail_at(read, redis->password.at, RK_STR("password_file"),
                               "url has a password as well; expected only one of the two");
    return err;
}

static enum rk_err read_hardening(struct rkd_read *read, const struct rkd_value *value,
                                  void *target)
{
    static const char *const words[] = {"best", "required"};
    size_t index = 0;
    enum rk_err err =
        rkd_take_word(read, value, words, ARRAY_LEN(words), "expected best or required", &index);

    if (err == RK_OK)
        *(bool *)target = index == 1;
    return err;
}

/* ---- the whole file ---- */

static enum rk_err read_max_age(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    enum { MAX_MS = 24 * 3600 * 1000 };
    uint64_t ms = 0;

    if (value->kind != RKD_VALUE_STRING || !rkd_time_parse(value->text, MAX_MS, &ms) || ms < 1000)
        return rkd_read_fail(read, value, "expected a time from 1s to 24h");
    *(uint32_t *)target = (uint32_t)(ms / 1000);
    return RK_OK;
}

static const struct rkd_key cors_keys[] = {
    RKD_KEY_WHOLE("origins", rkd_read_origins),
    RKD_KEY_WHOLE("credentials", rkd_read_credentials),
    RKD_KEY_AS(struct rkd_settings, "max_age", cors_max_age_s, read_max_age),
};
const struct rkd_table rkd_cors_table = {"cors.", cors_keys, ARRAY_LEN(cors_keys)};

static enum rk_err read_cors(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_cors_table, value, target);
}

/* clang-format off */
static const struct rkd_key top_keys[] = {
    RKD_KEY_WHOLE("listen", rkd_read_listen),
    RKD_KEY_WHOLE("admin_listen", rkd_read_admin_listen),
    RKD_KEY_WHOLE("workers", rkd_read_workers),
    RKD_KEY_WHOLE("livekit", read_livekit),
    RKD_KEY_WHOLE("anonymous", rkd_read_anonymous),
    RKD_KEY_WHOLE("contracts", rkd_read_contracts),
    RKD_KEY_WHOLE("endpoint_paths", rkd_read_paths),
    RKD_KEY_WHOLE("success_status", rkd_read_status),
    RKD_KEY_WHOLE("cors", read_cors),
    RKD_KEY_WHOLE("trusted_proxies", rkd_read_proxies),
    RKD_KEY_WHOLE("callers", rkd_read_callers),
    RKD_KEY_WHOLE("profiles", rkd_read_profiles),
    RKD_KEY_WHOLE("rules", rkd_read_rules),
    RKD_KEY_WHOLE("ceiling", rkd_read_ceiling),
    RKD_KEY_AS(struct rkd_settings, "identity_hash_key_file", raw.identity_hash_key, rkd_take_hash_key),
    RKD_KEY_WHOLE("limits", rkd_read_limits),
    RKD_KEY_AS(struct rkd_settings, "redis", redis, read_redis),
    RKD_KEY_WHOLE("log", read_log),
    RKD_KEY_AS(struct rkd_settings, "audit", audit, read_audit),
    RKD_KEY_AS(struct rkd_settings, "hardening", hardening_required, read_hardening),
};
/* clang-format on */
const struct rkd_table rkd_top_table = {"", top_keys, ARRAY_LEN(top_keys)};
