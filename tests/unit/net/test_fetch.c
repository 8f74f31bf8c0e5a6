/* Fetching from a server that does everything wrong: every way ends in one slug, in time, within
 * its bounds, and never at another host. */
#include "check.h"

#include "hostile.h"
#include "net/fetch.h"
#include "net/fetch_part.h"
#include "net/timer.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- what stands between libcurl and the world: this program's own connect and getaddrinfo ----
 */

static atomic_uint strays;  /* connects to anywhere but 127.0.0.0/8 */
static atomic_uint lookups; /* of names */
static atomic_uint hanging;
static atomic_bool lets_go;

typedef int lookup_fn(const char *host, const char *port, const struct addrinfo *hints,
                      struct addrinfo **out);

/* libc declares connect with a union for its address; under this name it can be defined. */
__attribute__((visibility("default"))) int test_connect(int fd, const struct sockaddr *addr,
                                                        socklen_t len) __asm__("connect");

int test_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (addr->sa_family == AF_INET || addr->sa_family == AF_INET6) {
        struct sockaddr_in v4 = {0};

        memcpy(&v4, addr, len < sizeof(v4) ? len : sizeof(v4));
        if (addr->sa_family != AF_INET || (ntohl(v4.sin_addr.s_addr) >> 24) != 127)
            atomic_fetch_add(&strays, 1);
    }
    return (int)syscall(SYS_connect, fd, addr, len);
}

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

__attribute__((visibility("default"))) int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    static const char *const names[][2] = {{"good.test", "127.0.0.1"},
                                           {"metadata.test", "169.254.169.254"},
                                           {"mapped.test", "::ffff:169.254.169.254"},
                                           {"zero.test", "0.0.0.0"}};
    lookup_fn *real = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&real, &symbol, sizeof(real));
    atomic_fetch_add(&lookups, 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(host, names[i][0]) == 0)
            return real(names[i][1], port, hints, out);
    if (strncmp(host, "hang", 4) == 0) {
        atomic_fetch_add(&hanging, 1);
        while (!atomic_load(&lets_go))
            sleep_ms(5);
        atomic_fetch_sub(&hanging, 1);
    }
    return EAI_NONAME;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- one fetch at a time ---- */

enum { CAP = 512 * 1024 };

struct outcome {
    struct rkd_loop *loop;
    unsigned calls, status;
    const char *error;
    int64_t max_age_s, date_s;
    enum rkd_fetch_cause cause;
    uint64_t took_ms;
    size_t len;
    char body[HOSTILE_TEXT];
};

static struct rkd_loop *loop;
static struct rkd_fetcher *fetcher;
static struct hostile *server;
static struct outcome got;

static void on_fetched(void *ctx, const struct rkd_fetch_result *result)
{
    struct outcome *to = ctx;

    to->calls++;
    to->status = result->status;
    to->error = result->error;
    to->max_age_s = result->max_age_s;
    to->date_s = result->date_s;
    to->cause = result->cause;
    to->len = result->body.len;
    if (result->body.len < sizeof(to->body)) {
        if (result->body.len != 0)
            memcpy(to->body, result->body.ptr, result->body.len);
        to->body[result->body.len] = '\0';
    }
    rkd_loop_stop(to->loop);
}

static struct rkd_fetch_request request_for(const char *url)
{
    return (struct rkd_fetch_request){.url = rki_cstr(url),
                                      .allow_http = true,
                                      .connect_ms = 2000,
                                      .total_ms = 30000,
                                      .max_bytes = CAP};
}

static void fetch(const struct rkd_fetch_request *request)
{
    struct rkd_fetch *handle;
    uint64_t began = now_ms();

    got = (struct outcome){.loop = loop};
    CHECK_ERR(rkd_fetch_start(fetcher, request, on_fetched, &got, &handle), RK_OK, "start");
    CHECK(got.calls == 0, "never during the call");
    rkd_loop_run(loop);
    CHECK(got.calls == 1, "once");
    CHECK((got.error == NULL) == (got.status != 0), "a status or an error");
    got.took_ms = now_ms() - began;
}

static void get(const char *url, uint32_t total_ms)
{
    struct rkd_fetch_request request = request_for(url);

    request.total_ms = total_ms;
    fetch(&request);
}

