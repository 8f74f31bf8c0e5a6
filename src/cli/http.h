/*
 * http.h - whole HTTP exchanges over connections of their own, for roomkey health and Lambda.
 *
 * For peers of the same house; the client for addresses of others is net/fetch.h, with its rules.
 */
#ifndef RKD_CLI_HTTP_H
#define RKD_CLI_HTTP_H

#include "cli/cli.h"

enum { RKD_HTTP_ANSWER_MAX = 16 * 1024 * 1024 };

struct rkd_http_request {
    struct rk_str head; /* with the blank line; asks for Connection: close */
    struct rk_str body;
    bool to_head;       /* HEAD: its answer has no body, whatever the fields say */
    int64_t timeout_ms; /* below 0: for ever */
    int stop_fd;        /* readable or hung up: give up; -1: nothing stops it */
};

struct rkd_http_answer {
    unsigned status;
    struct rk_str fields; /* "Name: value\r\n", each */
    struct rk_str body;   /* chunks put together; one whose length nothing tells is not read */
};

/*
 * Connects, sends and reads the whole answer into `data`, where *out points afterwards.
 *
 * RK_E_IO        nobody answered in time, or not with a whole answer
 * RK_E_TOO_LONG  it needs more than `cap` bytes; status and fields are there when the head fitted
 * Threads: safe.
 */
RK_NODISCARD enum rk_err rkd_http_exchange(const struct rkd_listen *to,
                                           const struct rkd_http_request *request, char *data,
                                           size_t cap, struct rkd_http_answer *out);

/* The next field of *rest, which starts as answer.fields; false behind the last. */
bool rkd_http_field(struct rk_str *rest, struct rk_str *out_name, struct rk_str *out_value);

/* The value of the first field of that name; absent (ptr NULL) when there is none. */
struct rk_str rkd_http_find(struct rk_str fields, struct rk_str name);

#endif
