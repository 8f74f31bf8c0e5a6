/*
 * refusal.h - the two shapes a refusal can have; each contract names one.
 */
#ifndef RKD_API_REFUSAL_H
#define RKD_API_REFUSAL_H

#include "api/api.h"

/* RFC 9457 problem details, with code, field and request_id. */
void rkd_write_problem(struct rki_buf *body, const struct rkd_error_view *view);
unsigned rkd_status_problem(enum rkd_err err);

/* The original's: stage 002, and for 401 stage 004 (reference livekit-tokens.md s.6.3, 6.6, 6.8).
 */
void rkd_write_original_error(struct rki_buf *body, const struct rkd_error_view *view);
unsigned rkd_status_original(enum rkd_err err);

/* clang-format off */
#define RKD_PROBLEM_SHAPE \
    .write_error = rkd_write_problem, \
    .error_type = RK_STR_INIT("application/problem+json"), \
    .status = rkd_status_problem
/* clang-format on */

#endif
