/*
 * header.c - what a header line means: which one it is, what it says about the body, when it may
 * not stand there twice.
 *
 * A pure function: touches the scan's state and the request. Rules: semantics H4, H6, H8.
 */
#include "net/scan.h"

/* Are these letters and hyphens the name, in any case? Setting 0x20 folds letters and leaves '-';
 * among token bytes nothing else becomes either. Eight at a time, the last eight overlapping. */
static bool is_name(const char *got, const char *lower, size_t len)
{
    static const uint64_t fold = 0x2020202020202020U;
    uint64_t a, b;
    size_t i = 0;

    if (len < sizeof(a)) {
        while (i < len && (got[i] | 0x20) == lower[i])
            i++;
        return i == len;
    }
    for (;;) {
        memcpy(&a, got + i, sizeof(a));
        memcpy(&b, lower + i, sizeof(b));
        if ((a | fold) != b)
            return false;
        if (i + sizeof(a) == len)
            return true;
        i = i + 2 * sizeof(a) <= len ? i + sizeof(a) : len - sizeof(a);
    }
}

static enum rkd_header_id header_id(struct rk_str name)
{
    static const struct rk_str names[RKD_H_COUNT] = {
        [RKD_H_AUTHORIZATION] = RK_STR_INIT("authorization"),
        [RKD_H_X_API_KEY] = RK_STR_INIT("x-api-key"),
        [RKD_H_ORIGIN] = RK_STR_INIT("origin"),
        [RKD_H_CONTENT_TYPE] = RK_STR_INIT("content-type"),
        [RKD_H_CONTENT_ENCODING] = RK_STR_INIT("content-encoding"),
        [RKD_H_EXPECT] = RK_STR_INIT("expect"),
        [RKD_H_CONTENT_LENGTH] = RK_STR_INIT("content-length"),
        [RKD_H_HOST] = RK_STR_INIT("host"),
        [RKD_H_TRANSFER_ENCODING] = RK_STR_INIT("transfer-encoding"),
        [RKD_H_CONNECTION] = RK_STR_INIT("connection"),
        [RKD_H_AC_REQUEST_METHOD] = RK_STR_INIT("access-control-request-method"),
        [RKD_H_AC_REQUEST_HEADERS] = RK_STR_INIT("access-control-request-headers"),
        [RKD_H_ROOMKEY_PROFILE] = RK_STR_INIT("roomkey-profile"),
        [RKD_H_SEC_FETCH_SITE] = RK_STR_INIT("sec-fetch-site"),
        [RKD_H_X_FORWARDED_FOR] = RK_STR_INIT("x-forwarded-for"),
        [RKD_H_FORWARDED] = RK_STR_INIT("forwarded"),
        [RKD_H_ROOMKEY_DEVICE] = RK_STR_INIT("roomkey-device"),
        [RKD_H_ROOMKEY_EXPLAIN] = RK_STR_INIT("x-roomkey-explain"),
        [RKD_H_PRINCIPAL] = RK_STR_INIT("x-ms-client-principal"),
        [RKD_H_PRINCIPAL_ID] = RK_STR_INIT("x-ms-client-principal-id"),
        [RKD_H_PRINCIPAL_IDP] = RK_STR_INIT("x-ms-client-principal-idp"),
        [RKD_H_INVOCATION_ID] = RK_STR_INIT("x-azure-functions-invocationid"),
        [RKD_H_TRACEPARENT] = RK_STR_INIT("traceparent"),
    };
    /* By length, as id + 1: zero is nobody. */
    static const uint8_t by_len[][3] = {
        [4] = {RKD_H_HOST + 1},
        [6] = {RKD_H_ORIGIN + 1, RKD_H_EXPECT + 1},
        [9] = {RKD_H_X_API_KEY + 1, RKD_H_FORWARDED + 1},
        [10] = {RKD_H_CONNECTION + 1},
        [11] = {RKD_H_TRACEPARENT + 1},
        [12] = {RKD_H_CONTENT_TYPE + 1},
        [13] = {RKD_H_AUTHORIZATION + 1},
        [14] = {RKD_H_CONTENT_LENGTH + 1, RKD_H_SEC_FETCH_SITE + 1, RKD_H_ROOMKEY_DEVICE + 1},
        [15] = {RKD_H_X_FORWARDED_FOR + 1, RKD_H_ROOMKEY_PROFILE + 1},
        [16] = {RKD_H_CONTENT_ENCODING + 1},
        [17] = {RKD_H_TRANSFER_ENCODING + 1, RKD_H_ROOMKEY_EXPLAIN + 1},
        [21] = {RKD_H_PRINCIPAL + 1},
        [24] = {RKD_H_PRINCIPAL_ID + 1},
        [25] = {RKD_H_PRINCIPAL_IDP + 1},
        [29] = {RKD_H_AC_REQUEST_METHOD + 1},
        [30] = {RKD_H_AC_REQUEST_HEADERS + 1, RKD_H_INVOCATION_ID + 1},
    };

