/*
 * lambda.c - Lambda's runtime API: next event, the service's answer, next event.
 *
 * One event at a time, each asked over a connection of its own, because the process is frozen
 * between events. May touch: loopback sockets, one thread, the clock.
 * Source: AWS Lambda developer guide, runtimes-api and urls-invocation (payload format 2.0).
 */
#include "cli/lambda.h"

#include "config/number.h"
#include "core/b64.h"
#include "core/json.h"
#include "core/utf8.h"
#include "serve/thread.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENT_MAX = RKI_JSON_TEXT_MAX + 65536, /* a longer one cannot be read, but has an id */
    HEAD_MAX = 256 * 1024,                 /* of the request: the service's own limit is below */
    ANSWER_MAX = 1024 * 1024,
    MARGIN_MS = 100, /* before the deadline, to say that there is no answer */
    CALL_MS = 10000, /* for the API to take something */
};

/* Room for one event on its way, reused for the next. */
struct room {
    char event[EVENT_MAX], head[HEAD_MAX], body[RKI_JSON_TEXT_MAX], answer[ANSWER_MAX],
        result[2 * ANSWER_MAX];
};

#define API "/2018-06-01/runtime/"
#define FAILED(type, text)                                                                         \
    RK_STR_INIT("{\"errorMessage\":\"" text "\",\"errorType\":\"Roomkey." type                     \
                "\",\"stackTrace\":[]}")
#define REFUSED(status, title)                                                                     \
    RK_STR_INIT("{\"statusCode\":" status ",\"headers\":{\"Content-Type\":\"application/"          \
                "problem+json\",\"Cache-Control\":\"no-store\"},\"body\":\"{\\\"type\\\":"         \
                "\\\"about:blank\\\",\\\"title\\\":\\\"" title "\\\",\\\"status\\\":" status       \
                "}\",\"isBase64Encoded\":false}")

/* ---- an event as a request ---- */

/* Bytes that cannot end their line; a word also has no blanks, and something in it. */
static bool put_plain(struct rki_buf *out, struct rk_str text, bool is_word)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f || (is_word && c <= ' '))
            return false;
    }
    rki_buf_put(out, text);
    return !is_word || text.len != 0;
}

/* Belongs to the connection, which is ours; says who the client is, which Lambda says better; or
 * nothing here reads it. */
static bool is_left_out(struct rk_str name)
{
    static const struct rk_str names =
        RK_STR_INIT("connection,keep-alive,content-length,transfer-encoding,te,trailer,upgrade,"
                    "expect,proxy-connection,x-forwarded-for,forwarded,cookie,host");
    struct rk_str rest = names, one;

    while (rkd_list_next(&rest, ',', &one))
        if (rki_str_equal_nocase(name, one))
            return true;
    return false;
}

/* What proxies before AWS said, then whom AWS itself saw: the last is the one to believe. */
static bool put_client(struct rki_buf *head, const json_t *headers, const json_t *http)
{
    const struct rk_str before = rki_json_str(json_object_get(headers, "x-forwarded-for"));
    const struct rk_str source = rki_json_str(json_object_get(http, "sourceIp"));

    rki_buf_lit(head, "X-Forwarded-For: ");
    if (!put_plain(head, before, false))
        return false;
    if (before.len != 0)
        rki_buf_lit(head, ", ");
    if (!put_plain(head, source, true))
        return false;
    rki_buf_lit(head, "\r\n");
    return true;
}

static bool put_headers(struct rki_buf *head, json_t *headers)
{
    const struct rk_str host = rki_json_str(json_object_get(headers, "host"));
    const char *key;
    json_t *member;

    rki_buf_lit(head, "Host: ");
    if (!put_plain(head, host.len == 0 ? RK_STR("localhost") : host, true))
        return false;
    rki_buf_lit(head, "\r\n");
    json_object_foreach(headers, key, member)
    {
        const struct rk_str name = rki_cstr(key), value = rki_json_str(member);

        if (is_left_out(name))
            continue;
        if (value.ptr == NULL || memchr(name.ptr, ':', name.len) != NULL ||
            !put_plain(head, name, true))
            return false;
        rki_buf_lit(head, ": ");
        if (!put_plain(head, value, false))
            return false;
        rki_buf_lit(head, "\r\n");
    }
    return true;
}

