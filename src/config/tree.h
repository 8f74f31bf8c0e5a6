/*
 * tree.h - YAML text -> a tree of typed values with their positions, or a refusal at the exact
 * spot.
 *
 * One document, one map at its top. Refused, wherever they stand: aliases, anchors, tags, merge
 * keys, null, a NUL in a text, a key that is no plain or quoted text, a key twice in one map;
 * nesting deeper than 16, more than 10,000 nodes, more than 1 MiB. Plain scalars are typed by YAML
 * 1.2's core schema: `yes`, `off` and `12:30` are text.
 */
#ifndef RKD_CONFIG_TREE_H
#define RKD_CONFIG_TREE_H

#include "config/store.h"
#include "model/raw.h"

enum {
    RKD_TREE_DEPTH_MAX = 16,
    RKD_TREE_NODES_MAX = 10000,
    RKD_TREE_TEXT_MAX = 1024 * 1024,
};

/*
 * *out is a MAP (an empty one for a file of comments); everything in it lies in `store` and its
 * texts have a NUL behind them. `file` is borrowed by every position.
 * Errors: RK_E_INVAL, RK_E_TOO_LONG, RK_E_NOMEM; *error is filled, *out untouched.
 */
RK_NODISCARD enum rk_err rkd_tree_read(struct rk_str text, const char *file,
                                       struct rkd_store *store, struct rkd_value *out,
                                       struct rkd_raw_error *error);

/* The member of that name; NULL when there is none. */
const struct rkd_value_member *rkd_tree_find(const struct rkd_value *map, struct rk_str key);

/* The type of an unquoted scalar, into kind, number and boolean of *value. False: it is null. */
bool rkd_scalar_type(struct rk_str text, struct rkd_value *value);

#endif
