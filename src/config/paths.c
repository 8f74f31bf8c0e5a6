/*
 * paths.c - which contracts are spoken, on which further paths, and what a URL for clients is.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/addr.h"
#include "config/read.h"

enum rk_err rkd_read_contracts(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const struct {
        struct rk_str name;
        enum rkd_contract_bit bit;
    } contracts[] = {
        {RK_STR_INIT("original"), RKD_CONTRACT_ORIGINAL},
        {RK_STR_INIT("standard"), RKD_CONTRACT_STANDARD},
        {RK_STR_INIT("sandbox"), RKD_CONTRACT_SANDBOX},
        {RK_STR_INIT("meet"), RKD_CONTRACT_MEET},
        {RK_STR_INIT("create-token"), RKD_CONTRACT_CREATE_TOKEN},
    };
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);
    unsigned bits = 0;

    if (items == NULL || count == 0)
        return rkd_read_fail(read, value, "expected a list of contracts");
    for (size_t n = 0; n < count; n++) {
        size_t i = 0;

        while (i < ARRAY_LEN(contracts) && !rki_str_equal(contracts[i].name, items[n].text))
            i++;
        if (i == ARRAY_LEN(contracts))
            return rkd_read_fail(read, &items[n],
                                 "expected one of original, standard, sandbox, meet, create-token");
        if ((bits & contracts[i].bit) != 0)
            return rkd_read_fail(read, &items[n], "this contract stands here twice");
        bits |= contracts[i].bit;
    }
    ((struct rkd_settings *)target)->contracts = bits;
    return RK_OK;
}

/* Paths that mean something already, whether their contract is on or not: one that is off today may
 * be on tomorrow. */
static bool is_taken(struct rk_str path)
{
    static const struct rk_str fixed[] = {
        RK_STR_INIT("/"),
        RK_STR_INIT("/api/token"),
        RK_STR_INIT("/v1/token"),
        RK_STR_INIT("/getToken"),
        RK_STR_INIT("/api/v2/sandbox/connection-details"),
        RK_STR_INIT("/api/sandbox/connection-details"),
        RK_STR_INIT("/api/connection-details"),
        RK_STR_INIT("/createToken"),
        RK_STR_INIT("/generateToken"), /* the Functions host's envelope */
        RK_STR_INIT("/healthz"),
        RK_STR_INIT("/livez"),
        RK_STR_INIT("/readyz"),
        RK_STR_INIT("/metrics"),
    };

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (rki_str_equal(fixed[i], path))
            return true;
    return false;
}

static bool is_path(struct rk_str path)
{
    return path.len != 0 && path.len <= 1024 && path.ptr[0] == '/' && rkd_str_is_visible(path) &&
           memchr(path.ptr, '?', path.len) == NULL && memchr(path.ptr, '#', path.len) == NULL;
}

enum rk_err rkd_read_paths(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);

    if (items == NULL)
        return rkd_read_fail(read, value, "expected a path or a list of them");
    if (count > RKD_PATHS_MAX)
        return rkd_read_fail(read, value, "expected at most 32 paths");
    read->marks.endpoint_paths = value->at;
    out->endpoint_path_count = 0;
    for (size_t n = 0; n < count; n++) {
        const struct rk_str path = items[n].text;

        if (items[n].kind != RKD_VALUE_STRING || !is_path(path))
            return rkd_read_fail(read, &items[n],
                                 "expected a path that begins with / and holds no blank, ? or #");
        if (is_taken(path))
            return rkd_read_fail(read, &items[n], "this path has a meaning of its own");
        for (size_t i = 0; i < n; i++)
            if (rki_str_equal(out->endpoint_paths[i], path))
                return rkd_read_fail(read, &items[n], "this path stands here twice");
        out->endpoint_paths[n] = path;
        out->endpoint_path_count++;
    }
    return RK_OK;
}

/* Behind "://": host or [v6], maybe a port, maybe a path. */
static bool is_authority_and_path(struct rk_str rest)
{
    size_t end = 0;
    struct rk_str host, tail, port = {0};
    struct rkd_addr addr;
    uint64_t number;

    while (end < rest.len && rest.ptr[end] != '/')
        end++;
    rest.len = end; /* the path was looked at with the whole */
    if (rest.len != 0 && rest.ptr[0] == '[') {
        rkd_str_cut(rki_str(rest.ptr + 1, rest.len - 1), ']', &host, &tail);
        if (rkd_addr_parse(host, &addr) != RK_OK || addr.is_v4 || tail.ptr == NULL ||
            (tail.len != 0 && tail.ptr[0] != ':'))
            return false;
        if (tail.len != 0)
            port = rki_str(tail.ptr + 1, tail.len - 1);
    } else {
        rkd_str_cut(rest, ':', &host, &port);
        for (size_t i = 0; i < host.len; i++) {
            const char c = rki_lower(host.ptr[i]);

            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' &&
                c != '_')
                return false;
        }
    }
    return host.len != 0 && (port.ptr == NULL || rkd_number_parse(port, 65535, &number));
}

bool rkd_url_is_valid(struct rk_str url)
{
    static const struct rk_str schemes[] = {
        RK_STR_INIT("wss://"),
        RK_STR_INIT("ws://"),
        RK_STR_INIT("https://"),
        RK_STR_INIT("http://"),
    };
    static const char bad[] = "?#\"<>\\^`{|}";

    if (url.len > 2048 || !rkd_str_is_visible(url))
        return false;
    for (size_t i = 0; i < sizeof(bad) - 1; i++)
        if (url.len != 0 && memchr(url.ptr, bad[i], url.len) != NULL)
            return false;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (rki_str_starts_with(url, schemes[i]))
            return is_authority_and_path(
                rki_str(url.ptr + schemes[i].len, url.len - schemes[i].len));
    return false;
}

struct rk_str rkd_url_host(struct rk_str url, bool *out_is_https)
{
    static const struct rk_str http = RK_STR_INIT("http://"), https = RK_STR_INIT("https://");
    struct rk_str host, tail;

    *out_is_https = rki_str_starts_with(url, https);
    if ((!*out_is_https && !rki_str_starts_with(url, http)) || !rkd_url_is_valid(url))
        return rki_str(NULL, 0);
    tail = *out_is_https ? rki_str(url.ptr + https.len, url.len - https.len)
                         : rki_str(url.ptr + http.len, url.len - http.len);
    rkd_str_cut(tail, '/', &host, &tail);
    if (host.ptr[0] == '[')
        return rki_str(host.ptr,
                       (size_t)((const char *)memchr(host.ptr, ']', host.len) - host.ptr) + 1);
    rkd_str_cut(host, ':', &host, &tail);
    return host;
}

bool rkd_host_is_loopback(struct rk_str host)
{
    struct rkd_addr addr;

    return rki_str_equal(host, RK_STR("localhost")) || rki_str_equal(host, RK_STR("[::1]")) ||
           (rkd_addr_parse(host, &addr) == RK_OK && addr.is_v4 && addr.bytes[12] == 127);
}
