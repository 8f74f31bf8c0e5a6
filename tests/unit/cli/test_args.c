/* test_args.c - reading a command line, and its abuse (src/cli/args.c, CLI-01, CLI-05). */
#include "run_support.h"

#include <stdio.h>

static int run_nothing(struct rkd_cli *cli, const struct rkd_args *args)
{
    (void)cli;
    (void)args;
    return 0;
}

static const struct rkd_option options[] = {
    {"room", "ROOM", "one", false},
    {"grant", "NAME=VALUE", "many", true},
    {"json", NULL, "a switch", false},
    {.name = NULL},
};
static const struct rkd_verb verb = {.name = "test",
                                     .summary = "x",
                                     .operands = "[A [B]]",
                                     .operand_max = 2,
                                     .options = options,
                                     .run = run_nothing};

struct parsed {
    struct rkd_args args;
    bool good;
    char *err;
    char *argv[RUN_ARGS_MAX];
    int argc;
};

static void parse(struct parsed *out, ...)
{
    struct rkd_cli cli = {.err_fd = run_memory(rki_str(NULL, 0))};
    const char *arg;
    va_list list;

    *out = (struct parsed){0};
    va_start(list, out);
    while ((arg = va_arg(list, const char *)) != NULL)
        out->argv[out->argc++] = strdup(arg);
    va_end(list);
    out->good = rkd_args_parse(&cli, &verb, out->argc, out->argv, &out->args);
    out->err = run_slurp(cli.err_fd);
    (void)close(cli.err_fd);
    CHECK(out->good == (out->err[0] == '\0'), "what is refused is said");
}

static void done(struct parsed *out)
{
    for (int i = 0; i < out->argc; i++)
        free(out->argv[i]);
    free(out->err);
}

static void test_good(void **state)
{
    struct parsed p;
    size_t at = 0;

    (void)state;
    parse(&p, "--room", "a", "--grant=x=1", "one", "--grant", "y=2", "--json", "--", "--room",
          NULL);
    CHECK(p.good, p.err);
    assert_string_equal(rkd_args_get(&p.args, "room"), "a");
    assert_string_equal(rkd_args_next(&p.args, "grant", &at), "x=1");
    assert_string_equal(rkd_args_next(&p.args, "grant", &at), "y=2");
    assert_null(rkd_args_next(&p.args, "grant", &at));
    CHECK(rkd_args_has(&p.args, "json") && !p.args.wants_help, "switch");
    assert_int_equal(p.args.operand_count, 2);
    assert_string_equal(p.args.operands[0], "one");
    assert_string_equal(p.args.operands[1], "--room");
    done(&p);

    parse(&p, "-", "--room=", NULL);
    CHECK(p.good, "- is an operand, an empty value is a value");
    assert_string_equal(p.args.operands[0], "-");
    assert_string_equal(rkd_args_get(&p.args, "room"), "");
    done(&p);

    parse(&p, "--room=--json", NULL);
    CHECK(p.good && !rkd_args_has(&p.args, "json"), "said with =");
    done(&p);

    parse(&p, "--room", "-x", NULL);
    CHECK(p.good, "one dash is no option's beginning here: it is a value");
    done(&p);

    parse(&p, "-h", NULL);
    CHECK(p.good && p.args.wants_help, "-h");
    done(&p);
    parse(&p, "--help", NULL);
    CHECK(p.good && p.args.wants_help, "--help");
    done(&p);
}

