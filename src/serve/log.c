/*
 * log.c - the rings lines wait in, and the scribe that writes them.
 *
 * May touch: its arguments, the log's descriptor (only the scribe writes to it), its thread.
 *
 * The scribe sleeps in one of two ways. IDLE: nothing is there; the first line of a turn wakes it.
 * LAZY: it wrote a moment ago, so it looks again after 20 ms and need not be woken but by a ring
 * that is a quarter full. It says how it sleeps first and looks at the rings afterwards, a worker
 * publishes its line first and looks at the scribe's state afterwards, all sequentially consistent:
 * one of the two sees the other, no line is forgotten.
 */
#include "serve/log.h"

#include "serve/clock.h"
#include "serve/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    RING_BYTES = 256 * 1024, /* a worker's; a power of two */
    SHARED_BYTES = 64 * 1024,
    LAZY_MS = 20,
    FULL_MS = 100, /* a non-blocking sink is asked this often */
    PIECES_MAX = 2 * (RKD_WORKERS_MAX + 1) + 1,
};

enum scribe_state { AWAKE = 0, LAZY, IDLE };

/* Bytes head..tail wait; both only grow, positions are taken modulo size. */
struct rkd_log_ring {
    _Alignas(64) _Atomic uint64_t head; /* the producer's line of the cache */
    _Atomic uint64_t dropped;
    struct rkd_log *log;
    char *bytes;
    size_t size;
    _Alignas(64) _Atomic uint64_t tail; /* the scribe's */
};

struct rkd_log {
    _Alignas(64) _Atomic int state; /* enum scribe_state */
    bool is_torn;                   /* the last byte the sink took was in the middle of a line */
    bool is_failing;                /* the last write was refused */
    _Atomic uint64_t refused;       /* lines the sink did not take */
    uint64_t reported;              /* of all that were dropped */
    uint64_t taken[RKD_WORKERS_MAX + 1]; /* head of each ring in this batch */
    /* set at start, read by all; far from what changes */
    struct rkd_log_ring *rings;
    pthread_t scribe;
    pthread_mutex_t shared_lock;
    int fd, wake_fd;
    enum rkd_log_level level;
    enum rkd_log_format format;
    unsigned ring_count; /* one a worker, and the last for everybody else */
    bool is_running;
    atomic_bool stopping;
    atomic_bool given_up; /* a scribe that is stuck writes nothing more when it comes back */
    atomic_uchar users;   /* the owner and the scribe; the last one frees */
};

/* ---- pushing ---- */

static void wake(struct rkd_log *log)
{
    const uint64_t one = 1;

    (void)!write(log->wake_fd, &one, sizeof(one)); /* full: it will wake anyway */
}

static void wake_from(struct rkd_log *log, int state)
{
    if (atomic_load(&log->state) == state &&
        atomic_compare_exchange_strong(&log->state, &state, AWAKE))
        wake(log);
}

static uint64_t used(const struct rkd_log_ring *ring)
{
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

    return atomic_load(&ring->head) - tail;
}

void rkd_log_push(struct rkd_log_ring *ring, struct rk_str line)
{
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    const size_t free_bytes = ring->size - (size_t)(head - tail);
    const size_t at = (size_t)head & (ring->size - 1);
    size_t first = ring->size - at;

    if (line.len > free_bytes || atomic_load_explicit(&ring->log->stopping, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return;
    }
    if (first > line.len)
        first = line.len;
    memcpy(ring->bytes + at, line.ptr, first);
    memcpy(ring->bytes, line.ptr + first, line.len - first);
    atomic_store(&ring->head, head + line.len);
    if (head + line.len - tail >= ring->size / 4)
        wake_from(ring->log, LAZY);
}

void rkd_log_turn(struct rkd_log_ring *ring)
{
    if (used(ring) == 0)
        return;
    wake_from(ring->log, IDLE);
}

bool rkd_log_wants(const struct rkd_log *log, enum rkd_log_level level)
{
    return level <= log->level;
}

enum rkd_log_format rkd_log_format(const struct rkd_log *log)
{
    return log->format;
}

struct rkd_log_ring *rkd_log_ring(struct rkd_log *log, unsigned index)
{
    return &log->rings[index];
}

void rkd_log_say(struct rkd_log *log, enum rkd_log_level level, struct rk_str line)
{
    struct rkd_log_ring *shared = &log->rings[log->ring_count - 1];

    if (!rkd_log_wants(log, level))
        return;
    (void)pthread_mutex_lock(&log->shared_lock);
    rkd_log_push(shared, line);
    (void)pthread_mutex_unlock(&log->shared_lock);
    rkd_log_turn(shared);
}

uint64_t rkd_log_dropped(const struct rkd_log *log)
{
    uint64_t sum = atomic_load_explicit(&log->refused, memory_order_relaxed);

    for (unsigned i = 0; i < log->ring_count; i++)
        sum += atomic_load_explicit(&log->rings[i].dropped, memory_order_relaxed);
    return sum;
}

/* ---- the scribe: writing ---- */

static uint64_t count_lines(const struct iovec *pieces, size_t count)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < count; i++) {
        const char *bytes = pieces[i].iov_base;

        for (size_t k = 0; k < pieces[i].iov_len; k++)
            lines += bytes[k] == '\n' ? 1 : 0;
    }
    return lines;
}

