/*
 * limiter.c - the table of buckets all workers share.
 *
 * May touch: its arguments, memory it maps at start. Not the clock, no system call afterwards but
 * sched_yield.
 *
 * A bucket is a key and a debt: the moment at which it owes nothing, in ns, above four bits that
 * count how often this place has changed hands. Charging a bucket that is there is one
 * compare-and-swap of the debt, and takes no lock. A key that is not there is put in under a lock
 * of its set, because two threads that bring the same new key must end in one bucket, or a burst
 * would pass twice; no lock-free way was found that keeps this promise without 16-byte atomics, and
 * it costs only newcomers. While a place changes hands its debt reads MOVING and the counter is one
 * higher afterwards: whoever still holds the old debt fails its compare-and-swap and looks again.
 */
#include "serve/limiter.h"

#include "serve/siphash.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum {
    WAYS = 8,        /* buckets of a set: a cache line of keys and one of debts */
    SET_BITS = 13,   /* 8,192 sets, 65,536 buckets, 1 MiB; pages come when they are touched */
    HAND_BITS = 4,   /* of a debt: the counter of owners */
    SPINS_MAX = 100, /* then the holder of the lock was put to sleep: let it run */
    KEY_BYTES = 16,
};

static const uint64_t MOVING = UINT64_MAX;
static const uint64_t NOW_MAX = (uint64_t)1 << 59;  /* 18 years of uptime */
static const uint64_t DEBT_MAX = (uint64_t)1 << 57; /* so that debts stay under 2^60 */
static const uint64_t NS_PER_S = 1000000000;

struct set {
    _Atomic uint64_t key[WAYS];  /* 0: never used */
    _Atomic uint64_t debt[WAYS]; /* 0: never used */
};

struct rkd_limiter {
    struct rkd_siphash_key hash_key;
    _Atomic uint64_t evictions;
    atomic_uchar lock[1 << SET_BITS];
    _Alignas(64) struct set sets[1 << SET_BITS];
};

