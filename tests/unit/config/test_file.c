/*
 * test_file.c - roomkey.yaml: every refusal at its exact place (semantics P1), what takes
 * precedence, and what excludes each other (src/config/table.c, top.c, callers.c, rules.c,
 * whole.c).
 */
#include "file_support.h"

#define OIDC "oidc: { issuer: https://i.example }"
#define RULES "rules: [{ id: r, room: x }]\n"
#define CALLER(more) "callers:\n  - name: c\n    " OIDC "\n" more RULES
#define RULE(more) "callers: [{ name: c, " OIDC " }]\nrules:\n  - id: r\n    room: x\n" more
#define OK "anonymous: allow\n"

struct row {
    const char *yaml, *want;
};

static void expect_all(const struct row *rows, size_t count)
{
    struct world world;

    world_open(&world);
    for (size_t i = 0; i < count; i++)
        expect_refusal(&world, rki_cstr(rows[i].yaml), NULL, rows[i].want);
    world_close(&world);
}

static void test_service(void **state)
{
    static const struct row rows[] = {
        {OK "lisen: x\n", "2:1: lisen: there is no such key"},
        {OK "\"\\e[31m\": x\n", "2:1: ??31m: there is no such key"},
        {OK "listen: 7071\n", "2:9: listen: expected"},
        {OK "listen: hunter2\n", "2:9: listen: expected ADDRESS:PORT"},
        {OK "listen: [127.0.0.1:1, hunter2]\n", "2:23: listen: expected ADDRESS:PORT"},
        {OK "listen:\n  - 127.0.0.1:1\n  - ::1:2\n", "4:5: listen: expected ADDRESS:PORT"},
        {OK "listen: []\n", "2:9: listen: expected an address"},
        {OK "listen: { a: b }\n", "2:9: listen: expected an address"},
        {OK "listen: true\n", "2:9: listen: expected an address"},
        {OK "admin_listen: [127.0.0.1:1]\n", "2:15: admin_listen: expected ADDRESS:PORT"},
        {OK "listen: 127.0.0.1:9\nadmin_listen: 127.0.0.1:9\n",
         "3:15: admin_listen: expected another"},
        {OK "admin_listen: unix:/x\nlisten: [127.0.0.1:9, unix:/x]\n",
         "2:15: admin_listen: expected another"},
        {OK "workers: 0\n", "2:10: workers: expected auto or a number"},
        {OK "workers: 3x\n", "2:10: workers: expected auto or a number"},
        {OK "workers: 1.5\n", "2:10: workers: expected auto or a number"},
        {OK "workers: true\n", "2:10: workers: expected auto or a number"},
        {OK "workers: [1]\n", "2:10: workers: expected auto or a number"},
        {"anonymous: yes\n", "1:12: anonymous: expected refuse, allow or rules"},
        {"anonymous: true\n", "1:12: anonymous: expected refuse, allow or rules"},
        {"anonymous: [allow]\n", "1:12: anonymous: expected refuse, allow or rules"},
        {OK "contracts: [original, nope]\n", "2:23: contracts: expected one of"},
        {OK "contracts: [meet, meet]\n", "2:19: contracts: this contract stands here twice"},
        {OK "contracts: []\n", "2:12: contracts: expected a list"},
        {OK "contracts: { meet: true }\n", "2:12: contracts: expected a list"},
        {OK "endpoint_paths: [/x, y]\n", "2:22: endpoint_paths: expected a path"},
        {OK "endpoint_paths: [/x, /x]\n", "2:22: endpoint_paths: this path stands here twice"},
        {OK "endpoint_paths: /v1/token\n", "2:17: endpoint_paths: this path has a meaning"},
        {OK "contracts: [original]\nendpoint_paths: [/x]\n", "3:17: endpoint_paths: these paths"},
        {OK "success_status: 202\n", "2:17: success_status: expected 200 or 201"},
        {OK "success_status: [200]\n", "2:17: success_status: expected 200 or 201"},
        {OK "hardening: worst\n", "2:12: hardening: expected best or required"},
        {OK "log: { level: loud }\n", "2:15: level: expected error, warn, info or debug"},
        {OK "log: { format: xml }\n", "2:16: format: expected json or text"},
        {OK "log: { levle: info }\n",
         "2:8: levle: there is no such key here; expected one of level format"},
        {OK "log: info\n", "2:6: log: expected a map"},
        {OK "log: [level]\n", "2:6: log: expected a map"},
        {OK "redis: { url: rediss://h }\n", "2:15: url: rediss:// needs hiredis"},
        {OK "redis: { url: http://h }\n", "2:15: url: expected redis://"},
        {OK "redis: { url: \"redis:///0\" }\n", "2:15: url: expected redis://"},
        {OK "redis: { timeout: 50ms }\n", "2:8: url: this key is missing"},
        {OK "redis: { url: redis://h, password_file: nope }\n",
         "2:41: password_file: there is no such"},
        {OK "redis: { password_file: hook.key }\n", "2:8: url: this key is missing"},
        {OK "redis: { url: \"redis://u:p@h\", password_file: hook.key }\n",
         "2:47: password_file: url has a password as well"},
        {OK "redis: { password_file: hook.key, url: \"redis://:@h\" }\n",
         "2:25: password_file: url has a password as well"},
        {OK "redis: { url: redis://h, timeout: 11s }\n", "2:35: timeout: expected a time"},
        {OK "redis: { url: redis://h, timeout: 50 }\n", "2:35: timeout: expected a time"},
        {OK "audit: { required: true }\n", "2:8: file: this key is missing"},
        {OK "audit: { file: a, required: \"true\" }\n", "2:29: required: expected true or false"},
        {OK "audit: { file: a, hash_key_file: nope }\n", "2:34: hash_key_file: there is no such"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

static void test_limits(void **state)
{
    static const struct row rows[] = {
        {OK "limits: { per_address: 0/m }\n", "2:24: per_address: expected a rate"},
        {OK "limits: { per_address: 300 }\n", "2:24: per_address: expected a rate"},
        {OK "limits: { per_address: true }\n", "2:24: per_address: expected a rate"},
        {OK "limits: { per_caller: [1/m] }\n", "2:23: per_caller: expected a rate"},
        {OK "limits: { per_room: 5/s burst 0 }\n", "2:21: per_room: expected a rate"},
        {OK "limits: { body: 2m }\n", "2:17: body: expected bytes"},
        {OK "limits: { body: off }\n", "2:17: body: expected bytes"},
        {OK "limits: { body: 1e3 }\n", "2:17: body: expected bytes"},
        {OK "limits: { headers: 1m }\n", "2:20: headers: expected bytes"},
        {OK "limits: { connections: 0 }\n", "2:24: connections: expected a number"},
        {OK "limits: { head_time: 5 }\n", "2:22: head_time: expected a time"},
        {OK "limits: { idle_time: 1d }\n", "2:22: idle_time: expected a time"},
        {OK "limits: { nope: 1 }\n", "2:11: nope: there is no such key here"},
        {OK "limits:\n  body: 64k\n  body: 64k\n", "4:3: body: stands here twice"},
        {OK "limits: off\n", "2:9: limits: expected a map"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

static void test_cross(void **state)
{
    static const struct row rows[] = {
        {OK "cors: { origins: [\"https://a.example\", https://b.example/] }\n",
         "2:40: origins: this origin has a path"},
        {OK "cors: { origins: null }\n", "2:18: origins: expected a value"},
        {OK "cors: { origins: \"null\" }\n", "2:18: origins: this origin is null"},
        {OK "cors: { origins: [1] }\n", "2:19: origins: this origin is no text"},
        {OK "cors: { origins: 1 }\n", "2:18: origins: expected an origin"},
        {OK "cors: { credentials: \"true\" }\n", "2:22: credentials: expected true or false"},
        {OK "cors: { credentials: yes }\n", "2:22: credentials: expected true or false"},
        {OK "cors: { origins: \"*\", credentials: true }\n", "2:36: credentials: expected false"},
        {OK "cors: { max_age: 500ms }\n", "2:18: max_age: expected a time"},
        {OK "cors: { max_age: 25h }\n", "2:18: max_age: expected a time"},
        {OK "cors: { max_age: 600 }\n", "2:18: max_age: expected a time"},
        {OK "trusted_proxies: { from: [10.0.0.1/8] }\n", "2:27: from: expected an address"},
        {OK "trusted_proxies: { from: { a: b } }\n", "2:26: from: expected an address block"},
        {OK "trusted_proxies: { header: forwarded }\n", "2:18: from: this key is missing"},
        {OK "trusted_proxies: { from: [], header: x-real-ip }\n", "2:38: header: expected x-forw"},
        {OK "trusted_proxies: [10.0.0.0/8]\n", "2:18: trusted_proxies: expected a map"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

static void test_livekit(void **state)
{
    static const struct row rows[] = {
        {OK "livekit: { url: media.example.org }\n", "2:17: url: expected a ws://"},
        {OK "livekit: { url: [wss://x] }\n", "2:17: url: expected a ws://"},
        {OK "livekit: { api_url: wss://x }\n", "2:21: api_url: expected an http://"},
        {OK "livekit: { api_url: \"http://u:hunter2@x\" }\n", "2:21: api_url: expected an http"},
        {OK "livekit: { key_file: nope.yaml }\n", "2:22: key_file: there is no such file"},
        {OK "livekit: { key_file: \"\" }\n", "2:22: key_file: expected a text that is not empty"},
        {OK "livekit: { key_file: hook.key }\n", "2:22: key_file: line 1: expected a map"},
        {OK "livekit: { key_file: livekit-keys.yaml, active_key: other }\n",
         "2:53: active_key: expected the name of one"},
        {OK "livekit: { active_key: APIkey }\n", "2:24: active_key: expected the name of one"},
        {OK "livekit: { active_key: 17 }\n", "2:24: active_key: expected a text"},
        {OK "livekit: { key: x }\n", "2:12: key: there is no such key here"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

static void test_callers(void **state)
{
    static const struct row rows[] = {
        {"callers: { name: c }\n" RULES, "1:10: callers: expected a list"},
        {"callers: [c]\n" RULES, "1:11: callers: expected a map"},
        {"callers:\n  - " OIDC "\n" RULES, "2:5: name: this key is missing"},
        {"callers:\n  - name: c\n" RULES, "2:5: oidc: nothing proves this caller"},
        {"callers:\n  - name: anonymous\n    " OIDC "\n" RULES, "2:11: name: expected another"},
        {"callers:\n  - name: \"\"\n    " OIDC "\n" RULES, "2:11: name: expected a text that"},
        {"callers:\n  - name: 7\n    " OIDC "\n" RULES, "2:11: name: expected a text (in"},
        {"callers:\n  - { name: c, " OIDC " }\n  - { name: c, " OIDC " }\n" RULES,
         "3:13: name: another caller has this name"},
        {CALLER("    easy_auth: { providers: [aad] }\n"), "4:16: easy_auth: expected only one of"},
        {CALLER("    api_keys_file: api-keys.yaml\n"), "4:20: api_keys_file: expected only one"},
        {CALLER("    identity: 5\n"), "4:15: identity: expected a text"},
        {CALLER("    identity: {}\n"), "4:15: identity: expected a template or"},
        {CALLER("    identity: { hush: x }\n"), "4:17: hush: there is no such key here"},
        {CALLER("    identity: { hash: \"\" }\n"), "4:23: hash: expected a text that is not"},
        {CALLER("    devices: two\n"), "4:14: devices: expected one or many"},
        {CALLER("    display_name: { a: b }\n"), "4:19: display_name: expected a text or a list"},
        {CALLER("    display_name: [a, true]\n"), "4:23: display_name: expected a text (in"},
        {CALLER("    attributes: [a]\n"), "4:17: attributes: expected a map"},
        {CALLER("    metadata: [a]\n"), "4:15: metadata: expected a text or a map"},
        {CALLER("    metadata: true\n"), "4:15: metadata: expected a text or a map"},
        {CALLER("    bind_to_caller_exp: 1\n"), "4:25: bind_to_caller_exp: expected true"},
        {CALLER("    explain: \"true\"\n"), "4:14: explain: expected true or false"},
        {CALLER("    shares_identities: on\n"), "4:24: shares_identities: expected true or"},
        {CALLER("    nope: x\n"), "4:5: nope: there is no such key here; expected one of name"},
        {"callers:\n  - name: c\n    oidc: { audience: [a] }\n" RULES,
         "3:11: issuer: this key is missing"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, algorithms: { a: b } }\n" RULES,
         "3:36: algorithms: expected a text or"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, require: [a] }\n" RULES,
         "3:33: require: expected a map"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, require: { a: ~ } }\n" RULES,
         "3:38: a: expected a value, not nothing"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, clock_skew: 60 }\n" RULES,
         "3:36: clock_skew: expected a time"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, jwks: { fresh: never } }\n" RULES,
         "3:39: fresh: expected a time"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, jwks: { frsh: 1s } }\n" RULES,
         "3:32: frsh: there is no such key here; expected one of fresh cooldown stale timeout"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, hs256_secret_file: none }\n" RULES,
         "3:43: hs256_secret_file: there is no such file"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, hs256_secret_file: hook.key, jwks_uri: u "
         "}\n" RULES,
         "3:43: hs256_secret_file: expected without"},
        {"callers:\n  - name: c\n    oidc: { issuer: i, ca_file: none.pem }\n" RULES,
         "3:33: ca_file: there is no such file"},
        {"callers:\n  - name: c\n    easy_auth: {}\n" RULES, "3:16: providers: this key is miss"},
        {"callers:\n  - name: c\n    easy_auth: { providers: [] }\n" RULES,
         "3:29: providers: expected at least one"},
        {"callers:\n  - name: c\n    api_keys_file: none\n" RULES,
         "3:20: api_keys_file: there is no such file"},
        {"callers:\n  - name: c\n    api_keys_file: .\n" RULES,
         "3:20: api_keys_file: expected a regular file"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

static void test_rules(void **state)
{
    static const struct row rows[] = {
        {"callers: [{ name: c, " OIDC " }]\nrules: { id: r }\n", "2:8: rules: expected a list"},
        {"callers: [{ name: c, " OIDC " }]\nrules:\n  - room: x\n", "3:5: id: this key is miss"},
        {"callers: [{ name: c, " OIDC " }]\nrules:\n  - id: r\n", "3:5: room: this key is missing"},
        {RULE("    caller: [c]\n"), "5:13: caller: expected a text"},
        {RULE("    when: groups\n"), "5:11: when: expected a map"},
        {RULE("    when: { a: }\n"), "5:16: a: expected a value, not nothing"},
        {RULE("    default_room: []\n"), "5:19: default_room: expected a text"},
        {RULE("    profile: 1\n"), "5:14: profile: expected a text or a list"},
        {RULE("    profile: [a, [b]]\n"), "5:18: profile: expected a text (in"},
        {RULE("    ttl: 10\n"), "5:10: ttl: expected a time"},
        {RULE("    ttl: forever\n"), "5:10: ttl: expected a time"},
        {RULE("    ttl: 367d\n"), "5:10: ttl: expected a time"},
        {RULE("    request_may_set: { name: true }\n"), "5:22: request_may_set: expected a"},
        {RULE("    request_agents: true\n"), "5:21: request_agents: expected a text or a list"},
        {RULE("    dispatch: [\"\"]\n"), "5:16: dispatch: expected a text that is not empty"},
        {RULE("    room_config: none\n"), "5:18: room_config: expected a map"},
        {RULE("    roms: x\n"), "5:5: roms: there is no such key here; expected one of id"},
        {RULE("    ask: https://a.example\n"), "5:10: ask: expected a map"},
        {RULE("    ask: { url: https://a.example }\n"), "5:10: secret_file: this key is missing"},
        {RULE("    ask: { secret_file: hook.key }\n"), "5:10: url: this key is missing"},
        {RULE("    ask: { url: http://a.example, secret_file: hook.key }\n"),
         "5:17: url: expected an https:// URL"},
        {RULE("    ask: { url: \"https://u@a.example\", secret_file: hook.key }\n"),
         "5:17: url: expected an https:// URL"},
        {RULE("    ask: { url: https://a.example, secret_file: hook.key, timeout: 2 }\n"),
         "5:68: timeout: expected a time"},
        {OK "profiles: [a]\n", "2:11: profiles: expected a map"},
        {OK "profiles: { a: true }\n", "2:16: a: expected a map"},
        {OK "ceiling: { ttl: 6 }\n", "2:17: ttl: expected a time"},
        {OK "ceiling: { grants: { a: b } }\n", "2:20: grants: expected a text or a list"},
        {OK "ceiling: { gants: [a] }\n", "2:12: gants: there is no such key here"},
    };

    (void)state;
    expect_all(rows, ARRAY_LEN(rows));
}

/* The way to a key: "callers.oidc." is callers:, an entry of its list, oidc:. */
static struct rk_str nest(const char *path, struct rk_str name, char *out, size_t cap,
                          unsigned *out_line, unsigned *out_column)
{
    struct rki_buf buf = rki_buf_over(out, cap);
    struct rk_str rest = rki_cstr(path), part;
    unsigned indent = 0;

    *out_line = 1;
    while (rest.len != 0) {
        const char *dot = memchr(rest.ptr, '.', rest.len);

        part = rki_str(rest.ptr, (size_t)(dot - rest.ptr));
        rest = rki_str(dot + 1, rest.len - part.len - 1);
        if (!rki_str_ends_with(rki_buf_str(&buf), RK_STR("- ")))
            for (unsigned i = 0; i < indent; i++)
                rki_buf_char(&buf, ' ');
        rki_buf_put(&buf, part);
        rki_buf_lit(&buf, ":\n");
        (*out_line)++;
        indent += 2;
        if (rki_str_equal(part, RK_STR("callers")) || rki_str_equal(part, RK_STR("rules"))) {
            rki_buf_lit(&buf, "  - ");
            indent += 2;
        }
    }
    if (!rki_str_ends_with(rki_buf_str(&buf), RK_STR("- ")))
        for (unsigned i = 0; i < indent; i++)
            rki_buf_char(&buf, ' ');
    rki_buf_put(&buf, name);
    rki_buf_lit(&buf, ": [[x]]\n");
    *out_column = indent + (unsigned)name.len + 3;
    assert_false(buf.overflow);
    return rki_buf_str(&buf);
}

/* No key takes a list in a list: each refuses it under its own name, where it stands. */
static void test_every_key(void **state)
{
    struct world world;
    const char *path;
    struct rk_str name;
    size_t count = 0;

    (void)state;
    world_open(&world);
    for (size_t i = 0; rkd_config_key_at(i, &path, &name); i++) {
        struct rkd_settings settings;
        struct rkd_raw_error error;
        char yaml[256];
        unsigned line, column;
        struct rk_str text;

        if (strchr(path, ' ') != NULL)
            continue; /* of another file: test_api_keys */
        text = nest(path, name, yaml, sizeof(yaml), &line, &column);
        if (world_read_str(&world, text, NULL, &settings, &error) == RK_OK)
            fail_msg("taken: %.*s", (int)text.len, text.ptr);
        CHECK_STR(rki_cstr(error.key), name, yaml);
        if (error.at.line != line || (error.at.column != column && error.at.column != column + 1))
            fail_msg("%.*s: got %u:%u (%s), wanted %u:%u", (int)text.len, text.ptr, error.at.line,
                     error.at.column, error.text, line, column);
        count++;
    }
    CHECK(count > 80, "all of them");
    world_close(&world);
}

/* What only the whole shows: D5, and somebody to serve. */
static void test_whole(void **state)
{
    static const struct {
        const char *yaml, *variable, *want; /* want NULL: taken */
    } rows[] = {
        {"# nothing\nworkers: 1\n", NULL, "2:1: anonymous: nobody could be served"},
        {"", NULL, "1:1: anonymous: nobody could be served"},
        {"workers: 1\nanonymous: refuse\n", NULL, "2:12: anonymous: nobody could be served"},
        {"anonymous: refuse\n", "ROOMKEY_ANONYMOUS=allow", NULL},
        {"anonymous: allow\n", "ROOMKEY_ANONYMOUS=refuse", "ROOMKEY_ANONYMOUS: nobody could be"},
        {"anonymous: allow\n", NULL, NULL},
        {"workers: 1\n", "ROOMKEY_ANONYMOUS=allow", NULL},
        {RULES, NULL, "1:1: anonymous: nobody could be served"},
        {"anonymous: rules\n" RULES, NULL, NULL},
        {RULES, "ROOMKEY_ANONYMOUS=rules", NULL},
        {"workers: 1\nanonymous: rules\n", NULL, "1:1: rules: this key is missing"},
        {"workers: 1\nanonymous: rules\nrules: []\n", NULL, "1:1: rules: this key is missing"},
        {"workers: 1\n", "ROOMKEY_ANONYMOUS=rules", "1:1: rules: this key is missing"},
        {"callers: [{ name: c, " OIDC " }]\n", NULL, "1:1: rules: this key is missing"},
        {"callers: [{ name: c, " OIDC " }]\n" RULES, NULL, NULL},
        {"anonymous: rules\ncallers: [{ name: c, " OIDC " }]\n" RULES, NULL, NULL},
        {"anonymous: refuse\ncallers: [{ name: c, " OIDC " }]\n" RULES, NULL, NULL},
        {RULES "anonymous: allow\n", NULL, "2:12: anonymous: expected refuse or rules"},
        {"callers: [{ name: c, " OIDC " }]\nanonymous: allow\n" RULES, NULL,
         "2:12: anonymous: expected refuse or rules"},
        {"callers: [{ name: c, " OIDC " }]\n" RULES, "ROOMKEY_ANONYMOUS=allow",
         "ROOMKEY_ANONYMOUS: expected refuse or rules"},
        {"callers: []\nrules: []\nanonymous: allow\n", NULL, NULL},
        {OK "cors: { credentials: true }\n", "ROOMKEY_CORS_ORIGINS=*", "2:22: credentials: expect"},
        {OK "cors: { origins: \"*\", credentials: true }\n",
         "ROOMKEY_CORS_ORIGINS=https://a.example", NULL},
        {OK "endpoint_paths: /x\n", "ROOMKEY_CONTRACTS=original", "2:17: endpoint_paths: these"},
        {OK, "ROOMKEY_WORKERS=hunter2", "ROOMKEY_WORKERS: expected"},
        {OK "workers: 0\n", "ROOMKEY_WORKERS=2", "2:10: workers: expected"},
    };
    struct world world;

    (void)state;
    world_open(&world);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_settings settings;
        struct rkd_raw_error error;

        if (rows[i].want != NULL) {
            expect_refusal(&world, rki_cstr(rows[i].yaml), rows[i].variable, rows[i].want);
            continue;
        }
        CHECK_ERR(world_read(&world, rows[i].yaml, rows[i].variable, &settings, &error), RK_OK,
                  rows[i].yaml);
        rkd_settings_clear(&settings);
    }
    world_close(&world);
}

/* Lists of the environment take the place of the file's, they do not add to them. */
static void test_precedence(void **state)
{
    static const char yaml[] = "anonymous: allow\n"
                               "listen: [127.0.0.1:1, 127.0.0.1:2]\n"
                               "workers: 3\n"
                               "contracts: [meet]\n"
                               "success_status: 201\n"
                               "cors: { origins: [https://a.example, https://b.example] }\n"
                               "trusted_proxies: { from: [10.0.0.0/8, 10.0.0.1], header: forwarded "
                               "}\n"
                               "limits: { body: 1k, per_address: 1/s }\n"
                               "livekit: { url: wss://file.example }\n"
                               "log: { level: error }\n";
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;

    (void)state;
    world_open(&world);
    CHECK_ERR(world_read(&world, yaml, NULL, &s, &error), RK_OK, error.text);
    CHECK(s.listen_count == 2 && s.workers == 3 && s.success_status == 201, "the file's");
    CHECK(s.origin_count == 2 && s.trusted_count == 2 && s.limits.body_bytes == 1024, "the file's");
    CHECK(s.forward_header == RKD_FORWARD_RFC7239 && s.log_level == RKD_LOG_ERROR, "the file's");
    CHECK(s.contracts == RKD_CONTRACT_MEET, "the file's");
    CHECK_STR(s.livekit_api_url, RK_STR("https://file.example"), "derived");
    CHECK_STR(s.config_file, rki_cstr(world.config), "for the reload");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "ROOMKEY_LISTEN=127.0.0.1:9", &s, &error), RK_OK, "");
    CHECK(s.listen_count == 1 && s.listen[0].port == 9, "listen");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "ROOMKEY_WORKERS=5", &s, &error), RK_OK, "");
    CHECK(s.workers == 5, "workers");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "ROOMKEY_CORS_ORIGINS=https://c.example", &s, &error), RK_OK,
              "");
    CHECK(s.origin_count == 1, "origins");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "ROOMKEY_TRUSTED_PROXIES=::1", &s, &error), RK_OK, "");
    CHECK(s.trusted_count == 1 && s.forward_header == RKD_FORWARD_XFF, "proxies");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "ROOMKEY_LIMITS=body=2k", &s, &error), RK_OK, "");
    CHECK(s.limits.body_bytes == 2048 && s.limits.per_address.burst == 1, "one limit of several");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, yaml, "LIVEKIT_URL=ws://env.example", &s, &error), RK_OK, "");
    CHECK_STR(s.livekit_url, RK_STR("ws://env.example"), "url");
    CHECK_STR(s.livekit_api_url, RK_STR("http://env.example"), "derived");
    rkd_settings_clear(&s);
    world_close(&world);
}

