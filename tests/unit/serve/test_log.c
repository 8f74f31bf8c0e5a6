/*
 * test_log.c - lines that cannot be forged, and a log nobody waits for (LOG-02, LOG-03).
 */
#include "check.h"

#include "serve/clock.h"
#include "serve/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- failing on demand: the n-th call of any of these from now on (linked with --wrap) ---- */

static unsigned fail_in; /* 0: never */

static bool fails_now(void)
{
    return fail_in != 0 && --fail_in == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_eventfd(unsigned count, int flags)
{
    return fails_now() ? -1 : __real_eventfd(count, flags);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx)
{
    return fails_now() ? EAGAIN : __real_pthread_create(thread, attributes, body, ctx);
}

/* ---- lines ---- */

static const int64_t now_ms = 1767225599123; /* 2025-12-31T23:59:59.123Z */

/* Parses a line as exactly one strict JSON object on one line. */
static json_t *parse_line(struct rk_str line)
{
    json_t *object;

    CHECK(line.len > 1 && line.ptr[line.len - 1] == '\n', "ends in a line feed");
    CHECK(memchr(line.ptr, '\n', line.len - 1) == NULL, "one line");
    object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (object == NULL)
        fail_msg("not JSON: %.*s", (int)line.len, line.ptr);
    return object;
}

static void test_line(void **state)
{
    static struct rkd_log_line line;

    (void)state;
    rkd_log_begin(&line, RKD_LOG_JSON, RKD_LOG_INFO, RK_STR("request"), now_ms);
    rkd_log_str(&line, RK_STR("path"), RK_STR("/api/\"token\""));
    rkd_log_word(&line, RK_STR("why"), "json");
    rkd_log_word(&line, RK_STR("layer"), NULL);
    rkd_log_str(&line, RK_STR("room"), (struct rk_str){0});
    rkd_log_str(&line, RK_STR("name"), RK_STR(""));
    rkd_log_int(&line, RK_STR("status"), -200);
    rkd_log_bool(&line, RK_STR("yes"), true);
    rkd_log_bool(&line, RK_STR("no"), false);
    CHECK_STR(rkd_log_end(&line),
              RK_STR("{\"event\":\"request\",\"ts\":\"2025-12-31T23:59:59.123Z\",\"level\":"
                     "\"info\",\"path\":\"/api/\\\"token\\\"\",\"why\":\"json\",\"layer\":null,"
                     "\"room\":null,\"name\":\"\",\"status\":-200,\"yes\":true,\"no\":false}\n"),
              "a whole line");
}

static void test_levels_have_names(void **state)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    (void)state;
    for (int level = RKD_LOG_ERROR; level <= RKD_LOG_DEBUG; level++) {
        static struct rkd_log_line line;
        json_t *object;

        rkd_log_begin(&line, RKD_LOG_JSON, (enum rkd_log_level)level, RK_STR("x"), now_ms);
        object = parse_line(rkd_log_end(&line));
        assert_string_equal(json_string_value(json_object_get(object, "level")), names[level]);
        json_decref(object);
    }
}

