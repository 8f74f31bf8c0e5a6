/* test_inspect.c - roomkey inspect: verdict, exit code, both outputs, hostile tokens (CLI-02, -03).
 */
#include "core/b64.h"
#include "run_support.h"

#include <jansson.h>
#include <roomkey/token.h>
#include <stdio.h>

#define SECRET "a-secret-of-at-least-32-characters!!"
#define KEY_ENV "LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=" SECRET

/* A token that joins, signed at `at_s`. */
static void make_token(char out[static 2048], int64_t at_s, enum rk_grant extra)
{
    struct rk_claims *claims = NULL;
    struct rk_key *key = NULL;
    size_t len = 0;

    CHECK_ERR(rk_key_new(RK_STR("APIx"), RK_STR(SECRET), &key), RK_OK, "key");
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    CHECK_ERR(rk_claims_set_room(claims, RK_STR("daily")), RK_OK, "room");
    CHECK_ERR(rk_claims_set_identity(claims, RK_STR("ada")), RK_OK, "identity");
    CHECK_ERR(rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true), RK_OK, "grant");
    if (extra != RK_GRANT_NONE)
        CHECK_ERR(rk_claims_set_grant(claims, extra, true), RK_OK, "grant");
    CHECK_ERR(rk_token_sign(key, claims, at_s, out, 2047, &len), RK_OK, "sign");
    out[len] = '\0';
    rk_claims_free(claims);
    rk_key_free(key);
}

/* Unsigned: header and payload as they stand. */
static void make_raw(char *out, size_t cap, const char *header, const char *payload)
{
    struct rki_buf buf = rki_buf_over(out, cap - 1);

    rki_b64url_encode(&buf, rki_cstr(header));
    rki_buf_lit(&buf, ".");
    rki_b64url_encode(&buf, rki_cstr(payload));
    rki_buf_lit(&buf, ".c2ln");
    assert_false(buf.overflow);
    out[buf.len] = '\0';
}

static json_t *inspect_json(struct run *run, const char *token)
{
    json_t *json;

    run_cli(run, "inspect", "--json", token, NULL);
    json = json_loads(run->out, JSON_ALLOW_NUL, NULL);
    CHECK(json != NULL, run->out);
    return json;
}

static bool has_code(const json_t *json, const char *list, const char *code)
{
    const json_t *findings = json_object_get(json, list);

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *found = json_object_get(json_array_get(findings, i), "code");

        if (strcmp(json_string_value(found), code) == 0)
            return true;
    }
    return false;
}

static void test_good(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    char token[2048];
    json_t *json;

    (void)state;
    make_token(token, RUN_NOW, RK_GRANT_NONE);
    json = inspect_json(&run, token);
    CHECK(run.code == 0 && run.err[0] == '\0', run.err);
    CHECK(json_is_true(json_object_get(json, "accepted")), run.out);
    CHECK(json_is_true(json_object_get(json, "verified")), run.out);
    CHECK(json_array_size(json_object_get(json, "refusals")) == 0, run.out);
    CHECK(json_array_size(json_object_get(json, "warnings")) == 0, run.out);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "payload"), "sub")),
                        "ada");
    CHECK(json_integer_value(json_object_get(json_object_get(json, "payload"), "iat")) == RUN_NOW,
          "an integer, not 1.8e9");
    json_decref(json);
    CHECK(run.argv[3][0] == '\0', "the token is gone from the command line");
    run_clear(&run);
}

static void test_text(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    char token[2048];

    (void)state;
    make_token(token, RUN_NOW, RK_GRANT_ROOM_CREATE);
    run_cli(&run, "inspect", token, NULL);
    CHECK(run.code == 0, run.err);
    CHECK(strstr(run.out, "\"sub\": \"ada\"") != NULL, run.out);
    CHECK(strstr(run.out, "warning: video.roomCreate: ") != NULL, run.out);
    CHECK(strstr(run.out, "accepts this token\n") != NULL, run.out);
    run_clear(&run);
}

