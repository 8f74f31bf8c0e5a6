/*
 * claims_impl.h - the inside of struct rk_claims, for claims*.c alone.
 *
 * All texts lie in one block of memory and are known by offset, so the block can move. It grows
 * when it must, never past RK_CLAIMS_MAX, and is kept over rk_claims_reset.
 */
#ifndef RKI_CLAIMS_IMPL_H
#define RKI_CLAIMS_IMPL_H

#include "core/claims.h"
#include "core/diag.h"
#include "core/grants.h"
#include "core/json.h"
#include "core/text.h"

struct rki_text {
    uint32_t at, len,
        cap; /* cap: bytes reserved at `at`, so that a shorter value replaces in place */
    bool present;
    bool escape; /* JSON must escape something in it */
};

enum rki_text_id {
    RKI_TEXT_IDENTITY,
    RKI_TEXT_ID,
    RKI_TEXT_ISSUER,
    RKI_TEXT_NAME,
    RKI_TEXT_ROOM,
    RKI_TEXT_DESTINATION_ROOM,
    RKI_TEXT_ROOM_CONFIG,
    RKI_TEXT_ROOM_PRESET,
    RKI_TEXT_SHA256,
    RKI_TEXT_METADATA,
    RKI_TEXT_COUNT,
};

/* The claims beyond the registered ones, in the order they are written. An extra is COUNT + index.
 */
enum rki_claim {
    RKI_CLAIM_NAME,
    RKI_CLAIM_KIND,
    RKI_CLAIM_KIND_DETAILS,
    RKI_CLAIM_SECTION, /* video; the others follow in the order of enum rk_section */
    RKI_CLAIM_ROOM_CONFIG = RKI_CLAIM_SECTION + RKI_SECTION_COUNT - 1,
    RKI_CLAIM_ROOM_PRESET,
    RKI_CLAIM_SHA256,
    RKI_CLAIM_METADATA,
    RKI_CLAIM_ATTRIBUTES,
    RKI_CLAIM_COUNT,
};

/* Members of grant objects: the grants by their numbers, then these. */
enum rki_member {
    RKI_MEMBER_ROOM = RKI_GRANT_COUNT,
    RKI_MEMBER_SOURCES,
    RKI_MEMBER_DESTINATION_ROOM,
    RKI_MEMBER_COUNT,
};

/* How many of the codes in an order are good, and which: each stands in it once. */
struct rki_order {
    uint64_t seen;
    size_t count;
};

struct rki_pair {
    struct rki_text key, value;
};

struct rki_time {
    int64_t s;
    bool present;
};

enum {
    RKI_SOURCES_MAX = 8, /* loaded tokens may repeat some */
    RKI_KIND_DETAILS_MAX = RK_KIND_DETAIL_SIMULATION,
};

struct rk_claims {
    /* the block; `retired` is the one before it, kept until the next growth because a setter's
     * argument may lie in it */
    char *block, *retired;
    uint32_t len, cap;

    /* from here on rk_claims_reset zeroes */
    struct rki_text texts[RKI_TEXT_COUNT];
    uint32_t grants_set, grants_true; /* by rki_grant_bit */
    struct rki_order claims_order, members_order;
    int64_t ttl_s; /* 0: the default */
    struct rki_time issued_at, not_before, expires_at;
    enum rk_kind kind;
    bool has_sources;
    bool has_credentials; /* a loaded roomConfig; cannot be signed */
    unsigned sections;    /* bit by enum rk_section */
    unsigned char source_count, kind_detail_count;
    unsigned char sources[RKI_SOURCES_MAX], kind_details[RKI_KIND_DETAILS_MAX];
    uint32_t attribute_count, extra_count;

    /* from here on it does not: the counts say what is good */
    unsigned char claim_codes[RKI_CLAIM_COUNT + RK_EXTRAS_MAX]; /* in the order they were set */
    unsigned char member_codes[RKI_MEMBER_COUNT];
    struct rki_pair attributes[RK_ATTRIBUTES_MAX];
    struct rki_pair extras[RK_EXTRAS_MAX];
};

