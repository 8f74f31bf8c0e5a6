/*
 * environment.c - the table of variables, and how what they hold becomes the values a file has.
 *
 * May touch: the environment it is given.
 */
#include "config/read.h"
#include "config/secret.h"

struct row {
    struct rkd_variable about;
    rkd_read_fn *read; /* NULL: read elsewhere (keyring.c, listen.c, entra.c), or not at all */
    size_t field;      /* of struct rkd_settings */
    enum rkd_shape shape;
};

/* clang-format off */
static const struct row rows[] = {
    {{"LIVEKIT_URL", RKD_VARIABLE_SETTING, "LiveKit server for clients: wss://media.example.org"}, rkd_read_url, offsetof(struct rkd_settings, livekit_url), RKD_SHAPE_TEXT},
    {{"LIVEKIT_API_KEY", RKD_VARIABLE_SECRET, "name of the key that signs"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"LIVEKIT_API_SECRET", RKD_VARIABLE_SECRET, "its secret, best 32 bytes or more"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"LIVEKIT_KEYS", RKD_VARIABLE_SECRET, "in place of the two: LiveKit's YAML map \"key: secret\""}, NULL, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_CONFIG", RKD_VARIABLE_SETTING, "the configuration file, roomkey.yaml(5)"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_LISTEN", RKD_VARIABLE_SETTING, "addresses: 127.0.0.1:7071,[::1]:7071,unix:/run/roomkey/sock"}, rkd_read_listen, 0, RKD_SHAPE_LIST},
    {{"ROOMKEY_WORKERS", RKD_VARIABLE_SETTING, "threads: auto (one a core, at most 4) or 1 to 64"}, rkd_read_workers, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_ANONYMOUS", RKD_VARIABLE_SETTING, "callers without a credential: refuse, allow or rules"}, rkd_read_anonymous, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_CONTRACTS", RKD_VARIABLE_SETTING, "some of original,standard,sandbox (the default),meet,create-token"}, rkd_read_contracts, 0, RKD_SHAPE_LIST},
    {{"ROOMKEY_ENDPOINT_PATHS", RKD_VARIABLE_SETTING, "more paths for the standard contract: /token,/livekit"}, rkd_read_paths, 0, RKD_SHAPE_LIST},
    {{"ROOMKEY_SUCCESS_STATUS", RKD_VARIABLE_SETTING, "200 (the default) or 201, standard contract only"}, rkd_read_status, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_CORS_ORIGINS", RKD_VARIABLE_SETTING, "https://app.example.org,https://*.preview.example.org"}, rkd_read_origins, 0, RKD_SHAPE_LIST},
    {{"ROOMKEY_CORS_CREDENTIALS", RKD_VARIABLE_SETTING, "true: pages may send cookies too; false is the default"}, rkd_read_credentials, 0, RKD_SHAPE_TEXT},
    {{"ROOMKEY_TRUSTED_PROXIES", RKD_VARIABLE_SETTING, "10.0.0.0/8,2001:db8::/32[;header=forwarded]"}, rkd_read_proxies, 0, RKD_SHAPE_PROXIES},
    {{"ROOMKEY_LIMITS", RKD_VARIABLE_SETTING, "per_address=300/m burst 60,body=64k,head_time=5s"}, rkd_read_limits, 0, RKD_SHAPE_PAIRS},
    {{"ROOMKEY_LOG_LEVEL", RKD_VARIABLE_SETTING, "error, warn, info (the default) or debug"}, rkd_read_log_level, 0, RKD_SHAPE_TEXT},
    {{"ENTRA_CLIENT_ID", RKD_VARIABLE_SETTING, "callers are those of Entra ID: the audience of their tokens"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"ENTRA_AUTHORITY", RKD_VARIABLE_SETTING, "their issuer: https://login.microsoftonline.com/TENANT"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"ENTRA_TENANT_ID", RKD_VARIABLE_SETTING, "their tenant"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"ENTRA_JWKS_URL", RKD_VARIABLE_SETTING, "their keys, when not at AUTHORITY/discovery/v2.0/keys"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"WEBSITE_AUTH_ENABLED", RKD_VARIABLE_HOST, "set by Azure where it authenticates: easy_auth callers are on"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"LISTEN_FDS", RKD_VARIABLE_HOST, "systemd's sockets, with LISTEN_PID"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"NOTIFY_SOCKET", RKD_VARIABLE_HOST, "where systemd is told: ready, reloading, stopping"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"WATCHDOG_USEC", RKD_VARIABLE_HOST, "how often systemd wants a sign of life, with WATCHDOG_PID"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"CREDENTIALS_DIRECTORY", RKD_VARIABLE_HOST, "systemd's: livekit_api_key, livekit_api_secret, livekit_keys"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"FUNCTIONS_CUSTOMHANDLER_PORT", RKD_VARIABLE_HOST, "Azure Functions' port on 127.0.0.1; logs go to stdout"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"AWS_LWA_PORT", RKD_VARIABLE_HOST, "the Lambda Web Adapter's port on 127.0.0.1"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"AWS_LAMBDA_RUNTIME_API", RKD_VARIABLE_HOST, "set by AWS Lambda: fetches events there, unless AWS_LWA_PORT is set"}, NULL, 0, RKD_SHAPE_TEXT},
    {{"PORT", RKD_VARIABLE_HOST, "a port on 0.0.0.0, as Cloud Run sets it"}, NULL, 0, RKD_SHAPE_TEXT},
};
/* clang-format on */

const struct rkd_variable *rkd_variable_at(size_t index)
{
    return index < ARRAY_LEN(rows) ? &rows[index].about : NULL;
}

/* ---- shapes ---- */

