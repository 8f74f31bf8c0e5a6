/*
 * str.h - small helpers over borrowed strings, shared by all rooms.
 */
#ifndef RKI_STR_H
#define RKI_STR_H

#include <roomkey/base.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline struct rk_str rki_str(const char *ptr, size_t len)
{
    return (struct rk_str){.ptr = ptr, .len = len};
}

/* From a NUL-terminated string; NULL gives an absent string. */
static inline struct rk_str rki_cstr(const char *text)
{
    return (struct rk_str){.ptr = text, .len = text == NULL ? 0 : strlen(text)};
}

/* Not for secrets: see rk_ct_equal. */
static inline bool rki_str_equal(struct rk_str a, struct rk_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline char rki_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* ASCII case is folded, nothing else. */
static inline bool rki_str_equal_nocase(struct rk_str a, struct rk_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (rki_lower(a.ptr[i]) != rki_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool rki_str_starts_with(struct rk_str s, struct rk_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The prefix in any case of its ASCII letters. */
static inline bool rki_str_starts_with_nocase(struct rk_str s, struct rk_str prefix)
{
    return s.len >= prefix.len && rki_str_equal_nocase(rki_str(s.ptr, prefix.len), prefix);
}

/* Without the blanks, tabs and line ends around it. */
static inline struct rk_str rki_str_trim(struct rk_str s)
{
    static const char blanks[] = {' ', '\t', '\r', '\n'};

    while (s.len != 0 && memchr(blanks, s.ptr[0], sizeof(blanks)) != NULL)
        s = rki_str(s.ptr + 1, s.len - 1);
    while (s.len != 0 && memchr(blanks, s.ptr[s.len - 1], sizeof(blanks)) != NULL)
        s.len--;
    return s;
}

static inline bool rki_str_ends_with(struct rk_str s, struct rk_str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0);
}

#endif
