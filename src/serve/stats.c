/*
 * stats.c - what is counted when a request is over, and what the counts are called.
 *
 * May touch: the call, its worker's counts.
 */
#include "serve/stats.h"

#include "serve/service.h"

#include <stdlib.h>

/* clang-format off */
const uint64_t rkd_stage_bounds_ns[RKD_BOUNDS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 10000000, 100000000, 1000000000, 5000000000};
const struct rk_str rkd_stage_bounds[RKD_BOUNDS] = {
    RK_STR_INIT("1e-06"), RK_STR_INIT("2.5e-06"), RK_STR_INIT("5e-06"), RK_STR_INIT("1e-05"), RK_STR_INIT("2.5e-05"),
    RK_STR_INIT("5e-05"), RK_STR_INIT("0.0001"), RK_STR_INIT("0.00025"), RK_STR_INIT("0.001"), RK_STR_INIT("0.01"),
    RK_STR_INIT("0.1"), RK_STR_INIT("1.0"), RK_STR_INIT("5.0")};

const uint64_t rkd_http_bounds_ns[RKD_BOUNDS] = {
    50000, 100000, 250000, 1000000, 5000000, 10000000, 25000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 10000000000};
const struct rk_str rkd_http_bounds[RKD_BOUNDS] = {
    RK_STR_INIT("5e-05"), RK_STR_INIT("0.0001"), RK_STR_INIT("0.00025"), RK_STR_INIT("0.001"), RK_STR_INIT("0.005"),
    RK_STR_INIT("0.01"), RK_STR_INIT("0.025"), RK_STR_INIT("0.1"), RK_STR_INIT("0.25"), RK_STR_INIT("0.5"),
    RK_STR_INIT("1.0"), RK_STR_INIT("2.5"), RK_STR_INIT("10.0")};
/* clang-format on */

const struct rk_str rkd_stat_routes[RKD_STAT_ROUTES] = {
    [RKD_STAT_OTHER] = RK_STR_INIT("_OTHER"),
    [RKD_STAT_API_TOKEN] = RK_STR_INIT("/api/token"),
    [RKD_STAT_V1_TOKEN] = RK_STR_INIT("/v1/token"),
    [RKD_STAT_GET_TOKEN] = RK_STR_INIT("/getToken"),
    [RKD_STAT_SANDBOX_V2] = RK_STR_INIT("/api/v2/sandbox/connection-details"),
    [RKD_STAT_SANDBOX] = RK_STR_INIT("/api/sandbox/connection-details"),
    [RKD_STAT_MEET] = RK_STR_INIT("/api/connection-details"),
    [RKD_STAT_CREATE_TOKEN] = RK_STR_INIT("/createToken"),
    [RKD_STAT_ENDPOINT] = RK_STR_INIT("endpoint_paths"),
    [RKD_STAT_ROOT] = RK_STR_INIT("/"),
    [RKD_STAT_HEALTHZ] = RK_STR_INIT("/healthz"),
    [RKD_STAT_LIVEZ] = RK_STR_INIT("/livez"),
    [RKD_STAT_READYZ] = RK_STR_INIT("/readyz"),
};

const struct rk_str rkd_stat_methods[RKD_STAT_METHODS] = {
    [RKD_METHOD_OTHER] = RK_STR_INIT("_OTHER"), [RKD_GET] = RK_STR_INIT("GET"),
    [RKD_HEAD] = RK_STR_INIT("HEAD"),           [RKD_POST] = RK_STR_INIT("POST"),
    [RKD_OPTIONS] = RK_STR_INIT("OPTIONS"),
};

const struct rk_str rkd_stat_statuses[RKD_STAT_STATUSES] = {
    RK_STR_INIT("_OTHER"), RK_STR_INIT("200"), RK_STR_INIT("201"), RK_STR_INIT("204"),
    RK_STR_INIT("400"),    RK_STR_INIT("401"), RK_STR_INIT("403"), RK_STR_INIT("404"),
    RK_STR_INIT("405"),    RK_STR_INIT("408"), RK_STR_INIT("413"), RK_STR_INIT("414"),
    RK_STR_INIT("415"),    RK_STR_INIT("417"), RK_STR_INIT("429"), RK_STR_INIT("431"),
    RK_STR_INIT("500"),    RK_STR_INIT("503"), RK_STR_INIT("505"),
};