static void want_error(const char *slug, const char *why)
{
    CHECK(got.error != NULL, why);
    CHECK_STR(rki_cstr(got.error), rki_cstr(slug), why);
    CHECK(got.len == 0 && got.max_age_s == -1, why);
}

static int set_up(void **state)
{
    (void)state;
    CHECK_ERR(rkd_loop_new(&loop), RK_OK, "loop");
    CHECK_ERR(rkd_fetcher_new(loop, &fetcher), RK_OK, "fetcher");
    server = hostile_start(NULL, NULL, NULL);
    atomic_store(&strays, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rkd_fetcher_free(fetcher);
    rkd_loop_free(loop);
    hostile_stop(server);
    CHECK(atomic_load(&strays) == 0, "nobody went anywhere else");
    return 0;
}

/* ---- the answers ---- */

static void test_answers(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        int64_t max_age_s;
        const char *body;
    } rows[] = {
        {"/ok", 200, -1, "{\"ok\":true}"},
        {"/500", 500, -1, "no"},
        {"/404", 404, -1, "no"},
        {"/304", 304, -1, ""},
        {"/age/max-age=60", 200, 60, "{}"},
        {"/age/public,_Max-Age=600,must-revalidate", 200, 600, "{}"},
        {"/age/max-age=600,max-age=5", 200, 5, "{}"},
        {"/age/max-age=99999999999999999999", 200, 366 * 86400, "{}"},
        {"/age/max-age=60,no-store", 200, -1, "{}"},
        {"/age/max-age=-1", 200, -1, "{}"},
        {"/age/max-age=\"60\"", 200, -1, "{}"},
        {"/age/max-age=,x-max-age=60", 200, -1, "{}"},
        {"/slow/200", 200, -1, "slow"},
        /* JWK-09: not followed, the status is the answer */
        {"/301", 301, -1, "no"},
        {"/302http://example.org/", 302, -1, "no"},
        {"/307http://127.0.0.1/ok", 307, -1, "no"},
        {"/308/ok", 308, -1, "no"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned before = atomic_load(&server->requests);

        get(hostile_url(server, rows[i].path), 30000);
        CHECK(got.status == rows[i].status, rows[i].path);
        CHECK(got.max_age_s == rows[i].max_age_s, rows[i].path);
        CHECK_STR(rki_cstr(got.body), rki_cstr(rows[i].body), rows[i].path);
        CHECK(atomic_load(&server->requests) == before + 1, "asked once");
    }
}

static void test_bad_answers(void **state)
{
    static const struct {
        const char *path, *error;
        uint32_t total_ms, least_ms, most_ms;
    } rows[] = {
        {"/slow/5000", "timeout", 300, 290, 4000}, /* JWK-04 */
        {"/silent", "timeout", 300, 290, 4000},
        {"/drip", "timeout", 500, 490, 4000},    /* JWK-05 */
        {"/drip", "timeout", 20000, 0, 15000},   /* by its speed */
        {"/huge", "too-large", 20000, 0, 15000}, /* JWK-06 */
        {"/length", "too-large", 20000, 0, 15000},
        {"/gzip", "coding", 20000, 0, 15000},
        {"/te-gzip", "coding", 20000, 0, 15000},
        {"/heads", "too-large", 20000, 0, 15000},
        {"/interim", "too-large", 20000, 0, 15000},
        {"/close-mid", "protocol", 20000, 0, 15000},
        {"/reset", "protocol", 20000, 0, 15000},
        {"/not-http", "protocol", 20000, 0, 15000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        get(hostile_url(server, rows[i].path), rows[i].total_ms);
        want_error(rows[i].error, rows[i].path);
        CHECK(got.took_ms >= rows[i].least_ms && got.took_ms < rows[i].most_ms, rows[i].path);
    }
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.status == 200, "it goes on");
}

static void test_max_bytes(void **state)
{
    struct rkd_fetch_request request = request_for(hostile_url(server, "/ok"));

    (void)state;
    request.max_bytes = 11;
    fetch(&request);
    CHECK(got.status == 200 && got.len == 11, "exactly");
    request.max_bytes = 10;
    fetch(&request);
    want_error("too-large", "one less");
}

static void test_post_and_reuse(void **state)
{
    struct rk_str headers[] = {RK_STR_INIT("X-Roomkey-Signature: abc"), RK_STR_INIT("X-Empty;")};
    struct rkd_fetch_request request = request_for(hostile_url(server, "/echo"));

    (void)state;
    request.body = RK_STR("{\"a\":1}");
    request.headers = headers;
    request.header_count = 2;
    for (unsigned i = 0; i < 3; i++) {
        fetch(&request);
        CHECK(got.status == 200, "posted");
        CHECK(strncmp(got.body, "POST /echo HTTP/1.1\r\n", 21) == 0, "a POST");
        CHECK(strstr(got.body, "\r\nContent-Type: application/json\r\n") != NULL, "its type");
        CHECK(strstr(got.body, "\r\nX-Roomkey-Signature: abc\r\n") != NULL, "our header");
        CHECK(strstr(got.body, "\r\n\r\n{\"a\":1}") != NULL, "the body");
        CHECK(strstr(got.body, "Expect") == NULL, "no waiting for 100");
        CHECK(strstr(got.body, "Accept-Encoding") == NULL, "no coding asked for");
        CHECK(strstr(got.body, "Cookie") == NULL && strstr(got.body, "Authorization") == NULL,
              "nothing from elsewhere");
    }
    CHECK(atomic_load(&server->connections) == 1, "one connection for all");
    request.body = RK_STR("");
    fetch(&request);
    CHECK(strstr(got.body, "\r\nContent-Length: 0\r\n") != NULL, "an empty body is a body");
}

/* A connection kept for reuse that the server closed meanwhile is not an error. */
static void test_stale_connection(void **state)
{
    struct rkd_fetch_request request = request_for(hostile_url(server, "/leave"));

    (void)state;
    request.body = RK_STR("{}");
    for (unsigned i = 0; i < 30; i++) {
        fetch(&request);
        CHECK(got.status == 200, "another connection");
        if (i % 3 == 0)
            sleep_ms(2);
    }
}

/* Many at once, ended in every way there is. */
static void test_many(void **state)
{
    static const char *const paths[] = {"/ok",       "/slow/20", "/echo",  "/close-mid",
                                        "/slow/500", "/gzip",    "/reset", "/silent"};
    static struct outcome outcomes[48];
    struct rkd_fetch *handles[48];
    unsigned told = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
        struct rkd_fetch_request request =
            request_for(hostile_url(server, paths[i % ARRAY_LEN(paths)]));

        outcomes[i] = (struct outcome){.loop = loop};
        request.total_ms = 100 + 20 * (uint32_t)i;
        CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &outcomes[i], &handles[i]), RK_OK,
                  "start");
    }
    while (told < 24) {
        rkd_loop_run(loop);
        told = 0;
        for (size_t i = 0; i < ARRAY_LEN(handles); i++)
            told += outcomes[i].calls;
    }
    for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
        CHECK(outcomes[i].calls <= 1, "once");
        if (outcomes[i].calls == 0)
            rkd_fetch_cancel(handles[i]);
    }
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.status == 200, "afterwards");
}

