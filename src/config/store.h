/*
 * store.h - what owns the texts, trees and secrets of a configuration: it grows, is never given
 * back piece by piece, and wipes its secrets when it goes.
 */
#ifndef RKD_CONFIG_STORE_H
#define RKD_CONFIG_STORE_H

#include "core/str.h"

struct rkd_store;

/* NULL: out of memory. */
struct rkd_store *rkd_store_new(void);
void rkd_store_free(struct rkd_store *store); /* NULL is a no-op */

/* `count` objects of `size` bytes, zeroed and aligned for any object. NULL: out of memory. */
void *rkd_store_take(struct rkd_store *store, size_t count, size_t size);

/* A copy with a NUL behind it, which is not counted. RK_E_NOMEM, *out untouched. */
RK_NODISCARD enum rk_err rkd_store_dup(struct rkd_store *store, struct rk_str text,
                                       struct rk_str *out);

/* The same in the secure heap, wiped with the store. */
RK_NODISCARD enum rk_err rkd_store_secret(struct rkd_store *store, struct rk_str bytes,
                                          struct rk_str *out);

#endif
