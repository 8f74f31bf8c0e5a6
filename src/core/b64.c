/*
 * b64.c - base64 both ways, canonical only.
 *
 * May touch: its arguments. The tables are constants made by the preprocessor: no start-up code and
 * no state. Encoding goes by pairs of letters (12 bits at a time), which halves the look-ups.
 */
#include "core/b64.h"

#include <endian.h>

/* clang-format off */
#define TIMES4(f, i) f(i), f((i) + 1), f((i) + 2), f((i) + 3)
#define TIMES16(f, i) TIMES4(f, i), TIMES4(f, (i) + 4), TIMES4(f, (i) + 8), TIMES4(f, (i) + 12)
#define TIMES64(f, i) TIMES16(f, i), TIMES16(f, (i) + 16), TIMES16(f, (i) + 32), TIMES16(f, (i) + 48)
#define TIMES256(f, i) TIMES64(f, i), TIMES64(f, (i) + 64), TIMES64(f, (i) + 128), TIMES64(f, (i) + 192)
#define TIMES1024(f, i) TIMES256(f, i), TIMES256(f, (i) + 256), TIMES256(f, (i) + 512), TIMES256(f, (i) + 768)

#define COMMON(i) ((i) < 26 ? 'A' + (i) : (i) < 52 ? 'a' + (i) - 26 : '0' + (i) - 52)
#define URL(i) (char)((i) < 62 ? COMMON(i) : (i) == 62 ? '-' : '_')
#define PAIR(i) {URL((i) >> 6), URL((i) & 63)}

static const char pairs[4096][2] = {
    TIMES1024(PAIR, 0), TIMES1024(PAIR, 1024), TIMES1024(PAIR, 2048), TIMES1024(PAIR, 3072),
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
#define COMMON_VALUE(c) ((c) >= 'A' && (c) <= 'Z' ? (c) - 'A' : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26 : \
                         (c) >= '0' && (c) <= '9' ? (c) - '0' + 52 : -1)
#define URL_VALUE(c) (signed char)((c) == '-' ? 62 : (c) == '_' ? 63 : COMMON_VALUE(c))
#define STD_VALUE(c) (signed char)((c) == '+' ? 62 : (c) == '/' ? 63 : COMMON_VALUE(c))

/* -1 for what is no letter */
static const signed char url_values[256] = {TIMES256(URL_VALUE, 0)};
static const signed char std_values[256] = {TIMES256(STD_VALUE, 0)};
/* clang-format on */

/* 0 to 63 for a letter, UINT32_MAX for everything else, which shows when letters are or-ed. */
static uint32_t value_at(const signed char values[256], const char *text)
{
    return (uint32_t)values[byte_at(text)];
}

/* The 0, 2 or 3 letters behind the last group of four. */
static bool decode_tail(struct rk_str tail, const signed char values[256], unsigned char *to)
{
    uint32_t a, b, c;

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
static enum rk_err decode(struct rk_str text, const signed char values[256], void *out, size_t cap,
                          size_t *out_len)
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
        const char *at = text.ptr + i;
        const uint32_t bits = value_at(values, at) << 18 | value_at(values, at + 1) << 12 |
                              value_at(values, at + 2) << 6 | value_at(values, at + 3);

        if (bits >> 24 != 0) /* one was no letter */
            return RK_E_MALFORMED;
        to[0] = (unsigned char)(bits >> 16);
        to[1] = (unsigned char)(bits >> 8);
        to[2] = (unsigned char)bits;
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
