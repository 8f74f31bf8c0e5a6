/* test_settings.c - every variable: what is taken and what is refused (src/config). */
#include "core/secret_file.h"
#include "env_support.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

static void test_defaults(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;
    cpu_set_t cpus;
    int cores;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, NULL, NULL), RK_OK, diag.text);
    assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    cores = CPU_COUNT(&cpus);
    CHECK(s.workers == (unsigned)(cores > 4 ? 4 : cores), "min(cores, 4)");
    CHECK(s.contracts == (RKD_CONTRACT_ORIGINAL | RKD_CONTRACT_STANDARD | RKD_CONTRACT_SANDBOX),
          "three contracts");
    CHECK(s.success_status == 200 && s.log_level == RKD_LOG_INFO, "200, info");
    CHECK(s.livekit_url.ptr == NULL && s.keys == NULL && s.active_key == NULL, "no LiveKit");
    CHECK(s.origin_count == 0 && s.trusted_count == 0 && s.endpoint_path_count == 0, "no lists");
    CHECK(!s.dev && !s.any_loopback_origin && !s.log_to_stdout, "no special modes");
    CHECK(has_warning(&s, "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are missing"), "said");
    CHECK(has_warning(&s, "LIVEKIT_URL is missing"), "said");
    rkd_settings_clear(&s);
    rkd_settings_clear(&s);
}

