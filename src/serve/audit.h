/*
 * audit.h - the audit sink: one JSON line a decision, in a file or pipe of its own.
 *
 * Lines wait in a bounded queue and one thread writes them, so nobody else ever waits for a disk or
 * a reader. Where the operator wants it (`audit.required`), an answer is held back until the write
 * of its line has returned; the callback says so, and it comes within a second either way.
 * A line is whole or ends in a line feed of its own before the next: a disk that fills up glues
 * nothing together.
 */
#ifndef RKD_SERVE_AUDIT_H
#define RKD_SERVE_AUDIT_H

#include "core/buf.h"
#include "model/ask.h"

enum {
    RKD_AUDIT_LINE_MAX = 16 * 1024,        /* bytes, the line feed included */
    RKD_AUDIT_LINES_MAX = 4096,            /* that wait, */
    RKD_AUDIT_BYTES_MAX = 4 * 1024 * 1024, /* and their bytes */
    RKD_AUDIT_WAIT_MS = 1000,
    RKD_AUDIT_TICK_MS = 100,
    RKD_AUDIT_FINGERPRINT_LEN = 16,
};

/* What is written. An absent string is null. Personal fields (subject, identity, name, client) are
 * HMAC-SHA-256 in hex when there is a hash key, and "hashed":true says so. */
struct rkd_audit_record {
    int64_t now_ms; /* wall clock */
    struct rk_str request_id;
    struct rk_str caller; /* its name in the configuration; absent: nobody was verified */
    enum rkd_caller_kind caller_kind;
    struct rk_str subject, identity, name;
    struct rk_str client; /* the address as text */
    struct rk_str rule, room, profile;
    uint32_t grants; /* RKD_GRANT_BIT */
    int64_t ttl_s;
    struct rk_str jti, fingerprint; /* of the token; absent: none was minted */
    struct rk_str outcome;          /* "ok" or the error's code */
    struct rk_str reason;           /* a slug of ours; absent: none */
};

struct rkd_audit_line {
    struct rki_buf buf;
    char text[RKD_AUDIT_LINE_MAX];
};

struct rkd_audit;

/*
 * Opens `path` (append; made with mode 0600 where it is not there; a FIFO or pipe is never waited
 * for) and starts the thread. `required` is only kept for rkd_audit_is_required. hash_key may be
 * absent. On failure out_diag->text says why.
 * Errors: RK_E_IO: it cannot be opened (a FIFO nobody reads is such), or no thread could be had;
 * RK_E_KEY: an empty hash key; RK_E_NOMEM, RK_E_CRYPTO.
 */
RK_NODISCARD enum rk_err rkd_audit_new(const char *path, bool required, struct rk_str hash_key,
                                       struct rkd_audit **out, struct rk_diag *out_diag);
bool rkd_audit_is_required(const struct rkd_audit *audit);

/* The first 8 bytes of SHA-256(token) in hex. RK_E_CRYPTO. */
RK_NODISCARD enum rk_err rkd_audit_fingerprint(struct rk_str token,
                                               char out[RKD_AUDIT_FINGERPRINT_LEN]);

/*
 * Makes the line, with its line feed. Errors: RK_E_CRYPTO; RK_E_TOO_LONG, which the bounds of names
 * rule out. Nothing may be handed out under `required` when there is no line.
 * Threads: any; `line` is the caller's.
 */
RK_NODISCARD enum rk_err rkd_audit_line_write(struct rkd_audit *audit,
                                              const struct rkd_audit_record *record,
                                              struct rkd_audit_line *line);

/*
 * true: write(2) has taken the whole line. false: the queue was full, the write failed, or 1 s has
 * passed (then the line may still be written).
 */
typedef void rkd_audit_fn(void *ctx, bool written);

/*
 * Hands the line over; it is copied. Never waits. fn (NULL: nobody wants to know) is called exactly
 * once: on the audit thread, or on the thread of rkd_audit_tick or rkd_audit_stop, or, when the
 * line cannot be queued, during this call. It must not call rkd_audit_ functions but submit.
 * Threads: any.
 */
void rkd_audit_submit(struct rkd_audit *audit, struct rk_str line, rkd_audit_fn *fn, void *ctx);

/* Every RKD_AUDIT_TICK_MS, with the monotonic clock (rkd_clock_mono_ns in ms): tells those whose
 * second has passed. Threads: the keeper's. */
void rkd_audit_tick(struct rkd_audit *audit, uint64_t now_ms);

/*
 * After log rotation: opens the path again; lines not yet begun go there. On failure the old file
 * is kept and out_diag says why. Errors: RK_E_IO. Threads: the keeper's.
 */
RK_NODISCARD enum rk_err rkd_audit_reopen(struct rkd_audit *audit, struct rk_diag *out_diag);

/* Lines that were not written: queue full, write failed, left at the end. Threads: any. */
uint64_t rkd_audit_dropped(const struct rkd_audit *audit);

/*
 * Writes what was submitted and ends the thread, within timeout_ms; a sink that takes nothing is
 * given up, its lines are dropped and counted, its callbacks get false. Lines after it are dropped.
 * True: everything was handed to the sink or refused by it.
 */
bool rkd_audit_stop(struct rkd_audit *audit, unsigned timeout_ms);
/* Stops it (without waiting) if need be. NULL is allowed. */
void rkd_audit_free(struct rkd_audit *audit);

#endif
