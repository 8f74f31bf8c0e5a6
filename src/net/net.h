/*
 * net.h - bytes in, bytes out: the only room that knows libuv and llhttp.
 *
 * net reads requests strictly (semantics H1-H9, H16-H18), hands each to the handler in two steps
 * (head, then whole request), sends what the handler wrote, and owns every socket, deadline and
 * buffer. It never formats an answer (but for 100 Continue), never logs, never decides who may have
 * what. One worker is one thread and one loop; everything of a worker happens on its thread unless
 * said otherwise.
 */
#ifndef RKD_NET_H
#define RKD_NET_H

#include "core/buf.h"
#include "model/addr.h"

enum {
    RKD_HEADERS_MAX = 64,
    RKD_REQUEST_LINE_MAX = 8192,
    RKD_ANSWER_BYTES = 28 * 1024, /* an answer, head and body: there is always room for as much */
    RKD_DRAIN_MAX_MS = 9500,
    RKD_BEAT_MS = 250,
};

enum rkd_method {
    RKD_METHOD_OTHER = 0, /* a token nobody here serves */
    RKD_GET,
    RKD_HEAD,
    RKD_POST,
    RKD_OPTIONS,
};

/* Headers the service looks at: found once, by the scan. H6: a second line of the first seven is
 * 400 before this. */
enum rkd_header_id {
    RKD_H_AUTHORIZATION = 0,
    RKD_H_X_API_KEY,
    RKD_H_ORIGIN,
    RKD_H_CONTENT_TYPE,
    RKD_H_CONTENT_ENCODING,
    RKD_H_EXPECT,
    RKD_H_CONTENT_LENGTH,
    RKD_H_HOST,
    RKD_H_TRANSFER_ENCODING,
    RKD_H_CONNECTION,
    RKD_H_AC_REQUEST_METHOD,
    RKD_H_AC_REQUEST_HEADERS,
    RKD_H_ROOMKEY_PROFILE,
    RKD_H_SEC_FETCH_SITE,
    RKD_H_X_FORWARDED_FOR,
    RKD_H_FORWARDED,
    RKD_H_ROOMKEY_DEVICE,
    RKD_H_ROOMKEY_EXPLAIN,
    RKD_H_PRINCIPAL, /* X-MS-CLIENT-PRINCIPAL and its kin: a platform's proof, where configured */
    RKD_H_PRINCIPAL_ID,
    RKD_H_PRINCIPAL_IDP,
    RKD_H_INVOCATION_ID, /* X-Azure-Functions-InvocationId, for the log */
    RKD_H_TRACEPARENT,
    RKD_H_COUNT,
    RKD_H_OTHER = RKD_H_COUNT,
};

struct rkd_header {
    struct rk_str name, value; /* value without the blanks around it */
    uint8_t id;                /* enum rkd_header_id */
};

enum rkd_expect { RKD_EXPECT_NONE = 0, RKD_EXPECT_CONTINUE, RKD_EXPECT_OTHER };

/* Borrowed from net's buffers: valid, and at the same place, from on_head (or on_fault) to the end
 * of on_done. The body is there from on_request on. */
struct rkd_request {
    enum rkd_method method;
    struct rk_str method_text;
    struct rk_str path; /* up to '?'; of an absolute target the path ("/" when it has none); "*" for
                           OPTIONS * */
    struct rk_str query; /* after '?', absent when there is none */
    unsigned minor;      /* HTTP/1.minor */
    size_t header_count;
    struct rkd_header headers[RKD_HEADERS_MAX];
    struct rk_str known[RKD_H_COUNT]; /* first value of each; ptr NULL when absent */
    uint8_t known_count[RKD_H_COUNT]; /* how many lines */
    enum rkd_expect expect;
    bool has_body; /* Content-Length > 0 or chunked */
    bool is_chunked;
    bool asks_close; /* "close" in a Connection line; net minds it, see rkd_exchange_closes */
    uint64_t content_length; /* announced; 0 when chunked or none */
    struct rk_str body;      /* whole and decoded; only in on_request after RKD_HEAD_READ */
    size_t bytes_in;         /* head and body as received, for the log */
};

/* Why there is no (whole) request. Each is answered once, with Connection: close (H12). */
enum rkd_fault {
    RKD_FAULT_BAD_REQUEST = 0, /* 400: any breach of H2-H6, H8, H9, body framing too */
    RKD_FAULT_TIMEOUT,         /* 408: a partial head or body came too late */
    RKD_FAULT_BODY_TOO_LARGE,  /* 413: a chunked body grew past the limit (a long Content-Length is
                                  the handler's to see) */
    RKD_FAULT_URI_TOO_LONG,    /* 414 */
    RKD_FAULT_HEADERS_TOO_LARGE, /* 431: head, header count, or the account of chunk framing and
                                    trailers (H9) */
    RKD_FAULT_VERSION,           /* 505 */
};

