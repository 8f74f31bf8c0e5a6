/*
 * claims.h - what a LiveKit token says: who, which room, which grants.
 *
 * Every setter copies and checks: a wrong type, an unknown name, an over-long value or malformed
 * UTF-8 is refused here, because the LiveKit server refuses a *whole* token for one bad value, at
 * connect time, far from the cause. A failed setter leaves the claims as they were.
 *
 * One object can be used for token after token: rk_claims_reset keeps its memory, so a warm object
 * mints without allocating. Threads: one at a time; reading from several at once is safe.
 * Strings from getters are borrowed until the next setter, load, reset or free.
 *
 * Sources: livekit/protocol auth/grants.go, RFC 7519 s.4.1, livekit-server limits (v1.13).
 */
#ifndef ROOMKEY_CLAIMS_H
#define ROOMKEY_CLAIMS_H

#include <roomkey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RK_IDENTITY_MAX = 256,   /* bytes of an identity or a room: livekit-server's own limit */
    RK_NAME_MAX = 1024,      /* bytes of a participant's display name */
    RK_ATTRIBUTES_MAX = 128, /* attributes in one token */
    RK_EXTRAS_MAX = 32,      /* unknown claims in one token */
    RK_CLAIMS_MAX = 49152,   /* bytes of all texts of one claims object together */
    RK_TTL_DEFAULT_S = 900,  /* lifetime when none is set: 15 minutes */
    RK_TTL_MAX_S = 31536000, /* a year */
};

struct rk_claims;

/*
 * Every boolean grant. Zero is none of them. Append-only: the numbers are ABI.
 * The comment is the JSON path; rk_grant_from_name reads it, `video.` may be left out.
 */
enum rk_grant {
    RK_GRANT_NONE = 0,
    RK_GRANT_ROOM_CREATE,              /* video.roomCreate: create and delete *any* room */
    RK_GRANT_ROOM_LIST,                /* video.roomList */
    RK_GRANT_ROOM_RECORD,              /* video.roomRecord: the Egress API */
    RK_GRANT_ROOM_ADMIN,               /* video.roomAdmin: moderate the room that is set */
    RK_GRANT_ROOM_JOIN,                /* video.roomJoin: needs identity and room */
    RK_GRANT_CAN_PUBLISH,              /* video.canPublish; absent means true */
    RK_GRANT_CAN_SUBSCRIBE,            /* video.canSubscribe; absent means true */
    RK_GRANT_CAN_PUBLISH_DATA,         /* video.canPublishData; absent means what canPublish is */
    RK_GRANT_CAN_UPDATE_OWN_METADATA,  /* video.canUpdateOwnMetadata */
    RK_GRANT_INGRESS_ADMIN,            /* video.ingressAdmin */
    RK_GRANT_HIDDEN,                   /* video.hidden: not visible to the others */
    RK_GRANT_RECORDER,                 /* video.recorder; deprecated for kind egress */
    RK_GRANT_AGENT,                    /* video.agent: may register as an agent worker */
    RK_GRANT_CAN_SUBSCRIBE_METRICS,    /* video.canSubscribeMetrics */
    RK_GRANT_CAN_MANAGE_AGENT_SESSION, /* video.canManageAgentSession */
    RK_GRANT_SIP_ADMIN,                /* sip.admin */
    RK_GRANT_SIP_CALL,                 /* sip.call */
    RK_GRANT_AGENT_ADMIN,              /* agent.admin (LiveKit Cloud) */
    RK_GRANT_AGENT_SIMULATION_ADMIN,   /* agent.simulationAdmin (LiveKit Cloud) */
    RK_GRANT_AGENT_DATABASE_ADMIN,     /* agent.databaseAdmin (LiveKit Cloud) */
    RK_GRANT_INFERENCE_PERFORM,        /* inference.perform (LiveKit Cloud) */
    RK_GRANT_OBSERVABILITY_WRITE,      /* observability.write (LiveKit Cloud) */
};

/* Absent, false and true are three different things in a token. Append-only. */
enum rk_tri {
    RK_ABSENT = 0,
    RK_FALSE,
    RK_TRUE,
};

/* The objects that hold grants. Append-only. */
enum rk_section {
    RK_SECTION_NONE = 0,
    RK_SECTION_VIDEO,
    RK_SECTION_SIP,
    RK_SECTION_AGENT,
    RK_SECTION_INFERENCE,
    RK_SECTION_OBSERVABILITY,
};