    if (name.len >= ARRAY_LEN(by_len))
        return RKD_H_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(by_len[0]) && by_len[name.len][i] != 0; i++) {
        unsigned id = by_len[name.len][i] - 1U;

        if (is_name(name.ptr, names[id].ptr, name.len))
            return (enum rkd_header_id)id;
    }
    return RKD_H_OTHER;
}

/* 1-19 digits: no overflow in 64 bits. */
static bool take_content_length(struct rkd_scan_at *s, struct rk_str value)
{
    enum { DIGITS = 19 };
    uint64_t n = 0;

    if (value.len == 0 || value.len > DIGITS)
        return rkd_scan_bad(s);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return rkd_scan_bad(s);
        n = n * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    s->req->content_length = n;
    s->req->has_body = n != 0;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A list of options; "close" among them? Repeated lines add to one list. */
static void take_connection(struct rkd_scan_at *s, struct rk_str value)
{
    size_t at = 0;

    while (at < value.len) {
        size_t end = at, next;

        while (end < value.len && value.ptr[end] != ',')
            end++;
        next = end + 1;
        while (at < end && is_blank(value.ptr[at]))
            at++;
        while (end > at && is_blank(value.ptr[end - 1]))
            end--;
        if (rki_str_equal_nocase(rki_str(value.ptr + at, end - at), RK_STR("close")))
            s->req->asks_close = true;
        at = next;
    }
}

static bool take_known(struct rkd_scan_at *s, enum rkd_header_id id, struct rk_str value)
{
    enum { /* H4, H6, H8: a second line of these is never right */
           ONCE = 1U << RKD_H_AUTHORIZATION | 1U << RKD_H_X_API_KEY | 1U << RKD_H_ORIGIN |
                  1U << RKD_H_CONTENT_TYPE | 1U << RKD_H_CONTENT_ENCODING | 1U << RKD_H_EXPECT |
                  1U << RKD_H_CONTENT_LENGTH | 1U << RKD_H_HOST | 1U << RKD_H_TRANSFER_ENCODING,
    };
    struct rkd_request *req = s->req;
    uint32_t bit = 1U << id;

    if ((s->st->seen & bit & ONCE) != 0)
        return rkd_scan_bad(s);
    s->st->seen |= bit;
    if (req->known_count[id]++ == 0)
        req->known[id] = value;

    if (id == RKD_H_HOST)
        return rkd_host_is_valid(value) || rkd_scan_bad(s);
    if (id == RKD_H_CONTENT_LENGTH)
        return take_content_length(s, value);
    if (id == RKD_H_CONNECTION)
        take_connection(s, value);
    if (id == RKD_H_EXPECT)
        req->expect = rki_str_equal_nocase(value, RK_STR("100-continue")) ? RKD_EXPECT_CONTINUE
                                                                          : RKD_EXPECT_OTHER;
    if (id == RKD_H_TRANSFER_ENCODING) {
        if (!rki_str_equal_nocase(value, RK_STR("chunked")))
            return rkd_scan_bad(s);
        req->has_body = req->is_chunked = true;
    }
    return true;
}

bool rkd_scan_line(struct rkd_scan_at *s)
{
    struct rkd_head_state *st = s->st;
    struct rk_str name = rkd_scan_between(s, st->mark, st->name_end);
    struct rk_str value = rkd_scan_between(s, st->name_end + 1, st->value_end);
    enum rkd_header_id id = header_id(name);

    while (value.len != 0 && is_blank(value.ptr[0])) {
        value.ptr++;
        value.len--;
    }
    while (value.len != 0 && is_blank(value.ptr[value.len - 1])) {
        st->is_odd |= value.ptr[value.len - 1] == '\t'; /* llhttp: no HTAB behind a length */
        value.len--;
    }
    s->req->headers[st->lines] =
        (struct rkd_header){.name = name, .value = value, .id = (uint8_t)id};
    st->lines++;
    s->req->header_count = st->lines;
    return id == RKD_H_OTHER || take_known(s, id, value);
}

bool rkd_scan_end(struct rkd_scan_at *s)
{
    uint32_t seen = s->st->seen;
    bool is_sized = (seen & 1U << RKD_H_CONTENT_LENGTH) != 0;
    bool is_chunked = (seen & 1U << RKD_H_TRANSFER_ENCODING) != 0;

    if ((seen & 1U << RKD_H_HOST) == 0 && s->st->minor != 0)
        return rkd_scan_bad(s);
    if (is_chunked && (is_sized || s->st->minor == 0))
        return rkd_scan_bad(s);
    return true;
}
