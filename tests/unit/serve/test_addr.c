/*
 * test_addr.c - IP addresses and blocks as text: what is read, what is refused, what is written.
 */
#include "check.h"
#include "guard.h"

#include "config/addr.h"

static const char *write_addr(const struct rkd_addr *addr, char *text, size_t cap)
{
    struct rki_buf buf = rki_buf_over(text, cap - 1);

    rkd_addr_write(&buf, addr);
    CHECK(!buf.overflow, "text fits");
    text[buf.len] = '\0';
    return text;
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *want; /* want NULL: refused */
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::", "::"},
        {"::1", "::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:c000:201", "192.0.2.1"},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"", NULL},
        {" 192.0.2.1", NULL},
        {"192.0.2.1 ", NULL},
        {"192.0.2", NULL},
        {"192.0.2.1.", NULL},
        {"192.0.2.01", NULL},
        {"192.0.2.00", NULL},
        {"0xc0.0.2.1", NULL},
        {"3221225985", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.-1", NULL},
        {"192.0.2.1:80", NULL},
        {"[2001:db8::1]", NULL},
        {"2001:db8::1%eth0", NULL},
        {"fe80::1%1", NULL},
        {"2001:db8::1::", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"2001:db8::12345", NULL},
        {"::ffff:192.0.02.1", NULL},
        {":::", NULL},
        {"localhost", NULL},
        {"unknown", NULL},
        {"0000:0000:0000:0000:0000:ffff:192.0.2.1000000000000000", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_addr addr = {0};
        char text[64];
        enum rk_err err = rkd_addr_parse(rki_cstr(rows[i].text), &addr);

        CHECK_ERR(err, rows[i].want == NULL ? RK_E_INVAL : RK_OK, rows[i].text);
        CHECK(addr.is_set == (rows[i].want != NULL), rows[i].text);
        CHECK_STR(rki_cstr(write_addr(&addr, text, sizeof(text))),
                  rki_cstr(rows[i].want == NULL ? "-" : rows[i].want), rows[i].text);
    }
    CHECK_ERR(rkd_addr_parse(RK_STR("127.0.0.1\0"), &(struct rkd_addr){0}), RK_E_INVAL, "NUL");
}