/* The one place where the scribe may be stuck. -1: refused, or nobody waits any more. */
static ssize_t write_or_wait(const struct rkd_log *log, const struct iovec *pieces, size_t count)
{
    struct pollfd ready = {.fd = log->fd, .events = POLLOUT};

    while (!atomic_load(&log->given_up)) {
        const ssize_t wrote = writev(log->fd, pieces, (int)count);

        if (wrote >= 0 || (errno != EAGAIN && errno != EINTR))
            return wrote;
        if (errno == EAGAIN) /* somebody made the sink non-blocking */
            (void)poll(&ready, 1, FULL_MS);
    }
    return -1;
}

/* Writes all pieces; what the sink refuses is counted and gone. The pieces are used up. */
static void write_all(struct rkd_log *log, struct iovec *pieces, size_t count)
{
    size_t at = 0;

    while (at < count) {
        ssize_t wrote = write_or_wait(log, pieces + at, count - at);

        log->is_failing = wrote <= 0;
        if (log->is_failing) {
            atomic_fetch_add_explicit(&log->refused, count_lines(pieces + at, count - at),
                                      memory_order_relaxed);
            return;
        }
        while (at < count && (size_t)wrote >= pieces[at].iov_len) {
            const char *bytes = pieces[at].iov_base;

            wrote -= (ssize_t)pieces[at].iov_len;
            if (pieces[at].iov_len != 0)
                log->is_torn = bytes[pieces[at].iov_len - 1] != '\n';
            at++;
        }
        if (at < count && wrote > 0) {
            pieces[at].iov_base = (char *)pieces[at].iov_base + wrote;
            pieces[at].iov_len -= (size_t)wrote;
            log->is_torn = true;
        }
    }
}

/* What waits in a ring up to `head`: at most two pieces. */
static size_t gather_ring(const struct rkd_log_ring *ring, uint64_t head, struct iovec *pieces)
{
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const size_t at = (size_t)tail & (ring->size - 1), length = (size_t)(head - tail);
    const size_t first = length < ring->size - at ? length : ring->size - at;

    if (length == 0)
        return 0;
    pieces[0] = (struct iovec){.iov_base = ring->bytes + at, .iov_len = first};
    pieces[1] = (struct iovec){.iov_base = ring->bytes, .iov_len = length - first};
    return length == first ? 1 : 2;
}

/* Says how many lines are gone, as soon as the sink takes lines again. */
static void report_dropped(struct rkd_log *log)
{
    const uint64_t dropped = rkd_log_dropped(log);
    struct rkd_log_line line;
    struct iovec piece;

    if (dropped == log->reported || log->is_failing)
        return;
    rkd_log_begin(&line, log->format, RKD_LOG_WARN, RK_STR("log_dropped"), rkd_clock_wall_ms());
    rkd_log_int(&line, RK_STR("count"), (int64_t)(dropped - log->reported));
    piece = (struct iovec){.iov_base = line.text, .iov_len = rkd_log_end(&line).len};
    write_all(log, &piece, 1);
    if (log->is_failing) /* the report itself is no lost line */
        atomic_fetch_sub_explicit(&log->refused, 1, memory_order_relaxed);
    else
        log->reported = dropped;
}

/* Writes what waits now. False: there was nothing. */
static bool drain(struct rkd_log *log)
{
    struct iovec pieces[PIECES_MAX];
    char line_feed[] = "\n";
    size_t count = 1;

    pieces[0] = (struct iovec){.iov_base = line_feed, .iov_len = 1}; /* ends a torn line */
    for (unsigned i = 0; i < log->ring_count; i++) {
        log->taken[i] = atomic_load(&log->rings[i].head);
        count += gather_ring(&log->rings[i], log->taken[i], pieces + count);
    }
    if (count > 1) {
        write_all(log, pieces + (log->is_torn ? 0 : 1), count - (log->is_torn ? 0 : 1));
        for (unsigned i = 0; i < log->ring_count; i++)
            atomic_store_explicit(&log->rings[i].tail, log->taken[i], memory_order_release);
    }
    report_dropped(log);
    return count > 1;
}

/* ---- the scribe: sleeping ---- */

static bool may_sleep(struct rkd_log *log, int how)
{
    if (atomic_load(&log->stopping))
        return false;
    for (unsigned i = 0; i < log->ring_count; i++)
        if (used(&log->rings[i]) >= (how == IDLE ? 1 : log->rings[i].size / 4))
            return false;
    return true;
}

