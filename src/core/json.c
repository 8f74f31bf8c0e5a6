/*
 * json.c - bounds a JSON text, smooths what jansson cannot hold, and has jansson read it.
 *
 * May touch: its arguments, jansson. Never jansson's allocator, which belongs to the program.
 */
#include "core/json.h"

#include <math.h>
#include <stdlib.h>

#include "core/buf.h"

const struct rki_json_limits rki_json_default_limits = {
    .depth = RKI_JSON_DEPTH_MAX,
    .values = RKI_JSON_VALUES_MAX,
    .names = RKI_JSON_NAMES_MAX,
    .string_bytes = RKI_JSON_TEXT_MAX,
    .text_bytes = RKI_JSON_TEXT_MAX,
};

/* What rki_json_is_infinite looks for. Five characters, and no overflowing number is shorter. */
static const double infinity_mark = 9e307;

/* ---- the token scan: enough of JSON to find strings, numbers and nesting ---- */

enum token_kind {
    TOKEN_END,
    TOKEN_BAD, /* a byte no JSON has outside strings, or a string that does not end */
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_WORD, /* true, false, null, or letters the parser will refuse */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_PUNCT,
};

struct token {
    enum token_kind kind;
    size_t at, len;
};

struct scan {
    struct rk_str text;
    size_t at, depth;
    uint32_t objects; /* bit d: the container at depth d + 1 is an object */
    bool name_next;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number_byte(char c)
{
    return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first position from `at` on where `is` no longer holds. */
static size_t run_end(struct rk_str text, size_t at, bool (*is)(char))
{
    while (at < text.len && is(text.ptr[at]))
        at++;
    return at;
}

/* Past the closing quote of the string that opens at `at`; 0 when there is none. */
static size_t string_end(struct rk_str text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.ptr[at] == '"')
            return at + 1;
        if (text.ptr[at] == '\\')
            at++;
    }
    return 0;
}

static bool in_object(const struct scan *scan)
{
    return scan->depth > 0 && (scan->objects >> (scan->depth - 1) & 1) != 0;
}

static enum token_kind scan_string(struct scan *scan)
{
    size_t end = string_end(scan->text, scan->at);
    bool name = scan->name_next;

    if (end == 0)
        return TOKEN_BAD;
    scan->at = end;
    scan->name_next = false;
    return name ? TOKEN_NAME : TOKEN_STRING;
}

/* The caller bounds depth to 31 before it asks for the next token. */
static enum token_kind scan_mark(struct scan *scan, char c)
{
    scan->at++;
    scan->name_next = false;
    if (c == '{' || c == '[') {
        uint32_t bit = (uint32_t)1 << scan->depth;

        scan->objects = c == '{' ? scan->objects | bit : scan->objects & ~bit;
        scan->depth++;
        scan->name_next = c == '{';
        return TOKEN_OPEN;
    }
    if (c == '}' || c == ']') {
        if (scan->depth == 0)
            return TOKEN_BAD;
        scan->depth--;
        return TOKEN_CLOSE;
    }
    if (c == ',')
        scan->name_next = in_object(scan);
    return c == ',' || c == ':' ? TOKEN_PUNCT : TOKEN_BAD;
}

static struct token scan_next(struct scan *scan)
{
    struct token token = {.kind = TOKEN_END};
    char c;

    scan->at = run_end(scan->text, scan->at, is_blank);
    token.at = scan->at;
    if (scan->at == scan->text.len)
        return token;
    c = scan->text.ptr[scan->at];
    if (c == '"') {
        token.kind = scan_string(scan);
    } else if (is_digit(c) || c == '-') {
        scan->at = run_end(scan->text, scan->at, is_number_byte);
        token.kind = TOKEN_NUMBER;
    } else if (is_letter(c)) {
        scan->at = run_end(scan->text, scan->at, is_letter);
        token.kind = TOKEN_WORD;
    } else {
        token.kind = scan_mark(scan, c);
    }
    token.len = scan->at - token.at;
    return token;
}

/* ---- numbers and names that jansson refuses ---- */

enum size_class {
    SIZE_PLAIN,
    SIZE_HUGE, /* finite, 1e307 or more */
    SIZE_INFINITE,
};

struct number {
    struct rk_str whole, fraction; /* digits on either side of the point */
    int64_t exponent;              /* saturates far outside what matters */
};

static struct rk_str take_digits(struct rk_str text, size_t *at)
{
    size_t from = *at;

    *at = run_end(text, from, is_digit);
    return rki_str(text.ptr + from, *at - from);
}

static bool take_byte(struct rk_str text, size_t *at, char a, char b)
{
    if (*at == text.len || (text.ptr[*at] != a && text.ptr[*at] != b))
        return false;
    (*at)++;
    return true;
}

/* RFC 8259 s.6, to the letter: what is not a number here must not be mended into one. */
static bool number_split(struct rk_str text, struct number *out)
{
    size_t at = 0;

    (void)take_byte(text, &at, '-', '-');
    out->whole = take_digits(text, &at);
    if (out->whole.len == 0 || (out->whole.len > 1 && out->whole.ptr[0] == '0'))
        return false;
    if (take_byte(text, &at, '.', '.')) {
        out->fraction = take_digits(text, &at);
        if (out->fraction.len == 0)
            return false;
    }
    if (take_byte(text, &at, 'e', 'E')) {
        bool negative = at < text.len && text.ptr[at] == '-';
        struct rk_str digits;

        (void)take_byte(text, &at, '-', '+');
        digits = take_digits(text, &at);
        if (digits.len == 0)
            return false;
        for (size_t i = 0; i < digits.len && out->exponent < 100000000; i++)
            out->exponent = out->exponent * 10 + (digits.ptr[i] - '0');
        out->exponent = negative ? -out->exponent : out->exponent;
    }
    return at == text.len;
}

