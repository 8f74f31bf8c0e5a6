/*
 * answer.c - writes the one answer of a call, whatever it has come to, and hands it to net.
 *
 * The body is made first in the worker's buffer, so that head and body go out in one piece with a
 * true Content-Length. May touch: the call, the exchange's output buffer, the clock's cached Date.
 * Decides nothing but the shape.
 */
#include "api/envelope.h"
#include "serve/cors.h"
#include "serve/explain.h"
#include "serve/ready.h"
#include "serve/service.h"

struct answer {
    unsigned status;
    struct rk_str phrase;
    struct rk_str type; /* absent: no body */
    struct rki_buf body;
};

struct rk_str rkd_status_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        struct rk_str phrase;
    } rows[] = {
        {200, RK_STR_INIT("OK")},
        {201, RK_STR_INIT("Created")},
        {204, RK_STR_INIT("No Content")},
        {404, RK_STR_INIT("Not Found")},
        {405, RK_STR_INIT("Method Not Allowed")},
        {421, RK_STR_INIT("Misdirected Request")},
        {503, RK_STR_INIT("Service Unavailable")},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].phrase;
    return RK_STR("Refused");
}

/* ---- bodies ---- */

static void write_refusal(struct rkd_call *call, struct answer *answer)
{
    const struct rkd_error_view view = {
        .problem = &call->problem,
        .request_id = rki_str(call->request_id, RKD_ID_LEN),
        .path = call->request->path,
        .now_ms = call->now_ms,
    };
    const struct rkd_contract *contract =
        call->problem.err == RKD_E_NOT_FOUND ? &rkd_plain : call->contract; /* H14 */

    answer->status = contract->status(call->problem.err);
    answer->phrase = rkd_error_row(call->problem.err)->title;
    if (answer->status == 500)
        answer->phrase = rkd_error_row(RKD_E_INTERNAL)->title;
    answer->type = contract->error_type;
    answer->body.len = 0;
    answer->body.overflow = false;
    contract->write_error(&answer->body, &view);
}

static void write_ready(const struct rkd_call *call, struct answer *answer)
{
    const struct rkd_ready ready = {
        .has_key = call->lease->signer != NULL,
        .can_verify = rkd_lease_can_verify(call->lease, call->now_ms / 1000),
        .wants = call->lease->snapshot->wants,
        .has_url = !rkd_settings_miss_url(&call->snapshot->settings),
        .loops_turn = rkd_lag_is_ok(&call->worker->lag),
        .is_staying = !atomic_load(&call->worker->service->is_draining),
    };

    answer->status = rkd_ready_write(&answer->body, &ready);
}

static void write_page(const struct rkd_call *call, struct answer *answer)
{
    answer->status = 200;
    answer->type = call->route->page == RKD_PAGE_ROOT ? RK_STR("application/json")
                                                      : RK_STR("application/health+json");
    if (call->route->page == RKD_PAGE_ROOT)
        rki_buf_lit(&answer->body, "{}");
    else if (call->route->page == RKD_PAGE_LIVE)
        rki_buf_lit(&answer->body, "{\"status\":\"pass\"}");
    else
        write_ready(call, answer);
    answer->phrase = rkd_status_phrase(answer->status);
}

static void write_pass(struct rkd_call *call, struct answer *answer)
{
    const struct rkd_contract *contract = call->contract;

    contract->write_pass(&answer->body, &call->pass);
    if (answer->body.overflow ||
        (contract->pass_max != 0 && answer->body.len > contract->pass_max)) {
        (void)rkd_refuse(call, RKD_E_TOO_LARGE, "answer");
        write_refusal(call, answer);
        return;
    }
    answer->status = contract->may_be_201 ? call->snapshot->settings.success_status : 200;
    answer->phrase = rkd_status_phrase(answer->status);
    answer->type = contract->pass_type;
}

