/*
 * utf8.h - UTF-8 and the names of LiveKit: rooms, identities, participant names (semantics D20).
 */
#ifndef RKI_UTF8_H
#define RKI_UTF8_H

#include "core/str.h"

enum {
    RKI_NAME_MAX =
        256, /* bytes of a room, identity, participant or attribute name; LiveKit's own limit */
};

/* Decodes the code point at `at` (< s.len). Returns the bytes it takes (1-4), 0 when they are not
 * valid UTF-8. */
size_t rki_utf8_next(struct rk_str s, size_t at, uint32_t *out_code);

/* Shortest form only, no surrogates, nothing past U+10FFFF. U+0000 is valid UTF-8. */
bool rki_utf8_is_valid(struct rk_str s);

/* Cc, U+2028/2029 and the twelve bidi characters of D20: forge lines, turn text around. */
bool rki_utf8_is_unsafe(uint32_t code);

/* Code points in valid UTF-8. */
size_t rki_utf8_count(struct rk_str s);

/*
 * Whether Go's encoding/json takes the member `name` for the field `ascii`, in whatever case: it
 * folds by Unicode, so U+017F is an s and U+212A a k.
 */
bool rki_utf8_folds_to(struct rk_str name, struct rk_str ascii);

/*
 * D20: 1-256 bytes of UTF-8 in NFC, none unsafe, no White_Space at either end.
 * RK_E_TOO_LONG over 256 bytes, RK_E_INVAL otherwise. Plain ASCII never reaches utf8proc.
 */
RK_NODISCARD enum rk_err rki_name_check(struct rk_str name);

#endif
