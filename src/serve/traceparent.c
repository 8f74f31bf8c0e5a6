/*
 * traceparent.c - reads and writes `traceparent`.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/traceparent.h"

enum { KNOWN_FLAGS = 3, TRACE_AT = 3, ID_AT = 36, FLAGS_AT = 53 };

static const char hex[] = "0123456789abcdef";

/* Lower case only. -1: none. */
static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (digit(text[i]) < 0)
            return false;
    return true;
}

/* Hexadecimal, and not all zero. */
static bool is_id(const char *text, size_t len)
{
    bool is_zero = true;

    for (size_t i = 0; i < len; i++)
        is_zero = is_zero && text[i] == '0';
    return !is_zero && is_hex(text, len);
}

bool rkd_traceparent_read(struct rk_str text, struct rkd_span *out)
{
    const char *p = text.ptr;

    if (text.len < RKD_TRACEPARENT_LEN || !is_hex(p, 2) || p[2] != '-' ||
        !is_id(p + TRACE_AT, RKD_TRACE_ID_LEN) || p[ID_AT - 1] != '-' ||
        !is_id(p + ID_AT, RKD_SPAN_ID_LEN) || p[FLAGS_AT - 1] != '-' || !is_hex(p + FLAGS_AT, 2))
        return false;
    if (p[0] == 'f' && p[1] == 'f')
        return false;
    /* Version 00 ends here; a later one may go on behind a hyphen. */
    if (text.len > RKD_TRACEPARENT_LEN &&
        ((p[0] == '0' && p[1] == '0') || p[RKD_TRACEPARENT_LEN] != '-'))
        return false;
    *out =
        (struct rkd_span){.is_set = true, .flags = (uint8_t)(digit(p[FLAGS_AT + 1]) & KNOWN_FLAGS)};
    memcpy(out->trace_id, p + TRACE_AT, sizeof(out->trace_id));
    memcpy(out->id, p + ID_AT, sizeof(out->id));
    return true;
}

void rkd_traceparent_write(struct rki_buf *out, const struct rkd_span *span)
{
    rki_buf_lit(out, "00-");
    rki_buf_put(out, rki_str(span->trace_id, sizeof(span->trace_id)));
    rki_buf_char(out, '-');
    rki_buf_put(out, rki_str(span->id, sizeof(span->id)));
    rki_buf_lit(out, "-0");
    rki_buf_char(out, hex[span->flags & KNOWN_FLAGS]);
}

void rkd_span_begin(struct rkd_random *random, const struct rkd_span *parent, struct rkd_span *out)
{
    unsigned char bytes[RKD_SPAN_ID_LEN / 2];

    *out = (struct rkd_span){.is_set = false};
    if (!parent->is_set || rkd_random_take(random, bytes, sizeof(bytes)) != RK_OK)
        return;
    *out = *parent;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out->id[2 * i] = hex[bytes[i] >> 4];
        out->id[2 * i + 1] = hex[bytes[i] & 15];
    }
    if (!is_id(out->id, sizeof(out->id))) /* one in 2^64, and forbidden */
        out->id[0] = '1';
}
