/*
 * test_auth_compile.c - what is refused at load, and where the refusal points (CFG-01, D3, P1).
 */
#include "fixture.h"

struct config {
    struct rkd_raw raw;
    struct rkd_raw_caller callers[3];
    struct rkd_raw_text texts[8];
    struct rkd_value_member members[4];
    struct rkd_value items[2];
    struct rkd_raw_api_key keys[3];
};

static struct rkd_raw_text text_at(const char *text, unsigned line)
{
    return (struct rkd_raw_text){.text = rki_cstr(text), .at = {"t.yaml", line, 7}};
}

static struct rkd_raw_list one(struct config *c, size_t at, const char *text, unsigned line)
{
    c->texts[at] = text_at(text, line);
    return (struct rkd_raw_list){
        .items = &c->texts[at], .count = 1, .is_set = true, .at = {"t.yaml", line, 3}};
}

/* Two OIDC callers, a file of two keys, all good. */
static void make_good(struct config *c)
{
    *c = (struct config){.raw = {.caller_count = 3}};
    c->raw.callers = c->callers;
    for (size_t i = 0; i < 2; i++) {
        c->callers[i].kind = RKD_RAW_CALLER_OIDC;
        c->callers[i].oidc.at = (struct rkd_pos){"t.yaml", 90, 5};
    }
    c->callers[0].name = text_at("staff", 1);
    c->callers[1].name = text_at("guests", 2);
    c->callers[0].oidc.issuer = text_at("https://a.example/", 11);
    c->callers[1].oidc.issuer = text_at("https://b.example", 12);
    c->callers[0].oidc.audience = one(c, 0, "roomkey", 21);
    c->callers[1].oidc.audience = one(c, 1, "roomkey", 22);
    c->callers[2].name = text_at("backend", 3);
    c->callers[2].kind = RKD_RAW_CALLER_API_KEYS;
    c->callers[2].keys = c->keys;
    c->callers[2].key_count = 2;
    for (size_t i = 0; i < 3; i++) {
        c->keys[i].name = text_at(i == 0 ? "one" : i == 1 ? "two" : "three", 30);
        c->keys[i].sha256[31] = (uint8_t)i;
        c->keys[i].sha256_at = (struct rkd_pos){"keys.yaml", 40 + (unsigned)i, 9};
    }
}

static void require(struct config *c, const char *key, struct rkd_value value)
{
    value.at = (struct rkd_pos){"t.yaml", 51, 9};
    c->members[0] =
        (struct rkd_value_member){.key = rki_cstr(key), .at = {"t.yaml", 50, 9}, .value = value};
    c->callers[0].oidc.require = (struct rkd_value){
        .kind = RKD_VALUE_MAP, .at = {"t.yaml", 49, 9}, .members = c->members, .count = 1};
}

static void claims(struct config *c, const char *key, struct rkd_value value)
{
    value.at = (struct rkd_pos){"keys.yaml", 61, 9};
    c->members[0] =
        (struct rkd_value_member){.key = rki_cstr(key), .at = {"keys.yaml", 60, 9}, .value = value};
    c->keys[1].claims =
        (struct rkd_value){.kind = RKD_VALUE_MAP, .members = c->members, .count = 1};
}

#define STRING(s) ((struct rkd_value){.kind = RKD_VALUE_STRING, .text = RK_STR_INIT(s)})
static const char secret_31[] = "0123456789abcdef0123456789abcde";
static const char livekit_secret[] = "livekit0123456789abcdef0123456789";

static bool is_livekit_secret(void *ctx, struct rk_str secret)
{
    (void)ctx;
    return rki_str_equal(secret, rki_cstr(livekit_secret));
}

