/*
 * test_auth_claims.c - CLM-01 to CLM-22 of the rule book as far as issuer, audience, `require` and
 * `tenants` say them, and what is charged (semantics H19). CLM-23 is policy's.
 */
#include "fixture.h"

#define HEAD RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}")
#define TENANT "11111111-2222-3333-4444-555555555555"
#define SECOND "aaaaaaaa-2222-3333-4444-555555555555"
#define MSA "9188040d-6c67-4c5b-b112-36a304b66dad"

static struct fx *fx;

static int set_up(void **state)
{
    (void)state;
    fx = fx_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fx_free(fx);
    return 0;
}

static void expect(const char *payload, const char *reason, const char *why)
{
    fx_expect(fx, jwt_make(fx->keys[FX_RSA], "RS256", HEAD, rki_cstr(payload)), reason, why);
}

static void test_table(void **state)
{
    static const struct {
        const char *why, *payload, *reason;
    } rows[] = {
        {"CLM-01 absent", "{" ISS AUD SUB "}", "jwt.exp-absent"},
        {"CLM-01 string", "{" ISS AUD SUB ",\"exp\":\"2000003600\"}", "jwt.exp-type"},
        {"CLM-01 null", "{" ISS AUD SUB ",\"exp\":null}", "jwt.exp-type"},
        {"CLM-01 true", "{" ISS AUD SUB ",\"exp\":true}", "jwt.exp-type"},
        {"CLM-01 array", "{" ISS AUD SUB ",\"exp\":[2000003600]}", "jwt.exp-type"},
        {"CLM-01 object", "{" ISS AUD SUB ",\"exp\":{}}", "jwt.exp-type"},
        {"CLM-01 0", "{" ISS AUD SUB ",\"exp\":0}", "jwt.exp"},
        {"CLM-01 -1", "{" ISS AUD SUB ",\"exp\":-1}", "jwt.exp-type"},
        {"CLM-01 1e999", "{" ISS AUD SUB ",\"exp\":1e999}", "jwt.form"},
        {"CLM-02 an hour", "{" ISS AUD SUB ",\"exp\":1999996400}", "jwt.exp"},
        {"CLM-02 skew + 30", "{" ISS AUD SUB ",\"exp\":1999999910}", "jwt.exp"},
        {"the skew itself", "{" ISS AUD SUB ",\"exp\":1999999940}", "jwt.exp"},
        {"a second less", "{" ISS AUD SUB ",\"exp\":1999999941}", NULL},
        {"CLM-03", "{" ISS AUD SUB ",\"exp\":1999999995}", NULL},
        {"a fraction", "{" ISS AUD SUB ",\"exp\":2000003600.5}", NULL},
        {"CLM-04 2^63", "{" ISS AUD SUB ",\"exp\":9223372036854775808}", "jwt.exp-type"},
        {"CLM-04 2^53", "{" ISS AUD SUB ",\"exp\":9007199254740992}", "jwt.exp-type"},
        {"CLM-04 1e308", "{" ISS AUD SUB ",\"exp\":1e308}", "jwt.exp-type"},
        {"CLM-04 wrapped", "{" ISS AUD SUB ",\"exp\":-2294967296}", "jwt.exp-type"},
        {"CLM-05 nbf", "{" ISS AUD SUB EXP ",\"nbf\":2000003600}", "jwt.nbf"},
        {"CLM-05 string", "{" ISS AUD SUB EXP ",\"nbf\":\"1\"}", "jwt.nbf-type"},
        {"nbf in the skew", "{" ISS AUD SUB EXP ",\"nbf\":2000000060}", NULL},
        {"nbf a second more", "{" ISS AUD SUB EXP ",\"nbf\":2000000061}", "jwt.nbf"},
        {"CLM-06 iat", "{" ISS AUD SUB EXP ",\"iat\":2000003600}", "jwt.iat"},
        {"CLM-06 string", "{" ISS AUD SUB EXP ",\"iat\":\"1\"}", "jwt.iat-type"},
        {"iat", "{" ISS AUD SUB EXP ",\"iat\":1999999999}", NULL},
        {"CLM-07 absent", "{\"sub\":\"alice\"" AUD EXP "}", "jwt.iss"},
        {"CLM-07 other", "{\"iss\":\"https://evil.example/\"" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 slash", "{\"iss\":\"https://login.example.org\"" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 slash", "{\"iss\":\"" ISSUER "/\"" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 capitals", "{\"iss\":\"https://LOGIN.example.org/\"" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 prefix", "{\"iss\":\"https://login.example.org.evil/\"" AUD SUB EXP "}",
         "jwt.iss"},
        {"CLM-07 piece", "{\"iss\":\"login.example.org/\"" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 array", "{\"iss\":[\"" ISSUER "\"]" AUD SUB EXP "}", "jwt.iss"},
        {"CLM-07 NUL", "{\"iss\":\"" ISSUER "\\u0000\"" AUD SUB EXP "}", "jwt.form"},
        {"CLM-08", "{\"iss\":\"https://other.example.org\"" AUD SUB EXP "}", "jwt.kid"},
        {"CLM-10 absent", "{" ISS SUB EXP "}", "jwt.aud"},
        {"CLM-10 other", "{" ISS ",\"aud\":\"x\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 empty", "{" ISS ",\"aud\":\"\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 []", "{" ISS ",\"aud\":[]" SUB EXP "}", "jwt.aud"},
        {"CLM-10 null", "{" ISS ",\"aud\":null" SUB EXP "}", "jwt.aud"},
        {"CLM-10 number", "{" ISS ",\"aud\":1" SUB EXP "}", "jwt.aud"},
        {"CLM-10 object", "{" ISS ",\"aud\":{\"roomkey\":1}" SUB EXP "}", "jwt.aud"},
        {"CLM-10 *", "{" ISS ",\"aud\":\"*\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 prefix", "{" ISS ",\"aud\":\"roomkeyx\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 piece", "{" ISS ",\"aud\":\"room\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 case", "{" ISS ",\"aud\":\"Roomkey\"" SUB EXP "}", "jwt.aud"},
        {"CLM-10 list", "{" ISS ",\"aud\":\"x roomkey\"" SUB EXP "}", "jwt.aud"},
        {"a member that is no string", "{" ISS ",\"aud\":[\"roomkey\",1]" SUB EXP "}", "jwt.aud"},
        {"CLM-11", "{" ISS ",\"aud\":[\"https://x/userinfo\",\"roomkey\"]" SUB EXP "}", NULL},
        {"CLM-12", "{" ISS ",\"azp\":\"roomkey\"" SUB EXP "}", "jwt.aud"},
        {"CLM-14 absent", "{" ISS AUD EXP "}", "jwt.sub"},
        {"CLM-14 empty", "{" ISS AUD ",\"sub\":\"\"" EXP "}", "jwt.sub"},
        {"CLM-14 null", "{" ISS AUD ",\"sub\":null" EXP "}", "jwt.sub"},
        {"CLM-14 42", "{" ISS AUD ",\"sub\":42" EXP "}", "jwt.sub"},
        {"CLM-14 array", "{" ISS AUD ",\"sub\":[\"alice\"]" EXP "}", "jwt.sub"},
        {"CLM-14 CR LF", "{" ISS AUD ",\"sub\":\"a\\r\\nb\"" EXP "}", "jwt.sub"},
        {"C1", "{" ISS AUD ",\"sub\":\"a\\u0085b\"" EXP "}", "jwt.sub"},
        {"bidi", "{" ISS AUD ",\"sub\":\"a\\u202eb\"" EXP "}", "jwt.sub"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].payload, rows[i].reason, rows[i].why);
}

static void test_long_subject(void **state)
{
    static char payload[4096];

    (void)state;
    for (size_t len = 255; len <= 258; len++) {
        struct rki_buf buf = rki_buf_over(payload, sizeof(payload));

        rki_buf_lit(&buf, "{" ISS AUD EXP ",\"sub\":\"");
        for (size_t i = 0; i < (len == 258 ? 3000 : len); i++)
            rki_buf_char(&buf, 'a');
        rki_buf_lit(&buf, "\"}");
        rki_buf_char(&buf, '\0');
        expect(payload, len <= 256 ? NULL : "jwt.sub", "CLM-14 length");
    }
}

/* H19: a stranger's try is charged, a good signature in the wrong place is not. */
static void test_charged(void **state)
{
    static const struct {
        const char *payload;
        bool is_evil, is_charged;
    } rows[] = {
        {"{" ISS AUD SUB ",\"exp\":1}", false, false},
        {"{" ISS ",\"aud\":\"x\"" SUB EXP "}", false, false},
        {"{" ISS AUD EXP "}", false, false},
        {"{" ISS AUD SUB ",\"exp\":1}", true, true}, /* expired too, but the signature goes first */
        {CLAIMS, true, true},
        {"{\"iss\":\"https://evil.example/\"" AUD SUB EXP "}", false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_auth_out out;
        char *token = jwt_make(fx->keys[rows[i].is_evil ? FX_EVIL : FX_RSA], "RS256", HEAD,
                               rki_cstr(rows[i].payload));

        CHECK(fx_bearer(fx, rki_cstr(token), NULL, &out) == RKD_AUTH_REFUSED, "refused");
        CHECK(out.is_charged == rows[i].is_charged, rows[i].payload);
        free(token);
    }
}

/* What is asked for, and what never is (s.1.5). */
static void test_waiting(void **state)
{
    static const struct {
        const char *why, *header, *payload;
        enum rkd_auth_verdict with_set, without_set;
    } rows[] = {
        {"an unknown kid", "{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS, RKD_AUTH_WAIT,
         RKD_AUTH_WAIT},
        {"a known one", "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, RKD_AUTH_OK, RKD_AUTH_WAIT},
        {"a key of another kind", "{\"alg\":\"RS256\",\"kid\":\"ec\"}", CLAIMS, RKD_AUTH_REFUSED,
         RKD_AUTH_WAIT},
        {"an unknown issuer", "{\"alg\":\"RS256\",\"kid\":\"new\"}",
         "{\"iss\":\"https://evil.example/\"" AUD SUB EXP "}", RKD_AUTH_REFUSED, RKD_AUTH_REFUSED},
        {"another algorithm", "{\"alg\":\"HS256\",\"kid\":\"new\"}", CLAIMS, RKD_AUTH_REFUSED,
         RKD_AUTH_REFUSED},
        {"malformed", "{\"alg\":\"RS256\",\"kid\":\"new\"", CLAIMS, RKD_AUTH_REFUSED,
         RKD_AUTH_REFUSED},
    };
    struct rkd_keyset *set = fx->sets[0];
    struct rkd_auth_out out;

    (void)state;
    fx->may_wait = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *token = jwt_make(fx->keys[FX_RSA], "RS256", rki_cstr(rows[i].header),
                               rki_cstr(rows[i].payload));
        enum rkd_auth_verdict verdict;

        CHECK(fx_bearer(fx, rki_cstr(token), NULL, &out) == rows[i].with_set, rows[i].why);
        fx->sets[0] = NULL;
        verdict = fx_bearer(fx, rki_cstr(token), NULL, &out);
        CHECK(verdict == rows[i].without_set, rows[i].why);
        CHECK(verdict != RKD_AUTH_WAIT || (out.keyset == 0 && !out.is_charged), "which set");
        fx->may_wait = false;
        verdict = fx_bearer(fx, rki_cstr(token), NULL, &out);
        CHECK(verdict == RKD_AUTH_REFUSED, "nobody may wait");
        CHECK(out.err ==
                  (rows[i].without_set == RKD_AUTH_WAIT ? RKD_E_UNAVAILABLE : RKD_E_INVALID_TOKEN),
              rows[i].why);
        fx->may_wait = true;
        fx->sets[0] = set;
        free(token);
    }
    fx->may_wait = false;
}

/* ---- require, tenants, HS256: other callers ---- */

/* One more issuer with FX_RSA's set, with these requirements. */
static struct fx *with_require(struct rkd_value_member *members, size_t count, bool has_audience)
{
    struct fx *own = fx_new();

    own->raw.caller_count = 1;
    if (!has_audience)
        own->callers[0].oidc.audience = (struct rkd_raw_list){.count = 0};
    own->callers[0].oidc.require =
        (struct rkd_value){.kind = RKD_VALUE_MAP, .members = members, .count = count};
    fx_compile(own);
    return own;
}

static struct rkd_value text_value(const char *text)
{
    return (struct rkd_value){.kind = RKD_VALUE_STRING, .text = rki_cstr(text)};
}

static void test_require(void **state)
{
    struct rkd_value any[] = {text_value("app"), text_value("web")};
    struct rkd_value_member members[] = {
        {.key = RK_STR("azp"), .value = {.kind = RKD_VALUE_LIST, .items = any, .count = 2}},
        {.key = RK_STR("typ"), .value = text_value("Bearer")},
        {.key = RK_STR("level"), .value = {.kind = RKD_VALUE_NUMBER, .number = 2}},
        {.key = RK_STR("ok"), .value = {.kind = RKD_VALUE_BOOL, .boolean = true}},
        {.key = RK_STR("/fire/base~1x/0"), .value = text_value("y")},
        {.key = RK_STR("scope"), .value = text_value("room:join")},
    };
    static const struct {
        const char *why, *claims, *reason;
    } rows[] = {
        {"all hold",
         "\"azp\":\"web\",\"typ\":\"Bearer\",\"level\":2.0,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"a room:join\"",
         NULL},
        {"a list",
         "\"azp\":[\"x\",\"app\"],\"typ\":\"Bearer\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":[\"room:join\"]",
         NULL},
        {"CLM-13 absent",
         "\"typ\":\"Bearer\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"CLM-13, CLM-19 foreign",
         "\"azp\":\"other\",\"typ\":\"Bearer\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"CLM-17 ID token",
         "\"azp\":\"app\",\"typ\":\"ID\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"CLM-17 refresh token",
         "\"azp\":\"app\",\"typ\":\"Refresh\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"typed",
         "\"azp\":\"app\",\"typ\":\"Bearer\",\"level\":\"2\",\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"typed",
         "\"azp\":\"app\",\"typ\":\"Bearer\",\"level\":2,\"ok\":1,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:join\"",
         "jwt.require"},
        {"a path that ends",
         "\"azp\":\"app\",\"typ\":\"Bearer\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":\"y\"},\"scope\":\"room:join\"",
         "jwt.require"},
        {"a piece of a scope",
         "\"azp\":\"app\",\"typ\":\"Bearer\",\"level\":2,\"ok\":true,\"fire\":{\"base/"
         "x\":[\"y\"]},\"scope\":\"room:joiner\"",
         "jwt.require"},
    };
    struct fx *own = with_require(members, ARRAY_LEN(members), false);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char payload[512];
        struct rki_buf buf = rki_buf_over(payload, sizeof(payload));

        rki_buf_lit(&buf, "{" ISS SUB EXP ",");
        rki_buf_put(&buf, rki_cstr(rows[i].claims));
        rki_buf_lit(&buf, "}");
        CHECK(!buf.overflow, "room");
        fx_expect(own, jwt_make(own->keys[FX_RSA], "RS256", HEAD, rki_buf_str(&buf)),
                  rows[i].reason, rows[i].why);
    }
    fx_free(own);
}

/* The same key, another project: the issuer and the audience are the only wall (CLM-18, 20, 21). */
static void test_providers(void **state)
{
    struct rkd_value_member cognito[] = {
        {.key = RK_STR("client_id"), .value = text_value("app")},
        {.key = RK_STR("token_use"), .value = text_value("access")},
    };
    struct rkd_value_member supabase[] = {
        {.key = RK_STR("role"), .value = text_value("authenticated")},
        {.key = RK_STR("is_anonymous"), .value = {.kind = RKD_VALUE_BOOL, .boolean = false}},
    };
    struct fx *own = with_require(cognito, 2, false);

    (void)state;
    fx_expect(own,
              jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                       RK_STR("{" ISS SUB EXP ",\"client_id\":\"app\",\"token_use\":\"access\"}")),
              NULL, "CLM-18");
    fx_expect(own,
              jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                       RK_STR("{" ISS SUB EXP ",\"client_id\":\"app\",\"token_use\":\"id\"}")),
              "jwt.require", "CLM-18 id");
    fx_expect(
        own,
        jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                 RK_STR("{" ISS SUB EXP ",\"client_id\":\"other\",\"token_use\":\"access\"}")),
        "jwt.require", "CLM-18 client");
    fx_free(own);
    own = with_require(supabase, 2, true);
    fx_expect(
        own,
        jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                 RK_STR("{" ISS AUD SUB EXP ",\"role\":\"authenticated\",\"is_anonymous\":false}")),
        NULL, "CLM-21");
    fx_expect(own,
              jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                       RK_STR("{" ISS AUD SUB EXP ",\"role\":\"anon\",\"is_anonymous\":false}")),
              "jwt.require", "CLM-21 anon");
    fx_expect(
        own,
        jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                 RK_STR("{" ISS AUD SUB EXP ",\"role\":\"service_role\",\"is_anonymous\":false}")),
        "jwt.require", "CLM-21 service");
    fx_expect(
        own,
        jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                 RK_STR("{" ISS AUD SUB EXP ",\"role\":\"authenticated\",\"is_anonymous\":true}")),
        "jwt.require", "CLM-21 anonymous");
    fx_expect(own,
              jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                       RK_STR("{\"iss\":\"https://securetoken.google.com/other\"" AUD SUB EXP "}")),
              "jwt.iss", "CLM-20 other project");
    fx_expect(own, jwt_join(RK_STR("{\"alg\":\"none\"}"), RK_STR(CLAIMS), RK_STR("")), "jwt.alg",
              "CLM-20 emulator");
    fx_free(own);
}

