/*
 * value_json.h - a configured value as jansson has it. Not for other rooms.
 */
#ifndef RKD_POLICY_VALUE_JSON_H
#define RKD_POLICY_VALUE_JSON_H

#include "model/raw.h"

#include <jansson.h>

/* A new reference. RK_E_TOO_LONG: nested deeper than 16, or a name over 255 bytes; RK_E_INVAL: a
 * value of no kind; RK_E_NOMEM. *out untouched then. */
RK_NODISCARD enum rk_err rkd_value_to_json(const struct rkd_value *value, json_t **out);

#endif
