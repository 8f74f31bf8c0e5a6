/*
 * cmd_dev.c - roomkey dev: the service on loopback with LiveKit's development key, and lines to
 * paste.
 *
 * Every line it prints that does not begin with # can be pasted into a shell, a program or a
 * browser's address bar as it is. May touch: the environment, stdout, one socket to see whether a
 * livekit-server is there.
 */
#include "cli/http.h"
#include "config/number.h"
#include "serve/serve.h"

#include <roomkey/token.h>

enum { PROBE_MS = 300, LINK_TTL_S = 3600 };

static const struct rkd_option options[] = {
    {"listen", "ADDRESS", "loopback only; 127.0.0.1:7071 when absent", true},
    {.name = NULL},
};

struct dev {
    struct rkd_cli *cli;
    const struct rkd_settings *settings;
    bool is_said; /* for the first address; more of them say nothing new */
};

/* ---- is there a livekit-server? ---- */

/* ws://localhost:7880 -> the port; false when the URL leads to another machine, which is nobody's
 * to probe. */
static bool local_port(struct rk_str url, uint16_t *out_port)
{
    static const struct {
        struct rk_str prefix;
        uint64_t port;
    } prefixes[] = {
        {RK_STR_INIT("ws://localhost"), 80},
        {RK_STR_INIT("http://localhost"), 80},
        {RK_STR_INIT("ws://127.0.0.1"), 80},
        {RK_STR_INIT("http://127.0.0.1"), 80},
    };

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct rk_str rest, port, path;
        uint64_t number = prefixes[i].port;

        if (!rki_str_starts_with(url, prefixes[i].prefix))
            continue;
        rest = rki_str(url.ptr + prefixes[i].prefix.len, url.len - prefixes[i].prefix.len);
        rkd_str_cut(rest, '/', &port, &path);
        if (port.len != 0 &&
            (port.ptr[0] != ':' ||
             !rkd_number_parse(rki_str(port.ptr + 1, port.len - 1), 65535, &number)))
            return false; /* ws://localhost.example.org */
        *out_port = (uint16_t)number;
        return true;
    }
    return false;
}

static bool answers(uint16_t port)
{
    char start[RKD_HTTP_STATUS_LEN];
    struct rkd_http_answer answer;
    struct rkd_listen v4 = {
        .addr = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .is_v4 = true},
        .port = port};
    struct rkd_listen v6 = {.addr = {.bytes = {[15] = 1}}, .port = port};

    return rkd_http_get(&v4, "/", PROBE_MS, start, sizeof(start), &answer) != 0 ||
           rkd_http_get(&v6, "/", PROBE_MS, start, sizeof(start), &answer) != 0;
}

/* ---- lines to paste ---- */

static void put_curl(struct rki_buf *out, const struct rkd_settings *settings, const char *address)
{
    const bool is_standard = (settings->contracts & RKD_CONTRACT_STANDARD) != 0;

    if (!is_standard && (settings->contracts & RKD_CONTRACT_ORIGINAL) == 0)
        return;
    /* quoted: zsh takes the brackets of an IPv6 address for a pattern */
    rki_buf_lit(out, "\n# a token:\ncurl -sS 'http://");
    rki_buf_put(out, rki_cstr(address));
    rki_buf_put(out, is_standard
                         ? RK_STR("/v1/token' -H 'Content-Type: application/json' "
                                  "-d '{\"room_name\":\"demo\",\"participant_identity\":\"me\"}'\n")
                         : RK_STR("/api/token' -H 'Content-Type: application/json' "
                                  "-d '{\"roomName\":\"demo\",\"participantIdentity\":\"me\"}'\n"));
    if (!is_standard)
        return;
    rki_buf_lit(out, "\n# in a front end, with livekit-client:\n"
                     "const tokenSource = TokenSource.endpoint(\"http://");
    rki_buf_put(out, rki_cstr(address));
    rki_buf_lit(out, "/v1/token\");\n");
}

