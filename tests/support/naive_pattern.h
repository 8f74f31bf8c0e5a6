/*
 * naive_pattern.h - semantics D8-D11 said once more, the slow way: every value a pattern can take
 * is written out and compared with the room. What the real matcher, which cuts the room instead, is
 * held against. Shares no code with it. For few placeholders and short lists only.
 */
#ifndef RK_TEST_NAIVE_PATTERN_H
#define RK_TEST_NAIVE_PATTERN_H

#include "core/str.h"

#include <jansson.h>

enum { NAIVE_PIECES = 24, NAIVE_TEXT = 1024 };

struct naive {
    const json_t *claims; /* an object or NULL */
    struct rk_str sub;    /* of the caller; absent: the claim's */
    struct rk_str caller, random, identity, request_identity, request_name, request_room;
};

struct naive_piece {
    bool is_placeholder;
    char text[NAIVE_TEXT]; /* the literal, or what stands between the braces without "/" in front */
    size_t len;
};

struct naive_pattern {
    struct naive_piece pieces[NAIVE_PIECES];
    size_t count;
    bool star;
};

static inline bool naive_parse(struct rk_str text, struct naive_pattern *out)
{
    out->count = 0;
    out->star = text.len != 0 && text.ptr[text.len - 1] == '*';
    if (out->star)
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        struct naive_piece *last = out->count == 0 ? NULL : &out->pieces[out->count - 1];
        const char c = text.ptr[i];
        size_t end = i;

        if (out->count == NAIVE_PIECES || text.len > NAIVE_TEXT)
            return false;
        if (c == '{' && i + 1 < text.len && text.ptr[i + 1] != '{') {
            while (text.ptr[end] != '}')
                end++;
            last = &out->pieces[out->count++];
            last->is_placeholder = true;
            last->len = end - i - 1;
            memcpy(last->text, text.ptr + i + 1, last->len);
            last->text[last->len] = '\0';
            i = end;
            continue;
        }
        if (c == '{' || c == '}')
            i++;
        if (last == NULL || last->is_placeholder) {
            last = &out->pieces[out->count++];
            last->is_placeholder = false;
            last->len = 0;
        }
        last->text[last->len++] = c;
        last->text[last->len] = '\0';
    }
    return true;
}

static inline const json_t *naive_step(const json_t *value, const char *name)
{
    size_t index = 0;

    if (json_is_object(value))
        return json_object_get(value, name);
    if (!json_is_array(value) || name[0] == '\0' || (name[0] == '0' && name[1] != '\0'))
        return NULL;
    for (; *name != '\0'; name++) {
        if (*name < '0' || *name > '9' || index > 10000)
            return NULL;
        index = index * 10 + (size_t)(*name - '0');
    }
    return json_array_get(value, index);
}

/* One reference token of a pointer, unescaped; returns what is behind it. */
static inline const char *naive_token(const char *at, char *out)
{
    while (*at != '\0' && *at != '/') {
        if (at[0] == '~') {
            *out++ = at[1] == '1' ? '/' : '~';
            at += 2;
        } else {
            *out++ = *at++;
        }
    }
    *out = '\0';
    return at;
}

/* A new reference: the list of everything the placeholder can be. */
static inline json_t *naive_values(const char *name, const struct naive *in)
{
    const struct {
        const char *name;
        struct rk_str value;
    } ours[] = {{"caller", in->caller},
                {"random", in->random},
                {"identity", in->identity},
                {"request.identity", in->request_identity},
                {"request.name", in->request_name},
                {"request.room", in->request_room}};
    json_t *values = json_array();
    const json_t *value = in->claims;
    char token[NAIVE_TEXT], first[NAIVE_TEXT] = "";
    const char *at = name;
    size_t depth = 0;

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcmp(name, ours[i].name) == 0) {
            if (ours[i].value.len != 0)
                (void)json_array_append_new(values,
                                            json_stringn(ours[i].value.ptr, ours[i].value.len));
            return values;
        }
    if (name[0] != '/') {
        memcpy(first, name, strlen(name) + 1);
        value = json_object_get(value, name);
        at = "";
        depth = 1;
    }
    while (*at == '/') {
        const bool is_words = depth == 1 && json_is_string(value) &&
                              (strcmp(first, "scope") == 0 || strcmp(first, "scp") == 0);

        at = naive_token(at + 1, token);
        if (depth++ == 0)
            memcpy(first, token, strlen(token) + 1);
        if (is_words)
            return values; /* a word by its number: not modelled, callers leave it out */
        value = naive_step(value, token);
    }
    if (strcmp(first, "sub") == 0 && in->sub.ptr != NULL) {
        if (depth == 1 && in->sub.len != 0)
            (void)json_array_append_new(values, json_stringn(in->sub.ptr, in->sub.len));
        return values;
    }
    if (json_is_string(value) && depth == 1 &&
        (strcmp(first, "scope") == 0 || strcmp(first, "scp") == 0)) {
        const char *word = json_string_value(value);

        while (*word != '\0') {
            size_t len = strcspn(word, " ");

            if (len != 0)
                (void)json_array_append_new(values, json_stringn(word, len));
            word += len + (word[len] == ' ');
        }
        return values;
    }
    if (json_is_string(value) && json_string_length(value) != 0)
        (void)json_array_append_new(values, json_copy((json_t *)(uintptr_t)value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *member = json_array_get(value, i);

        if (json_is_string(member) && json_string_length(member) != 0)
            (void)json_array_append(values, member);
    }
    return values;
}

