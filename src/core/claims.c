/*
 * claims.c - the setters: each checks its value by the rule of its claim, then has it stored.
 *
 * May touch: its arguments. May not touch: the clock, files, any static variable.
 */
#include "core/b64.h"
#include "core/claims_impl.h"
#include "core/room_config.h"
#include "core/text.h"
#include "core/utf8.h"

#include <stdlib.h>

enum {
    SHA256_TEXT = 44, /* 32 bytes in base64 with padding */
};

static enum rk_err set_name(struct rk_claims *claims, enum rki_text_id id, struct rk_str s)
{
    unsigned flags = 0;
    enum rk_err err = rki_text_check_name(s, RK_IDENTITY_MAX, &flags);

    return err == RK_OK ? rki_claims_put_scanned(claims, id, s, flags) : err;
}

/* Empty asks for none. */
static enum rk_err set_or_drop(struct rk_claims *claims, enum rki_text_id id, struct rk_str s)
{
    if (s.len != 0)
        return rki_claims_put_text(claims, id, s);
    claims->texts[id].present = false;
    return RK_OK;
}

enum rk_err rk_claims_set_identity(struct rk_claims *claims, struct rk_str identity)
{
    return set_name(claims, RKI_TEXT_IDENTITY, identity);
}

enum rk_err rk_claims_set_room(struct rk_claims *claims, struct rk_str room)
{
    return set_name(claims, RKI_TEXT_ROOM, room);
}

enum rk_err rk_claims_set_destination_room(struct rk_claims *claims, struct rk_str room)
{
    return set_name(claims, RKI_TEXT_DESTINATION_ROOM, room);
}

enum rk_err rk_claims_set_room_preset(struct rk_claims *claims, struct rk_str preset)
{
    return set_name(claims, RKI_TEXT_ROOM_PRESET, preset);
}

enum rk_err rk_claims_set_id(struct rk_claims *claims, struct rk_str id)
{
    return set_name(claims, RKI_TEXT_ID, id);
}

enum rk_err rk_claims_set_name(struct rk_claims *claims, struct rk_str name)
{
    if (name.len > RK_NAME_MAX)
        return RK_E_TOO_LONG;
    return set_or_drop(claims, RKI_TEXT_NAME, name);
}

enum rk_err rk_claims_set_metadata(struct rk_claims *claims, struct rk_str metadata)
{
    return set_or_drop(claims, RKI_TEXT_METADATA, metadata);
}

enum rk_err rk_claims_set_attribute(struct rk_claims *claims, struct rk_str key,
                                    struct rk_str value)
{
    return rki_claims_put_attribute(claims, key, value);
}

enum rk_err rk_claims_set_kind(struct rk_claims *claims, enum rk_kind kind)
{
    if (rk_kind_name(kind).ptr == NULL)
        return RK_E_UNKNOWN;
    claims->kind = kind;
    rki_claims_note_claim(claims, RKI_CLAIM_KIND);
    return RK_OK;
}

enum rk_err rk_claims_add_kind_detail(struct rk_claims *claims, enum rk_kind_detail detail)
{
    if (rk_kind_detail_name(detail).ptr == NULL)
        return RK_E_UNKNOWN;
    for (size_t i = 0; i < claims->kind_detail_count; i++)
        if (claims->kind_details[i] == (unsigned char)detail)
            return RK_OK;
    claims->kind_details[claims->kind_detail_count++] = (unsigned char)detail;
    rki_claims_note_claim(claims, RKI_CLAIM_KIND_DETAILS);
    return RK_OK;
}

enum rk_err rk_claims_set_grant(struct rk_claims *claims, enum rk_grant grant, bool value)
{
    if (grant == RK_GRANT_NONE || (size_t)grant >= RKI_GRANT_COUNT)
        return RK_E_UNKNOWN;
    claims->grants_set |= rki_grant_bit(grant);
    if (value)
        claims->grants_true |= rki_grant_bit(grant);
    else
        claims->grants_true &= ~rki_grant_bit(grant);
    rki_claims_note_member(claims, rki_grants[grant].section, (unsigned)grant);
    return RK_OK;
}

enum rk_err rk_claims_set_publish_sources(struct rk_claims *claims, const enum rk_source *sources,
                                          size_t count)
{
    unsigned seen = 0;

    for (size_t i = 0; i < count; i++) {
        if (sources[i] == RK_SOURCE_UNKNOWN || rk_source_name(sources[i]).ptr == NULL)
            return RK_E_UNKNOWN;
        if ((seen & 1u << (unsigned)sources[i]) != 0)
            return RK_E_INVAL;
        seen |= 1u << (unsigned)sources[i];
    }
    for (size_t i = 0; i < count; i++) /* no source twice: they fit */
        claims->sources[i] = (unsigned char)sources[i];
    claims->source_count = (unsigned char)count;
    claims->has_sources = true;
    rki_claims_note_member(claims, RK_SECTION_VIDEO, RKI_MEMBER_SOURCES);
    return RK_OK;
}

enum rk_err rk_claims_set_sha256(struct rk_claims *claims, struct rk_str base64)
{
    char digest[SHA256_TEXT];
    size_t len = 0;

    if (base64.len != SHA256_TEXT ||
        rki_b64_std_decode(base64, digest, sizeof(digest), &len) != RK_OK || len != 32)
        return RK_E_INVAL;
    return rki_claims_put_text(claims, RKI_TEXT_SHA256, base64);
}

enum rk_err rki_claims_set_room_config_raw(struct rk_claims *claims, struct rk_str json)
{
    enum rk_err err =
        rki_claims_put_text(claims, RKI_TEXT_ROOM_CONFIG, json.len == 0 ? RK_STR("{}") : json);