/*
 * A request out of the text of a head, by the very scan that reads sockets (H1-H8): what a platform
 * hands over in another wrapping is held to the same rules. `head` is the whole head and nothing
 * behind it; *out borrows from it, has no body, and holds what was known of the request line when
 * false is returned.
 */
RK_NODISCARD bool rkd_request_scan(struct rk_str head, uint32_t headers_bytes,
                                   struct rkd_request *out, enum rkd_fault *out_fault);

enum rkd_head_verdict {
    RKD_HEAD_READ =
        0,         /* read the body (send 100 Continue where H11 asks for it), then on_request */
    RKD_HEAD_DROP, /* the answer is already certain: read and drop the body as H12 says, then
                      on_request */
    RKD_HEAD_WAIT, /* not known yet: rkd_exchange_go_on will say; nothing is read, no 100 Continue
                      is sent and no deadline runs until then */
};

struct rkd_exchange; /* one request and its answer; opaque */

/* What serve gives to net. Every callback runs on the worker's thread with the `worker_ctx` of
 * rkd_worker_new. */
struct rkd_handler {
    /* The head is whole and well-formed. No rkd_exchange_send here. */
    enum rkd_head_verdict (*on_head)(void *worker_ctx, struct rkd_exchange *x);
    /* The request is whole (or its body was dropped, or H12 says to answer without it). Must end in
     * rkd_exchange_send, now or later on this thread. */
    void (*on_request)(void *worker_ctx, struct rkd_exchange *x);
    /* There will be no whole request. Before on_head, rkd_exchange_request gives what is known
     * (maybe nothing). Must end in rkd_exchange_send during the call. */
    void (*on_fault)(void *worker_ctx, struct rkd_exchange *x, enum rkd_fault fault);
    /* The exchange is over; called exactly once per exchange that saw any callback above. sent: the
     * answer was handed to the kernel whole; false: the client went away, or the write timed out.
     * Frees the handler's part of it. May be NULL. */
    void (*on_done)(void *worker_ctx, struct rkd_exchange *x, bool sent);
    /* Before sleeping: once a loop turn in which anything happened (gathered log lines, counters).
     * May be NULL. */
    void (*on_turn)(void *worker_ctx);
    /* Soon after rkd_worker_wake, once for many, and now and then without it. May be NULL. */
    void (*on_wake)(void *worker_ctx);
    /* Every RKD_BEAT_MS while the loop runs, busy or idle. May be NULL: then no timer runs. */
    void (*on_beat)(void *worker_ctx);
    /* May this peer open any number of connections (H18)? Called on accept. NULL: nobody may. */
    bool (*is_trusted)(void *worker_ctx, const struct rkd_addr *peer);
};

const struct rkd_request *rkd_exchange_request(const struct rkd_exchange *x);
const struct rkd_addr *rkd_exchange_peer(const struct rkd_exchange *x);

/* A word pair for the handler per exchange (zero at first), and one per connection (zero when it
 * opens). */
void **rkd_exchange_slot(struct rkd_exchange *x);
struct rkd_conn_slot {
    uint64_t word[2];
};
struct rkd_conn_slot *rkd_exchange_conn_slot(struct rkd_exchange *x);

/* True when the answer must carry Connection: close: HTTP/1.0, the client asked, drain, H11, H12, a
 * fault. */
bool rkd_exchange_closes(const struct rkd_exchange *x);
/* The handler wants the connection closed after this answer; call before writing the head. */
void rkd_exchange_close_after(struct rkd_exchange *x);

/* Only in on_head, before anything of the request was borrowed: this body may have as many bytes,
 * in place of limits.body_bytes (which are fewer). What the request points to may move at the end
 * of on_head. */
void rkd_exchange_allow_body(struct rkd_exchange *x, uint32_t bytes);

/* After RKD_HEAD_WAIT: READ or DROP, once. Calls no callback; the request goes on at the end of the
 * loop's turn. */
void rkd_exchange_go_on(struct rkd_exchange *x, enum rkd_head_verdict verdict);

/* Where to write the whole answer, head and body, in one piece: a buffer of the worker's with at
 * least RKD_ANSWER_BYTES (or limits.answer_bytes) free. */
struct rki_buf *rkd_exchange_out(struct rkd_exchange *x);
/* The answer stands in rkd_exchange_out; between the two calls no other exchange is written to.
 * Calls no callback: on_done of an answer given late comes at the end of the loop's turn. */
void rkd_exchange_send(struct rkd_exchange *x);

