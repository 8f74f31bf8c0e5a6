/*
 * cli.c - the table of verbs, and the way from argv to one of them.
 *
 * May touch: its arguments.
 */
#include "cli/cli.h"

static const struct rkd_verb *const verbs[] = {
    &rkd_verb_serve,  &rkd_verb_dev,    &rkd_verb_check,   &rkd_verb_explain,
    &rkd_verb_doctor, &rkd_verb_init,   &rkd_verb_token,   &rkd_verb_inspect,
    &rkd_verb_keys,   &rkd_verb_health, &rkd_verb_version,
};

static void put_usage(struct rki_buf *out)
{
    rki_buf_lit(out, "usage: roomkey VERB [OPTIONS]\n\nMints, serves and inspects LiveKit access "
                     "tokens.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const size_t before = out->len;

        rki_buf_lit(out, "  ");
        rki_buf_put(out, rki_cstr(verbs[i]->name));
        do
            rki_buf_lit(out, " ");
        while (!out->overflow && out->len - before < 11);
        rki_buf_put(out, rki_cstr(verbs[i]->summary));
        rki_buf_lit(out, "\n");
    }
    rki_buf_lit(out, "\n`roomkey VERB --help` says more. Exit codes: 0 good, 1 refused or failed, "
                     "2 usage.\n");
}

static const struct rkd_verb *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int fail_verb(struct rkd_cli *cli)
{
    rkd_say(cli, "there is no such verb; `roomkey --help` lists them");
    return RKD_EXIT_USAGE;
}

static int help(struct rkd_cli *cli, int argc, char **argv)
{
    const struct rkd_verb *verb;

    if (argc == 0) {
        put_usage(&cli->out);
        return RKD_EXIT_OK;
    }
    verb = find(argv[0]);
    if (verb == NULL)
        return fail_verb(cli);
    rkd_verb_help(verb, &cli->out);
    return RKD_EXIT_OK;
}

static int run_verb(struct rkd_cli *cli, const struct rkd_verb *verb, int argc, char **argv)
{
    struct rkd_args args;

    if (!rkd_args_parse(cli, verb, argc, argv, &args))
        return RKD_EXIT_USAGE;
    if (args.wants_help) {
        rkd_verb_help(verb, &cli->out);
        return RKD_EXIT_OK;
    }
    return verb->run(cli, &args);
}

/* AWS Lambda starts /var/task/bootstrap, without arguments. */
static bool is_bootstrap(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash == NULL ? path : slash + 1, "bootstrap") == 0;
}

static int dispatch(struct rkd_cli *cli, int argc, char **argv)
{
    const char *name = argc < 2 ? NULL : argv[1];
    const struct rkd_verb *verb;

    if (argc == 1 && is_bootstrap(argv[0]))
        return run_verb(cli, &rkd_verb_serve, 0, argv + 1);
    if (name == NULL) {
        rkd_say(cli, "expected a verb; `roomkey --help` lists them");
        return RKD_EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help(cli, argc - 2, argv + 2);
    if (strcmp(name, "--version") == 0)
        name = "version";
    verb = find(name);
    return verb == NULL ? fail_verb(cli) : run_verb(cli, verb, argc - 2, argv + 2);
}

int rkd_cli_run(struct rkd_cli *cli, int argc, char **argv)
{
    int code = dispatch(cli, argc, argv);

    /* an answer that did not arrive is no answer */
    if (!rkd_flush(cli) && code == RKD_EXIT_OK)
        code = RKD_EXIT_REFUSED;
    return code;
}

bool rkd_cli_keys(struct rkd_cli *cli, struct rkd_keys *out)
{
    struct rk_diag diag = {0};
    enum rk_err err = rkd_keys_read(&cli->env, out, &diag);

    rkd_env_wipe(cli->env.entries);
    if (err != RK_OK) {
        rkd_say_at(cli, diag.field, diag.text);
        return false;
    }
    return true;
}
