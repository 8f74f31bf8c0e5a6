/*
 * client.c - finds the address a request comes from.
 *
 * May touch: its arguments. Nothing else.
 *
 * Entries are cut from the right end, quotes included: what the proxies next to us appended is read
 * before, and therefore not disturbed by, whatever the client put in front of it (an open quote, a
 * thousand entries, bytes that are no address).
 */
#include "serve/client.h"

#include "config/addr.h"

bool rkd_client_is_trusted(const struct rkd_settings *settings, const struct rkd_addr *addr)
{
    if (!addr->is_set)
        return settings->trusted_count != 0;
    for (size_t i = 0; i < settings->trusted_count; i++)
        if (rkd_cidr_has(&settings->trusted[i], addr))
            return true;
    return false;
}

/* Is the quote at `at` escaped: an odd number of backslashes before it? */
static bool is_escaped(struct rk_str s, size_t at)
{
    size_t count = 0;

    while (count < at && s.ptr[at - 1 - count] == '\\')
        count++;
    return count % 2 == 1;
}

/*
 * Cuts the last piece off `rest`: what follows the last `separator` outside of quoted strings.
 * False when there is no more. A rest that was cut empty by a separator still has an (empty) piece:
 * ptr is NULL only at the end.
 */
static bool take_last(struct rk_str *rest, char separator, bool has_quotes, struct rk_str *out)
{
    bool quoted = false;
    size_t at;

    if (rest->ptr == NULL)
        return false;
    for (at = rest->len; at > 0; at--) {
        const char c = rest->ptr[at - 1];

        if (c == '"' && has_quotes && !is_escaped(*rest, at - 1))
            quoted = !quoted;
        else if (c == separator && !quoted)
            break;
    }
    *out = rki_str(rest->ptr + at, rest->len - at);
    *rest = at == 0 ? (struct rk_str){0} : rki_str(rest->ptr, at - 1);
    return true;
}

/* The one `for` parameter of an element of Forwarded (RFC 7239 s.4): "for=x;proto=https". */
static bool find_for(struct rk_str element, struct rk_str *out)
{
    struct rk_str pair;
    bool found = false;

    while (take_last(&element, ';', true, &pair)) {
        pair = rki_str_trim(pair);
        if (!rki_str_starts_with_nocase(pair, RK_STR("for=")))
            continue;
        if (found) /* each parameter at most once */
            return false;
        *out = rki_str(pair.ptr + 4, pair.len - 4);
        found = true;
    }
    return found;
}

static bool read_entry(enum rkd_forward_header kind, struct rk_str entry, struct rkd_addr *out)
{
    struct rk_str text = rki_str_trim(entry);

    if (kind == RKD_FORWARD_RFC7239 && !find_for(text, &text))
        return false;
    /* RFC 7239 s.6: what has a colon, a port or IPv6, is quoted */
    if (kind == RKD_FORWARD_RFC7239 && text.len != 0 && text.ptr[0] != '"' &&
        memchr(text.ptr, ':', text.len) != NULL)
        return false;
    return rkd_addr_parse_forwarded(text, out) == RK_OK;
}

struct walk {
    const struct rkd_settings *settings;
    struct rkd_addr best; /* the last good address, seen from the right */
    unsigned seen;
};

/* Walks one line. True: go on with the line before it. */
static bool walk_line(struct walk *walk, struct rk_str line)
{
    const enum rkd_forward_header kind = walk->settings->forward_header;
    struct rk_str entry;
    struct rkd_addr addr;

    while (take_last(&line, ',', kind == RKD_FORWARD_RFC7239, &entry)) {
        if (++walk->seen > RKD_FORWARD_ENTRIES_MAX || !read_entry(kind, entry, &addr))
            return false;
        walk->best = addr;
        if (!rkd_client_is_trusted(walk->settings, &addr))
            return false;
    }
    return true;
}

struct rkd_addr rkd_client_address(const struct rkd_settings *settings,
                                   const struct rkd_request *request, const struct rkd_addr *peer)
{
    const enum rkd_header_id id =
        settings->forward_header == RKD_FORWARD_RFC7239 ? RKD_H_FORWARDED : RKD_H_X_FORWARDED_FOR;
    struct walk walk = {.settings = settings, .best = *peer};

    if (!rkd_client_is_trusted(settings, peer) || request->known_count[id] == 0)
        return walk.best;
    for (size_t i = request->header_count; i-- > 0;)
        if (request->headers[i].id == id && !walk_line(&walk, request->headers[i].value))
            break;
    return walk.best;
}
