/*
 * test_room_config.c - RoomConfiguration: protojson's reading rules, the two written forms, and
 * credentials in every place they can hide.
 */
#include "alloc_fail.h"
#include "check.h"
#include "guard.h"

#include "core/room_config.h"
#include "core/room_config_schema.h"

#include <stdio.h>

enum { ROOM = 8192 };

struct result {
    enum rk_err err;
    unsigned members;
    struct rk_diag diag;
    struct rki_buf out;
    char room[ROOM];
};

static void run(struct result *result, struct rk_str text, unsigned flags)
{
    json_t *config = NULL;

    memset(result, 0, sizeof(*result));
    result->out = rki_buf_over(result->room, ROOM);
    CHECK_ERR(rki_json_parse(text, 0, &config, NULL), RK_OK, text.ptr);
    result->err =
        rki_room_config_write(config, flags, &result->out, &result->members, &result->diag);
    json_decref(config);
}

/* ---- what is written ---- */

static void test_written(void **state)
{
    static const struct {
        const char *in, *out;
        unsigned flags, members;
    } rows[] = {
        {"{}", "{}", 0, 0},
        {"null", "{}", 0, 0},
        {"{\"zzz\":1,\"EmptyTimeout\":\"x\",\"Egress\":5}", "{}", 0, 0},
        {"{\"emptyTimeout\":5}", "{\"emptyTimeout\":5}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"empty_timeout\":5}", "{\"emptyTimeout\":5}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"emptyTimeout\":\"5\"}", "{\"emptyTimeout\":5}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"emptyTimeout\":5e2}", "{\"emptyTimeout\":500}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"emptyTimeout\":\"5.0\"}", "{\"emptyTimeout\":5}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"emptyTimeout\":4294967295}", "{\"emptyTimeout\":4294967295}", 0, RKI_RC_EMPTY_TIMEOUT},
        {"{\"emptyTimeout\":0,\"name\":\"\",\"syncStreams\":false,\"agents\":[],\"tags\":{}}", "{}",
         0, 0},
        {"{\"emptyTimeout\":null,\"name\":null,\"egress\":null,\"agents\":null,\"tags\":null}",
         "{}", 0, 0},
        {"{\"tags\":{\"b\":\"1\",\"a\":\"\"},\"name\":\"n\"}",
         "{\"name\":\"n\",\"tags\":{\"b\":\"1\",\"a\":\"\"}}", 0, RKI_RC_NAME | RKI_RC_TAGS},
        {"{\"departureTimeout\":1,\"maxParticipants\":2,\"metadata\":\"m\",\"minPlayoutDelay\":3,"
         "\"maxPlayoutDelay\":4,\"syncStreams\":true}",
         "{\"departureTimeout\":1,\"maxParticipants\":2,\"metadata\":\"m\",\"minPlayoutDelay\":3,"
         "\"maxPlayoutDelay\":4,\"syncStreams\":true}",
         0,
         RKI_RC_DEPARTURE_TIMEOUT | RKI_RC_MAX_PARTICIPANTS | RKI_RC_METADATA |
             RKI_RC_MIN_PLAYOUT_DELAY | RKI_RC_MAX_PLAYOUT_DELAY | RKI_RC_SYNC_STREAMS},
        {"{\"agents\":[{\"agent_name\":\"a\",\"restartPolicy\":\"JRP_NEVER\"},{},{\"metadata\":"
         "\"m\"}]}",
         "{\"agents\":[{\"agentName\":\"a\",\"restartPolicy\":\"JRP_NEVER\"},{},{\"metadata\":"
         "\"m\"}]}",
         0, RKI_RC_AGENTS},
        {"{\"agents\":[{\"restartPolicy\":1},{\"restart_policy\":0},{\"restartPolicy\":7}]}",
         "{\"agents\":[{\"restartPolicy\":\"JRP_NEVER\"},{},{\"restartPolicy\":7}]}", 0,
         RKI_RC_AGENTS},
        {"{\"egress\":{}}", "{\"egress\":{}}", 0, RKI_RC_EGRESS},
        {"{\"egress\":{\"tracks\":{\"aliOSS\":{}},\"room\":{\"preset\":\"H264_720P_30\"}}}",
         "{\"egress\":{\"room\":{\"preset\":\"H264_720P_30\"},\"tracks\":{\"aliOSS\":{}}}}", 0,
         RKI_RC_EGRESS}, /* a set oneof member counts even at its default */
        {"{\"egress\":{\"tracks\":{\"ali_o_s_s\":5,\"ali_oss\":{\"secret\":\"x\"}}}}",
         "{\"egress\":{\"tracks\":{}}}", 0, RKI_RC_EGRESS}, /* unknown, so never looked at */
        {"{\"egress\":{\"participant\":{\"advanced\":{\"keyFrameInterval\":\"2.5\",\"width\":-1}}}"
         "}",
         "{\"egress\":{\"participant\":{\"advanced\":{\"width\":-1,\"keyFrameInterval\":2.5}}}}", 0,
         RKI_RC_EGRESS},
        {"{\"egress\":{\"participant\":{\"advanced\":{\"keyFrameInterval\":\"-Infinity\"}}}}",
         "{\"egress\":{\"participant\":{\"advanced\":{\"keyFrameInterval\":\"-Infinity\"}}}}", 0,
         RKI_RC_EGRESS},
        {"{\"egress\":{\"room\":{\"webhooks\":[{\"filterParams\":{\"include_events\":[\"a\",\"\"]}}"
         "]}}}",
         "{\"egress\":{\"room\":{\"webhooks\":[{\"filterParams\":{\"includeEvents\":[\"a\",\"\"]}}]"
         "}}}",
         0, RKI_RC_EGRESS},
        {"{\"metadata\":\"\\\"\\\\\\n\\u2028<&\\u007f\"}",
         "{\"metadata\":\"\\\"\\\\\\n\xe2\x80\xa8<&\x7f\"}", 0, RKI_RC_METADATA},
        {"{\"emptyTimeout\":\"\",\"name\":[],\"egress\":{},\"agents\":{},\"tags\":[],\"metadata\":"
         "\"\","
         "\"syncStreams\":null}",
         "{}", RKI_RC_STRICT, 0},
        {"[]", "{}", RKI_RC_STRICT, 0},
        {"\"\"", "{}", RKI_RC_STRICT, 0},
        {"{\"agents\":[{\"agentName\":\"a\",\"metadata\":\"\",\"attributes\":[]}]}",
         "{\"agents\":[{\"agentName\":\"a\"}]}", RKI_RC_STRICT, RKI_RC_AGENTS},
        {"{\"tags\":{\"a\":\"\"}}", "{\"tags\":{\"a\":\"\"}}", RKI_RC_STRICT, RKI_RC_TAGS},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result once, twice;

        run(&once, rki_cstr(rows[i].in), rows[i].flags);
        CHECK_ERR(once.err, RK_OK, rows[i].in);
        CHECK_STR(rki_buf_str(&once.out), rki_cstr(rows[i].out), rows[i].in);
        CHECK(once.members == rows[i].members, rows[i].in);
        CHECK(once.diag.text[0] == '\0', "untouched on success");
        run(&twice, rki_buf_str(&once.out), rows[i].flags);
        CHECK_STR(rki_buf_str(&twice.out), rki_cstr(rows[i].out), "writing again changes nothing");
    }
}

