/* test_keys.c - keys from variables, files and LiveKit's map (src/config/keys*.c, secret.c). */
#include "env_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_SECRET "a-secret-of-at-least-32-characters!!"

/* `path` gets the name of a new file with these bytes and this mode. */
static void make_file(char path[static 64], struct rk_str content, mode_t mode)
{
    int fd;

    (void)snprintf(path, 64, "/tmp/roomkey-test-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr, content.len), (ssize_t)content.len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static enum rk_err read_keys(struct rkd_keys *out, struct rk_diag *diag, const char *a,
                             const char *b)
{
    struct test_env env;
    enum rk_err err;

    env_open(&env);
    if (a != NULL)
        env_add(&env, a);
    if (b != NULL)
        env_add(&env, b);
    *diag = (struct rk_diag){0};
    err = rkd_keys_read(&env.env, out, diag);
    env_clear(&env);
    return err;
}

static bool warns(const struct rkd_keys *keys, const char *part)
{
    for (size_t i = 0; i < keys->warning_count; i++)
        if (strstr(keys->warnings[i], part) != NULL)
            return true;
    return false;
}

static void test_pair(void **state)
{
    static const struct {
        const char *a, *b;
        bool signs;
        const char *warning; /* NULL: none */
    } rows[] = {
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=" GOOD_SECRET, true, NULL},
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=short", true, "fewer than 32 bytes"},
        {"LIVEKIT_API_KEY=APIx", NULL, false, "LIVEKIT_API_SECRET is missing"},
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=", false, "LIVEKIT_API_SECRET is missing"},
        {"LIVEKIT_API_SECRET=" GOOD_SECRET, NULL, false, "LIVEKIT_API_KEY is missing"},
        {"LIVEKIT_API_KEY=", "LIVEKIT_API_SECRET=", false, "are missing"},
        {NULL, NULL, false, "are missing"},
        {"LIVEKIT_API_KEY=APIx",
         "LIVEKIT_API_SECRET=@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
         false, "LIVEKIT_API_SECRET holds a reference"},
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=@microsoft.keyvault(VaultName=v;SecretName=s)",
         false, "LIVEKIT_API_SECRET holds a reference"},
        {"LIVEKIT_API_KEY=@Microsoft.AppConfiguration(x)", "LIVEKIT_API_SECRET=" GOOD_SECRET, false,
         "LIVEKIT_API_KEY holds a reference"},
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET= " GOOD_SECRET "\r\n", true,
         "blanks around its value"},
        {"LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET= \n", false, "LIVEKIT_API_SECRET is missing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keys keys;
        struct rk_diag diag;

        CHECK_ERR(read_keys(&keys, &diag, rows[i].a, rows[i].b), RK_OK, diag.text);
        CHECK((keys.active != NULL) == rows[i].signs, "signs");
        CHECK((keys.ring != NULL) == rows[i].signs, "ring");
        if (rows[i].warning == NULL)
            CHECK(keys.warning_count == 0, "no warning");
        else
            CHECK(warns(&keys, rows[i].warning), rows[i].warning);
        rkd_keys_clear(&keys);
        rkd_keys_clear(&keys);
    }
}

static void test_pair_refused(void **state)
{
    char long_secret[64 + RK_SECRET_MAX] = "LIVEKIT_API_SECRET=",
                          long_key[64 + RK_KEY_NAME_MAX] = "LIVEKIT_API_KEY=";
    struct rkd_keys keys;
    struct rk_diag diag;

    (void)state;
    memset(long_secret + strlen(long_secret), 's', RK_SECRET_MAX + 1);
    memset(long_key + strlen(long_key), 'k', RK_KEY_NAME_MAX + 1);
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_KEY=APIx", long_secret), RK_E_TOO_LONG,
              "secret");
    assert_string_equal(diag.field, "LIVEKIT_API_SECRET");
    CHECK_ERR(read_keys(&keys, &diag, long_key, "LIVEKIT_API_SECRET=x"), RK_E_TOO_LONG, "key");
    assert_string_equal(diag.field, "LIVEKIT_API_KEY");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_KEY=a\x01", "LIVEKIT_API_SECRET=x"), RK_E_INVAL,
              "control character");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS=A: b", "LIVEKIT_API_KEY=A"), RK_E_STATE,
              "both");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS=A: b", "LIVEKIT_API_SECRET=b"), RK_E_STATE,
              "both");
    assert_string_equal(diag.field, "LIVEKIT_KEYS");
}

