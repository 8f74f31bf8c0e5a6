/* test_entra.c - the original's ENTRA_* settings (src/config/entra.c). */
#include "file_support.h"

#define CLIENT "ENTRA_CLIENT_ID=client-1"
#define AUTHORITY "ENTRA_AUTHORITY=https://login.microsoftonline.com/tenant-1"

static enum rk_err read_entra(const char *const *entries, const struct rkd_flags *flags,
                              struct rkd_settings *out, struct rkd_raw_error *error)
{
    struct test_env env;
    enum rk_err err;

    env_open(&env);
    for (; *entries != NULL; entries++)
        env_add(&env, *entries);
    *error = (struct rkd_raw_error){.text = ""};
    err = rkd_settings_read(&env.env, flags, out, error);
    env_clear(&env);
    return err;
}

static const struct rkd_flags no_flags = {.dev = false};

static void test_caller(void **state)
{
    static const char *const entries[] = {CLIENT, AUTHORITY, "ENTRA_TENANT_ID=tenant-1", NULL};
    struct rkd_settings s;
    struct rkd_raw_error error;
    const struct rkd_raw_caller *c;

    (void)state;
    CHECK_ERR(read_entra(entries, &no_flags, &s, &error), RK_OK, error.text);
    CHECK(s.raw.caller_count == 1 && s.raw.rule_count == 0, "one caller");
    c = s.raw.callers;
    CHECK(c->kind == RKD_RAW_CALLER_ENTRA, "its kind");
    CHECK_STR(c->name.text, RK_STR("entra"), "its name");
    CHECK_STR(c->oidc.issuer.text, RK_STR("https://login.microsoftonline.com/tenant-1"), "issuer");
    CHECK(c->oidc.audience.count == 1, "audience");
    CHECK_STR(c->oidc.audience.items[0].text, RK_STR("client-1"), "audience");
    CHECK_STR(c->oidc.jwks_uri.text,
              RK_STR("https://login.microsoftonline.com/tenant-1/discovery/v2.0/keys"), "keys");
    CHECK(c->oidc.clock_skew.is_set && c->oidc.clock_skew.ms == 300000, "300 s, as there");
    CHECK_STR(c->oidc.algorithms.items[0].text, RK_STR("RS256"), "algorithm");
    CHECK(!c->oidc.allow_http.is_set, "https only");
    CHECK_STR(s.raw.entra_tenant, RK_STR("tenant-1"), "tenant");
    CHECK(s.anonymous == RKD_ANONYMOUS_UNSET, "nobody without a token");
    CHECK(has_warning(&s, "identity comes from the request"), "said");
    CHECK(!has_warning(&s, "turn anonymous"), "there was nothing to turn off");
    rkd_settings_clear(&s);
}