/* Changes one thing. */
static void change(struct config *c, int what)
{
    struct rkd_raw_oidc *oidc = &c->callers[0].oidc;

    switch (what) {
    case 0:
        oidc->issuer.text = rki_str(NULL, 0);
        break;
    case 1:
        oidc->issuer.text = RK_STR("http://a.example/");
        break;
    case 2:
        oidc->issuer.text = RK_STR("https://a.example/?q");
        break;
    case 3:
        oidc->issuer.text = RK_STR("https://u@a.example/");
        break;
    case 4:
        oidc->issuer.text = RK_STR("a.example");
        break;
    case 5:
        c->callers[1].oidc.issuer.text = RK_STR("https://a.example/");
        break;
    case 6:
        oidc->audience = (struct rkd_raw_list){.count = 0};
        break;
    case 7:
        oidc->audience = (struct rkd_raw_list){.is_set = true, .at = {"t.yaml", 21, 3}};
        break;
    case 8:
        oidc->audience = one(c, 2, "", 23);
        break;
    case 9:
        oidc->algorithms = one(c, 2, "none", 24);
        break;
    case 10:
        oidc->algorithms = one(c, 2, "HS256", 24);
        break;
    case 11:
        oidc->algorithms = one(c, 2, "RS256", 24);
        c->texts[3] = text_at("HS256", 25);
        oidc->algorithms.count = 2;
        oidc->hs256_secret.bytes = RK_STR("0123456789abcdef0123456789abcdef");
        break;
    case 12:
        oidc->hs256_secret.bytes = rki_cstr(secret_31);
        oidc->hs256_secret.at = (struct rkd_pos){"t.yaml", 26, 3};
        break;
    case 13:
        oidc->hs256_secret.bytes = rki_cstr(livekit_secret);
        oidc->hs256_secret.at = (struct rkd_pos){"t.yaml", 26, 3};
        break;
    case 14:
        oidc->hs256_secret.bytes = RK_STR("0123456789abcdef0123456789abcdef");
        oidc->jwks_uri = text_at("https://a.example/k", 27);
        break;
    case 15:
        oidc->jwks_uri = text_at("http://a.example/k", 27);
        break;
    case 16:
        oidc->discovery_url = text_at("https://a.example/#d", 28);
        break;
    case 17:
        oidc->clock_skew = (struct rkd_raw_time){301000, true, {"t.yaml", 29, 3}};
        break;
    case 18:
        oidc->jwks_hosts = one(c, 2, "https://a.example/path", 31);
        break;
    case 19:
        oidc->cooldown = (struct rkd_raw_time){0, true, {"t.yaml", 32, 3}};
        break;
    case 20:
        oidc->issuer = text_at("https://login.example/{tenantid}/v2.0", 11);
        break;
    case 21:
        oidc->issuer = text_at("https://login.example/{tenantid}/v2.0", 11);
        oidc->tenants = one(c, 2, "11111111-2222-3333-4444-555555555555", 33);
        break;
    case 22:
        oidc->tenants = one(c, 2, "11111111-2222-3333-4444-55555555555A", 33);
        break;
    case 23:
        oidc->issuer = text_at("https://login.example/{tenantid}/v2.0", 11);
        oidc->jwks_uri = text_at("https://login.example/k", 27);
        oidc->tenants = one(c, 2, "11111111-2222-3333-4444-555555555555", 33);
        c->callers[1].oidc.issuer =
            text_at("https://login.example/11111111-2222-3333-4444-555555555555/v2.0", 12);
        break;
    case 24:
        require(c, "azp", (struct rkd_value){.kind = RKD_VALUE_MAP});
        break;
    case 25:
        require(c, "azp", (struct rkd_value){.kind = RKD_VALUE_LIST});
        break;
    case 26:
        require(c, "/a~2", STRING("x"));
        break;
    case 27:
        c->callers[1].name.text = RK_STR("staff");
        break;
    case 28:
        c->callers[1].name.text = RK_STR("anonymous");
        break;
    case 29:
        c->callers[1].name.text = RK_STR("a\nb");
        break;
    case 30:
        c->keys[1].sha256[31] = 0;
        break;
    case 31:
        claims(c, "sub", STRING("x"));
        break;
    case 32:
        claims(c, "org", (struct rkd_value){.kind = RKD_VALUE_NONE});
        break;
    case 33:
        c->keys[0].name.text = RK_STR("a\x01");
        break;
    case 34:
        c->callers[2].kind = RKD_RAW_CALLER_EASY_AUTH;
        c->callers[2].key_count = 0;
        c->callers[2].kind_at = (struct rkd_pos){"t.yaml", 70, 3};
        break;
    case 35:
        c->callers[2].kind = RKD_RAW_CALLER_NONE;
        c->callers[2].key_count = 0;
        c->callers[2].at = (struct rkd_pos){"t.yaml", 71, 3};
        break;
    case 36:
        oidc->algorithms = one(c, 2, "HS256", 24);
        oidc->hs256_secret.bytes = RK_STR("0123456789abcdef0123456789abcdef");
        oidc->discovery_url = text_at("https://a.example/d", 28);
        break;
    case 37:
        oidc->algorithms = (struct rkd_raw_list){.is_set = true, .at = {"t.yaml", 24, 3}};
        break;
    case 38:
        oidc->issuer = text_at("https://login.example/{other}/v2.0", 11);
        break;
    case 39:
        claims(c, "org", STRING("a\0b"));
        break;
    case 40:
        oidc->issuer = text_at("https://login.example/{tenantid}/{tenantid}", 11);
        break;
    case 41:
        oidc->issuer = text_at("https://login.example/a}b", 11);
        break;
    case 42:
    case 43:
        c->callers[1].kind = c->callers[2].kind = RKD_RAW_CALLER_EASY_AUTH;
        c->callers[2].key_count = 0;
        c->callers[1].easy_auth_providers = one(c, 5, "aad", 71);
        c->callers[2].easy_auth_providers = one(c, 6, what == 42 ? "aad" : "", 72);
        break;
    case 44:
        c->callers[2].kind = RKD_RAW_CALLER_ENTRA;
        c->callers[2].key_count = 0;
        c->callers[2].at = (struct rkd_pos){"t.yaml", 73, 3};
        break;
    default:
        break;
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *why, *key;
        unsigned line;
    } rows[] = {
        {"no issuer", "oidc.issuer", 90},
        {"CFG-01 issuer http", "oidc.issuer", 11},
        {"a query", "oidc.issuer", 11},
        {"a user", "oidc.issuer", 11},
        {"no URL", "oidc.issuer", 11},
        {"CFG-01 issuer twice (D3)", "oidc.issuer", 12},
        {"CFG-01 no audience", "oidc.audience", 90},
        {"an empty list of audiences", "oidc.audience", 21},
        {"an empty audience", "oidc.audience", 23},
        {"CFG-01 none", "oidc.algorithms", 24},
        {"HS256 without its secret", "oidc.algorithms", 24},
        {"CFG-01 HS256 beside RS256", "oidc.algorithms", 24},
        {"CFG-01 a short secret", "oidc.hs256_secret_file", 26},
        {"CFG-01 the LiveKit secret", "oidc.hs256_secret_file", 26},
        {"a secret and keys", "oidc.jwks_uri", 27},
        {"http keys", "oidc.jwks_uri", 27},
        {"a fragment", "oidc.discovery_url", 28},
        {"CFG-01 skew over 300", "oidc.clock_skew", 29},
        {"a path in an origin", "oidc.jwks_hosts", 31},
        {"no cool-down", "oidc.jwks.cooldown", 32},
        {"a template without tenants", "oidc.issuer", 11},
        {"a template without an address", "oidc.issuer", 11},
        {"a tenant in capitals", "oidc.tenants", 33},
        {"a tenant that another caller has", "oidc.issuer", 12},
        {"require: a map", "oidc.require", 51},
        {"require: an empty list", "oidc.require", 51},
        {"require: no pointer", "oidc.require", 50},
        {"a name twice", "callers.name", 2},
        {"anonymous", "callers.name", 2},
        {"a name with a line break", "callers.name", 2},
        {"a hash twice (D3)", "sha256", 41},
        {"sub in claims (D3)", "claims.sub", 60},
        {"null in claims", "claims", 61},
        {"a key's name", "api_keys_file", 30},
        {"no providers", "easy_auth.providers", 70},
        {"no kind", "callers", 71},
        {"a secret and discovery", "oidc.discovery_url", 28},
        {"no algorithms", "oidc.algorithms", 24},
        {"another placeholder", "oidc.issuer", 11},
        {"U+0000 in claims", "claims", 61},
        {"a placeholder twice", "oidc.issuer", 11},
        {"a brace alone", "oidc.issuer", 11},
        {"a provider in two callers", "easy_auth.providers", 72},
        {"no provider's name", "easy_auth.providers", 72},
        {"the variables beside callers", "callers", 73},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct rkd_raw_error error = {.key = ""};
        struct rkd_auth *auth = NULL;

        make_good(&c);
        change(&c, (int)i);
        CHECK_ERR(rkd_auth_compile(&c.raw, is_livekit_secret, NULL, &auth, &error), RK_E_INVAL,
                  rows[i].why);
        CHECK(auth == NULL && error.text[0] != '\0', rows[i].why);
        if (strcmp(error.key, rows[i].key) != 0 || error.at.line != rows[i].line)
            fail_msg("%s: %s at line %u", rows[i].why, error.key, error.at.line);
    }
}