/* LOG-02: whatever is in a field, it stays one line of JSON that prints nothing but itself. */
static void test_hostile_values(void **state)
{
    static const struct rk_str values[] = {
        RK_STR_INIT("a\r\n{\"event\":\"forged\"}"),
        RK_STR_INIT("\x1b[2J\x1b]0;title\x07"),
        RK_STR_INIT("%n%s%1000000d"),
        RK_STR_INIT("\xe2\x80\xa8\xe2\x80\xa9"),
        RK_STR_INIT("\xe2\x80\xae\xe2\x81\xa6"),
        RK_STR_INIT("\xc2\x85\x7f"),
        RK_STR_INIT("\xff\xfe\xc0\xaf\xed\xa0\x80"),
        RK_STR_INIT("\xf0\x9f\x98"),
        RK_STR_INIT("a\0b"),
        RK_STR_INIT("\\\",\"event\":\"forged"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        static struct rkd_log_line line;
        struct rk_str text;
        json_t *object;

        rkd_log_begin(&line, RKD_LOG_JSON, RKD_LOG_INFO, RK_STR("request"), now_ms);
        rkd_log_str(&line, RK_STR("value"), values[i]);
        text = rkd_log_end(&line);
        for (size_t k = 0; k + 1 < text.len; k++)
            CHECK((unsigned char)text.ptr[k] >= 0x20 && text.ptr[k] != 0x7f, "printable");
        CHECK(memmem(text.ptr, text.len, "\xe2\x80", 2) == NULL, "no separators, no turned text");
        CHECK(memmem(text.ptr, text.len, "\xc2\x85", 2) == NULL, "no C1");
        object = parse_line(text);
        assert_int_equal(json_object_size(object), 4);
        assert_string_equal(json_string_value(json_object_get(object, "event")), "request");
        json_decref(object);
    }
}

static void test_long_values(void **state)
{
    static struct rkd_log_line line;
    static char big[5000];
    json_t *object;

    (void)state;
    memset(big, 'x', sizeof(big));
    rkd_log_begin(&line, RKD_LOG_JSON, RKD_LOG_INFO, RK_STR("e"), now_ms);
    rkd_log_str(&line, RK_STR("short"), rki_str(big, RKD_LOG_FIELD_MAX));
    rkd_log_str(&line, RK_STR("long"), rki_str(big, RKD_LOG_FIELD_MAX + 1));
    object = parse_line(rkd_log_end(&line));
    assert_int_equal(json_string_length(json_object_get(object, "short")), RKD_LOG_FIELD_MAX);
    assert_int_equal(json_string_length(json_object_get(object, "long")), RKD_LOG_FIELD_MAX + 3);
    assert_null(json_object_get(object, "cut"));
    json_decref(object);
}

/* More fields than a line holds: whole ones are left out, at every point where it can happen. */
static void test_full_line(void **state)
{
    static char zeros[RKD_LOG_FIELD_MAX];

    (void)state;
    for (size_t pad = 0; pad < 1600; pad++) {
        static struct rkd_log_line line;
        struct rk_str text;
        json_t *object;
        bool has_all;

        rkd_log_begin(&line, RKD_LOG_JSON, RKD_LOG_INFO, RK_STR("e"), now_ms);
        rkd_log_str(&line, RK_STR("a"), rki_str(zeros, RKD_LOG_FIELD_MAX)); /* six bytes each */
        rkd_log_str(&line, RK_STR("b"), rki_str(zeros, RKD_LOG_FIELD_MAX));
        for (size_t left = pad, i = 0; i < 7; i++) {
            char name[2] = {(char)('c' + i), '\0'};
            size_t part = left < 240 ? left : 240;

            rkd_log_str(&line, rki_cstr(name), rki_str(line.text, part)); /* quotes: some escapes */
            left -= part;
        }
        rkd_log_int(&line, RK_STR("n"), INT64_MIN);
        rkd_log_bool(&line, RK_STR("yes"), true);
        text = rkd_log_end(&line);
        CHECK(text.len <= RKD_LOG_LINE_MAX, "bounded");
        object = parse_line(text);
        has_all =
            json_object_size(object) == 14 + (json_object_get(object, "cut") != NULL ? 1U : 0U);
        CHECK((json_object_get(object, "cut") == NULL) == has_all, "cut says so");
        json_decref(object);
    }
}

/* ---- lines as text ---- */

/* The same values come out in both forms, each with its type (LOG-02 for text). */
static void test_both_forms(void **state)
{
    enum kind { WORD, STRING, ABSENT, INTEGER, YES, NO };
    static const struct {
        const char *why;
        struct rk_str value;
        int64_t number;
        enum kind kind;
        const char *json, *text; /* what stands after the name */
    } rows[] = {
        {"plain", RK_STR_INIT("daily"), 0, STRING, "\"daily\"", "daily"},
        {"a constant", RK_STR_INIT("json"), 0, WORD, "\"json\"", "json"},
        {"a path", RK_STR_INIT("/v1/token?"), 0, STRING, "\"/v1/token?\"", "/v1/token?"},
        {"an address", RK_STR_INIT("[::1]:7071"), 0, STRING, "\"[::1]:7071\"", "[::1]:7071"},
        {"empty", RK_STR_INIT(""), 0, STRING, "\"\"", "\"\""},
        {"absent", {0}, 0, ABSENT, "null", "null"},
        {"not absent", RK_STR_INIT("null"), 0, STRING, "\"null\"", "\"null\""},
        {"true", {0}, 0, YES, "true", "yes"},
        {"false", {0}, 0, NO, "false", "no"},
        {"a string, not true", RK_STR_INIT("yes"), 0, STRING, "\"yes\"", "\"yes\""},
        {"a string, not false", RK_STR_INIT("no"), 0, STRING, "\"no\"", "\"no\""},
        {"a number", {0}, -200, INTEGER, "-200", "-200"},
        {"the least number",
         {0},
         INT64_MIN,
         INTEGER,
         "-9223372036854775808",
         "-9223372036854775808"},
        {"a string of digits", RK_STR_INIT("-200"), 0, STRING, "\"-200\"", "\"-200\""},
        {"digits and more", RK_STR_INIT("20.5"), 0, STRING, "\"20.5\"", "20.5"},
        {"a blank", RK_STR_INIT("daily standup"), 0, STRING, "\"daily standup\"",
         "\"daily standup\""},
        {"one more field", RK_STR_INIT("a b=c"), 0, STRING, "\"a b=c\"", "\"a b=c\""},
        {"an equals sign", RK_STR_INIT("a=b"), 0, STRING, "\"a=b\"", "\"a=b\""},
        {"a quote", RK_STR_INIT("a\" b=\"c"), 0, STRING, "\"a\\\" b=\\\"c\"", "\"a\\\" b=\\\"c\""},
        {"a backslash", RK_STR_INIT("\\"), 0, STRING, "\"\\\\\"", "\"\\\\\""},
        {"a line break", RK_STR_INIT("a\r\nevent=x"), 0, STRING, "\"a\\r\\nevent=x\"",
         "\"a\\r\\nevent=x\""},
        {"a tab", RK_STR_INIT("a\tb"), 0, STRING, "\"a\\tb\"", "\"a\\tb\""},
        {"a terminal's command", RK_STR_INIT("\x1b[2J"), 0, STRING, "\"\\u001b[2J\"",
         "\"\\u001b[2J\""},
        {"NUL", RK_STR_INIT("a\0b"), 0, STRING, "\"a\\u0000b\"", "\"a\\u0000b\""},
        {"DEL and C1", RK_STR_INIT("\x7f\xc2\x85"), 0, STRING, "\"\\u007f\\u0085\"",
         "\"\\u007f\\u0085\""},
        {"line separator", RK_STR_INIT("\xe2\x80\xa8"), 0, STRING, "\"\\u2028\"", "\"\\u2028\""},
        {"turned text", RK_STR_INIT("\xe2\x80\xae"), 0, STRING, "\"\\u202e\"", "\"\\u202e\""},
        {"not UTF-8", RK_STR_INIT("a\xff"), 0, STRING, "\"a\\ufffd\"", "\"a\\ufffd\""},
        {"letters of the world", RK_STR_INIT("gr\xc3\xbc"), 0, STRING, "\"gr\xc3\xbc\"",
         "\"gr\xc3\xbc\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int format = RKD_LOG_JSON; format <= RKD_LOG_TEXT; format++) {
            const bool is_json = format == RKD_LOG_JSON;
            static struct rkd_log_line line;
            static char want[512];
            struct rki_buf buf = rki_buf_over(want, sizeof(want));

            rki_buf_put(&buf, is_json
                                  ? RK_STR("{\"event\":\"e\",\"ts\":\"2025-12-31T23:59:59."
                                           "123Z\",\"level\":\"warn\",\"a\":")
                                  : RK_STR("ts=2025-12-31T23:59:59.123Z level=warn event=e a="));
            rki_buf_put(&buf, rki_cstr(is_json ? rows[i].json : rows[i].text));
            rki_buf_put(&buf, is_json ? RK_STR(",\"b\":\"x\"}\n") : RK_STR(" b=x\n"));

            rkd_log_begin(&line, (enum rkd_log_format)format, RKD_LOG_WARN, RK_STR("e"), now_ms);
            if (rows[i].kind == INTEGER)
                rkd_log_int(&line, RK_STR("a"), rows[i].number);
            else if (rows[i].kind == YES || rows[i].kind == NO)
                rkd_log_bool(&line, RK_STR("a"), rows[i].kind == YES);
            else if (rows[i].kind == WORD)
                rkd_log_word(&line, RK_STR("a"), rows[i].value.ptr);
            else
                rkd_log_str(&line, RK_STR("a"), rows[i].value);
            rkd_log_word(&line, RK_STR("b"), "x");
            CHECK_STR(rkd_log_end(&line), rki_buf_str(&buf), rows[i].why);
        }
}

/* As test_full_line: whole fields are left out, and the line says so and ends. */
static void test_full_text_line(void **state)
{
    static char zeros[RKD_LOG_FIELD_MAX];

    (void)state;
    for (size_t pad = 0; pad < 1300; pad++) {
        static struct rkd_log_line line;
        struct rk_str text;
        bool is_cut;

        rkd_log_begin(&line, RKD_LOG_TEXT, RKD_LOG_INFO, RK_STR("e"), now_ms);
        rkd_log_str(&line, RK_STR("a"), rki_str(zeros, RKD_LOG_FIELD_MAX)); /* six bytes each */
        rkd_log_str(&line, RK_STR("b"), rki_str(zeros, RKD_LOG_FIELD_MAX));
        for (size_t left = pad; left > 0; left -= left < 100 ? left : 100)
            rkd_log_str(&line, RK_STR("p"), rki_str(line.text, left < 100 ? left : 100));
        rkd_log_bool(&line, RK_STR("last"), true);
        text = rkd_log_end(&line);
        CHECK(text.len <= RKD_LOG_LINE_MAX, "bounded");
        CHECK(memchr(text.ptr, '\n', text.len) == text.ptr + text.len - 1, "one line");
        is_cut = rki_str_ends_with(text, RK_STR(" cut=yes\n"));
        CHECK(is_cut || rki_str_ends_with(text, RK_STR(" last=yes\n")), "whole, or it says so");
    }
}

/* What a log writes on its own account has its form too. */
static void test_text_log(void **state)
{
    struct rkd_log *log = NULL;

    (void)state;
    CHECK_ERR(rkd_log_new(-1, RKD_LOG_INFO, RKD_LOG_TEXT, 1, &log), RK_OK, "new");
    CHECK(rkd_log_format(log) == RKD_LOG_TEXT, "as asked");
    rkd_log_free(log);
}

/* ---- a pipe as a sink ---- */

static void make_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

static struct rkd_log *new_log(int fd, unsigned workers)
{
    struct rkd_log *log = NULL;

    CHECK_ERR(rkd_log_new(fd, RKD_LOG_INFO, RKD_LOG_JSON, workers, &log), RK_OK, "new");
    return log;
}

/* Reads everything to the end of file; NUL-terminated, the caller frees it. */
static char *read_to_end(int fd, size_t *out_len)
{
    size_t cap = 1 << 16, len = 0;
    char *text = malloc(cap);

    for (;;) {
        ssize_t got;

        assert_non_null(text);
        got = read(fd, text + len, cap - len - 1);
        assert_true(got >= 0);
        if (got == 0)
            break;
        len += (size_t)got;
        if (cap - len < 4096) {
            cap *= 2;
            text = realloc(text, cap);
        }
    }
    text[len] = '\0';
    *out_len = len;
    return text;
}

struct reader {
    int fd;
    unsigned delay_us; /* before each read of at most 4 KiB; 0: as fast as it goes */
    char *text;
    size_t len;
    pthread_t thread;
};

static void *reader_main(void *ctx)
{
    struct reader *reader = ctx;

    if (reader->delay_us != 0)
        (void)usleep(reader->delay_us);
    reader->text = read_to_end(reader->fd, &reader->len);
    return NULL;
}

static void reader_start(struct reader *reader, int fd, unsigned delay_us)
{
    *reader = (struct reader){.fd = fd, .delay_us = delay_us};
    assert_int_equal(pthread_create(&reader->thread, NULL, reader_main, reader), 0);
}

static void reader_join(struct reader *reader)
{
    assert_int_equal(pthread_join(reader->thread, NULL), 0);
}

/* A line of worker `who`, the `n`-th. */
static struct rk_str number_line(struct rkd_log_line *line, unsigned who, unsigned n)
{
    rkd_log_begin(line, RKD_LOG_JSON, RKD_LOG_INFO, RK_STR("n"), now_ms);
    rkd_log_int(line, RK_STR("who"), who);
    rkd_log_int(line, RK_STR("n"), n);
    rkd_log_str(line, RK_STR("pad"), rki_str("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", n % 40));
    return rkd_log_end(line);
}

struct tally {
    uint64_t lines, reported; /* ours, and what log_dropped says was lost */
    int64_t last[RKD_WORKERS_MAX + 1];
};

/* Every line whole and valid, each worker's in order. */
static struct tally tally_lines(char *text, size_t len)
{
    struct tally tally = {0};

    memset(tally.last, 0xff, sizeof(tally.last)); /* -1 */
    for (char *at = text, *end; at < text + len; at = end + 1) {
        json_t *object;

        end = strchr(at, '\n');
        assert_non_null(end);
        object = parse_line(rki_str(at, (size_t)(end - at) + 1));
        if (strcmp(json_string_value(json_object_get(object, "event")), "log_dropped") == 0) {
            tally.reported += (uint64_t)json_integer_value(json_object_get(object, "count"));
        } else {
            const json_int_t who = json_integer_value(json_object_get(object, "who"));
            const json_int_t n = json_integer_value(json_object_get(object, "n"));

            CHECK(n > tally.last[who], "in order");
            tally.last[who] = n;
            tally.lines++;
        }
        json_decref(object);
    }
    return tally;
}

static void test_lines_arrive(void **state)
{
    static struct rkd_log_line line;
    struct pollfd readable;
    struct rkd_log *log;
    struct tally tally;
    char *text;
    size_t len;
    int fds[2];

    (void)state;
    make_pipe(fds);
    log = new_log(fds[1], 2);
    (void)usleep(100000); /* it sleeps now */
    rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, 0));
    rkd_log_turn(rkd_log_ring(log, 0));
    readable = (struct pollfd){.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 20000), 1); /* written without anybody stopping anything */
    rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, 1)); /* no turn: the stop flushes */
    rkd_log_push(rkd_log_ring(log, 1), number_line(&line, 1, 0));
    rkd_log_say(log, RKD_LOG_INFO, number_line(&line, 2, 0));
    CHECK(rkd_log_stop(log, 2000), "flushed");
    CHECK(rkd_log_stop(log, 2000), "twice is once");
    rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, 2));
    rkd_log_say(log, RKD_LOG_ERROR, number_line(&line, 2, 1));
    CHECK(rkd_log_dropped(log) == 2, "after the stop they are lost, and counted");
    rkd_log_free(log);
    (void)close(fds[1]);
    text = read_to_end(fds[0], &len);
    tally = tally_lines(text, len);
    assert_int_equal(tally.lines, 4);
    assert_int_equal(tally.reported, 0);
    free(text);
    (void)close(fds[0]);
}

