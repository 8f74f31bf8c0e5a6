/*
 * worker.h - what the files of net share: the listening side, a worker, its connections, the
 * exchange at hand.
 *
 * A worker is touched by its own thread only, but for the members marked atomic. A connection is a
 * descriptor, a place in the wheel and what is not yet whole; an idle one holds no buffer and no
 * exchange.
 */
#ifndef RKD_NET_WORKER_H
#define RKD_NET_WORKER_H

#include "net/chunk.h"
#include "net/head.h"
#include "net/wheel.h"

#include <llhttp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <uv.h>

enum {
    RKD_READ_BYTES = 64 * 1024,     /* one read buffer a worker */
    RKD_OUT_BYTES = 64 * 1024,      /* one output buffer a worker */
    RKD_GATHERED_MAX = 32,          /* pipelined answers in one write */
    RKD_LINGER_MS = 2000,           /* H12 */
    RKD_LINGER_BYTES = 1024 * 1024, /* H12 */
    RKD_CACHE_LINE = 64,
};

/* --- listen.c, count.c: shared by all workers --- */

struct rkd_listener {
    int fd;        /* -1 once the drain closed it */
    bool has_path; /* a Unix path we made; removed only while it is still ours */
    dev_t path_dev;
    ino_t path_ino;
};

struct rkd_load {
    _Alignas(RKD_CACHE_LINE) atomic_uint connections;
    _Atomic uint64_t accepted, refused; /* written by that worker only */
};

struct rkd_count; /* connections of an address */
struct rkd_count_bucket;

struct rkd_net {
    struct rkd_net_limits limits;
    struct rkd_net_listener names[RKD_LISTEN_MAX];
    struct rkd_listener listeners[RKD_LISTEN_MAX];
    size_t listener_count;
    unsigned workers;
    atomic_uint accepting; /* workers that have not begun to drain */
    atomic_uint connections;
    pthread_mutex_t shut_lock; /* over listeners[], which the drain shuts */
    pthread_mutex_t count_lock;
    struct rkd_count_bucket *counts;
    uint64_t count_key[2];
    struct rkd_load load[]; /* a cache line each */
};

/* Takes a place for one more connection; false: over a limit (H18). is_exempt: no limit per
 * address. Threads: any. */
bool rkd_count_take(struct rkd_net *net, const struct rkd_addr *peer, bool is_exempt,
                    struct rkd_count **out_count);
void rkd_count_give(struct rkd_net *net, struct rkd_count *count);
RK_NODISCARD enum rk_err rkd_count_init(struct rkd_net *net);
void rkd_count_clear(struct rkd_net *net);

/* Fills in what the kernel knows: the port it chose, an inherited socket's address; and the text.
 */
void rkd_listen_learn(int fd, struct rkd_net_listener *name);
/* The drain: nobody may connect any more; what is queued stays to be accepted. */
void rkd_listen_shut(struct rkd_net *net);
/* The last worker has taken what was queued. */
void rkd_listen_close(struct rkd_net *net);

/* --- the exchange --- */

struct rkd_conn;

/* Bytes received and not yet used up: data[off..len). */
struct rkd_view {
    char *data;
    size_t off, len, cap;
};

struct rkd_exchange {
    struct rkd_conn *conn;
    struct rkd_exchange *next; /* the next answer to be sent, or the next free one */
    void *slot;
    llhttp_t llhttp;
    struct rkd_chunk chunk;
    uint64_t body_left; /* of an announced Content-Length */
    size_t head_len;    /* from the first byte given to the scan */
    size_t raw_len;     /* the whole request, as received */
    size_t body_len;    /* decoded, behind the head */
    uint32_t long_body; /* rkd_exchange_allow_body; 0: the limit of all */
    char *body;         /* where it lies during a read */
    uint64_t out_end;   /* the answer's last byte, counted from the connection's first */
    bool was_shown;     /* a callback saw it: on_done is due */
    bool is_dropping;   /* H12: the body is read and dropped */
    bool is_answered;
    bool is_last;        /* the connection closes after it */
    bool is_llhttp_done; /* llhttp saw the message's end */
    bool has_verdict;    /* the head waited; `verdict` came since */
    enum rkd_head_verdict verdict;
    struct rkd_request request;
};

