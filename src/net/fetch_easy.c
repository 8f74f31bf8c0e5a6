/*
 * fetch_easy.c - one transfer: what libcurl is told, and what it may not do.
 *
 * Everything a provider or a hook could use against us is turned off or bounded here
 * (security.md s.1.5). May touch: its fetch, libcurl, sockets it opens for it.
 */
#include "net/fetch_impl.h"
#include "net/trust.h"

#include <stdlib.h>

enum {
    BODY_START = 4096,
    SLOW_BYTES_S = 1024, /* slower than this for so long is dripping */
    SLOW_S = 3,
    SLOW_OF_TOTAL = 5, /* three fifths of a total time above five seconds */
    CA_KEPT_S = 300,   /* a CA file that was replaced holds from then on */
};

/* ---- what libcurl asks ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct rkd_fetch *fetch = ctx;
    size_t add = size * count; /* size is 1, says libcurl */

    if (add > fetch->max - fetch->len) {
        fetch->fault = "too-large";
        return CURL_WRITEFUNC_ERROR;
    }
    if (add > fetch->cap - fetch->len) {
        size_t cap = fetch->cap == 0 ? BODY_START : fetch->cap;
        char *grown;

        while (cap - fetch->len < add)
            cap *= 2; /* ends below 2 * max */
        grown = realloc(fetch->body, cap);
        if (grown == NULL) {
            fetch->fault = "memory";
            return CURL_WRITEFUNC_ERROR;
        }
        fetch->body = grown;
        fetch->cap = cap;
    }
    if (add != 0)
        memcpy(fetch->body + fetch->len, bytes, add);
    fetch->len += add;
    if (fetch->is_enough != NULL &&
        fetch->is_enough(fetch->enough_ctx, rki_str(fetch->body, fetch->len))) {
        fetch->has_enough = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return add;
}

static size_t on_head(char *bytes, size_t size, size_t count, void *ctx)
{
    struct rkd_fetch *fetch = ctx;
    const char *fault = rkd_fetch_head_line(&fetch->head, rki_str(bytes, size * count));

    if (fault == NULL)
        return size * count;
    fetch->fault = fault;
    return CURL_WRITEFUNC_ERROR;
}

/* The address here is the one the kernel will connect to: whatever a name resolves to by then. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
    struct rkd_fetch *fetch = ctx;

    if (purpose != CURLSOCKTYPE_IPCXN || !rkd_fetch_addr_is_allowed(&addr->addr, addr->addrlen)) {
        fetch->fault = "address";
        return CURL_SOCKET_BAD;
    }
    return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* FNV-1a over scheme, host and port. */