static void test_control_bytes(void **state)
{
    static const struct rk_str bad[] = {RK_STR_INIT("X: a\r\nY: b"), RK_STR_INIT("X: a\0b"),
                                        RK_STR_INIT("X: \x7f")};
    struct rkd_fetch *handle = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct rkd_fetch_request request = request_for(hostile_url(server, "/ok"));

        request.headers = &bad[i];
        request.header_count = 1;
        CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &got, &handle), RK_E_INVAL,
                  "a header of two lines");
        request = request_for("x");
        request.url = bad[i];
        CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &got, &handle), RK_E_INVAL,
                  "an address of two lines");
    }
    CHECK(handle == NULL, "nothing began");
}

/* ---- more than a status ---- */

static bool ends_at(void *ctx, struct rk_str body)
{
    return body.len >= *(const size_t *)ctx;
}

/* A body without an end: who has enough of it ends the fetch, and well. */
static void test_enough(void **state)
{
    size_t enough = 1000;
    struct rkd_fetch_request request = request_for(hostile_url(server, "/huge"));

    (void)state;
    request.is_enough = ends_at;
    request.enough_ctx = &enough;
    fetch(&request);
    CHECK(got.status == 200 && got.len >= 1000 && got.len < CAP, "ended by us");
    enough = CAP * 2;
    fetch(&request);
    want_error("too-large", "the bound stands");
    request = request_for(hostile_url(server, "/close-mid"));
    request.is_enough = ends_at;
    request.enough_ctx = &enough;
    fetch(&request);
    want_error("protocol", "half of it is no answer");
}

