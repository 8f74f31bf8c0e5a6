/*
 * test_shared_limit.c - shared limits on a real redis-server (or valkey-server), which is stopped,
 * killed and brought back (RTL-06, RTL-07, RTL-09). Without one the test fails.
 *
 * What a server of ours can do wrong is in tests/unit/net/test_redis.c.
 */
#include "check.h"

#include "serve/clock.h"
#include "serve/shared_limit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_MS = 50, PATIENT_MS = 10000, TAKES = 100 };

static uint64_t now_ms(void)
{
    return rkd_clock_mono_ns() / 1000000;
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

struct server {
    pid_t pid;
    uint16_t port;
};

/* One below those that the kernel hands out: a test beside this one would get it before it is used,
 * or while the server is away. */
static uint16_t free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_free = false;

    for (unsigned i = 0; i < 1000 && !is_free; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        addr.sin_port = htons((uint16_t)(12000 + ((unsigned)getpid() + i) % 16000));
        is_free = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
        (void)close(fd);
    }
    CHECK(is_free, "a port");
    return ntohs(addr.sin_port);
}

static void be_server(const char *port)
{
    static const char *const names[] = {"redis-server", "valkey-server"};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    (void)!freopen("/dev/null", "w", stdout);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)execlp(names[i], names[i], "--port", port, "--bind", "127.0.0.1", "--save", "",
                     "--appendonly", "no", "--enable-debug-command", "yes", (char *)NULL);
    _exit(127); /* none is installed: nobody will answer, and the test fails */
}

static void server_start(struct server *server)
{
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", server->port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        be_server(port);
}

static void server_kill(struct server *server)
{
    int status = 0;

    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    CHECK(WIFSIGNALED(status), "there is a redis-server, and it ran until it was killed");
}

/* ---- an instance ---- */

struct instance {
    struct rkd_loop *loop;
    struct rkd_shared_limit *limit;
    struct rkd_redis *redis; /* to look behind the scenes */
    bool (*until)(struct instance *instance);
    uint64_t give_up_ms;
    unsigned answers, want, known, allowed;
    uint32_t retry_after_s; /* of the last refusal */
    uint64_t asked_ms, took_max_ms;
    unsigned logs, wells;
    char why[32];
    uint64_t told;
    int64_t integer;
    bool is_replied;
};

static void on_tick(void *ctx)
{
    struct instance *one = ctx;

    if (one->until(one) || now_ms() > one->give_up_ms)
        rkd_loop_stop(one->loop);
}

static bool run_until(struct instance *one, bool (*until)(struct instance *one), unsigned ms)
{
    one->until = until;
    one->give_up_ms = now_ms() + ms;
    rkd_loop_run(one->loop);
    return until(one);
}

static bool is_up(struct instance *one)
{
    return rkd_shared_limit_is_up(one->limit) && rkd_redis_is_up(one->redis);
}

static bool is_down(struct instance *one)
{
    return !rkd_shared_limit_is_up(one->limit);
}

static bool is_answered(struct instance *one)
{
    return one->answers >= one->want;
}

static bool is_replied(struct instance *one)
{
    return one->is_replied;
}

static bool never(struct instance *one)
{
    (void)one;
    return false;
}

static void on_log(void *ctx, const char *why, uint64_t unknown)
{
    struct instance *one = ctx;

    one->told += unknown;
    if (why == NULL) {
        one->wells++;
        return;
    }
    one->logs++;
    (void)snprintf(one->why, sizeof(one->why), "%s", why);
}

static void instance_start(struct instance *one, uint16_t port, unsigned timeout_ms,
                           struct rk_str hash_key, const char *password)
{
    struct rkd_shared_limit_options options = {
        .url = {.host = "127.0.0.1", .port = port},
        .timeout_ms = timeout_ms,
        .hash_key = hash_key,
        .log = on_log,
        .log_ctx = one,
    };

