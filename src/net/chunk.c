/*
 * chunk.c - reads the framing of a chunked body, strictly: CRLF only, no blank around a size.
 *
 * A pure function of its state and the bytes. Bytes of framing are judged one by one, so the
 * verdict does not depend on how they were cut into reads.
 */
#include "net/chunk.h"
#include "net/head.h"

enum phase {
    PHASE_SIZE = 0,
    PHASE_EXTENSION,
    PHASE_SIZE_LF,
    PHASE_DATA,
    PHASE_DATA_CR,
    PHASE_DATA_LF,
    PHASE_LINE, /* at the start of a trailer line or of the empty one */
    PHASE_NAME,
    PHASE_VALUE,
    PHASE_VALUE_LF,
    PHASE_END_LF,
};

enum { SIZE_DIGITS = 16 }; /* H8; as many fit into 64 bits */

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10U;
}

/* 1*16HEXDIG, then ';' or CR. */
static enum rkd_chunk_kind take_size(struct rkd_chunk *chunk, char c)
{
    if (rkd_ch_is(c, RKD_CH_HEX)) {
        if (chunk->digits == SIZE_DIGITS)
            return RKD_CHUNK_BAD;
        chunk->left = chunk->left << 4 | hex_value(c);
        chunk->digits++;
        return RKD_CHUNK_FRAME;
    }
    if (chunk->digits == 0 || (c != ';' && c != '\r'))
        return RKD_CHUNK_BAD;
    chunk->phase = c == ';' ? PHASE_EXTENSION : PHASE_SIZE_LF;
    return c == ';' ? RKD_CHUNK_SKIPPED : RKD_CHUNK_FRAME;
}

static enum rkd_chunk_kind take_size_lf(struct rkd_chunk *chunk, char c, uint64_t body_bytes)
{
    if (c != '\n')
        return RKD_CHUNK_BAD;
    if (chunk->left > body_bytes - chunk->data) /* data never exceeds body_bytes */
        return RKD_CHUNK_TOO_LARGE;
    chunk->data += chunk->left;
    chunk->is_last = chunk->left == 0;
    chunk->digits = 0;
    chunk->phase = chunk->is_last ? PHASE_LINE : PHASE_DATA;
    return RKD_CHUNK_FRAME;
}

static enum rkd_chunk_kind take_trailer(struct rkd_chunk *chunk, char c)
{
    switch ((enum phase)chunk->phase) {
    case PHASE_LINE:
        if (c == '\r') {
            chunk->phase = PHASE_END_LF;
            return RKD_CHUNK_FRAME;
        }
        if (chunk->lines == RKD_HEADERS_MAX)
            return RKD_CHUNK_ACCOUNT;
        chunk->lines++;
        chunk->phase = PHASE_NAME;
        return rkd_ch_is(c, RKD_CH_TOKEN) ? RKD_CHUNK_SKIPPED : RKD_CHUNK_BAD;
    case PHASE_NAME:
        if (c == ':')
            chunk->phase = PHASE_VALUE;
        else if (!rkd_ch_is(c, RKD_CH_TOKEN))
            return RKD_CHUNK_BAD;
        return RKD_CHUNK_SKIPPED;
    case PHASE_VALUE:
        if (c == '\r')
            chunk->phase = PHASE_VALUE_LF;
        else if (!rkd_ch_is(c, RKD_CH_VALUE))
            return RKD_CHUNK_BAD;
        return RKD_CHUNK_SKIPPED;
    case PHASE_VALUE_LF:
        chunk->phase = PHASE_LINE;
        return c == '\n' ? RKD_CHUNK_SKIPPED : RKD_CHUNK_BAD;
    case PHASE_END_LF:
        return c == '\n' ? RKD_CHUNK_LAST : RKD_CHUNK_BAD;
    case PHASE_SIZE:
    case PHASE_EXTENSION:
    case PHASE_SIZE_LF:
    case PHASE_DATA:
    case PHASE_DATA_CR:
    case PHASE_DATA_LF:
        break;
    }
    return RKD_CHUNK_BAD;
}

/* One byte of framing. */
static enum rkd_chunk_kind take(struct rkd_chunk *chunk, char c,
                                const struct rkd_net_limits *limits)
{
    if (chunk->account == limits->headers_bytes)
        return RKD_CHUNK_ACCOUNT;
    chunk->account++;
    if (chunk->phase == PHASE_SIZE)
        return take_size(chunk, c);
    if (chunk->phase == PHASE_SIZE_LF)
        return take_size_lf(chunk, c, limits->body_bytes);
    if (chunk->phase == PHASE_EXTENSION) {
        if (c == '\r') {
            chunk->phase = PHASE_SIZE_LF;
            return RKD_CHUNK_FRAME;
        }
        return rkd_ch_is(c, RKD_CH_VALUE) ? RKD_CHUNK_SKIPPED : RKD_CHUNK_BAD;
    }
    if (chunk->phase == PHASE_DATA_CR || chunk->phase == PHASE_DATA_LF) {
        bool is_cr = chunk->phase == PHASE_DATA_CR;

        chunk->phase = is_cr ? PHASE_DATA_LF : PHASE_SIZE;
        return c == (is_cr ? '\r' : '\n') ? RKD_CHUNK_FRAME : RKD_CHUNK_BAD;
    }
    return take_trailer(chunk, c);
}

enum rkd_chunk_kind rkd_chunk_next(struct rkd_chunk *chunk, const char *data, size_t len,
                                   const struct rkd_net_limits *limits, size_t *out_len)
{
    *out_len = 0;
    if (len == 0)
        return RKD_CHUNK_MORE;
    if (chunk->phase == PHASE_DATA) {
        *out_len = chunk->left < len ? (size_t)chunk->left : len;
        chunk->left -= *out_len;
        if (chunk->left == 0)
            chunk->phase = PHASE_DATA_CR;
        return RKD_CHUNK_DATA;
    }
    *out_len = 1;
    return take(chunk, data[0], limits);
}