/* `around` with its %s replaced, in quotes if those are given. */
static void replace(char *out, size_t cap, const char *around, const char *value, const char *quote)
{
    const char *at = strstr(around, "%s");

    (void)snprintf(out, cap, "%.*s%s%s%s%s", (int)(at - around), around, quote, value, quote,
                   at + 2);
}

/* Numbers to names: the proto files' own, each enum with its last value. */
static void test_enums(void **state)
{
    static const struct {
        const char *around; /* %s is the value */
        const char *names[9];
    } enums[] = {
        {"{\"agents\":[{\"restartPolicy\":%s}]}", {"JRP_ON_FAILURE", "JRP_NEVER"}},
        {"{\"egress\":{\"room\":{\"audioMixing\":%s}}}",
         {"DEFAULT_MIXING", "DUAL_CHANNEL_AGENT", "DUAL_CHANNEL_ALTERNATE"}},
        {"{\"egress\":{\"room\":{\"file\":{\"fileType\":%s}}}}",
         {"DEFAULT_FILETYPE", "MP4", "OGG", "MP3"}},
        {"{\"egress\":{\"room\":{\"segments\":{\"protocol\":%s}}}}",
         {"DEFAULT_SEGMENTED_FILE_PROTOCOL", "HLS_PROTOCOL"}},
        {"{\"egress\":{\"room\":{\"segments\":{\"filenameSuffix\":%s}}}}", {"INDEX", "TIMESTAMP"}},
        {"{\"egress\":{\"room\":{\"imageOutputs\":[{\"filenameSuffix\":%s}]}}}",
         {"IMAGE_SUFFIX_INDEX", "IMAGE_SUFFIX_TIMESTAMP", "IMAGE_SUFFIX_NONE_OVERWRITE"}},
        {"{\"egress\":{\"room\":{\"imageOutputs\":[{\"imageCodec\":%s}]}}}",
         {"IC_DEFAULT", "IC_JPEG"}},
        {"{\"egress\":{\"room\":{\"stream\":{\"protocol\":%s}}}}",
         {"DEFAULT_PROTOCOL", "RTMP", "SRT", "WEBSOCKET"}},
        {"{\"egress\":{\"room\":{\"advanced\":{\"audioCodec\":%s}}}}",
         {"DEFAULT_AC", "OPUS", "AAC", "AC_MP3"}},
        {"{\"egress\":{\"room\":{\"advanced\":{\"videoCodec\":%s}}}}",
         {"DEFAULT_VC", "H264_BASELINE", "H264_MAIN", "H264_HIGH"}},
        {"{\"egress\":{\"room\":{\"preset\":%s}}}",
         {"H264_720P_30", "H264_720P_60", "H264_1080P_30", "H264_1080P_60", "PORTRAIT_H264_720P_30",
          "PORTRAIT_H264_720P_60", "PORTRAIT_H264_1080P_30", "PORTRAIT_H264_1080P_60",
          "PASSTHROUGH"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(enums); i++) {
        size_t count = 0;

        while (count < ARRAY_LEN(enums[i].names) && enums[i].names[count] != NULL)
            count++;
        for (size_t n = 1; n <= count; n++) { /* one past the end stays a number */
            char number[16], text[256], want[256];
            struct result by_number, by_name;

            (void)snprintf(number, sizeof(number), "%zu", n);
            replace(text, sizeof(text), enums[i].around, number, "");
            replace(want, sizeof(want), enums[i].around, n < count ? enums[i].names[n] : number,
                    n < count ? "\"" : "");
            run(&by_number, rki_cstr(text), 0);
            CHECK_STR(rki_buf_str(&by_number.out), rki_cstr(want), text);
            run(&by_name, rki_cstr(want), 0);
            CHECK_STR(rki_buf_str(&by_name.out), rki_cstr(want), want);
        }
    }
}

/* ---- what is refused ---- */

#define AGENT(member) "{\"agents\":[{},{" member "}]}"
#define FILE_OF(member) "{\"egress\":{\"room\":{\"fileOutputs\":[{" member "}]}}}"

static void test_refused(void **state)
{
    static const struct {
        const char *in;
        unsigned flags;
        enum rk_err want;
        const char *field;
    } rows[] = {
        {"5", 0, RK_E_TYPE, "roomConfig"},
        {"[]", 0, RK_E_TYPE, "roomConfig"},
        {"\"\"", 0, RK_E_TYPE, "roomConfig"},
        {"true", RKI_RC_STRICT, RK_E_TYPE, "roomConfig"},
        {"{\"emptyTimeout\":1,\"empty_timeout\":2}", 0, RK_E_STATE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":1,\"empty_timeout\":null}", 0, RK_E_STATE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":null,\"empty_timeout\":\"\"}", RKI_RC_STRICT, RK_E_STATE,
         "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":5.5}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":-1}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":4294967296}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":true}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"soon\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\" 5\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"5\\n\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"05\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"+5\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"5.5\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"[5]\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"\\\"5\\\"\"}", 0, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"emptyTimeout\":\"5\"}", RKI_RC_STRICT, RK_E_TYPE, "roomConfig.emptyTimeout"},
        {"{\"name\":5}", 0, RK_E_TYPE, "roomConfig.name"},
        {"{\"metadata\":{}}", 0, RK_E_TYPE, "roomConfig.metadata"},
        {"{\"syncStreams\":1}", 0, RK_E_TYPE, "roomConfig.syncStreams"},
        {"{\"syncStreams\":\"true\"}", 0, RK_E_TYPE, "roomConfig.syncStreams"},
        {"{\"egress\":[]}", 0, RK_E_TYPE, "roomConfig.egress"},
        {"{\"agents\":{}}", 0, RK_E_TYPE, "roomConfig.agents"},
        {"{\"agents\":[{},null]}", 0, RK_E_TYPE, "roomConfig.agents[1]"},
        {"{\"agents\":[5]}", 0, RK_E_TYPE, "roomConfig.agents[0]"},
        {"{\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}", 0, RK_E_TYPE, "roomConfig.tags"},
        {"{\"tags\":{\"a\":null}}", 0, RK_E_TYPE, "roomConfig.tags"},
        {"{\"tags\":{\"a\":1}}", 0, RK_E_TYPE, "roomConfig.tags"},
        {AGENT("\"agentName\":1"), 0, RK_E_TYPE, "roomConfig.agents[1].agentName"},
        {AGENT("\"restartPolicy\":\"1\""), 0, RK_E_UNKNOWN, "roomConfig.agents[1].restartPolicy"},
        {AGENT("\"restartPolicy\":\"jrp_never\""), 0, RK_E_UNKNOWN,
         "roomConfig.agents[1].restartPolicy"},
        {AGENT("\"restartPolicy\":1.5"), 0, RK_E_TYPE, "roomConfig.agents[1].restartPolicy"},
        {AGENT("\"restartPolicy\":2147483648"), 0, RK_E_TYPE, "roomConfig.agents[1].restartPolicy"},
        {AGENT("\"restartPolicy\":true"), 0, RK_E_TYPE, "roomConfig.agents[1].restartPolicy"},
        {AGENT("\"attributes\":{\"a\":[]}"), 0, RK_E_TYPE, "roomConfig.agents[1].attributes"},
        {FILE_OF("\"s3\":{},\"gcp\":{}"), 0, RK_E_STATE,
         "roomConfig.egress.room.fileOutputs[0].gcp"},
        {FILE_OF("\"s3\":{},\"aliOSS\":{}"), 0, RK_E_STATE,
         "roomConfig.egress.room.fileOutputs[0].aliOSS"},
        {"{\"egress\":{\"room\":{\"preset\":0,\"advanced\":{}}}}", 0, RK_E_STATE,
         "roomConfig.egress.room.advanced"},
        {"{\"egress\":{\"room\":{\"file\":{},\"segments\":{}}}}", 0, RK_E_STATE,
         "roomConfig.egress.room.segments"},
        {"{\"egress\":{\"participant\":{\"advanced\":{\"width\":2147483648}}}}", 0, RK_E_TYPE,
         "roomConfig.egress.participant.advanced.width"},
        {"{\"egress\":{\"participant\":{\"advanced\":{\"keyFrameInterval\":\"nan\"}}}}", 0,
         RK_E_TYPE, "roomConfig.egress.participant.advanced.keyFrameInterval"},
        {"{\"egress\":{\"room\":{\"webhooks\":[{\"filterParams\":{\"excludeEvents\":[\"a\",1]}}]}}"
         "}",
         0, RK_E_TYPE, "roomConfig.egress.room.webhooks[0].filterParams.excludeEvents[1]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result result;

        run(&result, rki_cstr(rows[i].in), rows[i].flags);
        CHECK_ERR(result.err, rows[i].want, rows[i].in);
        CHECK_STR(rki_cstr(result.diag.field), rki_cstr(rows[i].field), rows[i].in);
        CHECK(result.diag.text[0] != '\0', rows[i].in);
    }
}

/* ---- credentials ---- */

#define IN_ROOM(member) "{\"egress\":{\"room\":{" member "}}}"

static void test_credentials(void **state)
{
    static const char *const storages[][2] = {
        {"\"s3\":{\"secret\":\"x\"}", "s3.secret"},
        {"\"s3\":{\"accessKey\":\"x\"}", "s3.accessKey"},
        {"\"s3\":{\"access_key\":\"x\"}", "s3.accessKey"},
        {"\"s3\":{\"sessionToken\":\"x\"}", "s3.sessionToken"},
        {"\"s3\":{\"assumeRoleExternalId\":\"x\"}", "s3.assumeRoleExternalId"},
        {"\"s3\":{\"proxy\":{\"password\":\"x\"}}", "s3.proxy.password"},
        {"\"s3\":{\"proxy\":{\"url\":\"http://u:p@proxy\"}}", "s3.proxy.url"},
        {"\"s3\":{\"endpoint\":\"https://key@s3.example\"}", "s3.endpoint"},
        {"\"gcp\":{\"credentials\":\"{}\"}", "gcp.credentials"},
        {"\"gcp\":{\"proxy\":{\"password\":\"x\"}}", "gcp.proxy.password"},
        {"\"azure\":{\"accountKey\":\"x\"}", "azure.accountKey"},
        {"\"aliOSS\":{\"accessKey\":\"x\"}", "aliOSS.accessKey"},
        {"\"aliOSS\":{\"secret\":\"x\"}", "aliOSS.secret"},
    };
    static const char *const lists[][2] = {
        {"room", "fileOutputs"},        {"room", "segmentOutputs"},        {"room", "imageOutputs"},
        {"participant", "fileOutputs"}, {"participant", "segmentOutputs"},
    };
    static const char *const olds[] = {"file", "segments"};
    char text[512], path[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(storages); i++) {
        struct result result;

        (void)snprintf(text, sizeof(text), "{\"egress\":{\"tracks\":{%s}}}", storages[i][0]);
        (void)snprintf(path, sizeof(path), "roomConfig.egress.tracks.%s", storages[i][1]);
        run(&result, rki_cstr(text), 0);
        CHECK_ERR(result.err, RK_E_CREDENTIALS, text);
        CHECK_STR(rki_cstr(result.diag.field), rki_cstr(path), text);
        CHECK(strstr(result.diag.text, "\"x\"") == NULL, "never quoted");
        run(&result, rki_cstr(text), RKI_RC_KEEP_CREDENTIALS);
        CHECK_ERR(result.err, RK_OK, text);
        CHECK(result.members == (RKI_RC_EGRESS | RKI_RC_CREDENTIALS), text);
        for (size_t j = 0; j < ARRAY_LEN(lists); j++) {
            (void)snprintf(text, sizeof(text), "{\"egress\":{\"%s\":{\"%s\":[{},{%s}]}}}",
                           lists[j][0], lists[j][1], storages[i][0]);
            (void)snprintf(path, sizeof(path), "roomConfig.egress.%s.%s[1].%s", lists[j][0],
                           lists[j][1], storages[i][1]);
            run(&result, rki_cstr(text), 0);
            CHECK_ERR(result.err, RK_E_CREDENTIALS, text);
            CHECK_STR(rki_cstr(result.diag.field), rki_cstr(path), text);
        }
        for (size_t j = 0; j < ARRAY_LEN(olds); j++) {
            (void)snprintf(text, sizeof(text), "{\"egress\":{\"room\":{\"%s\":{%s}}}}", olds[j],
                           storages[i][0]);
            run(&result, rki_cstr(text), 0);
            CHECK_ERR(result.err, RK_E_CREDENTIALS, text);
        }
    }
}

static void test_other_credentials(void **state)
{
    static const struct {
        const char *in, *field; /* NULL: no credential */
    } rows[] = {
        {IN_ROOM("\"streamOutputs\":[{}]"), "roomConfig.egress.room.streamOutputs"},
        {IN_ROOM("\"stream_outputs\":[{\"urls\":[]}]"), "roomConfig.egress.room.streamOutputs"},
        {IN_ROOM("\"stream\":{\"urls\":[\"rtmp://live/key\"]}"),
         "roomConfig.egress.room.stream.urls"},
        {IN_ROOM("\"webhooks\":[{\"url\":\"https://h\",\"signingKey\":\"k\"}]"),
         "roomConfig.egress.room.webhooks[0].signingKey"},
        {IN_ROOM("\"webhooks\":[{\"url\":\"https://u:p@h/\"}]"),
         "roomConfig.egress.room.webhooks[0].url"},
        {IN_ROOM("\"customBaseUrl\":\"https://u@h/\""), "roomConfig.egress.room.customBaseUrl"},
        {IN_ROOM("\"streamOutputs\":[]"), NULL},
        {IN_ROOM("\"stream\":{\"urls\":[]}"), NULL},
        {IN_ROOM("\"customBaseUrl\":\"https://h/a@b?c@d\""), NULL},
        {IN_ROOM("\"customBaseUrl\":\"u@h\""), NULL},
        {IN_ROOM("\"customBaseUrl\":\"://\""), NULL},
        {"{\"egress\":{\"tracks\":{\"s3\":{\"secret\":\"\",\"accessKey\":null,\"bucket\":\"b\","
         "\"assumeRoleArn\":\"arn\"}}}}",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result result;

        run(&result, rki_cstr(rows[i].in), 0);
        CHECK_ERR(result.err, rows[i].field == NULL ? RK_OK : RK_E_CREDENTIALS, rows[i].in);
        CHECK_STR(rki_cstr(result.diag.field), rki_cstr(rows[i].field == NULL ? "" : rows[i].field),
                  rows[i].in);
    }
}

/* ---- what the official SDKs wrote ---- */

/* The bytes of "roomConfig":{...} in a payload. */
static struct rk_str config_bytes(struct rk_str payload)
{
    const char *name = "\"roomConfig\":";
    const char *at = strstr(payload.ptr, name);
    size_t depth = 0, len = 0;
    bool quoted = false;

    if (at == NULL)
        return rki_str(NULL, 0);
    at += strlen(name);
    do {
        char c = at[len];

        if (quoted && c == '\\')
            len++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '}'))
            depth = c == '{' ? depth + 1 : depth - 1;
        len++;
    } while (depth > 0);
    return rki_str(at, len);
}