static void test_forwarded(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:8080", "192.0.2.1"},
        {"192.0.2.1:0", "192.0.2.1"},
        {"192.0.2.1:65535", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"[::ffff:10.1.2.3]:443", "10.1.2.3"},
        {"\"192.0.2.1\"", "192.0.2.1"},
        {"\"192.0.2.1:80\"", "192.0.2.1"},
        {"\"[2001:db8::1]\"", "2001:db8::1"},
        {"\"[2001:db8::1]:4711\"", "2001:db8::1"},
        {"", NULL},
        {"\"\"", NULL},
        {"\"", NULL},
        {"\"192.0.2.1", NULL},
        {"192.0.2.1\"", NULL},
        {"unknown", NULL},
        {"_hidden", NULL},
        {"_SEVKISEK", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1:123456", NULL},
        {"192.0.2.1:_http", NULL},
        {"192.0.2.1:80:90", NULL},
        {"[192.0.2.1]", NULL},
        {"[]", NULL},
        {"[", NULL},
        {"[2001:db8::1", NULL},
        {"[2001:db8::1]80", NULL},
        {"[2001:db8::1]:", NULL},
        {"[2001:db8::1]]", NULL},
        {"[fe80::1%eth0]:80", NULL},
        {"2001:db8::1]", NULL},
        {"example.org", NULL},
        {"example.org:80", NULL},
        {"192.0.2.1, 192.0.2.2", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_addr addr = {0};
        char text[64];

        CHECK_ERR(rkd_addr_parse_forwarded(rki_cstr(rows[i].text), &addr),
                  rows[i].want == NULL ? RK_E_INVAL : RK_OK, rows[i].text);
        CHECK_STR(rki_cstr(write_addr(&addr, text, sizeof(text))),
                  rki_cstr(rows[i].want == NULL ? "-" : rows[i].want), rows[i].text);
    }
}

static void test_cidr(void **state)
{
    static const struct {
        const char *block, *addr;
        int want; /* -1: the block is refused */
    } rows[] = {
        {"10.0.0.0/8", "10.255.255.255", 1},
        {"10.0.0.0/8", "11.0.0.0", 0},
        {"10.0.0.0/8", "9.255.255.255", 0},
        {"192.0.2.0/25", "192.0.2.127", 1},
        {"192.0.2.0/25", "192.0.2.128", 0},
        {"192.0.2.1", "192.0.2.1", 1},
        {"192.0.2.1", "192.0.2.2", 0},
        {"192.0.2.1/32", "192.0.2.1", 1},
        {"0.0.0.0/0", "203.0.113.9", 1},
        {"0.0.0.0/0", "2001:db8::1", 0},
        {"::/0", "2001:db8::1", 1},
        {"::/0", "192.0.2.1", 0},
        {"2001:db8::/33", "2001:db8:7fff::1", 1},
        {"2001:db8::/33", "2001:db8:8000::1", 0},
        {"2001:db8::1", "2001:db8::1", 1},
        {"2001:db8::1/128", "2001:db8::2", 0},
        {"::ffff:10.0.0.0/104", "10.9.8.7", 1},
        {"::ffff:10.0.0.0/104", "11.0.0.0", 0},
        {"10.0.0.0/8", "::ffff:10.1.1.1", 1},
        {"10.0.0.1/8", "10.0.0.1", -1},
        {"2001:db8::1/64", "2001:db8::1", -1},
        {"10.0.0.0/33", "10.0.0.0", -1},
        {"10.0.0.0/08", "10.0.0.0", -1},
        {"10.0.0.0/", "10.0.0.0", -1},
        {"10.0.0.0/-1", "10.0.0.0", -1},
        {"10.0.0.0/8/8", "10.0.0.0", -1},
        {"10.0.0.0/8 ", "10.0.0.0", -1},
        {"10/8", "10.0.0.0", -1},
        {"::/129", "::", -1},
        {"/8", "::", -1},
        {"", "::", -1},
        {"*", "::", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_cidr block = {0};
        struct rkd_addr addr = {0};

        CHECK_ERR(rkd_cidr_parse(rki_cstr(rows[i].block), &block),
                  rows[i].want < 0 ? RK_E_INVAL : RK_OK, rows[i].block);
        CHECK_ERR(rkd_addr_parse(rki_cstr(rows[i].addr), &addr), RK_OK, rows[i].addr);
        CHECK(rkd_cidr_has(&block, &addr) == (rows[i].want == 1), rows[i].block);
        CHECK(!rkd_cidr_has(&block, &(struct rkd_addr){0}), "no address is in no block");
    }
    CHECK_ERR(rkd_cidr_parse((struct rk_str){0}, &(struct rkd_cidr){0}), RK_E_INVAL, "absent");
}

static void test_equal(void **state)
{
    struct rkd_addr a, b, none = {0};

    (void)state;
    CHECK_ERR(rkd_addr_parse(RK_STR("192.0.2.1"), &a), RK_OK, "a");
    CHECK_ERR(rkd_addr_parse(RK_STR("::ffff:192.0.2.1"), &b), RK_OK, "b");
    CHECK(rkd_addr_equal(&a, &b), "one address, two spellings");
    CHECK_ERR(rkd_addr_parse(RK_STR("192.0.2.2"), &b), RK_OK, "b");
    CHECK(!rkd_addr_equal(&a, &b), "another one");
    CHECK_ERR(rkd_addr_parse(RK_STR("::"), &b), RK_OK, "::");
    CHECK(!rkd_addr_equal(&none, &b), ":: is an address, none is not");
    CHECK(rkd_addr_equal(&none, &none), "none");
}

/* No byte after the text is read, whatever prefix of a good one is given. */
static void test_every_prefix(void **state)
{
    static const char *const texts[] = {"\"[2001:db8::1]:4711\"", "192.0.2.1:8080",
                                        "::ffff:192.0.2.1", "10.0.0.0/8"};
    struct guard guard = guard_new(64);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            struct rk_str text = guard_put(&guard, rki_str(texts[i], len));
            struct rkd_addr addr;
            struct rkd_cidr block;

            (void)!rkd_addr_parse(text, &addr);
            (void)!rkd_addr_parse_forwarded(text, &addr);
            (void)!rkd_cidr_parse(text, &block);
        }
    guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_cidr),         cmocka_unit_test(test_equal),
        cmocka_unit_test(test_every_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
