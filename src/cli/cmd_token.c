/*
 * cmd_token.c - roomkey token: one token, signed with the key of the environment.
 *
 * May touch: the environment, the key's files, the file of --room-config, randomness.
 */
#include "cli/cli.h"
#include "config/number.h"
#include "core/b64.h"
#include "core/time.h"
#include "core/utf8.h"
#include "policy/policy.h"
#include "serve/grant.h"

#include <roomkey/token.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { ID_BYTES = 16, ID_LEN = 22, TTL_DEFAULT_S = 600 };

static const struct rkd_option options[] = {
    {"room", "ROOM", "the room; needed to join", false},
    {"identity", "IDENTITY", "who joins; unique in the room", false},
    {"name", "NAME", "what others see", false},
    {"grant", "NAME=VALUE", "roomAdmin=true, canPublishSources=camera, ...", true},
    {"ttl", "TIME", "lifetime: 90s, 10m (the default), 6h, 7d", false},
    {"metadata", "TEXT", "the participant's metadata", false},
    {"attribute", "KEY=VALUE", "one of the participant's attributes", true},
    {"room-config", "JSON", "the room's configuration, or @FILE that holds it", false},
    {"url", "URL", "said with --json; LIVEKIT_URL when absent", false},
    {"json", NULL, "with url, room, identity, name and expires_at as JSON", false},
    {"profile", "NAME", "in place of --grant: speaker, audio-only, listener, moderator, agent",
     false},
    {.name = NULL},
};

enum rk_err rkd_cli_sign(const struct rkd_cli *cli, const struct rk_key *key,
                         struct rk_claims *claims, char *out, size_t cap, size_t *out_len)
{
    char random[ID_BYTES], id[ID_LEN];
    enum rk_err err;

    if (!rkd_random_bytes(random, sizeof(random)))
        return RK_E_CRYPTO;
    (void)rki_b64url_encode_raw(id, random, sizeof(random));
    err = RK_OK;
    if (rk_claims_identity(claims).ptr != NULL) /* LiveKit takes an id alone for the identity */
        err = rk_claims_set_id(claims, rki_str(id, sizeof(id)));
    return err == RK_OK ? rk_token_sign(key, claims, cli->now_s, out, cap, out_len) : err;
}

/* ---- options into claims ---- */

struct asking {
    struct rkd_cli *cli;
    const struct rkd_args *args;
    struct rk_claims *claims;
};

static bool fail(const struct asking *asking, const char *where, const char *text)
{
    rkd_say_at(asking->cli, where, text);
    return false;
}

/* A text of the claims from an option of the same name. D20 is what the service asks of names too.
 */
static bool set_name(const struct asking *asking, const char *option, const char *where,
                     enum rk_err (*set)(struct rk_claims *claims, struct rk_str name))
{
    const char *value = rkd_args_get(asking->args, option);

    if (value == NULL)
        return true;
    if (rki_name_check(rki_cstr(value)) != RK_OK || set(asking->claims, rki_cstr(value)) != RK_OK)
        return fail(asking, where,
                    "expected 1 to 256 bytes of UTF-8 in NFC, no control or bidi characters, no "
                    "blanks at the ends");
    return true;
}

static bool set_metadata(const struct asking *asking)
{
    const char *value = rkd_args_get(asking->args, "metadata");

    if (value == NULL || rk_claims_set_metadata(asking->claims, rki_cstr(value)) == RK_OK)
        return true;
    return fail(asking, "--metadata", "expected UTF-8 of at most 48 KiB");
}

static bool set_attributes(const struct asking *asking)
{
    const char *value;
    size_t at = 0;

    while ((value = rkd_args_next(asking->args, "attribute", &at)) != NULL) {
        struct rk_str key, text;

        rkd_str_cut(rki_cstr(value), '=', &key, &text);
        if (text.ptr == NULL || rki_name_check(key) != RK_OK)
            return fail(asking, "--attribute", "expected KEY=VALUE");
        if (rk_claims_set_attribute(asking->claims, key, text) != RK_OK)
            return fail(asking, "--attribute", "expected UTF-8, at most 128 attributes of 48 KiB");
    }
    return true;
}

