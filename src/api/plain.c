/*
 * plain.c - reads plain bodies in one pass over their bytes.
 *
 * jansson costs 2-3 us for a body of 93 bytes, a fifth of a whole request (reference
 * performance.md); this costs some 50 ns. May touch: its arguments. Allocates nothing.
 */
#include "api/plain.h"

#include "core/utf8.h"

enum byte_class {
    PLAIN = 1,     /* printable ASCII but '"' and '\' */
    NAME_BYTE = 2, /* [a-zA-Z0-9_-] */
    BLANK = 4,     /* JSON white space */
    DIGIT = 8,
};

/* clang-format off */
enum { P = PLAIN, N = PLAIN | NAME_BYTE, D = PLAIN | NAME_BYTE | DIGIT, S = PLAIN | BLANK, B = BLANK };

static const unsigned char classes[256] = {
    /* 00 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, B, B, 0, 0, B, 0, 0,
    /* 10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    /* 20 */ S, P, 0, P, P, P, P, P, P, P, P, P, P, N, P, P,
    /* 30 */ D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P,
    /* 40 */ P, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    /* 50 */ N, N, N, N, N, N, N, N, N, N, N, P, 0, P, P, N,
    /* 60 */ P, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    /* 70 */ N, N, N, N, N, N, N, N, N, N, N, P, P, P, P, 0,
};
/* clang-format on */

struct known {
    struct rk_str name;
    enum rkd_plain_member member;
    bool snake;
};

struct cursor {
    const char *at, *end;
};

static unsigned class_of(char c)
{
    return classes[(unsigned char)c];
}

bool rkd_plain_is_name_byte(char c)
{
    return (class_of(c) & NAME_BYTE) != 0;
}

/* The member of that name, by its length first: no two lengths have more than two names. */
static const struct known *find_member(struct rk_str name)
{
    static const struct known rows[21][2] = {
        [8] = {{RK_STR_INIT("roomName"), RKD_PLAIN_ROOM, false}},
        [9] = {{RK_STR_INIT("room_name"), RKD_PLAIN_ROOM, true}},
        [10] = {{RK_STR_INIT("roomConfig"), RKD_PLAIN_ROOM_CONFIG, false}},
        [11] = {{RK_STR_INIT("room_config"), RKD_PLAIN_ROOM_CONFIG, true}},
        [15] = {{RK_STR_INIT("participantName"), RKD_PLAIN_NAME, false}},
        [16] = {{RK_STR_INIT("participant_name"), RKD_PLAIN_NAME, true}},
        [17] = {{RK_STR_INIT("expirationSeconds"), RKD_PLAIN_EXPIRATION, false}},
        [19] = {{RK_STR_INIT("participantIdentity"), RKD_PLAIN_IDENTITY, false},
                {RK_STR_INIT("participantMetadata"), RKD_PLAIN_METADATA, false}},
        [20] = {{RK_STR_INIT("participant_identity"), RKD_PLAIN_IDENTITY, true},
                {RK_STR_INIT("participant_metadata"), RKD_PLAIN_METADATA, true}},
    };

    if (name.len == 0 || name.len >= ARRAY_LEN(rows))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows[0]); i++)
        if (rki_str_equal(rows[name.len][i].name, name))
            return &rows[name.len][i];
    return NULL;
}

static bool skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (class_of(*c->at) & BLANK) != 0)
        c->at++;
    return c->at < c->end;
}

