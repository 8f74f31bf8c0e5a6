/*
 * limiter.h - how often somebody may come: GCRA over one table of fixed size, shared by all
 * workers.
 *
 * A bucket is one number, the moment at which all that was let in is paid for. Of any number of
 * simultaneous takes exactly `burst` pass, whatever the number of threads. The table never grows: a
 * new key takes the place of one that owes nothing, else of the one in its set that owes least, so
 * a flood of fresh addresses pushes out fresh addresses and not those over their limit.
 * Time is the monotonic clock and comes from the caller. Threads: any, all functions but new and
 * free. Source: reference security s.6.1, s.6.4.
 */
#ifndef RKD_SERVE_LIMITER_H
#define RKD_SERVE_LIMITER_H

#include "model/settings.h"

struct rkd_limiter;

/* The same address has a bucket of its own in each layer. */
enum rkd_layer { RKD_LAYER_ADDRESS = 1, RKD_LAYER_FAILURES, RKD_LAYER_CALLER, RKD_LAYER_ROOM };

struct rkd_verdict {
    bool allowed;
    uint32_t retry_after_s; /* when refused: >= 1, after it a take passes if nobody else came */
};

/* hash_key: 16 random bytes, copied; without them one could choose addresses that collide.
 * Errors: RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_limiter_new(const uint8_t hash_key[16], struct rkd_limiter **out);
void rkd_limiter_free(struct rkd_limiter *limiter);

/*
 * Names an address: IPv4 whole, IPv6 by its first 64 bits; all addresses that are not set are one.
 * Never 0, so 0 can say "not computed yet". One key serves every layer. Costs 20 ns: keep it with
 * the connection.
 */
uint64_t rkd_limiter_key(const struct rkd_limiter *limiter, const struct rkd_addr *addr);

/* The same for the names of a caller or a room, of any bytes. */
uint64_t rkd_limiter_text_key(const struct rkd_limiter *limiter, struct rk_str text);

/* Charges one if it is within the rate; a refusal charges nothing. A rate that is off allows. */
struct rkd_verdict rkd_limiter_take(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                                    const struct rkd_rate *rate, uint64_t now_ns);

/* What take would say, without charging. */
struct rkd_verdict rkd_limiter_look(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                                    const struct rkd_rate *rate, uint64_t now_ns);

/* Charges one whatever the verdict (failures are counted after the fact). Nobody ever owes more
 * than a whole burst. */
void rkd_limiter_charge(struct rkd_limiter *limiter, enum rkd_layer layer, uint64_t key,
                        const struct rkd_rate *rate, uint64_t now_ns);

/* Buckets with a debt that had to make room: above 0 somebody floods the table. */
uint64_t rkd_limiter_evictions(const struct rkd_limiter *limiter);

#endif
