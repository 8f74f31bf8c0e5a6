/*
 * inspect_impl.h - what the files of the inspection share: the table of findings and the report.
 */
#ifndef RKI_INSPECT_IMPL_H
#define RKI_INSPECT_IMPL_H

#include "core/inspect.h"
#include "core/json_scan.h"
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
 * FINDING_DUPLICATE and FINDING_REPLACED_TEXT, unless `report` is NULL. `huge`: numbers over a
 * double's range are no fault, since nobody converts them. RK_E_MALFORMED: not JSON to Go either;
 * RK_E_TOO_LONG: over our bounds, so nothing can be said; RK_E_NOMEM.
 */
RK_NODISCARD enum rk_err rki_inspect_json(struct rki_inspection *report, struct rk_str text,
                                          bool huge, json_t **out);

/* The members of an object in the order they stand, duplicates and all. Start with {.text = TEXT}
 * where TEXT is known to be an object. Both outputs are JSON text. */
bool rki_inspect_member(struct rki_json_scan *scan, struct rk_str *out_name,
                        struct rk_str *out_value);

/* ---- inspect_types.c: names and types ---- */

enum {
    RKI_INSPECT_PATH = 128, /* as rk_diag.field */
};

/* "video.roomJoin", or "exp" at the top (RK_SECTION_NONE). */
void rki_inspect_path(enum rk_section section, const char *name, char out[RKI_INSPECT_PATH]);

/*
 * The known claims of the payload `text` under their own names, whatever case they came in, those
 * of null left out, the last of several, sections merged: what the server reads. Adds what is wrong
 * with names and types. *out is a new object; quoted times are numbers in it.
 */
RK_NODISCARD enum rk_err rki_inspect_fold(struct rki_inspection *report, struct rk_str text,
                                          json_t **out);

/* ---- inspect_claims.c: meaning ---- */

/* Checks what rki_inspect_fold gave as the server would, and what is unwise about it. */
void rki_inspect_claims(struct rki_inspection *report, const json_t *folded, int64_t now_s);

#endif