static void test_loads(void **state)
{
    struct config c;
    struct rkd_raw_error error = {.key = ""};
    struct rkd_auth *auth = NULL;
    const struct rkd_keyset_spec *spec;

    (void)state;
    make_good(&c);
    claims(&c, "org", STRING("acme"));
    CHECK_ERR(rkd_auth_compile(&c.raw, is_livekit_secret, NULL, &auth, &error), RK_OK, error.text);
    CHECK(rkd_auth_takes_bearer(auth) && rkd_auth_keyset_count(auth) == 2, "two sets");
    spec = rkd_auth_keyset_at(auth, 0);
    CHECK_STR(spec->caller, RK_STR("staff"), "whose");
    CHECK_STR(spec->discovery_url, RK_STR("https://a.example/.well-known/openid-configuration"),
              "one slash is cut");
    CHECK(spec->jwks_uri.ptr == NULL, "by discovery");
    CHECK(spec->fresh_ms == 600000 && spec->cooldown_ms == 30000 && spec->stale_ms == 86400000 &&
              spec->timeout_ms == 3000,
          "defaults");
    CHECK_STR(rkd_auth_keyset_at(auth, 1)->discovery_url,
              RK_STR("https://b.example/.well-known/openid-configuration"), "no slash to cut");
    CHECK(rkd_auth_keyset_at(auth, 2) == NULL, "no more");
    rkd_auth_free(auth);
    /* allow_http opens http for issuer and addresses; azp replaces the audience */
    c.callers[0].oidc.issuer.text = RK_STR("http://idp:8080/realms/r");
    c.callers[0].oidc.jwks_uri = text_at("http://idp:8080/keys", 27);
    c.callers[0].oidc.allow_http = one(&c, 4, "idp", 34);
    c.callers[0].oidc.audience = (struct rkd_raw_list){.count = 0};
    require(&c, "azp", STRING("app"));
    c.keys[1].claims = (struct rkd_value){.kind = RKD_VALUE_NONE};
    CHECK_ERR(rkd_auth_compile(&c.raw, is_livekit_secret, NULL, &auth, &error), RK_OK, error.text);
    spec = rkd_auth_keyset_at(auth, 0);
    CHECK(spec->discovery_url.ptr == NULL, "never both absent, here not needed");
    CHECK_STR(spec->jwks_uri, RK_STR("http://idp:8080/keys"), "as configured");
    CHECK(rkd_keyset_url_is_allowed(spec, RK_STR("http://idp:8080/keys")), "allowed");
    CHECK(!rkd_keyset_url_is_allowed(spec, RK_STR("http://b.example/keys")), "not allowed");
    rkd_auth_free(auth);
}

