/*
 * envelope.c - a request that comes wrapped in JSON from the Azure Functions host, and its answer.
 *
 * No side door: the envelope is unwrapped into a request like any other, by the scan that reads
 * sockets, before the first stage; all stages then run on what was in it, and only the answer is
 * wrapped again. Of the request around it nothing counts but the invocation's id for the log.
 *
 * There is such a path only under the Functions host, and only for a peer that is trusted as a
 * proxy, as loopback is there: whoever connects from elsewhere, by a `listen` somebody added, finds
 * a 404. So does a client whose own request to this path the host forwards (a catch-all route at
 * the root): in an envelope of his making he would write the headers that the platform strips. A
 * forwarded request shows by what the front end or the proxying host puts on it, one of a page in a
 * browser on the host's machine by its Origin; the host's own has none of that. May touch: the call
 * and its arena.
 */
#include "api/envelope.h"
#include "core/json.h"
#include "serve/client.h"
#include "serve/service.h"

enum {
    ESCAPED = 6,                      /* bytes JSON may take for one: \u0007 */
    AROUND = 64 * 1024,               /* Identities, Params, Metadata */
    ENVELOPE_MAX = RKI_JSON_TEXT_MAX, /* what the JSON edge reads at all */
};

static bool is_somebody_elses(const struct rkd_request *request)
{
    static const enum rkd_header_id marks[] = {
        RKD_H_X_FORWARDED_FOR, RKD_H_FORWARDED, RKD_H_PRINCIPAL,     RKD_H_PRINCIPAL_ID,
        RKD_H_PRINCIPAL_IDP,   RKD_H_ORIGIN,    RKD_H_SEC_FETCH_SITE};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (request->known_count[marks[i]] != 0)
            return true;
    return false;
}

bool rkd_envelope_is_for(const struct rkd_call *call)
{
    const struct rkd_settings *settings = &call->snapshot->settings;

    return settings->under_functions && call->request->method == RKD_POST &&
           rki_str_equal(call->request->path, RK_STR(RKD_ENVELOPE_PATH)) &&
           !is_somebody_elses(call->request) &&
           rkd_client_is_trusted(settings, rkd_exchange_peer(call->x));
}

/* Any body and head that would be taken without the envelope are taken in it. */
static uint32_t envelope_max(const struct rkd_limits *limits)
{
    const uint64_t most =
        (uint64_t)ESCAPED * limits->body_bytes + (uint64_t)ESCAPED * limits->headers_bytes + AROUND;

    return most < ENVELOPE_MAX ? (uint32_t)most : ENVELOPE_MAX;
}

/*
 * Longer than anything is read. The client was told of no limit before, so it is told now, in the
 * words of the path the function's route stands for; what it sent stays unread.
 */
void rkd_envelope_too_large(struct rkd_call *call)
{
    static const struct rkd_request unread = {
        .method = RKD_POST,
        .method_text = RK_STR_INIT("POST"),
        .path = RK_STR_INIT("/api/token"),
    };

    call->outer = call->request;
    call->request = &unread;
    call->route = rkd_routes_find(&call->snapshot->routes, unread.path);
    if (call->route != NULL)
        call->contract = call->route->contract;
    (void)rkd_refuse(call, RKD_E_BODY_TOO_LARGE, "envelope");
}

enum rkd_head_verdict rkd_envelope_head(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    const uint32_t most = envelope_max(&call->snapshot->settings.limits);
    const struct rk_str encoding = request->known[RKD_H_CONTENT_ENCODING];

    rkd_find_client(call);
    call->was_head_seen = true;
    if (request->expect == RKD_EXPECT_OTHER)
        (void)rkd_refuse(call, RKD_E_EXPECTATION, "envelope");
    else if (request->content_length > most)
        rkd_envelope_too_large(call);
    else if (encoding.len != 0 && !rki_str_equal_nocase(encoding, RK_STR("identity")))
        (void)rkd_refuse(call, RKD_E_MEDIA_TYPE, "envelope");
    if (call->problem.err != RKD_OK)
        return RKD_HEAD_DROP;
    call->is_wrapped = true;
    rkd_exchange_allow_body(call->x, most);
    return RKD_HEAD_READ;
}