static void test_levels(void **state)
{
    static struct rkd_log_line line;
    struct rkd_log *log = NULL;
    char *text;
    size_t len;
    int fds[2];

    (void)state;
    make_pipe(fds);
    CHECK_ERR(rkd_log_new(fds[1], RKD_LOG_WARN, RKD_LOG_JSON, 0, &log), RK_OK, "new");
    CHECK(rkd_log_wants(log, RKD_LOG_ERROR) && rkd_log_wants(log, RKD_LOG_WARN), "at or above");
    CHECK(!rkd_log_wants(log, RKD_LOG_INFO) && !rkd_log_wants(log, RKD_LOG_DEBUG), "below");
    rkd_log_say(log, RKD_LOG_INFO, number_line(&line, 0, 0));
    rkd_log_say(log, RKD_LOG_WARN, number_line(&line, 0, 1));
    CHECK(rkd_log_stop(log, 2000), "flushed");
    rkd_log_free(log);
    (void)close(fds[1]);
    text = read_to_end(fds[0], &len);
    assert_int_equal(tally_lines(text, len).lines, 1);
    free(text);
    (void)close(fds[0]);
}

/* ---- threads ---- */

enum { WORKERS = 3, SAYERS = 2, LINES = 20000 };

struct worker {
    struct rkd_log *log;
    unsigned who;
    pthread_t thread;
};

