/*
 * error.h - fills struct rkd_raw_error: where, which key, what was expected (semantics P1).
 */
#ifndef RKD_CONFIG_ERROR_H
#define RKD_CONFIG_ERROR_H

#include "core/buf.h"
#include "model/raw.h"

/*
 * Sets *error and hands `err` back. `key` may come from the file: only its letters, digits and
 * `_ - . /` are shown, the rest as "?". `text` is ours.
 */
RK_NODISCARD enum rk_err rkd_error_set(struct rkd_raw_error *error, enum rk_err err,
                                       struct rkd_pos at, struct rk_str key, const char *text);

RK_NODISCARD enum rk_err rkd_error_nomem(struct rkd_raw_error *error);

#endif