/* The host hands such a body over as base64 in place of text. */
static bool is_encoded(const struct rkd_request *request)
{
    static const struct rk_str multipart = RK_STR_INIT("multipart/");
    struct rk_str type = request->known[RKD_H_CONTENT_TYPE];

    if (request->body.len == 0 && request->content_length == 0)
        return false;
    if (rki_str_starts_with_nocase(type, RK_STR("application/octet-stream")))
        return true;
    for (; type.len >= multipart.len; type.ptr++, type.len--)
        if (rki_str_starts_with_nocase(type, multipart))
            return true;
    return false;
}

/* What only the socket knew, or what the envelope knows better. */
static void set_body(struct rkd_call *call, struct rkd_request *inner,
                     const struct rkd_envelope *envelope)
{
    /* as on a socket: only a POST's body is read */
    const bool has_body = inner->method == RKD_POST && envelope->body_len != 0;

    inner->body = has_body ? envelope->body : rki_str(NULL, 0);
    inner->content_length = has_body ? envelope->body_len : 0;
    inner->has_body = has_body;
    inner->is_chunked = false;
    if (inner->expect == RKD_EXPECT_CONTINUE) /* it was the host's to answer */
        inner->expect = RKD_EXPECT_NONE;
    call->is_body_encoded = is_encoded(inner);
}

static void refuse_inner(struct rkd_call *call, enum rkd_err err)
{
    rkd_admit_fault(call); /* charged as if it had come by itself (H19) */
    (void)rkd_refuse(call, err, "http");
}

static enum rkd_err error_of(enum rkd_fault fault)
{
    switch (fault) {
    case RKD_FAULT_URI_TOO_LONG:
        return RKD_E_URI_TOO_LONG;
    case RKD_FAULT_HEADERS_TOO_LARGE:
        return RKD_E_HEADERS_TOO_LARGE;
    case RKD_FAULT_VERSION: /* cannot be: the line is ours */
    case RKD_FAULT_TIMEOUT:
    case RKD_FAULT_BODY_TOO_LARGE:
    case RKD_FAULT_BAD_REQUEST:
        break;
    }
    return RKD_E_INVALID_REQUEST;
}

void rkd_envelope_open(struct rkd_call *call)
{
    const struct rkd_limits *limits = &call->snapshot->settings.limits;
    struct rki_arena *arena = rkd_call_arena(call);
    struct rkd_request *inner = rki_arena_take(arena, sizeof(*inner));
    enum rkd_envelope_err err = RKD_ENVELOPE_NOMEM;
    enum rkd_fault fault = RKD_FAULT_BAD_REQUEST;
    struct rkd_envelope envelope;
    bool is_read = false;

    if (inner != NULL)
        err = rkd_envelope_read(call->request->body, RKD_HEAD_ROOM(limits), limits->body_bytes,
                                arena, &envelope);
    if (err == RKD_ENVELOPE_MALFORMED || err == RKD_ENVELOPE_NOMEM) {
        (void)rkd_refuse(call,
                         err == RKD_ENVELOPE_NOMEM ? RKD_E_UNAVAILABLE : RKD_E_INVALID_REQUEST,
                         "envelope");
        return;
    }
    if (err == RKD_ENVELOPE_OK)
        is_read = rkd_request_scan(envelope.head, limits->headers_bytes, inner, &fault) &&
                  inner->header_count == envelope.line_count;
    else
        memset(inner, 0, sizeof(*inner));
    call->outer = call->request;
    call->request = inner;
    if (is_read)
        set_body(call, inner, &envelope);
    else
        refuse_inner(call,
                     err == RKD_ENVELOPE_LONG_HEAD ? RKD_E_HEADERS_TOO_LARGE : error_of(fault));
}