static void test_keys(void **state)
{
    static const char two[] = "one: \"" KEY_40 "\"\ntwo: \"" KEY_40 "\"\n";
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;

    (void)state;
    world_open(&world);
    world_write(&world, "two.yaml", rki_cstr(two), 0600);
    expect_refusal(&world, RK_STR(OK "livekit: { key_file: two.yaml }\n"), NULL,
                   "2:22: key_file: expected one key, or livekit.active_key");
    CHECK_ERR(world_read(&world, OK "livekit: { key_file: two.yaml, active_key: two }\n", NULL, &s,
                         &error),
              RK_OK, error.text);
    CHECK_STR(rk_key_name(s.active_key), RK_STR("two"), "which signs");
    CHECK(rk_keyring_count(s.keys) == 2, "the other verifies");
    CHECK(!has_warning(&s, "missing: no token"), "nothing is missing");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, OK "livekit: { active_key: two }\n",
                         "LIVEKIT_KEYS=one: " KEY_40 "x\ntwo: " KEY_40 "x", &s, &error),
              RK_OK, error.text);
    CHECK_STR(rk_key_name(s.active_key), RK_STR("two"), "of the environment's");
    rkd_settings_clear(&s);
    expect_refusal(&world, RK_STR(OK), "LIVEKIT_KEYS=one: " KEY_40 "x\ntwo: " KEY_40 "x",
                   "LIVEKIT_KEYS: expected one key, or");
    expect_refusal(&world, RK_STR(OK "livekit: { key_file: livekit-keys.yaml }\n"),
                   "LIVEKIT_API_KEY=k", "2:22: key_file: expected either this file or keys");
    world_write(&world, "two.yaml", RK_STR("a: hunter2\n"), 0644);
    CHECK_ERR(world_read(&world, OK "livekit: { key_file: two.yaml }\n", NULL, &s, &error), RK_OK,
              error.text);
    CHECK(has_warning(&s, "everybody on this machine can read"), "0644");
    CHECK(has_warning(&s, "fewer than 32 bytes"), "short");
    CHECK(s.warnings[0].at.line == 2 && s.warnings[0].at.column == 22, "where it is named");
    CHECK(!has_warning(&s, "begins or ends with a blank"), "it does not");
    rkd_settings_clear(&s);
    world_write(&world, "two.yaml", RK_STR("a: '" KEY_40 " '\nb: " KEY_40 "x\n"), 0600);
    for (size_t i = 0; i < 4; i++) {
        const bool in_file = i < 2, is_doubtful = i % 2 == 0;
        char text[128];

        (void)snprintf(text, sizeof(text), OK "livekit: { %sactive_key: %s }\n",
                       in_file ? "key_file: two.yaml, " : "", is_doubtful ? "a" : "b");
        CHECK_ERR(world_read(&world, text,
                             in_file ? NULL : "LIVEKIT_KEYS=a: '" KEY_40 " '\nb: " KEY_40 "x", &s,
                             &error),
                  RK_OK, error.text);
        CHECK(has_warning(&s, "begins or ends with a blank") == is_doubtful, text);
        rkd_settings_clear(&s);
    }
    world_close(&world);
}

