/*
 * key.h - LiveKit API keys: a public name (the token's `iss`) and a secret, and rings of them.
 *
 * A key is immutable once made and may be shared by threads. Its secret has no getter and no
 * printing function; rk_key_free wipes it.
 */
#ifndef ROOMKEY_KEY_H
#define ROOMKEY_KEY_H

#include <roomkey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RK_SECRET_MAX = 1024,  /* bytes of a secret */
    RK_KEY_NAME_MAX = 256, /* bytes of a key's name */
    RK_SECRET_SHORT = 32,  /* secrets below this many bytes are weak: other SDKs refuse them */
    RK_KEYRING_MAX = 64,   /* keys in a ring */
};

struct rk_key;
struct rk_keyring;

/**
 * A key from memory. `name` is the API key ("APIxxxx"), `secret` the API secret: its bytes are used
 * as they are, never base64- or hex-decoded (RFC 7515 s.3.2; every LiveKit SDK does the same).
 * Both are copied; wipe your own copy of the secret with rk_wipe.
 *
 * Errors: RK_E_INVAL     name empty, not UTF-8, or with control characters
 *         RK_E_TOO_LONG  name over RK_KEY_NAME_MAX or secret over RK_SECRET_MAX bytes
 *         RK_E_KEY       secret empty
 *         RK_E_NOMEM
 * On failure *out_key is untouched. Threads: safe.
 */
RK_API RK_NODISCARD enum rk_err rk_key_new(struct rk_str name, struct rk_str secret,
                                           struct rk_key **out_key);

/**
 * A key whose secret is the content of the file `path`, without one newline (LF or CRLF) at its
 * end.
 *
 * The opened file must be a regular file (a symbolic link to one will do: that is how Kubernetes
 * mounts secrets) that neither its group nor others can write.
 *
 * Errors: as rk_key_new, and
 *         RK_E_IO   the file cannot be opened or read (a directory, a pipe or a device among them)
 *         RK_E_KEY  secret empty or with a NUL byte; or the file is writable by group or others
 * `out_diag` (may be NULL) says why in its text; it quotes neither the path nor the content.
 * On failure *out_key is untouched. Threads: safe.
 */
RK_API RK_NODISCARD enum rk_err rk_key_load(struct rk_str name, const char *path,
                                            struct rk_key **out_key, struct rk_diag *out_diag);

/* The name, borrowed until rk_key_free. Threads: safe. */
RK_API struct rk_str rk_key_name(const struct rk_key *key);

/* Whether the secret has fewer than RK_SECRET_SHORT bytes; worth a warning. Threads: safe. */
RK_API bool rk_key_is_short(const struct rk_key *key);

/* Wipes and frees; NULL is a no-op. */
RK_API void rk_key_free(struct rk_key *key);

/**
 * An empty ring. Build it in one thread with rk_keyring_add; afterwards it is only read and may be
 * shared. Errors: RK_E_NOMEM.
 */
RK_API RK_NODISCARD enum rk_err rk_keyring_new(struct rk_keyring **out_ring);

/**
 * Moves *take_key into the ring and sets it to NULL; on failure it stays yours.
 *
 * Errors: RK_E_STATE     the ring has a key of this name
 *         RK_E_TOO_LONG  it holds RK_KEYRING_MAX keys
 *         RK_E_NOMEM
 */
RK_API RK_NODISCARD enum rk_err rk_keyring_add(struct rk_keyring *ring, struct rk_key **take_key);

/* The key of exactly this name, borrowed until rk_keyring_free; NULL when there is none. Threads:
 * safe once built. */
RK_API const struct rk_key *rk_keyring_find(const struct rk_keyring *ring, struct rk_str name);

/* Threads: safe once built. */
RK_API size_t rk_keyring_count(const struct rk_keyring *ring);

/* Frees the keys too; NULL is a no-op. */
RK_API void rk_keyring_free(struct rk_keyring *ring);

#ifdef __cplusplus
}
#endif

#endif
