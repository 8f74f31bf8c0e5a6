/*
 * room_config.h - reads livekit.RoomConfiguration by protojson's rules and writes it in one form.
 *
 * The schema is a set of tables in room_config_schema.c; its nesting is finite (six messages deep,
 * RoomConfiguration > RoomEgress > RoomCompositeEgressRequest > EncodedFileOutput > S3Upload >
 * ProxyConfig), so the walk has a stack of fixed size, whatever the input.
 */
#ifndef RKI_ROOM_CONFIG_H
#define RKI_ROOM_CONFIG_H

#include "core/buf.h"
#include "core/json.h"

enum rki_rc_flags {
    /* every default written, in field-number order: byte for byte as npm livekit-server-sdk 2.19 */
    RKI_RC_ALL_DEFAULTS = 1,
    /* the service (semantics D31): numbers may not be text; {}, [], null and "" are absent */
    RKI_RC_STRICT = 2,
    /* credentials are kept and reported in RKI_RC_CREDENTIALS instead of refused: for reading the
     * tokens of others */
    RKI_RC_KEEP_CREDENTIALS = 4,
    /* a top-level 0 or false is there like any value: what somebody asks under rules (D31) */
    RKI_RC_KEEP_ZEROS = 8,
};

/* Top-level members that are there with a value that is not their default; see KEEP_ZEROS. */
enum rki_rc_members {
    RKI_RC_NAME = 1 << 0,
    RKI_RC_EMPTY_TIMEOUT = 1 << 1,
    RKI_RC_DEPARTURE_TIMEOUT = 1 << 2,
    RKI_RC_MAX_PARTICIPANTS = 1 << 3,
    RKI_RC_METADATA = 1 << 4,
    RKI_RC_EGRESS = 1 << 5,
    RKI_RC_MIN_PLAYOUT_DELAY = 1 << 6,
    RKI_RC_MAX_PLAYOUT_DELAY = 1 << 7,
    RKI_RC_SYNC_STREAMS = 1 << 8,
    RKI_RC_AGENTS = 1 << 9,
    RKI_RC_TAGS = 1 << 10,
    RKI_RC_CREDENTIALS = 1 << 16, /* not a member: under RKI_RC_KEEP_CREDENTIALS, it holds some */
};

/*
 * Writes `config` to `out`: camelCase, declaration order, members with default values left out
 * (a `oneof` member that is set is written even if it has its default, as its presence counts).
 * Members of other names are ignored. null, and under RKI_RC_STRICT an empty value, writes {}.
 * Writing the output again gives the same bytes.
 *
 * out_members and out_diag may be NULL; out_diag->field is like
 * "roomConfig.egress.room.fileOutputs[0].s3.secret". out->overflow is the caller's to look at; on
 * failure `out` may hold the part written so far.
 *
 * RK_E_TYPE        a value of the wrong type or out of range; null as array element or map value
 * RK_E_UNKNOWN     an enum name that does not exist
 * RK_E_STATE       both spellings of one member (null counts), or two members of one oneof
 * RK_E_CREDENTIALS storage, proxy, stream or webhook credentials, in any kind of output
 * RK_E_NOMEM
 * Threads: safe. Source: livekit_room.proto, livekit_egress.proto, protobuf-go protojson;
 * reference livekit-tokens.md s.1.7.
 */
RK_NODISCARD enum rk_err rki_room_config_write(const json_t *config, unsigned flags,
                                               struct rki_buf *out, unsigned *out_members,
                                               struct rk_diag *out_diag);

#endif
