/*
 * inspect.h - everything that can be said about a token without asking a server.
 *
 * Two readers are imitated, and they differ on purpose: a LiveKit server, which is lenient (names
 * in any case, the last duplicate wins, unused base64 bits are ignored), and rk_token_verify, which
 * is not. Refusals are the server's; the verifier's verdict stands apart.
 */
#ifndef RKI_INSPECT_H
#define RKI_INSPECT_H

#include <jansson.h>
#include <roomkey/key.h>

#include "core/str.h"

enum {
    RKI_FINDINGS_MAX = 64,
    RKI_INSPECT_TOKEN_MAX = 1024 * 1024, /* bytes; Go's limit for a request's head */
};

enum rki_severity {
    RKI_SEVERITY_NOTE = 0, /* good to know */
    RKI_SEVERITY_WARNING,  /* more power, more time or more text than a participant needs */
    RKI_SEVERITY_REFUSAL,  /* a LiveKit server will not let the holder in */
};

struct rki_finding {
    enum rki_severity severity;
    const char *code; /* constant: lower case and underscores, for scripts */
    unsigned status;  /* refusals: the server's HTTP status; else 0 */
    char field[128];  /* "video.roomCreate"; empty when it is the token as a whole */
    const char *text; /* constant English, no full stop; names no input */
    char detail[192]; /* more of it, or empty; printable, quotes no input */
};

enum rki_signature {
    RKI_SIGNATURE_UNCHECKED = 0, /* no key ring, no such key, or the token is not that far */
    RKI_SIGNATURE_GOOD,
    RKI_SIGNATURE_BAD,
};

struct rki_inspection {
    struct rki_finding findings[RKI_FINDINGS_MAX]; /* refusals, then warnings, then notes */
    size_t count;
    bool more; /* there were more than fit */

    size_t refusals; /* 0: a server would accept it, as far as the token alone can tell */
    enum rki_signature signature;

    enum rk_err verdict;         /* of rk_token_verify; RK_E_ISSUER without a key ring */
    struct rk_diag verdict_diag; /* empty when the verdict is RK_OK */

    json_t *header, *payload; /* as decoded, NULL when that failed. Text in them is untrusted */
};

/*
 * Looks at `token` (no white space around it) at time now_s. `ring` may be NULL: then the signature
 * is not checked, and a note says so. *out is a new object for rki_inspection_free; its size is
 * fixed but for the two JSON values.
 *
 * Only for want of memory or of libcrypto does it fail (RK_E_NOMEM, RK_E_CRYPTO): a bad token is a
 * result, not an error. Threads: safe. Source: reference livekit-tokens.md s.2.2-2.4, 1.7, 2.6.
 */
RK_NODISCARD enum rk_err rki_token_inspect(const struct rk_keyring *ring, struct rk_str token,
                                           int64_t now_s, struct rki_inspection **out);

/* NULL is a no-op. */
void rki_inspection_free(struct rki_inspection *inspection);

#endif
