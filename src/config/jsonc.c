/*
 * jsonc.c - JSON with comments, token by token.
 *
 * May touch: its arguments. No recursion, no memory.
 */
#include "config/jsonc.h"

#include "config/number.h"

static char peek(const struct rkd_jsonc *reader, size_t ahead)
{
    if (reader->at + ahead >= reader->text.len)
        return '\0';
    return reader->text.ptr[reader->at + ahead];
}

static void step(struct rkd_jsonc *reader)
{
    if (reader->text.ptr[reader->at] == '\n') {
        reader->lines++;
        reader->line_at = reader->at + 1;
    }
    reader->at++;
}

/* Behind the "*" of a comment's end; false: it has none. */
static bool skip_block(struct rkd_jsonc *reader)
{
    reader->at += 2;
    while (reader->at < reader->text.len && !(peek(reader, 0) == '*' && peek(reader, 1) == '/'))
        step(reader);
    if (reader->at == reader->text.len)
        return false;
    reader->at += 2;
    return true;
}

static bool skip_blanks(struct rkd_jsonc *reader)
{
    while (reader->at < reader->text.len) {
        const char c = peek(reader, 0);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            step(reader);
        else if (c == '/' && peek(reader, 1) == '/')
            while (reader->at < reader->text.len && peek(reader, 0) != '\n')
                reader->at++;
        else if (c != '/' || peek(reader, 1) != '*')
            break;
        else if (!skip_block(reader))
            return false;
    }
    return true;
}

/* In characters, as people count. */
static struct rkd_pos place(const struct rkd_jsonc *reader)
{
    unsigned column = 1;

    for (size_t i = reader->line_at; i < reader->at && i < reader->text.len; i++)
        column += ((unsigned char)reader->text.ptr[i] & 0xc0) != 0x80;
    return (struct rkd_pos){.file = reader->file, .line = reader->lines + 1, .column = column};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = rki_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits at `at`; -1: they are not there. */
static long hex_four(struct rk_str text, size_t at)
{
    long code = 0;

    if (text.len < at + 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        const int value = hex_value(text.ptr[i]);

        if (value < 0)
            return -1;
        code = code << 4 | value;
    }
    return code;
}

/* The escape behind the backslash at `at`: its bytes, 0 when it is none. A pair is one escape; half
 * a pair means no character. */
static size_t escape_len(struct rk_str text, size_t at)
{
    long code, low;

    if (at + 1 >= text.len)
        return 0;
    if (text.ptr[at + 1] != 'u')
        return rkd_char_is_in(text.ptr[at + 1], RK_STR("\"\\/bfnrt")) ? 2 : 0;
    code = hex_four(text, at + 2);
    if (code < 0 || (code >= 0xdc00 && code <= 0xdfff))
        return 0;
    if (code < 0xd800 || code > 0xdbff)
        return 6;
    if (at + 12 > text.len || text.ptr[at + 6] != '\\' || text.ptr[at + 7] != 'u')
        return 0;
    low = hex_four(text, at + 8);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

static bool take_string(struct rkd_jsonc *reader, struct rkd_jsonc_token *out)
{
    const size_t from = reader->at + 1;

    reader->at = from;
    while (reader->at < reader->text.len) {
        const unsigned char c = (unsigned char)peek(reader, 0);
        size_t len = 1;

        if (c == '"') {
            out->raw = rki_str(reader->text.ptr + from, reader->at - from);
            reader->at++;
            return true;
        }
        if (c == '\\')
            len = escape_len(reader->text, reader->at);
        if (len == 0 || c < ' ')
            return false;
        reader->at += len;
    }
    return false;
}

static size_t digits(struct rkd_jsonc *reader)
{
    const size_t from = reader->at;

    while (peek(reader, 0) >= '0' && peek(reader, 0) <= '9')
        reader->at++;
    return reader->at - from;
}

/* RFC 8259 s.6. */
static bool take_number(struct rkd_jsonc *reader, struct rkd_jsonc_token *out)
{
    const size_t from = reader->at;
    size_t first;
    bool ok;

    reader->at += peek(reader, 0) == '-';
    first = reader->at;
    ok = digits(reader) != 0 && (reader->text.ptr[first] != '0' || reader->at == first + 1);
    if (ok && peek(reader, 0) == '.') {
        reader->at++;
        ok = digits(reader) != 0;
    }
    if (ok && (peek(reader, 0) == 'e' || peek(reader, 0) == 'E')) {
        reader->at++;
        reader->at += peek(reader, 0) == '+' || peek(reader, 0) == '-';
        ok = digits(reader) != 0;
    }
    out->raw = rki_str(reader->text.ptr + from, reader->at - from);
    return ok;
}

static bool take_word(struct rkd_jsonc *reader, struct rkd_jsonc_token *out)
{
    static const struct {
        struct rk_str text;
        enum rkd_jsonc_kind kind;
    } words[] = {
        {RK_STR_INIT("true"), RKD_JSONC_TRUE},
        {RK_STR_INIT("false"), RKD_JSONC_FALSE},
        {RK_STR_INIT("null"), RKD_JSONC_NULL},
    };
    const size_t from = reader->at;

    while (rki_lower(peek(reader, 0)) >= 'a' && rki_lower(peek(reader, 0)) <= 'z')
        reader->at++;
    out->raw = rki_str(reader->text.ptr + from, reader->at - from);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (rki_str_equal(out->raw, words[i].text))
            out->kind = words[i].kind;
    return out->kind != RKD_JSONC_BAD;
}

void rkd_jsonc_next(struct rkd_jsonc *reader, struct rkd_jsonc_token *out)
{
    static const char marks[] = "{}[]:,";
    const bool is_whole = skip_blanks(reader);
    const char c = peek(reader, 0), *mark = c == '\0' ? NULL : strchr(marks, c);

    *out = (struct rkd_jsonc_token){.at = place(reader)};
    if (!is_whole)
        return;
    if (reader->at == reader->text.len) {
        out->kind = RKD_JSONC_END;
    } else if (mark != NULL) {
        out->kind = (enum rkd_jsonc_kind)(RKD_JSONC_MAP + (mark - marks));
        reader->at++;
    } else if (c == '"') {
        out->kind = take_string(reader, out) ? RKD_JSONC_STRING : RKD_JSONC_BAD;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        out->kind = take_number(reader, out) ? RKD_JSONC_NUMBER : RKD_JSONC_BAD;
    } else {
        (void)take_word(reader, out);
    }
}

/* Never more bytes than the escape had. */
static size_t put_utf8(char *out, unsigned long code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static size_t put_escape(char *out, struct rk_str raw, size_t at, size_t len)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    unsigned long code;

    if (len == 2) {
        *out = means[strchr(names, raw.ptr[at + 1]) - names];
        return 1;
    }
    code = (unsigned long)hex_four(raw, at + 2);
    if (len == 12)
        code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned long)hex_four(raw, at + 8) - 0xdc00);
    return put_utf8(out, code);
}

