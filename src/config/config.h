/*
 * config.h - roomkey.yaml, environment and flags, read and checked: what the other rooms may call
 * here.
 *
 * Everything is read at once, before anything listens and again at each reload; a flag goes before
 * the environment, which goes before the file. A value that is not understood is refused, never
 * replaced by a default; so is a key of the file or a ROOMKEY_ variable nobody knows, because a
 * typing error must not weaken the service in silence. Errors say where (FILE:LINE:COLUMN, or the
 * variable or flag) and what was expected; no value is quoted, so no secret can be.
 *
 * Threads: none of this is for two threads at once.
 */
#ifndef RKD_CONFIG_CONFIG_H
#define RKD_CONFIG_CONFIG_H

#include "core/buf.h"
#include "model/settings.h"

/* Where variables come from: environ, or a test's own list. */
struct rkd_local;
struct rkd_env {
    char *const *entries;          /* "NAME=value", NULL at the end */
    int64_t pid;                   /* whom LISTEN_PID must name; 0: nobody is handed descriptors */
    const struct rkd_local *local; /* some of them come from local.settings.json; NULL: none */
};

/* How files are read when not from the file system: fuzzing. At most cap bytes into raw; NULL, or
 * what is wrong as a constant. */
struct rkd_files {
    const char *(*read)(void *ctx, const char *path, char *raw, size_t cap, size_t *out_len);
    void *ctx;
};

/* What the command line said; zero: nothing. Borrowed for the call. */
struct rkd_flags {
    const char *const *listen; /* each is one --listen, itself a comma list */
    size_t listen_count;
    const char *anonymous; /* --anonymous */
    const char *config;    /* --config, in place of ROOMKEY_CONFIG */
    bool dev;              /* roomkey dev: reads no file */
    bool skips_local;      /* --local-settings was given, but the Functions host starts us */
    bool is_for_looking;   /* nothing will be served (doctor, keys plan): that nobody could be is no
                              error then */
    const struct rkd_files *files; /* NULL: the file system */
};

/*
 * The whole configuration, ready for rkd_snapshot_build. *out owns what it points to;
 * rkd_settings_clear it. On failure *out is cleared and *out_error says what to mend; it then owns
 * its file's name (rkd_raw_error_keep).
 *
 * A missing key or secret is no error: active_key is NULL and a warning says so (not with
 * flags->dev, where it is one). out->raw is typed and complete, but templates, addresses and
 * conditions in it are for auth and policy to judge.
 * Errors: RK_E_INVAL a value, RK_E_STATE values that exclude each other or nobody to serve,
 *         RK_E_UNKNOWN a variable that does not exist, RK_E_KEY, RK_E_IO a file, RK_E_TOO_LONG,
 *         RK_E_NOMEM
 */
RK_NODISCARD enum rk_err rkd_settings_read(const struct rkd_env *env, const struct rkd_flags *flags,
                                           struct rkd_settings *out,
                                           struct rkd_raw_error *out_error);

/* "FILE:LINE:COLUMN: " or "ROOMKEY_LISTEN: entry 2: "; nothing for a position that is none. */
void rkd_pos_write(struct rki_buf *buf, struct rkd_pos at);
/* "FILE:LINE:COLUMN: key: text" (semantics P1). */
void rkd_raw_error_write(struct rki_buf *buf, const struct rkd_raw_error *error);

/*
 * Does a link of these settings point elsewhere by now (settings.links)? *out_state tells one state
 * of all of them from another. Looks at the file system, opens nothing.
 */
bool rkd_links_moved(const struct rkd_settings *settings, uint64_t *out_state);

/* Frees and wipes; an all-zero object will do, and so will doing it twice. */
void rkd_settings_clear(struct rkd_settings *settings);

/* 127.0.0.0/8 or [::1]. */
bool rkd_listen_is_loopback(const struct rkd_listen *listen);

enum { RKD_KEY_WARNINGS_MAX = 8 };

/* The LiveKit keys alone, for commands that do not serve. */
struct rkd_keys {
    struct rk_keyring *ring; /* NULL when there is none */
    const struct rk_key
        *active;   /* the one that signs, borrowed from ring; NULL: none, or several */
    bool is_given; /* one of the LIVEKIT_ variables of keys holds something */
    const char *warnings[RKD_KEY_WARNINGS_MAX]; /* constants */
    size_t warning_count;
};

/* LIVEKIT_API_KEY, LIVEKIT_API_SECRET, LIVEKIT_KEYS and their _FILE forms. Errors as above. */
RK_NODISCARD enum rk_err rkd_keys_read(const struct rkd_env *env, struct rkd_keys *out,
                                       struct rk_diag *out_diag);
void rkd_keys_clear(struct rkd_keys *keys);

/* The addresses to listen on alone, by flag, ROOMKEY_LISTEN, the file, what the host says, or
 * 127.0.0.1:7071: for `roomkey health`. Nothing else in the file is judged. */
RK_NODISCARD enum rk_err rkd_listen_read(const struct rkd_env *env, const struct rkd_flags *flags,
                                         struct rkd_listen out[static RKD_LISTEN_MAX],
                                         size_t *out_count, struct rkd_raw_error *out_error);

/* "127.0.0.1:7071", "[::1]:7071", "unix:/path"; false: something else, *out untouched. */
bool rkd_listen_parse(struct rk_str text, struct rkd_listen *out);

/* Both mean one address, path or descriptor. */
bool rkd_listen_equal(const struct rkd_listen *a, const struct rkd_listen *b);

/* A ws, wss, http or https URL without user, query and fragment: what clients can be given. */
bool rkd_url_is_valid(struct rk_str url);

/* The value of a variable, borrowed; absent (ptr NULL) when it is not set or empty. */
struct rk_str rkd_env_get(const struct rkd_env *env, const char *name);

/* Overwrites the secrets in the environment: /proc/PID/environ and core files show them else. */
void rkd_env_wipe(char *const *entries);

/*
 * A copy of exactly the variables that mean something here (those of ROOMKEY_ and ENTRA_ that do
 * not exist included, so that they are refused again), for the reloads after rkd_env_wipe. Secrets
 * in it lie in the secure heap. NULL: out of memory. rkd_env_drop wipes and frees; NULL is a no-op.
 */
struct rkd_env_copy;
struct rkd_env_copy *rkd_env_keep(const struct rkd_env *env);
/*
 * The same with what local.settings.json says (local.h) under what the environment says; path NULL:
 * there is none. On failure *out is NULL. RK_E_INVAL, RK_E_STATE, RK_E_IO, RK_E_KEY, RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rkd_env_keep_local(const struct rkd_env *env, const char *path,
                                            struct rkd_env_copy **out,
                                            struct rkd_raw_error *out_error);
const struct rkd_env *rkd_env_of(const struct rkd_env_copy *copy);
void rkd_env_drop(struct rkd_env_copy *copy);

enum rkd_variable_kind {
    RKD_VARIABLE_SETTING = 0,
    RKD_VARIABLE_SECRET, /* also as NAME_FILE */
    RKD_VARIABLE_HOST,   /* set by whoever starts roomkey: systemd, a cloud host */
};

struct rkd_variable {
    const char *name;
    enum rkd_variable_kind kind;
    const char *help; /* one line */
};

/* Every variable roomkey knows, for help texts and the manual's test; NULL past the end. */
const struct rkd_variable *rkd_variable_at(size_t index);

/* Every key of roomkey.yaml, for the manual's test: "callers.oidc." and "issuer". False past the
 * end. */
bool rkd_config_key_at(size_t index, const char **out_path, struct rk_str *out_name);

#endif
