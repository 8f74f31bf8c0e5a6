/*
 * guard.h - puts input flush against a page nobody may read, so one byte read too far is a crash.
 *
 * Header only: struct guard g = guard_new(max); s = guard_put(&g, text); ... guard_free(&g);
 */
#ifndef RK_TEST_GUARD_H
#define RK_TEST_GUARD_H

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/str.h"

struct guard {
    char *map;
    size_t readable, size; /* bytes before the dead page, bytes in all */
};

static inline struct guard guard_new(size_t max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t readable = (max / page + 1) * page;
    void *map =
        mmap(NULL, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect((char *)map + readable, page, PROT_NONE) != 0)
        abort();
    return (struct guard){.map = map, .readable = readable, .size = readable + page};
}

/* The copy's last byte is the last readable one; an empty string points at the dead page itself. */
static inline struct rk_str guard_put(struct guard *guard, struct rk_str text)
{
    char *at = guard->map + guard->readable - text.len;

    if (text.len > guard->readable)
        abort();
    if (text.len != 0)
        memmove(at, text.ptr, text.len);
    return rki_str(at, text.len);
}

static inline void guard_free(struct guard *guard)
{
    (void)munmap(guard->map, guard->size);
    *guard = (struct guard){0};
}

#endif