static void *push_lines(void *ctx)
{
    const struct worker *worker = ctx;
    struct rkd_log_ring *ring = rkd_log_ring(worker->log, worker->who);
    struct rkd_log_line line;

    for (unsigned n = 0; n < LINES; n++) {
        rkd_log_push(ring, number_line(&line, worker->who, n));
        if (n % 7 == 0)
            rkd_log_turn(ring);
        if (n % 1000 == 0)
            (void)usleep(1000); /* lets the scribe fall asleep in between */
    }
    rkd_log_turn(ring);
    return NULL;
}

static pthread_mutex_t say_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned say_next;

static void *say_lines(void *ctx)
{
    const struct worker *worker = ctx;
    struct rkd_log_line line;

    for (unsigned n = 0; n < LINES / 10; n++) {
        (void)pthread_mutex_lock(&say_lock); /* numbers in the order they are said */
        rkd_log_say(worker->log, RKD_LOG_INFO, number_line(&line, WORKERS, say_next++));
        (void)pthread_mutex_unlock(&say_lock);
    }
    return NULL;
}

/* Nothing is lost but what is counted, nothing is torn, whatever the reader's pace. */
static void check_threads(unsigned delay_us, bool non_blocking, bool may_drop)
{
    struct worker workers[WORKERS + SAYERS];
    struct reader reader;
    struct rkd_log *log;
    struct tally tally;
    uint64_t dropped;
    int fds[2];

    make_pipe(fds);
    if (non_blocking)
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    log = new_log(fds[1], WORKERS);
    reader_start(&reader, fds[0], delay_us);
    say_next = 0;
    for (unsigned i = 0; i < WORKERS + SAYERS; i++) {
        workers[i] = (struct worker){.log = log, .who = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL,
                                        i < WORKERS ? push_lines : say_lines, &workers[i]),
                         0);
    }
    for (unsigned i = 0; i < WORKERS + SAYERS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    CHECK(rkd_log_stop(log, 60000), "flushed");
    dropped = rkd_log_dropped(log);
    rkd_log_free(log);
    (void)close(fds[1]);
    reader_join(&reader);
    tally = tally_lines(reader.text, reader.len);
    assert_int_equal(tally.lines + dropped, WORKERS * LINES + SAYERS * (LINES / 10));
    assert_int_equal(tally.reported, dropped);
    CHECK(may_drop || tally.lines > WORKERS * LINES / 10, "most arrive");
    free(reader.text);
    (void)close(fds[0]);
}

