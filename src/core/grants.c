/*
 * grants.c - the names of grants, kinds and track sources.
 *
 * May touch: its arguments. Nothing else. The order of the tables is that of the public enums,
 * which is ABI; a new grant goes to the end of its enum and needs its own range here.
 */
#include "core/grants.h"

/* clang-format off */
#define WRITTEN(key) {RK_STR_INIT("\"" key "\":false,"), RK_STR_INIT("\"" key "\":true,")}
#define VIDEO(key) {RK_STR_INIT(key), RK_STR_INIT(key), WRITTEN(key), RK_SECTION_VIDEO}
#define OTHER(in, key, section) {RK_STR_INIT(in "." key), RK_STR_INIT(key), WRITTEN(key), section}
#define SECTION(key, first, last) {RK_STR_INIT(key), RK_STR_INIT("\"" key "\":{"), first, last}

const struct rki_grant rki_grants[RKI_GRANT_COUNT] = {
    [RK_GRANT_ROOM_CREATE] = VIDEO("roomCreate"),
    [RK_GRANT_ROOM_LIST] = VIDEO("roomList"),
    [RK_GRANT_ROOM_RECORD] = VIDEO("roomRecord"),
    [RK_GRANT_ROOM_ADMIN] = VIDEO("roomAdmin"),
    [RK_GRANT_ROOM_JOIN] = VIDEO("roomJoin"),
    [RK_GRANT_CAN_PUBLISH] = VIDEO("canPublish"),
    [RK_GRANT_CAN_SUBSCRIBE] = VIDEO("canSubscribe"),
    [RK_GRANT_CAN_PUBLISH_DATA] = VIDEO("canPublishData"),
    [RK_GRANT_CAN_UPDATE_OWN_METADATA] = VIDEO("canUpdateOwnMetadata"),
    [RK_GRANT_INGRESS_ADMIN] = VIDEO("ingressAdmin"),
    [RK_GRANT_HIDDEN] = VIDEO("hidden"),
    [RK_GRANT_RECORDER] = VIDEO("recorder"),
    [RK_GRANT_AGENT] = VIDEO("agent"),
    [RK_GRANT_CAN_SUBSCRIBE_METRICS] = VIDEO("canSubscribeMetrics"),
    [RK_GRANT_CAN_MANAGE_AGENT_SESSION] = VIDEO("canManageAgentSession"),
    [RK_GRANT_SIP_ADMIN] = OTHER("sip", "admin", RK_SECTION_SIP),
    [RK_GRANT_SIP_CALL] = OTHER("sip", "call", RK_SECTION_SIP),
    [RK_GRANT_AGENT_ADMIN] = OTHER("agent", "admin", RK_SECTION_AGENT),
    [RK_GRANT_AGENT_SIMULATION_ADMIN] = OTHER("agent", "simulationAdmin", RK_SECTION_AGENT),
    [RK_GRANT_AGENT_DATABASE_ADMIN] = OTHER("agent", "databaseAdmin", RK_SECTION_AGENT),
    [RK_GRANT_INFERENCE_PERFORM] = OTHER("inference", "perform", RK_SECTION_INFERENCE),
    [RK_GRANT_OBSERVABILITY_WRITE] = OTHER("observability", "write", RK_SECTION_OBSERVABILITY),
};

const struct rki_section rki_sections[RKI_SECTION_COUNT] = {
    [RK_SECTION_VIDEO] = SECTION("video", RK_GRANT_ROOM_CREATE, RK_GRANT_CAN_MANAGE_AGENT_SESSION),
    [RK_SECTION_SIP] = SECTION("sip", RK_GRANT_SIP_ADMIN, RK_GRANT_SIP_CALL),
    [RK_SECTION_AGENT] = SECTION("agent", RK_GRANT_AGENT_ADMIN, RK_GRANT_AGENT_DATABASE_ADMIN),
    [RK_SECTION_INFERENCE] =
        SECTION("inference", RK_GRANT_INFERENCE_PERFORM, RK_GRANT_INFERENCE_PERFORM),
    [RK_SECTION_OBSERVABILITY] =
        SECTION("observability", RK_GRANT_OBSERVABILITY_WRITE, RK_GRANT_OBSERVABILITY_WRITE),
};
/* clang-format on */

