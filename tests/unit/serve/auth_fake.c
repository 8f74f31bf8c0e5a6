#include "auth_fake.h"

#include "core/str.h"

#include <stdatomic.h>
#include <stdlib.h>

struct rkd_keyset {
    atomic_uint refs;
    char label[32];
};

static atomic_uint alive;

const char *auth_fake_label(const struct rkd_keyset *keyset)
{
    return keyset == NULL ? "" : keyset->label;
}

unsigned auth_fake_alive(void)
{
    return atomic_load(&alive);
}

enum rk_err rkd_keyset_parse(struct rk_str json, struct rkd_keyset **out,
                             struct rkd_keyset_report *report)
{
    const bool is_plain = rki_str_starts_with(json, RK_STR("keys:"));
    struct rkd_keyset *keyset;

    *report = (struct rkd_keyset_report){0};
    if (rki_str_equal(json, RK_STR("empty")))
        return RK_E_STATE;
    if (rki_str_equal(json, RK_STR("3000"))) {
        report->reason = "keyset.count";
        return RK_E_TOO_LONG;
    }
    if (!is_plain && !rki_str_starts_with(json, RK_STR("skips:")))
        return RK_E_MALFORMED;
    keyset = calloc(1, sizeof(*keyset));
    if (keyset == NULL)
        return RK_E_NOMEM;
    atomic_store(&keyset->refs, 1);
    memcpy(keyset->label, json.ptr + (is_plain ? 5 : 6), json.len - (is_plain ? 5 : 6));
    atomic_fetch_add(&alive, 1);
    *report = is_plain
                  ? (struct rkd_keyset_report){.usable = 2}
                  : (struct rkd_keyset_report){.usable = 1, .skipped = 2, .reason = "key.size"};
    *out = keyset;
    return RK_OK;
}

struct rkd_keyset *rkd_keyset_ref(struct rkd_keyset *keyset)
{
    if (keyset != NULL)
        atomic_fetch_add(&keyset->refs, 1);
    return keyset;
}

void rkd_keyset_unref(struct rkd_keyset *keyset)
{
    if (keyset == NULL || atomic_fetch_sub(&keyset->refs, 1) != 1)
        return;
    atomic_fetch_sub(&alive, 1);
    free(keyset);
}

bool rkd_keyset_url_is_allowed(const struct rkd_keyset_spec *spec, struct rk_str url)
{
    if (rki_str_starts_with(url, RK_STR("https://")))
        return true;
    if (!rki_str_starts_with(url, RK_STR("http://")))
        return false;
    for (size_t i = 0; i < spec->allow_http->count; i++)
        if (rki_str_starts_with(rki_str(url.ptr + 7, url.len - 7), spec->allow_http->items[i].text))
            return true;
    return false;
}

enum rk_err rkd_discovery_read(const struct rkd_keyset_spec *spec, struct rk_str json,
                               struct rki_buf *out, const char **out_reason)
{
    (void)spec;
    *out_reason = NULL;
    if (rki_str_equal(json, RK_STR("foreign"))) {
        *out_reason = "discovery.issuer";
        return RK_E_STATE;
    }
    if (rki_str_equal(json, RK_STR("elsewhere"))) {
        *out_reason = "discovery.origin";
        return RK_E_INVAL;
    }
    if (!rki_str_starts_with(json, RK_STR("discovery:")))
        return RK_E_MALFORMED;
    rki_buf_put(out, rki_str(json.ptr + 10, json.len - 10));
    return out->overflow ? RK_E_TOO_LONG : RK_OK;
}
