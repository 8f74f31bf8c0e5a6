/* What `keys plan` says: from which key to which, in which order, and how long to wait. That the
 * order is a good one is shown by tests/interop/test_rotation.py. */
#include "run_support.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

static char directory[] = "/tmp/roomkey-plan-XXXXXX";

/* keys.yaml with the named keys, and a roomkey.yaml that signs with `active`; NULL: it does not say
 * so. */
static const char *configure(const char *keys, const char *active, const char *more)
{
    static char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/keys.yaml", directory);
    file = fopen(path, "we");
    assert_non_null(file);
    for (; *keys != '\0'; keys++)
        (void)fprintf(file, "API%c: \"a-secret-of-thirty-two-characters-%c\"\n", *keys, *keys);
    (void)fclose(file);
    (void)snprintf(path, sizeof(path), "%s/roomkey.yaml", directory);
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fprintf(file, "livekit: { key_file: keys.yaml%s%s }\n%s",
                  active == NULL ? "" : ", active_key: ", active == NULL ? "" : active, more);
    (void)fclose(file);
    return path;
}

static json_t *plan(const char *config, const char *word, const char *value)
{
    struct run run = {.env = {NULL}};
    json_t *json;

    run_cli(&run, "keys", "plan", "--json", "--config", config, word, value, NULL);
    CHECK(run.code == RKD_EXIT_OK, run.err);
    CHECK(strstr(run.out, "thirty-two") == NULL, "no secret");
    json = json_loads(run.out, 0, NULL);
    assert_non_null(json);
    run_clear(&run);
    return json;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text == NULL ? "" : text;
}

/* "make servers_add ...", the done ones with a star. */
static const char *order_of(const json_t *json)
{
    static char order[512];
    struct rki_buf buf = rki_buf_over(order, sizeof(order) - 1);
    const json_t *steps = json_object_get(json, "steps");

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);

        CHECK(json_integer_value(json_object_get(step, "number")) == (json_int_t)i + 1, "counted");
        rki_buf_put(&buf, i == 0 ? RK_STR("") : RK_STR(" "));
        rki_buf_put(&buf, rki_cstr(text_of(step, "step")));
        rki_buf_put(&buf, json_is_true(json_object_get(step, "done")) ? RK_STR("*") : RK_STR(""));
    }
    order[buf.len] = '\0';
    return order;
}

static int64_t wait_of(const json_t *json)
{
    const json_t *steps = json_object_get(json, "steps");
    int64_t wait_s = 0;

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const int64_t this_s = json_integer_value(json_object_get(step, "wait_s"));

        wait_s += this_s;
        CHECK((this_s != 0) == (strcmp(text_of(step, "step"), "wait") == 0), "waits where it says");
        CHECK((this_s != 0) == json_is_string(json_object_get(step, "not_before")), "and when");
    }
    return wait_s;
}

#define RULE(ttl) "anonymous: rules\nrules: [{id: a, caller: anonymous, room: x" ttl "}"

