/*
 * profile.c - profiles and the ceiling: which grants a name stands for (semantics D27-D29).
 *
 * Everything about a profile is settled here, at load; a decision only copies it. May touch: its
 * arguments.
 */
#include "core/grants.h"
#include "policy/compiled.h"

#define BIT(name) RKD_GRANT_BIT(RK_GRANT_##name)
#define SPEAKER (BIT(ROOM_JOIN) | BIT(CAN_PUBLISH) | BIT(CAN_SUBSCRIBE) | BIT(CAN_PUBLISH_DATA))

/* D29 */
static const struct {
    struct rk_str name;
    uint32_t grants, sources;
} built_in[] = {
    {RK_STR_INIT("speaker"), SPEAKER, 0},
    {RK_STR_INIT("audio-only"), SPEAKER, RKD_SOURCE_BIT(RK_SOURCE_MICROPHONE)},
    {RK_STR_INIT("listener"), BIT(ROOM_JOIN) | BIT(CAN_SUBSCRIBE), 0},
    {RK_STR_INIT("moderator"), SPEAKER | BIT(ROOM_ADMIN), 0},
    {RK_STR_INIT("agent"), SPEAKER | BIT(AGENT) | BIT(CAN_UPDATE_OWN_METADATA), 0},
};

bool rkd_profile_built_in(struct rk_str name, struct rkd_decision *out)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
        if (!rki_str_equal(built_in[i].name, name))
            continue;
        out->grants = built_in[i].grants;
        out->written = built_in[i].grants | SPEAKER; /* what is absent is true to LiveKit */
        out->sources = built_in[i].sources;
        out->kind = (built_in[i].grants & BIT(AGENT)) != 0 ? RK_KIND_AGENT : RK_KIND_UNSET;
        return true;
    }
    return false;
}

static const uint32_t default_ceiling = SPEAKER | BIT(CAN_UPDATE_OWN_METADATA) | BIT(ROOM_ADMIN);

/* D28: power beyond the room, or a presence nobody sees. */
static const uint32_t dangerous = BIT(ROOM_CREATE) | BIT(ROOM_LIST) | BIT(ROOM_RECORD) |
                                  BIT(INGRESS_ADMIN) | BIT(AGENT) | BIT(HIDDEN) | BIT(RECORDER) |
                                  BIT(SIP_ADMIN) | BIT(SIP_CALL);

static uint32_t section_grants(enum rk_section section)
{
    uint32_t grants = 0;

    for (unsigned grant = 1; grant < RKI_GRANT_COUNT; grant++)
        if (rki_grants[grant].section == section)
            grants |= rki_grant_bit((enum rk_grant)grant);
    return grants;
}

/* ---- ceiling ---- */

static enum rk_err read_ceiling_grants(const struct rkd_compile *compile, uint32_t *out)
{
    const struct rkd_raw_list *list = &compile->raw->ceiling.grants;
    const uint32_t known = section_grants(RK_SECTION_VIDEO) | section_grants(RK_SECTION_SIP);

    *out = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct rk_str name = list->items[i].text;
        enum rk_grant grant = rk_grant_from_name(name);

        if (rki_str_equal(name, RK_STR("canPublishSources")))
            continue; /* a restriction: no ceiling removes it (D27) */
        if (grant == RK_GRANT_NONE || (known & RKD_GRANT_BIT(grant)) == 0)
            return rkd_refuse_raw(compile, list->items[i].at, "grants",
                                  "expected a grant LiveKit has, such as canPublish or sip.call");
        *out |= RKD_GRANT_BIT(grant);
    }
    if ((*out & BIT(ROOM_JOIN)) == 0)
        return rkd_refuse_raw(compile, list->at, "grants",
                              "expected roomJoin, without which nobody joins");
    return RK_OK;
}

enum rk_err rkd_compile_ceiling(const struct rkd_compile *compile)
{
    const struct rkd_raw_ceiling *raw = &compile->raw->ceiling;
    struct rkd_policy *policy = compile->policy;

    policy->ceiling = default_ceiling;
    policy->ceiling_ttl_s = RKD_CEILING_TTL_S;
    if (raw->ttl.is_set && raw->ttl.ms < RKD_TTL_MIN_S * INT64_C(1000))
        return rkd_refuse_raw(compile, raw->ttl.at, "ttl", "expected 10s or more");
    if (raw->ttl.is_set && raw->ttl.ms > RK_TTL_MAX_S * INT64_C(1000))
        return rkd_refuse_raw(compile, raw->ttl.at, "ttl", "expected a year or less");
    if (raw->ttl.is_set)
        policy->ceiling_ttl_s = raw->ttl.ms / 1000;
    return raw->grants.is_set ? read_ceiling_grants(compile, &policy->ceiling) : RK_OK;
}

