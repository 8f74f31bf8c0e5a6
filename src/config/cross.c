/*
 * cross.c - who may ask across origins, and which proxies are believed.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/addr.h"
#include "config/origin.h"
#include "config/read.h"

enum rk_err rkd_read_origins(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);

    if (items == NULL)
        return rkd_read_fail(read, value, "expected an origin or a list of them");
    if (count > RKD_ORIGINS_MAX)
        return rkd_read_fail(read, value, "expected at most 64 origins");
    out->origin_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *why = "is no text";

        if (items[i].kind != RKD_VALUE_STRING ||
            rkd_origin_parse(items[i].text, &out->origins[i], &why) != RK_OK) {
            char text[sizeof(read->error->text)];
            struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

            rki_buf_lit(&buf, "this origin ");
            rki_buf_put(&buf, rki_cstr(why));
            text[buf.len] = '\0';
            return rkd_read_fail(read, &items[i], text);
        }
        out->origin_count++;
    }
    return RK_OK;
}

/* A boolean in the file, a word in a variable. */
enum rk_err rkd_read_credentials(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;
    const bool is_variable = value->kind == RKD_VALUE_STRING && value->at.line == 0;

    read->marks.credentials = value->at;
    if (!is_variable)
        return rkd_take_bool(read, value, &out->cors_credentials);
    out->cors_credentials = rki_str_equal_nocase(value->text, RK_STR("true"));
    return out->cors_credentials || rki_str_equal_nocase(value->text, RK_STR("false"))
               ? RK_OK
               : rkd_read_fail(read, value, "expected true or false");
}

static enum rk_err read_header(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const char *const words[] = {
        [RKD_FORWARD_XFF] = "x-forwarded-for", [RKD_FORWARD_RFC7239] = "forwarded"};
    size_t index = 0;
    enum rk_err err = rkd_take_word(read, value, words, ARRAY_LEN(words),
                                    "expected x-forwarded-for or forwarded", &index);

    if (err == RK_OK)
        ((struct rkd_settings *)target)->forward_header = (enum rkd_forward_header)index;
    return err;
}

/* More than the largest block of private addresses: 10.0.0.0/8, fc00::/7. Nobody has so many
 * proxies, but everybody in the block writes his own address and is under no limit. */
static bool is_too_wide(const struct rkd_cidr *block)
{
    enum { V4_LEAST = 96 + 8, V6_LEAST = 7 };

    return block->prefix < (block->base.is_v4 ? V4_LEAST : V6_LEAST);
}

static enum rk_err read_from(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);

    if (items == NULL)
        return rkd_read_fail(read, value, "expected an address block or a list of them");
    if (count > RKD_CIDRS_MAX - 2) /* two are kept for the loopback blocks a host adds */
        return rkd_read_fail(read, value, "expected at most 62 address blocks");
    for (size_t i = 0; i < count; i++)
        if (items[i].kind != RKD_VALUE_STRING ||
            rkd_cidr_parse(items[i].text, &out->trusted[i]) != RK_OK)
            return rkd_read_fail(read, &items[i],
                                 "expected an address or a block like 10.0.0.0/8 or "
                                 "2001:db8::/32, no bits set behind the prefix");
    out->trusted_count = count;
    return RK_OK;
}

static const struct rkd_key proxies_keys[] = {
    {RK_STR_INIT("from"), read_from, 0, true},
    RKD_KEY_WHOLE("header", read_header),
};
const struct rkd_table rkd_proxies_table = {"trusted_proxies.", proxies_keys,
                                            ARRAY_LEN(proxies_keys)};

enum rk_err rkd_read_proxies(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;

    read->marks.proxies = value->at;
    out->trusted_count = 0;
    out->forward_header = RKD_FORWARD_XFF;
    return rkd_table_read(read, &rkd_proxies_table, value, out);
}

void rkd_proxies_warn(struct rkd_read *read)
{
    for (size_t i = 0; i < read->out->trusted_count; i++) {
        if (is_too_wide(&read->out->trusted[i])) {
            rkd_read_warn_at(read, read->marks.proxies, "trusted_proxies",
                             "trusted_proxies (ROOMKEY_TRUSTED_PROXIES) trusts a block wider than "
                             "/8 (IPv6: /7): whoever connects from there is under no limit per "
                             "address and can claim any other");
            return;
        }
    }
}