static enum rk_err put_body(struct rki_buf *body, const json_t *event)
{
    const struct rk_str text = rki_json_str(json_object_get(event, "body"));
    enum rk_err err;

    if (json_is_true(json_object_get(event, "isBase64Encoded")) && text.len != 0) {
        err = rki_b64_std_decode(text, body->ptr, body->cap, &body->len);
        return err == RK_OK || err == RK_E_TOO_LONG ? err : RK_E_INVAL;
    }
    rki_buf_put(body, text);
    return body->overflow ? RK_E_TOO_LONG : RK_OK;
}

enum rk_err rkd_lambda_request(const json_t *event, struct rki_buf *head, struct rki_buf *body,
                               bool *out_to_head)
{
    json_t *headers = json_object_get(event, "headers");
    const json_t *http = json_object_get(json_object_get(event, "requestContext"), "http");
    const struct rk_str method = rki_json_str(json_object_get(http, "method"));
    const struct rk_str path = rki_json_str(json_object_get(event, "rawPath"));
    const struct rk_str query = rki_json_str(json_object_get(event, "rawQueryString"));
    const enum rk_err err = put_body(body, event);

    if (err != RK_OK)
        return err;
    if (!put_plain(head, method, true))
        return RK_E_INVAL;
    rki_buf_lit(head, " ");
    if (path.len == 0 || path.ptr[0] != '/' || !put_plain(head, path, true))
        return RK_E_INVAL;
    if (query.len != 0)
        rki_buf_lit(head, "?");
    if (query.len != 0 && !put_plain(head, query, true))
        return RK_E_INVAL;
    rki_buf_lit(head, " HTTP/1.1\r\n");
    if (!put_headers(head, headers) || !put_client(head, headers, http))
        return RK_E_INVAL;
    rki_buf_lit(head, "Connection: close\r\nContent-Length: ");
    rki_buf_int(head, (int64_t)body->len);
    rki_buf_lit(head, "\r\n\r\n");
    *out_to_head = rki_str_equal(method, RK_STR("HEAD"));
    return head->overflow ? RK_E_TOO_LONG : RK_OK;
}

/* ---- an answer as a result ---- */

bool rkd_lambda_result(const struct rkd_http_answer *answer, struct rki_buf *out)
{
    struct rk_str rest = answer->fields, name, value;
    bool is_first = true;

    rki_buf_lit(out, "{\"statusCode\":");
    rki_buf_int(out, answer->status);
    rki_buf_lit(out, ",\"headers\":{");
    while (rkd_http_field(&rest, &name, &value)) { /* the service gives no field twice */
        if (is_left_out(name))
            continue;
        if (!is_first)
            rki_buf_char(out, ',');
        is_first = false;
        rki_buf_json(out, name);
        rki_buf_char(out, ':');
        rki_buf_json(out, value);
    }
    rki_buf_lit(out, "},\"body\":");
    rki_buf_json(out, answer->body);
    rki_buf_lit(out, ",\"isBase64Encoded\":false}");
    return !out->overflow && rki_utf8_is_valid(rki_buf_str(out));
}

/* ---- the runtime API ---- */

/* POSTs `body` to PATH and LAST below API; the status, 0 when nobody answered. */
static unsigned post(const struct rkd_lambda *lambda, struct rk_str path, struct rk_str last,
                     struct rk_str body)
{
    char text[512], data[4096];
    struct rki_buf head = rki_buf_over(text, sizeof(text));
    struct rkd_http_request request = {.body = body, .timeout_ms = CALL_MS, .stop_fd = -1};
    struct rkd_http_answer answer;

