/*
 * blame.c - finds the member that made a body bad JSON, so that the refusal can name it.
 *
 * Runs only once a body has been refused, so it decides nothing: at worst no field is named. It
 * names a member that stands there twice, one nested too deeply, and one whose value is bad by
 * itself (U+0000, half a surrogate pair, 1e400, a member twice in it). May touch: its arguments.
 */
#include "api/read.h"

#include "core/json_scan.h"

enum { ESCAPED_MAX = 64 }; /* names read with their escapes: hostile bodies hold thousands */

struct blame {
    const struct rkd_member *members;
    size_t count, escaped;
    unsigned seen;                    /* bit i: members[i] has been there */
    const struct rkd_member *current; /* whose value is being passed */
    size_t from;                      /* where that begins; 0 before it does */
};

static const struct rkd_member *find(const struct blame *blame, struct rk_str name)
{
    for (size_t i = 0; i < blame->count; i++)
        if (rki_str_equal(name, rki_cstr(blame->members[i].camel)) ||
            (!blame->members[i].camel_only &&
             rki_str_equal(name, rki_cstr(blame->members[i].snake))))
            return &blame->members[i];
    return NULL;
}

/* A name with its quotes, as it stands in the body. */
static const struct rkd_member *find_quoted(struct blame *blame, struct rk_str quoted)
{
    const struct rkd_member *member;
    json_t *name = NULL;

    if (memchr(quoted.ptr, '\\', quoted.len) == NULL)
        return find(blame, rki_str(quoted.ptr + 1, quoted.len - 2));
    if (blame->escaped == ESCAPED_MAX)
        return NULL;
    blame->escaped++;
    if (rki_json_parse(quoted, 0, &name, NULL) != RK_OK)
        return NULL;
    member = find(blame, rki_json_str(name));
    json_decref(name);
    return member;
}

/* True when the member is here for the second time. */
static bool is_again(struct blame *blame, const struct rkd_member *member)
{
    unsigned bit = 1U << (member - blame->members);
    bool again = (blame->seen & bit) != 0;

    blame->seen |= bit;
    return again;
}

static bool is_bad_alone(struct rk_str text)
{
    json_t *value = NULL;
    enum rk_err err = rki_json_parse(text, 0, &value, NULL);

    json_decref(value);
    return err == RK_E_MALFORMED;
}

/* A token of the current member's value. True: the last one, and the value is bad by itself. */
static bool ends_bad(struct blame *blame, const struct rki_json_scan *scan, size_t at)
{
    bool is_bad;

    if (blame->from == 0)
        blame->from = at;
    if (scan->depth != 1)
        return false;
    is_bad = is_bad_alone(rki_str(scan->text.ptr + blame->from, scan->at - blame->from));
    if (!is_bad)
        blame->current = NULL;
    return is_bad;
}

/* Each known member's value is read once, so the work is at most that of reading the body again. */
const struct rkd_member *rkd_blame(struct rk_str body, const struct rkd_member *members,
                                   size_t count)
{
    struct rki_json_scan scan = {.text = body};
    struct blame blame = {.members = members, .count = count};

    for (;;) {
        struct rki_json_token token = rki_json_scan_next(&scan);

        if (token.kind == RKI_TOKEN_END || token.kind == RKI_TOKEN_BAD)
            return NULL;
        if (scan.depth > RKI_JSON_DEPTH_MAX)
            return blame.current;
        if (token.kind == RKI_TOKEN_NAME && scan.depth == 1) {
            blame.current = find_quoted(&blame, rki_str(body.ptr + token.at, token.len));
            blame.from = 0;
            if (blame.current != NULL && is_again(&blame, blame.current))
                return blame.current;
        } else if (blame.current != NULL && token.kind != RKI_TOKEN_PUNCT &&
                   ends_bad(&blame, &scan, token.at)) {
            return blame.current;
        }
    }
}
