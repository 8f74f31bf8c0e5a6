/*
 * test_cors.c - which origins may read answers, and the header lines (COR-01 to -04, -06).
 */
#include "check.h"

#include "config/origin.h"
#include "serve/cors.h"

enum { ORIGINS = 4 };

static struct rkd_settings settings_of(const char *const *origins, bool any_loopback)
{
    struct rkd_settings settings = {.any_loopback_origin = any_loopback, .cors_max_age_s = 600};

    for (size_t i = 0; i < ORIGINS && origins[i] != NULL; i++)
        CHECK_ERR(rkd_origin_parse(rki_cstr(origins[i]), &settings.origins[settings.origin_count++],
                                   NULL),
                  RK_OK, origins[i]);
    return settings;
}

static const char *const app[ORIGINS] = {"https://app.example.com", "http://localhost:4200",
                                         "https://*.preview.example.org",
                                         "https://*.test.example.org:8443"};
static const char *const star[ORIGINS] = {"*"};
static const char *const none[ORIGINS] = {NULL};

static void test_allows(void **state)
{
    static const struct {
        const char *origin;
        bool app, star, loopback;
    } rows[] = {
        {"https://app.example.com", true, true, false},
        {"http://localhost:4200", true, true, true},
        {"http://localhost:4201", false, true, true},
        {"https://localhost", false, true, true},
        {"http://127.0.0.1:5173", false, true, true},
        {"https://[::1]:5173", false, true, true},
        {"http://127.0.0.2:5173", false, true, true},
        {"https://127.255.255.254", false, true, true},
        {"http://app.localhost:4200", false, true, true},
        {"https://a-1.b_2.localhost", false, true, true},
        {"http://128.0.0.1:4200", false, true, false},
        {"http://12.7.0.1", false, true, false},
        {"http://127.0.0.1.evil.example", false, true, false},
        {"http://127.0.0.1.", false, true, false},
        {"http://127.1", false, true, false},
        {"http://127.0.0.01", false, true, false},
        {"http://127.0.0.256", false, true, false},
        {"http://127.0.0.2:", false, true, false},
        {"http://127.0.0.2:0", false, true, false},
        {"http://127.0.0.2:80:80", false, true, false},
        {"http://127.0.0.2@evil.example", false, true, false},
        {"http://localhost.evil.example", false, true, false},
        {"http://app.localhost.evil.example:4200", false, true, false},
        {"http://evil-localhost", false, true, false},
        {"http://evillocalhost", false, true, false},
        {"http://.localhost", false, true, false},
        {"http://a..localhost", false, true, false},
        {"http://App.localhost", false, true, false},
        {"http://evil.example/.localhost", false, true, false},
        {"http://evil.example#.localhost", false, true, false},
        {"http://u@a.localhost", false, true, false},
        {"ws://app.localhost:4200", false, true, false},
        {"http://[::2]", false, true, false},
        {"http://[::ffff:127.0.0.1]", false, true, false},
        {"http://::1", false, true, false},
        {"http://", false, true, false},
        {"http://localhost.evil.example:80", false, true, false},
        {"http://localhost:80.evil.example", false, true, false},
        {"http://localhost:", false, true, false},
        {"http://localhost:0", false, true, false},
        {"http://localhost:65536", false, true, false},
        {"http://localhost:123456", false, true, false},
        {"http://localhost@evil.example", false, true, false},
        {"ws://localhost:4200", false, true, false},
        {"http://[::1].evil.example", false, true, false},
        {"https://app.example.com.evil", false, true, false},
        {"https://evilapp.example.com", false, true, false},
        {"http://app.example.com", false, true, false},
        {"https://app.example.com:8443", false, true, false},
        {"https://app.example.com:443", false, true, false},
        {"https://App.example.com", false, true, false},
        {"HTTPS://app.example.com", false, true, false},
        {"https://app.example.com.", false, true, false},
        {"https://app.example.com/", false, true, false},
        {"https://app.example.co", false, true, false},
        {"https://app.example.com https://app.example.com", false, true, false},
        {"null", false, false, false},
        {"", false, false, false},
        /* one label more, no less */
        {"https://a.preview.example.org", true, true, false},
        {"https://pr-17_x.preview.example.org", true, true, false},
        {"https://preview.example.org", false, true, false},
        {"https://.preview.example.org", false, true, false},
        {"https://a.b.preview.example.org", false, true, false},
        {"https://apreview.example.org", false, true, false},
        {"https://a.preview.example.org.evil", false, true, false},
        {"https://a.preview.example.org:8443", false, true, false},
        {"http://a.preview.example.org", false, true, false},
        {"https://A.preview.example.org", false, true, false},
        {"https://evil.com/.preview.example.org", false, true, false},
        {"https://evil.com#.preview.example.org", false, true, false},
        {"https://*.preview.example.org", false, true, false},
        {"https://a.test.example.org:8443", true, true, false},
        {"https://a.test.example.org", false, true, false},
        {"https://a.test.example.org:84430", false, true, false},
    };
    const struct rkd_settings with_app = settings_of(app, false);
    const struct rkd_settings with_star = settings_of(star, false);
    const struct rkd_settings dev = settings_of(none, true);
    const struct rkd_settings off = settings_of(none, false);
    char big[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_str origin = rki_cstr(rows[i].origin);

        CHECK(rkd_cors_allows(&with_app, origin) == rows[i].app, rows[i].origin);
        CHECK(rkd_cors_allows(&with_star, origin) == rows[i].star, rows[i].origin);
        CHECK(rkd_cors_allows(&dev, origin) == rows[i].loopback, rows[i].origin);
        CHECK(!rkd_cors_allows(&off, origin), rows[i].origin);
    }
    CHECK(!rkd_cors_allows(&with_star, (struct rk_str){0}), "absent");
    memset(big, 'a', sizeof(big));
    CHECK(!rkd_cors_allows(&with_star, rki_str(big, sizeof(big))), "too long to be one");
    memcpy(big, "https://", 8);
    memcpy(big + 8 + 63, ".preview.example.org", 20);
    CHECK(rkd_cors_allows(&with_app, rki_str(big, 8 + 63 + 20)), "a label of 63");
    memcpy(big + 8 + 64, ".preview.example.org", 20);
    big[8 + 63] = 'a';
    CHECK(!rkd_cors_allows(&with_app, rki_str(big, 8 + 64 + 20)), "a label of 64");
}

