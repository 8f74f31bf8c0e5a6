/*
 * head.c - scans a request's head raw: one pass, one verdict, an index of its headers.
 *
 * Why before llhttp: 8.1.0 lets pass folded headers, an empty name, no Host or two, HTTP/0.9, other
 * protocols' lines; and the scan's index spares llhttp's callbacks and every later look at the
 * bytes. A pure function: touches its arguments and constant tables only. Rules: semantics H1-H8.
 */
#include "net/scan.h"

enum phase {
    PHASE_START = 0, /* nothing of the request yet */
    PHASE_START_LF,  /* the LF of the one CRLF that is skipped */
    PHASE_FIRST,     /* after it */
    PHASE_METHOD,
    PHASE_TARGET,
    PHASE_VERSION,
    PHASE_LINE, /* at the start of a header line */
    PHASE_NAME,
    PHASE_VALUE,
    PHASE_VALUE_LF,
    PHASE_END_LF,
    PHASE_DONE,
};

/* --- the request line --- */

static bool take_method(struct rkd_scan_at *s)
{
    static const struct {
        struct rk_str name;
        enum rkd_method method;
    } methods[] = {
        {RK_STR_INIT("POST"), RKD_POST},
        {RK_STR_INIT("GET"), RKD_GET},
        {RK_STR_INIT("HEAD"), RKD_HEAD},
        {RK_STR_INIT("OPTIONS"), RKD_OPTIONS},
    };
    struct rk_str name = rkd_scan_between(s, s->st->mark, s->st->pos);

    if (name.len == 0 || rki_str_equal(name, RK_STR("CONNECT")))
        return rkd_scan_bad(s);
    s->req->method_text = name;
    s->req->method = RKD_METHOD_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (rki_str_equal(name, methods[i].name)) {
            s->req->method = methods[i].method;
            return true;
        }
    }
    s->st->is_odd = true; /* llhttp knows some forty methods and refuses the rest */
    return true;
}

static void split_query(struct rkd_request *req, struct rk_str rest)
{
    const char *mark = rest.len == 0 ? NULL : memchr(rest.ptr, '?', rest.len);

    req->path = rest;
    req->query = (struct rk_str){0};
    if (mark != NULL) {
        req->path.len = (size_t)(mark - rest.ptr);
        req->query = rki_str(mark + 1, rest.len - req->path.len - 1);
    }
}

/* H4: origin form, "*" or http://authority[/path][?query]. */
static bool take_target(struct rkd_scan_at *s)
{
    static const struct rk_str scheme = RK_STR_INIT("http://");
    struct rk_str target = rkd_scan_between(s, s->st->mark, s->st->pos);
    size_t end = scheme.len;

    if (target.len == 0)
        return rkd_scan_bad(s);
    if (target.ptr[0] == '/') {
        split_query(s->req, target);
        return true;
    }
    if (target.len == 1 && target.ptr[0] == '*') {
        s->req->path = target;
        return true;
    }
    if (target.len == scheme.len || !rki_str_starts_with_nocase(target, scheme))
        return rkd_scan_bad(s);
    while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
        end++;
    /* A host must not be empty in an http URI, though a Host value's may be. */
    if (end == scheme.len || target.ptr[scheme.len] == ':' ||
        !rkd_host_is_valid(rki_str(target.ptr + scheme.len, end - scheme.len)))
        return rkd_scan_bad(s);
    split_query(s->req, rki_str(target.ptr + end, target.len - end));
    if (s->req->path.len == 0)
        s->req->path = rki_str(target.ptr + scheme.len - 1, 1); /* a '/' of the scheme's own */
    return true;
}

/* The bytes of "HTTP/d.d\r\n" in their order, each judged as it comes. */
static bool take_version_byte(struct rkd_scan_at *s, char c)
{
    static const char want[] = "HTTP/0.0\r\n"; /* 0: any digit */
    struct rkd_head_state *st = s->st;
    uint32_t at = st->pos - st->mark;

    if (want[at] == '0' ? c < '0' || c > '9' : c != want[at])
        return rkd_scan_bad(s);
    if (c != '\n')
        return true;
    if (s->data[st->mark + 5] != '1' || s->data[st->mark + 7] > '1')
        return rkd_scan_refuse(s, RKD_FAULT_VERSION);
    st->minor = (uint8_t)(s->data[st->mark + 7] - '0');
    s->req->minor = st->minor;
    st->phase = PHASE_LINE;
    return true;
}

/* --- the walk --- */

/* First byte in [from, to) that may not stand in a value. Eight at a time while all are plainly
 * good; HTAB and whatever stands near the end are left to the table. */
