/*
 * cors.h - which pages may read our answers, and the header lines that say so.
 *
 * Pure functions over the configured origins. Comparison is byte for byte with the spelling
 * browsers use; there is no suffix matching but the one label of a wildcard. "null" (sandboxed
 * frames, files) is nobody's origin and never allowed, with "*" neither. roomkey sets and reads no
 * cookies; cors.credentials is for proxies in front of it that do. Threads: safe. Source: the Fetch
 * Standard; semantics H14, H15.
 */
#ifndef RKD_SERVE_CORS_H
#define RKD_SERVE_CORS_H

#include "model/settings.h"
#include "net/net.h"

/* Is any origin configured? If not, nothing below writes anything. */
bool rkd_cors_is_on(const struct rkd_settings *settings);

/* May pages of this origin (the header's value) read answers? An absent one may not. */
bool rkd_cors_allows(const struct rkd_settings *settings, struct rk_str origin);

/* An OPTIONS that asks before a request: Origin and Access-Control-Request-Method are there. */
bool rkd_cors_is_preflight(const struct rkd_request *request);

/*
 * Header lines of any answer of a CORS route, errors included, but the 204 to OPTIONS:
 * "Vary: Origin", and for an allowed origin Access-Control-Allow-Origin and -Expose-Headers, with
 * cors.credentials -Allow-Credentials too.
 */
void rkd_cors_write_answer(struct rki_buf *buf, const struct rkd_settings *settings,
                           const struct rkd_request *request);

/*
 * Header lines of the 204 to OPTIONS: Vary over all three request fields; for an allowed origin
 * -Allow-Origin, and if it is a preflight -Allow-Methods (`allow_methods` as it is, e.g. "POST"),
 * -Max-Age (cors.max_age), and -Allow-Headers with the request's list as it was sent when each
 * element is a token and the whole at most 1 KiB.
 */
void rkd_cors_write_preflight(struct rki_buf *buf, const struct rkd_settings *settings,
                              const struct rkd_request *request, struct rk_str allow_methods);

#endif
