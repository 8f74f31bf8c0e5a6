/*
 * test_audit.c - audit lines that say everything and leak nothing, and a sink nobody waits for:
 * full disks, stalled and closed pipes, rotation.
 */
#include "check.h"

#include "serve/audit.h"
#include "serve/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- failing on demand: the n-th of these from now on (linked with --wrap) ---- */

static unsigned fail_in; /* 0: never */

static bool fails_now(void)
{
    return fail_in != 0 && --fail_in == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *), void *ctx)
{
    return fails_now() ? EAGAIN : __real_pthread_create(thread, attributes, body, ctx);
}

/* ---- places ---- */

struct place {
    char dir[64];
    char path[96], other[96];
};

static void make_place(struct place *place)
{
    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/roomkey-audit-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    (void)snprintf(place->path, sizeof(place->path), "%s/audit.jsonl", place->dir);
    (void)snprintf(place->other, sizeof(place->other), "%s/audit.jsonl.1", place->dir);
}

static void remove_place(const struct place *place)
{
    (void)unlink(place->path);
    (void)unlink(place->other);
    assert_int_equal(rmdir(place->dir), 0);
}

static char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "re");
    char *text = __real_malloc(1 << 24);

    assert_non_null(file);
    *out_len = fread(text, 1, (1 << 24) - 1, file);
    text[*out_len] = '\0';
    (void)fclose(file);
    return text;
}

static struct rkd_audit *new_audit(const char *path)
{
    struct rkd_audit *audit = NULL;
    struct rk_diag diag = {0};

    if (rkd_audit_new(path, true, (struct rk_str){0}, &audit, &diag) != RK_OK)
        fail_msg("%s: %s", path, diag.text);
    return audit;
}

/* Its thread is over, too, or given up: one that ends while the process does frees what libcrypto
 * is just cleaning up. */
static void end_audit(struct rkd_audit *audit)
{
    (void)rkd_audit_stop(audit, 20000);
    rkd_audit_free(audit);
}

/* ---- who waits ---- */

struct waiters {
    atomic_uint written, refused;
};

static void on_told(void *ctx, bool written)
{
    struct waiters *waiters = ctx;

    (void)atomic_fetch_add(written ? &waiters->written : &waiters->refused, 1);
}

static unsigned told(struct waiters *waiters)
{
    return atomic_load(&waiters->written) + atomic_load(&waiters->refused);
}

static void wait_told(struct waiters *waiters, unsigned count)
{
    for (unsigned i = 0; i < 10000 && told(waiters) < count; i++)
        (void)usleep(1000);
    assert_int_equal(told(waiters), count);
}

static uint64_t now_ms(void)
{
    return rkd_clock_mono_ns() / 1000000;
}

/* {"n":N,"pad":"xxx"} and a line feed. */
static struct rk_str number_line(char *text, size_t cap, unsigned n, unsigned pad)
{
    struct rki_buf buf = rki_buf_over(text, cap);

    rki_buf_lit(&buf, "{\"n\":");
    rki_buf_int(&buf, n);
    rki_buf_lit(&buf, ",\"pad\":\"");
    for (unsigned i = 0; i < pad; i++)
        rki_buf_char(&buf, 'x');
    rki_buf_lit(&buf, "\"}\n");
    CHECK(!buf.overflow, "fits");
    return rki_buf_str(&buf);
}

static void submit(struct rkd_audit *audit, unsigned n, unsigned pad, struct waiters *waiters)
{
    static _Thread_local char text[RKD_AUDIT_LINE_MAX];

    rkd_audit_submit(audit, number_line(text, sizeof(text), n, pad),
                     waiters == NULL ? NULL : on_told, waiters);
}

struct tally {
    unsigned whole, torn; /* lines; empty ones are neither */
    long last;            /* number of the last whole one */
};

static struct tally tally_lines(const char *text, size_t len)
{
    struct tally tally = {.last = -1};

    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t line = end == NULL ? len - at : (size_t)(end - text) - at;
        json_t *object =
            end == NULL ? NULL : json_loadb(text + at, line, JSON_REJECT_DUPLICATES, NULL);

