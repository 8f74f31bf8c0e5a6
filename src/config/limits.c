/*
 * limits.c - limits: rates, counts, sizes and times (design s.7, semantics H20), the same for
 * roomkey.yaml and ROOMKEY_LIMITS.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/read.h"

enum {
    CONNECTIONS_MAX = 1000000,
    TIME_MAX_MS = 24 * 60 * 60 * 1000,
    BODY_MAX = 1024 * 1024,
    HEADERS_MAX = 256 * 1024,
};

static const uint64_t rate_max = 1000000000; /* a billion a second is one each nanosecond */

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

static bool is_off(const struct rkd_value *value)
{
    return rki_str_equal(rkd_value_word(value), RK_STR("off"));
}

static enum rk_err take_rate(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_rate rate = {0};

    if (!is_off(value) && !parse_rate(rkd_value_word(value), &rate))
        return rkd_read_fail(read, value,
                             "expected a rate like 300/m, 5/s burst 20 or 1000/h, or off");
    *(struct rkd_rate *)target = rate;
    return RK_OK;
}

static enum rk_err take_count(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    uint64_t number = 0;

    if (!is_off(value) &&
        (!rkd_number_parse(rkd_value_word(value), CONNECTIONS_MAX, &number) || number == 0))
        return rkd_read_fail(read, value, "expected a number from 1 to 1000000, or off");
    *(uint32_t *)target = (uint32_t)number;
    return RK_OK;
}

static enum rk_err take_size(struct rkd_read *read, const struct rkd_value *value, uint64_t max,
                             const char *expected, void *target)
{
    uint64_t number = 0;

    if (!rkd_size_parse(rkd_value_word(value), max, &number))
        return rkd_read_fail(read, value, expected);
    *(uint32_t *)target = (uint32_t)number;
    return RK_OK;
}

static enum rk_err take_body(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return take_size(read, value, BODY_MAX, "expected bytes like 4096, 64k or 1m, at most 1m",
                     target);
}

static enum rk_err take_headers(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return take_size(read, value, HEADERS_MAX, "expected bytes like 4096 or 64k, at most 256k",
                     target);
}

static enum rk_err take_limit_time(struct rkd_read *read, const struct rkd_value *value,
                                   void *target)
{
    const struct rk_str text = rkd_value_word(value);
    uint64_t ms = 0;

    /* H20 has no days; rkd_time_parse does, for lifetimes */
    if (rki_str_ends_with(text, RK_STR("d")) || !rkd_time_parse(text, TIME_MAX_MS, &ms))
        return rkd_read_fail(read, value, "expected a time like 500ms, 5s, 10m or 2h, at most 24h");
    *(uint32_t *)target = (uint32_t)ms;
    return RK_OK;
}

#define LIMIT(name, read) RKD_KEY(struct rkd_limits, name, read)
#define LIMIT_AS(name, member, read) RKD_KEY_AS(struct rkd_limits, name, member, read)
static const struct rkd_key limits[] = {
    LIMIT(per_address, take_rate),
    LIMIT(failures_per_address, take_rate),
    LIMIT(per_caller, take_rate),
    LIMIT(per_room, take_rate),
    LIMIT(connections, take_count),
    LIMIT(connections_per_address, take_count),
    LIMIT_AS("body", body_bytes, take_body),
    LIMIT_AS("headers", headers_bytes, take_headers),
    LIMIT_AS("head_time", head_ms, take_limit_time),
    LIMIT_AS("body_time", body_ms, take_limit_time),
    LIMIT_AS("idle_time", idle_ms, take_limit_time),
    LIMIT_AS("write_time", write_ms, take_limit_time),
};
#undef LIMIT
#undef LIMIT_AS
const struct rkd_table rkd_limits_table = {"limits.", limits, ARRAY_LEN(limits)};

void rkd_limits_default(struct rkd_limits *out)
{
    static const uint64_t minute = UINT64_C(60) * 1000000000;

    *out = (struct rkd_limits){
        .per_address = {.period_ns = minute / 300, .burst = 60},
        .failures_per_address = {.period_ns = minute / 60, .burst = 60},
        .per_caller = {.period_ns = minute / 120, .burst = 30},
        .per_room = {.burst = 0},
        .connections = 12000,
        .connections_per_address = 512,
        .body_bytes = 64 * 1024,
        .headers_bytes = 32 * 1024,
        .head_ms = 5000,
        .body_ms = 10000,
        .idle_ms = 60000,
        .write_ms = 10000,
    };
}

enum rk_err rkd_read_limits(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    return rkd_table_read(read, &rkd_limits_table, value, &((struct rkd_settings *)target)->limits);
}
