/*
 * clock.h - what time it is, and how it is written.
 *
 * The only clock reads of the service are here; everything else is handed the time. Texts are for
 * the years 1970-9999; a time outside is written as the nearest end. Threads: safe; a struct
 * rkd_clock belongs to one.
 */
#ifndef RKD_SERVE_CLOCK_H
#define RKD_SERVE_CLOCK_H

#include "core/buf.h"

enum { RKD_DATE_LEN = 29 };

int64_t rkd_clock_wall_ms(void);  /* Unix epoch: Date, iat, log lines */
uint64_t rkd_clock_mono_ns(void); /* deadlines, limits, durations; the clock of libuv's hrtime */

/* One a worker, zero at first. */
struct rkd_clock {
    int64_t second; /* of `text` */
    bool is_filled;
    char text[RKD_DATE_LEN];
};

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 s.5.6.7), written anew once a second. Borrowed until
 * the next call with this clock. */
struct rk_str rkd_clock_date(struct rkd_clock *clock, int64_t now_ms);

/* 2026-01-31T23:59:59.123Z, without quotes. */
void rkd_clock_iso_ms(struct rki_buf *buf, int64_t now_ms);

#endif
