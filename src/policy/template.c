/*
 * template.c - parses templates and refuses those whose values could be taken for something else.
 *
 * May touch: its arguments, the pool.
 */
#include "policy/template.h"

static const struct {
    struct rk_str name;
    enum rkd_part_kind kind;
} ours[] = {
    {RK_STR_INIT("caller"), RKD_PART_CALLER},
    {RK_STR_INIT("random"), RKD_PART_RANDOM},
    {RK_STR_INIT("identity"), RKD_PART_IDENTITY},
    {RK_STR_INIT("request.identity"), RKD_PART_REQUEST_IDENTITY},
    {RK_STR_INIT("request.name"), RKD_PART_REQUEST_NAME},
    {RK_STR_INIT("request.room"), RKD_PART_REQUEST_ROOM},
};

struct parse {
    struct rkd_pool *pool;
    struct rk_str text;
    unsigned rules;
    struct rkd_template *out;
    char *literals; /* the next free byte: literals are never longer than the text */
    size_t placeholders;
    const char *why;
};

static enum rk_err refuse(struct parse *parse, const char *why)
{
    parse->why = why;
    return RK_E_INVAL;
}

static void put_char(struct parse *parse, char c)
{
    struct rkd_template *out = parse->out;

    if (out->count == 0 || out->parts[out->count - 1].kind != RKD_PART_LITERAL)
        out->parts[out->count++] =
            (struct rkd_part){.kind = RKD_PART_LITERAL, .text = rki_str(parse->literals, 0)};
    *parse->literals++ = c;
    out->parts[out->count - 1].text.len++;
}

/* What stands between braces. */
static enum rk_err put_placeholder(struct parse *parse, struct rk_str name)
{
    struct rkd_part *part = &parse->out->parts[parse->out->count];

    if (memchr(name.ptr, '{', name.len) != NULL)
        return refuse(parse, "expected no brace inside a placeholder; a literal one is written {{");
    if (parse->placeholders++ == RKD_PLACEHOLDERS_MAX)
        return refuse(parse, "expected at most 16 placeholders");
    *part = (struct rkd_part){.kind = RKD_PART_CLAIM};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (rki_str_equal(name, ours[i].name))
            part->kind = ours[i].kind;
    parse->out->count++;
    if (part->kind != RKD_PART_CLAIM)
        return RK_OK;
    return rkd_claim_path_parse(parse->pool, name, &part->path, &parse->why);
}

static enum rk_err put_star(struct parse *parse, size_t at)
{
    if (at + 1 != parse->text.len)
        return refuse(parse, "expected * at the end only");
    parse->out->parts[parse->out->count++] = (struct rkd_part){.kind = RKD_PART_STAR};
    return RK_OK;
}

/* One step of the text at *at. */
static enum rk_err parse_some(struct parse *parse, size_t *at)
{
    const struct rk_str text = parse->text;
    const char c = text.ptr[*at];
    const bool twice = *at + 1 < text.len && text.ptr[*at + 1] == c;
    const char *end;
    struct rk_str name;

    if (c == '*' && (parse->rules & RKD_TEMPLATE_PATTERN) != 0)
        return put_star(parse, (*at)++);
    if ((c == '{' || c == '}') && twice)
        (*at)++;
    else if (c == '}')
        return refuse(parse, "expected }} for a literal }");
    else if (c == '{') {
        end = memchr(text.ptr + *at, '}', text.len - *at);
        if (end == NULL)
            return refuse(parse, "expected a } for this placeholder; a literal { is written {{");
        name = rki_str(text.ptr + *at + 1, (size_t)(end - text.ptr) - *at - 1);
        *at += name.len + 2;
        return put_placeholder(parse, name);
    }
    put_char(parse, c);
    (*at)++;
    return RK_OK;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (rki_lower(c) >= 'a' && rki_lower(c) <= 'z');
}

/* l of D10: the run of neither letters nor digits, or the whole literal where it begins with one.
 */
static struct rk_str run_of(struct rk_str literal)
{
    size_t len = 0;

    while (len < literal.len && !is_letter_or_digit(literal.ptr[len]))
        len++;
    return len == 0 ? literal : rki_str(literal.ptr, len);
}

/* May follow {random}, whose alphabet is a-z2-7. */
static bool may_follow_random(char c)
{
    return !((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'));
}

/* What D10 says of a placeholder and what stands behind it. */
static enum rk_err check_next(struct parse *parse, struct rkd_part *part, struct rkd_part *next)
{
    if ((parse->rules & RKD_TEMPLATE_NO_IDENTITY) != 0 && part->kind == RKD_PART_IDENTITY)
        return refuse(parse,
                      "expected another placeholder: {identity} is what this template makes");
    if ((parse->rules & RKD_TEMPLATE_NAME) == 0 || next == NULL)
        return RK_OK;
    if (next->kind != RKD_PART_LITERAL)
        return refuse(parse, "expected literal text between a placeholder and what follows it");
    if (part->kind == RKD_PART_RANDOM && !may_follow_random(next->text.ptr[0]))
        return refuse(parse, "expected after {random} a character that is none of a-z and 2-7");
    part->after = run_of(next->text);
    return RK_OK;
}

bool rkd_part_equal(const struct rkd_part *a, const struct rkd_part *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == RKD_PART_LITERAL)
        return rki_str_equal(a->text, b->text);
    return a->kind != RKD_PART_CLAIM || rkd_claim_path_equal(&a->path, &b->path);
}

static enum rk_err finish(struct parse *parse)
{
    struct rkd_template *out = parse->out;
    enum rk_err err = RK_OK;

    for (size_t i = 0; i < out->count && err == RK_OK; i++) {
        struct rkd_part *part = &out->parts[i];

        out->uses |= 1U << part->kind;
        for (part->first = 0; !rkd_part_equal(&out->parts[part->first], part);)
            part->first++;
        if (part->kind != RKD_PART_LITERAL && part->kind != RKD_PART_STAR)
            err = check_next(parse, part, i + 1 == out->count ? NULL : part + 1);
    }
    return err;
}

/* A part takes a byte at least, a placeholder three; literals merge. */
static size_t most_parts(struct rk_str text)
{
    size_t count = 2;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '{' ? 2 : 0;
    return count;
}

enum rk_err rkd_template_parse(struct rkd_pool *pool, struct rk_str text, unsigned rules,
                               struct rkd_template *out, const char **out_why)
{
    struct rkd_template template = {.count = 0};
    struct parse parse = {.pool = pool, .text = text, .rules = rules, .out = &template};
    enum rk_err err = RK_OK;

    if (text.len > RKD_TEMPLATE_MAX) {
        *out_why = "expected at most 4096 bytes";
        return RK_E_INVAL;
    }
    template.parts = rkd_pool_take(pool, most_parts(text), sizeof(*template.parts));
    parse.literals = rkd_pool_take(pool, text.len, 1);
    if (template.parts == NULL || parse.literals == NULL)
        return RK_E_NOMEM;
    for (size_t at = 0; at < text.len && err == RK_OK;)
        err = parse_some(&parse, &at);
    if (err == RK_OK)
        err = finish(&parse);
    if (err == RK_OK)
        *out = template;
    else if (err == RK_E_INVAL)
        *out_why = parse.why;
    return err;
}

struct rk_str rkd_template_prefix(const struct rkd_template *template)
{
    if (template->count == 0 || template->parts[0].kind != RKD_PART_LITERAL)
        return RK_STR("");
    return template->parts[0].text;
}
