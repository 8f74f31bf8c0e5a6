/* test_local.c - local.settings.json: what becomes a variable, what is refused and where, and that
 * secrets are wiped (hosting reference s.1.11). */
#include "env_support.h"

#include "config/jsonc.h"
#include "config/local.h"
#include "guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 4096 };

/* Every entry and a line feed, or the error on one line. */
static void parse(struct rk_str text, const char *const *variables, char out[TEXT_MAX])
{
    struct test_env env;
    struct rkd_raw_error error = {.text = ""};
    struct rki_buf buf = rki_buf_over(out, TEXT_MAX - 1);
    struct rkd_local local;

    env_open(&env);
    for (; variables != NULL && *variables != NULL; variables++)
        env_add(&env, *variables);
    if (rkd_local_parse(text, "l.json", &env.env, &local, &error) != RK_OK)
        rkd_raw_error_write(&buf, &error);
    else
        for (size_t i = 0; i < local.count; i++) {
            rki_buf_put(&buf, rki_cstr(local.entries[i]));
            rki_buf_lit(&buf, "\n");
        }
    CHECK(!buf.overflow && local.memory_used <= local.memory_len, "there is room for it");
    out[buf.len] = '\0';
    rkd_local_clear(&local);
    rkd_local_clear(&local);
    env_clear(&env);
}

static const struct {
    const char *text, *want;
} taken[] = {
    {"{}", ""},
    {"\xef\xbb\xbf { } // end", ""},
    {"{\"IsEncrypted\":false,\"Values\":{\"LIVEKIT_API_KEY\":\"k\",\"X\":\"y\",},}",
     "LIVEKIT_API_KEY=k\n"},
    {"/* a */{\"values\"/**/:{// b\n\"LIVEKIT_API_KEY\"\t:\r\n\"k\"}}", "LIVEKIT_API_KEY=k\n"},
    {"{\"Values\":{\"LIVEKIT_API_SECRET\":\"\\u0041\\n\\ud83d\\ude00\\u00e9\\/\"}}",
     "LIVEKIT_API_SECRET=A\n\xf0\x9f\x98\x80\xc3\xa9/\n"},
    {"{\"Values\":{\"\\u004cIVEKIT_URL\":\"u\"}}", "LIVEKIT_URL=u\n"},
    /* as Json.NET: numbers and booleans are texts, null is none, an empty text is one */
    {"{\"Values\":{\"ROOMKEY_WORKERS\":2,\"ROOMKEY_X\":true,\"ROOMKEY_Y\":null,\"ENTRA_Z\":1.50,"
     "\"LIVEKIT_URL\":\"\"}}",
     "ROOMKEY_WORKERS=2\nROOMKEY_X=true\nENTRA_Z=1.50\nLIVEKIT_URL=\n"},
    /* not the file's to say */
    {"{\"Values\":{\"WEBSITE_AUTH_ENABLED\":\"true\",\"PORT\":\"1\",\"LISTEN_FDS\":\"1\","
     "\"FUNCTIONS_CUSTOMHANDLER_PORT\":1,\"LISTEN_PID\":1,\"PATH\":\"/\"}}",
     ""},
    {"{\"Values\":{\"LIVEKIT_API_SECRET_FILE\":\"f\"}}", "LIVEKIT_API_SECRET_FILE=f\n"},
    {"{\"Values\":null,\"Host\":null,\"ConnectionStrings\":{\"a\":[{\"b\":[]}]}}", ""},
    {"{\"IsEncrypted\":true,\"Values\":{\"AzureWebJobsStorage\":\"CfDJ8x\"}}", ""},
    {"{\"IsEncrypted\":false,\"Values\":{\"LIVEKIT_API_KEY\":\"CfDJ8x\"}}",
     "LIVEKIT_API_KEY=CfDJ8x\n"},
    {"{\"Host\":{\"CORS\":\"http://localhost:4200\"}}",
     "ROOMKEY_CORS_ORIGINS=http://localhost:4200\n"},
    /* func matches neither of these, which nobody means */
    {"{\"Host\":{\"CORS\":\" http://A.example/ ,, https://b.example,\",\"CORSCredentials\":true}}",
     "ROOMKEY_CORS_ORIGINS=http://a.example,https://b.example\nROOMKEY_CORS_CREDENTIALS=true\n"},
    {"{\"host\":{\"cors\":\"*\",\"corscredentials\":\"false\"}}",
     "ROOMKEY_CORS_ORIGINS=*\nROOMKEY_CORS_CREDENTIALS=false\n"},
    {"{\"Host\":{\"CORS\":\"\",\"CORSCredentials\":true}}", ""},
    {"{\"Host\":{\"CORS\":\" , \",\"CORSCredentials\":true,\"LocalHttpPort\":1}}",
     "ROOMKEY_LISTEN=127.0.0.1:1\n"},
    {"{\"Host\":{\"LocalHttpPort\":\"7072\",\"LocalHttpAddress\":\"0.0.0.0\"}}",
     "ROOMKEY_LISTEN=0.0.0.0:7072\n"},
    {"{\"Host\":{\"LocalHttpAddress\":\"::1\",\"Other\":[1]}}", "ROOMKEY_LISTEN=[::1]:7071\n"},
    {"{\"Host\":{\"LocalHttpPort\":1},\"Values\":{\"ROOMKEY_LISTEN\":\"[::1]:2\"}}",
     "ROOMKEY_LISTEN=[::1]:2\n"},
};