static void test_causes(void **state)
{
    static char url[128];
    static const struct {
        const char *url;
        enum rkd_fetch_cause cause;
        uint32_t total_ms;
    } rows[] = {
        {"http://nowhere.test/", RKD_CAUSE_LOOKUP, 20000},
        {"http://hang4.test/", RKD_CAUSE_SLOW_LOOKUP, 400},
        {"/silent", RKD_CAUSE_SLOW_ANSWER, 1000}, /* it must be connected by then */
        {"/reset", RKD_CAUSE_CLOSED, 20000},
        {"/not-http", RKD_CAUSE_OTHER, 20000},
        {"https", RKD_CAUSE_SLOW_CONNECT, 400},
        {"dead", RKD_CAUSE_REFUSED, 20000},
        {"http://169.254.169.254/", RKD_CAUSE_OTHER, 20000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *where = rows[i].url[0] == '/' ? hostile_url(server, rows[i].url) : rows[i].url;

        if (strcmp(where, "https") == 0) /* to a port that goes on reading */
            (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/ok", server->port);
        if (strcmp(where, "dead") == 0)
            (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/ok", hostile_dead_port());
        atomic_store(&lets_go, false);
        get(strchr(where, ':') == NULL ? url : where, rows[i].total_ms);
        CHECK(got.error != NULL && got.cause == rows[i].cause, rows[i].url);
    }
    atomic_store(&lets_go, true);
    while (atomic_load(&hanging) != 0)
        sleep_ms(5);
    sleep_ms(50); /* it frees what is its own */
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.error == NULL && got.cause == RKD_CAUSE_OTHER && got.date_s == -1, "none, no date");
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t date_s;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
        {"Sat, 28 Nov 2026 15:00:00 GMT", 1795878000},
        {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nop 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1894 08:49:37 GMT", -1},
        {"Sun, +6 Nov 1994 08:49:37 GMT", -1},
        {"Sunday, 06-Nov-94 08:49:37 GMT", -1}, /* obsolete, 30 years old */
        {"Sun Nov  6 08:49:37 1994", -1},
        {"", -1},
    };
    struct rkd_fetch_head head;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_fetch_date(rki_cstr(rows[i].text)) == rows[i].date_s, rows[i].text);
    rkd_fetch_head_init(&head);
    CHECK(head.date_s == -1, "none yet");
    (void)rkd_fetch_head_line(&head, RK_STR("date:Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    CHECK(head.date_s == 784111777, "of the head");
    (void)rkd_fetch_head_line(&head, RK_STR("HTTP/1.1 200 OK\r\n"));
    CHECK(head.date_s == -1, "an interim answer's is not the answer's");
}

/* ---- where it may go ---- */

/* JWK-11, JWK-09, JWK-03 */
static void test_addresses(void **state)
{
    static const struct {
        const char *url, *error;
    } rows[] = {
        {"http://169.254.169.254/", "address"},
        {"http://[::ffff:169.254.169.254]/", "address"},
        {"http://[::ffff:a9fe:a9fe]:80/", "address"},
        {"http://0.0.0.0/", "address"},
        {"http://0/", "address"},
        {"http://2852039166/", "address"},
        {"http://0xa9fea9fe/", "address"},
        {"http://0251.0376.0251.0376/", "address"},
        {"http://169.16689662/", "address"},
        {"http://168.63.129.16/", "address"},
        {"http://[fe80::1]/", "address"},
        {"http://[fd00:ec2::254]/", "address"},
        {"http://[ff02::1]/", "address"},
        {"http://[::]/", "address"},
        {"http://[64:ff9b::169.254.169.254]/", "address"},
        {"http://224.0.0.1/", "address"},
        {"http://metadata.test/", "address"},
        {"http://mapped.test/", "address"},
        {"http://zero.test/", "address"},
        {"http://nowhere.test/", "connect"},
        {"file:///etc/passwd", "protocol"},
        {"ftp://127.0.0.1/", "protocol"},
        {"gopher://127.0.0.1/", "protocol"},
        {"http://user:pass@127.0.0.1/", "protocol"},
        {"", "protocol"},
        {"http://", "protocol"},
        {"http://[::1", "protocol"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        get(rows[i].url, 2000);
        want_error(rows[i].error, rows[i].url);
        CHECK(got.took_ms < 1000, "at once");
    }
    CHECK(atomic_load(&strays) == 0, "not a packet");
}

static void test_allowed(void **state)
{
    char url[64];
    struct rkd_fetch_request request;

    (void)state;
    (void)snprintf(url, sizeof(url), "http://good.test:%u/ok", server->port);
    get(url, 30000);
    CHECK(got.status == 200, "a name of an inside address");
    request = request_for(hostile_url(server, "/ok"));
    request.allow_http = false;
    fetch(&request);
    want_error("protocol", "http where it was not said");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", hostile_dead_port());
    get(url, 30000);
    want_error("connect", "refused");
}

/* The environment has no say. */
static void test_environment(void **state)
{
    (void)state;
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
    get(hostile_url(server, "/ok"), 30000);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    CHECK(got.status == 200, "no proxy");
}

static void test_addr_table(void **state)
{
    static const struct {
        const char *text;
        bool is_allowed;
    } rows[] = {
        {"127.0.0.1", true},
        {"10.0.0.1", true},
        {"192.168.1.1", true},
        {"169.253.255.255", true},
        {"169.255.0.0", true},
        {"168.63.129.15", true},
        {"8.8.8.8", true},
        {"223.255.255.255", true},
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"169.254.0.0", false},
        {"169.254.255.255", false},
        {"168.63.129.16", false},
        {"224.0.0.0", false},
        {"239.1.2.3", false},
        {"255.255.255.255", false},
        {"::1", true},
        {"fd00::1", true},
        {"2001:db8::1", true},
        {"fec0::1", true},
        {"::ffff:127.0.0.1", true},
        {"64:ff9b::8.8.8.8", true},
        {"2002:a00:1::", true},
        {"::", false},
        {"::2", false},
        {"::169.254.1.1", false},
        {"fe80::1", false},
        {"febf::1", false},
        {"ff00::", false},
        {"fd00:ec2::254", false},
        {"::ffff:0.0.0.0", false},
        {"::ffff:168.63.129.16", false},
        {"2002:a9fe:a9fe::", false},
        {"64:ff9b::a9fe:a9fe", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool is_v4 = inet_pton(AF_INET, rows[i].text, &v4.sin_addr) == 1, is_allowed;

        CHECK(is_v4 || inet_pton(AF_INET6, rows[i].text, &v6.sin6_addr) == 1, rows[i].text);
        is_allowed = is_v4 ? rkd_fetch_addr_is_allowed((void *)&v4, sizeof(v4))
                           : rkd_fetch_addr_is_allowed((void *)&v6, sizeof(v6));
        CHECK(is_allowed == rows[i].is_allowed, rows[i].text);
    }
    CHECK(!rkd_fetch_addr_is_allowed(&(struct sockaddr){.sa_family = AF_UNIX}, 2), "a path");
    CHECK(!rkd_fetch_addr_is_allowed(&(struct sockaddr){.sa_family = AF_INET}, 2), "cut short");
}

/* ---- a resolver that never answers ---- */

static void on_tick(void *ctx)
{
    (*(unsigned *)ctx)++;
}

static void test_dead_resolver(void **state)
{
    unsigned ticks = 0, before;
    uint64_t began;
    struct rkd_fetch *handle;
    struct rkd_fetch_request request = request_for("http://hang.test/");

    (void)state;
    atomic_store(&lets_go, false);
    CHECK_ERR(rkd_loop_every(loop, 10, on_tick, &ticks), RK_OK, "ticks");
    get("http://hang.test/", 300);
    want_error("timeout", "given up");
    CHECK(got.took_ms < 8000, "in time");
    CHECK(ticks >= 5, "the loop went on");
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.status == 200, "others too");

    for (unsigned i = 0; i < 3; i++)
        get("http://hang.test/", 20);
    before = atomic_load(&lookups);
    get("http://hang.test/", 20000);
    want_error("connect", "threads do not pile up");
    CHECK(got.took_ms < 15000 && atomic_load(&lookups) == before, "none began");
    get("http://hang2.test/", 20);
    want_error("timeout", "another host has its own");
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.status == 200, "a number needs no lookup");

    request.url = RK_STR("http://hang3.test/");
    CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &got, &handle), RK_OK, "one more");
    while (atomic_load(&hanging) < 6)
        get(hostile_url(server, "/ok"), 30000);
    got.calls = 0;
    began = now_ms();
    rkd_fetcher_free(fetcher);
    CHECK(now_ms() - began < 15000, "nor does the end wait for it");
    CHECK(got.calls == 0, "and nobody is told");
    CHECK_ERR(rkd_fetcher_new(loop, &fetcher), RK_OK, "for tear_down");
    atomic_store(&lets_go, true);
    while (atomic_load(&hanging) != 0)
        sleep_ms(5);
    sleep_ms(50); /* they free what is theirs */
}

