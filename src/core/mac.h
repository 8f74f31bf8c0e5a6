/*
 * mac.h - HMAC-SHA-256 keyed once and run again and again; not thread-safe.
 *
 * Signing, token verification and webhooks share it. Fetching and keying cost more than a whole
 * mint, so nothing of that happens in rki_mac_run.
 */
#ifndef RKI_MAC_H
#define RKI_MAC_H

#include "core/str.h"
#include <roomkey/key.h>

enum {
    RKI_MAC_SIZE = 32,
};

struct rki_mac;

/* RK_E_NOMEM, RK_E_CRYPTO; *out_mac untouched then. The key may be freed afterwards. */
RK_NODISCARD enum rk_err rki_mac_new(const struct rk_key *key, struct rki_mac **out_mac);

/* RK_E_CRYPTO: `out` holds nothing of use. */
RK_NODISCARD enum rk_err rki_mac_run(struct rki_mac *mac, struct rk_str data,
                                     unsigned char out[RKI_MAC_SIZE]);

/* NULL is a no-op. */
void rki_mac_free(struct rki_mac *mac);

#endif
