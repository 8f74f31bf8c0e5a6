/*
 * claims_write.c - writes claims as the members of a JWT payload.
 *
 * May touch: its arguments. Every member is written with a comma behind it and the last comma
 * becomes the closing brace: no question "am I the first?" on the hot path.
 */
#include "core/claims_impl.h"
#include "core/room_config.h"

static void write_sources(const struct rk_claims *claims, struct rki_buf *buf)
{
    rki_buf_lit(buf, "\"canPublishSources\":[");
    for (size_t i = 0; i < claims->source_count; i++) {
        rki_buf_char(buf, '"');
        rki_buf_put(buf, rk_source_name((enum rk_source)claims->sources[i]));
        rki_buf_lit(buf, "\",");
    }
    rki_claims_close(buf, ']');
    rki_buf_char(buf, ',');
}

/* `member` is a grant that is set, or one of enum rki_member. */
static void write_member(const struct rk_claims *claims, struct rki_buf *buf, unsigned member)
{
    if (member == RKI_MEMBER_ROOM)
        rki_claims_write_text(claims, buf, RK_STR("\"room\":"), RKI_TEXT_ROOM);
    else if (member == RKI_MEMBER_DESTINATION_ROOM)
        rki_claims_write_text(claims, buf, RK_STR("\"destinationRoom\":"),
                              RKI_TEXT_DESTINATION_ROOM);
    else if (member == RKI_MEMBER_SOURCES)
        write_sources(claims, buf);
    else
        rki_buf_put(buf, rki_grants[member].json[claims->grants_true >> member & 1]);
}

static void write_section(const struct rk_claims *claims, struct rki_buf *buf, unsigned section)
{
    const struct rki_section *in = &rki_sections[section];

    if ((claims->sections & 1u << section) == 0)
        return;
    rki_buf_put(buf, in->json);
    if (section == RK_SECTION_VIDEO)
        write_member(claims, buf, RKI_MEMBER_ROOM);
    for (unsigned grant = (unsigned)in->first; grant <= (unsigned)in->last; grant++)
        if ((claims->grants_set >> grant & 1) != 0)
            write_member(claims, buf, grant);
    if (section == RK_SECTION_VIDEO && claims->has_sources)
        write_sources(claims, buf);
    if (section == RK_SECTION_VIDEO)
        write_member(claims, buf, RKI_MEMBER_DESTINATION_ROOM);
    rki_claims_close(buf, '}');
    rki_buf_char(buf, ',');
}

static unsigned section_of(unsigned member)
{
    return member < RKI_GRANT_COUNT ? (unsigned)rki_grants[member].section : RK_SECTION_VIDEO;
}

static void write_section_js(const struct rk_claims *claims, struct rki_buf *buf, unsigned section)
{
    rki_buf_put(buf, rki_sections[section].json);
    for (size_t i = 0; i < claims->members_order.count; i++)
        if (section_of(claims->member_codes[i]) == section)
            write_member(claims, buf, claims->member_codes[i]);
    rki_claims_close(buf, '}');
    rki_buf_char(buf, ',');
}

static void write_kind(const struct rk_claims *claims, struct rki_buf *buf)
{
    if (claims->kind == RK_KIND_UNSET)
        return;
    rki_buf_lit(buf, "\"kind\":\"");
    rki_buf_put(buf, rk_kind_name(claims->kind));
    rki_buf_lit(buf, "\",");
}

static void write_kind_details(const struct rk_claims *claims, struct rki_buf *buf)
{
    if (claims->kind_detail_count == 0)
        return;
    rki_buf_lit(buf, "\"kindDetails\":[");
    for (size_t i = 0; i < claims->kind_detail_count; i++) {
        rki_buf_char(buf, '"');
        rki_buf_put(buf, rk_kind_detail_name((enum rk_kind_detail)claims->kind_details[i]));
        rki_buf_lit(buf, "\",");
    }
    rki_claims_close(buf, ']');
    rki_buf_char(buf, ',');
}

static void write_attributes(const struct rk_claims *claims, struct rki_buf *buf)
{
    if (claims->attribute_count == 0)
        return;
    rki_buf_lit(buf, "\"attributes\":{");
    for (size_t i = 0; i < claims->attribute_count; i++) {
        rki_claims_quote(claims, buf, &claims->attributes[i].key);
        rki_buf_char(buf, ':');
        rki_claims_quote(claims, buf, &claims->attributes[i].value);
        rki_buf_char(buf, ',');
    }
    rki_claims_close(buf, '}');
    rki_buf_char(buf, ',');
}

static void write_room_config(const struct rk_claims *claims, struct rki_buf *buf)
{
    struct rk_str json = rk_claims_room_config(claims);

    if (json.ptr == NULL)
        return;
    rki_buf_lit(buf, "\"roomConfig\":");
    rki_buf_put(buf, json);
    rki_buf_char(buf, ',');
}

/* The text we keep has no defaults; the Node SDK writes them all, even for {}. */
static enum rk_err write_room_config_js(const struct rk_claims *claims, struct rki_buf *buf)
{
    json_t *config = NULL;
    enum rk_err err =
        rki_json_parse(rki_claims_text(claims, RKI_TEXT_ROOM_CONFIG), 0, &config, NULL);

