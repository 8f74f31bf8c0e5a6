/* The store of key sets without a socket and without waiting: the clock, the timer and the fetcher
 * are this file's. */
#include "check.h"

#include "alloc_fail.h"
#include "auth_fake.h"
#include "net/timer.h"
#include "serve/keysets.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the world ---- */

enum { FLIGHTS_MAX = 8, DAY_MS = 24 * 3600 * 1000, MINUTE_MS = 60 * 1000 };

struct rkd_fetch {
    bool is_flying;
    rkd_fetch_fn *fn;
    void *ctx;
    char url[256], ca_file[64];
    bool allow_http;
    uint32_t connect_ms, total_ms;
    size_t max_bytes;
};

struct rkd_timer {
    rkd_loop_fn *fn;
    void *ctx;
    int64_t at_ms; /* 0: stopped */
};

static struct world {
    int64_t now_ms;
    struct rkd_timer timer;
    struct rkd_fetch flights[FLIGHTS_MAX];
    unsigned starts, cancels;
    enum rk_err start_err;
    struct rkd_keysets *keysets;
    /* what was published, for entry ids below 16 */
    struct rkd_keyset *sets[16];
    unsigned publishes;
    /* what was said */
    unsigned said;
    char said_event[32], said_reason[32], said_caller[32], said_issuer[64];
    unsigned said_usable, said_skipped, said_failures;
} world;

static int64_t fake_now(void)
{
    return world.now_ms;
}

enum rk_err rkd_timer_new(struct rkd_loop *loop, rkd_loop_fn *fn, void *ctx, struct rkd_timer **out)
{
    void *memory = malloc(1); /* so that it can fail */

    (void)loop;
    if (memory == NULL)
        return RK_E_NOMEM;
    free(memory);
    world.timer = (struct rkd_timer){.fn = fn, .ctx = ctx};
    *out = &world.timer;
    return RK_OK;
}

void rkd_timer_start(struct rkd_timer *timer, uint64_t after_ms)
{
    timer->at_ms = world.now_ms + (int64_t)after_ms;
}

void rkd_timer_stop(struct rkd_timer *timer)
{
    timer->at_ms = 0;
}

void rkd_timer_free(struct rkd_timer *timer)
{
    timer->at_ms = 0;
}

enum rk_err rkd_fetch_start(struct rkd_fetcher *fetcher, const struct rkd_fetch_request *request,
                            rkd_fetch_fn *fn, void *ctx, struct rkd_fetch **out_fetch)
{
    (void)fetcher;
    if (world.start_err != RK_OK)
        return world.start_err;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct rkd_fetch *flight = &world.flights[i];

        if (flight->is_flying)
            continue;
        *flight = (struct rkd_fetch){.is_flying = true,
                                     .fn = fn,
                                     .ctx = ctx,
                                     .allow_http = request->allow_http,
                                     .connect_ms = request->connect_ms,
                                     .total_ms = request->total_ms,
                                     .max_bytes = request->max_bytes};
        (void)snprintf(flight->url, sizeof(flight->url), "%.*s", (int)request->url.len,
                       request->url.ptr);
        (void)snprintf(flight->ca_file, sizeof(flight->ca_file), "%.*s", (int)request->ca_file.len,
                       request->ca_file.ptr == NULL ? "" : request->ca_file.ptr);
        CHECK(request->body.ptr == NULL && request->header_count == 0, "a plain GET");
        world.starts++;
        *out_fetch = flight;
        return RK_OK;
    }
    fail_msg("too many flights");
    return RK_E_NOMEM;
}

void rkd_fetch_cancel(struct rkd_fetch *fetch)
{
    CHECK(fetch->is_flying, "only what flies");
    fetch->is_flying = false;
    world.cancels++;
}

static void on_publish(void *ctx, uint64_t id, struct rkd_keyset *keyset)
{
    CHECK(ctx == &world && id != 0 && id < 16, "ours");
    rkd_keyset_unref(world.sets[id]);
    world.sets[id] = rkd_keyset_ref(keyset);
    world.publishes++;
}

static void on_say(void *ctx, const struct rkd_keysets_event *event)
{
    CHECK(ctx == &world, "ours");
    world.said++;
    (void)snprintf(world.said_event, sizeof(world.said_event), "%s", event->event);
    (void)snprintf(world.said_reason, sizeof(world.said_reason), "%s",
                   event->reason == NULL ? "" : event->reason);
    (void)snprintf(world.said_caller, sizeof(world.said_caller), "%.*s", (int)event->caller.len,
                   event->caller.ptr);
    (void)snprintf(world.said_issuer, sizeof(world.said_issuer), "%.*s", (int)event->issuer.len,
                   event->issuer.ptr);
    world.said_usable = event->usable;
    world.said_skipped = event->skipped;
    world.said_failures = event->failures;
}

