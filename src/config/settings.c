/*
 * settings.c - the table of variables, and how they become struct rkd_settings.
 *
 * May touch: the environment it is given, key files (by keys.c), the number of processors.
 */
#include "config/read.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

/* ---- one value each ---- */

static enum rk_err read_url(struct rkd_read *read, struct rk_str value)
{
    if (!rkd_url_is_valid(value))
        return rkd_read_fail(read, "expected a ws://, wss://, http:// or https:// URL with a host "
                                   "and neither user, query nor fragment");
    read->out->livekit_url = value;
    return RK_OK;
}

static enum rk_err read_workers(struct rkd_read *read, struct rk_str value)
{
    uint64_t workers = 0;

    if (rki_str_equal(value, RK_STR("auto")))
        return RK_OK; /* the default already is */
    if (!rkd_number_parse(value, RKD_WORKERS_MAX, &workers) || workers == 0)
        return rkd_read_fail(read, "expected auto or a number from 1 to 64");
    read->out->workers = (unsigned)workers;
    return RK_OK;
}

static enum rk_err read_anonymous(struct rkd_read *read, struct rk_str value)
{
    if (rki_str_equal(value, RK_STR("refuse")))
        read->out->anonymous = RKD_ANONYMOUS_REFUSE;
    else if (rki_str_equal(value, RK_STR("allow")))
        read->out->anonymous = RKD_ANONYMOUS_ALLOW;
    else if (rki_str_equal(value, RK_STR("rules")))
        return rkd_read_fail(read, "expected refuse or allow; rules come with a later release");
    else
        return rkd_read_fail(read, "expected refuse or allow");
    return RK_OK;
}

static enum rk_err read_status(struct rkd_read *read, struct rk_str value)
{
    if (rki_str_equal(value, RK_STR("200")))
        read->out->success_status = 200;
    else if (rki_str_equal(value, RK_STR("201")))
        read->out->success_status = 201;
    else
        return rkd_read_fail(read, "expected 200 or 201");
    return RK_OK;
}

static enum rk_err read_log_level(struct rkd_read *read, struct rk_str value)
{
    static const struct rk_str levels[] = {
        [RKD_LOG_ERROR] = RK_STR_INIT("error"),
        [RKD_LOG_WARN] = RK_STR_INIT("warn"),
        [RKD_LOG_INFO] = RK_STR_INIT("info"),
        [RKD_LOG_DEBUG] = RK_STR_INIT("debug"),
    };

    for (unsigned i = 0; i < ARRAY_LEN(levels); i++) {
        if (rki_str_equal(levels[i], value)) {
            read->out->log_level = (enum rkd_log_level)i;
            return RK_OK;
        }
    }
    return rkd_read_fail(read, "expected error, warn, info or debug");
}

/* ---- the table ---- */

struct row {
    struct rkd_variable about;
    rkd_read_fn *read; /* NULL: read elsewhere (keys.c, listen.c), or not at all */
};

/* clang-format off */
static const struct row rows[] = {
    {{"LIVEKIT_URL", RKD_VARIABLE_SETTING, "LiveKit server for clients: wss://media.example.org"}, read_url},
    {{"LIVEKIT_API_KEY", RKD_VARIABLE_SECRET, "name of the key that signs"}, NULL},
    {{"LIVEKIT_API_SECRET", RKD_VARIABLE_SECRET, "its secret, best 32 bytes or more"}, NULL},
    {{"LIVEKIT_KEYS", RKD_VARIABLE_SECRET, "in place of the two: LiveKit's YAML map \"key: secret\""}, NULL},
    {{"ROOMKEY_LISTEN", RKD_VARIABLE_SETTING, "addresses: 127.0.0.1:7071,[::1]:7071,unix:/run/roomkey/sock"}, NULL},
    {{"ROOMKEY_WORKERS", RKD_VARIABLE_SETTING, "threads: auto (one a core, at most 4) or 1 to 64"}, read_workers},
    {{"ROOMKEY_ANONYMOUS", RKD_VARIABLE_SETTING, "callers without a credential: refuse or allow"}, read_anonymous},
    {{"ROOMKEY_CONTRACTS", RKD_VARIABLE_SETTING, "some of original,standard,sandbox (the default),meet,create-token"}, rkd_read_contracts},
    {{"ROOMKEY_ENDPOINT_PATHS", RKD_VARIABLE_SETTING, "more paths for the standard contract: /token,/livekit"}, rkd_read_paths},
    {{"ROOMKEY_SUCCESS_STATUS", RKD_VARIABLE_SETTING, "200 (the default) or 201, standard contract only"}, read_status},
    {{"ROOMKEY_CORS_ORIGINS", RKD_VARIABLE_SETTING, "https://app.example.org,https://*.preview.example.org"}, rkd_read_origins},
    {{"ROOMKEY_TRUSTED_PROXIES", RKD_VARIABLE_SETTING, "10.0.0.0/8,2001:db8::/32[;header=forwarded]"}, rkd_read_proxies},
    {{"ROOMKEY_LIMITS", RKD_VARIABLE_SETTING, "per_address=300/m burst 60,body=64k,head_time=5s"}, rkd_read_limits},
    {{"ROOMKEY_LOG_LEVEL", RKD_VARIABLE_SETTING, "error, warn, info (the default) or debug"}, read_log_level},
    {{"ROOMKEY_CONFIG", RKD_VARIABLE_LATER, NULL}, NULL},
    {{"LISTEN_FDS", RKD_VARIABLE_HOST, "systemd's sockets, with LISTEN_PID"}, NULL},
    {{"FUNCTIONS_CUSTOMHANDLER_PORT", RKD_VARIABLE_HOST, "Azure Functions' port on 127.0.0.1; logs go to stdout"}, NULL},
    {{"AWS_LWA_PORT", RKD_VARIABLE_HOST, "the Lambda Web Adapter's port on 127.0.0.1"}, NULL},
    {{"PORT", RKD_VARIABLE_HOST, "a port on 0.0.0.0, as Cloud Run sets it"}, NULL},
};
/* clang-format on */

