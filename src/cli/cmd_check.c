/*
 * cmd_check.c - roomkey check: would `serve` start with this configuration, and what is doubtful
 * in it?
 *
 * May touch: the environment, the configuration file and the files it names.
 */
#include "cli/cli.h"
#include "serve/build.h"

static const struct rkd_option options[] = {
    {"config", "FILE", "roomkey.yaml, in place of ROOMKEY_CONFIG", false},
    {"json", NULL, "as JSON: ok, error, warnings, callers, rules", false},
    {.name = NULL},
};

struct check {
    struct rkd_cli *cli;
    bool is_json;
    size_t warnings;
};

/* ---- what was found ---- */

static void put_place(struct rki_buf *out, struct rkd_pos at, struct rk_str key, struct rk_str name,
                      const char *text)
{
    rki_buf_lit(out, "{\"file\":");
    if (at.file == NULL)
        rki_buf_lit(out, "null");
    else
        rki_buf_json_untrusted(out, rki_cstr(at.file), SIZE_MAX);
    rki_buf_lit(out, ",\"line\":");
    rki_buf_int(out, at.line);
    rki_buf_lit(out, ",\"column\":");
    rki_buf_int(out, at.column);
    rki_buf_lit(out, ",\"key\":");
    rki_buf_json_untrusted(out, key, SIZE_MAX);
    rki_buf_lit(out, ",\"name\":");
    if (name.ptr == NULL)
        rki_buf_lit(out, "null");
    else
        rki_buf_json_untrusted(out, name, SIZE_MAX);
    rki_buf_lit(out, ",\"text\":");
    rki_buf_json_untrusted(out, rki_cstr(text), SIZE_MAX);
    rki_buf_lit(out, "}");
}

/* A rule's or profile's name is the operator's own, but a terminal need not obey it. */
static void put_name(struct rki_buf *buf, struct rk_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const unsigned char c = (unsigned char)name.ptr[i];

        rki_buf_put(buf, c < ' ' || c == 0x7f ? RK_STR("?") : rki_str(name.ptr + i, 1));
    }
}

/* An rkd_warn_fn: a line to stderr, or an element of the JSON list. */
static void warn(void *ctx, struct rkd_pos at, const char *key, struct rk_str name,
                 const char *text)
{
    struct check *check = ctx;
    char line[1024];
    struct rki_buf buf = rki_buf_over(line, sizeof(line) - 1);

    if (check->is_json) {
        if (check->warnings++ != 0)
            rki_buf_lit(&check->cli->out, ",");
        put_place(&check->cli->out, at, rki_cstr(key == NULL ? "" : key), name, text);
        return;
    }
    check->warnings++;
    rkd_pos_write(&buf, at);
    if (key != NULL) {
        rki_buf_put(&buf, rki_cstr(key));
        rki_buf_lit(&buf, ": ");
    }
    if (name.ptr != NULL) {
        put_name(&buf, name);
        rki_buf_lit(&buf, ": ");
    }
    rki_buf_put(&buf, rki_cstr(text));
    line[buf.len] = '\0';
    rkd_say_line(check->cli, line);
}

static int refuse(struct check *check, const struct rkd_raw_error *error)
{
    struct rki_buf *out = &check->cli->out;

    if (check->is_json) {
        rki_buf_lit(out, "{\"ok\":false,\"error\":");
        put_place(out, error->at, rki_cstr(error->key), rki_str(NULL, 0), error->text);
        rki_buf_lit(out, "}\n");
    }
    rkd_say_error(check->cli, error);
    return RKD_EXIT_REFUSED;
}

static void put_count(struct rki_buf *out, size_t count, const char *what)
{
    rki_buf_int(out, (int64_t)count);
    rki_buf_lit(out, " ");
    rki_buf_put(out, rki_cstr(what));
    if (count != 1)
        rki_buf_lit(out, "s");
}

/* Secrets are said to be there, nothing more. */
static void put_secret(struct rki_buf *out, const char *name, bool is_set)
{
    rki_buf_lit(out, ",\"");
    rki_buf_put(out, rki_cstr(name));
    rki_buf_put(out, is_set ? RK_STR("\":\"<set>\"") : RK_STR("\":null"));
}

static void accept(struct check *check, const struct rkd_settings *settings)
{
    struct rki_buf *out = &check->cli->out;

    if (!check->is_json) {
        rki_buf_lit(out, "ok: ");
        put_count(out, settings->raw.caller_count, "caller");
        rki_buf_lit(out, ", ");
        put_count(out, settings->raw.rule_count, "rule");
        rki_buf_lit(out, ", ");
        put_count(out, check->warnings, "warning");
        rki_buf_lit(out, "\n");
        return;
    }
    rki_buf_lit(out, "],\"callers\":");
    rki_buf_int(out, (int64_t)settings->raw.caller_count);
    rki_buf_lit(out, ",\"rules\":");
    rki_buf_int(out, (int64_t)settings->raw.rule_count);
    put_secret(out, "livekit_secret", settings->active_key != NULL);
    put_secret(out, "identity_hash_key", settings->raw.identity_hash_key.bytes.ptr != NULL);
    put_secret(out, "audit_hash_key", settings->audit.hash_key.bytes.ptr != NULL);
    rki_buf_lit(out, "}\n");
}

/* Whoever has one of these is refused. */
static void warn_expired(struct check *check, const struct rkd_raw *raw)
{
    for (size_t i = 0; i < raw->caller_count; i++) {
        const struct rkd_raw_caller *caller = &raw->callers[i];

        for (size_t k = 0; k < caller->key_count; k++)
            if (caller->keys[k].expires_s != 0 && caller->keys[k].expires_s <= check->cli->now_s)
                warn(check, caller->keys[k].expires_at, "expires", caller->keys[k].name.text,
                     "this API key has expired: who has it is refused");
    }
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct rkd_flags flags = {.config = rkd_args_get(args, "config")};
    struct check check = {.cli = cli, .is_json = rkd_args_has(args, "json")};
    struct rkd_raw_error error = {.text = ""};
    struct rkd_settings settings;
    struct rkd_snapshot *snapshot = NULL;
    enum rk_err err = rkd_settings_read(&cli->env, &flags, &settings, &error);

    rkd_env_wipe(cli->env.entries);
    if (err == RK_OK)
        err = rkd_snapshot_build(&settings, &snapshot, &error);
    if (err != RK_OK)
        return refuse(&check, &error);
    if (check.is_json)
        rki_buf_lit(&cli->out, "{\"ok\":true,\"warnings\":[");
    for (size_t i = 0; i < snapshot->settings.warning_count; i++)
        warn(&check, snapshot->settings.warnings[i].at, snapshot->settings.warnings[i].key,
             rki_str(NULL, 0), snapshot->settings.warnings[i].text);
    rkd_snapshot_warn(snapshot, warn, &check);
    warn_expired(&check, &snapshot->settings.raw);
    accept(&check, &snapshot->settings);
    rkd_snapshot_unref(snapshot);
    return RKD_EXIT_OK;
}

const struct rkd_verb rkd_verb_check = {
    .name = "check",
    .summary = "Say whether `serve` would start with this configuration, and what is doubtful.",
    .options = options,
    .notes = "Warnings and refusals go to stderr as FILE:LINE:COLUMN: key: text. Exit codes:\n"
             "0 it would start, 1 it would not.\n",
    .lists_variables = true,
    .run = run,
};