/* ---- cancelling, and starting from within ---- */

static void test_cancel(void **state)
{
    struct outcome others[40] = {{0}};
    struct rkd_fetch *handles[40];
    struct rkd_fetch_request request = request_for(hostile_url(server, "/slow/1000"));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
        others[i].loop = loop;
        CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &others[i], &handles[i]), RK_OK,
                  "start");
    }
    rkd_fetch_cancel(handles[0]); /* before anything happened */
    get(hostile_url(server, "/slow/100"), 30000);
    CHECK(got.status == 200, "beside them");
    for (size_t i = 1; i < 20; i++)
        rkd_fetch_cancel(handles[i]);
    get(hostile_url(server, "/ok"), 30000);
    CHECK(got.status == 200, "after them");
    rkd_fetcher_free(fetcher); /* the other twenty in flight */
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(others[i].calls == 0, "nobody is told");
    CHECK_ERR(rkd_fetcher_new(loop, &fetcher), RK_OK, "for tear_down");
}

struct chain {
    struct outcome outcome;
    struct rkd_fetch *victim;
    unsigned rounds;
    const char *url;
};

static void on_chain(void *ctx, const struct rkd_fetch_result *result)
{
    struct chain *chain = ctx;
    struct rkd_fetch_request request = request_for(chain->url);
    struct rkd_fetch *handle;

    CHECK(result->status == 200, "each of them");
    if (chain->victim != NULL)
        rkd_fetch_cancel(chain->victim);
    chain->victim = NULL;
    if (++chain->rounds == 5)
        rkd_loop_stop(chain->outcome.loop);
    else
        CHECK_ERR(rkd_fetch_start(fetcher, &request, on_chain, chain, &handle), RK_OK, "again");
}

