/*
 * forge.h - makes tokens the library would not: any header and payload bytes with an honest MAC.
 */
#ifndef RK_TEST_FORGE_H
#define RK_TEST_FORGE_H

#include <stdlib.h>

#include "check.h"

#include "core/b64.h"
#include "core/mac.h"
#include <roomkey/key.h>

#define FORGE_HEADER RK_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}")

static inline struct rk_key *forge_key(struct rk_str name, struct rk_str secret)
{
    struct rk_key *key = NULL;

    CHECK_ERR(rk_key_new(name, secret, &key), RK_OK, "key");
    return key;
}

/* A ring of one key. */
static inline struct rk_keyring *forge_ring(struct rk_str name, struct rk_str secret)
{
    struct rk_key *key = forge_key(name, secret);
    struct rk_keyring *ring = NULL;

    CHECK_ERR(rk_keyring_new(&ring), RK_OK, "ring");
    CHECK_ERR(rk_keyring_add(ring, &key), RK_OK, "ring");
    return ring;
}

/* Signs header "." payload with the ring's key `name`; the caller frees the text. */
static inline struct rk_str forge_token(const struct rk_keyring *ring, struct rk_str name,
                                        struct rk_str header, struct rk_str payload)
{
    size_t size = 2 * (header.len + payload.len) + 128;
    struct rki_buf buf = rki_buf_over(malloc(size), size);
    unsigned char mac_bytes[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;

    rki_b64url_encode(&buf, header);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, payload);
    CHECK_ERR(rki_mac_new(rk_keyring_find(ring, name), &mac), RK_OK, "mac");
    CHECK_ERR(rki_mac_run(mac, rki_buf_str(&buf), mac_bytes), RK_OK, "mac");
    rki_mac_free(mac);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, rki_str((const char *)mac_bytes, sizeof(mac_bytes)));
    CHECK(!buf.overflow, "room");
    return rki_buf_str(&buf);
}

static inline void forge_free(struct rk_str text)
{
    free((void *)(uintptr_t)text.ptr);
}

#endif