/* One variable at a time: the value, and whether it is taken. */
static void test_values(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } rows[] = {
        {"LIVEKIT_URL", "wss://media.example.org", true},
        {"LIVEKIT_URL", "ws://localhost:7880", true},
        {"LIVEKIT_URL", "https://media.example.org/livekit/", true},
        {"LIVEKIT_URL", "http://[::1]:7880", true},
        {"LIVEKIT_URL", "http://10.0.0.1", true},
        {"LIVEKIT_URL", "wss://a_b.example.org", true},
        {"LIVEKIT_URL", "media.example.org", false},
        {"LIVEKIT_URL", "WSS://media.example.org", false},
        {"LIVEKIT_URL", "ftp://media.example.org", false},
        {"LIVEKIT_URL", "javascript://x", false},
        {"LIVEKIT_URL", "wss://", false},
        {"LIVEKIT_URL", "wss:///path", false},
        {"LIVEKIT_URL", "wss://:7880", false},
        {"LIVEKIT_URL", "wss://host:", false},
        {"LIVEKIT_URL", "wss://host:65536", false},
        {"LIVEKIT_URL", "wss://host:80x", false},
        {"LIVEKIT_URL", "wss://user@host", false},
        {"LIVEKIT_URL", "wss://user:pw@host", false},
        {"LIVEKIT_URL", "wss://host?x=1", false},
        {"LIVEKIT_URL", "wss://host/#x", false},
        {"LIVEKIT_URL", "wss://host /x", false},
        {"LIVEKIT_URL", "wss://ho\"st", false},
        {"LIVEKIT_URL", "wss://[::1", false},
        {"LIVEKIT_URL", "wss://[zz]", false},
        {"LIVEKIT_URL", "wss://[127.0.0.1]", false},
        {"LIVEKIT_URL", "wss://[::1]x", false},
        {"LIVEKIT_URL", "wss://h\xc3\xb6st", false},
        {"ROOMKEY_WORKERS", "auto", true},
        {"ROOMKEY_WORKERS", "1", true},
        {"ROOMKEY_WORKERS", "64", true},
        {"ROOMKEY_WORKERS", "0", false},
        {"ROOMKEY_WORKERS", "65", false},
        {"ROOMKEY_WORKERS", "Auto", false},
        {"ROOMKEY_WORKERS", "2.0", false},
        {"ROOMKEY_WORKERS", " 2", false},
        {"ROOMKEY_ANONYMOUS", "allow", true},
        {"ROOMKEY_ANONYMOUS", "true", false},
        {"ROOMKEY_ANONYMOUS", "Allow", false},
        {"ROOMKEY_CONTRACTS", "original", true},
        {"ROOMKEY_CONTRACTS", "meet,create-token", true},
        {"ROOMKEY_CONTRACTS", "original,standard,sandbox,meet,create-token", true},
        {"ROOMKEY_CONTRACTS", "original,", false},
        {"ROOMKEY_CONTRACTS", "original, standard", false},
        {"ROOMKEY_CONTRACTS", "Original", false},
        {"ROOMKEY_CONTRACTS", "all", false},
        {"ROOMKEY_CONTRACTS", "meet,meet", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/token", true},
        {"ROOMKEY_ENDPOINT_PATHS", "/token,/a/b%20c,/x;y=1", true},
        {"ROOMKEY_ENDPOINT_PATHS", "token", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/to ken", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/token?x", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/token#x", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/tok\xc3\xa9n", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/token,/token", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/token,", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/api/token", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/v1/token", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/getToken", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/api/v2/sandbox/connection-details", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/createToken", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/healthz", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/readyz", false},
        {"ROOMKEY_ENDPOINT_PATHS", "/metrics", false},
        {"ROOMKEY_SUCCESS_STATUS", "200", true},
        {"ROOMKEY_SUCCESS_STATUS", "201", true},
        {"ROOMKEY_SUCCESS_STATUS", "202", false},
        {"ROOMKEY_SUCCESS_STATUS", "0200", false},
        {"ROOMKEY_CORS_ORIGINS", "https://app.example.org", true},
        {"ROOMKEY_CORS_ORIGINS", "https://app.example.org,http://localhost:4200", true},
        {"ROOMKEY_CORS_ORIGINS", "https://*.preview.example.org", true},
        {"ROOMKEY_CORS_ORIGINS", "*", true},
        {"ROOMKEY_CORS_ORIGINS", "https://app.example.org/", false},
        {"ROOMKEY_CORS_ORIGINS", "https://app.example.org/path", false},
        {"ROOMKEY_CORS_ORIGINS", "null", false},
        {"ROOMKEY_CORS_ORIGINS", "app.example.org", false},
        {"ROOMKEY_CORS_ORIGINS", "https://a.example.org, https://b.example.org", false},
        {"ROOMKEY_CORS_ORIGINS", "https://*", false},
        {"ROOMKEY_CORS_ORIGINS", "https://a.example.org,", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8", true},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8,2001:db8::/32,192.0.2.1", true},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8;header=forwarded", true},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8;header=x-forwarded-for", true},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/33", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.1/8", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8,", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8;", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8;header=x-real-ip", false},
        {"ROOMKEY_TRUSTED_PROXIES", ";header=forwarded", false},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8;header=forwarded;header=forwarded", false},
        {"ROOMKEY_TRUSTED_PROXIES", "all", false},
        {"ROOMKEY_LOG_LEVEL", "error", true},
        {"ROOMKEY_LOG_LEVEL", "warn", true},
        {"ROOMKEY_LOG_LEVEL", "info", true},
        {"ROOMKEY_LOG_LEVEL", "debug", true},
        {"ROOMKEY_LOG_LEVEL", "INFO", false},
        {"ROOMKEY_LOG_LEVEL", "trace", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[256];

        (void)snprintf(entry, sizeof(entry), "%s=%s", rows[i].name, rows[i].value);
        CHECK_ERR(read_settings(&s, &diag, entry, NULL), rows[i].good ? RK_OK : RK_E_INVAL, entry);
        if (!rows[i].good) {
            assert_string_equal(diag.field, rows[i].name);
            CHECK(diag.text[0] != '\0' && strchr(diag.text, '\n') == NULL, entry);
            CHECK(s.storage == NULL && s.listen_count == 0, "cleared");
        }
        rkd_settings_clear(&s);
    }
}

static void test_what_was_read(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, "LIVEKIT_URL=https://media.example.org",
                            "ROOMKEY_CONTRACTS=meet,standard"),
              RK_OK, diag.text);
    CHECK_STR(s.livekit_url, RK_STR("https://media.example.org"), "kept as it is given");
    CHECK(s.contracts == (RKD_CONTRACT_MEET | RKD_CONTRACT_STANDARD), "contracts");
    CHECK(!has_warning(&s, "LIVEKIT_URL"), "it is there");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_ENDPOINT_PATHS=/a,/b", "ROOMKEY_WORKERS=3"), RK_OK,
              diag.text);
    CHECK(s.endpoint_path_count == 2 && s.workers == 3, "two paths, three workers");
    CHECK_STR(s.endpoint_paths[1], RK_STR("/b"), "second path");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_SUCCESS_STATUS=201", "ROOMKEY_LOG_LEVEL=warn"),
              RK_OK, diag.text);
    CHECK(s.success_status == 201 && s.log_level == RKD_LOG_WARN, "status and level");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_CORS_ORIGINS=https://a.example.org,*",
                            "ROOMKEY_TRUSTED_PROXIES=10.0.0.0/8,::1;header=forwarded"),
              RK_OK, diag.text);
    CHECK(s.origin_count == 2 && s.origins[1].any, "origins");
    CHECK_STR(s.origins[0].text, RK_STR("https://a.example.org"), "origin");
    CHECK(s.trusted_count == 2 && s.trusted[0].prefix == 104 && s.trusted[1].prefix == 128,
          "proxies");
    CHECK(s.forward_header == RKD_FORWARD_RFC7239, "header");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_CONTRACTS=original", NULL), RK_OK, diag.text);
    CHECK(!has_warning(&s, "LIVEKIT_URL"), "the original contract needs no URL");
    rkd_settings_clear(&s);
}

