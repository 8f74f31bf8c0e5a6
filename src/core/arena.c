/*
 * arena.c - a bump allocator over storage of the caller's.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/arena.h"

#include <stdalign.h>

void *rki_arena_take(struct rki_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t rounded;
    void *piece;

    if (size > SIZE_MAX - align)
        return NULL;
    rounded = (size == 0 ? align : (size + align - 1) / align * align);
    if (rounded > arena->cap - arena->len)
        return NULL;
    piece = arena->ptr + arena->len;
    arena->len += rounded;
    return piece;
}

enum rk_err rki_arena_dup(struct rki_arena *arena, struct rk_str s, struct rk_str *out)
{
    char *copy = rki_arena_take(arena, s.len);

    if (copy == NULL)
        return RK_E_NOMEM;
    if (s.len != 0)
        memcpy(copy, s.ptr, s.len);
    *out = rki_str(copy, s.len);
    return RK_OK;
}
