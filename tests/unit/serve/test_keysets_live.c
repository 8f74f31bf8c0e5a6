/* The store of key sets on the real loop, with the real fetcher and a provider on a real socket
 * that misbehaves: what test_keysets.c says of fakes holds of libcurl too. */
#include "check.h"

#include "../net/hostile.h"
#include "auth_fake.h"
#include "net/timer.h"
#include "serve/clock.h"
#include "serve/keysets.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICK_MS = 5 };

/* What the provider says; changed by the test while it runs. */
struct provider {
    struct hostile *server;
    pthread_mutex_t lock;
    char keys[256]; /* a document, or a path of hostile.h to behave like */
    char discovery[256];
    atomic_uint asked;
};

static struct live {
    struct provider provider;
    struct rkd_loop *loop;
    struct rkd_fetcher *fetcher;
    struct rkd_keysets *keysets;
    struct rkd_timer *timer;
    uint64_t id;
    struct rkd_keyset *set;
    char reason[64];
    unsigned failures_said, ticks, told;
    enum rkd_keysets_outcome outcome;
    bool (*until)(void);
    int64_t deadline_ms;
    struct rkd_raw_text hosts[1];
    struct rkd_raw_list allow, none;
    char keys_url[128], discovery_url[128];
    struct rkd_keyset_spec spec;
} live;

static int64_t now_ms(void)
{
    return (int64_t)(rkd_clock_mono_ns() / 1000000);
}

/* ---- the provider ---- */

static bool on_ask(void *ctx, const char *path, char *out, size_t size)
{
    struct provider *provider = ctx;
    const char *body = NULL;
    bool is_own;

    (void)pthread_mutex_lock(&provider->lock);
    if (strcmp(path, "/keys") == 0)
        body = provider->keys;
    else if (strcmp(path, "/discovery") == 0)
        body = provider->discovery;
    is_own = body != NULL && body[0] != '/';
    if (body != NULL)
        atomic_fetch_add(&provider->asked, 1);
    if (is_own)
        (void)snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                       body);
    else if (body != NULL)
        (void)snprintf(out, size, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n",
                       body);
    (void)pthread_mutex_unlock(&provider->lock);
    return body != NULL;
}

static void say_keys(const char *text)
{
    (void)pthread_mutex_lock(&live.provider.lock);
    (void)snprintf(live.provider.keys, sizeof(live.provider.keys), "%s", text);
    (void)pthread_mutex_unlock(&live.provider.lock);
}

/* ---- roomkey's side ---- */

static void on_publish(void *ctx, uint64_t id, struct rkd_keyset *keyset)
{
    (void)ctx;
    if (id != live.id)
        return;
    rkd_keyset_unref(live.set);
    live.set = rkd_keyset_ref(keyset);
}

static void on_say(void *ctx, const struct rkd_keysets_event *event)
{
    (void)ctx;
    if (strcmp(event->event, "keyset_failed") == 0)
        live.failures_said++;
    (void)snprintf(live.reason, sizeof(live.reason), "%s",
                   event->reason == NULL ? "" : event->reason);
}

static void on_told(void *ctx, enum rkd_keysets_outcome outcome)
{
    (void)ctx;
    live.told++;
    live.outcome = outcome;
}

static void on_tick(void *ctx)
{
    (void)ctx;
    live.ticks++;
    if (live.until() || now_ms() >= live.deadline_ms)
        rkd_loop_stop(live.loop);
    else
        rkd_timer_start(live.timer, TICK_MS);
}

/* Runs the loop until it holds; false: not within `ms`. */
static bool run_until(bool (*holds)(void), int64_t ms)
{
    live.until = holds;
    live.deadline_ms = now_ms() + ms;
    rkd_timer_start(live.timer, 0);
    rkd_loop_run(live.loop);
    return holds();
}

static bool never(void)
{
    return false;
}

static bool has_one(void)
{
    return strcmp(auth_fake_label(live.set), "one") == 0;
}

static bool has_two(void)
{
    return strcmp(auth_fake_label(live.set), "two") == 0;
}