static const json_t *input_config(const json_t *vector)
{
    const json_t *steps = json_object_get(json_object_get(vector, "input"), "steps");

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);

        if (strcmp(json_string_value(json_array_get(step, 0)), "roomConfig") == 0)
            return json_array_get(step, 1);
    }
    return NULL;
}

static void test_js_sdk(void **state)
{
    json_t *all = json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/livekit-server-sdk-js.json",
                                 JSON_ALLOW_NUL, NULL);
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *vector = json_array_get(all, i), *input = input_config(vector);
        const char *name = json_string_value(json_object_get(vector, "name"));
        char room[ROOM];
        struct rki_buf out = rki_buf_over(room, sizeof(room));

        if (input == NULL)
            continue;
        CHECK_ERR(rki_room_config_write(input, RKI_RC_ALL_DEFAULTS, &out, NULL, NULL), RK_OK, name);
        CHECK_STR(rki_buf_str(&out),
                  config_bytes(rki_json_str(json_object_get(vector, "payloadText"))), name);
        seen++;
    }
    CHECK(seen == 4, "the vectors are there");
    json_decref(all);
}

static void test_go(void **state)
{
    json_t *all = json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/livekit-go-style.json",
                                 JSON_ALLOW_NUL, NULL);
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *vector = json_array_get(all, i);
        const json_t *config = json_object_get(json_object_get(vector, "payload"), "roomConfig");
        const char *name = json_string_value(json_object_get(vector, "name"));
        char room[ROOM];
        struct rki_buf out = rki_buf_over(room, sizeof(room));

        if (config == NULL)
            continue;
        CHECK_ERR(rki_room_config_write(config, 0, &out, NULL, NULL), RK_OK, name);
        if (strstr(json_string_value(json_object_get(vector, "payloadText")), "\\u003c") == NULL)
            CHECK_STR(rki_buf_str(&out),
                      config_bytes(rki_json_str(json_object_get(vector, "payloadText"))),
                      "protojson's order and omissions, byte for byte where Go escapes nothing");
        seen++;
    }
    CHECK(seen >= 4, "the vectors are there");
    json_decref(all);
}