const struct rkd_variable *rkd_variable_at(size_t index)
{
    return index < ARRAY_LEN(rows) ? &rows[index].about : NULL;
}

/* ---- putting it together ---- */

enum rk_err rkd_read_fail_at(const struct rkd_read *read, size_t index, const char *expected)
{
    char text[sizeof(read->diag->text)];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_lit(&buf, "entry ");
    rki_buf_int(&buf, (int64_t)index + 1);
    rki_buf_lit(&buf, ": ");
    rki_buf_put(&buf, rki_cstr(expected));
    text[buf.len] = '\0';
    return rkd_read_fail(read, text);
}

enum rk_err rkd_read_fail_in(const struct rkd_read *read, struct rk_str part, const char *expected)
{
    char text[sizeof(read->diag->text)];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_put(&buf, part);
    rki_buf_lit(&buf, ": ");
    rki_buf_put(&buf, rki_cstr(expected));
    text[buf.len] = '\0';
    return rkd_read_fail(read, text);
}

void rkd_read_warn(struct rkd_read *read, const char *text)
{
    struct rkd_settings *out = read->out;

    if (out->warning_count < ARRAY_LEN(out->warnings))
        out->warnings[out->warning_count++] = text;
}

static unsigned workers_auto(void)
{
    cpu_set_t set;
    int count = 1;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = CPU_COUNT(&set);
    if (count < 1)
        return 1;
    return count > RKD_WORKERS_AUTO_MAX ? RKD_WORKERS_AUTO_MAX : (unsigned)count;
}

static void set_defaults(struct rkd_settings *out)
{
    out->workers = workers_auto();
    out->contracts = RKD_CONTRACT_ORIGINAL | RKD_CONTRACT_STANDARD | RKD_CONTRACT_SANDBOX;
    out->success_status = 200;
    out->log_level = RKD_LOG_INFO;
    rkd_limits_default(&out->limits);
}

/* Storage for every value that is kept: the strings in *out borrow from it. */
static enum rk_err make_storage(struct rkd_read *read)
{
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].read != NULL)
            size += rkd_env_get(read->env, rows[i].about.name).len + 64; /* 64: alignment */
    read->out->storage = malloc(size);
    if (read->out->storage == NULL)
        return rki_diag_fail(read->diag, RK_E_NOMEM, "", "out of memory");
    read->arena = rki_arena_over(read->out->storage, size);
    return RK_OK;
}

static enum rk_err read_rows(struct rkd_read *read)
{
    enum rk_err err = RK_OK;

    for (size_t i = 0; i < ARRAY_LEN(rows) && err == RK_OK; i++) {
        struct rk_str value = rkd_env_get(read->env, rows[i].about.name);

        if (rows[i].read == NULL || value.ptr == NULL)
            continue;
        read->name = rows[i].about.name;
        err = rki_arena_dup(&read->arena, value, &value);
        assert(err == RK_OK); /* make_storage counted it */
        if (err == RK_OK)
            err = rows[i].read(read, value);
    }
    return err;
}

/* LiveKit's own development pair; livekit-server --dev has it too. */
static enum rk_err use_dev_key(struct rkd_read *read)
{
    struct rkd_settings *out = read->out;
    struct rk_key *key = NULL;
    enum rk_err err = rk_keyring_new(&out->keys);

    if (err == RK_OK)
        err = rk_key_new(RK_STR("devkey"), RK_STR("secret"), &key);
    if (err == RK_OK)
        err = rk_keyring_add(out->keys, &key);
    if (err == RK_OK)
        out->active_key = rk_keyring_find(out->keys, RK_STR("devkey"));
    else
        rki_diag_set(read->diag, "", "out of memory");
    rk_key_free(key);
    return err;
}

static enum rk_err read_keys(struct rkd_read *read, bool is_dev)
{
    struct rkd_settings *out = read->out;
    struct rkd_keys keys;
    enum rk_err err = rkd_keys_read(read->env, &keys, read->diag);

