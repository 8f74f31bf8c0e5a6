/*
 * admit.c - what the head alone decides: route, method, lengths, address limits, credentials,
 * profile, media type.
 *
 * The order is semantics H13: 404, 405, 417, 413, 429, 400 of D1 and D26, 401, 403, 415. Refusals
 * are cheap: no body is looked at, nothing is parsed but what net has indexed. May touch: the call,
 * the limiter.
 */
#include "serve/client.h"
#include "serve/cors.h"
#include "serve/service.h"

static const struct rkd_limits *limits_of(const struct rkd_call *call)
{
    return &call->snapshot->settings->limits;
}

static bool has(const struct rkd_request *request, enum rkd_header_id id)
{
    return request->known_count[id] != 0;
}

/* Pages and OPTIONS never look at a credential and are never charged (H19). */
static bool is_free(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return request->method == RKD_OPTIONS ||
           (call->route != NULL && call->route->page != RKD_PAGE_NONE &&
            rkd_route_serves(call->route, request->method));
}

static bool presents_credential(const struct rkd_request *request)
{
    return has(request, RKD_H_AUTHORIZATION) || has(request, RKD_H_X_API_KEY);
}

/* A trusted proxy's own address is never limited (H19). */
static void find_client(struct rkd_call *call)
{
    const struct rkd_settings *settings = call->snapshot->settings;
    const struct rkd_addr *peer = rkd_exchange_peer(call->x);

    call->client =
        settings->trusted_count == 0 ? *peer : rkd_client_address(settings, call->request, peer);
    call->is_exempt =
        settings->trusted_count != 0 && rkd_client_is_trusted(settings, &call->client);
}

/* The hash of the client's address, kept with the connection while the peer is the client. */
static uint64_t client_key(const struct rkd_call *call)
{
    const struct rkd_limiter *limiter = call->worker->service->limiter;
    uint64_t *kept = &rkd_exchange_conn_slot(call->x)->word[0];

    if (call->snapshot->settings->trusted_count != 0)
        return rkd_limiter_key(limiter, &call->client);
    if (*kept == 0)
        *kept = rkd_limiter_key(limiter, &call->client);
    return *kept;
}

static struct rkd_verdict take(const struct rkd_call *call)
{
    return rkd_limiter_take(call->worker->service->limiter, RKD_LAYER_ADDRESS, client_key(call),
                            &limits_of(call)->per_address, call->started_ns);
}

void rkd_admit_fault(struct rkd_call *call)
{
    find_client(call);
    if (!call->is_exempt)
        (void)take(call);
}

static bool check_address(struct rkd_call *call)
{
    const bool presents = presents_credential(call->request);
    struct rkd_verdict verdict;

    if (call->is_exempt)
        return true;
    verdict = presents ? rkd_limiter_look(call->worker->service->limiter, RKD_LAYER_FAILURES,
                                          client_key(call), &limits_of(call)->failures_per_address,
                                          call->started_ns)
                       : take(call);
    if (verdict.allowed)
        return true;
    call->problem.layer = presents ? "failures_per_address" : "per_address";
    call->problem.retry_after_s = verdict.retry_after_s;
    return rkd_refuse(call, RKD_E_RATE_LIMITED, NULL);
}

static enum rkd_err check_route(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    call->route = rkd_routes_find(&call->snapshot->routes, request->path);
    if (call->route == NULL)
        return request->method == RKD_OPTIONS && rki_str_equal(request->path, RK_STR("*"))
                   ? RKD_OK
                   : RKD_E_NOT_FOUND;
    if (call->route->contract != NULL)
        call->contract = call->route->contract;
    call->allow = call->route->allow;
    if (request->method != RKD_OPTIONS && !rkd_route_serves(call->route, request->method))
        return RKD_E_METHOD_NOT_ALLOWED;
    if (request->expect == RKD_EXPECT_OTHER)
        return RKD_E_EXPECTATION;
    if (request->method == RKD_POST && request->content_length > limits_of(call)->body_bytes)
        return RKD_E_BODY_TOO_LARGE;
    return RKD_OK;
}

bool rkd_admit(struct rkd_call *call)
{
    enum rkd_err err;

    find_client(call);
    err = check_route(call);
    if (err == RKD_OK)
        return is_free(call) || check_address(call);
    if (call->request->method != RKD_OPTIONS && !presents_credential(call->request) &&
        !call->is_exempt)
        (void)take(
            call); /* charged, but answered with what is wrong whatever the limit says (H13) */
    return rkd_refuse(call, err, NULL);
}

/* ---- who is calling: nobody has callers yet, so every credential is one that nobody here accepts
 * (D1, D2) ---- */

static bool refuse_credential(struct rkd_call *call, enum rkd_err err, const char *reason)
{
    if (!call->is_exempt)
        rkd_limiter_charge(call->worker->service->limiter, RKD_LAYER_FAILURES, client_key(call),
                           &limits_of(call)->failures_per_address, call->started_ns);
    return rkd_refuse(call, err, reason);
}

