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

/* RK_E_INVAL: not UTF-8. */
RK_NODISCARD enum rk_err rki_text_scan(struct rk_str s, unsigned *out_flags);

/* A name: 1 to max bytes of UTF-8 without control characters. RK_E_INVAL, RK_E_TOO_LONG. */
RK_NODISCARD enum rk_err rki_text_check_name(struct rk_str s, size_t max, unsigned *out_flags);

#endif
