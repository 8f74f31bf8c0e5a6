/*
 * entra.c - the original's own settings, ENTRA_*: one caller, proved by Entra ID's tokens, whose
 * identity comes from the request as there (contract stage 004).
 *
 * May touch: the environment it is given.
 */
#include "config/read.h"

enum { AUTHORITY_MAX = 1024 };

static struct rk_str without(struct rk_str text, struct rk_str end)
{
    return rki_str_ends_with(text, end) ? rki_str(text.ptr, text.len - end.len) : text;
}

static struct rkd_pos at_of(const char *name)
{
    return (struct rkd_pos){.file = name};
}

static enum rk_err fail(struct rkd_read *read, const char *name, enum rk_err err, const char *text)
{
    return rkd_error_set(read->error, err, at_of(name), rki_str(NULL, 0), text);
}

static enum rk_err keep(struct rkd_read *read, struct rk_str text, const char *name,
                        struct rkd_raw_text *out)
{
    out->at = at_of(name);
    return rkd_store_dup(read->store, text, &out->text) == RK_OK ? RK_OK : rkd_read_nomem(read);
}

static enum rk_err make_list(struct rkd_read *read, struct rk_str a, struct rk_str b,
                             const char *name, struct rkd_raw_list *out)
{
    struct rkd_raw_text *items = rkd_store_take(read->store, 2, sizeof(*items));
    enum rk_err err;

    if (items == NULL)
        return rkd_read_nomem(read);
    err = keep(read, a, name, &items[0]);
    if (err == RK_OK && b.ptr != NULL)
        err = keep(read, b, name, &items[1]);
    if (err == RK_OK)
        *out = (struct rkd_raw_list){
            .items = items, .count = b.ptr == NULL ? 1 : 2, .at = at_of(name), .is_set = true};
    return err;
}

/*
 * The tokens' issuer is the authority, or the authority and /v2.0: auth takes both of an ENTRA
 * caller. The front end's spelling of the same setting ends with a slash, some end with /v2.0.
 */
static enum rk_err read_authority(struct rkd_read *read, struct rk_str value,
                                  struct rkd_raw_oidc *oidc)
{
    bool is_https = false;

    value = without(value, RK_STR("/"));
    value = without(value, RK_STR("/v2.0"));
    if (value.len > AUTHORITY_MAX || rkd_url_host(value, &is_https).ptr == NULL || !is_https)
        return fail(read, "ENTRA_AUTHORITY", RK_E_INVAL,
                    "expected an https:// URL like https://login.microsoftonline.com/TENANT");
    return keep(read, value, "ENTRA_AUTHORITY", &oidc->issuer);
}

/* Entra has keys of single applications behind a query: .../keys?appid=... */
static bool is_query(struct rk_str query)
{
    return query.ptr == NULL || (query.len <= 512 && rkd_str_is_visible(query) &&
                                 memchr(query.ptr, '#', query.len) == NULL);
}

static enum rk_err read_jwks_url(struct rkd_read *read, struct rk_str value,
                                 struct rkd_raw_oidc *oidc)
{
    bool is_https = false;
    struct rk_str url, query, host;
    bool is_bracketed;
    enum rk_err err;

    rkd_str_cut(value, '?', &url, &query);
    host = rkd_url_host(url, &is_https);
    is_bracketed = host.len > 2 && host.ptr[0] == '[';
    if (host.ptr == NULL || !is_query(query) || (!is_https && !rkd_host_is_loopback(host)))
        return fail(read, "ENTRA_JWKS_URL", RK_E_INVAL,
                    "expected an https:// URL (http:// only to this machine) without user and "
                    "fragment");
    err = keep(read, value, "ENTRA_JWKS_URL", &oidc->jwks_uri);
    if (err == RK_OK && !is_https)
        err = make_list(read, host,
                        is_bracketed ? rki_str(host.ptr + 1, host.len - 2) : rki_str(NULL, 0),
                        "ENTRA_JWKS_URL", &oidc->allow_http);
    return err;
}

/* {authority}/discovery/v2.0/keys */
static enum rk_err default_jwks_url(struct rkd_read *read, struct rkd_raw_oidc *oidc)
{
    char url[AUTHORITY_MAX + 32];
    struct rki_buf buf = rki_buf_over(url, sizeof(url));

    rki_buf_put(&buf, oidc->issuer.text);
    rki_buf_lit(&buf, "/discovery/v2.0/keys");
    return keep(read, rki_buf_str(&buf), "ENTRA_AUTHORITY", &oidc->jwks_uri);
}

