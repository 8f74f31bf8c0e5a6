/*
 * test_auth_entra.c - the original's ENTRA_ settings: every stage-004 case of
 * tests/vectors/contract.json as far as the credential decides it, code and message included.
 */
#include "fixture.h"

#include <stdio.h>

static struct fx *fx;

static int set_up(void **state)
{
    (void)state;
    fx = fx_new();
    fx->raw.caller_count = 1;
    fx->raw.entra_tenant = RK_STR("test-tenant-id-5678");
    fx->texts[11] = fx_text("test-client-id-1234");
    fx->callers[0] =
        (struct rkd_raw_caller){.name = fx_text("entra"), .kind = RKD_RAW_CALLER_ENTRA};
    fx->callers[0].oidc.issuer = fx_text("https://login.microsoftonline.com/test-tenant-id-5678");
    fx->callers[0].oidc.audience = fx_list(&fx->texts[11], 1);
    fx->callers[0].oidc.jwks_uri = fx_text("http://127.0.0.1:1/keys");
    fx_compile(fx);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fx_free(fx);
    return 0;
}

/* "now-600", {"asString": "now+1"} or anything else, as the file's authorizationFormat says. */
static json_t *resolve(const json_t *value)
{
    const char *text = json_string_value(value);
    const json_t *inner = json_object_get(value, "asString");
    char digits[32];
    json_t *number;

    if (inner != NULL) {
        number = resolve(inner);
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(number));
        json_decref(number);
        return json_string(digits);
    }
    if (text != NULL && strncmp(text, "now", 3) == 0)
        return json_integer(NOW + strtoll(text + 3, NULL, 10));
    return json_deep_copy(value);
}

static char *make_token(const json_t *authorization)
{
    const char *signature = json_string_value(json_object_get(authorization, "signature"));
    const json_t *given = json_object_get(authorization, "header"), *value;
    json_t *claims = json_object();
    char *header = given != NULL ? json_dumps(given, JSON_COMPACT)
                                 : strdup("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rsa\"}");
    char *payload, *token;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(authorization, "claims"), name, value)
        CHECK(json_object_set_new(claims, name, resolve(value)) == 0, "memory");
    payload = json_dumps(claims, JSON_COMPACT);
    if (strcmp(signature, "valid") == 0)
        token = jwt_make(fx->keys[FX_RSA], "RS256", rki_cstr(header), rki_cstr(payload));
    else if (strcmp(signature, "invalid") == 0)
        token = jwt_make(fx->keys[FX_EVIL], "RS256", rki_cstr(header), rki_cstr(payload));
    else if (strcmp(signature, "hs256-with-public-key") == 0) {
        struct rk_str pem = jwt_key_export(fx->keys[FX_RSA], "PEM");

        token = jwt_make_hmac(pem, "SHA256", rki_cstr(header), rki_cstr(payload));
        free((void *)(uintptr_t)pem.ptr);
    } else
        token = jwt_join(rki_cstr(header), rki_cstr(payload), RK_STR(""));
    if (strcmp(signature, "absent") == 0)
        *strrchr(token, '.') = '\0';
    json_decref(claims);
    free(header);
    free(payload);
    return token;
}

/* The header's value; the caller frees. NULL: not sent. */
static char *make_header(const json_t *authorization)
{
    const char *raw = json_string_value(json_object_get(authorization, "raw"));
    const char *scheme = json_string_value(json_object_get(authorization, "scheme"));
    char *token, *text;
    size_t size;

    if (!json_is_object(authorization))
        return NULL;
    if (raw != NULL)
        return strdup(raw);
    token = make_token(authorization);
    size = strlen(token) + 32;
    text = malloc(size);
    CHECK(text != NULL, "memory");
    (void)snprintf(text, size, "%s %s", scheme == NULL ? "Bearer" : scheme, token);
    free(token);
    return text;
}