static inline struct rk_str rki_claims_view(const struct rk_claims *claims,
                                            const struct rki_text *text)
{
    return text->present ? rki_str(claims->block + text->at, text->len) : rki_str(NULL, 0);
}

static inline struct rk_str rki_claims_text(const struct rk_claims *claims, enum rki_text_id id)
{
    return rki_claims_view(claims, &claims->texts[id]);
}

/* Remembers that a claim, or a member of a grant object, was set. */
static inline void rki_claims_note_claim(struct rk_claims *claims, unsigned code)
{
    if ((claims->claims_order.seen >> code & 1) != 0)
        return;
    claims->claims_order.seen |= UINT64_C(1) << code;
    claims->claim_codes[claims->claims_order.count++] = (unsigned char)code;
}

static inline void rki_claims_note_section(struct rk_claims *claims, enum rk_section section)
{
    claims->sections |= 1u << (unsigned)section;
    rki_claims_note_claim(claims, RKI_CLAIM_SECTION + (unsigned)section - 1);
}

static inline void rki_claims_note_member(struct rk_claims *claims, enum rk_section section,
                                          unsigned code)
{
    rki_claims_note_section(claims, section);
    if ((claims->members_order.seen >> code & 1) != 0)
        return;
    claims->members_order.seen |= UINT64_C(1) << code;
    claims->member_codes[claims->members_order.count++] = (unsigned char)code;
}

/* Makes room for `more` bytes; what did not fit may do so because holes are dropped. */
RK_NODISCARD enum rk_err rki_claims_grow(struct rk_claims *claims, size_t more);

/* Room for `more` bytes behind len; even for none there must be a block. */
static inline enum rk_err rki_claims_reserve(struct rk_claims *claims, size_t more)
{
    if (claims->block != NULL && more <= claims->cap - claims->len)
        return RK_OK;
    return rki_claims_grow(claims, more);
}

/* There must be room. */
static inline void rki_claims_append(struct rk_claims *claims, struct rki_text *text,
                                     struct rk_str s, unsigned flags)
{
    if (!text->present || s.len > text->cap) {
        text->at = claims->len;
        text->cap = (uint32_t)s.len;
        claims->len += (uint32_t)s.len;
    }
    if (s.len != 0)
        memmove(claims->block + text->at, s.ptr, s.len); /* s may be part of the old value */
    text->len = (uint32_t)s.len;
    text->present = true;
    text->escape = (flags & RKI_TEXT_ESCAPE) != 0;
}

/* Copies s into *text, whatever it holds. RK_E_TOO_LONG, RK_E_NOMEM: *text as it was. */
RK_NODISCARD static inline enum rk_err rki_claims_put(struct rk_claims *claims,
                                                      struct rki_text *text, struct rk_str s,
                                                      unsigned scan_flags)
{
    if (!text->present || s.len > text->cap) {
        enum rk_err err = rki_claims_reserve(claims, s.len);

        if (err != RK_OK)
            return err;
    }
    rki_claims_append(claims, text, s, scan_flags);
    return RK_OK;
}

/*
 * Puts a text that rki_text_scan has looked at; notes its order and the object it stands in.
 * Inline, because setters know the id: this is the hot path, and half of it folds away.
 */
