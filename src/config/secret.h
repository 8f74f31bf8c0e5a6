/*
 * secret.h - one secret, from its variable or from the file its _FILE variable names.
 */
#ifndef RKD_CONFIG_SECRET_H
#define RKD_CONFIG_SECRET_H

#include "config/config.h"

enum { RKD_SECRET_FILE_MAX = 64 * 1024, RKD_SECRET_DOUBTS_MAX = 2 };

/* The texts of one secret; see secret_sources in keys.c. */
struct rkd_secret_source {
    const char *name, *file_name; /* LIVEKIT_API_SECRET, LIVEKIT_API_SECRET_FILE */
    const char *credential;       /* livekit_api_secret, in CREDENTIALS_DIRECTORY */
    const char *overruled; /* a warning: there is such a credential, the variable is for nothing */
    const char *unresolved, *readable; /* warnings */
    const char *blanks; /* a warning; NULL: blanks around the value mean something (YAML) */
};

struct rkd_secret {
    struct rk_str text; /* absent: missing. Borrowed from the environment or from owned */
    char *owned;
    bool is_given; /* something was set, even if it counts as missing */
};

/*
 * X_FILE goes before a credential of systemd's, that before X (hosting.md s.5.3). X and X_FILE
 * exclude each other. An empty X is as good as none; an empty file, or one with a NUL,
 * is refused (FIL-03), and so is a file its group or others can write. One newline (LF or CRLF)
 * behind a file's text does not belong to it, nor do blanks around a variable's value: key vaults
 * are filled by paste. A reference of Azure's that nobody resolved counts as missing.
 *
 * Warnings are the constant texts of `source`. Errors: RK_E_STATE, RK_E_IO, RK_E_KEY,
 * RK_E_TOO_LONG, RK_E_NOMEM. rkd_secret_clear wipes what it owns.
 */
RK_NODISCARD enum rk_err rkd_secret_read(const struct rkd_env *env,
                                         const struct rkd_secret_source *source,
                                         struct rkd_keys *warn_to, struct rkd_secret *out,
                                         struct rk_diag *diag);
/* What stands in a variable when Azure could not resolve its reference to a vault: never the value.
 */
bool rkd_is_unresolved(struct rk_str text);

void rkd_secret_clear(struct rkd_secret *secret);

/* What is doubtful about the key that signs, from whichever source: how many, as constants. */
size_t rkd_secret_doubts(const struct rk_key *key, const char *out[static RKD_SECRET_DOUBTS_MAX]);

void rkd_keys_warn(struct rkd_keys *keys, const char *text);

/* keys_yaml.c: LiveKit's map "key: secret" into the ring; *out_last is the last key of it. */
RK_NODISCARD enum rk_err rkd_keys_from_yaml(struct rk_str text, const char *name,
                                            struct rk_keyring *ring, const struct rk_key **out_last,
                                            struct rk_diag *diag);

#endif