/* Time passes, and what the timer is set for happens in it. */
static void advance(int64_t ms)
{
    const int64_t until_ms = world.now_ms + ms;

    for (unsigned rounds = 0; world.timer.at_ms != 0 && world.timer.at_ms <= until_ms; rounds++) {
        CHECK(rounds < 1000, "no storm");
        if (world.timer.at_ms > world.now_ms)
            world.now_ms = world.timer.at_ms;
        world.timer.at_ms = 0;
        world.timer.fn(world.timer.ctx);
    }
    world.now_ms = until_ms;
}

static struct rkd_fetch *flight(const char *url)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        if (world.flights[i].is_flying && strcmp(world.flights[i].url, url) == 0)
            return &world.flights[i];
    fail_msg("nobody asks %s", url);
    return NULL;
}

static unsigned flying(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        count += world.flights[i].is_flying;
    return count;
}

static void answer_with(const char *url, const struct rkd_fetch_result *result)
{
    struct rkd_fetch *at = flight(url);

    at->is_flying = false;
    at->fn(at->ctx, result);
}

static void answer(const char *url, const char *body)
{
    answer_with(url,
                &(struct rkd_fetch_result){.status = 200, .body = rki_cstr(body), .max_age_s = -1});
}

static void refuse(const char *url, const char *error)
{
    answer_with(url, &(struct rkd_fetch_result){.error = error, .max_age_s = -1});
}

#define KEYS "https://a.test/keys"
#define DISCOVERY "https://b.test/.well-known/openid-configuration"

static const struct rkd_raw_list no_hosts;

static struct rkd_keyset_spec by_keys(void)
{
    return (struct rkd_keyset_spec){
        .caller = RK_STR("staff"),
        .issuer = RK_STR("https://a.test/"),
        .jwks_uri = RK_STR(KEYS),
        .jwks_hosts = &no_hosts,
        .allow_http = &no_hosts,
        .fresh_ms = 10 * MINUTE_MS,
        .cooldown_ms = 30 * 1000,
        .stale_ms = DAY_MS,
        .timeout_ms = 3000,
    };
}

static struct rkd_keyset_spec by_discovery(void)
{
    struct rkd_keyset_spec spec = by_keys();

    spec.issuer = RK_STR("https://b.test/");
    spec.jwks_uri = (struct rk_str){0};
    spec.discovery_url = RK_STR(DISCOVERY);
    return spec;
}

static uint64_t use(const struct rkd_keyset_spec *spec)
{
    uint64_t id = 0;

    CHECK_ERR(rkd_keysets_use(world.keysets, &spec, 1, &id), RK_OK, "use");
    CHECK(id != 0, "an id");
    return id;
}

static int set_up(void **state)
{
    const struct rkd_keysets_hooks hooks = {
        .publish = on_publish, .say = on_say, .now_ms = fake_now, .ctx = &world};

    (void)state;
    world = (struct world){.now_ms = 1000000};
    CHECK_ERR(rkd_keysets_new(NULL, NULL, &hooks, &world.keysets), RK_OK, "new");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rkd_keysets_free(world.keysets);
    for (size_t i = 0; i < ARRAY_LEN(world.sets); i++)
        rkd_keyset_unref(world.sets[i]);
    CHECK(flying() == 0, "nothing under way");
    CHECK(auth_fake_alive() == 0, "every set was given back");
    return 0;
}

static void want_set(uint64_t id, const char *label, const char *why)
{
    CHECK_STR(rki_cstr(auth_fake_label(world.sets[id])), rki_cstr(label), why);
    CHECK(rkd_keysets_current(world.keysets, id) == world.sets[id], why);
}

static void want_said(unsigned count, const char *event, const char *reason)
{
    CHECK(world.said == count, "said so often");
    CHECK_STR(rki_cstr(world.said_event), rki_cstr(event), "what");
    CHECK_STR(rki_cstr(world.said_reason), rki_cstr(reason), "why");
}

/* With the first set in place. */
static uint64_t ready(const struct rkd_keyset_spec *spec)
{
    uint64_t id = use(spec);

    advance(0);
    answer(KEYS, "keys:one");
    want_set(id, "one", "the first set");
    return id;
}