static bool has_none(void)
{
    return live.set == NULL;
}

static bool was_told(void)
{
    return live.told != 0;
}

static bool has_failed(void)
{
    return live.failures_said != 0;
}

static void use(void)
{
    const struct rkd_keyset_spec *spec = &live.spec;

    CHECK_ERR(rkd_keysets_use(live.keysets, &spec, 1, &live.id), RK_OK, "use");
}

static void start_provider(void)
{
    live.provider.server = hostile_start(on_ask, &live.provider, NULL);
    (void)snprintf(live.keys_url, sizeof(live.keys_url), "%s",
                   hostile_url(live.provider.server, "/keys"));
    (void)snprintf(live.discovery_url, sizeof(live.discovery_url), "%s",
                   hostile_url(live.provider.server, "/discovery"));
    (void)snprintf(live.provider.discovery, sizeof(live.provider.discovery), "discovery:%s",
                   live.keys_url);
}

static int set_up(void **state)
{
    const struct rkd_keysets_hooks hooks = {.publish = on_publish, .say = on_say};

    (void)state;
    memset(&live, 0, sizeof(live));
    (void)pthread_mutex_init(&live.provider.lock, NULL);
    start_provider();
    live.hosts[0].text = RK_STR("127.0.0.1");
    live.allow = (struct rkd_raw_list){.items = live.hosts, .count = 1, .is_set = true};
    live.spec = (struct rkd_keyset_spec){.caller = RK_STR("staff"),
                                         .issuer = RK_STR("https://a.test/"),
                                         .jwks_uri = rki_cstr(live.keys_url),
                                         .jwks_hosts = &live.none,
                                         .allow_http = &live.allow,
                                         .fresh_ms = 60000,
                                         .cooldown_ms = 50,
                                         .stale_ms = 60000,
                                         .timeout_ms = 20000};
    CHECK_ERR(rkd_loop_new(&live.loop), RK_OK, "loop");
    CHECK_ERR(rkd_fetcher_new(live.loop, &live.fetcher), RK_OK, "fetcher");
    CHECK_ERR(rkd_timer_new(live.loop, on_tick, NULL, &live.timer), RK_OK, "timer");
    CHECK_ERR(rkd_keysets_new(live.loop, live.fetcher, &hooks, &live.keysets), RK_OK, "store");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rkd_keysets_free(live.keysets);
    rkd_timer_free(live.timer);
    rkd_fetcher_free(live.fetcher);
    rkd_loop_free(live.loop);
    rkd_keyset_unref(live.set);
    if (live.provider.server != NULL)
        hostile_stop(live.provider.server);
    (void)pthread_mutex_destroy(&live.provider.lock);
    CHECK(auth_fake_alive() == 0, "every set was given back");
    return 0;
}

static struct rkd_keysets_waiter waiter;

static enum rkd_keysets_answer ask(void)
{
    live.told = 0;
    waiter = (struct rkd_keysets_waiter){.fn = on_told};
    return rkd_keysets_refresh(live.keysets, live.id, &waiter);
}

/* ---- the cases ---- */

static void test_discovery_and_rotation(void **state)
{
    (void)state;
    say_keys("keys:one");
    live.spec.jwks_uri = (struct rk_str){0};
    live.spec.discovery_url = rki_cstr(live.discovery_url);
    use();
    CHECK(run_until(has_one, 5000), "found and loaded");
    CHECK(atomic_load(&live.provider.asked) == 2, "two questions");
    say_keys("keys:two");
    CHECK(ask() == RKD_KEYSETS_WAIT, "JWK-01: a new key");
    CHECK(run_until(was_told, 5000) && live.outcome == RKD_KEYSETS_RENEWED && has_two(),
          "is there");
    CHECK(atomic_load(&live.provider.asked) == 3, "one question");
}

static void test_ahead(void **state)
{
    (void)state;
    say_keys("keys:one");
    live.spec.fresh_ms = 1000;
    use();
    CHECK(run_until(has_one, 5000), "loaded");
    say_keys("keys:two");
    CHECK(run_until(has_two, 5000), "renewed by itself");
}

