/*
 * local_host.c - the Host part of local.settings.json: where `func start` listens, and its CORS.
 *
 * May touch: its arguments.
 */
#include "config/local_parse.h"

/* Blanks and a slash at an origin's end mean nothing to anybody, but would make it match nothing.
 */
static struct rk_str origin_of(struct rk_str part)
{
    while (part.len != 0 && (part.ptr[0] == ' ' || part.ptr[0] == '\t'))
        part = rki_str(part.ptr + 1, part.len - 1);
    while (part.len != 0 && (part.ptr[part.len - 1] == ' ' || part.ptr[part.len - 1] == '\t'))
        part.len--;
    if (part.len != 0 && part.ptr[part.len - 1] == '/')
        part.len--;
    return part;
}

/* Tidies the origins that were put behind `from`: small letters, one comma between two. */
static size_t tidy_origins(char *from, size_t len)
{
    size_t used = 0, at = 0;

    while (at <= len) {
        size_t end = at;
        struct rk_str origin;

        while (end < len && from[end] != ',')
            end++;
        origin = origin_of(rki_str(from + at, end - at));
        at = end + 1;
        if (origin.len == 0)
            continue;
        if (used != 0)
            from[used++] = ',';
        for (size_t i = 0; i < origin.len; i++) /* never ahead of what is read */
            from[used++] = rki_lower(origin.ptr[i]);
    }
    return used;
}

static enum rk_err add_cors(struct rkd_local_parse *parse)
{
    static const struct rk_str origins = RK_STR_INIT("ROOMKEY_CORS_ORIGINS");
    static const struct rk_str credentials = RK_STR_INIT("ROOMKEY_CORS_CREDENTIALS");
    const struct rkd_local_host *host = &parse->host;
    struct rkd_local *out = parse->out;
    char *from;
    enum rk_err err;

    if (rkd_local_text(&host->cors).len == 0 || rkd_local_has(out, origins) ||
        rkd_local_is_set(parse->env, origins))
        return RK_OK;
    err = rkd_local_begin(parse, origins, "CORS", host->cors.at);
    if (err != RK_OK)
        return err;
    from = out->memory + out->memory_used;
    rkd_local_put_token(out, &host->cors);
    out->memory_used = (size_t)(from - out->memory) +
                       tidy_origins(from, (size_t)(out->memory + out->memory_used - from));
    if (out->memory + out->memory_used == from) { /* nothing but commas */
        out->memory_used = (size_t)(out->entries[out->count] - out->memory);
        return RK_OK;
    }
    err = rkd_local_end(parse, host->cors.at);
    if (err != RK_OK || rkd_local_text(&host->credentials).len == 0 ||
        rkd_local_has(out, credentials) || rkd_local_is_set(parse->env, credentials))
        return err;
    err = rkd_local_begin(parse, credentials, "CORSCredentials", host->credentials.at);
    if (err != RK_OK)
        return err;
    rkd_local_put_token(out, &host->credentials);
    return rkd_local_end(parse, host->credentials.at);
}

static bool is_address(struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!rkd_char_is_in(text.ptr[i], RK_STR("0123456789abcdefABCDEF.:")))
            return rki_str_equal(text, RK_STR("localhost"));
    return text.len != 0;
}

static enum rk_err check_listen(struct rkd_local_parse *parse)
{
    const struct rkd_local_host *host = &parse->host;
    const struct rk_str port = rkd_local_text(&host->port);
    const struct rk_str address = rkd_local_text(&host->address);
    uint64_t number;

    if (port.len != 0 && (!rkd_number_parse(port, 65535, &number) || number == 0))
        return rkd_error_set(parse->error, RK_E_INVAL, host->port.at, RK_STR("LocalHttpPort"),
                             "expected a port from 1 to 65535");
    if (address.len != 0 && !is_address(address))
        return rkd_error_set(parse->error, RK_E_INVAL, host->address.at, RK_STR("LocalHttpAddress"),
                             "expected an address like 127.0.0.1, or localhost");
    return RK_OK;
}

static enum rk_err add_listen(struct rkd_local_parse *parse)
{
    static const struct rk_str listen = RK_STR_INIT("ROOMKEY_LISTEN");
    const struct rkd_local_host *host = &parse->host;
    const bool has_port = rkd_local_text(&host->port).len != 0;
    const bool has_address = rkd_local_text(&host->address).len != 0;
    const bool is_v6 = has_address && memchr(host->address.raw.ptr, ':', host->address.raw.len);
    enum rk_err err;

    if ((!has_port && !has_address) || rkd_local_has(parse->out, listen) ||
        rkd_local_is_set(parse->env, listen))
        return RK_OK;
    err = check_listen(parse);
    if (err == RK_OK)
        err = rkd_local_begin(parse, listen, has_port ? "LocalHttpPort" : "LocalHttpAddress",
                              has_port ? host->port.at : host->address.at);
    if (err != RK_OK)
        return err;
    rkd_local_put(parse->out, is_v6 ? RK_STR("[") : rki_str(NULL, 0));
    if (has_address)
        rkd_local_put_token(parse->out, &host->address);
    else
        rkd_local_put(parse->out, RK_STR("127.0.0.1"));
    rkd_local_put(parse->out, is_v6 ? RK_STR("]:") : RK_STR(":"));
    if (has_port)
        rkd_local_put_token(parse->out, &host->port);
    else
        rkd_local_put(parse->out, RK_STR("7071"));
    return rkd_local_end(parse, host->port.at);
}

enum rk_err rkd_local_add_host(struct rkd_local_parse *parse)
{
    const enum rk_err err = add_cors(parse);
    uint64_t port;

    if (rkd_number_parse(rkd_local_text(&parse->host.port), 65535, &port))
        parse->out->port = (uint16_t)port;
    return err == RK_OK ? add_listen(parse) : err;
}
