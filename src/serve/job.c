/*
 * job.c - a call begins to wait, and carries on.
 *
 * May touch: the call, its worker's lists, mailboxes. Runs on the worker's thread, but for
 * rkd_job_back.
 */
#include "serve/job.h"

#include <stdlib.h>

struct rkd_job *rkd_job_new(struct rkd_call *call, enum rkd_job_kind kind, size_t room)
{
    struct rkd_job *job = calloc(1, sizeof(*job) + room);

    if (job == NULL)
        return NULL;
    job->worker = call->worker;
    job->call = call;
    job->kind = kind;
    return job;
}

struct rk_str rkd_job_text(struct rkd_job *job, size_t *used, struct rk_str text)
{
    char *at = job->bytes + *used;

    if (text.len != 0)
        memcpy(at, text.ptr, text.len);
    *used += text.len;
    return rki_str(at, text.len);
}

void rkd_job_free(struct rkd_job *job)
{
    if (job == NULL)
        return;
    free(job->answer);
    free(job);
}

/* --- arenas of their own --- */

/* The worker's arena goes with the call; another takes its place. */
bool rkd_call_keep_arena(struct rkd_call *call)
{
    struct rkd_worker_ctx *worker = call->worker;
    struct rkd_box *fresh = worker->free_boxes;

    if (call->box != NULL || call->phase == RKD_PHASE_HEAD)
        return true;
    if (fresh != NULL)
        worker->free_boxes = fresh->next;
    else
        fresh = rkd_box_new(worker);
    if (fresh == NULL)
        return false;
    fresh->next = NULL;
    call->box = worker->box;
    worker->box = fresh;
    return true;
}

/* --- waiting --- */

static void link_waiting(struct rkd_call *call)
{
    struct rkd_worker_ctx *worker = call->worker;

    call->is_waiting = true;
    call->prev_waiting = NULL;
    call->next_waiting = worker->waiting;
    if (worker->waiting != NULL)
        worker->waiting->prev_waiting = call;
    worker->waiting = call;
}

static void unlink_waiting(struct rkd_call *call)
{
    if (!call->is_waiting)
        return;
    call->is_waiting = false;
    if (call->prev_waiting != NULL)
        call->prev_waiting->next_waiting = call->next_waiting;
    else
        call->worker->waiting = call->next_waiting;
    if (call->next_waiting != NULL)
        call->next_waiting->prev_waiting = call->prev_waiting;
}

enum rkd_flow rkd_job_wait(struct rkd_job *job)
{
    struct rkd_call *call = job->call;

    call->job = job;
    link_waiting(call);
    return RKD_WAIT;
}

enum rkd_flow rkd_job_send(struct rkd_job *job)
{
    struct rkd_call *call = job->call;

    if (call->worker->has_given_up) { /* H21: it would be cut off without an answer */
        rkd_job_free(job);
        return rkd_refuse(call, RKD_E_DRAINING, "drain");
    }
    if (!rkd_call_keep_arena(call)) {
        rkd_job_free(job);
        return rkd_refuse(call, RKD_E_UNAVAILABLE, "too-many-waiting");
    }
    (void)rkd_job_wait(job);
    rkd_desk_put(call->worker->service->desk, job);
    return RKD_WAIT;
}

static void drop(struct rkd_note *note)
{
    rkd_job_free((struct rkd_job *)note); /* the note comes first in it */
}

static void arrive(void *owner, struct rkd_note *note)
{
    struct rkd_job *job = (struct rkd_job *)note;
    struct rkd_call *call = job->call;

    (void)owner;
    if (call == NULL) {
        rkd_job_free(job);
        return;
    }
    job->is_back = true;
    unlink_waiting(call);
    rkd_call_resume(call);
}

void rkd_job_back(struct rkd_job *job)
{
    struct rkd_worker_ctx *worker = job->worker;

    job->note.run = arrive;
    job->note.drop = drop;
    rkd_mail_put(&worker->mail, &job->note);
    rkd_worker_wake(worker->net_worker); /* it lives until every job is back or dropped */
}

struct rkd_job *rkd_job_take(struct rkd_call *call)
{
    struct rkd_job *job = call->job;

    if (job == NULL || !job->is_back)
        return NULL;
    call->job = NULL;
    return job;
}

void rkd_job_leave(struct rkd_call *call)
{
    struct rkd_job *job = call->job;

    unlink_waiting(call);
    call->job = NULL;
    if (job == NULL)
        return;
    if (job->is_back) {
        rkd_job_free(job);
    } else {
        job->call = NULL; /* it comes back to nobody */
        atomic_store_explicit(&job->is_abandoned, true, memory_order_relaxed);
    }
}
