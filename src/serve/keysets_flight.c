/*
 * keysets_flight.c - one flight: the discovery document if there must be one, then the keys.
 *
 * May touch: its entry, the fetcher, auth's readers. What came of it goes to rkd_keysets_landed.
 */
#include "serve/keysets_impl.h"

enum { CONNECT_MS = 2000 };

static void on_discovery(void *ctx, const struct rkd_fetch_result *result);
static void on_keys(void *ctx, const struct rkd_fetch_result *result);

static void crash(struct rkd_keysets_entry *entry, const char *error)
{
    rkd_keysets_landed(entry, &(struct rkd_keysets_landing){.error = error, .max_age_s = -1});
}

static bool is_http(struct rk_str url)
{
    return rki_str_starts_with_nocase(url, RK_STR("http://"));
}

/* False: it did not begin, and *out_error says why. */
static bool fetch(struct rkd_keysets_entry *entry, struct rk_str url, rkd_fetch_fn *fn,
                  const char **out_error)
{
    const uint32_t total_ms =
        entry->spec.timeout_ms > INT32_MAX ? INT32_MAX : (uint32_t)entry->spec.timeout_ms;
    const struct rkd_fetch_request request = {
        .url = url,
        .allow_http = is_http(url), /* which the next line has looked at */
        .ca_file = entry->spec.ca_file,
        .connect_ms = total_ms < CONNECT_MS ? total_ms : CONNECT_MS,
        .total_ms = total_ms,
        .max_bytes = RKD_KEYSETS_DOCUMENT_MAX,
    };
    enum rk_err err;

    if (!rkd_keyset_url_is_allowed(&entry->spec, url)) {
        *out_error = "url";
        return false;
    }
    err = rkd_fetch_start(entry->keysets->fetcher, &request, fn, entry, &entry->fetch);
    if (err == RK_OK)
        return true;
    entry->fetch = NULL;
    *out_error = err == RK_E_INVAL ? "url" : err == RK_E_STATE ? "no-libcurl" : "memory";
    return false;
}

void rkd_keysets_take_off(struct rkd_keysets_entry *entry, bool is_asked_for)
{
    const bool is_known = entry->spec.jwks_uri.ptr != NULL;
    const bool is_found = is_asked_for && entry->found_len != 0;
    const char *error = NULL;
    bool flies;

    entry->took_off_ms = rkd_keysets_now(entry->keysets);
    entry->is_asked_for = is_asked_for;
    entry->attempts++;
    if (is_known)
        flies = fetch(entry, entry->spec.jwks_uri, on_keys, &error);
    else if (is_found)
        flies = fetch(entry, rki_str(entry->found, entry->found_len), on_keys, &error);
    else
        flies = fetch(entry, entry->spec.discovery_url, on_discovery, &error);
    if (!flies)
        crash(entry, error);
}

/* NULL: there is a document to read. */
static const char *fetch_error(const struct rkd_fetch_result *result)
{
    if (result->status == 0)
        return result->error;
    return result->status == 200 ? NULL : "status";
}

static void on_discovery(void *ctx, const struct rkd_fetch_result *result)
{
    struct rkd_keysets_entry *entry = ctx;
    struct rki_buf found = rki_buf_over(entry->found, sizeof(entry->found));
    const char *error = fetch_error(result), *reason = NULL;

    entry->fetch = NULL;
    entry->found_len = 0;
    if (error == NULL && rkd_discovery_read(&entry->spec, result->body, &found, &reason) != RK_OK)
        error = reason != NULL ? reason : "discovery";
    if (error == NULL && !found.overflow) {
        entry->found_len = found.len;
        if (fetch(entry, rki_buf_str(&found), on_keys, &error))
            return;
    }
    crash(entry, error != NULL ? error : "url");
}

static const char *parse_error(enum rk_err err, const struct rkd_keyset_report *report)
{
    if (report->reason != NULL)
        return report->reason;
    if (err == RK_E_NOMEM)
        return "memory";
    if (err == RK_E_TOO_LONG)
        return "too-large";
    return err == RK_E_STATE ? "no-usable-key" : "malformed";
}

static void on_keys(void *ctx, const struct rkd_fetch_result *result)
{
    struct rkd_keysets_entry *entry = ctx;
    struct rkd_keysets_landing landing = {.error = fetch_error(result),
                                          .max_age_s = result->max_age_s};

    entry->fetch = NULL;
    if (landing.error == NULL) {
        enum rk_err err = rkd_keyset_parse(result->body, &landing.keyset, &landing.report);

        if (err != RK_OK) {
            landing.keyset = NULL;
            landing.error = parse_error(err, &landing.report);
        }
    }
    rkd_keysets_landed(entry, &landing);
}
