/*
 * compile_oidc.c - the oidc block of a caller: everything refused at load that would make a token
 * prove less than it seems to (CFG-01, D7).
 *
 * May touch: its arguments, malloc.
 */
#include "auth/impl.h"
#include "auth/url.h"

#include <stdlib.h>

#define WELL_KNOWN "/.well-known/openid-configuration"

static const char *const https_text =
    "expected an https URL without user and fragment (http only for hosts in allow_http)";

static bool is_listed(const struct rkd_raw_list *list, struct rk_str text)
{
    for (size_t i = 0; i < list->count; i++)
        if (rki_str_equal_nocase(list->items[i].text, text))
            return true;
    return false;
}

static bool is_good_url(const struct rkd_raw_oidc *oidc, struct rk_str text, struct rkd_url *url)
{
    return rkd_url_read(text, url) && (url->is_https || is_listed(&oidc->allow_http, url->host));
}

static bool contains(struct rk_str text, const char *part)
{
    const size_t len = strlen(part);

    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0)
            return true;
    return false;
}

static size_t count_braces(struct rk_str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '{' || text.ptr[i] == '}';
    return count;
}

/* Without a URL only where nothing is fetched: a name, as some HS256 issuers have. */
static enum rk_err check_issuer(const struct rkd_raw_oidc *oidc, struct rkd_auth_caller *caller,
                                struct rkd_raw_error *error)
{
    const struct rk_str issuer = oidc->issuer.text;
    struct rkd_url url;

    if (issuer.ptr == NULL || issuer.len == 0)
        return rkd_raw_refuse(error, issuer.ptr == NULL ? oidc->at : oidc->issuer.at, "oidc.issuer",
                              "required");
    if (caller->secret != NULL && !contains(issuer, "://") && rkd_is_subject(issuer))
        return RK_OK;
    if (!is_good_url(oidc, issuer, &url))
        return rkd_raw_refuse(error, oidc->issuer.at, "oidc.issuer", https_text);
    if (url.has_query)
        return rkd_raw_refuse(error, oidc->issuer.at, "oidc.issuer",
                              "expected a URL without a query");
    caller->is_template = contains(issuer, "{tenantid}");
    if (count_braces(url.rest) != (caller->is_template ? 2 : 0))
        return rkd_raw_refuse(error, oidc->issuer.at, "oidc.issuer",
                              "the only placeholder here is {tenantid}, once");
    return RK_OK;
}

static enum rk_err check_tenants(const struct rkd_raw_oidc *oidc,
                                 const struct rkd_auth_caller *caller, struct rkd_raw_error *error)
{
    for (size_t i = 0; i < oidc->tenants.count; i++)
        if (!rkd_is_tenant(oidc->tenants.items[i].text))
            return rkd_raw_refuse(error, oidc->tenants.items[i].at, "oidc.tenants",
                                  "expected a GUID in small letters, with hyphens");
    if (caller->is_template && oidc->tenants.count == 0)
        return rkd_raw_refuse(error, oidc->issuer.at, "oidc.issuer",
                              "{tenantid} needs the tenants that are let in, in `tenants`");
    if (caller->is_template && oidc->jwks_uri.text.ptr == NULL &&
        oidc->discovery_url.text.ptr == NULL)
        return rkd_raw_refuse(error, oidc->issuer.at, "oidc.issuer",
                              "{tenantid} needs jwks_uri or discovery_url");
    return RK_OK;
}

/* Without an audience something else must say that the token was meant for us (s.0.3). */
static enum rk_err check_audience(const struct rkd_raw_oidc *oidc, struct rkd_raw_error *error)
{
    bool is_replaced = false;

    for (size_t i = 0; i < oidc->audience.count; i++)
        if (oidc->audience.items[i].text.len == 0)
            return rkd_raw_refuse(error, oidc->audience.items[i].at, "oidc.audience",
                                  "expected an audience that is not empty");
    for (size_t i = 0; oidc->require.kind == RKD_VALUE_MAP && i < oidc->require.count; i++)
        is_replaced = is_replaced || rki_str_equal(oidc->require.members[i].key, RK_STR("azp")) ||
                      rki_str_equal(oidc->require.members[i].key, RK_STR("client_id"));
    if (oidc->audience.count == 0 && !is_replaced)
        return rkd_raw_refuse(
            error, oidc->audience.is_set ? oidc->audience.at : oidc->at, "oidc.audience",
            "required; it may be left out only when `require` holds azp or client_id");
    return RK_OK;
}

static enum rk_err read_algorithms(const struct rkd_raw_oidc *oidc, struct rkd_auth_caller *caller,
                                   struct rkd_raw_error *error)
{
    const struct rkd_raw_list *list = &oidc->algorithms;

