/*
 * doctor_reach.c - probes of the way to the server: the secret's length, the URL's scheme, and
 * whether a LiveKit server answers where the URL says.
 *
 * /rtc/validate without a token is the question: every LiveKit server of any age says 401 there.
 * May touch: what doctor_ask.c touches.
 */
#include "cli/doctor.h"
#include "config/number.h"
#include "core/key.h"
#include "serve/clock.h"

void rkd_probe_secret(struct rkd_doctor *doctor)
{
    const struct rk_keyring *keys = doctor->settings.keys;
    size_t shorts = 0;

    if (doctor->settings.active_key == NULL) {
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_KEY,
                       "there is no key to sign tokens with",
                       "set livekit.key_file, or LIVEKIT_API_KEY and LIVEKIT_API_SECRET");
        return;
    }
    for (size_t i = 0; i < rk_keyring_count(keys); i++) {
        const struct rk_key *key = rki_keyring_at(keys, i);
        struct rki_buf *out;

        if (!rk_key_is_short(key))
            continue;
        shorts++;
        out = rkd_doctor_find(doctor, RKD_FOUND_WARN, RKD_CODE_SHORT_SECRET,
                              "make a new pair (roomkey keys new --livekit) and rotate to it "
                              "(roomkey keys plan)");
        rki_buf_put(out, rk_key_name(key));
        rki_buf_lit(out, ": the secret has fewer than 32 bytes: who has a token can guess it, and "
                         "several SDKs refuse it");
    }
    if (shorts == 0)
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_SECRET,
                       "the configuration has its key, the secret is long enough", NULL);
}

static bool is_loopback(struct rk_str url)
{
    static const struct rk_str hosts[] = {RK_STR_INIT("/localhost"), RK_STR_INIT("/127."),
                                          RK_STR_INIT("/[::1]")};
    struct rk_str scheme, rest;

    rkd_str_cut(url, '/', &scheme, &rest); /* "ws:" and "/host" */
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (rki_str_starts_with(rest, hosts[i]))
            return true;
    return false;
}

void rkd_probe_url(struct rkd_doctor *doctor)
{
    const struct rk_str url = doctor->url;

    if (doctor->is_url_bad)
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_BAD_URL,
                       "livekit.url (LIVEKIT_URL), or livekit.api_url, is no URL of a LiveKit "
                       "server: roomkey serve refuses it",
                       "write wss://host, or ws://host:7880 where there is no TLS, with neither "
                       "user, query nor fragment");
    else if (url.ptr == NULL)
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_URL, "there is no livekit.url",
                       "set livekit.url (LIVEKIT_URL), or give --url");
    else if (rki_str_starts_with(url, RK_STR("http")))
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_HTTP_SCHEME,
                       "the URL begins with http: roomkey hands it to clients as it is, and not "
                       "every LiveKit SDK turns it into the ws it needs",
                       "write ws:// in place of http://, wss:// in place of https://");
    else if (rki_str_starts_with(url, RK_STR("ws://")) && !is_loopback(url))
        rkd_doctor_say(doctor, RKD_FOUND_WARN, RKD_CODE_INSECURE_SCHEME,
                       "the URL is ws://: browsers refuse it on pages that came by https, and "
                       "whoever is on the way can read and use the tokens",
                       "put TLS in front of the server and write wss://");
    else
        rkd_doctor_say(doctor, RKD_FOUND_OK, RKD_CODE_URL, "the scheme is one that clients can use",
                       NULL);
}

/* ---- is it there? ---- */

static const struct rkd_answer *ask_at(struct rkd_doctor *doctor, struct rk_str base)
{
    const struct rkd_question question = {.base = base, .path = "/rtc/validate"};

    return rkd_doctor_ask(doctor, "the LiveKit server", &question);
}

/* The host's root of a base: "http://host:1". */
static struct rk_str root_of(struct rk_str base)
{
    size_t slashes = 0;

    for (size_t i = 0; i < base.len; i++) {
        slashes += base.ptr[i] == '/';
        if (slashes == 3)
            return rki_str(base.ptr, i);
    }
    return base;
}

/* Asks at the same place by the other of http and https. */
static const struct rkd_answer *ask_other(struct rkd_doctor *doctor, struct rk_str base)
{
    char text[RKD_BASE_MAX + 8];
    struct rki_buf other = rki_buf_over(text, sizeof(text));
    const bool is_tls = rki_str_starts_with(base, RK_STR("https"));
    const size_t cut = is_tls ? 5 : 4;

    rki_buf_put(&other, is_tls ? RK_STR("http") : RK_STR("https"));
    rki_buf_put(&other, rki_str(base.ptr + cut, base.len - cut));
    return ask_at(doctor, rki_buf_str(&other));
}

