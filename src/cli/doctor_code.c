/*
 * doctor_code.c - the codes of doctor's findings: the one list of them.
 *
 * May touch: its arguments, stderr.
 */
#include "cli/doctor.h"

static const char *const names[RKD_CODES] = {
    [RKD_CODE_NO_KEY] = "no_key",
    [RKD_CODE_SHORT_SECRET] = "short_secret",
    [RKD_CODE_NO_URL] = "no_url",
    [RKD_CODE_BAD_URL] = "bad_url",
    [RKD_CODE_HTTP_SCHEME] = "http_scheme",
    [RKD_CODE_INSECURE_SCHEME] = "insecure_scheme",
    [RKD_CODE_ADDRESS] = "address",
    [RKD_CODE_OUT_OF_TIME] = "out_of_time",
    [RKD_CODE_NO_LIBCURL] = "no_libcurl",
    [RKD_CODE_DNS] = "dns",
    [RKD_CODE_DNS_TIMEOUT] = "dns_timeout",
    [RKD_CODE_REFUSED] = "refused",
    [RKD_CODE_UNREACHABLE] = "unreachable",
    [RKD_CODE_TIMEOUT] = "timeout",
    [RKD_CODE_SLOW] = "slow",
    [RKD_CODE_CERTIFICATE] = "certificate",
    [RKD_CODE_TLS] = "tls",
    [RKD_CODE_CLOSED] = "closed",
    [RKD_CODE_NO_HTTP] = "no_http",
    [RKD_CODE_TLS_ON_PLAIN] = "tls_on_plain",
    [RKD_CODE_PLAIN_ON_TLS] = "plain_on_tls",
    [RKD_CODE_REDIRECT] = "redirect",
    [RKD_CODE_BAD_GATEWAY] = "bad_gateway",
    [RKD_CODE_PATH] = "path",
    [RKD_CODE_NOT_LIVEKIT] = "not_livekit",
    [RKD_CODE_SIGN] = "sign",
    [RKD_CODE_REFUSED_TOKEN] = "refused_token",
    [RKD_CODE_UNKNOWN_KEY] = "unknown_key",
    [RKD_CODE_WRONG_SECRET] = "wrong_secret",
    [RKD_CODE_NO_ANSWER] = "no_answer",
    [RKD_CODE_CLOCK_AHEAD] = "clock_ahead",
    [RKD_CODE_CLOCK_BEHIND] = "clock_behind",
    [RKD_CODE_CLOCK_DRIFTS] = "clock_drifts",
    [RKD_CODE_AUTO_CREATE_OFF] = "auto_create_off",
    [RKD_CODE_NO_ROOM_API] = "no_room_api",
    [RKD_CODE_NO_PERMISSION] = "no_permission",
    [RKD_CODE_API_REFUSES_KEY] = "api_refuses_key",
    [RKD_CODE_NOT_LISTED] = "not_listed",
    [RKD_CODE_NO_WEBSOCKET] = "no_websocket",
    [RKD_CODE_NO_ROOM_TO_JOIN] = "no_room_to_join",
    [RKD_CODE_NO_VERSION] = "no_version",
    [RKD_CODE_TOO_OLD] = "too_old",
    [RKD_CODE_TWO_SERVERS] = "two_servers",
    [RKD_CODE_NO_WEBHOOK] = "no_webhook",
    [RKD_CODE_WEBHOOK_UNKNOWN_KEY] = "webhook_unknown_key",
    [RKD_CODE_WEBHOOK_WRONG_SECRET] = "webhook_wrong_secret",
    [RKD_CODE_WEBHOOK_BODY] = "webhook_body",
    [RKD_CODE_WEBHOOK_REFUSED] = "webhook_refused",
    [RKD_CODE_LEFT_ROOM] = "left_room",
    [RKD_CODE_SKIPPED] = "skipped",
    [RKD_CODE_NO_DATE] = "no_date",
    [RKD_CODE_SECRET] = "secret",
    [RKD_CODE_URL] = "url",
    [RKD_CODE_REACH] = "reach",
    [RKD_CODE_KEY] = "key",
    [RKD_CODE_CLOCK] = "clock",
    [RKD_CODE_AUTO_CREATE] = "auto_create",
    [RKD_CODE_ROOM_API] = "room_api",
    [RKD_CODE_VERSION] = "version",
    [RKD_CODE_WEBHOOK] = "webhook",
    [RKD_CODE_CLEANUP] = "cleanup",
};

const char *rkd_code_name(enum rkd_code code)
{
    return names[code];
}

/* Says which there are. */
static bool refuse(const struct rkd_doctor *doctor)
{
    char text[1024];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_lit(&buf, "expected a code that a finding can have:");
    for (size_t i = 0; i < RKD_CODES_BAD; i++) {
        rki_buf_char(&buf, ' ');
        rki_buf_put(&buf, rki_cstr(names[i]));
    }
    text[buf.len] = '\0';
    rkd_say_at(doctor->cli, "--accept", text);
    return false;
}

bool rkd_doctor_take_accepted(struct rkd_doctor *doctor)
{
    const char *value;
    size_t at = 0, code;

    while ((value = rkd_args_next(doctor->args, "accept", &at)) != NULL) {
        for (code = 0; code < RKD_CODES_BAD && strcmp(value, names[code]) != 0; code++)
            continue;
        if (code == RKD_CODES_BAD)
            return refuse(doctor);
        doctor->is_accepted[code] = true;
    }
    return true;
}
