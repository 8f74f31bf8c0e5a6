/*
 * lease.c - what a worker holds of a snapshot, from the day it comes to the last call on it.
 *
 * May touch: the lease, the worker's list of them. Only making one happens on the keeper's thread.
 */
#include "serve/service.h"

#include <stdlib.h>

enum rk_err rkd_lease_new(struct rkd_snapshot *snapshot, struct rkd_lease **out)
{
    const struct rk_key *key = snapshot->settings.active_key;
    const size_t count = rkd_auth_keyset_count(snapshot->auth);
    struct rkd_lease *lease = calloc(1, sizeof(*lease));
    enum rk_err err = RK_OK;

    if (lease == NULL)
        return RK_E_NOMEM;
    lease->snapshot = rkd_snapshot_ref(snapshot);
    lease->keysets = calloc(count + 1, sizeof(struct rkd_keyset *)); /* never of nothing */
    lease->keyset_ids = calloc(count + 1, sizeof(*lease->keyset_ids));
    lease->keyset_count = count;
    if (lease->keysets == NULL || lease->keyset_ids == NULL)
        err = RK_E_NOMEM;
    if (err == RK_OK && key != NULL)
        err = rk_signer_new(key, &lease->signer);
    if (err != RK_OK) {
        rkd_lease_free(lease);
        return err;
    }
    *out = lease;
    return RK_OK;
}

void rkd_lease_free(struct rkd_lease *lease)
{
    if (lease == NULL)
        return;
    for (size_t i = 0; i < lease->keyset_count && lease->keysets != NULL; i++)
        rkd_keyset_unref(lease->keysets[i]);
    free(lease->keysets);
    free(lease->keyset_ids);
    rk_signer_free(lease->signer);
    rkd_snapshot_unref(lease->snapshot);
    free(lease);
}

/* An old lease without calls. */
static void forget(struct rkd_worker_ctx *worker, struct rkd_lease *lease)
{
    struct rkd_lease **at = &worker->lease;

    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    rkd_lease_free(lease);
}

void rkd_lease_install(struct rkd_worker_ctx *worker, struct rkd_lease *lease)
{
    struct rkd_lease *old = worker->lease;

    lease->next = old;
    worker->lease = lease;
    if (old != NULL && old->calls == 0)
        forget(worker, old);
}

bool rkd_lease_can_verify(const struct rkd_lease *lease, int64_t now_s)
{
    for (size_t i = 0; i < lease->keyset_count; i++)
        if (lease->keysets[i] != NULL)
            return true;
    return rkd_snapshot_can_verify(lease->snapshot, now_s);
}

bool rkd_call_rules_hold(const struct rkd_call *call)
{
    const struct rkd_settings *then = &call->snapshot->settings;
    const struct rkd_settings *now = &call->worker->lease->snapshot->settings;

    return call->lease == call->worker->lease ||
           (then->has_rules_digest && now->has_rules_digest &&
            memcmp(then->rules_digest, now->rules_digest, sizeof(now->rules_digest)) == 0);
}

void rkd_lease_leave(struct rkd_worker_ctx *worker, struct rkd_lease *lease)
{
    lease->calls--;
    if (lease->calls == 0 && lease != worker->lease)
        forget(worker, lease);
}

void rkd_lease_put_keyset(struct rkd_worker_ctx *worker, uint64_t id, struct rkd_keyset *keyset)
{
    for (struct rkd_lease *lease = worker->lease; lease != NULL; lease = lease->next) {
        for (size_t i = 0; i < lease->keyset_count; i++) {
            if (lease->keyset_ids[i] != id)
                continue;
            rkd_keyset_unref(lease->keysets[i]);
            lease->keysets[i] = rkd_keyset_ref(keyset);
        }
    }
}
