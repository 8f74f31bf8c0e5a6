/* test_commands.c - token, keys, health, version, serve's refusals, and stdout (src/cli). */
#include "cli/http.h"
#include "run_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <roomkey/verify.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SECRET "a-secret-of-at-least-32-characters!!"
#define KEY_ENV "LIVEKIT_API_KEY=APIx", "LIVEKIT_API_SECRET=" SECRET

/* ---- token ---- */

static struct rk_claims *verify(struct rk_str token)
{
    struct rk_keyring *ring = NULL;
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {0};
    struct rk_key *key = NULL;

    CHECK_ERR(rk_key_new(RK_STR("APIx"), RK_STR(SECRET), &key), RK_OK, "key");
    CHECK_ERR(rk_keyring_new(&ring), RK_OK, "ring");
    CHECK_ERR(rk_keyring_add(ring, &key), RK_OK, "ring");
    CHECK_ERR(rk_token_verify(ring, token, RUN_NOW, 0, &claims, &diag), RK_OK, diag.text);
    rk_keyring_free(ring);
    return claims;
}

/* stdout is the token and a line feed. */
static struct rk_claims *verify_out(const struct run *run)
{
    const size_t len = strlen(run->out);

    CHECK(run->code == 0 && run->err[0] == '\0', run->err);
    CHECK(len > 1 && run->out[len - 1] == '\n' && strchr(run->out, '\n') == run->out + len - 1,
          "one line");
    return verify(rki_str(run->out, len - 1));
}

static void test_token(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    struct rk_claims *claims;
    int64_t time_s = 0;

    (void)state;
    run_cli(&run, "token", "--room", "daily", "--identity", "ada", NULL);
    claims = verify_out(&run);
    CHECK_STR(rk_claims_room(claims), RK_STR("daily"), "room");
    CHECK_STR(rk_claims_identity(claims), RK_STR("ada"), "identity");
    CHECK(rk_claims_name(claims).ptr == NULL, "no name");
    CHECK(rk_claims_grant(claims, RK_GRANT_ROOM_JOIN) == RK_TRUE, "roomJoin");
    CHECK(rk_claims_grant(claims, RK_GRANT_CAN_PUBLISH) == RK_TRUE, "canPublish");
    CHECK(rk_claims_grant(claims, RK_GRANT_CAN_SUBSCRIBE) == RK_TRUE, "canSubscribe");
    CHECK(rk_claims_grant(claims, RK_GRANT_CAN_PUBLISH_DATA) == RK_TRUE, "canPublishData");
    CHECK(rk_claims_grant(claims, RK_GRANT_ROOM_ADMIN) == RK_ABSENT, "no more than that");
    CHECK(rk_claims_expires_at(claims, &time_s) && time_s == RUN_NOW + 600, "ten minutes");
    CHECK(rk_claims_not_before(claims, &time_s) && time_s == RUN_NOW, "from now");
    CHECK(rk_claims_id(claims).len == 22, "jti");
    rk_claims_free(claims);
    CHECK_STR(rki_cstr(run.environ_copy[1] + strlen("LIVEKIT_API_SECRET=")), RK_STR(""), "wiped");
    run_clear(&run);
}

static void test_token_options(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    struct rk_claims *claims;
    struct rk_str key, value;
    int64_t time_s = 0;

    (void)state;
    run_cli(&run, "token", "--room=daily", "--identity=ada", "--name=Ada L", "--ttl=90s",
            "--metadata={\"a\":1}", "--attribute=team=red", "--attribute=x=", "--grant",
            "canPublish=false", "--grant", "canPublishSources=camera,screen_share", "--grant",
            "roomAdmin=true", "--room-config={\"max_participants\":2}", NULL);
    claims = verify_out(&run);
    CHECK_STR(rk_claims_name(claims), RK_STR("Ada L"), "name");
    CHECK_STR(rk_claims_metadata(claims), RK_STR("{\"a\":1}"), "metadata");
    CHECK(rk_claims_attribute_count(claims) == 2 && rk_claims_attribute_at(claims, 0, &key, &value),
          "attributes");
    CHECK_STR(value, RK_STR("red"), "attribute");
    CHECK(rk_claims_grant(claims, RK_GRANT_CAN_PUBLISH) == RK_FALSE, "as asked");
    CHECK(rk_claims_grant(claims, RK_GRANT_ROOM_ADMIN) == RK_TRUE, "as asked");
    CHECK(rk_claims_publish_source_count(claims) == 2, "sources");
    CHECK(rk_claims_expires_at(claims, &time_s) && time_s == RUN_NOW + 90, "90s");
    CHECK_STR(rk_claims_room_config(claims), RK_STR("{\"maxParticipants\":2}"), "roomConfig");
    rk_claims_free(claims);
    run_clear(&run);
}

