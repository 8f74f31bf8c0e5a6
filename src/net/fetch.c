/*
 * fetch.c - libcurl's multi interface on the keeper's loop.
 *
 * libcurl says which sockets and which moment it waits for; libuv waits. What is over is handed to
 * its owner outside of libcurl's own calls, so an owner may start or cancel others from there.
 * May touch: the loop, libcurl.
 */
#include "net/fetch_impl.h"

#include <stdlib.h>

enum { IDLE_CONNECTIONS = 64 }; /* kept for reuse: hooks are asked again and again */

struct rkd_watch { /* a socket libcurl waits for */
    uv_poll_t handle;
    struct rkd_fetcher *fetcher;
    curl_socket_t fd;
    struct rkd_watch *prev, *next;
};

/* ---- the end of a fetch ---- */

static void free_fetch(struct rkd_fetch *fetch)
{
    struct rkd_fetcher *fetcher = fetch->fetcher;

    if (fetch->next != NULL)
        fetch->next->prev = fetch->prev;
    if (fetch->prev != NULL)
        fetch->prev->next = fetch->next;
    else
        fetcher->first = fetch->next;
    fetcher->curl.easy_cleanup(fetch->easy);
    fetcher->curl.slist_free_all(fetch->headers);
    free(fetch->body);
    free(fetch);
}

/* Takes it from the multi: a lookup that hangs is left behind, and the handle is of no use more. */
static void detach(struct rkd_fetch *fetch)
{
    rkd_fetch_note_lookup(fetch);
    (void)fetch->fetcher->curl.multi_remove_handle(fetch->fetcher->multi, fetch->easy);
}

static void finish(struct rkd_fetch *fetch, CURLcode code)
{
    struct rkd_fetch_result result = {.max_age_s = -1, .date_s = -1};
    long status = 0;

    (void)fetch->fetcher->curl.easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if ((code == CURLE_OK || fetch->has_enough) && status >= 100 && status <= 999) {
        result.status = (unsigned)status;
        result.body = rki_str(fetch->body == NULL ? "" : fetch->body, fetch->len);
        result.max_age_s = rkd_fetch_head_max_age(&fetch->head);
        result.date_s = fetch->head.date_s;
    } else {
        result.error = rkd_fetch_slug(fetch, code);
        result.cause = rkd_fetch_why(fetch, code);
    }
    if (code != CURLE_OPERATION_TIMEDOUT)
        fetch->is_looking_up = false; /* its lookup has ended, one way or another */
    detach(fetch);
    fetch->fn(fetch->ctx, &result);
    free_fetch(fetch);
}

static void finish_all(struct rkd_fetcher *fetcher)
{
    CURLMsg *message;
    int left;

    while ((message = fetcher->curl.multi_info_read(fetcher->multi, &left)) != NULL) {
        char *private = NULL;

        if (message->msg == CURLMSG_DONE &&
            fetcher->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) ==
                CURLE_OK)
            finish((struct rkd_fetch *)(void *)private, message->data.result);
    }
}

/* ---- libcurl and libuv ---- */

