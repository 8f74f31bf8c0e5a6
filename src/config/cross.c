/*
 * cross.c - who may ask across origins, and which proxies are believed.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/addr.h"
#include "config/origin.h"
#include "config/read.h"

enum rk_err rkd_read_origins(struct rkd_read *read, struct rk_str value)
{
    struct rkd_settings *out = read->out;
    struct rk_str rest = value, entry;

    for (size_t n = 0; rkd_list_next(&rest, ',', &entry); n++) {
        const char *why = "is not one a browser sends";

        if (out->origin_count == RKD_ORIGINS_MAX)
            return rkd_read_fail(read, "expected at most 64 origins");
        if (rkd_origin_parse(entry, &out->origins[out->origin_count], &why) != RK_OK) {
            char text[sizeof(read->diag->text)];
            struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

            rki_buf_lit(&buf, "this origin ");
            rki_buf_put(&buf, rki_cstr(why));
            text[buf.len] = '\0';
            return rkd_read_fail_at(read, n, text);
        }
        out->origin_count++;
    }
    return RK_OK;
}

static enum rk_err read_header(struct rkd_read *read, struct rk_str option)
{
    if (rki_str_equal(option, RK_STR("header=forwarded")))
        read->out->forward_header = RKD_FORWARD_RFC7239;
    else if (rki_str_equal(option, RK_STR("header=x-forwarded-for")))
        read->out->forward_header = RKD_FORWARD_XFF;
    else
        return rkd_read_fail(
            read, "expected header=forwarded or header=x-forwarded-for behind the semicolon");
    return RK_OK;
}

/* More than the largest block of private addresses: 10.0.0.0/8, fc00::/7. Nobody has so many
 * proxies, but everybody in the block writes his own address and is under no limit. */
static bool is_too_wide(const struct rkd_cidr *block)
{
    enum { V4_LEAST = 96 + 8, V6_LEAST = 7 };

    return block->prefix < (block->base.is_v4 ? V4_LEAST : V6_LEAST);
}

enum rk_err rkd_read_proxies(struct rkd_read *read, struct rk_str value)
{
    struct rkd_settings *out = read->out;
    struct rk_str rest, option, entry;
    bool is_wide = false;

    rkd_str_cut(value, ';', &rest, &option);
    for (size_t n = 0; rkd_list_next(&rest, ',', &entry); n++) {
        /* two are kept for the loopback blocks a host adds */
        if (out->trusted_count == RKD_CIDRS_MAX - 2)
            return rkd_read_fail(read, "expected at most 62 address blocks");
        if (rkd_cidr_parse(entry, &out->trusted[out->trusted_count]) != RK_OK)
            return rkd_read_fail_at(read, n,
                                    "expected an address or a block like 10.0.0.0/8 or "
                                    "2001:db8::/32, no bits set behind the prefix");
        is_wide = is_wide || is_too_wide(&out->trusted[out->trusted_count]);
        out->trusted_count++;
    }
    if (is_wide)
        rkd_read_warn(read, "ROOMKEY_TRUSTED_PROXIES trusts a block wider than /8 (IPv6: /7): "
                            "whoever connects from there is under no limit per address and can "
                            "claim any other");
    return option.ptr == NULL ? RK_OK : read_header(read, option);
}
