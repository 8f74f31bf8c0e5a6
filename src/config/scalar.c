/*
 * scalar.c - what an unquoted YAML scalar is: YAML 1.2's core schema, s.10.3.2.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/tree.h"

#include <stdlib.h>

enum { NUMBER_MAX = 400 }; /* characters; nobody writes longer ones */

static bool is_one_of(struct rk_str text, const char *const words[static 3])
{
    for (size_t i = 0; i < 3; i++)
        if (rki_str_equal(rki_cstr(words[i]), text))
            return true;
    return false;
}

/* The digits of `base` at the front; how many. */
static size_t digits(struct rk_str text, unsigned base)
{
    size_t count = 0;

    for (; count < text.len; count++) {
        const char c = rki_lower(text.ptr[count]);
        const bool is_decimal = c >= '0' && c <= '9' && (unsigned)(c - '0') < base;

        if (!is_decimal && !(base == 16 && c >= 'a' && c <= 'f'))
            break;
    }
    return count;
}

static struct rk_str behind(struct rk_str text, size_t count)
{
    return rki_str(text.ptr + count, text.len - count);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal_number(struct rk_str text)
{
    size_t before, after = 0;

    if (text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = behind(text, 1);
    before = digits(text, 10);
    text = behind(text, before);
    if (text.len != 0 && text.ptr[0] == '.') {
        text = behind(text, 1);
        after = digits(text, 10);
        text = behind(text, after);
    }
    if (before == 0 && after == 0)
        return false;
    if (text.len == 0)
        return true;
    if (rki_lower(text.ptr[0]) != 'e')
        return false;
    text = behind(text, 1);
    if (text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = behind(text, 1);
    return text.len != 0 && digits(text, 10) == text.len;
}

/* 0o14, 0xC */
static bool read_based(struct rk_str text, double *out)
{
    const unsigned base = text.len < 3 || text.ptr[0] != '0' ? 0
                          : text.ptr[1] == 'o'               ? 8
                          : text.ptr[1] == 'x'               ? 16
                                                             : 0;
    double value = 0;

    if (base == 0 || digits(behind(text, 2), base) != text.len - 2)
        return false;
    for (size_t i = 2; i < text.len; i++) {
        const char c = rki_lower(text.ptr[i]);

        value = value * base + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return true;
}

static bool read_number(struct rk_str text, double *out)
{
    char zero_ended[NUMBER_MAX + 1];

    if (read_based(text, out))
        return true;
    if (text.len > NUMBER_MAX || !is_decimal_number(text))
        return false;
    memcpy(zero_ended, text.ptr, text.len);
    zero_ended[text.len] = '\0';
    *out = strtod(zero_ended, NULL); /* its grammar was checked; the locale is C throughout */
    return true;
}

bool rkd_scalar_type(struct rk_str text, struct rkd_value *value)
{
    static const char *const nulls[] = {"null", "Null", "NULL"};
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};

    value->kind = RKD_VALUE_STRING;
    if (text.len == 0 || rki_str_equal(text, RK_STR("~")) || is_one_of(text, nulls))
        return false;
    value->boolean = is_one_of(text, trues);
    if (value->boolean || is_one_of(text, falses))
        value->kind = RKD_VALUE_BOOL;
    else if (read_number(text, &value->number))
        value->kind = RKD_VALUE_NUMBER;
    return true;
}
