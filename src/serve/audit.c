/*
 * audit.c - the queue audit lines wait in, and the thread that writes them.
 *
 * May touch: its arguments, its thread, the monotonic clock. Callbacks are never called with the
 * lock held; whoever takes a callback out of its entry, under the lock, is the one to call it.
 */
#include "serve/audit_impl.h"

#include "serve/clock.h"
#include "serve/thread.h"

#include <stdlib.h>

struct entry {
    struct entry *next;
    rkd_audit_fn *fn; /* NULL: told, or nobody wants to know */
    void *ctx;
    uint64_t due_ms;
    size_t len;
    char text[];
};

/* ---- telling ---- */

static struct audit_told take_told(struct entry *entry)
{
    const struct audit_told told = {.fn = entry->fn, .ctx = entry->ctx};

    entry->fn = NULL;
    return told;
}

static void tell(const struct audit_told *told, bool written)
{
    if (told->fn != NULL)
        told->fn(told->ctx, written);
}

/* Under the lock: takes the callbacks of all whose time has come. */
static size_t take_due(struct rkd_audit *audit, uint64_t now_ms)
{
    size_t count = 0;

    if (audit->current != NULL && audit->current->fn != NULL && audit->current->due_ms <= now_ms)
        audit->told[count++] = take_told(audit->current);
    for (struct entry *at = audit->first; at != NULL; at = at->next)
        if (at->fn != NULL && at->due_ms <= now_ms)
            audit->told[count++] = take_told(at);
    return count;
}

void rkd_audit_tick(struct rkd_audit *audit, uint64_t now_ms)
{
    size_t count;

    (void)pthread_mutex_lock(&audit->lock);
    count = take_due(audit, now_ms);
    (void)pthread_mutex_unlock(&audit->lock);
    for (size_t i = 0; i < count; i++)
        tell(&audit->told[i], false);
}

/* ---- in ---- */

static struct entry *make_entry(struct rk_str line, rkd_audit_fn *fn, void *ctx)
{
    struct entry *entry = malloc(sizeof(*entry) + line.len);

    if (entry == NULL)
        return NULL;
    *entry = (struct entry){
        .fn = fn,
        .ctx = ctx,
        .due_ms = rkd_clock_mono_ns() / 1000000 + RKD_AUDIT_WAIT_MS,
        .len = line.len,
    };
    if (line.len != 0)
        memcpy(entry->text, line.ptr, line.len);
    return entry;
}

/* False: there is no room. */
static bool enqueue(struct rkd_audit *audit, struct entry *entry)
{
    bool fits;

    (void)pthread_mutex_lock(&audit->lock);
    fits = !audit->stopping && audit->count < RKD_AUDIT_LINES_MAX &&
           entry->len <= RKD_AUDIT_BYTES_MAX - audit->bytes;
    if (fits) {
        if (audit->last == NULL)
            audit->first = entry;
        else
            audit->last->next = entry;
        audit->last = entry;
        audit->count++;
        audit->bytes += entry->len;
        (void)pthread_cond_signal(&audit->more);
    }
    (void)pthread_mutex_unlock(&audit->lock);
    return fits;
}

void rkd_audit_submit(struct rkd_audit *audit, struct rk_str line, rkd_audit_fn *fn, void *ctx)
{
    struct entry *entry = line.len > RKD_AUDIT_LINE_MAX ? NULL : make_entry(line, fn, ctx);

    if (entry != NULL && enqueue(audit, entry))
        return;
    free(entry);
    (void)atomic_fetch_add(&audit->dropped, 1);
    if (fn != NULL)
        fn(ctx, false);
}

uint64_t rkd_audit_dropped(const struct rkd_audit *audit)
{
    return atomic_load(&audit->dropped);
}

bool rkd_audit_is_required(const struct rkd_audit *audit)
{
    return audit->is_required;
}

enum rk_err rkd_audit_reopen(struct rkd_audit *audit, struct rk_diag *out_diag)
{
    return audit_file_reopen(&audit->file, out_diag);
}

/* ---- the thread ---- */

/* The next entry, which becomes the current one; waits for it. NULL: this is the end. */
static struct entry *next_entry(struct rkd_audit *audit)
{
    struct entry *entry;

    (void)pthread_mutex_lock(&audit->lock);
    while (audit->first == NULL && !audit->stopping)
        (void)pthread_cond_wait(&audit->more, &audit->lock);
    entry = atomic_load(&audit->file.given_up) ? NULL : audit->first;
    if (entry != NULL) {
        audit->first = entry->next;
        audit->last = audit->first == NULL ? NULL : audit->last;
        audit->count--;
        audit->bytes -= entry->len;
        audit->current = entry;
    }
    (void)pthread_mutex_unlock(&audit->lock);
    return entry;
}

