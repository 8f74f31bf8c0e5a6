/*
 * b64.c - base64 both ways, canonical only.
 *
 * May touch: its arguments. The tables are constants made by the preprocessor: no start-up code and
 * no state. Encoding goes by pairs of letters (12 bits at a time), which halves the look-ups.
 */
#include "core/b64.h"

#include <endian.h>

/* clang-format off */
#define COMMON(i) ((i) < 26 ? 'A' + (i) : (i) < 52 ? 'a' + (i) - 26 : '0' + (i) - 52)
#define URL(i) (char)((i) < 62 ? COMMON(i) : (i) == 62 ? '-' : '_')
#define PAIR(i) {URL((i) >> 6), URL((i) & 63)}
#define PAIRS4(i) PAIR(i), PAIR((i) + 1), PAIR((i) + 2), PAIR((i) + 3)
#define PAIRS16(i) PAIRS4(i), PAIRS4((i) + 4), PAIRS4((i) + 8), PAIRS4((i) + 12)
#define PAIRS64(i) PAIRS16(i), PAIRS16((i) + 16), PAIRS16((i) + 32), PAIRS16((i) + 48)
#define PAIRS256(i) PAIRS64(i), PAIRS64((i) + 64), PAIRS64((i) + 128), PAIRS64((i) + 192)
#define PAIRS1024(i) PAIRS256(i), PAIRS256((i) + 256), PAIRS256((i) + 512), PAIRS256((i) + 768)

static const char pairs[4096][2] = {
    PAIRS1024(0), PAIRS1024(1024), PAIRS1024(2048), PAIRS1024(3072),
};
/* clang-format on */

static const char std_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned byte_at(const char *in)
{
    return (unsigned char)*in;
}

/* Three bytes become four letters. */
static inline void encode_group(char *to, unsigned bits)
{
    memcpy(to, pairs[bits >> 12 & 0xfff], 2);
    memcpy(to + 2, pairs[bits & 0xfff], 2);
}

/* 1 or 2 bytes behind the last whole group; returns the letters written. */
static size_t encode_tail(char *to, const char *in, size_t n)
{
    unsigned bits;

    if (n == 0)
        return 0;
    if (n == 1) {
        memcpy(to, pairs[byte_at(in) << 4], 2);
        return 2;
    }
    bits = byte_at(in) << 10 | byte_at(in + 1) << 2; /* 18 bits, three letters */
    memcpy(to, pairs[bits >> 6], 2);
    to[2] = pairs[bits & 63][1];
    return 3;
}

size_t rki_b64url_encode_raw(char *out, const char *in, size_t n)
{
    char *to = out;

    for (; n >= 8; in += 6, n -= 6, to += 8) { /* six of eight bytes that one load brings */
        uint64_t bits;

        memcpy(&bits, in, sizeof(bits));
        bits = be64toh(bits);
        encode_group(to, (unsigned)(bits >> 40));
        encode_group(to + 4, (unsigned)(bits >> 16));
    }
    for (; n >= 3; in += 3, n -= 3, to += 4)
        encode_group(to, byte_at(in) << 16 | byte_at(in + 1) << 8 | byte_at(in + 2));
    return (size_t)(to - out) + encode_tail(to, in, n);
}

void rki_b64url_encode(struct rki_buf *buf, struct rk_str bytes)
{
    size_t len = rki_b64url_len(bytes.len);

    if (buf->overflow || len > buf->cap - buf->len) {
        buf->overflow = true;
        return;
    }
    if (len != 0)
        buf->len += rki_b64url_encode_raw(buf->ptr + buf->len, bytes.ptr, bytes.len);
}

