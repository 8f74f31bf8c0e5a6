/*
 * inspect_claims.c - what a LiveKit server makes of the claims, and what is unwise about them.
 *
 * May touch: its arguments. Sources: reference livekit-tokens.md s.2.2-2.4 (order of the server's
 * checks, limits) and 2.6 (revocation).
 */
#include "core/inspect_impl.h"

#include <stdio.h>

#include "core/grants.h"
#include "core/json.h"

enum {
    LEEWAY_S = 60,
    DAY_S = 86400,
    NAME_BYTES_MAX = 256,
    METADATA_MAX = 512 * 1024,
    ATTRIBUTES_MAX = 64 * 1024,
};

/* ---- reading what is of the right type ---- */

static struct rk_str text_of(const json_t *folded, const char *name)
{
    return rki_json_str(json_object_get(folded, name));
}

static bool grant_of(const json_t *folded, enum rk_grant grant)
{
    const struct rki_grant *row = &rki_grants[grant];
    const json_t *section = json_object_get(folded, rki_sections[row->section].key.ptr);

    return json_is_true(json_object_get(section, row->key.ptr)); /* both are literals */
}

/* Whole seconds; false when absent or of the wrong type. What no int64_t holds reads as Go's
 * conversion does on amd64: as the smallest one, long ago. */
static bool time_of(const json_t *folded, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(folded, name);
    double s = json_number_value(value);

    if (!json_is_number(value) || rki_json_is_infinite(value) != 0)
        return false;
    *out = s > -9.2e18 && s < 9.2e18 ? (int64_t)s : INT64_MIN;
    return true;
}

/* ---- time ---- */

/* a - b, clamped. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t out;

    if (__builtin_sub_overflow(a, b, &out))
        return a < b ? INT64_MIN : INT64_MAX;
    return out;
}

static void check_times(struct rki_inspection *report, const json_t *folded, int64_t now_s)
{
    int64_t exp = 0, nbf = 0, iat = 0, from = now_s;
    bool has_exp = time_of(folded, "exp", &exp), has_nbf = time_of(folded, "nbf", &nbf);

    if (!has_exp && !rki_inspect_has(report, FINDING_CLAIM_TYPE, "exp"))
        rki_inspect_add(report, FINDING_EXP_MISSING, "exp", NULL);
    if (has_exp && minus(now_s, exp) >= LEEWAY_S)
        rki_inspect_add(report, FINDING_EXPIRED, "exp", NULL);
    if (has_nbf && minus(nbf, now_s) > LEEWAY_S)
        rki_inspect_add(report, FINDING_NOT_YET, "nbf", NULL);
    if (has_nbf && nbf > 0)
        from = nbf;
    else if (time_of(folded, "iat", &iat) && iat > 0)
        from = iat;
    if (has_exp && minus(exp, from) > DAY_S)
        rki_inspect_add(report, FINDING_LIFETIME, "exp", NULL);
    if ((!has_nbf || nbf == 0) && grant_of(folded, RK_GRANT_ROOM_JOIN) &&
        !rki_inspect_has(report, FINDING_CLAIM_TYPE, "nbf"))
        rki_inspect_add(report, FINDING_LOOKS_REVOKED, "nbf", NULL);
}

/* ---- joining ---- */

static void check_identity(struct rki_inspection *report, const json_t *folded)
{
    struct rk_str sub = text_of(folded, "sub"), jti = text_of(folded, "jti");
    struct rk_str claim = text_of(folded, "identity"), identity = sub.len != 0 ? sub : jti;

    if (rki_inspect_has(report, FINDING_CLAIM_TYPE, "sub"))
        return;
    if (identity.len == 0)
        rki_inspect_add(report, FINDING_IDENTITY_MISSING, "sub", NULL);
    else if (sub.len == 0)
        rki_inspect_add(report, FINDING_IDENTITY_FROM_JTI, "jti", NULL);
    if (identity.len > NAME_BYTES_MAX)
        rki_inspect_add(report, FINDING_IDENTITY_LONG, sub.len != 0 ? "sub" : "jti", NULL);
    if (claim.len != 0 && !rki_str_equal(claim, identity))
        rki_inspect_add(report, FINDING_IDENTITY_IGNORED, "identity", NULL);
}