/* Participant kinds; unset means standard to the server. Append-only. */
enum rk_kind {
    RK_KIND_UNSET = 0,
    RK_KIND_STANDARD,
    RK_KIND_INGRESS,
    RK_KIND_EGRESS,
    RK_KIND_SIP,
    RK_KIND_AGENT,
    RK_KIND_CONNECTOR,
    RK_KIND_BRIDGE,
};

/* Append-only. */
enum rk_kind_detail {
    RK_KIND_DETAIL_NONE = 0,
    RK_KIND_DETAIL_CLOUD_AGENT,
    RK_KIND_DETAIL_FORWARDED,
    RK_KIND_DETAIL_CONNECTOR_WHATSAPP,
    RK_KIND_DETAIL_CONNECTOR_TWILIO,
    RK_KIND_DETAIL_BRIDGE_RTSP,
    RK_KIND_DETAIL_SIMULATION,
};

/* Track sources. UNKNOWN comes from tokens of others and cannot be set. Append-only. */
enum rk_source {
    RK_SOURCE_UNKNOWN = 0,
    RK_SOURCE_CAMERA,
    RK_SOURCE_MICROPHONE,
    RK_SOURCE_SCREEN_SHARE,
    RK_SOURCE_SCREEN_SHARE_AUDIO,
};

/*
 * Names as LiveKit writes them ("canPublish", "sip.admin"; "agent"; "screen_share"). _name gives a
 * constant string, absent (ptr NULL) for zero and for numbers that do not exist; _from_name
 * compares exactly and gives zero for a name it does not know. Threads: safe.
 */
RK_API struct rk_str rk_grant_name(enum rk_grant grant);
RK_API enum rk_grant rk_grant_from_name(struct rk_str name);
RK_API struct rk_str rk_kind_name(enum rk_kind kind);
RK_API enum rk_kind rk_kind_from_name(struct rk_str name);
RK_API struct rk_str rk_kind_detail_name(enum rk_kind_detail detail);
RK_API enum rk_kind_detail rk_kind_detail_from_name(struct rk_str name);
RK_API struct rk_str rk_source_name(enum rk_source source);
RK_API enum rk_source rk_source_from_name(struct rk_str name);

/* -- life ------------------------------------------------------------------------------------- */

/* Empty claims. Errors: RK_E_NOMEM. */
RK_API RK_NODISCARD enum rk_err rk_claims_new(struct rk_claims **out_claims);

/* Empty again, memory kept (the texts in it are not wiped). */
RK_API void rk_claims_reset(struct rk_claims *claims);

/* NULL is a no-op. */
RK_API void rk_claims_free(struct rk_claims *claims);

/* -- setters ----------------------------------------------------------------------------------
 * All of them: RK_E_TOO_LONG also when the texts together exceed RK_CLAIMS_MAX, RK_E_NOMEM.
 * Setting again replaces; the old and the new value count together against RK_CLAIMS_MAX then.
 * One without out_diag sets one claim, the one its comment names: that is the field, and
 * rk_err_text(err) what is wrong with it. Setters whose value has parts or whose claim has a name
 * of its own say more in out_diag.
 */

/*
 * `sub`: who joins. 1-256 bytes of UTF-8 without control characters (U+0000-001F, U+007F-009F);
 * LiveKit itself limits the bytes only, but such an identity forges log lines everywhere else.
 * Errors: RK_E_INVAL, RK_E_TOO_LONG. Identities are unique in a room: a second join evicts the
 * first.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_identity(struct rk_claims *claims,
                                                       struct rk_str identity);

/* `name`: at most RK_NAME_MAX bytes of UTF-8; empty asks for none. Errors: RK_E_INVAL. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_name(struct rk_claims *claims, struct rk_str name);

/* `metadata`: any UTF-8 text, a JSON document has to be text already; empty asks for none. Errors:
 * RK_E_INVAL. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_metadata(struct rk_claims *claims,
                                                       struct rk_str metadata);

/*
 * One of `attributes`; a key that is there gets the new value. Keys (which may be empty) and values
 * are UTF-8.
 * Errors: RK_E_INVAL, RK_E_TOO_LONG more than RK_ATTRIBUTES_MAX.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_attribute(struct rk_claims *claims, struct rk_str key,
                                                        struct rk_str value);

/* `kind`. Errors: RK_E_UNKNOWN (RK_KIND_UNSET too). */
RK_API RK_NODISCARD enum rk_err rk_claims_set_kind(struct rk_claims *claims, enum rk_kind kind);

