/*
 * addr.c - reads and writes IP addresses and address blocks.
 *
 * May touch: its arguments. Nothing else.
 *
 * inet_pton does the reading: it is as strict as we want (no leading zeros, no zone, no blanks, no
 * short forms); tests/unit/serve/test_addr.c holds it to that, because inet_aton is not.
 */
#include "config/addr.h"

#include <arpa/inet.h>

enum { MAPPED_BITS = 96 }; /* IPv4 lies in the last 32 bits of the 16 bytes */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum rk_err rkd_addr_parse(struct rk_str text, struct rkd_addr *out)
{
    struct rkd_addr addr = {.is_set = true};
    char zero_ended[RKD_ADDR_TEXT_MAX + 1];

    if (text.len == 0 || text.len > RKD_ADDR_TEXT_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return RK_E_INVAL;
    memcpy(zero_ended, text.ptr, text.len);
    zero_ended[text.len] = '\0';

    if (inet_pton(AF_INET, zero_ended, addr.bytes + sizeof(mapped)) == 1) {
        memcpy(addr.bytes, mapped, sizeof(mapped));
        addr.is_v4 = true;
    } else if (inet_pton(AF_INET6, zero_ended, addr.bytes) == 1) {
        addr.is_v4 = memcmp(addr.bytes, mapped, sizeof(mapped)) == 0;
    } else {
        return RK_E_INVAL;
    }
    *out = addr;
    return RK_OK;
}

/* 1-`max_digits` digits, no more than `max`. leading_zeros: may the first of several be 0? */
static bool parse_number(struct rk_str text, size_t max_digits, unsigned max, bool leading_zeros,
                         unsigned *out)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > max_digits ||
        (!leading_zeros && text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *out = value;
    return value <= max;
}

/* Nothing, or ":" and a port. */
static bool is_port_suffix(struct rk_str text)
{
    unsigned port;

    return text.len == 0 || (text.ptr[0] == ':' && parse_number(rki_str(text.ptr + 1, text.len - 1),
                                                                5, UINT16_MAX, true, &port));
}

static enum rk_err parse_bracketed(struct rk_str text, struct rkd_addr *out)
{
    const char *close = memchr(text.ptr, ']', text.len);
    struct rkd_addr addr;
    struct rk_str inner, rest;

    if (close == NULL)
        return RK_E_INVAL;
    inner = rki_str(text.ptr + 1, (size_t)(close - text.ptr) - 1);
    rest = rki_str(close + 1, text.len - inner.len - 2);
    if (inner.len == 0 || memchr(inner.ptr, ':', inner.len) == NULL || !is_port_suffix(rest))
        return RK_E_INVAL; /* brackets are for IPv6 */
    if (rkd_addr_parse(inner, &addr) != RK_OK)
        return RK_E_INVAL;
    *out = addr;
    return RK_OK;
}

enum rk_err rkd_addr_parse_forwarded(struct rk_str text, struct rkd_addr *out)
{
    const char *colon;
    size_t host_len;

    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = rki_str(text.ptr + 1, text.len - 2);
    if (text.len == 0)
        return RK_E_INVAL;
    if (text.ptr[0] == '[')
        return parse_bracketed(text, out);

    /* One colon is a port, several are an IPv6 address, which has no port without brackets. */
    colon = memchr(text.ptr, ':', text.len);
    if (colon == NULL)
        return rkd_addr_parse(text, out);
    host_len = (size_t)(colon - text.ptr);
    if (memchr(colon + 1, ':', text.len - host_len - 1) != NULL)
        return rkd_addr_parse(text, out);
    if (!is_port_suffix(rki_str(colon, text.len - host_len)))
        return RK_E_INVAL;
    return rkd_addr_parse(rki_str(text.ptr, host_len), out);
}

/* The first `bits` bits of both are equal. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool has_only_prefix(const struct rkd_addr *addr, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        if ((addr->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

enum rk_err rkd_cidr_parse(struct rk_str text, struct rkd_cidr *out)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.ptr, '/', text.len);
    size_t addr_len = slash == NULL ? text.len : (size_t)(slash - text.ptr);
    bool dotted = addr_len != 0 && memchr(text.ptr, ':', addr_len) == NULL;
    unsigned shift = dotted ? MAPPED_BITS : 0, prefix = 128 - shift;
    struct rkd_addr base;

    if (rkd_addr_parse(rki_str(text.ptr, addr_len), &base) != RK_OK)
        return RK_E_INVAL;
    if (slash != NULL &&
        !parse_number(rki_str(slash + 1, text.len - addr_len - 1), 3, 128 - shift, false, &prefix))
        return RK_E_INVAL;
    prefix += shift;
    if (!has_only_prefix(&base, prefix))
        return RK_E_INVAL;
    *out = (struct rkd_cidr){.base = base, .prefix = (uint8_t)prefix};
    return RK_OK;
}

bool rkd_cidr_has(const struct rkd_cidr *block, const struct rkd_addr *addr)
{
    return block->base.is_set && addr->is_set && block->base.is_v4 == addr->is_v4 &&
           same_prefix(block->base.bytes, addr->bytes, block->prefix);
}

bool rkd_addr_equal(const struct rkd_addr *a, const struct rkd_addr *b)
{
    return a->is_set == b->is_set && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Every request's log line has one: inet_ntop goes through sprintf. */
static void write_v4(struct rki_buf *buf, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i != 0)
            rki_buf_char(buf, '.');
        rki_buf_int(buf, bytes[i]);
    }
}

void rkd_addr_write(struct rki_buf *buf, const struct rkd_addr *addr)
{
    char text[INET6_ADDRSTRLEN];

    if (!addr->is_set)
        rki_buf_char(buf, '-');
    else if (addr->is_v4)
        write_v4(buf, addr->bytes + sizeof(mapped));
    else if (inet_ntop(AF_INET6, addr->bytes, text, sizeof(text)) != NULL)
        rki_buf_put(buf, rki_cstr(text));
}