static void check_room(struct rki_inspection *report, const json_t *video)
{
    struct rk_str room = text_of(video, "room");

    if (rki_inspect_has(report, FINDING_CLAIM_TYPE, "video.room"))
        return;
    if (room.len == 0)
        rki_inspect_add(report, FINDING_ROOM_MISSING, "video.room", NULL);
    if (room.len > NAME_BYTES_MAX)
        rki_inspect_add(report, FINDING_ROOM_LONG, "video.room", NULL);
}

static void check_sizes(struct rki_inspection *report, const json_t *folded)
{
    json_t *attributes = json_object_get(folded, "attributes"), *value;
    size_t bytes = 0;
    const char *name;

    if (text_of(folded, "metadata").len > METADATA_MAX)
        rki_inspect_add(report, FINDING_METADATA_LONG, "metadata", NULL);
    json_object_foreach(attributes, name, value)
    {
        bytes += strlen(name) + json_string_length(value);
    }
    if (bytes > ATTRIBUTES_MAX)
        rki_inspect_add(report, FINDING_ATTRIBUTES_LONG, "attributes", NULL);
    if (text_of(folded, "name").len > NAME_BYTES_MAX)
        rki_inspect_add(report, FINDING_NAME_LONG, "name", NULL);
}

/* A token that serves the server's APIs, where roomJoin is not asked for. */
static bool is_for_api(const json_t *folded)
{
    static const enum rk_grant api[] = {
        RK_GRANT_ROOM_CREATE,
        RK_GRANT_ROOM_LIST,
        RK_GRANT_ROOM_RECORD,
        RK_GRANT_ROOM_ADMIN,
        RK_GRANT_INGRESS_ADMIN,
        RK_GRANT_AGENT,
        RK_GRANT_SIP_ADMIN,
        RK_GRANT_SIP_CALL,
        RK_GRANT_AGENT_ADMIN,
        RK_GRANT_AGENT_SIMULATION_ADMIN,
        RK_GRANT_AGENT_DATABASE_ADMIN,
        RK_GRANT_INFERENCE_PERFORM,
        RK_GRANT_OBSERVABILITY_WRITE,
    };

    for (size_t i = 0; i < ARRAY_LEN(api); i++)
        if (grant_of(folded, api[i]))
            return true;
    return text_of(folded, "sha256").len != 0; /* a webhook's */
}

static void check_join(struct rki_inspection *report, const json_t *folded)
{
    const json_t *video = json_object_get(folded, "video");

    if (!grant_of(folded, RK_GRANT_ROOM_JOIN) && is_for_api(folded)) {
        rki_inspect_add(report, FINDING_NOT_A_JOIN, NULL, NULL);
        return;
    }
    if (video == NULL) {
        rki_inspect_add(report, FINDING_NO_VIDEO, "video", NULL);
    } else if (json_is_object(video)) {
        if (!grant_of(folded, RK_GRANT_ROOM_JOIN) &&
            !rki_inspect_has(report, FINDING_CLAIM_TYPE, "video.roomJoin"))
            rki_inspect_add(report, FINDING_NO_ROOM_JOIN, "video.roomJoin", NULL);
        check_room(report, video);
    }
    check_identity(report, folded);
    check_sizes(report, folded);
}

/* ---- what is more than a participant needs ---- */

