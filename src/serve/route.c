/*
 * route.c - the table of paths.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/route.h"

struct route_row {
    unsigned contract_bit; /* 0: always there */
    struct rkd_route route;
};

/* clang-format off */
#define GET_ONLY .methods = RKD_M_GET, .allow = RK_STR_INIT("GET, HEAD, OPTIONS"), .cors = RK_STR_INIT("GET, HEAD")
#define POST_ONLY .methods = RKD_M_POST, .allow = RK_STR_INIT("POST, OPTIONS"), .cors = RK_STR_INIT("POST")
#define GET_POST .methods = RKD_M_GET | RKD_M_POST, .allow = RK_STR_INIT("GET, HEAD, POST, OPTIONS"), \
                 .cors = RK_STR_INIT("GET, HEAD, POST")

static const struct route_row rows[] = {
    {RKD_CONTRACT_STANDARD, {.path = RK_STR_INIT("/v1/token"), .stat = RKD_STAT_V1_TOKEN, .contract = &rkd_standard, POST_ONLY}},
    {RKD_CONTRACT_STANDARD, {.path = RK_STR_INIT("/getToken"), .stat = RKD_STAT_GET_TOKEN, .contract = &rkd_standard, POST_ONLY}},
    {RKD_CONTRACT_SANDBOX, {.path = RK_STR_INIT("/api/v2/sandbox/connection-details"), .stat = RKD_STAT_SANDBOX_V2, .contract = &rkd_standard, POST_ONLY}},
    {RKD_CONTRACT_SANDBOX, {.path = RK_STR_INIT("/api/sandbox/connection-details"), .stat = RKD_STAT_SANDBOX, .contract = &rkd_sandbox_v1, POST_ONLY}},
    {RKD_CONTRACT_MEET, {.path = RK_STR_INIT("/api/connection-details"), .stat = RKD_STAT_MEET, .contract = &rkd_meet, GET_ONLY}},
    {RKD_CONTRACT_CREATE_TOKEN, {.path = RK_STR_INIT("/createToken"), .stat = RKD_STAT_CREATE_TOKEN, .contract = &rkd_create_token, GET_POST}},
    {0, {.path = RK_STR_INIT("/"), .stat = RKD_STAT_ROOT, .page = RKD_PAGE_ROOT, GET_ONLY}},
    {0, {.path = RK_STR_INIT("/healthz"), .stat = RKD_STAT_HEALTHZ, .page = RKD_PAGE_LIVE, GET_ONLY}},
    {0, {.path = RK_STR_INIT("/livez"), .stat = RKD_STAT_LIVEZ, .page = RKD_PAGE_LIVE, GET_ONLY}},
    {0, {.path = RK_STR_INIT("/readyz"), .stat = RKD_STAT_READYZ, .page = RKD_PAGE_READY, GET_ONLY}},
};
static const struct rkd_route post_only = {POST_ONLY};
/* clang-format on */

static void add(struct rkd_routes *routes, struct rk_str path, const struct rkd_contract *contract,
                enum rkd_stat_route stat)
{
    struct rkd_route *row = &routes->rows[routes->count++];

    *row = post_only;
    row->path = path;
    row->contract = contract;
    row->stat = stat;
}

void rkd_routes_build(struct rkd_routes *routes, const struct rkd_settings *settings)
{
    const unsigned on = settings->contracts;

    routes->count = 0;
    /* /api/token first: it is what most requests ask for */
    if ((on & RKD_CONTRACT_ORIGINAL) != 0)
        add(routes, RK_STR("/api/token"),
            (on & RKD_CONTRACT_STANDARD) != 0 ? &rkd_token_route : &rkd_original,
            RKD_STAT_API_TOKEN);
    else if ((on & RKD_CONTRACT_STANDARD) != 0)
        add(routes, RK_STR("/api/token"), &rkd_standard, RKD_STAT_API_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].contract_bit == 0 || (on & rows[i].contract_bit) != 0)
            routes->rows[routes->count++] = rows[i].route;
    for (size_t i = 0; i < settings->endpoint_path_count; i++)
        add(routes, settings->endpoint_paths[i], &rkd_standard, RKD_STAT_ENDPOINT);
}

const struct rkd_route *rkd_routes_find(const struct rkd_routes *routes, struct rk_str path)
{
    for (size_t i = 0; i < routes->count; i++)
        if (rki_str_equal(routes->rows[i].path, path))
            return &routes->rows[i];
    return NULL;
}

bool rkd_route_serves(const struct rkd_route *route, enum rkd_method method)
{
    if (method == RKD_GET || method == RKD_HEAD)
        return (route->methods & RKD_M_GET) != 0;
    return method == RKD_POST && (route->methods & RKD_M_POST) != 0;
}