/* One more of `kindDetails`; one that is there already is no error. Errors: RK_E_UNKNOWN. */
RK_API RK_NODISCARD enum rk_err rk_claims_add_kind_detail(struct rk_claims *claims,
                                                          enum rk_kind_detail detail);

/* `video.room`: rules of rk_claims_set_identity. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_room(struct rk_claims *claims, struct rk_str room);

/* `video.destinationRoom`: rules of rk_claims_set_identity. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_destination_room(struct rk_claims *claims,
                                                               struct rk_str room);

/* A boolean grant. An explicit false is written: it differs from absent. Errors: RK_E_UNKNOWN. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_grant(struct rk_claims *claims, enum rk_grant grant,
                                                    bool value);

/*
 * A grant by the name a person writes, "canPublish"="false", "sip.admin"="true", and of the others
 * "room", "destinationRoom", "canPublishSources"="camera,microphone"; each also with "video." in
 * front.
 * Errors: RK_E_UNKNOWN no such grant or source, RK_E_TYPE not true or false, and what the typed
 * setter says. out_diag may be NULL.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_grant_text(struct rk_claims *claims,
                                                         struct rk_str name, struct rk_str value,
                                                         struct rk_diag *out_diag);

/*
 * `video.canPublishSources`, replacing what was there. To LiveKit an empty list means *every*
 * source; to allow none, set RK_GRANT_CAN_PUBLISH to false.
 * Errors: RK_E_UNKNOWN (RK_SOURCE_UNKNOWN too), RK_E_INVAL a source twice.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_publish_sources(struct rk_claims *claims,
                                                              const enum rk_source *sources,
                                                              size_t count);

/* `sha256`: standard base64 with padding of a 32-byte digest (webhooks). Errors: RK_E_INVAL. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_sha256(struct rk_claims *claims,
                                                     struct rk_str base64);

/* `roomPreset`: 1-256 bytes of UTF-8. Errors: RK_E_INVAL, RK_E_TOO_LONG. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_room_preset(struct rk_claims *claims,
                                                          struct rk_str preset);

/*
 * `roomConfig` from JSON text, read by protojson's rules (both spellings of a member, numbers as
 * text) against the schema of livekit.RoomConfiguration and kept in one form: camelCase,
 * declaration order, default values left out. An empty one ({}, or nothing but defaults and unknown
 * members) counts as absent. Unknown members are dropped.
 *
 * Errors: RK_E_MALFORMED    not strict JSON
 *         RK_E_TYPE         a value of the wrong type or out of range
 *         RK_E_UNKNOWN      an enum name that does not exist
 *         RK_E_STATE        both spellings of one member, or two of one `oneof`
 *         RK_E_CREDENTIALS  storage or stream credentials: whoever holds a token can read it
 * out_diag (may be NULL) has the path, e.g. roomConfig.agents[0].metadata; roomConfig alone when
 * the text as a whole is no strict JSON.
 */
RK_API RK_NODISCARD enum rk_err
rk_claims_set_room_config(struct rk_claims *claims, struct rk_str json, struct rk_diag *out_diag);

/* Lifetime from `now_s` of signing: 1 to RK_TTL_MAX_S seconds; RK_TTL_DEFAULT_S when never set.
 * Errors: RK_E_INVAL. */
RK_API RK_NODISCARD enum rk_err rk_claims_set_ttl(struct rk_claims *claims, int64_t ttl_s);

/*
 * `jti`: 1-256 bytes, rules of rk_claims_set_identity. Signing refuses an id without an identity:
 * LiveKit takes jti for the identity when sub is missing.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_id(struct rk_claims *claims, struct rk_str id);

/*
 * A claim this library does not know: its name and its value as JSON text, written as it is.
 * Errors: RK_E_INVAL     the name is empty, not UTF-8, or one that has its own setter (in any case
 *                        of its letters, since LiveKit reads names without regard to case)
 *         RK_E_TOO_LONG  more than RK_EXTRAS_MAX
 *         RK_E_MALFORMED the value is not strict JSON
 */
RK_API RK_NODISCARD enum rk_err rk_claims_set_extra(struct rk_claims *claims, struct rk_str name,
                                                    struct rk_str json, struct rk_diag *out_diag);