/* What would have been decided, and why; nothing was minted. */
static void write_explanation(struct rkd_call *call, struct answer *answer)
{
    rkd_explain_write(&answer->body, call->trace, &call->caller, &call->decision, &call->problem);
    if (answer->body.overflow) {
        (void)rkd_refuse(call, RKD_E_TOO_LARGE, "explanation");
        write_refusal(call, answer);
        return;
    }
    answer->status = 200;
    answer->phrase = rkd_status_phrase(200);
    answer->type = RK_STR("application/json");
}

static void write_body(struct rkd_call *call, struct answer *answer)
{
    if (call->is_explaining && call->was_decided) {
        write_explanation(call, answer);
    } else if (call->problem.err != RKD_OK) {
        write_refusal(call, answer);
    } else if (call->request->method == RKD_OPTIONS) {
        answer->status = 204;
        answer->phrase = rkd_status_phrase(204);
    } else if (call->route->page != RKD_PAGE_NONE) {
        write_page(call, answer);
    } else {
        write_pass(call, answer);
    }
}

/* ---- heads ---- */

static void put_number(struct rki_buf *out, struct rk_str name, uint64_t value)
{
    rki_buf_put(out, name);
    rki_buf_int(out, (int64_t)value);
    rki_buf_lit(out, "\r\n");
}

static void write_cors(const struct rkd_call *call, struct rki_buf *out)
{
    const struct rkd_settings *settings = &call->snapshot->settings;

    if (call->problem.err == RKD_OK && call->route != NULL && rkd_cors_is_preflight(call->request))
        rkd_cors_write_preflight(out, settings, call->request, call->route->cors);
    else
        rkd_cors_write_answer(out, settings, call->request);
}

/* RFC 6750 s.3: no error where nothing was presented, nor where nobody was asked for a credential;
 * a reason only once the signature was good. */
static void write_challenge(const struct rkd_call *call, struct rki_buf *out, unsigned status)
{
    static const struct {
        unsigned status;
        enum rkd_err err;   /* RKD_OK: any */
        const char *reason; /* NULL: any */
        bool is_for_known;  /* callers who have proved who they are */
        struct rk_str error;
    } rows[] = {
        {400, RKD_OK, "credential.two", false, RK_STR_INIT(", error=\"invalid_request\"")},
        {401, RKD_E_UNAUTHENTICATED, NULL, false, RK_STR_INIT("")},
        {401, RKD_OK, "jwt.exp", false,
         RK_STR_INIT(", error=\"invalid_token\", error_description=\"token expired\"")},
        {401, RKD_OK, NULL, false, RK_STR_INIT(", error=\"invalid_token\"")},
        {403, RKD_OK, NULL, true, RK_STR_INIT(", error=\"insufficient_scope\"")},
    };
    const bool is_known = call->caller.kind > RKD_CALLER_ANONYMOUS;
    const struct rk_str reason = rki_cstr(call->problem.reason);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].status != status || (rows[i].is_for_known && !is_known) ||
            (rows[i].err != RKD_OK && rows[i].err != call->problem.err) ||
            (rows[i].reason != NULL && !rki_str_equal(reason, rki_cstr(rows[i].reason))))
            continue;
        rki_buf_lit(out, "WWW-Authenticate: Bearer realm=\"roomkey\"");
        rki_buf_put(out, rows[i].error);
        rki_buf_lit(out, "\r\n");
        return;
    }
}

/* Fields that only some answers have. */
static void write_rare(const struct rkd_call *call, struct rki_buf *out, unsigned status)
{
    if (status == 405 || status == 204) {
        rki_buf_lit(out, "Allow: ");
        rki_buf_put(out, call->allow.len != 0 ? call->allow : RK_STR("GET, HEAD, POST, OPTIONS"));
        rki_buf_lit(out, "\r\n");
    }
    write_challenge(call, out, status);
    if (status == 429 || status == 503)
        put_number(out, RK_STR("Retry-After: "),
                   call->problem.retry_after_s == 0 ? 1 : call->problem.retry_after_s);
    if (call->snapshot->settings.dev)
        rki_buf_lit(out, "X-Roomkey-Dev: unsafe\r\n");
}

