/*
 * test_inspect.c - the offline inspection: one row for each refusal of a LiveKit server and each
 * warning, and the verify cases with what Go did as the oracle of leniency.
 */
#include "alloc_fail.h"
#include "check.h"
#include "forge.h"
#include "guard.h"

#include "core/inspect.h"

#include <stdio.h>

#define NOW INT64_C(1767225600)
#define NAME RK_STR("APIroomkeyTest1")
#define SECRET RK_STR("0123456789abcdef0123456789abcdef")

static struct rki_inspection *look(const struct rk_keyring *ring, struct rk_str token, int64_t now)
{
    struct guard guard = guard_new(token.len);
    struct rki_inspection *report = NULL;

    CHECK_ERR(rki_token_inspect(ring, guard_put(&guard, token), now, &report), RK_OK, "inspect");
    guard_free(&guard);
    return report;
}

/* "code@field code@field ..." of the findings of this severity. */
static struct rk_str list(const struct rki_inspection *report, enum rki_severity severity,
                          struct rki_buf *buf)
{
    buf->len = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct rki_finding *finding = &report->findings[i];

        CHECK(i == 0 || finding[-1].severity >= finding->severity, "refusals first, notes last");
        CHECK(finding->text[0] != '\0', finding->code);
        if (finding->severity != severity)
            continue;
        if (buf->len > 0)
            rki_buf_char(buf, ' ');
        rki_buf_put(buf, rki_cstr(finding->code));
        if (finding->field[0] != '\0')
            rki_buf_char(buf, '@');
        rki_buf_put(buf, rki_cstr(finding->field));
    }
    return rki_buf_str(buf);
}

static void check_report(const struct rki_inspection *report, const char *why, const char *refusals,
                         const char *warnings, const char *notes)
{
    char room[4096];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    CHECK_STR(list(report, RKI_SEVERITY_REFUSAL, &buf), rki_cstr(refusals), why);
    CHECK_STR(list(report, RKI_SEVERITY_WARNING, &buf), rki_cstr(warnings), why);
    CHECK_STR(list(report, RKI_SEVERITY_NOTE, &buf), rki_cstr(notes), why);
    CHECK((report->refusals == 0) == (refusals[0] == '\0'), why);
}

/* ---- rows: payload by payload ---- */

#define TIMES "\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":1767226200"
#define ROOM "\"roomJoin\":true,\"room\":\"r\""
#define JOIN TIMES ",\"sub\":\"a\",\"video\":{" ROOM "}"
#define WITH(member) "{" JOIN "," member "}"
#define VIDEO(members) "{" TIMES ",\"sub\":\"a\",\"video\":{" ROOM "," members "}}"

struct row {
    const char *why, *payload, *refusals, *warnings, *notes;
};

