/*
 * test_sample.c - sample.yaml, the whole of the design's configuration word for word: it loads with
 * the files it names, and every value lands where it belongs, with its position.
 */
#include "file_support.h"

static char sample[16 * 1024];

static void read_sample(void)
{
    const int fd = open(RK_TEST_SOURCE_DIR "/tests/unit/config/sample.yaml", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, sample, sizeof(sample) - 1);

    assert_true(got > 1000);
    (void)close(fd);
    sample[got] = '\0';
}

/* All readings of a group are of one sample. */
struct loaded {
    struct world world;
    struct rkd_settings s;
};

static int set_up(void **state)
{
    static struct loaded loaded;
    struct rkd_raw_error error;

    read_sample();
    world_open(&loaded.world);
    CHECK_ERR(world_read(&loaded.world, sample, "WEBSITE_AUTH_ENABLED=True", &loaded.s, &error),
              RK_OK, error.text);
    *state = &loaded;
    return 0;
}

static int tear_down(void **state)
{
    struct loaded *loaded = *state;

    rkd_settings_clear(&loaded->s);
    world_close(&loaded->world);
    return 0;
}

static void check_text(const struct rkd_raw_text *text, const char *want)
{
    CHECK_STR(text->text, rki_cstr(want), want);
    CHECK(text->at.line != 0 && text->at.column != 0 && text->at.file != NULL, want);
}

static void check_list(const struct rkd_raw_list *list, const char *const *want)
{
    size_t count = 0;

    CHECK(list->is_set && list->at.line != 0, want[0] == NULL ? "an empty list" : want[0]);
    for (; want[count] != NULL; count++) {
        CHECK(count < list->count, want[count]);
        check_text(&list->items[count], want[count]);
    }
    CHECK(list->count == count, "no more");
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EMPTY ((const char *const[]){NULL})

static const struct rkd_value *member(const struct rkd_value *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (rki_str_equal(map->members[i].key, rki_cstr(key)))
            return &map->members[i].value;
    fail_msg("no %s", key);
    return NULL;
}

/* What a sandbox has to leave readable: the file, and all that it names. */
static void test_files(void **state)
{
    static const char *const names[] = {"/roomkey.yaml", "/identity.key", "/audit.key",
                                        "/audit.jsonl"};
    const struct rkd_settings *s = &((struct loaded *)*state)->s;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct rkd_named_file *at = s->files;

        while (at != NULL && !rki_str_ends_with(at->path, rki_cstr(names[i])))
            at = at->next;
        CHECK(at != NULL && at->path.ptr[at->path.len] == '\0', names[i]);
    }
}

static void test_service(void **state)
{
    const struct rkd_settings *s = &((struct loaded *)*state)->s;

    CHECK(s->listen_count == 2 && s->listen[0].port == 7071 && !s->listen[1].addr.is_v4, "listen");
    CHECK(s->has_admin_listen && s->admin_listen.port == 9464, "admin_listen");
    CHECK(s->workers >= 1 && s->workers <= 4, "workers: auto");
    CHECK_STR(s->livekit_url, RK_STR("wss://media.example.org"), "url");
    CHECK_STR(s->livekit_api_url, RK_STR("http://livekit:7880"), "api_url");
    CHECK_STR(rk_key_name(s->active_key), RK_STR("APIkey"), "active_key");
    CHECK(s->anonymous == RKD_ANONYMOUS_REFUSE && !s->raw.anonymous_by_rules, "anonymous");
    CHECK(s->contracts == (RKD_CONTRACT_ORIGINAL | RKD_CONTRACT_STANDARD | RKD_CONTRACT_SANDBOX),
          "contracts");
    CHECK(s->endpoint_path_count == 0 && s->success_status == 200, "paths, status");
    CHECK(s->origin_count == 2 && s->origins[1].wildcard, "origins");
    CHECK(!s->cors_credentials && s->cors_max_age_s == 3600, "credentials, max_age");
    CHECK(s->trusted_count == 1 && s->trusted[0].prefix == 104 &&
              s->forward_header == RKD_FORWARD_XFF,
          "trusted_proxies");
    CHECK_STR(s->redis.url, RK_STR("redis://127.0.0.1:6379"), "redis");
    CHECK(s->redis.timeout_ms == 50, "redis");
    CHECK(s->log_level == RKD_LOG_INFO && s->log_format == RKD_LOG_JSON, "log");
    CHECK(rki_str_ends_with(s->audit.file, RK_STR("/audit.jsonl")) && s->audit.file.ptr[0] == '/',
          "audit.file");
    CHECK(!s->audit.is_required, "audit.required");
    CHECK_STR(s->audit.hash_key.bytes, RK_STR("audit-" KEY_40), "audit.hash_key_file");
    CHECK(!s->hardening_required, "hardening");
    CHECK_STR(s->raw.identity_hash_key.bytes, RK_STR("identity-" KEY_40), "identity_hash_key");
    CHECK(s->limits.per_address.burst == 60 && s->limits.failures_per_address.burst == 60 &&
              s->limits.per_caller.burst == 30 && s->limits.per_room.burst == 0,
          "rates");
    CHECK(s->limits.connections == 12000 && s->limits.connections_per_address == 512 &&
              s->limits.body_bytes == 65536 && s->limits.headers_bytes == 32768,
          "sizes");
    CHECK(s->limits.head_ms == 5000 && s->limits.body_ms == 10000 && s->limits.idle_ms == 60000 &&
              s->limits.write_ms == 10000,
          "times");
}

