/*
 * date.c - dates and times of configuration files.
 *
 * May touch: its arguments. Nothing else. Source: RFC 3339.
 */
#include "config/number.h"

/* `count` digits at the front of *text, cut off. */
static bool take_digits(struct rk_str *text, size_t count, unsigned *out)
{
    unsigned value = 0;

    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text->ptr[i] - '0');
    }
    *text = rki_str(text->ptr + count, text->len - count);
    *out = value;
    return true;
}

static bool take_char(struct rk_str *text, char c)
{
    if (text->len == 0 || rki_lower(text->ptr[0]) != rki_lower(c))
        return false;
    *text = rki_str(text->ptr + 1, text->len - 1);
    return true;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01; the year begins in March, so that the leap day is its last. */
static int64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    const int64_t y = (int64_t)year - (month <= 2);
    const int64_t era_year = y % 400, era = y / 400;
    const int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

    return era * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
}

/* "Z", "+01:00", "-05:30". Cut off; *out is what UTC is behind. */
static bool take_offset(struct rk_str *text, int64_t *out_s)
{
    const bool is_plus = take_char(text, '+'), is_minus = !is_plus && take_char(text, '-');
    unsigned hour, minute;

    *out_s = 0;
    if (!is_plus && !is_minus)
        return take_char(text, 'Z');
    if (!take_digits(text, 2, &hour) || !take_char(text, ':') || !take_digits(text, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *out_s = (is_plus ? 1 : -1) * (int64_t)(hour * 3600 + minute * 60);
    return true;
}

static bool take_time(struct rk_str *text, int64_t *out_s)
{
    unsigned hour, minute, second, digit;
    int64_t offset_s;

    if (!take_digits(text, 2, &hour) || !take_char(text, ':') || !take_digits(text, 2, &minute) ||
        !take_char(text, ':') || !take_digits(text, 2, &second) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    if (take_char(text, '.')) { /* a fraction is dropped: earlier is the safe side */
        if (!take_digits(text, 1, &digit))
            return false;
        while (take_digits(text, 1, &digit))
            ;
    }
    if (!take_offset(text, &offset_s))
        return false;
    *out_s = (int64_t)hour * 3600 + (int64_t)minute * 60 + second - offset_s;
    return true;
}

bool rkd_date_parse(struct rk_str text, int64_t *out_s)
{
    unsigned year, month, day;
    int64_t seconds = 0;

    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &month) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &day) || month < 1 || month > 12 ||
        day < 1 || day > days_of_month(year, month))
        return false;
    if (text.len != 0 && (!take_char(&text, 'T') || !take_time(&text, &seconds)))
        return false;
    if (text.len != 0)
        return false;
    *out_s = days_since_epoch(year, month, day) * 86400 + seconds;
    return true;
}
