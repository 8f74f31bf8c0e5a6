/*
 * clock.c - reads the two clocks and writes dates.
 *
 * May touch: its arguments, the system's clocks. Nothing else.
 */
#include "serve/clock.h"

#include "core/time.h"

#include <time.h>

static const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */

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

static char *put_time(char *to, const struct rki_civil *at)
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
    const struct rki_civil at = rki_civil_from_ms(second * 1000);
    char *to = clock->text;

    memcpy(to, weekdays[at.weekday], 4);
    to[4] = ' ';
    to = put_2(to + 5, at.day);
    *to++ = ' ';
    memcpy(to, months[at.month - 1], 3);
    to[3] = ' ';
    to = put_2(to + 4, (unsigned)at.year / 100);
    to = put_2(to, (unsigned)at.year % 100);
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
    rki_buf_iso_ms(buf, clamp(now_ms, last_second * 1000 + 999));
}
