/*
 * text.c - looks at a text once, by a class for each byte.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/text.h"

#include "core/utf8.h"

/* clang-format off */
#define C (RKI_TEXT_CONTROL | RKI_TEXT_ESCAPE)
#define D RKI_TEXT_CONTROL
#define E RKI_TEXT_ESCAPE
#define H RKI_TEXT_HIGH
#define ROW(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x

static const unsigned char classes[256] = {
    ROW(C), ROW(C),
    0, 0, E, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* the quote */
    ROW(0), ROW(0),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, E, 0, 0, 0, /* the backslash */
    ROW(0),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, D, /* DEL */
    ROW(H), ROW(H), ROW(H), ROW(H), ROW(H), ROW(H), ROW(H), ROW(H),
};
/* clang-format on */

/* U+0080-009F in valid UTF-8 are C2 80-9F. */
static bool has_c1(struct rk_str s)
{
    for (size_t i = 1; i < s.len; i++)
        if ((unsigned char)s.ptr[i - 1] == 0xc2 && (unsigned char)s.ptr[i] < 0xa0)
            return true;
    return false;
}

enum rk_err rki_text_scan_bytes(struct rk_str s, unsigned *out_flags)
{
    unsigned flags = 0;

    for (size_t i = 0; i < s.len; i++)
        flags |= classes[(unsigned char)s.ptr[i]];
    if ((flags & RKI_TEXT_HIGH) != 0) {
        if (!rki_utf8_is_valid(s))
            return RK_E_INVAL;
        if (has_c1(s))
            flags |= RKI_TEXT_CONTROL;
    }
    *out_flags = flags;
    return RK_OK;
}

enum rk_err rki_text_check_bytes(struct rk_str s, unsigned *out_flags)
{
    unsigned flags = 0;
    enum rk_err err = s.len == 0 ? RK_E_INVAL : rki_text_scan_bytes(s, &flags);

    if (err == RK_OK && (flags & RKI_TEXT_CONTROL) != 0)
        err = RK_E_INVAL;
    if (err == RK_OK)
        *out_flags = flags;
    return err;
}
