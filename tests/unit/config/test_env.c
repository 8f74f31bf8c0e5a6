/* test_env.c - names in the environment, and wiping it (src/config/env.c, variables.c). */
#include "env_support.h"

static void test_get(void **state)
{
    char *entries[] = {(char[]){"AB=1"},   (char[]){"A=2"},     (char[]){"A=3"},
                       (char[]){"EMPTY="}, (char[]){"NOTHING"}, NULL};
    const struct rkd_env env = {.entries = entries};

    (void)state;
    CHECK_STR(rkd_env_get(&env, "A"), RK_STR("2"), "the first, and not AB");
    CHECK(rkd_env_get(&env, "EMPTY").ptr == NULL, "empty is absent");
    CHECK(rkd_env_get(&env, "NOTHING").ptr == NULL, "without =");
    CHECK(rkd_env_get(&env, "B").ptr == NULL, "absent");
}

static void test_names(void **state)
{
    static const struct {
        const char *entry, *field; /* field NULL: accepted */
        const char *part;
    } rows[] = {
        {"ROOMKEY_LIMIT=body=1k", "ROOMKEY_LIMIT", "no such variable"},
        {"ROOMKEY_LISTEN_FILE=/x", "ROOMKEY_LISTEN_FILE", "no such variable"},
        {"ROOMKEY_=1", "ROOMKEY_", "no such variable"},
        {"ROOMKEY_workers=1", "ROOMKEY_workers", "no such variable"},
        {"ROOMKEY_\x1b[31m=1", "ROOMKEY_??31m", "no such variable"},
        {"ROOMKEY_CONFIG=", "ROOMKEY_CONFIG", "is empty"},
        {"ENTRA_CLIENT_ID=", "ENTRA_CLIENT_ID", "is empty"},
        {"ENTRA_CLIENT_ID_FILE=x", "ENTRA_CLIENT_ID_FILE", "no such variable"},
        {"ENTRA_ANYTHING=x", "ENTRA_ANYTHING", "no such variable"},
        {"ROOMKEY_WORKERS=", "ROOMKEY_WORKERS", "is empty"},
        {"ROOMKEY_LIMITS=", "ROOMKEY_LIMITS", "is empty"},
        {"ROOMKEY_LISTEN=", "ROOMKEY_LISTEN", "is empty"},
        {"ROOMKEY_PORT=8080", "ROOMKEY_PORT", "no such variable"},
        {"ROOMKEY=1", NULL, NULL},
        {"LIVEKIT_API_KEY=", NULL, NULL},
        {"LIVEKIT_AGENT_NAME=x", NULL, NULL},
        {"ROOMKEY_CACHE=/tmp", NULL, NULL},
        /* Kubernetes, for a service called roomkey, and for one called roomkey-admin */
        {"ROOMKEY_SERVICE_HOST=10.0.0.1", NULL, NULL},
        {"ROOMKEY_SERVICE_PORT=80", NULL, NULL},
        {"ROOMKEY_SERVICE_PORT_HTTP=80", NULL, NULL},
        {"ROOMKEY_PORT=tcp://10.0.0.1:80", NULL, NULL},
        {"ROOMKEY_PORT_80_TCP=tcp://10.0.0.1:80", NULL, NULL},
        {"ROOMKEY_PORT_80_TCP_ADDR=10.0.0.1", NULL, NULL},
        {"ROOMKEY_ADMIN_PORT_80_TCP_PROTO=tcp", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        enum rk_err err = read_settings(&s, &diag, rows[i].entry, NULL);

        CHECK_ERR(err, rows[i].field == NULL ? RK_OK : RK_E_UNKNOWN, rows[i].entry);
        if (rows[i].field != NULL) {
            assert_string_equal(diag.field, rows[i].field);
            CHECK(strstr(diag.text, rows[i].part) != NULL, diag.text);
        }
        rkd_settings_clear(&s);
    }
}

static void test_twice(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_WORKERS=1", "ROOMKEY_WORKERS=2"), RK_E_UNKNOWN,
              "which one holds depends on who reads");
    CHECK(strstr(diag.text, "twice") != NULL, diag.text);
    CHECK_ERR(read_settings(&s, &diag, "FOO=1", "FOO=2"), RK_OK, "not ours to judge");
    rkd_settings_clear(&s);
}

/* What a reload reads: everything that means something here, after the environment was wiped. */
static void test_keep(void **state)
{
    char secret[] = "LIVEKIT_API_SECRET=hunter2hunter2";
    char *entries[] = {(char[]){"PATH=/bin"},
                       (char[]){"ROOMKEY_LISTEN=127.0.0.1:1"},
                       secret,
                       (char[]){"LIVEKIT_KEYS_FILE=/run/keys"},
                       (char[]){"ROOMKEY_TYPO=1"},
                       (char[]){"ENTRA_CLIENT_ID=c"},
                       (char[]){"AWS_SECRET_ACCESS_KEY=none of ours"},
                       (char[]){"LISTEN_PID=4711"},
                       (char[]){"LISTEN_FDS=1"},
                       NULL};
    const struct rkd_env env = {.entries = entries, .pid = ENV_PID};
    struct rkd_env_copy *copy = rkd_env_keep(&env);
    const struct rkd_env *kept;
    size_t count = 0;

    (void)state;
    assert_non_null(copy);
    kept = rkd_env_of(copy);
    rkd_env_wipe(entries);
    CHECK_STR(rkd_env_get(kept, "LIVEKIT_API_SECRET"), RK_STR("hunter2hunter2"), "the secret");
    CHECK_STR(rkd_env_get(kept, "LIVEKIT_KEYS_FILE"), RK_STR("/run/keys"), "its file");
    CHECK_STR(rkd_env_get(kept, "ROOMKEY_LISTEN"), RK_STR("127.0.0.1:1"), "a setting");
    CHECK_STR(rkd_env_get(kept, "ROOMKEY_TYPO"), RK_STR("1"), "refused again");
    CHECK_STR(rkd_env_get(kept, "ENTRA_CLIENT_ID"), RK_STR("c"), "of the original");
    CHECK_STR(rkd_env_get(kept, "LISTEN_PID"), RK_STR("4711"), "of systemd");
    CHECK(kept->pid == ENV_PID, "pid");
    while (kept->entries[count] != NULL)
        count++;
    CHECK(count == 7, "and nothing of others");
    rkd_env_drop(copy);
    rkd_env_drop(NULL);
}

static void test_wipe(void **state)
{
    char secret[] = "LIVEKIT_API_SECRET=hunter2hunter2", keys[] = "LIVEKIT_KEYS=A: b",
         file[] = "LIVEKIT_API_SECRET_FILE=/run/secret", url[] = "LIVEKIT_URL=wss://x";
    char *entries[] = {secret, keys, file, url, NULL};

    (void)state;
    rkd_env_wipe(entries);
    assert_memory_equal(secret, "LIVEKIT_API_SECRET=\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof(secret));
    assert_string_equal(keys, "LIVEKIT_KEYS=");
    assert_string_equal(file, "LIVEKIT_API_SECRET_FILE=/run/secret");
    assert_string_equal(url, "LIVEKIT_URL=wss://x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),  cmocka_unit_test(test_names), cmocka_unit_test(test_twice),
        cmocka_unit_test(test_keep), cmocka_unit_test(test_wipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
