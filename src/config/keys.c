/*
 * keys.c - the LiveKit keys: LIVEKIT_API_KEY with LIVEKIT_API_SECRET, or LIVEKIT_KEYS.
 *
 * May touch: the environment it is given and the files named there. Secrets are copied into struct
 * rk_key and wiped everywhere else; the environment is wiped by the program (rkd_env_wipe).
 */
#include "config/secret.h"

#include "core/diag.h"

/* clang-format off */
#define SOURCE(name, credential, blanks) { \
    name, name "_FILE", credential, \
    name " is not used: the credential of that name goes before it", \
    name " holds a reference that its platform did not resolve; it counts as missing", \
    name "_FILE names a file that everybody on this machine can read; chmod o-r it", blanks}
#define BLANKS(name) name " has blanks around its value; they were left out"
static const struct rkd_secret_source key_source = SOURCE("LIVEKIT_API_KEY", "livekit_api_key", BLANKS("LIVEKIT_API_KEY"));
static const struct rkd_secret_source secret_source = SOURCE("LIVEKIT_API_SECRET", "livekit_api_secret", BLANKS("LIVEKIT_API_SECRET"));
static const struct rkd_secret_source keys_source = SOURCE("LIVEKIT_KEYS", "livekit_keys", NULL);
#undef BLANKS
#undef SOURCE
/* clang-format on */

void rkd_keys_warn(struct rkd_keys *keys, const char *text)
{
    if (keys->warning_count < RKD_KEY_WARNINGS_MAX)
        keys->warnings[keys->warning_count++] = text;
}

void rkd_keys_clear(struct rkd_keys *keys)
{
    rk_keyring_free(keys->ring);
    *keys = (struct rkd_keys){0};
}

/* A ring of one. Names in diag which of the two texts was wrong. */
static enum rk_err ring_of_one(struct rk_str name, struct rk_str secret, struct rkd_keys *out,
                               struct rk_diag *diag)
{
    struct rk_keyring *ring = NULL;
    struct rk_key *key = NULL;
    enum rk_err err;

    if (secret.len > RK_SECRET_MAX)
        return rki_diag_fail(diag, RK_E_TOO_LONG, secret_source.name,
                             "expected a secret of at most 1024 bytes");
    err = rk_key_new(name, secret, &key);
    if (err == RK_E_NOMEM)
        return rki_diag_fail(diag, err, key_source.name, "out of memory");
    if (err != RK_OK)
        return rki_diag_fail(diag, err, key_source.name,
                             "expected 1 to 256 bytes of UTF-8 without control characters");
    err = rk_keyring_new(&ring);
    if (err == RK_OK)
        err = rk_keyring_add(ring, &key);
    if (err != RK_OK) {
        rki_diag_set(diag, key_source.name, "out of memory");
        goto out;
    }
    out->active = rk_keyring_find(ring, name);
    out->ring = ring;
    ring = NULL;
out:
    rk_key_free(key);
    rk_keyring_free(ring);
    return err;
}

static enum rk_err ring_from_yaml(struct rk_str text, const char *name, struct rkd_keys *out,
                                  struct rk_diag *diag)
{
    const struct rk_key *last = NULL;
    struct rk_keyring *ring = NULL;
    enum rk_err err = rk_keyring_new(&ring);

    if (err != RK_OK)
        return rki_diag_fail(diag, err, name, "out of memory");
    err = rkd_keys_from_yaml(text, name, ring, &last, diag);
    if (err != RK_OK) {
        rk_keyring_free(ring);
        return err;
    }
    out->ring = ring;
    out->active = rk_keyring_count(ring) == 1 ? last : NULL;
    return RK_OK;
}

/* What is missing, said once at start; requests say it in their own words. */
static void warn_missing(struct rkd_keys *out, const struct rkd_secret *key,
                         const struct rkd_secret *secret)
{
    if (key->text.len == 0 && secret->text.len == 0)
        rkd_keys_warn(out, "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are missing: no token can be "
                           "signed until both are set");
    else if (key->text.len == 0)
        rkd_keys_warn(out, "LIVEKIT_API_KEY is missing: no token can be signed until it is set");
    else
        rkd_keys_warn(out, "LIVEKIT_API_SECRET is missing: no token can be signed until it is set");
}

static enum rk_err keys_from(const struct rkd_secret *key, const struct rkd_secret *secret,
                             const struct rkd_secret *keys, struct rkd_keys *out,
                             struct rk_diag *diag)
{
    enum rk_err err = RK_OK;

    if (keys->is_given && (key->is_given || secret->is_given))
        return rki_diag_fail(diag, RK_E_STATE, keys_source.name,
                             "expected either this or LIVEKIT_API_KEY with LIVEKIT_API_SECRET");
    if (keys->text.len != 0)
        err = ring_from_yaml(keys->text, keys_source.name, out, diag);
    else if (key->text.len != 0 && secret->text.len != 0)
        err = ring_of_one(key->text, secret->text, out, diag);
    else
        warn_missing(out, key, secret);
    if (err == RK_OK && out->active != NULL) {
        const char *doubts[RKD_SECRET_DOUBTS_MAX];
        const size_t count = rkd_secret_doubts(out->active, doubts);

        for (size_t i = 0; i < count; i++)
            rkd_keys_warn(out, doubts[i]);
    }
    return err;
}

enum rk_err rkd_keys_read(const struct rkd_env *env, struct rkd_keys *out, struct rk_diag *out_diag)
{
    struct rkd_secret key = {0}, secret = {0}, keys = {0};
    enum rk_err err;

    *out = (struct rkd_keys){0};
    err = rkd_secret_read(env, &key_source, out, &key, out_diag);
    if (err == RK_OK)
        err = rkd_secret_read(env, &secret_source, out, &secret, out_diag);
    if (err == RK_OK)
        err = rkd_secret_read(env, &keys_source, out, &keys, out_diag);
    if (err == RK_OK)
        err = keys_from(&key, &secret, &keys, out, out_diag);
    out->is_given = key.is_given || secret.is_given || keys.is_given;
    rkd_secret_clear(&key);
    rkd_secret_clear(&secret);
    rkd_secret_clear(&keys);
    if (err != RK_OK)
        rkd_keys_clear(out);
    return err;
}