static void test_lists_have_ends(void **state)
{
    static const struct {
        const char *name, *item;
        size_t max;
    } rows[] = {
        {"ROOMKEY_CORS_ORIGINS", "https://a.example.org", RKD_ORIGINS_MAX},
        {"ROOMKEY_TRUSTED_PROXIES", "10.0.0.0/8", RKD_CIDRS_MAX - 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[4096];

        (void)snprintf(entry, sizeof(entry), "%s=%s", rows[i].name, rows[i].item);
        for (size_t n = 1; n < rows[i].max; n++)
            (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",%s",
                           rows[i].item);
        CHECK_ERR(read_settings(&s, &diag, entry, "FUNCTIONS_CUSTOMHANDLER_PORT=1"), RK_OK,
                  diag.text);
        rkd_settings_clear(&s);
        (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",%s", rows[i].item);
        CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, "one more");
    }
}

static void test_endpoint_paths_end(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;
    char entry[512] = "ROOMKEY_ENDPOINT_PATHS=/0";

    (void)state;
    for (size_t i = 1; i < RKD_PATHS_MAX; i++)
        (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",/%zu", i);
    CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_OK, diag.text);
    rkd_settings_clear(&s);
    (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",/more");
    CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, "33 paths");
    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_ENDPOINT_PATHS=/x", "ROOMKEY_CONTRACTS=original"),
              RK_E_STATE, "paths of a contract that is off");
}

static void test_anonymous(void **state)
{
    static const struct {
        const char *flag, *entry;
        enum rk_err want;
        const char *field;
    } rows[] = {
        {NULL, NULL, RK_E_STATE, "ROOMKEY_ANONYMOUS"},
        {NULL, "ROOMKEY_ANONYMOUS=refuse", RK_E_STATE, "ROOMKEY_ANONYMOUS"},
        {NULL, "ROOMKEY_ANONYMOUS=allow", RK_OK, NULL},
        {"allow", "ROOMKEY_ANONYMOUS=refuse", RK_OK, NULL}, /* the flag goes first */
        {"refuse", "ROOMKEY_ANONYMOUS=allow", RK_E_STATE, "ROOMKEY_ANONYMOUS"},
        {"maybe", NULL, RK_E_INVAL, "--anonymous"},
        {"", NULL, RK_E_INVAL, "--anonymous"},
        {"rules", NULL, RK_E_INVAL, "--anonymous"},
        {"allow", "ROOMKEY_ANONYMOUS=maybe", RK_E_INVAL, "ROOMKEY_ANONYMOUS"},
        {NULL, "ROOMKEY_ANONYMOUS=rules", RK_E_STATE, "ROOMKEY_ANONYMOUS"}, /* there are none */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_flags flags = {.anonymous = rows[i].flag};
        struct rkd_settings s;
        struct rk_diag diag;

        CHECK_ERR(read_settings_flags(&flags, &s, &diag, rows[i].entry, NULL), rows[i].want,
                  diag.text);
        if (rows[i].want != RK_OK)
            assert_string_equal(diag.field, rows[i].field);
        if (rows[i].want == RK_E_STATE && strstr(diag.text, "needs rules") == NULL)
            CHECK(strstr(diag.text, "ROOMKEY_ANONYMOUS=allow") != NULL, "names the line to add");
        rkd_settings_clear(&s);
    }
}

