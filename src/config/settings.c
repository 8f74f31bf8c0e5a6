/*
 * settings.c - one reading from its beginning to its end: file, environment, flags, host, whole.
 *
 * May touch: the environment it is given, files by file.c, the number of processors.
 */
#include "config/read.h"

#include "config/local.h"
#include "config/trace.h"
#include "config/tree.h"

static void set_defaults(struct rkd_settings *out)
{
    out->workers = rkd_workers_auto();
    out->contracts = RKD_CONTRACT_ORIGINAL | RKD_CONTRACT_STANDARD | RKD_CONTRACT_SANDBOX;
    out->success_status = 200;
    out->log_level = RKD_LOG_INFO;
    out->cors_max_age_s = 600;
    out->redis.timeout_ms = 50;
    rkd_limits_default(&out->limits);
}

static enum rk_err read_file(struct rkd_read *read)
{
    struct rkd_value tree = {.kind = RKD_VALUE_NONE};
    enum rk_err err = rkd_file_tree(read, &tree);

    if (err != RK_OK || tree.kind == RKD_VALUE_NONE)
        return err;
    rkd_trace_tree(read, &tree);
    read->marks.top = tree.at;
    err = rkd_table_read(read, &rkd_top_table, &tree, read->out);
    read->key = rki_str(NULL, 0);
    return err;
}

static enum rk_err read_flags(struct rkd_read *read)
{
    struct rkd_value value;
    enum rk_err err;

    if (read->flags->anonymous == NULL)
        return RK_OK;
    err = rkd_shape_value(read, RKD_SHAPE_TEXT, "--anonymous", rki_cstr(read->flags->anonymous),
                          &value);
    if (err == RK_OK && rki_str_equal(value.text, RK_STR("rules")))
        return rkd_read_fail(read, &value, "expected refuse or allow");
    return err == RK_OK ? rkd_read_anonymous(read, &value, read->out) : err;
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
    const struct rk_str auth = rkd_env_get(read->env, "WEBSITE_AUTH_ENABLED");
    const bool is_functions = rkd_env_get(read->env, "FUNCTIONS_CUSTOMHANDLER_PORT").ptr != NULL;
    const bool is_lambda = rkd_env_get(read->env, "AWS_LWA_PORT").ptr != NULL ||
                           rkd_env_get(read->env, "AWS_LAMBDA_RUNTIME_API").ptr != NULL;

    out->raw.is_easy_auth_on =
        rki_str_equal_nocase(auth, RK_STR("true")) || rki_str_equal(auth, RK_STR("1"));
    out->under_functions = is_functions;
    out->log_to_stdout = is_functions; /* its stderr lines become errors (semantics H22) */
    if (!is_functions && !is_lambda)
        return;
    out->trusted[out->trusted_count++] = loopback_v4;
    out->trusted[out->trusted_count++] = loopback_v6;
    if (out->forward_header != RKD_FORWARD_XFF) {
        /* by Forwarded the client would be the host, under no limit, or whom he says he is */
        out->forward_header = RKD_FORWARD_XFF;
        rkd_read_warn_at(read, read->marks.proxies, "trusted_proxies",
                         "this platform names the client in X-Forwarded-For: that header is read, "
                         "not Forwarded");
    }
}

static void set_dev(struct rkd_read *read)
{
    struct rkd_settings *out = read->out;

    out->dev = true;
    out->any_loopback_origin = true;
    out->anonymous = RKD_ANONYMOUS_ALLOW;
    if (out->livekit_url.ptr == NULL)
        out->livekit_url = RK_STR("ws://localhost:7880");
    if (rkd_env_get(read->env, "ROOMKEY_CONFIG").ptr != NULL)
        rkd_read_warn(read, "roomkey dev does not read the file that ROOMKEY_CONFIG names");
}

/* wss://host is https://host, ws:// is http://. */
static enum rk_err derive_api_url(struct rkd_read *read)
{
    const struct rk_str url = read->out->livekit_url;
    struct rki_buf buf;
    char *text;

    if (read->out->livekit_api_url.ptr != NULL || url.ptr == NULL)
        return RK_OK;
    if (!rki_str_starts_with(url, RK_STR("ws"))) {
        read->out->livekit_api_url = url;
        return RK_OK;
    }
    text = rkd_store_take(read->store, url.len + 3, 1);
    if (text == NULL)
        return rkd_read_nomem(read);
    buf = rki_buf_over(text, url.len + 2);
    rki_buf_lit(&buf, "http");
    rki_buf_put(&buf, rki_str(url.ptr + 2, url.len - 2));
    read->out->livekit_api_url = rki_buf_str(&buf);
    return RK_OK;
}