RK_NODISCARD static inline enum rk_err rki_claims_put_scanned(struct rk_claims *claims,
                                                              enum rki_text_id id, struct rk_str s,
                                                              unsigned scan_flags)
{
    static const struct {
        unsigned char claim;  /* COUNT: a registered one, which has its own place in a token */
        unsigned char member; /* of video; 0 when it is none */
    } places[RKI_TEXT_COUNT] = {
        [RKI_TEXT_IDENTITY] = {RKI_CLAIM_COUNT, 0},
        [RKI_TEXT_ID] = {RKI_CLAIM_COUNT, 0},
        [RKI_TEXT_ISSUER] = {RKI_CLAIM_COUNT, 0},
        [RKI_TEXT_NAME] = {RKI_CLAIM_NAME, 0},
        [RKI_TEXT_ROOM] = {RKI_CLAIM_SECTION, RKI_MEMBER_ROOM},
        [RKI_TEXT_DESTINATION_ROOM] = {RKI_CLAIM_SECTION, RKI_MEMBER_DESTINATION_ROOM},
        [RKI_TEXT_ROOM_CONFIG] = {RKI_CLAIM_ROOM_CONFIG, 0},
        [RKI_TEXT_ROOM_PRESET] = {RKI_CLAIM_ROOM_PRESET, 0},
        [RKI_TEXT_SHA256] = {RKI_CLAIM_SHA256, 0},
        [RKI_TEXT_METADATA] = {RKI_CLAIM_METADATA, 0},
    };
    enum rk_err err = rki_claims_put(claims, &claims->texts[id], s, scan_flags);

    if (err != RK_OK)
        return err;
    if (places[id].member != 0)
        rki_claims_note_member(claims, RK_SECTION_VIDEO, places[id].member);
    else if (places[id].claim != RKI_CLAIM_COUNT)
        rki_claims_note_claim(claims, places[id].claim);
    return RK_OK;
}

/* As above, looks itself; RK_E_INVAL: not UTF-8. No other rule is checked. */
RK_NODISCARD enum rk_err rki_claims_put_text(struct rk_claims *claims, enum rki_text_id id,
                                             struct rk_str s);
RK_NODISCARD enum rk_err rki_claims_put_attribute(struct rk_claims *claims, struct rk_str key,
                                                  struct rk_str value);
RK_NODISCARD enum rk_err rki_claims_put_extra(struct rk_claims *claims, struct rk_str name,
                                              struct rk_str json);

/* The claim this name means when letters' case is not looked at; absent for unknown names. */
struct rk_str rki_claims_known_name(struct rk_str name);

/*
 * The members of the payload beyond the registered claims, each with a comma behind it.
 * _js: in the order they were set, roomConfig with its defaults. RK_E_NOMEM.
 */
void rki_claims_write(const struct rk_claims *claims, struct rki_buf *buf);
RK_NODISCARD enum rk_err rki_claims_write_js(const struct rk_claims *claims, struct rki_buf *buf);

/* rk_claims_check; npm livekit-server-sdk signs claims without a grant. */
RK_NODISCARD enum rk_err rki_claims_check(const struct rk_claims *claims, bool needs_grant,
                                          struct rk_diag *out_diag);

static inline void rki_claims_quote(const struct rk_claims *claims, struct rki_buf *buf,
                                    const struct rki_text *text)
{
    struct rk_str s = rki_claims_view(claims, text);

    if (text->escape) {
        rki_buf_json(buf, s);
        return;
    }
    rki_buf_char(buf, '"');
    rki_buf_put(buf, s);
    rki_buf_char(buf, '"');
}

/* `"key":"value",` when the text is there. `key` comes with quotes and colon. */
static inline void rki_claims_write_text(const struct rk_claims *claims, struct rki_buf *buf,
                                         struct rk_str key, enum rki_text_id id)
{
    if (!claims->texts[id].present)
        return;
    rki_buf_put(buf, key);
    rki_claims_quote(claims, buf, &claims->texts[id]);
    rki_buf_char(buf, ',');
}

/* A parsed value as JSON text. RK_E_TOO_LONG: deeper than RKI_JSON_DEPTH_MAX; RK_E_NOMEM. */
RK_NODISCARD enum rk_err rki_claims_write_value(struct rki_buf *buf, json_t *value);

/* Replaces the comma behind the last member by `end`, or adds it after an opening brace. */
static inline void rki_claims_close(struct rki_buf *buf, char end)
{
    if (!buf->overflow && buf->len != 0 && buf->ptr[buf->len - 1] == ',')
        buf->ptr[buf->len - 1] = end;
    else
        rki_buf_char(buf, end);
}

#endif
