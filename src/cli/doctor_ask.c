/*
 * doctor_ask.c - asks a LiveKit server one thing at a time, with tokens of its own making.
 *
 * May touch: the network through net's fetches, the clock, stderr for who waits.
 */
#include "cli/doctor.h"
#include "serve/clock.h"

#include <roomkey/token.h>

enum { ASK_MS = 5000, CONNECT_MS = 4000, URL_MAX = RKD_BASE_MAX + 128, HEAD_MAX = 4096 };

enum { PATIENCE_MS = 2000 }; /* then stderr says what is waited for */

enum { OFFSET_MAX_S = 24 * 3600 }; /* of two clocks */

uint64_t rkd_doctor_left_ms(const struct rkd_doctor *doctor, uint64_t ms)
{
    const uint64_t now_ns = rkd_clock_mono_ns();
    const uint64_t left_ms =
        now_ns < doctor->deadline_ns ? (doctor->deadline_ns - now_ns) / 1000000 : 0;

    return left_ms < ms ? left_ms : ms;
}

/* ---- asking ---- */

static void on_answer(void *ctx, const struct rkd_fetch_result *result)
{
    struct rkd_doctor *doctor = ctx;
    struct rkd_answer *answer = doctor->answer;

    answer->status = result->status;
    answer->error = result->error;
    answer->cause = result->cause;
    answer->date_s = result->date_s;
    answer->len = result->body.len < sizeof(answer->body) ? result->body.len : 0;
    if (answer->len != 0)
        memcpy(answer->body, result->body.ptr, answer->len);
    rkd_loop_stop(doctor->loop);
}

static bool has_first_message(void *ctx, struct rk_str body)
{
    struct rkd_join join;

    (void)ctx;
    return rkd_join_read(body, &join) != 0;
}

/* A WebSocket's head by hand: libcurl need not speak it, the first message is all we want. */
static size_t upgrade_headers(struct rk_str *out)
{
    out[0] = RK_STR("Connection: Upgrade");
    out[1] = RK_STR("Upgrade: websocket");
    out[2] = RK_STR("Sec-WebSocket-Version: 13");
    out[3] = RK_STR("Sec-WebSocket-Key: cm9vbWtleSBkb2N0b3IgIA=="); /* any 16 bytes */
    return 4;
}

/* Runs the loop until somebody stops it. */
static void run_loop(struct rkd_doctor *doctor, const char *what)
{
    doctor->waiting_for = what;
    rkd_timer_start(doctor->patience, PATIENCE_MS);
    rkd_loop_run(doctor->loop);
    rkd_timer_stop(doctor->patience);
}

const struct rkd_answer *rkd_doctor_ask(struct rkd_doctor *doctor, const char *what,
                                        const struct rkd_question *question)
{
    char url[URL_MAX], bearer[HEAD_MAX];
    struct rki_buf url_buf = rki_buf_over(url, sizeof(url));
    struct rki_buf bearer_buf = rki_buf_over(bearer, sizeof(bearer));
    struct rk_str headers[5];
    struct rkd_fetch_request request = {.allow_http = true,
                                        .ca_file = doctor->ca_file,
                                        .body = question->body,
                                        .headers = headers,
                                        .connect_ms = CONNECT_MS,
                                        .total_ms = (uint32_t)rkd_doctor_left_ms(doctor, ASK_MS),
                                        .max_bytes = RKD_ANSWER_MAX - 1};
    struct rkd_fetch *fetch = NULL;

    *doctor->answer = (struct rkd_answer){.error = "curl", .date_s = -1};
    rki_buf_put(&url_buf, question->base);
    rki_buf_put(&url_buf, rki_cstr(question->path));
    request.url = rki_buf_str(&url_buf);
    if (question->is_upgrade) {
        request.header_count = upgrade_headers(headers);
        request.is_enough = has_first_message;
    }
    if (question->token.ptr != NULL) {
        rki_buf_lit(&bearer_buf, "Authorization: Bearer ");
        rki_buf_put(&bearer_buf, question->token);
        headers[request.header_count++] = rki_buf_str(&bearer_buf);
    }
    if (request.total_ms == 0) /* --timeout is used up */
        doctor->answer->error = "time";
    else if (rkd_fetch_start(doctor->fetcher, &request, on_answer, doctor, &fetch) == RK_OK)
        run_loop(doctor, what);
    rk_wipe(bearer, sizeof(bearer));
    return doctor->answer;
}

static void stop(void *ctx)
{
    rkd_loop_stop(ctx);
}

void rkd_doctor_wait(struct rkd_doctor *doctor, const char *what, uint64_t ms)
{
    struct rkd_timer *end = NULL;

    if (rkd_timer_new(doctor->loop, stop, doctor->loop, &end) != RK_OK)
        return;
    rkd_timer_start(end, ms);
    run_loop(doctor, what);
    rkd_timer_free(end);
}

bool rkd_answer_has(const struct rkd_answer *answer, const char *part)
{
    return memmem(answer->body, answer->len, part, strlen(part)) != NULL;
}