    *one = (struct instance){0};
    (void)snprintf(options.url.password, sizeof(options.url.password), "%s", password);
    CHECK_ERR(rkd_loop_new(&one->loop), RK_OK, "loop");
    CHECK_ERR(rkd_loop_every(one->loop, 1, on_tick, one), RK_OK, "tick");
    CHECK_ERR(rkd_shared_limit_new(one->loop, &options, &one->limit), RK_OK, "new");
    CHECK_ERR(rkd_redis_new(one->loop, &options.url, &one->redis), RK_OK, "new");
}

static void instance_stop(struct instance *one)
{
    rkd_shared_limit_free(one->limit);
    rkd_redis_free(one->redis);
    rkd_loop_free(one->loop);
}

static void on_verdict(void *ctx, const struct rkd_shared_verdict *verdict)
{
    struct instance *one = ctx;
    const uint64_t took = now_ms() - one->asked_ms;

    one->answers++;
    one->known += verdict->known ? 1 : 0;
    one->allowed += verdict->allowed ? 1 : 0;
    if (took > one->took_max_ms)
        one->took_max_ms = took;
    if (verdict->allowed || !verdict->known)
        CHECK(verdict->retry_after_s == 0, "no time to wait");
    else
        one->retry_after_s = verdict->retry_after_s;
    CHECK(verdict->known || !verdict->allowed, "not known is not allowed");
}

static const struct rkd_rate one_an_hour = {.period_ns = 3600000000000, .burst = 1};

static void take(struct instance *one, enum rkd_layer layer, struct rk_str key,
                 const struct rkd_rate *rate)
{
    one->asked_ms = now_ms();
    one->want++;
    rkd_shared_limit_take(one->limit, layer, key, rate, on_verdict, one);
}

enum outcome { UNKNOWN, REFUSED, ALLOWED };

static enum outcome take_now(struct instance *one, struct rk_str key, const struct rkd_rate *rate)
{
    const unsigned known = one->known, allowed = one->allowed, answers = one->answers;

    take(one, RKD_LAYER_CALLER, key, rate);
    CHECK(run_until(one, is_answered, 30000), "answered");
    CHECK(one->answers == answers + 1, "once");
    return one->known == known ? UNKNOWN : one->allowed == allowed ? REFUSED : ALLOWED;
}

static void on_reply(void *ctx, const struct rkd_redis_reply *reply)
{
    struct instance *one = ctx;

    one->is_replied = true;
    one->integer = reply->self.kind == RKD_REDIS_INTEGER  ? reply->self.integer
                   : reply->self.kind == RKD_REDIS_STATUS ? 0
                                                          : -1;
}

/* A command of the test's own: words, one blank between; or a script that gives a number. */
static int64_t redis(struct instance *one, const char *words)
{
    struct rk_str args[8], rest = rki_cstr(words);
    size_t count = 0;

    while (rest.len != 0) {
        const char *blank = memchr(rest.ptr, ' ', rest.len);
        const size_t len = blank == NULL ? rest.len : (size_t)(blank - rest.ptr);

        args[count++] = rki_str(rest.ptr, len);
        rest = rki_str(rest.ptr + len + (blank != NULL), rest.len - len - (blank != NULL));
    }
    one->is_replied = false;
    CHECK(rkd_redis_command(one->redis, args, count, PATIENT_MS, on_reply, one), words);
    CHECK(run_until(one, is_replied, PATIENT_MS), words);
    CHECK(one->integer >= 0, words);
    return one->integer;
}

static int64_t redis_script(struct instance *one, const char *text)
{
    const struct rk_str args[] = {RK_STR("EVAL"), rki_cstr(text), RK_STR("0")};

    one->is_replied = false;
    CHECK(rkd_redis_command(one->redis, args, 3, PATIENT_MS, on_reply, one), text);
    CHECK(run_until(one, is_replied, PATIENT_MS), text);
    CHECK(one->integer >= 0, text);
    return one->integer;
}

/* ---- one server for most tests ---- */

struct world {
    struct server server;
    struct instance one;
};

