/*
 * fuzz_template.c - templates parse or are refused, render or do not, and what a name template
 * rendered can be taken apart again in one way only (semantics D10).
 */
#include "claims_text.h"
#include "policy/template.h"

static bool is_placeholder(const struct rkd_part *part)
{
    return part->kind != RKD_PART_LITERAL && part->kind != RKD_PART_STAR;
}

static size_t first_of(struct rk_str text, struct rk_str what)
{
    for (size_t at = 0; at + what.len <= text.len; at++)
        if (memcmp(text.ptr + at, what.ptr, what.len) == 0)
            return at;
    return text.len;
}

/* Cuts `text` at the literal behind each placeholder, where it occurs first. */
static void check_split(const struct rkd_template *template, const struct rkd_view *view,
                        struct rk_str text)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct rkd_part *part = &template->parts[i];
        const struct rk_str want = rkd_part_value(part, view);
        size_t len = want.len;

        if (is_placeholder(part))
            len = part->after.len == 0 ? text.len : first_of(text, part->after);
        FUZZ_CHECK(len == want.len && rki_str_starts_with(text, want));
        text = rki_str(text.ptr + len, text.len - len);
    }
    FUZZ_CHECK(text.len == 0);
}

static void check_shape(const struct rkd_template *template, unsigned rules, size_t len)
{
    size_t literal = 0;

    for (size_t i = 0; i < template->count; i++) {
        const struct rkd_part *part = &template->parts[i];

        FUZZ_CHECK(part->first <= i && rkd_part_equal(&template->parts[part->first], part));
        literal += part->text.len;
        if (part->kind == RKD_PART_STAR)
            FUZZ_CHECK(i + 1 == template->count && (rules & RKD_TEMPLATE_PATTERN) != 0);
        if ((rules & RKD_TEMPLATE_NAME) != 0 && is_placeholder(part) && i + 1 < template->count)
            FUZZ_CHECK(part[1].kind == RKD_PART_LITERAL && part->after.len != 0 &&
                       rki_str_starts_with(part[1].text, part->after));
    }
    FUZZ_CHECK(literal <= len);
}

static void check_one(struct rk_str text, unsigned rules, const struct rkd_view *view)
{
    struct rkd_pool pool = {NULL};
    struct rkd_template template;
    const char *why = NULL;
    char room[256];
    struct rki_buf out = rki_buf_over(room, sizeof(room));
    enum rk_err err = rkd_template_parse(&pool, text, rules, &template, &why);

    FUZZ_CHECK(err == RK_OK || (err == RK_E_INVAL && why != NULL));
    if (err == RK_OK) {
        check_shape(&template, rules, text.len);
        if (rkd_template_render(&template, view, &out)) {
            FUZZ_CHECK(!out.overflow);
            if ((rules & RKD_TEMPLATE_NAME) != 0) {
                check_split(&template, view, rki_buf_str(&out));
                if (out.len > 0)
                    fuzz_reach();
            }
        }
    }
    rkd_pool_clear(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str rest = fuzz_str(data, size);
    const struct rk_str text = next_line(&rest), second = next_line(&rest);
    json_t *claims = read_claims(rest);
    const struct rkd_caller caller = {
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .claims = claims};
    const struct rkd_ask ask = {.room = second, .name = second, .identity = second};
    const struct rkd_view view = {&caller, &ask, RK_STR_INIT("abcdefghijklmnop"),
                                  RK_STR_INIT("staff:u1")};

    if (rki_utf8_is_valid(text) && rki_utf8_is_valid(second)) {
        check_one(text, 0, &view);
        check_one(text, RKD_TEMPLATE_NAME, &view);
        check_one(text, RKD_TEMPLATE_NAME | RKD_TEMPLATE_NO_IDENTITY, &view);
        check_one(text, RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, &view);
    }
    json_decref(claims);
    return 0;
}
