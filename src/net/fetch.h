/*
 * fetch.h - outgoing HTTP on the keeper's loop; behind it, nobody else knows libcurl.
 *
 * https, or http where the caller of rkd_fetch_start says so; no redirects, no proxy from the
 * environment, no cookies, no netrc, no content coding; size, time and speed are capped; link-local
 * and unspecified addresses are refused on the address really connected (semantics D7).
 * libcurl is loaded and initialised by the first fetch (9.6 MB, 10 ms). SIGPIPE must be ignored by
 * then. Everything here belongs to the thread that runs the loop.
 */
#ifndef RKD_NET_FETCH_H
#define RKD_NET_FETCH_H

#include "core/str.h"
#include "net/net.h"

struct rkd_fetcher;
struct rkd_fetch;

struct rkd_fetch_request {
    struct rk_str url; /* http(s), checked by the caller */
    bool allow_http;
    struct rk_str ca_file;        /* absent: the system's */
    struct rk_str body;           /* present: POST application/json; copied */
    const struct rk_str *headers; /* "Name: value", copied */
    size_t header_count;
    uint32_t connect_ms, total_ms;
    size_t max_bytes; /* of the answer's body, counted as it comes */
    /* May be NULL. Asked with what came of the body so far; true ends the fetch well with that:
     * after 101, where what follows has no end. Starts and cancels nothing. */
    bool (*is_enough)(void *ctx, struct rk_str body);
    void *enough_ctx;
};

/* Why there is no answer, for people; finer than the slug. */
enum rkd_fetch_cause {
    RKD_CAUSE_OTHER = 0,
    RKD_CAUSE_LOOKUP,       /* nobody knows the name */
    RKD_CAUSE_REFUSED,      /* nobody listens there */
    RKD_CAUSE_UNREACHABLE,  /* no way there */
    RKD_CAUSE_SLOW_LOOKUP,  /* time-outs: of the resolver, */
    RKD_CAUSE_SLOW_CONNECT, /* of the connection (TLS included), */
    RKD_CAUSE_SLOW_ANSWER,  /* of the answer */
    RKD_CAUSE_CERTIFICATE,  /* the peer's is not good for this name, or not trusted */
    RKD_CAUSE_HANDSHAKE,    /* other failures of TLS: the peer may not speak it */
    RKD_CAUSE_CLOSED,       /* the peer went away without an answer */
};

struct rkd_fetch_result {
    unsigned status;    /* 0: no answer; `error` says why */
    const char *error;  /* a constant slug: "connect", "tls", "timeout", "too-large", "coding",
                           "address", "protocol", "memory"; NULL when there is a status. "connect":
                           not a byte was sent */
    struct rk_str body; /* borrowed for the call */
    int64_t max_age_s;  /* Cache-Control: max-age; -1 when absent or no-store */
    int64_t date_s;     /* Date of the answer, Unix epoch; -1 when absent or not readable */
    enum rkd_fetch_cause cause; /* of an error */
};

typedef void rkd_fetch_fn(void *ctx, const struct rkd_fetch_result *result);

RK_NODISCARD enum rk_err rkd_fetcher_new(struct rkd_loop *loop, struct rkd_fetcher **out);
/* Cancels what is under way, without callbacks. Before rkd_loop_free; not from within an fn. */
void rkd_fetcher_free(struct rkd_fetcher *fetcher);

/*
 * Calls fn once, later, on the loop's thread; never during the call. From within fn, others may be
 * started and cancelled. On an error it is never called: RK_E_NOMEM; RK_E_INVAL: control bytes in
 * the URL, a header or ca_file; RK_E_STATE: there is no libcurl here.
 */
RK_NODISCARD enum rk_err rkd_fetch_start(struct rkd_fetcher *fetcher,
                                         const struct rkd_fetch_request *request, rkd_fetch_fn *fn,
                                         void *ctx, struct rkd_fetch **out_fetch);
/* fn is not called any more. Not for a fetch whose fn runs or has run. */
void rkd_fetch_cancel(struct rkd_fetch *fetch);

#endif