static void test_token_for_the_api(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    struct rk_claims *claims;

    (void)state;
    run_cli(&run, "token", "--grant=roomJoin=false", "--grant=roomList=true", NULL);
    claims = verify_out(&run);
    CHECK(rk_claims_grant(claims, RK_GRANT_CAN_PUBLISH) == RK_ABSENT, "nobody joins");
    CHECK(rk_claims_grant(claims, RK_GRANT_ROOM_LIST) == RK_TRUE, "roomList");
    CHECK(rk_claims_identity(claims).ptr == NULL, "no identity needed");
    rk_claims_free(claims);
    run_clear(&run);
}

static void test_token_json(void **state)
{
    struct run run = {.env = {KEY_ENV, "LIVEKIT_URL=wss://media.example.org"}};
    struct rk_claims *claims;
    const char *token;
    json_t *json;

    (void)state;
    run_cli(&run, "token", "--room", "d\"x", "--identity", "ada", "--json", NULL);
    json = json_loads(run.out, 0, NULL);
    CHECK(run.code == 0 && json != NULL, run.out);
    token = json_string_value(json_object_get(json, "token"));
    assert_non_null(token);
    claims = verify(rki_cstr(token));
    rk_claims_free(claims);
    assert_string_equal(json_string_value(json_object_get(json, "room")), "d\"x");
    assert_string_equal(json_string_value(json_object_get(json, "identity")), "ada");
    assert_string_equal(json_string_value(json_object_get(json, "url")), "wss://media.example.org");
    assert_string_equal(json_string_value(json_object_get(json, "expires_at")),
                        "2027-01-15T08:10:00.000Z");
    assert_null(json_object_get(json, "name"));
    json_decref(json);
    run_clear(&run);
}

