/*
 * verifier.h - a worker's kept contexts: digests, one EVP context a key, headers seen before.
 */
#ifndef RKD_AUTH_VERIFIER_H
#define RKD_AUTH_VERIFIER_H

#include "auth/jws.h"
#include "auth/keyset.h"

enum {
    RKD_KEPT_MAX = 64,       /* contexts; the least recently used one goes */
    RKD_MEMO_MAX = 8,        /* headers */
    RKD_MEMO_TEXT_MAX = 384, /* bytes of a header, base64url, that are worth remembering */
    RKD_SIGNATURE_MAX = 512,
};

/* Everything up to `ctx` is the key. It holds a reference to pkey, so the address cannot come to
 * mean another key while it stands here. */
struct rkd_kept {
    EVP_PKEY *pkey;
    enum rkd_alg alg;
    EVP_PKEY_CTX *ctx;    /* RSA, EC: initialised for this algorithm */
    EVP_MD_CTX *one_shot; /* EdDSA */
    uint64_t used_at;
};

/* A header whose token verified: the same bytes need no second parse. */
struct rkd_memo {
    size_t text_len;
    char text[RKD_MEMO_TEXT_MAX];
    struct rkd_header header;
};

struct rkd_verifier {
    EVP_MD *digests[RKD_DIGEST_COUNT];
    EVP_MD_CTX *hash;
    uint64_t turn;
    struct rkd_kept kept[RKD_KEPT_MAX];
    size_t memo_next;
    struct rkd_memo memos[RKD_MEMO_MAX];
    char payload[RKD_PAYLOAD_MAX]; /* decoded here, so that no stack and no heap is needed */
};

/*
 * RK_OK: `signature` is `key`'s over `text`, under `alg`, which the key fits. RK_E_SIGNATURE: it is
 * not; RK_E_NOMEM, RK_E_CRYPTO: not known, deny.
 */
RK_NODISCARD enum rk_err rkd_verifier_check(struct rkd_verifier *verifier,
                                            const struct rkd_public_key *key, enum rkd_alg alg,
                                            struct rk_str text, struct rk_str signature);

/* Whether the header is one remembered; fills *out then. */
bool rkd_verifier_recall(const struct rkd_verifier *verifier, struct rk_str text,
                         struct rkd_header *out);
/* Only after the signature was good: strangers must not push out what is used. */
void rkd_verifier_remember(struct rkd_verifier *verifier, struct rk_str text,
                           const struct rkd_header *header);

#endif