static void test_threads(void **state)
{
    (void)state;
    check_threads(0, false, false);
    check_threads(0, true, false);
    check_threads(300000, false, true);
    check_threads(300000, true, true);
}

/* ---- sinks that are slow, full, closed ---- */

static uint64_t push_many(struct rkd_log *log, unsigned count)
{
    static struct rkd_log_line line;
    uint64_t slowest = 0;

    for (unsigned n = 0; n < count; n++) {
        const struct rk_str text = number_line(&line, 0, n);
        const uint64_t before = rkd_clock_mono_ns();
        uint64_t took;

        rkd_log_push(rkd_log_ring(log, 0), text);
        rkd_log_turn(rkd_log_ring(log, 0));
        took = rkd_clock_mono_ns() - before;
        slowest = took > slowest ? took : slowest;
    }
    return slowest;
}

/* Nobody reads: the worker goes on, the rest is counted, and said once somebody reads again. */
static void test_stuck_then_read(void **state)
{
    struct reader reader;
    struct rkd_log *log;
    struct tally tally;
    uint64_t dropped;
    int fds[2];

    (void)state;
    make_pipe(fds);
    log = new_log(fds[1], 1);
    CHECK(push_many(log, 50000) < 2000000000, "no push waits for the sink");
    dropped = rkd_log_dropped(log);
    CHECK(dropped > 40000, "a ring and a pipe hold no more");
    reader_start(&reader, fds[0], 0);
    CHECK(rkd_log_stop(log, 10000), "flushed");
    rkd_log_free(log);
    (void)close(fds[1]);
    reader_join(&reader);
    tally = tally_lines(reader.text, reader.len);
    assert_int_equal(tally.lines + dropped, 50000);
    assert_int_equal(tally.reported, dropped);
    free(reader.text);
    (void)close(fds[0]);
}

