/*
 * doctor_webhook.c - the probe of webhooks: listens where the operator pointed the server's
 * webhook.urls, and says who signed what comes.
 *
 * The listener is net's own, on a thread of its own; it keeps the first body that names the room of
 * this run, which nobody else knows, as it came. May touch: one listening socket, a thread.
 */
#include "cli/doctor.h"
#include "config/number.h"
#include "core/b64.h"
#include "core/json.h"
#include "serve/thread.h"

#include <roomkey/webhook.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { HEADER_MAX = 8192, BODY_MAX = 64 * 1024, WAIT_MS = 10000, STOP_MS = 1000 };

struct rkd_post {
    struct rkd_loop *loop; /* told when there is one */
    struct rk_str room;
    struct rkd_worker *worker;
    pthread_t thread;
    bool is_running;
    atomic_bool is_here;
    size_t header_len, body_len; /* written before is_here, read after */
    char header[HEADER_MAX], body[BODY_MAX];
};

/* ---- the listener's side, on its thread ---- */

static enum rkd_head_verdict on_head(void *ctx, struct rkd_exchange *x)
{
    (void)ctx;
    return rkd_exchange_request(x)->content_length <= BODY_MAX ? RKD_HEAD_READ : RKD_HEAD_DROP;
}

static void answer(struct rkd_exchange *x)
{
    struct rki_buf *out = rkd_exchange_out(x);

    rkd_exchange_close_after(x);
    rki_buf_lit(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    rkd_exchange_send(x);
}

static bool is_ours(const struct rkd_post *post, const struct rkd_request *request)
{
    const struct rk_str body = request->body;

    return request->known[RKD_H_AUTHORIZATION].len <= HEADER_MAX && body.len != 0 &&
           body.len <= BODY_MAX &&
           memmem(body.ptr, body.len, post->room.ptr, post->room.len) != NULL;
}

static void on_request(void *ctx, struct rkd_exchange *x)
{
    struct rkd_post *post = ctx;
    const struct rkd_request *request = rkd_exchange_request(x);
    const struct rk_str header = request->known[RKD_H_AUTHORIZATION];

    if (!atomic_load(&post->is_here) && is_ours(post, request)) {
        if (header.len != 0)
            memcpy(post->header, header.ptr, header.len);
        memcpy(post->body, request->body.ptr, request->body.len);
        post->header_len = header.len;
        post->body_len = request->body.len;
        atomic_store(&post->is_here, true);
        rkd_loop_wake(post->loop);
    }
    answer(x);
}

static void on_fault(void *ctx, struct rkd_exchange *x, enum rkd_fault fault)
{
    (void)ctx;
    (void)fault;
    answer(x);
}

static const struct rkd_handler handler = {
    .on_head = on_head,
    .on_request = on_request,
    .on_fault = on_fault,
};

static void *run_worker(void *arg)
{
    rkd_worker_run(arg);
    return NULL;
}

/* ---- opening and closing ---- */

static const struct rkd_net_limits limits = {.connections = 64,
                                             .connections_per_address = 64,
                                             .body_bytes = BODY_MAX,
                                             .headers_bytes = 16 * 1024,
                                             .head_ms = 5000,
                                             .body_ms = 5000,
                                             .idle_ms = 5000,
                                             .write_ms = 5000};

static int open_at(struct rkd_doctor *doctor, const struct rkd_listen *listen)
{
    struct rk_diag diag = {0};
    struct rkd_post *post = calloc(1, sizeof(*post));

    if (post == NULL) {
        rkd_say(doctor->cli, "out of memory");
        return RKD_EXIT_REFUSED;
    }
    doctor->post = post;
    post->loop = doctor->loop;
    post->room = rki_str(doctor->room, sizeof(doctor->room));
    if (rkd_net_open(listen, 1, &limits, 1, &doctor->listening, &diag) != RK_OK) {
        rkd_say_at(doctor->cli, "--webhook", diag.text);
        return RKD_EXIT_REFUSED;
    }
    if (rkd_worker_new(doctor->listening, 0, &handler, post, &post->worker) == RK_OK)
        post->is_running = rkd_thread_start(&post->thread, run_worker, post->worker);
    if (post->is_running)
        return RKD_EXIT_OK;
    rkd_say_at(doctor->cli, "--webhook", "there are no means for another thread");
    return RKD_EXIT_REFUSED;
}

int rkd_webhook_open(struct rkd_doctor *doctor, const char *address)
{
    const char *const addresses[] = {address};
    const struct rkd_flags flags = {.listen = addresses, .listen_count = 1};
    char *const none[] = {NULL};
    const struct rkd_env env = {.entries = none};
    struct rkd_listen listen[RKD_LISTEN_MAX];
    struct rkd_raw_error error = {.text = ""};
    size_t count = 0;

    if (rkd_listen_read(&env, &flags, listen, &count, &error) != RK_OK || count != 1 ||
        listen[0].kind != RKD_LISTEN_TCP) {
        rkd_say_at(doctor->cli, "--webhook", "expected one address like 0.0.0.0:7072");
        return RKD_EXIT_USAGE;
    }
    return open_at(doctor, &listen[0]);
}

void rkd_webhook_close(struct rkd_doctor *doctor)
{
    struct rkd_post *post = doctor->post;

    if (post == NULL)
        return;
    if (post->is_running) {
        rkd_worker_drain(post->worker, STOP_MS);
        if (!rkd_thread_join_within(post->thread, STOP_MS + 4000))
            return; /* what the thread holds must stay; the process ends anyway */
    }
    rkd_worker_free(post->worker);
    rkd_net_free(doctor->listening);
    free(post);
    doctor->post = NULL;
}

/* ---- the probe ---- */

/* `iss` of a token nobody verified, for words only; its text goes to `room`. */
static struct rk_str issuer_of(struct rk_str token, char room[static HEADER_MAX])
{
    struct rk_str head, rest, payload, tail;
    json_t *claims = NULL;
    const json_t *iss;
    size_t len = 0;

    rkd_str_cut(token, '.', &head, &rest);
    rkd_str_cut(rest, '.', &payload, &tail);
    if (tail.ptr == NULL || rki_b64url_decode(payload, room, HEADER_MAX, &len) != RK_OK ||
        rki_json_parse(rki_str(room, len), 0, &claims, NULL) != RK_OK)
        return RK_STR("nobody");
    iss = json_object_get(claims, "iss");
    len = json_is_string(iss) ? json_string_length(iss) : 0;
    if (len > RK_KEY_NAME_MAX)
        len = 0;
    if (len != 0)
        memcpy(room, json_string_value(iss), len);
    json_decref(claims);
    return len == 0 ? RK_STR("nobody") : rki_str(room, len);
}

static void say_signer(struct rkd_doctor *doctor, enum rk_err err, struct rk_str issuer)
{
    struct rki_buf *out;

    if (err == RK_OK) {
        out = rkd_doctor_find(doctor, RKD_FOUND_OK, RKD_CODE_WEBHOOK, NULL);
        rki_buf_lit(out, "webhooks arrive, signed with ");
        rki_buf_put(out, issuer);
    } else if (err == RK_E_ISSUER) {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_WEBHOOK_UNKNOWN_KEY,
                              "set webhook.api_key of the server to a key that roomkey has, or add "
                              "that key to key_file");
        rki_buf_lit(out, "webhooks arrive, but signed with ");
        rki_buf_put(out, issuer);
        rki_buf_lit(out, ", a key the configuration does not have");
    } else if (err == RK_E_SIGNATURE) {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL, RKD_CODE_WEBHOOK_WRONG_SECRET,
                              "give both the same secret for this key");
        rki_buf_lit(out, "webhooks arrive, signed in the name of ");
        rki_buf_put(out, issuer);
        rki_buf_lit(out, ", but with another secret than the configuration has for it");
    } else {
        out = rkd_doctor_find(doctor, RKD_FOUND_FAIL,
                              err == RK_E_DIGEST ? RKD_CODE_WEBHOOK_BODY : RKD_CODE_WEBHOOK_REFUSED,
                              "nothing between the server and its receiver may change the body or "
                              "the Authorization header");
        rki_buf_lit(out, "a webhook arrives that does not verify: ");
        rki_buf_put(out, rki_cstr(rk_err_text(err)));
    }
}

