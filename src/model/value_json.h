/*
 * value_json.h - a value of the configuration as jansson has it.
 */
#ifndef RKD_MODEL_VALUE_JSON_H
#define RKD_MODEL_VALUE_JSON_H

#include "model/raw.h"

#include <jansson.h>

/*
 * *out is a new reference. RK_E_INVAL with *error at the culprit, under the name `key`: nested
 * deeper than 16, a name of over 256 bytes, a value of no kind, text that is not UTF-8 or holds
 * U+0000, an infinite number. RK_E_NOMEM. *out untouched then.
 */
RK_NODISCARD enum rk_err rkd_value_to_json(const struct rkd_value *value, const char *key,
                                           json_t **out, struct rkd_raw_error *error);

#endif