size_t rkd_jsonc_decode(struct rk_str raw, char *out)
{
    size_t at = 0, len = 0;

    while (at < raw.len) {
        size_t escape = raw.ptr[at] == '\\' ? escape_len(raw, at) : 0;

        if (escape == 0) {
            out[len++] = raw.ptr[at++];
            continue;
        }
        len += put_escape(out + len, raw, at, escape);
        at += escape;
    }
    return len;
}

bool rkd_jsonc_skip(struct rkd_jsonc *reader, struct rkd_jsonc_token *first)
{
    enum { DEPTH_MAX = 32 };
    struct rkd_jsonc_token token = *first;
    uint64_t maps = 0; /* a bit a level: it is a map */
    unsigned depth = 0;

    for (;;) {
        if (token.kind == RKD_JSONC_MAP || token.kind == RKD_JSONC_LIST) {
            if (depth == DEPTH_MAX)
                return false;
            maps = maps << 1 | (token.kind == RKD_JSONC_MAP);
            depth++;
        } else if (token.kind == RKD_JSONC_MAP_END || token.kind == RKD_JSONC_LIST_END) {
            if (depth == 0 || (maps & 1) != (token.kind == RKD_JSONC_MAP_END))
                return false;
            maps >>= 1;
            depth--;
        } else if (token.kind == RKD_JSONC_BAD || token.kind == RKD_JSONC_END ||
                   (depth == 0 &&
                    (token.kind == RKD_JSONC_COLON || token.kind == RKD_JSONC_COMMA))) {
            return false;
        }
        if (depth == 0)
            return true;
        rkd_jsonc_next(reader, &token);
        *first = token; /* where it went wrong, if it does */
    }
}