static void finish_entry(struct rkd_audit *audit, struct entry *entry, bool written)
{
    struct audit_told told;

    (void)pthread_mutex_lock(&audit->lock);
    audit->current = NULL;
    told = take_told(entry);
    (void)pthread_mutex_unlock(&audit->lock);
    if (!written)
        (void)atomic_fetch_add(&audit->dropped, 1);
    tell(&told, written);
    free(entry);
}

/* The last one of two to leave puts out the light. */
static void leave(struct rkd_audit *audit)
{
    if (atomic_fetch_sub(&audit->users, 1) != 1)
        return;
    while (audit->first != NULL) {
        struct entry *entry = audit->first;

        audit->first = entry->next;
        free(entry);
    }
    audit_file_close(&audit->file);
    rki_mac_free(audit->hash.mac);
    (void)pthread_mutex_destroy(&audit->hash.lock);
    (void)pthread_mutex_destroy(&audit->lock);
    (void)pthread_cond_destroy(&audit->more);
    free(audit);
}

static void *audit_main(void *ctx)
{
    struct rkd_audit *audit = ctx;
    struct entry *entry;

    while ((entry = next_entry(audit)) != NULL)
        finish_entry(audit, entry, audit_file_write(&audit->file, entry->text, entry->len));
    leave(audit);
    return NULL;
}

/* ---- beginning and end ---- */

static enum rk_err set_hash_key(struct rkd_audit *audit, struct rk_str secret)
{
    struct rk_key *key = NULL;
    enum rk_err err;

    if (secret.ptr == NULL)
        return RK_OK;
    err = rk_key_new(RK_STR("audit"), secret, &key);
    if (err == RK_OK)
        err = rki_mac_new(key, &audit->hash.mac);
    rk_key_free(key);
    return err;
}

enum rk_err rkd_audit_new(const char *path, bool required, struct rk_str hash_key,
                          struct rkd_audit **out, struct rk_diag *out_diag)
{
    struct rkd_audit *audit = calloc(1, sizeof(*audit));
    enum rk_err err;

    if (audit == NULL)
        return RK_E_NOMEM;
    audit->is_required = required;
    audit->file.fd = -1;
    atomic_store(&audit->file.next_fd, -1);
    atomic_store(&audit->users, 1);
    (void)pthread_mutex_init(&audit->lock, NULL); /* none can fail with default attributes */
    (void)pthread_mutex_init(&audit->hash.lock, NULL);
    (void)pthread_cond_init(&audit->more, NULL);
    err = set_hash_key(audit, hash_key);
    if (err != RK_OK)
        goto out;
    err = audit_file_open(&audit->file, path, out_diag);
    if (err != RK_OK)
        goto out;
    atomic_store(&audit->users, 2);
    audit->is_running = rkd_thread_start(&audit->thread, audit_main, audit);
    if (!audit->is_running) {
        atomic_store(&audit->users, 1);
        err = RK_E_IO;
        goto out;
    }
    *out = audit;
    audit = NULL;
out:
    rkd_audit_free(audit);
    return err;
}

bool rkd_audit_stop(struct rkd_audit *audit, unsigned timeout_ms)
{
    size_t told, left;

    if (audit == NULL || !audit->is_running)
        return true;
    audit->is_running = false;
    (void)pthread_mutex_lock(&audit->lock);
    audit->stopping = true;
    (void)pthread_cond_signal(&audit->more);
    (void)pthread_mutex_unlock(&audit->lock);
    if (rkd_thread_join_within(audit->thread, timeout_ms))
        return true;
    /* Stuck in a write; the process can end without it. */
    (void)pthread_mutex_lock(&audit->lock);
    atomic_store(&audit->file.given_up, true);
    told = take_due(audit, UINT64_MAX);
    left = audit->count;
    (void)pthread_mutex_unlock(&audit->lock);
    (void)atomic_fetch_add(&audit->dropped, left);
    for (size_t i = 0; i < told; i++)
        tell(&audit->told[i], false);
    (void)pthread_detach(audit->thread);
    return false;
}

void rkd_audit_free(struct rkd_audit *audit)
{
    if (audit == NULL)
        return;
    (void)rkd_audit_stop(audit, 0);
    leave(audit);
}