enum rk_err rkd_limiter_new(const uint8_t hash_key[16], struct rkd_limiter **out)
{
    struct rkd_limiter *limiter = mmap(NULL, sizeof(*limiter), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* zeroed */

    if (limiter == MAP_FAILED)
        return RK_E_NOMEM;
    limiter->hash_key = rkd_siphash_key(hash_key);
    *out = limiter;
    return RK_OK;
}

void rkd_limiter_free(struct rkd_limiter *limiter)
{
    if (limiter != NULL)
        (void)munmap(limiter, sizeof(*limiter));
}

uint64_t rkd_limiter_evictions(const struct rkd_limiter *limiter)
{
    return atomic_load_explicit(&limiter->evictions, memory_order_relaxed);
}

uint64_t rkd_limiter_key(const struct rkd_limiter *limiter, const struct rkd_addr *addr)
{
    char bytes[KEY_BYTES] = {0};
    uint64_t key;

    /* Whoever has an IPv6 address has 2^64 of them: the network is the client. */
    memcpy(bytes, addr->bytes, addr->is_v4 ? sizeof(addr->bytes) : sizeof(addr->bytes) / 2);
    key = rkd_siphash(&limiter->hash_key, rki_str(bytes, sizeof(bytes)));
    return key == 0 ? 1 : key;
}

uint64_t rkd_limiter_text_key(const struct rkd_limiter *limiter, struct rk_str text)
{
    const uint64_t key = rkd_siphash(&limiter->hash_key, text);

    return key == 0 ? 1 : key;
}

/* Far apart in all bits; the hash key makes the sum as hard to aim as the key itself. */
static uint64_t bucket_of(enum rkd_layer layer, uint64_t key)
{
    uint64_t bucket = key + (uint64_t)layer * 0x9e3779b97f4a7c15U;

    return bucket == 0 ? 1 : bucket;
}

/* ---- the table ---- */

struct place {
    _Atomic uint64_t *debt;
    uint64_t word; /* what it held while it was the key's */
};

static bool find(struct set *set, uint64_t key, struct place *out)
{
    for (unsigned way = 0; way < WAYS; way++) {
        if (atomic_load_explicit(&set->key[way], memory_order_acquire) != key)
            continue;
        out->debt = &set->debt[way];
        out->word = atomic_load_explicit(out->debt, memory_order_acquire);
        /* The key again: the debt may have been the next owner's. MOVING: not ours any more, or not
         * yet; inserting finds out which. */
        if (out->word != MOVING &&
            atomic_load_explicit(&set->key[way], memory_order_acquire) == key)
            return true;
    }
    return false;
}

static bool replace(const struct place *place, uint64_t word)
{
    uint64_t expected = place->word;

    return atomic_compare_exchange_strong_explicit(place->debt, &expected, word,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static uint64_t debt_of(uint64_t word)
{
    return word >> HAND_BITS;
}

static uint64_t with_debt(uint64_t word, uint64_t debt)
{
    return debt << HAND_BITS | (word & ((1U << HAND_BITS) - 1));
}

static void lock_set(atomic_uchar *lock)
{
    unsigned spins = 0;

    while (atomic_exchange_explicit(lock, 1, memory_order_acquire) != 0)
        if (++spins > SPINS_MAX)
            (void)sched_yield();
}

static bool has_key(struct set *set, uint64_t key)
{
    for (unsigned way = 0; way < WAYS; way++)
        if (atomic_load_explicit(&set->key[way], memory_order_relaxed) == key)
            return true;
    return false;
}

/*
 * Takes the place that owes least, which is an unused or a paid one while there are such. Under the
 * set's lock; others may charge the place meanwhile, then another may owe less.
 */
static unsigned take_place(struct set *set, uint64_t *out_word)
{
    for (;;) {
        struct place place = {0};
        unsigned best = 0;

        for (unsigned way = 0; way < WAYS; way++) {
            uint64_t word = atomic_load_explicit(&set->debt[way], memory_order_acquire);

            if (place.debt == NULL || debt_of(word) < debt_of(place.word)) {
                place = (struct place){.debt = &set->debt[way], .word = word};
                best = way;
            }
        }
        if (replace(&place, MOVING)) {
            *out_word = place.word;
            return best;
        }
    }
}

/* Gives `key` a bucket with this debt. False: it has one by now. */
static bool insert(struct rkd_limiter *limiter, size_t index, uint64_t key, uint64_t debt,
                   uint64_t now)
{
    struct set *set = &limiter->sets[index];
    uint64_t word;
    unsigned way;

    lock_set(&limiter->lock[index]);
    if (has_key(set, key)) {
        atomic_store_explicit(&limiter->lock[index], 0, memory_order_release);
        return false;
    }
    way = take_place(set, &word);
    if (debt_of(word) > now)
        atomic_fetch_add_explicit(&limiter->evictions, 1, memory_order_relaxed);
    atomic_store_explicit(&set->key[way], key, memory_order_release);
    atomic_store_explicit(&set->debt[way], with_debt(word + 1, debt), memory_order_release);
    atomic_store_explicit(&limiter->lock[index], 0, memory_order_release);
    return true;
}

/* ---- the rate (GCRA) ---- */

static const struct rkd_verdict allowed = {.allowed = true};

static struct rkd_verdict refused(uint64_t wait_ns)
{
    uint64_t seconds = wait_ns / NS_PER_S + (wait_ns % NS_PER_S != 0 ? 1 : 0);

    if (seconds == 0)
        seconds = 1;
    return (struct rkd_verdict){
        .retry_after_s = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds,
    };
}

enum purpose { LOOK, TAKE, CHARGE };

struct visit {
    uint64_t now, period;
    uint64_t ceiling; /* the moment up to which one may owe: now and a whole burst */
};

/*
 * One look at a bucket that is there. False: somebody changed it meanwhile, look again.
 * A debt past the ceiling comes from a clock that went back or a rate that was changed; it is
 * brought down in the table too, or every look would start the same wait anew.
 */
static bool visit_place(const struct visit *visit, const struct place *place, enum purpose purpose,
                        struct rkd_verdict *out)
{
    uint64_t debt = debt_of(place->word), next;

    if (debt > visit->ceiling) {
        (void)replace(place, with_debt(place->word, visit->ceiling));
        return false;
    }
    if (debt < visit->now)
        debt = visit->now;
    next = debt + visit->period;
    *out = allowed;
    if (next > visit->ceiling) {
        *out = refused(next - visit->ceiling);
        if (purpose != CHARGE)
            return true;
        next = visit->ceiling;
    }
    return purpose == LOOK || replace(place, with_debt(place->word, next));
}

static uint64_t at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

static struct rkd_verdict run(struct rkd_limiter *limiter, uint64_t bucket,
                              const struct rkd_rate *rate, uint64_t now_ns, enum purpose purpose)
{
    const size_t index = bucket >> (64 - SET_BITS);
    struct set *set = &limiter->sets[index];
    struct visit visit = {.now = at_most(now_ns, NOW_MAX),
                          .period = at_most(rate->period_ns, DEBT_MAX)};
    struct rkd_verdict verdict = allowed;
    struct place place;

    if (rate->burst == 0 || visit.period == 0)
        return allowed;
    visit.ceiling =
        visit.now + (rate->burst > DEBT_MAX / visit.period ? DEBT_MAX : rate->burst * visit.period);
    for (;;) {
        if (find(set, bucket, &place)) {
            if (visit_place(&visit, &place, purpose, &verdict))
                return verdict;
        } else if (purpose == LOOK ||
                   insert(limiter, index, bucket, visit.now + visit.period, visit.now)) {
            return allowed;
        }
    }
}

struct rkd_verdict rkd_limiter_take(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                                    const struct rkd_rate *rate, uint64_t now_ns)
{
    return run(limiter, bucket_of(layer, key), rate, now_ns, TAKE);
}

struct rkd_verdict rkd_limiter_look(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                                    const struct rkd_rate *rate, uint64_t now_ns)
{
    return run(limiter, bucket_of(layer, key), rate, now_ns, LOOK);
}

void rkd_limiter_charge(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                        const struct rkd_rate *rate, uint64_t now_ns)
{
    (void)run(limiter, bucket_of(layer, key), rate, now_ns, CHARGE);
}
