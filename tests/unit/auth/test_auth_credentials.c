/*
 * test_auth_credentials.c - which credential a request presents: HDR-02, HDR-03, HDR-05, KEY-01,
 * EZA-01 to EZA-03, D1 to D3.
 */
#include "fixture.h"

#include "core/b64.h"

#include <openssl/sha.h>
#include <time.h>

#define KEY_GOOD "rk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_OLD "rk_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA"
#define KEY_ODD "rk_any text will do"
#define KEY_NONE "rk_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCA"
#define OID "http://schemas.microsoft.com/identity/claims/objectidentifier"
#define NAMEID "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"

static struct fx *fx;
static struct rkd_raw_api_key keys[20];
static struct rkd_value_member key_claims[2];

/* Callers: staff (OIDC), other (OIDC), backend (keys), portal (Easy Auth). */
static int set_up(void **state)
{
    static const char *const texts[] = {KEY_GOOD, KEY_OLD, KEY_ODD};
    static struct rkd_value list[2] = {{.kind = RKD_VALUE_NUMBER, .number = 1},
                                       {.kind = RKD_VALUE_BOOL, .boolean = true}};

    (void)state;
    fx = fx_new();
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char name[8] = "key-a";

        name[4] = (char)('a' + i);
        keys[i].name = fx_text(strdup(name));
        if (i < 3)
            (void)SHA256((const unsigned char *)texts[i], strlen(texts[i]), keys[i].sha256);
        else
            memset(keys[i].sha256, (int)(13 * i), sizeof(keys[i].sha256));
    }
    keys[0].expires_s = NOW + 1;
    keys[1].expires_s = NOW;
    key_claims[0] = (struct rkd_value_member){
        .key = RK_STR("org"), .value = {.kind = RKD_VALUE_STRING, .text = RK_STR("acme")}};
    key_claims[1] = (struct rkd_value_member){
        .key = RK_STR("list"), .value = {.kind = RKD_VALUE_LIST, .items = list, .count = 2}};
    keys[0].claims = (struct rkd_value){.kind = RKD_VALUE_MAP, .members = key_claims, .count = 2};
    fx->callers[2] = (struct rkd_raw_caller){.name = fx_text("backend"),
                                             .kind = RKD_RAW_CALLER_API_KEYS,
                                             .keys = keys,
                                             .key_count = ARRAY_LEN(keys)};
    fx->texts[12] = fx_text("aad");
    fx->callers[3] = (struct rkd_raw_caller){.name = fx_text("portal"),
                                             .kind = RKD_RAW_CALLER_EASY_AUTH,
                                             .easy_auth_providers = fx_list(&fx->texts[12], 1)};
    fx->raw.caller_count = 4;
    fx->raw.is_easy_auth_on = true;
    fx_compile(fx);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        free((void *)(uintptr_t)keys[i].name.text.ptr);
    fx_free(fx);
    return 0;
}

static void expect(const struct rkd_credentials *credentials, const char *reason, const char *why)
{
    struct rkd_auth_out out;
    const enum rkd_auth_verdict verdict = fx_identify(fx, credentials, NULL, &out);

    if (reason == NULL) {
        if (verdict != RKD_AUTH_OK)
            fail_msg("%s: refused: %s", why, out.reason);
        return;
    }
    if (verdict == RKD_AUTH_OK || strcmp(out.reason, reason) != 0)
        fail_msg("%s: verdict %d, %s, wanted %s", why, (int)verdict, out.reason, reason);
    CHECK(verdict == RKD_AUTH_REFUSED && out.err == RKD_E_INVALID_TOKEN, why);
}

static void test_header(void **state)
{
    char *token = jwt_make(fx->keys[FX_RSA], "RS256", RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"),
                           RK_STR(CLAIMS));
    static const struct {
        const char *why, *before, *behind, *reason;
    } rows[] = {
        {"plain", "Bearer ", "", NULL},
        {"HDR-03", "bearer ", "", NULL},
        {"HDR-03", "BEARER ", "", NULL},
        {"blanks", "Bearer   ", " \t", NULL},
        {"HDR-02 Basic", "Basic ", "", "authorization.scheme"},
        {"HDR-02 Token", "Token ", "", "authorization.scheme"},
        {"HDR-02 no scheme", "", "", "authorization.scheme"},
        {"HDR-02 glued", "Bearer", "", "authorization.scheme"},
        {"HDR-02 tab", "Bearer\t", "", "authorization.scheme"},
        {"HDR-02 quoted", "Bearer \"", "\"", "authorization.scheme"},
        {"HDR-02 comma list", "Bearer ", ", Basic YTpi", "authorization.scheme"},
        {"HDR-02 two tokens", "Bearer ", " x", "authorization.scheme"},
        {"HDR-02 NBSP", "Bearer \xc2\xa0", "", "authorization.scheme"},
        {"padding", "Bearer ", "=", "jwt.form"},
        {"text behind padding", "Bearer ", "=a", "authorization.scheme"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[2048];
        struct rki_buf buf = rki_buf_over(room, sizeof(room));

        rki_buf_put(&buf, rki_cstr(rows[i].before));
        rki_buf_put(&buf, rki_cstr(token));
        rki_buf_put(&buf, rki_cstr(rows[i].behind));
        expect(&(struct rkd_credentials){.authorization = rki_buf_str(&buf)}, rows[i].reason,
               rows[i].why);
    }
    expect(&(struct rkd_credentials){.authorization = RK_STR("")}, "authorization.empty", "empty");
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer")}, "authorization.scheme",
           "no token");
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer null")}, "jwt.form", "null");
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer undefined")}, "jwt.form",
           "undefined");
    free(token);
}

