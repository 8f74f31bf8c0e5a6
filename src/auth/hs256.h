/*
 * hs256.h - bearer tokens under a shared secret: a type and a function of their own.
 */
#ifndef RKD_AUTH_HS256_H
#define RKD_AUTH_HS256_H

#include "core/str.h"

enum { RKD_HS256_SECRET_MIN = 32 };

struct rkd_hs256_secret;

/* Copies; RK_E_KEY: under 32 bytes; RK_E_TOO_LONG; RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_hs256_secret_new(struct rk_str bytes, struct rkd_hs256_secret **out);
void rkd_hs256_secret_free(struct rkd_hs256_secret *secret); /* wipes; NULL is a no-op */

/* RK_OK: the MAC is that of `signed_text`. RK_E_SIGNATURE, RK_E_NOMEM, RK_E_CRYPTO. */
RK_NODISCARD enum rk_err rkd_hs256_check(const struct rkd_hs256_secret *secret,
                                         struct rk_str signed_text, struct rk_str mac);

#endif