/* Each of them: the set stays, who asked is told in time, the loop goes on. */
static void test_hostile(void **state)
{
    static const struct {
        const char *why, *path, *reason;
    } rows[] = {
        {"JWK-04", "/slow/9000", "timeout"},   {"JWK-05", "/drip", "timeout"},
        {"JWK-06", "/huge", "too-large"},      {"JWK-06", "/length", "too-large"},
        {"JWK-06", "/gzip", "coding"},         {"JWK-07", "/ok", "malformed"},
        {"JWK-03", "/500", "status"},          {"JWK-09", "/302/keys", "status"},
        {"not HTTP", "/not-http", "protocol"}, {"cut off", "/close-mid", "protocol"},
    };

    (void)state;
    say_keys("keys:one");
    use();
    CHECK(run_until(has_one, 5000), "loaded");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keyset_spec spec = live.spec;
        const struct rkd_keyset_spec *specs[] = {&live.spec, &spec};
        uint64_t ids[2];
        int64_t began_ms;

        spec.issuer = RK_STR("https://evil.test/");
        spec.jwks_uri = rki_cstr(hostile_url(live.provider.server, rows[i].path));
        if (strcmp(rows[i].reason, "timeout") == 0)
            spec.timeout_ms = 300;
        live.failures_said = live.ticks = 0;
        CHECK_ERR(rkd_keysets_use(live.keysets, specs, 2, ids), RK_OK, "a reload");
        CHECK(ids[0] == live.id, "the good one stays");
        began_ms = now_ms();
        CHECK(run_until(has_failed, 15000), rows[i].why);
        CHECK_STR(rki_cstr(live.reason), rki_cstr(rows[i].reason), rows[i].why);
        CHECK(now_ms() - began_ms < (spec.timeout_ms == 300 ? 4000 : 15000), rows[i].why);
        CHECK(has_one(), "kept");
    }
    live.ticks = 0;
    say_keys("/slow"); /* a redirect from here on */
    CHECK(ask() == RKD_KEYSETS_WAIT, "asks");
    CHECK(run_until(was_told, 5000) && live.outcome == RKD_KEYSETS_NOT_RENEWED && has_one(),
          "not followed, kept");
}

/* JWK-20, JWK-03: nobody there at the start; then somebody; then nobody until it is stale. */
static void test_down(void **state)
{
    unsigned dead;

    (void)state;
    dead = hostile_dead_port();
    (void)snprintf(live.keys_url, sizeof(live.keys_url), "http://127.0.0.1:%u/keys", dead);
    use();
    CHECK(run_until(has_failed, 5000), "it says so");
    CHECK_STR(rki_cstr(live.reason), RK_STR("connect"), "refused");
    CHECK(ask() == RKD_KEYSETS_NOTHING || run_until(was_told, 2000), "nobody is kept waiting");
    say_keys("keys:one");
    (void)snprintf(live.keys_url, sizeof(live.keys_url), "%s",
                   hostile_url(live.provider.server, "/keys"));
    live.spec.jwks_uri = rki_cstr(live.keys_url);
    live.spec.stale_ms = 3000;
    use();
    CHECK(run_until(has_one, 5000), "somebody");
    hostile_stop(live.provider.server);
    live.provider.server = NULL;
    CHECK(!run_until(has_none, 1000), "still there");
    CHECK(run_until(has_none, 10000), "stale");
}

static void test_free_under_way(void **state)
{
    (void)state;
    live.spec.jwks_uri = rki_cstr(hostile_url(live.provider.server, "/silent"));
    live.spec.timeout_ms = 60000;
    use();
    CHECK(!run_until(never, 50), "under way");
    CHECK(ask() == RKD_KEYSETS_WAIT, "joins");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(test_discovery_and_rotation), TEST(test_ahead),
                                              TEST(test_hostile), TEST(test_down),
                                              TEST(test_free_under_way)};

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
