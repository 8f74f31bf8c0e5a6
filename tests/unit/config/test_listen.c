/* test_listen.c - where to listen (src/config/listen.c, hosting.md s.0). */
#include "config/addr.h"
#include "config/local.h"
#include "env_support.h"

#include <stdio.h>

/* "127.0.0.1:7071", "[::1]:80", "unix:/run/x", "fd:3" */
static void write_listen(const struct rkd_listen *listen, char *out, size_t cap)
{
    char text[RKD_ADDR_TEXT_MAX + 1];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    if (listen->kind == RKD_LISTEN_UNIX) {
        (void)snprintf(out, cap, "unix:%s", listen->path);
        return;
    }
    if (listen->kind == RKD_LISTEN_INHERITED) {
        (void)snprintf(out, cap, "fd:%d", listen->fd);
        return;
    }
    rkd_addr_write(&buf, &listen->addr);
    text[buf.len] = '\0';
    (void)snprintf(out, cap, listen->addr.is_v4 ? "%s:%u" : "[%s]:%u", text, listen->port);
}

static void write_all(const struct rkd_settings *settings, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < settings->listen_count; i++) {
        char one[160];

        write_listen(&settings->listen[i], one, sizeof(one));
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i == 0 ? "" : " ", one);
    }
}

static void test_good(void **state)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {NULL, NULL, "127.0.0.1:7071"},
        {"ROOMKEY_LISTEN=0.0.0.0:80", NULL, "0.0.0.0:80"},
        {"ROOMKEY_LISTEN=localhost:80", NULL, "127.0.0.1:80"},
        {"ROOMKEY_LISTEN=127.0.0.1:0", NULL, "127.0.0.1:0"},
        {"ROOMKEY_LISTEN=[::1]:65535", NULL, "[::1]:65535"},
        {"ROOMKEY_LISTEN=127.0.0.1:1,[::]:2,unix:/run/roomkey/sock", NULL,
         "127.0.0.1:1 [::]:2 unix:/run/roomkey/sock"},
        {"PORT=8080", NULL, "0.0.0.0:8080"},
        {"AWS_LWA_PORT=8081", "PORT=8080", "127.0.0.1:8081"},
        {"FUNCTIONS_CUSTOMHANDLER_PORT=50001", "AWS_LWA_PORT=8081", "127.0.0.1:50001"},
        {"ROOMKEY_LISTEN=127.0.0.1:9", "FUNCTIONS_CUSTOMHANDLER_PORT=50001", "127.0.0.1:9"},
        {"ROOMKEY_LISTEN=127.0.0.1:9", "PORT=nonsense", "127.0.0.1:9"},
        {"PORT=", NULL, "127.0.0.1:7071"},
        {"LISTEN_FDS=2", "LISTEN_PID=4711", "fd:3 fd:4"},
        {"LISTEN_FDS=2", "LISTEN_PID=4712", "127.0.0.1:7071"},
        {"LISTEN_FDS=2", "LISTEN_PID=x", "127.0.0.1:7071"},
        {"LISTEN_FDS=2", NULL, "127.0.0.1:7071"},
        {"LISTEN_FDS=0", "LISTEN_PID=4711", "127.0.0.1:7071"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        char got[512];

        CHECK_ERR(read_settings(&s, &diag, rows[i].a, rows[i].b), RK_OK, diag.text);
        write_all(&s, got, sizeof(got));
        CHECK_STR(rki_cstr(got), rki_cstr(rows[i].want), rows[i].a == NULL ? "" : rows[i].a);
        rkd_settings_clear(&s);
    }
}

/* A socket named admin is never served to the public, and is taken note of wherever listen leads.
 */
