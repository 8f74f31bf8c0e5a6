/*
 * limits.c - ROOMKEY_LIMITS: rates, counts, sizes and times (design s.7, semantics H20).
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/read.h"

#include <assert.h>

enum limit_kind { LIMIT_RATE, LIMIT_COUNT, LIMIT_SIZE, LIMIT_TIME };

struct limit {
    struct rk_str name;
    enum limit_kind kind;
    size_t field;        /* offset in struct rkd_limits */
    uint64_t max;        /* of counts, bytes, milliseconds */
    struct rk_str value; /* when nobody says otherwise */
};

enum {
    CONNECTIONS_MAX = 1000000,
    TIME_MAX_MS = 24 * 60 * 60 * 1000,
    BODY_MAX = 1024 * 1024,
    HEADERS_MAX = 256 * 1024,
};

static const uint64_t rate_max = 1000000000; /* a billion a second is one each nanosecond */

/* clang-format off */
#define ROW(name, kind, max, value) {RK_STR_INIT(#name), kind, offsetof(struct rkd_limits, name), max, RK_STR_INIT(value)}
#define ROW_AS(name, field, kind, max, value) {RK_STR_INIT(name), kind, offsetof(struct rkd_limits, field), max, RK_STR_INIT(value)}
static const struct limit limits[] = {
    ROW(per_address, LIMIT_RATE, 0, "300/m burst 60"),
    ROW(failures_per_address, LIMIT_RATE, 0, "60/m"),
    ROW(per_caller, LIMIT_RATE, 0, "120/m burst 30"),
    ROW(per_room, LIMIT_RATE, 0, "off"),
    ROW(connections, LIMIT_COUNT, CONNECTIONS_MAX, "12000"),
    ROW(connections_per_address, LIMIT_COUNT, CONNECTIONS_MAX, "512"),
    ROW_AS("body", body_bytes, LIMIT_SIZE, BODY_MAX, "64k"),
    ROW_AS("headers", headers_bytes, LIMIT_SIZE, HEADERS_MAX, "32k"),
    ROW_AS("head_time", head_ms, LIMIT_TIME, TIME_MAX_MS, "5s"),
    ROW_AS("body_time", body_ms, LIMIT_TIME, TIME_MAX_MS, "10s"),
    ROW_AS("idle_time", idle_ms, LIMIT_TIME, TIME_MAX_MS, "60s"),
    ROW_AS("write_time", write_ms, LIMIT_TIME, TIME_MAX_MS, "10s"),
};
#undef ROW
#undef ROW_AS
/* clang-format on */

static const char *const expected[] = {
    [LIMIT_RATE] = "expected a rate like 300/m, 5/s burst 20 or 1000/h, or off",
    [LIMIT_COUNT] = "expected a number from 1 to 1000000, or off",
    [LIMIT_SIZE] = "expected bytes like 4096, 64k or 1m; body at most 1m, headers at most 256k",
    [LIMIT_TIME] = "expected a time like 500ms, 5s, 10m or 2h, at most 24h",
};

/* "N/s", "N/m", "N/h", each with " burst N"; 0 is refused, off is the caller's. */
static bool parse_rate(struct rk_str text, struct rkd_rate *out)
{
    static const uint64_t second = 1000000000;
    static const struct rk_str burst_word = RK_STR_INIT("burst ");
    struct rk_str rate, tail, number, unit;
    uint64_t n = 0, burst, window;

    rkd_str_cut(text, ' ', &rate, &tail);
    rkd_str_cut(rate, '/', &number, &unit);
    if (unit.len != 1 || !rkd_number_parse(number, rate_max, &n) || n == 0)
        return false;
    switch (unit.ptr[0]) {
    case 's':
        window = second;
        break;
    case 'm':
        window = 60 * second;
        break;
    case 'h':
        window = 3600 * second;
        break;
    default:
        return false;
    }
    burst = n; /* semantics H19: without burst it is N */
    if (tail.ptr != NULL) {
        if (!rki_str_starts_with(tail, burst_word))
            return false;
        tail = rki_str(tail.ptr + burst_word.len, tail.len - burst_word.len);
        if (!rkd_number_parse(tail, rate_max, &burst) || burst == 0)
            return false;
    }
    /* the limiter adds burst * period to a clock in nanoseconds: that sum must not wrap */
    if (burst > (uint64_t)INT64_MAX / 2 / (window / n))
        return false;
    *out = (struct rkd_rate){.period_ns = window / n, .burst = (uint32_t)burst};
    return true;
}

static bool set_limit(struct rkd_limits *out, const struct limit *limit, struct rk_str value)
{
    void *field = (char *)out + limit->field;
    const bool is_off = rki_str_equal(value, RK_STR("off"));
    uint64_t number = 0;

    switch (limit->kind) {
    case LIMIT_RATE: {
        struct rkd_rate rate = {0};

        if (!is_off && !parse_rate(value, &rate))
            return false;
        memcpy(field, &rate, sizeof(rate));
        return true;
    }
    case LIMIT_COUNT:
        if (!is_off && (!rkd_number_parse(value, limit->max, &number) || number == 0))
            return false;
        break;
    case LIMIT_SIZE:
        if (!rkd_size_parse(value, limit->max, &number))
            return false;
        break;
    case LIMIT_TIME:
        /* H20 has no days; parse_time does, for lifetimes */
        if (rki_str_ends_with(value, RK_STR("d")) || !rkd_time_parse(value, limit->max, &number))
            return false;
        break;
    }
    memcpy(field, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    return true;
}

void rkd_limits_default(struct rkd_limits *out)
{
    *out = (struct rkd_limits){0};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        bool is_set = set_limit(out, &limits[i], limits[i].value);

        assert(is_set);
        (void)is_set;
    }
}

enum rk_err rkd_read_limits(struct rkd_read *read, struct rk_str value)
{
    unsigned seen = 0;
    struct rk_str rest = value, entry, name, text;

    for (size_t n = 0; rkd_list_next(&rest, ',', &entry); n++) {
        size_t i = 0;

        rkd_str_cut(entry, '=', &name, &text);
        while (i < ARRAY_LEN(limits) && !rki_str_equal(limits[i].name, name))
            i++;
        if (i == ARRAY_LEN(limits) || text.ptr == NULL)
            return rkd_read_fail_at(
                read, n,
                "expected name=value, the name one of per_address failures_per_address per_caller "
                "per_room connections connections_per_address body headers head_time body_time "
                "idle_time write_time");
        if ((seen & 1U << i) != 0)
            return rkd_read_fail_in(read, limits[i].name, "stands here twice");
        seen |= 1U << i;
        if (!set_limit(&read->out->limits, &limits[i], text))
            return rkd_read_fail_in(read, limits[i].name, expected[limits[i].kind]);
    }
    return RK_OK;
}
