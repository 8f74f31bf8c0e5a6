/*
 * test_route.c - which paths there are under which contracts, and by which methods (semantics H3,
 * H5; design s.5).
 */
#include "check.h"
#include "serve/route.h"

static void test_paths(void **state)
{
    static const struct {
        const char *why;
        unsigned contracts;
        struct rk_str path;
        const struct rkd_contract *want;
        bool found;
    } rows[] = {
        {"the original's path", 7, RK_STR_INIT("/api/token"), &rkd_token_route, true},
        {"original alone never turns standard", RKD_CONTRACT_ORIGINAL, RK_STR_INIT("/api/token"),
         &rkd_original, true},
        {"standard alone", RKD_CONTRACT_STANDARD, RK_STR_INIT("/api/token"), &rkd_standard, true},
        {"neither", RKD_CONTRACT_SANDBOX, RK_STR_INIT("/api/token"), NULL, false},
        {"standard", 7, RK_STR_INIT("/v1/token"), &rkd_standard, true},
        {"standard by its other name", 7, RK_STR_INIT("/getToken"), &rkd_standard, true},
        {"standard is off", RKD_CONTRACT_ORIGINAL, RK_STR_INIT("/v1/token"), NULL, false},
        {"sandbox v2", 7, RK_STR_INIT("/api/v2/sandbox/connection-details"), &rkd_standard, true},
        {"sandbox v1", 7, RK_STR_INIT("/api/sandbox/connection-details"), &rkd_sandbox_v1, true},
        {"meet only when listed", 7, RK_STR_INIT("/api/connection-details"), NULL, false},
        {"meet", RKD_CONTRACT_MEET, RK_STR_INIT("/api/connection-details"), &rkd_meet, true},
        {"create-token", RKD_CONTRACT_CREATE_TOKEN, RK_STR_INIT("/createToken"), &rkd_create_token,
         true},
        {"a page has no contract", 7, RK_STR_INIT("/healthz"), NULL, true},
        {"one more by endpoint_paths", 7, RK_STR_INIT("/livekit/token"), &rkd_standard, true},
        {"nothing is cut off", 7, RK_STR_INIT("/v1/token/"), NULL, false},
        {"no folding", 7, RK_STR_INIT("/V1/token"), NULL, false},
        {"no decoding", 7, RK_STR_INIT("/v1/%74oken"), NULL, false},
        {"a prefix is another path", 7, RK_STR_INIT("/v1/toke"), NULL, false},
        {"empty", 7, RK_STR_INIT(""), NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings settings = {.contracts = rows[i].contracts,
                                        .endpoint_paths = {RK_STR_INIT("/livekit/token")},
                                        .endpoint_path_count = 1};
        struct rkd_routes routes;
        const struct rkd_route *route;

        rkd_routes_build(&routes, &settings);
        route = rkd_routes_find(&routes, rows[i].path);
        CHECK((route != NULL) == rows[i].found, rows[i].why);
        CHECK(route == NULL || route->contract == rows[i].want, rows[i].why);
    }
}

static void test_methods(void **state)
{
    static const struct {
        struct rk_str path;
        bool get, head, post;
        struct rk_str allow;
    } rows[] = {
        {RK_STR_INIT("/api/token"), false, false, true, RK_STR_INIT("POST, OPTIONS")},
        {RK_STR_INIT("/readyz"), true, true, false, RK_STR_INIT("GET, HEAD, OPTIONS")},
        {RK_STR_INIT("/createToken"), true, true, true, RK_STR_INIT("GET, HEAD, POST, OPTIONS")},
    };
    struct rkd_settings settings = {.contracts = 31};
    struct rkd_routes routes;

    (void)state;
    rkd_routes_build(&routes, &settings);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_route *route = rkd_routes_find(&routes, rows[i].path);

        CHECK(route != NULL, rows[i].path.ptr);
        CHECK(rkd_route_serves(route, RKD_GET) == rows[i].get, rows[i].path.ptr);
        CHECK(rkd_route_serves(route, RKD_HEAD) == rows[i].head, rows[i].path.ptr);
        CHECK(rkd_route_serves(route, RKD_POST) == rows[i].post, rows[i].path.ptr);
        CHECK(!rkd_route_serves(route, RKD_METHOD_OTHER), rows[i].path.ptr);
        CHECK(rki_str_equal(route->allow, rows[i].allow), rows[i].path.ptr);
    }
}

static void test_full_table(void **state)
{
    struct rkd_settings settings = {.contracts = 31, .endpoint_path_count = RKD_PATHS_MAX};
    struct rkd_routes routes;

    (void)state;
    for (size_t i = 0; i < RKD_PATHS_MAX; i++)
        settings.endpoint_paths[i] = RK_STR("/x");
    rkd_routes_build(&routes, &settings);
    CHECK(routes.count <= RKD_ROUTES_MAX, "every contract and all paths fit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_full_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