    rki_buf_lit(&head, "POST " API);
    rki_buf_put(&head, path);
    rki_buf_put(&head, last);
    rki_buf_lit(&head, " HTTP/1.1\r\nHost: lambda\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\n");
    if (rki_str_equal(last, RK_STR("/error")))
        rki_buf_lit(&head, "Lambda-Runtime-Function-Error-Type: Roomkey.Failed\r\n");
    rki_buf_lit(&head, "Content-Length: ");
    rki_buf_int(&head, (int64_t)body.len);
    rki_buf_lit(&head, "\r\n\r\n");
    request.head = rki_buf_str(&head);
    if (head.overflow ||
        rkd_http_exchange(&lambda->api, &request, data, sizeof(data), &answer) != RK_OK)
        return 0;
    return answer.status;
}

/* Milliseconds until Lambda's deadline, less the margin; at least one. */
static int64_t time_left(struct rk_str fields)
{
    const struct rk_str text = rkd_http_find(fields, RK_STR("Lambda-Runtime-Deadline-Ms"));
    struct timespec now = {0};
    uint64_t deadline;
    int64_t left;

    if (!rkd_number_parse(text, INT64_MAX, &deadline))
        return CALL_MS;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    left = (int64_t)deadline - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000) - MARGIN_MS;
    return left < 1 ? 1 : left;
}

/* What the service says to an event, as a result; empty: nothing, or nothing in time. */
static struct rk_str answer_event(const struct rkd_lambda *lambda, struct room *room,
                                  const struct rkd_http_answer *next, enum rk_err err)
{
    static const struct rk_str bad = REFUSED("400", "Bad Request");
    static const struct rk_str too_large = REFUSED("413", "Content Too Large");
    struct rki_buf head = rki_buf_over(room->head, sizeof(room->head));
    struct rki_buf body = rki_buf_over(room->body, sizeof(room->body));
    struct rki_buf result = rki_buf_over(room->result, sizeof(room->result));
    struct rkd_http_request request = {.timeout_ms = time_left(next->fields), .stop_fd = -1};
    struct rkd_http_answer answer;
    json_t *event = NULL;

    if (err == RK_OK)
        err = rki_json_parse(next->body, RKI_JSON_ALLOW_NUL, &event, NULL);
    if (err == RK_OK)
        err = rkd_lambda_request(event, &head, &body, &request.to_head);
    json_decref(event);
    if (err != RK_OK)
        return err == RK_E_TOO_LONG ? too_large : bad;
    request.head = rki_buf_str(&head);
    request.body = rki_buf_str(&body);
    err =
        rkd_http_exchange(&lambda->service, &request, room->answer, sizeof(room->answer), &answer);
    return err == RK_OK && rkd_lambda_result(&answer, &result) ? rki_buf_str(&result)
                                                               : rki_str(NULL, 0);
}

/* One event from end to end; false when there can be no next one. */
static bool serve_event(const struct rkd_lambda *lambda, struct room *room)
{
    static const struct rk_str failed = FAILED("Failed", "no answer before the deadline");
    static const struct rk_str next_head =
        RK_STR_INIT("GET " API "invocation/next HTTP/1.1\r\nHost: lambda\r\n"
                    "Connection: close\r\n\r\n");
    const struct rkd_http_request ask = {
        .head = next_head, .timeout_ms = -1, .stop_fd = lambda->stop[0]};
    char text[128];
    struct rki_buf path = rki_buf_over(text, sizeof(text));
    struct rkd_http_answer next;
    struct rk_str result;
    const enum rk_err err =
        rkd_http_exchange(&lambda->api, &ask, room->event, sizeof(room->event), &next);

    rki_buf_lit(&path, "invocation/");
    if ((err != RK_OK && err != RK_E_TOO_LONG) || next.status != 200 ||
        !put_plain(&path, rkd_http_find(next.fields, RK_STR("Lambda-Runtime-Aws-Request-Id")),
                   true))
        return false;
    result = answer_event(lambda, room, &next, err);
    if (result.len != 0 && post(lambda, rki_buf_str(&path), RK_STR("/response"), result) == 202)
        return true;
    return post(lambda, rki_buf_str(&path), RK_STR("/error"), failed) == 202;
}