static enum rk_err sign_guest(const struct dev *dev, struct rk_claims *claims, char *out,
                              size_t cap, size_t *out_len)
{
    static const struct rk_str alphabet = RK_STR_INIT("abcdefghijklmnopqrstuvwxyz234567");
    static const enum rk_grant grants[] = {RK_GRANT_ROOM_JOIN, RK_GRANT_CAN_PUBLISH,
                                           RK_GRANT_CAN_SUBSCRIBE, RK_GRANT_CAN_PUBLISH_DATA};
    char identity[6 + 8] = "guest-";
    enum rk_err err = rkd_random_text(identity + 6, 8, alphabet) ? RK_OK : RK_E_CRYPTO;

    if (err == RK_OK)
        err = rk_claims_set_identity(claims, rki_str(identity, sizeof(identity)));
    if (err == RK_OK)
        err = rk_claims_set_room(claims, RK_STR("demo"));
    if (err == RK_OK)
        err = rk_claims_set_ttl(claims, LINK_TTL_S);
    for (size_t i = 0; i < ARRAY_LEN(grants) && err == RK_OK; i++)
        err = rk_claims_set_grant(claims, grants[i], true);
    return err == RK_OK
               ? rkd_cli_sign(dev->cli, dev->settings->active_key, claims, out, cap, out_len)
               : err;
}

static void put_link(struct rki_buf *out, const struct dev *dev)
{
    struct rk_claims *claims = NULL;
    char token[4096];
    size_t len = 0;
    enum rk_err err = rk_claims_new(&claims);

    if (err == RK_OK)
        err = sign_guest(dev, claims, token, sizeof(token), &len);
    rk_claims_free(claims);
    if (err != RK_OK) {
        rkd_say_at(dev->cli, "no join link", rk_err_text(err));
        return;
    }
    rki_buf_lit(out,
                "\n# join the room \"demo\" in a browser; the link is one guest's, for an hour:\n"
                "https://meet.livekit.io/custom?liveKitUrl=");
    rkd_put_percent(out, dev->settings->livekit_url);
    rki_buf_lit(out, "&token=");
    rkd_put_percent(out, rki_str(token, len));
    rki_buf_lit(out, "\n");
}

static void put_server(struct rki_buf *out, const struct rkd_settings *settings)
{
    uint16_t port = 0;

    if (!local_port(settings->livekit_url, &port) || answers(port))
        return;
    rki_buf_lit(out, "\n# nothing answers on ");
    rki_buf_put(out, settings->livekit_url);
    rki_buf_lit(out, "; start a LiveKit server, in roomkey's source tree\n./dev livekit\n"
                     "# or with one that is installed\nlivekit-server --dev\n");
}

static void on_listening(void *ctx, const struct rkd_settings *settings, const char *address)
{
    struct dev *dev = ctx;
    struct rki_buf *out = &dev->cli->out;

    if (dev->is_said)
        return;
    dev->is_said = true;
    dev->settings = settings;
    rki_buf_lit(out, "# roomkey dev on http://");
    rki_buf_put(out, rki_cstr(address));
    rki_buf_lit(out, " with the key ");
    rki_buf_put(out, rk_key_name(dev->settings->active_key));
    rki_buf_lit(out, ": everybody on this machine gets tokens, never use it in production\n");
    put_curl(out, dev->settings, address);
    put_link(out, dev);
    put_server(out, dev->settings);
    rki_buf_lit(out, "\n");
    (void)rkd_flush(dev->cli); /* says so itself; the service goes on */
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *listen[RKD_GIVEN_MAX];
    const struct rkd_flags flags = {
        .listen = listen, .listen_count = rkd_cli_listen(args, listen), .dev = true};
    struct rkd_settings settings;
    struct dev dev = {.cli = cli};
    const struct rkd_serve_hooks hooks = {.on_listening = on_listening, .ctx = &dev};
    const int code = rkd_cli_settings(cli, &cli->env, &flags, &settings);

    return code == RKD_EXIT_OK ? rkd_serve_run(&settings, &hooks) : code;
}

const struct rkd_verb rkd_verb_dev = {
    .name = "dev",
    .summary = "Run the service on loopback with LiveKit's devkey, and say how to try it.",
    .options = options,
    .notes =
        "For development only: callers need no credential, any loopback origin may ask, and\n"
        "without LIVEKIT_API_KEY and LIVEKIT_API_SECRET tokens are signed with the public pair\n"
        "devkey and secret, for ws://localhost:7880 unless LIVEKIT_URL says otherwise.\n"
        "Callers and rules are for `roomkey serve`: ROOMKEY_CONFIG is not read.\n",
    .lists_variables = true,
    .run = run,
};
