/*
 * count.c - how many connections there are, in all and per address, exact over all workers.
 *
 * May touch: struct rkd_net's counters, under their lock. Taken on accept and given back on close,
 * so a lock costs nothing that shows. IPv6 counts by /64, as the address limits do.
 */
#include "net/worker.h"

#include <stdlib.h>
#include <sys/random.h>

struct rkd_count {
    struct rkd_count *next;
    uint64_t key[2];
    uint32_t connections;
};

struct rkd_count_bucket {
    struct rkd_count *first;
};

enum { BUCKETS = 4096 };

enum rk_err rkd_count_init(struct rkd_net *net)
{
    if (getrandom(net->count_key, sizeof(net->count_key), 0) != (ssize_t)sizeof(net->count_key))
        return RK_E_CRYPTO;
    net->counts = calloc(BUCKETS, sizeof(*net->counts)); /* touched only as far as used */
    if (net->counts == NULL)
        return RK_E_NOMEM;
    if (pthread_mutex_init(&net->count_lock, NULL) == 0)
        return RK_OK;
    free(net->counts);
    net->counts = NULL;
    return RK_E_NOMEM;
}

void rkd_count_clear(struct rkd_net *net)
{
    if (net->counts == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (net->counts[i].first != NULL) {
            struct rkd_count *count = net->counts[i].first;

            net->counts[i].first = count->next;
            free(count);
        }
    }
    free(net->counts);
    net->counts = NULL;
    (void)pthread_mutex_destroy(&net->count_lock);
}

/* Keyed, so that nobody can choose addresses that share a bucket; a chain is never longer than
 * `connections` anyway. */
static struct rkd_count_bucket *bucket_of(const struct rkd_net *net, const uint64_t key[2])
{
    static const uint64_t mix = 0x9e3779b97f4a7c15U;
    uint64_t h = (key[0] ^ net->count_key[0]) * mix;

    h = (h ^ h >> 32 ^ key[1] ^ net->count_key[1]) * mix;
    return &net->counts[(h ^ h >> 29) % BUCKETS];
}

static struct rkd_count *find_or_make(struct rkd_net *net, const struct rkd_addr *peer)
{
    uint64_t key[2];
    struct rkd_count_bucket *bucket;
    struct rkd_count *count;

    memcpy(key, peer->bytes, sizeof(key));
    if (!peer->is_v4)
        key[1] = 0;
    bucket = bucket_of(net, key);
    for (count = bucket->first; count != NULL; count = count->next)
        if (count->key[0] == key[0] && count->key[1] == key[1])
            return count;
    count = calloc(1, sizeof(*count));
    if (count == NULL)
        return NULL;
    memcpy(count->key, key, sizeof(key));
    count->next = bucket->first;
    bucket->first = count;
    return count;
}

static void drop_if_unused(struct rkd_net *net, struct rkd_count *count)
{
    struct rkd_count **at = &bucket_of(net, count->key)->first;

    if (count->connections != 0)
        return;
    while (*at != count)
        at = &(*at)->next;
    *at = count->next;
    free(count);
}

static bool take_address(struct rkd_net *net, const struct rkd_addr *peer,
                         struct rkd_count **out_count)
{
    struct rkd_count *count;
    bool ok = false;

    (void)pthread_mutex_lock(&net->count_lock);
    count = find_or_make(net, peer);
    if (count != NULL) {
        ok = count->connections < net->limits.connections_per_address;
        if (ok)
            count->connections++;
        else
            drop_if_unused(net, count);
    }
    (void)pthread_mutex_unlock(&net->count_lock);
    *out_count = ok ? count : NULL;
    return ok;
}

bool rkd_count_take(struct rkd_net *net, const struct rkd_addr *peer, bool is_exempt,
                    struct rkd_count **out_count)
{
    uint32_t before = atomic_fetch_add(&net->connections, 1);
    bool ok = net->limits.connections == 0 || before < net->limits.connections;

    *out_count = NULL;
    if (ok && !is_exempt && peer->is_set && net->limits.connections_per_address != 0)
        ok = take_address(net, peer, out_count);
    if (!ok)
        (void)atomic_fetch_sub(&net->connections, 1);
    return ok;
}

void rkd_count_give(struct rkd_net *net, struct rkd_count *count)
{
    (void)atomic_fetch_sub(&net->connections, 1);
    if (count == NULL)
        return;
    (void)pthread_mutex_lock(&net->count_lock);
    count->connections--;
    drop_if_unused(net, count);
    (void)pthread_mutex_unlock(&net->count_lock);
}
