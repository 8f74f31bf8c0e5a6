/*
 * access.c - the one log line of a request, written whatever happened, and its place in the counts.
 *
 * No token, key, body, query, room or identity: what a line names can be found again by request_id
 * and jti, and who may read the log learns nothing about who talked to whom. May touch: the call,
 * the worker's log ring and verifier.
 */
#include "serve/service.h"

#include "auth/auth.h"
#include "config/addr.h"

enum { RKD_CALLER_TEXT = 1024 };

/* Pages are asked for every few seconds by whoever watches us; they are worth a line when somebody
 * debugs. */
static enum rkd_log_level level_of(const struct rkd_call *call)
{
    return call->route != NULL && call->route->page != RKD_PAGE_NONE && call->problem.err == RKD_OK
               ? RKD_LOG_DEBUG
               : RKD_LOG_INFO;
}

/* The request as it came: with the envelope around it where there was one. */
static const struct rkd_request *as_received(const struct rkd_call *call)
{
    return call->outer != NULL ? call->outer : call->request;
}

/* Under the Functions host only: elsewhere anybody could write it. */
static void put_invocation(struct rkd_log_line *line, const struct rkd_call *call)
{
    const struct rkd_request *from = as_received(call);

    if (call->snapshot->settings.under_functions && call->is_answered &&
        from->known[RKD_H_INVOCATION_ID].len != 0)
        rkd_log_str(line, RK_STR("invocation_id"), from->known[RKD_H_INVOCATION_ID]);
}

static void put_client(struct rkd_log_line *line, const struct rkd_addr *client)
{
    char text[64];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    rkd_addr_write(&buf, client);
    rkd_log_str(line, RK_STR("client"), client->is_set ? rki_buf_str(&buf) : (struct rk_str){0});
}

/* The request is gone when the client went away before it was whole: then only the route is known.
 */
static void put_request(struct rkd_log_line *line, const struct rkd_call *call)
{
    if (call->is_answered) {
        rkd_log_str(line, RK_STR("method"), call->request->method_text);
        rkd_log_str(line, RK_STR("path"), call->request->path);
    } else {
        rkd_log_word(line, RK_STR("method"), NULL);
        rkd_log_str(line, RK_STR("path"),
                    call->route == NULL ? (struct rk_str){0} : call->route->path);
    }
}

/* 16 hex digits that stand for a verified caller in the log; false: there is none. */
static bool hash_caller(const struct rkd_call *call, char out[16])
{
    static const char hex[] = "0123456789abcdef";
    const struct rkd_caller *caller = &call->caller;
    char text[RKD_CALLER_TEXT];
    uint8_t digest[32];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    if (caller->kind == RKD_CALLER_NONE || caller->kind == RKD_CALLER_ANONYMOUS)
        return false;
    rki_buf_put(&buf, caller->name);
    rki_buf_char(&buf, '\0');
    rki_buf_put(&buf, caller->subject);
    if (buf.overflow ||
        rkd_verifier_sha256(call->worker->verifier, rki_buf_str(&buf), digest) != RK_OK)
        return false;
    for (size_t i = 0; i < 8; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    return true;
}

/* Who, by the configuration's name and a hash; by which rule. */
static void put_caller(struct rkd_log_line *line, const struct rkd_call *call)
{
    const struct rk_str rule =
        call->decision.rule.len != 0 ? call->decision.rule : call->problem.rule;
    char hash[16];

    if (hash_caller(call, hash)) {
        rkd_log_str(line, RK_STR("caller"), call->caller.name);
        rkd_log_str(line, RK_STR("caller_hash"), rki_str(hash, sizeof(hash)));
    }
    if (rule.len != 0)
        rkd_log_str(line, RK_STR("rule"), rule);
}

void rkd_access_log(struct rkd_call *call)
{
    const bool is_minted =
        call->is_answered && call->problem.err == RKD_OK && call->pass.token.len != 0;
    const enum rkd_log_level level = level_of(call);
    struct rkd_log_line *line =
        &call->worker->line; /* not the stack: it would be zeroed each time */
    const uint64_t took_ns = rkd_clock_mono_ns() - call->started_ns;

    rkd_stats_request(call, took_ns);
    if (!rkd_log_wants(call->worker->service->log, level))
        return;
    rkd_log_begin(line, rkd_log_format(call->worker->service->log), level, RK_STR("request"),
                  call->now_ms);
    rkd_log_str(line, RK_STR("request_id"), rki_str(call->request_id, RKD_ID_LEN));
    put_invocation(line, call);
    if (call->span.is_set) {
        rkd_log_str(line, RK_STR("trace_id"), rki_str(call->span.trace_id, RKD_TRACE_ID_LEN));
        rkd_log_str(line, RK_STR("span_id"), rki_str(call->span.id, RKD_SPAN_ID_LEN));
    }
    put_request(line, call);
    rkd_log_int(line, RK_STR("status"), call->status);
    if (!call->is_answered)
        rkd_log_word(line, RK_STR("err"), "client_gone");
    else
        rkd_log_str(line, RK_STR("err"),
                    call->problem.err == RKD_OK ? RK_STR("ok")
                                                : rkd_error_row(call->problem.err)->code);
    if (call->contract != &rkd_plain)
        rkd_log_str(line, RK_STR("contract"), call->contract->name);
    put_client(line, &call->client);
    put_caller(line, call);
    if (is_minted) {
        rkd_log_str(line, RK_STR("jti"), rki_str(call->jti, RKD_ID_LEN));
        rkd_log_str(line, RK_STR("profile"), call->decision.profile);
        rkd_log_int(line, RK_STR("ttl_s"), call->decision.ttl_s);
    }
    if (call->is_explaining && call->was_decided) /* a 200 without a token, whatever err says */
        rkd_log_bool(line, RK_STR("explained"), true);
    if (call->problem.layer != NULL)
        rkd_log_word(line, RK_STR("layer"), call->problem.layer);
    if (call->problem.reason != NULL)
        rkd_log_word(line, RK_STR("reason"), call->problem.reason);
    if (call->problem.field.len != 0)
        rkd_log_str(line, RK_STR("field"), call->problem.field);
    rkd_log_int(line, RK_STR("took_us"), (int64_t)(took_ns / 1000));
    rkd_log_int(line, RK_STR("bytes_in"),
                call->is_answered ? (int64_t)as_received(call)->bytes_in : 0);
    rkd_log_int(line, RK_STR("bytes_out"), (int64_t)call->bytes_out);
    rkd_log_push(call->worker->ring, rkd_log_end(line));
}
