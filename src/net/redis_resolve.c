/*
 * redis_resolve.c - host name → addresses, on a thread that nobody waits for.
 *
 * Not uv_getaddrinfo: libuv waits for its threads when a loop is freed and when the process ends,
 * and a resolver that never answers would hold up both. This thread is detached, owns its part of
 * the lookup and touches nothing else; the keeper looks every few milliseconds whether it is done.
 */
#include "net/redis_impl.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct redis_lookup {
    char host[256], port[8];
    struct redis_addresses found; /* the thread's until is_done */
    atomic_bool is_done;
    atomic_uint users; /* asker and thread: the last one frees */
};

static void put_address(struct redis_addresses *out, const struct sockaddr *addr, size_t len)
{
    if (out->count == REDIS_ADDRESSES_MAX || len > sizeof(out->at[0]))
        return;
    memcpy(&out->at[out->count++], addr, len);
}

bool redis_numeric(const char *host, uint16_t port, struct redis_addresses *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    *out = (struct redis_addresses){0};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        put_address(out, (const struct sockaddr *)&v4, sizeof(v4));
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        put_address(out, (const struct sockaddr *)&v6, sizeof(v6));
    return out->count != 0;
}

void redis_lookup_leave(struct redis_lookup *lookup)
{
    if (lookup != NULL && atomic_fetch_sub(&lookup->users, 1) == 1)
        free(lookup);
}

static void *look_up(void *arg)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct redis_lookup *lookup = arg;
    struct addrinfo *list = NULL;

    if (getaddrinfo(lookup->host, lookup->port, &hints, &list) == 0) {
        for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
            put_address(&lookup->found, at->ai_addr, at->ai_addrlen);
        freeaddrinfo(list);
    }
    atomic_store(&lookup->is_done, true);
    redis_lookup_leave(lookup);
    return NULL;
}

struct redis_lookup *redis_lookup_start(const char *host, uint16_t port)
{
    struct redis_lookup *lookup = calloc(1, sizeof(*lookup));
    sigset_t all, before;
    pthread_t thread;
    int failed;

    if (lookup == NULL)
        return NULL;
    (void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    (void)snprintf(lookup->port, sizeof(lookup->port), "%u", (unsigned)port);
    atomic_store(&lookup->users, 2);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the keeper's */
    failed = pthread_create(&thread, NULL, look_up, lookup);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(lookup);
        return NULL;
    }
    (void)pthread_detach(thread);
    return lookup;
}

bool redis_lookup_is_done(const struct redis_lookup *lookup, struct redis_addresses *out)
{
    if (!atomic_load(&lookup->is_done))
        return false;
    *out = lookup->found;
    return true;
}
