/*
 * inspect_impl.h - what the files of the inspection share: the table of findings and the report.
 */
#ifndef RKI_INSPECT_IMPL_H
#define RKI_INSPECT_IMPL_H

#include "core/inspect.h"
#include <roomkey/claims.h>

enum finding_id {
    /* refusals */
    FINDING_TOO_LONG,
    FINDING_SEGMENTS,
    FINDING_HEADER_BASE64,
    FINDING_PAYLOAD_BASE64,
    FINDING_SIGNATURE_BASE64,
    FINDING_HEADER_JSON,
    FINDING_PAYLOAD_JSON,
    FINDING_ALG_MISSING,
    FINDING_ALG_UNKNOWN,
    FINDING_ALG_NOT_HS256,
    FINDING_CLAIM_TYPE,
    FINDING_ROOM_CONFIG,
    FINDING_ISS_MISSING,
    FINDING_ISS_UNKNOWN,
    FINDING_SIGNATURE,
    FINDING_EXP_MISSING,
    FINDING_EXPIRED,
    FINDING_NOT_YET,
    FINDING_NO_VIDEO,
    FINDING_NO_ROOM_JOIN,
    FINDING_IDENTITY_MISSING,
    FINDING_IDENTITY_LONG,
    FINDING_ROOM_MISSING,
    FINDING_ROOM_LONG,
    FINDING_METADATA_LONG,
    FINDING_ATTRIBUTES_LONG,
    FINDING_UNREADABLE,
    /* warnings */
    FINDING_GRANT,
    FINDING_DESTINATION_ROOM,
    FINDING_LIFETIME,
    FINDING_LOOKS_REVOKED,
    FINDING_CREDENTIALS,
    FINDING_SHORT_SECRET,
    FINDING_NAME_LONG,
    FINDING_LETTER_CASE,
    FINDING_DUPLICATE,
    FINDING_NOT_CANONICAL,
    FINDING_REPLACED_TEXT,
    FINDING_TIME_TEXT,
    FINDING_SOURCE_UNKNOWN,
    FINDING_ENUM_UNKNOWN,
    /* notes */
    FINDING_UNCHECKED,
    FINDING_NOT_A_JOIN,
    FINDING_IDENTITY_FROM_JTI,
    FINDING_IDENTITY_IGNORED,
    FINDING_KIND,
    FINDING_KIND_UNKNOWN,
    FINDING_VERIFIER,
    FINDING_COUNT,
};

/* Adds a finding; field and detail may be NULL. */
void rki_inspect_add(struct rki_inspection *report, enum finding_id id, const char *field,
                     const char *detail);

/* Whether that was found at that field. */
bool rki_inspect_has(const struct rki_inspection *report, enum finding_id id, const char *field);

/* ---- inspect_read.c: bytes to JSON the way Go reads it ---- */

/*
 * Go's base64.RawURLEncoding: CR and LF are skipped, unused bits of the last character ignored.
 * `out` has room for text.len bytes. False: not base64url. *canonical becomes false when a strict
 * decoder would refuse.
 */
bool rki_inspect_base64(struct rk_str text, char *out, size_t *out_len, bool *canonical);

/*
 * encoding/json: the last duplicate wins, invalid UTF-8 and lone surrogates read as U+FFFD. Adds
 * FINDING_DUPLICATE and FINDING_REPLACED_TEXT. RK_E_MALFORMED: not JSON to Go either;
 * RK_E_TOO_LONG: over our bounds, so nothing can be said; RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rki_inspect_json(struct rki_inspection *report, struct rk_str text,
                                          json_t **out);

/* ---- inspect_types.c: names and types ---- */

enum {
    RKI_INSPECT_PATH = 128, /* as rk_diag.field */
};

/* "video.roomJoin", or "exp" at the top (RK_SECTION_NONE). */
void rki_inspect_path(enum rk_section section, const char *name, char out[RKI_INSPECT_PATH]);

/*
 * The payload's known claims under their own names, whatever case they came in
 * (FINDING_LETTER_CASE), those of null left out: what the server reads. *out is a new object.
 */
RK_NODISCARD enum rk_err rki_inspect_fold(struct rki_inspection *report, json_t **out);

/* FINDING_CLAIM_TYPE and what roomConfig holds. A quoted time becomes its number in `folded`. */
RK_NODISCARD enum rk_err rki_inspect_types(struct rki_inspection *report, json_t *folded);

/* ---- inspect_claims.c: meaning ---- */

/* Checks what rki_inspect_fold gave as the server would, and what is unwise about it. */
RK_NODISCARD enum rk_err rki_inspect_claims(struct rki_inspection *report, json_t *folded,
                                            int64_t now_s);

#endif