static void test_named_admin(void **state)
{
    static const struct {
        const char *names, *listen, *want, *warning;
        int admin;
    } rows[] = {
        {"LISTEN_FDNAMES=admin", NULL, "fd:4", "LISTEN_FDNAMES names a socket admin", 3},
        {"LISTEN_FDNAMES=http:admin", NULL, "fd:3", "LISTEN_FDNAMES names a socket admin", 4},
        {"LISTEN_FDNAMES=http:admins", NULL, "fd:3 fd:4", NULL, 0},
        {"LISTEN_FDNAMES=a:b:admin", NULL, "fd:3 fd:4", NULL, 0},
        {"LISTEN_FDNAMES=", NULL, "fd:3 fd:4", NULL, 0},
        {"LISTEN_FDNAMES=http:admin", "ROOMKEY_LISTEN=[::1]:7", "[::1]:7", "LISTEN_FDS hands", 4},
    };
    const struct rkd_flags flags = {.anonymous = "allow"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_env env;
        struct rkd_settings s;
        struct rkd_raw_error error = {.text = ""};
        char got[256];

        env_open(&env);
        env_add(&env, "LISTEN_PID=4711");
        env_add(&env, "LISTEN_FDS=2");
        env_add(&env, rows[i].names);
        if (rows[i].listen != NULL)
            env_add(&env, rows[i].listen);
        CHECK_ERR(rkd_settings_read(&env.env, &flags, &s, &error), RK_OK, error.text);
        write_all(&s, got, sizeof(got));
        CHECK_STR(rki_cstr(got), rki_cstr(rows[i].want), rows[i].names);
        CHECK(s.inherited == 2 && s.inherited_admin == rows[i].admin, rows[i].names);
        CHECK(has_warning(&s, "LISTEN_FD") == (rows[i].warning != NULL), rows[i].names);
        if (rows[i].warning != NULL)
            CHECK(has_warning(&s, rows[i].warning), rows[i].warning);
        rkd_settings_clear(&s);
        env_clear(&env);
    }
}

static void test_two_admins(void **state)
{
    const struct rkd_flags flags = {.anonymous = "allow"};
    struct rkd_raw_error error = {.text = ""};
    struct test_env env;
    struct rkd_settings s;

    (void)state;
    env_open(&env);
    env_add(&env, "LISTEN_PID=4711");
    env_add(&env, "LISTEN_FDS=2");
    env_add(&env, "LISTEN_FDNAMES=admin:admin");
    CHECK_ERR(rkd_settings_read(&env.env, &flags, &s, &error), RK_E_INVAL, "which of them?");
    assert_string_equal(error.at.file, "LISTEN_FDNAMES");
    env_clear(&env);
}

static void test_refused(void **state)
{
    static const char *const values[] = {
        "7071",
        ":7071",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1:080",
        "127.0.0.1:80 ",
        " 127.0.0.1:80",
        "127.0.0.1:80,",
        ",",
        "127.0.0.1:80,,[::1]:80",
        "256.0.0.1:80",
        "1.2.3:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[127.0.0.1]:80",
        "[::1%lo]:80",
        "example.org:80",
        "*:80",
        "unix:",
        "unix:relative",
        "unix:/",
        "unix:/a\nb",
        "http://127.0.0.1:80",
        "Localhost:80",
        "[localhost]:80",
        "127.0.0.1:80:90",
        "unix:/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct rkd_flags flags = {.anonymous = "allow", .listen = &values[i], .listen_count = 1};
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[256];

        (void)snprintf(entry, sizeof(entry), "ROOMKEY_LISTEN=%s", values[i]);
        CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, values[i]);
        assert_string_equal(diag.field, "ROOMKEY_LISTEN");
        CHECK(strstr(diag.text, "expected ADDRESS:PORT") != NULL, diag.text);
        CHECK_ERR(read_settings_flags(&flags, &s, &diag, NULL, NULL), RK_E_INVAL, values[i]);
        assert_string_equal(diag.field, "--listen");
    }
}

