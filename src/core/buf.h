/*
 * buf.h - a bounded output buffer whose failure is sticky: write freely, check `overflow` once.
 *
 * The storage is the caller's. Nothing is NUL-terminated. Not thread-safe.
 */
#ifndef RKI_BUF_H
#define RKI_BUF_H

#include "core/str.h"

struct rki_buf {
    char *ptr;
    size_t len, cap;
    bool overflow; /* once set, later writes do nothing */
};

static inline struct rki_buf rki_buf_over(char *ptr, size_t cap)
{
    return (struct rki_buf){.ptr = ptr, .cap = cap};
}

static inline void rki_buf_put(struct rki_buf *buf, struct rk_str s)
{
    if (buf->overflow || s.len > buf->cap - buf->len) { /* subtract: a sum could wrap */
        buf->overflow = true;
        return;
    }
    if (s.len != 0) /* memcpy(p, NULL, 0) is undefined */
        memcpy(buf->ptr + buf->len, s.ptr, s.len);
    buf->len += s.len;
}

static inline void rki_buf_char(struct rki_buf *buf, char c)
{
    if (buf->overflow || buf->len == buf->cap) {
        buf->overflow = true;
        return;
    }
    buf->ptr[buf->len++] = c;
}

#define rki_buf_lit(buf, lit) rki_buf_put((buf), RK_STR(lit))

/* Decimal, "-" in front of negatives. */
void rki_buf_int(struct rki_buf *buf, int64_t value);

/*
 * A JSON string with its quotes. Escapes `"`, `\` and everything below U+0020 (\b \t \n \f \r
 * short, the rest \u00xx); other bytes pass raw, so `s` must be valid UTF-8 (rki_utf8_is_valid).
 * Source: vectors README, point 3.
 */
void rki_buf_json(struct rki_buf *buf, struct rk_str s);

/*
 * A JSON string for a log line from bytes nobody checked: as rki_buf_json, and also DEL, C1
 * controls, U+2028/2029 and the bidi characters of semantics D20 as \uXXXX, invalid UTF-8 as \ufffd
 * a byte. At most `max` input bytes, then "...".
 */
void rki_buf_json_untrusted(struct rki_buf *buf, struct rk_str s, size_t max);

static inline struct rk_str rki_buf_str(const struct rki_buf *buf)
{
    return rki_str(buf->ptr, buf->len);
}

#endif