static const struct row rows[] = {
    {"good", "{" JOIN "}", "", "", ""},
    {"unknown claims and grants", WITH("\"hobby\":\"chess\",\"sip2\":5"), "", "", ""},
    {"null is absent", WITH("\"name\":null,\"sip\":null,\"roomConfig\":null,\"aud\":null"), "", "",
     ""},
    /* registered claims */
    {"iss is a number",
     "{\"iss\":7,\"sub\":\"a\",\"exp\":1767226200,\"nbf\":1767225600,\"video\":{" ROOM "}}",
     "claim_type@iss", "", "signature_unchecked"},
    {"iss is missing", "{\"sub\":\"a\",\"exp\":1767226200,\"nbf\":1767225600,\"video\":{" ROOM "}}",
     "iss_missing@iss", "", "signature_unchecked"},
    {"iss is empty",
     "{\"iss\":\"\",\"sub\":\"a\",\"exp\":1767226200,\"nbf\":1767225600,\"video\":{" ROOM "}}",
     "iss_missing@iss", "", "signature_unchecked"},
    {"iss is unknown",
     "{\"iss\":\"x\",\"sub\":\"a\",\"exp\":1767226200,\"nbf\":1767225600,\"video\":{" ROOM "}}",
     "iss_unknown@iss", "", "signature_unchecked"},
    {"sub is a number", "{" TIMES ",\"sub\":7,\"video\":{" ROOM "}}", "claim_type@sub", "", ""},
    {"jti is a number", WITH("\"jti\":7"), "claim_type@jti", "", ""},
    {"aud is a number", WITH("\"aud\":7"), "claim_type@aud", "", ""},
    {"aud holds a number", WITH("\"aud\":[\"a\",7]"), "claim_type@aud[1]", "", ""},
    {"aud is a list", WITH("\"aud\":[\"a\"]"), "", "", ""},
    {"exp is a word",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":\"tomorrow\",\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "claim_type@exp", "", ""},
    {"exp is a quoted number",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":\"1767226200\",\"sub\":\"a\","
     "\"video\":{" ROOM "}}",
     "", "time_as_text@exp", "stricter_verifier@exp"},
    {"exp is a quoted number, long ago",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":\"1767\",\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "expired@exp", "time_as_text@exp", ""},
    {"exp overflows a double",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":1e400,\"sub\":\"a\",\"video\":{" ROOM
     "}}",
     "claim_type@exp", "", ""},
    {"exp overflows an integer: Go wraps it into the past",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":1e300,\"sub\":\"a\",\"video\":{" ROOM
     "}}",
     "expired@exp", "", ""},
    {"nbf is an object",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":{},\"exp\":1767226200,\"sub\":\"a\",\"video\":{" ROOM
     "}}",
     "claim_type@nbf", "", ""},
    {"iat is a word", WITH("\"iat\":\"now\""), "claim_type@iat", "", ""},
    {"exp is missing",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"sub\":\"a\",\"video\":{" ROOM "}}",
     "exp_missing@exp", "", ""},
    {"exp is null",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":null,\"sub\":\"a\",\"video\":{" ROOM
     "}}",
     "exp_missing@exp", "", ""},
    {"expired by 59 s",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225000,\"exp\":1767225541,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "", "", ""},
    {"expired by 60 s",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225000,\"exp\":1767225540,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "expired@exp", "", ""},
    {"valid in 60 s",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225660,\"exp\":1767226200,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "", "", ""},
    {"valid in 61 s",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225661,\"exp\":1767226200,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "not_yet_valid@nbf", "", ""},
    {"expired and not yet valid",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767229999,\"exp\":1767220000,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "expired@exp not_yet_valid@nbf", "", ""},
    /* types of LiveKit's claims */
    {"metadata is an object", WITH("\"metadata\":{\"a\":1}"), "claim_type@metadata", "", ""},
    {"name is a number", WITH("\"name\":7"), "claim_type@name", "", ""},
    {"identity is a number", WITH("\"identity\":7"), "claim_type@identity", "", ""},
    {"kind is a number", WITH("\"kind\":1"), "claim_type@kind", "", ""},
    {"kindDetails holds a number", WITH("\"kindDetails\":[1]"), "claim_type@kindDetails[0]", "",
     ""},
    {"sha256 is a number", WITH("\"sha256\":1"), "claim_type@sha256", "", ""},
    {"roomPreset is a number", WITH("\"roomPreset\":1"), "claim_type@roomPreset", "", ""},
    {"attributes are a list", WITH("\"attributes\":[\"a\"]"), "claim_type@attributes", "", ""},
    {"an attribute is a number", WITH("\"attributes\":{\"a\":1,\"b\":2}"), "claim_type@attributes",
     "", ""},
    {"an attribute is null", WITH("\"attributes\":{\"a\":null}"), "", "", ""},
    {"video is a list", "{" TIMES ",\"sub\":\"a\",\"video\":[]}", "claim_type@video", "", ""},
    {"roomJoin is a word",
     "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":\"true\",\"room\":\"r\"}}",
     "claim_type@video.roomJoin", "", ""},
    {"room is a number", "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":true,\"room\":7}}",
     "claim_type@video.room", "", ""},
    {"canPublish is a number", VIDEO("\"canPublish\":1"), "claim_type@video.canPublish", "", ""},
    {"canPublishSources holds a number", VIDEO("\"canPublishSources\":[\"camera\",2]"),
     "claim_type@video.canPublishSources[1]", "", ""},
    {"canPublishSources is a word", VIDEO("\"canPublishSources\":\"camera\""),
     "claim_type@video.canPublishSources", "", ""},
    {"destinationRoom is a number", VIDEO("\"destinationRoom\":1"),
     "claim_type@video.destinationRoom", "", ""},
    {"sip is a list", WITH("\"sip\":[]"), "claim_type@sip", "", ""},
    {"sip.admin is a word", WITH("\"sip\":{\"admin\":\"yes\"}"), "claim_type@sip.admin", "", ""},
    {"agent is a flag", WITH("\"agent\":true"), "claim_type@agent", "", ""},
    {"inference.perform is a number", WITH("\"inference\":{\"perform\":1}"),
     "claim_type@inference.perform", "", ""},
    {"observability is text", WITH("\"observability\":\"\""), "claim_type@observability", "", ""},
    {"two types", WITH("\"name\":7,\"kind\":1"), "claim_type@name claim_type@kind", "", ""},
    {"roomConfig is a list", WITH("\"roomConfig\":[]"), "room_config@roomConfig", "", ""},
    {"roomConfig.maxParticipants is negative", WITH("\"roomConfig\":{\"maxParticipants\":-1}"),
     "room_config@roomConfig.maxParticipants", "", ""},
    {"roomConfig in both spellings",
     WITH("\"roomConfig\":{\"emptyTimeout\":1,\"empty_timeout\":1}"),
     "room_config@roomConfig.emptyTimeout", "", ""},
    {"an agent is null", WITH("\"roomConfig\":{\"agents\":[null]}"),
     "room_config@roomConfig.agents[0]", "", ""},
    {"roomConfig names what newer servers may know",
     WITH("\"roomConfig\":{\"agents\":[{\"restartPolicy\":\"JRP_NEW\"}]}"), "",
     "enum_unknown@roomConfig.agents[0].restartPolicy",
     "stricter_verifier@roomConfig.agents[0].restartPolicy"},
    /* joining */
    {"no video grant", "{" TIMES ",\"sub\":\"a\"}", "no_video@video", "", ""},
    {"roomJoin is missing", "{" TIMES ",\"sub\":\"a\",\"video\":{\"room\":\"r\"}}",
     "no_room_join@video.roomJoin", "", ""},
    {"roomJoin is false", "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":false,\"room\":\"r\"}}",
     "no_room_join@video.roomJoin", "", ""},
    {"identity is missing", "{" TIMES ",\"video\":{" ROOM "}}", "identity_missing@sub", "", ""},
    {"identity is empty", "{" TIMES ",\"sub\":\"\",\"video\":{" ROOM "}}", "identity_missing@sub",
     "", ""},
    {"identity in jti", "{" TIMES ",\"jti\":\"a\",\"video\":{" ROOM "}}", "", "",
     "identity_from_jti@jti"},
    {"another identity claim", WITH("\"identity\":\"b\""), "", "", "identity_ignored@identity"},
    {"the same identity claim", WITH("\"identity\":\"a\""), "", "", ""},
    {"room is missing", "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":true}}",
     "room_missing@video.room", "", ""},
    {"room is empty", "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":true,\"room\":\"\"}}",
     "room_missing@video.room", "", ""},
    {"everything at once", "{\"iss\":\"APIroomkeyTest1\",\"video\":{},\"name\":1}",
     "claim_type@name exp_missing@exp no_room_join@video.roomJoin room_missing@video.room "
     "identity_missing@sub",
     "", ""},
    /* powers */
    {"roomCreate", VIDEO("\"roomCreate\":true"), "", "grant@video.roomCreate", ""},
    {"roomCreate false", VIDEO("\"roomCreate\":false"), "", "", ""},
    {"roomList", VIDEO("\"roomList\":true"), "", "grant@video.roomList", ""},
    {"roomRecord", VIDEO("\"roomRecord\":true"), "", "grant@video.roomRecord", ""},
    {"roomAdmin", VIDEO("\"roomAdmin\":true"), "", "grant@video.roomAdmin", ""},
    {"ingressAdmin", VIDEO("\"ingressAdmin\":true"), "", "grant@video.ingressAdmin", ""},
    {"hidden", VIDEO("\"hidden\":true"), "", "grant@video.hidden", ""},
    {"recorder", VIDEO("\"recorder\":true"), "", "grant@video.recorder", ""},
    {"video.agent", VIDEO("\"agent\":true"), "", "grant@video.agent", ""},
    {"canManageAgentSession", VIDEO("\"canManageAgentSession\":true"), "",
     "grant@video.canManageAgentSession", ""},
    {"canUpdateOwnMetadata", VIDEO("\"canUpdateOwnMetadata\":true"), "",
     "grant@video.canUpdateOwnMetadata", ""},
    {"destinationRoom", VIDEO("\"destinationRoom\":\"x\""), "",
     "destination_room@video.destinationRoom", ""},
    {"sip", WITH("\"sip\":{\"admin\":true,\"call\":true}"), "", "grant@sip.admin grant@sip.call",
     ""},
    {"agent", WITH("\"agent\":{\"admin\":true,\"simulationAdmin\":true,\"databaseAdmin\":true}"),
     "", "grant@agent.admin grant@agent.simulationAdmin grant@agent.databaseAdmin", ""},
    {"inference", WITH("\"inference\":{\"perform\":true}"), "", "grant@inference.perform", ""},
    {"observability", WITH("\"observability\":{\"write\":true}"), "", "grant@observability.write",
     ""},
    {"what every participant may have",
     VIDEO("\"canPublish\":true,\"canSubscribe\":true,\"canPublishData\":true,"
           "\"canSubscribeMetrics\":"
           "true,\"canPublishSources\":[\"camera\",\"screen_share_audio\"]"),
     "", "", ""},
    {"a token for the API", "{" TIMES ",\"video\":{\"roomList\":true}}", "", "grant@video.roomList",
     "not_a_join"},
    {"a webhook's token", "{" TIMES ",\"sha256\":\"x\"}", "", "", "not_a_join"},
    /* other warnings */
    {"a lifetime of a day",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":1767312000,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "", "", ""},
    {"a second more",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":1767225600,\"exp\":1767312001,\"sub\":\"a\",\"video\":"
     "{" ROOM "}}",
     "", "long_lifetime@exp", ""},
    {"nbf 0 does not make a lifetime long",
     "{\"iss\":\"APIroomkeyTest1\",\"nbf\":0,\"exp\":1767226200,\"sub\":\"a\",\"video\":{" ROOM
     "}}",
     "", "looks_revoked@nbf", ""},
    {"no nbf",
     "{\"iss\":\"APIroomkeyTest1\",\"exp\":1767226200,\"sub\":\"a\",\"video\":{" ROOM "}}", "",
     "looks_revoked@nbf", ""},
    {"credentials",
     WITH("\"roomConfig\":{\"egress\":{\"room\":{\"imageOutputs\":[{\"s3\":{\"secret\":"
          "\"x\"}}]}}}"),
     "", "credentials@roomConfig", ""},
    {"a source in other letters", VIDEO("\"canPublishSources\":[\"camera\",\"Camera\"]"), "",
     "source_unknown@video.canPublishSources[1]", ""},
    {"a kind", WITH("\"kind\":\"Agent\""), "", "", "kind@kind"},
    {"the standard kind", WITH("\"kind\":\"STANDARD\""), "", "", ""},
    {"an unknown kind", WITH("\"kind\":\"robot\""), "", "", "kind_unknown@kind"},
    {"a claim in other letters", "{" TIMES ",\"sub\":\"a\",\"Video\":{" ROOM "}}", "",
     "letter_case@video", "stricter_verifier@video"},
    {"a grant in other letters", VIDEO("\"RoomCreate\":true"), "",
     "letter_case@video.roomCreate grant@video.roomCreate", "stricter_verifier@video.roomCreate"},
    {"a long s is an s to Go",
     "{" TIMES ",\"\xc5\xbf"
     "ub\":\"a\",\"video\":{" ROOM "}}",
     "", "letter_case@sub", "stricter_verifier@sub"},
    {"a name twice", WITH("\"name\":\"x\",\"name\":\"y\""), "", "duplicate_member",
     "stricter_verifier"},
    {"a name twice, the first of the wrong type", WITH("\"name\":7,\"name\":\"y\""),
     "claim_type@name", "duplicate_member", ""},
    {"null behind a value leaves it", WITH("\"sub\":null"), "", "duplicate_member",
     "stricter_verifier"},
    {"null behind a section clears it", WITH("\"video\":null"), "no_video@video",
     "duplicate_member", ""},
    {"sections are merged", WITH("\"video\":{\"hidden\":true}"), "",
     "duplicate_member grant@video.hidden", "stricter_verifier"},
    {"also in other letters", WITH("\"VIDEO\":{\"hidden\":true}"), "",
     "letter_case@video grant@video.hidden", "stricter_verifier@video"},
    {"a name escaped", WITH("\"\\u006eame\":7"), "claim_type@name", "", ""},
    {"roomConfig holds a name twice", WITH("\"roomConfig\":{\"name\":\"a\",\"name\":\"b\"}"),
     "room_config@roomConfig", "duplicate_member", ""},
    {"roomConfig with half a pair", WITH("\"roomConfig\":{\"name\":\"\\ud800\"}"),
     "room_config@roomConfig", "replaced_text", ""},
    {"half a surrogate pair", WITH("\"name\":\"x\\ud800y\""), "", "replaced_text",
     "stricter_verifier"},
    {"a whole pair", WITH("\"name\":\"\\ud83d\\ude00\""), "", "", ""},
    {"a high half before an escape", WITH("\"name\":\"\\ud83d\\n\""), "", "replaced_text",
     "stricter_verifier"},
    {"text that is not UTF-8", WITH("\"name\":\"\xff\xc3\""), "", "replaced_text",
     "stricter_verifier"},
    {"an overflowing number nobody reads", WITH("\"x\":1e400"), "", "", "stricter_verifier"},
    {"NUL in a name", WITH("\"a\\u0000b\":1"), "", "", ""},
    {"too deep to look at", WITH("\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), "unreadable@payload",
     "", "signature_unchecked"},
    /* the payload itself */
    {"payload is not JSON", "{", "payload_json", "", "signature_unchecked"},
    {"payload is a list", "[]", "payload_json", "", "signature_unchecked"},
    {"payload is empty", "", "payload_json", "", "signature_unchecked"},
    {"payload with a mark", "\xef\xbb\xbf{}", "payload_json", "", "signature_unchecked"},
};

static void test_payloads(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, rki_cstr(rows[i].payload));
        struct rki_inspection *report = look(ring, token, NOW);

        check_report(report, rows[i].why, rows[i].refusals, rows[i].warnings, rows[i].notes);
        CHECK(report->refusals != 0 || report->verdict == RK_OK ||
                  strstr(rows[i].notes, "stricter_verifier") != NULL,
              rows[i].why);
        CHECK((report->verdict == RK_OK) == (report->verdict_diag.text[0] == '\0'), rows[i].why);
        rki_inspection_free(report);
        forge_free(token);
    }
    rk_keyring_free(ring);
}

/* ---- rows: header by header ---- */

static void test_headers(void **state)
{
    static const struct {
        const char *why, *header, *refusals, *notes;
    } heads[] = {
        {"without typ", "{\"alg\":\"HS256\"}", "", ""},
        {"what the server ignores", "{\"alg\":\"HS256\",\"kid\":7,\"crit\":[\"x\"]}", "",
         "stricter_verifier@crit"},
        {"a number no double holds", "{\"alg\":\"HS256\",\"x\":1e400}", "header_json",
         "signature_unchecked"},
        {"not JSON", "{", "header_json", "signature_unchecked"},
        {"a list", "[]", "header_json", "signature_unchecked"},
        {"no alg", "{\"typ\":\"JWT\"}", "alg_missing@alg", "signature_unchecked"},
        {"alg is a number", "{\"alg\":256}", "alg_missing@alg", "signature_unchecked"},
        {"alg of no kind", "{\"alg\":\"XS256\"}", "alg_unknown@alg", "signature_unchecked"},
        {"alg in small letters", "{\"alg\":\"hs256\"}", "alg_unknown@alg", "signature_unchecked"},
        {"names of the header are exact", "{\"ALG\":\"HS256\"}", "alg_missing@alg",
         "signature_unchecked"},
        {"alg none", "{\"alg\":\"none\"}", "alg_not_hs256@alg", "signature_unchecked"},
        {"alg HS384", "{\"alg\":\"HS384\"}", "alg_not_hs256@alg", "signature_unchecked"},
        {"alg RS256", "{\"alg\":\"RS256\"}", "alg_not_hs256@alg", "signature_unchecked"},
    };
    struct rk_keyring *ring = forge_ring(NAME, SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct rk_str token =
            forge_token(ring, NAME, rki_cstr(heads[i].header), RK_STR("{" JOIN "}"));
        struct rki_inspection *report = look(ring, token, NOW);

        check_report(report, heads[i].why, heads[i].refusals, "", heads[i].notes);
        CHECK(report->payload != NULL, "the rest is still looked at");
        rki_inspection_free(report);
        forge_free(token);
    }
    rk_keyring_free(ring);
}

/* ---- rows: the text of the token ---- */

static void test_texts(void **state)
{
    static const struct {
        const char *why, *before, *after; /* around the segments; NULL `before`: `after` is all */
        const char *refusals, *warnings, *notes;
    } texts[] = {
        {"as it is", "", "", "", "", ""},
        {"empty", NULL, "", "segments", "", ""},
        {"one segment", NULL, "x", "segments", "", ""},
        {"two segments", NULL, "e30.e30", "segments", "", ""},
        {"four segments", "", ".x", "segments", "", ""},
        {"dots", NULL, "..", "header_json payload_json", "", "signature_unchecked"},
        {"nonsense", NULL, "a.b.c", "header_base64 payload_base64 signature_base64", "",
         "signature_unchecked"},
        {"a blank in front", " ", "", "header_base64", "", "signature_unchecked"},
        {"with its scheme", "Bearer ", "", "header_base64", "", "signature_unchecked"},
        {"padded", "", "=", "signature_base64", "", "signature_unchecked"},
        {"the standard alphabet", "", "+", "signature_base64", "", "signature_unchecked"},
        {"a digit too many", "", "A", "signature", "", ""},
        {"a line break at the end is skipped by Go", "", "\n", "", "not_canonical@signature",
         "stricter_verifier"},
    };
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str good = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" JOIN "}"));
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct rki_inspection *report;

        (void)snprintf(text, sizeof(text), "%s%.*s%s",
                       texts[i].before == NULL ? "" : texts[i].before,
                       texts[i].before == NULL ? 0 : (int)good.len, good.ptr, texts[i].after);
        report = look(ring, rki_cstr(text), NOW);
        check_report(report, texts[i].why, texts[i].refusals, texts[i].warnings, texts[i].notes);
        rki_inspection_free(report);
    }
    forge_free(good);
    rk_keyring_free(ring);
}

/* ---- keys ---- */

static void test_keys(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET), *other = forge_ring(NAME, RK_STR("short"));
    struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, RK_STR("{" JOIN "}"));
    struct rki_inspection *report = look(ring, token, NOW);

    (void)state;
    CHECK(report->signature == RKI_SIGNATURE_GOOD && report->verdict == RK_OK, "our key");
    rki_inspection_free(report);
    report = look(NULL, token, NOW);
    check_report(report, "without keys", "", "", "signature_unchecked");
    CHECK(report->signature == RKI_SIGNATURE_UNCHECKED, "without keys");
    CHECK(report->verdict == RK_E_ISSUER, "never verified without a key");
    rki_inspection_free(report);
    report = look(other, token, NOW);
    check_report(report, "another secret", "signature", "short_secret", "");
    CHECK(report->signature == RKI_SIGNATURE_BAD && report->verdict == RK_E_SIGNATURE, "bad");
    rki_inspection_free(report);
    report = look(ring, rki_str(token.ptr, token.len - 1), NOW);
    check_report(report, "cut short", "signature", "not_canonical@signature", "");
    rki_inspection_free(report);
    rki_inspection_free(NULL);
    forge_free(token);
    rk_keyring_free(ring);
    rk_keyring_free(other);
}

/* ---- sizes, in bytes ---- */

static void check_size(const char *before, const char *piece, size_t count, const char *after,
                       const char *refusals, const char *warnings)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    size_t size = strlen(before) + count * strlen(piece) + strlen(after);
    struct rki_buf buf = rki_buf_over(malloc(size), size);
    struct rki_inspection *report;
    struct rk_str token;

    rki_buf_put(&buf, rki_cstr(before));
    for (size_t i = 0; i < count; i++)
        rki_buf_put(&buf, rki_cstr(piece));
    rki_buf_put(&buf, rki_cstr(after));
    token = forge_token(ring, NAME, FORGE_HEADER, rki_buf_str(&buf));
    report = look(ring, token, NOW);
    check_report(report, before, refusals, warnings,
                 token.len > 65536 && refusals[0] == '\0' ? "stricter_verifier" : "");
    rki_inspection_free(report);
    forge_free(token);
    free(buf.ptr);
    rk_keyring_free(ring);
}