static void set(struct rkd_request *request, enum rkd_header_id id, const char *value)
{
    if (value == NULL)
        return;
    request->known[id] = rki_cstr(value);
    request->known_count[id]++;
}

#define VARY "Vary: Origin\r\n"
#define VARY3 "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
#define EXPOSE "Access-Control-Expose-Headers: Retry-After, X-Request-Id, traceparent\r\n"
#define ALLOW_LOCAL "Access-Control-Allow-Origin: http://localhost:4200\r\n"
#define METHODS "Access-Control-Allow-Methods: POST\r\n"
#define AGE "Access-Control-Max-Age: 600\r\n"

static void test_answer(void **state)
{
    static const struct {
        const char *why;
        const char *const *origins;
        bool any_loopback;
        const char *origin, *want;
    } rows[] = {
        {"off", none, false, "http://localhost:4200", ""},
        {"COR-01: no Origin", app, false, NULL, VARY},
        {"COR-02: listed", app, false, "http://localhost:4200", VARY ALLOW_LOCAL EXPOSE},
        {"COR-03: not listed", app, false, "https://evil.example", VARY},
        {"COR-03: null", app, false, "null", VARY},
        {"wildcard is echoed whole", app, false, "https://a.preview.example.org",
         VARY "Access-Control-Allow-Origin: https://a.preview.example.org\r\n" EXPOSE},
        {"any is not echoed", star, false, "https://x.example",
         VARY "Access-Control-Allow-Origin: *\r\n" EXPOSE},
        {"any without Origin", star, false, NULL, VARY},
        {"null not even there", star, false, "null", VARY},
        {"dev", none, true, "http://localhost:4200", VARY ALLOW_LOCAL EXPOSE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_settings settings = settings_of(rows[i].origins, rows[i].any_loopback);
        static struct rkd_request request;
        char text[1024];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        request = (struct rkd_request){.method = RKD_POST};
        set(&request, RKD_H_ORIGIN, rows[i].origin);
        rkd_cors_write_answer(&buf, &settings, &request);
        CHECK_STR(rki_buf_str(&buf), rki_cstr(rows[i].want), rows[i].why);
        CHECK(rkd_cors_is_on(&settings) == (rows[i].want[0] != '\0'), rows[i].why);
        CHECK(!rkd_cors_is_preflight(&request), rows[i].why);
    }
}

static void test_preflight(void **state)
{
    static const struct {
        const char *why;
        const char *const *origins;
        const char *origin, *method, *headers, *want;
    } rows[] = {
        {"the contract's case", app, "http://localhost:4200", "POST", "content-type,authorization",
         VARY3 ALLOW_LOCAL METHODS
         "Access-Control-Allow-Headers: content-type,authorization\r\n" AGE},
        {"as it was sent", app, "http://localhost:4200", "POST", "Content-Type , X-A\t,b",
         VARY3 ALLOW_LOCAL METHODS "Access-Control-Allow-Headers: Content-Type , X-A\t,b\r\n" AGE},
        {"no headers asked", app, "http://localhost:4200", "POST", NULL,
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"another method: the list stays the route's", app, "http://localhost:4200", "DELETE", NULL,
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"not a token", app, "http://localhost:4200", "POST", "content-type, a b",
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"a header smuggled in", app, "http://localhost:4200", "POST", "a: b",
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"not ASCII", app, "http://localhost:4200", "POST", "\xc3\xa4",
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"empty element", app, "http://localhost:4200", "POST", "a,,b",
         VARY3 ALLOW_LOCAL METHODS AGE},
        {"empty end", app, "http://localhost:4200", "POST", "a,", VARY3 ALLOW_LOCAL METHODS AGE},
        {"empty front", app, "http://localhost:4200", "POST", ",a", VARY3 ALLOW_LOCAL METHODS AGE},
        {"empty list", app, "http://localhost:4200", "POST", "", VARY3 ALLOW_LOCAL METHODS AGE},
        {"star is a token", app, "http://localhost:4200", "POST", "*",
         VARY3 ALLOW_LOCAL METHODS "Access-Control-Allow-Headers: *\r\n" AGE},
        {"denied", app, "https://evil.example", "POST", "content-type", VARY3},
        {"no Origin", app, NULL, "POST", "content-type", VARY3},
        {"OPTIONS of a page, no preflight", app, "http://localhost:4200", NULL, NULL,
         VARY3 ALLOW_LOCAL},
        {"any", star, "https://x.example", "POST", NULL,
         VARY3 "Access-Control-Allow-Origin: *\r\n" METHODS AGE},
        {"null", star, "null", "POST", NULL, VARY3},
        {"off", none, "http://localhost:4200", "POST", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_settings settings = settings_of(rows[i].origins, false);
        static struct rkd_request request;
        char text[1024];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        request = (struct rkd_request){.method = RKD_OPTIONS};
        set(&request, RKD_H_ORIGIN, rows[i].origin);
        set(&request, RKD_H_AC_REQUEST_METHOD, rows[i].method);
        set(&request, RKD_H_AC_REQUEST_HEADERS, rows[i].headers);
        rkd_cors_write_preflight(&buf, &settings, &request, RK_STR("POST"));
        CHECK_STR(rki_buf_str(&buf), rki_cstr(rows[i].want), rows[i].why);
        CHECK(rkd_cors_is_preflight(&request) == (rows[i].origin != NULL && rows[i].method != NULL),
              rows[i].why);
    }
}

#define CREDENTIALS "Access-Control-Allow-Credentials: true\r\n"

/* cors.credentials and cors.max_age; the Fetch Standard, s.3.3. */
static void test_credentials(void **state)
{
    static struct rkd_request request;
    struct rkd_settings settings = settings_of(app, false);
    char text[1024];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    settings.cors_credentials = true;
    settings.cors_max_age_s = 3600;
    request = (struct rkd_request){.method = RKD_OPTIONS};
    set(&request, RKD_H_ORIGIN, "http://localhost:4200");
    set(&request, RKD_H_AC_REQUEST_METHOD, "POST");
    rkd_cors_write_preflight(&buf, &settings, &request, RK_STR("POST"));
    CHECK_STR(rki_buf_str(&buf),
              RK_STR(VARY3 ALLOW_LOCAL CREDENTIALS METHODS "Access-Control-Max-Age: 3600\r\n"),
              "preflight");
    buf.len = 0;
    rkd_cors_write_answer(&buf, &settings, &request);
    CHECK_STR(rki_buf_str(&buf), RK_STR(VARY ALLOW_LOCAL CREDENTIALS EXPOSE), "answer");
    buf.len = 0;
    request.known[RKD_H_ORIGIN] = RK_STR("https://evil.example");
    rkd_cors_write_answer(&buf, &settings, &request);
    CHECK_STR(rki_buf_str(&buf), RK_STR(VARY), "not for others");
    buf.len = 0;
    settings.origins[settings.origin_count++] = (struct rkd_origin){.any = true};
    rkd_cors_write_answer(&buf, &settings, &request);
    CHECK_STR(rki_buf_str(&buf), RK_STR(VARY "Access-Control-Allow-Origin: *\r\n" EXPOSE),
              "COR-05: never beside *, should it ever get here");
}

static bool echoes(struct rkd_request *request)
{
    const struct rkd_settings settings = settings_of(app, false);
    char text[4096];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rkd_cors_write_preflight(&buf, &settings, request, RK_STR("POST"));
    text[buf.len] = '\0';
    return strstr(text, "Allow-Headers") != NULL;
}

static void test_echo_limits(void **state)
{
    static struct rkd_request request;
    static char list[1026];

    (void)state;
    memset(list, 'a', 1024);
    request = (struct rkd_request){.method = RKD_OPTIONS};
    set(&request, RKD_H_ORIGIN, "http://localhost:4200");
    set(&request, RKD_H_AC_REQUEST_METHOD, "POST");
    set(&request, RKD_H_AC_REQUEST_HEADERS, list);
    CHECK(echoes(&request), "1,024 bytes");
    list[1024] = 'a';
    request.known[RKD_H_AC_REQUEST_HEADERS] = rki_cstr(list);
    CHECK(!echoes(&request), "1,025 bytes");
    request.known[RKD_H_AC_REQUEST_HEADERS] = RK_STR("a");
    CHECK(echoes(&request), "one line");
    request.known_count[RKD_H_AC_REQUEST_HEADERS] = 2;
    CHECK(!echoes(&request), "the list in two lines");
    request.known_count[RKD_H_AC_REQUEST_HEADERS] = 1;
    request.known[RKD_H_AC_REQUEST_HEADERS] = rki_str("a\0b", 3);
    CHECK(!echoes(&request), "NUL is no token character");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allows),      cmocka_unit_test(test_answer),
        cmocka_unit_test(test_preflight),   cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_echo_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
