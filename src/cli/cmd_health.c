/*
 * cmd_health.c - roomkey health: does the instance on this machine answer?
 *
 * May touch: the environment, the configuration file, one socket.
 */
#include "cli/http.h"
#include "config/number.h"
#include "core/json.h"

enum { TIMEOUT_MS = 2000 };

static const struct rkd_option options[] = {
    {"listen", "ADDRESS", "where it listens; else as `roomkey serve` would choose", false},
    {"config", "FILE", "the file it was started with, in place of ROOMKEY_CONFIG", false},
    {"ready", NULL, "ask whether it can mint tokens (/readyz), not only whether it lives", false},
    {.name = NULL},
};

/* What listens on every address is asked on loopback. */
static void to_loopback(struct rkd_listen *listen)
{
    static const uint8_t any_v4[16] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t any_v6[16] = {0};

    if (listen->addr.is_v4 && memcmp(listen->addr.bytes, any_v4, 16) == 0) {
        listen->addr.bytes[12] = 127;
        listen->addr.bytes[15] = 1;
    } else if (!listen->addr.is_v4 && memcmp(listen->addr.bytes, any_v6, 16) == 0) {
        listen->addr.bytes[15] = 1;
    }
}

/* What /readyz names. Whoever answers there need not be roomkey: only what looks like its words. */
static void put_reasons(struct rki_buf *out, struct rk_str body)
{
    static const char *const lists[] = {"missing", "failing"};
    const size_t start = out->len;
    json_t *said = NULL, *name;
    size_t at;

    if (rki_json_parse(body, 0, &said, NULL) != RK_OK)
        return;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        json_array_foreach(json_object_get(said, lists[i]), at, name)
        {
            const struct rk_str word = rki_json_str(name);

            if (word.len == 0 || !rkd_str_is_visible(word))
                continue;
            rki_buf_put(out, out->len == start ? RK_STR(": ") : RK_STR(", "));
            rki_buf_put(out, word);
        }
    }
    json_decref(said);
}

/* Why it is not well, for people and for the log of a container's probes. */
static void say_why(const struct rkd_cli *cli, const struct rkd_http_answer *answer, bool is_ready)
{
    char text[512];
    struct rki_buf line = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_lit(&line, "it answers, but it is not ready");
    put_reasons(&line, answer->body);
    text[line.len] = '\0';
    rkd_say(cli, answer->status == 0 ? "nothing answers there (--listen, --config or the "
                                       "environment says where, else 127.0.0.1:7071)"
                 : answer->status == 503 && is_ready ? text
                                                     : "what answers there is not well");
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const char *flag = rkd_args_get(args, "listen");
    const struct rkd_flags flags = {.listen = &flag,
                                    .listen_count = flag == NULL ? 0 : 1,
                                    .config = rkd_args_get(args, "config")};
    const bool is_ready = rkd_args_has(args, "ready");
    struct rkd_listen listen[RKD_LISTEN_MAX];
    struct rkd_raw_error error = {.text = ""};
    struct rkd_http_answer answer;
    char data[4096];
    size_t count = 0;

    if (rkd_listen_read(&cli->env, &flags, listen, &count, &error) != RK_OK) {
        rkd_say_error(cli, &error);
        return RKD_EXIT_USAGE;
    }
    if (listen[0].kind == RKD_LISTEN_INHERITED ||
        (listen[0].kind == RKD_LISTEN_TCP && listen[0].port == 0)) {
        rkd_say_at(cli, "--listen", "the address does not say which port the instance has");
        return RKD_EXIT_USAGE;
    }
    if (listen[0].kind == RKD_LISTEN_TCP)
        to_loopback(&listen[0]);
    if (rkd_http_get(&listen[0], is_ready ? "/readyz" : "/healthz", TIMEOUT_MS, data, sizeof(data),
                     &answer) == 200)
        return RKD_EXIT_OK;
    say_why(cli, &answer, is_ready);
    return RKD_EXIT_REFUSED;
}

const struct rkd_verb rkd_verb_health = {
    .name = "health",
    .summary = "Exit 0 when a running instance answers, for container health checks.",
    .options = options,
    .run = run,
};
