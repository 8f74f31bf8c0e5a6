/*
 * claims.c - V14 to V19: what the claims of a token with a good signature must say.
 *
 * May touch: its arguments. Times are doubles below 2^53, so sums with a skew are exact.
 */
#include "auth/impl.h"

#include "core/json.h"
#include "core/utf8.h"

enum { AUDIENCES_MAX = 64 };

bool rkd_is_subject(struct rk_str text)
{
    if (text.len == 0 || text.len > RKD_SUBJECT_MAX)
        return false;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        const size_t len = rki_utf8_next(text, at, &code);

        if (len == 0 || rki_utf8_is_unsafe(code))
            return false;
        at += len;
    }
    return true;
}

/* A NumericDate: a number, fractions allowed (RFC 7519 s.2), 0 <= t < 2^53. */
static bool read_time(const json_t *value, double *out)
{
    const double limit = 9007199254740992.0;

    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return *out >= 0 && *out < limit;
}

static enum rkd_fault check_expiry(const json_t *claims, double now, double skew,
                                   struct rkd_caller *out)
{
    const json_t *exp = json_object_get(claims, "exp");
    double at;

    if (exp == NULL)
        return RKD_FAULT_EXP_ABSENT;
    if (!read_time(exp, &at))
        return RKD_FAULT_EXP_TYPE;
    if (now >= at + skew)
        return RKD_FAULT_EXP;
    out->expires_s = (int64_t)at;
    return RKD_FAULT_NONE;
}

static enum rkd_fault check_times(const json_t *claims, double now, double skew,
                                  struct rkd_caller *out)
{
    const json_t *nbf = json_object_get(claims, "nbf"), *iat = json_object_get(claims, "iat");
    enum rkd_fault fault = check_expiry(claims, now, skew, out);
    double at;

    if (fault != RKD_FAULT_NONE)
        return fault;
    if (nbf != NULL && !read_time(nbf, &at))
        return RKD_FAULT_NBF_TYPE;
    if (nbf != NULL && at > now + skew)
        return RKD_FAULT_NBF;
    if (iat != NULL && !read_time(iat, &at))
        return RKD_FAULT_IAT_TYPE;
    if (iat != NULL && at > now + skew)
        return RKD_FAULT_IAT;
    return RKD_FAULT_NONE;
}

static bool is_audience(const struct rkd_raw_list *ours, const json_t *value)
{
    const struct rk_str aud = rki_json_str(value);

    for (size_t i = 0; i < ours->count && aud.ptr != NULL; i++)
        if (rki_str_equal(ours->items[i].text, aud))
            return true;
    return false;
}

/* V17: one member is ours and all are strings. */
static bool is_for_us(const struct rkd_raw_list *ours, const json_t *aud)
{
    bool found = false;

    if (ours->count == 0)
        return true; /* `require` stands in for it: checked when compiled */
    if (!json_is_array(aud))
        return is_audience(ours, aud);
    if (json_array_size(aud) > AUDIENCES_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        if (!json_is_string(json_array_get(aud, i)))
            return false;
        found = found || is_audience(ours, json_array_get(aud, i));
    }
    return found;
}

/* Of a multi-tenant issuer: tid, iss and the key's own issuer say the same tenant (s.1.7). */
static bool is_tenant_good(const struct rkd_auth_caller *caller, const struct rkd_issuer *issuer,
                           const struct rkd_public_key *key, const json_t *claims)
{
    const struct rkd_raw_list *tenants = &caller->raw->oidc.tenants;
    const struct rk_str tid = rki_json_str(json_object_get(claims, "tid"));
    bool is_listed = tenants->count == 0;

    for (size_t i = 0; i < tenants->count; i++)
        is_listed = is_listed || (tid.ptr != NULL && rki_str_equal(tenants->items[i].text, tid));
    if (!is_listed || issuer->tenant.ptr == NULL)
        return is_listed;
    return rki_str_equal(issuer->tenant, tid) && key != NULL && key->issuer.ptr != NULL &&
           rkd_issuer_is(key->issuer, tid, issuer->iss);
}

static enum rkd_fault check_oidc(const struct rkd_auth_caller *caller,
                                 const struct rkd_issuer *issuer, const struct rkd_public_key *key,
                                 const json_t *claims, struct rkd_caller *out)
{
    const struct rk_str sub = rki_json_str(json_object_get(claims, "sub"));

    if (!is_tenant_good(caller, issuer, key, claims))
        return RKD_FAULT_TID;
    for (size_t i = 0; i < caller->require_count; i++)
        if (!rkd_require_holds(&caller->require[i], claims))
            return RKD_FAULT_REQUIRE;
    if (!rkd_is_subject(sub))
        return RKD_FAULT_SUB;
    out->subject = sub;
    return RKD_FAULT_NONE;
}

/* The authority, or the authority and /v2.0. */
static bool is_authority(struct rk_str authority, struct rk_str iss)
{
    static const struct rk_str v2 = RK_STR_INIT("/v2.0");

    if (iss.ptr == NULL)
        return false;
    if (rki_str_equal(authority, iss))
        return true;
    if (authority.len != 0 && authority.ptr[authority.len - 1] == '/')
        authority.len--;
    return iss.len == authority.len + v2.len && rki_str_starts_with(iss, authority) &&
           rki_str_ends_with(iss, v2);
}

static enum rkd_fault check_entra(const struct rkd_auth *auth, const struct rkd_auth_caller *caller,
                                  const json_t *claims, struct rkd_caller *out)
{
    const struct rk_str iss = rki_json_str(json_object_get(claims, "iss"));
    const struct rk_str tid = rki_json_str(json_object_get(claims, "tid"));
    const struct rk_str oid = rki_json_str(json_object_get(claims, "oid"));
    const struct rk_str sub = rki_json_str(json_object_get(claims, "sub"));

    if (!is_authority(caller->raw->oidc.issuer.text, iss))
        return RKD_FAULT_AUTHORITY;
    if (auth->raw->entra_tenant.len != 0 &&
        (tid.ptr == NULL || !rki_str_equal(auth->raw->entra_tenant, tid)))
        return RKD_FAULT_TID;
    out->subject = oid.len != 0 ? oid : sub;
    return rkd_is_subject(out->subject) ? RKD_FAULT_NONE : RKD_FAULT_SUB;
}

enum rkd_fault rkd_claims_check(const struct rkd_auth *auth, const struct rkd_auth_caller *caller,
                                const struct rkd_issuer *issuer, const struct rkd_public_key *key,
                                const json_t *claims, int64_t now_s, struct rkd_caller *out)
{
    enum rkd_fault fault = check_times(claims, (double)now_s, (double)caller->skew_s, out);

    if (fault != RKD_FAULT_NONE)
        return fault;
    if (!is_for_us(&caller->raw->oidc.audience, json_object_get(claims, "aud")))
        return RKD_FAULT_AUD;
    if (issuer == NULL)
        return check_entra(auth, caller, claims, out);
    return check_oidc(caller, issuer, key, claims, out);
}