static void test_taken(void **state)
{
    char got[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        parse(rki_cstr(taken[i].text), NULL, got);
        CHECK_STR(rki_cstr(got), rki_cstr(taken[i].want), taken[i].text);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "l.json:1:1: the file ends in the middle"},
        {"[]", "l.json:1:1: expected {"},
        {"{", "l.json:1:2: the file ends in the middle"},
        {"{\"Values\":{\"A\":\"b\"", "l.json:1:19: the file ends in the middle"},
        {"{} x", "l.json:1:4: expected nothing behind"},
        {"{'a':1}", "l.json:1:2: expected a name in double quotes"},
        {"{\"a\" 1}", "l.json:1:6: expected a colon"},
        {"{\"a\":1 \"b\":2}", "l.json:1:8: expected a comma or }"},
        {"{\"a\":01}", "l.json:1:6: expected a value of JSON"},
        {"{\"a\":[}}", "l.json:1:7: expected a value of JSON"},
        {"{\"a\":True}", "l.json:1:6: expected a value of JSON"},
        {"{\"a\":\"x\ny\"}", "l.json:1:6: expected a value of JSON"},
        {"{\"a\":\"\\ud800\"}", "l.json:1:6: expected a value of JSON"},
        {"{\"a\":\"\\x\"}", "l.json:1:6: expected a value of JSON"},
        {"{/* \"a\":1}", "l.json:1:11: expected a name"},
        {"{\"a\":\"\xff\"}", "l.json:1:1: expected UTF-8"},
        {"{\n \"Values\": {\n  \"A\": {\"b\":1} } }", "l.json:3:8: A: expected a text"},
        {"{\"Values\":{\"A\":[]}}", "l.json:1:16: A: expected a text"},
        {"{\"Values\":[]}", "l.json:1:11: Values: expected a map"},
        {"{\"Values\":{},\"values\":{}}", "l.json:1:14: Values: stands here twice"},
        {"{\"Values\":{\"LIVEKIT_URL\":\"a\",\"LIVEKIT_URL\":\"b\"}}",
         "l.json:1:30: LIVEKIT_URL: stands here twice"},
        {"{\"Values\":{\"LIVEKIT_URL\":\"a\\u0000b\"}}",
         "l.json:1:26: LIVEKIT_URL: a variable cannot"},
        {"{\"IsEncrypted\":1}", "l.json:1:16: IsEncrypted: expected true or false"},
        {"{\"IsEncrypted\":true,\"Values\":{\"LIVEKIT_API_KEY\":\"x\"}}",
         "l.json:1:16: IsEncrypted: the values are encrypted"},
        {"{\"Values\":{\"LIVEKIT_API_KEY\":\"CfDJ8x\"}}",
         "l.json:1:11: Values: the values are encrypted"},
        {"{\"Host\":{\"CORS\":[]}}", "l.json:1:17: CORS: expected a text"},
        {"{\"Host\":{\"CORS\":\"*\",\"cors\":\"*\"}}", "l.json:1:21: CORS: stands here twice"},
        {"{\"Host\":{\"LocalHttpPort\":0}}", "l.json:1:26: LocalHttpPort: expected a port"},
        {"{\"Host\":{\"LocalHttpPort\":\"1,0.0.0.0:2\"}}",
         "l.json:1:26: LocalHttpPort: expected a port"},
        {"{\"Host\":{\"LocalHttpAddress\":\"unix:/x\"}}",
         "l.json:1:29: LocalHttpAddress: expected an address"},
    };
    char got[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(rki_cstr(rows[i].text), NULL, got);
        CHECK(strncmp(got, rows[i].want, strlen(rows[i].want)) == 0, got);
    }
}

/* Brackets 32 deep are passed over, one more is refused; no recursion to run out of stack. */
static void test_depth(void **state)
{
    char text[256], got[TEXT_MAX];

    (void)state;
    for (size_t depth = 32; depth <= 33; depth++) {
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        rki_buf_lit(&buf, "{\"a\":");
        for (size_t i = 0; i < depth; i++)
            rki_buf_lit(&buf, "[");
        for (size_t i = 0; i < depth; i++)
            rki_buf_lit(&buf, "]");
        rki_buf_lit(&buf, "}");
        parse(rki_buf_str(&buf), NULL, got);
        CHECK((got[0] == '\0') == (depth == 32), got);
    }
}

