/*
 * fuzz_discovery.c - discovery documents and addresses: what comes out may be fetched and has an
 * origin somebody named.
 */
#include "auth/auth.h"
#include "auth/url.h"
#include "fuzz.h"

static bool has_named_origin(const struct rkd_url *url)
{
    const struct rk_str named[] = {RK_STR("login.example.org"), RK_STR("keys.example.net"),
                                   RK_STR("idp.local")};

    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (rki_str_equal_nocase(url->host, named[i]))
            return url->is_https ? url->port == 443 && i != 2 : url->port == 8080 && i == 2;
    return false;
}

static void check_url(struct rk_str text)
{
    struct rkd_url url;

    if (!rkd_url_read(text, &url))
        return;
    FUZZ_CHECK(url.host.len != 0 && url.port != 0);
    FUZZ_CHECK(memchr(text.ptr, '#', text.len) == NULL && memchr(text.ptr, '\\', text.len) == NULL);
    FUZZ_CHECK(memchr(url.host.ptr, '@', url.host.len) == NULL);
    FUZZ_CHECK(url.rest.len == 0 || *url.rest.ptr == '/' || *url.rest.ptr == '?');
    FUZZ_CHECK(rkd_url_is_same_origin(&url, &url));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rkd_raw_text hosts[] = {{.text = RK_STR("https://keys.example.net")},
                                   {.text = RK_STR("http://idp.local:8080")}};
    struct rkd_raw_text http[] = {{.text = RK_STR("idp.local")}};
    const struct rkd_raw_list host_list = {.items = hosts, .count = 2};
    const struct rkd_raw_list http_list = {.items = http, .count = 1};
    const struct rkd_keyset_spec spec = {.issuer = RK_STR("https://login.example.org/"),
                                         .jwks_hosts = &host_list,
                                         .allow_http = &http_list};
    char room[RKD_URL_MAX];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));
    const char *reason = NULL;
    const enum rk_err err = rkd_discovery_read(&spec, fuzz_str(data, size), &buf, &reason);
    struct rkd_url url;

    check_url(fuzz_str(data, size));
    FUZZ_CHECK((err == RK_OK) == (reason == NULL) && (err == RK_OK) == (buf.len != 0));
    if (err == RK_OK) {
        FUZZ_CHECK(rkd_keyset_url_is_allowed(&spec, rki_buf_str(&buf)));
        FUZZ_CHECK(rkd_url_read(rki_buf_str(&buf), &url) && has_named_origin(&url));
        fuzz_reach();
    }
    return 0;
}
