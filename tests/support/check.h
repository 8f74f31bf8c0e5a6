/*
 * check.h - what every unit test includes: cmocka with its prelude and checks that say which row
 * failed. They work in release builds too.
 */
#ifndef RK_TEST_CHECK_H
#define RK_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/str.h"

#define CHECK(cond, why)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, (why), #cond);                           \
    } while (0)

#define CHECK_ERR(expr, want, why)                                                                 \
    do {                                                                                           \
        enum rk_err check_got_ = (expr);                                                           \
        enum rk_err check_want_ = (want);                                                          \
        if (check_got_ != check_want_)                                                             \
            fail_msg("%s:%d: %s: got %d (%s), wanted %d (%s)", __FILE__, __LINE__, (why),          \
                     (int)check_got_, rk_err_text(check_got_), (int)check_want_,                   \
                     rk_err_text(check_want_));                                                    \
    } while (0)

#define CHECK_STR(got, want, why)                                                                  \
    do {                                                                                           \
        struct rk_str check_a_ = (got), check_b_ = (want);                                         \
        if (!rki_str_equal(check_a_, check_b_))                                                    \
            fail_msg("%s:%d: %s: got \"%.*s\", wanted \"%.*s\"", __FILE__, __LINE__, (why),        \
                     (int)check_a_.len, check_a_.ptr == NULL ? "" : check_a_.ptr,                  \
                     (int)check_b_.len, check_b_.ptr == NULL ? "" : check_b_.ptr);                 \
    } while (0)

#endif