/* "A variable already set and non-empty in the environment wins". */
static void test_environment_wins(void **state)
{
    static const char text[] =
        "{\"Values\":{\"LIVEKIT_API_KEY\":\"f\",\"LIVEKIT_URL\":\"f\"},\"Host\":{\"CORS\":\"*\","
        "\"CORSCredentials\":false,\"LocalHttpPort\":1}}";
    static const char *const variables[] = {
        "LIVEKIT_API_KEY=e", "LIVEKIT_URL=", "ROOMKEY_CORS_ORIGINS=https://e.example",
        "ROOMKEY_LISTEN=127.0.0.1:2", NULL};
    char got[TEXT_MAX];

    (void)state;
    parse(rki_cstr(text), variables, got);
    CHECK_STR(rki_cstr(got), RK_STR("LIVEKIT_URL=f\n"), "what is empty is filled");
}

/* Every beginning of every file that is taken: no byte behind it is looked at, none leaks. */
static void test_prefixes(void **state)
{
    struct guard guard = guard_new(TEXT_MAX);
    char got[TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        for (size_t len = 0; len < strlen(taken[i].text); len++)
            parse(guard_put(&guard, rki_str(taken[i].text, len)), NULL, got);
    guard_free(&guard);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* A variable of the file is one of the copy; what is wrong with it is said at its place (P1). */
static void test_settings(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"Values\":{\"LIVEKIT_API_KEY\":\"k\",\"LIVEKIT_API_SECRET\":\"s\"},\"Host\":{\"CORS\":"
         "\"*\"}}",
         ""},
        {"{\"Values\":{\n\"LIVEKIT_URL\":\"nope\"}}", ":2:15: LIVEKIT_URL: expected a ws"},
        {"{\"Values\":{\"ROOMKEY_NOPE\":\"1\"}}", ":1:27: ROOMKEY_NOPE: there is no such"},
        {"{\"Values\":{\"ENTRA_CLIENT_ID\":\"1\",\n\"ENTRA_AUTHORITY\":\"nope\"}}",
         ":2:19: ENTRA_AUTHORITY: "},
        {"{\"Host\":{\"CORS\":\"*\",\"CORSCredentials\":true}}", ":1:39: CORSCredentials: "},
        {"{\"Host\":{\"CORS\":\"x\"}}", ":1:17: CORS: this origin "},
    };
    static const struct rkd_flags allow = {.anonymous = "allow"};
    char *const entries[] = {(char[]){"LIVEKIT_API_SECRET="}, NULL};
    const struct rkd_env env = {.entries = entries};
    char path[] = "/tmp/roomkey-test-XXXXXX";

    (void)state;
    assert_int_equal(close(mkstemp(path)), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_env_copy *copy = NULL;
        struct rkd_raw_error error = {.text = ""};
        struct rkd_settings settings = {.listen_count = 0};
        char text[1024];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        write_file(path, rows[i].text, 0644);
        CHECK_ERR(rkd_env_keep_local(&env, path, &copy, &error), RK_OK, rows[i].text);
        if (rkd_settings_read(rkd_env_of(copy), &allow, &settings, &error) == RK_OK) {
            CHECK(settings.active_key != NULL && settings.origin_count == 1, "all is taken");
            CHECK(has_warning(&settings, "everybody on this machine can read"),
                  "and its mode seen");
        } else {
            rkd_raw_error_write(&buf, &error);
        }
        rkd_settings_clear(&settings);
        rkd_env_drop(copy);
        CHECK((buf.len == 0) == (rows[i].want[0] == '\0'), rows[i].text);
        CHECK(buf.len == 0 ||
                  rki_str_starts_with(rki_str(text + strlen(path), buf.len - strlen(path)),
                                      rki_cstr(rows[i].want)),
              rows[i].text);
    }
    assert_int_equal(unlink(path), 0);
}

static void test_file(void **state)
{
    char *const entries[] = {NULL};
    const struct rkd_env env = {.entries = entries};
    char path[] = "/tmp/roomkey-test-XXXXXX";
    struct rkd_env_copy *copy = NULL;
    struct rkd_raw_error error = {.text = ""};

    (void)state;
    assert_int_equal(close(mkstemp(path)), 0);
    write_file(path, "{}", 0602);
    CHECK_ERR(rkd_env_keep_local(&env, path, &copy, &error), RK_E_KEY, "anybody writes it");
    assert_string_equal(error.at.file, "--local-settings");
    write_file(path, "{}", 0660);
    CHECK_ERR(rkd_env_keep_local(&env, path, &copy, &error), RK_OK, "its group may");
    rkd_env_drop(copy);
    assert_int_equal(unlink(path), 0);
    CHECK_ERR(rkd_env_keep_local(&env, path, &copy, &error), RK_E_IO, "it is not there");
    CHECK_ERR(rkd_env_keep_local(&env, "/", &copy, &error), RK_E_IO, "a directory");
    CHECK(copy == NULL, "nothing half");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_environment_wins),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
