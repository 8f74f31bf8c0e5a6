/*
 * plain.h - a quick reader for the payloads that nearly all tokens have.
 */
#ifndef RKD_AUTH_PLAIN_H
#define RKD_AUTH_PLAIN_H

#include <jansson.h>

#include "core/str.h"

/*
 * An object of strings without escapes, whole numbers below 10^15, words, objects
 * and arrays. True: *out is what rki_json_parse would give for it, the caller's to json_decref.
 * False: not that plain, or no memory: the text goes to rki_json_parse, which alone refuses.
 */
bool rkd_plain_read(struct rk_str text, json_t **out);

#endif