static void test_plan(void **state)
{
    static const struct {
        const char *keys, *active, *more, *word, *value, *from, *to, *order;
        int64_t wait_s;
    } rows[] = {
        {"o", "APIo", "anonymous: allow\n", NULL, NULL, "APIo", "",
         "make servers_add roomkey_add switch wait roomkey_remove servers_remove", 86400 + 60},
        {"o", "APIo", "anonymous: allow\ncontracts: [standard]\n", "--new", "APIn", "APIo", "APIn",
         "make servers_add roomkey_add switch wait roomkey_remove servers_remove", 900 + 60},
        {"on", "APIo", RULE(", ttl: 20m") ", {id: b, caller: anonymous, room: y}]\n", NULL, NULL,
         "APIo", "APIn", "make* servers_add roomkey_add* switch wait roomkey_remove servers_remove",
         1200 + 60},
        {"on", "APIn", RULE("") "]\n", "--new", "APIn", "APIo", "APIn",
         "make* servers_add roomkey_add* switch* wait roomkey_remove servers_remove", 600 + 60},
        {"on", "APIo", RULE(", ttl: 7h") "]\n", NULL, NULL, "APIo", "APIn",
         "make* servers_add roomkey_add* switch wait roomkey_remove servers_remove", 21600 + 60},
        {"on", "APIo", RULE("") "]\nceiling: {ttl: 5m}\n", NULL, NULL, "APIo", "APIn",
         "make* servers_add roomkey_add* switch wait roomkey_remove servers_remove", 300 + 60},
        {"onx", "APIo", RULE("") "]\n", "--new", "APIx", "APIo", "APIx",
         "make* servers_add roomkey_add* switch wait roomkey_remove servers_remove", 600 + 60},
        /* a file of one key that nobody has named: a second line would be refused */
        {"o", NULL, RULE("") "]\n", NULL, NULL, "APIo", "",
         "name_active make servers_add roomkey_add switch wait roomkey_remove servers_remove",
         600 + 60},
        {"o", NULL, RULE("") "]\n", "--leaked", NULL, "APIo", "",
         "make servers_add switch servers_remove", 0},
        {"on", "APIo", RULE("") "]\n", "--leaked", NULL, "APIo", "APIn",
         "make* servers_add switch servers_remove", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *json = plan(configure(rows[i].keys, rows[i].active, rows[i].more), rows[i].word,
                            rows[i].value);

        CHECK_STR(rki_cstr(text_of(json, "from")), rki_cstr(rows[i].from), rows[i].order);
        CHECK_STR(rki_cstr(text_of(json, "to")), rki_cstr(rows[i].to), rows[i].order);
        CHECK_STR(rki_cstr(order_of(json)), rki_cstr(rows[i].order), rows[i].order);
        CHECK(wait_of(json) == rows[i].wait_s, rows[i].order);
        json_decref(json);
    }
}

static void test_plan_text(void **state)
{
    struct run run = {.env = {NULL}};

    (void)state;
    run_cli(&run, "keys", "plan", "--config", configure("on", "APIo", RULE("") "]\n"), NULL);
    CHECK(run.code == RKD_EXIT_OK && run.err[0] == '\0', run.err);
    CHECK(strncmp(run.out, "From APIo to APIn.\nLongest life of a token: 10m;", 48) == 0, run.out);
    CHECK(strstr(run.out, "\n3. roomkey (done): add the line of APIn") != NULL, run.out);
    CHECK(strstr(run.out, "has expired: 11m after the switch; not before "
                          "2027-01-15T08:11:00.000Z if that were now\n") != NULL,
          run.out);
    run_clear(&run);
    run = (struct run){.env = {"LIVEKIT_API_KEY=APIe",
                               "LIVEKIT_API_SECRET=a-secret-of-thirty-two-characters-e", NULL}};
    run_cli(&run, "keys", "plan", NULL);
    CHECK(run.code == RKD_EXIT_OK, run.err);
    CHECK(strstr(run.out, "From APIe to the new key.") != NULL, run.out);
    CHECK(strstr(run.out, "the environment is not read again") != NULL, run.out);
    CHECK(strstr(run.out, "to the file of") == NULL, "nothing a variable cannot do");
    run_clear(&run);
}

/* The name of a file with that text, as the variable `name` has it. */
static const char *variable(char *out, size_t cap, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    (void)snprintf(out, cap, "%s=%s", name, path);
    return out;
}

/* Files that variables name: what a reload reads again is told apart from what it does not. */
static void test_plan_of_files(void **state)
{
    char key[192], secret[192], keys[192];
    struct run run = {.env = {variable(key, sizeof(key), "LIVEKIT_API_KEY_FILE", "APIe"),
                              variable(secret, sizeof(secret), "LIVEKIT_API_SECRET_FILE",
                                       "a-secret-of-thirty-two-characters-e"),
                              NULL}};

    (void)state;
    run_cli(&run, "keys", "plan", NULL);
    CHECK(run.code == RKD_EXIT_OK, run.err);
    CHECK(strstr(run.out, "put the pair of the new key into the files that LIVEKIT_API_KEY_FILE "
                          "and LIVEKIT_API_SECRET_FILE name") != NULL,
          run.out);
    CHECK(strstr(run.out, "to the file of") == NULL && strstr(run.out, "active_key") == NULL,
          "one pair at a time");
    run_clear(&run);
    run = (struct run){.env = {variable(keys, sizeof(keys), "LIVEKIT_KEYS_FILE",
                                        "APIe: a-secret-of-thirty-two-characters-e\n"),
                               NULL}};
    run_cli(&run, "keys", "plan", NULL);
    CHECK(run.code == RKD_EXIT_OK, run.err);
    CHECK(strstr(run.out, "add the line of the new key to the file of LIVEKIT_KEYS_FILE") != NULL,
          run.out);
    CHECK(strstr(run.out, "livekit.key_file") == NULL, run.out);
    run_clear(&run);
}

static void test_plan_refused(void **state)
{
    struct run run = {.env = {NULL}};

    (void)state;
    run_cli(&run, "keys", "plan", NULL);
    CHECK(run.code == RKD_EXIT_REFUSED, run.err);
    CHECK(strstr(run.err, "has no key") != NULL && run.out[0] == '\0', run.err);
    run_clear(&run);
    run_cli(&run, "keys", "plan", "--config", configure("onx", "APIo", RULE("") "]\n"), NULL);
    run_expect_usage(&run, "--new: expected, since");
    run_cli(&run, "keys", "plan", "--config", configure("o", "APIo", RULE("") "]\n"), "--new",
            "APIo", NULL);
    run_expect_usage(&run, "--new: this key signs already");
    run_cli(&run, "keys", "plan", "--config", configure("o", "APIo", RULE("") "]\n"), "--new",
            "API n", NULL);
    run_expect_usage(&run, "--new: expected the name");
    run_cli(&run, "keys", "plan", "--livekit", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
    run_cli(&run, "keys", "new", "--livekit", "--leaked", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"keys.yaml", "roomkey.yaml", "LIVEKIT_API_KEY_FILE",
                                        "LIVEKIT_API_SECRET_FILE", "LIVEKIT_KEYS_FILE"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_text),
        cmocka_unit_test(test_plan_of_files),
        cmocka_unit_test(test_plan_refused),
    };

    (void)umask(077);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
