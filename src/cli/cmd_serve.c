/*
 * cmd_serve.c - roomkey serve: flags, environment and configuration file, then the service.
 *
 * May touch: the environment; the rest is serve's.
 */
#include "cli/cli.h"
#include "serve/serve.h"

#include <stdlib.h>

static const struct rkd_option options[] = {
    {"listen", "ADDRESS", "127.0.0.1:7071, [::1]:7071 or unix:/path", true},
    {"anonymous", "WORD", "callers without a credential: refuse or allow", false},
    {"config", "FILE", "roomkey.yaml, in place of ROOMKEY_CONFIG", false},
    {.name = NULL},
};

int rkd_cli_settings(struct rkd_cli *cli, const struct rkd_env *env, const struct rkd_flags *flags,
                     struct rkd_settings *out)
{
    struct rkd_raw_error error = {.text = ""};
    enum rk_err err = rkd_settings_read(env, flags, out, &error);

    rkd_env_wipe(cli->env.entries);
    if (err == RK_OK)
        return RKD_EXIT_OK;
    rkd_say_error(cli, &error);
    return err == RK_E_NOMEM ? RKD_EXIT_REFUSED : RKD_EXIT_USAGE;
}

size_t rkd_cli_listen(const struct rkd_args *args, const char *out[static RKD_GIVEN_MAX])
{
    const char *value;
    size_t at = 0, count = 0;

    while ((value = rkd_args_next(args, "listen", &at)) != NULL)
        out[count++] = value;
    return count;
}

/* What a reload reads again: the same flags, the file, and the environment as it was. */
struct source {
    struct rkd_env_copy *env;
    struct rkd_flags flags;
};

static enum rk_err reload(void *ctx, struct rkd_settings *out, struct rkd_raw_error *out_error)
{
    const struct source *source = ctx;

    return rkd_settings_read(rkd_env_of(source->env), &source->flags, out, out_error);
}

/* What was said to this process alone is not passed on (sd_notify(3), sd_listen_fds(3)). */
static void forget_manager(void)
{
    static const char *const names[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
                                        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unsetenv(names[i]);
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *listen[RKD_GIVEN_MAX];
    struct source source = {
        .env = rkd_env_keep(&cli->env),
        .flags = {.listen = listen,
                  .listen_count = rkd_cli_listen(args, listen),
                  .anonymous = rkd_args_get(args, "anonymous"),
                  .config = rkd_args_get(args, "config")},
    };
    struct rkd_serve_hooks hooks = {.reload = reload, .ctx = &source};
    struct rkd_settings settings;
    int code;

    if (source.env == NULL) {
        rkd_say_at(cli, "cannot start", "out of memory");
        return RKD_EXIT_REFUSED;
    }
    hooks.env = rkd_env_of(source.env);
    forget_manager();
    code = rkd_cli_settings(cli, rkd_env_of(source.env), &source.flags, &settings);
    if (code == RKD_EXIT_OK)
        code = rkd_serve_run(&settings, &hooks);
    rkd_env_drop(source.env);
    return code;
}

const struct rkd_verb rkd_verb_serve = {
    .name = "serve",
    .summary = "Run the service until SIGTERM or SIGINT.",
    .options = options,
    .notes =
        "SIGHUP reads the configuration and all secret files again: a good state takes the place\n"
        "of the old, of a bad one the log speaks and nothing changes. The environment stays as\n"
        "it was.\n",
    .lists_variables = true,
    .run = run,
};