/* Does a port that was asked in plain HTTP speak TLS? A certificate nobody trusts is an answer. */
static bool is_tls_there(struct rkd_doctor *doctor, struct rk_str base)
{
    const struct rkd_answer *answer = ask_other(doctor, base);

    return answer->status != 0 || answer->cause == RKD_CAUSE_CERTIFICATE;
}

static void say_plain_on_tls(struct rkd_doctor *doctor)
{
    rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_PLAIN_ON_TLS,
                   "this port speaks TLS, and the URL says that it does not",
                   "write wss:// in place of ws:// (https:// in place of http://)");
}

static void say_silent(struct rkd_doctor *doctor, struct rk_str base)
{
    const struct rkd_answer *answer = doctor->answer;
    enum rkd_code code;
    const char *todo, *text = rkd_doctor_cause(answer, &code, &todo);
    const bool is_https = rki_str_starts_with(base, RK_STR("https"));
    /* somebody may listen, but speak something else, or wait for it */
    const bool is_other = answer->cause == RKD_CAUSE_HANDSHAKE ||
                          (is_https && answer->cause == RKD_CAUSE_SLOW_CONNECT) ||
                          answer->cause == RKD_CAUSE_CLOSED ||
                          (answer->cause == RKD_CAUSE_OTHER && code == RKD_CODE_NO_HTTP);
    struct rki_buf *out;

    if (is_other && is_https && ask_other(doctor, base)->status != 0) {
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_TLS_ON_PLAIN,
                       "this port speaks plain HTTP, and the URL says TLS",
                       "write ws:// in place of wss:// (http:// in place of https://), or put a "
                       "proxy with TLS in front");
    } else if (is_other && !is_https && is_tls_there(doctor, base)) {
        say_plain_on_tls(doctor);
    } else {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, code, todo);
        rki_buf_put(out, root_of(base));
        rki_buf_lit(out, ": ");
        rki_buf_put(out, rki_cstr(text));
    }
}

/* Something answers, but not as a LiveKit server: looks where it might be instead. */
static void say_elsewhere(struct rkd_doctor *doctor, struct rk_str base, unsigned status)
{
    static const char *const prefixes[] = {"", "/livekit"};
    struct rki_buf *out;

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        char text[RKD_BASE_MAX + 16];
        struct rki_buf candidate = rki_buf_over(text, sizeof(text));

        rki_buf_put(&candidate, root_of(base));
        rki_buf_put(&candidate, rki_cstr(prefixes[i]));
        if (rki_str_equal(rki_buf_str(&candidate), base) ||
            ask_at(doctor, rki_buf_str(&candidate))->status != 401)
            continue;
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_PATH,
                              "mend the path of the URL; clients put /rtc behind it");
        rki_buf_lit(out, "no LiveKit server at this path, but there is one at ");
        rki_buf_put(out, rki_buf_str(&candidate));
        return;
    }
    out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_NOT_LIVEKIT,
                          "mend host, port or path of the URL: behind a proxy the path must be the "
                          "one it forwards to the server; clients put /rtc behind it");
    rki_buf_lit(out, "what answers there (status ");
    rki_buf_int(out, status);
    rki_buf_lit(out, ") is no LiveKit server");
}

static void say_status(struct rkd_doctor *doctor, struct rk_str base, unsigned status)
{
    const bool is_https = rki_str_starts_with(base, RK_STR("https"));
    struct rki_buf *out;

    if (status == 400 && !is_https && is_tls_there(doctor, base)) {
        say_plain_on_tls(doctor);
    } else if (status >= 300 && status < 400) {
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_REDIRECT,
                       "it sends us elsewhere (a redirect), which LiveKit clients do not follow",
                       is_https ? "put the address it leads to into the URL"
                                : "write wss:// if it leads to https, else the address it leads "
                                  "to");
    } else if (status >= 502 && status <= 504) {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_BAD_GATEWAY,
                              "start the LiveKit server, or mend where the proxy looks for it");
        rki_buf_lit(out, "a proxy answers ");
        rki_buf_int(out, status);
        rki_buf_lit(out, ": it does not reach the LiveKit server behind it");
    } else {
        say_elsewhere(doctor, base, status);
    }
}

void rkd_probe_reach(struct rkd_doctor *doctor)
{
    const struct rk_str base = rki_cstr(doctor->base);
    const struct rkd_answer *answer = ask_at(doctor, base);
    struct rki_buf *out;

    if (answer->status == 0) {
        say_silent(doctor, base);
    } else if (answer->status != 401) {
        say_status(doctor, base, answer->status);
    } else {
        doctor->is_reached = true;
        doctor->has_date = answer->date_s >= 0;
        doctor->offset_s = rkd_clock_wall_ms() / 1000 - answer->date_s;
        out = rkd_doctor_find(doctor, RKD_FOUND_OK, RKD_CODE_REACH, NULL);
        rki_buf_lit(out, "a LiveKit server answers at ");
        rki_buf_put(out, base);
    }
}