static enum rk_err make_caller(struct rkd_read *read, struct rk_str client, struct rk_str authority)
{
    const struct rk_str jwks_url = rkd_env_get(read->env, "ENTRA_JWKS_URL");
    const struct rk_str tenant = rkd_env_get(read->env, "ENTRA_TENANT_ID");
    struct rkd_raw *raw = &read->out->raw;
    struct rkd_raw_caller *caller = rkd_store_take(read->store, 1, sizeof(*caller));
    struct rkd_raw_oidc *oidc;
    enum rk_err err;

    if (caller == NULL)
        return rkd_read_nomem(read);
    oidc = &caller->oidc;
    caller->at = caller->kind_at = oidc->at = at_of("ENTRA_CLIENT_ID");
    caller->kind = RKD_RAW_CALLER_ENTRA;
    caller->name = (struct rkd_raw_text){.text = RK_STR("entra"), .at = caller->at};
    oidc->clock_skew = (struct rkd_raw_time){.ms = 300000, .is_set = true, .at = caller->at};
    err = read_authority(read, authority, oidc);
    if (err == RK_OK)
        err = make_list(read, client, rki_str(NULL, 0), "ENTRA_CLIENT_ID", &oidc->audience);
    if (err == RK_OK)
        err = make_list(read, RK_STR("RS256"), rki_str(NULL, 0), "ENTRA_CLIENT_ID",
                        &oidc->algorithms);
    if (err == RK_OK)
        err = jwks_url.ptr == NULL ? default_jwks_url(read, oidc)
                                   : read_jwks_url(read, jwks_url, oidc);
    if (err == RK_OK && tenant.ptr != NULL &&
        rkd_store_dup(read->store, tenant, &raw->entra_tenant) != RK_OK)
        err = rkd_read_nomem(read);
    if (err != RK_OK)
        return err;
    raw->callers = caller;
    raw->caller_count = 1;
    raw->callers_at = caller->at;
    return RK_OK;
}

enum rk_err rkd_entra_read(struct rkd_read *read)
{
    static const char *const others[] = {"ENTRA_TENANT_ID", "ENTRA_JWKS_URL"};
    const struct rk_str client = rkd_env_get(read->env, "ENTRA_CLIENT_ID");
    const struct rk_str authority = rkd_env_get(read->env, "ENTRA_AUTHORITY");
    struct rkd_settings *out = read->out;

    for (size_t i = 0; i < ARRAY_LEN(others) && client.ptr == NULL && authority.ptr == NULL; i++)
        if (rkd_env_get(read->env, others[i]).ptr != NULL)
            return fail(read, others[i], RK_E_STATE,
                        "expected together with ENTRA_CLIENT_ID and ENTRA_AUTHORITY");
    if (client.ptr == NULL && authority.ptr == NULL)
        return RK_OK;
    if (client.ptr == NULL)
        return fail(read, "ENTRA_CLIENT_ID", RK_E_STATE, "expected, since ENTRA_AUTHORITY is set");
    if (authority.ptr == NULL)
        return fail(read, "ENTRA_AUTHORITY", RK_E_STATE, "expected, since ENTRA_CLIENT_ID is set");
    if (out->raw.caller_count != 0)
        return rkd_error_set(read->error, RK_E_STATE, out->raw.callers_at, RK_STR("callers"),
                             "expected either callers here or ENTRA_CLIENT_ID and ENTRA_AUTHORITY "
                             "in the environment, not both");
    if (out->raw.rule_count != 0)
        return rkd_error_set(read->error, RK_E_STATE, out->raw.rules_at, RK_STR("rules"),
                             "expected no rules together with ENTRA_CLIENT_ID and ENTRA_AUTHORITY "
                             "in the environment, which have the original's own");
    if (out->anonymous == RKD_ANONYMOUS_ALLOW) {
        out->anonymous = RKD_ANONYMOUS_REFUSE;
        rkd_read_warn_at(read, at_of("ENTRA_CLIENT_ID"), NULL,
                         "ENTRA_CLIENT_ID and ENTRA_AUTHORITY turn anonymous: allow off: every "
                         "caller needs a token");
    }
    rkd_read_warn_at(read, at_of("ENTRA_CLIENT_ID"), NULL,
                     "under ENTRA_CLIENT_ID the identity comes from the request, as in the "
                     "original: whoever is signed in can take any name in any room");
    return make_caller(read, client, authority);
}