static int world_start(void **state)
{
    static struct world world;

    world = (struct world){.server = {.port = free_port()}};
    server_start(&world.server);
    instance_start(&world.one, world.server.port, PATIENT_MS, (struct rk_str){0}, "");
    CHECK(run_until(&world.one, is_up, 30000), "a redis-server came up (is it installed?)");
    *state = &world;
    return 0;
}

static int world_stop(void **state)
{
    struct world *world = *state;

    instance_stop(&world->one);
    server_kill(&world->server);
    return 0;
}

/* Fewer milliseconds for the same instance. */
static void hurry(struct world *world)
{
    instance_stop(&world->one);
    instance_start(&world->one, world->server.port, TIMEOUT_MS, (struct rk_str){0}, "");
    CHECK(run_until(&world->one, is_up, 30000), "up");
    /* The first command of a connection on a busy machine may be slow: not what is tested here. */
    for (unsigned i = 0; i < 100 && take_now(&world->one, RK_STR("warm"), &one_an_hour) == UNKNOWN;
         i++)
        (void)run_until(&world->one, is_up, 5000);
    (void)take_now(&world->one, RK_STR("warm"), &one_an_hour);
}

static void test_rate(void **state)
{
    static const struct rkd_rate three = {.period_ns = 3600000000000, .burst = 3};
    static const struct rkd_rate quick = {.period_ns = 900000000, .burst = 1};
    static const struct rkd_rate odd = {.period_ns = 1, .burst = UINT32_MAX};
    static const struct rkd_rate vast = {.period_ns = UINT64_MAX, .burst = UINT32_MAX};
    static const struct rkd_rate off = {0};
    struct instance *one = &((struct world *)*state)->one;

    for (unsigned i = 0; i < 3; i++)
        CHECK(take_now(one, RK_STR("a"), &three) == ALLOWED, "burst");
    for (unsigned i = 0; i < 5; i++)
        CHECK(take_now(one, RK_STR("a"), &three) == REFUSED, "no more");
    CHECK(one->retry_after_s > 3590 && one->retry_after_s <= 3600,
          "an hour; refusals cost nothing");
    CHECK(take_now(one, RK_STR("b"), &three) == ALLOWED, "another key");
    CHECK(take_now(one, RK_STR(""), &one_an_hour) == ALLOWED, "an empty key is one too");
    CHECK(take_now(one, RK_STR("c"), &quick) == ALLOWED, "first");
    CHECK(take_now(one, RK_STR("c"), &quick) == REFUSED && one->retry_after_s == 1, "rounded up");
    (void)run_until(one, never, 1000);
    CHECK(take_now(one, RK_STR("c"), &quick) == ALLOWED, "who waits is let in");
    CHECK(take_now(one, RK_STR("d"), &odd) == ALLOWED, "the quickest rate");
    CHECK(take_now(one, RK_STR("e"), &vast) == ALLOWED, "the slowest");
    CHECK(take_now(one, RK_STR("e"), &vast) == REFUSED, "has no second");
    CHECK(take_now(one, RK_STR("a"), &off) == ALLOWED, "off");
    take(one, RKD_LAYER_ROOM, RK_STR("a"), &one_an_hour);
    CHECK(run_until(one, is_answered, 5000), "answered");
    CHECK(redis_script(one, "local n=0 for _,k in ipairs(redis.call('KEYS','*')) do "
                            "if redis.call('PTTL',k) <= 0 then n=n+1 end end return n") == 0,
          "every key expires");
    CHECK(rkd_shared_limit_unknown(one->limit) == 0 && one->logs == 0, "nothing to tell");
}

/* A restart without its memory, or an administrator: the script is sent along. */
static void test_script_is_gone(void **state)
{
    struct instance *one = &((struct world *)*state)->one;

    CHECK(take_now(one, RK_STR("a"), &one_an_hour) == ALLOWED, "learns it");
    (void)redis(one, "SCRIPT FLUSH");
    CHECK(take_now(one, RK_STR("a"), &one_an_hour) == REFUSED, "learns it again");
}