static void test_refused(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    char token[2048];
    json_t *json;

    (void)state;
    make_token(token, RUN_NOW - 2000, RK_GRANT_NONE);
    json = inspect_json(&run, token);
    CHECK(run.code == 1 && has_code(json, "refusals", "expired"), run.out);
    CHECK(json_is_false(json_object_get(json, "accepted")), run.out);
    CHECK(json_is_true(json_object_get(json, "verified")), "the signature is good all the same");
    json_decref(json);
    run_clear(&run);

    run = (struct run){.env = {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=another-secret"}};
    make_token(token, RUN_NOW, RK_GRANT_NONE);
    json = inspect_json(&run, token);
    CHECK(run.code == 1 && has_code(json, "refusals", "signature"), run.out);
    CHECK(json_is_false(json_object_get(json, "verified")), run.out);
    json_decref(json);
    run_clear(&run);

    run = (struct run){.env = {KEY_ENV}};
    run_cli(&run, "inspect", "not.a.token", NULL);
    CHECK(run.code == 1 && strstr(run.out, "refused (401): ") != NULL, run.out);
    CHECK(strstr(run.out, "accepts") == NULL, run.out);
    run_clear(&run);
}

/* CLI-03 */
static void test_without_a_key(void **state)
{
    struct run run = {0};
    char token[2048];
    json_t *json;

    (void)state;
    make_token(token, RUN_NOW, RK_GRANT_NONE);
    json = inspect_json(&run, token);
    CHECK(run.code == 1, "unchecked is not good");
    CHECK(json_is_false(json_object_get(json, "accepted")), run.out);
    CHECK(json_is_false(json_object_get(json, "verified")), run.out);
    assert_string_equal(json_string_value(json_object_get(json, "signature")), "unchecked");
    json_decref(json);
    run_clear(&run);
    run_cli(&run, "inspect", token, NULL);
    CHECK(run.code == 1 && strstr(run.out, "signature was not checked") != NULL, run.out);
    CHECK(strstr(run.out, " valid") == NULL && strstr(run.out, "accepts this") == NULL, run.out);
    CHECK(run.err[0] == '\0', "no talk about keys nobody set");
    run_clear(&run);
}

static void test_stdin(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    char token[2048], line[2060];

    (void)state;
    make_token(token, RUN_NOW, RK_GRANT_NONE);
    (void)snprintf(line, sizeof(line), " %s\r\n", token);
    run.in = rki_cstr(line);
    run_cli(&run, "inspect", "-", NULL);
    CHECK(run.code == 0, run.out);
    run_clear(&run);
    run_cli(&run, "inspect", "-", NULL); /* empty */
    CHECK(run.code == 1 && strstr(run.out, "refused (401)") != NULL, run.out);
    run_clear(&run);
    run = (struct run){.env = {KEY_ENV}, .in = rki_cstr(line)};
    run_cli(&run, "inspect", NULL);
    CHECK(run.code == 0, "stdin is what is meant");
    run_clear(&run);
}

/* CLI-02 */
static void test_hostile(void **state)
{
    static char huge[10 * 1024 * 1024];
    struct run run = {0};
    char token[4096];

    (void)state;
    make_raw(token, sizeof(token), "{\"alg\":\"HS256\\u001b[2J\"}",
             "{\"sub\":\"\\u001b]0;owned\\u0007\",\"\\u202e\":\"\\u0000\\u009b\",\"a\":\"\x7f\","
             "\"attributes\":{\"\\u001b[31m\":5}}");
    for (int i = 0; i < 2; i++) {
        run_cli(&run, "inspect", token, i == 0 ? NULL : "--json", NULL);
        CHECK(run.code == 1, run.out);
        for (const char *c = run.out; *c != '\0'; c++)
            CHECK((*c >= ' ' && *c <= '~') || *c == '\n', "printable ASCII only");
        CHECK(strstr(run.out, "\\u001b]0;owned") != NULL, run.out);
        run_clear(&run);
    }
    memset(huge, 'A', sizeof(huge));
    run.in = rki_str(huge, sizeof(huge));
    run_cli(&run, "inspect", "-", NULL);
    CHECK(run.code == 1 && run.out[0] == '\0', "bounded");
    CHECK(strstr(run.err, "1 MiB") != NULL, run.err);
    run_clear(&run);
    run.in = rki_str(huge, 200 * 1024);
    run_cli(&run, "inspect", "-", NULL);
    CHECK(run.code == 1, "long, but looked at");
    run_clear(&run);
}

static void test_bad_keys(void **state)
{
    struct run run = {.env = {"LIVEKIT_API_SECRET_FILE=/does/not/exist"}};

    (void)state;
    run_cli(&run, "inspect", "a.b.c", NULL);
    run_expect_usage(&run, "LIVEKIT_API_SECRET_FILE: ");
}

static void test_several_keys(void **state)
{
    struct run run = {.env = {"LIVEKIT_KEYS=other: " SECRET "\nAPIx: " SECRET}};
    char token[2048];

    (void)state;
    make_token(token, RUN_NOW, RK_GRANT_NONE);
    run_cli(&run, "inspect", token, NULL);
    CHECK(run.code == 0, run.out);
    run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),     cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_without_a_key),
        cmocka_unit_test(test_stdin),    cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_bad_keys), cmocka_unit_test(test_several_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