static void test_longest_path(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;
    char entry[32 + RKD_UNIX_PATH_MAX];
    const int prefix = snprintf(entry, sizeof(entry), "ROOMKEY_LISTEN=unix:/");

    (void)state;
    memset(entry + prefix, 'a', RKD_UNIX_PATH_MAX - 1);
    entry[prefix + RKD_UNIX_PATH_MAX - 1] = '\0';
    CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_OK, diag.text);
    CHECK(strlen(s.listen[0].path) == RKD_UNIX_PATH_MAX, "107 bytes fit");
    rkd_settings_clear(&s);
}

static void test_too_many(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;
    char entry[512] = "ROOMKEY_LISTEN=127.0.0.1:1";

    (void)state;
    for (size_t i = 1; i < RKD_LISTEN_MAX; i++)
        (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",127.0.0.1:1");
    CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_OK, diag.text);
    rkd_settings_clear(&s);
    (void)snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ",127.0.0.1:1");
    CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, "17 addresses");
    CHECK_ERR(read_settings(&s, &diag, "LISTEN_FDS=17", "LISTEN_PID=4711"), RK_E_INVAL, "17 fds");
    assert_string_equal(diag.field, "LISTEN_FDS");
}

static void test_host_ports_refused(void **state)
{
    static const char *const names[] = {"FUNCTIONS_CUSTOMHANDLER_PORT", "AWS_LWA_PORT", "PORT"};
    static const char *const values[] = {"0", "65536", "http", "80 ", "-1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t j = 0; j < ARRAY_LEN(values); j++) {
            struct rkd_settings s;
            struct rk_diag diag;
            char entry[64];

            (void)snprintf(entry, sizeof(entry), "%s=%s", names[i], values[j]);
            CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, entry);
            assert_string_equal(diag.field, names[i]);
        }
    }
}

/* What is set and not served is said, and nothing else. */
static void test_unused_is_said(void **state)
{
    static const struct {
        const char *a, *b, *warning; /* NULL: none */
    } rows[] = {
        {"PORT=8080", NULL, NULL},
        {"AWS_LWA_PORT=8080", "PORT=9090", "PORT is set"},
        {"AWS_LWA_PORT=8080", "PORT=8080", NULL},
        {"ROOMKEY_LISTEN=127.0.0.1:1", "AWS_LWA_PORT=2", "AWS_LWA_PORT is set"},
        {"ROOMKEY_LISTEN=127.0.0.1:1,0.0.0.0:2", "PORT=2", NULL},
        {"ROOMKEY_LISTEN=unix:/run/x", "PORT=no", "PORT is set"},
    };
    struct rkd_settings settings;
    struct rk_diag diag;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_ERR(read_settings(&settings, &diag, rows[i].a, rows[i].b), RK_OK, diag.text);
        CHECK(has_warning(&settings, " is set, but roomkey listens") == (rows[i].warning != NULL),
              rows[i].a);
        if (rows[i].warning != NULL)
            CHECK(has_warning(&settings, rows[i].warning), rows[i].warning);
        rkd_settings_clear(&settings);
    }
    CHECK_ERR(read_settings(&settings, &diag, "LISTEN_PID=4711", "LISTEN_FDS=1"), RK_OK, "");
    CHECK(!has_warning(&settings, "LISTEN_FDS"), "served");
    rkd_settings_clear(&settings);
    CHECK_ERR(read_settings_flags(&(struct rkd_flags){.listen = (const char *[]){"[::1]:1"},
                                                      .listen_count = 1,
                                                      .anonymous = "allow"},
                                  &settings, &diag, "LISTEN_PID=4711", "LISTEN_FDS=1"),
              RK_OK, "");
    CHECK(has_warning(&settings, "LISTEN_FDS"), "handed over for nothing");
    rkd_settings_clear(&settings);
}