/* ---- waiters ---- */

struct asker {
    struct rkd_keysets_waiter waiter;
    unsigned calls;
    enum rkd_keysets_outcome outcome;
    unsigned publishes; /* when it was told */
    struct asker *cancels;
    uint64_t asks_again;
    enum rkd_keysets_answer second;
};

static void on_told(void *ctx, enum rkd_keysets_outcome outcome)
{
    struct asker *asker = ctx;

    asker->calls++;
    asker->outcome = outcome;
    asker->publishes = world.publishes;
    if (asker->cancels != NULL)
        rkd_keysets_cancel(&asker->cancels->waiter);
    if (asker->asks_again != 0) {
        uint64_t id = asker->asks_again;

        asker->asks_again = 0;
        asker->second = rkd_keysets_refresh(world.keysets, id, &asker->waiter);
    }
}

static enum rkd_keysets_answer ask(uint64_t id, struct asker *asker)
{
    asker->waiter = (struct rkd_keysets_waiter){.fn = on_told, .ctx = asker};
    return rkd_keysets_refresh(world.keysets, id, &asker->waiter);
}

/* ---- the first load, and what comes by itself ---- */

static void test_first_load(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id;

    (void)state;
    spec.ca_file = RK_STR("/etc/ca.pem");
    id = use(&spec);
    CHECK(world.starts == 0, "not during the call");
    CHECK(rkd_keysets_current(world.keysets, id) == NULL, "nothing yet");
    advance(0);
    CHECK(flying() == 1, "at once");
    CHECK_STR(rki_cstr(flight(KEYS)->ca_file), RK_STR("/etc/ca.pem"), "with its CA");
    CHECK(flight(KEYS)->total_ms == 3000 && flight(KEYS)->connect_ms == 2000, "in time");
    CHECK(flight(KEYS)->max_bytes == 512 * 1024 && !flight(KEYS)->allow_http, "within bounds");
    answer(KEYS, "keys:one");
    want_set(id, "one", "published");
    want_said(1, "keyset_refreshed", "");
    CHECK(world.said_usable == 2 && world.said_skipped == 0, "how many");
    CHECK_STR(rki_cstr(world.said_caller), RK_STR("staff"), "whose");
    CHECK_STR(rki_cstr(world.said_issuer), RK_STR("https://a.test/"), "from whom");
}