        if (object != NULL) {
            tally.whole++;
            tally.last = (long)json_integer_value(json_object_get(object, "n"));
        } else if (line != 0) {
            tally.torn++;
        }
        json_decref(object);
        at += line + 1;
    }
    return tally;
}

static struct tally tally_file(const char *path)
{
    size_t len;
    char *text = read_file(path, &len);
    struct tally tally = tally_lines(text, len);

    free(text);
    return tally;
}

/* ---- lines ---- */

static const struct rkd_audit_record whole = {
    .now_ms = 1767225599123,
    .request_id = RK_STR_INIT("r1"),
    .caller = RK_STR_INIT("staff"),
    .caller_kind = RKD_CALLER_OIDC,
    .subject = RK_STR_INIT("ann@example.org"),
    .identity = RK_STR_INIT("staff:ann"),
    .name = RK_STR_INIT("Ann"),
    .client = RK_STR_INIT("192.0.2.1"),
    .rule = RK_STR_INIT("own-team"),
    .room = RK_STR_INIT("acme__daily"),
    .profile = RK_STR_INIT("speaker"),
    .grants = RKD_GRANT_BIT(RK_GRANT_ROOM_JOIN) | RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH),
    .ttl_s = 600,
    .jti = RK_STR_INIT("j1"),
    .fingerprint = RK_STR_INIT("0123456789abcdef"),
    .outcome = RK_STR_INIT("ok"),
};

static struct rkd_audit *audit_with(const struct place *place, struct rk_str hash_key)
{
    struct rkd_audit *audit = NULL;

    CHECK_ERR(rkd_audit_new(place->path, false, hash_key, &audit, NULL), RK_OK, "new");
    return audit;
}

static void test_line(void **state)
{
    static struct rkd_audit_line line;
    const struct rkd_audit_record refused = {
        .now_ms = 1767225599123,
        .client = RK_STR("192.0.2.1"),
        .outcome = RK_STR("invalid_token"),
        .reason = RK_STR("expired"),
    };
    struct place place;
    struct rkd_audit *audit;

    (void)state;
    make_place(&place);
    audit = audit_with(&place, (struct rk_str){0});
    CHECK(!rkd_audit_is_required(audit), "as asked");
    CHECK_ERR(rkd_audit_line_write(audit, &whole, &line), RK_OK, "line");
    CHECK_STR(rki_buf_str(&line.buf),
              RK_STR("{\"event\":\"decision\",\"ts\":\"2025-12-31T23:59:59.123Z\",\"request_id\":"
                     "\"r1\",\"outcome\":\"ok\",\"reason\":null,\"caller\":\"staff\","
                     "\"caller_kind\":\"oidc\",\"subject\":\"ann@example.org\",\"identity\":"
                     "\"staff:ann\",\"name\":\"Ann\",\"client\":\"192.0.2.1\",\"rule\":"
                     "\"own-team\",\"room\":\"acme__daily\",\"profile\":\"speaker\",\"grants\":"
                     "[\"roomJoin\",\"canPublish\"],\"ttl_s\":600,\"jti\":\"j1\","
                     "\"token_sha256\":\"0123456789abcdef\"}\n"),
              "granted");
    CHECK_ERR(rkd_audit_line_write(audit, &refused, &line), RK_OK, "line");
    CHECK_STR(rki_buf_str(&line.buf),
              RK_STR("{\"event\":\"decision\",\"ts\":\"2025-12-31T23:59:59.123Z\",\"request_id\":"
                     "null,\"outcome\":\"invalid_token\",\"reason\":\"expired\",\"caller\":null,"
                     "\"caller_kind\":null,\"subject\":null,\"identity\":null,\"name\":null,"
                     "\"client\":\"192.0.2.1\",\"rule\":null,\"room\":null,\"profile\":null,"
                     "\"grants\":[],\"ttl_s\":0,\"jti\":null,\"token_sha256\":null}\n"),
              "refused");
    end_audit(audit);
    remove_place(&place);
}

/* With a key the personal fields are its HMAC-SHA-256, and nothing of them is left. The sums were
 * made with Python's hmac. */