/* The byte `want` after blanks. */
static bool take(struct cursor *c, char want)
{
    if (!skip_blanks(c) || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* A string of plain bytes; *out_common has the classes that all of them have. */
static bool take_text(struct cursor *c, struct rk_str *out, unsigned *out_common)
{
    const char *from;
    unsigned common = PLAIN | NAME_BYTE;

    if (!take(c, '"'))
        return false;
    from = c->at;
    while (c->at < c->end && (class_of(*c->at) & PLAIN) != 0)
        common &= class_of(*c->at++);
    if (c->at == c->end || *c->at != '"')
        return false;
    *out = rki_str(from, (size_t)(c->at - from));
    *out_common = common;
    c->at++;
    return true;
}

/* 1-99999, without a leading zero, a point or an exponent. */
static bool take_seconds(struct cursor *c, int64_t *out)
{
    const char *from;
    int64_t value = 0;

    if (!skip_blanks(c) || *c->at == '0')
        return false;
    for (from = c->at; c->at < c->end && (class_of(*c->at) & DIGIT) != 0; c->at++) {
        if (c->at - from == 5)
            return false;
        value = value * 10 + (*c->at - '0');
    }
    *out = value;
    return c->at != from;
}

static bool take_value(struct cursor *c, enum rkd_plain_member member, struct rkd_plain_body *plain)
{
    unsigned common;

    if (member == RKD_PLAIN_EXPIRATION)
        return take_seconds(c, &plain->expiration_s);
    if (member == RKD_PLAIN_ROOM_CONFIG)
        return take(c, '{') && take(c, '}');
    if (!take_text(c, &plain->texts[member], &common))
        return false;
    if ((common & NAME_BYTE) != 0)
        plain->name_like |= 1U << member;
    return true;
}

static bool take_member(struct cursor *c, struct rkd_plain_body *plain)
{
    const struct known *known;
    struct rk_str name;
    unsigned common, bit;

    if (!take_text(c, &name, &common))
        return false;
    known = find_member(name);
    if (known == NULL)
        return false;
    bit = 1U << known->member;
    if (((plain->camel | plain->snake) & bit) != 0)
        return false;
    *(known->snake ? &plain->snake : &plain->camel) |= bit;
    return take(c, ':') && take_value(c, known->member, plain);
}

bool rkd_plain_scan(struct rk_str body, struct rkd_plain_body *plain)
{
    struct cursor c;

    plain->camel = plain->snake = plain->name_like = 0;
    if (body.len == 0)
        return false;
    c = (struct cursor){.at = body.ptr, .end = body.ptr + body.len};
    if (!take(&c, '{') || !skip_blanks(&c))
        return false;
    if (*c.at == '}') {
        c.at++;
        return !skip_blanks(&c);
    }
    do {
        if (!take_member(&c, plain) || !skip_blanks(&c))
            return false;
    } while (*c.at++ == ',');
    return c.at[-1] == '}' && !skip_blanks(&c);
}

/* ---- what a contract takes ---- */

static bool saw(const struct rkd_plain_body *plain, enum rkd_plain_member member)
{
    return ((plain->camel | plain->snake) >> member & 1U) != 0;
}

/* D20 for plain ASCII: the length, and no blank at either end. */
static bool is_name(struct rk_str s)
{
    return s.len != 0 && s.len <= RKI_NAME_MAX && s.ptr[0] != ' ' && s.ptr[s.len - 1] != ' ';
}

bool rkd_plain_as_original(const struct rkd_plain_body *plain, struct rkd_ask *ask)
{
    const unsigned must = 1U << RKD_PLAIN_ROOM | 1U << RKD_PLAIN_IDENTITY;
    const unsigned may = must | 1U << RKD_PLAIN_NAME | 1U << RKD_PLAIN_EXPIRATION;
    const struct rk_str *texts = plain->texts;

    if (plain->snake != 0 || (plain->camel & must) != must || (plain->camel & ~may) != 0 ||
        (plain->name_like & must) != must)
        return false;
    if (texts[RKD_PLAIN_ROOM].len - 1 > 254 || texts[RKD_PLAIN_IDENTITY].len - 1 > 254)
        return false; /* 0 wraps */
    if (saw(plain, RKD_PLAIN_NAME) && texts[RKD_PLAIN_NAME].len - 1 > 254)
        return false;
    if (saw(plain, RKD_PLAIN_EXPIRATION) &&
        (plain->expiration_s < 60 || plain->expiration_s > 86400))
        return false;
    ask->room = texts[RKD_PLAIN_ROOM];
    ask->identity = texts[RKD_PLAIN_IDENTITY];
    if (saw(plain, RKD_PLAIN_NAME))
        ask->name = texts[RKD_PLAIN_NAME];
    ask->ttl_s = saw(plain, RKD_PLAIN_EXPIRATION) ? plain->expiration_s : 0;
    return true;
}

bool rkd_plain_as_standard(const struct rkd_plain_body *plain, struct rkd_ask *ask)
{
    if (saw(plain, RKD_PLAIN_EXPIRATION))
        return false;
    for (unsigned i = 0; i < RKD_PLAIN_METADATA; i++)
        if (saw(plain, i) && !is_name(plain->texts[i]))
            return false;
    if (saw(plain, RKD_PLAIN_METADATA) &&
        plain->texts[RKD_PLAIN_METADATA].len - 1 > RKD_METADATA_MAX - 1)
        return false; /* "" wraps: absent, not empty */
    if (saw(plain, RKD_PLAIN_ROOM))
        ask->room = plain->texts[RKD_PLAIN_ROOM];
    if (saw(plain, RKD_PLAIN_IDENTITY))
        ask->identity = plain->texts[RKD_PLAIN_IDENTITY];
    if (saw(plain, RKD_PLAIN_NAME))
        ask->name = plain->texts[RKD_PLAIN_NAME];
    if (saw(plain, RKD_PLAIN_METADATA))
        ask->metadata = plain->texts[RKD_PLAIN_METADATA];
    return true;
}

bool rkd_plain_is_standard(const struct rkd_plain_body *plain)
{
    const unsigned original = 1U << RKD_PLAIN_ROOM | 1U << RKD_PLAIN_IDENTITY |
                              1U << RKD_PLAIN_NAME | 1U << RKD_PLAIN_EXPIRATION;

    return plain->snake != 0 && (plain->camel & original) == 0;
}