static void test_refused(void **state)
{
    static const struct {
        const char *a, *b, *part;
    } rows[] = {
        {"--rooms", "x", "--rooms: there is no such option"},
        {"--roo", "x", "--roo: there is no such option"},
        {"--Room", "x", "--Room: there is no such option"},
        {"--room", NULL, "--room: expected a value"},
        {"--room", "--json", "--room: expected a value"},
        {"--room", "--", "--room: expected a value"},
        {"--json=1", NULL, "--json: expected no value"},
        {"--json=", NULL, "--json: expected no value"},
        {"--json", "--json", "--json: stands here twice"},
        {"--room=a", "--room=a", "--room: stands here twice"},
        {"-j", NULL, "two dashes"},
        {"-room", "x", "two dashes"},
        {"--=x", NULL, "no such option"},
        {"--\x1b[31mred", NULL, "--??\?\?mred: there is no such option"},
    };
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(&p, rows[i].a, rows[i].b, NULL);
        CHECK(!p.good, rows[i].a);
        CHECK(strstr(p.err, rows[i].part) != NULL, p.err);
        CHECK(strchr(p.err, '\x1b') == NULL, "escaped");
        done(&p);
    }
    {
        struct run run = {0};

        run_cli(&run, "version", "--", NULL); /* there is nothing it could be in front of */
        run_expect_usage(&run, "two dashes");
    }
    parse(&p, "one", "two", "three", NULL);
    CHECK(!p.good && strstr(p.err, "too many") != NULL, p.err);
    CHECK(strstr(p.err, "three") == NULL, "not quoted: it may be a token");
    done(&p);
}

/* CLI-01: not taken, not quoted, and gone from the command line. */
static void test_secrets(void **state)
{
    static const char *const names[] = {"--secret", "--api-secret", "--key", "--api-key", "--keys"};
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char together[64];

        parse(&p, names[i], "hunter2", NULL);
        CHECK(!p.good && strstr(p.err, "LIVEKIT_API_SECRET_FILE") != NULL, p.err);
        CHECK(strstr(p.err, "hunter2") == NULL, p.err);
        assert_memory_equal(p.argv[1], "\0\0\0\0\0\0\0", 7);
        done(&p);
        (void)snprintf(together, sizeof(together), "%s=hunter2", names[i]);
        parse(&p, together, NULL);
        CHECK(!p.good && strstr(p.err, "hunter2") == NULL, p.err);
        CHECK(strstr(p.argv[0], "hunter2") == NULL, "wiped");
        done(&p);
        parse(&p, names[i], NULL);
        CHECK(!p.good, "nothing behind it");
        done(&p);
    }
}

static void test_many(void **state)
{
    const char *args[RKD_GIVEN_MAX + 3] = {"version"};
    struct run run = {0};

    (void)state;
    args[0] = "token";
    for (size_t i = 1; i <= RKD_GIVEN_MAX + 1; i++)
        args[i] = "--grant=canPublish=true";
    run_argv(&run, args);
    run_expect_usage(&run, "at most 256 options");
}

static void test_long_argument(void **state)
{
    static char value[120000];
    struct run run = {0};

    (void)state;
    memset(value, 'a', sizeof(value) - 1);
    run_cli(&run, "token", "--identity", "i", "--room", value, NULL);
    run_expect_usage(&run, "--room: expected 1 to 256 bytes");
    value[0] = '-';
    value[1] = '-';
    run_cli(&run, "token", value, NULL);
    run_expect_usage(&run, "there is no such option");
}

static void test_help(void **state)
{
    static const char *const verbs[] = {"serve",  "dev",  "token", "inspect", "check",  "explain",
                                        "doctor", "init", "keys",  "health",  "version"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct run run = {0}, same = {0};

        run_cli(&run, verbs[i], "--help", NULL);
        CHECK(run.code == 0 && run.err[0] == '\0', verbs[i]);
        CHECK(strncmp(run.out, "usage: roomkey ", 15) == 0, run.out);
        CHECK(strstr(run.out, "--help") != NULL, run.out);
        for (const char *line = run.out; *line != '\0';) {
            const size_t len = strcspn(line, "\n");

            CHECK(len <= 100, "fits a terminal");
            line += len + (line[len] == '\n');
        }
        run_cli(&same, "help", verbs[i], NULL);
        assert_string_equal(run.out, same.out);
        run_clear(&run);
        run_clear(&same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_refused),
        cmocka_unit_test(test_secrets),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_long_argument), cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