static void test_nothing(void **state)
{
    const struct rkd_raw raw = {.caller_count = 0};
    struct rkd_auth *auth = NULL;
    struct rkd_raw_error error;

    (void)state;
    CHECK_ERR(rkd_auth_compile(&raw, NULL, NULL, &auth, &error), RK_OK, "no callers");
    CHECK(auth == NULL, "nothing");
    CHECK(!rkd_auth_takes_bearer(NULL) && rkd_auth_keyset_count(NULL) == 0, "NULL");
    rkd_auth_warn(NULL, NULL, NULL);
    rkd_auth_free(NULL);
    rkd_keyset_unref(NULL);
    rkd_verifier_free(NULL);
    CHECK(rkd_keyset_ref(NULL) == NULL, "NULL gives NULL");
}

static void count_warning(void *ctx, struct rkd_pos at, const char *key, struct rk_str name,
                          const char *text)
{
    (void)at;
    (void)name;
    CHECK(key[0] != '\0' && text[0] != '\0', "says something");
    ++*(size_t *)ctx;
}

static void test_warnings(void **state)
{
    struct config c;
    struct rkd_raw_error error;
    struct rkd_auth *auth = NULL;
    size_t count = 0;

    (void)state;
    make_good(&c);
    CHECK_ERR(rkd_auth_compile(&c.raw, NULL, NULL, &auth, &error), RK_OK, "good");
    rkd_auth_warn(auth, count_warning, &count);
    CHECK(count == 0, "nothing to say");
    rkd_auth_free(auth);
    c.callers[0].oidc.hs256_secret.bytes = RK_STR("0123456789abcdef0123456789abcdef");
    c.callers[1].oidc.allow_http = one(&c, 4, "idp", 34);
    c.callers[2].kind = RKD_RAW_CALLER_EASY_AUTH;
    c.callers[2].key_count = 0;
    c.callers[2].easy_auth_providers = one(&c, 5, "aad", 35);
    CHECK_ERR(rkd_auth_compile(&c.raw, NULL, NULL, &auth, &error), RK_OK, error.text);
    rkd_auth_warn(auth, count_warning, &count);
    CHECK(count == 1, "http; what files and the environment say, config warns about");
    rkd_auth_free(auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_loads),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
