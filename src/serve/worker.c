/*
 * worker.c - makes and clears what one worker thread owns.
 *
 * May touch: the heap, the worker. Runs on the first thread, before the workers start and after
 * they have ended.
 */
#include "serve/service.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Pages for what holds tokens: left out of core dumps. NULL when there are none. */
static void *take_pages(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return NULL;
    (void)madvise(pages, size, MADV_DONTDUMP); /* old kernels: the process is not dumpable anyway */
    return pages;
}

/* The kernel clears pages before anybody sees them again. */
static void give_pages(void *pages, size_t size)
{
    if (pages != NULL)
        (void)munmap(pages, size);
}

struct rkd_box *rkd_box_new(struct rkd_worker_ctx *worker)
{
    struct rkd_box *box;
    void *pages;

    if (worker->box_count == RKD_BOXES_MAX)
        return NULL;
    box = calloc(1, sizeof(*box));
    pages = box == NULL ? NULL : take_pages(worker->box_bytes);
    if (pages == NULL) {
        free(box);
        return NULL;
    }
    box->arena = rki_arena_over(pages, worker->box_bytes);
    worker->box_count++;
    return box;
}

void rkd_box_give(struct rkd_call *call)
{
    struct rkd_box *box = call->box;

    if (box == NULL)
        return;
    rki_arena_reset(&box->arena);
    box->next = call->worker->free_boxes;
    call->worker->free_boxes = box;
    call->box = NULL;
}

static void free_boxes(struct rkd_box *box)
{
    while (box != NULL) {
        struct rkd_box *next = box->next;

        give_pages(box->arena.ptr, box->arena.cap);
        free(box);
        box = next;
    }
}

enum rk_err rkd_worker_ctx_init(struct rkd_worker_ctx *worker, struct rkd_service *service,
                                unsigned index, struct rkd_lease *lease)
{
    const struct rkd_settings *settings = &lease->snapshot->settings;
    enum rk_err err;

    worker->service = service;
    worker->lease = lease;
    worker->ring = rkd_log_ring(service->log, index);
    rkd_lag_view_init(&worker->lag, &service->lag, RKD_LAG_WORKER + index);
    worker->box_bytes = RKD_ARENA_LEAST + (size_t)RKD_ARENA_PER_BODY * settings->limits.body_bytes;
    if (settings
            ->under_functions) /* what comes in an envelope lies there, and so does its answer */
        worker->box_bytes += sizeof(struct rkd_request) + RKD_HEAD_ROOM(&settings->limits) +
                             settings->limits.body_bytes + RKD_ANSWER_BYTES;
    worker->body = take_pages(RKD_BODY_BYTES);
    worker->box = rkd_box_new(worker);
    worker->stats = rkd_stats_new();
    if (worker->box == NULL || worker->body == NULL || worker->stats == NULL)
        return RK_E_NOMEM;
    err = rkd_mailbox_init(&worker->mail);
    if (err == RK_OK)
        err = rk_claims_new(&worker->claims);
    if (err == RK_OK)
        err = rkd_verifier_new(&worker->verifier);
    if (err == RK_OK)
        err = rkd_worker_new(service->net, index, &rkd_serve_handler, worker, &worker->net_worker);
    return err;
}

void rkd_worker_ctx_clear(struct rkd_worker_ctx *worker)
{
    rkd_mailbox_close(&worker->mail); /* no note comes to a worker that is going */
    rkd_worker_free(worker->net_worker);
    rkd_mailbox_clear(&worker->mail);
    rkd_verifier_free(worker->verifier);
    rk_claims_free(worker->claims);
    while (worker->lease != NULL) {
        struct rkd_lease *lease = worker->lease;

        worker->lease = lease->next;
        rkd_lease_free(lease);
    }
    while (worker->free_calls != NULL) {
        struct rkd_call *call = worker->free_calls;

        worker->free_calls = call->next_free;
        free(call);
    }
    give_pages(worker->body, RKD_BODY_BYTES);
    free_boxes(worker->box);
    free_boxes(worker->free_boxes);
    free(worker->stats);
    rk_wipe(&worker->random, sizeof(worker->random));
}