static void test_from_within(void **state)
{
    struct chain chain = {.outcome.loop = loop, .url = hostile_url(server, "/ok")};
    struct outcome victim = {.loop = loop};
    struct rkd_fetch_request request = request_for(hostile_url(server, "/slow/500"));
    struct rkd_fetch *handle;

    (void)state;
    CHECK_ERR(rkd_fetch_start(fetcher, &request, on_fetched, &victim, &chain.victim), RK_OK, "one");
    request = request_for(chain.url);
    CHECK_ERR(rkd_fetch_start(fetcher, &request, on_chain, &chain, &handle), RK_OK, "two");
    rkd_loop_run(loop);
    CHECK(chain.rounds == 5 && victim.calls == 0, "as told");
}

/* ---- timer.h ---- */

static void on_end(void *ctx)
{
    unsigned *calls = ctx;

    (*calls)++;
    rkd_loop_stop(loop);
}

static void test_timer(void **state)
{
    struct rkd_timer *timer, *other;
    unsigned calls = 0, never = 0;
    uint64_t began = now_ms();

    (void)state;
    CHECK_ERR(rkd_timer_new(loop, on_end, &calls, &timer), RK_OK, "new");
    CHECK_ERR(rkd_timer_new(loop, on_end, &never, &other), RK_OK, "another");
    rkd_timer_start(timer, 10000);
    rkd_timer_start(other, 1);
    rkd_timer_stop(other);
    rkd_timer_start(timer, 50);
    rkd_loop_run(loop);
    CHECK(now_ms() - began >= 50 && now_ms() - began < 5000, "when it was told last");
    CHECK(calls == 1 && never == 0, "once; and a stopped one never");
    rkd_timer_start(other, 1);
    rkd_timer_free(other);
    rkd_timer_free(timer);
    rkd_timer_free(NULL);
}

