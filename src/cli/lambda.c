/*
 * lambda.c - Lambda's runtime API: next event, the service's answer, next event.
 *
 * One event at a time, each asked over a connection of its own, because the process is frozen
 * between events. May touch: loopback sockets, one thread, the clock.
 * Source: AWS Lambda developer guide, runtimes-api and urls-invocation (payload format 2.0).
 */
#include "cli/lambda.h"

#include "api/envelope.h"
#include "config/number.h"
#include "core/b64.h"
#include "core/json.h"
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
#define LINE_END " HTTP/1.1\r\nHost: lambda\r\nConnection: close\r\n"
#define FAILED(type, text)                                                                         \
    RK_STR_INIT("{\"errorMessage\":\"" text "\",\"errorType\":\"Roomkey." type                     \
                "\",\"stackTrace\":[]}")
#define REFUSED(status, title)                                                                     \
    RK_STR_INIT("{\"statusCode\":" status ",\"headers\":{\"Content-Type\":\"application/"          \
                "problem+json\",\"Cache-Control\":\"no-store\"},\"body\":\"{\\\"type\\\":"         \
                "\\\"about:blank\\\",\\\"title\\\":\\\"" title "\\\",\\\"status\\\":" status       \
                "}\",\"isBase64Encoded\":false}")

/* ---- an event as a request, an answer as a result ---- */

/* Belongs to the connection, which is ours; says who the client is, where X-Forwarded-For is what
 * Lambda means; or nothing here reads it. */
static bool is_left_out(struct rk_str name)
{
    static const struct rk_str names =
        RK_STR_INIT("connection,keep-alive,content-length,transfer-encoding,te,trailer,upgrade,"
                    "expect,proxy-connection,forwarded,cookie,host");
    struct rk_str rest = names, one;

    while (rkd_list_next(&rest, ',', &one))
        if (rki_str_equal_nocase(name, one))
            return true;
    return false;
}

static bool is_word(struct rk_str text)
{
    return text.len != 0 && rkd_str_is_visible(text);
}

enum rk_err rkd_lambda_request(const json_t *event, struct rki_buf *head, struct rki_buf *body)
{
    const json_t *http = json_object_get(json_object_get(event, "requestContext"), "http");
    json_t *headers = json_object_get(event, "headers"), *value;
    const struct rk_str method = rki_json_str(json_object_get(http, "method"));
    const struct rk_str client = rki_json_str(json_object_get(http, "sourceIp"));
    const struct rk_str path = rki_json_str(json_object_get(event, "rawPath"));
    const struct rk_str query = rki_json_str(json_object_get(event, "rawQueryString"));
    const struct rk_str host = rki_json_str(json_object_get(headers, "host"));
    const struct rk_str text = rki_json_str(json_object_get(event, "body"));
    const char *name;

    if (!is_word(method) || !is_word(client) || !is_word(path) || path.ptr[0] != '/' ||
        !rkd_str_is_visible(query) || !rkd_str_is_visible(host))
        return RK_E_INVAL;
    if (!json_is_true(json_object_get(event, "isBase64Encoded")))
        rki_buf_put(body, text);
    else if (rki_b64_std_decode(text, body->ptr, body->cap, &body->len) != RK_OK)
        return RK_E_INVAL;
    rki_buf_put(head, method);
    rki_buf_char(head, ' ');
    rki_buf_put(head, path);
    rki_buf_put(head, query.len == 0 ? query : RK_STR("?"));
    rki_buf_put(head, query);
    rki_buf_lit(head, " HTTP/1.1\r\nConnection: close\r\nHost: ");
    rki_buf_put(head, host.len == 0 ? RK_STR("localhost") : host);
    rki_buf_lit(head, "\r\n");
    json_object_foreach(headers, name, value)
    {
        if (!is_left_out(rki_cstr(name)) &&
            (!json_is_string(value) ||
             !rkd_envelope_put_field(head, rki_cstr(name), rki_json_str(value))))
            return RK_E_INVAL;
    }
    /* behind what proxies before AWS said: the last is whom to believe */
    (void)rkd_envelope_put_field(head, RK_STR("X-Forwarded-For"), client);
    rki_buf_lit(head, "Content-Length: ");
    rki_buf_int(head, (int64_t)body->len);
    rki_buf_lit(head, "\r\n\r\n");
    return head->overflow || body->overflow ? RK_E_TOO_LONG : RK_OK;
}

bool rkd_lambda_result(const struct rkd_http_answer *answer, struct rki_buf *out)
{
    rki_buf_char(out, '{');
    rkd_envelope_put_answer(out, answer->status, answer->fields, answer->body);
    rki_buf_lit(out, ",\"isBase64Encoded\":false}");
    return !out->overflow;
}

/* ---- the runtime API ---- */

/* POSTs `body` to PATH and LAST below API. False: it was not taken. */
static bool post(const struct rkd_lambda *lambda, struct rk_str path, struct rk_str last,
                 struct rk_str body)
{
    char text[512], data[4096];
    struct rki_buf head = rki_buf_over(text, sizeof(text));
    struct rkd_http_request request = {.body = body, .timeout_ms = CALL_MS, .stop_fd = -1};
    struct rkd_http_answer answer;

