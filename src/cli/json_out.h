/*
 * json_out.h - writes a decoded JSON value for a terminal: whatever a token holds, nothing but
 * printable characters comes out.
 */
#ifndef RKD_CLI_JSON_OUT_H
#define RKD_CLI_JSON_OUT_H

#include "core/buf.h"

#include <jansson.h>

/*
 * Compact JSON, or with `is_pretty` one member a line, indented by two. Control and bidi characters
 * are \u escapes. A value nested deeper than 32 is written as null. NULL is written as null.
 */
void rkd_put_json(struct rki_buf *out, json_t *value, bool is_pretty);

#endif
