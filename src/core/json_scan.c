/*
 * json_scan.c - cuts JSON text into tokens and says how large a number is.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/json_scan.h"

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

static bool in_object(const struct rki_json_scan *scan)
{
    return scan->depth > 0 && (scan->objects >> (scan->depth - 1) & 1) != 0;
}

static enum rki_token_kind scan_string(struct rki_json_scan *scan)
{
    size_t end = string_end(scan->text, scan->at);
    bool name = scan->name_next;

    if (end == 0)
        return RKI_TOKEN_BAD;
    scan->at = end;
    scan->name_next = false;
    return name ? RKI_TOKEN_NAME : RKI_TOKEN_STRING;
}

/* The caller bounds depth to 31 before it asks for the next token. */
static enum rki_token_kind scan_mark(struct rki_json_scan *scan, char c)
{
    scan->at++;
    scan->name_next = false;
    if (c == '{' || c == '[') {
        uint32_t bit = (uint32_t)1 << scan->depth;

        scan->objects = c == '{' ? scan->objects | bit : scan->objects & ~bit;
        scan->depth++;
        scan->name_next = c == '{';
        return RKI_TOKEN_OPEN;
    }
    if (c == '}' || c == ']') {
        if (scan->depth == 0)
            return RKI_TOKEN_BAD;
        scan->depth--;
        return RKI_TOKEN_CLOSE;
    }
    if (c == ',')
        scan->name_next = in_object(scan);
    return c == ',' || c == ':' ? RKI_TOKEN_PUNCT : RKI_TOKEN_BAD;
}

struct rki_json_token rki_json_scan_next(struct rki_json_scan *scan)
{
    struct rki_json_token token = {.kind = RKI_TOKEN_END};
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
        token.kind = RKI_TOKEN_NUMBER;
    } else if (is_letter(c)) {
        scan->at = run_end(scan->text, scan->at, is_letter);
        token.kind = RKI_TOKEN_WORD;
    } else {
        token.kind = scan_mark(scan, c);
    }
    token.len = scan->at - token.at;
    return token;
}

/* ---- how large a number is ---- */

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
    if (n - a.len < b.len)
        return b.ptr[n - a.len];
    return '0';
}

/*
 * From the decimal text, without strtod, whose decimal point depends on the locale. DBL_MAX and
 * half a unit are 1.7976931348623158079...e308: a number overflows when its magnitude is over 308,
 * or is 308 and its first twenty digits reach those.
 */
enum rki_number_size rki_json_number_size(struct rk_str text)
{
    static const char limit[] = "17976931348623158079";
    struct number number = {.exponent = 0};
    struct rk_str a, b; /* the digits that count, in two runs */
    int64_t magnitude;

    if (!number_split(text, &number))
        return RKI_SIZE_PLAIN;
    a = number.whole;
    b = number.fraction;
    magnitude = number.exponent + (int64_t)a.len - 1;
    if (a.ptr[0] == '0') { /* 0.00ddd: skip to the first digit that is not 0 */
        size_t zeros = 0;

        while (zeros < b.len && b.ptr[zeros] == '0')
            zeros++;
        if (zeros == b.len)
            return RKI_SIZE_PLAIN;
        a = rki_str(b.ptr + zeros, b.len - zeros);
        b = rki_str(NULL, 0);
        magnitude = number.exponent - (int64_t)zeros - 1;
    }
    if (magnitude != 308)
        return magnitude > 308    ? RKI_SIZE_INFINITE
               : magnitude == 307 ? RKI_SIZE_HUGE
                                  : RKI_SIZE_PLAIN;
    for (size_t n = 0; n < sizeof(limit) - 1; n++)
        if (digit_at(a, b, n) != limit[n])
            return digit_at(a, b, n) > limit[n] ? RKI_SIZE_INFINITE : RKI_SIZE_HUGE;
    return RKI_SIZE_INFINITE;
}