/* For how long a set is fresh, by what the answer said; JWK-19: so long a withdrawn key lives. */
static void test_ahead(void **state)
{
    static const struct {
        int64_t max_age_s, stale_ms, after_ms;
        const char *why;
    } rows[] = {
        {-1, DAY_MS, 8 * MINUTE_MS, "nothing said: `fresh`"},
        {0, DAY_MS, 4 * MINUTE_MS, "at least 5 min"},
        {3600, DAY_MS, 48 * MINUTE_MS, "as said"},
        {366 * 86400, 30 * (int64_t)DAY_MS, (int64_t)DAY_MS / 10 * 8, "at most 24 h"},
        {3600, 10 * MINUTE_MS, 8 * MINUTE_MS, "never up to its stale limit"},
        {-1, 100, 800, "but not without end"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keyset_spec spec = by_keys();
        char issuer[16];
        uint64_t id;
        unsigned starts;

        (void)snprintf(issuer, sizeof(issuer), "https://%zu", i);
        spec.issuer = rki_cstr(issuer); /* an entry of its own */
        spec.stale_ms = rows[i].stale_ms;
        id = use(&spec);
        advance(0);
        answer_with(KEYS, &(struct rkd_fetch_result){.status = 200,
                                                     .body = RK_STR("keys:one"),
                                                     .max_age_s = rows[i].max_age_s});
        starts = world.starts;
        advance(rows[i].after_ms - 1);
        CHECK(world.starts == starts, rows[i].why);
        advance(1);
        CHECK(world.starts == starts + 1, rows[i].why);
        answer(KEYS, "keys:two");
        want_set(id, "two", "renewed before it was too old");
    }
}

/* JWK-20: the provider is down at the start; 1, 2, 4 ... 60 s, each up to half shorter. */
static void test_back_off(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    struct rkd_keysets_status status;
    uint64_t id = use(&spec);
    int64_t most_ms = 1000;

    (void)state;
    advance(0);
    for (unsigned i = 1; i <= 12; i++) {
        refuse(KEYS, "connect");
        CHECK(rkd_keysets_status(world.keysets, id, &status) && status.failures == i, "counted");
        CHECK(!status.has_set, "none");
        CHECK_STR(rki_cstr(status.last_error), RK_STR("connect"), "why");
        advance(most_ms / 2);
        CHECK(flying() == 0, "not yet");
        advance(most_ms - most_ms / 2);
        CHECK(flying() == 1, "again");
        most_ms = most_ms * 2 < 60000 ? most_ms * 2 : 60000;
    }
    want_said(2, "keyset_failed", "connect"); /* at first, and five minutes later */
    answer(KEYS, "keys:one");
    want_set(id, "one", "recovers by itself");
    want_said(3, "keyset_refreshed", "");
    CHECK(rkd_keysets_status(world.keysets, id, &status) && status.failures == 0 &&
              status.last_error == NULL && status.attempts == 13 && status.successes == 1,
          "all is well");
}

/* JWK-03: the set stays for `stale`, then it is withdrawn; and comes back. */
static void test_stale(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    struct rkd_keysets_status status;
    uint64_t id = ready(&spec);
    unsigned attempts = 0;

    (void)state;
    for (int64_t ms = 0; ms < DAY_MS - 1000; ms += 1000) {
        want_set(id, "one", "still there");
        advance(1000);
        if (flying() != 0) {
            attempts++;
            refuse(KEYS, attempts % 2 == 0 ? "connect" : "timeout");
        }
    }
    CHECK(attempts > 24 * 60 && attempts < 24 * 60 * 2 + 60, "twice a minute at most");
    CHECK(rkd_keysets_status(world.keysets, id, &status) && status.age_ms == DAY_MS - 1000, "age");
    advance(1000);
    want_set(id, "", "gone");
    want_said(world.said, "keyset_expired", world.said_reason);
    CHECK(rkd_keysets_status(world.keysets, id, &status) && !status.has_set && status.usable == 0,
          "and says so");
    advance(MINUTE_MS);
    answer(KEYS, "keys:two");
    want_set(id, "two", "back");
}

/* JWK-07, JWK-08, JWK-18, JWK-09: the set is kept, and the slug says why. */
static void test_bad_documents(void **state)
{
    static const struct {
        struct rkd_fetch_result result;
        const char *error;
    } rows[] = {
        {{.status = 200, .body = RK_STR_INIT("<html>")}, "malformed"},
        {{.status = 200, .body = RK_STR_INIT("")}, "malformed"},
        {{.status = 200, .body = RK_STR_INIT("empty")}, "no-usable-key"},
        {{.status = 200, .body = RK_STR_INIT("3000")}, "keyset.count"},
        {{.status = 500, .body = RK_STR_INIT("keys:evil")}, "status"},
        {{.status = 302, .body = RK_STR_INIT("keys:evil")}, "status"},
        {{.status = 203, .body = RK_STR_INIT("keys:evil")}, "status"},
        {{.error = "too-large"}, "too-large"},
        {{.error = "tls"}, "tls"},
    };
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_keysets_status status;

        while (flying() == 0)
            advance(1000);
        answer_with(KEYS, &rows[i].result);
        want_set(id, "one", rows[i].error);
        CHECK(rkd_keysets_status(world.keysets, id, &status), "status");
        CHECK_STR(rki_cstr(status.last_error), rki_cstr(rows[i].error), "why");
        want_said(world.said, "keyset_failed", rows[i].error);
    }
    CHECK(world.publishes == 1, "nothing new was published");
    while (flying() == 0)
        advance(1000);
    answer(KEYS, "skips:two");
    want_set(id, "two", "some usable ones are enough");
    want_said(world.said, "keyset_refreshed", "key.size");
    CHECK(world.said_usable == 1 && world.said_skipped == 2, "how many");
}

/* JWK-21: all at once two days are over: one attempt, no storm. */
static void test_leap(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    unsigned starts = world.starts;

    (void)state;
    world.now_ms += 2 * (int64_t)DAY_MS; /* a machine that slept: the timer comes too late */
    advance(0);
    CHECK(world.starts == starts + 1, "one");
    want_set(id, "", "and the old set is too old");
    advance(1000);
    CHECK(world.starts == starts + 1, "still that one");
    answer(KEYS, "keys:two");
    want_set(id, "two", "renewed");
}

/* ---- discovery ---- */

