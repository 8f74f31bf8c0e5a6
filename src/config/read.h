/*
 * read.h - what the files of this room share while settings are being read.
 *
 * A value is read by one function, whether it comes from roomkey.yaml or from the environment: what
 * a variable holds is made into the same struct rkd_value first (environment.c).
 */
#ifndef RKD_CONFIG_READ_H
#define RKD_CONFIG_READ_H

#include "config/config.h"
#include "config/error.h"
#include "config/number.h"
#include "config/store.h"
#include "core/buf.h"

/* What only the whole can judge, and where it stood. line 0 and file NULL: nowhere. */
struct rkd_marks {
    struct rkd_pos top; /* the file's map */
    struct rkd_pos anonymous, credentials, endpoint_paths;
    struct rkd_pos listen, admin_listen, proxies;
    struct rkd_raw_text key_file, active_key;
};

struct rkd_trace_digest; /* trace.h */

/* One reading. `key` is what is looked at: errors name it; absent for a variable, whose name is in
 * the value's position. */
struct rkd_read {
    const struct rkd_env *env;
    const struct rkd_flags *flags;
    struct rkd_settings *out;
    struct rkd_store *store;
    struct rkd_raw_error *error;
    struct rk_str key;
    struct rk_str dir; /* of roomkey.yaml, with its slash; empty for the current one */
    struct rkd_marks marks;
    struct rkd_trace_digest *trace; /* NULL: nobody keeps one */
};

/* Reads one value to where `target` points: a setting, or struct rkd_settings itself. */
typedef enum rk_err rkd_read_fn(struct rkd_read *read, const struct rkd_value *value, void *target);

/* ---- tables of keys ---- */

struct rkd_key {
    struct rk_str name;
    rkd_read_fn *read;
    size_t field; /* offset in the table's target */
    bool is_required;
};

struct rkd_table {
    const char *path; /* "callers.oidc.": what stands in front of a key in the manual */
    const struct rkd_key *keys;
    size_t count;
};

/* clang-format off */
#define RKD_KEY(type, name, read) {RK_STR_INIT(#name), read, offsetof(type, name), false}
#define RKD_KEY_NEEDED(type, name, read) {RK_STR_INIT(#name), read, offsetof(type, name), true}
#define RKD_KEY_AS(type, name, member, read) {RK_STR_INIT(name), read, offsetof(type, member), false}
#define RKD_KEY_WHOLE(name, read) {RK_STR_INIT(name), read, 0, false}
/* clang-format on */

/* A map, every key of it known to the table; unknown keys and missing ones are refused. */
RK_NODISCARD enum rk_err rkd_table_read(struct rkd_read *read, const struct rkd_table *table,
                                        const struct rkd_value *value, void *target);

/* Every table there is (tables.c), NULL past the end. */
const struct rkd_table *rkd_table_at(size_t index);
extern const struct rkd_table rkd_top_table, rkd_livekit_table, rkd_cors_table, rkd_proxies_table,
    rkd_log_table, rkd_audit_table, rkd_redis_table, rkd_limits_table, rkd_caller_table,
    rkd_oidc_table, rkd_jwks_table, rkd_easy_auth_table, rkd_identity_table, rkd_rule_table,
    rkd_hook_table, rkd_ceiling_table, rkd_api_key_table;

/* ---- values of every kind: targets as named ---- */

rkd_read_fn rkd_take_text;     /* struct rkd_raw_text, not empty */
rkd_read_fn rkd_take_template; /* the same, may be empty */
rkd_read_fn rkd_take_list;     /* struct rkd_raw_list: one text or a list of them */
rkd_read_fn rkd_take_time;     /* struct rkd_raw_time, at most 366 days */
rkd_read_fn rkd_take_flag;     /* struct rkd_raw_flag */
rkd_read_fn rkd_take_bool;     /* bool */
rkd_read_fn rkd_take_map;      /* struct rkd_value, a map */
rkd_read_fn rkd_take_value;    /* struct rkd_value, a text or a map */
rkd_read_fn rkd_take_secret;   /* struct rkd_raw_secret: the file that is named */
rkd_read_fn rkd_take_hash_key; /* the same, 32 bytes or more (D14) */
rkd_read_fn rkd_take_path;     /* struct rkd_raw_text: a path, absolute afterwards */

/* One of a list of words: its index into *out. */
RK_NODISCARD enum rk_err rkd_take_word(const struct rkd_read *read, const struct rkd_value *value,
                                       const char *const *words, size_t count, const char *expected,
                                       size_t *out);

/* The text of a scalar that is a text or an unquoted number; absent for all else. */
struct rk_str rkd_value_word(const struct rkd_value *value);

/* The entries of "one or a list", not NULL for an empty list; NULL: it is a map, a number or a
 * boolean. */
const struct rkd_value *rkd_value_items(const struct rkd_value *value, size_t *out_count);

/* ---- refusals and warnings ---- */