/* Nobody ever reads: the end comes all the same. */
static void check_stop_with_stuck_sink(bool non_blocking)
{
    uint64_t before, took;
    struct rkd_log *log;
    int fds[2];

    make_pipe(fds);
    if (non_blocking)
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    log = new_log(fds[1], 1);
    (void)push_many(log, 20000);
    before = rkd_clock_mono_ns();
    CHECK(!rkd_log_stop(log, 100), "given up");
    took = rkd_clock_mono_ns() - before;
    CHECK(took >= 99000000 && took < 5000000000, "in its time");
    CHECK(rkd_log_dropped(log) > 15000, "what was left over is counted");
    rkd_log_free(log);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_stop_with_stuck_sink(void **state)
{
    (void)state;
    check_stop_with_stuck_sink(false);
    check_stop_with_stuck_sink(true);
}

static void test_free_without_stop(void **state)
{
    struct rkd_log *log;
    int fds[2];

    (void)state;
    make_pipe(fds);
    log = new_log(fds[1], 1);
    (void)push_many(log, 20000);
    rkd_log_free(log); /* stuck: ends at once */
    rkd_log_free(NULL);
    CHECK(rkd_log_stop(NULL, 1), "nothing to stop");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void check_dead_sink(int fd, const char *why)
{
    struct rkd_log *log = new_log(fd, 1);
    static struct rkd_log_line line;

    for (unsigned n = 0; n < 100; n++) {
        rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, n));
        rkd_log_turn(rkd_log_ring(log, 0));
        if (n % 10 == 0)
            (void)usleep(3000);
    }
    CHECK(rkd_log_stop(log, 5000), why);
    CHECK(rkd_log_dropped(log) == 100, why);
    rkd_log_free(log);
}