struct rkd_net_limits {
    uint32_t connections, connections_per_address; /* all workers together; 0: off */
    uint32_t body_bytes, headers_bytes;
    uint32_t head_ms, body_ms, idle_ms, write_ms;
    uint32_t answer_bytes; /* of an answer, head and body; RKD_ANSWER_BYTES at least (and for 0) */
    /* One connection too many: in place of the new one, one of the same worker's is closed of which
     * nothing has arrived that would still have to be answered; the new one only if there is none.
     * For a few connections: each is looked at. */
    bool makes_room;
};

/* What all workers share: listening sockets, connection counts. Threads: made before, freed after
 * all workers. */
struct rkd_net;
struct rkd_net_listener {
    struct rkd_listen listen; /* with the address and port the kernel says */
    char text[160];           /* "127.0.0.1:7071", "[::1]:7071", "unix:/run/x": for the log */
};

/*
 * Opens every address once (SO_REUSEADDR, TCP_NODELAY, non-blocking, CLOEXEC; Unix: 0660, a stale
 * path is removed only when nobody answers on it; inherited: checked to be listening stream
 * sockets). Raises the soft descriptor limit. RK_E_INVAL/RK_E_IO with the culprit and errno's text
 * in out_diag ("address already in use" literally: hosts look for it).
 */
RK_NODISCARD enum rk_err rkd_net_open(const struct rkd_listen *listen, size_t count,
                                      const struct rkd_net_limits *limits, unsigned workers,
                                      struct rkd_net **out_net, struct rk_diag *out_diag);
/* The socket `fd` is bound where `at` says: address and port, or path. False for port 0, and for
 * what is no socket. */
bool rkd_net_is_bound(int fd, const struct rkd_listen *at);
size_t rkd_net_listeners(const struct rkd_net *net, const struct rkd_net_listener **out);
/* Connections allowed after the descriptor limit was looked at (H18); less than asked for deserves
 * a warning. */
uint32_t rkd_net_connections(const struct rkd_net *net);
/* Open connections now, all workers. Threads: any. */
uint32_t rkd_net_open_connections(const struct rkd_net *net);
/* Connections taken, and closed at once (over a limit, out of descriptors or memory), ever, all
 * workers. Threads: any. */
uint64_t rkd_net_accepted(const struct rkd_net *net);
uint64_t rkd_net_refused(const struct rkd_net *net);
/* Closes the sockets, removes the Unix paths it made. */
void rkd_net_free(struct rkd_net *net);

struct rkd_worker;
RK_NODISCARD enum rk_err rkd_worker_new(struct rkd_net *net, unsigned index,
                                        const struct rkd_handler *handler, void *worker_ctx,
                                        struct rkd_worker **out);
/* Runs the loop on this thread until the drain is over. */
void rkd_worker_run(struct rkd_worker *worker);
/* Threads: any. H21: accept what is queued, stop listening, finish what began, close idle ones,
 * then rkd_worker_run returns, after `deadline_ms` at the latest. */
void rkd_worker_drain(struct rkd_worker *worker, uint32_t deadline_ms);
/* Threads: any. handler->on_wake is called on the worker's thread; not after rkd_worker_run. */
void rkd_worker_wake(struct rkd_worker *worker);
/* Connections cut off by the drain's deadline. After rkd_worker_run. */
uint32_t rkd_worker_cut_off(const struct rkd_worker *worker);
void rkd_worker_free(struct rkd_worker *worker);

/* The keeper's loop: signals and timers, no connections. One thread runs it. */
struct rkd_loop;
typedef void rkd_loop_fn(void *ctx);
typedef void rkd_signal_fn(void *ctx, int signum);
RK_NODISCARD enum rk_err rkd_loop_new(struct rkd_loop **out);
RK_NODISCARD enum rk_err rkd_loop_on_signal(struct rkd_loop *loop, int signum, rkd_signal_fn *fn,
                                            void *ctx);
/* Every `every_ms`. At most 8 of them. */
RK_NODISCARD enum rk_err rkd_loop_every(struct rkd_loop *loop, uint32_t every_ms, rkd_loop_fn *fn,
                                        void *ctx);
/* Called on the loop's thread soon after rkd_loop_wake. */
void rkd_loop_on_wake(struct rkd_loop *loop, rkd_loop_fn *fn, void *ctx);
void rkd_loop_wake(struct rkd_loop *loop); /* Threads: any */
/* On this thread SIGPIPE is blocked from here on. */
void rkd_loop_run(struct rkd_loop *loop);
void rkd_loop_stop(struct rkd_loop *loop); /* on the loop's thread */
void rkd_loop_free(struct rkd_loop *loop);

#endif