/* Secret files: KEY-02, D14. */
static void test_secret_files(void **state)
{
    static const char yaml[] = OK "identity_hash_key_file: id.key\n";
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;
    char big[1100];

    (void)state;
    memset(big, 'x', sizeof(big));
    world_open(&world);
    world_write(&world, "id.key", RK_STR(KEY_40), 0620);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:25: identity_hash_key_file: group or others");
    world_write(&world, "id.key", RK_STR(KEY_40), 0602);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:25: identity_hash_key_file: group or others");
    world_write(&world, "id.key", RK_STR("hunter2hunter2hunter2hunter2hun\n"), 0600);
    expect_refusal(&world, rki_cstr(yaml), NULL,
                   "2:25: identity_hash_key_file: the file holds few");
    world_write(&world, "id.key", RK_STR(""), 0600);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:25: identity_hash_key_file: the file is empty");
    world_write(&world, "id.key", RK_STR(KEY_40 "\0"), 0600);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:25: identity_hash_key_file: the file holds a");
    world_write(&world, "id.key", rki_str(big, 1025), 0600);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:25: identity_hash_key_file: the file is too");
    expect_refusal(&world, RK_STR(OK "identity_hash_key_file: /dev/zero\n"), NULL,
                   "2:25: identity_hash_key_file: expected a regular file");
    world_write(&world, "id.key", RK_STR("hunter2hunter2hunter2hunter2hunt\n"), 0604);
    CHECK_ERR(world_read(&world, yaml, NULL, &s, &error), RK_OK, error.text);
    CHECK_STR(s.raw.identity_hash_key.bytes, RK_STR("hunter2hunter2hunter2hunter2hunt"),
              "32 bytes, without the newline");
    CHECK(has_warning(&s, "can read"), "said");
    rkd_settings_clear(&s);
    world_write(&world, "id.key", rki_str(big, 1024), 0600);
    CHECK_ERR(world_read(&world, yaml, NULL, &s, &error), RK_OK, "1,024 bytes");
    CHECK(!has_warning(&s, "can read"), "0600");
    rkd_settings_clear(&s);
    world_close(&world);
}

