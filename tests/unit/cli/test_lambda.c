/*
 * test_lambda.c - Lambda's events as requests, answers as results, and the client that carries
 * both.
 *
 * The whole loop is driven by tests/hosting/test_lambda.py; here are the bytes.
 */
#include "check.h"
#include "cli/lambda.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- events ---- */

#define EVENT(context, rest)                                                                       \
    "{\"version\":\"2.0\",\"requestContext\":{\"http\":{" context "}}," rest "}"
#define CONTEXT "\"method\":\"POST\",\"sourceIp\":\"203.0.113.7\""

static enum rk_err request_of(const char *text, char *head, size_t cap, size_t body_cap)
{
    struct rki_buf out = rki_buf_over(head, cap - 1);
    char bytes[64];
    struct rki_buf body = rki_buf_over(bytes, body_cap);
    json_t *event = json_loads(text, JSON_ALLOW_NUL, NULL);
    enum rk_err err;

    assert_non_null(event);
    err = rkd_lambda_request(event, &out, &body);
    json_decref(event);
    rki_buf_put(&out, rki_buf_str(&body));
    head[out.len] = '\0';
    return err;
}

static void test_requests(void **state)
{
    static const struct {
        const char *why, *event, *want;
    } rows[] = {
        {"base64, a query, a forged client, what belongs to a connection",
         EVENT(CONTEXT,
               "\"rawPath\":\"/v1/token\",\"rawQueryString\":\"a=1\",\"headers\":{\"host\":"
               "\"h\",\"x-forwarded-for\":\"1.2.3.4\",\"Connection\":\"x\",\"content-"
               "length\":\"9\",\"expect\":\"100-continue\",\"forwarded\":\"for=1\",\"a\":"
               "\"b, c\"},\"body\":\"e30=\",\"isBase64Encoded\":true"),
         "POST /v1/token?a=1 HTTP/1.1\r\nConnection: close\r\nHost: h\r\nx-forwarded-for: "
         "1.2.3.4\r\na: b, c\r\nX-Forwarded-For: 203.0.113.7\r\nContent-Length: 2\r\n\r\n{}"},
        {"text, no headers", EVENT(CONTEXT, "\"rawPath\":\"/\",\"body\":\"{}\""),
         "POST / HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nX-Forwarded-For: "
         "203.0.113.7\r\nContent-Length: 2\r\n\r\n{}"},
        {"no body", EVENT(CONTEXT, "\"rawPath\":\"/\",\"isBase64Encoded\":true"),
         "POST / HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nX-Forwarded-For: "
         "203.0.113.7\r\nContent-Length: 0\r\n\r\n"},
    };
    char head[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_ERR(request_of(rows[i].event, head, sizeof(head), 64), RK_OK, rows[i].why);
        assert_string_equal(head, rows[i].want);
    }
}