static void test_discovery(void **state)
{
    struct rkd_keyset_spec spec = by_discovery();
    uint64_t id = use(&spec);
    struct asker asker = {.calls = 0};

    (void)state;
    advance(0);
    answer(DISCOVERY, "discovery:https://b.test/one");
    CHECK(flying() == 1, "then the keys");
    answer("https://b.test/one", "keys:one");
    want_set(id, "one", "found");
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "an unknown key");
    answer("https://b.test/one", "keys:two");
    want_set(id, "two", "without reading it again");
    advance(8 * MINUTE_MS);
    answer(DISCOVERY, "discovery:https://b.test/moved");
    answer("https://b.test/moved", "keys:three");
    want_set(id, "three", "what comes by itself reads it again");
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "asked for");
    refuse("https://b.test/moved", "connect");
    want_set(id, "three", "kept");
    advance(31 * 1000);
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "asked for again");
    answer(DISCOVERY, "discovery:https://b.test/one");
    answer("https://b.test/one", "keys:four");
    want_set(id, "four", "a failure makes it read again");
    CHECK(asker.calls == 3, "each was told");
}

/* JWK-10, JWK-11: nothing is asked of the address it names. */
static void test_bad_discovery(void **state)
{
    static const struct {
        const char *document, *error;
    } rows[] = {
        {"foreign", "discovery.issuer"},
        {"elsewhere", "discovery.origin"},
        {"<html>", "discovery"},
        {"", "discovery"},
        {"discovery:http://b.test/keys", "url"},
        {"discovery:file:///etc/passwd", "url"},
        {"discovery:", "url"},
    };
    struct rkd_keyset_spec spec = by_discovery();
    uint64_t id = use(&spec);

    (void)state;
    advance(0);
    answer(DISCOVERY, "discovery:https://b.test/one");
    answer("https://b.test/one", "keys:one");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        while (flying() == 0)
            advance(1000);
        answer(DISCOVERY, rows[i].document);
        CHECK(flying() == 0, rows[i].document);
        want_set(id, "one", "kept");
        want_said(world.said, "keyset_failed", rows[i].error);
    }
}

static void test_long_address(void **state)
{
    static char document[RKD_KEYSETS_URL_MAX + 64] = "discovery:https://b.test/";
    struct rkd_keyset_spec spec = by_discovery();
    const struct rkd_keyset_spec *specs[] = {&spec};
    uint64_t id = use(&spec);

    (void)state;
    memset(document + strlen(document), 'a', sizeof(document) - 1 - strlen(document));
    advance(0);
    answer(DISCOVERY, document);
    CHECK(flying() == 0, "too long to keep");
    spec.discovery_url = rki_cstr(document);
    id = 0;
    CHECK_ERR(rkd_keysets_use(world.keysets, specs, 1, &id), RK_E_TOO_LONG, "a configured one too");
    CHECK(id == 0, "untouched");
}

/* http only where the operator said so, the configured address included. */
static void test_http(void **state)
{
    struct rkd_raw_text hosts[] = {{.text = RK_STR_INIT("c.test")}};
    struct rkd_raw_list allow = {.items = hosts, .count = 1, .is_set = true};
    struct rkd_keyset_spec spec = by_keys();

    (void)state;
    spec.jwks_uri = RK_STR("http://c.test/keys");
    (void)use(&spec);
    advance(0);
    CHECK(flying() == 0, "no");
    want_said(1, "keyset_failed", "url");
    spec.allow_http = &allow;
    (void)use(&spec);
    hosts[0].text = RK_STR("snapshots die"); /* a copy was made */
    advance(0);
    CHECK(flight("http://c.test/keys")->allow_http, "yes");
}

/* ---- asked for ---- */

/* JWK-01 */
static void test_unknown_key(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    struct asker askers[3] = {{.calls = 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(askers); i++)
        CHECK(ask(id, &askers[i]) == RKD_KEYSETS_WAIT, "wait");
    CHECK(flying() == 1, "one flight for all");
    want_set(id, "one", "JWK-04: those with known keys need not wait");
    advance(2000);
    answer(KEYS, "keys:two");
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        CHECK(askers[i].calls == 1 && askers[i].outcome == RKD_KEYSETS_RENEWED, "told once");
        CHECK(askers[i].publishes == 2, "after it was published");
        CHECK(askers[i].waiter.next == NULL, "and waits no more");
    }
}

