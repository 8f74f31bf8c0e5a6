/* test_init.c - roomkey init: the text for every provider, and the file it makes (src/cli). */
#include "cli/init_idp.h"
#include "run_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PARTS_MAX = 10 };

/* What must stand in the file, by security reference s.1.7 and s.2.2. */
static const struct {
    const char *idp;
    size_t blanks; /* said on stderr */
    const char *parts[PARTS_MAX];
} providers[] = {
    {"entra",
     6,
     {"issuer: !FILL_IN \"https://login.microsoftonline.com/TENANT-ID/v2.0\"",
      "audience: [!FILL_IN \"APPLICATION-CLIENT-ID\"]", "algorithms: [RS256]", "{ ver: \"2.0\" }",
      "identity: \"{oid}\"", "scp: !FILL_IN", "roles: !FILL_IN", "https://sts.windows.net/"}},
    {"auth0",
     5,
     {"issuer: !FILL_IN \"https://TENANT.eu.auth0.com/\"", "audience: [!FILL_IN ",
      "algorithms: [RS256]", "identity: \"{sub}\"", "permissions: !FILL_IN",
      "not: { gty: client-credentials }"}},
    {"okta",
     5,
     {"issuer: !FILL_IN \"https://ORG.okta.com/oauth2/default\"",
      "audience: [!FILL_IN \"api://default\"]", "algorithms: [RS256]", "identity: \"{uid}\"",
      "groups: !FILL_IN"}},
    {"keycloak",
     4,
     {"issuer: !FILL_IN \"https://KEYCLOAK-HOST/realms/REALM\"", "audience: [roomkey]",
      "algorithms: [RS256]", "require: { typ: Bearer }", "identity: \"{sub}\"", "groups: !FILL_IN",
      "/realm_access/roles"}},
    {"supabase",
     4,
     {"issuer: !FILL_IN \"https://PROJECT-REF.supabase.co/auth/v1\"", "audience: [authenticated]",
      "algorithms: [ES256, RS256]", "require: { role: authenticated, is_anonymous: false }",
      "identity: \"{sub}\"", "/app_metadata/groups: !FILL_IN"}},
    {"clerk",
     5,
     {"issuer: !FILL_IN \"https://clerk.DOMAIN\"", "require: { azp: !FILL_IN ",
      "algorithms: [RS256]", "clock_skew: 10s", "identity: \"{sub}\"", "/o/rol: !FILL_IN",
      "not: { sts: pending }", "room: [\"{/o/id}__*\"]"}},
    {"firebase",
     5,
     {"issuer: !FILL_IN \"https://securetoken.google.com/PROJECT-ID\"",
      "audience: [!FILL_IN \"PROJECT-ID\"]", "algorithms: [RS256]",
      "jwks_uri: https://www.googleapis.com/service_accounts/v1/jwk/"
      "securetoken@system.gserviceaccount.com\n",
      "identity: \"{sub}\"", "not: { /firebase/sign_in_provider: anonymous }"}},
    {"cognito",
     5,
     {"issuer: !FILL_IN \"https://cognito-idp.REGION.amazonaws.com/USER-POOL-ID\"",
      "require: { token_use: access, client_id: !FILL_IN ", "algorithms: [RS256]",
      "identity: \"{sub}\"", "{ \"cognito:groups\": !FILL_IN"}},
    {"google",
     4,
     {"issuer: https://accounts.google.com\n",
      "audience: [!FILL_IN \"CLIENT-ID.apps.googleusercontent.com\"]", "algorithms: [RS256]",
      "jwks_uri: https://www.googleapis.com/oauth2/v3/certs\n",
      "require: { hd: !FILL_IN \"example.org\", email_verified: true }", "identity: \"{sub}\""}},
    {"generic",
     5,
     {"issuer: !FILL_IN \"https://login.example.org/\"", "audience: [!FILL_IN \"roomkey\"]",
      "algorithms: [RS256, ES256]", "identity: \"{sub}\"", "groups: !FILL_IN"}},
};

static size_t count(const char *text, const char *part)
{
    size_t found = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        found++;
    return found;
}

static void test_every_provider(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        struct run run = {0};

        assert_non_null(rkd_idp_at(i));
        assert_string_equal(rkd_idp_at(i)->name, providers[i].idp);
        run_cli(&run, "init", "--idp", providers[i].idp, "--out", "-", NULL);
        CHECK(run.code == RKD_EXIT_OK, providers[i].idp);
        for (size_t j = 0; j < PARTS_MAX && providers[i].parts[j] != NULL; j++)
            CHECK(strstr(run.out, providers[i].parts[j]) != NULL, providers[i].parts[j]);
        CHECK(count(run.out, "\nrules:") == 1 && count(run.out, "\n  - id: ") == 1, "one rule");
        CHECK(count(run.out, "anonymous: refuse") == 1, "nobody without a credential");
        CHECK(count(run.out, "\t") == 0, "YAML has no tabs");
        CHECK(count(run.err, "roomkey: line ") == providers[i].blanks, run.err);
        CHECK(count(run.out, RKD_INIT_MARK " ") ==
                  providers[i].blanks + 1 /* the comment at the head */,
              "every mark is said");
        run_clear(&run);
    }
    assert_null(rkd_idp_at(ARRAY_LEN(providers)));
}