/* FIL-03 and its neighbours. */
static void test_file(void **state)
{
    static const struct {
        const char *why;
        struct rk_str content;
        mode_t mode;
        enum rk_err want;
        bool is_short; /* 6 bytes or 31 + newline: what exactly was trimmed */
        const char *warning;
    } rows[] = {
        {"plain", RK_STR_INIT(GOOD_SECRET), 0600, RK_OK, false, NULL},
        {"32 bytes and a newline", RK_STR_INIT("0123456789abcdef0123456789abcdef\n"), 0600, RK_OK,
         false, NULL},
        {"32 bytes and CRLF", RK_STR_INIT("0123456789abcdef0123456789abcdef\r\n"), 0600, RK_OK,
         false, NULL},
        {"31 bytes and a newline", RK_STR_INIT("0123456789abcdef0123456789abcde\n"), 0600, RK_OK,
         true, "fewer than 32"},
        {"one newline goes, the other stays", RK_STR_INIT("0123456789abcdef0123456789abcde\n\n"),
         0600, RK_OK, false, "begins or ends with a blank"},
        {"a lone CR stays", RK_STR_INIT("0123456789abcdef0123456789abcde\r"), 0600, RK_OK, false,
         "begins or ends with a blank"},
        {"a blank in front stays", RK_STR_INIT(" 123456789abcdef0123456789abcdef"), 0600, RK_OK,
         false, "begins or ends with a blank"},
        {"a blank at the end stays", RK_STR_INIT("0123456789abcdef0123456789abcde \n"), 0600, RK_OK,
         false, "begins or ends with a blank"},
        {"one inside is one", RK_STR_INIT("0123456789abcdef 0123456789abcdef\n"), 0600, RK_OK,
         false, NULL},
        {"empty", RK_STR_INIT(""), 0600, RK_E_KEY, false, NULL},
        {"a newline alone", RK_STR_INIT("\n"), 0600, RK_E_KEY, false, NULL},
        {"NUL",
         RK_STR_INIT("0123456789abcdef\0"
                     "0123456789abcdef"),
         0600, RK_E_KEY, false, NULL},
        {"NUL at the end", RK_STR_INIT("0123456789abcdef0123456789abcdef\0"), 0600, RK_E_KEY, false,
         NULL},
        {"group reads", RK_STR_INIT(GOOD_SECRET), 0640, RK_OK, false, NULL},
        {"others read", RK_STR_INIT(GOOD_SECRET), 0644, RK_OK, false, "everybody on this machine"},
        {"group writes", RK_STR_INIT(GOOD_SECRET), 0620, RK_E_KEY, false, NULL},
        {"others write", RK_STR_INIT(GOOD_SECRET), 0602, RK_E_KEY, false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keys keys;
        struct rk_diag diag;
        char path[64], entry[128];

        make_file(path, rows[i].content, rows[i].mode);
        (void)snprintf(entry, sizeof(entry), "LIVEKIT_API_SECRET_FILE=%s", path);
        CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_KEY=APIx", entry), rows[i].want,
                  rows[i].why);
        if (rows[i].want == RK_OK) {
            CHECK(rk_key_is_short(keys.active) == rows[i].is_short, rows[i].why);
            CHECK(rows[i].warning == NULL ? keys.warning_count == 0 : warns(&keys, rows[i].warning),
                  rows[i].why);
        } else {
            assert_string_equal(diag.field, "LIVEKIT_API_SECRET_FILE");
            CHECK(strstr(diag.text, path) == NULL, "the path is not quoted");
        }
        rkd_keys_clear(&keys);
        assert_int_equal(unlink(path), 0);
    }
}

static void test_file_that_is_none(void **state)
{
    struct rkd_keys keys;
    struct rk_diag diag;
    char path[64], entry[128];

    (void)state;
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_KEY_FILE=/does/not/exist", NULL), RK_E_IO,
              "gone");
    assert_string_equal(diag.field, "LIVEKIT_API_KEY_FILE");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS_FILE=/tmp", NULL), RK_E_IO, "a directory");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS_FILE=/dev/zero", NULL), RK_E_IO, "a device");
    make_file(path, RK_STR(""), 0600);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(entry, sizeof(entry), "LIVEKIT_API_SECRET_FILE=%s", path);
    CHECK_ERR(read_keys(&keys, &diag, entry, NULL), RK_E_IO, "a FIFO must not hold us up");
    assert_int_equal(unlink(path), 0);
}

static void test_file_and_variable(void **state)
{
    struct rkd_keys keys;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_SECRET=x", "LIVEKIT_API_SECRET_FILE=/tmp/x"),
              RK_E_STATE, "both");
    assert_string_equal(diag.field, "LIVEKIT_API_SECRET_FILE");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_API_KEY=x", "LIVEKIT_API_KEY_FILE=/tmp/x"),
              RK_E_STATE, "both");
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS=A: b", "LIVEKIT_KEYS_FILE=/tmp/x"), RK_E_STATE,
              "both");
}