static void test_hashed_line(void **state)
{
    static struct rkd_audit_line line;
    struct place place;
    struct rkd_audit *audit = NULL;
    json_t *object;

    (void)state;
    make_place(&place);
    CHECK_ERR(rkd_audit_new(place.path, false, RK_STR(""), &audit, NULL), RK_E_KEY, "empty key");
    audit = audit_with(&place, RK_STR("0123456789abcdef0123456789abcdef"));
    CHECK_ERR(rkd_audit_line_write(audit, &whole, &line), RK_OK, "line");
    object = json_loadb(line.text, line.buf.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "subject")),
                        "07efee657b59073c3565c11a893c9931d20b667e29f4824bcf0b3f206da46319");
    assert_string_equal(json_string_value(json_object_get(object, "client")),
                        "5729dfa704e7dc636742c5efbb75a5373d56cc3b8436df2418a61bcf69f6606f");
    CHECK(json_is_true(json_object_get(object, "hashed")), "says so");
    assert_string_equal(json_string_value(json_object_get(object, "room")), "acme__daily");
    json_decref(object);
    CHECK(memmem(line.text, line.buf.len, "ann", 3) == NULL, "nobody's name");
    CHECK(memmem(line.text, line.buf.len, "Ann", 3) == NULL, "nobody's name");
    CHECK(memmem(line.text, line.buf.len, "192.0.2", 7) == NULL, "nobody's address");
    end_audit(audit);
    remove_place(&place);
}

