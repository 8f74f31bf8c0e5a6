/*
 * json.h - the JSON edge: bounds first, then jansson, and what jansson cannot say by itself.
 *
 * Every JSON text from outside comes in through rki_json_parse. Numbers are doubles throughout
 * (JSON_DECODE_INT_AS_REAL): integers are exact up to 2^53, and a claim or setting beyond that is
 * refused by rki_json_int. Memory: at most RKI_JSON_VALUES_MAX values of some 100 bytes, a table of
 * some 250 for each container, and the strings, which are never longer than the text.
 */
#ifndef RKI_JSON_H
#define RKI_JSON_H

#include <jansson.h>

#include "core/diag.h"

enum {
    RKI_JSON_DEPTH_MAX = 16,         /* {} is depth 1 */
    RKI_JSON_VALUES_MAX = 4096,      /* member names not counted */
    RKI_JSON_NAMES_MAX = 4096,       /* member names: duplicates cost work, not memory */
    RKI_JSON_TEXT_MAX = 1024 * 1024, /* bytes of text, and of strings as they stand in it */
};

/*
 * 0 is strict: no byte order mark, no duplicate members, no NUL in any string or name, no number
 * that overflows a double. The other values each allow one thing.
 */
enum rki_json_flags {
    RKI_JSON_LAST_DUPLICATE_WINS = 1,
    RKI_JSON_SKIP_BOM = 2,
    /* \u0000 in strings stays; in a member name it reads as U+FFFF, which no known name holds */
    RKI_JSON_ALLOW_NUL = 4,
    /* a number over DBL_MAX reads as rki_json_is_infinite; magnitudes from 1e307 lose their digits
     */
    RKI_JSON_HUGE_NUMBERS = 8,
    /* what JSON.parse takes and the contract `original` therefore must (vectors/contract.json) */
    RKI_JSON_ORIGINAL = RKI_JSON_LAST_DUPLICATE_WINS | RKI_JSON_SKIP_BOM | RKI_JSON_ALLOW_NUL |
                        RKI_JSON_HUGE_NUMBERS,
};

struct rki_json_limits {
    size_t depth; /* at most 31 */
    size_t values, names, string_bytes, text_bytes;
};

/* The limits of rki_json_parse. */
extern const struct rki_json_limits rki_json_default_limits;

/*
 * One pass without recursion or allocation: would reading `text` stay within `limits`? Says nothing
 * about grammar, which is the parser's to judge.
 *
 * RK_E_TOO_LONG  over one of the limits
 * RK_E_MALFORMED a byte that stands in no JSON text, or a string without its end
 */
RK_NODISCARD enum rk_err rki_json_bounds(struct rk_str text, const struct rki_json_limits *limits,
                                         struct rk_diag *out_diag);

/*
 * One JSON value of any type, nothing but white space around it. *out is a new reference, the
 * caller's to json_decref; untouched on failure. `text` may end at an unreadable page.
 *
 * RK_E_TOO_LONG  over rki_json_default_limits
 * RK_E_MALFORMED not JSON, or what the flags do not allow; see the diagnostic
 * RK_E_NOMEM
 * Threads: safe.
 */
RK_NODISCARD enum rk_err rki_json_parse(struct rk_str text, unsigned flags, json_t **out,
                                        struct rk_diag *out_diag);

/* The string's bytes, borrowed until the value goes; absent (ptr NULL) for any other type or NULL.
 */
static inline struct rk_str rki_json_str(const json_t *value)
{
    return json_is_string(value) ? rki_str(json_string_value(value), json_string_length(value))
                                 : rki_str(NULL, 0);
}

/* An integer below 2^53 in magnitude, however it is spelled (3600, 3600.0, 3.6e3). False for
 * everything else, *out untouched. */
bool rki_json_int(const json_t *value, int64_t *out);

/* An infinite number under RKI_JSON_HUGE_NUMBERS: 1 for 1e400, -1 for -1e400, 0 for all else. */
int rki_json_is_infinite(const json_t *value);

/*
 * "undefined" (NULL), "null", "boolean", "number", "string", "array", "object", and under
 * RKI_JSON_HUGE_NUMBERS "Infinity" and "-Infinity": the words of the original's messages.
 */
const char *rki_json_type_name(const json_t *value);

/*
 * Writes the shortest decimal that reads back as the same double, integers below 2^53 without a
 * point (those never fail). RK_E_NOMEM; RK_E_INVAL when `value` is not finite.
 */
struct rki_buf;
RK_NODISCARD enum rk_err rki_json_put_double(struct rki_buf *buf, double value);

#endif
