/*
 * claims.h - what the other rooms and the verifier may do with claims beyond the public header.
 */
#ifndef RKI_CLAIMS_H
#define RKI_CLAIMS_H

#include "core/buf.h"
#include <jansson.h>
#include <roomkey/claims.h>

/*
 * roomConfig text that rki_room_config_write made (defaults omitted, credentials refused): taken as
 * it is. "{}" and an empty text mean absent. Errors: RK_E_TOO_LONG, RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rki_claims_set_room_config_raw(struct rk_claims *claims,
                                                        struct rk_str json);

/* rk_claims_load_json for a payload that is parsed already, by rki_json_parse with
 * RKI_JSON_ALLOW_NUL. */
RK_NODISCARD enum rk_err rki_claims_load(struct rk_claims *claims, json_t *payload,
                                         struct rk_diag *out_diag);

#endif
