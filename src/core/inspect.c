/*
 * inspect.c - says everything about a token that can be said offline, without stopping at the first
 * fault: the table of findings, the envelope, the signature.
 *
 * May touch: its arguments, malloc, libcrypto's HMAC through mac.h. May not touch: the clock,
 * files, the log.
 */
#include "core/inspect_impl.h"

#include <stdlib.h>

#include "core/diag.h"
#include "core/json.h"
#include "core/mac.h"
#include <roomkey/token.h>
#include <roomkey/verify.h>

/* clang-format off */
#define REFUSAL(id, status, slug, text) [FINDING_##id] = {RKI_SEVERITY_REFUSAL, status, slug, text}
#define WARNING(id, slug, text)         [FINDING_##id] = {RKI_SEVERITY_WARNING, 0, slug, text}
#define NOTE(id, slug, text)            [FINDING_##id] = {RKI_SEVERITY_NOTE, 0, slug, text}

static const struct {
    enum rki_severity severity;
    unsigned status;
    const char *code, *text;
} kinds[FINDING_COUNT] = {
    REFUSAL(TOO_LONG, 431, "too_long", "the token is longer than a request's head may be"),
    REFUSAL(SEGMENTS, 401, "segments", "a token has exactly three segments, separated by dots"),
    REFUSAL(HEADER_BASE64, 401, "header_base64", "the header is not base64url"),
    REFUSAL(PAYLOAD_BASE64, 401, "payload_base64", "the payload is not base64url"),
    REFUSAL(SIGNATURE_BASE64, 401, "signature_base64", "the signature is not base64url"),
    REFUSAL(HEADER_JSON, 401, "header_json", "the header is not a JSON object"),
    REFUSAL(PAYLOAD_JSON, 401, "payload_json", "the payload is not a JSON object"),
    REFUSAL(ALG_MISSING, 401, "alg_missing", "the header names no algorithm"),
    REFUSAL(ALG_UNKNOWN, 401, "alg_unknown", "no algorithm of this name exists; names are exact"),
    REFUSAL(ALG_NOT_HS256, 401, "alg_not_hs256", "LiveKit accepts HS256 only"),
    REFUSAL(CLAIM_TYPE, 401, "claim_type", "the claim has the wrong type, which spoils the whole token"),
    REFUSAL(ROOM_CONFIG, 401, "room_config", "the room configuration cannot be read, which spoils the whole token"),
    REFUSAL(ISS_MISSING, 401, "iss_missing", "no API key is named"),
    REFUSAL(ISS_UNKNOWN, 401, "iss_unknown", "the API key is none of those given"),
    REFUSAL(SIGNATURE, 401, "signature", "the signature does not match: another secret, or the token was changed"),
    REFUSAL(EXP_MISSING, 401, "exp_missing", "a token without an end is refused (servers before autumn 2026 accept it for ever)"),
    REFUSAL(EXPIRED, 401, "expired", "the token has expired, by a minute or more"),
    REFUSAL(NOT_YET, 401, "not_yet_valid", "the token is not valid yet, by more than a minute"),
    REFUSAL(NO_VIDEO, 401, "no_video", "without a video grant there is no room to join"),
    REFUSAL(NO_ROOM_JOIN, 401, "no_room_join", "joining needs roomJoin to be true"),
    REFUSAL(IDENTITY_MISSING, 400, "identity_missing", "joining needs an identity"),
    REFUSAL(IDENTITY_LONG, 400, "identity_too_long", "an identity has at most 256 bytes"),
    REFUSAL(ROOM_MISSING, 400, "room_missing", "joining needs a room"),
    REFUSAL(ROOM_LONG, 400, "room_too_long", "a room name has at most 256 bytes"),
    REFUSAL(METADATA_LONG, 500, "metadata_too_long", "metadata has at most 512 KiB"),
    REFUSAL(ATTRIBUTES_LONG, 500, "attributes_too_long", "attributes have at most 64 KiB, names and values together"),
    REFUSAL(UNREADABLE, 0, "unreadable", "too deep or too large to be judged here, so it counts as refused"),
    WARNING(GRANT, "grant", "more than a participant needs"),
    WARNING(DESTINATION_ROOM, "destination_room", "names a room that participants can be forwarded or moved to"),
    WARNING(LIFETIME, "long_lifetime", "lives longer than a day; a join needs minutes, and connected clients get new tokens"),
    WARNING(LOOKS_REVOKED, "looks_revoked", "nbf is missing or 0: LiveKit Cloud takes it for revoked once the participant was removed"),
    WARNING(CREDENTIALS, "credentials", "storage or stream credentials that everybody who holds the token can read"),
    WARNING(SHORT_SECRET, "short_secret", "the secret has fewer than 32 bytes"),
    WARNING(NAME_LONG, "name_too_long", "a name over 256 bytes cannot be updated to"),
    WARNING(LETTER_CASE, "letter_case", "LiveKit reads the name in any case, other readers do not"),
    WARNING(DUPLICATE, "duplicate_member", "a name stands twice in one object: readers differ on which one counts"),
    WARNING(NOT_CANONICAL, "not_canonical", "base64url that strict decoders refuse"),
    WARNING(REPLACED_TEXT, "replaced_text", "text that is not Unicode reads as U+FFFD, or is refused"),
    WARNING(TIME_TEXT, "time_as_text", "a time written as text: the server reads it, the SDKs refuse it"),
    WARNING(SOURCE_UNKNOWN, "source_unknown", "a track source that matches nothing; names are exact and in small letters"),
    WARNING(ENUM_UNKNOWN, "enum_unknown", "a value no schema known here names: older servers refuse the token"),
    NOTE(UNCHECKED, "signature_unchecked", "the signature was not checked: no key for it is known here"),
    NOTE(NOT_A_JOIN, "not_a_join", "for the server's API, not for joining a room"),
    NOTE(IDENTITY_FROM_JTI, "identity_from_jti", "without sub the server takes jti for the identity"),
    NOTE(IDENTITY_IGNORED, "identity_ignored", "differs from sub, which is the one that counts"),
    NOTE(KIND, "kind", "joins as something else than a standard participant"),
    NOTE(KIND_UNKNOWN, "kind_unknown", "a kind the server does not know, and takes for standard"),
    NOTE(VERIFIER, "stricter_verifier", "libroomkey's verifier refuses the token, a server does not"),
};
/* clang-format on */

