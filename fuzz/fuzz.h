/*
 * fuzz.h - what every fuzz target includes.
 *
 * A target is LLVMFuzzerTestOneInput. It states what must hold with FUZZ_CHECK and calls fuzz_reach
 * when the input got to its success path: a run in which nothing got there is a failed run.
 */
#ifndef RK_FUZZ_H
#define RK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts; the sum is printed as `reached: N` when the process ends. */
void fuzz_reach(void);

void fuzz_broken(const char *file, int line, const char *what);

/* An invariant of the code under test: ends the process with a report when it does not hold. */
#define FUZZ_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fuzz_broken(__FILE__, __LINE__, #cond);                                                \
    } while (0)

static inline struct rk_str fuzz_str(const uint8_t *data, size_t size)
{
    return rki_str((const char *)data, size);
}

#endif
