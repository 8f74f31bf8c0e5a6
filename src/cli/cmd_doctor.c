/*
 * cmd_doctor.c - roomkey doctor: asks the LiveKit server of the configuration, and says what is
 * wrong between the two and what to do about it.
 *
 * The probes are a table, in the order in which one explains the next; each says what it needs of
 * those before. May touch: the environment, the configuration's files, the network; it makes one
 * room on the server and deletes it.
 */
#include "cli/doctor.h"
#include "config/number.h"
#include "serve/clock.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 30000, TIMEOUT_MIN_MS = 1000, TIMEOUT_MAX_MS = 600000 };

static const struct rkd_option options[] = {
    {"config", "FILE", "roomkey.yaml, in place of ROOMKEY_CONFIG", false},
    {"url", "URL", "look at this server, in place of livekit.url and api_url", false},
    {"webhook", "ADDRESS", "listen there for a webhook of the server: 0.0.0.0:7072", false},
    {"ca-file", "FILE", "trust these certificate authorities, in place of the system's", false},
    {"timeout", "TIME", "for all of it, 1s to 10m; 30s when absent", false},
    {"accept", "CODE", "a finding that is meant so: a warning, no failure", true},
    {"json", NULL, "as JSON: ok, url, api_url, findings", false},
    {.name = NULL},
};

enum need { NEEDS_URL = 1, NEEDS_SERVER = 2, NEEDS_KEY = 4, NEEDS_GOOD_KEY = 8, NEEDS_EVENT = 16 };

static const struct {
    const char *name;
    unsigned needs;
    void (*run)(struct rkd_doctor *doctor);
} probes[] = {
    {"secret", 0, rkd_probe_secret},
    {"url", 0, rkd_probe_url},
    {"reach", NEEDS_URL, rkd_probe_reach},
    {"key", NEEDS_SERVER | NEEDS_KEY, rkd_probe_key},
    {"clock", NEEDS_SERVER, rkd_probe_clock},
    {"auto_create", NEEDS_SERVER | NEEDS_KEY | NEEDS_GOOD_KEY, rkd_probe_auto_create},
    {"room_api", NEEDS_SERVER | NEEDS_KEY | NEEDS_GOOD_KEY, rkd_probe_room_api},
    {"version", NEEDS_SERVER | NEEDS_KEY | NEEDS_GOOD_KEY, rkd_probe_version},
    {"webhook", NEEDS_EVENT, rkd_probe_webhook},
    {"cleanup", 0, rkd_probe_cleanup},
};

/* What a probe lacks; NULL when it may run. */
static const char *lacks(const struct rkd_doctor *doctor, unsigned needs)
{
    if ((needs & NEEDS_URL) != 0 && doctor->url.ptr == NULL)
        return "there is no URL to ask";
    if ((needs & NEEDS_SERVER) != 0 && !doctor->is_reached)
        return "no LiveKit server was reached";
    if ((needs & NEEDS_KEY) != 0 && doctor->settings.active_key == NULL)
        return "there is no key";
    if ((needs & NEEDS_GOOD_KEY) != 0 && !doctor->is_key_good)
        return "the server does not accept the key";
    if ((needs & NEEDS_EVENT) != 0 && doctor->post != NULL && !doctor->has_room &&
        !doctor->has_joined)
        return "no room could be made, so there is nothing to be told of";
    return NULL;
}

static void run_probes(struct rkd_doctor *doctor)
{
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        const char *why = lacks(doctor, probes[i].needs);

        doctor->probe = probes[i].name;
        if (why == NULL)
            probes[i].run(doctor);
        else
            rkd_doctor_say(doctor, RKD_FOUND_SKIP, RKD_CODE_SKIPPED, why, NULL);
    }
}

/* ---- setting up ---- */

static void on_slow(void *ctx)
{
    const struct rkd_doctor *doctor = ctx;

    rkd_say_at(doctor->cli, "still waiting for", doctor->waiting_for);
}

/* wss://host/path/ -> https://host/path, NUL-terminated. False: it is too long. */
static bool make_base(struct rk_str url, char out[static RKD_BASE_MAX])
{
    struct rki_buf buf = rki_buf_over(out, RKD_BASE_MAX - 1);

    if (rki_str_starts_with(url, RK_STR("ws"))) {
        rki_buf_lit(&buf, "http");
        url = rki_str(url.ptr + 2, url.len - 2);
    }
    rki_buf_put(&buf, url);
    while (buf.len != 0 && buf.ptr[buf.len - 1] == '/')
        buf.len--;
    out[buf.len] = '\0';
    return !buf.overflow;
}

static int usage(const struct rkd_doctor *doctor, const char *where, const char *text)
{
    rkd_say_at(doctor->cli, where, text);
    return RKD_EXIT_USAGE;
}