static void test_no_requests(void **state)
{
    static const struct {
        const char *why, *event;
        enum rk_err want;
    } rows[] = {
        {"nothing", "{}", RK_E_INVAL},
        {"no object", "[]", RK_E_INVAL},
        {"no method", EVENT("\"sourceIp\":\"::1\"", "\"rawPath\":\"/\""), RK_E_INVAL},
        {"no client", EVENT("\"method\":\"GET\"", "\"rawPath\":\"/\""), RK_E_INVAL},
        {"no path", EVENT(CONTEXT, "\"rawPath\":\"\""), RK_E_INVAL},
        {"another form of target", EVENT(CONTEXT, "\"rawPath\":\"*\""), RK_E_INVAL},
        {"two words", EVENT(CONTEXT, "\"rawPath\":\"/ HTTP/1.0\""), RK_E_INVAL},
        {"a line in the query", EVENT(CONTEXT, "\"rawPath\":\"/\",\"rawQueryString\":\"a\\r\\nb\""),
         RK_E_INVAL},
        {"a line in a value", EVENT(CONTEXT, "\"rawPath\":\"/\",\"headers\":{\"a\":\"b\\nc: d\"}"),
         RK_E_INVAL},
        {"NUL in a value", EVENT(CONTEXT, "\"rawPath\":\"/\",\"headers\":{\"a\":\"\\u0000\"}"),
         RK_E_INVAL},
        {"a name with its value", EVENT(CONTEXT, "\"rawPath\":\"/\",\"headers\":{\"a:b\":\"c\"}"),
         RK_E_INVAL},
        {"no text", EVENT(CONTEXT, "\"rawPath\":\"/\",\"headers\":{\"a\":1}"), RK_E_INVAL},
        {"no base64", EVENT(CONTEXT, "\"rawPath\":\"/\",\"body\":\"*\",\"isBase64Encoded\":true"),
         RK_E_INVAL},
        {"a long text", EVENT(CONTEXT, "\"rawPath\":\"/\",\"body\":\"AAAAA\""), RK_E_TOO_LONG},
    };
    char head[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_ERR(request_of(rows[i].event, head, sizeof(head), 4), rows[i].want, rows[i].why);
    CHECK_ERR(request_of(EVENT(CONTEXT, "\"rawPath\":\"/\""), head, 40, 4), RK_E_TOO_LONG,
              "no room for the head");
}

static void test_results(void **state)
{
    const struct rkd_http_answer answer = {
        .status = 200,
        .fields = RK_STR("Content-Type: application/json\r\nConnection: close\r\nX: \"\r\n"),
        .body = RK_STR("{\"a\":\"\xc3\xa9\"}")};
    char text[256];
    struct rki_buf out = rki_buf_over(text, sizeof(text) - 1);

    (void)state;
    assert_true(rkd_lambda_result(&answer, &out));
    text[out.len] = '\0';
    assert_string_equal(text,
                        "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"application/json\","
                        "\"X\":\"\\\"\"},\"body\":\"{\\\"a\\\":\\\"\xc3\xa9\\\"}\","
                        "\"isBase64Encoded\":false}");
    out = rki_buf_over(text, 100);
    assert_false(rkd_lambda_result(&answer, &out));
}

/* ---- the client ---- */

struct server {
    int fd;
    struct rk_str answer;
    size_t piece;
};

static void *serve(void *arg)
{
    const struct server *server = arg;
    int fd = accept(server->fd, NULL, NULL);
    char request[256];

    assert_true(read(fd, request, sizeof(request)) > 0);
    for (size_t at = 0; at < server->answer.len; at += server->piece) {
        const size_t left = server->answer.len - at;

        (void)send(fd, server->answer.ptr + at, left < server->piece ? left : server->piece,
                   MSG_NOSIGNAL);
    }
    (void)close(fd);
    return NULL;
}

static enum rk_err exchange(struct rk_str answer, size_t piece, bool to_head, char *data,
                            size_t cap, struct rkd_http_answer *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    struct server server = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), answer, piece};
    struct rkd_listen to = {
        .kind = RKD_LISTEN_TCP,
        .addr = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .is_v4 = true}};
    const struct rkd_http_request request = {.head = to_head ? RK_STR("HEAD / HTTP/1.1\r\n\r\n")
                                                             : RK_STR("GET / HTTP/1.1\r\n\r\n"),
                                             .timeout_ms = 20000,
                                             .stop_fd = -1};
    pthread_t thread;
    enum rk_err err;

    assert_int_equal(bind(server.fd, (const struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(server.fd, 1), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&in, &len), 0);
    to.port = ntohs(in.sin_port);
    assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
    err = rkd_http_exchange(&to, &request, data, cap, out);
    (void)pthread_join(thread, NULL);
    (void)close(server.fd);
    return err;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nA: b\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static void test_answers(void **state)
{
    static const struct {
        const char *why;
        struct rk_str answer;
        bool to_head;
        enum rk_err want;
        const char *body;
    } rows[] = {
        {"a length", RK_STR_INIT(OK_HEAD "Content-Length: 3\r\n\r\nabcd"), false, RK_OK, "abc"},
        {"no body", RK_STR_INIT(OK_HEAD "\r\n"), false, RK_OK, ""},
        {"an answer to HEAD", RK_STR_INIT(OK_HEAD "Content-Length: 3\r\n\r\n"), true, RK_OK, ""},
        {"chunks", RK_STR_INIT(CHUNKED "3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"), false,
         RK_OK, "abc0123456789"},
        {"no more than the head", RK_STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), false, RK_OK, ""},
        {"half a body", RK_STR_INIT(OK_HEAD "Content-Length: 3\r\n\r\nab"), false, RK_E_IO, NULL},
        {"half a chunk", RK_STR_INIT(CHUNKED "3\r\nab"), false, RK_E_IO, NULL},
        {"no last chunk", RK_STR_INIT(CHUNKED "3\r\nabc\r\n"), false, RK_E_IO, NULL},
        {"no number", RK_STR_INIT(CHUNKED "\r\nabc\r\n0\r\n\r\n"), false, RK_E_IO, NULL},
        {"a number that would wrap", RK_STR_INIT(CHUNKED "fffffffffffffffd\r\nabc\r\n0\r\n\r\n"),
         false, RK_E_IO, NULL},
        {"a length that is none", RK_STR_INIT(OK_HEAD "Content-Length: -1\r\n\r\n"), false, RK_E_IO,
         NULL},
        {"no HTTP", RK_STR_INIT("SSH-2.0-x\r\n\r\n"), false, RK_E_IO, NULL},
        {"nothing", RK_STR_INIT(""), false, RK_E_IO, NULL},
        {"more than there is room for",
         RK_STR_INIT(OK_HEAD
                     "Content-Length: 200\r\n\r\n"
                     "0123456789012345678901234567890123456789012345678901234567890123456789"
                     "0123456789012345678901234567890123456789012345678901234567890123456789"),
         false, RK_E_TOO_LONG, NULL},
    };
    static const size_t pieces[] = {1, 1000};
    char data[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
            struct rkd_http_answer out;

            CHECK_ERR(
                exchange(rows[i].answer, pieces[k], rows[i].to_head, data, sizeof(data), &out),
                rows[i].want, rows[i].why);
            if (rows[i].want == RK_E_TOO_LONG)
                assert_true(rki_str_equal(rkd_http_find(&out, RK_STR("a")), RK_STR("b")));
            if (rows[i].want != RK_OK)
                continue;
            assert_int_equal(out.status, 200);
            CHECK(rki_str_equal(out.body, rki_cstr(rows[i].body)), rows[i].why);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_no_requests),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
