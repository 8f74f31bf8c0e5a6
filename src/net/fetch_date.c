/*
 * fetch_date.c - the Date of an answer as seconds.
 *
 * May touch: its arguments.
 */
#include "net/fetch_part.h"

enum { DATE_LEN = 29, YEAR_MIN = 1970 };

/* The digits at `at`; -1 when one is none. */
static int64_t number_at(struct rk_str text, size_t at, size_t count)
{
    int64_t value = 0;

    for (size_t i = at; i < at + count; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

/* 0 to 11; -1: no month. */
static int64_t month_at(struct rk_str text, size_t at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int64_t i = 0; i < 12; i++)
        if (memcmp(text.ptr + at, months + i * 3, 3) == 0)
            return i;
    return -1;
}

/* Counted from March, so that the leap day is the last of its year. */
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = year - (month < 2), from_march = (month + 10) % 12;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

int64_t rkd_fetch_date(struct rk_str text)
{
    static const char form[] = "xxx, xx xxx xxxx xx:xx:xx GMT";
    int64_t year, month, day, hour, minute, second;

    if (text.len != DATE_LEN)
        return -1;
    for (size_t i = 0; i < DATE_LEN; i++)
        if (form[i] != 'x' && text.ptr[i] != form[i])
            return -1;
    day = number_at(text, 5, 2);
    month = month_at(text, 8);
    year = number_at(text, 12, 4);
    hour = number_at(text, 17, 2);
    minute = number_at(text, 20, 2);
    second = number_at(text, 23, 2);
    if (day < 1 || day > 31 || month < 0 || year < YEAR_MIN || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