const char *rkd_doctor_cause(const struct rkd_answer *answer, enum rkd_code *out_code,
                             const char **out_todo)
{
    static const struct {
        const char *error; /* of our own making; NULL: the cause says it */
        enum rkd_fetch_cause cause;
        enum rkd_code code;
        const char *text, *todo;
    } rows[] = {
        {"address", 0, RKD_CODE_ADDRESS, "the host's address is one that is never connected to",
         "roomkey connects to no link-local, metadata or unspecified address"},
        {"time", 0, RKD_CODE_OUT_OF_TIME, "the time of --timeout is used up",
         "give a longer --timeout"},
        {"curl", 0, RKD_CODE_NO_LIBCURL, "there is no libcurl on this machine, or no memory for it",
         "install libcurl (libcurl.so.4)"},
        {NULL, RKD_CAUSE_LOOKUP, RKD_CODE_DNS, "nobody knows the host's name",
         "mend the host of the URL, or the name server's entry"},
        {NULL, RKD_CAUSE_REFUSED, RKD_CODE_REFUSED, "nobody listens on this port",
         "start the server, or mend the port (7880 when none was chosen); it may listen on another "
         "address only"},
        {NULL, RKD_CAUSE_UNREACHABLE, RKD_CODE_UNREACHABLE, "there is no way to this address",
         "look at routes and firewalls between here and the server"},
        {NULL, RKD_CAUSE_SLOW_LOOKUP, RKD_CODE_DNS_TIMEOUT, "the name server does not answer",
         "look at /etc/resolv.conf of this machine"},
        {NULL, RKD_CAUSE_SLOW_CONNECT, RKD_CODE_TIMEOUT, "no connection in time",
         "a firewall drops what is sent there, or the address is wrong"},
        {NULL, RKD_CAUSE_SLOW_ANSWER, RKD_CODE_SLOW, "connected, but no answer in time",
         "the server hangs or has too much to do: look at its log"},
        {NULL, RKD_CAUSE_CERTIFICATE, RKD_CODE_CERTIFICATE,
         "its certificate is not good for this name, or not signed by anybody trusted here",
         "mend the certificate or the host of the URL; for a certificate authority of your own "
         "give --ca-file"},
        {NULL, RKD_CAUSE_HANDSHAKE, RKD_CODE_TLS, "it does not agree on TLS with us",
         "it needs TLS 1.2 or later"},
        {NULL, RKD_CAUSE_CLOSED, RKD_CODE_CLOSED, "it closes the connection without an answer",
         "see which service has this port"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].error != NULL ? strcmp(answer->error, rows[i].error) == 0
                                  : answer->cause == rows[i].cause) {
            *out_code = rows[i].code;
            *out_todo = rows[i].todo;
            return rows[i].text;
        }
    }
    *out_code = RKD_CODE_NO_HTTP;
    *out_todo = "see which service has this port";
    return "what answers there does not speak HTTP as a LiveKit server does";
}

/* ---- tokens ---- */

/* A day at most: whoever answers could else have tokens made for a time of its choosing. */
int64_t rkd_doctor_server_now(const struct rkd_doctor *doctor)
{
    const int64_t offset_s = doctor->has_date ? doctor->offset_s : 0;
    const bool is_believed = offset_s >= -OFFSET_MAX_S && offset_s <= OFFSET_MAX_S;

    return rkd_clock_wall_ms() / 1000 - (is_believed ? offset_s : 0);
}

static enum rk_err set_claims(struct rk_claims *claims, struct rk_str room, enum rkd_pass pass,
                              int64_t ttl_s)
{
    static const enum rk_grant grants[] = {
        [RKD_PASS_JOIN] = RK_GRANT_ROOM_JOIN,
        [RKD_PASS_CREATE] = RK_GRANT_ROOM_CREATE,
        [RKD_PASS_LIST] = RK_GRANT_ROOM_LIST,
    };
    /* a participant who sends and hears nothing */
    static const enum rk_grant denied[] = {RK_GRANT_CAN_PUBLISH, RK_GRANT_CAN_SUBSCRIBE,
                                           RK_GRANT_CAN_PUBLISH_DATA};
    enum rk_err err = rk_claims_set_grant(claims, grants[pass], true);

    if (err == RK_OK)
        err = rk_claims_set_ttl(claims, ttl_s);
    if (err == RK_OK)
        err = rk_claims_set_identity(claims, RK_STR("roomkey-doctor"));
    if (err != RK_OK || pass != RKD_PASS_JOIN)
        return err;
    err = rk_claims_set_room(claims, room);
    for (size_t i = 0; i < ARRAY_LEN(denied) && err == RK_OK; i++)
        err = rk_claims_set_grant(claims, denied[i], false);
    return err;
}

bool rkd_doctor_sign(struct rkd_doctor *doctor, const struct rk_key *key, enum rkd_pass pass,
                     int64_t now_s, int64_t ttl_s, char *out, size_t cap, struct rk_str *out_token)
{
    struct rk_claims *claims = NULL;
    size_t len = 0;
    enum rk_err err = rk_claims_new(&claims);

    if (err == RK_OK)
        err = set_claims(claims, rki_str(doctor->room, sizeof(doctor->room)), pass, ttl_s);
    if (err == RK_OK)
        err = rk_token_sign(key, claims, now_s, out, cap, &len);
    rk_claims_free(claims);
    if (err != RK_OK)
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_SIGN, rk_err_text(err), NULL);
    *out_token = rki_str(out, len);
    return err == RK_OK;
}
