/*
 * read.h - what the files of this room share while settings are being read.
 */
#ifndef RKD_CONFIG_READ_H
#define RKD_CONFIG_READ_H

#include "config/config.h"
#include "config/number.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/diag.h"

/* One reading. `name` is the variable or flag that is looked at: errors name it. */
struct rkd_read {
    const struct rkd_env *env;
    struct rkd_settings *out;
    struct rki_arena arena; /* over out->storage */
    struct rk_diag *diag;
    const char *name;
};

/* Reads one value into read->out. The value is not empty and lives as long as the settings. */
typedef enum rk_err rkd_read_fn(struct rkd_read *read, struct rk_str value);

RK_NODISCARD static inline enum rk_err rkd_read_fail(const struct rkd_read *read,
                                                     const char *expected)
{
    return rki_diag_fail(read->diag, RK_E_INVAL, read->name, expected);
}

/* "entry 2: expected ..."; index counts from 0. */
RK_NODISCARD enum rk_err rkd_read_fail_at(const struct rkd_read *read, size_t index,
                                          const char *expected);

/* "body: expected ...": for settings that have names inside. */
RK_NODISCARD enum rk_err rkd_read_fail_in(const struct rkd_read *read, struct rk_str part,
                                          const char *expected);

/* Constant text; past the end of the list it is dropped. */
void rkd_read_warn(struct rkd_read *read, const char *text);

/* variables.c: no unknown, double, empty or later variable. RK_E_UNKNOWN. */
RK_NODISCARD enum rk_err rkd_names_check(struct rkd_read *read);

/* One file each. */
rkd_read_fn rkd_read_limits;    /* limits.c */
rkd_read_fn rkd_read_origins;   /* cross.c */
rkd_read_fn rkd_read_proxies;   /* cross.c */
rkd_read_fn rkd_read_contracts; /* paths.c */
rkd_read_fn rkd_read_paths;     /* paths.c */

/* What ROOMKEY_LIMITS starts from. */
void rkd_limits_default(struct rkd_limits *out);

/* One comma list of addresses, appended to out. Errors name read->name. */
RK_NODISCARD enum rk_err rkd_listen_add(const struct rkd_read *read, struct rk_str list,
                                        struct rkd_listen out[static RKD_LISTEN_MAX],
                                        size_t *count);

/* dev: every address must be TCP on loopback. */
bool rkd_listen_is_loopback(const struct rkd_listen *listen);

#endif
