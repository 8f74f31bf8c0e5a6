/*
 * floor.c - the floor of the benchmark: a constant answer to whatever arrives, nothing parsed.
 */
#include "loop.h"

#include <stdlib.h>
#include <string.h>

static size_t answer(void *state, const char *in, size_t len, char *out, size_t cap)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
        "{\"token\":\"none\"}";

    (void)state, (void)in, (void)len, (void)cap;
    memcpy(out, text, sizeof(text) - 1);
    return sizeof(text) - 1;
}

int main(int argc, char **argv)
{
    return bench_serve(argc > 1 ? atoi(argv[1]) : 9001, 0, NULL, answer);
}
