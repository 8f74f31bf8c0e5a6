/*
 * clock.c - reads the two clocks and writes dates.
 *
 * May touch: its arguments, the system's clocks. Nothing else.
 *
 * The calendar is computed here: two divisions more than a table look-up, no locale and no lock of
 * the C library. Source of the method: days counted from 1 March of year 0, when the leap day is
 * the last of the year.
 */
#include "serve/clock.h"

#include <time.h>

enum { ISO_MS_LEN = 24 };

static const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */

struct civil {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
    unsigned weekday; /* 0: Sunday */
};

int64_t rkd_clock_wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock and pointer */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t rkd_clock_mono_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* `second` is within 1970-9999. */
static struct civil civil_from_second(int64_t second)
{
    const unsigned days = (unsigned)(second / 86400), in_day = (unsigned)(second % 86400);
    const unsigned since_march = days + 719468; /* days from 0000-03-01 */
    const unsigned era = since_march / 146097, in_era = since_march % 146097; /* 400 years each */
    const unsigned year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const unsigned in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned march_month = (5 * in_year + 2) / 153; /* 0: March */
    const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;

    return (struct civil){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = in_year - (153 * march_month + 2) / 5 + 1,
        .hour = in_day / 3600,
        .minute = in_day / 60 % 60,
        .second = in_day % 60,
        .weekday = (days + 4) % 7, /* 1 January 1970 was a Thursday */
    };
}

static int64_t clamp(int64_t value, int64_t max)
{
    if (value < 0)
        return 0;
    return value > max ? max : value;
}

static char *put_2(char *to, unsigned value)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
    return to + 2;
}

static char *put_time(char *to, const struct civil *at)
{
    to = put_2(to, at->hour);
    *to++ = ':';
    to = put_2(to, at->minute);
    *to++ = ':';
    return put_2(to, at->second);
}

static void write_date(struct rkd_clock *clock, int64_t second)
{
    static const char weekdays[7][5] = {"Sun,", "Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char zone[4] = {' ', 'G', 'M', 'T'};
    const struct civil at = civil_from_second(second);
    char *to = clock->text;

    memcpy(to, weekdays[at.weekday], 4);
    to[4] = ' ';
    to = put_2(to + 5, at.day);
    *to++ = ' ';
    memcpy(to, months[at.month - 1], 3);
    to[3] = ' ';
    to = put_2(to + 4, at.year / 100);
    to = put_2(to, at.year % 100);
    *to++ = ' ';
    to = put_time(to, &at);
    memcpy(to, zone, sizeof(zone));
    clock->second = second;
    clock->is_filled = true;
}

struct rk_str rkd_clock_date(struct rkd_clock *clock, int64_t now_ms)
{
    const int64_t second = clamp(now_ms < 0 ? 0 : now_ms / 1000, last_second);

    if (!clock->is_filled || clock->second != second)
        write_date(clock, second);
    return rki_str(clock->text, sizeof(clock->text));
}

void rkd_clock_iso_ms(struct rki_buf *buf, int64_t now_ms)
{
    const int64_t ms = clamp(now_ms, last_second * 1000 + 999);
    const struct civil at = civil_from_second(ms / 1000);
    char text[ISO_MS_LEN], *to = text;

    to = put_2(to, at.year / 100);
    to = put_2(to, at.year % 100);
    *to++ = '-';
    to = put_2(to, at.month);
    *to++ = '-';
    to = put_2(to, at.day);
    *to++ = 'T';
    to = put_time(to, &at);
    *to++ = '.';
    *to++ = (char)('0' + ms % 1000 / 100);
    to = put_2(to, (unsigned)(ms % 100));
    *to = 'Z';
    rki_buf_put(buf, rki_str(text, sizeof(text)));
}