/* Redis' password: a secret file as the others, of any length. */
static void test_redis_password(void **state)
{
    static const char yaml[] = OK "redis: { url: \"redis://app@h:6379\", password_file: r.key }\n";
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;
    char path[64];

    (void)state;
    world_open(&world);
    world_write(&world, "r.key", RK_STR("hunter2\n"), 0620);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:52: password_file: group or others");
    world_write(&world, "r.key", RK_STR("\n"), 0600);
    expect_refusal(&world, rki_cstr(yaml), NULL, "2:52: password_file: the file is empty");
    world_write(&world, "r.key", RK_STR("hunter2\n"), 0604);
    CHECK_ERR(world_read(&world, yaml, NULL, &s, &error), RK_OK, error.text);
    CHECK_STR(s.redis.password.bytes, RK_STR("hunter2"), "without the newline");
    CHECK_STR(s.redis.url, RK_STR("redis://app@h:6379"), "whose it is");
    CHECK(has_warning(&s, "can read"), "said");
    (void)snprintf(path, sizeof(path), "%s/r.key", world.dir);
    CHECK(s.files != NULL && rki_str_equal(s.files->path, rki_cstr(path)), "and may be read again");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&world, OK "redis: { url: redis://h }\n", NULL, &s, &error), RK_OK,
              error.text);
    CHECK(s.redis.password.bytes.ptr == NULL, "none");
    rkd_settings_clear(&s);
    world_close(&world);
}