    if (err == RK_OK)
        claims->has_credentials = false;
    return err;
}

enum rk_err rk_claims_set_room_config(struct rk_claims *claims, struct rk_str json,
                                      struct rk_diag *out_diag)
{
    char *written = NULL;
    struct rki_buf buf;
    json_t *config = NULL;
    struct rk_diag diag = {.text = ""}; /* the parser knows no field */
    enum rk_err err = rki_json_parse(json, 0, &config, &diag);

    if (err != RK_OK) {
        rki_diag_set(out_diag, "roomConfig", diag.text);
        goto out;
    }
    err = RK_E_NOMEM;
    written = malloc(RK_CLAIMS_MAX);
    if (written == NULL)
        goto out;
    buf = rki_buf_over(written, RK_CLAIMS_MAX);
    err = rki_room_config_write(config, 0, &buf, NULL, out_diag);
    if (err == RK_OK && buf.overflow)
        err = RK_E_TOO_LONG;
    if (err == RK_OK)
        err = rki_claims_set_room_config_raw(claims, rki_buf_str(&buf));
out:
    if (err == RK_E_TOO_LONG || err == RK_E_NOMEM)
        rki_diag_set(out_diag, "roomConfig", rk_err_text(err));
    free(written);
    json_decref(config);
    return err;
}

enum rk_err rk_claims_set_ttl(struct rk_claims *claims, int64_t ttl_s)
{
    if (ttl_s < 1 || ttl_s > RK_TTL_MAX_S)
        return RK_E_INVAL;
    claims->ttl_s = ttl_s;
    return RK_OK;
}

struct rk_str rki_claims_known_name(struct rk_str name)
{
    static const struct rk_str known[] = {
        RK_STR_INIT("iss"),         RK_STR_INIT("sub"),        RK_STR_INIT("exp"),
        RK_STR_INIT("nbf"),         RK_STR_INIT("iat"),        RK_STR_INIT("jti"),
        RK_STR_INIT("identity"),    RK_STR_INIT("name"),       RK_STR_INIT("kind"),
        RK_STR_INIT("kindDetails"), RK_STR_INIT("video"),      RK_STR_INIT("sip"),
        RK_STR_INIT("agent"),       RK_STR_INIT("inference"),  RK_STR_INIT("observability"),
        RK_STR_INIT("roomConfig"),  RK_STR_INIT("roomPreset"), RK_STR_INIT("sha256"),
        RK_STR_INIT("metadata"),    RK_STR_INIT("attributes"),
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (rki_utf8_folds_to(name, known[i]))
            return known[i];
    return rki_str(NULL, 0);
}

enum rk_err rk_claims_set_extra(struct rk_claims *claims, struct rk_str name, struct rk_str json,
                                struct rk_diag *out_diag)
{
    unsigned flags = 0;
    json_t *value = NULL;
    enum rk_err err;

    if (name.len == 0 || rki_text_scan(name, &flags) != RK_OK)
        return rki_diag_fail(out_diag, RK_E_INVAL, "",
                             "the name of the claim is empty or not UTF-8");
    if (rki_claims_known_name(name).ptr != NULL)
        return rki_diag_fail(out_diag, RK_E_INVAL, "", "this claim has a setter of its own");
    err = rki_json_parse(json, 0, &value, out_diag); /* to judge it; what is written is the text */
    json_decref(value);
    if (err == RK_OK)
        err = rki_claims_put_extra(claims, name, json);
    if (err == RK_E_TOO_LONG)
        rki_diag_set(out_diag, "", rk_err_text(err));
    return err;
}

static enum rk_err check_join(const struct rk_claims *claims, struct rk_diag *diag)
{
    if (!claims->texts[RKI_TEXT_IDENTITY].present)
        return rki_diag_fail(diag, RK_E_STATE, "sub", "roomJoin needs an identity");
    if (!claims->texts[RKI_TEXT_ROOM].present)
        return rki_diag_fail(diag, RK_E_STATE, "video.room", "roomJoin needs a room");
    return RK_OK;
}

enum rk_err rki_claims_check(const struct rk_claims *claims, bool needs_grant,
                             struct rk_diag *out_diag)
{
    if (needs_grant && claims->sections == 0 && !claims->texts[RKI_TEXT_SHA256].present)
        return rki_diag_fail(out_diag, RK_E_STATE, "video", "no grant is set");
    if (claims->texts[RKI_TEXT_ID].present && !claims->texts[RKI_TEXT_IDENTITY].present)
        return rki_diag_fail(out_diag, RK_E_STATE, "sub",
                             "without an identity LiveKit takes jti for one");
    if (claims->texts[RKI_TEXT_IDENTITY].len > RK_IDENTITY_MAX)
        return rki_diag_fail(out_diag, RK_E_TOO_LONG, "sub", "at most 256 bytes");
    if (claims->texts[RKI_TEXT_ROOM].len > RK_IDENTITY_MAX)
        return rki_diag_fail(out_diag, RK_E_TOO_LONG, "video.room", "at most 256 bytes");
    if (claims->has_credentials)
        return rki_diag_fail(out_diag, RK_E_CREDENTIALS, "roomConfig",
                             "holds credentials that every participant could read");
    if ((claims->grants_true & rki_grant_bit(RK_GRANT_ROOM_JOIN)) != 0)
        return check_join(claims, out_diag);
    return RK_OK;
}

enum rk_err rk_claims_check(const struct rk_claims *claims, struct rk_diag *out_diag)
{
    return rki_claims_check(claims, true, out_diag);
}