static void test_sizes(void **state)
{
    const char *sub = "{" TIMES ",\"video\":{" ROOM "},\"sub\":\"";
    const char *room = "{" TIMES ",\"sub\":\"a\",\"video\":{\"roomJoin\":true,\"room\":\"";
    char *big = malloc(RKI_INSPECT_TOKEN_MAX + 1);
    struct rki_inspection *report;

    (void)state;
    check_size(sub, "x", 256, "\"}", "", "");
    check_size(sub, "x", 257, "\"}", "identity_too_long@sub", "");
    check_size(sub, "\xc3\xbc", 129, "\"}", "identity_too_long@sub", "");
    check_size(room, "x", 256, "\"}}", "", "");
    check_size(room, "x", 257, "\"}}", "room_too_long@video.room", "");
    check_size(room, "\xc3\xbc", 129, "\"}}", "room_too_long@video.room", "");
    check_size("{" JOIN ",\"metadata\":\"", "m", 512 * 1024, "\"}", "", "");
    check_size("{" JOIN ",\"metadata\":\"", "m", 512 * 1024 + 1, "\"}",
               "metadata_too_long@metadata", "");
    check_size("{" JOIN ",\"attributes\":{\"k\":\"", "v", 65535, "\"}}", "", "");
    check_size("{" JOIN ",\"attributes\":{\"k\":\"", "v", 65536, "\"}}",
               "attributes_too_long@attributes", "");
    check_size("{" JOIN ",\"name\":\"", "n", 256, "\"}", "", "");
    check_size("{" JOIN ",\"name\":\"", "n", 257, "\"}", "", "name_too_long@name");
    memset(big, 'a', RKI_INSPECT_TOKEN_MAX + 1);
    report = look(NULL, rki_str(big, RKI_INSPECT_TOKEN_MAX + 1), NOW);
    check_report(report, "over a request's head", "too_long", "", "");
    rki_inspection_free(report);
    free(big);
}