/* ---- the report ---- */

/* Where a finding of this severity goes: behind its like, before what is less. */
static size_t place_for(const struct rki_inspection *report, enum rki_severity severity)
{
    size_t at = report->count;

    while (at > 0 && report->findings[at - 1].severity < severity)
        at--;
    return at;
}

void rki_inspect_add(struct rki_inspection *report, enum finding_id id, const char *field,
                     const char *detail)
{
    size_t at = place_for(report, kinds[id].severity);
    struct rk_diag diag;
    struct rki_finding *finding = &report->findings[at];

    report->refusals += kinds[id].severity == RKI_SEVERITY_REFUSAL;
    if (report->count == RKI_FINDINGS_MAX) {
        report->more = true;
        if (at == RKI_FINDINGS_MAX)
            return;
        report->count--; /* the least of them makes room */
    }
    memmove(finding + 1, finding, (report->count - at) * sizeof(*finding));
    report->count++;
    *finding = (struct rki_finding){.severity = kinds[id].severity,
                                    .code = kinds[id].code,
                                    .status = kinds[id].status,
                                    .text = kinds[id].text};
    rki_diag_set(&diag, field, detail);
    memcpy(finding->field, diag.field, sizeof(finding->field));
    memcpy(finding->detail, diag.text, sizeof(finding->detail));
}

bool rki_inspect_has(const struct rki_inspection *report, enum finding_id id, const char *field)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].code == kinds[id].code &&
            strcmp(report->findings[i].field, field) == 0)
            return true;
    return false;
}

void rki_inspection_free(struct rki_inspection *inspection)
{
    if (inspection == NULL)
        return;
    json_decref(inspection->header);
    json_decref(inspection->payload);
    free(inspection);
}

/* ---- the envelope ---- */

struct envelope {
    struct rk_str segments[3], signed_text;
    char signature[64]; /* of any length up to there: more cannot match anyway */
    size_t signature_len;
    bool has_signature, is_hs256;
};

static bool split(struct rk_str token, struct envelope *out)
{
    size_t found = 0, from = 0;

    for (size_t i = 0; i <= token.len; i++) {
        if (i < token.len && token.ptr[i] != '.')
            continue;
        if (found == ARRAY_LEN(out->segments))
            return false;
        out->segments[found++] = rki_str(token.ptr + from, i - from);
        from = i + 1;
    }
    if (found != ARRAY_LEN(out->segments))
        return false;
    out->signed_text = rki_str(token.ptr, token.len - out->segments[2].len - 1);
    return true;
}

struct segment {
    enum finding_id base64, json; /* what its faults are called */
    const char *name;
    bool huge; /* the header becomes a Go map, every number of which is converted */
};

static const struct segment header_segment = {FINDING_HEADER_BASE64, FINDING_HEADER_JSON, "header",
                                              false};
