/*
 * fuzz_pattern.c - a room pattern against a room: the matcher, which cuts the room, and a naive
 * one, which writes out every alternative, agree; the only room of a pattern is one it matches.
 */
#include "../tests/support/naive_pattern.h"
#include "claims_text.h"
#include "policy/match.h"

static void check_single(const struct rkd_template *pattern, const struct rkd_view *view)
{
    char text[256];
    struct rki_buf out = rki_buf_over(text, sizeof(text));

    if (rkd_pattern_single(pattern, view, &out) != RKD_SINGLE_ONE)
        return;
    FUZZ_CHECK(rki_name_check(rki_buf_str(&out)) == RK_OK);
    FUZZ_CHECK(rkd_pattern_matches(pattern, view, rki_buf_str(&out)));
    fuzz_reach();
}

/* `{/scope/0}` is not modelled by the naive one. */
static bool is_modelled(const struct rkd_template *pattern)
{
    for (size_t i = 0; i < pattern->count; i++) {
        const struct rkd_claim_path *path = &pattern->parts[i].path;

        if (pattern->parts[i].kind == RKD_PART_CLAIM && path->count > 1 &&
            (strcmp(path->names[0], "scope") == 0 || strcmp(path->names[0], "scp") == 0))
            return false;
    }
    return true;
}

static void check(struct rk_str text, struct rk_str room, const json_t *claims)
{
    const struct rkd_caller caller = {
        .kind = RKD_CALLER_OIDC, .name = RK_STR("staff"), .claims = claims};
    const struct rkd_ask ask = {.name = RK_STR("a-b"), .room = room};
    const struct rkd_view view = {&caller, &ask, RK_STR_INIT("abcdefghijklmnop"),
                                  RK_STR_INIT("staff:u1")};
    const struct naive naive = {.claims = claims,
                                .caller = caller.name,
                                .random = view.random,
                                .identity = view.identity,
                                .request_name = ask.name,
                                .request_room = room};
    struct rkd_pool pool = {NULL};
    struct rkd_template pattern;
    const char *why;

    if (rkd_template_parse(&pool, text, RKD_TEMPLATE_NAME | RKD_TEMPLATE_PATTERN, &pattern, &why) ==
            RK_OK &&
        pattern.count != 0 && is_modelled(&pattern)) {
        const bool matches = rkd_pattern_matches(&pattern, &view, room);

        FUZZ_CHECK(matches == naive_matches(text, &naive, room));
        if (matches)
            fuzz_reach();
        check_single(&pattern, &view);
    }
    rkd_pool_clear(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str rest = fuzz_str(data, size);
    const struct rk_str text = next_line(&rest), room = next_line(&rest);
    json_t *claims = read_claims(rest);

    /* rooms are names; templates come from a file without NUL */
    if (text.len <= 200 && rki_utf8_is_valid(text) && rki_name_check(room) == RK_OK &&
        (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL))
        check(text, room, claims);
    json_decref(claims);
    return 0;
}