/* Host.LocalHttpPort comes as ROOMKEY_LISTEN, unless that or a flag was there before. */
static void test_local_port(void **state)
{
    static const struct {
        uint16_t port;
        const char *listen;
        bool warns;
    } rows[] = {{7072, "127.0.0.1:1", true},
                {7072, "127.0.0.1:1,0.0.0.0:7072", false},
                {0, "127.0.0.1:1", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_local local = {.port = rows[i].port};
        const struct rkd_flags flags = {
            .anonymous = "allow", .listen = &rows[i].listen, .listen_count = 1};
        struct rkd_raw_error error = {.text = ""};
        struct rkd_settings s;
        struct test_env env;

        env_open(&env);
        env.env.local = &local;
        env_add(&env, "PATH=/bin");
        CHECK_ERR(rkd_settings_read(&env.env, &flags, &s, &error), RK_OK, error.text);
        CHECK(has_warning(&s, "Host.LocalHttpPort") == rows[i].warns, rows[i].listen);
        rkd_settings_clear(&s);
        env_clear(&env);
    }
}

static void test_flag_beats_environment(void **state)
{
    static const char *const listen[] = {"127.0.0.1:1", "[::1]:2,unix:/x"};
    const struct rkd_flags flags = {.anonymous = "allow", .listen = listen, .listen_count = 2};
    struct rkd_settings s;
    struct rk_diag diag;
    char got[128];

    (void)state;
    CHECK_ERR(read_settings_flags(&flags, &s, &diag, "ROOMKEY_LISTEN=127.0.0.1:9", "PORT=80"),
              RK_OK, diag.text);
    write_all(&s, got, sizeof(got));
    assert_string_equal(got, "127.0.0.1:1 [::1]:2 unix:/x");
    rkd_settings_clear(&s);
}

static void test_dev_stays_on_loopback(void **state)
{
    static const char *const good[] = {"127.0.0.1:0", "127.9.9.9:80", "[::1]:80", "localhost:7071"};
    static const char *const bad[] = {"0.0.0.0:80",  "[::]:80",      "192.168.1.1:80",
                                      "unix:/run/x", "[fe80::1]:80", "127.0.0.1:80,0.0.0.0:80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct rkd_flags flags = {.dev = true, .listen = &good[i], .listen_count = 1};
        struct rkd_settings s;
        struct rk_diag diag;

        CHECK_ERR(read_settings_flags(&flags, &s, &diag, NULL, NULL), RK_OK, good[i]);
        rkd_settings_clear(&s);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct rkd_flags flags = {.dev = true, .listen = &bad[i], .listen_count = 1};
        const struct rkd_flags no_flags = {.dev = true};
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[64];

        CHECK_ERR(read_settings_flags(&flags, &s, &diag, NULL, NULL), RK_E_INVAL, bad[i]);
        assert_string_equal(diag.field, "--listen");
        CHECK(strstr(diag.text, "loopback") != NULL, diag.text);
        (void)snprintf(entry, sizeof(entry), "ROOMKEY_LISTEN=%s", bad[i]);
        CHECK_ERR(read_settings_flags(&no_flags, &s, &diag, entry, NULL), RK_E_INVAL, bad[i]);
        assert_string_equal(diag.field, "ROOMKEY_LISTEN");
    }
}

static void test_dev_ignores_hosts(void **state)
{
    const struct rkd_flags flags = {.dev = true};
    struct rkd_settings s;
    struct rk_diag diag;
    char got[128];

    (void)state;
    CHECK_ERR(read_settings_flags(&flags, &s, &diag, "PORT=80", NULL), RK_OK, diag.text);
    write_all(&s, got, sizeof(got));
    assert_string_equal(got, "127.0.0.1:7071");
    rkd_settings_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_named_admin),
        cmocka_unit_test(test_two_admins),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_host_ports_refused),
        cmocka_unit_test(test_unused_is_said),
        cmocka_unit_test(test_local_port),
        cmocka_unit_test(test_flag_beats_environment),
        cmocka_unit_test(test_dev_stays_on_loopback),
        cmocka_unit_test(test_dev_ignores_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
