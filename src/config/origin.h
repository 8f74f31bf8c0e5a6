/*
 * origin.h - an origin of CORS as the configuration writes it.
 *
 * Browsers send origins in one spelling only (small letters, no default port, no path), and we
 * compare byte for byte; what no browser would send is refused here, at start, with the reason.
 * Threads: safe.
 */
#ifndef RKD_CONFIG_ORIGIN_H
#define RKD_CONFIG_ORIGIN_H

#include "model/settings.h"

/*
 * "https://app.example.org", "http://localhost:4200", "capacitor://localhost"; or "*"; or a
 * wildcard: scheme http or https, "*." for exactly one label, a host of two labels or more (or
 * "localhost"), maybe a port.
 *
 * *out borrows from `text`, which must live as long. Errors: RK_E_INVAL, *out untouched; then
 * *out_why is a constant that finishes the sentence "this origin ...". out_why may be NULL.
 */
RK_NODISCARD enum rk_err rkd_origin_parse(struct rk_str text, struct rkd_origin *out,
                                          const char **out_why);

#endif
