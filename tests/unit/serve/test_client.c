/*
 * test_client.c - which address a request comes from (RTL-04).
 */
#include "check.h"

#include "config/addr.h"
#include "serve/client.h"

#include <stdio.h>

enum { LINES_MAX = 4 };

static struct rkd_addr addr_of(const char *text)
{
    struct rkd_addr addr = {0};

    if (text[0] != '-')
        CHECK_ERR(rkd_addr_parse(rki_cstr(text), &addr), RK_OK, text);
    return addr;
}

static void add_line(struct rkd_request *request, enum rkd_header_id id, struct rk_str value)
{
    request->headers[request->header_count++] = (struct rkd_header){.value = value, .id = id};
    if (request->known_count[id]++ == 0)
        request->known[id] = value;
}

static struct rkd_settings settings_of(enum rkd_forward_header header)
{
    static const char *const trusted[] = {"10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1"};
    struct rkd_settings settings = {.forward_header = header};

    for (size_t i = 0; i < ARRAY_LEN(trusted); i++)
        CHECK_ERR(rkd_cidr_parse(rki_cstr(trusted[i]), &settings.trusted[i]), RK_OK, trusted[i]);
    settings.trusted_count = ARRAY_LEN(trusted);
    return settings;
}

struct row {
    const char *why, *peer, *lines[LINES_MAX], *want;
};

static void check_rows(enum rkd_forward_header header, const struct row *rows, size_t count)
{
    const struct rkd_settings settings = settings_of(header);

    for (size_t i = 0; i < count; i++) {
        static struct rkd_request request; /* large */
        const struct rkd_addr peer = addr_of(rows[i].peer), want = addr_of(rows[i].want);
        struct rkd_addr got;
        char text[64];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        request = (struct rkd_request){0};
        add_line(&request, RKD_H_HOST, RK_STR("198.51.100.99"));
        for (size_t k = 0; k < LINES_MAX && rows[i].lines[k] != NULL; k++) {
            add_line(&request, header == RKD_FORWARD_XFF ? RKD_H_X_FORWARDED_FOR : RKD_H_FORWARDED,
                     rki_cstr(rows[i].lines[k]));
            /* the other header is not looked at, wherever it stands */
            add_line(&request, header == RKD_FORWARD_XFF ? RKD_H_FORWARDED : RKD_H_X_FORWARDED_FOR,
                     RK_STR("for=198.51.100.66"));
        }
        got = rkd_client_address(&settings, &request, &peer);
        rkd_addr_write(&buf, &got);
        if (!rkd_addr_equal(&got, &want))
            fail_msg("%s: got %.*s", rows[i].why, (int)buf.len, text);
    }
}

