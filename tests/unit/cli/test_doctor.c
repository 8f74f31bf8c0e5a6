/* doctor's reading of a server's first message and of versions, and what it says without a server.
 * tests/interop/test_doctor.py has the rest. */
#include "run_support.h"

#include "cli/doctor.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- the first message ---- */

enum { FRAME_MAX = 4096 };

static size_t read_seed(const char *name, char out[static FRAME_MAX])
{
    char path[256];
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/fuzz/corpus/join/%s", RK_TEST_SOURCE_DIR, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    len = read(fd, out, FRAME_MAX);
    assert_true(len > 0);
    (void)close(fd);
    return (size_t)len;
}

/* What real servers sent, whole and cut anywhere. */
static void test_recorded(void **state)
{
    static const struct {
        const char *version, *sid;
    } rows[] = {{"1.13.5", "RM_9UKEtBtEr2aD"}, {"1.7.2", "RM_znhbegzjamoU"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char frame[FRAME_MAX];
        const size_t len = read_seed(rows[i].version, frame);
        struct rkd_join join;

        CHECK(rkd_join_read(rki_str(frame, len), &join) == 1, rows[i].version);
        CHECK_STR(join.version, rki_cstr(rows[i].version), "version");
        CHECK_STR(join.sid, rki_cstr(rows[i].sid), "sid");
        CHECK(!join.is_cloud, "no cloud");
        for (size_t cut = 0; cut < len; cut++)
            CHECK(rkd_join_read(rki_str(frame, cut), &join) == 0, "more is needed");
    }
}

static void test_messages(void **state)
{
    static const struct {
        const char *why;
        struct rk_str bytes;
        int result;
        const char *version;
        bool is_cloud;
    } rows[] = {
        {"version of the join",
         RK_STR_INIT("\x82\x07\x0a\x05\x22\x03"
                     "1.0"),
         1, "1.0", false},
        {"the info goes before",
         RK_STR_INIT("\x82\x0e\x0a\x0c\x22\x03"
                     "1.0\x62\x05\x12\x03"
                     "2.0"),
         1, "2.0", false},
        {"cloud", RK_STR_INIT("\x82\x06\x0a\x04\x62\x02\x08\x01"), 1, NULL, true},
        {"a ping before it",
         RK_STR_INIT("\x89\x00\x82\x07\x0a\x05\x22\x03"
                     "1.0"),
         1, "1.0", false},
        {"an unknown field of each kind",
         RK_STR_INIT("\x82\x18\x0a\x16\x78\x85\x01\x7d"
                     "abcd\x79"
                     "abcdefgh\x22\x03"
                     "1.0"),
         1, "1.0", false},
        {"no version", RK_STR_INIT("\x82\x04\x0a\x02\x30\x01"), 1, NULL, false},
        {"no join", RK_STR_INIT("\x82\x02\x12\x00"), -1, NULL, false},
        {"text", RK_STR_INIT("\x81\x02{}"), -1, NULL, false},
        {"closed", RK_STR_INIT("\x88\x00"), -1, NULL, false},
        {"masked",
         RK_STR_INIT("\x82\x80"
                     "abcd"),
         -1, NULL, false},
        {"in pieces", RK_STR_INIT("\x02\x02{}"), -1, NULL, false},
        {"longer than anything", RK_STR_INIT("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), -1, NULL,
         false},
        {"a length beyond the end", RK_STR_INIT("\x82\x04\x0a\x7f\x22\x03"), -1, NULL, false},
        {"a group", RK_STR_INIT("\x82\x02\x0b\x00"), -1, NULL, false},
        {"an endless number", RK_STR_INIT("\x82\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         -1, NULL, false},
        {"HTML", RK_STR_INIT("<html>"), -1, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_join join;

        CHECK(rkd_join_read(rows[i].bytes, &join) == rows[i].result, rows[i].why);
        CHECK_STR(join.version, rki_cstr(rows[i].version), rows[i].why);
        CHECK(join.is_cloud == rows[i].is_cloud, rows[i].why);
    }
}

static void test_versions(void **state)
{
    static const unsigned least[3] = {1, 8, 2};
    static const struct {
        const char *version;
        bool is_before;
    } rows[] = {
        {"1.7.2", true},  {"1.8.0", true},
        {"1.8.1", true},  {"0.15.7", true},
        {"v1.8.1", true}, {"1.8.1-rc.1", true},
        {"1.8.2", false}, {"1.8.3", false},
        {"1.9.0", false}, {"1.13.5", false},
        {"2.0.0", false}, {"1.10.0", false},
        {"v1.9", false},  {"1.9.0-SNAPSHOT", false},
        {"", false},      {"main", false},
        {"1", false},     {"999999999999.0.0", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_version_is_before(rki_cstr(rows[i].version), least) == rows[i].is_before,
              rows[i].version);
}

/* ---- doctor without a server ---- */

static void test_doctor_alone(void **state)
{
    struct run run = {.env = {NULL}};

    (void)state;
    run_cli(&run, "doctor", NULL);
    CHECK(run.code == RKD_EXIT_REFUSED, run.err);
    CHECK(strstr(run.out, "[no_key]") != NULL && strstr(run.out, "[no_url]") != NULL, run.out);
    CHECK(strstr(run.out, "\n2 failed, 0 warnings\n") != NULL, run.out);
    run_clear(&run);
    run_cli(&run, "doctor", "--accept", "no_key", "--accept=no_url", NULL);
    CHECK(run.code == RKD_EXIT_OK, run.err);
    CHECK(strstr(run.out, "\n0 failed, 2 warnings\n") != NULL, run.out);
    run_clear(&run);
    run_cli(&run, "doctor", "--timeout", "0s", NULL);
    run_expect_usage(&run, "--timeout: expected a time from 1s to 10m");
    run_cli(&run, "doctor", "--timeout", "11m", NULL);
    run_expect_usage(&run, "--timeout: expected a time from 1s to 10m");
    run_cli(&run, "doctor", "--url", "ftp://x", NULL);
    run_expect_usage(&run, "--url: expected a ws://");
    run_cli(&run, "doctor", "--config", "/nonexistent/roomkey.yaml", NULL);
    run_expect_usage(&run, "--config: there is no such file");
}

/* A code that no probe has would accept nothing, and nobody would know. */
static void test_accept(void **state)
{
    static const char *const bad[] = {"no_kye", "", "NO_KEY", "no_key no_url", "reach", "skipped"};
    struct run run = {.env = {NULL}};

    (void)state;
    for (size_t i = 0; i < RKD_CODES; i++) {
        const char *name = rkd_code_name((enum rkd_code)i);

        assert_non_null(name);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(name, rkd_code_name((enum rkd_code)k)) != 0, name);
        run_cli(&run, "doctor", "--accept", name, NULL);
        CHECK(run.code == (i < RKD_CODES_BAD ? RKD_EXIT_REFUSED : RKD_EXIT_USAGE), name);
        run_clear(&run);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        run_cli(&run, "doctor", "--accept", "no_key", "--accept", bad[i], "--accept", "no_url",
                NULL);
        CHECK(strstr(run.err, " no_key ") != NULL && strstr(run.err, " left_room") != NULL,
              "says which there are");
        run_expect_usage(&run, "--accept: expected a code that a finding can have:");
    }
}

/* What serve refuses as a setting is one of the faults doctor is asked for. */
static void test_doctor_bad_url(void **state)
{
    static const char *const urls[] = {"LIVEKIT_URL=ftp://x", "LIVEKIT_URL=localhost:7880",
                                       "LIVEKIT_URL=wss://user:pass@host", "LIVEKIT_URL=//nothing"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct run run = {.env = {urls[i], NULL}};

        run_cli(&run, "doctor", "--json", NULL);
        CHECK(run.code == RKD_EXIT_REFUSED && run.err[0] == '\0', urls[i]);
        CHECK(strstr(run.out, "{\"ok\":false,\"url\":null,\"api_url\":null,") != NULL, run.out);
        CHECK(strstr(run.out, "\"status\":\"fail\",\"code\":\"bad_url\"") != NULL, run.out);
        CHECK(strstr(run.out, urls[i] + strlen("LIVEKIT_URL=")) == NULL,
              "what is wrong is not said");
        run_clear(&run);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_doctor_alone),
        cmocka_unit_test(test_accept),   cmocka_unit_test(test_doctor_bad_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