/* Positions are those in the file of keys. */
static void test_api_keys(void **state)
{
    static const struct row rows[] = {
        {"a: { sha256: hunter2 }\n", "1:14: sha256: expected 64 hex digits"},
        {"a: { sha256: " HEX_64 "0 }\n", "1:14: sha256: expected 64 hex digits"},
        {"a: { sha256: [x] }\n", "1:14: sha256: expected 64 hex digits"},
        {"a: {}\n", "1:4: sha256: this key is missing"},
        {"a: " HEX_64 "\n", "1:4: a: expected a map"},
        {"a: { sha256: " HEX_64 ", expires: 2027-02-29 }\n", "1:89: expires: expected a date"},
        {"a: { sha256: " HEX_64 ", expires: soon }\n", "1:89: expires: expected a date"},
        {"a: { sha256: " HEX_64 ", expires: 20270101 }\n", "1:89: expires: expected a date"},
        {"a: { sha256: " HEX_64 ", claims: { org: x, sub: y } }\n", "1:98: sub: expected no sub"},
        {"a: { sha256: " HEX_64 ", claims: [x] }\n", "1:88: claims: expected a map"},
        {"a: { sha256: " HEX_64 ", claim: { x: y } }\n", "1:80: claim: there is no such key"},
        {"a: { sha256: " HEX_64 " }\nb: { sha256: " HEX_64 " }\n", "2:14: sha256: this hash"},
        {"a: { sha256: " HEX_64 " }\na: { sha256: " HEX_64 " }\n", "2:1: a: stands here twice"},
        {"- a\n", "1:1: expected a map"},
        {"a: &x { sha256: " HEX_64 " }\n", "1:4: a: expected a value without an anchor"},
    };
    static const char yaml[] = "callers:\n  - name: c\n    api_keys_file: k.yaml\n" RULES;
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;

    (void)state;
    world_open(&world);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[128];

        (void)snprintf(want, sizeof(want), "k.yaml:%s", rows[i].want);
        world_write(&world, "k.yaml", rki_cstr(rows[i].yaml), 0600);
        expect_refusal(&world, rki_cstr(yaml), NULL, want);
    }
    world_write(&world, "k.yaml", RK_STR("a: { sha256: " HEX_64 " }\n"), 0660);
    expect_refusal(&world, rki_cstr(yaml), NULL, "3:20: api_keys_file: group or others can write");
    /* 64 digits are a number to YAML, and a hash all the same */
    world_write(&world, "k.yaml",
                RK_STR("a: { sha256: 1234567812345678123456781234567812345678123456781234567812345"
                       "678, expires: 2027-01-01T12:00:00+02:00 }\n"),
                0644);
    CHECK_ERR(world_read(&world, yaml, NULL, &s, &error), RK_OK, error.text);
    CHECK(s.raw.callers[0].key_count == 1, "one");
    CHECK(s.raw.callers[0].keys[0].sha256[0] == 0x12 && s.raw.callers[0].keys[0].sha256[31] == 0x78,
          "bytes");
    assert_int_equal(s.raw.callers[0].keys[0].expires_s, 1798797600);
    CHECK(has_warning(&s, "can read"), "0644");
    rkd_settings_clear(&s);
    world_close(&world);
}

