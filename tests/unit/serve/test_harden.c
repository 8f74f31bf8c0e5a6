/*
 * test_harden.c - what is said of the measures, and which ports a reload may need. The sandbox
 * itself is tried from inside a real process, in tests/hosting.
 */
#include "check.h"

#include "serve/build.h"
#include "serve/harden.h"

#include <errno.h>

static struct rkd_seal all_on(void)
{
    struct rkd_seal seal = {.abi = 6};

    for (size_t i = 0; i < RKD_MEASURE_COUNT; i++)
        seal.held[i] = RKD_HELD_ON;
    return seal;
}

/* `hardening: required` stands on this: zero is refused, and the first gap is named with its
 * reason. */
static void test_gap(void **state)
{
    static const struct {
        const char *what;
        enum rkd_measure measure;
        enum rkd_held held;
        int why;
        const char *text;
    } rows[] = {
        {"refused", RKD_MEASURE_SECCOMP, RKD_HELD_REFUSED, EPERM,
         "seccomp: Operation not permitted"},
        {"no reason", RKD_MEASURE_NO_DUMP, RKD_HELD_REFUSED, 0, "no_dump: refused"},
        {"not there", RKD_MEASURE_LANDLOCK, RKD_HELD_UNAVAILABLE, ENOSYS,
         "landlock: not in this build, or not in this kernel"},
    };
    char text[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_seal seal = all_on();
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        CHECK(!rkd_seal_gap(&seal, &buf) && buf.len == 0, "all hold");
        seal.held[rows[i].measure] = rows[i].held;
        seal.why[rows[i].measure] = rows[i].why;
        CHECK(rkd_seal_gap(&seal, &buf), rows[i].what);
        CHECK_STR(rki_buf_str(&buf), rki_cstr(rows[i].text), rows[i].what);
    }
    {
        const struct rkd_seal nothing = {.abi = 0};
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        CHECK(rkd_seal_gap(&nothing, &buf), "zero is no");
        CHECK_STR(rki_buf_str(&buf), RK_STR("no_new_privs: refused"), "zero is no");
    }
}

static struct rkd_snapshot *snapshot_of(const char *jwks_uri)
{
    static struct rkd_raw_caller caller;
    static struct rkd_raw_text audience, algorithm, host, room;
    static struct rkd_raw_rule rule;
    struct rkd_settings settings = {.workers = 1};
    struct rkd_raw_error error = {.key = ""};
    struct rkd_snapshot *snapshot = NULL;

    audience = (struct rkd_raw_text){.text = RK_STR("roomkey")};
    algorithm = (struct rkd_raw_text){.text = RK_STR("RS256")};
    host = (struct rkd_raw_text){.text = RK_STR("keys.example:9444")};
    caller = (struct rkd_raw_caller){
        .name = {.text = RK_STR("staff")},
        .kind = RKD_RAW_CALLER_OIDC,
        .oidc = {.issuer = {.text = RK_STR("https://login.example")},
                 .jwks_uri = {.text = rki_cstr(jwks_uri)},
                 .audience = {.items = &audience, .count = 1, .is_set = true},
                 .algorithms = {.items = &algorithm, .count = 1, .is_set = true},
                 .jwks_hosts = {.items = &host, .count = 1, .is_set = true}},
    };
    room = (struct rkd_raw_text){.text = RK_STR("*")};
    rule = (struct rkd_raw_rule){
        .id = {.text = RK_STR("all")},
        .room = {.items = &room, .count = 1, .is_set = true},
        .ask = {.url = {.text = RK_STR("https://hook.example:9445/may")},
                .secret = {.bytes = RK_STR("hook-secret-0123456789abcdef0123456789")},
                .is_set = true},
    };
    settings.raw.rules = &rule;
    settings.raw.rule_count = 1;
    settings.raw.callers = &caller;
    settings.raw.caller_count = 1;
    CHECK_ERR(rkd_snapshot_build(&settings, &snapshot, &error), RK_OK, error.text);
    return snapshot;
}

/* Issuer, key set, further hosts and hooks: each has its port, written or not. */
static void test_ports(void **state)
{
    struct rkd_seal seal = {.limits_ports = true, .ports = {443, 9445, 9444}, .port_count = 3};
    struct rkd_snapshot *snapshot = snapshot_of("https://login.example/keys");

    (void)state;
    CHECK(rkd_seal_misses_port(&seal, snapshot) == 0, "all are there");
    seal.port_count = 2;
    CHECK(rkd_seal_misses_port(&seal, snapshot) == 9444, "of jwks_hosts");
    seal.limits_ports = false;
    CHECK(rkd_seal_misses_port(&seal, snapshot) == 0, "any port");
    rkd_snapshot_unref(snapshot);
    snapshot = snapshot_of("https://login.example:9443/keys");
    seal.limits_ports = true;
    seal.port_count = 3;
    CHECK(rkd_seal_misses_port(&seal, snapshot) == 9443, "of jwks_uri");
    seal.ports[1] = 9443;
    CHECK(rkd_seal_misses_port(&seal, snapshot) == 9445, "of the hook");
    rkd_snapshot_unref(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