    for (size_t i = 0; i < list->count; i++) {
        const enum rkd_alg alg = rkd_alg_by_name(list->items[i].text);
        const bool is_hs256 = rki_str_equal(list->items[i].text, RK_STR("HS256"));

        if (alg == RKD_ALG_NONE && !is_hs256)
            return rkd_raw_refuse(error, list->items[i].at, "oidc.algorithms",
                                  "expected RS, PS or ES with 256, 384 or 512, EdDSA, or HS256");
        if (is_hs256 && (list->count != 1 || oidc->hs256_secret.bytes.ptr == NULL))
            return rkd_raw_refuse(error, list->items[i].at, "oidc.algorithms",
                                  "HS256 stands alone, and needs hs256_secret_file");
        if (!is_hs256 && oidc->hs256_secret.bytes.ptr != NULL)
            return rkd_raw_refuse(error, list->items[i].at, "oidc.algorithms",
                                  "with hs256_secret_file this is [HS256]");
        if (!is_hs256)
            caller->algorithms |= RKD_ALG_BIT(alg);
    }
    if (list->count == 0 && list->is_set)
        return rkd_raw_refuse(error, list->at, "oidc.algorithms", "expected at least one");
    if (list->count == 0 && oidc->hs256_secret.bytes.ptr == NULL)
        caller->algorithms = RKD_ALGS_DEFAULT;
    return RK_OK;
}

static enum rk_err read_secret(const struct rkd_raw_oidc *oidc, struct rkd_auth_caller *caller,
                               rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                               struct rkd_raw_error *error)
{
    const struct rkd_raw_secret *secret = &oidc->hs256_secret;
    const struct rkd_raw_text *address =
        oidc->jwks_uri.text.ptr != NULL ? &oidc->jwks_uri : &oidc->discovery_url;
    enum rk_err err;

    if (secret->bytes.ptr == NULL)
        return RK_OK;
    if (address->text.ptr != NULL)
        return rkd_raw_refuse(error, address->at,
                              address == &oidc->jwks_uri ? "oidc.jwks_uri" : "oidc.discovery_url",
                              "not together with hs256_secret_file");
    if (is_livekit_secret != NULL && is_livekit_secret(ctx, secret->bytes))
        return rkd_raw_refuse(error, secret->at, "oidc.hs256_secret_file",
                              "this is a LiveKit secret; a token of roomkey's own must never "
                              "prove who calls");
    err = rkd_hs256_secret_new(secret->bytes, &caller->secret);
    if (err == RK_E_KEY || err == RK_E_TOO_LONG)
        return rkd_raw_refuse(error, secret->at, "oidc.hs256_secret_file",
                              "expected a secret of 32 to 1,024 bytes");
    return err;
}

/* ---- the key set ---- */

static int64_t ms_of(const struct rkd_raw_time *time, int64_t absent_ms)
{
    return time->is_set ? time->ms : absent_ms;
}

static enum rk_err check_times(const struct rkd_raw_oidc *oidc, struct rkd_raw_error *error)
{
    const struct {
        const struct rkd_raw_time *time;
        const char *key;
    } rows[] = {
        {&oidc->fresh, "oidc.jwks.fresh"},
        {&oidc->cooldown, "oidc.jwks.cooldown"},
        {&oidc->stale, "oidc.jwks.stale"},
        {&oidc->timeout, "oidc.jwks.timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].time->is_set && rows[i].time->ms <= 0)
            return rkd_raw_refuse(error, rows[i].time->at, rows[i].key,
                                  "expected more than nothing");
    return RK_OK;
}

static enum rk_err check_addresses(const struct rkd_raw_oidc *oidc, struct rkd_raw_error *error)
{
    struct rkd_url url;

    if (oidc->jwks_uri.text.ptr != NULL && !is_good_url(oidc, oidc->jwks_uri.text, &url))
        return rkd_raw_refuse(error, oidc->jwks_uri.at, "oidc.jwks_uri", https_text);
    if (oidc->discovery_url.text.ptr != NULL && !is_good_url(oidc, oidc->discovery_url.text, &url))
        return rkd_raw_refuse(error, oidc->discovery_url.at, "oidc.discovery_url", https_text);
    for (size_t i = 0; i < oidc->jwks_hosts.count; i++) {
        const struct rkd_raw_text *host = &oidc->jwks_hosts.items[i];
        char text[RKD_URL_MAX];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        if (!rkd_url_read(host->text, &url)) { /* a host alone is its https origin */
            rki_buf_lit(&buf, "https://");
            rki_buf_put(&buf, host->text);
        }
        if (buf.overflow || (buf.len != 0 && !rkd_url_read(rki_buf_str(&buf), &url)) ||
            url.rest.len > 1 || url.has_query)
            return rkd_raw_refuse(error, host->at, "oidc.jwks_hosts",
                                  "expected an origin: https://host[:port]");
    }
    return RK_OK;
}

/* The issuer without one slash at its end, and the well-known path (OIDC Discovery s.4). */
static enum rk_err make_discovery_url(const struct rkd_raw_oidc *oidc,
                                      struct rkd_auth_caller *caller, struct rkd_keyset_spec *spec)
{
    struct rk_str issuer = oidc->issuer.text;
    const size_t cap = issuer.len + sizeof(WELL_KNOWN);
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);

    if (buf.ptr == NULL)
        return RK_E_NOMEM;
    caller->discovery_url = buf.ptr;
    if (issuer.ptr[issuer.len - 1] == '/')
        issuer.len--;
    rki_buf_put(&buf, issuer);
    rki_buf_lit(&buf, WELL_KNOWN);
    spec->discovery_url = rki_buf_str(&buf);
    return RK_OK;
}

static enum rk_err add_spec(struct rkd_auth *auth, struct rkd_auth_caller *caller)
{
    const struct rkd_raw_oidc *oidc = &caller->raw->oidc;
    struct rkd_keyset_spec *spec = &auth->specs[auth->spec_count];