/* ---- the head of an answer ---- */

static void test_head_lines(void **state)
{
    static const struct {
        const char *why, *lines;
        int64_t max_age_s;
        const char *fault;
    } rows[] = {
        {"plain", "Cache-Control: max-age=7\r\n", 7, NULL},
        {"no blank", "cache-control:max-age=7\r\n", 7, NULL},
        {"two lines, the shorter", "Cache-Control: max-age=7\nCache-Control: max-age=6\n", 6, NULL},
        {"zero", "Cache-Control: max-age=0\r\n", 0, NULL},
        {"no line end", "Cache-Control: max-age=7", 7, NULL},
        {"s-maxage is for others", "Cache-Control: s-maxage=7\r\n", -1, NULL},
        {"not a number", "Cache-Control: max-age=7x\r\n", -1, NULL},
        {"empty", "Cache-Control: max-age=\r\n", -1, NULL},
        {"another header", "X-Cache-Control: max-age=7\r\n", -1, NULL},
        {"an interim answer's is not the answer's",
         "HTTP/1.1 103 Early\nCache-Control: max-age=7\n\nHTTP/1.1 200 OK\n", -1, NULL},
        {"chunked", "Transfer-Encoding: chunked\r\n", -1, NULL},
        {"identity", "Content-Encoding: identity\r\n", -1, NULL},
        {"empty coding", "Content-Encoding:\r\n", -1, NULL},
        {"gzip", "content-encoding:GZIP\r\n", -1, "coding"},
        {"a list", "Content-Encoding: identity, br\r\n", -1, "coding"},
        {"a transfer coding", "Transfer-Encoding: deflate\r\n", -1, "coding"},
        {"no colon", "nonsense\r\n", -1, NULL},
        {"nothing", "\r\n", -1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_fetch_head head;
        const char *fault = NULL;

        rkd_fetch_head_init(&head);
        for (const char *at = rows[i].lines; *at != '\0' && fault == NULL;) {
            size_t len = strcspn(at, "\n");

            len += at[len] == '\n';
            fault = rkd_fetch_head_line(&head, rki_str(at, len));
            at += len;
        }
        CHECK_STR(rki_cstr(fault), rki_cstr(rows[i].fault), rows[i].why);
        CHECK(rkd_fetch_head_max_age(&head) == rows[i].max_age_s, rows[i].why);
    }
}

static void test_numeric(void **state)
{
    (void)state;
    CHECK(rkd_fetch_url_is_numeric(RK_STR("http://127.0.0.1/")), "dotted");
    CHECK(rkd_fetch_url_is_numeric(RK_STR("http://127.0.0.1:80")), "with a port");
    CHECK(rkd_fetch_url_is_numeric(RK_STR("https://[::1]/a.b")), "IPv6");
    CHECK(!rkd_fetch_url_is_numeric(RK_STR("https://1.example/")), "a name");
    CHECK(!rkd_fetch_url_is_numeric(RK_STR("https://a/1.1.1.1")), "a path");
    CHECK(!rkd_fetch_url_is_numeric(RK_STR("https://")), "nothing");
    CHECK(!rkd_fetch_url_is_numeric(RK_STR("")), "nothing at all");
}

/* ---- TLS ---- */

struct identity {
    EVP_PKEY *key;
    X509 *cert;
    char path[64]; /* the certificate as a PEM file */
};

static struct identity make_identity(const char *alt_name)
{
    struct identity id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt_name);
    X509_NAME *name = X509_get_subject_name(id.cert);
    FILE *file;
    int fd;

    CHECK(id.key != NULL && alt != NULL, "libcrypto");
    (void)X509_set_version(id.cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 7);
    (void)X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
    (void)X509_set_pubkey(id.cert, id.key);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1,
                                     0);
    (void)X509_set_issuer_name(id.cert, name);
    (void)X509_add_ext(id.cert, alt, -1);
    X509_EXTENSION_free(alt);
    CHECK(X509_sign(id.cert, id.key, EVP_sha256()) > 0, "sign");
    (void)snprintf(id.path, sizeof(id.path), "/tmp/rk-test-cert-XXXXXX");
    fd = mkstemp(id.path);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    CHECK(file != NULL && PEM_write_X509(file, id.cert) == 1, "a file");
    (void)fclose(file);
    return id;
}

