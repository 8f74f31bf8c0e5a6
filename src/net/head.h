/*
 * head.h - the raw scan of a request's head (semantics H1-H8): a pure function over bytes.
 *
 * The scan stops at the first byte that makes a verdict certain, so a verdict never depends on how
 * the bytes were cut into reads. It can be resumed: state is small enough to lie in an idle
 * connection, while the index of headers goes to a request the caller lends for the call.
 */
#ifndef RKD_NET_HEAD_H
#define RKD_NET_HEAD_H

#include "net/net.h"

enum rkd_scan { RKD_SCAN_MORE = 0, RKD_SCAN_DONE, RKD_SCAN_FAULT };

/* All zero: nothing seen. Positions count from the first byte given to the scan. */
struct rkd_head_state {
    uint32_t pos;       /* next byte to look at */
    uint32_t start;     /* where the request line begins: 0, or 2 after a CRLF that is skipped */
    uint32_t mark;      /* where the token at hand begins */
    uint32_t name_end;  /* the colon */
    uint32_t value_end; /* the CR */
    uint32_t seen;      /* a bit per enum rkd_header_id */
    uint16_t lines;     /* header lines so far */
    uint8_t phase;
    uint8_t minor;
    bool is_resumed; /* the index of the request at hand is not whole */
    bool is_odd;     /* llhttp would stumble over what semantics.md accepts: feed it tidied */
};

/*
 * Looks at data[state->pos..len). On MORE call again with the same bytes and more behind them. On
 * DONE the head is data[0..state->pos), `request` is filled in (but body and bytes_in) and borrows
 * from data. On FAULT *out_fault says which and `request` holds what was known of the request line.
 */
RK_NODISCARD enum rkd_scan rkd_head_scan(struct rkd_head_state *state, const char *data, size_t len,
                                         uint32_t headers_bytes, struct rkd_request *request,
                                         enum rkd_fault *out_fault);

/* Has the request's first byte been seen? (H2: one CRLF before it is not a byte of it.) */
bool rkd_head_has_begun(const struct rkd_head_state *state);

/* The pointers of `request` into old_data now point to the same places in new_data; call it while
 * both are there. */
void rkd_head_rebase(struct rkd_request *request, const char *old_data, const char *new_data);

/* uri-host [":" port] of RFC 3986 with at most five digits in the port; what Host must be when it
 * is not empty. */
bool rkd_host_is_valid(struct rk_str host);

/* Classes of bytes, shared with the trailers of a chunked body. */
enum { RKD_CH_TOKEN = 1, RKD_CH_VALUE = 2, RKD_CH_TARGET = 4, RKD_CH_HOST = 8, RKD_CH_HEX = 16 };
extern const uint8_t rkd_ch[256];

static inline bool rkd_ch_is(char c, unsigned classes)
{
    return (rkd_ch[(uint8_t)c] & classes) != 0;
}

#endif
