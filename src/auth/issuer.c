/*
 * issuer.c - which `iss` belongs to which caller: a sorted table, compared byte for byte (D3, V8).
 *
 * May touch: its arguments, malloc when compiling. A multi-tenant issuer is written out once for
 * each tenant that is listed: what stands in no row is an issuer nobody here has, and costs no
 * fetch.
 */
#include "auth/impl.h"

#include <stdlib.h>

static const struct rk_str placeholder = RK_STR_INIT("{tenantid}");
/* Google writes its issuer in two ways, for one and the same (security.md s.1.7). */
static const struct rk_str google = RK_STR_INIT("https://accounts.google.com");
static const struct rk_str google_bare = RK_STR_INIT("accounts.google.com");

static size_t find_placeholder(struct rk_str text)
{
    for (size_t i = 0; i + placeholder.len <= text.len; i++)
        if (memcmp(text.ptr + i, placeholder.ptr, placeholder.len) == 0)
            return i;
    return text.len;
}

bool rkd_issuer_is(struct rk_str pattern, struct rk_str tenant, struct rk_str text)
{
    const size_t at = find_placeholder(pattern);
    struct rk_str tail;

    if (at == pattern.len)
        return rki_str_equal(pattern, text);
    tail = rki_str(pattern.ptr + at + placeholder.len, pattern.len - at - placeholder.len);
    return text.len == at + tenant.len + tail.len && memcmp(text.ptr, pattern.ptr, at) == 0 &&
           rki_str_equal(rki_str(text.ptr + at, tenant.len), tenant) &&
           rki_str_equal(rki_str(text.ptr + at + tenant.len, tail.len), tail);
}

bool rkd_is_tenant(struct rk_str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static int compare(struct rk_str a, struct rk_str b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static int by_iss(const void *a, const void *b)
{
    const struct rkd_issuer *x = a, *y = b;
    const int order = compare(x->iss, y->iss);

    /* equal ones in the order of the file: the later one is to blame */
    return order != 0 ? order : (x->caller > y->caller) - (x->caller < y->caller);
}

const struct rkd_issuer *rkd_issuer_find(const struct rkd_auth *auth, struct rk_str iss)
{
    size_t from = 0, to = auth->issuer_count;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = compare(iss, auth->issuers[middle].iss);

        if (order == 0)
            return &auth->issuers[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

static enum rk_err add_template(struct rkd_issuer *to, struct rk_str pattern, struct rk_str tenant)
{
    const size_t at = find_placeholder(pattern);
    const size_t cap = pattern.len - placeholder.len + tenant.len;
    struct rki_buf buf = rki_buf_over(malloc(cap + 1), cap + 1);

    if (buf.ptr == NULL)
        return RK_E_NOMEM;
    rki_buf_put(&buf, rki_str(pattern.ptr, at));
    rki_buf_put(&buf, tenant);
    rki_buf_put(&buf,
                rki_str(pattern.ptr + at + placeholder.len, pattern.len - at - placeholder.len));
    to->text = buf.ptr;
    to->iss = rki_buf_str(&buf);
    to->tenant = tenant;
    return RK_OK;
}

static enum rk_err add_caller(struct rkd_auth *auth, size_t index)
{
    const struct rkd_raw_oidc *oidc = &auth->callers[index].raw->oidc;
    const struct rk_str issuer = oidc->issuer.text;
    struct rkd_issuer *next = &auth->issuers[auth->issuer_count];

    *next = (struct rkd_issuer){.iss = issuer, .caller = index, .at = oidc->issuer.at};
    if (!auth->callers[index].is_template) {
        auth->issuer_count++;
        if (rki_str_equal(issuer, google)) {
            next[1] = *next;
            next[1].iss = google_bare;
            auth->issuer_count++;
        }
        return RK_OK;
    }
    for (size_t i = 0; i < oidc->tenants.count; i++) {
        struct rkd_issuer *to = &auth->issuers[auth->issuer_count];

        *to = (struct rkd_issuer){.caller = index, .at = oidc->tenants.items[i].at};
        if (add_template(to, issuer, oidc->tenants.items[i].text) != RK_OK)
            return RK_E_NOMEM;
        auth->issuer_count++;
    }
    return RK_OK;
}

enum rk_err rkd_compile_issuers(struct rkd_auth *auth, struct rkd_raw_error *error)
{
    size_t most = 1;

    for (size_t i = 0; i < auth->caller_count; i++)
        most += 2 + auth->callers[i].raw->oidc.tenants.count;
    auth->issuers = calloc(most, sizeof(*auth->issuers));
    if (auth->issuers == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < auth->caller_count; i++)
        if (auth->callers[i].kind == RKD_CALLER_OIDC && add_caller(auth, i) != RK_OK)
            return RK_E_NOMEM;
    qsort(auth->issuers, auth->issuer_count, sizeof(*auth->issuers), by_iss);
    for (size_t i = 1; i < auth->issuer_count; i++) {
        const struct rkd_issuer *later = &auth->issuers[i];

        if (compare(later[-1].iss, later->iss) == 0)
            return rkd_raw_refuse(error, later->at,
                                  later->tenant.ptr != NULL ? "oidc.tenants" : "oidc.issuer",
                                  "an issuer belongs to one caller; this one stands here already");
    }
    return RK_OK;
}
