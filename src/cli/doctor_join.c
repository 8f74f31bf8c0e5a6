/*
 * doctor_join.c - reads the first message of a LiveKit server on a WebSocket: its version, and the
 * room's id.
 *
 * One unmasked frame (RFC 6455 s.5.2) with a livekit.SignalResponse of protobuf: join is field 1;
 * in JoinResponse room is 1 (sid 1), server_version 4, server_info 12 (edition 1, version 2).
 * May touch: its arguments, which are any bytes at all.
 */
#include "cli/doctor.h"
#include "config/number.h"

enum { OPCODE_BINARY = 2, OPCODE_PING = 9, OPCODE_PONG = 10 };
enum { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_BYTES = 2, WIRE_I32 = 5 };

/* Cuts `count` bytes off; false: there are fewer. */
static bool take(struct rk_str *bytes, uint64_t count, struct rk_str *out)
{
    if (count > bytes->len)
        return false;
    *out = rki_str(bytes->ptr, (size_t)count);
    *bytes = rki_str(bytes->ptr + count, bytes->len - (size_t)count);
    return true;
}

static bool take_big_endian(struct rk_str *bytes, size_t count, uint64_t *out)
{
    struct rk_str number;

    *out = 0;
    if (!take(bytes, count, &number))
        return false;
    for (size_t i = 0; i < count; i++)
        *out = *out << 8 | (unsigned char)number.ptr[i];
    return true;
}

/* ---- protobuf ---- */

static bool take_varint(struct rk_str *bytes, uint64_t *out)
{
    struct rk_str byte;

    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!take(bytes, 1, &byte))
            return false;
        *out |= (uint64_t)((unsigned char)*byte.ptr & 0x7f) << shift;
        if (((unsigned char)*byte.ptr & 0x80) == 0)
            return true;
    }
    return false;
}

struct field {
    uint64_t number, value; /* value: of a varint */
    struct rk_str bytes;    /* absent: it holds none */
};

static bool take_field(struct rk_str *message, struct field *out)
{
    uint64_t tag, len = 0;

    *out = (struct field){.number = 0};
    if (!take_varint(message, &tag))
        return false;
    out->number = tag >> 3;
    switch (tag & 7) {
    case WIRE_VARINT:
        return take_varint(message, &out->value);
    case WIRE_BYTES:
        return take_varint(message, &len) && take(message, len, &out->bytes);
    case WIRE_I64:
        return take(message, 8, &out->bytes);
    case WIRE_I32:
        return take(message, 4, &out->bytes);
    default:
        return false;
    }
}

/* The first field `number` of `message`, as bytes; absent when there is none. */
static struct rk_str find(struct rk_str message, uint64_t number, uint64_t *out_value)
{
    struct field field;

    while (message.len != 0 && take_field(&message, &field)) {
        if (field.number == number) {
            if (out_value != NULL)
                *out_value = field.value;
            return field.bytes;
        }
    }
    return rki_str(NULL, 0);
}

static int read_message(struct rk_str message, struct rkd_join *out)
{
    enum { JOIN = 1, ROOM = 1, SID = 1, SERVER_VERSION = 4, SERVER_INFO = 12 };
    enum { EDITION = 1, VERSION = 2, CLOUD = 1 };
    const struct rk_str join = find(message, JOIN, NULL);
    const struct rk_str info = find(join, SERVER_INFO, NULL);
    uint64_t edition = 0;

    if (join.ptr == NULL)
        return -1;
    (void)find(info, EDITION, &edition);
    out->is_cloud = edition == CLOUD;
    out->version = find(info, VERSION, NULL);
    if (out->version.ptr == NULL) /* before there was an info */
        out->version = find(join, SERVER_VERSION, NULL);
    if (out->version.len > RKD_VERSION_MAX)
        out->version = rki_str(NULL, 0);
    out->sid = find(find(join, ROOM, NULL), SID, NULL);
    return 1;
}

int rkd_join_read(struct rk_str bytes, struct rkd_join *out)
{
    *out = (struct rkd_join){.is_cloud = false};
    for (;;) {
        struct rk_str head, payload;
        unsigned first, second;
        uint64_t len;

        if (!take(&bytes, 2, &head))
            return 0;
        first = (unsigned char)head.ptr[0];
        second = (unsigned char)head.ptr[1];
        if ((first & 0xf0) != 0x80 || (second & 0x80) != 0) /* in one piece, and not masked */
            return -1;
        len = second & 0x7f;
        if (len >= 126 && !take_big_endian(&bytes, len == 126 ? 2 : 8, &len))
            return 0;
        if (len > RKD_ANSWER_MAX)
            return -1;
        if (!take(&bytes, len, &payload))
            return 0;
        if ((first & 0x0f) == OPCODE_BINARY)
            return read_message(payload, out);
        if ((first & 0x0f) != OPCODE_PING && (first & 0x0f) != OPCODE_PONG)
            return -1;
    }
}

bool rkd_version_is_before(struct rk_str version, const unsigned least[static 3])
{
    struct rk_str rest = version;

    if (rest.len != 0 && *rest.ptr == 'v')
        rest = rki_str(rest.ptr + 1, rest.len - 1);
    for (size_t i = 0; i < 3; i++) {
        struct rk_str part;
        size_t digits = 0;
        uint64_t number;

        rkd_str_cut(rest, '.', &part, &rest);
        while (digits < part.len && part.ptr[digits] >= '0' && part.ptr[digits] <= '9')
            digits++;
        if (!rkd_number_parse(rki_str(part.ptr, digits), 1000000, &number))
            return false;
        if (number != least[i])
            return number < least[i];
    }
    return false;
}