/* RTL-09: whatever a key's text is, what gets to Redis is its hash. */
static void test_hostile_keys(void **state)
{
    static const struct rk_str keys[] = {
        RK_STR_INIT("a b c"),
        RK_STR_INIT("x\r\n*1\r\n$8\r\nFLUSHALL\r\n"),
        RK_STR_INIT("{user}:{room}"),
        RK_STR_INIT("}{"),
        RK_STR_INIT("a\0b"),
        RK_STR_INIT("a\0c"),
        RK_STR_INIT("' .. redis.call('FLUSHALL') .. '"),
        RK_STR_INIT("\xff\xfe"),
        RK_STR_INIT("*"),
    };
    static char big[100000];
    struct instance *one = &((struct world *)*state)->one;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK(take_now(one, keys[i], &one_an_hour) == ALLOWED, "its own bucket");
    CHECK(take_now(one, rki_str(big, sizeof(big)), &one_an_hour) == ALLOWED, "of any length");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK(take_now(one, keys[i], &one_an_hour) == REFUSED, "and it is found again");
    CHECK(redis(one, "DBSIZE") == (int64_t)ARRAY_LEN(keys) + 1, "one key each");
    CHECK(redis_script(one, "local n=0 for _,k in ipairs(redis.call('KEYS','*')) do "
                            "if not string.match(k,'^roomkey:caller:%x+$') or #k ~= 47 then n=n+1 "
                            "end end return n") == 0,
          "all of one form");
}

/* A reload replaces it while somebody waits: who waits is answered, and decides by itself. */
static void test_freed_meanwhile(void **state)
{
    struct world *world = *state;
    struct instance two;

    instance_start(&two, world->server.port, PATIENT_MS, (struct rk_str){0}, "");
    CHECK(run_until(&two, is_up, 5000), "up");
    for (unsigned i = 0; i < 100; i++)
        take(&two, RKD_LAYER_CALLER, RK_STR("k"), &one_an_hour);
    rkd_shared_limit_free(two.limit);
    two.limit = NULL;
    CHECK(two.answers == 100 && two.known == 0 && two.logs == 0, "each answered, nothing told");
    (void)run_until(&two, never, 50);
    CHECK(two.answers == 100, "once");
    instance_stop(&two);
}

/* Two instances name a bucket alike; layers and hash keys keep buckets apart. */
static void test_names(void **state)
{
    struct world *world = *state;
    struct instance two, keyed, other;

    instance_start(&two, world->server.port, PATIENT_MS, (struct rk_str){0}, "");
    instance_start(&keyed, world->server.port, PATIENT_MS, RK_STR("a key"), "");
    instance_start(&other, world->server.port, PATIENT_MS, RK_STR("another key"), "");
    CHECK(run_until(&two, is_up, 5000) && run_until(&keyed, is_up, 5000), "up");
    CHECK(run_until(&other, is_up, 5000), "up");
    CHECK(take_now(&world->one, RK_STR("k"), &one_an_hour) == ALLOWED, "first");
    CHECK(take_now(&two, RK_STR("k"), &one_an_hour) == REFUSED, "the same bucket");
    CHECK(take_now(&keyed, RK_STR("k"), &one_an_hour) == ALLOWED, "another");
    CHECK(take_now(&other, RK_STR("k"), &one_an_hour) == ALLOWED, "another");
    CHECK(take_now(&keyed, RK_STR("k"), &one_an_hour) == REFUSED, "its own");
    two.allowed = 0;
    take(&two, RKD_LAYER_ROOM, RK_STR("k"), &one_an_hour);
    CHECK(run_until(&two, is_answered, 5000), "answered");
    CHECK(two.allowed == 1, "another layer");
    instance_stop(&two);
    instance_stop(&keyed);
    instance_stop(&other);
}