static bool set_ttl(const struct asking *asking)
{
    const char *value = rkd_args_get(asking->args, "ttl");
    uint64_t ms = (uint64_t)TTL_DEFAULT_S * 1000;

    if (value != NULL &&
        (!rkd_time_parse(rki_cstr(value), (uint64_t)RK_TTL_MAX_S * 1000, &ms) || ms % 1000 != 0))
        return fail(asking, "--ttl",
                    "expected whole seconds like 90s, 10m, 6h or 7d, at most 365d");
    return rk_claims_set_ttl(asking->claims, (int64_t)(ms / 1000)) == RK_OK ||
           fail(asking, "--ttl", "expected a lifetime from 1s to 365d");
}

static bool set_grants(const struct asking *asking)
{
    static const enum rk_grant usual[] = {RK_GRANT_CAN_PUBLISH, RK_GRANT_CAN_SUBSCRIBE,
                                          RK_GRANT_CAN_PUBLISH_DATA};
    struct rk_claims *claims = asking->claims;
    struct rk_diag diag = {0};
    const char *value;
    size_t at = 0;
    bool is_set = rk_claims_set_grant(claims, RK_GRANT_ROOM_JOIN, true) == RK_OK;

    while (is_set && (value = rkd_args_next(asking->args, "grant", &at)) != NULL) {
        struct rk_str name, text;

        rkd_str_cut(rki_cstr(value), '=', &name, &text);
        if (text.ptr == NULL)
            return fail(asking, "--grant", "expected NAME=VALUE");
        if (rk_claims_set_grant_text(claims, name, text, &diag) != RK_OK)
            return fail(asking, "--grant",
                        diag.text[0] == '\0' ? "expected a LiveKit grant and its value"
                                             : diag.text);
    }
    /* absent grants mean true to LiveKit: say so, and only to those who join */
    for (size_t i = 0; i < ARRAY_LEN(usual) && is_set; i++)
        if (rk_claims_grant(claims, RK_GRANT_ROOM_JOIN) == RK_TRUE &&
            rk_claims_grant(claims, usual[i]) == RK_ABSENT)
            is_set = rk_claims_set_grant(claims, usual[i], true) == RK_OK;
    return is_set || fail(asking, "--grant", "out of memory");
}

static bool set_profile(const struct asking *asking)
{
    const char *value = rkd_args_get(asking->args, "profile");
    struct rkd_decision profile = {.ttl_s = 0};

    if (value == NULL)
        return set_grants(asking);
    if (rkd_args_get(asking->args, "grant") != NULL)
        return fail(asking, "--profile", "expected no --grant beside it");
    if (!rkd_profile_built_in(rki_cstr(value), &profile))
        return fail(asking, "--profile",
                    "expected speaker, audio-only, listener, moderator or agent; what a profile of "
                    "roomkey.yaml gives is shown by roomkey explain");
    return rkd_decision_set_grants(&profile, asking->claims) == RK_OK ||
           fail(asking, "--profile", "out of memory");
}

static bool read_file(const struct asking *asking, const char *path, char **out, size_t *out_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum rk_err err = RK_E_IO;

    if (fd >= 0) {
        err = rkd_read_all(fd, out, out_len);
        (void)close(fd);
    }
    return err == RK_OK || fail(asking, "--room-config", "the file cannot be read");
}

static bool set_room_config(const struct asking *asking)
{
    const char *value = rkd_args_get(asking->args, "room-config");
    struct rk_str json = rki_cstr(value);
    struct rk_diag diag = {0};
    char *owned = NULL;
    enum rk_err err;

    if (value == NULL)
        return true;
    if (value[0] == '@') {
        if (!read_file(asking, value + 1, &owned, &json.len))
            return false;
        json.ptr = owned;
    }
    err = rk_claims_set_room_config(asking->claims, json, &diag);
    free(owned);
    if (err == RK_OK)
        return true;
    return fail(asking, strcmp(diag.field, "roomConfig") == 0 ? "--room-config" : diag.field,
                diag.text);
}

static bool set_all(const struct asking *asking)
{
    struct rk_diag diag = {0};

    if (!set_name(asking, "room", "--room", rk_claims_set_room) ||
        !set_name(asking, "identity", "--identity", rk_claims_set_identity) ||
        !set_name(asking, "name", "--name", rk_claims_set_name) || !set_metadata(asking) ||
        !set_attributes(asking) || !set_ttl(asking) || !set_profile(asking) ||
        !set_room_config(asking))
        return false;
    if (rk_claims_grant(asking->claims, RK_GRANT_ROOM_JOIN) == RK_TRUE &&
        rk_claims_room(asking->claims).ptr == NULL)
        return fail(asking, "--room", "expected the room to join");
    if (rk_claims_grant(asking->claims, RK_GRANT_ROOM_JOIN) == RK_TRUE &&
        rk_claims_identity(asking->claims).ptr == NULL)
        return fail(asking, "--identity", "expected who joins");
    return rk_claims_check(asking->claims, &diag) == RK_OK || fail(asking, diag.field, diag.text);
}