static void test_two(void **state)
{
    const struct rkd_credentials rows[] = {
        {.authorization = RK_STR("Bearer " KEY_GOOD), .x_api_key = RK_STR(KEY_GOOD)},
        {.authorization = RK_STR(""), .x_api_key = RK_STR("")},
        {.authorization = RK_STR("Bearer " KEY_GOOD), .principal = RK_STR("e30=")},
        {.x_api_key = RK_STR(KEY_GOOD), .principal_id = RK_STR("x")},
        {.principal = RK_STR("e30="), .principal_is_repeated = true},
    };
    struct rkd_auth_out out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(fx_identify(fx, &rows[i], NULL, &out) == RKD_AUTH_REFUSED, "HDR-05");
        CHECK(out.err == RKD_E_INVALID_REQUEST && out.is_charged, "D1");
    }
}

static void test_none(void **state)
{
    const struct rkd_credentials none = {.principal_idp = RK_STR("aad")};
    struct rkd_auth *auth = fx->auth;
    struct rkd_auth_out out;

    (void)state;
    CHECK(fx_identify(fx, &none, NULL, &out) == RKD_AUTH_NONE, "an idp alone is no credential");
    CHECK(out.err == RKD_E_UNAUTHENTICATED && !out.is_charged, "D1");
    fx->auth = NULL;
    CHECK(fx_identify(fx, &none, NULL, &out) == RKD_AUTH_NONE, "without callers too");
    expect(&(struct rkd_credentials){.x_api_key = RK_STR(KEY_GOOD)}, "credential.kind", "D1");
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer x")}, "credential.kind", "D1");
    CHECK(fx_identify(
              fx, &(struct rkd_credentials){.x_api_key = RK_STR("x"), .authorization = RK_STR("x")},
              NULL, &out) == RKD_AUTH_REFUSED &&
              out.err == RKD_E_INVALID_REQUEST,
          "two, where nobody takes either");
    fx->auth = auth;
}

/* ---- API keys ---- */