static void test_files_for_all(void **state)
{
    struct rkd_keys keys;
    struct rk_diag diag;
    char key[64], secret[64], a[128], b[128];

    (void)state;
    make_file(key, RK_STR("APIx\n"), 0600);
    make_file(secret, RK_STR(GOOD_SECRET "\n"), 0400);
    (void)snprintf(a, sizeof(a), "LIVEKIT_API_KEY_FILE=%s", key);
    (void)snprintf(b, sizeof(b), "LIVEKIT_API_SECRET_FILE=%s", secret);
    CHECK_ERR(read_keys(&keys, &diag, a, b), RK_OK, diag.text);
    CHECK_STR(rk_key_name(keys.active), RK_STR("APIx"), "key from a file");
    rkd_keys_clear(&keys);
    assert_int_equal(unlink(key), 0);
    make_file(key, RK_STR("APIy: \"" GOOD_SECRET "\"\n"), 0600);
    (void)snprintf(a, sizeof(a), "LIVEKIT_KEYS_FILE=%s", key);
    CHECK_ERR(read_keys(&keys, &diag, a, NULL), RK_OK, diag.text);
    CHECK_STR(rk_key_name(keys.active), RK_STR("APIy"), "map from a file");
    rkd_keys_clear(&keys);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(unlink(secret), 0);
}

static void test_file_too_long(void **state)
{
    static char content[64 * 1024];
    struct rkd_keys keys;
    struct rk_diag diag;
    char path[64], entry[128];

    (void)state;
    memset(content, 'x', sizeof(content));
    make_file(path, rki_str(content, sizeof(content)), 0600);
    (void)snprintf(entry, sizeof(entry), "LIVEKIT_KEYS_FILE=%s", path);
    CHECK_ERR(read_keys(&keys, &diag, entry, NULL), RK_E_TOO_LONG, "64 KiB");
    assert_int_equal(unlink(path), 0);
}

static void test_yaml(void **state)
{
    static const struct {
        const char *why, *text;
        size_t count; /* 0: refused */
    } rows[] = {
        {"plain", "APIx: secret", 1},
        {"quoted", "APIx: \"sec: ret\"", 1},
        {"single quotes", "APIx: '12345'", 1},
        {"quoted number", "APIx: \"12345\"", 1},
        {"two lines", "APIx: one\nAPIy: two\n", 2},
        {"JSON", "{\"APIx\": \"one\", \"APIy\": \"two\"}", 2},
        {"comment and document start", "# keys\n---\nAPIx: one\n", 1},
        {"letters and digits", "APIx: 3fabcdeG", 1},
        {"a secret with hex letters only", "APIx: 3fabcdef", 1},
        {"begins with 0x but is none", "APIx: 0xyz", 1},
        {"no blank behind the colon", "APIx:secret", 0},
        {"digits alone", "APIx: 12345678901234567890123456789012", 0},
        {"a float", "APIx: 1.5e3", 0},
        {"1e5 could be a secret, YAML says number", "APIx: 1e5", 0},
        {"hex", "APIx: 0xdeadbeef", 0},
        {"octal", "APIx: 0o17", 0},
        {"a date", "APIx: 2026-01-01", 0},
        {"a time of day", "APIx: 12:30:45", 0},
        {"true", "APIx: true", 0},
        {"Yes", "APIx: Yes", 0},
        {"null", "APIx: null", 0},
        {"tilde", "APIx: ~", 0},
        {"no value", "APIx:", 0},
        {"infinity", "APIx: .inf", 0},
        {"a number for a key", "123: secret", 0},
        {"merge key", "<<: secret", 0},
        {"empty secret", "APIx: \"\"", 0},
        {"empty key", "\"\": secret", 0},
        {"twice", "APIx: one\nAPIx: two", 0},
        {"a list", "- APIx: secret", 0},
        {"a list as value", "APIx: [secret]", 0},
        {"a map as value", "APIx: {a: b}", 0},
        {"a map as key", "{a: b}: c", 0},
        {"a scalar", "secret", 0},
        {"nothing but a comment", "# nothing", 0},
        {"an empty map", "{}", 0},
        {"an anchor", "APIx: &a secret", 0},
        {"an anchor on the map", "&a\nAPIx: secret", 0},
        {"an alias", "APIx: *a", 0},
        {"a tag", "APIx: !!str 5", 0},
        {"a tag on the map", "!!map\nAPIx: secret", 0},
        {"two documents", "APIx: secret\n---\nAPIy: secret", 0},
        {"not YAML", "APIx: \"secret", 0},
        {"all lines indented alike", "  APIx: one\n  APIy: two\n", 2},
        {"a control character in the key", "\"AP\\x01\": secret", 0},
        {"NUL in the secret", "APIx: \"sec\\0ret\"", 0},
        {"bad UTF-8", "APIx: \"\xff\xfe\"", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keys keys;
        struct rk_diag diag;
        char entry[256];
        enum rk_err err;

        (void)snprintf(entry, sizeof(entry), "LIVEKIT_KEYS=%s", rows[i].text);
        err = read_keys(&keys, &diag, entry, NULL);
        CHECK((err == RK_OK) == (rows[i].count != 0), rows[i].why);
        if (err == RK_OK) {
            CHECK(rk_keyring_count(keys.ring) == rows[i].count, rows[i].why);
            CHECK((keys.active != NULL) == (rows[i].count == 1), "one key signs");
            rkd_keys_clear(&keys);
            continue;
        }
        assert_string_equal(diag.field, "LIVEKIT_KEYS");
        CHECK(strncmp(diag.text, "line ", 5) == 0, diag.text);
        CHECK(strstr(diag.text, "deadbeef") == NULL && strstr(diag.text, "12345") == NULL,
              "quoted");
    }
}

static void test_yaml_lines(void **state)
{
    struct rkd_keys keys;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_keys(&keys, &diag, "LIVEKIT_KEYS=APIx: one\n\nAPIy: 12", NULL), RK_E_INVAL, "");
    CHECK(strncmp(diag.text, "line 3: ", 8) == 0, diag.text);
}

