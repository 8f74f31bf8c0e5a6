/*
 * http.h - whole HTTP exchanges over connections of their own, for roomkey health, dev and Lambda.
 *
 * For peers of the same house; the client for addresses of others is net/fetch.h, with its rules.
 */
#ifndef RKD_CLI_HTTP_H
#define RKD_CLI_HTTP_H

#include "cli/cli.h"

enum { RKD_HTTP_STATUS_LEN = 12 }; /* of an answer are enough to know the status */

struct rkd_http_request {
    struct rk_str head; /* with the blank line; must ask for Connection: close */
    struct rk_str body;
    int64_t timeout_ms; /* below 0: for ever */
    int stop_fd;        /* readable or hung up: give up; -1: nothing stops it */
};

struct rkd_http_answer {
    unsigned status;
    struct rk_str fields; /* lines, as rkd_envelope_next_field reads them */
    struct rk_str body;   /* chunks put together */
};

/*
 * Connects, sends and reads up to the other side's close, into `data`, where *out points
 * afterwards.
 *
 * RK_E_IO        nobody answered in time, or not with a whole answer
 * RK_E_TOO_LONG  it needs more than `cap` bytes; the status, and the fields if the head fitted
 * Threads: safe.
 */
RK_NODISCARD enum rk_err rkd_http_exchange(const struct rkd_listen *to,
                                           const struct rkd_http_request *request, char *data,
                                           size_t cap, struct rkd_http_answer *out);

/* The same for GET `path`; the status, 0 when nobody answered in time. With a small `cap` that is
 * all there is of the answer. */
unsigned rkd_http_get(const struct rkd_listen *to, const char *path, int timeout_ms, char *data,
                      size_t cap, struct rkd_http_answer *out);

/* The value of the first field of that name; absent (ptr NULL) when there is none. */
struct rk_str rkd_http_find(const struct rkd_http_answer *answer, struct rk_str name);

#endif
