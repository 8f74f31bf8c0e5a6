/*
 * json_scan.h - cuts JSON text into tokens without recursion or memory: enough of JSON to find
 * strings, numbers and nesting. Grammar is the parser's to judge.
 */
#ifndef RKI_JSON_SCAN_H
#define RKI_JSON_SCAN_H

#include "core/str.h"

enum rki_token_kind {
    RKI_TOKEN_END,
    RKI_TOKEN_BAD, /* a byte no JSON has outside strings, or a string that does not end */
    RKI_TOKEN_NAME,
    RKI_TOKEN_STRING,
    RKI_TOKEN_NUMBER,
    RKI_TOKEN_WORD, /* true, false, null, or letters the parser will refuse */
    RKI_TOKEN_OPEN,
    RKI_TOKEN_CLOSE,
    RKI_TOKEN_PUNCT,
};

struct rki_json_token {
    enum rki_token_kind kind;
    size_t at, len;
};

/* Start with .text alone. The caller stops at depth 31 at the latest. */
struct rki_json_scan {
    struct rk_str text;
    size_t at, depth;
    uint32_t objects; /* bit d: the container at depth d + 1 is an object */
    bool name_next;
};

struct rki_json_token rki_json_scan_next(struct rki_json_scan *scan);

enum rki_number_size {
    RKI_SIZE_PLAIN,
    RKI_SIZE_HUGE, /* finite, 1e307 or more */
    RKI_SIZE_INFINITE,
};

/* How large the number is; text that breaks JSON's grammar is RKI_SIZE_PLAIN. */
enum rki_number_size rki_json_number_size(struct rk_str text);

#endif
