/* test_config_alloc.c - every allocation of a reading fails once; nothing leaks, nothing is half.
 */
#include "alloc_fail.h"
#include "file_support.h"

static void sweep(const struct rkd_flags *flags, const char *const *entries, const char *why)
{
    struct test_env env;

    env_open(&env);
    for (; *entries != NULL; entries++)
        env_add(&env, *entries);
    for (size_t n = 1;; n++) {
        struct rkd_settings s;
        struct rkd_raw_error error = {.text = ""};
        enum rk_err err;

        alloc_fail_at(n);
        err = rkd_settings_read(&env.env, flags, &s, &error);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, error.text);
            CHECK(n > 2, "it allocates");
            rkd_settings_clear(&s);
            break;
        }
        CHECK_ERR(err, RK_E_NOMEM, why);
        assert_string_equal(strstr(error.text, "memory"), "memory");
        CHECK(s.storage == NULL && s.keys == NULL, "cleared");
    }
    env_clear(&env);
}

static void test_settings(void **state)
{
    static const struct rkd_flags allow = {.anonymous = "allow"}, dev = {.dev = true};
    const char *pair[] = {"LIVEKIT_API_KEY=k", "LIVEKIT_API_SECRET=s", "LIVEKIT_URL=ws://x", NULL};
    const char *none[] = {NULL};

    (void)state;
    sweep(&allow, pair, "a pair");
    sweep(&dev, none, "dev");
}

static void test_file_and_yaml(void **state)
{
    static const struct rkd_flags allow = {.anonymous = "allow"};
    char path[] = "/tmp/roomkey-test-XXXXXX", entry[64];
    const char *entries[] = {entry, NULL};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "K: secret\n", 10), 10);
    assert_int_equal(close(fd), 0);
    (void)snprintf(entry, sizeof(entry), "LIVEKIT_KEYS_FILE=%s", path);
    sweep(&allow, entries, "a map in a file");
    assert_int_equal(unlink(path), 0);
}

/* The whole sample, with the files it names, and ENTRA_*. */
static void test_sample(void **state)
{
    const char *none[] = {NULL},
               *entra[] = {"ENTRA_CLIENT_ID=c", "ENTRA_AUTHORITY=https://a.example",
                           "ENTRA_JWKS_URL=http://[::1]/k", "ENTRA_TENANT_ID=t", NULL};
    struct world world;
    struct rkd_flags flags = {.config = world.config}, no_flags = {.dev = false};
    static char text[16 * 1024];
    int fd = open(RK_TEST_SOURCE_DIR "/tests/unit/config/sample.yaml", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

    (void)state;
    assert_true(got > 1000);
    assert_int_equal(close(fd), 0);
    world_open(&world);
    world_write(&world, "roomkey.yaml", rki_str(text, (size_t)got), 0600);
    sweep(&flags, none, "the sample");
    sweep(&no_flags, entra, "entra");
    world_close(&world);
}

static void test_env_copy(void **state)
{
    char *entries[] = {(char[]){"LIVEKIT_API_SECRET=s"}, (char[]){"ROOMKEY_WORKERS=1"}, NULL};
    const struct rkd_env env = {.entries = entries};
    size_t n = 1;

    (void)state;
    for (;; n++) {
        struct rkd_env_copy *copy;
        bool is_hit;

        alloc_fail_at(n);
        copy = rkd_env_keep(&env);
        is_hit = alloc_fail_hit();
        CHECK((copy == NULL) == is_hit, "NULL when it failed");
        rkd_env_drop(copy);
        if (!is_hit)
            break;
    }
    CHECK(n > 3, "it allocates");
}

/* The file, the environment, and both together. */
static void test_local(void **state)
{
    static const char text[] = "{\"Values\":{\"LIVEKIT_API_SECRET\":\"s\"}}\n";
    char *entries[] = {(char[]){"LIVEKIT_API_KEY=k"}, NULL};
    const struct rkd_env env = {.entries = entries};
    char path[] = "/tmp/roomkey-test-XXXXXX";
    const int fd = mkstemp(path);
    size_t n = 1;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    assert_int_equal(close(fd), 0);
    for (;; n++) {
        struct rkd_env_copy *copy;
        struct rkd_raw_error error = {.text = ""};
        enum rk_err err;
        bool is_hit;

        alloc_fail_at(n);
        err = rkd_env_keep_local(&env, path, &copy, &error);
        is_hit = alloc_fail_hit();
        CHECK_ERR(err, is_hit ? RK_E_NOMEM : RK_OK, error.text);
        CHECK((copy == NULL) == is_hit, "NULL when it failed");
        rkd_env_drop(copy);
        if (!is_hit)
            break;
    }
    CHECK(n > 6, "it allocates");
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings), cmocka_unit_test(test_file_and_yaml),
        cmocka_unit_test(test_sample),   cmocka_unit_test(test_env_copy),
        cmocka_unit_test(test_local),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