static const struct segment payload_segment = {FINDING_PAYLOAD_BASE64, FINDING_PAYLOAD_JSON,
                                               "payload", true};

/* Decodes a segment into `room`, of its length, and reads it as an object. Faults become findings;
 * *out stays NULL then. */
static enum rk_err read_segment(struct rki_inspection *report, const struct segment *segment,
                                struct rk_str base64, char *room, struct rk_str *out_text,
                                json_t **out)
{
    bool canonical = true;
    size_t len = 0;
    json_t *value = NULL;
    enum rk_err err;

    if (!rki_inspect_base64(base64, room, &len, &canonical)) {
        rki_inspect_add(report, segment->base64, NULL, NULL);
        return RK_OK;
    }
    if (!canonical)
        rki_inspect_add(report, FINDING_NOT_CANONICAL, segment->name, NULL);
    *out_text = rki_str(room, len);
    err = rki_inspect_json(report, *out_text, segment->huge, &value);
    if (err == RK_E_TOO_LONG)
        rki_inspect_add(report, FINDING_UNREADABLE, segment->name, NULL);
    else if (err == RK_E_MALFORMED || (err == RK_OK && !json_is_object(value)))
        rki_inspect_add(report, segment->json, NULL, NULL);
    if (err == RK_OK && json_is_object(value))
        *out = json_incref(value);
    json_decref(value);
    return err == RK_E_NOMEM ? err : RK_OK;
}

static enum rk_err read_signature(struct rki_inspection *report, struct envelope *envelope)
{
    struct rk_str segment = envelope->segments[2];
    char *bytes = malloc(segment.len + 1);
    bool canonical = true;
    size_t len = 0;

    if (bytes == NULL)
        return RK_E_NOMEM;
    envelope->has_signature = rki_inspect_base64(segment, bytes, &len, &canonical);
    if (!envelope->has_signature)
        rki_inspect_add(report, FINDING_SIGNATURE_BASE64, NULL, NULL);
    else if (!canonical)
        rki_inspect_add(report, FINDING_NOT_CANONICAL, "signature", NULL);
    envelope->signature_len = len < sizeof(envelope->signature) ? len : sizeof(envelope->signature);
    memcpy(envelope->signature, bytes, envelope->signature_len);
    free(bytes);
    return RK_OK;
}