static void test_x_forwarded_for(void **state)
{
    static const struct row rows[] = {
        {"no header", "10.0.0.1", {NULL}, "10.0.0.1"},
        {"the client", "10.0.0.1", {"203.0.113.7"}, "203.0.113.7"},
        {"untrusted peer: forged", "198.51.100.1", {"203.0.113.7"}, "198.51.100.1"},
        {"untrusted peer: a trusted address forged", "198.51.100.1", {"10.0.0.1"}, "198.51.100.1"},
        {"forged in front", "10.0.0.1", {"1.1.1.1, 203.0.113.7"}, "203.0.113.7"},
        {"forged as a trusted one", "10.0.0.1", {"10.0.0.9, 203.0.113.7"}, "203.0.113.7"},
        {"two proxies", "10.0.0.1", {"1.1.1.1,203.0.113.7 ,\t10.0.0.2"}, "203.0.113.7"},
        {"lines in order", "10.0.0.1", {"1.1.1.1", "203.0.113.7", "10.0.0.2"}, "203.0.113.7"},
        {"last line decides", "10.0.0.1", {"203.0.113.7", "203.0.113.8"}, "203.0.113.8"},
        {"all trusted: the leftmost", "10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
        {"garbage at the end", "10.0.0.1", {"203.0.113.7, junk"}, "10.0.0.1"},
        {"garbage behind a proxy", "10.0.0.1", {"203.0.113.7, junk, 10.0.0.2"}, "10.0.0.2"},
        {"garbage left of the client", "10.0.0.1", {"\"junk\\, 203.0.113.7"}, "203.0.113.7"},
        {"unknown", "10.0.0.1", {"203.0.113.7, unknown"}, "10.0.0.1"},
        {"obfuscated", "10.0.0.1", {"203.0.113.7, _x"}, "10.0.0.1"},
        {"empty", "10.0.0.1", {""}, "10.0.0.1"},
        {"empty entry", "10.0.0.1", {"203.0.113.7, , 10.0.0.2"}, "10.0.0.2"},
        {"trailing comma", "10.0.0.1", {"203.0.113.7,"}, "10.0.0.1"},
        {"leading comma is never reached", "10.0.0.1", {",203.0.113.7"}, "203.0.113.7"},
        {"port", "10.0.0.1", {"203.0.113.7:4711"}, "203.0.113.7"},
        {"bad port", "10.0.0.1", {"203.0.113.7:99999"}, "10.0.0.1"},
        {"IPv6", "10.0.0.1", {"2001:db8::7"}, "2001:db8::7"},
        {"IPv6 with port", "10.0.0.1", {"[2001:db8::7]:4711"}, "2001:db8::7"},
        {"IPv6 zone", "10.0.0.1", {"fe80::1%eth0"}, "10.0.0.1"},
        {"mapped client", "10.0.0.1", {"::ffff:203.0.113.7"}, "203.0.113.7"},
        {"mapped proxy", "10.0.0.1", {"203.0.113.7, ::ffff:10.0.0.2"}, "203.0.113.7"},
        {"leading zeros", "10.0.0.1", {"203.0.113.07"}, "10.0.0.1"},
        {"IPv6 proxies", "2001:db8:1::1", {"203.0.113.7, 2001:db8:1::2"}, "203.0.113.7"},
        {"a Unix socket's peer", "-", {"203.0.113.7"}, "203.0.113.7"},
        {"a Unix socket's peer alone", "-", {NULL}, "-"},
    };

    (void)state;
    check_rows(RKD_FORWARD_XFF, rows, ARRAY_LEN(rows));
}

static void test_forwarded(void **state)
{
    static const struct row rows[] = {
        {"the client", "10.0.0.1", {"for=203.0.113.7"}, "203.0.113.7"},
        {"any case", "10.0.0.1", {"For=203.0.113.7;Proto=https"}, "203.0.113.7"},
        {"not first", "10.0.0.1", {"proto=https; for=203.0.113.7 ;by=10.0.0.1"}, "203.0.113.7"},
        {"quoted with port", "10.0.0.1", {"for=\"203.0.113.7:80\""}, "203.0.113.7"},
        {"IPv6", "10.0.0.1", {"for=\"[2001:db8::7]:80\""}, "2001:db8::7"},
        {"IPv6 without quotes is no token", "10.0.0.1", {"for=2001:db8::7"}, "10.0.0.1"},
        {"a port without quotes neither", "10.0.0.1", {"for=203.0.113.7:80"}, "10.0.0.1"},
        {"forged in front", "10.0.0.1", {"for=1.1.1.1, for=203.0.113.7"}, "203.0.113.7"},
        {"two proxies", "10.0.0.1", {"for=203.0.113.7", "for=10.0.0.2"}, "203.0.113.7"},
        {"untrusted peer", "198.51.100.1", {"for=203.0.113.7"}, "198.51.100.1"},
        {"open quote in front", "10.0.0.1", {"for=\", for=203.0.113.7"}, "203.0.113.7"},
        {"open quote in an earlier line", "10.0.0.1", {"for=\"", "for=203.0.113.7"}, "203.0.113.7"},
        {"backslash in front", "10.0.0.1", {"for=x\\, for=\"203.0.113.7\""}, "203.0.113.7"},
        {"comma in quotes", "10.0.0.1", {"for=203.0.113.7;host=\"a,b\""}, "203.0.113.7"},
        {"semicolon in quotes",
         "10.0.0.1",
         {"for=203.0.113.7;host=\"a;for=1.1.1.1\""},
         "203.0.113.7"},
        {"escaped quote in quotes",
         "10.0.0.1",
         {"for=203.0.113.7;host=\"a\\\",b\""},
         "203.0.113.7"},
        {"escaped backslash ends quotes",
         "10.0.0.1",
         {"for=1.1.1.1;host=\"a\\\\\",for=203.0.113.7"},
         "203.0.113.7"},
        {"an element inside quotes is none",
         "10.0.0.1",
         {"for=203.0.113.7;ext=\", for=1.1.1.1\""},
         "203.0.113.7"},
        {"twice for", "10.0.0.1", {"for=203.0.113.7;for=203.0.113.8"}, "10.0.0.1"},
        {"no for", "10.0.0.1", {"for=203.0.113.7, proto=https"}, "10.0.0.1"},
        {"blank around =", "10.0.0.1", {"for = 203.0.113.7"}, "10.0.0.1"},
        {"unknown", "10.0.0.1", {"for=203.0.113.7, for=unknown"}, "10.0.0.1"},
        {"obfuscated", "10.0.0.1", {"for=_hidden"}, "10.0.0.1"},
        {"bare address", "10.0.0.1", {"203.0.113.7"}, "10.0.0.1"},
        {"empty", "10.0.0.1", {""}, "10.0.0.1"},
    };

    (void)state;
    check_rows(RKD_FORWARD_RFC7239, rows, ARRAY_LEN(rows));
}

/* 30 entries are walked, not one more; and 50 forged ones in front change nothing. */
static void test_many_entries(void **state)
{
    const struct rkd_settings settings = settings_of(RKD_FORWARD_XFF);
    const struct rkd_addr peer = addr_of("10.0.0.1"), stranger = addr_of("198.51.100.1");

    (void)state;
    for (unsigned proxies = 0; proxies < 50; proxies++) {
        static struct rkd_request request;
        char text[2048];
        size_t len = (size_t)snprintf(text, sizeof(text), "203.0.113.7");
        struct rkd_addr got, want = addr_of("203.0.113.7");

        for (unsigned i = 0; i < proxies; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, ", 10.0.1.%u", i + 1);
        if (proxies >= RKD_FORWARD_ENTRIES_MAX) { /* the 30th from the right */
            char last[32];

            (void)snprintf(last, sizeof(last), "10.0.1.%u", proxies - 29);
            want = addr_of(last);
        }
        request = (struct rkd_request){0};
        add_line(&request, RKD_H_X_FORWARDED_FOR, rki_str(text, len));
        got = rkd_client_address(&settings, &request, &peer);
        CHECK(rkd_addr_equal(&got, &want), "trusted entries are walked up to the 30th");
        got = rkd_client_address(&settings, &request, &stranger);
        CHECK(rkd_addr_equal(&got, &stranger), "an untrusted peer is the client");

        add_line(&request, RKD_H_X_FORWARDED_FOR, RK_STR("203.0.113.8"));
        got = rkd_client_address(&settings, &request, &peer);
        want = addr_of("203.0.113.8");
        CHECK(rkd_addr_equal(&got, &want), "what the proxy appended counts, whatever is in front");
    }
}

static void test_trusted(void **state)
{
    const struct rkd_settings settings = settings_of(RKD_FORWARD_XFF), none = {0};
    static struct rkd_request request;
    struct rkd_addr addr = addr_of("10.9.8.7"), unix_peer = {0}, got;

    (void)state;
    CHECK(rkd_client_is_trusted(&settings, &addr), "in the block");
    CHECK(rkd_client_is_trusted(&settings, &unix_peer), "a Unix socket, where proxies are trusted");
    CHECK(!rkd_client_is_trusted(&none, &addr), "nobody is trusted unless said");
    CHECK(!rkd_client_is_trusted(&none, &unix_peer), "a Unix socket neither");
    addr = addr_of("11.0.0.0");
    CHECK(!rkd_client_is_trusted(&settings, &addr), "outside");

    add_line(&request, RKD_H_X_FORWARDED_FOR, RK_STR("203.0.113.7"));
    got = rkd_client_address(&none, &request, &addr);
    CHECK(rkd_addr_equal(&got, &addr), "without trusted proxies the header is nothing");
    got = rkd_client_address(&none, &request, &unix_peer);
    CHECK(!got.is_set, "nor on a Unix socket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x_forwarded_for),
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_many_entries),
        cmocka_unit_test(test_trusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
