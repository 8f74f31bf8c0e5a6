/*
 * whole.c - what only the whole configuration shows: values that exclude each other, nobody to
 * serve, and what deserves a warning.
 *
 * May touch: its arguments.
 */
#include "config/read.h"

static enum rk_err fail(struct rkd_read *read, struct rkd_pos at, struct rk_str key,
                        const char *text)
{
    return rkd_error_set(read->error, RK_E_STATE, at,
                         at.line == 0 && at.file != NULL ? rki_str(NULL, 0) : key, text);
}

/* Where `anonymous` was said, or where it is missing. */
static struct rkd_pos anonymous_at(const struct rkd_read *read)
{
    if (read->marks.anonymous.file != NULL)
        return read->marks.anonymous;
    return read->marks.top.file != NULL ? read->marks.top
                                        : (struct rkd_pos){.file = "ROOMKEY_ANONYMOUS"};
}

static enum rk_err fail_nobody(struct rkd_read *read)
{
    if (read->marks.top.file == NULL)
        return fail(read, (struct rkd_pos){.file = "ROOMKEY_ANONYMOUS"}, rki_str(NULL, 0),
                    "nobody could be served: ROOMKEY_ANONYMOUS=allow or --anonymous allow serves "
                    "callers without a credential; ENTRA_CLIENT_ID and ENTRA_AUTHORITY, or callers "
                    "and rules in roomkey.yaml (--config), those with one");
    return fail(read, anonymous_at(read), RK_STR("anonymous"),
                "nobody could be served: add callers and rules, or the line `anonymous: allow` "
                "(everybody, as ROOMKEY_ANONYMOUS=allow), or `anonymous: rules` with rules");
}

/* D5, and who is left. */
static enum rk_err check_callers(struct rkd_read *read)
{
    const struct rkd_settings *out = read->out;
    const struct rkd_raw *raw = &out->raw;
    const bool is_entra = raw->caller_count != 0 && raw->callers[0].kind == RKD_RAW_CALLER_ENTRA;
    const struct rkd_pos missing_at =
        read->marks.top.file != NULL ? read->marks.top : anonymous_at(read);

    if (out->anonymous == RKD_ANONYMOUS_ALLOW && (raw->rule_count != 0 || raw->caller_count != 0))
        return fail(read, anonymous_at(read), RK_STR("anonymous"),
                    "expected refuse or rules: allow is for a service without callers and rules");
    if (raw->caller_count != 0 && raw->rule_count == 0 && !is_entra)
        return fail(read, missing_at, RK_STR("rules"),
                    "this key is missing: callers without rules may have nothing");
    if (out->anonymous == RKD_ANONYMOUS_RULES && raw->rule_count == 0)
        return fail(read, missing_at, RK_STR("rules"),
                    "this key is missing: `anonymous: rules` needs rules for the caller anonymous");
    if (raw->caller_count == 0 && out->anonymous != RKD_ANONYMOUS_ALLOW &&
        out->anonymous != RKD_ANONYMOUS_RULES && !read->flags->is_for_looking)
        return fail_nobody(read);
    return RK_OK;
}

static enum rk_err check_cors(struct rkd_read *read)
{
    const struct rkd_settings *out = read->out;

    for (size_t i = 0; i < out->origin_count && out->cors_credentials; i++)
        if (out->origins[i].any)
            return fail(read, read->marks.credentials, RK_STR("credentials"),
                        "expected false: with the origin * every page could use a visitor's "
                        "credentials");
    return RK_OK;
}

/* ---- warnings ---- */

static bool is_public(const struct rkd_listen *listen)
{
    return listen->kind == RKD_LISTEN_TCP && !rkd_listen_is_loopback(listen);
}

static bool takes_bearer(const struct rkd_raw *raw)
{
    for (size_t i = 0; i < raw->caller_count; i++)
        if (raw->callers[i].kind != RKD_RAW_CALLER_EASY_AUTH)
            return true;
    return false;
}

static void warn_listen(struct rkd_read *read)
{
    const struct rkd_settings *out = read->out;

    if (out->has_admin_listen && is_public(&out->admin_listen))
        rkd_read_warn(read, "admin_listen is reachable from other machines, and asks nobody for a "
                            "credential");
    if (!takes_bearer(&out->raw) || out->trusted_count != 0)
        return;
    for (size_t i = 0; i < out->listen_count; i++) {
        if (is_public(&out->listen[i])) {
            rkd_read_warn_at(read, out->raw.callers_at, "callers",
                             "callers send their credentials to an address that other machines "
                             "reach, and there are no trusted_proxies: roomkey speaks no TLS, a "
                             "proxy in front of it must");
            return;
        }
    }
}

static void warn_easy_auth(struct rkd_read *read)
{
    const struct rkd_raw *raw = &read->out->raw;

    for (size_t i = 0; i < raw->caller_count && !raw->is_easy_auth_on; i++)
        if (raw->callers[i].kind == RKD_RAW_CALLER_EASY_AUTH)
            rkd_read_warn_at(read, raw->callers[i].kind_at, "easy_auth",
                             "this caller is off: WEBSITE_AUTH_ENABLED does not say that the "
                             "platform authenticates");
}

enum rk_err rkd_whole_check(struct rkd_read *read)
{
    const struct rkd_settings *out = read->out;
    enum rk_err err;

    if (out->endpoint_path_count != 0 && (out->contracts & RKD_CONTRACT_STANDARD) == 0)
        return fail(read, read->marks.endpoint_paths, RK_STR("endpoint_paths"),
                    "these paths speak the standard contract, which contracts leaves out");
    err = check_cors(read);
    if (err == RK_OK)
        err = check_callers(read);
    if (err != RK_OK)
        return err;
    if (out->livekit_url.ptr == NULL && (out->contracts & ~(unsigned)RKD_CONTRACT_ORIGINAL) != 0)
        rkd_read_warn(read, "LIVEKIT_URL is missing: only the original contract can answer until "
                            "it is set");
    if (out->under_functions && out->origin_count != 0)
        rkd_read_warn(read,
                      "CORS is on here and may be in front of here as well: the Functions host "
                      "answers for the origins it was given, so give them to one of the two");
    rkd_proxies_warn(read);
    warn_listen(read);
    warn_easy_auth(read);
    return RK_OK;
}
