/*
 * local.h - local.settings.json of the Azure Functions Core Tools: its Values as variables of the
 * environment, its Host as where to listen and whom to let ask across origins.
 *
 * Where `func start` has a trap we do what the file's author meant, and docs/MIGRATING.md says so.
 */
#ifndef RKD_CONFIG_LOCAL_H
#define RKD_CONFIG_LOCAL_H

#include "config/config.h"

enum {
    RKD_LOCAL_TEXT_MAX = 256 * 1024,
    RKD_LOCAL_ENTRIES_MAX = 64, /* settings of ours; those of others are passed over */
};

/* Where a variable was said; the file's name is rkd_local.path. */
struct rkd_local_place {
    char name[48];   /* of the variable */
    const char *key; /* what it is called in the file; NULL: the same */
    unsigned line, column;
};

/* Zero at first. */
struct rkd_local {
    char *path;
    bool has_secret;
    bool is_readable; /* by everybody, and it has one */
    uint16_t port;    /* Host.LocalHttpPort, listened on or not; 0: none */
    struct rkd_local_place places[RKD_LOCAL_ENTRIES_MAX];
    /* Until rkd_local_wipe: "NAME=value", and the memory they lie in. */
    char *entries[RKD_LOCAL_ENTRIES_MAX];
    size_t count;
    char *memory;
    size_t memory_len, memory_used;
};

/*
 * What `text` says, but for what `env` has already and not empty. On failure *out is to be cleared
 * all the same. Errors: RK_E_INVAL, RK_E_STATE (encrypted), RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rkd_local_parse(struct rk_str text, const char *path,
                                         const struct rkd_env *env, struct rkd_local *out,
                                         struct rkd_raw_error *out_error);

/* The same from the file. RK_E_IO; RK_E_KEY when everybody may write it. */
RK_NODISCARD enum rk_err rkd_local_read(const char *path, const struct rkd_env *env,
                                        struct rkd_local *out, struct rkd_raw_error *out_error);

/* The entries are copied: nobody needs them here any more. */
void rkd_local_wipe(struct rkd_local *local);
void rkd_local_clear(struct rkd_local *local);

/* An error about a variable that came from the file is one about the file (semantics P1). The path
 * is borrowed. */
void rkd_local_place_error(const struct rkd_local *local, struct rkd_raw_error *error);

#endif
