/*
 * number.h - numbers, times, sizes and lists as people write them in settings and flags.
 *
 * Digits only: no sign, no blanks, no leading zero (0 itself apart), nothing behind. What does not
 * fit is refused, never wrapped and never cut. Threads: safe, there is no state.
 */
#ifndef RKD_CONFIG_NUMBER_H
#define RKD_CONFIG_NUMBER_H

#include "core/str.h"

/* A decimal number of at most `max`. False otherwise; *out untouched then. */
bool rkd_number_parse(struct rk_str text, uint64_t max, uint64_t *out);

/* "250ms", "5s", "10m", "2h", "7d", of at least 1 ms and at most max_ms. */
bool rkd_time_parse(struct rk_str text, uint64_t max_ms, uint64_t *out_ms);

/* "2027-01-01", which is 00:00 UTC, or RFC 3339 "2027-01-01T12:00:00+01:00" (date.c): seconds since
 * the Unix epoch, fractions dropped. */
bool rkd_date_parse(struct rk_str text, int64_t *out_s);

/* "512", "64k", "1m" in 1,024s, of at least 1 and at most `max` bytes. */
bool rkd_size_parse(struct rk_str text, uint64_t max, uint64_t *out_bytes);

/*
 * Cuts the next entry off *rest, which starts as the whole list and is absent (ptr NULL) behind the
 * last. "a,,b" has three entries and "a," two: what an empty one means is the caller's to say.
 */
bool rkd_list_next(struct rk_str *rest, char separator, struct rk_str *out_entry);

/* Cuts `text` at the first `separator`; without one *out_tail is absent. */
void rkd_str_cut(struct rk_str text, char separator, struct rk_str *out_head,
                 struct rk_str *out_tail);

static inline bool rkd_char_is_in(char c, struct rk_str set)
{
    return memchr(set.ptr, c, set.len) != NULL;
}

/* Visible ASCII, no blanks: what addresses, paths and URLs of settings are made of. */
bool rkd_str_is_visible(struct rk_str text);

#endif