static uint32_t skip_value(const char *data, uint32_t from, uint32_t to)
{
    static const uint64_t ones = 0x0101010101010101U;
    uint64_t word;

    while (to - from >= sizeof(word)) {
        memcpy(&word, data + from, sizeof(word));
        /* high bit set where a byte is below 0x20, or 0x7f (exact enough: never misses one) */
        if ((((word - ones * 0x20) & ~word) | ((word ^ ones * 0x7f) - ones)) & ones * 0x80)
            break;
        from += (uint32_t)sizeof(word);
    }
    while (from < to && rkd_ch_is(data[from], RKD_CH_VALUE))
        from++;
    return from;
}

/* PHASE_START to PHASE_FIRST: one byte. */
static bool walk_start(struct rkd_scan_at *s)
{
    struct rkd_head_state *st = s->st;
    char c = s->data[st->pos];

    if (st->phase == PHASE_START && c == '\r') {
        st->phase = PHASE_START_LF;
        st->pos++;
        return true;
    }
    if (st->phase == PHASE_START_LF) {
        if (c != '\n')
            return rkd_scan_bad(s);
        st->phase = PHASE_FIRST;
        st->pos++;
        st->start = st->pos;
        return true;
    }
    st->mark = st->start;
    st->phase = PHASE_METHOD;
    return true;
}

static bool walk_request_line(struct rkd_scan_at *s, uint32_t end)
{
    struct rkd_head_state *st = s->st;
    unsigned wanted = st->phase == PHASE_METHOD ? RKD_CH_TOKEN : RKD_CH_TARGET;
    uint32_t pos = st->pos;

    if (st->phase == PHASE_VERSION) {
        while (st->pos < end && st->phase == PHASE_VERSION) {
            if (!take_version_byte(s, s->data[st->pos]))
                return false;
            st->pos++;
        }
        return true;
    }
    while (pos < end && rkd_ch_is(s->data[pos], wanted))
        pos++;
    st->pos = pos;
    if (pos == end)
        return true;
    if (s->data[pos] != ' ')
        return rkd_scan_bad(s);
    if (st->phase == PHASE_METHOD ? !take_method(s) : !take_target(s))
        return false;
    st->phase++;
    st->mark = ++st->pos;
    return true;
}

static bool walk_line_start(struct rkd_scan_at *s)
{
    struct rkd_head_state *st = s->st;
    char c = s->data[st->pos];

    if (c == '\r') {
        st->phase = PHASE_END_LF;
        st->pos++;
        return true;
    }
    if (st->lines == RKD_HEADERS_MAX)
        return rkd_scan_refuse(s, RKD_FAULT_HEADERS_TOO_LARGE);
    if (!rkd_ch_is(c, RKD_CH_TOKEN))
        return rkd_scan_bad(s);
    st->phase = PHASE_NAME;
    st->mark = st->pos++;
    return true;
}

static bool walk_header(struct rkd_scan_at *s, uint32_t end)
{
    struct rkd_head_state *st = s->st;
    uint32_t pos = st->pos;

    if (st->phase == PHASE_NAME) {
        while (pos < end && rkd_ch_is(s->data[pos], RKD_CH_TOKEN))
            pos++;
        st->pos = pos;
        if (pos == end)
            return true;
        if (s->data[pos] != ':')
            return rkd_scan_bad(s);
        st->name_end = pos++;
        st->phase = PHASE_VALUE;
    }
    pos = skip_value(s->data, pos, end);
    st->pos = pos;
    if (pos == end)
        return true;
    if (s->data[pos] != '\r')
        return rkd_scan_bad(s);
    st->value_end = pos;
    st->pos = pos + 1;
    st->phase = PHASE_VALUE_LF;
    return true;
}

/*
 * Header lines that stand whole in the buffer and are plainly right, one after the other, without a
 * look at the phase for each part: most of all there are. False: refused. Whatever is not plain is
 * left where it begins, for the walk byte by byte to judge.
 */
static bool walk_plain_lines(struct rkd_scan_at *s, uint32_t end)
{
    struct rkd_head_state *st = s->st;
    const char *data = s->data;

    while (st->lines < RKD_HEADERS_MAX) {
        uint32_t mark = st->pos, pos = mark, name_end;

        while (pos < end && rkd_ch_is(data[pos], RKD_CH_TOKEN))
            pos++;
        if (pos == mark || pos == end || data[pos] != ':')
            break;
        name_end = pos;
        pos = skip_value(data, pos + 1, end);
        if (end - pos < 2 || data[pos] != '\r' || data[pos + 1] != '\n')
            break;
        st->mark = mark;
        st->name_end = name_end;
        st->value_end = pos;
        st->pos = pos + 2;
        if (!rkd_scan_line(s))
            return false;
    }
    return true;
}

