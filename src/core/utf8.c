/*
 * utf8.c - decodes UTF-8 strictly and says which names LiveKit callers may have.
 *
 * May touch: its arguments, utf8proc (composition tables only). Nothing else.
 */
#include "core/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

/* Bytes of the sequence that begins with `first`; 0 when none does. */
static size_t sequence_size(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0 || first >= 0xf8)
        return 0;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

size_t rki_utf8_next(struct rk_str s, size_t at, uint32_t *out_code)
{
    /* by the count of leading one bits: payload mask of the first byte, smallest code of that
     * length */
    static const struct {
        unsigned char mask;
        uint32_t least;
    } forms[5] = {{0x7f, 0}, {0, 0}, {0x1f, 0x80}, {0x0f, 0x800}, {0x07, 0x10000}};
    unsigned char first = (unsigned char)s.ptr[at];
    size_t size = sequence_size(first);
    uint32_t code;

    if (size == 0 || size > s.len - at)
        return 0;
    code = first & forms[size == 1 ? 0 : size].mask;
    for (size_t i = 1; i < size; i++) {
        unsigned char next = (unsigned char)s.ptr[at + i];

        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    if ((size > 1 && code < forms[size].least) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *out_code = code;
    return size;
}

bool rki_utf8_is_valid(struct rk_str s)
{
    size_t at = 0;
    uint32_t code;

    while (at < s.len) {
        size_t took = (unsigned char)s.ptr[at] < 0x80 ? 1 : rki_utf8_next(s, at, &code);

        if (took == 0)
            return false;
        at += took;
    }
    return true;
}

bool rki_utf8_is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

size_t rki_utf8_count(struct rk_str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return count;
}

bool rki_utf8_folds_to(struct rk_str name, struct rk_str ascii)
{
    size_t at = 0, i = 0;

    for (; at < name.len && i < ascii.len; i++) {
        char c = name.ptr[at];
        uint32_t code;
        size_t took = 1;

        if ((unsigned char)c >= 0x80) {
            took = rki_utf8_next(name, at, &code);
            if (took == 0 || (code != 0x17f && code != 0x212a))
                return false;
            c = code == 0x17f ? 's' : 'k';
        }
        if (rki_lower(c) != rki_lower(ascii.ptr[i]))
            return false;
        at += took;
    }
    return at == name.len && i == ascii.len;
}

/* The Unicode property White_Space outside Cc (those are unsafe already). Source: PropList.txt. */
static bool is_white_space(uint32_t code)
{
    return code == 0x20 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x202f || code == 0x205f || code == 0x3000;
}

static bool is_nfc(struct rk_str name)
{
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)name.ptr, (utf8proc_ssize_t)name.len, &composed,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    bool same = len >= 0 && (size_t)len == name.len && memcmp(composed, name.ptr, name.len) == 0;

    free(composed); /* utf8proc allocates with malloc; names that are not ASCII pay for it */
    return same;
}

enum rk_err rki_name_check(struct rk_str name)
{
    bool ascii = true;
    uint32_t code = 0;
    size_t at = 0;

    if (name.len == 0)
        return RK_E_INVAL;
    if (name.len > RKI_NAME_MAX)
        return RK_E_TOO_LONG;
    while (at < name.len) {
        size_t took = rki_utf8_next(name, at, &code);

        if (took == 0 || rki_utf8_is_unsafe(code) || (at == 0 && is_white_space(code)))
            return RK_E_INVAL;
        ascii = ascii && took == 1;
        at += took;
    }
    if (is_white_space(code)) /* the last one */
        return RK_E_INVAL;
    return ascii || is_nfc(name) ? RK_OK : RK_E_INVAL;
}