void rki_b64_std_encode(struct rki_buf *buf, struct rk_str bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned bits = byte_at(bytes.ptr + i) << 16;
        char last[2];

        if (left > 1)
            bits |= byte_at(bytes.ptr + i + 1) << 8;
        if (left > 2)
            bits |= byte_at(bytes.ptr + i + 2);
        rki_buf_char(buf, std_letters[bits >> 18]);
        rki_buf_char(buf, std_letters[bits >> 12 & 63]);
        last[0] = std_letters[bits >> 6 & 63];
        last[1] = std_letters[bits & 63];
        rki_buf_put(buf, rki_str(last, left - 1 < 2 ? left - 1 : 2));
        rki_buf_put(buf, rki_str("==", left < 3 ? 3 - left : 0));
    }
}

/* clang-format off */
#define COMMON_VALUES \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, \
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, \
    ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, \
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, \
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, \
    ['8'] = 61, ['9'] = 62,
/* One more than the value of a letter; 0 for everything that is none. */
static const unsigned char url_values[256] = {COMMON_VALUES ['-'] = 63, ['_'] = 64};
static const unsigned char std_values[256] = {COMMON_VALUES ['+'] = 63, ['/'] = 64};
/* clang-format on */

/* 0 to 63 for a letter, UINT_MAX for everything else, which shows when a group is or-ed. */
static unsigned value_at(const unsigned char values[256], const char *text)
{
    return values[byte_at(text)] - 1u;
}

/* The 0, 2 or 3 letters behind the last group of four. */
static bool decode_tail(struct rk_str tail, const unsigned char values[256], unsigned char *to)
{
    unsigned a, b, c;

    if (tail.len == 0)
        return true;
    a = value_at(values, tail.ptr);
    b = value_at(values, tail.ptr + 1);
    c = tail.len == 3 ? value_at(values, tail.ptr + 2) : 0;
    if ((a | b | c) > 63)
        return false;
    to[0] = (unsigned char)(a << 2 | b >> 4);
    if (tail.len == 2)
        return (b & 15) == 0; /* bits that stand for nothing: a second text for the same bytes */
    to[1] = (unsigned char)(b << 4 | c >> 2);
    return (c & 3) == 0;
}

/* `text` has no padding. Each group is read before its bytes are written, so out may be text. */
static enum rk_err decode(struct rk_str text, const unsigned char values[256], void *out,
                          size_t cap, size_t *out_len)
{
    unsigned char *to = out;
    size_t tail = text.len % 4;
    size_t whole = text.len - tail;
    size_t len = whole / 4 * 3 + (tail == 0 ? 0 : tail - 1);

    if (tail == 1)
        return RK_E_MALFORMED;
    if (len > cap)
        return RK_E_TOO_LONG;
    for (size_t i = 0; i < whole; i += 4, to += 3) {
        unsigned a = value_at(values, text.ptr + i), b = value_at(values, text.ptr + i + 1);
        unsigned c = value_at(values, text.ptr + i + 2), d = value_at(values, text.ptr + i + 3);

        if ((a | b | c | d) > 63)
            return RK_E_MALFORMED;
        to[0] = (unsigned char)(a << 2 | b >> 4);
        to[1] = (unsigned char)(b << 4 | c >> 2);
        to[2] = (unsigned char)(c << 6 | d);
    }
    if (!decode_tail(rki_str(text.ptr + whole, tail), values, to))
        return RK_E_MALFORMED;
    *out_len = len;
    return RK_OK;
}

enum rk_err rki_b64url_decode(struct rk_str text, void *out, size_t cap, size_t *out_len)
{
    return decode(text, url_values, out, cap, out_len);
}

enum rk_err rki_b64_std_decode(struct rk_str text, void *out, size_t cap, size_t *out_len)
{
    if (text.len % 4 != 0)
        return RK_E_MALFORMED;
    /* at most two, and only where letters are missing: "QQ==" has 2 left, "QUI=" has 3 */
    for (int pads = 0; pads < 2 && text.len != 0 && text.ptr[text.len - 1] == '='; pads++)
        text.len--;
    return decode(text, std_values, out, cap, out_len);
}