    rki_buf_lit(&head, "POST " API);
    rki_buf_put(&head, path);
    rki_buf_put(&head, last);
    rki_buf_lit(&head, LINE_END "Content-Type: application/json\r\n");
    if (rki_str_equal(last, RK_STR("/error")))
        rki_buf_lit(&head, "Lambda-Runtime-Function-Error-Type: Roomkey.Failed\r\n");
    rki_buf_lit(&head, "Content-Length: ");
    rki_buf_int(&head, (int64_t)body.len);
    rki_buf_lit(&head, "\r\n\r\n");
    request.head = rki_buf_str(&head);
    return !head.overflow &&
           rkd_http_exchange(&lambda->api, &request, data, sizeof(data), &answer) == RK_OK &&
           answer.status == 202;
}

/* Milliseconds until Lambda's deadline, less the margin; at least one. */
static int64_t time_left(const struct rkd_http_answer *next)
{
    const struct rk_str text = rkd_http_find(next, RK_STR("Lambda-Runtime-Deadline-Ms"));
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
    struct rkd_http_request request = {.timeout_ms = time_left(next), .stop_fd = -1};
    struct rkd_http_answer answer;
    json_t *event = NULL;

    if (err == RK_OK)
        err = rki_json_parse(next->body, RKI_JSON_ALLOW_NUL, &event, NULL);
    if (err == RK_OK)
        err = rkd_lambda_request(event, &head, &body);
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
    const struct rkd_http_request ask = {.head =
                                             RK_STR("GET " API "invocation/next" LINE_END "\r\n"),
                                         .timeout_ms = -1,
                                         .stop_fd = lambda->stop[0]};
    char text[128];
    struct rki_buf path = rki_buf_over(text, sizeof(text));
    struct rkd_http_answer next;
    struct rk_str id, result;
    const enum rk_err err =
        rkd_http_exchange(&lambda->api, &ask, room->event, sizeof(room->event), &next);

    id = rkd_http_find(&next, RK_STR("Lambda-Runtime-Aws-Request-Id"));
    if ((err != RK_OK && err != RK_E_TOO_LONG) || next.status != 200 || !is_word(id))
        return false;
    rki_buf_lit(&path, "invocation/");
    rki_buf_put(&path, id);
    result = answer_event(lambda, room, &next, err);
    return (result.len != 0 && post(lambda, rki_buf_str(&path), RK_STR("/response"), result)) ||
           post(lambda, rki_buf_str(&path), RK_STR("/error"), failed);
}

/* ---- life ---- */

/* Ends when it is told to (NULL), or when it cannot go on. */
static void *run(void *arg)
{
    struct rkd_lambda *lambda = arg;
    struct room *room = malloc(sizeof(*room));
    struct pollfd stop = {.fd = lambda->stop[0], .events = POLLIN};

    while (room != NULL && serve_event(lambda, room))
        ;
    free(room);
    if (poll(&stop, 1, 0) != 0)
        return NULL;
    rkd_say_at(lambda->cli, "lambda", "the runtime API does not answer as it should");
    (void)kill(getpid(), SIGTERM);
    return lambda;
}

bool rkd_lambda_is_here(const struct rkd_env *env)
{
    return rkd_env_get(env, "AWS_LAMBDA_RUNTIME_API").ptr != NULL &&
           rkd_env_get(env, "AWS_LWA_PORT").ptr == NULL;
}

bool rkd_lambda_open(struct rkd_lambda *lambda, const struct rkd_cli *cli)
{
    *lambda = (struct rkd_lambda){.cli = cli};
    if (access("/opt/extensions/lambda-adapter", F_OK) == 0) /* both would fetch the events */
        rkd_say_at(cli, "AWS_LWA_PORT",
                   "the Lambda Web Adapter is here: set this to the port it and roomkey shall use");
    else if (!rkd_listen_parse(rkd_env_get(&cli->env, "AWS_LAMBDA_RUNTIME_API"), &lambda->api))
        rkd_say_at(cli, "AWS_LAMBDA_RUNTIME_API", "expected ADDRESS:PORT");
    else if (pipe2(lambda->stop, O_CLOEXEC) != 0)
        rkd_say_at(cli, "lambda", "no descriptors");
    else
        return true;
    return false;
}

void rkd_lambda_start(struct rkd_lambda *lambda, const char *address)
{
    lambda->is_started = rkd_listen_parse(rki_cstr(address), &lambda->service) &&
                         rkd_thread_start(&lambda->thread, run, lambda);
    if (!lambda->is_started)
        (void)kill(getpid(), SIGTERM); /* rkd_lambda_close says that it did not start */
}

int rkd_lambda_close(struct rkd_lambda *lambda, int code)
{
    static const struct rk_str failed = FAILED("Init", "roomkey did not start: its log says why");
    void *failure = lambda;

    (void)close(lambda->stop[1]);
    if (lambda->is_started)
        (void)pthread_join(lambda->thread, &failure);
    else if (!post(lambda, RK_STR("init"), RK_STR("/error"), failed))
        rkd_say_at(lambda->cli, "lambda", "the runtime API could not be told");
    (void)close(lambda->stop[0]);
    return code == RKD_EXIT_OK && failure != NULL ? RKD_EXIT_REFUSED : code;
}
