/* test_manual.c - docs/man/roomkey.1 names every verb, option and variable, roomkey.yaml.5 every
 * key, and no other. */
#include "run_support.h"

#include <fcntl.h>
#include <stdio.h>

static char *manual, *yaml_manual; /* read once by main */

/* A line that is exactly `text`. */
static bool has_line_in(const char *page, const char *text)
{
    const size_t len = strlen(text);

    for (const char *line = page; line != NULL; line = strchr(line, '\n')) {
        line += line != manual;
        if (strncmp(line, text, len) == 0 && (line[len] == '\n' || line[len] == '\0'))
            return true;
    }
    return false;
}

static bool has_line(const char *text)
{
    return has_line_in(manual, text);
}

static const struct rkd_verb *const verbs[] = {
    &rkd_verb_serve,  &rkd_verb_dev,    &rkd_verb_check,   &rkd_verb_explain,
    &rkd_verb_doctor, &rkd_verb_init,   &rkd_verb_token,   &rkd_verb_inspect,
    &rkd_verb_keys,   &rkd_verb_health, &rkd_verb_version,
};

/* "--room-config" as roff writes it: \-\-room\-config. */
static void roff(char *out, size_t cap, const char *prefix, const char *name, const char *value)
{
    struct rki_buf buf = rki_buf_over(out, cap - 1);

    rki_buf_put(&buf, rki_cstr(prefix));
    for (; *name != '\0'; name++) {
        if (*name == '-')
            rki_buf_lit(&buf, "\\");
        rki_buf_char(&buf, *name);
    }
    if (value != NULL) {
        rki_buf_lit(&buf, " ");
        rki_buf_put(&buf, rki_cstr(value));
    }
    assert_false(buf.overflow);
    out[buf.len] = '\0';
}

static void test_verbs_and_options(void **state)
{
    size_t options = 0, in_manual = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        char line[128];

        roff(line, sizeof(line), ".SS ", verbs[i]->name, NULL);
        CHECK(has_line(line), line);
        for (const struct rkd_option *o = verbs[i]->options; o->name != NULL; o++, options++) {
            roff(line, sizeof(line), o->value == NULL ? ".B \\-\\-" : ".BI \\-\\-", o->name, NULL);
            if (o->value != NULL) {
                roff(line, sizeof(line), ".BI \\-\\-", o->name, "\" \"");
                (void)strncat(line, " ", sizeof(line) - strlen(line) - 1);
                (void)strncat(line, o->value, sizeof(line) - strlen(line) - 1);
            }
            CHECK(has_line(line), line);
        }
    }
    for (const char *at = manual; (at = strstr(at, "\n.TP\n.B")) != NULL; at++)
        in_manual += strncmp(at + 7, " \\-\\-", 5) == 0 || strncmp(at + 7, "I \\-\\-", 6) == 0;
    CHECK(in_manual == options, "no option that is not there");
}

static void test_variables(void **state)
{
    const struct rkd_variable *variable;
    size_t count = 0, in_manual = 0;

    (void)state;
    for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
        char line[128];

        roff(line, sizeof(line), ".B ", variable->name, NULL);
        CHECK(has_line(line), line);
        count++;
    }
    /* from ENVIRONMENT to the next section, every .TP is a variable */
    for (const char *at = strstr(manual, ".SH ENVIRONMENT\n") + 1, *end = strstr(at, "\n.SH ");
         (at = strstr(at, "\n.TP\n.B ")) != NULL && at < end; at++)
        in_manual++;
    CHECK(in_manual == count, "no variable that is not there");
}

/* "callers.oidc." and "issuer" are ".B callers.oidc.issuer"; the keys of an API keys file have a
 * blank in their path and stand as they are. */
static void test_yaml_keys(void **state)
{
    size_t count = 0, in_manual = 0;
    const char *path;
    struct rk_str name;

    (void)state;
    for (; rkd_config_key_at(count, &path, &name); count++) {
        const char *blank = strchr(path, ' ');
        char whole[128], line[160];

        (void)snprintf(whole, sizeof(whole), "%s%.*s", blank == NULL ? path : "NAME.",
                       (int)name.len, name.ptr);
        roff(line, sizeof(line), ".B ", whole, NULL);
        CHECK(has_line_in(yaml_manual, line), line);
    }
    CHECK(count > 80, "the tables are there");
    for (const char *at = yaml_manual; (at = strstr(at, "\n.TP\n.B ")) != NULL; at++)
        in_manual++;
    assert_int_equal(in_manual, count);
}

static char *slurp(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : run_slurp(fd);

    if (fd >= 0)
        (void)close(fd);
    return text;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs_and_options),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_yaml_keys),
    };
    int failed;

    manual = slurp(RK_TEST_SOURCE_DIR "/docs/man/roomkey.1");
    yaml_manual = slurp(RK_TEST_SOURCE_DIR "/docs/man/roomkey.yaml.5");
    failed = manual == NULL || yaml_manual == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    free(manual);
    free(yaml_manual);
    return failed;
}
