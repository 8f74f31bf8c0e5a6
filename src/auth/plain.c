/*
 * plain.c - builds the claims of a usual payload without jansson's lexer, which takes 7 of the 10
 * microseconds a payload of 700 bytes costs, more than may come on top of a verification (design
 * s.8).
 *
 * May touch: its arguments, jansson's constructors. It accepts or hands over and never refuses, so
 * jansson stays the only judge of what is refused; fuzz_bearer holds the two against each other.
 * A name twice, a large number, an escape: handed over.
 */
#include "auth/plain.h"

#include "core/json.h"
#include "core/utf8.h"

enum {
    NAME_MAX_BYTES = 127,
    VALUES_MAX = 1024, /* below what rki_json_parse allows */
    DIGITS_MAX = 15,   /* exact as a double */
};

struct reader {
    const char *at, *end;
    json_t *open[RKI_JSON_DEPTH_MAX]; /* the containers we are in; borrowed from the root */
    size_t depth, values;
    bool is_fresh; /* nothing stands in the innermost one yet */
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* The text between two quotes; false when it is not plain. */
static bool read_text(struct reader *r, struct rk_str *out)
{
    const char *from;
    unsigned char seen = 0;

    if (!take(r, '"'))
        return false;
    for (from = r->at; r->at < r->end; r->at++) {
        const unsigned char c = (unsigned char)*r->at;

        if (c == '"') {
            *out = rki_str(from, (size_t)(r->at - from));
            r->at++;
            return seen < 0x80 || rki_utf8_is_valid(*out);
        }
        if (c < 0x20 || c == '\\')
            return false;
        seen |= c;
    }
    return false;
}

/* jansson wants names with their NUL. */
static bool read_name(struct reader *r, char name[NAME_MAX_BYTES + 1])
{
    struct rk_str text;

    if (!read_text(r, &text) || text.len > NAME_MAX_BYTES)
        return false;
    if (text.len != 0)
        memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    skip_blanks(r);
    if (!take(r, ':'))
        return false;
    skip_blanks(r);
    return true;
}

static json_t *read_number(struct reader *r)
{
    const char *const from = r->at;
    int64_t number = 0;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - from <= DIGITS_MAX)
        number = number * 10 + (*r->at++ - '0');
    /* at the end, or before a sign that ends a number; ".5" and "e3" are not read here */
    if (r->at - from > DIGITS_MAX || (r->at - from > 1 && *from == '0') || r->at == r->end ||
        (*r->at != ',' && *r->at != '}' && *r->at != ']'))
        return NULL;
    return json_real((double)number);
}

static json_t *read_word(struct reader *r, struct rk_str word, json_t *value)
{
    if (!rki_str_starts_with(rki_str(r->at, (size_t)(r->end - r->at)), word))
        return NULL;
    r->at += word.len; /* what follows must be a sign; a letter is none */
    return value;
}

static json_t *read_value(struct reader *r)
{
    struct rk_str text;

    if (r->at == r->end)
        return NULL;
    switch (*r->at) {
    case '"':
        return read_text(r, &text) ? json_stringn_nocheck(text.ptr, text.len) : NULL;
    case '{':
        r->at++;
        return json_object();
    case '[':
        r->at++;
        return json_array();
    case 't':
        return read_word(r, RK_STR("true"), json_true());
    case 'f':
        return read_word(r, RK_STR("false"), json_false());
    case 'n':
        return read_word(r, RK_STR("null"), json_null());
    default:
        return *r->at >= '0' && *r->at <= '9' ? read_number(r) : NULL;
    }
}

/* Takes `value`. A name that stands there already does not make the object larger. */
static bool put(json_t *container, const char *name, json_t *value)
{
    const size_t before = json_object_size(container);

    if (name == NULL)
        return json_array_append_new(container, value) == 0;
    return json_object_set_new_nocheck(container, name, value) == 0 &&
           json_object_size(container) != before;
}

/* One member, or the end of a container. */
static bool step(struct reader *r)
{
    json_t *const container = r->open[r->depth - 1];
    const bool is_object = json_is_object(container);
    char name[NAME_MAX_BYTES + 1];
    json_t *value;

    skip_blanks(r);
    if (take(r, is_object ? '}' : ']')) {
        r->depth--;
        r->is_fresh = false;
        return true;
    }
    if (!r->is_fresh && !take(r, ','))
        return false;
    skip_blanks(r);
    if (++r->values > VALUES_MAX || (is_object && !read_name(r, name)))
        return false;
    value = read_value(r);
    r->is_fresh = json_is_object(value) || json_is_array(value);
    if (value == NULL || !put(container, is_object ? name : NULL, value))
        return false;
    if (!r->is_fresh)
        return true;
    if (r->depth == RKI_JSON_DEPTH_MAX)
        return false;
    r->open[r->depth++] = value;
    return true;
}

bool rkd_plain_read(struct rk_str text, json_t **out)
{
    struct reader r = {.at = text.ptr, .end = text.ptr + text.len, .is_fresh = true};
    json_t *root;
    bool good = true;

    if (text.len == 0)
        return false;
    skip_blanks(&r);
    if (!take(&r, '{'))
        return false;
    root = json_object();
    if (root == NULL)
        return false;
    r.open[0] = root;
    r.depth = 1;
    while (good && r.depth != 0)
        good = step(&r);
    skip_blanks(&r);
    if (!good || r.at != r.end) {
        json_decref(root);
        return false;
    }
    *out = root;
    return true;
}
