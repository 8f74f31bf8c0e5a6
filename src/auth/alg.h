/*
 * alg.h - the signature algorithms there are here, and the kind of key each belongs to.
 *
 * Only algorithms of public keys have a number. HS256 is no row of this table: a secret is another
 * type (hs256.h), so that a public key can never end up as one (security.md s.0.2, s.1.4).
 */
#ifndef RKD_AUTH_ALG_H
#define RKD_AUTH_ALG_H

#include "core/str.h"

enum rkd_alg {
    RKD_ALG_NONE = 0, /* none we know: verifies nothing */
    RKD_ALG_RS256,
    RKD_ALG_RS384,
    RKD_ALG_RS512,
    RKD_ALG_PS256,
    RKD_ALG_PS384,
    RKD_ALG_PS512,
    RKD_ALG_ES256,
    RKD_ALG_ES384,
    RKD_ALG_ES512,
    RKD_ALG_EDDSA, /* Ed25519 only */
    RKD_ALG_COUNT
};

enum rkd_key_type {
    RKD_KEY_NONE = 0,
    RKD_KEY_RSA,
    RKD_KEY_P256,
    RKD_KEY_P384,
    RKD_KEY_P521,
    RKD_KEY_ED25519,
};

enum rkd_digest { RKD_SHA256 = 0, RKD_SHA384, RKD_SHA512, RKD_DIGEST_COUNT };

struct rkd_alg_info {
    struct rk_str name;
    enum rkd_key_type key;
    enum rkd_digest digest; /* not for EdDSA */
    bool is_pss;
};

#define RKD_ALG_BIT(alg) (UINT32_C(1) << (alg))

/* Where a caller names none (security.md s.1.4). */
#define RKD_ALGS_DEFAULT                                                                           \
    (RKD_ALG_BIT(RKD_ALG_RS256) | RKD_ALG_BIT(RKD_ALG_ES256) | RKD_ALG_BIT(RKD_ALG_EDDSA) |        \
     RKD_ALG_BIT(RKD_ALG_PS256))

/* Never NULL; the row of RKD_ALG_NONE has key RKD_KEY_NONE. */
const struct rkd_alg_info *rkd_alg_info(enum rkd_alg alg);

/* Byte for byte, no case folded. RKD_ALG_NONE: not ours. */
enum rkd_alg rkd_alg_by_name(struct rk_str name);

#endif