/* ---- profiles ---- */

struct draft {
    const struct rkd_compile *compile;
    struct rkd_profile *profile;
    enum rk_kind kind;
    struct rkd_pos kind_at;
    bool has_reason;
};

static enum rk_err refuse(const struct draft *draft, struct rkd_pos at, const char *key,
                          const char *text)
{
    return rkd_refuse_raw(draft->compile, at, key, text);
}

static enum rk_err read_sources(struct draft *draft, const struct rkd_value *value)
{
    static const char expected[] =
        "expected a list of camera, microphone, screen_share, screen_share_audio";

    if (value->kind != RKD_VALUE_LIST)
        return refuse(draft, value->at, "canPublishSources", expected);
    if (value->count == 0) /* LiveKit reads an empty list as every source */
        return refuse(draft, value->at, "canPublishSources",
                      "expected at least one source; for none write canPublish: false");
    for (size_t i = 0; i < value->count; i++) {
        const struct rkd_value *item = &value->items[i];
        enum rk_source source =
            item->kind == RKD_VALUE_STRING ? rk_source_from_name(item->text) : RK_SOURCE_UNKNOWN;

        if (source == RK_SOURCE_UNKNOWN)
            return refuse(draft, item->at, "canPublishSources", expected);
        draft->profile->sources |= RKD_SOURCE_BIT(source);
    }
    return RK_OK;
}

static enum rk_err read_grant(struct draft *draft, const struct rkd_value *value, const char *key,
                              enum rk_grant grant)
{
    if (value->kind != RKD_VALUE_BOOL)
        return refuse(draft, value->at, key, "expected true or false");
    if (grant == RK_GRANT_ROOM_JOIN && !value->boolean)
        return refuse(draft, value->at, key, "expected true, or nothing: every profile joins");
    if (value->boolean)
        draft->profile->wanted |= RKD_GRANT_BIT(grant);
    return RK_OK;
}

static enum rk_err read_sip(struct draft *draft, const struct rkd_value *value)
{
    if (value->kind != RKD_VALUE_MAP || value->count == 0)
        return refuse(draft, value->at, "sip", "expected a map of admin and call");
    for (size_t i = 0; i < value->count; i++) {
        const struct rkd_value_member *member = &value->members[i];
        const bool is_admin = rki_str_equal(member->key, RK_STR("admin"));
        enum rk_err err;

        if (!is_admin && !rki_str_equal(member->key, RK_STR("call")))
            return refuse(draft, member->at, "sip", "expected admin or call");
        err = read_grant(draft, &member->value, is_admin ? "admin" : "call",
                         is_admin ? RK_GRANT_SIP_ADMIN : RK_GRANT_SIP_CALL);
        if (err != RK_OK)
            return err;
    }
    return RK_OK;
}

static enum rk_err read_kind(struct draft *draft, const struct rkd_value *value)
{
    draft->kind = value->kind == RKD_VALUE_STRING ? rk_kind_from_name(value->text) : RK_KIND_UNSET;
    draft->kind_at = value->at;
    if (draft->kind == RK_KIND_UNSET)
        return refuse(draft, value->at, "kind",
                      "expected a participant kind, such as standard or agent");
    return RK_OK;
}

static enum rk_err read_member(struct draft *draft, const struct rkd_value_member *member)
{
    const struct rkd_value *value = &member->value;
    const enum rk_grant grant = rk_grant_from_name(member->key);

    if (rki_str_equal(member->key, RK_STR("kind")))
        return read_kind(draft, value);
    if (rki_str_equal(member->key, RK_STR("sip")))
        return read_sip(draft, value);
    if (rki_str_equal(member->key, RK_STR("canPublishSources")))
        return read_sources(draft, value);
    if (rki_str_equal(member->key, RK_STR("danger"))) {
        draft->has_reason = value->kind == RKD_VALUE_STRING && value->text.len != 0;
        return draft->has_reason
                   ? RK_OK
                   : refuse(draft, value->at, "danger", "expected the reason, as a text");
    }
    /* rk_grant_from_name also takes "video.canPublish" and the other objects' grants */
    if (grant == RK_GRANT_NONE || rki_grants[grant].section != RK_SECTION_VIDEO ||
        !rki_str_equal(member->key, rki_grants[grant].name))
        return refuse(draft, member->at, "profiles",
                      "expected a grant as LiveKit writes it (canPublish, roomAdmin; not room, "
                      "destinationRoom), or kind, sip, "
                      "danger");
    return read_grant(draft, value, rki_grants[grant].name.ptr, grant);
}