/* At the value, under read->key. */
RK_NODISCARD enum rk_err rkd_read_fail(const struct rkd_read *read, const struct rkd_value *value,
                                       const char *expected);
RK_NODISCARD enum rk_err rkd_read_fail_at(const struct rkd_read *read, struct rkd_pos at,
                                          struct rk_str key, const char *expected);
RK_NODISCARD enum rk_err rkd_read_nomem(const struct rkd_read *read);

#define RKD_READABLE_TEXT "names a file that everybody on this machine can read; chmod o-r it"

/* Constant texts; past the end of the list they are dropped. */
void rkd_read_warn(struct rkd_read *read, const char *text);
void rkd_read_warn_at(struct rkd_read *read, struct rkd_pos at, const char *key, const char *text);

/* ---- one file each ---- */

/* variables.c: no unknown, double or empty variable. RK_E_UNKNOWN. */
RK_NODISCARD enum rk_err rkd_names_check(struct rkd_read *read);
/* Is `name` the variable's, or of its _FILE form? */
bool rkd_variable_names(const struct rkd_variable *variable, struct rk_str name);

rkd_read_fn rkd_read_limits;      /* limits.c, and all below: the target is struct rkd_settings */
rkd_read_fn rkd_read_origins;     /* cross.c */
rkd_read_fn rkd_read_credentials; /* cross.c */
rkd_read_fn rkd_read_proxies;     /* cross.c */
rkd_read_fn rkd_read_contracts;   /* paths.c */
rkd_read_fn rkd_read_paths;       /* paths.c */
rkd_read_fn rkd_read_listen;      /* listen.c */
rkd_read_fn rkd_read_admin_listen;
rkd_read_fn rkd_read_url; /* basic.c */
rkd_read_fn rkd_read_workers;
rkd_read_fn rkd_read_anonymous;
rkd_read_fn rkd_read_status;
rkd_read_fn rkd_read_log_level;
rkd_read_fn rkd_read_callers;  /* callers.c */
rkd_read_fn rkd_read_api_keys; /* api_keys.c: the target is struct rkd_raw_caller */
rkd_read_fn rkd_read_profiles; /* rules.c */
rkd_read_fn rkd_read_rules;    /* rules.c */
rkd_read_fn rkd_read_ceiling;  /* rules.c */

void rkd_limits_default(struct rkd_limits *out);
unsigned rkd_workers_auto(void);              /* basic.c */
void rkd_proxies_warn(struct rkd_read *read); /* once all is read */

/* environment.c: every variable that is set, over what the file said. */
RK_NODISCARD enum rk_err rkd_environment_read(struct rkd_read *read);
enum rkd_shape { RKD_SHAPE_TEXT = 0, RKD_SHAPE_LIST, RKD_SHAPE_PAIRS, RKD_SHAPE_PROXIES };
/* What `name` holds, in the shape of the file. RK_E_INVAL, RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_shape_value(struct rkd_read *read, enum rkd_shape shape,
                                         const char *name, struct rk_str text,
                                         struct rkd_value *out);

/* file.c: roomkey.yaml as a tree; out->kind stays RKD_VALUE_NONE when there is none. */
RK_NODISCARD enum rk_err rkd_file_tree(struct rkd_read *read, struct rkd_value *out);
/* Remembers a path that ends in NUL, for settings.files. RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_file_note(struct rkd_read *read, struct rk_str path);
/* The same for what the variables of secrets name. */
RK_NODISCARD enum rk_err rkd_file_note_variables(struct rkd_read *read);
/* A path of the file, from its directory; it is remembered. RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_file_path(struct rkd_read *read, struct rk_str path,
                                       struct rk_str *out);
/* NULL when it may be read, or why not. `path` ends in NUL. */
const char *rkd_file_problem(const struct rkd_read *read, struct rk_str path);
/*
 * The file a value names, by the rules of secret files, in memory the caller wipes and frees
 * (`cap` bytes at *out_memory). Errors stand at the value.
 */
RK_NODISCARD enum rk_err rkd_file_secret(struct rkd_read *read, const struct rkd_value *value,
                                         size_t cap, char **out_memory, struct rk_str *out_text,
                                         bool *out_is_readable);

/* keyring.c, entra.c, whole.c */
RK_NODISCARD enum rk_err rkd_keyring_read(struct rkd_read *read);
RK_NODISCARD enum rk_err rkd_entra_read(struct rkd_read *read);
RK_NODISCARD enum rk_err rkd_whole_check(struct rkd_read *read);

/* listen.c: where the flags or the host say, when nothing else did. */
RK_NODISCARD enum rk_err rkd_listen_finish(struct rkd_read *read);

/* paths.c: the host of an https URL, or of an http one; absent: it is no URL to fetch. */
struct rk_str rkd_url_host(struct rk_str url, bool *out_is_https);
/* localhost, 127.0.0.0/8 or [::1]. */
bool rkd_host_is_loopback(struct rk_str host);

#endif