static int choose_urls(struct rkd_doctor *doctor)
{
    const char *flag = rkd_args_get(doctor->args, "url");

    doctor->url = flag != NULL ? rki_cstr(flag) : doctor->settings.livekit_url;
    doctor->api_url = flag != NULL ? doctor->url : doctor->settings.livekit_api_url;
    if (flag != NULL && !rkd_url_is_valid(doctor->url))
        return usage(doctor, "--url",
                     "expected a ws://, wss://, http:// or https:// URL with a host");
    if (doctor->url.ptr == NULL)
        return RKD_EXIT_OK;
    doctor->is_url_bad = !rkd_url_is_valid(doctor->url) || !rkd_url_is_valid(doctor->api_url);
    if (doctor->is_url_bad) { /* the probe says so */
        doctor->url = doctor->api_url = rki_str(NULL, 0);
        return RKD_EXIT_OK;
    }
    if (!make_base(doctor->url, doctor->base) || !make_base(doctor->api_url, doctor->api_base))
        return usage(doctor, flag != NULL ? "--url" : "livekit.url",
                     "expected a URL of at most 1,000 characters");
    doctor->api_url = rki_cstr(doctor->api_base);
    return RKD_EXIT_OK;
}

static int read_options(struct rkd_doctor *doctor)
{
    const char *value = rkd_args_get(doctor->args, "timeout");
    uint64_t ms = TIMEOUT_MS;

    if (value != NULL &&
        (!rkd_time_parse(rki_cstr(value), TIMEOUT_MAX_MS, &ms) || ms < TIMEOUT_MIN_MS))
        return usage(doctor, "--timeout", "expected a time from 1s to 10m");
    if (!rkd_doctor_take_accepted(doctor))
        return RKD_EXIT_USAGE;
    doctor->deadline_ns = rkd_clock_mono_ns() + ms * 1000000;
    doctor->ca_file = rki_cstr(rkd_args_get(doctor->args, "ca-file"));
    return choose_urls(doctor);
}

static bool set_up(struct rkd_doctor *doctor)
{
    static const struct rk_str alphabet = RK_STR_INIT("abcdefghijklmnopqrstuvwxyz234567");
    static const struct rk_str prefix = RK_STR_INIT("roomkey-doctor-");

    memcpy(doctor->room, prefix.ptr, prefix.len);
    doctor->findings = calloc(RKD_FINDINGS_MAX, sizeof(*doctor->findings));
    doctor->answer = calloc(1, sizeof(*doctor->answer));
    return doctor->findings != NULL && doctor->answer != NULL &&
           rkd_random_text(doctor->room + prefix.len, sizeof(doctor->room) - prefix.len,
                           alphabet) &&
           rkd_loop_new(&doctor->loop) == RK_OK &&
           rkd_fetcher_new(doctor->loop, &doctor->fetcher) == RK_OK &&
           rkd_timer_new(doctor->loop, on_slow, doctor, &doctor->patience) == RK_OK;
}

static void tear_down(struct rkd_doctor *doctor)
{
    rkd_webhook_close(doctor);
    rkd_timer_free(doctor->patience);
    rkd_fetcher_free(doctor->fetcher);
    if (doctor->post == NULL) /* else its thread still runs, and tells the loop */
        rkd_loop_free(doctor->loop);
    free(doctor->findings);
    free(doctor->answer);
    rkd_settings_clear(&doctor->settings);
}

static int look(struct rkd_doctor *doctor)
{
    const char *address = rkd_args_get(doctor->args, "webhook");
    int code = read_options(doctor);

    if (code != RKD_EXIT_OK)
        return code;
    if (!set_up(doctor)) {
        rkd_say(doctor->cli, "out of memory, or of random bytes");
        return RKD_EXIT_REFUSED;
    }
    if (address != NULL)
        code = rkd_webhook_open(doctor, address);
    if (code != RKD_EXIT_OK)
        return code;
    run_probes(doctor);
    return rkd_doctor_report(doctor, rkd_args_has(doctor->args, "json"));
}

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct rkd_flags flags = {.config = rkd_args_get(args, "config"), .is_for_looking = true};
    struct rkd_doctor doctor = {.cli = cli, .args = args};
    int code = rkd_cli_settings(cli, &cli->env, &flags, &doctor.settings);

    if (code != RKD_EXIT_OK)
        return code;
    code = look(&doctor);
    tear_down(&doctor);
    return code;
}

const struct rkd_verb rkd_verb_doctor = {
    .name = "doctor",
    .summary = "Probe the LiveKit server: URL, key, clock, rooms, version, webhooks.",
    .options = options,
    .notes =
        "Makes one room on the server and deletes it. Of several servers behind one name it sees\n"
        "one: give --url for each. Says no secret and no token. Exit codes: 0 nothing failed,\n"
        "1 something did, 2 the options or the configuration are wrong.\n",
    .lists_variables = true,
    .run = run,
};
