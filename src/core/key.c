/*
 * key.c - a key's name and secret, from memory or from a file, and rings of keys.
 *
 * May touch: its arguments, the key file it is told to read. Secrets live in memory of their own
 * that struct rk_key points to and, for the time of a load, in one buffer on the stack; both are
 * wiped.
 */
#include "core/key.h"

#include "core/diag.h"
#include "core/secret_file.h"
#include "core/text.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct rk_key {
    size_t name_len, secret_len;
    /* from libcrypto's secure heap where the program made one (guarded, left out of core dumps),
     * else from the heap; making one is the program's business, not a library's */
    char *secret;
    char name[RK_KEY_NAME_MAX];
};

struct rk_keyring {
    size_t count;
    struct rk_key *keys[RK_KEYRING_MAX];
};

enum rk_err rk_key_new(struct rk_str name, struct rk_str secret, struct rk_key **out_key)
{
    unsigned flags = 0;
    struct rk_key *key;
    enum rk_err err = rki_text_check_name(name, RK_KEY_NAME_MAX, &flags);

    if (err != RK_OK)
        return err;
    if (secret.len == 0)
        return RK_E_KEY;
    if (secret.len > RK_SECRET_MAX)
        return RK_E_TOO_LONG;
    key = calloc(1, sizeof(*key));
    if (key == NULL)
        return RK_E_NOMEM;
    key->secret = OPENSSL_secure_malloc(secret.len);
    if (key->secret == NULL) {
        free(key);
        return RK_E_NOMEM;
    }
    memcpy(key->name, name.ptr, name.len);
    key->name_len = name.len;
    memcpy(key->secret, secret.ptr, secret.len);
    key->secret_len = secret.len;
    *out_key = key;
    return RK_OK;
}

enum rk_err rk_key_load(struct rk_str name, const char *path, struct rk_key **out_key,
                        struct rk_diag *out_diag)
{
    char raw[RK_SECRET_MAX + 3]; /* CRLF, and a byte that tells "exactly max" from "too long" */
    struct rk_str secret = {NULL, 0};
    bool is_readable;
    enum rk_err err =
        rki_secret_file_read(path, "", raw, sizeof(raw), &secret, &is_readable, out_diag);

    if (err == RK_OK) {
        err = rk_key_new(name, secret, out_key);
        if (err != RK_OK)
            rki_diag_set(out_diag, "", rk_err_text(err));
    }
    rk_wipe(raw, sizeof(raw));
    return err;
}

struct rk_str rk_key_name(const struct rk_key *key)
{
    return rki_str(key->name, key->name_len);
}

struct rk_str rki_key_secret(const struct rk_key *key)
{
    return rki_str(key->secret, key->secret_len);
}

bool rk_key_is_short(const struct rk_key *key)
{
    return key->secret_len < RK_SECRET_SHORT;
}

void rk_key_free(struct rk_key *key)
{
    if (key == NULL)
        return;
    OPENSSL_secure_clear_free(key->secret, key->secret_len);
    free(key);
}

enum rk_err rk_keyring_new(struct rk_keyring **out_ring)
{
    struct rk_keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        return RK_E_NOMEM;
    *out_ring = ring;
    return RK_OK;
}

enum rk_err rk_keyring_add(struct rk_keyring *ring, struct rk_key **take_key)
{
    if (rk_keyring_find(ring, rk_key_name(*take_key)) != NULL)
        return RK_E_STATE;
    if (ring->count == RK_KEYRING_MAX)
        return RK_E_TOO_LONG;
    ring->keys[ring->count++] = *take_key;
    *take_key = NULL;
    return RK_OK;
}

const struct rk_key *rk_keyring_find(const struct rk_keyring *ring, struct rk_str name)
{
    for (size_t i = 0; i < ring->count; i++)
        if (rki_str_equal(rk_key_name(ring->keys[i]), name))
            return ring->keys[i];
    return NULL;
}

const struct rk_key *rki_keyring_at(const struct rk_keyring *ring, size_t index)
{
    return index < ring->count ? ring->keys[index] : NULL;
}

bool rki_keyring_has_secret(const struct rk_keyring *ring, struct rk_str secret)
{
    bool found = false;

    for (size_t i = 0; i < ring->count; i++)
        found |= rk_ct_equal(rki_key_secret(ring->keys[i]), secret);
    return found;
}

size_t rk_keyring_count(const struct rk_keyring *ring)
{
    return ring->count;
}

void rk_keyring_free(struct rk_keyring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->count; i++)
        rk_key_free(ring->keys[i]);
    free(ring);
}
