/*
 * claims_get.c - the getters.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/claims_impl.h"

struct rk_str rk_claims_identity(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_IDENTITY);
}

struct rk_str rk_claims_name(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_NAME);
}

struct rk_str rk_claims_metadata(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_METADATA);
}

struct rk_str rk_claims_room(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_ROOM);
}

struct rk_str rk_claims_destination_room(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_DESTINATION_ROOM);
}

struct rk_str rk_claims_sha256(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_SHA256);
}

struct rk_str rk_claims_room_preset(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_ROOM_PRESET);
}

struct rk_str rk_claims_room_config(const struct rk_claims *claims)
{
    struct rk_str json = rki_claims_text(claims, RKI_TEXT_ROOM_CONFIG);

    return rki_str_equal(json, RK_STR("{}")) ? rki_str(NULL, 0) : json;
}

struct rk_str rk_claims_id(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_ID);
}

struct rk_str rk_claims_issuer(const struct rk_claims *claims)
{
    return rki_claims_text(claims, RKI_TEXT_ISSUER);
}

enum rk_kind rk_claims_kind(const struct rk_claims *claims)
{
    return claims->kind;
}

enum rk_tri rk_claims_grant(const struct rk_claims *claims, enum rk_grant grant)
{
    if ((size_t)grant >= RKI_GRANT_COUNT || (claims->grants_set & rki_grant_bit(grant)) == 0)
        return RK_ABSENT;
    return (claims->grants_true & rki_grant_bit(grant)) != 0 ? RK_TRUE : RK_FALSE;
}

int64_t rk_claims_ttl(const struct rk_claims *claims)
{
    return claims->ttl_s == 0 ? RK_TTL_DEFAULT_S : claims->ttl_s;
}

bool rk_claims_has_section(const struct rk_claims *claims, enum rk_section section)
{
    return (size_t)section < RKI_SECTION_COUNT && (claims->sections & 1u << (unsigned)section) != 0;
}

bool rk_claims_has_publish_sources(const struct rk_claims *claims)
{
    return claims->has_sources;
}

size_t rk_claims_publish_source_count(const struct rk_claims *claims)
{
    return claims->source_count;
}

enum rk_source rk_claims_publish_source_at(const struct rk_claims *claims, size_t index)
{
    return index < claims->source_count ? (enum rk_source)claims->sources[index]
                                        : RK_SOURCE_UNKNOWN;
}

size_t rk_claims_kind_detail_count(const struct rk_claims *claims)
{
    return claims->kind_detail_count;
}

enum rk_kind_detail rk_claims_kind_detail_at(const struct rk_claims *claims, size_t index)
{
    return index < claims->kind_detail_count ? (enum rk_kind_detail)claims->kind_details[index]
                                             : RK_KIND_DETAIL_NONE;
}

static bool pair_at(const struct rk_claims *claims, const struct rki_pair *pairs, size_t count,
                    size_t index, struct rk_str *out_key, struct rk_str *out_value)
{
    if (index >= count)
        return false;
    *out_key = rki_claims_view(claims, &pairs[index].key);
    *out_value = rki_claims_view(claims, &pairs[index].value);
    return true;
}

size_t rk_claims_attribute_count(const struct rk_claims *claims)
{
    return claims->attribute_count;
}

bool rk_claims_attribute_at(const struct rk_claims *claims, size_t index, struct rk_str *out_key,
                            struct rk_str *out_value)
{
    return pair_at(claims, claims->attributes, claims->attribute_count, index, out_key, out_value);
}

size_t rk_claims_extra_count(const struct rk_claims *claims)
{
    return claims->extra_count;
}

bool rk_claims_extra_at(const struct rk_claims *claims, size_t index, struct rk_str *out_name,
                        struct rk_str *out_json)
{
    return pair_at(claims, claims->extras, claims->extra_count, index, out_name, out_json);
}

static bool time_of(const struct rki_time *time, int64_t *out_s)
{
    if (time->present)
        *out_s = time->s;
    return time->present;
}

bool rk_claims_issued_at(const struct rk_claims *claims, int64_t *out_s)
{
    return time_of(&claims->issued_at, out_s);
}

bool rk_claims_not_before(const struct rk_claims *claims, int64_t *out_s)
{
    return time_of(&claims->not_before, out_s);
}

bool rk_claims_expires_at(const struct rk_claims *claims, int64_t *out_s)
{
    return time_of(&claims->expires_at, out_s);
}
