/*
 * trust.h - where the certificates of public CAs lie: every distribution has a place of its own.
 */
#ifndef RKD_NET_TRUST_H
#define RKD_NET_TRUST_H

#include "core/str.h"

/* The places that are looked at, in this order, NULL at the end. */
extern const char *const rkd_trust_places[];

/*
 * The bundle for a fetch without a CA file of its own: what SSL_CERT_FILE names, there or not, as
 * somebody meant it; else `built_in` (libcurl's, NULL: it has none) if it can be read; else the
 * first of rkd_trust_places that can. NULL: none. Borrowed, for as long as the environment and
 * `built_in` stand. Threads: any, while nobody changes the environment.
 */
const char *rkd_trust_bundle(const char *built_in);

#endif