/* Of this request's body. */
static inline uint32_t rkd_exchange_body_max(const struct rkd_exchange *x,
                                             const struct rkd_net_limits *limits)
{
    return x->long_body != 0 ? x->long_body : limits->body_bytes;
}

/* --- the connection --- */

enum rkd_stage {
    RKD_STAGE_READ = 0, /* a head or a body */
    RKD_STAGE_PENDING,  /* the handler will answer later */
    RKD_STAGE_LINGER,   /* our side is shut; reading on so that the answer is not lost */
    RKD_STAGE_CLOSED,
};

struct rkd_conn {
    uv_poll_t poll; /* first: uv gives it back */
    struct rkd_worker *worker;
    struct rkd_conn *prev, *next; /* all of the worker's */
    struct rkd_conn *next_resume; /* on the worker's list of those to carry on */
    struct rkd_wheel_node node;
    struct rkd_exchange *x;            /* at hand */
    struct rkd_exchange *first, *last; /* answered, not yet sent */
    struct rkd_count *count;
    struct rkd_view in;  /* only while a request is incomplete or pending */
    struct rkd_view out; /* what the kernel did not take */
    struct rkd_head_state head;
    uint64_t opened_ms;
    uint64_t phase_deadline_ms; /* of the head or the body at hand */
    uint64_t write_deadline_ms;
    uint64_t out_total; /* bytes written by the handler */
    uint64_t out_sent;  /* bytes the kernel took */
    uint32_t linger_left;
    int fd;
    uint8_t stage;
    uint8_t watched; /* UV_READABLE | UV_WRITABLE */
    bool is_running; /* inside rkd_conn_run: an answer only leaves a mark */
    bool is_ending;  /* the last answer stands: nothing more is read */
    bool is_resuming;
    bool is_eof;   /* the client shut its side */
    bool is_gone;  /* the socket is dead */
    bool is_fresh; /* accepted by the drain or just before it, no request yet */
    struct rkd_addr peer;
    struct rkd_conn_slot slot;
};

/* A new connection on `fd`, which it takes; false: no memory, fd is closed. */
bool rkd_conn_open(struct rkd_worker *worker, int fd, const struct rkd_addr *peer,
                   struct rkd_count *count);
/* Its deadline came. */
void rkd_conn_late(struct rkd_conn *conn);
/* Carries on after an answer that was given late. */
void rkd_conn_resume(struct rkd_conn *conn);
/* The drain began: serves what has arrived, closes if nothing has. */
void rkd_conn_drain(struct rkd_conn *conn);
/* The drain's deadline: true when an exchange or its answer was lost. */
bool rkd_conn_cut(struct rkd_conn *conn);
/* It waits for its client, of whom nothing has come: with it no request is lost that is whole. */
bool rkd_conn_is_waiting(const struct rkd_conn *conn);

/*
 * input.c: the bytes of a request stay where they are from on_head to on_done. So they are put
 * where they can stay before on_head, or the buffer they stand in changes hands.
 */
/* Room for at least one more byte of a partial head, or behind the request at hand. */
bool rkd_input_reserve(struct rkd_conn *conn);
/* Before on_head, when the body is not here: the live bytes and room for the body, in conn->in. */
bool rkd_input_settle(struct rkd_conn *conn, struct rkd_view **view, struct rkd_exchange *x);
/* After a run: what is still needed of `view` is conn->in's from now on. */
bool rkd_input_keep(struct rkd_conn *conn, struct rkd_view *view);
void rkd_input_free(struct rkd_conn *conn);

/* read.c: works through the view from its `off`, callback by callback; may go over to conn->in. */
enum rkd_run {
    RKD_RUN_MORE = 0, /* bytes are missing */
    RKD_RUN_FULL,     /* send what is gathered, then call again */
    RKD_RUN_PENDING,  /* an answer is missing */
    RKD_RUN_LAST,     /* an answer with Connection: close stands */
};
enum rkd_run rkd_conn_run(struct rkd_conn *conn, struct rkd_view **view);
/* There will be no (more of the) request. */
void rkd_conn_fault(struct rkd_conn *conn, const struct rkd_view *view, enum rkd_fault fault);

