/*
 * inspect_read.c - reads bytes the way Go's standard library does, which is how a LiveKit server
 * reads a token: leniently. Nothing here decides whom to trust; verify.c reads strictly.
 *
 * May touch: its arguments, malloc. Sources: Go encoding/base64 (RawURLEncoding, not Strict),
 * encoding/json (unquote, decode).
 */
#include "core/inspect_impl.h"

#include <stdlib.h>

#include "core/json.h"
#include "core/utf8.h"

static int b64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool rki_inspect_base64(struct rk_str text, char *out, size_t *out_len, bool *canonical)
{
    size_t digits = 0, len = 0;
    uint32_t bits = 0; /* the last digits, six bits each */

    for (size_t i = 0; i < text.len; i++) {
        int value = b64_value(text.ptr[i]);

        if (text.ptr[i] == '\r' || text.ptr[i] == '\n') {
            *canonical = false;
            continue;
        }
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        digits++;
        if (digits % 4 != 1) /* the 2nd, 3rd and 4th digit of four complete a byte each */
            out[len++] = (char)(bits >> (6 - 2 * ((digits - 1) % 4)) & 0xff);
    }
    if (digits % 4 == 1)
        return false;
    if ((digits % 4 == 2 && (bits & 0xf) != 0) || (digits % 4 == 3 && (bits & 0x3) != 0))
        *canonical = false;
    *out_len = len;
    return true;
}

/* ---- text that is not Unicode ---- */

static const char replacement[] = {'\xef', '\xbf', '\xbd'}; /* U+FFFD */
static const char half_a_pair[] = {'f', 'f', 'f', 'd'};     /* the same behind \u */

/* The four digits of a \uXXXX escape at `at`; -1 when there is none. */
static int32_t escape_at(struct rk_str text, size_t at)
{
    int32_t code = 0;

    if (text.len - at < 6 || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = rki_lower(text.ptr[i]);

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return -1;
        code = code << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return code;
}

/* Copies the escape at `at`; half a surrogate pair becomes \ufffd. Returns the bytes it took. */
static size_t copy_escape(struct rk_str text, size_t at, char *out, size_t *len, bool *replaced)
{
    int32_t code = escape_at(text, at);
    bool pair = false;
    size_t took = code >= 0 ? 6 : 2;

    if (text.len - at < took)
        took = text.len - at;
    if (code >= 0xd800 && code <= 0xdbff && text.len - at >= 12) {
        int32_t low = escape_at(text, at + 6);

        pair = low >= 0xdc00 && low <= 0xdfff;
        took = pair ? 12 : 6;
    }
    memcpy(out + *len, text.ptr + at, took);
    if (code >= 0xd800 && code <= 0xdfff && !pair) {
        memcpy(out + *len + 2, half_a_pair, sizeof(half_a_pair));
        *replaced = true;
    }
    *len += took;
    return took;
}

/* `out` has room for three bytes for each of text's. */
static struct rk_str replace_bad_text(struct rk_str text, char *out, bool *replaced)
{
    size_t at = 0, len = 0;

    while (at < text.len) {
        uint32_t code;
        size_t took;

        if (text.ptr[at] == '\\') {
            at += copy_escape(text, at, out, &len, replaced);
            continue;
        }
        took = rki_utf8_next(text, at, &code);
        if (took == 0) { /* one byte, one replacement */
            memcpy(out + len, replacement, sizeof(replacement));
            len += sizeof(replacement);
            at++;
            *replaced = true;
            continue;
        }
        memcpy(out + len, text.ptr + at, took);
        len += took;
        at += took;
    }
    return rki_str(out, len);
}

/* ---- JSON ---- */

static enum rk_err look_for_duplicates(struct rki_inspection *report, struct rk_str text,
                                       unsigned flags)
{
    json_t *again = NULL;
    enum rk_err err = rki_json_parse(text, flags, &again, NULL);

    json_decref(again);
    if (err == RK_E_MALFORMED) /* it parsed with duplicates allowed */
        rki_inspect_add(report, FINDING_DUPLICATE, NULL, NULL);
    return err == RK_E_NOMEM ? err : RK_OK;
}

enum rk_err rki_inspect_json(struct rki_inspection *report, struct rk_str text, bool huge,
                             json_t **out)
{
    const unsigned flags = RKI_JSON_ALLOW_NUL | (huge ? (unsigned)RKI_JSON_HUGE_NUMBERS : 0U);
    char *room = malloc(3 * text.len + 1);
    bool replaced = false;
    enum rk_err err;

    if (room == NULL)
        return RK_E_NOMEM;
    text = replace_bad_text(text, room, &replaced);
    err = rki_json_parse(text, flags | RKI_JSON_LAST_DUPLICATE_WINS, out, NULL);
    if (err == RK_OK && replaced && report != NULL)
        rki_inspect_add(report, FINDING_REPLACED_TEXT, NULL, NULL);
    if (err == RK_OK && report != NULL)
        err = look_for_duplicates(report, text, flags);
    free(room);
    return err;
}

bool rki_inspect_member(struct rki_json_scan *scan, struct rk_str *out_name,
                        struct rk_str *out_value)
{
    struct rki_json_token token;
    size_t from;

    do {
        token = rki_json_scan_next(scan);
    } while (token.kind == RKI_TOKEN_PUNCT || (token.kind == RKI_TOKEN_OPEN && scan->depth == 1));
    if (token.kind != RKI_TOKEN_NAME)
        return false; /* the object's end */
    *out_name = rki_str(scan->text.ptr + token.at, token.len);
    (void)rki_json_scan_next(scan); /* the colon */
    token = rki_json_scan_next(scan);
    from = token.at;
    while (scan->depth > 1) /* a list or an object: on to its end */
        (void)rki_json_scan_next(scan);
    *out_value = rki_str(scan->text.ptr + from, scan->at - from);
    return true;
}