static void test_keys(void **state)
{
    static const struct {
        const char *why, *key, *reason;
    } rows[] = {
        {"good", KEY_GOOD, NULL},
        {"D3: any rk_ string that is listed", KEY_ODD, NULL},
        {"KEY-01 empty", "", "key.unknown"},
        {"KEY-01 unknown", KEY_NONE, "key.unknown"},
        {"KEY-01 a letter more", KEY_GOOD "A", "key.unknown"},
        {"KEY-01 prefix", "rk_", "key.unknown"},
        {"KEY-01 capitals", "RK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "key.unknown"},
        {"KEY-01 expired, to the second", KEY_OLD, "key.expired"},
        {"KEY-01 a JWT as key", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "key.unknown"},
    };
    struct rkd_caller caller;
    struct rkd_auth_out out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(&(struct rkd_credentials){.x_api_key = rki_cstr(rows[i].key)}, rows[i].reason,
               rows[i].why);
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer " KEY_GOOD)}, NULL, "bearer");
    expect(&(struct rkd_credentials){.authorization = RK_STR("Bearer " KEY_NONE)}, "key.unknown",
           "a key is never tried as a JWT");
    CHECK(fx_identify(fx, &(struct rkd_credentials){.x_api_key = RK_STR(KEY_GOOD)}, &caller,
                      &out) == RKD_AUTH_OK,
          "good");
    CHECK(caller.kind == RKD_CALLER_API_KEY && caller.index == 2, "which");
    CHECK_STR(caller.name, RK_STR("backend"), "caller");
    CHECK_STR(caller.subject, RK_STR("key-a"), "D3: its name");
    CHECK(caller.expires_s == NOW + 1 && caller.owned_claims == NULL, "the snapshot's");
    CHECK(strcmp(json_string_value(json_object_get(caller.claims, "org")), "acme") == 0, "claims");
    CHECK(strcmp(json_string_value(json_object_get(caller.claims, "sub")), "key-a") == 0, "sub");
    CHECK(json_array_size(json_object_get(caller.claims, "list")) == 2, "a list");
    rkd_caller_clear(&caller);
}

static void test_charged_keys(void **state)
{
    struct rkd_auth_out out;

    (void)state;
    (void)fx_identify(fx, &(struct rkd_credentials){.x_api_key = RK_STR(KEY_NONE)}, NULL, &out);
    CHECK(out.is_charged, "H19: unknown");
    (void)fx_identify(fx, &(struct rkd_credentials){.x_api_key = RK_STR(KEY_OLD)}, NULL, &out);
    CHECK(!out.is_charged, "H19: expired");
}

/* Every key of the file is found, whatever its place in the order; a neighbour of it is not. */
static void test_every_key(void **state)
{
    char text[ARRAY_LEN(keys)][16];
    struct rkd_raw_api_key own[ARRAY_LEN(keys)];

    (void)state;
    for (size_t count = 0; count <= ARRAY_LEN(keys); count++) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            memcpy(text[i], "rk_key_a", 9);
            text[i][7] = (char)('a' + i);
            own[i] = (struct rkd_raw_api_key){.name = keys[i].name};
            (void)SHA256((const unsigned char *)text[i], 8, own[i].sha256);
        }
        fx->callers[2].keys = own;
        fx->callers[2].key_count = count;
        fx_compile(fx);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            expect(&(struct rkd_credentials){.x_api_key = rki_cstr(text[i])},
                   i < count ? NULL : "key.unknown", "found");
    }
    fx->callers[2].keys = keys;
    fx->callers[2].key_count = ARRAY_LEN(keys);
    fx_compile(fx);
}