static struct rkd_value text_value(const char *name, struct rk_str text, size_t entry)
{
    return (struct rkd_value){
        .kind = RKD_VALUE_STRING, .at = {.file = name, .column = (unsigned)entry}, .text = text};
}

static size_t entries(struct rk_str text, char separator)
{
    struct rk_str entry;
    size_t count = 0;

    while (rkd_list_next(&text, separator, &entry))
        count++;
    return count;
}

static enum rk_err list_value(struct rkd_read *read, const char *name, struct rk_str text,
                              struct rkd_value *out)
{
    struct rk_str entry;

    *out = (struct rkd_value){
        .kind = RKD_VALUE_LIST, .at = {.file = name}, .count = entries(text, ',')};
    out->items = rkd_store_take(read->store, out->count, sizeof(*out->items));
    if (out->items == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; rkd_list_next(&text, ',', &entry); i++)
        out->items[i] = text_value(name, entry, i + 1);
    return RK_OK;
}

/* "a=1,b=2": what stands twice is seen here, as the tree sees it in a file. */
static enum rk_err pairs_value(struct rkd_read *read, const char *name, struct rk_str text,
                               struct rkd_value *out)
{
    const struct rkd_pos whole = {.file = name};
    struct rk_str entry;

    *out = (struct rkd_value){.kind = RKD_VALUE_MAP, .at = whole, .count = entries(text, ',')};
    out->members = rkd_store_take(read->store, out->count, sizeof(*out->members));
    if (out->members == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; rkd_list_next(&text, ',', &entry); i++) {
        struct rkd_value_member *member = &out->members[i];
        struct rk_str value;

        member->at = (struct rkd_pos){.file = name, .column = (unsigned)i + 1};
        rkd_str_cut(entry, '=', &member->key, &value);
        if (value.ptr == NULL)
            return rkd_read_fail_at(read, member->at, rki_str(NULL, 0),
                                    "expected name=value, as in body=64k");
        member->value = text_value(name, value, 0);
        for (size_t other = 0; other < i; other++)
            if (rki_str_equal(out->members[other].key, member->key))
                return rkd_read_fail_at(read, whole, member->key, "stands here twice");
    }
    return RK_OK;
}

/* "CIDR,CIDR;header=forwarded" */
static enum rk_err proxies_value(struct rkd_read *read, const char *name, struct rk_str text,
                                 struct rkd_value *out)
{
    static const struct rk_str prefix = RK_STR_INIT("header=");
    struct rk_str list, option;

    rkd_str_cut(text, ';', &list, &option);
    *out = (struct rkd_value){
        .kind = RKD_VALUE_MAP, .at = {.file = name}, .count = option.ptr == NULL ? 1 : 2};
    out->members = rkd_store_take(read->store, out->count, sizeof(*out->members));
    if (out->members == NULL)
        return rkd_read_nomem(read);
    if (option.ptr != NULL) {
        if (!rki_str_starts_with(option, prefix))
            return rkd_read_fail_at(read, out->at, rki_str(NULL, 0),
                                    "expected header=forwarded or header=x-forwarded-for behind "
                                    "the semicolon");
        option = rki_str(option.ptr + prefix.len, option.len - prefix.len);
        out->members[1].key = RK_STR("header");
        out->members[1].value = text_value(name, option, 0);
    }
    out->members[0].key = RK_STR("from");
    return list_value(read, name, list, &out->members[0].value);
}

enum rk_err rkd_shape_value(struct rkd_read *read, enum rkd_shape shape, const char *name,
                            struct rk_str text, struct rkd_value *out)
{
    if (rkd_store_dup(read->store, text, &text) != RK_OK)
        return rkd_read_nomem(read);
    switch (shape) {
    case RKD_SHAPE_LIST:
        return list_value(read, name, text, out);
    case RKD_SHAPE_PAIRS:
        return pairs_value(read, name, text, out);
    case RKD_SHAPE_PROXIES:
        return proxies_value(read, name, text, out);
    case RKD_SHAPE_TEXT:
        break;
    }
    *out = text_value(name, text, 0);
    return RK_OK;
}

/* Missing where the service can do without (secrets: secret.c), else refused: of a limit or a login
 * provider that is not there nobody would learn. *out_skips: it is missing. */
static enum rk_err check_reference(struct rkd_read *read, const struct row *row, struct rk_str text,
                                   bool *out_skips)
{
    *out_skips =
        text.ptr == NULL || (rkd_is_unresolved(text) &&
                             (row->read == rkd_read_url || row->about.kind == RKD_VARIABLE_SECRET));
    if (*out_skips && text.ptr != NULL && row->read == rkd_read_url)
        rkd_read_warn(read,
                      "LIVEKIT_URL holds a reference that the platform did not resolve: it is "
                      "treated as missing");
    if (*out_skips || !rkd_is_unresolved(text))
        return RK_OK;
    return rkd_read_fail_at(read, (struct rkd_pos){.file = row->about.name}, rki_str(NULL, 0),
                            "holds a reference that the platform did not resolve; expected its "
                            "value");
}

enum rk_err rkd_environment_read(struct rkd_read *read)
{
    enum rk_err err = RK_OK;

    for (size_t i = 0; i < ARRAY_LEN(rows) && err == RK_OK; i++) {
        const struct rk_str text = rkd_env_get(read->env, rows[i].about.name);
        struct rkd_value value;
        bool skips;

        read->key = rki_str(NULL, 0);
        err = check_reference(read, &rows[i], text, &skips);
        if (err != RK_OK || skips || rows[i].read == NULL)
            continue;
        err = rkd_shape_value(read, rows[i].shape, rows[i].about.name, text, &value);
        if (err == RK_OK)
            err = rows[i].read(read, &value, (char *)read->out + rows[i].field);
    }
    read->key = rki_str(NULL, 0);
    return err;
}