/* A test run as root may read everything, so the words are asked for themselves. */
static void test_open_problem(void **state)
{
    static const struct {
        int error;
        const char *text;
    } rows[] = {
        {ENOENT, "there is no such file"},           {ENOTDIR, "there is no such file"},
        {EACCES, "this user may not read the file"}, {EPERM, "this user may not read the file"},
        {EMFILE, "the file cannot be opened"},       {0, "the file cannot be opened"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(rki_cstr(rki_open_problem(rows[i].error)), rki_cstr(rows[i].text), rows[i].text);
}

static void test_config_file_missing(void **state)
{
    const struct rkd_flags flags = {.anonymous = "allow", .config = "/does/not/exist.yaml"};
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings_flags(&flags, &s, &diag, NULL, NULL), RK_E_IO, "--config");
    assert_string_equal(diag.field, "--config");
    CHECK(strstr(diag.text, "there is no such file") != NULL, diag.text);
    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_CONFIG=/does/not/exist.yaml", NULL), RK_E_IO, "");
    assert_string_equal(diag.field, "ROOMKEY_CONFIG");
    CHECK_ERR(read_settings(&s, &diag, "ROOMKEY_CONFIG=/", NULL), RK_E_IO, "a directory");
    CHECK(strstr(diag.text, "regular file") != NULL, diag.text);
}

static bool warns(const struct rkd_settings *settings, const char *part)
{
    for (size_t i = 0; i < settings->warning_count; i++)
        if (strstr(settings->warnings[i].text, part) != NULL)
            return true;
    return false;
}

static void test_hosts(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, "FUNCTIONS_CUSTOMHANDLER_PORT=50001",
                            "ROOMKEY_TRUSTED_PROXIES=10.0.0.0/8"),
              RK_OK, diag.text);
    CHECK(s.log_to_stdout, "semantics H22");
    CHECK(s.trusted_count == 3 && s.trusted[1].base.is_v4 && s.trusted[1].prefix == 104 &&
              s.trusted[1].base.bytes[12] == 127 && s.trusted[2].prefix == 128,
          "10/8, 127/8, ::1");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "FUNCTIONS_CUSTOMHANDLER_PORT=50001",
                            "ROOMKEY_TRUSTED_PROXIES=10.0.0.0/8;header=forwarded"),
              RK_OK, diag.text);
    CHECK(s.forward_header == RKD_FORWARD_XFF, "the host writes no other: clients do");
    CHECK(warns(&s, "not Forwarded"), "and it is said");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "AWS_LWA_PORT=8080", NULL), RK_OK, diag.text);
    CHECK(!s.log_to_stdout && s.trusted_count == 2, "Lambda adapter");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", NULL), RK_OK,
              diag.text);
    CHECK(!s.log_to_stdout && s.trusted_count == 2, "Lambda without it");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings(&s, &diag, "PORT=8080", NULL), RK_OK, diag.text);
    CHECK(!s.log_to_stdout && s.trusted_count == 0, "anybody may connect to that one");
    rkd_settings_clear(&s);
}