static const struct rk_str kinds[] = {
    [RK_KIND_STANDARD] = RK_STR_INIT("standard"), [RK_KIND_INGRESS] = RK_STR_INIT("ingress"),
    [RK_KIND_EGRESS] = RK_STR_INIT("egress"),     [RK_KIND_SIP] = RK_STR_INIT("sip"),
    [RK_KIND_AGENT] = RK_STR_INIT("agent"),       [RK_KIND_CONNECTOR] = RK_STR_INIT("connector"),
    [RK_KIND_BRIDGE] = RK_STR_INIT("bridge"),
};

static const struct rk_str kind_details[] = {
    [RK_KIND_DETAIL_CLOUD_AGENT] = RK_STR_INIT("cloud_agent"),
    [RK_KIND_DETAIL_FORWARDED] = RK_STR_INIT("forwarded"),
    [RK_KIND_DETAIL_CONNECTOR_WHATSAPP] = RK_STR_INIT("connector_whatsapp"),
    [RK_KIND_DETAIL_CONNECTOR_TWILIO] = RK_STR_INIT("connector_twilio"),
    [RK_KIND_DETAIL_BRIDGE_RTSP] = RK_STR_INIT("bridge_rtsp"),
    [RK_KIND_DETAIL_SIMULATION] = RK_STR_INIT("simulation"),
};

static const struct rk_str sources[] = {
    [RK_SOURCE_UNKNOWN] = RK_STR_INIT("unknown"),
    [RK_SOURCE_CAMERA] = RK_STR_INIT("camera"),
    [RK_SOURCE_MICROPHONE] = RK_STR_INIT("microphone"),
    [RK_SOURCE_SCREEN_SHARE] = RK_STR_INIT("screen_share"),
    [RK_SOURCE_SCREEN_SHARE_AUDIO] = RK_STR_INIT("screen_share_audio"),
};

static struct rk_str name_at(const struct rk_str *names, size_t count, size_t at)
{
    return at < count ? names[at] : rki_str(NULL, 0);
}

/* 0 when no name is equal; names[0] is never looked at. */
static size_t find(const struct rk_str *names, size_t count, struct rk_str name)
{
    for (size_t i = 1; i < count; i++)
        if (rki_str_equal(names[i], name))
            return i;
    return 0;
}

struct rk_str rk_grant_name(enum rk_grant grant)
{
    return (size_t)grant < ARRAY_LEN(rki_grants) ? rki_grants[grant].name : rki_str(NULL, 0);
}

enum rk_grant rk_grant_from_name(struct rk_str name)
{
    struct rk_str video = RK_STR("video.");
    bool in_video = rki_str_starts_with(name, video);

    if (in_video)
        name = rki_str(name.ptr + video.len, name.len - video.len);
    for (size_t i = 1; i < ARRAY_LEN(rki_grants); i++)
        if (rki_str_equal(rki_grants[i].name, name) &&
            (!in_video || rki_grants[i].section == RK_SECTION_VIDEO)) /* no "video.sip.admin" */
            return (enum rk_grant)i;
    return RK_GRANT_NONE;
}

struct rk_str rk_kind_name(enum rk_kind kind)
{
    return name_at(kinds, ARRAY_LEN(kinds), (size_t)kind);
}

enum rk_kind rk_kind_from_name(struct rk_str name)
{
    return (enum rk_kind)find(kinds, ARRAY_LEN(kinds), name);
}

struct rk_str rk_kind_detail_name(enum rk_kind_detail detail)
{
    return name_at(kind_details, ARRAY_LEN(kind_details), (size_t)detail);
}

enum rk_kind_detail rk_kind_detail_from_name(struct rk_str name)
{
    return (enum rk_kind_detail)find(kind_details, ARRAY_LEN(kind_details), name);
}

struct rk_str rk_source_name(enum rk_source source)
{
    return name_at(sources, ARRAY_LEN(sources), (size_t)source);
}

enum rk_source rk_source_from_name(struct rk_str name)
{
    return (enum rk_source)find(sources, ARRAY_LEN(sources), name);
}
