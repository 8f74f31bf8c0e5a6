/*
 * forged.h - tokens for the targets that read tokens, with the key known so that mutations get past
 * the MAC.
 *
 * The first byte of an input chooses what the rest is: a token as it stands; a payload to be signed
 * under the usual header; a header and a payload, separated by the first newline, to be signed.
 */
#ifndef RK_FUZZ_FORGED_H
#define RK_FUZZ_FORGED_H

#include <stdlib.h>

#include "core/b64.h"
#include "core/mac.h"
#include "fuzz.h"
#include <roomkey/key.h>

enum { FORGED_NOW = 1767225600 };

static inline struct rk_key *forged_key(void)
{
    struct rk_key *key = NULL;

    FUZZ_CHECK(rk_key_new(RK_STR("APIroomkeyTest1"), RK_STR("sec_0123456789abcdef0123456789abcdef"),
                          &key) == RK_OK);
    return key;
}

static inline struct rk_str forged_sign(const struct rk_key *key, struct rk_str header,
                                        struct rk_str payload, char *room, size_t cap)
{
    struct rki_buf buf = rki_buf_over(room, cap);
    unsigned char bytes[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;

    rki_b64url_encode(&buf, header);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, payload);
    FUZZ_CHECK(rki_mac_new(key, &mac) == RK_OK);
    FUZZ_CHECK(rki_mac_run(mac, rki_buf_str(&buf), bytes) == RK_OK);
    rki_mac_free(mac);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, rki_str((const char *)bytes, sizeof(bytes)));
    return rki_buf_str(&buf);
}

static inline struct rk_str forged_token(const struct rk_key *key, unsigned how, struct rk_str rest,
                                         char *room, size_t cap)
{
    const char *line = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
    struct rk_str header = RK_STR("{\"alg\":\"HS256\"}");

    if (how == 0)
        return rest;
    if (how == 2 && line != NULL) {
        header = rki_str(rest.ptr, (size_t)(line - rest.ptr));
        rest = rki_str(line + 1, rest.len - header.len - 1);
    }
    return forged_sign(key, header, rest, room, cap);
}

#endif
