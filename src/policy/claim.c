/*
 * claim.c - reads claims: names and pointers at load, values at the decision.
 *
 * A value comes from a verified token or a key's file; nothing here copies or writes one. May
 * touch: its arguments, jansson's readers; the pool when a path is parsed.
 */
#include "policy/claim.h"

/* One name of a pointer, ~0 and ~1 undone; false: another ~. */
static bool unescape(struct rk_str from, char *to, size_t *out_len)
{
    size_t len = 0;

    for (size_t i = 0; i < from.len; i++) {
        char c = from.ptr[i];

        if (c == '~') {
            i++;
            if (i == from.len || (from.ptr[i] != '0' && from.ptr[i] != '1'))
                return false;
            c = from.ptr[i] == '0' ? '~' : '/';
        }
        to[len++] = c;
    }
    to[len] = '\0';
    *out_len = len;
    return true;
}

static size_t count_names(struct rk_str pointer)
{
    size_t count = 0;

    for (size_t i = 0; i < pointer.len; i++)
        count += pointer.ptr[i] == '/';
    return count;
}

/* Every name of `pointer`, one behind the other in one piece of memory. */
static enum rk_err parse_pointer(struct rkd_pool *pool, struct rk_str pointer,
                                 struct rkd_claim_path *out, const char **out_why)
{
    const size_t count = count_names(pointer);
    const char **names;
    char *text;
    size_t at = 1;

    if (count > RKD_PATH_MAX) {
        *out_why = "expected at most 16 names in a JSON Pointer";
        return RK_E_INVAL;
    }
    names = rkd_pool_take(pool, count, sizeof(*names));
    text = rkd_pool_take(pool, pointer.len + 1, 1); /* each "/" gives room for one NUL */
    if (names == NULL || text == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t end = at, len = 0;

        while (end < pointer.len && pointer.ptr[end] != '/')
            end++;
        if (!unescape(rki_str(pointer.ptr + at, end - at), text, &len)) {
            *out_why = "expected ~0 for ~ and ~1 for / in a JSON Pointer";
            return RK_E_INVAL;
        }
        names[i] = text;
        text += len + 1;
        at = end + 1;
    }
    *out = (struct rkd_claim_path){.names = names, .count = count};
    return RK_OK;
}

enum rk_err rkd_claim_path_parse(struct rkd_pool *pool, struct rk_str text,
                                 struct rkd_claim_path *out, const char **out_why)
{
    const char **names;
    struct rk_str name;
    enum rk_err err;

    if (text.len == 0) {
        *out_why = "expected the name of a claim";
        return RK_E_INVAL;
    }
    if (text.ptr[0] == '/')
        return parse_pointer(pool, text, out, out_why);
    names = rkd_pool_take(pool, 1, sizeof(*names));
    if (names == NULL)
        return RK_E_NOMEM;
    err = rkd_pool_dup(pool, text, &name);
    if (err != RK_OK)
        return err;
    names[0] = name.ptr;
    *out = (struct rkd_claim_path){.names = names, .count = 1};
    return RK_OK;
}

