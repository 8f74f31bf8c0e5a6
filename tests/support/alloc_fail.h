/*
 * alloc_fail.h - lets the n-th allocation fail: of our code by --wrap, of jansson by its own hook.
 *
 * Only tests set jansson's allocator; the library must not. The program that includes this header
 * is linked with RK_WRAP_ALLOC (tests/unit/core/CMakeLists.txt). Include it in one file a program.
 *
 *   for (size_t n = 1;; n++) {
 *       alloc_fail_at(n);
 *       err = thing();
 *       if (!alloc_fail_hit())    it got through without reaching the n-th allocation
 *           break;
 *       CHECK_ERR(err, RK_E_NOMEM, "...");
 *   }
 */
#ifndef RK_TEST_ALLOC_FAIL_H
#define RK_TEST_ALLOC_FAIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static size_t alloc_fail_left; /* 0: never fail */
static bool alloc_fail_done;

static inline bool alloc_fail_now(void)
{
    if (alloc_fail_left == 0 || --alloc_fail_left != 0)
        return false;
    alloc_fail_done = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return alloc_fail_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return alloc_fail_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return alloc_fail_now() ? NULL : __real_realloc(ptr, size);
}

static inline void *alloc_fail_jansson(size_t size)
{
    return alloc_fail_now() ? NULL : __real_malloc(size);
}

/* The n-th allocation from here on fails, once. */
static inline void alloc_fail_at(size_t n)
{
    json_set_alloc_funcs(alloc_fail_jansson, free);
    alloc_fail_left = n;
    alloc_fail_done = false;
}

/* Did it come to that? Also ends the regime. */
static inline bool alloc_fail_hit(void)
{
    bool hit = alloc_fail_done;

    alloc_fail_left = 0;
    alloc_fail_done = false;
    return hit;
}

#endif
