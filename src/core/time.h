/*
 * time.h - a point in time as text. Reads no clock: the caller says when.
 */
#ifndef RKI_TIME_H
#define RKI_TIME_H

#include "core/buf.h"

enum { RKI_ISO_MS_LEN = 24 }; /* bytes rki_buf_iso_ms writes */

/* A date of the proleptic Gregorian calendar and a time of day, UTC. */
struct rki_civil {
    int64_t year;
    unsigned month, day; /* 1-12, 1-31 */
    unsigned weekday;    /* 0: Sunday */
    unsigned hour, minute, second, ms;
};

/* From milliseconds since the Unix epoch, negative ones too. Leap seconds do not exist. */
struct rki_civil rki_civil_from_ms(int64_t ms);

/*
 * "2026-01-01T00:00:00.000Z": ISO 8601, UTC, milliseconds. Years outside 0000-9999 have no such
 * form: the nearest moment that has one is written.
 */
void rki_buf_iso_ms(struct rki_buf *buf, int64_t ms);

#endif
