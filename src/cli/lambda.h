/*
 * lambda.h - AWS Lambda without an adapter: events are fetched from the runtime API and asked of
 * the service that runs in this very process.
 *
 * The service knows nothing of it: it listens on loopback, trusts loopback to say who the client
 * is, and gets plain HTTP. Payload format 2.0 (Function URLs, HTTP APIs) only.
 */
#ifndef RKD_CLI_LAMBDA_H
#define RKD_CLI_LAMBDA_H

#include "cli/http.h"

#include <jansson.h>
#include <pthread.h>

struct rkd_lambda {
    const struct rkd_cli *cli;
    struct rkd_listen api, service;
    int stop[2]; /* a pipe; closing its writing end ends the thread */
    pthread_t thread;
    bool is_started;
};

/* In Lambda, and nobody else fetches the events: AWS_LAMBDA_RUNTIME_API without AWS_LWA_PORT. */
bool rkd_lambda_is_here(const struct rkd_env *env);

/* False: said why. Nothing is open then. */
bool rkd_lambda_open(struct rkd_lambda *lambda, const struct rkd_cli *cli);

/* For rkd_serve_hooks.on_listening: fetches events from now on, in a thread of its own. When that
 * cannot go on it sends this process SIGTERM. */
void rkd_lambda_start(struct rkd_lambda *lambda, const char *address);

/* The service has ended with `code`; tells Lambda when it never began. The process's exit code. */
int rkd_lambda_close(struct rkd_lambda *lambda, int code);

/*
 * An event as the head and body of a request. RK_E_INVAL: no HTTP event of payload format 2.0, or
 * one that would not stay one request; RK_E_TOO_LONG: no room in a buffer.
 */
RK_NODISCARD enum rk_err rkd_lambda_request(const json_t *event, struct rki_buf *head,
                                            struct rki_buf *body);

/* An answer, which is UTF-8, as Lambda wants it: one JSON object. False: no room. */
bool rkd_lambda_result(const struct rkd_http_answer *answer, struct rki_buf *out);

#endif