/* D26: a name, once. */
static enum rkd_err check_profile(struct rkd_call *call, const char **out_reason)
{
    const struct rkd_request *request = call->request;
    const struct rk_str profile = request->known[RKD_H_ROOMKEY_PROFILE];

    if (!has(request, RKD_H_ROOMKEY_PROFILE))
        return RKD_OK;
    *out_reason = "profile-header";
    if (request->known_count[RKD_H_ROOMKEY_PROFILE] > 1 || profile.len == 0 || profile.len > 64)
        return RKD_E_INVALID_REQUEST;
    for (size_t i = 0; i < profile.len; i++) {
        const char c = rki_lower(profile.ptr[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return RKD_E_INVALID_REQUEST;
    }
    return RKD_OK;
}

/* A page of another site must not make a browser fetch a token by a plain link or image (design
 * s.5). */
static bool is_cross_site(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return rki_str_equal(request->known[RKD_H_SEC_FETCH_SITE], RK_STR("cross-site")) &&
           !(has(request, RKD_H_ORIGIN) &&
             rkd_cors_allows(call->snapshot->settings, request->known[RKD_H_ORIGIN]));
}

/* Trims blanks, cuts parameters: the media type alone. */
static struct rk_str media_type(struct rk_str element)
{
    size_t end = 0;

    while (element.len != 0 && (*element.ptr == ' ' || *element.ptr == '\t')) {
        element.ptr++;
        element.len--;
    }
    while (end < element.len && element.ptr[end] != ';' && element.ptr[end] != ' ' &&
           element.ptr[end] != '\t')
        end++;
    return rki_str(element.ptr, end);
}

/*
 * H10: parameters and lists are tolerated, since some SDKs add a second value to the caller's own.
 * One element must be application/json, and none a type that a browser sends across sites without
 * asking first.
 */
static bool is_json_type(struct rk_str value)
{
    static const struct rk_str simple[] = {RK_STR_INIT("text/plain"),
                                           RK_STR_INIT("multipart/form-data"),
                                           RK_STR_INIT("application/x-www-form-urlencoded")};
    bool found = false;
    size_t from = 0;

    for (size_t i = 0; i <= value.len; i++) {
        struct rk_str type;

        if (i < value.len && value.ptr[i] != ',')
            continue;
        type = media_type(rki_str(value.ptr + from, i - from));
        from = i + 1;
        for (size_t k = 0; k < ARRAY_LEN(simple); k++)
            if (rki_str_equal_nocase(type, simple[k]))
                return false;
        found = found || rki_str_equal_nocase(type, RK_STR("application/json"));
    }
    return found;
}

/* H10. A chunked body may turn out empty: its type is judged when it has been read, but for one
 * that waits for 100. */
static enum rkd_err check_media(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    const struct rk_str encoding = request->known[RKD_H_CONTENT_ENCODING];
    const bool is_certain = request->content_length != 0 ||
                            (request->is_chunked && request->expect == RKD_EXPECT_CONTINUE);

    if (request->method != RKD_POST)
        return RKD_OK;
    if (encoding.len != 0 && !rki_str_equal_nocase(encoding, RK_STR("identity")))
        return RKD_E_MEDIA_TYPE;
    if (call->contract->wants_json && is_certain &&
        !is_json_type(request->known[RKD_H_CONTENT_TYPE]))
        return RKD_E_MEDIA_TYPE;
    return RKD_OK;
}

bool rkd_admit_late_media(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    if (call->contract->wants_json && request->body.len != 0 &&
        !is_json_type(request->known[RKD_H_CONTENT_TYPE]))
        return rkd_refuse(call, RKD_E_MEDIA_TYPE, NULL);
    return true;
}

bool rkd_identify(struct rkd_call *call)
{
    const struct rkd_request *request = call->request;
    const char *reason = NULL;
    enum rkd_err err;

    if (is_free(call))
        return true;
    if (has(request, RKD_H_AUTHORIZATION) && has(request, RKD_H_X_API_KEY))
        return refuse_credential(call, RKD_E_INVALID_REQUEST, "two-credentials");
    err = check_profile(call, &reason);
    if (err != RKD_OK)
        return rkd_refuse(call, err, reason);
    if (presents_credential(request))
        return refuse_credential(call, RKD_E_INVALID_TOKEN, "no-caller-accepts-it");
    if (call->snapshot->settings->anonymous != RKD_ANONYMOUS_ALLOW)
        return rkd_refuse(call, RKD_E_UNAUTHENTICATED, NULL);
    call->caller.kind = RKD_CALLER_ANONYMOUS;
    if (has(request, RKD_H_ROOMKEY_PROFILE) &&
        !rki_str_equal(request->known[RKD_H_ROOMKEY_PROFILE], RK_STR("speaker")))
        return rkd_refuse(call, RKD_E_PROFILE_NOT_ALLOWED, NULL);
    if (request->method != RKD_POST && is_cross_site(call))
        return rkd_refuse(call, RKD_E_CROSS_SITE, "cross-site");
    err = check_media(call);
    return err == RKD_OK || rkd_refuse(call, err, NULL);
}