/* JWK-02 */
static void test_cool_down(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    unsigned starts = world.starts, waited = 0;
    struct asker asker = {.calls = 0};

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        if (ask(id, &asker) == RKD_KEYSETS_WAIT) {
            waited++;
            answer(KEYS, "keys:one");
        }
        advance(16);
    }
    CHECK(world.starts == starts + 1 && waited == 1, "one");
    advance(30 * 1000 - 60 * 16 - 1);
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "not yet");
    advance(1);
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "30 s later");
    advance(3000);
    refuse(KEYS, "timeout");
    CHECK(asker.calls == 2 && asker.outcome == RKD_KEYSETS_NOT_RENEWED, "told that it failed");
    want_set(id, "one", "what was there is there");
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "attempts count, not successes");
    advance(26 * 1000);
    CHECK(flying() == 0, "and the fresh set is no reason to try sooner");
    advance(1000);
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "30 s after it began");
    answer(KEYS, "keys:two");
}

/* What comes by itself counts when somebody joined it, or when it failed. */
static void test_what_counts(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = use(&spec);
    struct asker asker = {.calls = 0};

    (void)state;
    advance(0);
    refuse(KEYS, "connect");
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "no set and nothing under way: at once");
    advance(1000);
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "the second attempt is under way: join");
    answer(KEYS, "keys:one");
    CHECK(asker.calls == 1 && asker.outcome == RKD_KEYSETS_RENEWED, "told");
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "joined: it counts");
    advance(8 * MINUTE_MS);
    answer(KEYS, "keys:two");
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "by itself: it does not");
    rkd_keysets_cancel(&asker.waiter);
    CHECK(rkd_keysets_refresh(world.keysets, 12345, &asker.waiter) == RKD_KEYSETS_NOTHING,
          "no such entry");
    CHECK(rkd_keysets_refresh(world.keysets, 0, &asker.waiter) == RKD_KEYSETS_NOTHING, "nor zero");
}

static void test_cannot_start(void **state)
{
    static const struct {
        enum rk_err err;
        const char *slug;
    } rows[] = {{RK_E_NOMEM, "memory"}, {RK_E_STATE, "no-libcurl"}, {RK_E_INVAL, "url"}};
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    struct asker asker = {.calls = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        advance(31 * 1000);
        world.start_err = rows[i].err;
        CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "it failed at once");
        want_said(world.said, "keyset_failed", rows[i].slug);
        want_set(id, "one", "kept");
    }
    CHECK(asker.calls == 0 && asker.waiter.next == NULL, "nobody waits");
    world.start_err = RK_OK;
}

static void test_many_wait(void **state)
{
    static struct asker askers[RKD_KEYSETS_WAITERS_MAX + 1];
    struct rkd_keyset_spec spec = by_keys();
    struct rkd_keysets_status status;
    uint64_t id = ready(&spec);
    struct asker *last = &askers[RKD_KEYSETS_WAITERS_MAX];

    (void)state;
    memset(askers, 0, sizeof(askers));
    for (size_t i = 0; i < RKD_KEYSETS_WAITERS_MAX; i++)
        CHECK(ask(id, &askers[i]) == RKD_KEYSETS_WAIT, "256 may");
    CHECK(ask(id, last) == RKD_KEYSETS_BUSY, "not one more");
    CHECK(rkd_keysets_status(world.keysets, id, &status) && status.waiting == 256, "counted");
    rkd_keysets_cancel(&askers[0].waiter);
    rkd_keysets_cancel(&askers[100].waiter);
    rkd_keysets_cancel(&askers[100].waiter);
    rkd_keysets_cancel(&askers[255].waiter);
    CHECK(ask(id, last) == RKD_KEYSETS_WAIT, "there is room again");
    CHECK(rkd_keysets_status(world.keysets, id, &status) && status.waiting == 254, "counted");
    answer(KEYS, "keys:two");
    for (size_t i = 0; i < ARRAY_LEN(askers); i++)
        CHECK(askers[i].calls == (i != 0 && i != 100 && i != 255), "all but the cancelled");
    CHECK(rkd_keysets_status(world.keysets, id, &status) && status.waiting == 0, "none");
}

static void test_from_within(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    struct asker askers[4] = {{.calls = 0}};
    uint64_t id;

    (void)state;
    spec.cooldown_ms = 0;
    id = ready(&spec);
    for (size_t i = 0; i < ARRAY_LEN(askers); i++)
        CHECK(ask(id, &askers[i]) == RKD_KEYSETS_WAIT, "wait");
    askers[0].cancels = &askers[1];
    askers[2].asks_again = id;
    answer(KEYS, "keys:two");
    CHECK(askers[0].calls == 1 && askers[1].calls == 0, "cancelled while others are told");
    CHECK(askers[2].calls == 1 && askers[2].second == RKD_KEYSETS_WAIT, "a flight of its own");
    CHECK(askers[3].calls == 1, "told");
    answer(KEYS, "keys:three");
    CHECK(askers[2].calls == 2 && askers[3].calls == 1, "told again");
}

