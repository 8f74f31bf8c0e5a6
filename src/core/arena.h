/*
 * arena.h - memory that is given out piece by piece and taken back whole.
 *
 * The storage is the caller's and never grows: a request's worst case is a number we chose. Not
 * thread-safe.
 */
#ifndef RKI_ARENA_H
#define RKI_ARENA_H

#include "core/str.h"

struct rki_arena {
    char *ptr;
    size_t len, cap;
};

static inline struct rki_arena rki_arena_over(void *ptr, size_t cap)
{
    return (struct rki_arena){.ptr = ptr, .cap = cap};
}

/* `size` bytes aligned for any object, not zeroed; NULL when they do not fit. Size 0 gives a unique
 * pointer. */
void *rki_arena_take(struct rki_arena *arena, size_t size);

/* A copy of `s` (out.ptr is not NULL even when s.len is 0). RK_E_NOMEM: it does not fit; *out
 * untouched. */
RK_NODISCARD enum rk_err rki_arena_dup(struct rki_arena *arena, struct rk_str s,
                                       struct rk_str *out);

/* Gives everything back. Does not wipe; the owner of secrets does. */
static inline void rki_arena_reset(struct rki_arena *arena)
{
    arena->len = 0;
}

#endif