static void test_google(void **state)
{
    struct rkd_value_member hd[] = {{.key = RK_STR("hd"), .value = text_value("example.org")}};
    struct fx *own = with_require(hd, 1, true);

    (void)state;
    own->callers[0].oidc.issuer = fx_text("https://accounts.google.com");
    fx_compile(own);
    fx_expect(
        own,
        jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                 RK_STR("{\"iss\":\"accounts.google.com\",\"hd\":\"example.org\"" AUD SUB EXP "}")),
        NULL, "CLM-22");
    fx_expect(
        own,
        jwt_make(
            own->keys[FX_RSA], "RS256", HEAD,
            RK_STR("{\"iss\":\"https://accounts.google.com\",\"hd\":\"example.org\"" AUD SUB EXP
                   "}")),
        NULL, "CLM-22");
    fx_expect(own,
              jwt_make(own->keys[FX_RSA], "RS256", HEAD,
                       RK_STR("{\"iss\":\"accounts.google.com\",\"hd\":\"evil.example\"" AUD SUB EXP
                              "}")),
              "jwt.require", "CLM-22 hd");
    fx_free(own);
}

#define ENTRA(tid) "\"iss\":\"https://login.microsoftonline.com/" tid "/v2.0\""

static void test_tenants(void **state)
{
    static const struct {
        const char *why, *kid, *claims, *reason;
    } rows[] = {
        {"good", "all", ENTRA(TENANT) ",\"tid\":\"" TENANT "\"", NULL},
        {"its own key", "own", ENTRA(TENANT) ",\"tid\":\"" TENANT "\"", NULL},
        {"CLM-15 tid is another", "all", ENTRA(TENANT) ",\"tid\":\"" MSA "\"", "jwt.tid"},
        {"CLM-15 tid is another that is listed", "own", ENTRA(TENANT) ",\"tid\":\"" SECOND "\"",
         "jwt.tid"},
        {"the second", "all", ENTRA(SECOND) ",\"tid\":\"" SECOND "\"", NULL},
        {"CLM-15 tid absent", "all", ENTRA(TENANT), "jwt.tid"},
        {"CLM-15 tid is no GUID", "all", ENTRA("evil") ",\"tid\":\"evil\"", "jwt.iss"},
        {"CLM-15 not listed", "all", ENTRA(MSA) ",\"tid\":\"" MSA "\"", "jwt.iss"},
        {"CLM-15 the key is another tenant's", "msa", ENTRA(TENANT) ",\"tid\":\"" TENANT "\"",
         "jwt.tid"},
        {"a key without an issuer", "rsa", ENTRA(TENANT) ",\"tid\":\"" TENANT "\"", "jwt.tid"},
        {"CLM-16 a v1 token", "all",
         "\"iss\":\"https://sts.windows.net/" TENANT "/\",\"tid\":\"" TENANT "\"", "jwt.iss"},
    };
    struct fx *own = fx_new();
    static char room[8192];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    (void)state;
    rki_buf_lit(&buf, "{\"keys\":[");
    jwt_key_put(own->keys[FX_RSA],
                "\"kid\":\"all\",\"issuer\":\"https://login.microsoftonline.com/{tenantid}/v2.0\"",
                &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(own->keys[FX_RSA],
                "\"kid\":\"own\",\"issuer\":\"https://login.microsoftonline.com/" TENANT "/v2.0\"",
                &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(own->keys[FX_RSA],
                "\"kid\":\"msa\",\"issuer\":\"https://login.microsoftonline.com/" MSA "/v2.0\"",
                &buf);
    rki_buf_lit(&buf, ",");
    jwt_key_put(own->keys[FX_RSA], "\"kid\":\"rsa\"", &buf);
    rki_buf_lit(&buf, "]}");
    rkd_keyset_unref(own->sets[0]);
    own->sets[0] = fx_parse(rki_buf_str(&buf));
    own->texts[11] = fx_text(TENANT);
    own->raw.caller_count = 1;
    own->callers[0].oidc.issuer = fx_text("https://login.microsoftonline.com/{tenantid}/v2.0");
    own->texts[12] = fx_text(SECOND);
    own->callers[0].oidc.tenants = fx_list(&own->texts[11], 2);
    own->callers[0].oidc.jwks_uri =
        fx_text("https://login.microsoftonline.com/organizations/discovery/v2.0/keys");
    fx_compile(own);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char header[64], payload[512];
        struct rki_buf head = rki_buf_over(header, sizeof(header));
        struct rki_buf body = rki_buf_over(payload, sizeof(payload));

        rki_buf_lit(&head, "{\"alg\":\"RS256\",\"kid\":\"");
        rki_buf_put(&head, rki_cstr(rows[i].kid));
        rki_buf_lit(&head, "\"}");
        rki_buf_lit(&body, "{");
        rki_buf_put(&body, rki_cstr(rows[i].claims));
        rki_buf_lit(&body, AUD SUB EXP "}");
        fx_expect(own, jwt_make(own->keys[FX_RSA], "RS256", rki_buf_str(&head), rki_buf_str(&body)),
                  rows[i].reason, rows[i].why);
    }
    fx_free(own);
}

static void test_hs256(void **state)
{
    const struct rk_str secret = RK_STR("0123456789abcdef0123456789abcdef");
    const struct rk_str head = RK_STR("{\"alg\":\"HS256\"}");
    struct fx *own = fx_new();
    char *token;

    (void)state;
    own->texts[11] = fx_text("HS256");
    own->callers[0].oidc.algorithms = fx_list(&own->texts[11], 1);
    own->callers[0].oidc.hs256_secret.bytes = secret;
    fx_compile(own);
    CHECK(rkd_auth_keyset_count(own->auth) == 1, "nothing is fetched for a secret");
    fx_expect(own, jwt_make_hmac(secret, "SHA256", head, RK_STR(CLAIMS)), NULL, "good");
    fx_expect(own, jwt_make_hmac(RK_STR("x"), "SHA256", head, RK_STR(CLAIMS)), "jwt.sig", "bad");
    fx_expect(own, jwt_make_hmac(secret, "SHA512", head, RK_STR(CLAIMS)), "jwt.sig", "length");
    fx_expect(own, jwt_make_hmac(secret, "SHA512", RK_STR("{\"alg\":\"HS512\"}"), RK_STR(CLAIMS)),
              "jwt.alg", "HS512");
    token = jwt_make(own->keys[FX_RSA], "RS256", RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"),
                     RK_STR(CLAIMS));
    fx_expect(own, token, "jwt.alg", "a public key where a secret is configured");
    fx_expect(own,
              jwt_make_hmac(secret, "SHA256", head,
                            RK_STR("{\"iss\":\"https://other.example.org\"" AUD SUB EXP "}")),
              "jwt.alg", "a secret where public keys are configured");
    fx_expect(own,
              jwt_make_hmac(secret, "SHA256", head,
                            RK_STR("{\"iss\":\"supabase\",\"role\":\"anon\"" EXP "}")),
              "jwt.iss", "CLM-21 the public anon key");
    fx_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_long_subject),
        cmocka_unit_test(test_charged), cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_require), cmocka_unit_test(test_providers),
        cmocka_unit_test(test_google),  cmocka_unit_test(test_tenants),
        cmocka_unit_test(test_hs256),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