static void on_wake(void *ctx)
{
    rkd_loop_stop(ctx);
}

void rkd_probe_webhook(struct rkd_doctor *doctor)
{
    struct rkd_post *post = doctor->post;
    char text[HEADER_MAX];
    struct rk_str header;
    enum rk_err err;

    if (post == NULL) {
        rkd_doctor_say(doctor, RKD_FOUND_SKIP, RKD_CODE_WEBHOOK,
                       "not asked for: --webhook ADDRESS listens where the server's webhook.urls "
                       "point to",
                       NULL);
        return;
    }
    rkd_loop_on_wake(doctor->loop, on_wake, doctor->loop);
    if (!atomic_load(&post->is_here))
        rkd_doctor_wait(doctor, "a webhook", rkd_doctor_left_ms(doctor, WAIT_MS));
    if (!atomic_load(&post->is_here)) {
        rkd_doctor_say(doctor, RKD_FOUND_FAIL, RKD_CODE_NO_WEBHOOK,
                       "a room was made, and no webhook about it arrived",
                       "put the address of --webhook, as the server reaches it, into webhook.urls "
                       "of the server and restart it; it must have webhook.api_key as well");
        return;
    }
    header = rki_str(post->header, post->header_len);
    err = rk_webhook_verify(doctor->settings.keys, header, rki_str(post->body, post->body_len),
                            rkd_doctor_server_now(doctor), RK_LEEWAY_DEFAULT, NULL, NULL);
    say_signer(doctor, err, issuer_of(header, text));
}