/* What others may have put where our numbers stand. */
static void test_foreign_values(void **state)
{
    static const struct {
        const char *why, *value; /* a Lua expression; NULL: a list */
        enum outcome want;
    } rows[] = {
        {"no number", "'abc'", ALLOWED},
        {"empty", "''", ALLOWED},
        {"NaN", "'nan'", ALLOWED},
        {"long ago", "'-1e300'", ALLOWED},
        {"infinite", "'inf'", REFUSED},
        {"far in the future", "'9e15'", REFUSED},
        {"not even a string", NULL, UNKNOWN},
    };
    struct instance *one = &((struct world *)*state)->one;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];

        (void)redis(one, "FLUSHALL");
        CHECK(take_now(one, RK_STR("a"), &one_an_hour) == ALLOWED, rows[i].why);
        (void)snprintf(text, sizeof(text),
                       "local k = redis.call('KEYS','*')[1] redis.call('DEL', k) "
                       "redis.call('%s', k, %s) return 1",
                       rows[i].value == NULL ? "LPUSH" : "SET",
                       rows[i].value == NULL ? "'x'" : rows[i].value);
        CHECK(redis_script(one, text) == 1, "changed");
        CHECK(take_now(one, RK_STR("a"), &one_an_hour) == rows[i].want, rows[i].why);
        if (rows[i].want == ALLOWED)
            CHECK(take_now(one, RK_STR("a"), &one_an_hour) == REFUSED, "mended");
    }
    CHECK(one->logs == 1, "told");
    assert_string_equal(one->why, "wrong_type");
    CHECK(one->retry_after_s <= 3600, "a whole burst at most");
}

static void test_no_memory(void **state)
{
    struct instance *one = &((struct world *)*state)->one;

    (void)redis(one, "CONFIG SET maxmemory-policy noeviction");
    (void)redis(one, "CONFIG SET maxmemory 1");
    CHECK(take_now(one, RK_STR("a"), &one_an_hour) == UNKNOWN, "not known");
    assert_string_equal(one->why, "no_memory");
    (void)redis(one, "CONFIG SET maxmemory 0");
    CHECK(take_now(one, RK_STR("a"), &one_an_hour) == ALLOWED, "known again");
    CHECK(one->logs == 1 && one->wells == 0, "no two lines in ten seconds");
}

static void test_login(void **state)
{
    struct world *world = *state;
    struct instance *one = &world->one, in, out;

    (void)redis(one, "CONFIG SET requirepass p@ss");
    instance_start(&in, world->server.port, PATIENT_MS, (struct rk_str){0}, "p@ss");
    instance_start(&out, world->server.port, PATIENT_MS, (struct rk_str){0}, "wrong");
    CHECK(run_until(&in, is_up, 5000), "with the right one");
    CHECK(take_now(&in, RK_STR("a"), &one_an_hour) == ALLOWED, "known");
    (void)run_until(&out, never, 100);
    CHECK(take_now(&out, RK_STR("a"), &one_an_hour) == UNKNOWN, "not known");
    assert_string_equal(out.why, "auth");
    instance_stop(&in);
    instance_stop(&out);
}

/* ---- RTL-07 ---- */

struct burst_thread {
    pthread_t thread;
    struct instance one;
    bool ok;
};

static const struct rkd_rate thirty_seven = {.period_ns = 3600000000000, .burst = 37};

/* cmocka's failures belong to the first thread: what went wrong is left for it to see. */
static void *burst_main(void *ctx)
{
    struct burst_thread *thread = ctx;
    struct instance *one = &thread->one;

    thread->ok = run_until(one, is_up, 30000);
    for (unsigned i = 0; i < TAKES; i++)
        take(one, RKD_LAYER_CALLER, RK_STR("all of us"), &thirty_seven);
    thread->ok = thread->ok && run_until(one, is_answered, 30000) && one->answers == TAKES;
    return NULL;
}