/* ---- the token and what is said with it ---- */

static void put_member(struct rki_buf *out, struct rk_str name, struct rk_str value)
{
    if (value.ptr == NULL)
        return;
    rki_buf_lit(out, ",\"");
    rki_buf_put(out, name);
    rki_buf_lit(out, "\":");
    rki_buf_json(out, value);
}

static void put_json(struct rkd_cli *cli, const struct rk_claims *claims, struct rk_str token,
                     struct rk_str url)
{
    struct rki_buf *out = &cli->out;

    rki_buf_lit(out, "{\"token\":");
    rki_buf_json(out, token);
    put_member(out, RK_STR("url"), url);
    put_member(out, RK_STR("room"), rk_claims_room(claims));
    put_member(out, RK_STR("identity"), rk_claims_identity(claims));
    put_member(out, RK_STR("name"), rk_claims_name(claims));
    rki_buf_lit(out, ",\"expires_at\":\"");
    rki_buf_iso_ms(out, (cli->now_s + rk_claims_ttl(claims)) * 1000);
    rki_buf_lit(out, "\"}\n");
}

static int sign(struct rkd_cli *cli, const struct rkd_args *args, struct rk_claims *claims,
                const struct rk_key *key)
{
    const char *flag = rkd_args_get(args, "url");
    const struct rk_str url = flag != NULL ? rki_cstr(flag) : rkd_env_get(&cli->env, "LIVEKIT_URL");
    char token[RK_TOKEN_MAX];
    size_t len = 0;
    enum rk_err err;

    if (url.ptr != NULL && !rkd_url_is_valid(url)) {
        rkd_say_at(cli, flag != NULL ? "--url" : "LIVEKIT_URL",
                   "expected a ws://, wss://, http:// or https:// URL with a host");
        return RKD_EXIT_USAGE;
    }
    err = rkd_cli_sign(cli, key, claims, token, sizeof(token), &len);
    if (err != RK_OK) {
        rkd_say(cli, rk_err_text(err));
        return RKD_EXIT_REFUSED;
    }
    if (rkd_args_has(args, "json")) {
        put_json(cli, claims, rki_str(token, len), url);
    } else {
        rki_buf_put(&cli->out, rki_str(token, len));
        rki_buf_lit(&cli->out, "\n");
    }
    return RKD_EXIT_OK;
}

static int sign_with_keys(struct rkd_cli *cli, const struct rkd_args *args,
                          struct rk_claims *claims)
{
    struct rkd_keys keys;
    int code = RKD_EXIT_USAGE;

    if (!rkd_cli_keys(cli, &keys))
        return RKD_EXIT_USAGE;
    for (size_t i = 0; i < keys.warning_count; i++)
        rkd_say(cli, keys.warnings[i]);
    if (keys.active != NULL)
        code = sign(cli, args, claims, keys.active);
    else if (keys.ring != NULL)
        rkd_say_at(cli, "LIVEKIT_KEYS", "expected one key: which of several should sign?");
    rkd_keys_clear(&keys);
    return code;
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    struct asking asking = {.cli = cli, .args = args};
    int code = RKD_EXIT_USAGE;

    if (rk_claims_new(&asking.claims) != RK_OK) {
        rkd_say(cli, "out of memory");
        return RKD_EXIT_REFUSED;
    }
    if (set_all(&asking))
        code = sign_with_keys(cli, args, asking.claims);
    rk_claims_free(asking.claims);
    return code;
}

const struct rkd_verb rkd_verb_token = {
    .name = "token",
    .summary = "Mint one token with LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or their _FILE).",
    .options = options,
    .notes =
        "Without --grant: roomJoin, canPublish, canSubscribe and canPublishData. Names of grants\n"
        "are LiveKit's own, --grant sip.admin=true among them. A token for the server's API\n"
        "alone: --grant roomJoin=false --grant roomList=true.\n",
    .run = run,
};