static void test_token_refused(void **state)
{
    static const struct {
        const char *a, *b, *part;
    } rows[] = {
        {"--room=", NULL, "--room: expected 1 to 256 bytes"},
        {"--room= a", NULL, "--room: expected"},
        {"--room=a\x1b", NULL, "--room: expected"},
        {"--identity=e\xcc\x81", NULL, "--identity: expected"}, /* not NFC */
        {"--name=\xff", NULL, "--name: expected"},
        {"--name=", NULL, "--name: expected"},
        {"--metadata=\xff", NULL, "--metadata: expected UTF-8"},
        {"--attribute=x", NULL, "--attribute: expected KEY=VALUE"},
        {"--attribute==x", NULL, "--attribute: expected KEY=VALUE"},
        {"--attribute=x=\xff", NULL, "--attribute: expected UTF-8"},
        {"--grant=canFly=true", NULL, "--grant: "},
        {"--grant=canPublish=yes", NULL, "--grant: "},
        {"--grant=canPublish", NULL, "--grant: expected NAME=VALUE"},
        {"--grant=canPublishSources=Camera", NULL, "--grant: "},
        {"--ttl=10", NULL, "--ttl: expected whole seconds"},
        {"--ttl=0s", NULL, "--ttl: expected"},
        {"--ttl=-5m", NULL, "--ttl: expected"},
        {"--ttl=500ms", NULL, "--ttl: expected"},
        {"--ttl=366d", NULL, "--ttl: expected"},
        {"--ttl=99999999999999999999d", NULL, "--ttl: expected"},
        {"--room-config=x", NULL, "roomkey: --room-config: not valid JSON"},
        {"--room-config={\"max_participants\":\"x\"}", NULL,
         "roomkey: roomConfig.maxParticipants: "},
        {"--room-config=[]", NULL, "roomkey: --room-config: "},
        {"--room-config=@/does/not/exist", NULL, "--room-config: the file cannot be read"},
        {"--room-config=@/dev/zero", NULL, "--room-config: the file cannot be read"},
        {"--url=ftp://x", NULL, "--url: expected a ws://"},
        {"--profile=host", NULL, "--profile: expected speaker"},
        {"operand", NULL, "expected options only"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run run = {.env = {KEY_ENV}};
        const bool has_room = strncmp(rows[i].a, "--room=", 7) == 0,
                   has_identity = strncmp(rows[i].a, "--identity", 10) == 0;
        const char *args[] = {"token", rows[i].a, has_room ? NULL : "--room=r", NULL, NULL};

        args[has_room ? 2 : 3] = has_identity ? NULL : "--identity=i";
        run_argv(&run, args);
        run_expect_usage(&run, rows[i].part);
    }
}

static void test_token_needs(void **state)
{
    struct run run = {.env = {KEY_ENV}};

    (void)state;
    run_cli(&run, "token", "--identity=i", NULL);
    run_expect_usage(&run, "--room: expected the room to join");
    run.env[0] = "LIVEKIT_API_KEY=APIx";
    run_cli(&run, "token", "--room=r", NULL);
    run_expect_usage(&run, "--identity: expected who joins");
    run_cli(&run, "token", "--room=r", "--identity=i", NULL);
    run_expect_usage(&run, "are missing");
    run.env[0] = "LIVEKIT_API_KEY=APIx";
    run_cli(&run, "token", "--room=r", "--identity=i", NULL);
    run_expect_usage(&run, "LIVEKIT_API_SECRET is missing");
    run.env[0] = "LIVEKIT_KEYS=A: one\nB: two";
    run_cli(&run, "token", "--room=r", "--identity=i", NULL);
    run_expect_usage(&run, "LIVEKIT_KEYS: expected one key");
    run.env[0] = "LIVEKIT_API_SECRET_FILE=/does/not/exist";
    run_cli(&run, "token", "--room=r", "--identity=i", NULL);
    run_expect_usage(&run, "LIVEKIT_API_SECRET_FILE: there is no such file");
}

static void test_room_config_file(void **state)
{
    struct run run = {.env = {KEY_ENV}};
    char path[] = "/tmp/roomkey-test-XXXXXX", arg[64];
    struct rk_claims *claims;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"name\":\"x\"}\n", 13), 13);
    assert_int_equal(close(fd), 0);
    (void)snprintf(arg, sizeof(arg), "--room-config=@%s", path);
    run_cli(&run, "token", "--room=r", "--identity=i", arg, NULL);
    claims = verify_out(&run);
    CHECK_STR(rk_claims_room_config(claims), RK_STR("{\"name\":\"x\"}"), "from the file");
    rk_claims_free(claims);
    run_clear(&run);
    assert_int_equal(unlink(path), 0);
}

/* ---- keys ---- */

static void check_pair(const char *name, const char *secret)
{
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    CHECK(strlen(name) == 15 && strncmp(name, "API", 3) == 0, name);
    CHECK(strspn(name + 3, alphabet) == 12, name);
    CHECK(strlen(secret) == 43, secret);
    for (const char *c = secret; *c != '\0'; c++)
        CHECK((*c >= '0' && *c <= '9') || (rki_lower(*c) >= 'a' && rki_lower(*c) <= 'z'), secret);
}

