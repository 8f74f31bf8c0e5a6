/*
 * claims_text.h - an input of lines: the first is a template or pattern, the second a room, the
 * rest are claims `name=value`. A name that comes again makes its claim a list. At most eight of
 * them, so that the naive matcher stays quick.
 */
#ifndef RK_FUZZ_CLAIMS_TEXT_H
#define RK_FUZZ_CLAIMS_TEXT_H

#include <jansson.h>

#include "core/utf8.h"
#include "fuzz.h"

enum { CLAIM_LINES_MAX = 8 };

static inline struct rk_str next_line(struct rk_str *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    struct rk_str line = rki_str(rest->ptr, len);

    *rest = rki_str(rest->ptr + len, rest->len - len);
    if (end != NULL)
        *rest = rki_str(rest->ptr + 1, rest->len - 1);
    return line;
}

static inline void add_claim(json_t *claims, struct rk_str line)
{
    const char *equals = line.len == 0 ? NULL : memchr(line.ptr, '=', line.len);
    char name[64];
    size_t len;
    json_t *value, *before;

    if (equals == NULL || (size_t)(equals - line.ptr) >= sizeof(name))
        return;
    len = (size_t)(equals - line.ptr);
    memcpy(name, line.ptr, len);
    name[len] = '\0';
    value = json_stringn(equals + 1, line.len - len - 1);
    if (value == NULL || memchr(line.ptr, '\0', line.len) != NULL ||
        !rki_utf8_is_valid(rki_str(name, len))) {
        json_decref(value);
        return;
    }
    before = json_object_get(claims, name);
    if (json_is_array(before)) {
        (void)json_array_append_new(before, value);
    } else if (before != NULL) {
        json_t *list = json_array();

        (void)json_array_append(list, before);
        (void)json_array_append_new(list, value);
        (void)json_object_set_new(claims, name, list);
    } else {
        (void)json_object_set_new(claims, name, value);
    }
}

static inline json_t *read_claims(struct rk_str rest)
{
    json_t *claims = json_object();

    for (size_t i = 0; i < CLAIM_LINES_MAX && rest.len != 0; i++)
        add_claim(claims, next_line(&rest));
    return claims;
}

#endif