/* -- whole payloads ---------------------------------------------------------------------------- */

/*
 * Empties `claims` and fills it from the payload of a token (JSON text). It *reads*: types are
 * checked strictly (the server would refuse the token), names of known claims must be exact and
 * unique, but values nobody could have set here, such as an identity of 300 bytes, are kept, and so
 * are unknown claims (as extras), iss, iat, nbf and exp. null means absent; so do empty texts.
 * `identity` beside sub is checked and dropped: the server ignores it. The lifetime is not loaded.
 * This verifies nothing: see rk_token_verify.
 *
 * Errors: RK_E_MALFORMED not one strict JSON object (duplicate members, lone surrogates, ...)
 *         RK_E_TYPE      wrong type; out_diag->field is like "video.canPublishSources[1]"
 *         RK_E_INVAL     a known claim in other letters, "Video" or "roomjoin": LiveKit would
 *                        honour it
 *         and what rk_claims_set_room_config says, except RK_E_CREDENTIALS.
 * On failure `claims` is empty.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_load_json(struct rk_claims *claims, struct rk_str json,
                                                    struct rk_diag *out_diag);

/*
 * The claims as JSON, in the order tokens have (token.h), without what signing adds.
 * Writes *out_len bytes, no NUL. Errors: RK_E_TOO_LONG; out is wiped then.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_write_json(const struct rk_claims *claims, char *out,
                                                     size_t cap, size_t *out_len);

/*
 * Whether rk_token_sign would take these claims. RK_E_STATE with the missing field in out_diag:
 * roomJoin without identity or room, an id without identity, no grant at all (no video, sip, agent,
 * inference or observability object and no sha256); RK_E_TOO_LONG a loaded identity or room over
 * its limit; RK_E_CREDENTIALS a loaded roomConfig with credentials.
 */
RK_API RK_NODISCARD enum rk_err rk_claims_check(const struct rk_claims *claims,
                                                struct rk_diag *out_diag);

/* -- getters: absent texts have ptr NULL --------------------------------------------------------
 */

RK_API struct rk_str rk_claims_identity(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_name(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_metadata(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_room(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_destination_room(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_sha256(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_room_preset(const struct rk_claims *claims);
RK_API struct rk_str rk_claims_room_config(const struct rk_claims *claims); /* JSON text */
RK_API struct rk_str rk_claims_id(const struct rk_claims *claims);
RK_API enum rk_kind rk_claims_kind(const struct rk_claims *claims);
RK_API enum rk_tri rk_claims_grant(const struct rk_claims *claims, enum rk_grant grant);
RK_API int64_t rk_claims_ttl(const struct rk_claims *claims);

/* Whether the object is there, even if empty. */
RK_API bool rk_claims_has_section(const struct rk_claims *claims, enum rk_section section);

/* Lists: ask for the count, then for 0 .. count - 1. Past the end: zero, or false and outputs
 * untouched. */
RK_API bool rk_claims_has_publish_sources(const struct rk_claims *claims);
RK_API size_t rk_claims_publish_source_count(const struct rk_claims *claims);
RK_API enum rk_source rk_claims_publish_source_at(const struct rk_claims *claims, size_t index);
RK_API size_t rk_claims_kind_detail_count(const struct rk_claims *claims);
RK_API enum rk_kind_detail rk_claims_kind_detail_at(const struct rk_claims *claims, size_t index);
RK_API size_t rk_claims_attribute_count(const struct rk_claims *claims);
RK_API bool rk_claims_attribute_at(const struct rk_claims *claims, size_t index,
                                   struct rk_str *out_key, struct rk_str *out_value);
RK_API size_t rk_claims_extra_count(const struct rk_claims *claims);
RK_API bool rk_claims_extra_at(const struct rk_claims *claims, size_t index,
                               struct rk_str *out_name, struct rk_str *out_json);

/* Only after a load or a verification: iss, and the times in seconds (fractions cut off); false and
 * *out_s untouched when the claim is absent. */
RK_API struct rk_str rk_claims_issuer(const struct rk_claims *claims);
RK_API bool rk_claims_issued_at(const struct rk_claims *claims, int64_t *out_s);
RK_API bool rk_claims_not_before(const struct rk_claims *claims, int64_t *out_s);
RK_API bool rk_claims_expires_at(const struct rk_claims *claims, int64_t *out_s);

#ifdef __cplusplus
}
#endif

#endif