static void sleep_until_woken(struct rkd_log *log, int how)
{
    struct pollfd woken = {.fd = log->wake_fd, .events = POLLIN};
    uint64_t count;

    atomic_store(&log->state, how);
    if (may_sleep(log, how))
        (void)poll(&woken, 1, how == IDLE ? -1 : LAZY_MS);
    atomic_store(&log->state, AWAKE);
    (void)!read(log->wake_fd, &count, sizeof(count)); /* non-blocking: forget old calls */
}

/* The last one of two to leave puts out the light. */
static void leave(struct rkd_log *log)
{
    if (atomic_fetch_sub(&log->users, 1) != 1)
        return;
    for (unsigned i = 0; i < log->ring_count; i++)
        free(log->rings[i].bytes);
    free(log->rings);
    (void)pthread_mutex_destroy(&log->shared_lock);
    if (log->wake_fd >= 0)
        (void)close(log->wake_fd);
    if (log->fd >= 0)
        (void)close(log->fd);
    free(log);
}

static void *scribe_main(void *ctx)
{
    struct rkd_log *log = ctx;
    bool last;

    do {
        /* Looked at before the rings: what was pushed before the stop is seen by this drain. */
        last = atomic_load(&log->stopping);
        if (!drain(log) && !last)
            sleep_until_woken(log, IDLE);
        else if (!last)
            sleep_until_woken(log, LAZY);
    } while (!last);
    leave(log);
    return NULL;
}

/* ---- beginning and end ---- */

static enum rk_err start_scribe(struct rkd_log *log)
{
    atomic_store(&log->users, 2);
    log->is_running = rkd_thread_start(&log->scribe, scribe_main, log);
    if (!log->is_running)
        atomic_store(&log->users, 1);
    return log->is_running ? RK_OK : RK_E_IO;
}

static enum rk_err make_rings(struct rkd_log *log, unsigned count)
{
    const size_t size = count * sizeof(struct rkd_log_ring);

    log->rings = aligned_alloc(_Alignof(struct rkd_log_ring), size);
    if (log->rings == NULL)
        return RK_E_NOMEM;
    memset(log->rings, 0, size);
    log->ring_count = count;
    for (unsigned i = 0; i < count; i++) {
        log->rings[i].log = log;
        log->rings[i].size = i == count - 1 ? SHARED_BYTES : RING_BYTES;
        log->rings[i].bytes = malloc(log->rings[i].size);
        if (log->rings[i].bytes == NULL)
            return RK_E_NOMEM;
    }
    return RK_OK;
}

enum rk_err rkd_log_new(int fd, enum rkd_log_level level, enum rkd_log_format format,
                        unsigned workers, struct rkd_log **out_log)
{
    struct rkd_log *log;
    enum rk_err err = RK_E_IO;

    if (workers > RKD_WORKERS_MAX)
        return RK_E_INVAL;
    log = aligned_alloc(_Alignof(struct rkd_log), sizeof(*log));
    if (log == NULL)
        return RK_E_NOMEM;
    memset(log, 0, sizeof(*log));
    log->level = level;
    log->format = format;
    atomic_store(&log->users, 1);
    (void)pthread_mutex_init(&log->shared_lock, NULL); /* cannot fail with default attributes */
    /* A copy: it stays ours while a stuck write lasts, and it never becomes somebody's socket. */
    log->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    log->wake_fd = log->fd < 0 && errno != EBADF ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0)
        goto out;
    err = make_rings(log, workers + 1);
    if (err != RK_OK)
        goto out;
    err = start_scribe(log);
    if (err != RK_OK)
        goto out;
    *out_log = log;
    log = NULL;
out:
    rkd_log_free(log);
    return err;
}

/* Lines a stuck scribe leaves behind. */
static uint64_t count_left_over(const struct rkd_log *log)
{
    struct iovec pieces[2];
    uint64_t lines = 0;

    for (unsigned i = 0; i < log->ring_count; i++)
        lines += count_lines(pieces,
                             gather_ring(&log->rings[i], atomic_load(&log->rings[i].head), pieces));
    return lines;
}

bool rkd_log_stop(struct rkd_log *log, unsigned timeout_ms)
{
    if (log == NULL || !log->is_running)
        return true;
    log->is_running = false;
    atomic_store(&log->stopping, true);
    wake(log);
    if (rkd_thread_join_within(log->scribe, timeout_ms))
        return true;
    /* A write that blocks cannot be called back; the process can end without it. */
    atomic_store(&log->given_up, true);
    (void)pthread_detach(log->scribe);
    atomic_fetch_add_explicit(&log->refused, count_left_over(log), memory_order_relaxed);
    return false;
}

void rkd_log_free(struct rkd_log *log)
{
    if (log == NULL)
        return;
    (void)rkd_log_stop(log, 0);
    leave(log);
}
