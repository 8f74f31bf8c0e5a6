/*
 * shim_resolver.c - a name that only we can resolve, until the resolver does not answer any more.
 *
 * Preloaded by test_idp.py into the process under test. RK_TEST_NAME is the name; it means
 * 127.0.0.1 while the first byte of the file RK_TEST_STALL is '0', and otherwise the question is
 * never answered, as by a name server behind a firewall that drops. May touch: that file. Never
 * ships.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile char *stall;

typedef int resolve_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

__attribute__((constructor)) static void map_stall(void)
{
    const char *path = getenv("RK_TEST_STALL");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

    if (map != MAP_FAILED)
        stall = map;
    if (fd >= 0)
        close(fd);
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    resolve_fn *real = (resolve_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *name = getenv("RK_TEST_NAME");

    if (node != NULL && name != NULL && strcmp(node, name) == 0) {
        while (stall != NULL && *stall != '0')
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        node = "127.0.0.1";
    }
    return real(node, service, hints, out);
}
