/*
 * envelope.h - the JSON in which the Azure Functions host wraps a request when it does not forward
 * it (no enableForwardingHttpRequest in host.json), and in which it wants the answer.
 *
 *     {"Data":{"req":{"Url":…,"Method":…,"Headers":{"Name":["value"]},"Body":"…"}},"Metadata":…}
 *     {"Outputs":{"res":{"statusCode":200,"headers":{…},"body":"…"}},"Logs":[],"ReturnValue":null}
 *
 * Reading gives the text of a request's head, for the one scan there is to judge: nothing in the
 * envelope is a header, a path or a length here. Threads: safe, there is no state.
 */
#ifndef RKD_API_ENVELOPE_H
#define RKD_API_ENVELOPE_H

#include "core/arena.h"
#include "core/buf.h"

enum rkd_envelope_err {
    RKD_ENVELOPE_MALFORMED = 0, /* not the host's JSON: nobody asked anything */
    RKD_ENVELOPE_OK,
    RKD_ENVELOPE_BAD_HEAD,  /* what the client sent could not stand in a head (semantics H2) */
    RKD_ENVELOPE_LONG_HEAD, /* more than `head_max` bytes */
    RKD_ENVELOPE_NOMEM,
};

/* In the arena. */
struct rkd_envelope {
    struct rk_str head; /* "POST /api/token HTTP/1.1\r\nName: value\r\n\r\n" */
    size_t line_count;  /* header lines written: the scan must find as many */
    struct rk_str body; /* absent when it is longer than body_max */
    size_t body_len;    /* how long it is all the same */
};

/* On BAD_HEAD and LONG_HEAD *out holds nothing. `json` is not kept. */
RK_NODISCARD enum rkd_envelope_err rkd_envelope_read(struct rk_str json, size_t head_max,
                                                     size_t body_max, struct rki_arena *arena,
                                                     struct rkd_envelope *out);

/* The answer: `fields` are lines of a head, "Name: value\r\n", no name twice; both texts are UTF-8.
 */
void rkd_envelope_write(struct rki_buf *out, unsigned status, struct rk_str fields,
                        struct rk_str body);

/* ---- what Lambda's events have in common with it (cli/lambda.c) ---- */

/* Cuts the next line off *fields, which starts as all lines of a head; false behind the last. */
bool rkd_envelope_next_field(struct rk_str *fields, struct rk_str *out_name,
                             struct rk_str *out_value);

/* A line of a head, "Name: value\r\n". False, and nothing written: it would not stay one line. */
bool rkd_envelope_put_field(struct rki_buf *head, struct rk_str name, struct rk_str value);

/* The members "statusCode", "headers" and "body" of an answer, without Connection and
 * Content-Length. */
void rkd_envelope_put_answer(struct rki_buf *out, unsigned status, struct rk_str fields,
                             struct rk_str body);

#endif
