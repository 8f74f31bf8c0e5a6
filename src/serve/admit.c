/*
 * admit.c - what the head alone decides before anybody asks who is calling: route, method, lengths,
 * address limits.
 *
 * The order is semantics H13: 404, 405, 417, 413, 429. Refusals are cheap: no body is looked at,
 * nothing is parsed but what net has indexed. May touch: the call, the limiter.
 */
#include "serve/client.h"
#include "serve/service.h"

static const struct rkd_limits *limits_of(const struct rkd_call *call)
{
    return &call->snapshot->settings.limits;
}

static bool has(const struct rkd_request *request, enum rkd_header_id id)
{
    return request->known_count[id] != 0;
}

bool rkd_call_is_free(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return request->method == RKD_OPTIONS ||
           (call->route != NULL && call->route->page != RKD_PAGE_NONE &&
            rkd_route_serves(call->route, request->method));
}

/* D1: a platform's header is one only where a caller by it is configured and switched on. */
bool rkd_call_takes_principal(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return request->method != RKD_GET && request->method != RKD_HEAD &&
           rkd_auth_takes_principal(call->snapshot->auth);
}

bool rkd_call_presents_credential(const struct rkd_call *call)
{
    const struct rkd_request *request = call->request;

    return has(request, RKD_H_AUTHORIZATION) || has(request, RKD_H_X_API_KEY) ||
           ((has(request, RKD_H_PRINCIPAL) || has(request, RKD_H_PRINCIPAL_ID)) &&
            rkd_call_takes_principal(call));
}

/* A trusted proxy's own address is never limited (H19). */
void rkd_find_client(struct rkd_call *call)
{
    const struct rkd_settings *settings = &call->snapshot->settings;
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

    if (call->snapshot->settings.trusted_count != 0)
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
    rkd_find_client(call);
    if (!call->is_exempt)
        (void)take(call);
}

void rkd_charge_failure(struct rkd_call *call)
{
    if (!call->is_exempt)
        rkd_limiter_charge(call->worker->service->limiter, RKD_LAYER_FAILURES, client_key(call),
                           &limits_of(call)->failures_per_address, call->started_ns);
}

static enum rkd_flow check_address(struct rkd_call *call)
{
    const bool presents = rkd_call_presents_credential(call);
    struct rkd_verdict verdict;

    if (call->is_exempt)
        return RKD_NEXT;
    verdict = presents ? rkd_limiter_look(call->worker->service->limiter, RKD_LAYER_FAILURES,
                                          client_key(call), &limits_of(call)->failures_per_address,
                                          call->started_ns)
                       : take(call);
    if (verdict.allowed)
        return RKD_NEXT;
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

enum rkd_flow rkd_admit(struct rkd_call *call)
{
    enum rkd_err err;

    rkd_find_client(call);
    err = check_route(call);
    if (err == RKD_OK)
        return rkd_call_is_free(call) ? RKD_NEXT : check_address(call);
    if (call->request->method != RKD_OPTIONS && !rkd_call_presents_credential(call) &&
        !call->is_exempt)
        (void)take(
            call); /* charged, but answered with what is wrong whatever the limit says (H13) */
    return rkd_refuse(call, err, NULL);
}
