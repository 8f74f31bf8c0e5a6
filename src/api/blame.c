/*
 * blame.c - finds the member that made a body bad JSON, so that the refusal can name it.
 *
 * Runs only once a body has been refused, so it decides nothing: at worst no field is named. It
 * names a member that stands there twice, one nested too deeply, and one that holds a string or a
 * number which is bad by itself (U+0000, half a surrogate pair, 1e400). May touch: its arguments.
 */
#include "api/read.h"

#include "core/json_scan.h"

enum { LOOKS_MAX = 64 }; /* strings and numbers tried on their own: hostile bodies hold thousands */

struct blame {
    const struct rkd_member *members, *current;
    size_t count, looks;
    unsigned seen; /* bit i: members[i] has been there */
};

/* The text of a name with its quotes; names spelled with escapes are not looked for. */
static const struct rkd_member *find(const struct blame *blame, struct rk_str quoted)
{
    struct rk_str name = rki_str(quoted.ptr + 1, quoted.len - 2);

    for (size_t i = 0; i < blame->count; i++)
        if (rki_str_equal(name, rki_cstr(blame->members[i].camel)) ||
            (!blame->members[i].camel_only &&
             rki_str_equal(name, rki_cstr(blame->members[i].snake))))
            return &blame->members[i];
    return NULL;
}

static bool is_bad_alone(struct blame *blame, struct rk_str text)
{
    json_t *value = NULL;
    enum rk_err err;

    if (blame->current == NULL || blame->looks == LOOKS_MAX)
        return false;
    blame->looks++;
    err = rki_json_parse(text, 0, &value, NULL);
    json_decref(value);
    return err == RK_E_MALFORMED;
}

/* A member begins; true when it is here for the second time. */
static bool begins_again(struct blame *blame, struct rk_str quoted)
{
    unsigned bit;

    blame->current = find(blame, quoted);
    if (blame->current == NULL)
        return false;
    bit = 1U << (blame->current - blame->members);
    if ((blame->seen & bit) != 0)
        return true;
    blame->seen |= bit;
    return false;
}

const struct rkd_member *rkd_blame(struct rk_str body, const struct rkd_member *members,
                                   size_t count)
{
    struct rki_json_scan scan = {.text = body};
    struct blame blame = {.members = members, .count = count};

    for (;;) {
        struct rki_json_token token = rki_json_scan_next(&scan);
        struct rk_str text = rki_str(body.ptr + token.at, token.len);
        bool found = scan.depth > RKI_JSON_DEPTH_MAX;

        if (token.kind == RKI_TOKEN_END || token.kind == RKI_TOKEN_BAD)
            return NULL;
        if (token.kind == RKI_TOKEN_NAME && scan.depth == 1)
            found = begins_again(&blame, text);
        else if (token.kind == RKI_TOKEN_NAME || token.kind == RKI_TOKEN_STRING ||
                 token.kind == RKI_TOKEN_NUMBER)
            found = is_bad_alone(&blame, text);
        if (found)
            return blame.current;
    }
}