/* ---- reload ---- */

static void test_reload_keeps(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    struct asker asker = {.calls = 0};
    char issuer[] = "https://a.test/";
    unsigned starts;

    (void)state;
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "asks");
    spec.issuer = rki_cstr(issuer); /* another snapshot's */
    spec.caller = RK_STR("renamed");
    spec.fresh_ms = 20 * MINUTE_MS;
    CHECK(use(&spec) == id, "the same entry");
    CHECK(flying() == 1 && asker.calls == 0, "its flight goes on");
    memset(issuer, 'x', sizeof(issuer) - 1);
    answer(KEYS, "keys:two");
    CHECK(asker.calls == 1, "told");
    CHECK_STR(rki_cstr(world.said_caller), RK_STR("renamed"), "by its new name");
    want_set(id, "two", "as if nothing had been");
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "the cool-down too");
    spec.cooldown_ms = 0;
    spec.issuer = RK_STR("https://a.test/");
    spec.fresh_ms = 5 * MINUTE_MS;
    CHECK(use(&spec) == id, "other times");
    want_set(id, "two", "kept");
    starts = world.starts;
    advance(4 * MINUTE_MS);
    CHECK(world.starts == starts + 1, "hold from now on");
}

static void test_reload_drops(void **state)
{
    struct rkd_raw_text hosts[] = {{.text = RK_STR_INIT("https://c.test")}};
    struct rkd_raw_list others = {.items = hosts, .count = 1, .is_set = true};
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec), next;
    struct asker asker = {.calls = 0};

    (void)state;
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "asks");
    spec.jwks_hosts = &others;
    next = use(&spec);
    CHECK(next != id, "other hosts: another entry");
    CHECK(asker.calls == 1 && asker.outcome == RKD_KEYSETS_DROPPED, "told before it is gone");
    CHECK(world.cancels == 1 && flying() == 0, "its flight too");
    want_set(id, "", "withdrawn");
    CHECK(ask(id, &asker) == RKD_KEYSETS_NOTHING, "nothing there");
    advance(0);
    answer(KEYS, "keys:two");
    want_set(next, "two", "the new one loads at once");
    CHECK_ERR(rkd_keysets_use(world.keysets, NULL, 0, NULL), RK_OK, "none at all");
    want_set(next, "", "withdrawn");
    advance(DAY_MS);
    CHECK(world.timer.at_ms == 0, "nothing left to do");
}

/* A thousand reloads with somebody waiting: nobody is forgotten, nothing stays behind. */
static void test_many_reloads(void **state)
{
    struct rkd_keyset_spec keys = by_keys(), discovery = by_discovery();
    const struct rkd_keyset_spec *ways[3][2] = {
        {&keys, &discovery}, {&discovery, &keys}, {&discovery, &discovery}};
    struct asker askers[2];
    unsigned told = 0, waited = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t ids[2];
        unsigned before;

        memset(askers, 0, sizeof(askers));
        CHECK_ERR(rkd_keysets_use(world.keysets, ways[i % 3], 2, ids), RK_OK, "use");
        if (ids[0] >= ARRAY_LEN(world.sets) - 2 || ids[1] >= ARRAY_LEN(world.sets) - 2) {
            tear_down(NULL); /* ids are never used twice: the array of this test is full */
            set_up(NULL);
            continue;
        }
        advance(0);
        if (flying() != 0 && i % 2 == 0)
            refuse(world.flights[0].is_flying ? world.flights[0].url : world.flights[1].url, "tls");
        for (unsigned k = 0; k < 2; k++)
            waited += ask(ids[k], &askers[k]) == RKD_KEYSETS_WAIT;
        before = flying();
        if (i % 5 == 0 && before != 0)
            answer(world.flights[0].is_flying ? world.flights[0].url : world.flights[1].url,
                   "keys:one");
        CHECK_ERR(rkd_keysets_use(world.keysets, ways[(i + 1) % 3], 2, ids), RK_OK, "reload");
        for (unsigned k = 0; k < 2; k++) {
            told += askers[k].calls;
            if (askers[k].calls == 0 && askers[k].waiter.next != NULL) {
                rkd_keysets_cancel(&askers[k].waiter);
                told++;
            }
        }
        CHECK(told == waited, "told, or cancelled");
        CHECK(auth_fake_alive() <= 2 && flying() <= 2, "as many as there are entries");
        advance(100);
    }
    CHECK(waited > 300, "many waited");
}

