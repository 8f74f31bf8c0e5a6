/*
 * fault.h - every way a credential can be no good. The table in fault.c says what each means for
 * the answer, the log and the limiter.
 */
#ifndef RKD_AUTH_FAULT_H
#define RKD_AUTH_FAULT_H

#include "auth/auth.h"

enum rkd_fault {
    RKD_FAULT_NONE = 0,
    RKD_FAULT_TWO,       /* two credentials, or one twice (D1) */
    RKD_FAULT_NO_CALLER, /* of a kind nobody here accepts */
    RKD_FAULT_EMPTY,     /* Authorization without a value */
    RKD_FAULT_SCHEME,    /* another scheme, no token, two tokens */
    RKD_FAULT_FORM,      /* not three segments, not canonical base64url, not strict JSON */
    RKD_FAULT_HEADER,    /* crit, typ, kid and their kin */
    RKD_FAULT_ALG,       /* not one of this issuer's */
    RKD_FAULT_ISS,       /* an issuer nobody here has: before any signature is looked at */
    RKD_FAULT_KID,       /* no such key */
    RKD_FAULT_KEY,       /* the key is not for this, or is not one key */
    RKD_FAULT_SIG,
    RKD_FAULT_EXP_ABSENT, /* from here on the signature was good: never charged (H19) */
    RKD_FAULT_EXP_TYPE,
    RKD_FAULT_EXP,
    RKD_FAULT_NBF_TYPE,
    RKD_FAULT_NBF,
    RKD_FAULT_IAT_TYPE,
    RKD_FAULT_IAT,
    RKD_FAULT_AUD,
    RKD_FAULT_AUTHORITY, /* ENTRA: iss is not the authority's */
    RKD_FAULT_TID,
    RKD_FAULT_REQUIRE,
    RKD_FAULT_SUB,
    RKD_FAULT_KEY_UNKNOWN, /* API keys */
    RKD_FAULT_KEY_EXPIRED,
    RKD_FAULT_PRINCIPAL_IDP, /* the platform's headers */
    RKD_FAULT_PRINCIPAL_FORM,
    RKD_FAULT_PRINCIPAL_ID,
    RKD_FAULT_NO_KEYS, /* no key set, and nobody may wait for one: 503 */
    RKD_FAULT_MEMORY,  /* 503 */
    RKD_FAULT_WAIT,    /* no refusal: RKD_AUTH_WAIT */
    RKD_FAULT_COUNT
};

/* Fills *out from the table; the verdict to return. out->keyset is the caller's to set for WAIT. */
enum rkd_auth_verdict rkd_fault_tell(enum rkd_fault fault, struct rkd_auth_out *out);

#endif