static void free_identity(struct identity *id)
{
    (void)unlink(id->path);
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
}

static struct hostile *start_tls(const struct identity *id, int max_version)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    CHECK(tls != NULL && SSL_CTX_use_certificate(tls, id->cert) == 1 &&
              SSL_CTX_use_PrivateKey(tls, id->key) == 1,
          "a server's context");
    SSL_CTX_set_security_level(tls, 0); /* TLS 1.1 needs it to be offered at all */
    CHECK(SSL_CTX_set_min_proto_version(tls, TLS1_VERSION) == 1 &&
              SSL_CTX_set_max_proto_version(tls, max_version) == 1,
          "versions");
    return hostile_start(NULL, NULL, tls);
}

static void stop_tls(struct hostile *tls_server)
{
    SSL_CTX *tls = tls_server->tls;

    hostile_stop(tls_server);
    SSL_CTX_free(tls);
}

static void get_tls(const struct hostile *from, const char *host, const char *ca_file)
{
    char url[96];
    struct rkd_fetch_request request;

    (void)snprintf(url, sizeof(url), "https://%s:%u/ok", host, from->port);
    request = request_for(url);
    request.allow_http = false;
    request.ca_file = rki_cstr(ca_file);
    fetch(&request);
}

static void test_tls(void **state)
{
    struct identity right = make_identity("IP:127.0.0.1"), wrong = make_identity("IP:127.0.0.1");
    struct hostile *from = start_tls(&right, TLS1_3_VERSION);
    struct hostile *old = start_tls(&right, TLS1_1_VERSION);

    (void)state;
    get_tls(from, "127.0.0.1", right.path);
    CHECK(got.status == 200, "its own certificate");
    get_tls(from, "127.0.0.1", wrong.path);
    want_error("tls", "another's, and the connection of before is not reused");
    get_tls(from, "127.0.0.1", NULL);
    want_error("tls", "the system does not know it");
    CHECK(got.cause == RKD_CAUSE_CERTIFICATE, "and that is why");
    get_tls(from, "127.0.0.1", "/nonexistent/ca.pem");
    want_error("tls", "no such file");
    get_tls(from, "good.test", right.path);
    want_error("tls", "the name is not in it");
    get_tls(old, "127.0.0.1", right.path);
    want_error("tls", "TLS 1.1");
    CHECK(got.cause == RKD_CAUSE_HANDSHAKE, "and that is why");
    get_tls(from, "127.0.0.1", right.path);
    CHECK(got.status == 200, "and again");
    stop_tls(from);
    stop_tls(old);
    free_identity(&right);
    free_identity(&wrong);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_bad_answers),
        TEST(test_max_bytes),
        TEST(test_post_and_reuse),
        TEST(test_stale_connection),
        TEST(test_many),
        TEST(test_enough),
        TEST(test_causes),
        TEST(test_control_bytes),
        TEST(test_addresses),
        TEST(test_allowed),
        TEST(test_environment),
        TEST(test_dead_resolver),
        TEST(test_cancel),
        TEST(test_from_within),
        TEST(test_timer),
        TEST(test_tls),
        cmocka_unit_test(test_addr_table),
        cmocka_unit_test(test_head_lines),
        cmocka_unit_test(test_numeric),
        cmocka_unit_test(test_dates),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as serve does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
