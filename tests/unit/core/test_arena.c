/* test_arena.c - the arena gives aligned pieces, never more than it has, and takes all back. */
#include "check.h"
#include "core/arena.h"

#include <stdalign.h>

static void test_take(void **state)
{
    alignas(max_align_t) char space[64];
    struct rki_arena arena = rki_arena_over(space, sizeof(space));
    char *a = rki_arena_take(&arena, 1), *b = rki_arena_take(&arena, 0);
    char *c = rki_arena_take(&arena, 17);

    (void)state;
    CHECK(a == space, "the first piece");
    CHECK(b != NULL && b != a && c > b, "size 0 is a piece of its own");
    CHECK((uintptr_t)c % alignof(max_align_t) == 0, "aligned");
    CHECK(rki_arena_take(&arena, 1) == NULL, "full");
    CHECK(rki_arena_take(&arena, SIZE_MAX) == NULL, "does not wrap");
    CHECK(rki_arena_take(&arena, SIZE_MAX - 8) == NULL, "does not wrap when rounded");
    rki_arena_reset(&arena);
    CHECK(rki_arena_take(&arena, 64) == space, "all of it again");
}

static void test_dup(void **state)
{
    alignas(max_align_t) char space[32];
    struct rki_arena arena = rki_arena_over(space, sizeof(space));
    struct rk_str copy = {NULL, 7};

    (void)state;
    CHECK_ERR(rki_arena_dup(&arena, rki_str(NULL, 0), &copy), RK_OK, "nothing");
    CHECK(copy.ptr != NULL && copy.len == 0, "is not absent");
    CHECK_ERR(rki_arena_dup(&arena, RK_STR("daily"), &copy), RK_OK, "fits");
    CHECK_STR(copy, RK_STR("daily"), "copied");
    CHECK_ERR(rki_arena_dup(&arena, RK_STR("x"), &copy), RK_E_NOMEM, "full");
    CHECK_STR(copy, RK_STR("daily"), "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_dup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
