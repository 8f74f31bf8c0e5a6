/*
 * fetch_impl.h - what the files that know libcurl share: a fetcher and its fetches.
 */
#ifndef RKD_NET_FETCH_IMPL_H
#define RKD_NET_FETCH_IMPL_H

#include "net/curl_load.h"
#include "net/fetch.h"
#include "net/fetch_part.h"
#include "net/loop_impl.h"

/* Lookups given up whose threads may still be waiting for the resolver; see fetch_easy.c. */
enum { RKD_LOST_MAX = 32, RKD_LOST_PER_HOST = 4, RKD_LOST_MS = 60000 };

struct rkd_lost_lookup {
    uint64_t until_ms; /* of uv_now; then its thread is taken to be gone */
    uint64_t host;     /* a hash */
};

struct rkd_fetcher {
    struct rkd_loop *loop;
    CURLM *multi; /* NULL before the first fetch */
    struct rkd_curl curl;
    uv_timer_t timer;
    struct rkd_fetch *first;
    struct rkd_watch *watches; /* sockets libcurl waits for; fetch.c's own */
    struct rkd_lost_lookup lost[RKD_LOST_MAX];
};

struct rkd_fetch {
    struct rkd_fetcher *fetcher;
    CURL *easy;
    struct curl_slist *headers;
    rkd_fetch_fn *fn;
    void *ctx;
    char *body;
    size_t len, cap, max;
    bool (*is_enough)(void *ctx, struct rk_str body);
    void *enough_ctx;
    bool has_enough; /* and so we ended it, well */
    struct rkd_fetch_head head;
    const char *fault;  /* why we ended it ourselves */
    uint64_t host;      /* a hash */
    bool is_numeric;    /* no lookup */
    bool is_looking_up; /* it began, and we do not know that it ended */
    struct rkd_fetch *prev, *next;
};

/* Makes fetch->easy and fetch->headers; what was made before a failure is fetch's all the same.
 * RK_E_INVAL: control bytes in the URL or a header; RK_E_NOMEM. */
RK_NODISCARD enum rk_err rkd_fetch_set_up(struct rkd_fetch *fetch,
                                          const struct rkd_fetch_request *request);
/* Why there is no answer. */
const char *rkd_fetch_slug(const struct rkd_fetch *fetch, CURLcode code);
enum rkd_fetch_cause rkd_fetch_why(const struct rkd_fetch *fetch, CURLcode code);
/* Before its handle goes: a thread may still hang in its lookup. */
void rkd_fetch_note_lookup(struct rkd_fetch *fetch);

#endif