/* What the members must be together (D28). */
static enum rk_err check_file_profile(const struct draft *draft)
{
    const struct rkd_raw_profile *raw = draft->profile->raw;
    const bool is_agent = (draft->profile->wanted & BIT(AGENT)) != 0;

    if ((draft->profile->wanted & dangerous) != 0 && !draft->has_reason)
        return refuse(
            draft, raw->body.at, "danger",
            "expected danger: \"the reason\", since a grant reaches beyond the room or hides");
    if (draft->kind == RK_KIND_AGENT && !is_agent)
        return refuse(draft, draft->kind_at, "kind", "expected the grant agent beside kind: agent");
    if (draft->kind != RK_KIND_UNSET && draft->kind != RK_KIND_AGENT && is_agent)
        return refuse(draft, draft->kind_at, "kind", "expected kind: agent beside the grant agent");
    return RK_OK;
}

/* The ceiling cuts; kind follows the agent grant. */
static void settle(const struct rkd_policy *policy, struct rkd_profile *profile, enum rk_kind kind)
{
    profile->wanted |= BIT(ROOM_JOIN);
    profile->grants = profile->wanted & policy->ceiling;
    profile->written = section_grants(RK_SECTION_VIDEO) | profile->grants;
    profile->kind = kind;
    if ((profile->wanted & BIT(AGENT)) != 0)
        profile->kind = (profile->grants & BIT(AGENT)) != 0 ? RK_KIND_AGENT : RK_KIND_STANDARD;
}

static enum rk_err compile_profile(const struct rkd_compile *compile,
                                   const struct rkd_raw_profile *raw, struct rkd_profile *out)
{
    struct draft draft = {.compile = compile, .profile = out};
    enum rk_err err = RK_OK;

    out->raw = raw;
    out->name = raw->name.text;
    if (raw->body.kind != RKD_VALUE_MAP)
        return rkd_refuse_raw(compile, raw->body.at, "profiles", "expected a map of grants");
    for (size_t i = 0; i < raw->body.count && err == RK_OK; i++)
        err = read_member(&draft, &raw->body.members[i]);
    if (err == RK_OK)
        err = check_file_profile(&draft);
    if (err == RK_OK)
        settle(compile->policy, out, draft.kind);
    return err;
}

enum rk_err rkd_compile_profiles(const struct rkd_compile *compile)
{
    const struct rkd_raw *raw = compile->raw;
    struct rkd_policy *policy = compile->policy;

    policy->profiles = rkd_pool_take(&policy->pool, raw->profile_count + ARRAY_LEN(built_in),
                                     sizeof(*policy->profiles));
    if (policy->profiles == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < raw->profile_count; i++) {
        enum rk_err err;

        if (raw->profiles[i].name.text.len == 0)
            return rkd_refuse_raw(compile, raw->profiles[i].name.at, "profiles", "expected a name");
        if (rkd_find_profile(policy, raw->profiles[i].name.text) != NULL)
            return rkd_refuse_raw(compile, raw->profiles[i].name.at, "profiles",
                                  "expected every name only once");
        err = compile_profile(compile, &raw->profiles[i], &policy->profiles[i]);
        if (err != RK_OK)
            return err;
        policy->profile_count++;
    }
    for (size_t i = 0; i < ARRAY_LEN(built_in); i++) { /* found after those of the file */
        struct rkd_profile *profile = &policy->profiles[policy->profile_count++];

        profile->name = built_in[i].name;
        profile->wanted = built_in[i].grants;
        profile->sources = built_in[i].sources;
        settle(policy, profile, RK_KIND_UNSET);
    }
    return RK_OK;
}

const struct rkd_profile *rkd_find_profile(const struct rkd_policy *policy, struct rk_str name)
{
    for (size_t i = 0; i < policy->profile_count; i++)
        if (rki_str_equal(policy->profiles[i].name, name))
            return &policy->profiles[i];
    return NULL;
}
