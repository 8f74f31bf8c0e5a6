/*
 * subject.h - a key, a signature of its own over some bytes, and the kept contexts that verify it:
 * libcrypto alone, shared by what times it bare and what times it in a server.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stddef.h>

struct bench_subject;

/* `alg` is "rs256" (2048 bits) or "es256". Ends the program when something fails, as the next does.
 */
struct bench_subject *bench_subject_new(const char *alg, size_t signed_bytes);
void bench_subject_verify(struct bench_subject *s);

#endif
