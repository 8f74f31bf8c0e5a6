/*
 * test_redis.c - the Redis client against a server of ours that does everything wrong (RTL-06,
 * RTL-09), its parser fed byte by byte, and the reading of its address.
 *
 * The real Redis is met in tests/unit/serve/test_shared_limit.c.
 */
#include "check.h"
#include "guard.h"

#include "net/redis_impl.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The first where an answer must not come, the other where it must: a busy machine takes its time.
 */
enum { TIMEOUT_MS = 50, PATIENT_MS = 10000 };

static uint64_t now_ms(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

/* ---- failing on demand: the n-th allocation of ours from now on (linked with --wrap) ---- */

static unsigned fail_in; /* 0: never */

static bool fails_now(void)
{
    return fail_in != 0 && --fail_in == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

/* ---- the server ---- */

enum manner {
    GOOD = 0,
    SILENT,   /* greets, then says nothing */
    MUTE,     /* says nothing at all */
    LATE,     /* greets, answers after 300 ms */
    CLOSING,  /* greets, closes at the first command */
    SHUT,     /* closes at once */
    ANSWER,   /* greets, gives `answer` to each command */
    GREETING, /* gives `answer` to each greeting */
    EXTRA,    /* one reply too many */
    FLOOD,    /* a string without an end */
};

struct server {
    int fd;
    uint16_t port;
    atomic_int manner;
    const char *_Atomic answer;
    atomic_bool stopping;
    atomic_uint connections, commands;
    pthread_t thread;
    char last[RKD_REDIS_COMMAND_MAX]; /* the last command's arguments, each behind its length */
    pthread_mutex_t lock;
    size_t last_len, last_args;
};

/* One whole command at `text`, or 0. Fills args with at most 8. */
static size_t read_command(struct rk_str text, struct rk_str args[8], size_t *out_count)
{
    size_t at = 1, count = 0;

    if (text.len < 4 || text.ptr[0] != '*')
        return 0;
    *out_count = 0;
    for (; at < text.len && text.ptr[at] != '\r'; at++)
        count = count * 10 + (size_t)(text.ptr[at] - '0');
    at += 2;
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;

        if (at >= text.len)
            return 0;
        assert_int_equal(text.ptr[at], '$');
        for (at++; at < text.len && text.ptr[at] != '\r'; at++)
            len = len * 10 + (size_t)(text.ptr[at] - '0');
        at += 2;
        if (at + len + 2 > text.len)
            return 0;
        assert_memory_equal(text.ptr + at + len, "\r\n", 2);
        args[(*out_count)++] = rki_str(text.ptr + at, len);
        at += len + 2;
    }
    return at;
}

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool is_greeting(struct rk_str name)
{
    return rki_str_equal(name, RK_STR("PING")) || rki_str_equal(name, RK_STR("AUTH")) ||
           rki_str_equal(name, RK_STR("SELECT"));
}

static void flood(int fd)
{
    char block[8192];

    memset(block, 'x', sizeof(block));
    say(fd, "$500000000\r\n");
    for (unsigned i = 0; i < 1000; i++)
        if (send(fd, block, sizeof(block), MSG_NOSIGNAL) <= 0)
            return;
}

/* False: close. */
static bool answer_command(struct server *server, int fd, const struct rk_str *args, size_t count)
{
    const int manner = atomic_load(&server->manner);
    const bool greets = is_greeting(args[0]);

    if (!greets) {
        struct rki_buf last = rki_buf_over(server->last, sizeof(server->last));

        atomic_fetch_add(&server->commands, 1);
        (void)pthread_mutex_lock(&server->lock);
        for (size_t i = 0; i < count; i++) {
            rki_buf_int(&last, (int64_t)args[i].len);
            rki_buf_char(&last, ':');
            rki_buf_put(&last, args[i]);
        }
        server->last_len = last.len;
        (void)pthread_mutex_unlock(&server->lock);
    }
    if (manner == GREETING && greets)
        say(fd, atomic_load(&server->answer));
    else if (greets && manner != MUTE)
        say(fd, rki_str_equal(args[0], RK_STR("PING")) ? "+PONG\r\n" : "+OK\r\n");
    else if (manner == ANSWER)
        say(fd, atomic_load(&server->answer));
    else if (manner == GOOD || manner == EXTRA)
        say(fd, "*2\r\n:1\r\n:0\r\n");
    if (manner == EXTRA && !greets)
        say(fd, "*2\r\n:1\r\n:0\r\n");
    if (manner == FLOOD && !greets)
        flood(fd);
    if (manner == LATE && !greets) {
        (void)usleep(600000); /* long after the time-out, long before it is given up */
        say(fd, ":7\r\n");
    }
    return !(manner == CLOSING && !greets);
}

static void serve(struct server *server, int fd)
{
    static _Thread_local char bytes[1 << 20];
    size_t len = 0;

    while (!atomic_load(&server->stopping)) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct rk_str args[8];
        size_t took, count;
        ssize_t got;

        if (poll(&ready, 1, 5) == 0)
            continue;
        got = recv(fd, bytes + len, sizeof(bytes) - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        while ((took = read_command(rki_str(bytes, len), args, &count)) != 0) {
            if (!answer_command(server, fd, args, count))
                return;
            memmove(bytes, bytes + took, len - took);
            len -= took;
        }
    }
}

static void *server_main(void *ctx)
{
    struct server *server = ctx;

    while (!atomic_load(&server->stopping)) {
        struct pollfd ready = {.fd = server->fd, .events = POLLIN};
        int fd;

        if (poll(&ready, 1, 5) != 1)
            continue;
        fd = accept(server->fd, NULL, NULL);
        atomic_fetch_add(&server->connections, 1);
        if (atomic_load(&server->manner) != SHUT)
            serve(server, fd);
        (void)close(fd);
    }
    return NULL;
}

static void server_start(struct server *server, int manner, const char *answer)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    *server = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                              .lock = PTHREAD_MUTEX_INITIALIZER};
    atomic_store(&server->manner, manner);
    atomic_store(&server->answer, answer);
    assert_int_equal(bind(server->fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&addr, &len), 0);
    server->port = ntohs(addr.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

static void server_stop(struct server *server)
{
    atomic_store(&server->stopping, true);
    (void)shutdown(server->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->fd);
}

/* ---- the client and what it is told ---- */

struct world {
    struct server server;
    struct rkd_loop *loop;
    struct rkd_redis *redis;
    bool (*until)(struct world *world);
    uint64_t give_up_ms;
    unsigned calls, want_calls, sent, timeout_ms;
    uint64_t asked_ms, took_max_ms;
    enum rkd_redis_kind kind;
    const char *fault;
    struct rkd_redis_reply reply;
    bool asks_again;
};

static void on_tick(void *ctx)
{
    struct world *world = ctx;

    if (world->until(world) || now_ms() > world->give_up_ms)
        rkd_loop_stop(world->loop);
}

static bool is_up(struct world *world)
{
    return rkd_redis_is_up(world->redis);
}

static bool is_down(struct world *world)
{
    return !rkd_redis_is_up(world->redis);
}

static bool has_tried(struct world *world)
{
    return strcmp(rkd_redis_fault(world->redis), "starting") != 0;
}

static bool is_answered(struct world *world)
{
    return world->calls >= world->want_calls;
}

static bool never(struct world *world)
{
    (void)world;
    return false;
}

static bool run_until(struct world *world, bool (*until)(struct world *world), unsigned ms)
{
    world->until = until;
    world->give_up_ms = now_ms() + ms;
    rkd_loop_run(world->loop);
    return until(world);
}

static void world_start(struct world *world, int manner, const char *answer, const char *login)
{
    struct rkd_redis_url url = {.host = "127.0.0.1"};

    memset(world, 0, sizeof(*world));
    world->timeout_ms = PATIENT_MS;
    server_start(&world->server, manner, answer);
    url.port = world->server.port;
    if (login != NULL) {
        memcpy(url.user, login, strlen(login));
        memcpy(url.password, "se cret", 7);
        url.db = 3;
    }
    CHECK_ERR(rkd_loop_new(&world->loop), RK_OK, "loop");
    CHECK_ERR(rkd_loop_every(world->loop, 1, on_tick, world), RK_OK, "tick");
    CHECK_ERR(rkd_redis_new(world->loop, &url, &world->redis), RK_OK, "new");
}

static void world_stop(struct world *world)
{
    rkd_redis_free(world->redis);
    CHECK(world->calls == world->sent, "every command was answered, once");
    rkd_loop_free(world->loop);
    server_stop(&world->server);
    CHECK(world->calls == world->sent, "nobody is called after the end");
}

static void on_reply(void *ctx, const struct rkd_redis_reply *reply)
{
    struct world *world = ctx;
    const uint64_t took = now_ms() - world->asked_ms;

    world->calls++;
    world->kind = reply->self.kind;
    world->fault = reply->fault;
    world->reply = *reply; /* its texts are borrowed: looked at only here */
    if (took > world->took_max_ms)
        world->took_max_ms = took;
    if (world->asks_again) {
        const struct rk_str args[] = {RK_STR("GET"), RK_STR("k")};

        world->asks_again = false;
        if (rkd_redis_command(world->redis, args, 2, world->timeout_ms, on_reply, world))
            world->sent++;
    }
}

static bool ask(struct world *world)
{
    const struct rk_str args[] = {RK_STR("GET"), RK_STR("k")};

    world->asked_ms = now_ms();
    if (!rkd_redis_command(world->redis, args, 2, world->timeout_ms, on_reply, world))
        return false;
    world->sent++;
    return true;
}

/* ---- tests ---- */

static void test_good(void **state)
{
    static struct world world;

    (void)state;
    world_start(&world, GOOD, NULL, NULL);
    CHECK(!ask(&world), "not before it is up");
    assert_string_equal(rkd_redis_fault(world.redis), "starting");
    CHECK(run_until(&world, is_up, 5000), "up");
    world.want_calls = 4;
    world.asks_again = true;
    for (unsigned i = 0; i < 3; i++)
        CHECK(ask(&world), "sent");
    CHECK(world.calls == 0, "never during the call");
    CHECK(run_until(&world, is_answered, 5000), "three, and one asked in a callback");
    CHECK(world.kind == RKD_REDIS_ARRAY && world.reply.item_count == 2, "an array");
    CHECK(world.reply.items[0].kind == RKD_REDIS_INTEGER && world.reply.items[0].integer == 1, "1");
    CHECK(world.reply.items[1].kind == RKD_REDIS_INTEGER && world.reply.items[1].integer == 0, "0");
    CHECK(atomic_load(&world.server.connections) == 1, "one connection");
    world_stop(&world);
}

/* RTL-09: an argument is bytes; nothing in it begins a command. */
static void test_any_bytes(void **state)
{
    static const char hostile[] = "a b\r\n*1\r\n$8\r\nFLUSHALL\r\n{x}\0\"'";
    static char big[RKD_REDIS_COMMAND_MAX];
    static struct world world;
    const struct rk_str args[] = {RK_STR("GET"), rki_str(hostile, sizeof(hostile) - 1), RK_STR("")};
    const struct rk_str too_big[] = {RK_STR("GET"), rki_str(big, sizeof(big))};
    char want[128];
    struct rki_buf buf = rki_buf_over(want, sizeof(want));

    (void)state;
    world_start(&world, GOOD, NULL, NULL);
    CHECK(run_until(&world, is_up, 5000), "up");
    world.want_calls = 1;
    CHECK(!rkd_redis_command(world.redis, too_big, 2, TIMEOUT_MS, on_reply, &world), "too long");
    CHECK(rkd_redis_command(world.redis, args, 3, 5000, on_reply, &world), "sent");
    world.sent++;
    CHECK(run_until(&world, is_answered, 5000), "answered");
    CHECK(atomic_load(&world.server.commands) == 1, "one command");
    rki_buf_lit(&buf, "3:GET");
    rki_buf_int(&buf, (int64_t)args[1].len);
    rki_buf_char(&buf, ':');
    rki_buf_put(&buf, args[1]);
    rki_buf_lit(&buf, "0:");
    (void)pthread_mutex_lock(&world.server.lock);
    CHECK_STR(rki_str(world.server.last, world.server.last_len), rki_buf_str(&buf),
              "byte for byte");
    (void)pthread_mutex_unlock(&world.server.lock);
    world_stop(&world);
}

static void test_greetings(void **state)
{
    static const struct {
        const char *why, *login, *answer, *fault; /* fault NULL: up */
    } rows[] = {
        {"password alone", "", NULL, NULL},
        {"user and password", "app", NULL, NULL},
        {"a password is wanted", NULL, "-NOAUTH Authentication required.\r\n", "auth"},
        {"the wrong one", "app", "-WRONGPASS invalid username-password pair\r\n", "auth"},
        {"not allowed", NULL, "-NOPERM this user has no permissions\r\n", "auth"},
        {"still loading", NULL, "-LOADING Redis is loading the dataset in memory\r\n", "errors"},
        {"no greeting", NULL, ":1\r\n", "protocol"},
        {"not even Redis", NULL, "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct world world;

        world_start(&world, rows[i].answer == NULL ? GOOD : GREETING, rows[i].answer,
                    rows[i].login);
        if (rows[i].fault == NULL) {
            CHECK(run_until(&world, is_up, 5000), rows[i].why);
        } else {
            CHECK(run_until(&world, has_tried, 5000) && !is_up(&world), rows[i].why);
            assert_string_equal(rkd_redis_fault(world.redis), rows[i].fault);
            CHECK(!ask(&world), rows[i].why);
            atomic_store(&world.server.manner, GOOD);
            CHECK(run_until(&world, is_up, 5000), "it tries again");
        }
        world_stop(&world);
    }
}

/* RTL-06: whatever the server does, a command is answered in its time, and all is well later. */
static void test_faults(void **state)
{
    static const struct {
        const char *why;
        int manner;
        const char *answer;
        enum rkd_redis_kind kind;
        const char *fault;
    } rows[] = {
        {"slow", SILENT, NULL, RKD_REDIS_NONE, "timeout"},
        {"half a reply", ANSWER, "*2\r\n:1\r\n:", RKD_REDIS_NONE, "timeout"},
        {"half a string", ANSWER, "$10\r\nabc", RKD_REDIS_NONE, "timeout"},
        {"closes", CLOSING, NULL, RKD_REDIS_NONE, "closed"},
        {"wrong type", ANSWER, "-WRONGTYPE Operation against a key\r\n", RKD_REDIS_ERROR, NULL},
        {"no memory", ANSWER, "-OOM command not allowed\r\n", RKD_REDIS_ERROR, NULL},
        {"no login", ANSWER, "-NOAUTH Authentication required.\r\n", RKD_REDIS_ERROR, NULL},
        {"a string", ANSWER, "$3\r\nabc\r\n", RKD_REDIS_STRING, NULL},
        {"no protocol", ANSWER, "what?\r\n", RKD_REDIS_NONE, "protocol"},
        {"a bad number", ANSWER, ":1x\r\n", RKD_REDIS_NONE, "protocol"},
        {"a huge array", ANSWER, "*1000000000\r\n", RKD_REDIS_NONE, "protocol"},
        {"a long array", ANSWER, "*9\r\n", RKD_REDIS_NONE, "protocol"},
        {"deep arrays", ANSWER,
         "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", RKD_REDIS_NONE,
         "protocol"},
        {"arrays in arrays", ANSWER, "*2\r\n*1\r\n:1\r\n:2\r\n", RKD_REDIS_OTHER, NULL},
        {"a flood", FLOOD, NULL, RKD_REDIS_NONE, "protocol"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct world world;

        world_start(&world, rows[i].manner, rows[i].answer, NULL);
        CHECK(run_until(&world, is_up, 5000), rows[i].why);
        world.want_calls = 1;
        if (rows[i].fault != NULL && strcmp(rows[i].fault, "timeout") == 0)
            world.timeout_ms = TIMEOUT_MS;
        CHECK(ask(&world), rows[i].why);
        CHECK(run_until(&world, is_answered, 10000), rows[i].why);
        CHECK(world.calls == 1 && world.kind == rows[i].kind, rows[i].why);
        if (rows[i].fault != NULL && strcmp(world.fault, rows[i].fault) != 0)
            fail_msg("%s: %s", rows[i].why, world.fault);
        CHECK(world.took_max_ms < TIMEOUT_MS + 1500, "in its time");
        atomic_store(&world.server.manner, GOOD);
        CHECK(run_until(&world, is_up, 8000), "up again");
        world.timeout_ms = PATIENT_MS;
        world.want_calls = 2;
        CHECK(ask(&world), rows[i].why);
        CHECK(run_until(&world, is_answered, 10000), rows[i].why);
        CHECK(world.calls == 2 && world.kind == RKD_REDIS_ARRAY, "and the right reply to it");
        world_stop(&world);
    }
}

/* While one is overdue nobody else waits; its late reply is nobody's. */
static void test_late_reply(void **state)
{
    static struct world world;

    (void)state;
    world_start(&world, LATE, NULL, NULL);
    world.timeout_ms = TIMEOUT_MS;
    CHECK(run_until(&world, is_up, 5000), "up");
    world.want_calls = 1;
    CHECK(ask(&world), "sent");
    CHECK(run_until(&world, is_answered, 10000), "given up");
    assert_string_equal(world.fault, "timeout");
    CHECK(!ask(&world), "not while that one is overdue");
    assert_string_equal(rkd_redis_fault(world.redis), "slow");
    atomic_store(&world.server.manner, GOOD);
    CHECK(run_until(&world, is_up, 20000), "the late one came");
    CHECK(world.calls == 1, "and was nobody's");
    CHECK(atomic_load(&world.server.connections) == 1, "over the same connection");
    world.timeout_ms = PATIENT_MS;
    world.want_calls = 2;
    CHECK(ask(&world), "sent");
    CHECK(run_until(&world, is_answered, 10000), "answered");
    CHECK(world.kind == RKD_REDIS_ARRAY, "with its own reply");
    world_stop(&world);
}

/* Five errors in a row: off for five seconds. NOSCRIPT is no error. */
static void test_errors_in_a_row(void **state)
{
    static struct world world;
    uint64_t begun;

    (void)state;
    world_start(&world, ANSWER, "-NOSCRIPT No matching script.\r\n", NULL);
    CHECK(run_until(&world, is_up, 5000), "up");
    for (unsigned i = 1; i <= 15; i++) {
        if (i == 10)
            atomic_store(&world.server.answer, "-OOM command not allowed\r\n");
        world.want_calls = i;
        CHECK((i <= 14) == ask(&world), "five errors");
        CHECK(i > 14 || run_until(&world, is_answered, 10000), "each answered");
    }
    assert_string_equal(rkd_redis_fault(world.redis), "errors");
    atomic_store(&world.server.manner, GOOD);
    begun = now_ms();
    CHECK(run_until(&world, is_up, 10000), "up");
    CHECK(now_ms() - begun >= 4900, "after a while");
    world_stop(&world);
}

/* One reply too many would make the next one somebody else's. */
static void test_extra_reply(void **state)
{
    static struct world world;

    (void)state;
    world_start(&world, EXTRA, NULL, NULL);
    CHECK(run_until(&world, is_up, 5000), "up");
    world.want_calls = 1;
    CHECK(ask(&world), "sent");
    CHECK(run_until(&world, is_answered, 10000), "answered");
    CHECK(run_until(&world, is_down, 5000), "dropped");
    assert_string_equal(rkd_redis_fault(world.redis), "protocol");
    world_stop(&world);
}

static void test_bounded_in_flight(void **state)
{
    static struct world world;
    unsigned sent = 0;

    (void)state;
    world_start(&world, SILENT, NULL, NULL);
    world.timeout_ms = TIMEOUT_MS;
    CHECK(run_until(&world, is_up, 5000), "up");
    while (ask(&world))
        sent++;
    assert_int_equal(sent, RKD_REDIS_IN_FLIGHT_MAX);
    assert_string_equal(rkd_redis_fault(world.redis), "busy");
    world.want_calls = sent;
    CHECK(run_until(&world, is_answered, 10000), "each answered");
    CHECK(world.calls == sent && world.kind == RKD_REDIS_NONE, "once");
    CHECK(run_until(&world, is_answered, 1), "no more");
    (void)run_until(&world, never, 1300);
    CHECK(atomic_load(&world.server.connections) >= 1 && world.calls == sent, "and once only");
    world_stop(&world);
}

/* More and more seldom, so that a server that is away is not called all the time. */
static void test_back_off(void **state)
{
    static struct world world;

    (void)state;
    world_start(&world, SHUT, NULL, NULL);
    (void)run_until(&world, never, 1600); /* 0, 100, 300, 700, 1500, and jitter */
    CHECK(atomic_load(&world.server.connections) >= 4, "it tries again");
    CHECK(atomic_load(&world.server.connections) <= 5, "but not all the time");
    assert_string_equal(rkd_redis_fault(world.redis), "connect");
    atomic_store(&world.server.manner, MUTE); /* takes connections, answers nothing: not up */
    CHECK(!run_until(&world, is_up, 2500), "not up");
    world_stop(&world);
}

/* Freed in every state; nobody is called afterwards. */
static void test_free_any_time(void **state)
{
    static const int manners[] = {GOOD, SILENT, MUTE, SHUT, CLOSING};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(manners); i++)
        for (unsigned ms = 0; ms < 8; ms += 2) {
            static struct world world;

            world_start(&world, manners[i], NULL, NULL);
            (void)run_until(&world, never, ms);
            if (is_up(&world)) {
                CHECK(ask(&world), "sent");
                world.asks_again = true; /* which is refused: it ends */
            }
            world_stop(&world);
        }
    rkd_redis_free(NULL);
}

static void test_no_memory(void **state)
{
    const struct rkd_redis_url url = {.host = "127.0.0.1", .port = 1};
    static struct world world;
    struct rkd_redis *redis = NULL;
    unsigned n;

    (void)state;
    world_start(&world, GOOD, NULL, NULL);
    fail_in = 1; /* what a connection needs once it stands */
    CHECK(run_until(&world, has_tried, 5000), "tried");
    assert_string_equal(rkd_redis_fault(world.redis), "memory");
    CHECK(run_until(&world, is_up, 5000), "and up the next time");
    for (n = 1; n < 20; n++) {
        fail_in = n;
        if (rkd_redis_new(world.loop, &url, &redis) == RK_OK)
            break;
        assert_null(redis);
    }
    assert_int_equal(n, 5); /* itself, the ring, two buffers */
    fail_in = 1;
    assert_null(redis_lookup_start("localhost", 1));
    fail_in = 0;
    rkd_redis_free(redis);
    world_stop(&world);
}

static void test_names(void **state)
{
    struct redis_addresses found;
    struct redis_lookup *lookup = redis_lookup_start("localhost", 6379);

    (void)state;
    assert_non_null(lookup);
    for (unsigned i = 0; i < 5000 && !redis_lookup_is_done(lookup, &found); i++)
        (void)usleep(1000);
    CHECK(redis_lookup_is_done(lookup, &found) && found.count != 0, "found");
    redis_lookup_leave(lookup);
    redis_lookup_leave(redis_lookup_start("localhost", 1)); /* nobody waits for it */
    redis_lookup_leave(NULL);
    CHECK(redis_numeric("127.0.0.1", 1, &found) && found.count == 1, "IPv4");
    CHECK(redis_numeric("::1", 1, &found) && found.count == 1, "IPv6");
    CHECK(!redis_numeric("localhost", 1, &found) && found.count == 0, "a name");
}

static void test_by_name(void **state)
{
    static struct world world;
    struct rkd_redis_url url = {.host = "localhost"};

    (void)state;
    world_start(&world, GOOD, NULL, NULL);
    rkd_redis_free(world.redis);
    url.port = world.server.port;
    CHECK_ERR(rkd_redis_new(world.loop, &url, &world.redis), RK_OK, "new");
    CHECK(run_until(&world, is_up, 8000), "up"); /* ::1 may be tried first */
    world_stop(&world);
}

/* ---- the parser ---- */

static void test_replies(void **state)
{
    static const struct {
        struct rk_str bytes;
        enum rkd_redis_kind kind; /* NONE: refused */
        int64_t integer;
        size_t items;
        struct rk_str text;
    } rows[] = {
        {RK_STR_INIT("+OK\r\n"), RKD_REDIS_STATUS, 0, 0, RK_STR_INIT("OK")},
        {RK_STR_INIT("-ERR no\r\n"), RKD_REDIS_ERROR, 0, 0, RK_STR_INIT("ERR no")},
        {RK_STR_INIT(":-9223372036854775808\r\n"), RKD_REDIS_INTEGER, INT64_MIN, 0, {0}},
        {RK_STR_INIT(":9223372036854775808\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
        {RK_STR_INIT("$0\r\n\r\n"), RKD_REDIS_STRING, 0, 0, RK_STR_INIT("")},
        {RK_STR_INIT("$4\r\na\0\r\n\r\n"), RKD_REDIS_STRING, 0, 0, RK_STR_INIT("a\0\r\n")},
        {RK_STR_INIT("$-1\r\n"), RKD_REDIS_NIL, 0, 0, {0}},
        {RK_STR_INIT("$-2\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
        {RK_STR_INIT("*-1\r\n"), RKD_REDIS_NIL, 0, 0, {0}},
        {RK_STR_INIT("*0\r\n"), RKD_REDIS_ARRAY, 0, 0, {0}},
        {RK_STR_INIT("*3\r\n:1\r\n$1\r\nx\r\n$-1\r\n"), RKD_REDIS_ARRAY, 0, 3, {0}},
        {RK_STR_INIT("*8\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"),
         RKD_REDIS_ARRAY,
         0,
         8,
         {0}},
        {RK_STR_INIT("*9\r\n:1\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
        {RK_STR_INIT("*4294967297\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
        {RK_STR_INIT("*1\r\n*1\r\n$1\r\nx\r\n"), RKD_REDIS_OTHER, 0, 0, {0}},
        {RK_STR_INIT("x\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
        {RK_STR_INIT("\0\0\0\0\r\n"), RKD_REDIS_NONE, 0, 0, {0}},
    };
    struct guard guard = guard_new(256);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct redis_parser *parser = redis_parser_new();
        const struct rkd_redis_reply *reply = NULL;
        int got = 0;

        assert_non_null(parser);
        for (size_t k = 0; k < rows[i].bytes.len && got == 0; k++) {
            CHECK(redis_parser_feed(parser, guard_put(&guard, rki_str(rows[i].bytes.ptr + k, 1))),
                  "fed");
            got = redis_parser_next(parser, &reply);
            CHECK(got <= 0 || k + 1 == rows[i].bytes.len, "not before it is whole");
        }
        if (rows[i].kind == RKD_REDIS_NONE) {
            CHECK(got == -1, rows[i].bytes.ptr);
        } else {
            CHECK(got == 1 && reply->self.kind == rows[i].kind, rows[i].bytes.ptr);
            CHECK(reply->self.integer == rows[i].integer, "its number");
            CHECK(reply->item_count == rows[i].items, "its items");
            CHECK_STR(reply->self.text, rows[i].text, "its text");
        }
        redis_parser_free(parser);
    }
    redis_parser_free(NULL);
    guard_free(&guard);
}

/* ---- the address ---- */

static void test_url(void **state)
{
    static const struct {
        const char *url, *host, *user, *password; /* host NULL: refused */
        unsigned port, db;
    } rows[] = {
        {"redis://localhost", "localhost", "", "", 6379, 0},
        {"redis://127.0.0.1:6380/", "127.0.0.1", "", "", 6380, 0},
        {"redis://[::1]:7/12", "::1", "", "", 7, 12},
        {"redis://[::1]", "::1", "", "", 6379, 0},
        {"redis://:p%40ss%2F@r-1.example_x:1", "r-1.example_x", "", "p@ss/", 1, 0},
        {"redis://app:a:b@h/3", "h", "app", "a:b", 6379, 3},
        {"redis://app:p@q@h", "h", "app", "p@q", 6379, 0},
        {"rediss://h", NULL, NULL, NULL, 0, 0},
        {"redis:/h", NULL, NULL, NULL, 0, 0},
        {"http://h", NULL, NULL, NULL, 0, 0},
        {"redis://", NULL, NULL, NULL, 0, 0},
        {"redis://:6379", NULL, NULL, NULL, 0, 0},
        {"redis://h:", NULL, NULL, NULL, 0, 0},
        {"redis://h:0", NULL, NULL, NULL, 0, 0},
        {"redis://h:65536", NULL, NULL, NULL, 0, 0},
        {"redis://h:4294967297", NULL, NULL, NULL, 0, 0},
        {"redis://h:1x", NULL, NULL, NULL, 0, 0},
        {"redis://h:-1", NULL, NULL, NULL, 0, 0},
        {"redis://h/x", NULL, NULL, NULL, 0, 0},
        {"redis://h/10000", NULL, NULL, NULL, 0, 0},
        {"redis://h/0?x=1", NULL, NULL, NULL, 0, 0},
        {"redis://h h", NULL, NULL, NULL, 0, 0},
        {"redis://h\r\n", NULL, NULL, NULL, 0, 0},
        {"redis://::1", NULL, NULL, NULL, 0, 0},
        {"redis://[h]", NULL, NULL, NULL, 0, 0},
        {"redis://[::1", NULL, NULL, NULL, 0, 0},
        {"redis://[::1]x", NULL, NULL, NULL, 0, 0},
        {"redis://[fe80::1%eth0]", NULL, NULL, NULL, 0, 0},
        {"redis://secretword@h", NULL, NULL, NULL, 0, 0},
        {"redis://secretword:@h", NULL, NULL, NULL, 0, 0},
        {"redis://:secretword%4@h", NULL, NULL, NULL, 0, 0},
        {"redis://:secretword%@h", NULL, NULL, NULL, 0, 0},
        {"redis://:secretword%zz@h", NULL, NULL, NULL, 0, 0},
        {"redis://:secretword%00@h", NULL, NULL, NULL, 0, 0},
    };
    const struct rk_str none = rki_str(NULL, 0);
    struct guard guard = guard_new(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_redis_url url;
        struct rk_diag diag = {0};
        const enum rk_err err =
            rkd_redis_url_read(guard_put(&guard, rki_cstr(rows[i].url)), none, &url, &diag);

        CHECK((err == RK_OK) == (rows[i].host != NULL), rows[i].url);
        if (err == RK_OK) {
            assert_string_equal(url.host, rows[i].host);
            assert_string_equal(url.user, rows[i].user);
            assert_string_equal(url.password, rows[i].password);
            assert_int_equal(url.port, rows[i].port);
            assert_int_equal(url.db, rows[i].db);
        } else {
            CHECK(diag.text[0] != '\0' && strstr(diag.text, "secretword") == NULL, "says what");
            CHECK(url.password[0] == '\0', "wiped");
        }
    }
    guard_free(&guard);
}

/* The password of a file, as it is: nothing in it is decoded, and the URL has no other. */
static void test_url_and_password(void **state)
{
    static const struct {
        const char *url;
        struct rk_str password;
        const char *user; /* NULL: refused */
    } rows[] = {
        {"redis://h", RK_STR_INIT("secretword%40:@/"), ""},
        {"redis://app@h:1/2", RK_STR_INIT("secretword"), "app"},
        {"redis://a%40p@h", RK_STR_INIT("secret word"), "a@p"},
        {"redis://h", RK_STR_INIT(""), NULL},
        {"redis://h", RK_STR_INIT("secretword\0x"), NULL},
        {"redis://@h", RK_STR_INIT("secretword"), NULL},
        {"redis://:@h", RK_STR_INIT("secretword"), NULL},
        {"redis://app:@h", RK_STR_INIT("secretword"), NULL},
        {"redis://:other@h", RK_STR_INIT("secretword"), NULL},
        {"redis://app:other@h", RK_STR_INIT("secretword"), NULL},
        {"redis://a%4@h", RK_STR_INIT("secretword"), NULL},
        {"redis://app@h:x", RK_STR_INIT("secretword"), NULL},
        {"rediss://h", RK_STR_INIT("secretword"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_redis_url url;
        struct rk_diag diag = {0};
        const enum rk_err err =
            rkd_redis_url_read(rki_cstr(rows[i].url), rows[i].password, &url, &diag);

        CHECK((err == RK_OK) == (rows[i].user != NULL), rows[i].url);
        if (err == RK_OK) {
            assert_string_equal(url.host, "h");
            assert_string_equal(url.user, rows[i].user);
            CHECK_STR(rki_cstr(url.password), rows[i].password, "as it is");
        } else {
            CHECK(diag.text[0] != '\0' && strstr(diag.text, "secretword") == NULL, "says what");
            CHECK(url.password[0] == '\0' && url.user[0] == '\0', "wiped");
        }
    }
}

/* A secret or a name at the brim, and one byte over it. */
static void test_url_lengths(void **state)
{
    const struct rk_str none = rki_str(NULL, 0);

    (void)state;
    for (size_t len = 250; len < 1100; len++) {
        static char text[2048];
        struct rki_buf host = rki_buf_over(text, sizeof(text));
        struct rkd_redis_url url;

        rki_buf_lit(&host, "redis://");
        for (size_t i = 0; i < len; i++)
            rki_buf_char(&host, 'a');
        CHECK((rkd_redis_url_read(rki_buf_str(&host), none, &url, NULL) == RK_OK) == (len < 256),
              "host");
        host.len = 8;
        rki_buf_char(&host, ':');
        for (size_t i = 0; i < len; i++)
            rki_buf_char(&host, 'a');
        rki_buf_lit(&host, "@h");
        CHECK((rkd_redis_url_read(rki_buf_str(&host), none, &url, NULL) == RK_OK) == (len <= 1024),
              "pass");
        CHECK((rkd_redis_url_read(RK_STR("redis://h"), rki_str(text + 9, len), &url, NULL) ==
               RK_OK) == (len <= 1024),
              "beside it");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_url_and_password),
        cmocka_unit_test(test_url_lengths),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_late_reply),
        cmocka_unit_test(test_errors_in_a_row),
        cmocka_unit_test(test_extra_reply),
        cmocka_unit_test(test_bounded_in_flight),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_free_any_time),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
