/* test_limits.c - ROOMKEY_LIMITS (src/config/limits.c, semantics H20). */
#include "env_support.h"

#include <stdio.h>

static const uint64_t second = 1000000000;

static void test_defaults(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag, NULL, NULL), RK_OK, diag.text);
    CHECK(s.limits.per_address.period_ns == second / 5 && s.limits.per_address.burst == 60,
          "300/m burst 60");
    CHECK(s.limits.failures_per_address.period_ns == second &&
              s.limits.failures_per_address.burst == 60,
          "60/m, burst is N");
    CHECK(s.limits.per_caller.period_ns == second / 2 && s.limits.per_caller.burst == 30,
          "120/m burst 30");
    CHECK(s.limits.per_room.burst == 0, "off");
    CHECK(s.limits.connections == 12000 && s.limits.connections_per_address == 512, "connections");
    CHECK(s.limits.body_bytes == 65536 && s.limits.headers_bytes == 32768, "sizes");
    CHECK(s.limits.head_ms == 5000 && s.limits.body_ms == 10000 && s.limits.idle_ms == 60000 &&
              s.limits.write_ms == 10000,
          "times");
    rkd_settings_clear(&s);
}

static void test_all_at_once(void **state)
{
    struct rkd_settings s;
    struct rk_diag diag;

    (void)state;
    CHECK_ERR(read_settings(&s, &diag,
                            "ROOMKEY_LIMITS=per_address=5/s burst 20,failures_per_address=off,"
                            "per_caller=3600/h,per_room=1/h burst 1,connections=off,"
                            "connections_per_address=7,body=1m,headers=1,head_time=1ms,"
                            "body_time=2s,idle_time=3m,write_time=24h",
                            NULL),
              RK_OK, diag.text);
    CHECK(s.limits.per_address.period_ns == second / 5 && s.limits.per_address.burst == 20,
          "5/s burst 20");
    CHECK(s.limits.failures_per_address.burst == 0 && s.limits.failures_per_address.period_ns == 0,
          "off");
    CHECK(s.limits.per_caller.period_ns == second && s.limits.per_caller.burst == 3600, "3600/h");
    CHECK(s.limits.per_room.period_ns == 3600 * second && s.limits.per_room.burst == 1, "1/h");
    CHECK(s.limits.connections == 0 && s.limits.connections_per_address == 7, "connections");
    CHECK(s.limits.body_bytes == 1048576 && s.limits.headers_bytes == 1, "sizes");
    CHECK(s.limits.head_ms == 1 && s.limits.body_ms == 2000 && s.limits.idle_ms == 180000 &&
              s.limits.write_ms == 86400000,
          "times");
    rkd_settings_clear(&s);
}

static void test_refused(void **state)
{
    static const struct {
        const char *value, *names; /* what the diagnostic must name */
    } rows[] = {
        {"per_address=0/m", "per_address: "},
        {"per_address=300", "per_address: "},
        {"per_address=300/d", "per_address: "},
        {"per_address=300/ms", "per_address: "},
        {"per_address=/m", "per_address: "},
        {"per_address=3.5/m", "per_address: "},
        {"per_address=300/m burst 0", "per_address: "},
        {"per_address=300/m burst", "per_address: "},
        {"per_address=300/m  burst 5", "per_address: "},
        {"per_address=300/m burst 5 ", "per_address: "},
        {"per_address=300/m burst  5", "per_address: "},
        {"per_address=300/m Burst 5", "per_address: "},
        {"per_address=300/m,burst 5", "entry 2: "},
        {"per_address=OFF", "per_address: "},
        {"per_address=1000000001/s", "per_address: "},
        {"per_address=1/h burst 1000000000", "per_address: "}, /* the limiter's sum would wrap */
        {"per_address=1/h burst 2000000", "per_address: "},
        {"per_room=0", "per_room: "},
        {"connections=0", "connections: "},
        {"connections=1000001", "connections: "},
        {"connections=1k", "connections: "},
        {"connections=99999999999999999999", "connections: "},
        {"body=0", "body: "},
        {"body=off", "body: "},
        {"body=2m", "body: "},
        {"body=64 k", "body: "},
        {"headers=0k", "headers: "},
        {"headers=257k", "headers: "},
        {"head_time=5", "head_time: "},
        {"head_time=0s", "head_time: "},
        {"head_time=off", "head_time: "},
        {"head_time=1d", "head_time: "},
        {"head_time=25h", "head_time: "},
        {"idle_time=-1s", "idle_time: "},
        {"body=64k,body=64k", "body: stands here twice"},
        {"body=64k, headers=32k", "entry 2: "},
        {" body=64k", "entry 1: "},
        {"body =64k", "entry 1: "},
        {"Body=64k", "entry 1: "},
        {"bodies=64k", "entry 1: expected name=value"},
        {"body", "entry 1: expected name=value"},
        {"body=64k,", "entry 2: expected name=value"},
        {",", "entry 1: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings s;
        struct rk_diag diag;
        char entry[128];

        (void)snprintf(entry, sizeof(entry), "ROOMKEY_LIMITS=%s", rows[i].value);
        CHECK_ERR(read_settings(&s, &diag, entry, NULL), RK_E_INVAL, rows[i].value);
        assert_string_equal(diag.field, "ROOMKEY_LIMITS");
        CHECK(strncmp(diag.text, rows[i].names, strlen(rows[i].names)) == 0, diag.text);
        CHECK(strlen(diag.text) > strlen(rows[i].names) || strstr(rows[i].names, "twice") != NULL,
              "and says what was expected");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
