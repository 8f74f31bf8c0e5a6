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

enum rk_err rkd_worker_ctx_init(struct rkd_worker_ctx *worker, struct rkd_service *service,
                                unsigned index)
{
    const struct rk_key *key = service->snapshot.settings->active_key;
    const size_t arena_bytes = RKD_ARENA_LEAST + (size_t)RKD_ARENA_PER_BODY *
                                                     service->snapshot.settings->limits.body_bytes;
    void *arena = take_pages(arena_bytes);
    enum rk_err err = RK_E_NOMEM;

    worker->service = service;
    worker->ring = rkd_log_ring(service->log, index);
    worker->body = take_pages(RKD_BODY_BYTES);
    worker->arena = rki_arena_over(arena, arena == NULL ? 0 : arena_bytes);
    if (arena == NULL || worker->body == NULL)
        return err;
    err = rk_claims_new(&worker->claims);
    if (err == RK_OK && key != NULL)
        err = rk_signer_new(key, &worker->signer);
    if (err == RK_OK)
        err = rkd_worker_new(service->net, index, &rkd_serve_handler, worker, &worker->net_worker);
    return err;
}

void rkd_worker_ctx_clear(struct rkd_worker_ctx *worker)
{
    rkd_worker_free(worker->net_worker);
    rk_signer_free(worker->signer);
    rk_claims_free(worker->claims);
    while (worker->free_calls != NULL) {
        struct rkd_call *call = worker->free_calls;

        worker->free_calls = call->next_free;
        free(call);
    }
    give_pages(worker->body, RKD_BODY_BYTES);
    give_pages(worker->arena.ptr, worker->arena.cap);
    rk_wipe(&worker->random, sizeof(worker->random));
}
