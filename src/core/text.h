/*
 * text.h - looks at a text once: is it UTF-8, has it control characters, must JSON escape it?
 */
#ifndef RKI_TEXT_H
#define RKI_TEXT_H

#include "core/str.h"

enum {
    RKI_TEXT_CONTROL = 1, /* U+0000-001F, U+007F-009F */
    RKI_TEXT_ESCAPE = 2,  /* bytes JSON escapes: `"`, `\`, U+0000-001F */
    RKI_TEXT_HIGH = 4,    /* not plain ASCII */
};

/*
 * Eight bytes at once: false when one of them might be other than printable ASCII without quote and
 * backslash. The tests for "below", "equal" and "zero" borrow from byte to byte and so may err, but
 * only to that side.
 */
static inline bool rki_text_eight_plain(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x, quote, backslash;

    memcpy(&x, at, sizeof(x));
    quote = x ^ ones * '"';
    backslash = x ^ ones * '\\';
    return ((x | (x - ones * 0x20) | (x + ones) | (quote - ones) | (backslash - ones)) &
            ones * 0x80) == 0;
}

/* The usual case, without a look at single bytes; the last eight may overlap those before. */
static inline bool rki_text_is_plain(struct rk_str s)
{
    if (s.len < 8)
        return false;
    for (size_t at = 0; at + 8 <= s.len; at += 8)
        if (!rki_text_eight_plain(s.ptr + at))
            return false;
    return rki_text_eight_plain(s.ptr + s.len - 8);
}

/* rki_text_scan for a text that is not plain, or short. */
RK_NODISCARD enum rk_err rki_text_scan_bytes(struct rk_str s, unsigned *out_flags);

/* RK_E_INVAL: not UTF-8. */
RK_NODISCARD static inline enum rk_err rki_text_scan(struct rk_str s, unsigned *out_flags)
{
    if (!rki_text_is_plain(s))
        return rki_text_scan_bytes(s, out_flags);
    *out_flags = 0;
    return RK_OK;
}

/* rki_text_check_name for a name that is not plain, or short. */
RK_NODISCARD enum rk_err rki_text_check_bytes(struct rk_str s, unsigned *out_flags);

/* A name: 1 to max bytes of UTF-8 without control characters. RK_E_INVAL, RK_E_TOO_LONG. */
RK_NODISCARD static inline enum rk_err rki_text_check_name(struct rk_str s, size_t max,
                                                           unsigned *out_flags)
{
    if (s.len > max)
        return RK_E_TOO_LONG;
    if (!rki_text_is_plain(s))
        return rki_text_check_bytes(s, out_flags);
    *out_flags = 0;
    return RK_OK;
}

#endif