/* The n-th digit that counts; zeros behind the last. */
static char digit_at(struct rk_str a, struct rk_str b, size_t n)
{
    if (n < a.len)
        return a.ptr[n];
    return n - a.len < b.len ? b.ptr[n - a.len] : '0';
}

/*
 * How large a number is, from its decimal text: no strtod, whose decimal point depends on the
 * locale. DBL_MAX and half a unit are 1.7976931348623158079...e308: a number overflows when its
 * magnitude is over 308, or is 308 and its first twenty digits reach those.
 */
static enum size_class number_size(struct rk_str text)
{
    static const char limit[] = "17976931348623158079";
    struct number number = {.exponent = 0};
    struct rk_str a, b; /* the digits that count, in two runs */
    int64_t magnitude;

    if (!number_split(text, &number))
        return SIZE_PLAIN;
    a = number.whole;
    b = number.fraction;
    magnitude = number.exponent + (int64_t)a.len - 1;
    if (a.ptr[0] == '0') { /* 0.00ddd: skip to the first digit that is not 0 */
        size_t zeros = 0;

        while (zeros < b.len && b.ptr[zeros] == '0')
            zeros++;
        if (zeros == b.len)
            return SIZE_PLAIN;
        a = rki_str(b.ptr + zeros, b.len - zeros);
        b = rki_str(NULL, 0);
        magnitude = number.exponent - (int64_t)zeros - 1;
    }
    if (magnitude != 308)
        return magnitude > 308 ? SIZE_INFINITE : magnitude == 307 ? SIZE_HUGE : SIZE_PLAIN;
    for (size_t n = 0; n < sizeof(limit) - 1; n++)
        if (digit_at(a, b, n) != limit[n])
            return digit_at(a, b, n) > limit[n] ? SIZE_INFINITE : SIZE_HUGE;
    return SIZE_INFINITE;
}

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

static void survey_token(struct survey *survey, struct rk_str text, struct token token)
{
    struct rk_str piece = rki_str(text.ptr + token.at, token.len);
    enum size_class size = token.kind == TOKEN_NUMBER ? number_size(piece) : SIZE_PLAIN;

    survey->longest = token.len > survey->longest ? token.len : survey->longest;
    survey->names += token.kind == TOKEN_NAME;
    survey->values += token.kind == TOKEN_STRING || token.kind == TOKEN_NUMBER ||
                      token.kind == TOKEN_WORD || token.kind == TOKEN_OPEN;
    if (token.kind == TOKEN_NAME || token.kind == TOKEN_STRING)
        survey->string_bytes += token.len - 2;
    survey->infinite += size == SIZE_INFINITE;
    survey->mends += size != SIZE_PLAIN || (token.kind == TOKEN_NAME && name_has_nul(piece));
}

static enum rk_err survey_text(struct rk_str text, const struct rki_json_limits *limits,
                               struct survey *survey, struct rk_diag *diag)
{
    struct scan scan = {.text = text};
    struct token token;

    if (text.len > limits->text_bytes)
        return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON text is too long");
    do {
        token = scan_next(&scan);
        if (token.kind == TOKEN_BAD)
            return rki_diag_fail(diag, RK_E_MALFORMED, "", "not valid JSON");
        survey_token(survey, text, token);
        if (scan.depth > limits->depth)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON is nested too deeply");
        if (survey->values > limits->values || survey->names > limits->names)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON holds too many values");
        if (survey->string_bytes > limits->string_bytes)
            return rki_diag_fail(diag, RK_E_TOO_LONG, "", "the JSON's strings are too long");
    } while (token.kind != TOKEN_END);
    return RK_OK;
}

enum rk_err rki_json_bounds(struct rk_str text, const struct rki_json_limits *limits,
                            struct rk_diag *out_diag)
{
    struct survey survey = {0};

    return survey_text(text, limits, &survey, out_diag);
}

/* ---- mending: same length, so positions in error texts stay true ---- */

static void mend_number(char *at, size_t len, enum size_class size)
{
    size_t sign = at[0] == '-' ? 1 : 0;

    memcpy(at + sign, size == SIZE_INFINITE ? "9e307" : "8e307", 5);
    memset(at + sign + 5, ' ', len - sign - 5);
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
    struct scan scan = {.text = rki_str(copy, len)};
    struct token token;

    while ((token = scan_next(&scan)).kind != TOKEN_END) {
        if (token.kind == TOKEN_NUMBER && (flags & RKI_JSON_HUGE_NUMBERS) != 0) {
            enum size_class size = number_size(rki_str(copy + token.at, token.len));

            if (size != SIZE_PLAIN)
                mend_number(copy + token.at, token.len, size);
        } else if (token.kind == TOKEN_NAME && (flags & RKI_JSON_ALLOW_NUL) != 0) {
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

bool rki_json_int(const json_t *value, int64_t *out)
{
    const double limit = 9007199254740992.0; /* 2^53: from here on a double is several integers */
    int64_t integer;
    double number;

    if (!json_is_number(value))
        return false;
    number = json_number_value(value);
    if (!(number > -limit && number < limit)) /* NaN too */
        return false;
    integer = (int64_t)number;
    if ((double)integer < number || (double)integer > number) /* not trunc(): -O0 would need libm */
        return false;
    *out = integer;
    return true;
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
    json_t *number = json_real(value), *back = NULL;
    bool same = false;

    if (number == NULL)
        return isfinite(value) ? RK_E_NOMEM : RK_E_INVAL;
    if (rki_json_int(number, &integer) && !(integer == 0 && signbit(value))) {
        rki_buf_int(buf, integer);
        json_decref(number);
        return RK_OK;
    }
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