static void test_several(void **state)
{
    struct rkd_keyset_spec a = by_keys(), b = by_discovery(), again = by_keys();
    const struct rkd_keyset_spec *specs[] = {&a, &b, &again};
    uint64_t ids[3], second[2];
    struct rkd_keysets_status status;

    (void)state;
    CHECK_ERR(rkd_keysets_use(world.keysets, specs, 3, ids), RK_OK, "three");
    CHECK(ids[0] == ids[2] && ids[0] != ids[1], "equal ones share");
    advance(0);
    CHECK(flying() == 2, "each for itself");
    refuse(DISCOVERY, "timeout");
    answer(KEYS, "keys:one");
    want_set(ids[0], "one", "one provider's outage is not the other's");
    want_set(ids[1], "", "none");
    CHECK_ERR(rkd_keysets_use(world.keysets, specs + 1, 2, second), RK_OK, "another order");
    CHECK(second[0] == ids[1] && second[1] == ids[0], "the same entries");
    CHECK(rkd_keysets_status(world.keysets, ids[1], &status) && status.failures == 1, "back-off");
    CHECK(flying() == 0, "no new attempt");
    CHECK(!rkd_keysets_status(world.keysets, 0, &status), "no such entry");
}

static void test_free_in_flight(void **state)
{
    struct rkd_keyset_spec spec = by_keys();
    uint64_t id = ready(&spec);
    struct asker asker = {.calls = 0};

    (void)state;
    CHECK(ask(id, &asker) == RKD_KEYSETS_WAIT, "asks");
    rkd_keysets_free(world.keysets);
    world.keysets = NULL;
    CHECK(asker.calls == 0 && asker.waiter.next == NULL, "let go");
    rkd_keysets_cancel(&asker.waiter);
    rkd_keysets_free(NULL);
}

/* The n-th allocation fails: a reload is whole or not at all. */
static void test_alloc(void **state)
{
    struct rkd_keyset_spec a = by_keys(), b = by_discovery();
    const struct rkd_keyset_spec *specs[] = {&a, &b};
    const struct rkd_keysets_hooks hooks = {.publish = on_publish, .ctx = &world};
    struct rkd_keysets *keysets = NULL;
    uint64_t id = ready(&a), ids[2] = {0};
    size_t n;

    (void)state;
    a.jwks_uri = RK_STR("https://a.test/other");
    for (n = 1;; n++) {
        enum rk_err err;

        alloc_fail_at(n);
        err = rkd_keysets_use(world.keysets, specs, 2, ids);
        if (!alloc_fail_hit())
            break;
        CHECK_ERR(err, RK_E_NOMEM, "says so");
        CHECK(ids[0] == 0 && ids[1] == 0, "untouched");
        want_set(id, "one", "as before");
    }
    CHECK(n == 3, "one an entry");
    want_set(id, "", "replaced in the end");
    advance(0);
    alloc_fail_at(1);
    answer("https://a.test/other", "keys:x");
    CHECK(alloc_fail_hit(), "while parsing");
    want_said(world.said, "keyset_failed", "memory");
    for (n = 1;; n++) {
        enum rk_err err;

        alloc_fail_at(n);
        err = rkd_keysets_new(NULL, NULL, &hooks, &keysets);
        if (!alloc_fail_hit())
            break;
        CHECK_ERR(err, RK_E_NOMEM, "says so");
    }
    CHECK(n == 3, "itself and its timer");
    rkd_keysets_free(keysets);
    world.timer = (struct rkd_timer){0};
    answer(DISCOVERY, "foreign");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_first_load),  TEST(test_ahead),         TEST(test_back_off),
        TEST(test_stale),       TEST(test_bad_documents), TEST(test_leap),
        TEST(test_discovery),   TEST(test_bad_discovery), TEST(test_long_address),
        TEST(test_http),        TEST(test_unknown_key),   TEST(test_cool_down),
        TEST(test_what_counts), TEST(test_cannot_start),  TEST(test_many_wait),
        TEST(test_from_within), TEST(test_reload_keeps),  TEST(test_reload_drops),
        TEST(test_several),     TEST(test_many_reloads),  TEST(test_free_in_flight),
        TEST(test_alloc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
