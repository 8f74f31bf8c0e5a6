/* test_config_alloc.c - every allocation of a reading fails once; nothing leaks, nothing is half.
 */
#include "alloc_fail.h"
#include "env_support.h"

#include <stdio.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_file_and_yaml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
