/*
 * test_admin.c - the admin listener by itself: it answers without a keeper, reads counts while they
 * are written, takes whatever sheet hangs on its board, and gives everything back when it cannot
 * open.
 */
#include "check.h"

#include "alloc_fail.h"
#include "serve/admin.h"
#include "serve/procstat.h"
#include "serve/thread.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return alloc_fail_now() ? NULL : __real_aligned_alloc(align, size);
}

/* As much of a service as is looked at. */
struct world {
    struct rkd_service service;
    struct rkd_worker_ctx worker;
    struct rkd_settings settings;
    struct rkd_admin *admin;
};

static struct rkd_listen any_port(void)
{
    struct rkd_listen listen = {
        .kind = RKD_LISTEN_TCP, .fd = -1, .addr = {.is_set = true, .is_v4 = true}};

    listen.addr.bytes[10] = listen.addr.bytes[11] = 0xff;
    listen.addr.bytes[12] = 127;
    listen.addr.bytes[15] = 1;
    return listen;
}

static void begin(struct world *w)
{
    static const uint8_t key[16] = {1};
    const struct rkd_listen listen = any_port();
    const struct rkd_net_limits limits = {.headers_bytes = 8192};

    *w = (struct world){.settings = {.admin_listen = listen, .has_admin_listen = true}};
    CHECK_ERR(rkd_limiter_new(key, &w->service.limiter), RK_OK, "limiter");
    CHECK_ERR(rkd_log_new(STDERR_FILENO, RKD_LOG_ERROR, RKD_LOG_JSON, 1, &w->service.log), RK_OK,
              "log");
    CHECK_ERR(rkd_net_open(&listen, 1, &limits, 1, &w->service.net, NULL), RK_OK, "net");
    w->worker.stats = rkd_stats_new();
    assert_non_null(w->worker.stats);
}

static void end(struct world *w)
{
    rkd_admin_free(w->admin);
    rkd_net_free(w->service.net);
    rkd_log_free(w->service.log);
    rkd_limiter_free(w->service.limiter);
    free(w->worker.stats);
}

static enum rk_err open_it(struct world *w)
{
    struct rk_diag diag = {.text = ""};

    return rkd_admin_open(&w->settings.admin_listen, &w->service, &w->worker, 1, &w->admin, &diag);
}

static void test_out_of_memory(void **state)
{
    struct world w;
    size_t n;

    (void)state;
    begin(&w);
    for (n = 1;; n++) {
        enum rk_err err;

        alloc_fail_at(n);
        err = open_it(&w);
        if (!alloc_fail_hit())
            break;
        CHECK(err != RK_OK && w.admin == NULL, "nothing is handed out");
    }
    CHECK(n > 4 && w.admin != NULL, "and with memory it opens");
    rkd_admin_stop(w.admin); /* never started */
    end(&w);
}