/* ---- life ---- */

static void *run(void *arg)
{
    struct rkd_lambda *lambda = arg;
    struct room *room = malloc(sizeof(*room));
    struct pollfd stop = {.fd = lambda->stop[0], .events = POLLIN};

    while (room != NULL && serve_event(lambda, room))
        ;
    free(room);
    if (poll(&stop, 1, 0) == 0) { /* nobody asked us to end */
        rkd_say_at(lambda->cli, "lambda", "the runtime API does not answer as it should");
        lambda->has_failed = true;
        (void)kill(getpid(), SIGTERM);
    }
    return NULL;
}

bool rkd_lambda_is_here(const struct rkd_env *env)
{
    return rkd_env_get(env, "AWS_LAMBDA_RUNTIME_API").ptr != NULL &&
           rkd_env_get(env, "AWS_LWA_PORT").ptr == NULL;
}

/* "127.0.0.1:9001", read as --listen is, without anything else. */
static bool read_address(const char *text, struct rkd_listen *out)
{
    static char *const no_entries[] = {NULL};
    const struct rkd_env nothing = {.entries = no_entries};
    const struct rkd_flags flags = {.listen = &text, .listen_count = 1};
    struct rkd_listen all[RKD_LISTEN_MAX];
    struct rkd_raw_error error = {.text = ""};
    size_t count = 0;

    if (rkd_listen_read(&nothing, &flags, all, &count, &error) != RK_OK || count != 1)
        return false;
    *out = all[0];
    return true;
}

bool rkd_lambda_open(struct rkd_lambda *lambda, const struct rkd_cli *cli)
{
    const struct rk_str api = rkd_env_get(&cli->env, "AWS_LAMBDA_RUNTIME_API");

    *lambda = (struct rkd_lambda){.cli = cli};
    if (access("/opt/extensions/lambda-adapter", F_OK) == 0) { /* both would fetch the events */
        rkd_say_at(cli, "AWS_LWA_PORT",
                   "the Lambda Web Adapter is here: set this to the port it and roomkey shall use");
        return false;
    }
    if (!read_address(api.ptr, &lambda->api)) {
        rkd_say_at(cli, "AWS_LAMBDA_RUNTIME_API", "expected ADDRESS:PORT");
        return false;
    }
    if (pipe2(lambda->stop, O_CLOEXEC) != 0) {
        rkd_say_at(cli, "lambda", "no descriptors");
        return false;
    }
    return true;
}

void rkd_lambda_start(struct rkd_lambda *lambda, const char *address)
{
    if (lambda->is_started)
        return;
    lambda->is_started =
        read_address(address, &lambda->service) && rkd_thread_start(&lambda->thread, run, lambda);
    if (!lambda->is_started)
        (void)kill(getpid(), SIGTERM); /* rkd_lambda_close says that it did not start */
}

int rkd_lambda_close(struct rkd_lambda *lambda, int code)
{
    static const struct rk_str failed = FAILED("Init", "roomkey did not start: its log says why");

    (void)close(lambda->stop[1]);
    if (lambda->is_started)
        (void)pthread_join(lambda->thread, NULL);
    else if (post(lambda, RK_STR("init"), RK_STR("/error"), failed) != 202)
        rkd_say_at(lambda->cli, "lambda", "the runtime API could not be told");
    (void)close(lambda->stop[0]);
    if (code == RKD_EXIT_OK && (!lambda->is_started || lambda->has_failed))
        code = RKD_EXIT_REFUSED;
    return code;
}