static double time_of(const char *key)
{
    const struct rkd_credentials credentials = {.x_api_key = rki_cstr(key)};
    struct timespec from, to;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < 10000; i++) {
        struct rkd_auth_out out;

        (void)fx_identify(fx, &credentials, NULL, &out);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* KEY-01: a key that is not there takes as long as one that is. The bound is generous, for what the
 * machine does meanwhile. */
static void test_timing(void **state)
{
    double known = 1e9, unknown = 1e9;

    (void)state;
    for (int i = 0; i < 9; i++) {
        const double a = time_of(KEY_OLD), b = time_of(KEY_NONE);

        known = a < known ? a : known;
        unknown = b < unknown ? b : unknown;
    }
    CHECK(known < 2 * unknown && unknown < 2 * known, "as long");
}

/* ---- Easy Auth ---- */

static char principal_room[40000];

static struct rk_str encode(struct rk_str json)
{
    struct rki_buf buf = rki_buf_over(principal_room, sizeof(principal_room));

    rki_b64_std_encode(&buf, json);
    CHECK(!buf.overflow, "room");
    return rki_buf_str(&buf);
}

static void expect_principal(const char *json, const char *id, const char *idp, const char *reason,
                             const char *why)
{
    expect(&(struct rkd_credentials){.principal = encode(rki_cstr(json)),
                                     .principal_id = rki_cstr(id),
                                     .principal_idp = rki_cstr(idp)},
           reason, why);
}

#define CLAIM(typ, val) "{\"typ\":\"" typ "\",\"val\":\"" val "\"}"
#define PRINCIPAL(claims) "{\"auth_typ\":\"aad\",\"claims\":[" claims "]}"

static void test_principal(void **state)
{
    static const struct {
        const char *why, *json, *id, *idp, *reason;
    } rows[] = {
        {"object id", PRINCIPAL(CLAIM(OID, "u1")), "u1", "aad", NULL},
        {"short type", PRINCIPAL(CLAIM("oid", "u1")), "u1", "aad", NULL},
        {"name identifier", PRINCIPAL(CLAIM(NAMEID, "u1")), "u1", "aad", NULL},
        {"the object id goes first", PRINCIPAL(CLAIM(NAMEID, "u1") "," CLAIM(OID, "u2")), "u1",
         "aad", "easy-auth.id"},
        {"EZA-03 another id", PRINCIPAL(CLAIM(OID, "u2")), "u1", "aad", "easy-auth.id"},
        {"EZA-03 two ids", PRINCIPAL(CLAIM(OID, "u1") "," CLAIM(OID, "u2")), "u1", "aad",
         "easy-auth.id"},
        {"no id claim", PRINCIPAL(CLAIM("name", "u1")), "u1", "aad", "easy-auth.id"},
        {"no id header", PRINCIPAL(CLAIM(OID, "u1")), NULL, "aad", "easy-auth.id"},
        {"an empty id", PRINCIPAL(CLAIM(OID, "")), "", "aad", "easy-auth.id"},
        {"a line break in the id", PRINCIPAL(CLAIM(OID, "u\\n1")), "u\n1", "aad", "easy-auth.id"},
        {"EZA-03 idp", PRINCIPAL(CLAIM(OID, "u1")), "u1", "google", "easy-auth.idp"},
        {"idp in capitals", PRINCIPAL(CLAIM(OID, "u1")), "u1", "AAD", "easy-auth.idp"},
        {"no idp", PRINCIPAL(CLAIM(OID, "u1")), "u1", NULL, "easy-auth.idp"},
        {"EZA-03 JSON", "{bad", "u1", "aad", "easy-auth.form"},
        {"twice", "{\"claims\":[],\"claims\":[]}", "u1", "aad", "easy-auth.form"},
        {"an array", "[]", "u1", "aad", "easy-auth.form"},
        {"no claims", "{}", "u1", "aad", "easy-auth.form"},
        {"a number", "{\"claims\":[{\"typ\":\"oid\",\"val\":1}]}", "u1", "aad", "easy-auth.form"},
        {"no type", "{\"claims\":[{\"val\":\"u1\"}]}", "u1", "aad", "easy-auth.form"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_principal(rows[i].json, rows[i].id, rows[i].idp, rows[i].reason, rows[i].why);
}

static void test_principal_encoding(void **state)
{
    static const char *const bad[] = {"e30", "e30=\n", "e3-=", "e31=", "", "e30==", " e30="};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect(&(struct rkd_credentials){.principal = rki_cstr(bad[i]),
                                         .principal_id = RK_STR("u1"),
                                         .principal_idp = RK_STR("aad")},
               "easy-auth.form", "EZA-03 base64");
    expect(&(struct rkd_credentials){.principal_id = RK_STR("u1"), .principal_idp = RK_STR("aad")},
           "easy-auth.form", "an id alone");
}

static void test_principal_size(void **state)
{
    static char json[17000];

    (void)state;
    for (size_t len = 16384; len <= 16385; len++) {
        struct rki_buf buf = rki_buf_over(json, len);

        rki_buf_lit(&buf, PRINCIPAL(CLAIM(OID, "u1")));
        while (buf.len < len)
            rki_buf_char(&buf, ' ');
        json[len] = '\0';
        expect_principal(json, "u1", "aad", len == 16384 ? NULL : "easy-auth.form", "16 KiB");
    }
}

static void test_principal_claims(void **state)
{
    const struct rkd_credentials credentials = {
        .principal = encode(RK_STR(PRINCIPAL(CLAIM(OID, "u1") "," CLAIM("roles", "a") "," CLAIM(
            "roles", "b") "," CLAIM("roles", "c") "," CLAIM("sub", "other")))),
        .principal_id = RK_STR("u1"),
        .principal_idp = RK_STR("aad")};
    struct rkd_caller caller;
    struct rkd_auth_out out;

    (void)state;
    CHECK(fx_identify(fx, &credentials, &caller, &out) == RKD_AUTH_OK, "good");
    CHECK(caller.kind == RKD_CALLER_EASY_AUTH && caller.index == 3 && caller.expires_s == 0,
          "which");
    CHECK_STR(caller.subject, RK_STR("u1"), "from the header");
    CHECK(json_array_size(json_object_get(caller.claims, "roles")) == 3, "a list");
    CHECK(strcmp(json_string_value(json_object_get(caller.claims, "sub")), "u1") == 0, "sub");
    rkd_caller_clear(&caller);
}

static void test_principal_off(void **state)
{
    const struct rkd_credentials credentials = {.principal =
                                                    encode(RK_STR(PRINCIPAL(CLAIM(OID, "u1")))),
                                                .principal_id = RK_STR("u1"),
                                                .principal_idp = RK_STR("aad"),
                                                .principal_is_repeated = true};
    struct rkd_auth_out out;

    (void)state;
    fx->raw.is_easy_auth_on = false;
    CHECK(fx_identify(fx, &credentials, NULL, &out) == RKD_AUTH_NONE, "EZA-02: not seen at all");
    fx->raw.is_easy_auth_on = true;
    fx->raw.caller_count = 3;
    fx_compile(fx);
    CHECK(fx_identify(fx, &credentials, NULL, &out) == RKD_AUTH_NONE, "EZA-01: no such caller");
    fx->raw.caller_count = 4;
    fx_compile(fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_charged_keys),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_timing),
        cmocka_unit_test(test_principal),
        cmocka_unit_test(test_principal_encoding),
        cmocka_unit_test(test_principal_size),
        cmocka_unit_test(test_principal_claims),
        cmocka_unit_test(test_principal_off),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