static const char *const powers[RKI_GRANT_COUNT] = {
    [RK_GRANT_ROOM_CREATE] = "lets the holder create and delete any room",
    [RK_GRANT_ROOM_LIST] = "lets the holder list every room",
    [RK_GRANT_ROOM_RECORD] = "lets the holder record and stream any room",
    [RK_GRANT_ROOM_ADMIN] = "lets the holder moderate its room: remove and mute others, and more",
    [RK_GRANT_CAN_UPDATE_OWN_METADATA] =
        "lets the holder change its own name, metadata and attributes: nobody may trust those then",
    [RK_GRANT_INGRESS_ADMIN] = "lets the holder create, change and delete every ingress",
    [RK_GRANT_HIDDEN] = "joins unseen by the others in the room",
    [RK_GRANT_RECORDER] = "joins as a recorder; deprecated for kind egress",
    [RK_GRANT_AGENT] = "lets the holder register as an agent worker and be sent into any room",
    [RK_GRANT_CAN_MANAGE_AGENT_SESSION] = "lets the holder control agent sessions",
    [RK_GRANT_SIP_ADMIN] = "lets the holder manage every SIP trunk and dispatch rule",
    [RK_GRANT_SIP_CALL] = "lets the holder place phone calls at your cost",
    [RK_GRANT_AGENT_ADMIN] = "lets the holder manage agents (LiveKit Cloud)",
    [RK_GRANT_AGENT_SIMULATION_ADMIN] = "lets the holder run agent simulations (LiveKit Cloud)",
    [RK_GRANT_AGENT_DATABASE_ADMIN] = "lets the holder manage agent databases (LiveKit Cloud)",
    [RK_GRANT_INFERENCE_PERFORM] = "lets the holder run inference at your cost (LiveKit Cloud)",
    [RK_GRANT_OBSERVABILITY_WRITE] = "lets the holder write observability data (LiveKit Cloud)",
};

static void check_powers(struct rki_inspection *report, const json_t *folded)
{
    const json_t *video = json_object_get(folded, "video");

    for (unsigned i = 1; i < RKI_GRANT_COUNT; i++) {
        char path[RKI_INSPECT_PATH];

        if (powers[i] == NULL || !grant_of(folded, (enum rk_grant)i))
            continue;
        rki_inspect_path(rki_grants[i].section, rki_grants[i].key.ptr, path);
        rki_inspect_add(report, FINDING_GRANT, path, powers[i]);
    }
    if (text_of(video, "destinationRoom").len != 0)
        rki_inspect_add(report, FINDING_DESTINATION_ROOM, "video.destinationRoom", NULL);
}

static void check_kind(struct rki_inspection *report, const json_t *folded)
{
    struct rk_str kind = text_of(folded, "kind");
    bool found = false;

    for (unsigned i = RK_KIND_STANDARD; rk_kind_name((enum rk_kind)i).ptr != NULL; i++)
        found = found || rki_str_equal_nocase(kind, rk_kind_name((enum rk_kind)i));
    if (kind.len == 0 || rki_str_equal_nocase(kind, RK_STR("standard")))
        return;
    rki_inspect_add(report, found ? FINDING_KIND : FINDING_KIND_UNKNOWN, "kind", NULL);
}

static void check_sources(struct rki_inspection *report, const json_t *folded)
{
    const json_t *sources = json_object_get(json_object_get(folded, "video"), "canPublishSources");

    for (size_t i = 0; i < json_array_size(sources); i++) {
        struct rk_str name = rki_json_str(json_array_get(sources, i));
        char path[RKI_INSPECT_PATH];

        if (name.ptr == NULL || rk_source_from_name(name) != RK_SOURCE_UNKNOWN)
            continue;
        (void)snprintf(path, sizeof(path), "video.canPublishSources[%zu]", i);
        rki_inspect_add(report, FINDING_SOURCE_UNKNOWN, path, NULL);
    }
}

void rki_inspect_claims(struct rki_inspection *report, const json_t *folded, int64_t now_s)
{
    check_times(report, folded, now_s);
    check_join(report, folded);
    check_powers(report, folded);
    check_kind(report, folded);
    check_sources(report, folded);
}