    if (err != RK_OK)
        return err;
    rki_buf_lit(buf, "\"roomConfig\":");
    err = rki_room_config_write(config, RKI_RC_ALL_DEFAULTS, buf, NULL, NULL);
    rki_buf_char(buf, ',');
    json_decref(config);
    return err;
}

static void write_extra(const struct rk_claims *claims, struct rki_buf *buf, size_t index)
{
    rki_claims_quote(claims, buf, &claims->extras[index].key);
    rki_buf_char(buf, ':');
    rki_buf_put(buf, rki_claims_view(claims, &claims->extras[index].value));
    rki_buf_char(buf, ',');
}

static void write_name(const struct rk_claims *claims, struct rki_buf *buf)
{
    rki_claims_write_text(claims, buf, RK_STR("\"name\":"), RKI_TEXT_NAME);
}

static void write_metadata(const struct rk_claims *claims, struct rki_buf *buf)
{
    rki_claims_write_text(claims, buf, RK_STR("\"metadata\":"), RKI_TEXT_METADATA);
}

static void write_sha256(const struct rk_claims *claims, struct rki_buf *buf)
{
    rki_claims_write_text(claims, buf, RK_STR("\"sha256\":"), RKI_TEXT_SHA256);
}

static void write_room_preset(const struct rk_claims *claims, struct rki_buf *buf)
{
    rki_claims_write_text(claims, buf, RK_STR("\"roomPreset\":"), RKI_TEXT_ROOM_PRESET);
}

void rki_claims_write(const struct rk_claims *claims, struct rki_buf *buf)
{
    write_name(claims, buf);
    write_kind(claims, buf);
    write_kind_details(claims, buf);
    for (unsigned section = RK_SECTION_VIDEO; section < RKI_SECTION_COUNT; section++)
        write_section(claims, buf, section);
    write_room_config(claims, buf);
    write_room_preset(claims, buf);
    write_sha256(claims, buf);
    write_metadata(claims, buf);
    write_attributes(claims, buf);
    for (size_t i = 0; i < claims->extra_count; i++)
        write_extra(claims, buf, i);
}

static enum rk_err write_claim_js(const struct rk_claims *claims, struct rki_buf *buf,
                                  unsigned claim)
{
    typedef void (*write_fn)(const struct rk_claims *claims, struct rki_buf *buf);
    static const write_fn writers[RKI_CLAIM_COUNT] = {
        [RKI_CLAIM_NAME] = write_name,
        [RKI_CLAIM_KIND] = write_kind,
        [RKI_CLAIM_KIND_DETAILS] = write_kind_details,
        [RKI_CLAIM_ROOM_PRESET] = write_room_preset,
        [RKI_CLAIM_SHA256] = write_sha256,
        [RKI_CLAIM_METADATA] = write_metadata,
        [RKI_CLAIM_ATTRIBUTES] = write_attributes,
    };

    if (claim == RKI_CLAIM_ROOM_CONFIG)
        return write_room_config_js(claims, buf);
    if (claim >= RKI_CLAIM_COUNT)
        write_extra(claims, buf, claim - RKI_CLAIM_COUNT);
    else if (writers[claim] != NULL)
        writers[claim](claims, buf);
    else
        write_section_js(claims, buf, claim - RKI_CLAIM_SECTION + 1);
    return RK_OK;
}

enum rk_err rki_claims_write_js(const struct rk_claims *claims, struct rki_buf *buf)
{
    for (size_t i = 0; i < claims->claims_order.count; i++) {
        enum rk_err err = write_claim_js(claims, buf, claims->claim_codes[i]);

        if (err != RK_OK)
            return err;
    }
    return RK_OK;
}

static void write_time(struct rki_buf *buf, struct rk_str key, const struct rki_time *time)
{
    if (!time->present)
        return;
    rki_buf_put(buf, key);
    rki_buf_int(buf, time->s);
    rki_buf_char(buf, ',');
}

enum rk_err rk_claims_write_json(const struct rk_claims *claims, char *out, size_t cap,
                                 size_t *out_len)
{
    struct rki_buf buf = rki_buf_over(out, cap);

    rki_buf_char(&buf, '{');
    rki_claims_write_text(claims, &buf, RK_STR("\"iss\":"), RKI_TEXT_ISSUER);
    rki_claims_write_text(claims, &buf, RK_STR("\"sub\":"), RKI_TEXT_IDENTITY);
    write_time(&buf, RK_STR("\"iat\":"), &claims->issued_at);
    write_time(&buf, RK_STR("\"nbf\":"), &claims->not_before);
    write_time(&buf, RK_STR("\"exp\":"), &claims->expires_at);
    rki_claims_write_text(claims, &buf, RK_STR("\"jti\":"), RKI_TEXT_ID);
    rki_claims_write(claims, &buf);
    rki_claims_close(&buf, '}');
    if (buf.overflow) {
        rk_wipe(out, cap);
        return RK_E_TOO_LONG;
    }
    *out_len = buf.len;
    return RK_OK;
}
