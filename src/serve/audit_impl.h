/*
 * audit_impl.h - what audit.c (queue and thread), audit_line.c (the line) and audit_file.c (the
 * sink) share.
 */
#ifndef RKD_SERVE_AUDIT_IMPL_H
#define RKD_SERVE_AUDIT_IMPL_H

#include "core/mac.h"
#include "serve/audit.h"

#include <pthread.h>
#include <stdatomic.h>

/* The file or pipe. Only the audit thread writes; next_fd is handed over by whoever reopens. */
struct audit_file {
    char *path;
    int fd;
    atomic_int next_fd; /* -1: none */
    bool is_torn;       /* the last byte it took was in the middle of a line */
    atomic_bool given_up;
};

/* RK_E_IO, RK_E_NOMEM. */
enum rk_err audit_file_open(struct audit_file *file, const char *path, struct rk_diag *diag);
enum rk_err audit_file_reopen(struct audit_file *file, struct rk_diag *diag);
/* True: the whole line was taken. Waits for a sink that is full, until it is given up. */
bool audit_file_write(struct audit_file *file, const char *text, size_t len);
void audit_file_close(struct audit_file *file);

/* A key for HMAC, shared by all who make lines. mac NULL: nothing is hashed. */
struct audit_hash {
    struct rki_mac *mac;
    pthread_mutex_t lock;
};

struct entry;

struct audit_told {
    rkd_audit_fn *fn;
    void *ctx;
};

struct rkd_audit {
    struct audit_file file;
    struct audit_hash hash;
    bool is_required;
    pthread_mutex_t lock; /* held for a few stores, never for a write */
    pthread_cond_t more;
    struct entry *first, *last; /* that wait */
    struct entry *current;      /* that is being written */
    size_t count, bytes;        /* of those that wait */
    bool stopping;
    atomic_uint_fast64_t dropped;
    atomic_uint users; /* the owner and the thread; the last one frees */
    pthread_t thread;
    bool is_running;
    struct audit_told told[RKD_AUDIT_LINES_MAX + 1]; /* the keeper's, for a tick or the stop */
};

#endif
