/*
 * verifying.c PORT ALG SIGNED-BYTES - the floor with one bare verification an answer: what a
 * caller's token costs a server that does nothing else with it. The kernel's share grows as well,
 * since a client that waits for every answer has to be woken for every answer.
 */
#include "loop.h"
#include "subject.h"

#include <stdlib.h>
#include <string.h>

static struct bench_subject *subject; /* loop.h hands a connection's state over, no other */

static size_t answer(void *state, const char *in, size_t len, char *out, size_t cap)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
        "{\"token\":\"none\"}";

    (void)state, (void)in, (void)len, (void)cap;
    bench_subject_verify(subject);
    memcpy(out, text, sizeof(text) - 1);
    return sizeof(text) - 1;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    subject = bench_subject_new(argv[2], strtoul(argv[3], NULL, 10));
    return bench_serve(atoi(argv[1]), 0, NULL, answer);
}