/* Lines are short enough to read, and nothing asks for what the operator must not use. */
static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        struct run run = {0};

        run_cli(&run, "init", "--idp", providers[i].idp, "--out=-", NULL);
        for (const char *line = run.out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            CHECK(end - line <= 120, line);
        CHECK(strstr(run.out, "identity: \"{email}\"") == NULL, "addresses change hands");
        run_clear(&run);
    }
}

static void test_default_and_url(void **state)
{
    struct run run = {0};

    (void)state;
    run_cli(&run, "init", "--url", "wss://x.livekit.cloud", "--out", "-", NULL);
    CHECK(run.code == 0 && strstr(run.out, "for an OpenID Connect provider") != NULL, "generic");
    CHECK(strstr(run.out, "  url: \"wss://x.livekit.cloud\" ") != NULL, "no blank is left there");
    CHECK(strstr(run.err, ": url\n") == NULL, run.err);
    CHECK(strstr(run.err, ": line 18: origins\n") != NULL, run.err);
    CHECK(strstr(run.err, ": issuer\n") != NULL, run.err);
    run_clear(&run);
    run_cli(&run, "init", "--idp", "clerk", "--out", "-", NULL);
    CHECK(strstr(run.err, ": azp\n") != NULL && strstr(run.err, ": /o/rol\n") != NULL, run.err);
    run_clear(&run);
    run_cli(&run, "init", "--idp", "cognito", "--out", "-", NULL);
    CHECK(strstr(run.err, ": client_id\n") != NULL, run.err);
    CHECK(strstr(run.err, ": cognito:groups\n") != NULL, run.err);
    run_clear(&run);
}

static void test_usage(void **state)
{
    static const struct {
        const char *arg, *part;
    } rows[] = {
        {"--idp=nope",
         "--idp: expected entra, auth0, okta, keycloak, supabase, clerk, firebase, cognito, google "
         "or generic"},
        {"--idp=", "--idp: expected entra"},
        {"--idp=Keycloak", "--idp: expected entra"},
        {"--url=ftp://x", "--url: expected a ws://"},
        {"--url=wss://a\"b", "--url: expected a ws://"}, /* would end the string */
        {"--url=wss://a b", "--url: expected a ws://"},
        {"--url=wss://a\nrules: []", "--url: expected a ws://"},
        {"--url=", "--url: expected a ws://"},
        {"--out=", "--out: expected a path"},
        {"--nope", "there is no such option"},
        {"keycloak", "expected options only"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run run = {0};

        run_cli(&run, "init", rows[i].arg, NULL);
        run_expect_usage(&run, rows[i].part);
    }
}

static void expect_refused(struct run *run, const char *part)
{
    CHECK(run->code == RKD_EXIT_REFUSED && run->out[0] == '\0', part);
    CHECK(strstr(run->err, part) != NULL, run->err);
    run_clear(run);
}

static void test_file(void **state)
{
    char dir[] = "/tmp/roomkey-test-XXXXXX", path[64], link[64];
    struct run run = {0};
    struct stat info;
    char *text;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/roomkey.yaml", dir);
    (void)snprintf(link, sizeof(link), "%s/link.yaml", dir);
    run_cli(&run, "init", "--idp=okta", "--out", path, NULL);
    CHECK(run.code == 0 && run.out[0] == '\0', "stdout stays empty");
    CHECK(strstr(run.err, "written; yours to fill in:") != NULL, run.err);
    run_clear(&run);
    assert_int_equal(stat(path, &info), 0);
    CHECK((info.st_mode & 0133) == 0, "no more than 0644");
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    text = run_slurp(fd);
    CHECK(strstr(text, "okta.com") != NULL, "the whole text");
    free(text);
    assert_int_equal(ftruncate(fd, 0), 0);

    run_cli(&run, "init", "--out", path, NULL);
    expect_refused(&run, "the file is there already");
    assert_int_equal(fstat(fd, &info), 0);
    CHECK(info.st_size == 0, "an empty one is not written over either");
    assert_int_equal(close(fd), 0);

    assert_int_equal(symlink("/nonexistent/target", link), 0);
    run_cli(&run, "init", "--out", link, NULL);
    expect_refused(&run, "the file is there already"); /* a dangling link is not followed */
    run_cli(&run, "init", "--out", "/nonexistent/roomkey.yaml", NULL);
    expect_refused(&run, "the file cannot be made");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_provider),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_default_and_url),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
