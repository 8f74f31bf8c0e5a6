/*
 * discovery.c - which addresses may be fetched for a caller, and what a discovery document says.
 *
 * May touch: its arguments, jansson through core. Only `issuer` and `jwks_uri` of the document are
 * looked at: it can neither add an algorithm nor an issuer (security.md s.1.6).
 */
#include "auth/url.h"

#include "auth/auth.h"
#include "auth/keyset.h"
#include "core/json.h"

static bool is_http_allowed(const struct rkd_keyset_spec *spec, struct rk_str host)
{
    for (size_t i = 0; spec->allow_http != NULL && i < spec->allow_http->count; i++)
        if (rki_str_equal_nocase(spec->allow_http->items[i].text, host))
            return true;
    return false;
}

static bool read_allowed(const struct rkd_keyset_spec *spec, struct rk_str text,
                         struct rkd_url *out)
{
    return rkd_url_read(text, out) && (out->is_https || is_http_allowed(spec, out->host));
}

bool rkd_keyset_url_is_allowed(const struct rkd_keyset_spec *spec, struct rk_str url)
{
    struct rkd_url parsed;

    return read_allowed(spec, url, &parsed);
}

/* An entry is an origin, `https://` in front or left out. */
static bool is_listed(const struct rkd_raw_list *hosts, const struct rkd_url *url)
{
    char with_scheme[RKD_URL_MAX];

    for (size_t i = 0; hosts != NULL && i < hosts->count; i++) {
        struct rk_str text = hosts->items[i].text;
        struct rki_buf buf = rki_buf_over(with_scheme, sizeof(with_scheme));
        struct rkd_url origin;

        if (!rkd_url_read(text, &origin)) {
            rki_buf_lit(&buf, "https://");
            rki_buf_put(&buf, text);
            if (buf.overflow || !rkd_url_read(rki_buf_str(&buf), &origin))
                continue;
        }
        if (rkd_url_is_same_origin(&origin, url))
            return true;
    }
    return false;
}

/* D7: keys come from the issuer's own origin, or from one the operator named. */
static enum rk_err check_origin(const struct rkd_keyset_spec *spec, struct rk_str uri,
                                const char **out_reason)
{
    struct rkd_url issuer, url;

    *out_reason = "discovery.jwks-uri";
    if (!read_allowed(spec, uri, &url))
        return RK_E_INVAL;
    *out_reason = "discovery.origin";
    if (rkd_url_read(spec->issuer, &issuer) && rkd_url_is_same_origin(&issuer, &url))
        return RK_OK;
    return is_listed(spec->jwks_hosts, &url) ? RK_OK : RK_E_INVAL;
}

static enum rk_err read_document(const struct rkd_keyset_spec *spec, const json_t *document,
                                 struct rki_buf *out, const char **out_reason)
{
    struct rk_str issuer = rki_json_str(json_object_get(document, "issuer"));
    struct rk_str uri = rki_json_str(json_object_get(document, "jwks_uri"));
    enum rk_err err;

    *out_reason = "discovery.form";
    if (issuer.ptr == NULL || uri.ptr == NULL)
        return RK_E_MALFORMED;
    *out_reason = "discovery.issuer"; /* byte for byte (RFC 8414 s.3.3) */
    if (!rki_str_equal(issuer, spec->issuer))
        return RK_E_STATE;
    err = check_origin(spec, uri, out_reason);
    if (err != RK_OK)
        return err;
    rki_buf_put(out, uri);
    *out_reason = out->overflow ? "discovery.size" : NULL;
    return out->overflow ? RK_E_TOO_LONG : RK_OK;
}

enum rk_err rkd_discovery_read(const struct rkd_keyset_spec *spec, struct rk_str json,
                               struct rki_buf *out, const char **out_reason)
{
    json_t *document = NULL;
    enum rk_err err = RK_E_TOO_LONG;

    *out_reason = "discovery.size";
    if (json.len <= RKD_JWKS_BYTES_MAX)
        err = rki_json_parse(json, 0, &document, NULL);
    if (err == RK_OK)
        err = read_document(spec, document, out, out_reason);
    else if (err != RK_E_TOO_LONG)
        *out_reason = "discovery.json";
    json_decref(document);
    return err;
}
