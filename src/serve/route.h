/*
 * route.h - which paths there are, what each serves, and by which methods.
 *
 * Paths are compared byte for byte (semantics H5). Immutable once built. Threads: safe.
 */
#ifndef RKD_ROUTE_H
#define RKD_ROUTE_H

#include "api/api.h"
#include "model/settings.h"
#include "net/net.h"
#include "serve/stats.h"

/* What a route answers itself, without a contract. Zero: it has a contract. */
enum rkd_page { RKD_PAGE_NONE = 0, RKD_PAGE_ROOT, RKD_PAGE_LIVE, RKD_PAGE_READY };

enum { RKD_M_GET = 1, RKD_M_POST = 2 };

struct rkd_route {
    struct rk_str path;
    const struct rkd_contract *contract; /* NULL for a page */
    enum rkd_page page;
    enum rkd_stat_route stat; /* what its requests are counted under */
    unsigned methods;         /* RKD_M_*; GET brings HEAD, OPTIONS is everywhere */
    struct rk_str allow;      /* Allow */
    struct rk_str cors;       /* Access-Control-Allow-Methods */
};

enum { RKD_ROUTES_MAX = 16 + RKD_PATHS_MAX };

struct rkd_routes {
    struct rkd_route rows[RKD_ROUTES_MAX];
    size_t count;
};

/* The rows the settings ask for. The paths of endpoint_paths are borrowed from them. */
void rkd_routes_build(struct rkd_routes *routes, const struct rkd_settings *settings);

/* NULL: no such path. */
const struct rkd_route *rkd_routes_find(const struct rkd_routes *routes, struct rk_str path);

/* Whether the route serves the method (OPTIONS apart). */
bool rkd_route_serves(const struct rkd_route *route, enum rkd_method method);

#endif