static void test_oidc(void **state)
{
    const struct rkd_raw_caller *c = &((struct loaded *)*state)->s.raw.callers[0];
    const struct rkd_raw_oidc *oidc = &c->oidc;

    check_text(&c->name, "staff");
    CHECK(c->kind == RKD_RAW_CALLER_OIDC && c->kind_at.line == oidc->at.line, "kind");
    check_text(&oidc->issuer, "https://login.example.org/");
    CHECK(oidc->issuer.at.column == 15, "where the value begins");
    check_list(&oidc->audience, LIST("roomkey"));
    CHECK_STR(member(&oidc->require, "token_use")->text, RK_STR("access"), "require");
    check_list(&oidc->algorithms, LIST("RS256", "ES256"));
    check_text(&oidc->jwks_uri, "https://login.example.org/keys");
    CHECK(oidc->discovery_url.text.ptr == NULL && oidc->hs256_secret.bytes.ptr == NULL, "absent");
    check_list(&oidc->tenants, EMPTY);
    check_list(&oidc->jwks_hosts, EMPTY);
    check_list(&oidc->allow_http, EMPTY);
    CHECK(oidc->clock_skew.is_set && oidc->clock_skew.ms == 60000, "clock_skew");
    CHECK(rki_str_ends_with(oidc->ca_file.text, RK_STR("/corporate-ca.pem")), "ca_file");
    CHECK(access(oidc->ca_file.text.ptr, R_OK) == 0, "a path with a NUL behind it");
    CHECK(oidc->fresh.ms == 600000 && oidc->cooldown.ms == 30000 && oidc->stale.ms == 86400000 &&
              oidc->timeout.ms == 3000,
          "jwks");
    check_text(&c->identity, "staff:{sub}");
    CHECK(!c->identity_is_hashed && !c->devices_many, "identity, devices");
    check_list(&c->display_name, LIST("{name}", "{preferred_username}"));
    CHECK_STR(member(&c->attributes, "team")->text, RK_STR("{org}"), "attributes");
    CHECK(c->metadata.kind == RKD_VALUE_STRING && c->metadata.text.len == 0, "metadata");
    CHECK(c->bind_to_caller_exp.is_set && !c->bind_to_caller_exp.value, "bind_to_caller_exp");
    CHECK(c->explain.is_set && !c->explain.value && !c->shares_identities.is_set, "explain");
}

static void test_other_callers(void **state)
{
    const struct rkd_raw *raw = &((struct loaded *)*state)->s.raw;
    const struct rkd_raw_caller *backend = &raw->callers[1], *portal = &raw->callers[2];
    const struct rkd_raw_api_key *key = backend->keys;

    CHECK(raw->caller_count == 3 && raw->callers_at.line != 0, "three");
    check_text(&backend->name, "backend");
    CHECK(backend->kind == RKD_RAW_CALLER_API_KEYS && backend->key_count == 1, "kind");
    check_text(&key->name, "tenant-1");
    CHECK(key->sha256[1] == 0x11 && key->sha256[31] == 0xff, "sha256");
    CHECK(strstr(key->sha256_at.file, "/api-keys.yaml") != NULL && key->sha256_at.line == 1 &&
              key->sha256_at.column == 21,
          "positions in that file");
    assert_int_equal(key->expires_s, 1798761600);
    CHECK_STR(member(&key->claims, "org")->text, RK_STR("acme"), "claims");
    CHECK(member(&key->claims, "seats")->kind == RKD_VALUE_NUMBER, "typed");
    check_text(&backend->identity, "{request.identity}");
    CHECK(backend->shares_identities.value, "shares_identities");
    check_text(&portal->name, "portal");
    CHECK(portal->kind == RKD_RAW_CALLER_EASY_AUTH && raw->is_easy_auth_on, "easy_auth");
    check_list(&portal->easy_auth_providers, LIST("aad"));
    check_text(&portal->identity, "portal:{sub}");
}