static void test_keys(void **state)
{
    char seen[3][64] = {{0}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static const char *const forms[] = {NULL, "--yaml", "--json"};
        struct run run = {0};
        char name[64] = "", secret[64] = "";

        run_cli(&run, "keys", "new", "--livekit", forms[i], NULL);
        CHECK(run.code == 0 && run.err[0] == '\0', run.err);
        if (i == 0) {
            CHECK(strncmp(run.out, "LIVEKIT_API_KEY=", 16) == 0 &&
                      strncmp(run.out + 31, "\nLIVEKIT_API_SECRET=", 20) == 0,
                  run.out);
            (void)snprintf(name, sizeof(name), "%.15s", run.out + 16);
            (void)snprintf(secret, sizeof(secret), "%.43s", run.out + 51);
            assert_string_equal(run.out + 94, "\n");
        } else if (i == 1) {
            (void)snprintf(name, sizeof(name), "%.15s", run.out);
            (void)snprintf(secret, sizeof(secret), "%.43s", run.out + 18);
            CHECK(strncmp(run.out + 15, ": \"", 3) == 0, run.out);
            assert_string_equal(run.out + 61, "\"\n");
        } else {
            json_t *json = json_loads(run.out, 0, NULL);

            assert_non_null(json);
            (void)snprintf(name, sizeof(name), "%s",
                           json_string_value(json_object_get(json, "api_key")));
            (void)snprintf(secret, sizeof(secret), "%s",
                           json_string_value(json_object_get(json, "api_secret")));
            json_decref(json);
        }
        check_pair(name, secret);
        memcpy(seen[i], secret, sizeof(secret));
        run_clear(&run);
    }
    CHECK(strcmp(seen[0], seen[1]) != 0 && strcmp(seen[1], seen[2]) != 0, "new each time");
}

