/*
 * room_config_schema.c - livekit.RoomConfiguration and everything below it, as tables.
 *
 * Data only. Source: livekit_room.proto, livekit_agent_dispatch.proto, livekit_egress.proto; each
 * message in declaration order with its field numbers. Credentials: livekit's own check
 * (auth/accesstoken.go) with its gaps closed, see reference livekit-tokens.md s.1.7.
 */
#include "core/room_config_schema.h"

#include "core/str.h"

/* clang-format off */
#define STRING(no, key)       {.name = (key), .number = (no), .type = RKI_RC_TYPE_STRING}
#define SECRET(no, key)       {.name = (key), .number = (no), .type = RKI_RC_TYPE_STRING, .secrecy = RKI_RC_SECRET}
#define URL(no, key)          {.name = (key), .number = (no), .type = RKI_RC_TYPE_STRING, .secrecy = RKI_RC_SECRET_URL}
#define BOOL(no, key)         {.name = (key), .number = (no), .type = RKI_RC_TYPE_BOOL}
#define UINT32(no, key)       {.name = (key), .number = (no), .type = RKI_RC_TYPE_UINT32}
#define INT32(no, key)        {.name = (key), .number = (no), .type = RKI_RC_TYPE_INT32}
#define DOUBLE(no, key)       {.name = (key), .number = (no), .type = RKI_RC_TYPE_DOUBLE}
#define MAP(no, key)          {.name = (key), .number = (no), .type = RKI_RC_TYPE_MAP}
#define ENUM(no, key, e)      {.name = (key), .number = (no), .type = RKI_RC_TYPE_ENUM, .names = &(e)}
#define ONE(no, key, m)       {.name = (key), .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &(m)}
#define MANY(no, key, m)      {.name = (key), .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &(m), .repeated = true}
#define SECRETS(no, key, m)   {.name = (key), .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &(m), .repeated = true, .secrecy = RKI_RC_SECRET}
#define STRINGS(no, key, how) {.name = (key), .number = (no), .type = RKI_RC_TYPE_STRING, .repeated = true, .secrecy = (how)}
#define OPTION(no, key, m)    {.name = (key), .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &(m), .oneof = 1}
#define OUTPUT(no, key, m)    {.name = (key), .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &(m), .oneof = 2}
#define PRESET(no)            {.name = "preset", .number = (no), .type = RKI_RC_TYPE_ENUM, .names = &encoding_preset, .oneof = 1}
#define ALI_OSS(no)           {.name = "aliOSS", .number = (no), .type = RKI_RC_TYPE_MESSAGE, .message = &ali_oss, .oneof = 2, .one_spelling = true}
#define NAMES(id, ...)                                                                             \
    static const char *const id##_names[] = {__VA_ARGS__};                                         \
    static const struct rki_rc_enum id = {id##_names, ARRAY_LEN(id##_names)}
#define MESSAGE(id) static const struct rki_rc_message id = {id##_fields, ARRAY_LEN(id##_fields)}
/* clang-format on */

NAMES(restart_policy, "JRP_ON_FAILURE", "JRP_NEVER");
NAMES(audio_mixing, "DEFAULT_MIXING", "DUAL_CHANNEL_AGENT", "DUAL_CHANNEL_ALTERNATE");
NAMES(file_type, "DEFAULT_FILETYPE", "MP4", "OGG", "MP3");
NAMES(segment_protocol, "DEFAULT_SEGMENTED_FILE_PROTOCOL", "HLS_PROTOCOL");
NAMES(segment_suffix, "INDEX", "TIMESTAMP");
NAMES(image_suffix, "IMAGE_SUFFIX_INDEX", "IMAGE_SUFFIX_TIMESTAMP", "IMAGE_SUFFIX_NONE_OVERWRITE");
NAMES(image_codec, "IC_DEFAULT", "IC_JPEG");
NAMES(stream_protocol, "DEFAULT_PROTOCOL", "RTMP", "SRT", "WEBSOCKET");
NAMES(audio_codec, "DEFAULT_AC", "OPUS", "AAC", "AC_MP3");
NAMES(video_codec, "DEFAULT_VC", "H264_BASELINE", "H264_MAIN", "H264_HIGH");
NAMES(encoding_preset, "H264_720P_30", "H264_720P_60", "H264_1080P_30", "H264_1080P_60",
      "PORTRAIT_H264_720P_30", "PORTRAIT_H264_720P_60", "PORTRAIT_H264_1080P_30",
      "PORTRAIT_H264_1080P_60", "PASSTHROUGH");

/* ---- storage ---- */

static const struct rki_rc_field proxy_fields[] = {
    URL(1, "url"),
    STRING(2, "username"),
    SECRET(3, "password"),
};
MESSAGE(proxy);

static const struct rki_rc_field s3_fields[] = {
    SECRET(1, "accessKey"),
    SECRET(2, "secret"),
    SECRET(11, "sessionToken"),
    STRING(12, "assumeRoleArn"),
    SECRET(13, "assumeRoleExternalId"),
    STRING(3, "region"),
    URL(4, "endpoint"),
    STRING(5, "bucket"),
    BOOL(6, "forcePathStyle"),
    MAP(7, "metadata"),
    STRING(8, "tagging"),
    STRING(9, "contentDisposition"),
    ONE(10, "proxy", proxy),
};
MESSAGE(s3);

static const struct rki_rc_field gcp_fields[] = {
    SECRET(1, "credentials"),
    STRING(2, "bucket"),
    ONE(3, "proxy", proxy),
};
MESSAGE(gcp);

static const struct rki_rc_field azure_fields[] = {
    STRING(1, "accountName"),
    SECRET(2, "accountKey"),
    STRING(3, "containerName"),
};
MESSAGE(azure);

static const struct rki_rc_field ali_oss_fields[] = {
    SECRET(1, "accessKey"), SECRET(2, "secret"), STRING(3, "region"),
    URL(4, "endpoint"),     STRING(5, "bucket"),
};
MESSAGE(ali_oss);

/* ---- outputs ---- */

static const struct rki_rc_field file_fields[] = {
    ENUM(1, "fileType", file_type),
    STRING(2, "filepath"),
    BOOL(6, "disableManifest"),
    OUTPUT(3, "s3", s3),
    OUTPUT(4, "gcp", gcp),
    OUTPUT(5, "azure", azure),
    ALI_OSS(7),
};
MESSAGE(file);

static const struct rki_rc_field segments_fields[] = {
    ENUM(1, "protocol", segment_protocol),
    STRING(2, "filenamePrefix"),
    STRING(3, "playlistName"),
    STRING(11, "livePlaylistName"),
    UINT32(4, "segmentDuration"),
    ENUM(10, "filenameSuffix", segment_suffix),
    BOOL(8, "disableManifest"),
    OUTPUT(5, "s3", s3),
    OUTPUT(6, "gcp", gcp),
    OUTPUT(7, "azure", azure),
    ALI_OSS(9),
};
MESSAGE(segments);

static const struct rki_rc_field image_fields[] = {
    UINT32(1, "captureInterval"),
    INT32(2, "width"),
    INT32(3, "height"),
    STRING(4, "filenamePrefix"),
    ENUM(5, "filenameSuffix", image_suffix),
    ENUM(6, "imageCodec", image_codec),
    BOOL(7, "disableManifest"),
    OUTPUT(8, "s3", s3),
    OUTPUT(9, "gcp", gcp),
    OUTPUT(10, "azure", azure),
    ALI_OSS(11),
};
MESSAGE(image);

static const struct rki_rc_field stream_fields[] = {
    ENUM(1, "protocol", stream_protocol),
    STRINGS(2, "urls", RKI_RC_SECRET), /* the stream key is part of the URL */
};
MESSAGE(stream);

static const struct rki_rc_field filter_fields[] = {
    STRINGS(1, "includeEvents", RKI_RC_PUBLIC),
    STRINGS(2, "excludeEvents", RKI_RC_PUBLIC),
};
MESSAGE(filter);

static const struct rki_rc_field webhook_fields[] = {
    URL(1, "url"),
    SECRET(2, "signingKey"),
    ONE(3, "filterParams", filter),
};
MESSAGE(webhook);

/* ---- egress ---- */

static const struct rki_rc_field encoding_fields[] = {
    INT32(1, "width"),
    INT32(2, "height"),
    INT32(3, "depth"),
    INT32(4, "framerate"),
    ENUM(5, "audioCodec", audio_codec),
    INT32(6, "audioBitrate"),
    INT32(7, "audioFrequency"),
    ENUM(8, "videoCodec", video_codec),
    INT32(9, "videoBitrate"),
    DOUBLE(10, "keyFrameInterval"),
    INT32(11, "audioQuality"),
    INT32(12, "videoQuality"),
};
MESSAGE(encoding);

static const struct rki_rc_field composite_fields[] = {
    STRING(1, "roomName"),
    STRING(2, "layout"),
    BOOL(3, "audioOnly"),
    ENUM(15, "audioMixing", audio_mixing),
    BOOL(4, "videoOnly"),
    URL(5, "customBaseUrl"),
    OUTPUT(6, "file", file), /* these three are deprecated, and still read by the server */
    OUTPUT(7, "stream", stream),
    OUTPUT(10, "segments", segments),
    PRESET(8),
    OPTION(9, "advanced", encoding),
    MANY(11, "fileOutputs", file),
    SECRETS(12, "streamOutputs", stream), /* livekit's own check refuses any element */
    MANY(13, "segmentOutputs", segments),
    MANY(14, "imageOutputs", image),
    MANY(16, "webhooks", webhook),
};
MESSAGE(composite);

static const struct rki_rc_field participant_fields[] = {
    PRESET(1),
    OPTION(2, "advanced", encoding),
    MANY(3, "fileOutputs", file),
    MANY(4, "segmentOutputs", segments),
};
MESSAGE(participant);

static const struct rki_rc_field tracks_fields[] = {
    STRING(1, "filepath"), BOOL(5, "disableManifest"), OUTPUT(2, "s3", s3),
    OUTPUT(3, "gcp", gcp), OUTPUT(4, "azure", azure),  ALI_OSS(6),
};
MESSAGE(tracks);

static const struct rki_rc_field egress_fields[] = {
    ONE(1, "room", composite),
    ONE(3, "participant", participant),
    ONE(2, "tracks", tracks),
};
MESSAGE(egress);

static const struct rki_rc_field agent_fields[] = {
    STRING(1, "agentName"),  STRING(2, "metadata"), ENUM(3, "restartPolicy", restart_policy),
    STRING(4, "deployment"), MAP(5, "attributes"),
};
MESSAGE(agent);

static const struct rki_rc_field config_fields[] = {
    STRING(1, "name"),
    UINT32(2, "emptyTimeout"),
    UINT32(3, "departureTimeout"),
    UINT32(4, "maxParticipants"),
    STRING(11, "metadata"),
    ONE(5, "egress", egress),
    UINT32(7, "minPlayoutDelay"),
    UINT32(8, "maxPlayoutDelay"),
    BOOL(9, "syncStreams"),
    MANY(10, "agents", agent),
    MAP(12, "tags"),
};

const struct rki_rc_message rki_rc_schema = {config_fields, ARRAY_LEN(config_fields)};
