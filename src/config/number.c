/*
 * number.c - numbers, times, sizes and lists as people write them.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/number.h"

struct unit {
    struct rk_str suffix;
    uint64_t factor;
};

bool rkd_number_parse(struct rk_str text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const uint64_t digit = (uint64_t)(c - '0');

        if (c < '0' || c > '9' || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* A number and one of the units; 0 is refused. The longest suffix stands first in the table. */
static bool parse_unit(struct rk_str text, const struct unit *units, size_t count, uint64_t max,
                       uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct unit *unit = &units[i];
        uint64_t value = 0;

        if (!rki_str_ends_with(text, unit->suffix))
            continue;
        text.len -= unit->suffix.len;
        if (!rkd_number_parse(text, max / unit->factor, &value) || value == 0)
            return false;
        *out = value * unit->factor;
        return true;
    }
    return false;
}

bool rkd_time_parse(struct rk_str text, uint64_t max_ms, uint64_t *out_ms)
{
    static const struct unit units[] = {
        {RK_STR_INIT("ms"), 1},      {RK_STR_INIT("s"), 1000},     {RK_STR_INIT("m"), 60000},
        {RK_STR_INIT("h"), 3600000}, {RK_STR_INIT("d"), 86400000},
    };

    return parse_unit(text, units, ARRAY_LEN(units), max_ms, out_ms);
}

bool rkd_size_parse(struct rk_str text, uint64_t max, uint64_t *out_bytes)
{
    static const struct unit units[] = {
        {RK_STR_INIT("k"), 1024},
        {RK_STR_INIT("m"), UINT64_C(1024) * 1024},
        {RK_STR_INIT(""), 1},
    };

    return parse_unit(text, units, ARRAY_LEN(units), max, out_bytes);
}

void rkd_str_cut(struct rk_str text, char separator, struct rk_str *out_head,
                 struct rk_str *out_tail)
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, separator, text.len);

    if (at == NULL) {
        *out_head = text;
        *out_tail = rki_str(NULL, 0);
        return;
    }
    *out_head = rki_str(text.ptr, (size_t)(at - text.ptr));
    *out_tail = rki_str(at + 1, text.len - out_head->len - 1);
}

bool rkd_list_next(struct rk_str *rest, char separator, struct rk_str *out_entry)
{
    if (rest->ptr == NULL)
        return false;
    rkd_str_cut(*rest, separator, out_entry, rest);
    return true;
}

bool rkd_str_is_visible(struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return true;
}