    if (err != RK_OK)
        return err;
    out->keys = keys.ring; /* taken */
    out->active_key = keys.active;
    if (is_dev && !keys.is_given)
        return use_dev_key(read);
    if (keys.ring != NULL && keys.active == NULL)
        return rki_diag_fail(read->diag, RK_E_STATE, "LIVEKIT_KEYS",
                             "expected one key: which of several signs is said in the "
                             "configuration file, which comes with a later release");
    if (is_dev && keys.active == NULL)
        return rki_diag_fail(read->diag, RK_E_STATE, "LIVEKIT_API_SECRET",
                             "roomkey dev expects both LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or "
                             "neither of them (devkey and secret then)");
    for (size_t i = 0; i < keys.warning_count; i++)
        rkd_read_warn(read, keys.warnings[i]);
    return RK_OK;
}

static enum rk_err read_flags(struct rkd_read *read, const struct rkd_flags *flags)
{
    if (flags->config != NULL)
        return rki_diag_fail(read->diag, RK_E_UNKNOWN, "--config",
                             "the configuration file comes with a later release");
    if (flags->anonymous != NULL) {
        read->name = "--anonymous";
        return read_anonymous(read, rki_cstr(flags->anonymous));
    }
    return RK_OK;
}

/* hosting.md s.0: both hosts connect from this machine and say in a header for whom. */
static void look_at_host(struct rkd_read *read)
{
    static const struct rkd_cidr loopback_v4 = {
        .base = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127}, .is_v4 = true, .is_set = true},
        .prefix = 104,
    };
    static const struct rkd_cidr loopback_v6 = {
        .base = {.bytes = {[15] = 1}, .is_set = true},
        .prefix = 128,
    };
    struct rkd_settings *out = read->out;
    const bool is_functions = rkd_env_get(read->env, "FUNCTIONS_CUSTOMHANDLER_PORT").ptr != NULL;
    const bool is_lambda = rkd_env_get(read->env, "AWS_LWA_PORT").ptr != NULL;

    out->log_to_stdout = is_functions; /* its stderr lines become errors (semantics H22) */
    if (is_functions || is_lambda) {
        out->trusted[out->trusted_count++] = loopback_v4;
        out->trusted[out->trusted_count++] = loopback_v6;
    }
}

static void set_dev(struct rkd_settings *out)
{
    out->dev = true;
    out->any_loopback_origin = true;
    out->anonymous = RKD_ANONYMOUS_ALLOW;
    if (out->livekit_url.ptr == NULL)
        out->livekit_url = RK_STR("ws://localhost:7880");
}

/* What only the whole shows. */
static enum rk_err check_whole(struct rkd_read *read)
{
    struct rkd_settings *out = read->out;

    if (out->endpoint_path_count != 0 && (out->contracts & RKD_CONTRACT_STANDARD) == 0)
        return rki_diag_fail(read->diag, RK_E_STATE, "ROOMKEY_ENDPOINT_PATHS",
                             "these paths speak the standard contract, which ROOMKEY_CONTRACTS "
                             "leaves out");
    if (out->anonymous != RKD_ANONYMOUS_ALLOW)
        return rki_diag_fail(read->diag, RK_E_STATE, "ROOMKEY_ANONYMOUS",
                             "nobody could be served: ROOMKEY_ANONYMOUS=allow or --anonymous allow "
                             "serves callers without a credential; others come with a later "
                             "release");
    if (out->livekit_url.ptr == NULL && (out->contracts & ~(unsigned)RKD_CONTRACT_ORIGINAL) != 0)
        rkd_read_warn(read, "LIVEKIT_URL is missing: only the original contract can answer until "
                            "it is set");
    return RK_OK;
}

enum rk_err rkd_settings_read(const struct rkd_env *env, const struct rkd_flags *flags,
                              struct rkd_settings *out, struct rk_diag *out_diag)
{
    struct rkd_read read = {.env = env, .out = out, .diag = out_diag, .name = ""};
    enum rk_err err;

    *out = (struct rkd_settings){0};
    set_defaults(out);
    err = rkd_names_check(&read);
    if (err == RK_OK)
        err = make_storage(&read);
    if (err == RK_OK)
        err = read_rows(&read);
    if (err == RK_OK)
        err = read_flags(&read, flags);
    if (err == RK_OK)
        err = rkd_listen_read(env, flags, out->listen, &out->listen_count, out_diag);
    if (err == RK_OK)
        err = read_keys(&read, flags->dev);
    if (err == RK_OK) {
        if (flags->dev)
            set_dev(out);
        else
            look_at_host(&read);
        err = check_whole(&read);
    }
    if (err != RK_OK)
        rkd_settings_clear(out);
    return err;
}

void rkd_settings_clear(struct rkd_settings *settings)
{
    rk_keyring_free(settings->keys);
    free(settings->storage);
    *settings = (struct rkd_settings){0};
}