static void test_dead_sinks(void **state)
{
    int fds[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(full >= 0);
    check_dead_sink(full, "ENOSPC");
    (void)close(full);
    check_dead_sink(-1, "EBADF");
    make_pipe(fds);
    (void)close(fds[0]);
    check_dead_sink(fds[1], "EPIPE, and no SIGPIPE");
    (void)close(fds[1]);
}

static off_t wait_for_size(const char *path, off_t at_least)
{
    for (unsigned i = 0; i < 500; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        off_t size = lseek(fd, 0, SEEK_END);

        (void)close(fd);
        if (size >= at_least)
            return size;
        (void)usleep(10000);
    }
    return -1;
}

/* A disk that fills up in the middle of a line: when there is room again, that line is ended first,
 * and what is missing is said. */
static void test_torn_line(void **state)
{
    char path[] = "/tmp/roomkey-test-log-XXXXXX";
    const int fd = mkostemp(path, O_CLOEXEC);
    struct rlimit before, small;
    static struct rkd_log_line line;
    struct rkd_log *log;
    unsigned torn = 0, whole = 0, reported = 0;
    char *text;
    size_t len;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 250, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0); /* EFBIG, as ENOSPC but on demand */
    log = new_log(fd, 1);
    for (unsigned n = 0; n < 10; n++)
        rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, n));
    rkd_log_turn(rkd_log_ring(log, 0));
    assert_int_equal(wait_for_size(path, 250), 250);
    while (rkd_log_dropped(log) == 0)
        (void)usleep(1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, 10));
    CHECK(rkd_log_stop(log, 5000), "flushed");
    CHECK(rkd_log_dropped(log) >= 7, "some are lost");
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    text = read_to_end(fd, &len);
    for (char *at = text, *end; at < text + len; at = end + 1) {
        json_t *object;

        end = strchr(at, '\n');
        assert_non_null(end);
        object = json_loadb(at, (size_t)(end - at), 0, NULL);
        torn += object == NULL ? 1 : 0;
        whole += json_object_get(object, "n") != NULL ? 1 : 0;
        reported += (unsigned)json_integer_value(json_object_get(object, "count"));
        json_decref(object);
    }
    assert_int_equal(torn, 1);
    assert_int_equal(whole + reported, 11);
    assert_int_equal(reported, rkd_log_dropped(log));
    rkd_log_free(log);
    free(text);
    (void)close(fd);
    (void)unlink(path);
}