static void check_case(const json_t *row)
{
    const char *id = json_string_value(json_object_get(row, "id"));
    const json_t *expected = json_object_get(row, "expected");
    const json_t *error = json_object_get(json_object_get(expected, "body"), "error");
    const bool is_refused = json_integer_value(json_object_get(expected, "status")) == 401;
    char *header = make_header(json_object_get(json_object_get(row, "request"), "authorization"));
    struct rkd_auth_out out;
    const enum rkd_auth_verdict verdict =
        fx_identify(fx, &(struct rkd_credentials){.authorization = rki_cstr(header)}, NULL, &out);

    CHECK(verdict != RKD_AUTH_WAIT, id);
    if ((verdict != RKD_AUTH_OK) != is_refused)
        fail_msg("%s: verdict %d, %s", id, (int)verdict, out.reason);
    if (is_refused) {
        assert_string_equal(out.entra_code, json_string_value(json_object_get(error, "code")));
        assert_string_equal(out.entra_message,
                            json_string_value(json_object_get(error, "message")));
    }
    free(header);
}

static void test_contract(void **state)
{
    json_t *file =
        json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/contract.json", JSON_ALLOW_NUL, NULL);
    const json_t *cases = json_object_get(file, "cases");
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);

        if (strcmp(json_string_value(json_object_get(row, "stage")), "004") != 0)
            continue;
        check_case(row);
        count++;
    }
    CHECK(count == 41, "all of stage 004");
    json_decref(file);
}

#define CLAIMS_OF(iss, more)                                                                       \
    "{\"iss\":\"" iss                                                                              \
    "\",\"aud\":\"test-client-id-1234\",\"tid\":\"test-tenant-id-5678\"" EXP more "}"
#define AUTHORITY "https://login.microsoftonline.com/test-tenant-id-5678"

static void test_more(void **state)
{
    static const struct {
        const char *why, *payload, *reason;
    } rows[] = {
        {"oid", CLAIMS_OF(AUTHORITY, ",\"oid\":\"o\""), NULL},
        {"v2.0", CLAIMS_OF(AUTHORITY "/v2.0", ",\"oid\":\"o\""), NULL},
        {"a slash", CLAIMS_OF(AUTHORITY "/", ",\"oid\":\"o\""), "jwt.iss"},
        {"v2.1", CLAIMS_OF(AUTHORITY "/v2.1", ",\"oid\":\"o\""), "jwt.iss"},
        {"an empty oid", CLAIMS_OF(AUTHORITY, ",\"oid\":\"\",\"sub\":\"s\""), NULL},
        {"a line break", CLAIMS_OF(AUTHORITY, ",\"oid\":\"a\\nb\""), "jwt.sub"},
        {"no tid",
         "{\"iss\":\"" AUTHORITY "\",\"aud\":\"test-client-id-1234\",\"oid\":\"o\"" EXP "}",
         "jwt.tid"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fx_expect(fx,
                  jwt_make(fx->keys[FX_RSA], "RS256", RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"),
                           rki_cstr(rows[i].payload)),
                  rows[i].reason, rows[i].why);
}

static void test_subject(void **state)
{
    char *token = jwt_make(fx->keys[FX_RSA], "RS256", RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"),
                           RK_STR(CLAIMS_OF(AUTHORITY, ",\"oid\":\"object\",\"sub\":\"subject\"")));
    struct rkd_caller caller;
    struct rkd_auth_out out;

    (void)state;
    CHECK(fx_bearer(fx, rki_cstr(token), &caller, &out) == RKD_AUTH_OK, "good");
    CHECK(caller.kind == RKD_CALLER_ENTRA, "kind");
    CHECK_STR(caller.subject, RK_STR("object"), "the object id");
    rkd_caller_clear(&caller);
    free(token);
}

static void test_address(void **state)
{
    static const struct {
        const char *url;
        enum rk_err err;
    } rows[] = {
        {"https://login.microsoftonline.com/t/discovery/v2.0/keys", RK_OK},
        {"http://localhost:8/keys", RK_OK},
        {"http://[::1]:8/keys", RK_OK},
        {"http://login.example/keys", RK_E_INVAL},
        {"keys", RK_E_INVAL},
    };
    struct rkd_raw_error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_auth *auth = NULL;

        fx->callers[0].oidc.jwks_uri = fx_text(rows[i].url);
        CHECK_ERR(rkd_auth_compile(&fx->raw, NULL, NULL, &auth, &error), rows[i].err, rows[i].url);
        if (auth != NULL)
            CHECK(rkd_keyset_url_is_allowed(rkd_auth_keyset_at(auth, 0), rki_cstr(rows[i].url)),
                  "the keeper may fetch it");
        rkd_auth_free(auth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_address),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