/* Where the file is, its paths begin; the current directory does not matter. */
static void test_paths(void **state)
{
    struct world world;
    struct rkd_settings s;
    struct rkd_raw_error error;
    const struct rkd_flags relative = {.config = "roomkey.yaml", .anonymous = "allow"};
    struct test_env env;
    char cwd[256], want[300];

    (void)state;
    world_open(&world);
    world_write(&world, "roomkey.yaml",
                RK_STR("audit: { file: audit.jsonl, hash_key_file: audit.key }\n"), 0600);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(world.dir), 0);
    env_open(&env);
    CHECK_ERR(rkd_settings_read(&env.env, &relative, &s, &error), RK_OK, error.text);
    (void)snprintf(want, sizeof(want), "%s/audit.jsonl", world.dir);
    CHECK_STR(s.audit.file, rki_cstr(want), "absolute");
    CHECK_STR(s.audit.hash_key.bytes, RK_STR("audit-" KEY_40), "beside the file");
    rkd_settings_clear(&s);
    env_clear(&env);
    assert_int_equal(chdir(cwd), 0);
    CHECK_ERR(world_read(&world, OK "audit: { file: /var/log/a }\n", NULL, &s, &error), RK_OK, "");
    CHECK_STR(s.audit.file, RK_STR("/var/log/a"), "as it is");
    rkd_settings_clear(&s);
    world_close(&world);
}

