/*
 * args.c - reads a command line by a verb's table of options, and writes its help from the same.
 *
 * May touch: its arguments; wipes secrets that stand in argv by mistake.
 */
#include "cli/cli.h"

static const struct rkd_option help_option = {.name = "help", .help = "this text"};

/* Never taken: every process on the machine can read a command line. */
static const char *const secret_names[] = {"secret", "api-secret", "key", "api-key", "keys"};

static const struct rkd_option *find(const struct rkd_verb *verb, struct rk_str name)
{
    for (const struct rkd_option *option = verb->options; option->name != NULL; option++)
        if (rki_str_equal(rki_cstr(option->name), name))
            return option;
    return rki_str_equal(name, RK_STR("help")) ? &help_option : NULL;
}

static bool is_secret(struct rk_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(secret_names); i++)
        if (rki_str_equal(rki_cstr(secret_names[i]), name))
            return true;
    return false;
}

/* "--room" for messages. Only names of our tables and plain letters of others go in. */
static void say_option(const struct rkd_cli *cli, struct rk_str name, const char *text)
{
    char where[40];
    struct rki_buf buf = rki_buf_over(where, sizeof(where) - 1);

    rki_buf_lit(&buf, "--");
    for (size_t i = 0; i < name.len && i < 32; i++) {
        const char lower = rki_lower(name.ptr[i]);

        const bool is_plain = (lower >= 'a' && lower <= 'z') || lower == '-';

        rki_buf_put(&buf, is_plain ? rki_str(name.ptr + i, 1) : RK_STR("?"));
    }
    where[buf.len] = '\0';
    rkd_say_at(cli, where, text);
}

static bool add(const struct rkd_cli *cli, struct rkd_args *out, const struct rkd_option *option,
                const char *value)
{
    if (!option->many && rkd_args_has(out, option->name)) {
        say_option(cli, rki_cstr(option->name), "stands here twice");
        return false;
    }
    if (out->count == RKD_GIVEN_MAX) {
        rkd_say(cli, "expected at most 256 options");
        return false;
    }
    out->given[out->count].option = option;
    out->given[out->count].value = value;
    out->count++;
    return true;
}

/* One option at argv[*at]; moves *at past a value that stands by itself. */
static bool parse_option(struct rkd_cli *cli, const struct rkd_verb *verb, int argc, char **argv,
                         int *at, struct rkd_args *out)
{
    char *text = argv[*at] + 2, *equals = strchr(text, '=');
    const struct rk_str name =
        equals == NULL ? rki_cstr(text) : rki_str(text, (size_t)(equals - text));
    const struct rkd_option *option = find(verb, name);

    if (option == NULL && is_secret(name)) {
        char *value = equals != NULL ? equals + 1 : *at + 1 < argc ? argv[*at + 1] : NULL;

        if (value != NULL)
            rk_wipe(value, strlen(value));
        say_option(cli, name,
                   "keys and secrets are not taken from a command line, which every process can "
                   "read: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or LIVEKIT_API_SECRET_FILE");
        return false;
    }
    if (option == NULL) {
        say_option(cli, name, "there is no such option; --help lists them");
        return false;
    }
    if (option == &help_option)
        out->wants_help = true;
    if (option->value == NULL) {
        if (equals != NULL) {
            say_option(cli, name, "expected no value");
            return false;
        }
        return add(cli, out, option, "");
    }
    if (equals != NULL)
        return add(cli, out, option, equals + 1);
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0) {
        say_option(cli, name,
                   "expected a value behind it; one that begins with -- needs --name=value");
        return false;
    }
    (*at)++;
    return add(cli, out, option, argv[*at]);
}

bool rkd_args_parse(struct rkd_cli *cli, const struct rkd_verb *verb, int argc, char **argv,
                    struct rkd_args *out)
{
    bool has_ended = false; /* by "--" */

    *out = (struct rkd_args){0};
    for (int i = 0; i < argc; i++) {
        const bool is_option = !has_ended && argv[i][0] == '-' && argv[i][1] != '\0';

        if (is_option && strcmp(argv[i], "--") == 0 && verb->operand_max != 0) {
            has_ended = true;
        } else if (is_option && strcmp(argv[i], "-h") == 0) {
            out->wants_help = true;
        } else if (is_option && (argv[i][1] != '-' || argv[i][2] == '\0')) {
            rkd_say(cli, "options have two dashes and a name; --help lists them");
            return false;
        } else if (is_option) {
            if (!parse_option(cli, verb, argc, argv, &i, out))
                return false;
        } else if (out->operand_count == verb->operand_max) {
            rkd_say(cli, verb->operands == NULL
                             ? "expected options only; --help lists them"
                             : "there is an argument too many; --help says what is expected");
            return false;
        } else {
            out->operands[out->operand_count++] = argv[i];
        }
    }
    return true;
}

const char *rkd_args_next(const struct rkd_args *args, const char *name, size_t *at)
{
    while (*at < args->count) {
        const size_t i = (*at)++;

        if (strcmp(args->given[i].option->name, name) == 0)
            return args->given[i].value;
    }
    return NULL;
}

const char *rkd_args_get(const struct rkd_args *args, const char *name)
{
    size_t at = 0;

    return rkd_args_next(args, name, &at);
}

bool rkd_args_has(const struct rkd_args *args, const char *name)
{
    return rkd_args_get(args, name) != NULL;
}

/* ---- help ---- */

static void put_padded(struct rki_buf *out, const char *a, const char *b, size_t width)
{
    const size_t before = out->len;

    rki_buf_put(out, rki_cstr(a));
    if (b != NULL) {
        rki_buf_lit(out, " ");
        rki_buf_put(out, rki_cstr(b));
    }
    do
        rki_buf_lit(out, " ");
    while (!out->overflow && out->len - before < width);
}

static void put_option(struct rki_buf *out, const struct rkd_option *option)
{
    rki_buf_lit(out, "  --");
    put_padded(out, option->name, option->value, 26);
    rki_buf_put(out, rki_cstr(option->help));
    if (option->many)
        rki_buf_lit(out, " (repeatable)");
    rki_buf_lit(out, "\n");
}

static void put_variables(struct rki_buf *out)
{
    const struct rkd_variable *variable;

    rki_buf_lit(out, "\nenvironment (a secret NAME also as NAME_FILE, the path of a file):\n");
    for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
        rki_buf_lit(out, "  ");
        put_padded(out, variable->name, NULL, 30);
        rki_buf_put(out, rki_cstr(variable->help));
        rki_buf_lit(out, "\n");
    }
}

void rkd_verb_help(const struct rkd_verb *verb, struct rki_buf *out)
{
    rki_buf_lit(out, "usage: roomkey ");
    rki_buf_put(out, rki_cstr(verb->name));
    rki_buf_lit(out, " [OPTIONS]");
    if (verb->operands != NULL) {
        rki_buf_lit(out, " ");
        rki_buf_put(out, rki_cstr(verb->operands));
    }
    rki_buf_lit(out, "\n\n");
    rki_buf_put(out, rki_cstr(verb->summary));
    rki_buf_lit(out, "\n\n");
    for (const struct rkd_option *option = verb->options; option->name != NULL; option++)
        put_option(out, option);
    put_option(out, &help_option);
    if (verb->notes != NULL) {
        rki_buf_lit(out, "\n");
        rki_buf_put(out, rki_cstr(verb->notes));
    }
    if (verb->lists_variables)
        put_variables(out);
}
