/*
 * log.h - the structured log: how a line is made, and how it leaves without anybody waiting for it.
 *
 * A line is one JSON object: "event" first, then "ts" and "level", then fields; or, where the log's
 * format is text, the same fields as `ts=... level=... event=... name=value ...`. Workers copy
 * lines into a ring of their own (no lock, no system call but to wake a sleeping scribe); everybody
 * else uses rkd_log_say. One thread, the scribe, writes them. A sink that is slow, full or closed
 * fills the rings and costs lines, never time: lines are dropped whole, counted, and reported as
 * {"event":"log_dropped",...,"count":N} once the sink takes lines again.
 */
#ifndef RKD_SERVE_LOG_H
#define RKD_SERVE_LOG_H

#include "core/buf.h"
#include "model/settings.h"

enum {
    RKD_LOG_LINE_MAX = 4096, /* bytes of a line with its line feed */
    RKD_LOG_FIELD_MAX = 256, /* bytes of a string field that are shown, then "..." */
};

/*
 * A line in the making. A field that does not fit is left out whole and "cut":true says so, so a
 * line is always one valid JSON object.
 *
 * As text a value keeps its type: yes and no are booleans, digits are numbers, null is an absent
 * string. A string stands bare when it is printable ASCII without blank, quote, backslash and `=`
 * and cannot be taken for one of those; any other stands in quotes, escaped exactly as in JSON. So
 * splitting at blanks outside quotes always gives the fields and nothing else.
 *
 *   struct rkd_log_line line;
 *   rkd_log_begin(&line, rkd_log_format(log), RKD_LOG_INFO, RK_STR("request"), now_ms);
 *   rkd_log_str(&line, RK_STR("path"), request->path);
 *   rkd_log_push(ring, rkd_log_end(&line)); ... and once a loop turn rkd_log_turn(ring)
 */
struct rkd_log_line {
    struct rki_buf buf;
    bool is_cut;
    enum rkd_log_format format;
    char text[RKD_LOG_LINE_MAX];
};

/* `event` and the names of fields are constants: plain ASCII without quotes. */
void rkd_log_begin(struct rkd_log_line *line, enum rkd_log_format format, enum rkd_log_level level,
                   struct rk_str event, int64_t now_ms);
/* Any bytes at all: escaped, cut at RKD_LOG_FIELD_MAX. An absent string is null. */
void rkd_log_str(struct rkd_log_line *line, struct rk_str name, struct rk_str value);
/* A constant of ours; NULL is null. */
void rkd_log_word(struct rkd_log_line *line, struct rk_str name, const char *value);
void rkd_log_int(struct rkd_log_line *line, struct rk_str name, int64_t value);
void rkd_log_bool(struct rkd_log_line *line, struct rk_str name, bool value);
/* Closes it; the whole line with its line feed, borrowed from `line`. */
struct rk_str rkd_log_end(struct rkd_log_line *line);

struct rkd_log;
struct rkd_log_ring; /* one a worker: one thread pushes */

/*
 * Starts the scribe. `fd` is duplicated; it need not be open (then every line is counted as lost).
 * Errors: RK_E_NOMEM; RK_E_IO when no thread or descriptor could be had; RK_E_INVAL: more than
 * RKD_WORKERS_MAX.
 */
RK_NODISCARD enum rk_err rkd_log_new(int fd, enum rkd_log_level level, enum rkd_log_format format,
                                     unsigned workers, struct rkd_log **out_log);

/* Ask before formatting. Threads: any. */
bool rkd_log_wants(const struct rkd_log *log, enum rkd_log_level level);

/* What rkd_log_begin has to be told. Threads: any. */
enum rkd_log_format rkd_log_format(const struct rkd_log *log);

/* The ring of worker `index` (< workers). Lives as long as the log. */
struct rkd_log_ring *rkd_log_ring(struct rkd_log *log, unsigned index);

/* One whole line. Never blocks; a full ring drops it. Threads: the ring's own. */
void rkd_log_push(struct rkd_log_ring *ring, struct rk_str line);

/* Before the worker sleeps: wakes the scribe if it sleeps and there are lines. Without it they wait
 * for the ring to be a quarter full. Threads: the ring's own. */
void rkd_log_turn(struct rkd_log_ring *ring);

/* Push and turn for everybody else, unless the level is not wanted, with a lock that nobody holds
 * for longer than a copy. Threads: any.
 */
void rkd_log_say(struct rkd_log *log, enum rkd_log_level level, struct rk_str line);

/* Lines lost so far: rings full, or the sink refused them. Threads: any. */
uint64_t rkd_log_dropped(const struct rkd_log *log);

/*
 * Writes what was pushed before and ends the scribe, within `timeout_ms`; a sink that takes nothing
 * for that long is given up: its thread is left in its write, and false is returned. True when
 * everything was handed to the sink, or counted as refused by it. Call once the workers have ended;
 * lines after it are dropped and counted.
 */
bool rkd_log_stop(struct rkd_log *log, unsigned timeout_ms);

/* Stops it (without waiting) if need be. NULL is allowed. */
void rkd_log_free(struct rkd_log *log);

#endif
