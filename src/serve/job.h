/*
 * job.h - what a call waits for: a key set, a shared limit, a hook, a line of the audit log.
 *
 * A job is made on the worker's thread, goes to the keeper (or the audit log's thread) and comes
 * back as a note; meanwhile the call may have gone, then the job comes back to nobody. `call` is
 * looked at on the worker's thread only. Every job is given back exactly once, whoever drops it.
 */
#ifndef RKD_SERVE_JOB_H
#define RKD_SERVE_JOB_H

#include "serve/service.h"

enum rkd_job_kind {
    RKD_JOB_NONE = 0,
    RKD_JOB_KEYS,  /* refresh this key set */
    RKD_JOB_LIMIT, /* charge a shared limit */
    RKD_JOB_HOOK,  /* ask a hook */
    RKD_JOB_AUDIT, /* write a line and say so */
};

struct rkd_job {
    struct rkd_note note;
    struct rkd_worker_ctx *worker;
    struct rkd_call *call; /* NULL: it has gone */
    enum rkd_job_kind kind;
    bool is_back;

    uint64_t keyset_id; /* KEYS */

    enum rkd_layer layer; /* LIMIT */
    struct rkd_rate rate;
    struct rkd_verdict verdict;

    struct rk_str url, id, signature; /* HOOK */
    struct rk_str rule;               /* HOOK; whose */
    struct rk_str traceparent;        /* HOOK; absent: no trace */
    int64_t timeout_ms, now_s;
    bool is_probe;   /* the breaker waits for how it goes */
    unsigned status; /* 0: no answer */
    char *answer;    /* heap; the body of the hook's answer */
    size_t answer_len;

    bool is_ok;         /* LIMIT: the verdict is known; AUDIT: the line is written; KEYS: the
                           refresh was not refused */
    struct rk_str text; /* LIMIT: the key; HOOK: the body; AUDIT: the line */

    void *desk_state; /* the keeper's own, while it has the job */
    struct rkd_job *prev_held, *next_held;
    uint64_t since_ns;        /* when the keeper took it */
    atomic_bool is_abandoned; /* the call has gone: the keeper need not go on */
    char bytes[];             /* where the texts above lie */
};

/*
 * A job for this call with `room` bytes for its texts, which rkd_job_text copies in. NULL: no
 * memory. Not sent yet.
 */
struct rkd_job *rkd_job_new(struct rkd_call *call, enum rkd_job_kind kind, size_t room);
struct rk_str rkd_job_text(struct rkd_job *job, size_t *used, struct rk_str text);
void rkd_job_free(struct rkd_job *job);

/* Sends it to the keeper; the call waits from now on. RKD_ANSWER: it cannot (503). */
enum rkd_flow rkd_job_send(struct rkd_job *job);
/* Before a wait that rkd_job_send does not begin: the call takes its arena with it. False: too many
 * wait. */
RK_NODISCARD bool rkd_call_keep_arena(struct rkd_call *call);
/* The call waits for a job that goes elsewhere; put it on its way afterwards. */
enum rkd_flow rkd_job_wait(struct rkd_job *job);
/* The job is done: back to its worker. Threads: any. */
void rkd_job_back(struct rkd_job *job);

/* The job the stage has waited for, once; NULL: it has not waited yet. The caller frees it. */
struct rkd_job *rkd_job_take(struct rkd_call *call);
/* The call goes away or is not to wait any more. */
void rkd_job_leave(struct rkd_call *call);

/* desk.c, the keeper's side: takes the job and brings it back in time. Threads: any. */
void rkd_desk_put(struct rkd_desk *desk, struct rkd_job *job);

#endif
