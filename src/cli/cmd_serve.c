/*
 * cmd_serve.c - roomkey serve: flags, environment and configuration file, then the service.
 *
 * In AWS Lambda without an adapter it listens for lambda.c alone. May touch: the environment; the
 * rest is serve's.
 */
#include "cli/cli.h"
#include "cli/lambda.h"
#include "serve/serve.h"

#include <stdlib.h>

static const struct rkd_option options[] = {
    {"listen", "ADDRESS", "127.0.0.1:7071, [::1]:7071 or unix:/path", true},
    {"anonymous", "WORD", "callers without a credential: refuse or allow", false},
    {"local-settings", "FILE", "local.settings.json of an Azure Functions app", false},
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
    struct rkd_lambda lambda; /* in Lambda */
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

static int serve(struct rkd_cli *cli, struct source *source, struct rkd_serve_hooks *hooks)
{
    struct rkd_settings settings;
    const int code = rkd_cli_settings(cli, rkd_env_of(source->env), &source->flags, &settings);

    hooks->reload = reload;
    hooks->ctx = source;
    hooks->env = rkd_env_of(source->env);
    return code == RKD_EXIT_OK ? rkd_serve_run(&settings, hooks) : code;
}

static void on_listening(void *ctx, const struct rkd_settings *settings, const char *address)
{
    struct source *source = ctx;

    (void)settings;
    rkd_lambda_start(&source->lambda, address);
}

/* Whatever the configuration says about listening is for elsewhere: nobody but us connects. */
static int serve_lambda(struct rkd_cli *cli, struct source *source)
{
    static const char *const address = "127.0.0.1:0";
    struct rkd_serve_hooks hooks = {.on_listening = on_listening};

    if (!rkd_lambda_open(&source->lambda, cli))
        return RKD_EXIT_USAGE;
    source->flags.listen = &address;
    source->flags.listen_count = 1;
    return rkd_lambda_close(&source->lambda, serve(cli, source, &hooks));
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *listen[RKD_GIVEN_MAX];
    const char *local = rkd_args_get(args, "local-settings");
    struct rkd_serve_hooks hooks = {.on_listening = NULL};
    struct source source = {
        .flags = {.listen = listen,
                  .listen_count = rkd_cli_listen(args, listen),
                  .anonymous = rkd_args_get(args, "anonymous"),
                  .config = rkd_args_get(args, "config")},
    };
    struct rkd_raw_error error = {.text = ""};
    enum rk_err err;
    int code;

    /* the host hands over what it read there itself, and more (hosting reference s.1.11) */
    if (local != NULL && rkd_env_get(&cli->env, "FUNCTIONS_CUSTOMHANDLER_PORT").ptr != NULL) {
        source.flags.skips_local = true;
        local = NULL;
    }
    err = rkd_env_keep_local(&cli->env, local, &source.env, &error);
    if (err != RK_OK) {
        rkd_env_wipe(cli->env.entries);
        rkd_say_error(cli, &error);
        return err == RK_E_NOMEM ? RKD_EXIT_REFUSED : RKD_EXIT_USAGE;
    }
    forget_manager();
    code = rkd_lambda_is_here(&cli->env) ? serve_lambda(cli, &source) : serve(cli, &source, &hooks);
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
