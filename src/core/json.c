/*
 * json.c - bounds a JSON text, smooths what jansson cannot hold, and has jansson read it.
 *
 * May touch: its arguments, jansson. Never jansson's allocator, which belongs to the program.
 */
#include "core/json.h"

#include <math.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/json_scan.h"

const struct rki_json_limits rki_json_default_limits = {
    .depth = RKI_JSON_DEPTH_MAX,
    .values = RKI_JSON_VALUES_MAX,
    .names = RKI_JSON_NAMES_MAX,
    .string_bytes = RKI_JSON_TEXT_MAX,
    .text_bytes = RKI_JSON_TEXT_MAX,
};

/* What rki_json_is_infinite looks for. Five characters, and no overflowing number is shorter. */
static const double infinity_mark = 9e307;

/* Could jansson refuse the name for its NUL? An escaped backslash before the u is not an escape. */
static bool name_has_nul(struct rk_str name)
{
    for (size_t i = 0; i + 5 < name.len; i++) {
        if (name.ptr[i] != '\\')
            continue;
        if (memcmp(name.ptr + i, "\\u0000", 6) == 0)
            return true;
        i++;
    }
    return false;
}

/* ---- bounds ---- */

struct survey {
    size_t values, names, string_bytes;
    size_t longest;  /* bytes of the longest token */
    size_t infinite; /* numbers no double holds */
    size_t mends;    /* places mend() would change */
};

static void survey_token(struct survey *survey, struct rk_str text, struct rki_json_token token)
{
    struct rk_str piece = rki_str(text.ptr + token.at, token.len);
    enum rki_number_size size =
        token.kind == RKI_TOKEN_NUMBER ? rki_json_number_size(piece) : RKI_SIZE_PLAIN;

    survey->longest = token.len > survey->longest ? token.len : survey->longest;
    survey->names += token.kind == RKI_TOKEN_NAME;
    survey->values += token.kind == RKI_TOKEN_STRING || token.kind == RKI_TOKEN_NUMBER ||
                      token.kind == RKI_TOKEN_WORD || token.kind == RKI_TOKEN_OPEN;
    if (token.kind == RKI_TOKEN_NAME || token.kind == RKI_TOKEN_STRING)
        survey->string_bytes += token.len - 2;
    survey->infinite += size == RKI_SIZE_INFINITE;
    survey->mends +=
        size != RKI_SIZE_PLAIN || (token.kind == RKI_TOKEN_NAME && name_has_nul(piece));
}

static enum rk_err survey_text(struct rk_str text, const struct rki_json_limits *limits,
                               struct survey *survey, struct rk_diag *diag)
{
    struct rki_json_scan scan = {.text = text};
    struct rki_json_token token;

    if (text.len > limits->text_bytes)
        return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON text is too long");
    do {
        token = rki_json_scan_next(&scan);
        if (token.kind == RKI_TOKEN_BAD)
            return rki_diag_fail(diag, RK_E_MALFORMED, "", "not valid JSON");
        survey_token(survey, text, token);
        if (scan.depth > limits->depth)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON is nested too deeply");
        if (survey->values > limits->values || survey->names > limits->names)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON holds too many values");
        if (survey->string_bytes > limits->string_bytes)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON's strings are too long");
    } while (token.kind != RKI_TOKEN_END);
    return RK_OK;
}

enum rk_err rki_json_bounds(struct rk_str text, const struct rki_json_limits *limits,
                            struct rk_diag *out_diag)
{
    struct survey survey = {0};

    return survey_text(text, limits, &survey, out_diag);
}

/* ---- mending: same length, so positions in error texts stay true ---- */

/* No number that is mended has fewer than five characters behind its sign. */
static void mend_number(char *at, size_t len, enum rki_number_size size)
{
    static const char tail[] = {'e', '3', '0', '7'};
    size_t sign = at[0] == '-' ? 1 : 0;

    memset(at + sign, ' ', len - sign);
    at[sign] = size == RKI_SIZE_INFINITE ? '9' : '8';
    memcpy(at + sign + 1, tail, sizeof(tail));
}

static void mend_name(char *at, size_t len)
{
    for (size_t i = 0; i + 5 < len; i++) {
        if (at[i] != '\\')
            continue;
        if (memcmp(at + i, "\\u0000", 6) == 0)
            memcpy(at + i + 2, "ffff", 4);
        i++;
    }
}

/* `copy` passed survey_text. */
static void mend(char *copy, size_t len, unsigned flags)
{
    struct rki_json_scan scan = {.text = rki_str(copy, len)};
    struct rki_json_token token;

    while ((token = rki_json_scan_next(&scan)).kind != RKI_TOKEN_END) {
        if (token.kind == RKI_TOKEN_NUMBER && (flags & RKI_JSON_HUGE_NUMBERS) != 0) {
            enum rki_number_size size = rki_json_number_size(rki_str(copy + token.at, token.len));

            if (size != RKI_SIZE_PLAIN)
                mend_number(copy + token.at, token.len, size);
        } else if (token.kind == RKI_TOKEN_NAME && (flags & RKI_JSON_ALLOW_NUL) != 0) {
            mend_name(copy + token.at, token.len);
        }
    }
}

/* ---- jansson ---- */

/*
 * jansson's lexer keeps the token it is in, in a buffer that doubles, and when it cannot grow drops
 * the byte and goes on (2.14, lex_save): a string would silently be another. We cannot see that
 * from outside, so ask for as much first. Volatile, or the compiler drops the pair.
 */
