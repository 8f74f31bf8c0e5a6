/*
 * key.h - the secret of a key, for those who key a MAC with it. Nobody prints it.
 */
#ifndef RKI_KEY_H
#define RKI_KEY_H

#include "core/str.h"
#include <roomkey/key.h>

/* Borrowed until rk_key_free. */
struct rk_str rki_key_secret(const struct rk_key *key);

/* 0 to rk_keyring_count - 1, in the order they were added; NULL past the end. Borrowed until
 * rk_keyring_free. */
const struct rk_key *rki_keyring_at(const struct rk_keyring *ring, size_t index);

/* Whether one of the ring's keys has this secret. Constant time in the secrets' bytes. */
bool rki_keyring_has_secret(const struct rk_keyring *ring, struct rk_str secret);

#endif
