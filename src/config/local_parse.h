/*
 * local_parse.h - what the files that read local.settings.json share: the walk (local_parse.c),
 * what becomes an entry (local_entry.c), what Host means (local_host.c). Not for others.
 */
#ifndef RKD_CONFIG_LOCAL_PARSE_H
#define RKD_CONFIG_LOCAL_PARSE_H

#include "config/error.h"
#include "config/jsonc.h"
#include "config/local.h"
#include "config/read.h"

struct rkd_local_host {
    struct rkd_jsonc_token cors, credentials, port, address; /* BAD: not said */
};

struct rkd_local_parse {
    struct rkd_jsonc reader;
    struct rkd_local *out;
    const struct rkd_env *env;
    struct rkd_raw_error *error;
    struct rkd_jsonc_token encrypted; /* the value of IsEncrypted; BAD: not said */
    struct rkd_pos values_at;
    bool looks_encrypted, has_values;
    unsigned seen; /* a bit a member of the whole */
    struct rkd_local_host host;
};

/* The text of a scalar as it stands in the file; absent for null, maps and lists. */
struct rk_str rkd_local_text(const struct rkd_jsonc_token *token);

/* Is the variable set in the environment, and not empty? Among the entries? */
bool rkd_local_is_set(const struct rkd_env *env, struct rk_str name);
bool rkd_local_has(const struct rkd_local *out, struct rk_str name);

/*
 * One entry: begun with "NAME=", its value put, ended. There is memory for any that the file can
 * hold. `key`: what the variable is called in the file, NULL: the same.
 */
RK_NODISCARD enum rk_err rkd_local_begin(struct rkd_local_parse *parse, struct rk_str name,
                                         const char *key, struct rkd_pos at);
void rkd_local_put(struct rkd_local *out, struct rk_str bytes);
void rkd_local_put_token(struct rkd_local *out, const struct rkd_jsonc_token *token);
RK_NODISCARD enum rk_err rkd_local_end(struct rkd_local_parse *parse, struct rkd_pos at);

/* Host's members as ROOMKEY_CORS_ORIGINS, ROOMKEY_CORS_CREDENTIALS and ROOMKEY_LISTEN. */
RK_NODISCARD enum rk_err rkd_local_add_host(struct rkd_local_parse *parse);

#endif
