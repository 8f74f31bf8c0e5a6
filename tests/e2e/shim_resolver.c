/*
 * shim_resolver.c - for LD_PRELOAD: a resolver that never answers for names that begin with
 * "stuck", and knows "fake" names.
 *
 * RK_TEST_ADDRESS: the address that names beginning with "fake" have.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    while (node != NULL && strncmp(node, "stuck", 5) == 0)
        pause();
    if (node != NULL && strncmp(node, "fake", 4) == 0 && getenv("RK_TEST_ADDRESS") != NULL)
        node = getenv("RK_TEST_ADDRESS");
    return real(node, service, hints, out);
}