static void test_yaml_too_many(void **state)
{
    static char entry[16 * 1024];
    struct rkd_keys keys;
    struct rk_diag diag;
    size_t len = (size_t)snprintf(entry, sizeof(entry), "LIVEKIT_KEYS=");

    (void)state;
    for (size_t i = 0; i < RK_KEYRING_MAX; i++)
        len += (size_t)snprintf(entry + len, sizeof(entry) - len, "K%zu: s\n", i);
    CHECK_ERR(read_keys(&keys, &diag, entry, NULL), RK_OK, diag.text);
    rkd_keys_clear(&keys);
    (void)snprintf(entry + len, sizeof(entry) - len, "more: s\n");
    CHECK_ERR(read_keys(&keys, &diag, entry, NULL), RK_E_TOO_LONG, "65 keys");
}

/* hosting.md s.5.3: _FILE, then systemd's credential, then the variable. */
static void test_credentials(void **state)
{
    char dir[] = "/tmp/roomkey-test-XXXXXX", variable[128], path[96], file[64], file_variable[96];
    struct rkd_keys keys;
    struct rk_diag diag;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(variable, sizeof(variable), "CREDENTIALS_DIRECTORY=%s", dir);
    (void)snprintf(path, sizeof(path), "%s/livekit_keys", dir);
    make_file(file, RK_STR("APIcredential: \"" GOOD_SECRET "\"\n"), 0444);
    assert_int_equal(rename(file, path), 0);
    CHECK_ERR(read_keys(&keys, &diag, variable, NULL), RK_OK, diag.text);
    CHECK(keys.active != NULL && keys.is_given && keys.warning_count == 0, "found, not judged");
    rkd_keys_clear(&keys);
    CHECK_ERR(read_keys(&keys, &diag, variable, "LIVEKIT_KEYS=x: y"), RK_OK, diag.text);
    CHECK(rk_keyring_find(keys.ring, RK_STR("APIcredential")) != NULL, "before the variable");
    CHECK(warns(&keys, "LIVEKIT_KEYS is not used"), "and it is said");
    rkd_keys_clear(&keys);
    make_file(file, RK_STR("APIfile: \"" GOOD_SECRET "\"\n"), 0600);
    (void)snprintf(file_variable, sizeof(file_variable), "LIVEKIT_KEYS_FILE=%s", file);
    CHECK_ERR(read_keys(&keys, &diag, variable, file_variable), RK_OK, diag.text);
    CHECK(rk_keyring_find(keys.ring, RK_STR("APIfile")) != NULL, "behind the file");
    rkd_keys_clear(&keys);
    assert_int_equal(truncate(path, 0), 0);
    CHECK_ERR(read_keys(&keys, &diag, variable, NULL), RK_E_KEY, "an empty one is none");
    CHECK_ERR(read_keys(&keys, &diag, "CREDENTIALS_DIRECTORY=relative", NULL), RK_OK, diag.text);
    CHECK(keys.ring == NULL && !keys.is_given, "systemd's is absolute");
    rkd_keys_clear(&keys);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_several_keys_need_one_that_signs(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, "LIVEKIT_KEYS=A: one\nB: two", NULL), RK_E_STATE, "which?");
    assert_string_equal(diag.field, "LIVEKIT_KEYS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_pair_refused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_that_is_none),
        cmocka_unit_test(test_file_and_variable),
        cmocka_unit_test(test_files_for_all),
        cmocka_unit_test(test_file_too_long),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_yaml_lines),
        cmocka_unit_test(test_yaml_too_many),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_several_keys_need_one_that_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
