/*
 * support.c - counts successes and reports broken invariants. Linked into every fuzz target.
 *
 * The one place in the tree with a mutable global: libFuzzer hands its callback no context.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static unsigned long long reached;

void fuzz_reach(void)
{
    reached++;
}

void fuzz_broken(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

__attribute__((destructor)) static void tell(void)
{
    (void)fprintf(stderr, "reached: %llu\n", reached);
}