/* golang-jwt looks an algorithm up by its exact name, then asks whether it is the allowed one. */
static void check_alg(struct rki_inspection *report, struct envelope *envelope)
{
    static const char *const known[] = {"none",  "HS256", "HS384", "HS512", "RS256",
                                        "RS384", "RS512", "ES256", "ES384", "ES512",
                                        "PS256", "PS384", "PS512", "EdDSA"};
    struct rk_str alg = rki_json_str(json_object_get(report->header, "alg"));
    bool found = false;

    if (alg.ptr == NULL) {
        rki_inspect_add(report, FINDING_ALG_MISSING, "alg", NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        found = found || rki_str_equal(alg, rki_cstr(known[i]));
    envelope->is_hs256 = rki_str_equal(alg, RK_STR("HS256"));
    if (!found)
        rki_inspect_add(report, FINDING_ALG_UNKNOWN, "alg", NULL);
    else if (!envelope->is_hs256)
        rki_inspect_add(report, FINDING_ALG_NOT_HS256, "alg", NULL);
}

/* ---- key and signature ---- */

/* The key iss names, NULL when there is none or it is not for us to say. */
static const struct rk_key *find_key(struct rki_inspection *report, const struct rk_keyring *ring,
                                     const json_t *folded)
{
    const json_t *iss = json_object_get(folded, "iss");
    const struct rk_key *key;

    if (iss != NULL && !json_is_string(iss))
        return NULL; /* rki_inspect_claims says so */
    if (json_string_length(iss) == 0) {
        rki_inspect_add(report, FINDING_ISS_MISSING, "iss", NULL);
        return NULL;
    }
    if (ring == NULL)
        return NULL;
    key = rk_keyring_find(ring, rki_json_str(iss));
    if (key == NULL)
        rki_inspect_add(report, FINDING_ISS_UNKNOWN, "iss", NULL);
    else if (rk_key_is_short(key))
        rki_inspect_add(report, FINDING_SHORT_SECRET, NULL, NULL);
    return key;
}

static enum rk_err check_signature(struct rki_inspection *report, const struct envelope *envelope,
                                   const struct rk_key *key)
{
    unsigned char ours[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;
    enum rk_err err;

    if (key == NULL || !envelope->has_signature || !envelope->is_hs256)
        return RK_OK;
    err = rki_mac_new(key, &mac);
    if (err == RK_OK)
        err = rki_mac_run(mac, envelope->signed_text, ours);
    rki_mac_free(mac);
    if (err != RK_OK)
        return err;
    report->signature = rk_ct_equal(rki_str((const char *)ours, sizeof(ours)),
                                    rki_str(envelope->signature, envelope->signature_len))
                            ? RKI_SIGNATURE_GOOD
                            : RKI_SIGNATURE_BAD;
    rk_wipe(ours, sizeof(ours));
    if (report->signature == RKI_SIGNATURE_BAD)
        rki_inspect_add(report, FINDING_SIGNATURE, NULL, NULL);
    return RK_OK;
}

/* What our own verifier makes of it; only news when it is the stricter one. */
static enum rk_err ask_verifier(struct rki_inspection *report, const struct rk_keyring *ring,
                                struct rk_str token, int64_t now_s)
{
    struct rk_claims *claims = NULL;

    report->verdict = RK_E_ISSUER;
    rki_diag_set(&report->verdict_diag, "iss", "no key is given");
    if (ring == NULL)
        return RK_OK;
    report->verdict_diag = (struct rk_diag){.field = ""};
    report->verdict =
        rk_token_verify(ring, token, now_s, RK_LEEWAY_DEFAULT, &claims, &report->verdict_diag);
    rk_claims_free(claims);
    if (report->verdict == RK_E_NOMEM || report->verdict == RK_E_CRYPTO)
        return report->verdict;
    if (report->verdict != RK_OK && report->refusals == 0)
        rki_inspect_add(report, FINDING_VERIFIER, report->verdict_diag.field,
                        report->verdict_diag.text);
    return RK_OK;
}

static enum rk_err inspect_payload(struct rki_inspection *report, const struct rk_keyring *ring,
                                   const struct envelope *envelope, struct rk_str text,
                                   int64_t now_s)
{
    json_t *folded = NULL;
    enum rk_err err = rki_inspect_fold(report, text, &folded);

    if (err == RK_OK)
        err = check_signature(report, envelope, find_key(report, ring, folded));
    if (err == RK_OK)
        rki_inspect_claims(report, folded, now_s);
    json_decref(folded);
    return err;
}

/* `room` is for decoding: the longest segment fits. */
static enum rk_err inspect_segments(struct rki_inspection *report, const struct rk_keyring *ring,
                                    struct envelope *envelope, char *room, int64_t now_s)
{
    struct rk_str text = {NULL, 0};
    enum rk_err err =
        read_segment(report, &header_segment, envelope->segments[0], room, &text, &report->header);

    if (err == RK_OK && report->header != NULL)
        check_alg(report, envelope);
    if (err == RK_OK)
        err = read_segment(report, &payload_segment, envelope->segments[1], room, &text,
                           &report->payload);
    if (err == RK_OK)
        err = read_signature(report, envelope);
    if (err == RK_OK && report->payload != NULL)
        err = inspect_payload(report, ring, envelope, text, now_s);
    if (err == RK_OK && report->signature == RKI_SIGNATURE_UNCHECKED)
        rki_inspect_add(report, FINDING_UNCHECKED, NULL, NULL);
    return err;
}

static enum rk_err inspect_token(struct rki_inspection *report, const struct rk_keyring *ring,
                                 struct rk_str token, int64_t now_s)
{
    struct envelope envelope = {.is_hs256 = false};
    char *room;
    enum rk_err err;

    if (token.len > RKI_INSPECT_TOKEN_MAX) {
        rki_inspect_add(report, FINDING_TOO_LONG, NULL, NULL);
        return RK_OK;
    }
    if (!split(token, &envelope)) {
        rki_inspect_add(report, FINDING_SEGMENTS, NULL, NULL);
        return RK_OK;
    }
    room = malloc(token.len + 1);
    if (room == NULL)
        return RK_E_NOMEM;
    err = inspect_segments(report, ring, &envelope, room, now_s);
    free(room);
    return err;
}

enum rk_err rki_token_inspect(const struct rk_keyring *ring, struct rk_str token, int64_t now_s,
                              struct rki_inspection **out)
{
    struct rki_inspection *report = calloc(1, sizeof(*report));
    enum rk_err err;

    if (report == NULL)
        return RK_E_NOMEM;
    err = inspect_token(report, ring, token, now_s);
    if (err == RK_OK)
        err = ask_verifier(report, ring, token, now_s);
    if (err != RK_OK) {
        rki_inspection_free(report);
        return err;
    }
    *out = report;
    return RK_OK;
}