static uint64_t hash_host(struct rk_str url)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    unsigned slashes = 0;

    for (size_t i = 0; i < url.len && slashes < 3; i++) {
        slashes += url.ptr[i] == '/';
        hash = (hash ^ (unsigned char)url.ptr[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t now_ms(const struct rkd_fetcher *fetcher)
{
    return uv_now(rkd_loop_uv(fetcher->loop));
}

/*
 * A lookup is a thread of libcurl's, and one that was given up is left to itself (QUICK_EXIT) until
 * the resolver gives up too: half a minute for DNS. So that they do not pile up behind a resolver
 * that never answers, no lookup begins while four of this host's, or 32 in all, that were given up
 * in the last minute may still hang.
 */
static int on_lookup(void *resolver, void *reserved, void *ctx)
{
    struct rkd_fetch *fetch = ctx;
    const struct rkd_fetcher *fetcher = fetch->fetcher;
    unsigned all = 0, of_host = 0;

    (void)resolver;
    (void)reserved;
    if (fetch->is_numeric)
        return 0;
    for (size_t i = 0; i < RKD_LOST_MAX; i++) {
        bool is_lost = fetcher->lost[i].until_ms > now_ms(fetcher);

        all += is_lost;
        of_host += is_lost && fetcher->lost[i].host == fetch->host;
    }
    if (all == RKD_LOST_MAX || of_host >= RKD_LOST_PER_HOST) {
        fetch->fault = "connect";
        return 1;
    }
    fetch->is_looking_up = true;
    return 0;
}

void rkd_fetch_note_lookup(struct rkd_fetch *fetch)
{
    struct rkd_fetcher *fetcher = fetch->fetcher;
    struct rkd_lost_lookup *oldest = fetcher->lost;
    curl_off_t took_us = 0;

    if (!fetch->is_looking_up ||
        fetcher->curl.easy_getinfo(fetch->easy, CURLINFO_NAMELOOKUP_TIME_T, &took_us) != CURLE_OK ||
        took_us != 0)
        return;
    for (size_t i = 1; i < RKD_LOST_MAX; i++)
        if (fetcher->lost[i].until_ms < oldest->until_ms)
            oldest = &fetcher->lost[i];
    *oldest =
        (struct rkd_lost_lookup){.until_ms = now_ms(fetcher) + RKD_LOST_MS, .host = fetch->host};
}

/* ---- what libcurl is told ---- */

/* A NUL-terminated copy; NULL: no memory, or *out_err says that it holds control bytes. */
static char *text_of(struct rk_str s, enum rk_err *out_err)
{
    char *copy;

    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f) {
            *out_err = RK_E_INVAL;
            return NULL;
        }
    }
    copy = malloc(s.len + 1);
    if (copy == NULL) {
        *out_err = RK_E_NOMEM;
        return NULL;
    }
    if (s.len != 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

static enum rk_err add_header(struct rkd_fetch *fetch, struct rk_str header)
{
    enum rk_err err = RK_OK;
    char *text = text_of(header, &err);
    struct curl_slist *grown;

    if (text == NULL)
        return err;
    grown = fetch->fetcher->curl.slist_append(fetch->headers, text);
    free(text);
    if (grown == NULL)
        return RK_E_NOMEM;
    fetch->headers = grown;
    return RK_OK;
}

static enum rk_err set_text(struct rkd_fetch *fetch, CURLoption option, struct rk_str value)
{
    enum rk_err err = RK_OK;
    char *text = text_of(value, &err);

    if (text == NULL)
        return err;
    if (fetch->fetcher->curl.easy_setopt(fetch->easy, option, text) != CURLE_OK) /* copies */
        err = RK_E_NOMEM;
    free(text);
    return err;
}

struct option {
    CURLoption name;
    long number;
    const char *text; /* set: the number is not looked at */
};

/* The same for every fetch. Absent on purpose: ACCEPT_ENCODING (no decoding), COOKIEFILE (no
 * cookies), HSTS and ALTSVC (no files). */
static const struct option options[] = {
    {CURLOPT_NOSIGNAL, 1, NULL},
    {CURLOPT_QUICK_EXIT, 1, NULL}, /* never join a resolver thread */
    {CURLOPT_FOLLOWLOCATION, 0, NULL},
    {CURLOPT_PROXY, 0, ""}, /* nor by the environment */
    {CURLOPT_NETRC, CURL_NETRC_IGNORED, NULL},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1, NULL},
    {CURLOPT_PATH_AS_IS, 1, NULL},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1, NULL},
    {CURLOPT_HTTP09_ALLOWED, 0, NULL},
    {CURLOPT_HTTP_TRANSFER_DECODING, 1, NULL}, /* chunked; others are refused by the head */
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2, NULL},
    {CURLOPT_SSL_VERIFYPEER, 1, NULL},
    {CURLOPT_SSL_VERIFYHOST, 2, NULL},
    {CURLOPT_TCP_NODELAY, 1, NULL},
    {CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S, NULL},
    {CURLOPT_USERAGENT, 0, "roomkey"},
};

static enum rk_err set_fixed(struct rkd_fetch *fetch)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *at = &options[i];
        CURLcode code = at->text != NULL
                            ? fetch->fetcher->curl.easy_setopt(fetch->easy, at->name, at->text)
                            : fetch->fetcher->curl.easy_setopt(fetch->easy, at->name, at->number);

        if (code != CURLE_OK)
            return RK_E_NOMEM; /* an option this libcurl lacks would be a broken build */
    }
    return RK_OK;
}

static enum rk_err set_callbacks(struct rkd_fetch *fetch)
{
    const struct rkd_curl *curl = &fetch->fetcher->curl;
    CURL *easy = fetch->easy;

    if (curl->easy_setopt(easy, CURLOPT_PRIVATE, fetch) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_WRITEDATA, fetch) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_HEADERDATA, fetch) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_lookup) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, fetch) != CURLE_OK)
        return RK_E_NOMEM;
    return RK_OK;
}

static long at_least_one(uint32_t value)
{
    return value == 0 ? 1 : (long)value; /* 0 would mean libcurl's own default */
}