const struct rk_str rkd_stat_classes[RKD_STAT_CLASSES] = {RK_STR_INIT("2xx"), RK_STR_INIT("4xx"),
                                                          RK_STR_INIT("5xx")};

/* As call->problem.layer says it. */
const struct rk_str rkd_stat_layers[RKD_STAT_LAYERS] = {
    RK_STR_INIT("per_address"), RK_STR_INIT("failures_per_address"), RK_STR_INIT("per_caller"),
    RK_STR_INIT("per_room")};

static const struct rkd_contract *const contracts[RKD_STAT_CONTRACTS] = {
    &rkd_original, &rkd_standard, &rkd_sandbox_v1, &rkd_meet, &rkd_create_token};

struct rkd_stats *rkd_stats_new(void)
{
    struct rkd_stats *stats = aligned_alloc(_Alignof(struct rkd_stats), sizeof(*stats));

    if (stats != NULL)
        memset(stats, 0, sizeof(*stats));
    return stats;
}

struct rk_str rkd_stat_contract(size_t index)
{
    return index < RKD_STAT_CONTRACTS ? contracts[index]->name : rki_str(NULL, 0);
}

static size_t status_index(unsigned status)
{
    static const uint8_t rows[] = {
        [200 - 200] = 1,  [201 - 200] = 2,  [204 - 200] = 3,  [400 - 200] = 4,  [401 - 200] = 5,
        [403 - 200] = 6,  [404 - 200] = 7,  [405 - 200] = 8,  [408 - 200] = 9,  [413 - 200] = 10,
        [414 - 200] = 11, [415 - 200] = 12, [417 - 200] = 13, [429 - 200] = 14, [431 - 200] = 15,
        [500 - 200] = 16, [503 - 200] = 17, [505 - 200] = 18,
    };

    return status >= 200 && status - 200 < ARRAY_LEN(rows) ? rows[status - 200] : 0;
}

static void record(struct rkd_histogram *histogram, const uint64_t *bounds_ns, uint64_t took_ns)
{
    size_t i = 0;

    while (i < RKD_BOUNDS && took_ns > bounds_ns[i])
        i++;
    rkd_stat_add(&histogram->counts[i], 1);
    rkd_stat_add(&histogram->sum_ns, took_ns);
}

void rkd_stats_stage(struct rkd_stats *stats, size_t stage, uint64_t took_ns)
{
    record(&stats->stages[stage], rkd_stage_bounds_ns, took_ns);
}

static void count_issued(struct rkd_stats *stats, const struct rkd_contract *contract)
{
    for (size_t i = 0; i < RKD_STAT_CONTRACTS; i++)
        if (contracts[i] == contract) {
            rkd_stat_add(&stats->issued[i], 1);
            return;
        }
}

static void count_refused(struct rkd_stats *stats, const struct rkd_problem *problem)
{
    /* No code of its own: two series must not have one name (api/errors.c). */
    const enum rkd_err err = problem->err == RKD_E_CROSS_SITE ? RKD_E_NO_RULE : problem->err;

    rkd_stat_add(&stats->refused[err], 1);
    if (err != RKD_E_RATE_LIMITED)
        return;
    for (size_t i = 0; i < RKD_STAT_LAYERS; i++)
        if (rki_str_equal(rki_cstr(problem->layer), rkd_stat_layers[i]))
            rkd_stat_add(&stats->limited[i], 1);
}

void rkd_stats_request(const struct rkd_call *call, uint64_t took_ns)
{
    struct rkd_stats *stats = call->worker->stats;
    const unsigned route = call->route == NULL ? RKD_STAT_OTHER : call->route->stat;
    const size_t class = call->status < 400 ? 0 : call->status < 500 ? 1 : 2;

    if (!call->is_answered) {
        rkd_stat_add(&stats->abandoned, 1);
        return;
    }
    rkd_stat_add(&stats->requests[route][call->request->method][status_index(call->status)], 1);
    record(&stats->http[route][class], rkd_http_bounds_ns, took_ns);
    if (call->problem.err != RKD_OK)
        count_refused(stats, &call->problem);
    else if (call->pass.token.len != 0)
        count_issued(stats, call->contract);
}