/* More findings than fit: refusals stay, and it is said. */
static void test_many(void **state)
{
    char text[4096];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rki_inspection *report;
    struct rk_str token;

    (void)state;
    rki_buf_lit(&buf, "{\"nbf\":0,\"video\":{\"roomCreate\":true,\"canPublishSources\":[");
    for (size_t i = 0; i < 100; i++)
        rki_buf_lit(&buf, "\"x\",");
    for (size_t i = 0; i < 100; i++)
        rki_buf_put(&buf, i == 0 ? RK_STR("1") : RK_STR(",1"));
    rki_buf_lit(&buf, "]}}");
    token = forge_token(ring, NAME, FORGE_HEADER, rki_buf_str(&buf));
    report = look(ring, token, NOW);
    CHECK(report->more && report->count == RKI_FINDINGS_MAX, "said");
    CHECK(report->refusals > 100, "all counted");
    CHECK(report->findings[RKI_FINDINGS_MAX - 1].severity == RKI_SEVERITY_REFUSAL, "refusals stay");
    rki_inspection_free(report);
    forge_free(token);
    rk_keyring_free(ring);
}

/* ---- what Go did with the 71 cases ---- */

/* Go's verification alone: joining is the server's next step. */
static bool is_join_matter(const struct rki_finding *finding)
{
    static const char *const join[] = {"no_video", "no_room_join", "identity_missing",
                                       "room_missing"};

    for (size_t i = 0; i < ARRAY_LEN(join); i++)
        if (strcmp(finding->code, join[i]) == 0)
            return true;
    return false;
}

