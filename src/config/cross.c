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

enum rk_err rkd_read_proxies(struct rkd_read *read, struct rk_str value)
{
    struct rkd_settings *out = read->out;
    struct rk_str rest, option, entry;

    rkd_str_cut(value, ';', &rest, &option);
    for (size_t n = 0; rkd_list_next(&rest, ',', &entry); n++) {
        /* two are kept for the loopback blocks a host adds */
        if (out->trusted_count == RKD_CIDRS_MAX - 2)
            return rkd_read_fail(read, "expected at most 62 address blocks");
        if (rkd_cidr_parse(entry, &out->trusted[out->trusted_count]) != RK_OK)
            return rkd_read_fail_at(read, n,
                                    "expected an address or a block like 10.0.0.0/8 or "
                                    "2001:db8::/32, no bits set behind the prefix");
        out->trusted_count++;
    }
    return option.ptr == NULL ? RK_OK : read_header(read, option);
}
