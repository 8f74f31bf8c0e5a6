/*
 * cmd_serve.c - roomkey serve: flags, environment and configuration file, then the service.
 *
 * May touch: the environment; the rest is serve's.
 */
#include "cli/cli.h"
#include "serve/serve.h"

static const struct rkd_option options[] = {
    {"listen", "ADDRESS", "127.0.0.1:7071, [::1]:7071 or unix:/path", true},
    {"anonymous", "WORD", "callers without a credential: refuse or allow", false},
    {"config", "FILE", "roomkey.yaml, in place of ROOMKEY_CONFIG", false},
    {.name = NULL},
};

int rkd_cli_settings(struct rkd_cli *cli, const struct rkd_args *args, struct rkd_flags flags,
                     struct rkd_settings *out)
{
    const char *listen[RKD_GIVEN_MAX];
    struct rkd_raw_error error = {.text = ""};
    const char *value;
    size_t at = 0;
    enum rk_err err;

    flags.listen = listen;
    while ((value = rkd_args_next(args, "listen", &at)) != NULL)
        listen[flags.listen_count++] = value;
    err = rkd_settings_read(&cli->env, &flags, out, &error);
    rkd_env_wipe(cli->env.entries);
    if (err == RK_OK)
        return RKD_EXIT_OK;
    rkd_say_error(cli, &error);
    return err == RK_E_NOMEM ? RKD_EXIT_REFUSED : RKD_EXIT_USAGE;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct rkd_flags flags = {.anonymous = rkd_args_get(args, "anonymous"),
                                    .config = rkd_args_get(args, "config")};
    struct rkd_settings settings;
    int code = rkd_cli_settings(cli, args, flags, &settings);

    if (code != RKD_EXIT_OK)
        return code;
    code = rkd_serve_run(&settings, NULL);
    rkd_settings_clear(&settings);
    return code;
}

const struct rkd_verb rkd_verb_serve = {
    .name = "serve",
    .summary = "Run the service until SIGTERM or SIGINT.",
    .options = options,
    .lists_variables = true,
    .run = run,
};
