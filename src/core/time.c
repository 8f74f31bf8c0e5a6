/*
 * time.c - civil dates from milliseconds, without gmtime and its static storage.
 *
 * May touch: its arguments. Nothing else, no clock above all.
 */
#include "core/time.h"

enum { MS_PER_DAY = 86400000 };

static const int64_t iso_first_ms = -62167219200000; /* 0000-01-01T00:00:00.000Z */
static const int64_t iso_last_ms = 253402300799999;  /* 9999-12-31T23:59:59.999Z */

/* Floor division: -1 ms is the last of the day before. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/*
 * The era trick: years are counted from March, so that the leap day is the last of its year, and in
 * eras of 400 years = 146,097 days, after which the calendar repeats.
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
 */
static void civil_date(int64_t days, struct rki_civil *out)
{
    int64_t shifted = days + 719468; /* 1970-01-01 counted from 0000-03-01 */
    int64_t era = floor_div(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    out->day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    out->month = (unsigned)month;
    out->year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    out->weekday = (unsigned)((days % 7 + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
}

struct rki_civil rki_civil_from_ms(int64_t ms)
{
    struct rki_civil civil = {.year = 0};
    int64_t days = floor_div(ms, MS_PER_DAY);
    unsigned rest = (unsigned)(ms - days * MS_PER_DAY);

    civil_date(days, &civil);
    civil.hour = rest / 3600000;
    civil.minute = rest / 60000 % 60;
    civil.second = rest / 1000 % 60;
    civil.ms = rest % 1000;
    return civil;
}

/* The last `count` decimal digits of `value`, then `after`. Returns where the next goes. */
static char *put_digits(char *out, unsigned value, size_t count, char after)
{
    for (size_t i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    out[count] = after;
    return out + count + 1;
}

void rki_buf_iso_ms(struct rki_buf *buf, int64_t ms)
{
    int64_t clamped = ms < iso_first_ms ? iso_first_ms : ms > iso_last_ms ? iso_last_ms : ms;
    struct rki_civil civil = rki_civil_from_ms(clamped);
    char text[RKI_ISO_MS_LEN];
    char *at = text;

    at = put_digits(at, (unsigned)civil.year, 4, '-');
    at = put_digits(at, civil.month, 2, '-');
    at = put_digits(at, civil.day, 2, 'T');
    at = put_digits(at, civil.hour, 2, ':');
    at = put_digits(at, civil.minute, 2, ':');
    at = put_digits(at, civil.second, 2, '.');
    (void)put_digits(at, civil.ms, 3, 'Z');
    rki_buf_put(buf, rki_str(text, sizeof(text)));
}