/* Asleep means asleep: half a second without a line costs no more than a few switches. */
static void test_idle(void **state)
{
    static struct rkd_log_line line;
    struct rusage before, after;
    struct rkd_log *log;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)state;
    log = new_log(null, 1);
    rkd_log_push(rkd_log_ring(log, 0), number_line(&line, 0, 0));
    rkd_log_turn(rkd_log_ring(log, 0));
    (void)usleep(200000);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    for (unsigned i = 0; i < 5; i++) {
        rkd_log_turn(rkd_log_ring(log, 0)); /* a turn without lines wakes nobody */
        (void)usleep(100000);
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
#if !defined(__SANITIZE_THREAD__) /* its own thread switches too */
    CHECK(after.ru_nvcsw - before.ru_nvcsw <= 10, "the scribe sleeps");
#endif
    rkd_log_free(log);
    (void)close(null);
}

/* Every allocation, the descriptor and the thread fail in turn; nothing leaks (asan looks). */
static void test_failing_start(void **state)
{
    struct rlimit before, none;
    struct rkd_log *log = NULL;
    unsigned n;

    (void)state;
    for (n = 1; n < 100; n++) {
        enum rk_err err;

        fail_in = n;
        err = rkd_log_new(-1, RKD_LOG_INFO, RKD_LOG_JSON, 2, &log);
        if (fail_in != 0) /* not reached: it stands */
            break;
        CHECK(err == RK_E_NOMEM || err == RK_E_IO, "fails cleanly");
        assert_null(log);
    }
    fail_in = 0;
    assert_int_equal(n, 8); /* log, descriptor, rings, three times bytes, thread */
    rkd_log_free(log);
    CHECK_ERR(rkd_log_new(-1, RKD_LOG_INFO, RKD_LOG_JSON, RKD_WORKERS_MAX + 1, &log), RK_E_INVAL,
              "too many");

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    log = NULL;
    CHECK_ERR(rkd_log_new(STDERR_FILENO, RKD_LOG_INFO, RKD_LOG_JSON, 1, &log), RK_E_IO,
              "no descriptor left");
    assert_null(log);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_levels_have_names),
        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_full_line),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_full_text_line),
        cmocka_unit_test(test_text_log),
        cmocka_unit_test(test_lines_arrive),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_stuck_then_read),
        cmocka_unit_test(test_stop_with_stuck_sink),
        cmocka_unit_test(test_free_without_stop),
        cmocka_unit_test(test_dead_sinks),
        cmocka_unit_test(test_torn_line),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_failing_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
