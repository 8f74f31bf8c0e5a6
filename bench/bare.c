/*
 * bare.c SIGNED-BYTES - what libcrypto alone takes to verify a signature over that many bytes:
 * RS256 (2048 bits) and ES256, the key's context kept between calls. The floor of a caller's token.
 *
 * Prints JSON: nanoseconds, medians of interleaved rounds.
 */
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, CALLS = 1000 };

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_verify(struct bench_subject *s)
{
    const double start = now_ns();

    for (int i = 0; i < CALLS; i++)
        bench_subject_verify(s);
    return (now_ns() - start) / CALLS;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    const size_t len = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct bench_subject *rsa = bench_subject_new("rs256", len);
    struct bench_subject *ec = bench_subject_new("es256", len);
    double rsa_ns[ROUNDS], ec_ns[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        rsa_ns[i] = time_verify(rsa);
        ec_ns[i] = time_verify(ec);
    }
    (void)printf("{\"rs256_ns\": %.0f, \"es256_ns\": %.0f}\n", median(rsa_ns), median(ec_ns));
    return 0;
}