static bool memory_is_there(size_t longest_token)
{
    void *volatile probe = malloc(2 * longest_token + 64);
    bool there = probe != NULL;

    free(probe);
    return there;
}

/* jansson's own text is not passed on: it quotes the input. */
static enum rk_err explain(const json_error_t *error, struct rk_diag *diag)
{
    switch ((int)json_error_code(error)) {
    case json_error_unknown: /* what its failed allocations come as */
    case json_error_out_of_memory:
        return rki_diag_fail(diag, RK_E_NOMEM, "", "out of memory");
    case json_error_invalid_utf8:
        return rki_diag_fail(diag, RK_E_MALFORMED, "", "not valid UTF-8");
    case json_error_duplicate_key:
        return rki_diag_fail(diag, RK_E_MALFORMED, "", "a member name stands twice in one object");
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return rki_diag_fail(diag, RK_E_MALFORMED, "", "U+0000 is not allowed");
    default:
        return rki_diag_fail(diag, RK_E_MALFORMED, "", "not valid JSON");
    }
}

static enum rk_err load(struct rk_str text, unsigned flags, json_t **out, struct rk_diag *diag)
{
    size_t how = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    json_error_t error = {0};
    json_t *value;

    how |= (flags & RKI_JSON_LAST_DUPLICATE_WINS) != 0 ? 0 : JSON_REJECT_DUPLICATES;
    how |= (flags & RKI_JSON_ALLOW_NUL) != 0 ? JSON_ALLOW_NUL : 0;
    value = json_loadb(text.len == 0 ? "" : text.ptr, text.len, how, &error);
    if (value == NULL)
        return explain(&error, diag);
    *out = value;
    return RK_OK;
}

enum rk_err rki_json_parse(struct rk_str text, unsigned flags, json_t **out,
                           struct rk_diag *out_diag)
{
    struct survey survey = {0};
    char *copy = NULL;
    enum rk_err err;

    if ((flags & RKI_JSON_SKIP_BOM) != 0 && rki_str_starts_with(text, RK_STR("\xef\xbb\xbf")))
        text = rki_str(text.ptr + 3, text.len - 3);
    err = survey_text(text, &rki_json_default_limits, &survey, out_diag);
    if (err != RK_OK)
        return err;
    if (survey.infinite != 0 && (flags & RKI_JSON_HUGE_NUMBERS) == 0)
        return rki_diag_fail(out_diag, RK_E_MALFORMED, "", "a number is out of range");
    if (!memory_is_there(survey.longest))
        return rki_diag_fail(out_diag, RK_E_NOMEM, "", "out of memory");
    if (survey.mends != 0 && (flags & (RKI_JSON_HUGE_NUMBERS | RKI_JSON_ALLOW_NUL)) != 0) {
        copy = malloc(text.len);
        if (copy == NULL)
            return rki_diag_fail(out_diag, RK_E_NOMEM, "", "out of memory");
        memcpy(copy, text.ptr, text.len);
        mend(copy, text.len, flags);
        text.ptr = copy;
    }
    err = load(text, flags, out, out_diag);
    free(copy);
    return err;
}

/* ---- reading values ---- */

/* An integer below 2^53 in magnitude: from there on a double is several integers. */
static bool is_whole(double number, int64_t *out)
{
    const double limit = 9007199254740992.0;
    int64_t integer;

    if (!(number > -limit && number < limit)) /* NaN too */
        return false;
    integer = (int64_t)number;
    if ((double)integer < number || (double)integer > number) /* not trunc(): -O0 would need libm */
        return false;
    *out = integer;
    return true;
}

bool rki_json_int(const json_t *value, int64_t *out)
{
    return json_is_number(value) && is_whole(json_number_value(value), out);
}

int rki_json_is_infinite(const json_t *value)
{
    double number = json_number_value(value); /* 0 for what is no number */

    if (number >= infinity_mark)
        return 1;
    return number <= -infinity_mark ? -1 : 0;
}

const char *rki_json_type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",  [JSON_NULL] = "null",
    };
    int infinite = rki_json_is_infinite(value);

    if (value == NULL)
        return "undefined";
    if (infinite != 0)
        return infinite > 0 ? "Infinity" : "-Infinity";
    return names[json_typeof(value)];
}

/* jansson writes and reads with a point whatever the locale; snprintf and strtod do not. */
enum rk_err rki_json_put_double(struct rki_buf *buf, double value)
{
    char text[40];
    size_t len = 0;
    int64_t integer;
    json_t *number, *back;
    bool same = false;

    if (is_whole(value, &integer)) { /* never fails; -0 is written as 0 */
        rki_buf_int(buf, integer);
        return RK_OK;
    }
    number = json_real(value);
    if (number == NULL)
        return isfinite(value) ? RK_E_NOMEM : RK_E_INVAL;
    for (size_t digits = 1; digits <= 17 && !same; digits++) {
        len = json_dumpb(number, text, sizeof(text), JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        back = len == 0 || len > sizeof(text) ? NULL : json_loadb(text, len, JSON_DECODE_ANY, NULL);
        same = back != NULL && json_number_value(back) == value;
        json_decref(back);
    }
    json_decref(number);
    if (!same)
        return RK_E_NOMEM;
    rki_buf_put(buf, rki_str(text, len));
    return RK_OK;
}