    *spec = (struct rkd_keyset_spec){
        .caller = caller->raw->name.text,
        .issuer = oidc->issuer.text,
        .jwks_uri = oidc->jwks_uri.text,
        .discovery_url = oidc->discovery_url.text,
        .ca_file = oidc->ca_file.text,
        .jwks_hosts = &oidc->jwks_hosts,
        .allow_http = auth->entra_http.count != 0 ? &auth->entra_http : &oidc->allow_http,
        .fresh_ms = ms_of(&oidc->fresh, INT64_C(10) * 60 * 1000),
        .cooldown_ms = ms_of(&oidc->cooldown, INT64_C(30) * 1000),
        .stale_ms = ms_of(&oidc->stale, INT64_C(24) * 3600 * 1000),
        .timeout_ms = ms_of(&oidc->timeout, INT64_C(3) * 1000),
    };
    caller->keyset = (ptrdiff_t)auth->spec_count++;
    if (spec->jwks_uri.ptr == NULL && spec->discovery_url.ptr == NULL)
        return make_discovery_url(oidc, caller, spec);
    return RK_OK;
}

/* ENTRA_JWKS_URL may be http on loopback without being listed: nobody could list it. */
static enum rk_err check_entra(struct rkd_auth *auth, const struct rkd_raw_oidc *oidc,
                               struct rkd_raw_error *error)
{
    struct rkd_url url;

    if (oidc->issuer.text.ptr == NULL || oidc->issuer.text.len == 0)
        return rkd_raw_refuse(error, oidc->at, "ENTRA_AUTHORITY", "required");
    if (oidc->audience.count == 0 || oidc->audience.items[0].text.len == 0)
        return rkd_raw_refuse(error, oidc->at, "ENTRA_CLIENT_ID", "required");
    if (!rkd_url_read(oidc->jwks_uri.text, &url) ||
        (!url.is_https && !rkd_url_is_loopback(&url) && !is_listed(&oidc->allow_http, url.host)))
        return rkd_raw_refuse(error, oidc->jwks_uri.at, "ENTRA_JWKS_URL",
                              "expected an https URL (http only to loopback)");
    if (!url.is_https) {
        auth->entra_host = (struct rkd_raw_text){.text = url.host, .at = oidc->jwks_uri.at};
        auth->entra_http =
            (struct rkd_raw_list){.items = &auth->entra_host, .count = 1, .is_set = true};
    }
    return RK_OK;
}

static enum rk_err check_oidc(struct rkd_auth *auth, struct rkd_auth_caller *caller,
                              rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                              struct rkd_raw_error *error)
{
    const struct rkd_raw_oidc *oidc = &caller->raw->oidc;
    enum rk_err err;

    if (caller->kind == RKD_CALLER_ENTRA)
        return check_entra(auth, oidc, error);
    err = read_secret(oidc, caller, is_livekit_secret, ctx, error);
    if (err == RK_OK)
        err = check_issuer(oidc, caller, error);
    if (err == RK_OK)
        err = check_audience(oidc, error);
    if (err == RK_OK)
        err = check_tenants(oidc, caller, error);
    if (err == RK_OK)
        err = check_addresses(oidc, error);
    return err;
}

enum rk_err rkd_compile_oidc(struct rkd_auth *auth, size_t index,
                             rkd_is_livekit_secret_fn *is_livekit_secret, void *ctx,
                             struct rkd_raw_error *error)
{
    const int64_t skew_max_ms = INT64_C(1000) * RKD_SKEW_MAX_S;
    struct rkd_auth_caller *caller = &auth->callers[index];
    const struct rkd_raw_oidc *oidc = &caller->raw->oidc;
    enum rk_err err = check_oidc(auth, caller, is_livekit_secret, ctx, error);

    if (err == RK_OK)
        err = rkd_compile_require(oidc, caller, error);
    if (err == RK_OK)
        err = read_algorithms(oidc, caller, error);
    if (err == RK_OK)
        err = check_times(oidc, error);
    if (err != RK_OK)
        return err;
    caller->skew_s =
        ms_of(&oidc->clock_skew, caller->kind == RKD_CALLER_ENTRA ? skew_max_ms : 60000) / 1000;
    if (oidc->clock_skew.is_set && (oidc->clock_skew.ms < 0 || oidc->clock_skew.ms > skew_max_ms))
        return rkd_raw_refuse(error, oidc->clock_skew.at, "oidc.clock_skew",
                              "expected at most 300s");
    return caller->secret != NULL ? RK_OK : add_spec(auth, caller);
}
