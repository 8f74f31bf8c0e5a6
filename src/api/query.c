/*
 * query.c - reads an ask from a query string, as browsers write them (URLSearchParams): pairs
 * between '&', '+' for a blank, the rest percent-encoded UTF-8.
 *
 * Strict: a '%' without two hex digits, bytes that are not UTF-8, U+0000 and a known member given
 * twice are refused. May touch: its arguments, the call's arena.
 */
#include "api/read.h"

#include "core/utf8.h"

enum { MEMBERS_MAX = 8 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = rki_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Into the arena; false when it is not strictly encoded or does not fit (*out_full). */
static bool decode(struct rki_arena *arena, struct rk_str raw, struct rk_str *out, bool *out_full)
{
    char *text = rki_arena_take(arena, raw.len);
    size_t len = 0;

    *out_full = text == NULL;
    if (text == NULL)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (c == '%') {
            int high = i + 2 < raw.len ? hex_value(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_value(raw.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return false;
        text[len++] = c;
    }
    *out = rki_str(text, len);
    return rki_utf8_is_valid(*out);
}

/* What stands before the first `mark`; `rest` goes on behind it. */
static struct rk_str cut(struct rk_str *rest, char mark)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->ptr, mark, rest->len);
    struct rk_str head = rki_str(rest->ptr, at == NULL ? rest->len : (size_t)(at - rest->ptr));
    size_t skip = head.len + (at != NULL);

    *rest = rki_str(rest->len == 0 ? rest->ptr : rest->ptr + skip, rest->len - skip);
    return head;
}

static enum rkd_err refuse_decode(struct rkd_problem *problem, const char *field, bool is_full)
{
    return is_full ? rkd_refuse_read(problem, RKD_E_UNAVAILABLE, NULL, "arena")
                   : rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, field, "query");
}

static enum rkd_err read_pair(const struct rkd_read_in *in, struct rk_str pair,
                              const struct rkd_member *members, size_t count, bool *seen,
                              struct rkd_ask *ask, struct rkd_problem *problem)
{
    struct rk_str value = pair, raw_name = cut(&value, '='), name, text;
    const struct rkd_member *member = NULL;
    bool is_full = false;

    if (!decode(in->arena, raw_name, &name, &is_full))
        return refuse_decode(problem, NULL, is_full);
    for (size_t i = 0; i < count && member == NULL; i++)
        if (rki_str_equal(name, rki_cstr(members[i].camel)))
            member = &members[i];
    if (!decode(in->arena, value, &text, &is_full))
        return refuse_decode(problem, member == NULL ? NULL : member->snake, is_full);
    if (member == NULL)
        return RKD_OK;
    if (seen[member - members])
        return rkd_refuse_read(problem, RKD_E_INVALID_REQUEST, member->snake, "twice");
    seen[member - members] = true;
    return rkd_set_text(ask, member, text, problem);
}

enum rkd_err rkd_read_query(const struct rkd_read_in *in, const struct rkd_member *members,
                            size_t count, struct rkd_ask *ask, struct rkd_problem *problem)
{
    struct rk_str rest = in->query;
    bool seen[MEMBERS_MAX] = {false};
    enum rkd_err err = RKD_OK;

    while (rest.len != 0 && err == RKD_OK) {
        struct rk_str pair = cut(&rest, '&');

        if (pair.len != 0)
            err = read_pair(in, pair, members, count, seen, ask, problem);
    }
    return err;
}