/* health asks where serve would listen. */
static void test_listen_alone(void **state)
{
    struct world world;
    struct rkd_listen listen[RKD_LISTEN_MAX];
    struct rkd_raw_error error;
    struct test_env env;
    size_t count = 0;

    (void)state;
    world_open(&world);
    world_write(&world, "roomkey.yaml", RK_STR("listen: 127.0.0.1:81\nnot_judged: here\n"), 0600);
    env_open(&env);
    {
        const struct rkd_flags flags = {.config = world.config};

        CHECK_ERR(rkd_listen_read(&env.env, &flags, listen, &count, &error), RK_OK, error.text);
        CHECK(count == 1 && listen[0].port == 81, "the file's");
        env_add(&env, "ROOMKEY_LISTEN=127.0.0.1:82");
        CHECK_ERR(rkd_listen_read(&env.env, &flags, listen, &count, &error), RK_OK, error.text);
        CHECK(count == 1 && listen[0].port == 82, "the environment's");
        world_write(&world, "roomkey.yaml", RK_STR("listen: hunter2\n"), 0600);
        env_clear(&env);
        env_open(&env);
        CHECK_ERR(rkd_listen_read(&env.env, &flags, listen, &count, &error), RK_E_INVAL, "");
        CHECK(error.at.line == 1 && error.at.column == 9, "where");
    }
    env_clear(&env);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cross),        cmocka_unit_test(test_livekit),
        cmocka_unit_test(test_callers),      cmocka_unit_test(test_rules),
        cmocka_unit_test(test_every_key),    cmocka_unit_test(test_whole),
        cmocka_unit_test(test_precedence),   cmocka_unit_test(test_keys),
        cmocka_unit_test(test_secret_files), cmocka_unit_test(test_redis_password),
        cmocka_unit_test(test_api_keys),     cmocka_unit_test(test_paths),
        cmocka_unit_test(test_listen_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