static void test_keys_refused(void **state)
{
    struct run run = {0};

    (void)state;
    run_cli(&run, "keys", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
    run_cli(&run, "keys", "new", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
    run_cli(&run, "keys", "old", "--livekit", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
    run_cli(&run, "keys", "new", "--caller", "x", "--livekit", NULL);
    run_expect_usage(&run, "expected `roomkey keys new --livekit`");
    run_cli(&run, "keys", "new", "--caller", "x", "--yaml", NULL);
    run_expect_usage(&run, "--yaml is for --livekit");
    run_cli(&run, "keys", "new", "--caller", "", NULL);
    run_expect_usage(&run, "--caller: expected");
    run_cli(&run, "keys", "new", "--caller", "a b", NULL);
    run_expect_usage(&run, "--caller: expected");
    run_cli(&run, "keys", "new", "--livekit", "--json", "--yaml", NULL);
    run_expect_usage(&run, "not both");
}

/* The key is rk_ and 43 characters (semantics D3), the line below it loads (test_check). */
static void test_keys_caller(void **state)
{
    struct run run = {0}, json = {0};
    const char *line;

    (void)state;
    run_cli(&run, "keys", "new", "--caller", "tenant-1", NULL);
    CHECK(run.code == 0, run.err);
    CHECK(strstr(run.out, "rk_") == run.out && strchr(run.out, '\n') == run.out + 46, run.out);
    line = run.out + 47;
    CHECK(strstr(line, "\"tenant-1\": { sha256: \"") == line, line);
    CHECK(strlen(line) == 23 + 64 + 4 && strcmp(line + 23 + 64, "\" }\n") == 0, line);
    CHECK(strstr(run.err, "rk_") == NULL, "the key is on stdout alone");
    run_cli(&json, "keys", "new", "--caller=tenant-1", "--json", NULL);
    CHECK(json.code == 0 && strstr(json.out, "{\"name\":\"tenant-1\",\"key\":\"rk_") == json.out,
          json.out);
    CHECK(strncmp(strstr(json.out, "rk_"), run.out, 46) != 0, "another each time");
    CHECK(json.err[0] == '\0', json.err);
    run_clear(&run);
    run_clear(&json);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void test_check(void **state)
{
    static const char yaml[] = "callers: [{ name: c, api_keys_file: keys }]\n"
                               "rules: [{ id: r, room: x }]\n";
    char dir[] = "/tmp/roomkey-test-XXXXXX", config[64], keys[64], arg[80];
    struct run run = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(config, sizeof(config), "%s/roomkey.yaml", dir);
    (void)snprintf(keys, sizeof(keys), "%s/keys", dir);
    (void)snprintf(arg, sizeof(arg), "--config=%s", config);
    run_cli(&run, "keys", "new", "--caller", "a", NULL);
    write_file(keys, strchr(run.out, '\n') + 1);
    assert_int_equal(chmod(keys, 0644), 0); /* worth a warning */
    run_clear(&run);

    write_file(config, yaml);
    run_cli(&run, "check", arg, NULL);
    CHECK(run.code == 0, run.err);
    CHECK(strstr(run.out, "ok: 1 caller, 1 rule, ") == run.out, run.out);
    CHECK(strncmp(run.err, config, strlen(config)) == 0, "a warning begins with its place");
    CHECK(strstr(run.err, ":1:37: api_keys_file: ") != NULL, run.err);
    run_clear(&run);
    run_cli(&run, "check", arg, "--json", NULL);
    CHECK(run.code == 0 && strstr(run.out, "{\"ok\":true,\"warnings\":[{\"file\":") == run.out,
          run.out);
    CHECK(strstr(run.out, "\"callers\":1,\"rules\":1,\"livekit_secret\":null") != NULL, run.out);
    CHECK(run.err[0] == '\0', run.err);
    run_clear(&run);

    write_file(config, "workers: hunter2\n");
    run_cli(&run, "check", arg, NULL);
    CHECK(run.code == RKD_EXIT_REFUSED && run.out[0] == '\0', run.out);
    CHECK(strstr(run.err, "/roomkey.yaml:1:10: workers: expected auto") != NULL, run.err);
    CHECK(strstr(run.err, "hunter2") == NULL, run.err);
    run_clear(&run);
    run_cli(&run, "check", arg, "--json", NULL);
    CHECK(run.code == RKD_EXIT_REFUSED, run.err);
    CHECK(strstr(run.out, "{\"ok\":false,\"error\":{\"file\":") == run.out, run.out);
    CHECK(strstr(run.out, "\"line\":1,\"column\":10,\"key\":\"workers\"") != NULL, run.out);
    run_clear(&run);
    run_cli(&run, "serve", arg, NULL);
    run_expect_usage(&run, "/roomkey.yaml:1:10: workers: expected auto");
    run_cli(&run, "check", "x", NULL);
    run_expect_usage(&run, "expected options only");
    assert_int_equal(unlink(config), 0);
    assert_int_equal(unlink(keys), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- health ---- */

struct server {
    int fd;
    const char *answer; /* NULL: hang up without one */
    char request[512];
    pthread_t thread;
};

static void *serve_once(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->fd, NULL, NULL);
    ssize_t got;

    if (fd < 0)
        return NULL;
    got = read(fd, server->request, sizeof(server->request) - 1);
    server->request[got < 0 ? 0 : got] = '\0';
    if (server->answer != NULL)
        (void)!write(fd, server->answer, strlen(server->answer));
    (void)close(fd);
    return NULL;
}

/* `path` of a Unix socket, or NULL for loopback; returns the port. */
static unsigned start(struct server *server, const char *path)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(in);

    server->fd = socket(path == NULL ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    if (path == NULL) {
        assert_int_equal(bind(server->fd, (struct sockaddr *)&in, sizeof(in)), 0);
        assert_int_equal(getsockname(server->fd, (struct sockaddr *)&in, &len), 0);
    } else {
        (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
        assert_int_equal(bind(server->fd, (struct sockaddr *)&un, sizeof(un)), 0);
    }
    assert_int_equal(listen(server->fd, 4), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve_once, server), 0);
    return ntohs(in.sin_port);
}

static void stop(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->fd);
}

static void test_health(void **state)
{
    static const struct {
        const char *answer;
        bool asks_ready;
        int code;
        const char *said;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, 0, NULL},
        {"HTTP/1.1 200 OK\r\n\r\n", true, 0, NULL},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\n", true, 1, "it is not ready\n"},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 67\r\n\r\n"
         "{\"missing\":[\"credentials\",\"key_sets\"],\"failing\":[\"draining\"],\"x\":1}",
         true, 1, "it is not ready: credentials, key_sets, draining\n"},
        {"HTTP/1.1 503 No\r\n\r\n{\"missing\":[\"\\u001b[31m\",7,\"a b\",\"c\"]}", true, 1,
         "it is not ready: c\n"},
        {"HTTP/1.1 503 No\r\n\r\n{\"missing\":[\"credentials\"]}", false, 1, "is not well\n"},
        {"HTTP/1.1 500 Internal Server Error\r\n\r\n", false, 1, NULL},
        {"HTTP/1.1 2000 OK\r\n", false, 0, NULL}, /* three digits are read; nobody sends four */
        {"HTTP/1.1 20x OK\r\n\r\n", false, 1, NULL},
        {"HTTP/2.0 200 OK\r\n\r\n", false, 1, NULL},
        {"HTTP/1.1-200 OK\r\n\r\n", false, 1, NULL},
        {"SSH-2.0-OpenSSH_9.2\r\n", false, 1, NULL},
        {"HTTP/1.1 2", false, 1, NULL},
        {NULL, false, 1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct server server = {.answer = rows[i].answer};
        struct run run = {0};
        char listen[64];

        (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", start(&server, NULL));
        run_cli(&run, "health", "--listen", listen, rows[i].asks_ready ? "--ready" : NULL, NULL);
        stop(&server);
        CHECK(run.code == rows[i].code, rows[i].answer == NULL ? "hang up" : rows[i].answer);
        CHECK((run.err[0] == '\0') == (run.code == 0), "said");
        if (rows[i].said != NULL)
            CHECK(strstr(run.err, rows[i].said) != NULL, run.err);
        CHECK(run.out[0] == '\0', "nothing on stdout");
        CHECK(strncmp(server.request,
                      rows[i].asks_ready ? "GET /readyz HTTP/1.1\r\n" : "GET /healthz HTTP/1.1\r\n",
                      strlen(rows[i].asks_ready ? "GET /readyz" : "GET /healthz")) == 0,
              server.request);
        run_clear(&run);
    }
}

static void test_health_addresses(void **state)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";
    struct server server = {.answer = ok};
    struct run run = {0};
    char listen[64], path[] = "/tmp/roomkey-test-XXXXXX", unix_listen[64];
    int fd;

    (void)state;
    /* as the service is told, every address, asked on loopback */
    (void)snprintf(listen, sizeof(listen), "ROOMKEY_LISTEN=0.0.0.0:%u", start(&server, NULL));
    run.env[0] = listen;
    run_cli(&run, "health", NULL);
    stop(&server);
    CHECK(run.code == 0, run.err);
    run_clear(&run);

    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    (void)start(&server, path);
    (void)snprintf(unix_listen, sizeof(unix_listen), "unix:%s", path);
    run_cli(&run, "health", "--listen", unix_listen, NULL);
    stop(&server);
    CHECK(run.code == 0, run.err);
    run_clear(&run);
    assert_int_equal(unlink(path), 0);

    run_cli(&run, "health", "--listen", unix_listen, NULL);
    CHECK(run.code == 1 && strstr(run.err, "nothing answers there (--listen, ") != NULL, run.err);
    run_clear(&run);
    run_cli(&run, "health", "--listen", "127.0.0.1:0", NULL);
    run_expect_usage(&run, "which port");
    run_cli(&run, "health", "--listen", "nowhere", NULL);
    run_expect_usage(&run, "--listen: entry 1: expected ADDRESS:PORT");
}

/* A peer that accepts and says nothing must not hold the check up. */
static void test_health_times_out(void **state)
{
    struct rkd_listen to = {.addr = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
                                     .is_v4 = true,
                                     .is_set = true}};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rkd_http_answer answer;
    char data[64];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    assert_int_equal(listen(fd, 4), 0);
    to.port = ntohs(in.sin_port);
    assert_int_equal(rkd_http_get(&to, "/healthz", 50, data, sizeof(data), &answer), 0);
    (void)close(fd);
    assert_int_equal(rkd_http_get(&to, "/healthz", 50, data, sizeof(data), &answer), 0);
}

/* ---- version, verbs, serve's and dev's refusals ---- */

static void test_version(void **state)
{
    struct run run = {0};
    json_t *json;

    (void)state;
    run_cli(&run, "version", NULL);
    CHECK(run.code == 0 && strncmp(run.out, "roomkey ", 8) == 0, run.out);
    CHECK_STR(rki_str(run.out + 8, strlen(run.out) - 9), rki_cstr(rk_version()), "version");
    run_clear(&run);
    run_cli(&run, "--version", NULL);
    CHECK(run.code == 0 && strncmp(run.out, "roomkey ", 8) == 0, run.out);
    run_clear(&run);
    run_cli(&run, "version", "--deps", NULL);
    CHECK(strstr(run.out, "\nopenssl 3.") != NULL && strstr(run.out, "\nlibuv 1.") != NULL &&
              strstr(run.out, "\nllhttp ") != NULL && strstr(run.out, "\nlibcurl ") != NULL &&
              strstr(run.out, "\nhiredis ") != NULL,
          run.out);
    run_clear(&run);
    run_cli(&run, "version", "--deps", "--json", NULL);
    json = json_loads(run.out, 0, NULL);
    CHECK(json != NULL && json_object_size(json_object_get(json, "deps")) == 9, run.out);
    json_decref(json);
    run_clear(&run);
    run_cli(&run, "version", "--json", NULL);
    json = json_loads(run.out, 0, NULL);
    CHECK(json != NULL && json_object_size(json) == 1, run.out);
    json_decref(json);
    run_clear(&run);
}

static void test_verbs(void **state)
{
    struct run run = {0};

    (void)state;
    run_cli(&run, NULL);
    run_expect_usage(&run, "expected a verb");
    run_cli(&run, "bake", NULL);
    run_expect_usage(&run, "there is no such verb");
    run_cli(&run, "", NULL);
    run_expect_usage(&run, "there is no such verb");
    run_cli(&run, "help", "bake", NULL);
    run_expect_usage(&run, "there is no such verb");
    run_cli(&run, "--help", NULL);
    CHECK(run.code == 0 && strstr(run.out, "inspect") != NULL && run.err[0] == '\0', run.out);
    run_clear(&run);
}

static void test_serve_refused(void **state)
{
    static const struct {
        const char *env, *arg, *part;
    } rows[] = {
        {NULL, NULL, "roomkey: ROOMKEY_ANONYMOUS: nobody could be served"},
        {"ROOMKEY_ANONYMOUS=allow", "--config=/x/x.yaml", "--config: there is no such file"},
        {"ROOMKEY_CONFIG=/x/x.yaml", "--anonymous=allow", "ROOMKEY_CONFIG: there is no such file"},
        {"ENTRA_CLIENT_ID=x", "--anonymous=allow", "ENTRA_AUTHORITY: expected, since ENTRA_CLIEN"},
        {"ENTRA_AUTHORITY=x", "--anonymous=allow", "ENTRA_CLIENT_ID: expected, since"},
        {"ROOMKEY_TYPO=x", "--anonymous=allow", "ROOMKEY_TYPO: there is no such variable"},
        {"ROOMKEY_LIMITS=body=0", "--anonymous=allow", "ROOMKEY_LIMITS: body: expected bytes"},
        {NULL, "--listen=7071", "--listen: entry 1: expected ADDRESS:PORT"},
        {NULL, "--port=7071", "--port: there is no such option"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run run = {.env = {rows[i].env}};

        run_cli(&run, "serve", rows[i].arg, NULL);
        run_expect_usage(&run, rows[i].part);
    }
}

static void test_dev_refused(void **state)
{
    struct run run = {0};

    (void)state;
    run_cli(&run, "dev", "--listen=0.0.0.0:7071", NULL);
    run_expect_usage(&run, "loopback only");
    run_cli(&run, "dev", "--anonymous=refuse", NULL);
    run_expect_usage(&run, "there is no such option");
    run.env[0] = "LIVEKIT_API_KEY=x";
    run_cli(&run, "dev", NULL);
    run_expect_usage(&run, "LIVEKIT_API_SECRET: ");
}

/* CLI-04. The second is what main puts in the place of a closed stdout. */
static void test_stdout_full(void **state)
{
    const int fds[] = {open("/dev/full", O_WRONLY | O_CLOEXEC),
                       open("/dev/null", O_RDONLY | O_CLOEXEC)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        struct run run = {.out_fd = fds[i]};

        assert_true(fds[i] > 0);
        run_cli(&run, "keys", "new", "--livekit", NULL);
        CHECK(run.code == 1 && strstr(run.err, "stdout did not take") != NULL, run.err);
        run_clear(&run);
        (void)close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_token_options),
        cmocka_unit_test(test_token_for_the_api),
        cmocka_unit_test(test_token_json),
        cmocka_unit_test(test_token_refused),
        cmocka_unit_test(test_token_needs),
        cmocka_unit_test(test_room_config_file),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_keys_caller),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_health_addresses),
        cmocka_unit_test(test_health_times_out),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_serve_refused),
        cmocka_unit_test(test_dev_refused),
        cmocka_unit_test(test_stdout_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