static void test_exact(void **state)
{
    struct world *world = *state;

    for (unsigned round = 0; round < 5; round++) {
        static struct burst_thread threads[2];

        (void)redis(&world->one, "FLUSHALL");
        /* Loops begin and end here: libuv closes by system call, which the thread sanitizer does
         * not see, so a descriptor that another thread gets then would be a race to it. */
        for (size_t i = 0; i < 2; i++)
            instance_start(&threads[i].one, world->server.port, PATIENT_MS, (struct rk_str){0}, "");
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i].thread, NULL, burst_main, &threads[i]), 0);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
        for (size_t i = 0; i < 2; i++)
            CHECK(threads[i].ok && threads[i].one.known == TAKES, "all known");
        CHECK(threads[0].one.allowed + threads[1].one.allowed == 37, "exactly burst");
        for (size_t i = 0; i < 2; i++)
            instance_stop(&threads[i].one);
    }
}

/* ---- RTL-06 ---- */

/* What the caller does: where it is not known, its own limiter decides by the same rate. */
static bool take_or_local(struct instance *one, struct rkd_limiter *local,
                          const struct rkd_rate *rate)
{
    const enum outcome shared = take_now(one, RK_STR("k"), rate);

    return shared == UNKNOWN
               ? rkd_limiter_take(local, RKD_LAYER_CALLER, 7, rate, rkd_clock_mono_ns()).allowed
               : shared == ALLOWED;
}

static void test_killed_and_back(void **state)
{
    static const struct rkd_rate three = {.period_ns = 3600000000000, .burst = 3};
    static const uint8_t hash_key[16] = {1};
    struct world *world = *state;
    struct instance *one = &world->one;
    struct rkd_limiter *local = NULL;
    unsigned passed = 0;
    uint64_t unknown, begun;

    CHECK_ERR(rkd_limiter_new(hash_key, &local), RK_OK, "local");
    hurry(world);
    for (unsigned i = 0; i < 10; i++)
        passed += take_or_local(one, local, &three) ? 1 : 0;
    CHECK(passed >= 3 && passed <= 6, "three, and three more at most if it was ever unknown");
    unknown = rkd_shared_limit_unknown(one->limit);
    CHECK(unknown != 0 || passed == 3, "exactly three while all was known");
    take(one, RKD_LAYER_CALLER, RK_STR("k"), &three); /* under way when it dies */
    server_kill(&world->server);
    CHECK(run_until(one, is_answered, 5000), "answered all the same");
    CHECK(run_until(one, is_down, 5000), "noticed");
    one->took_max_ms = 0;
    passed = 0;
    begun = now_ms();
    for (unsigned i = 0; i < 200; i++)
        passed += take_or_local(one, local, &three) ? 1 : 0;
    CHECK(passed == 3 || unknown != 0, "the local limiter decides, and it is as strict");
    CHECK(one->took_max_ms < TIMEOUT_MS + 1500 && now_ms() - begun < 5000,
          "nobody waits for a server that is away: 200 time-outs were ten seconds");
    CHECK(one->logs == 1, "one line");
    CHECK(rkd_shared_limit_unknown(one->limit) >= unknown + 200, "and a count");
    server_start(&world->server);
    CHECK(run_until(one, is_up, 20000), "back");
    (void)run_until(one, never, 10);
    for (unsigned i = 0; i < 100 && take_now(one, RK_STR("new"), &three) == UNKNOWN; i++)
        (void)run_until(one, is_up, 5000);
    CHECK(take_now(one, RK_STR("new"), &three) != UNKNOWN, "known again");
    CHECK(one->logs + one->wells <= 3, "a line in ten seconds");
    rkd_limiter_free(local);
}

/* Stopped, not dead: its connection stands and says nothing. */
static void test_stopped(void **state)
{
    struct world *world = *state;
    struct instance *one = &world->one;
    uint64_t begun;
    unsigned lines;

    hurry(world);
    lines = one->logs;
    one->took_max_ms = 0;
    assert_int_equal(kill(world->server.pid, SIGSTOP), 0);
    begun = now_ms();
    while (now_ms() - begun < 3000) {
        CHECK(take_now(one, RK_STR("a"), &one_an_hour) == UNKNOWN, "not known");
        (void)run_until(one, never, 10);
    }
    CHECK(one->took_max_ms < TIMEOUT_MS + 1500, "each in its time");
    CHECK(one->logs == lines + 1 || lines != 0, "one line in ten seconds");
    assert_int_equal(kill(world->server.pid, SIGCONT), 0);
    CHECK(run_until(one, is_up, 20000), "back");
    for (unsigned i = 0; i < 100 && take_now(one, RK_STR("a"), &one_an_hour) == UNKNOWN; i++)
        (void)run_until(one, is_up, 5000);
    CHECK(take_now(one, RK_STR("a"), &one_an_hour) != UNKNOWN, "known");
}