/* ---- the schema itself ---- */

/* Depth of a message by repeated lowering: no recursion here either. */
static size_t depth_of(const struct rki_rc_message *root)
{
    const struct rki_rc_message *level[256] = {root}, *next[256];
    size_t count = 1, depth = 0;

    while (count > 0 && depth < 100) {
        size_t more = 0;

        depth++;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < level[i]->count; j++)
                if (level[i]->fields[j].message != NULL && more < ARRAY_LEN(next))
                    next[more++] = level[i]->fields[j].message;
        memcpy(level, next, more * sizeof(level[0]));
        count = more;
    }
    return depth;
}

static void test_schema(void **state)
{
    (void)state;
    CHECK(depth_of(&rki_rc_schema) == RKI_RC_DEPTH, "the walk's stack fits the schema");
    CHECK(rki_rc_schema.count == 11, "one bit of rki_rc_members for each");
    for (size_t i = 0; i < rki_rc_schema.count; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(rki_rc_schema.fields[i].number != rki_rc_schema.fields[j].number,
                  "numbers differ");
}

/* ---- memory ---- */

/* The output may end anywhere: overflow is reported, and nothing is written past the end. */
static void test_overflow(void **state)
{
    const struct rk_str want = RK_STR("{\"name\":\"n\",\"agents\":[{\"agentName\":\"a\"}]}");
    struct guard guard = guard_new(want.len);
    json_t *config = NULL;

    (void)state;
    CHECK_ERR(rki_json_parse(want, 0, &config, NULL), RK_OK, "input");
    for (size_t cap = 0; cap <= want.len; cap++) {
        struct rki_buf out = rki_buf_over(guard.map + guard.readable - cap, cap);

        CHECK_ERR(rki_room_config_write(config, 0, &out, NULL, NULL), RK_OK, "overflow is sticky");
        CHECK(out.overflow == (cap < want.len), "reported");
    }
    json_decref(config);
    guard_free(&guard);
}

static void test_out_of_memory(void **state)
{
    const struct rk_str text =
        RK_STR("{\"emptyTimeout\":\"5\",\"egress\":{\"participant\":{\"advanced\":"
               "{\"keyFrameInterval\":2.5}}}}");
    json_t *config = NULL;
    size_t n = 1;

    (void)state;
    CHECK_ERR(rki_json_parse(text, 0, &config, NULL), RK_OK, "input");
    for (;; n++) {
        char room[ROOM];
        struct rki_buf out = rki_buf_over(room, sizeof(room));
        enum rk_err err;

        alloc_fail_at(n);
        err = rki_room_config_write(config, 0, &out, NULL, NULL);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, "enough memory");
            break;
        }
        CHECK(err != RK_OK || !out.overflow, "a failure is told, or did not matter");
    }
    CHECK(n > 3, "the sweep swept");
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_other_credentials),
        cmocka_unit_test(test_js_sdk),
        cmocka_unit_test(test_go),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("room_config", tests, NULL, NULL);
}