/* The whole answer, as long as the connection is open. */
static void ask(const struct world *w, const char *path, char *out, size_t size)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval patience = {.tv_sec = 30};
    char text[128];
    size_t len = 0;
    ssize_t n;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *colon = strrchr(rkd_admin_address(w->admin), ':');

    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    (void)snprintf(text, sizeof(text),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    while (len < size - 1 && (n = recv(fd, out + len, size - 1 - len, 0)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    (void)close(fd);
}

static char answer[256 * 1024];

static bool says(const char *text)
{
    return strstr(answer, text) != NULL;
}

static struct rkd_facts *sheet(void)
{
    struct rkd_facts *facts = rkd_facts_new(2);

    assert_non_null(facts);
    rkd_facts_text(facts->key_id, RKD_FACTS_KEY_MAX, RK_STR("APIone"));
    rkd_facts_text(facts->keysets[0].issuer, RKD_FACTS_ISSUER_MAX, RK_STR("https://a\"\\\n"));
    rkd_facts_text(facts->keysets[1].issuer, RKD_FACTS_ISSUER_MAX, RK_STR("https://b"));
    facts->keysets[0].has_set = true;
    facts->keysets[0].usable = 2;
    facts->keysets[1].last_error = "http-500";
    facts->can_verify = true;
    return facts;
}

static void test_what_hangs_on_the_board(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    CHECK_ERR(open_it(&w), RK_OK, "open");
    CHECK(rkd_admin_start(w.admin), "start");
    ask(&w, "/readyz", answer, sizeof(answer));
    CHECK(strncmp(answer, "HTTP/1.1 503 ", 13) == 0, "nothing is known yet: not ready");
    ask(&w, "/metrics", answer, sizeof(answer));
    CHECK(says("\nroomkey_ready 0\n") && !says("roomkey_config_reloads"),
          "what the workers know is there");
    rkd_admin_post(w.admin, sheet());
    rkd_admin_post(w.admin, sheet());
    ask(&w, "/readyz", answer, sizeof(answer));
    CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && says("{\"status\":\"warn\",\"releaseId\""),
          answer);
    CHECK(says("\"componentId\":\"https://a\\\"\\\\\\n\"") && says("\"output\":\"http-500\""),
          answer);
    ask(&w, "/metrics", answer, sizeof(answer));
    CHECK(says("roomkey_keyset_keys{caller=\"\",issuer=\"https://a\\\"\\\\\\n\"} 2\n"), "escaped");
    CHECK(says("roomkey_keyset_keys{caller=\"\",issuer=\"https://b\"} 0\n"), "none");
    atomic_store(&w.service.is_draining, true);
    ask(&w, "/readyz", answer, sizeof(answer));
    CHECK(strncmp(answer, "HTTP/1.1 503 ", 13) == 0 && says("\"drain\":[{\"status\":\"fail\"}]"),
          answer);
    end(&w);
}

struct counter {
    struct rkd_stats *stats;
    atomic_bool stop;
};

static void *count(void *ctx)
{
    struct counter *counter = ctx;

    while (!atomic_load(&counter->stop)) {
        rkd_stat_add(&counter->stats->issued[0], 1);
        rkd_stats_stage(counter->stats, 0, 1234);
    }
    return NULL;
}

/* For the thread sanitizer; and that no number is torn. */
static void test_counts_are_read_while_written(void **state)
{
    struct world w;
    struct counter counter;
    pthread_t thread;

    (void)state;
    begin(&w);
    CHECK_ERR(open_it(&w), RK_OK, "open");
    CHECK(rkd_admin_start(w.admin), "start");
    counter.stats = w.worker.stats;
    atomic_init(&counter.stop, false);
    assert_true(rkd_thread_start(&thread, count, &counter));
    for (int i = 0; i < 5; i++) {
        rkd_admin_post(w.admin, sheet());
        ask(&w, "/metrics", answer, sizeof(answer));
        CHECK(says("roomkey_stage_duration_seconds_bucket{stage=\"admit\",le=\"1e-06\"} 0\n"),
              answer);
    }
    atomic_store(&counter.stop, true);
    (void)pthread_join(thread, NULL);
    end(&w);
}

static void test_texts_are_cut_between_characters(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text;
        const char *want;
    } rows[] = {
        {"fits", RK_STR_INIT("abcd"), "abcd"},
        {"too long", RK_STR_INIT("abcde"), "abcd"},
        {"in the middle of two bytes", RK_STR_INIT("abc\xc3\xa4"), "abc"},
        {"in the middle of four", RK_STR_INIT("ab\xf0\x9f\x94\x91"), "ab"},
        {"right behind it",
         RK_STR_INIT("ab\xc3\xa4"
                     "c"),
         "ab\xc3\xa4"},
        {"nothing", RK_STR_INIT(""), ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[5];

        rkd_facts_text(out, 4, rows[i].text);
        CHECK(strcmp(out, rows[i].want) == 0, rows[i].why);
    }
}

/* hosting s.6.3: what only /proc knows is left out where there is none. */
static void test_without_proc(void **state)
{
    struct rkd_procstat stat;
    struct rki_buf buf = rki_buf_over(answer, sizeof(answer) - 1);
    struct rkd_expo expo = {.out = &buf};

    (void)state;
    rkd_procstat_open(&stat, 1500);
    rkd_procstat_write(&stat, &expo);
    answer[buf.len] = '\0';
    CHECK(says("\nprocess_open_fds ") && says("\nprocess_resident_memory_bytes "), answer);
    rkd_procstat_close(&stat);
    buf.len = 0;
    rkd_procstat_write(&stat, &expo);
    answer[buf.len] = '\0';
    CHECK(!says("process_open_fds") && !says("memory_bytes"), answer);
    CHECK(says("\nprocess_cpu_seconds_total ") && says("\nprocess_start_time_seconds 1.5\n"),
          answer);
    rkd_procstat_close(&stat); /* twice is once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_what_hangs_on_the_board),
        cmocka_unit_test(test_counts_are_read_while_written),
        cmocka_unit_test(test_texts_are_cut_between_characters),
        cmocka_unit_test(test_without_proc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