bool rkd_claim_path_equal(const struct rkd_claim_path *a, const struct rkd_claim_path *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

/* RFC 6901: digits without a leading zero. */
static bool read_index(const char *name, size_t *out)
{
    size_t index = 0, len = strlen(name);

    if (len == 0 || len > 6 || (len > 1 && name[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        index = index * 10 + (size_t)(name[i] - '0');
    }
    *out = index;
    return true;
}

static const json_t *step(const json_t *value, const char *name)
{
    size_t index;

    if (json_is_array(value))
        return read_index(name, &index) ? json_array_get(value, index) : NULL;
    return json_object_get(value, name);
}

static struct rkd_claim text_claim(struct rk_str text, enum rkd_claim_kind kind)
{
    if (text.len == 0)
        return (struct rkd_claim){.kind = RKD_CLAIM_NONE};
    return (struct rkd_claim){.kind = kind, .text = text};
}

static struct rkd_claim classify(const json_t *value)
{
    if (json_is_string(value))
        return text_claim(rki_str(json_string_value(value), json_string_length(value)),
                          RKD_CLAIM_TEXT);
    if (value == NULL || json_is_null(value) ||
        (json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0))
        return (struct rkd_claim){.kind = RKD_CLAIM_NONE};
    return (struct rkd_claim){.kind = RKD_CLAIM_OTHER, .value = value};
}

/* A string scope or scp, and what a pointer finds in it. */
static struct rkd_claim find_words(const json_t *value, const struct rkd_claim_path *path)
{
    struct rk_str text = rki_str(json_string_value(value), json_string_length(value));
    struct rk_str rest = text;
    struct rkd_claim words = text_claim(text, RKD_CLAIM_WORDS);
    size_t index;

    if (rkd_claim_next_word(&rest).ptr == NULL) /* nothing but spaces */
        words.kind = RKD_CLAIM_NONE;
    if (path->count == 1)
        return words;
    if (path->count > 2 || !read_index(path->names[1], &index))
        return (struct rkd_claim){.kind = RKD_CLAIM_NONE};
    return text_claim(rkd_claim_list_at(&words, index), RKD_CLAIM_TEXT);
}

struct rkd_claim rkd_claim_find(const struct rkd_caller *caller, const struct rkd_claim_path *path)
{
    const char *first = path->names[0];
    const json_t *value;

    if (caller->subject.ptr != NULL && strcmp(first, "sub") == 0)
        return path->count == 1 ? text_claim(caller->subject, RKD_CLAIM_TEXT)
                                : (struct rkd_claim){.kind = RKD_CLAIM_NONE};
    value = json_object_get(caller->claims, first);
    if (json_is_string(value) && (strcmp(first, "scope") == 0 || strcmp(first, "scp") == 0))
        return find_words(value, path);
    for (size_t i = 1; i < path->count && value != NULL; i++)
        value = step(value, path->names[i]);
    return classify(value);
}

struct rk_str rkd_claim_next_word(struct rk_str *rest)
{
    size_t at = 0, end;
    struct rk_str word;

    while (at < rest->len && rest->ptr[at] == ' ')
        at++;
    for (end = at; end < rest->len && rest->ptr[end] != ' ';)
        end++;
    if (at == end)
        return rki_str(NULL, 0);
    word = rki_str(rest->ptr + at, end - at);
    *rest = rki_str(rest->ptr + end, rest->len - end);
    return word;
}

size_t rkd_claim_list_size(const struct rkd_claim *claim)
{
    struct rk_str rest = claim->text;
    size_t count = 0;

    if (claim->kind == RKD_CLAIM_OTHER)
        return json_array_size(claim->value);
    while (claim->kind == RKD_CLAIM_WORDS && rkd_claim_next_word(&rest).ptr != NULL)
        count++;
    return count;
}

struct rk_str rkd_claim_list_at(const struct rkd_claim *claim, size_t index)
{
    struct rk_str rest = claim->text, word = {0};
    const json_t *value;

    if (claim->kind == RKD_CLAIM_WORDS) {
        for (size_t i = 0; i <= index; i++) {
            word = rkd_claim_next_word(&rest);
            if (word.ptr == NULL)
                break;
        }
        return word;
    }
    value = json_array_get(claim->value, index);
    if (claim->kind != RKD_CLAIM_OTHER || json_string_length(value) == 0)
        return rki_str(NULL, 0);
    return rki_str(json_string_value(value), json_string_length(value));
}

bool rkd_claim_has(const struct rkd_claim *claim, struct rk_str s)
{
    struct rk_str rest = claim->text, word;
    const size_t size = claim->kind == RKD_CLAIM_OTHER ? json_array_size(claim->value) : 0;

    if (claim->kind == RKD_CLAIM_TEXT)
        return rki_str_equal(claim->text, s);
    if (claim->kind == RKD_CLAIM_WORDS)
        while ((word = rkd_claim_next_word(&rest)).ptr != NULL)
            if (rki_str_equal(word, s))
                return true;
    for (size_t i = 0; i < size; i++)
        if (rki_str_equal(rkd_claim_list_at(claim, i), s))
            return true;
    return false;
}
