/*
 * chunk.h - guards the framing of a chunked body (semantics H2, H8, H9): a pure walk over bytes.
 *
 * It sees the bytes before llhttp and says which of them llhttp shall see: sizes, data and line
 * ends yes, extensions and trailers no (they change nothing, and llhttp would act on a trailer).
 */
#ifndef RKD_NET_CHUNK_H
#define RKD_NET_CHUNK_H

#include "net/net.h"

enum rkd_chunk_kind {
    RKD_CHUNK_MORE = 0,  /* all bytes are used up */
    RKD_CHUNK_FRAME,     /* framing for llhttp */
    RKD_CHUNK_DATA,      /* data for llhttp */
    RKD_CHUNK_SKIPPED,   /* framing that is kept from llhttp */
    RKD_CHUNK_LAST,      /* the body's last byte; for llhttp */
    RKD_CHUNK_BAD,       /* 400 */
    RKD_CHUNK_TOO_LARGE, /* the data would be more than `body_bytes` */
    RKD_CHUNK_ACCOUNT,   /* 431: framing over `headers_bytes`, or more than 64 trailer lines */
};

/* All zero: nothing seen. */
struct rkd_chunk {
    uint64_t left;    /* of the chunk at hand; while its line is read, its size so far */
    uint64_t data;    /* all data announced so far */
    uint32_t account; /* bytes that are not data (H9) */
    uint8_t phase;
    uint8_t digits;
    uint8_t lines;
    bool is_last; /* the size was 0 */
};

/* Takes one run of bytes of one kind off data[0..len) and says how long it is. After LAST or a
 * refusal do not call again. */
RK_NODISCARD enum rkd_chunk_kind rkd_chunk_next(struct rkd_chunk *chunk, const char *data,
                                                size_t len, const struct rkd_net_limits *limits,
                                                size_t *out_len);

#endif