static void test_authority(void **state)
{
    static const struct {
        const char *value, *issuer; /* issuer NULL: refused */
    } rows[] = {
        {"https://login.microsoftonline.com/t", "https://login.microsoftonline.com/t"},
        {"https://login.microsoftonline.com/t/", "https://login.microsoftonline.com/t"},
        {"https://login.microsoftonline.com/t/v2.0", "https://login.microsoftonline.com/t"},
        {"https://login.microsoftonline.com/t/v2.0/", "https://login.microsoftonline.com/t"},
        {"https://t.ciamlogin.com/t/v2.0", "https://t.ciamlogin.com/t"},
        {"http://login.microsoftonline.com/t", NULL},
        {"http://127.0.0.1/t", NULL},
        {"login.microsoftonline.com/t", NULL},
        {"https://u:hunter2@login.microsoftonline.com/t", NULL},
        {"https://login.microsoftonline.com/t?x", NULL},
        {"/v2.0", NULL},
        {"/", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char entry[128];
        const char *const entries[] = {CLIENT, entry, NULL};
        struct rkd_settings s;
        struct rkd_raw_error error;

        (void)snprintf(entry, sizeof(entry), "ENTRA_AUTHORITY=%s", rows[i].value);
        if (rows[i].issuer == NULL) {
            CHECK_ERR(read_entra(entries, &no_flags, &s, &error), RK_E_INVAL, rows[i].value);
            assert_string_equal(error.at.file, "ENTRA_AUTHORITY");
            CHECK(strstr(error.text, "hunter2") == NULL, error.text);
            continue;
        }
        CHECK_ERR(read_entra(entries, &no_flags, &s, &error), RK_OK, error.text);
        CHECK_STR(s.raw.callers[0].oidc.issuer.text, rki_cstr(rows[i].issuer), rows[i].value);
        rkd_settings_clear(&s);
    }
}

static void test_jwks_url(void **state)
{
    static const struct {
        const char *value;
        bool is_good;
        const char *host; /* that may be asked by http */
    } rows[] = {
        {"https://keys.example/k", true, NULL},
        {"https://keys.example/k?appid=1", true, NULL},
        {"https://keys.example/k?appid=1#x", false, NULL},
        {"https://keys.example/k?app id", false, NULL},
        {"https://keys.example/k#x", false, NULL},
        {"http://127.0.0.1:8080/k", true, "127.0.0.1"},
        {"http://127.9.9.9/k", true, "127.9.9.9"},
        {"http://localhost:8080/k", true, "localhost"},
        {"http://[::1]:8080/k", true, "[::1]"},
        {"http://keys.example/k", false, NULL},
        {"http://localhost.example/k", false, NULL},
        {"http://127.0.0.1.example/k", false, NULL},
        {"http://[::2]/k", false, NULL},
        {"http://10.0.0.1/k", false, NULL},
        {"ws://localhost/k", false, NULL},
        {"file:///etc/passwd", false, NULL},
        {"http://localhost@keys.example/k", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char entry[128];
        const char *const entries[] = {CLIENT, AUTHORITY, entry, NULL};
        struct rkd_settings s;
        struct rkd_raw_error error;
        const struct rkd_raw_oidc *oidc;

        (void)snprintf(entry, sizeof(entry), "ENTRA_JWKS_URL=%s", rows[i].value);
        CHECK_ERR(read_entra(entries, &no_flags, &s, &error), rows[i].is_good ? RK_OK : RK_E_INVAL,
                  rows[i].value);
        if (!rows[i].is_good) {
            assert_string_equal(error.at.file, "ENTRA_JWKS_URL");
            continue;
        }
        oidc = &s.raw.callers[0].oidc;
        CHECK_STR(oidc->jwks_uri.text, rki_cstr(rows[i].value), rows[i].value);
        CHECK(oidc->allow_http.is_set == (rows[i].host != NULL), rows[i].value);
        if (rows[i].host != NULL)
            CHECK_STR(oidc->allow_http.items[0].text, rki_cstr(rows[i].host), rows[i].value);
        rkd_settings_clear(&s);
    }
}

static void test_alone(void **state)
{
    static const struct {
        const char *entry, *names, *part;
    } rows[] = {
        {CLIENT, "ENTRA_AUTHORITY", "since ENTRA_CLIENT_ID is set"},
        {AUTHORITY, "ENTRA_CLIENT_ID", "since ENTRA_AUTHORITY is set"},
        {"ENTRA_TENANT_ID=t", "ENTRA_TENANT_ID", "together with"},
        {"ENTRA_JWKS_URL=https://k.example", "ENTRA_JWKS_URL", "together with"},
    };
    static const struct rkd_flags allow = {.anonymous = "allow"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const entries[] = {rows[i].entry, NULL};
        struct rkd_settings s;
        struct rkd_raw_error error;

        CHECK_ERR(read_entra(entries, &allow, &s, &error), RK_E_STATE, rows[i].entry);
        assert_string_equal(error.at.file, rows[i].names);
        CHECK(strstr(error.text, rows[i].part) != NULL, error.text);
    }
}

/* `anonymous: allow` is off wherever it came from, and one line says so. */
static void test_allow_is_off(void **state)
{
    static const struct rkd_flags by_flag = {.anonymous = "allow"}, dev = {.dev = true};
    static const char *const entries[] = {CLIENT, AUTHORITY, NULL};
    static const char *const by_variable[] = {CLIENT, AUTHORITY, "ROOMKEY_ANONYMOUS=allow", NULL};
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;

    (void)state;
    CHECK_ERR(read_entra(entries, &by_flag, &s, &error), RK_OK, error.text);
    CHECK(s.anonymous == RKD_ANONYMOUS_REFUSE && has_warning(&s, "turn anonymous: allow off"), "");
    rkd_settings_clear(&s);
    CHECK_ERR(read_entra(by_variable, &no_flags, &s, &error), RK_OK, error.text);
    CHECK(s.anonymous == RKD_ANONYMOUS_REFUSE && has_warning(&s, "turn anonymous: allow off"), "");
    rkd_settings_clear(&s);
    CHECK_ERR(read_entra(entries, &dev, &s, &error), RK_OK, error.text);
    CHECK(s.anonymous == RKD_ANONYMOUS_REFUSE && has_warning(&s, "turn anonymous: allow off"), "");
    rkd_settings_clear(&s);

    world_open(&world);
    world_write(&world, "roomkey.yaml", RK_STR("anonymous: allow\n"), 0600);
    {
        const struct rkd_flags flags = {.config = world.config};
        const struct {
            const char *yaml, *part;
            unsigned line, column;
        } rows[] = {
            {"callers: [{ name: c, oidc: { issuer: i } }]\nrules: [{ id: r, room: x }]\n",
             "expected either callers here or", 1, 10},
            {"workers: 1\nrules: [{ id: r, room: x }]\n", "expected no rules", 2, 8},
        };

        CHECK_ERR(read_entra(entries, &flags, &s, &error), RK_OK, error.text);
        CHECK(s.anonymous == RKD_ANONYMOUS_REFUSE && has_warning(&s, "turn anonymous"), "file");
        rkd_settings_clear(&s);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            world_write(&world, "roomkey.yaml", rki_cstr(rows[i].yaml), 0600);
            CHECK_ERR(read_entra(entries, &flags, &s, &error), RK_E_STATE, rows[i].yaml);
            CHECK(strstr(error.text, rows[i].part) != NULL, error.text);
            CHECK(error.at.line == rows[i].line && error.at.column == rows[i].column, error.text);
            CHECK(strstr(error.at.file, "roomkey.yaml") != NULL, "the error owns the name");
        }
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caller),       cmocka_unit_test(test_authority),
        cmocka_unit_test(test_jwks_url),     cmocka_unit_test(test_alone),
        cmocka_unit_test(test_allow_is_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