/* The LF of a header line or of the empty line. */
static bool walk_lf(struct rkd_scan_at *s)
{
    struct rkd_head_state *st = s->st;
    bool is_end = st->phase == PHASE_END_LF;

    if (s->data[st->pos] != '\n')
        return rkd_scan_bad(s);
    st->pos++;
    st->phase = is_end ? PHASE_DONE : PHASE_LINE;
    return is_end ? rkd_scan_end(s) : rkd_scan_line(s);
}

/* One phase, or as much of it as stands before `end`; at least one byte does. */
static bool walk(struct rkd_scan_at *s, uint32_t end)
{
    switch ((enum phase)s->st->phase) {
    case PHASE_START:
    case PHASE_START_LF:
    case PHASE_FIRST:
        return walk_start(s);
    case PHASE_METHOD:
    case PHASE_TARGET:
    case PHASE_VERSION:
        return walk_request_line(s, end);
    case PHASE_LINE:
        if (!walk_plain_lines(s, end))
            return false;
        return s->st->pos == end || walk_line_start(s);
    case PHASE_NAME:
    case PHASE_VALUE:
        return walk_header(s, end);
    case PHASE_VALUE_LF:
    case PHASE_END_LF:
        return walk_lf(s);
    case PHASE_DONE:
        break;
    }
    return true;
}

static enum rkd_scan scan_on(struct rkd_scan_at *s, uint32_t len, uint32_t headers_bytes)
{
    struct rkd_head_state *st = s->st;

    while (st->phase != PHASE_DONE) {
        uint32_t used = st->pos - st->start;
        uint32_t limit = headers_bytes;

        if (st->phase < PHASE_LINE) {
            /* H1: while the line lasts only 414 is looked for; it goes before 431. */
            limit = used < RKD_REQUEST_LINE_MAX ? RKD_REQUEST_LINE_MAX : used + 1;
        } else if (used >= limit) {
            s->fault = RKD_FAULT_HEADERS_TOO_LARGE;
            return RKD_SCAN_FAULT;
        }
        if (st->pos >= len)
            return RKD_SCAN_MORE;
        if (limit > RKD_REQUEST_LINE_MAX && st->phase < PHASE_LINE && s->data[st->pos] != '\r' &&
            s->data[st->pos] != '\n') {
            s->fault = RKD_FAULT_URI_TOO_LONG;
            return RKD_SCAN_FAULT;
        }
        if (!walk(s, len - st->start < limit ? len : st->start + limit))
            return RKD_SCAN_FAULT;
    }
    return RKD_SCAN_DONE;
}

/* All but the header lines, 2.5 KiB of which only header_count are ever looked at. */
static void request_reset(struct rkd_request *req)
{
    char *bytes = (char *)req;
    size_t headers = offsetof(struct rkd_request, headers);
    size_t rest = headers + sizeof(req->headers);

    memset(bytes, 0, headers);
    memset(bytes + rest, 0, sizeof(*req) - rest);
}

enum rkd_scan rkd_head_scan(struct rkd_head_state *state, const char *data, size_t len,
                            uint32_t headers_bytes, struct rkd_request *request,
                            enum rkd_fault *out_fault)
{
    struct rkd_scan_at s = {.st = state, .data = data, .req = request};
    uint32_t most = len > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)len;
    enum rkd_scan verdict;

    request_reset(request);
    verdict = scan_on(&s, most, headers_bytes);
    if (verdict == RKD_SCAN_MORE) {
        state->is_resumed = true;
        return verdict;
    }
    if (state->is_resumed) { /* the same bytes once more, for an index that is whole */
        *state = (struct rkd_head_state){0};
        request_reset(request);
        verdict = scan_on(&s, most, headers_bytes);
    }
    *out_fault = s.fault;
    return verdict;
}

bool rkd_head_has_begun(const struct rkd_head_state *state)
{
    return state->phase > PHASE_FIRST;
}

static void rebase(struct rk_str *s, const char *old_data, const char *new_data)
{
    if (s->ptr != NULL)
        s->ptr = new_data + (s->ptr - old_data);
}

void rkd_head_rebase(struct rkd_request *request, const char *old_data, const char *new_data)
{
    rebase(&request->method_text, old_data, new_data);
    rebase(&request->path, old_data, new_data);
    rebase(&request->query, old_data, new_data);
    rebase(&request->body, old_data, new_data);
    for (size_t i = 0; i < request->header_count; i++) {
        rebase(&request->headers[i].name, old_data, new_data);
        rebase(&request->headers[i].value, old_data, new_data);
    }
    for (size_t i = 0; i < RKD_H_COUNT; i++)
        rebase(&request->known[i], old_data, new_data);
}