static void warn_local(struct rkd_read *read)
{
    const struct rkd_local *local = read->env->local;

    if (read->flags->skips_local)
        rkd_read_warn(read,
                      "--local-settings is not read under the Functions host, which hands the "
                      "app's settings over as environment");
    if (local != NULL && local->is_readable)
        rkd_read_warn_at(read, (struct rkd_pos){.file = local->path, .line = 1, .column = 1}, NULL,
                         "holds a secret and everybody on this machine can read it; chmod o-r it");
}

static enum rk_err read_all(struct rkd_read *read)
{
    enum rk_err err = rkd_names_check(read);

    if (err == RK_OK)
        err = read_file(read);
    if (err == RK_OK)
        err = rkd_environment_read(read);
    if (err == RK_OK)
        err = rkd_file_note_variables(read);
    if (err == RK_OK)
        err = read_flags(read);
    if (err == RK_OK)
        err = rkd_listen_finish(read);
    if (err == RK_OK)
        err = rkd_keyring_read(read);
    if (err != RK_OK)
        return err;
    if (read->flags->dev)
        set_dev(read);
    else
        look_at_host(read);
    warn_local(read);
    err = rkd_entra_read(read);
    if (err == RK_OK)
        err = derive_api_url(read);
    if (err == RK_OK)
        err = rkd_whole_check(read);
    read->out->raw.anonymous_by_rules = read->out->anonymous == RKD_ANONYMOUS_RULES;
    return err;
}

static enum rk_err read_once(const struct rkd_env *env, const struct rkd_flags *flags,
                             struct rkd_settings *out, struct rkd_raw_error *out_error)
{
    struct rkd_read read = {.env = env, .flags = flags, .out = out, .error = out_error};
    enum rk_err err;

    *out = (struct rkd_settings){0};
    set_defaults(out);
    read.store = rkd_store_new();
    out->storage = read.store;
    err = read.store == NULL ? rkd_read_nomem(&read) : rkd_trace_begin(&read);
    if (err == RK_OK)
        err = read_all(&read);
    rkd_trace_end(&read);
    if (err != RK_OK) {
        if (env->local != NULL)
            rkd_local_place_error(env->local, out_error);
        rkd_raw_error_keep(out_error);
        rkd_settings_clear(out);
    }
    return err;
}

/* Files that a cluster replaces while they are read could be of two editions: read again. */
enum rk_err rkd_settings_read(const struct rkd_env *env, const struct rkd_flags *flags,
                              struct rkd_settings *out, struct rkd_raw_error *out_error)
{
    enum { TRIES = 3 };
    enum rk_err err = RK_OK;
    uint64_t state;

    for (unsigned i = 0; i < TRIES; i++) {
        err = read_once(env, flags, out, out_error);
        if (err != RK_OK || !rkd_links_moved(out, &state))
            return err;
        rkd_settings_clear(out);
    }
    return rkd_error_set(out_error, RK_E_IO, (struct rkd_pos){.file = NULL}, rki_str(NULL, 0),
                         "the files were replaced again and again while they were read");
}

void rkd_settings_clear(struct rkd_settings *settings)
{
    rk_keyring_free(settings->keys);
    rkd_store_free(settings->storage);
    *settings = (struct rkd_settings){0};
}

enum rk_err rkd_listen_read(const struct rkd_env *env, const struct rkd_flags *flags,
                            struct rkd_listen out[static RKD_LISTEN_MAX], size_t *out_count,
                            struct rkd_raw_error *out_error)
{
    struct rkd_settings settings = {.listen_count = 0};
    struct rkd_read read = {
        .env = env, .flags = flags, .out = &settings, .error = out_error, .store = rkd_store_new()};
    const struct rk_str variable = rkd_env_get(env, "ROOMKEY_LISTEN");
    struct rkd_value tree = {.kind = RKD_VALUE_NONE}, value;
    const struct rkd_value_member *listen = NULL;
    enum rk_err err = read.store == NULL ? rkd_read_nomem(&read) : RK_OK;

    if (err == RK_OK && flags->listen_count == 0 && variable.ptr == NULL)
        err = rkd_file_tree(&read, &tree);
    if (err == RK_OK)
        listen = rkd_tree_find(&tree, RK_STR("listen"));
    if (listen != NULL) {
        read.key = listen->key;
        err = rkd_read_listen(&read, &listen->value, &settings);
    }
    if (err == RK_OK && variable.ptr != NULL) {
        err = rkd_shape_value(&read, RKD_SHAPE_LIST, "ROOMKEY_LISTEN", variable, &value);
        if (err == RK_OK)
            err = rkd_read_listen(&read, &value, &settings);
    }
    if (err == RK_OK)
        err = rkd_listen_finish(&read);
    if (err == RK_OK) {
        memcpy(out, settings.listen, settings.listen_count * sizeof(*out));
        *out_count = settings.listen_count;
    } else {
        rkd_raw_error_keep(out_error);
    }
    rkd_store_free(read.store);
    return err;
}
