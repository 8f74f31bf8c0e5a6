/*
 * pool.h - the memory of a compiled policy: pieces taken one by one, given back all at once.
 *
 * Only while a configuration is loaded; a decision takes from its call's arena. Not for other
 * rooms.
 */
#ifndef RKD_POLICY_POOL_H
#define RKD_POLICY_POOL_H

#include "core/str.h"

struct rkd_pool_piece;
struct rkd_pool {
    struct rkd_pool_piece *pieces;
};

/* `count` objects of `size` bytes, zeroed and aligned for any object; NULL: no memory. A count of 0
 * gives a pointer too. */
void *rkd_pool_take(struct rkd_pool *pool, size_t count, size_t size);

/* A copy that ends in NUL behind its length. RK_E_NOMEM: *out untouched. */
RK_NODISCARD enum rk_err rkd_pool_dup(struct rkd_pool *pool, struct rk_str s, struct rk_str *out);

void rkd_pool_clear(struct rkd_pool *pool);

#endif
