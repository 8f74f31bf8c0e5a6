/*
 * fault.c - what each fault means outside: error, slug for the log, charged or not, and the code
 * and text of the original's 401 bodies (vectors/contract.json, stage 004).
 */
#include "auth/fault.h"

#define MALFORMED "invalid_token", "Token is malformed and cannot be decoded"
#define SIGNATURE "invalid_token", "Token signature is invalid"
#define SCHEME "invalid_token", "Authorization header must be in format: Bearer <token>"
#define ISSUER "invalid_issuer", "Token issuer does not match expected authority"
#define AUDIENCE "invalid_audience", "Token audience does not match expected client ID"

/* clang-format off */
static const struct {
    enum rkd_err err;
    bool is_charged;
    const char *reason, *code, *message;
} rows[RKD_FAULT_COUNT] = {
    /* a fault that is none is still no permission */
    [RKD_FAULT_NONE] = {RKD_E_INVALID_TOKEN, true, "none", SIGNATURE},
    [RKD_FAULT_TWO] = {RKD_E_INVALID_REQUEST, true, "credential.two", NULL, NULL},
    [RKD_FAULT_NO_CALLER] = {RKD_E_INVALID_TOKEN, true, "credential.kind", SCHEME},
    [RKD_FAULT_EMPTY] = {RKD_E_INVALID_TOKEN, true, "authorization.empty", "missing_token",
                         "Authorization header is missing"},
    [RKD_FAULT_SCHEME] = {RKD_E_INVALID_TOKEN, true, "authorization.scheme", SCHEME},
    [RKD_FAULT_FORM] = {RKD_E_INVALID_TOKEN, true, "jwt.form", MALFORMED},
    [RKD_FAULT_HEADER] = {RKD_E_INVALID_TOKEN, true, "jwt.header", MALFORMED},
    [RKD_FAULT_ALG] = {RKD_E_INVALID_TOKEN, true, "jwt.alg", SIGNATURE},
    [RKD_FAULT_ISS] = {RKD_E_INVALID_TOKEN, true, "jwt.iss", ISSUER},
    [RKD_FAULT_KID] = {RKD_E_INVALID_TOKEN, true, "jwt.kid", SIGNATURE},
    [RKD_FAULT_KEY] = {RKD_E_INVALID_TOKEN, true, "jwt.key", SIGNATURE},
    [RKD_FAULT_SIG] = {RKD_E_INVALID_TOKEN, true, "jwt.sig", SIGNATURE},
    [RKD_FAULT_EXP_ABSENT] = {RKD_E_INVALID_TOKEN, false, "jwt.exp-absent", "invalid_token",
                              "Token is missing required claim: exp"},
    [RKD_FAULT_EXP_TYPE] = {RKD_E_INVALID_TOKEN, false, "jwt.exp-type", "invalid_token",
                            "Token claim has the wrong type: exp"},
    [RKD_FAULT_EXP] = {RKD_E_INVALID_TOKEN, false, "jwt.exp", "expired_token",
                       "Token has expired"},
    [RKD_FAULT_NBF_TYPE] = {RKD_E_INVALID_TOKEN, false, "jwt.nbf-type", "invalid_token",
                            "Token claim has the wrong type: nbf"},
    [RKD_FAULT_NBF] = {RKD_E_INVALID_TOKEN, false, "jwt.nbf", "invalid_token",
                       "Token is not valid yet"},
    [RKD_FAULT_IAT_TYPE] = {RKD_E_INVALID_TOKEN, false, "jwt.iat-type", "invalid_token",
                            "Token claim has the wrong type: iat"},
    [RKD_FAULT_IAT] = {RKD_E_INVALID_TOKEN, false, "jwt.iat", "invalid_token",
                       "Token is not valid yet"},
    [RKD_FAULT_AUD] = {RKD_E_INVALID_TOKEN, false, "jwt.aud", AUDIENCE},
    [RKD_FAULT_AUTHORITY] = {RKD_E_INVALID_TOKEN, false, "jwt.iss", ISSUER},
    [RKD_FAULT_TID] = {RKD_E_INVALID_TOKEN, false, "jwt.tid", "invalid_issuer",
                       "Token tenant does not match the expected tenant"},
    [RKD_FAULT_REQUIRE] = {RKD_E_INVALID_TOKEN, false, "jwt.require", AUDIENCE},
    [RKD_FAULT_SUB] = {RKD_E_INVALID_TOKEN, false, "jwt.sub", "invalid_token",
                       "Token is missing required claim: oid or sub"},
    [RKD_FAULT_KEY_UNKNOWN] = {RKD_E_INVALID_TOKEN, true, "key.unknown", SCHEME},
    [RKD_FAULT_KEY_EXPIRED] = {RKD_E_INVALID_TOKEN, false, "key.expired", SCHEME},
    [RKD_FAULT_PRINCIPAL_IDP] = {RKD_E_INVALID_TOKEN, true, "easy-auth.idp", SCHEME},
    [RKD_FAULT_PRINCIPAL_FORM] = {RKD_E_INVALID_TOKEN, true, "easy-auth.form", SCHEME},
    [RKD_FAULT_PRINCIPAL_ID] = {RKD_E_INVALID_TOKEN, true, "easy-auth.id", SCHEME},
    [RKD_FAULT_NO_KEYS] = {RKD_E_UNAVAILABLE, false, "jwks.none", NULL, NULL},
    [RKD_FAULT_MEMORY] = {RKD_E_UNAVAILABLE, false, "memory", NULL, NULL},
    [RKD_FAULT_WAIT] = {RKD_E_UNAVAILABLE, false, "jwks.wait", NULL, NULL},
};
/* clang-format on */

enum rkd_auth_verdict rkd_fault_tell(enum rkd_fault fault, struct rkd_auth_out *out)
{
    const size_t keyset = out->keyset;

    if (fault >= RKD_FAULT_COUNT)
        fault = RKD_FAULT_NONE;
    *out = (struct rkd_auth_out){
        .err = rows[fault].err,
        .reason = rows[fault].reason,
        .is_charged = rows[fault].is_charged,
        .keyset = keyset,
        .entra_code = rows[fault].code,
        .entra_message = rows[fault].message,
    };
    return fault == RKD_FAULT_WAIT ? RKD_AUTH_WAIT : RKD_AUTH_REFUSED;
}
