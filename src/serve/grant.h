/*
 * grant.h - the grants of a decision as claims: for the service's tokens and `roomkey token`.
 */
#ifndef RKD_SERVE_GRANT_H
#define RKD_SERVE_GRANT_H

#include "model/ask.h"

/* Grants (false ones too), sources and kind. RK_E_NOMEM; what the library refuses would be a defect
 * of ours. */
RK_NODISCARD enum rk_err rkd_decision_set_grants(const struct rkd_decision *decision,
                                                 struct rk_claims *claims);

#endif