/* body.c: both feed llhttp, which must agree. */
enum rkd_body {
    RKD_BODY_MORE = 0,
    RKD_BODY_WHOLE,
    RKD_BODY_BAD,
    RKD_BODY_TOO_LARGE,
    RKD_BODY_ACCOUNT,
};
RK_NODISCARD bool rkd_body_begin(struct rkd_exchange *x, const struct rkd_head_state *head,
                                 const char *data);
/* Takes data[0..len) for the body; *out_used of it belong to this request. */
RK_NODISCARD enum rkd_body rkd_body_take(struct rkd_exchange *x,
                                         const struct rkd_net_limits *limits, const char *data,
                                         size_t len, size_t *out_used);

/* --- worker.c --- */

struct rkd_acceptor {
    uv_poll_t poll;
    struct rkd_worker *worker;
    int fd; /* a dup, so that each loop has its own registration */
};

struct rkd_worker {
    uv_loop_t loop;
    uv_async_t async;
    uv_prepare_t prepare;
    uv_timer_t tick;
    uv_timer_t accept_timer; /* when to look again after standing back */
    uv_timer_t drain_timer;
    uv_timer_t beat;
    struct rkd_net *net;
    const struct rkd_handler *handler;
    void *ctx;
    unsigned index;
    struct rkd_acceptor acceptors[RKD_LISTEN_MAX];
    struct rkd_wheel wheel;
    struct rkd_conn *conns;
    struct rkd_conn *resume_first, *resume_last;
    struct rkd_exchange *free_exchanges;
    size_t free_count;
    struct rkd_conn *out_conn; /* whose answers stand in `out` */
    size_t out_len;            /* answers that are complete */
    unsigned gathered;         /* how many */
    struct rkd_exchange *writing;
    struct rki_buf answer; /* the one being written, behind them */
    int reserve_fd;        /* given up to close an excess connection when descriptors are out */
    uint32_t cut_off;
    bool is_busy; /* something happened this turn */
    bool is_draining;
    bool is_accept_forced; /* stood back long enough: take the next ones */
    bool is_ticking;
    bool is_closed;
    atomic_uint drain_ms; /* 0: no drain; set by any thread */
    char *read;           /* RKD_READ_BYTES; a connection may take it, then there is a new one */
    size_t out_cap;       /* RKD_OUT_BYTES, or room for two answers where they are longer */
    char out[];
};

struct rkd_exchange *rkd_exchange_take(struct rkd_worker *worker);
void rkd_exchange_give(struct rkd_worker *worker, struct rkd_exchange *x);
/* output.c: hands what is gathered to the kernel; the rest moves to conn->out. */
void rkd_conn_push(struct rkd_conn *conn);
/* Writes conn->out. */
void rkd_conn_push_rest(struct rkd_conn *conn);
/* 100 Continue, behind the answers already gathered. */
void rkd_conn_continue(struct rkd_conn *conn);
/* on_done for every answer the kernel has; for all of them when the connection is gone. */
void rkd_conn_finish(struct rkd_conn *conn);
/* Is there room for one more answer behind those gathered? */
bool rkd_worker_has_room(const struct rkd_worker *worker);
void rkd_worker_resume_later(struct rkd_worker *worker, struct rkd_conn *conn);
void rkd_worker_resume_never(struct rkd_worker *worker, struct rkd_conn *conn);
/* Perhaps the drain is over. */
void rkd_worker_conn_closed(struct rkd_worker *worker);
void rkd_worker_arm(struct rkd_worker *worker, struct rkd_conn *conn, uint64_t deadline_ms);

/* accept.c */
RK_NODISCARD enum rk_err rkd_accept_open(struct rkd_worker *worker);
/* The drain: takes all that is queued, then listens no more. */
void rkd_accept_drain(struct rkd_worker *worker);
void rkd_accept_close(struct rkd_worker *worker);

#endif