/* ---- no server at all ---- */

static void test_nobody_there(void **state)
{
    struct instance one;

    (void)state;
    instance_start(&one, free_port(), TIMEOUT_MS, (struct rk_str){0}, "");
    take(&one, RKD_LAYER_CALLER, RK_STR("a"), &one_an_hour);
    CHECK(one.answers == 1 && one.known == 0, "at once");
    CHECK(one.logs == 0, "it has not been tried yet: nothing to tell");
    (void)run_until(&one, never, 50);
    take(&one, RKD_LAYER_CALLER, RK_STR("a"), &one_an_hour);
    CHECK(one.answers == 2 && one.known == 0, "at once");
    CHECK(one.logs == 1 && one.told == 2, "and says so");
    assert_string_equal(one.why, "connect");
    for (unsigned i = 0; i < 20000; i++)
        take(&one, RKD_LAYER_CALLER, RK_STR("a"), &one_an_hour);
    CHECK(one.answers == 20002 && one.known == 0 && one.logs == 1, "one line");
    instance_stop(&one);
    rkd_shared_limit_free(NULL);
}

static void test_failing_start(void **state)
{
    struct rkd_shared_limit_options options = {.url = {.host = "127.0.0.1", .port = 1},
                                               .hash_key = RK_STR("key")};
    struct rkd_shared_limit *limit = NULL;
    struct rkd_loop *loop = NULL;
    unsigned n;

    (void)state;
    CHECK_ERR(rkd_loop_new(&loop), RK_OK, "loop");
    for (n = 1; n < 100; n++) {
        enum rk_err err;

        fail_in = n;
        err = rkd_shared_limit_new(loop, &options, &limit);
        if (err == RK_OK)
            break;
        CHECK(err == RK_E_NOMEM && limit == NULL, "fails cleanly");
    }
    CHECK(n >= 8 && n < 100 && fail_in != 0, "limit, takes, key, mac, and four of the client");
    fail_in = 0;
    rkd_shared_limit_free(limit);
    options.hash_key = RK_STR("");
    CHECK_ERR(rkd_shared_limit_new(loop, &options, &limit), RK_E_KEY, "an empty key");
    rkd_loop_free(loop);
}

static void test_addresses(void **state)
{
    struct rkd_addr v4 = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .is_v4 = true, .is_set = true};
    struct rkd_addr v6 = {.bytes = {0x20, 1, [7] = 1, [15] = 1}, .is_set = true}, next = v6;
    char a[17], b[17];

    (void)state;
    next.bytes[15] = 2;
    CHECK_STR(rkd_shared_limit_addr(&v6, a), rkd_shared_limit_addr(&next, b), "one network");
    next.bytes[7] = 2;
    CHECK(!rki_str_equal(rkd_shared_limit_addr(&v6, a), rkd_shared_limit_addr(&next, b)), "two");
    CHECK(rkd_shared_limit_addr(&v4, a).len == 17 && a[16] == 1, "an address whole");
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, world_start, world_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_failing_start),
        cmocka_unit_test(test_addresses),
        WITH_SERVER(test_rate),
        WITH_SERVER(test_script_is_gone),
        WITH_SERVER(test_hostile_keys),
        WITH_SERVER(test_freed_meanwhile),
        WITH_SERVER(test_names),
        WITH_SERVER(test_foreign_values),
        WITH_SERVER(test_no_memory),
        WITH_SERVER(test_login),
        WITH_SERVER(test_exact),
        WITH_SERVER(test_killed_and_back),
        WITH_SERVER(test_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