/* What every answer has. */
static void write_common(const struct rkd_call *call, struct rki_buf *out,
                         const struct answer *answer)
{
    rki_buf_lit(out,
                "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    rki_buf_put(out, rki_str(call->request_id, RKD_ID_LEN));
    rki_buf_lit(out, "\r\n");
    if (call->span.is_set) {
        rki_buf_lit(out, "traceparent: ");
        rkd_traceparent_write(out, &call->span);
        rki_buf_lit(out, "\r\n");
    }
    if (answer->type.len != 0) {
        rki_buf_lit(out, "Content-Type: ");
        rki_buf_put(out, answer->type);
        rki_buf_lit(out, "\r\n");
    }
}

static void write_head(struct rkd_call *call, struct rki_buf *out, const struct answer *answer)
{
    rki_buf_lit(out, "HTTP/1.1 ");
    rki_buf_int(out, answer->status);
    rki_buf_char(out, ' ');
    rki_buf_put(out, answer->phrase);
    rki_buf_lit(out, "\r\nDate: ");
    rki_buf_put(out, rkd_clock_date(&call->worker->clock, call->now_ms));
    rki_buf_lit(out, "\r\n");
    write_common(call, out, answer);
    if (answer->type.len != 0)
        put_number(out, RK_STR("Content-Length: "), answer->body.len);
    if (call->outer == NULL) { /* else the browser never sees these */
        write_cors(call, out);
        write_rare(call, out, answer->status);
    }
    if (rkd_exchange_closes(call->x))
        rki_buf_lit(out, "Connection: close\r\n");
    rki_buf_lit(out, "\r\n");
}

/* ---- the Functions host's envelope ---- */

enum { WRAPPED_MAX = (int)RKD_ANSWER_BYTES - 1024 }; /* the rest is for the head around it */

/* The host sends Date, Content-Length and Connection itself. */
static void wrap(struct rkd_call *call, const struct answer *answer, struct rki_buf *out)
{
    char lines[RKD_HEAD_BYTES];
    struct rki_buf fields = rki_buf_over(lines, sizeof(lines));

    write_common(call, &fields, answer);
    write_cors(call, &fields);
    write_rare(call, &fields, answer->status);
    rkd_envelope_write(out, answer->status, rki_buf_str(&fields),
                       call->request->method == RKD_HEAD ? rki_str(NULL, 0)
                                                         : rki_buf_str(&answer->body));
    out->overflow |= fields.overflow;
}

/* 200 around every answer: another status would make the host throw it away. */
static void write_wrapped(struct rkd_call *call, struct rki_buf *out, struct answer *answer)
{
    char *memory = rki_arena_take(rkd_call_arena(call), WRAPPED_MAX);
    struct answer around = {.status = 200, .phrase = rkd_status_phrase(200)};

    around.type = RK_STR("application/json");
    around.body = rki_buf_over(memory, memory == NULL ? 0 : WRAPPED_MAX);
    wrap(call, answer, &around.body);
    if (around.body.overflow) { /* escaped it is longer; an explanation may be too long then */
        (void)rkd_refuse(call, RKD_E_TOO_LARGE, "answer");
        write_refusal(call, answer);
        around.body = rki_buf_over(memory, around.body.cap);
        wrap(call, answer, &around.body);
    }
    if (around.body.overflow) { /* no memory: the host makes a 500 of it */
        around.body.len = 0;
        around.status = 503;
        around.phrase = rkd_status_phrase(503);
    }
    write_head(call, out, &around);
    rki_buf_put(out, rki_buf_str(&around.body));
}

void rkd_answer(struct rkd_call *call)
{
    struct rki_buf *out = rkd_exchange_out(call->x);
    const size_t start = out->len;
    struct answer answer = {.body = rki_buf_over(call->worker->body, RKD_BODY_BYTES)};

    write_body(call, &answer);
    if (call->outer != NULL) {
        write_wrapped(call, out, &answer);
    } else {
        write_head(call, out, &answer);
        if (call->request->method != RKD_HEAD)
            rki_buf_put(out, rki_buf_str(&answer.body));
    }
    call->status = answer.status;
    call->bytes_out = out->len - start;
    call->is_answered = true;
    rkd_exchange_send(call->x);
}