/* Who is asked something may think for all of the time that is given; its answer is short. */
static long slow_after_s(const struct rkd_fetch_request *request)
{
    const long total_s = (long)(request->total_ms / 1000);
    const long slow_s = total_s * SLOW_S / SLOW_OF_TOTAL;

    if (request->body.ptr != NULL)
        return total_s + 1;
    return slow_s > SLOW_S ? slow_s : (long)SLOW_S;
}

static enum rk_err set_limits(struct rkd_fetch *fetch, const struct rkd_fetch_request *request)
{
    const long slow_s = slow_after_s(request);
    const struct rkd_curl *curl = &fetch->fetcher->curl;
    CURL *easy = fetch->easy;

    if (curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                          request->allow_http ? "http,https" : "https") != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, slow_s) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, at_least_one(request->connect_ms)) !=
            CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, at_least_one(request->total_ms)) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_bytes) !=
            CURLE_OK)
        return RK_E_NOMEM;
    return RK_OK;
}

/*
 * A CA file stands instead of the system's: the directory built into libcurl would still be asked.
 * And with a directory nothing is kept: each connection to a public host would read the system's
 * bundle anew, some 40 ms of the keeper's time. So it is left out where a bundle is there.
 */
static enum rk_err set_trust(struct rkd_fetch *fetch, struct rk_str ca_file)
{
    const struct rkd_curl *curl = &fetch->fetcher->curl;
    CURL *easy = fetch->easy;
    char *built_in = NULL;
    const char *bundle;

    if (curl->easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_KEPT_S) != CURLE_OK)
        return RK_E_NOMEM;
    if (ca_file.ptr == NULL) {
        if (curl->easy_getinfo(easy, CURLINFO_CAINFO, &built_in) != CURLE_OK)
            built_in = NULL;
        bundle = rkd_trust_bundle(built_in);
        if (bundle == NULL)
            return RK_OK;
        ca_file = rki_cstr(bundle);
    }
    if (curl->easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK)
        return RK_E_NOMEM;
    return set_text(fetch, CURLOPT_CAINFO, ca_file);
}

static enum rk_err set_content(struct rkd_fetch *fetch, const struct rkd_fetch_request *request)
{
    enum rk_err err = add_header(fetch, RK_STR("Accept: application/json"));

    if (err == RK_OK && request->body.ptr != NULL) {
        err = add_header(fetch, RK_STR("Content-Type: application/json"));
        if (err == RK_OK)
            err = add_header(fetch, RK_STR("Expect:")); /* none, and no second to wait for it */
        if (err == RK_OK &&
            (fetch->fetcher->curl.easy_setopt(fetch->easy, CURLOPT_POST, 1L) != CURLE_OK ||
             fetch->fetcher->curl.easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                              (curl_off_t)request->body.len) != CURLE_OK ||
             fetch->fetcher->curl.easy_setopt(fetch->easy, CURLOPT_COPYPOSTFIELDS,
                                              request->body.ptr) != CURLE_OK))
            err = RK_E_NOMEM;
    }
    for (size_t i = 0; err == RK_OK && i < request->header_count; i++)
        err = add_header(fetch, request->headers[i]);
    if (err == RK_OK && fetch->fetcher->curl.easy_setopt(fetch->easy, CURLOPT_HTTPHEADER,
                                                         fetch->headers) != CURLE_OK)
        err = RK_E_NOMEM;
    return err;
}

enum rk_err rkd_fetch_set_up(struct rkd_fetch *fetch, const struct rkd_fetch_request *request)
{
    enum rk_err err;

    fetch->max = request->max_bytes;
    fetch->is_enough = request->is_enough;
    fetch->enough_ctx = request->enough_ctx;
    fetch->is_numeric = rkd_fetch_url_is_numeric(request->url);
    fetch->host = hash_host(request->url);
    rkd_fetch_head_init(&fetch->head);
    fetch->easy = fetch->fetcher->curl.easy_init();
    if (fetch->easy == NULL)
        return RK_E_NOMEM;
    err = set_fixed(fetch);
    if (err == RK_OK)
        err = set_callbacks(fetch);
    if (err == RK_OK)
        err = set_limits(fetch, request);
    if (err == RK_OK)
        err = set_trust(fetch, request->ca_file);
    if (err == RK_OK)
        err = set_text(fetch, CURLOPT_URL, request->url);
    if (err == RK_OK)
        err = set_content(fetch, request);
    return err;
}