static void test_cases(void **state)
{
    json_t *all =
        json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/verify-cases.json", JSON_ALLOW_NUL, NULL);

    (void)state;
    CHECK(json_array_size(all) == 71, "all of them");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *vector = json_array_get(all, i);
        const char *name = json_string_value(json_object_get(vector, "name"));
        const char *go = json_string_value(json_object_get(vector, "goObserved"));
        const char *ours = json_string_value(json_object_get(vector, "roomkeyRecommended"));
        struct rk_keyring *ring =
            forge_ring(rki_cstr(json_string_value(json_object_get(vector, "apiKey"))),
                       rki_cstr(json_string_value(json_object_get(vector, "apiSecret"))));
        struct rki_inspection *report =
            look(ring, rki_cstr(json_string_value(json_object_get(vector, "token"))),
                 json_integer_value(json_object_get(vector, "now")));
        size_t refusals = 0;

        for (size_t j = 0; j < report->count; j++)
            refusals += report->findings[j].severity == RKI_SEVERITY_REFUSAL &&
                        !is_join_matter(&report->findings[j]);
        CHECK((refusals == 0) == (strncmp(go, "accept", 6) == 0), name);
        CHECK((report->verdict == RK_OK) == (strcmp(ours, "accept") == 0), name);
        rki_inspection_free(report);
        rk_keyring_free(ring);
    }
    json_decref(all);
}

static void test_out_of_memory(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token =
        forge_token(ring, NAME, FORGE_HEADER,
                    RK_STR("{\"Exp\":\"5\",\"video\":{\"room\":\"r\"},\"roomConfig\":{}}"));
    size_t n = 1;

    (void)state;
    for (;; n++) {
        struct rki_inspection *report = NULL;
        enum rk_err err;

        alloc_fail_at(n);
        err = rki_token_inspect(ring, token, NOW, &report);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, "enough memory");
            rki_inspection_free(report);
            break;
        }
        CHECK((err == RK_OK) == (report != NULL), "all or nothing");
        rki_inspection_free(report);
    }
    CHECK(n > 30, "the sweep swept");
    forge_free(token);
    rk_keyring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_texts),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_cases),    cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