static void act(struct rkd_fetcher *fetcher, curl_socket_t fd, int events)
{
    int running;

    (void)fetcher->curl.multi_socket_action(fetcher->multi, fd, events, &running);
    finish_all(fetcher);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct rkd_watch *watch = handle->data;
    int flags = 0;

    /*
     * A reset. Told of an error, libcurl gives up; told that there is something to read, it sees
     * for itself, and asks again on a new connection when a kept one was closed under it.
     */
    if (status < 0)
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(watch->fetcher, watch->fd, flags); /* may close the watch */
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_want_time(CURLM *multi, long after_ms, void *ctx)
{
    struct rkd_fetcher *fetcher = ctx;

    (void)multi;
    if (after_ms < 0) {
        (void)uv_timer_stop(&fetcher->timer);
        return 0;
    }
    uv_update_time(fetcher->timer.loop);
    /* 0 too is for later: libcurl must not be called from here */
    return uv_timer_start(&fetcher->timer, on_timer, (uint64_t)after_ms, 0) == 0 ? 0 : -1;
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_watch(struct rkd_watch *watch)
{
    if (watch->next != NULL)
        watch->next->prev = watch->prev;
    if (watch->prev != NULL)
        watch->prev->next = watch->next;
    else
        watch->fetcher->watches = watch->next;
    uv_close((uv_handle_t *)&watch->handle, free_watch);
}

static struct rkd_watch *watch_new(struct rkd_fetcher *fetcher, curl_socket_t fd)
{
    struct rkd_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        return NULL;
    watch->fetcher = fetcher;
    watch->fd = fd;
    watch->handle.data = watch;
    if (uv_poll_init(rkd_loop_uv(fetcher->loop), &watch->handle, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->next = fetcher->watches;
    if (watch->next != NULL)
        watch->next->prev = watch;
    fetcher->watches = watch;
    return watch;
}

/* A socket that cannot be watched is not an error here: its fetch runs into its time-out. */
static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *slot)
{
    struct rkd_fetcher *fetcher = ctx;
    struct rkd_watch *watch = slot;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            (void)fetcher->curl.multi_assign(fetcher->multi, fd, NULL);
            close_watch(watch);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_new(fetcher, fd);
        if (watch == NULL)
            return 0;
        (void)fetcher->curl.multi_assign(fetcher->multi, fd, watch);
    }
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    (void)uv_poll_start(&watch->handle, events, on_poll);
    return 0;
}

/* ---- the fetcher ---- */

static enum rk_err begin_multi(struct rkd_fetcher *fetcher)
{
    struct rkd_curl *curl = &fetcher->curl;
    enum rk_err err = rkd_curl_load(curl);
    CURLM *multi;

    if (err != RK_OK)
        return err;
    multi = curl->multi_init();
    if (multi == NULL ||
        curl->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_want_socket) != CURLM_OK ||
        curl->multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher) != CURLM_OK ||
        curl->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_want_time) != CURLM_OK ||
        curl->multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher) != CURLM_OK ||
        curl->multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS) != CURLM_OK) {
        (void)curl->multi_cleanup(multi);
        curl->global_cleanup();
        return RK_E_NOMEM;
    }
    fetcher->multi = multi;
    return RK_OK;
}

enum rk_err rkd_fetcher_new(struct rkd_loop *loop, struct rkd_fetcher **out)
{
    struct rkd_fetcher *fetcher = calloc(1, sizeof(*fetcher));

    if (fetcher == NULL)
        return RK_E_NOMEM;
    fetcher->loop = loop;
    (void)uv_timer_init(rkd_loop_uv(loop), &fetcher->timer); /* cannot fail */
    fetcher->timer.data = fetcher;
    *out = fetcher;
    return RK_OK;
}

static void free_fetcher(uv_handle_t *handle)
{
    free(handle->data);
}

void rkd_fetcher_free(struct rkd_fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    for (struct rkd_fetch *fetch = fetcher->first, *next; fetch != NULL; fetch = next) {
        next = fetch->next;
        rkd_fetch_cancel(fetch);
    }
    if (fetcher->multi != NULL) { /* closes its sockets, and so their watches */
        (void)fetcher->curl.multi_cleanup(fetcher->multi);
        fetcher->curl.global_cleanup();
    }
    while (fetcher->watches != NULL) /* none is left; were it not so, uv would wait for ever */
        close_watch(fetcher->watches);
    uv_close((uv_handle_t *)&fetcher->timer, free_fetcher);
}

enum rk_err rkd_fetch_start(struct rkd_fetcher *fetcher, const struct rkd_fetch_request *request,
                            rkd_fetch_fn *fn, void *ctx, struct rkd_fetch **out_fetch)
{
    enum rk_err err = fetcher->multi == NULL ? begin_multi(fetcher) : RK_OK;
    struct rkd_fetch *fetch;

    if (err != RK_OK)
        return err;
    fetch = calloc(1, sizeof(*fetch));
    if (fetch == NULL)
        return RK_E_NOMEM;
    fetch->next = fetcher->first;
    if (fetch->next != NULL)
        fetch->next->prev = fetch;
    fetcher->first = fetch;
    fetch->fetcher = fetcher;
    fetch->fn = fn;
    fetch->ctx = ctx;
    err = rkd_fetch_set_up(fetch, request);
    if (err == RK_OK && fetcher->curl.multi_add_handle(fetcher->multi, fetch->easy) != CURLM_OK)
        err = RK_E_NOMEM;
    if (err != RK_OK) {
        free_fetch(fetch);
        return err;
    }
    *out_fetch = fetch;
    return RK_OK;
}

void rkd_fetch_cancel(struct rkd_fetch *fetch)
{
    detach(fetch);
    free_fetch(fetch);
}
