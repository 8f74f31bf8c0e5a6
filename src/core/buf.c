/*
 * buf.c - writes numbers and JSON strings into a bounded buffer.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/buf.h"

#include "core/utf8.h"

void rki_buf_int(struct rki_buf *buf, int64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (; rest >= 100; rest /= 100) { /* two digits for one division */
        unsigned two = (unsigned)(rest % 100);

        digits[--at] = (char)('0' + two % 10);
        digits[--at] = (char)('0' + two / 10);
    }
    if (rest >= 10)
        digits[--at] = (char)('0' + rest % 10);
    digits[--at] = (char)('0' + (rest >= 10 ? rest / 10 : rest));
    if (value < 0)
        rki_buf_char(buf, '-');
    rki_buf_put(buf, rki_str(digits + at, sizeof(digits) - at));
}

static void put_u4(struct rki_buf *buf, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    const char text[6] = {
        '\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]};

    rki_buf_put(buf, rki_str(text, sizeof(text)));
}

static void put_escape(struct rki_buf *buf, unsigned char c)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                  ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c < sizeof(shorts) && shorts[c] != 0) {
        rki_buf_char(buf, '\\');
        rki_buf_char(buf, shorts[c]);
    } else {
        put_u4(buf, c);
    }
}

void rki_buf_json(struct rki_buf *buf, struct rk_str s)
{
    size_t from = 0;

    rki_buf_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        rki_buf_put(buf, rki_str(s.ptr + from, i - from));
        put_escape(buf, c);
        from = i + 1;
    }
    rki_buf_put(buf, rki_str(s.ptr + from, s.len - from));
    rki_buf_char(buf, '"');
}

void rki_buf_json_untrusted(struct rki_buf *buf, struct rk_str s, size_t max)
{
    size_t at = 0, end = s.len > max ? max : s.len;

    rki_buf_char(buf, '"');
    while (at < end) {
        uint32_t code = 0;
        size_t took = rki_utf8_next(s, at, &code);

        if (took == 0) { /* not UTF-8 here: one byte, one replacement */
            put_u4(buf, 0xfffd);
            at++;
            continue;
        }
        if (code < 0x20 || code == '"' || code == '\\')
            put_escape(buf, (unsigned char)code);
        else if (code < 0x10000 && rki_utf8_is_unsafe(code))
            put_u4(buf, code);
        else
            rki_buf_put(buf, rki_str(s.ptr + at, took));
        at += took;
    }
    if (end < s.len)
        rki_buf_lit(buf, "...");
    rki_buf_char(buf, '"');
}