/* "{org}" and "{/org}" are the same; ours are not claims. */
static inline bool naive_same(const char *a, const char *b)
{
    return strcmp(a, b) == 0 ||
           (a[0] == '/' && strchr(a + 1, '/') == NULL && strchr(a, '~') == NULL &&
            strcmp(a + 1, b) == 0) ||
           (b[0] == '/' && strchr(b + 1, '/') == NULL && strchr(b, '~') == NULL &&
            strcmp(b + 1, a) == 0);
}

static inline bool naive_is_ours(const char *name)
{
    return strcmp(name, "caller") == 0 || strcmp(name, "random") == 0 ||
           strcmp(name, "identity") == 0 || strncmp(name, "request.", 8) == 0;
}

/* D10 by its words. */
static inline bool naive_renders(const char *value, const struct naive_piece *next)
{
    char l[NAIVE_TEXT], joined[2 * NAIVE_TEXT];
    size_t len = 0;

    if (next == NULL)
        return true;
    while (next->text[len] != '\0' && !((next->text[len] >= '0' && next->text[len] <= '9') ||
                                        (next->text[len] >= 'a' && next->text[len] <= 'z') ||
                                        (next->text[len] >= 'A' && next->text[len] <= 'Z')))
        len++;
    if (len == 0)
        len = next->len;
    memcpy(l, next->text, len);
    l[len] = '\0';
    if (strlen(value) >= NAIVE_TEXT)
        return false;
    memcpy(joined, value, strlen(value));
    memcpy(joined + strlen(value), l, len + 1);
    return strstr(joined, l) == joined + strlen(value);
}

/* Tries every combination from piece `at` on; `chosen` has the value of each placeholder. */
static inline bool naive_try(const struct naive_pattern *pattern, const struct naive *in,
                             struct rk_str room, size_t at, const char **chosen)
{
    const struct naive_piece *piece = &pattern->pieces[at];
    bool found = false;
    json_t *values;

    if (at == pattern->count)
        return pattern->star ? room.len != 0 : room.len == 0;
    if (!piece->is_placeholder) {
        if (!rki_str_starts_with(room, rki_str(piece->text, piece->len)))
            return false;
        return naive_try(pattern, in, rki_str(room.ptr + piece->len, room.len - piece->len), at + 1,
                         chosen);
    }
    values = naive_values(piece->text, in);
    for (size_t i = 0; i < json_array_size(values) && !found; i++) {
        const char *value = json_string_value(json_array_get(values, i));
        const struct naive_piece *next = at + 1 < pattern->count ? piece + 1 : NULL;
        bool same = true;

        for (size_t j = 0; j < at; j++)
            if (chosen[j] != NULL && strcmp(chosen[j], value) != 0 &&
                naive_same(pattern->pieces[j].text, piece->text) &&
                !naive_is_ours(pattern->pieces[j].text) && !naive_is_ours(piece->text))
                same = false;
        if (!same || !rki_str_starts_with(room, rki_cstr(value)) || !naive_renders(value, next))
            continue;
        chosen[at] = value;
        found = naive_try(pattern, in, rki_str(room.ptr + strlen(value), room.len - strlen(value)),
                          at + 1, chosen);
        chosen[at] = NULL;
    }
    json_decref(values);
    return found;
}

static inline bool naive_matches(struct rk_str text, const struct naive *in, struct rk_str room)
{
    struct naive_pattern pattern;
    const char *chosen[NAIVE_PIECES] = {NULL};

    return naive_parse(text, &pattern) && naive_try(&pattern, in, room, 0, chosen);
}

#endif
