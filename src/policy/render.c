/*
 * render.c - renders templates into bounded buffers: all of it or nothing, never a part.
 *
 * May touch: its arguments.
 */
#include "policy/template.h"

/* value || after, at `at`. */
static char char_at(struct rk_str value, struct rk_str after, size_t at)
{
    if (at < value.len)
        return value.ptr[at];
    return after.ptr[at - value.len];
}

bool rkd_value_is_unambiguous(struct rk_str value, struct rk_str after)
{
    if (after.len == 0 || value.len == 0)
        return true;
    for (size_t at = 0; at < value.len; at++) {
        const char *hit = memchr(value.ptr + at, after.ptr[0], value.len - at);
        size_t same = 1;

        if (hit == NULL)
            return true;
        at = (size_t)(hit - value.ptr);
        while (same < after.len && char_at(value, after, at + same) == after.ptr[same])
            same++;
        if (same == after.len)
            return false;
    }
    return true;
}

static struct rk_str claim_text(const struct rkd_part *part, const struct rkd_view *view)
{
    struct rkd_claim claim = rkd_claim_find(view->caller, &part->path);

    return claim.kind == RKD_CLAIM_TEXT ? claim.text : rki_str(NULL, 0);
}

struct rk_str rkd_part_value(const struct rkd_part *part, const struct rkd_view *view)
{
    switch (part->kind) {
    case RKD_PART_LITERAL:
        return part->text;
    case RKD_PART_CLAIM:
        return claim_text(part, view);
    case RKD_PART_CALLER:
        return view->caller->name;
    case RKD_PART_RANDOM:
        return view->random;
    case RKD_PART_IDENTITY:
        return view->identity;
    case RKD_PART_REQUEST_IDENTITY:
        return view->ask->identity;
    case RKD_PART_REQUEST_NAME:
        return view->ask->name;
    case RKD_PART_REQUEST_ROOM:
        return view->ask->room;
    case RKD_PART_STAR:
        break;
    }
    return rki_str(NULL, 0);
}

bool rkd_template_render(const struct rkd_template *template, const struct rkd_view *view,
                         struct rki_buf *out)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct rkd_part *part = &template->parts[i];
        struct rk_str value = rkd_part_value(part, view);

        if (value.len == 0)
            return false;
        if (value.len > out->cap - out->len) { /* before the search, which takes longer */
            out->overflow = true;
            return false;
        }
        if (!rkd_value_is_unambiguous(value, part->after))
            return false;
        rki_buf_put(out, value);
    }
    return !out->overflow;
}