/* A trusted address is never limited: to trust all is to have no limits, which must be said. */
static void test_wide_proxies(void **state)
{
    static const struct {
        const char *variable;
        bool warns;
    } rows[] = {
        {"ROOMKEY_TRUSTED_PROXIES=0.0.0.0/0", true},
        {"ROOMKEY_TRUSTED_PROXIES=::/0", true},
        {"ROOMKEY_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/1,128.0.0.0/1", true},
        {"ROOMKEY_TRUSTED_PROXIES=8.0.0.0/7", true},
        {"ROOMKEY_TRUSTED_PROXIES=2000::/3;header=forwarded", true},
        {"ROOMKEY_TRUSTED_PROXIES=::ffff:0.0.0.0/96", true},
        {"ROOMKEY_TRUSTED_PROXIES=10.0.0.0/8,fc00::/7", false},
        {"ROOMKEY_TRUSTED_PROXIES=127.0.0.1,::1", false},
    };
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_ERR(read_settings(&s, &diag, rows[i].variable, NULL), RK_OK, rows[i].variable);
        CHECK(has_warning(&s, "no limit per address") == rows[i].warns, rows[i].variable);
        rkd_settings_clear(&s);
    }
}

static void test_dev(void **state)
{
    const struct rkd_flags flags = {.dev = true};
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings_flags(&flags, &s, &diag, NULL, NULL), RK_OK, diag.text);
    CHECK(s.dev && s.any_loopback_origin && s.anonymous == RKD_ANONYMOUS_ALLOW, "modes");
    CHECK_STR(s.livekit_url, RK_STR("ws://localhost:7880"), "url");
    CHECK(s.active_key != NULL, "key");
    CHECK_STR(rk_key_name(s.active_key), RK_STR("devkey"), "key");
    CHECK(s.warning_count == 0, "nothing to warn about");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings_flags(&flags, &s, &diag, "LIVEKIT_KEYS=APIx: 'own'",
                                  "LIVEKIT_URL=wss://own.example.org"),
              RK_OK, diag.text);
    CHECK_STR(rk_key_name(s.active_key), RK_STR("APIx"), "own key");
    CHECK_STR(s.livekit_url, RK_STR("wss://own.example.org"), "own url");
    CHECK(has_warning(&s, "fewer than 32 bytes"), "short secret");
    rkd_settings_clear(&s);

    CHECK_ERR(read_settings_flags(&flags, &s, &diag, "LIVEKIT_API_KEY=APIx", NULL), RK_E_STATE,
              "half a pair would sign with devkey what was meant for APIx");
    assert_string_equal(diag.field, "LIVEKIT_API_SECRET");
}

/* Planted values must not come back in what people read. */
static void test_errors_quote_nothing(void **state)
{
    static const char *const names[] = {
        "LIVEKIT_URL",
        "LIVEKIT_KEYS",
        "ROOMKEY_LISTEN",
        "ROOMKEY_WORKERS",
        "ROOMKEY_ANONYMOUS",
        "ROOMKEY_CONTRACTS",
        "ROOMKEY_ENDPOINT_PATHS",
        "ROOMKEY_SUCCESS_STATUS",
        "ROOMKEY_CORS_ORIGINS",
        "ROOMKEY_TRUSTED_PROXIES",
        "ROOMKEY_LIMITS",
        "ROOMKEY_LOG_LEVEL",
        "LIVEKIT_API_KEY_FILE",
        "LIVEKIT_API_SECRET_FILE",
        "LIVEKIT_KEYS_FILE",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[128];

        (void)snprintf(entry, sizeof(entry), "%s=hunter2planted", names[i]);
        CHECK(read_settings(&s, &diag, entry, NULL) != RK_OK, entry);
        assert_string_equal(diag.field,
                            strcmp(names[i], "LIVEKIT_KEYS") == 0 ? "LIVEKIT_KEYS" : names[i]);
        CHECK(strstr(diag.text, "hunter2") == NULL, diag.text);
        CHECK(diag.text[0] != '\0', entry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_was_read),
        cmocka_unit_test(test_lists_have_ends),
        cmocka_unit_test(test_endpoint_paths_end),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_open_problem),
        cmocka_unit_test(test_config_file_missing),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_wide_proxies),
        cmocka_unit_test(test_dev),
        cmocka_unit_test(test_errors_quote_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