static void test_rules(void **state)
{
    const struct rkd_raw *raw = &((struct loaded *)*state)->s.raw;
    const struct rkd_raw_rule *rule = raw->rules;
    const struct rkd_value *helper = &raw->profiles[0].body;

    CHECK(raw->profile_count == 1, "one profile");
    check_text(&raw->profiles[0].name, "helper");
    CHECK(helper->count == 4 && member(helper, "canPublish")->boolean, "grants");
    CHECK(member(helper, "canPublishSources")->kind == RKD_VALUE_LIST, "sources");
    CHECK(raw->rule_count == 1 && raw->rules_at.line != 0, "one rule");
    check_text(&rule->id, "own-team");
    check_text(&rule->caller, "staff");
    CHECK_STR(member(&rule->when, "groups")->text, RK_STR("engineering"), "when");
    check_list(&rule->room, LIST("{org}__*"));
    check_text(&rule->default_room, "{org}__{random}");
    check_list(&rule->profile, LIST("speaker", "listener"));
    CHECK(rule->ttl.is_set && rule->ttl.ms == 600000 && rule->ttl.at.line != 0, "ttl");
    check_list(&rule->request_may_set, LIST("name", "metadata", "attributes.theme"));
    check_list(&rule->request_agents, LIST("greeter"));
    check_list(&rule->dispatch, LIST("notetaker"));
    CHECK(member(&rule->room_config, "max_participants")->kind == RKD_VALUE_NUMBER, "room_config");
    CHECK(rule->ask.is_set && rule->ask.timeout.ms == 2000, "ask");
    check_text(&rule->ask.url, "https://app.example.org/may-enter");
    CHECK_STR(rule->ask.secret.bytes, RK_STR("hook-" KEY_40), "CR LF cut");
    CHECK(raw->ceiling.ttl.ms == 6 * 3600 * 1000, "ceiling");
    check_list(&raw->ceiling.grants,
               LIST("roomJoin", "canPublish", "canSubscribe", "canPublishData", "canPublishSources",
                    "canUpdateOwnMetadata", "roomAdmin"));
}

static void test_warnings(void **state)
{
    struct loaded *loaded = *state;
    struct rkd_settings s;
    struct rkd_raw_error error;

    CHECK(loaded->s.warning_count == 1 && has_warning(&loaded->s, "not served yet"),
          "admin_listen alone");
    CHECK_ERR(world_read(&loaded->world, sample, NULL, &s, &error), RK_OK, error.text);
    CHECK(has_warning(&s, "this caller is off") && !s.raw.is_easy_auth_on,
          "no WEBSITE_AUTH_ENABLED");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&loaded->world, sample, "ROOMKEY_LISTEN=0.0.0.0:80", &s, &error), RK_OK,
              error.text);
    CHECK(!has_warning(&s, "no TLS"), "there is a proxy");
    rkd_settings_clear(&s);
    CHECK_ERR(world_read(&loaded->world,
                         "listen: 0.0.0.0:80\ncallers: [{ name: c, oidc: { issuer: i } }]\n"
                         "rules: [{ id: r, room: x }]\n",
                         NULL, &s, &error),
              RK_OK, error.text);
    CHECK(has_warning(&s, "no TLS"), "bearers in the clear");
    rkd_settings_clear(&s);
}

/* Every prefix that ends with a line is taken or refused; never more. */
static void test_prefixes(void **state)
{
    struct loaded *loaded = *state;

    for (size_t len = 0; len < strlen(sample); len++) {
        struct rkd_settings s;
        struct rkd_raw_error error;

        if (sample[len] != '\n')
            continue;
        if (world_read_str(&loaded->world, rki_str(sample, len), NULL, &s, &error) != RK_OK)
            CHECK(error.text[0] != '\0' && error.at.file != NULL, "says where");
        rkd_settings_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_oidc),     cmocka_unit_test(test_other_callers),
        cmocka_unit_test(test_rules),    cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_prefixes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
