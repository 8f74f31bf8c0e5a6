/* uri-host [":" port] (semantics H4, RFC 3986 s.3.2.2). */
#include "check.h"
#include "guard.h"
#include "net/head.h"

static void test_host(void **state)
{
    static const struct {
        struct rk_str host;
        bool is_valid;
    } rows[] = {
        {RK_STR_INIT(""), true},
        {RK_STR_INIT("a"), true},
        {RK_STR_INIT("a.example:7071"), true},
        {RK_STR_INIT("a:"), true},
        {RK_STR_INIT(":80"), true},
        {RK_STR_INIT("a:00080"), true},
        {RK_STR_INIT("a:99999"), true},
        {RK_STR_INIT("a:100000"), false},
        {RK_STR_INIT("a:8a"), false},
        {RK_STR_INIT("a:8:9"), false},
        {RK_STR_INIT("127.0.0.1:1"), true},
        {RK_STR_INIT("a_b~!$&'()*+,;=-"), true},
        {RK_STR_INIT("%41%4f"), true},
        {RK_STR_INIT("%4"), false},
        {RK_STR_INIT("%"), false},
        {RK_STR_INIT("%4g"), false},
        {RK_STR_INIT("a/b"), false},
        {RK_STR_INIT("a?b"), false},
        {RK_STR_INIT("a@b"), false},
        {RK_STR_INIT("a b"), false},
        {RK_STR_INIT("a\"b"), false},
        {RK_STR_INIT("a\\b"), false},
        {RK_STR_INIT("\xc3\xa4"), false},
        {RK_STR_INIT("[::1]"), true},
        {RK_STR_INIT("[::1]:80"), true},
        {RK_STR_INIT("[::ffff:1.2.3.4]"), true},
        {RK_STR_INIT("[1:2:3:4:5:6:7:8]:1"), true},
        {RK_STR_INIT("[1:2:3:4:5:6:7:8:9]"), false},
        {RK_STR_INIT("[1.2.3.4]"), false},
        {RK_STR_INIT("[fe80::1%25eth0]"), false},
        {RK_STR_INIT("[fe80::1%eth0]"), false},
        {RK_STR_INIT("[]"), false},
        {RK_STR_INIT("[::1"), false},
        {RK_STR_INIT("["), false},
        {RK_STR_INIT("[::1]x"), false},
        {RK_STR_INIT("[::1]80"), false},
        {RK_STR_INIT("[::\0001]"), false},
        {RK_STR_INIT("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"), false},
        {RK_STR_INIT("[v1.a:b]"), true},
        {RK_STR_INIT("[vF.!]"), true},
        {RK_STR_INIT("[v.a]"), false},
        {RK_STR_INIT("[v1.]"), false},
        {RK_STR_INIT("[v1]"), false},
        {RK_STR_INIT("[v1.a/b]"), false},
        {RK_STR_INIT("::1"), false},
    };
    struct guard guard = guard_new(256);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_host_is_valid(guard_put(&guard, rows[i].host)) == rows[i].is_valid,
              rows[i].host.ptr);
    guard_free(&guard);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_host)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
