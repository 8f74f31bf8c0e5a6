/*
 * match.h - room patterns: does a room fit, and which room is meant when none is named (semantics
 * D9-D11, D22). Not for other rooms.
 */
#ifndef RKD_POLICY_MATCH_H
#define RKD_POLICY_MATCH_H

#include "policy/template.h"

/*
 * Does `room` fit the pattern, with the claims and the request of `view`? A list claim offers each
 * of its members; one claim used twice is the same member.
 *
 * By D10 a value ends where the literal behind it occurs first, so there is one way to cut `room`
 * and nothing to try again: the time is that of reading room and claims once.
 */
bool rkd_pattern_matches(const struct rkd_template *pattern, const struct rkd_view *view,
                         struct rk_str room);

enum rkd_single {
    RKD_SINGLE_NONE = 0, /* renders to no valid room */
    RKD_SINGLE_ONE,
    RKD_SINGLE_SEVERAL, /* more than one, or too many alternatives to tell */
};

/* The only valid room of a pattern without `*`, appended to `out` (RKI_NAME_MAX bytes, empty). */
enum rkd_single rkd_pattern_single(const struct rkd_template *pattern, const struct rkd_view *view,
                                   struct rki_buf *out);

/* Whether what is literal in both shows that no rendered `from` can fit `pattern` (D22). */
bool rkd_pattern_never_fits(const struct rkd_template *pattern, const struct rkd_template *from);

/* D10: two placeholders for the same, after the same beginning, followed by something different.
 * The patterns may be one and the same. */
bool rkd_patterns_clash(const struct rkd_template *a, const struct rkd_template *b);

#endif
