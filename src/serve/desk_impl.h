/*
 * desk_impl.h - the desk's inside, for desk.c and desk_open.c.
 */
#ifndef RKD_SERVE_DESK_IMPL_H
#define RKD_SERVE_DESK_IMPL_H

#include "net/fetch.h"
#include "serve/breaker.h"
#include "serve/desk.h"
#include "serve/keysets.h"
#include "serve/shared_limit.h"

struct rkd_desk {
    struct rkd_service *service;
    struct rkd_loop *loop;
    struct rkd_mailbox mail;
    struct rkd_fetcher *fetcher;
    struct rkd_keysets *keysets;
    struct rkd_shared_limit *shared; /* NULL: limits are local */
    struct rkd_worker_ctx *workers;
    unsigned worker_count, hooks;
    struct rkd_breaker breaker; /* of hooks */
    uint64_t hooks_answered, hooks_failed, hooks_not_asked;
    uint64_t *ids; /* of the snapshot in use, by index of rkd_auth_keyset_at */
    size_t id_count;
    struct rkd_job *held; /* every job that is here */
};

/* A key set for all workers; ctx is the desk. */
void rkd_desk_publish(void *ctx, uint64_t id, struct rkd_keyset *keyset);

#endif
