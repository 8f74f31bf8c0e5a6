/*
 * match.c - room patterns against rooms. May touch: its arguments.
 */
#include "policy/match.h"

#include "core/utf8.h"

enum {
    PARTS_MAX = 2 * RKD_PLACEHOLDERS_MAX + 2,
    TRIES_MAX = 512, /* combinations of list members looked at for one default room */
};

/* Where `what` occurs first in `in`; in.len when it does not. */
static size_t find(struct rk_str in, struct rk_str what)
{
    size_t at = 0;

    while (at + what.len <= in.len) {
        const char *hit = memchr(in.ptr + at, what.ptr[0], in.len - at - what.len + 1);

        if (hit == NULL)
            return in.len;
        at = (size_t)(hit - in.ptr);
        if (memcmp(hit, what.ptr, what.len) == 0)
            return at;
        at++;
    }
    return in.len;
}

/* Is `value` what the placeholder stands for, or one of the things it stands for? */
static bool offers(const struct rkd_part *part, const struct rkd_view *view, struct rk_str value)
{
    struct rkd_claim claim;

    if (part->kind != RKD_PART_CLAIM)
        return rki_str_equal(rkd_part_value(part, view), value);
    claim = rkd_claim_find(view->caller, &part->path);
    return rkd_claim_has(&claim, value);
}

/* Cuts from *rest what the part matches and keeps it in *taken. */
static bool take(const struct rkd_part *part, const struct rkd_view *view, struct rk_str *rest,
                 struct rk_str *taken)
{
    size_t len = part->text.len;

    if (part->kind == RKD_PART_LITERAL) {
        if (!rki_str_starts_with(*rest, part->text))
            return false;
    } else {
        len = part->after.len == 0 ? rest->len : find(*rest, part->after);
        if (len == 0 || (part->after.len != 0 && len == rest->len))
            return false;
    }
    *taken = rki_str(rest->ptr, len);
    *rest = rki_str(rest->ptr + len, rest->len - len);
    return part->kind == RKD_PART_LITERAL || offers(part, view, *taken);
}

bool rkd_pattern_matches(const struct rkd_template *pattern, const struct rkd_view *view,
                         struct rk_str room)
{
    struct rk_str taken[PARTS_MAX];

    if (pattern->count > PARTS_MAX)
        return false;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct rkd_part *part = &pattern->parts[i];

        if (part->kind == RKD_PART_STAR)
            return room.len != 0;
        if (!take(part, view, &room, &taken[i]))
            return false;
        if (part->first != i && !rki_str_equal(taken[part->first], taken[i]))
            return false;
    }
    return room.len == 0 && pattern->count != 0;
}

/* ---- the only room of a pattern ---- */

/* The list claims of a pattern, and which member of each is in hand. */
struct choice {
    struct rkd_claim claim;
    size_t size, index;
};
struct choices {
    struct choice of[PARTS_MAX]; /* by the part that names the claim first */
    size_t parts;
};

static void open_choices(const struct rkd_template *pattern, const struct rkd_view *view,
                         struct choices *choices)
{
    choices->parts = pattern->count;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct rkd_part *part = &pattern->parts[i];
        struct choice *choice = &choices->of[i];

        *choice = (struct choice){.size = 1};
        if (part->kind != RKD_PART_CLAIM || part->first != i)
            continue;
        choice->claim = rkd_claim_find(view->caller, &part->path);
        if (choice->claim.kind == RKD_CLAIM_WORDS || choice->claim.kind == RKD_CLAIM_OTHER)
            choice->size = rkd_claim_list_size(&choice->claim);
    }
}

/* Counts on like the wheels of a meter; false after the last combination. */
static bool next_choice(struct choices *choices)
{
    for (size_t i = 0; i < choices->parts; i++) {
        if (++choices->of[i].index < choices->of[i].size)
            return true;
        choices->of[i].index = 0;
    }
    return false;
}

static struct rk_str value_of(const struct rkd_part *part, const struct rkd_view *view,
                              const struct choices *choices)
{
    const struct choice *choice = &choices->of[part->first];

    if (part->kind != RKD_PART_CLAIM)
        return rkd_part_value(part, view);
    if (choice->claim.kind == RKD_CLAIM_TEXT)
        return choice->claim.text;
    return rkd_claim_list_at(&choice->claim, choice->index);
}

static bool render_choice(const struct rkd_template *pattern, const struct rkd_view *view,
                          const struct choices *choices, struct rki_buf *out)
{
    for (size_t i = 0; i < pattern->count; i++) {
        const struct rkd_part *part = &pattern->parts[i];
        struct rk_str value = value_of(part, view, choices);

        if (value.len == 0 || value.len > out->cap - out->len ||
            !rkd_value_is_unambiguous(value, part->after))
            return false;
        rki_buf_put(out, value);
    }
    return rki_name_check(rki_buf_str(out)) == RK_OK;
}

enum rkd_single rkd_pattern_single(const struct rkd_template *pattern, const struct rkd_view *view,
                                   struct rki_buf *out)
{
    struct choices choices;
    char room[RKI_NAME_MAX];
    size_t tries = 0;

    if (pattern->count > PARTS_MAX || rkd_template_uses(pattern, RKD_PART_STAR))
        return RKD_SINGLE_NONE;
    open_choices(pattern, view, &choices);
    for (size_t i = 0; i < choices.parts; i++)
        if (choices.of[i].size == 0)
            return RKD_SINGLE_NONE;
    do {
        struct rki_buf next = rki_buf_over(room, sizeof(room));

        if (tries++ == TRIES_MAX)
            return RKD_SINGLE_SEVERAL;
        if (!render_choice(pattern, view, &choices, &next))
            continue;
        if (out->len != 0 && !rki_str_equal(rki_buf_str(out), rki_buf_str(&next)))
            return RKD_SINGLE_SEVERAL;
        if (out->len == 0)
            rki_buf_put(out, rki_buf_str(&next));
    } while (next_choice(&choices));
    return out->len != 0 && !out->overflow ? RKD_SINGLE_ONE : RKD_SINGLE_NONE;
}

/* ---- at load ---- */

/* Nothing but one literal (or nothing at all), `*` aside. */
static bool is_literal(const struct rkd_template *template)
{
    return (template->uses & ~(1U << RKD_PART_LITERAL | 1U << RKD_PART_STAR)) == 0;
}

bool rkd_pattern_never_fits(const struct rkd_template *pattern, const struct rkd_template *from)
{
    const struct rk_str fixed = rkd_template_prefix(pattern), start = rkd_template_prefix(from);
    const bool pattern_ends = is_literal(pattern) && !rkd_template_uses(pattern, RKD_PART_STAR);

    if (!rki_str_starts_with(fixed, start) && !rki_str_starts_with(start, fixed))
        return true;
    if (is_literal(from)) /* the whole room is known */
        return pattern_ends ? fixed.len != start.len : start.len <= fixed.len;
    return pattern_ends && fixed.len <= start.len;
}

bool rkd_patterns_clash(const struct rkd_template *a, const struct rkd_template *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct rkd_part *mine = &a->parts[i], *theirs = &b->parts[i];

        if (!rkd_part_equal(mine, theirs))
            return false; /* nothing behind it stands after the same beginning */
        if (mine->kind != RKD_PART_RANDOM && !rki_str_equal(mine->after, theirs->after))
            return true;
    }
    return false;
}
