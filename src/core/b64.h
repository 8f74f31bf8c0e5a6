/*
 * b64.h - base64url without padding (JWT) and standard base64 with padding (the sha256 claim).
 *
 * Decoding is canonical only: no white space, no missing or superfluous padding, no other alphabet,
 * and the bits left over in the last character are zero, so that one byte string has one text
 * (RFC 4648 s.3.5). Decoders write nothing but whole results: on failure *out_len is untouched and
 * `out` may hold the part decoded so far. Threads: safe.
 */
#ifndef RKI_B64_H
#define RKI_B64_H

#include "core/buf.h"

/* Characters for n bytes without padding; n must be below SIZE_MAX / 2. */
static inline size_t rki_b64url_len(size_t n)
{
    return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

/*
 * Encodes n bytes to out, which has rki_b64url_len(n) bytes; returns that length. `out` and `in`
 * may overlap when in - out >= rki_b64url_len(n) - n: reading then stays ahead of writing.
 */
size_t rki_b64url_encode_raw(char *out, const char *in, size_t n);

void rki_b64url_encode(struct rki_buf *buf, struct rk_str bytes);
void rki_b64_std_encode(struct rki_buf *buf, struct rk_str bytes);

/*
 * RK_E_MALFORMED: not canonical; RK_E_TOO_LONG: more than cap bytes. `out` may be the memory of
 * `text`.
 */
RK_NODISCARD enum rk_err rki_b64url_decode(struct rk_str text, void *out, size_t cap,
                                           size_t *out_len);
RK_NODISCARD enum rk_err rki_b64_std_decode(struct rk_str text, void *out, size_t cap,
                                            size_t *out_len);

#endif
