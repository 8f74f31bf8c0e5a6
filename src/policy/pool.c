/*
 * pool.c - a list of pieces from malloc. May touch: its arguments, the heap.
 */
#include "policy/pool.h"

#include <stdalign.h>
#include <stdlib.h>

struct rkd_pool_piece {
    struct rkd_pool_piece *next;
    alignas(max_align_t) char bytes[];
};

void *rkd_pool_take(struct rkd_pool *pool, size_t count, size_t size)
{
    struct rkd_pool_piece *piece;

    if (size != 0 && count > (SIZE_MAX - sizeof(*piece)) / size)
        return NULL;
    piece = calloc(1, sizeof(*piece) + count * size);
    if (piece == NULL)
        return NULL;
    piece->next = pool->pieces;
    pool->pieces = piece;
    return piece->bytes;
}

enum rk_err rkd_pool_dup(struct rkd_pool *pool, struct rk_str s, struct rk_str *out)
{
    char *copy = rkd_pool_take(pool, s.len + 1, 1);

    if (copy == NULL)
        return RK_E_NOMEM;
    if (s.len != 0)
        memcpy(copy, s.ptr, s.len);
    *out = rki_str(copy, s.len);
    return RK_OK;
}

void rkd_pool_clear(struct rkd_pool *pool)
{
    while (pool->pieces != NULL) {
        struct rkd_pool_piece *piece = pool->pieces;

        pool->pieces = piece->next;
        free(piece);
    }
}