/* LOG-02 here: one line of JSON whatever the names hold, and it always fits. */
static void test_hostile_line(void **state)
{
    static const struct rk_str values[] = {
        RK_STR_INIT("a\r\n{\"event\":\"forged\"}\n"),
        RK_STR_INIT("\",\"outcome\":\"ok"),
        RK_STR_INIT("\x1b[2J\x7f\xc2\x85"),
        RK_STR_INIT("\xe2\x80\xa8\xe2\x80\xae"),
        RK_STR_INIT("\xff\xfe\xc0\xaf"),
        RK_STR_INIT("a\0b"),
    };
    static char zeros[RKD_AUDIT_LINE_MAX];
    static struct rkd_audit_line line;
    struct place place;
    struct rkd_audit *audit;

    (void)state;
    make_place(&place);
    audit = audit_with(&place, (struct rk_str){0});
    for (size_t i = 0; i <= ARRAY_LEN(values); i++) {
        const struct rk_str value =
            i == ARRAY_LEN(values) ? rki_str(zeros, sizeof(zeros)) : values[i];
        const struct rkd_audit_record record = {
            .request_id = RK_STR("0123456789012345678901"),
            .caller = value,
            .subject = value,
            .identity = value,
            .name = value,
            .client = RK_STR("192.0.2.1"),
            .rule = value,
            .room = value,
            .profile = RK_STR("speaker"),
            .grants = UINT32_MAX,
            .ttl_s = INT64_MIN,
            .outcome = RK_STR("ok"),
        };
        json_t *object;

        CHECK_ERR(rkd_audit_line_write(audit, &record, &line), RK_OK, "fits");
        CHECK(memchr(line.text, '\n', line.buf.len) == line.text + line.buf.len - 1, "one line");
        for (size_t k = 0; k + 1 < line.buf.len; k++)
            CHECK((unsigned char)line.text[k] >= 0x20 && line.text[k] != 0x7f, "printable");
        object = json_loadb(line.text, line.buf.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        assert_non_null(object);
        assert_string_equal(json_string_value(json_object_get(object, "outcome")), "ok");
        json_decref(object);
    }
    end_audit(audit);
    remove_place(&place);
}

static void test_fingerprint(void **state)
{
    char text[RKD_AUDIT_FINGERPRINT_LEN];

    (void)state;
    CHECK_ERR(rkd_audit_fingerprint(RK_STR("abc"), text), RK_OK, "hash");
    CHECK_STR(rki_str(text, sizeof(text)), RK_STR("ba7816bf8f01cfea"), "FIPS 180-2's example");
}

/* ---- files ---- */

static void test_file(void **state)
{
    struct waiters waiters = {0};
    struct place place;
    struct rkd_audit *audit;
    struct stat info;

    (void)state;
    make_place(&place);
    audit = new_audit(place.path);
    CHECK(rkd_audit_is_required(audit), "as asked");
    assert_int_equal(stat(place.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    for (unsigned n = 0; n < 100; n++)
        submit(audit, n, n, &waiters);
    wait_told(&waiters, 100);
    assert_int_equal(atomic_load(&waiters.written), 100);
    assert_int_equal(tally_file(place.path).whole, 100); /* told only when it is there */
    rkd_audit_tick(audit, now_ms() + 5000);
    assert_int_equal(told(&waiters), 100); /* once is once */
    submit(audit, 100, 0, NULL);
    CHECK(rkd_audit_stop(audit, 2000), "flushed");
    CHECK(rkd_audit_stop(audit, 2000), "twice is once");
    submit(audit, 101, 0, &waiters);
    assert_int_equal(atomic_load(&waiters.refused), 1);
    assert_int_equal(rkd_audit_dropped(audit), 1);
    end_audit(audit);
    audit = new_audit(place.path); /* appends */
    submit(audit, 200, 0, NULL);
    rkd_audit_tick(audit, now_ms());
    CHECK(rkd_audit_stop(audit, 2000), "flushed");
    end_audit(audit);
    assert_int_equal(tally_file(place.path).whole, 102);
    assert_int_equal(tally_file(place.path).torn, 0);
    rkd_audit_free(NULL);
    CHECK(rkd_audit_stop(NULL, 0), "nothing to stop");
    remove_place(&place);
}

static void test_no_such_place(void **state)
{
    static const char *const paths[] = {"/tmp", "/nowhere/audit.jsonl", ""};
    struct rkd_audit *audit = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct rk_diag diag = {0};

        CHECK_ERR(rkd_audit_new(paths[i], true, (struct rk_str){0}, &audit, &diag), RK_E_IO,
                  paths[i]);
        CHECK(diag.text[0] != '\0' && audit == NULL, "says why");
    }
}

static void test_full_device(void **state)
{
    struct waiters waiters = {0};
    struct rkd_audit *audit = new_audit("/dev/full");

    (void)state;
    for (unsigned n = 0; n < 50; n++)
        submit(audit, n, 10, &waiters);
    wait_told(&waiters, 50);
    assert_int_equal(atomic_load(&waiters.refused), 50);
    CHECK(rkd_audit_stop(audit, 2000), "refused is handed over too");
    assert_int_equal(rkd_audit_dropped(audit), 50);
    end_audit(audit);
}

/* What a disk took of a line before it was full does not glue to the next. */
static void check_filling(const char *path, void (*make_room)(const char *path))
{
    struct waiters waiters = {0};
    struct rkd_audit *audit = new_audit(path);
    struct tally tally;
    unsigned written, n;

    for (n = 0; n < 200; n++)
        submit(audit, n, 1001, &waiters);
    wait_told(&waiters, n);
    written = atomic_load(&waiters.written);
    CHECK(written > 0 && written < n, "some fitted");
    CHECK(tally_file(path).torn == 1, "the disk took a part of one");
    make_room(path);
    submit(audit, n++, 10, &waiters);
    wait_told(&waiters, n);
    assert_int_equal(atomic_load(&waiters.written), written + 1);
    assert_int_equal(rkd_audit_dropped(audit), n - written - 1);
    end_audit(audit);
    tally = tally_file(path);
    assert_int_equal(tally.whole, written + 1);
    assert_int_equal(tally.last, n - 1);
    CHECK(tally.torn == 1, "that part, on a line of its own");
}

static struct rlimit limit_before;

static void lift_limit(const char *path)
{
    (void)path;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
}

/* A limit on the file's size works as a disk does that fills up, and needs no root. */
static void test_full_disk(void **state)
{
    struct place place;
    struct rlimit small;

    (void)state;
    make_place(&place);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
    small = (struct rlimit){.rlim_cur = 50000, .rlim_max = limit_before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_filling(place.path, lift_limit);
    remove_place(&place);
}

static void grow_tmpfs(const char *path)
{
    char dir[96];

    (void)snprintf(dir, sizeof(dir), "%s", path);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=1m"), 0);
}

/* A real file system that is full, where we may mount one. */
static void test_full_tmpfs(void **state)
{
    struct place place;

    (void)state;
    make_place(&place);
    if (mount("none", place.dir, "tmpfs", 0, "size=64k") == 0) {
        check_filling(place.path, grow_tmpfs);
        (void)unlink(place.path);
        assert_int_equal(umount(place.dir), 0);
    } else {
        print_message("not allowed to mount: the limit on file sizes stands in\n");
    }
    remove_place(&place);
}

/* A crash left half a line: the next one begins a line of its own. */
static void test_torn_before(void **state)
{
    struct place place;
    struct rkd_audit *audit;
    struct tally tally;
    FILE *file;

    (void)state;
    make_place(&place);
    file = fopen(place.path, "we");
    assert_non_null(file);
    (void)fputs("{\"n\":1}\n{\"n\":2", file);
    (void)fclose(file);
    audit = new_audit(place.path);
    submit(audit, 3, 0, NULL);
    CHECK(rkd_audit_stop(audit, 2000), "flushed");
    end_audit(audit);
    tally = tally_file(place.path);
    CHECK(tally.whole == 2 && tally.torn == 1 && tally.last == 3, "not glued");
    remove_place(&place);
}

static void test_reopen(void **state)
{
    struct waiters waiters = {0};
    struct rk_diag diag = {0};
    struct place place;
    struct rkd_audit *audit;

    (void)state;
    make_place(&place);
    audit = new_audit(place.path);
    submit(audit, 1, 0, &waiters);
    wait_told(&waiters, 1);
    assert_int_equal(rename(place.path, place.other), 0);
    submit(audit, 2, 0, &waiters); /* still the old one */
    wait_told(&waiters, 2);
    CHECK_ERR(rkd_audit_reopen(audit, NULL), RK_OK, "reopen");
    CHECK_ERR(rkd_audit_reopen(audit, NULL), RK_OK, "and again");
    submit(audit, 3, 0, &waiters);
    wait_told(&waiters, 3);
    assert_int_equal(tally_file(place.other).whole, 2);
    assert_int_equal(tally_file(place.path).last, 3);
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(mkdir(place.path, 0700), 0);
    CHECK_ERR(rkd_audit_reopen(audit, &diag), RK_E_IO, "in the way");
    CHECK(diag.text[0] != '\0', "says why");
    submit(audit, 4, 0, &waiters);
    wait_told(&waiters, 4);
    assert_int_equal(atomic_load(&waiters.written), 4); /* the old one is kept */
    CHECK_ERR(rkd_audit_reopen(audit, NULL), RK_E_IO, "still");
    end_audit(audit);
    assert_int_equal(rmdir(place.path), 0);
    remove_place(&place);
}

/* ---- pipes ---- */

static int make_fifo(const struct place *place)
{
    int reader;

    assert_int_equal(mkfifo(place->path, 0600), 0);
    reader = open(place->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    return reader;
}

/* Reads what comes until `lines` are there, or nothing has come for ten seconds. */
static struct tally drain(int reader, unsigned lines)
{
    char *text = __real_malloc(1 << 24);
    struct tally tally = {0};
    size_t len = 0;

    for (unsigned idle = 0; idle < 10000 && tally.whole + tally.torn < lines;) {
        const ssize_t got = read(reader, text + len, (1 << 24) - len);

        if (got > 0) {
            len += (size_t)got;
            idle = 0;
            tally = tally_lines(text, len);
            continue;
        }
        (void)usleep(1000);
        idle++;
    }
    tally = tally_lines(text, len);
    free(text);
    return tally;
}

static void test_fifo_without_reader(void **state)
{
    struct rkd_audit *audit = NULL;
    struct rk_diag diag = {0};
    struct place place;
    const uint64_t begun = now_ms();

    (void)state;
    make_place(&place);
    assert_int_equal(mkfifo(place.path, 0600), 0);
    CHECK_ERR(rkd_audit_new(place.path, true, (struct rk_str){0}, &audit, &diag), RK_E_IO, "fifo");
    CHECK(now_ms() - begun < 10000, "no waiting for one");
    CHECK(strstr(diag.text, "pipe") != NULL, "says what it is");
    remove_place(&place);
}

/* Nobody reads: those who wait are told after a second, once; the lines are not lost. */
static void test_stalled_pipe(void **state)
{
    enum { LINES = 200 };
    struct waiters waiters = {0};
    struct place place;
    struct rkd_audit *audit;
    struct tally tally;
    uint64_t begun;
    unsigned written;
    int reader;

    (void)state;
    make_place(&place);
    reader = make_fifo(&place);
    audit = new_audit(place.path);
    begun = now_ms();
    for (unsigned n = 0; n < LINES; n++)
        submit(audit, n, 1001, &waiters);
    do { /* until it stands still */
        written = atomic_load(&waiters.written);
        (void)usleep(100000);
    } while (now_ms() - begun < 20000 &&
             (written < 60 || written != atomic_load(&waiters.written)));
    CHECK(written >= 60 && written < 70, "what a pipe holds");
    rkd_audit_tick(audit, begun + RKD_AUDIT_WAIT_MS - 1);
    CHECK(told(&waiters) == written, "not before a second has passed");
    rkd_audit_tick(audit, now_ms() + RKD_AUDIT_WAIT_MS);
    CHECK(told(&waiters) == LINES && atomic_load(&waiters.written) == written, "the others: no");
    rkd_audit_tick(audit, now_ms() + 10000);
    CHECK(told(&waiters) == LINES, "once");
    tally = drain(reader, LINES);
    CHECK(tally.whole == LINES && tally.torn == 0 && tally.last == LINES - 1, "none was lost");
    submit(audit, LINES, 1, &waiters);
    wait_told(&waiters, LINES + 1);
    CHECK(atomic_load(&waiters.written) == written + 1, "all is well again");
    CHECK(rkd_audit_dropped(audit) == 0, "nothing dropped");
    end_audit(audit);
    (void)close(reader);
    remove_place(&place);
}

/* The queue is bounded in lines and in bytes; who does not fit is told at once. */
static void test_full_queue(void **state)
{
    static const struct {
        unsigned pad, least, most; /* lines that the pipe, the thread and the queue hold */
    } rows[] = {
        {0, RKD_AUDIT_LINES_MAX, RKD_AUDIT_LINES_MAX + 6000},
        {15000, RKD_AUDIT_BYTES_MAX / 15100, RKD_AUDIT_BYTES_MAX / 15000 + 8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum { LINES = 20000 };
        struct waiters waiters = {0};
        struct place place;
        struct rkd_audit *audit;
        unsigned held;
        int reader;

        make_place(&place);
        reader = make_fifo(&place);
        audit = new_audit(place.path);
        for (unsigned n = 0; n < LINES; n++)
            submit(audit, n, rows[i].pad, &waiters);
        held = LINES - atomic_load(&waiters.refused);
        CHECK(held >= rows[i].least && held <= rows[i].most, "bounded");
        CHECK(rkd_audit_dropped(audit) == LINES - held, "counted");
        CHECK(!rkd_audit_stop(audit, 10), "nobody reads");
        CHECK(told(&waiters) == LINES, "everybody was told, once");
        end_audit(audit);
        (void)usleep(250000); /* the thread notices and frees the rest: asan looks */
        CHECK(told(&waiters) == LINES, "and nobody twice");
        (void)close(reader);
        remove_place(&place);
    }
}

static void test_closed_pipe(void **state)
{
    struct waiters waiters = {0};
    struct place place;
    struct rkd_audit *audit;
    int reader;

    (void)state;
    make_place(&place);
    reader = make_fifo(&place);
    audit = new_audit(place.path);
    submit(audit, 0, 1, &waiters);
    wait_told(&waiters, 1);
    (void)close(reader);
    submit(audit, 1, 1, &waiters); /* EPIPE, and no signal */
    wait_told(&waiters, 2);
    CHECK(atomic_load(&waiters.refused) == 1 && rkd_audit_dropped(audit) == 1, "nobody is there");
    reader = open(place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    submit(audit, 2, 1, &waiters);
    wait_told(&waiters, 3);
    CHECK(atomic_load(&waiters.written) == 2, "somebody is there again");
    CHECK(drain(reader, 1).last == 2, "and reads");
    end_audit(audit);
    (void)close(reader);
    remove_place(&place);
}

/* A pipe that stalls, and SIGHUP points elsewhere: what was not begun goes there. */
static void test_reopen_from_stall(void **state)
{
    struct waiters waiters = {0};
    struct place place;
    struct rkd_audit *audit;
    struct tally tally;
    int reader;

    (void)state;
    make_place(&place);
    reader = make_fifo(&place);
    audit = new_audit(place.path);
    for (unsigned n = 0; n < 100; n++)
        submit(audit, n, 1001, &waiters);
    assert_int_equal(rename(place.path, place.other), 0);
    CHECK_ERR(rkd_audit_reopen(audit, NULL), RK_OK, "a file");
    wait_told(&waiters, 100);
    assert_int_equal(atomic_load(&waiters.written), 100);
    tally = tally_file(place.path);
    CHECK(tally.last == 99 && tally.torn == 0 && tally.whole >= 30, "the rest, each whole");
    end_audit(audit);
    (void)close(reader);
    remove_place(&place);
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 2000 };

struct submitter {
    struct rkd_audit *audit;
    struct waiters *waiters;
    pthread_t thread;
};

static void *submit_many(void *ctx)
{
    struct submitter *submitter = ctx;
    struct rkd_audit_line *line = __real_malloc(sizeof(*line));

    for (unsigned n = 0; n < EACH; n++) {
        if (rkd_audit_line_write(submitter->audit, &whole, line) == RK_OK)
            rkd_audit_submit(submitter->audit, rki_buf_str(&line->buf), on_told,
                             submitter->waiters);
        if (n % 50 == 0)
            (void)usleep(1000);
    }
    free(line);
    return NULL;
}

static void test_threads(void **state)
{
    struct submitter submitters[THREADS];
    struct waiters waiters = {0};
    struct place place;
    struct rkd_audit *audit;
    struct tally tally;

    (void)state;
    make_place(&place);
    audit = audit_with(&place, RK_STR("0123456789abcdef0123456789abcdef"));
    for (size_t i = 0; i < THREADS; i++) {
        submitters[i] = (struct submitter){.audit = audit, .waiters = &waiters};
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_many, &submitters[i]),
                         0);
    }
    for (unsigned i = 0; i < 50; i++) {
        rkd_audit_tick(audit, now_ms() + (i % 5 == 0 ? 2000 : 0));
        if (i % 10 == 0)
            CHECK_ERR(rkd_audit_reopen(audit, NULL), RK_OK, "reopen");
        (void)usleep(1000);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    CHECK(rkd_audit_stop(audit, 20000), "flushed");
    assert_int_equal(told(&waiters), THREADS * EACH);
    tally = tally_file(place.path);
    CHECK(tally.torn == 0 && tally.whole + rkd_audit_dropped(audit) == THREADS * EACH, "all");
    CHECK(atomic_load(&waiters.written) <= tally.whole, "none was told that is not there");
    end_audit(audit);
    remove_place(&place);
}

/* ---- without memory ---- */

static void test_failing_start(void **state)
{
    struct rkd_audit *audit = NULL;
    struct waiters waiters = {0};
    struct place place;
    unsigned n;

    (void)state;
    make_place(&place);
    for (n = 1; n < 200; n++) {
        enum rk_err err;

        fail_in = n;
        err = rkd_audit_new(place.path, true, RK_STR("key"), &audit, NULL);
        if (fail_in != 0) /* not reached: it stands */
            break;
        CHECK(err == RK_E_NOMEM || err == RK_E_IO || err == RK_E_CRYPTO, "fails cleanly");
        assert_null(audit);
    }
    fail_in = 0;
    CHECK(n >= 5 && n < 200, "audit, key, mac, path, thread");
    fail_in = 1;
    submit(audit, 0, 0, &waiters);
    CHECK(atomic_load(&waiters.refused) == 1 && rkd_audit_dropped(audit) == 1,
          "no memory: at once");
    fail_in = 0;
    end_audit(audit);
    remove_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),         cmocka_unit_test(test_hashed_line),
        cmocka_unit_test(test_hostile_line), cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_file),         cmocka_unit_test(test_no_such_place),
        cmocka_unit_test(test_full_device),  cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_full_tmpfs),   cmocka_unit_test(test_torn_before),
        cmocka_unit_test(test_reopen),       cmocka_unit_test(test_fifo_without_reader),
        cmocka_unit_test(test_stalled_pipe), cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_closed_pipe),  cmocka_unit_test(test_reopen_from_stall),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_failing_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
