/*
 * record.c - one line of the audit log for each decision, before its answer leaves.
 *
 * Where the log is required the answer waits until the line is written, off this thread; a line
 * that cannot be written, or not within a second, turns the answer into 503 and nothing is handed
 * out. May touch: the call, the audit log's queue.
 */
#include "serve/audit.h"
#include "serve/job.h"

#include "config/addr.h"

enum { ADDRESS_MAX = 64 };

static void fill(const struct rkd_call *call, struct rki_buf *address, struct rk_str fingerprint,
                 struct rkd_audit_record *out)
{
    const struct rkd_decision *d = &call->decision;
    const bool is_allowed = call->problem.err == RKD_OK;

    rkd_addr_write(address, &call->client);
    *out = (struct rkd_audit_record){
        .now_ms = call->now_ms,
        .request_id = rki_str(call->request_id, RKD_ID_LEN),
        .caller = call->caller.name,
        .caller_kind = call->caller.kind,
        .subject = call->caller.subject,
        .identity = is_allowed ? d->identity : call->ask.identity,
        .name = d->name,
        .client = call->client.is_set ? rki_buf_str(address) : rki_str(NULL, 0),
        .rule = d->rule.len != 0 ? d->rule : call->problem.rule,
        .room = is_allowed ? d->room : call->ask.room,
        .profile = d->profile,
        .grants = is_allowed ? d->grants : 0,
        .ttl_s = is_allowed ? d->ttl_s : 0,
        .jti = call->pass.token.len != 0 ? rki_str(call->jti, RKD_ID_LEN) : rki_str(NULL, 0),
        .fingerprint = fingerprint,
        .outcome = is_allowed ? RK_STR("ok") : rkd_error_row(call->problem.err)->code,
        .reason = rki_cstr(call->problem.reason),
    };
}

/* The line in the call's arena; absent: it cannot be made. */
static struct rk_str write_line(struct rkd_call *call)
{
    struct rkd_audit_line *line = rki_arena_take(rkd_call_arena(call), sizeof(*line));
    char address[ADDRESS_MAX], fingerprint[RKD_AUDIT_FINGERPRINT_LEN];
    struct rki_buf buf = rki_buf_over(address, sizeof(address));
    struct rk_str print = rki_str(NULL, 0);
    struct rkd_audit_record record;

    if (line == NULL)
        return rki_str(NULL, 0);
    if (call->pass.token.len != 0) {
        if (rkd_audit_fingerprint(call->pass.token, fingerprint) != RK_OK)
            return rki_str(NULL, 0);
        print = rki_str(fingerprint, sizeof(fingerprint));
    }
    fill(call, &buf, print, &record);
    if (rkd_audit_line_write(call->worker->service->audit, &record, line) != RK_OK)
        return rki_str(NULL, 0);
    return rki_buf_str(&line->buf);
}

/* What was decided is not handed out, whatever it was. */
static enum rkd_flow refuse_unrecorded(struct rkd_call *call)
{
    if (call->pass.token.len != 0) /* it lies in the call's arena, which we may write */
        /* Only const is cast away. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        rk_wipe((void *)(uintptr_t)call->pass.token.ptr, call->pass.token.len);
    call->pass = (struct rkd_pass){.expires_at_s = 0};
    call->is_explaining = false;
    call->problem.field = rki_str(NULL, 0);
    call->problem.field_error_count = 0;
    return rkd_refuse(call, RKD_E_UNAVAILABLE, "audit");
}

static void on_written(void *ctx, bool written)
{
    struct rkd_job *job = ctx;

    job->is_ok = written;
    rkd_job_back(job);
}

static enum rkd_flow submit_and_wait(struct rkd_call *call, struct rk_str line)
{
    struct rkd_job *job = line.ptr == NULL ? NULL : rkd_job_new(call, RKD_JOB_AUDIT, 0);

    if (job == NULL || !rkd_call_keep_arena(call)) {
        rkd_job_free(job);
        return refuse_unrecorded(call);
    }
    (void)rkd_job_wait(job);
    rkd_audit_submit(call->worker->service->audit, line, on_written, job);
    return RKD_WAIT;
}

enum rkd_flow rkd_record(struct rkd_call *call)
{
    struct rkd_audit *audit = call->worker->service->audit;
    struct rkd_job *job = rkd_job_take(call);
    struct rk_str line;

    if (job != NULL) {
        const bool is_written = job->is_ok;

        rkd_job_free(job);
        return is_written ? RKD_ANSWER : refuse_unrecorded(call);
    }
    if (audit == NULL || !call->was_decided || call->is_explaining)
        return RKD_ANSWER;
    line = write_line(call);
    if (rkd_audit_is_required(audit))
        return submit_and_wait(call, line);
    if (line.ptr != NULL)
        rkd_audit_submit(audit, line, NULL, NULL);
    return RKD_ANSWER;
}
