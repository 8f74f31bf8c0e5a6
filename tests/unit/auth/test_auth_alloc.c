/*
 * test_auth_alloc.c - everything in this room that allocates, with the 1st, 2nd, ... nth allocation
 * failing, libcrypto's own ones too: nothing leaks, nothing is half done, nobody gets in.
 */
#include "alloc_fail.h"
#include "fixture.h"

#include <openssl/crypto.h>

static struct fx *fx;
static bool crypto_fails;
static char *rs256, *hs256, *bad;
static struct rk_str jwks;

static const struct rk_str secret = RK_STR_INIT("0123456789abcdef0123456789abcdef");

/* true: it worked whole. */
typedef bool (*job_fn)(void);

static bool compile_all(void)
{
    struct rkd_raw_error error = {.key = ""};
    struct rkd_auth *auth = NULL;
    const enum rk_err err = rkd_auth_compile(&fx->raw, NULL, NULL, &auth, &error);

    CHECK((err == RK_OK) == (auth != NULL), "all or nothing");
    CHECK(err == RK_OK || err == RK_E_NOMEM, "it said so");
    rkd_auth_free(auth);
    return err == RK_OK;
}

static bool parse_set(void)
{
    struct rkd_keyset *set = NULL;
    struct rkd_keyset_report report;
    const enum rk_err err = rkd_keyset_parse(jwks, &set, &report);

    CHECK((err == RK_OK) == (set != NULL), "all or nothing");
    /* jansson calls some of its failures malformed, libcrypto a key it had no memory for no key */
    CHECK(err == RK_OK || err == RK_E_NOMEM || err == RK_E_MALFORMED ||
              (crypto_fails && err == RK_E_STATE),
          "it said so");
    rkd_keyset_unref(set);
    return err == RK_OK && report.skipped == 0;
}

static bool make_verifier(void)
{
    struct rkd_verifier *verifier = NULL;
    const enum rk_err err = rkd_verifier_new(&verifier);

    CHECK((err == RK_OK) == (verifier != NULL), "all or nothing");
    rkd_verifier_free(verifier);
    return err == RK_OK;
}

static bool read_discovery(void)
{
    const struct rkd_keyset_spec spec = {.issuer = RK_STR(ISSUER)};
    char room[64];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));
    const char *reason = NULL;
    const enum rk_err err = rkd_discovery_read(
        &spec, RK_STR("{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "k\"}"), &buf, &reason);

    CHECK((err == RK_OK) == (buf.len != 0), "all or nothing");
    return err == RK_OK;
}

/* A verifier of its own, or every context would be kept after the first time. */
static bool identify(const struct rkd_credentials *credentials)
{
    struct rkd_verifier *verifier = NULL;
    struct rkd_caller caller;
    struct rkd_auth_out out;
    const struct rkd_auth_in in = {.credentials = credentials, .keysets = fx->sets, .now_s = NOW};
    enum rkd_auth_verdict verdict;

    if (rkd_verifier_new(&verifier) != RK_OK)
        return false;
    verdict = rkd_auth_identify(fx->auth, verifier, &in, &caller, &out);
    CHECK(verdict == RKD_AUTH_OK || verdict == RKD_AUTH_REFUSED, "one of the two");
    CHECK((verdict == RKD_AUTH_OK) == (caller.kind != RKD_CALLER_NONE), "all or nothing");
    CHECK(verdict == RKD_AUTH_OK || caller.owned_claims == NULL, "nothing to give back");
    rkd_caller_clear(&caller);
    rkd_verifier_free(verifier);
    return verdict == RKD_AUTH_OK;
}

static bool identify_rs256(void)
{
    return identify(&(struct rkd_credentials){.authorization = rki_cstr(rs256)});
}

static bool identify_hs256(void)
{
    return identify(&(struct rkd_credentials){.authorization = rki_cstr(hs256)});
}

static bool identify_key(void)
{
    return identify(&(struct rkd_credentials){.x_api_key = RK_STR("rk_x")});
}

static bool identify_principal(void)
{
    /* {"claims":[{"typ":"oid","val":"u1"},{"typ":"r","val":"a"},{"typ":"r","val":"b"}]} */
    return identify(&(struct rkd_credentials){
        .principal =
            RK_STR("eyJjbGFpbXMiOlt7InR5cCI6Im9pZCIsInZhbCI6InUxIn0seyJ0eXAiOiJyIiwidmFsIjoiYSJ9LHs"
                   "idHlwIjoiciIsInZhbCI6ImIifV19"),
        .principal_id = RK_STR("u1"),
        .principal_idp = RK_STR("aad")});
}

static bool refuse_forged(void)
{
    return !identify(&(struct rkd_credentials){.authorization = rki_cstr(bad)});
}

static void sweep(job_fn job, size_t least, bool always)
{
    size_t n;

    CHECK(job(), "with all the memory there is"); /* also warms up the libraries */
    for (n = 1; n < 4000; n++) {
        bool good;

        alloc_fail_at(n);
        good = job();
        if (!alloc_fail_hit()) {
            CHECK(good, "none failed");
            break;
        }
        CHECK(!always || good, "whatever fails");
    }
    CHECK(n > least && n < 4000, "as many allocations as there must be");
}

static void sweep_all(void)
{
    sweep(compile_all, 10, false);
    sweep(parse_set, 10, false);
    sweep(make_verifier, 1, false);
    sweep(read_discovery, 3, false);
    sweep(identify_rs256, 5, false);
    sweep(identify_hs256, 5, false);
    sweep(identify_key, 1, false);
    sweep(identify_principal, 8, false);
    sweep(refuse_forged, 5, true);
}

static void test_sweep(void **state)
{
    (void)state;
    sweep_all();
}

static void test_sweep_with_libcrypto(void **state)
{
    (void)state;
    crypto_fails = true;
    sweep_all();
    crypto_fails = false;
}

/* With what a verifier keeps, a good credential costs no allocation of ours: the claims' only. */
static void test_warm(void **state)
{
    const struct rkd_credentials rows[] = {{.authorization = rki_cstr(rs256)},
                                           {.x_api_key = RK_STR("rk_x")}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_auth_out out;

        CHECK(fx_identify(fx, &rows[i], NULL, &out) == RKD_AUTH_OK, "warms up");
        alloc_fail_at(1);
        json_set_alloc_funcs(__real_malloc, free); /* jansson's do not count */
        CHECK(fx_identify(fx, &rows[i], NULL, &out) == RKD_AUTH_OK, "good");
        CHECK(!alloc_fail_hit(), "nothing allocated");
    }
    json_set_alloc_funcs(alloc_fail_jansson, free);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return crypto_fails ? __wrap_malloc(size) : __real_malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return crypto_fails ? __wrap_realloc(ptr, size) : __real_realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

static char *with_scheme(char *token)
{
    const size_t size = strlen(token) + 8;
    char *text = malloc(size);

    CHECK(text != NULL, "memory");
    memcpy(text, "Bearer ", 7);
    memcpy(text + 7, token, size - 7);
    free(token);
    return text;
}

static int set_up(void **state)
{
    static struct rkd_value_member require[1], claims[1];
    static struct rkd_value list[1];
    static struct rkd_raw_api_key key;
    static char room[8192];
    struct rki_buf buf = rki_buf_over(room, sizeof(room));

    (void)state;
    fx = fx_new();
    list[0] = (struct rkd_value){.kind = RKD_VALUE_STRING, .text = RK_STR("a")};
    require[0] = (struct rkd_value_member){
        .key = RK_STR("aud"), .value = {.kind = RKD_VALUE_STRING, .text = RK_STR("roomkey")}};
    claims[0] = (struct rkd_value_member){
        .key = RK_STR("l"), .value = {.kind = RKD_VALUE_LIST, .items = list, .count = 1}};
    fx->callers[0].oidc.require =
        (struct rkd_value){.kind = RKD_VALUE_MAP, .members = require, .count = 1};
    fx->texts[11] = fx_text("HS256");
    fx->texts[12] = fx_text("aad");
    fx->callers[1].oidc.algorithms = fx_list(&fx->texts[11], 1);
    fx->callers[1].oidc.hs256_secret.bytes = secret;
    key = (struct rkd_raw_api_key){
        .name = fx_text("k"), .claims = {.kind = RKD_VALUE_MAP, .members = claims, .count = 1}};
    CHECK(EVP_Q_digest(NULL, "SHA256", NULL, "rk_x", 4, key.sha256, NULL) == 1, "hash");
    fx->callers[2] = (struct rkd_raw_caller){
        .name = fx_text("keys"), .kind = RKD_RAW_CALLER_API_KEYS, .keys = &key, .key_count = 1};
    fx->callers[3] = (struct rkd_raw_caller){.name = fx_text("portal"),
                                             .kind = RKD_RAW_CALLER_EASY_AUTH,
                                             .easy_auth_providers = fx_list(&fx->texts[12], 1)};
    fx->raw.caller_count = 4;
    fx->raw.is_easy_auth_on = true;
    fx_compile(fx);
    rs256 = with_scheme(jwt_make(fx->keys[FX_RSA], "RS256",
                                 RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"), RK_STR(CLAIMS)));
    bad = with_scheme(jwt_make(fx->keys[FX_EVIL], "RS256",
                               RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\"}"), RK_STR(CLAIMS)));
    hs256 = with_scheme(
        jwt_make_hmac(secret, "SHA256", RK_STR("{\"alg\":\"HS256\"}"),
                      RK_STR("{\"iss\":\"https://other.example.org\"" AUD SUB EXP "}")));
    rki_buf_lit(&buf, "{\"keys\":[");
    for (size_t i = 0; i < FX_KEYS; i++) {
        if (i != 0)
            rki_buf_lit(&buf, ",");
        jwt_key_put(fx->keys[i], "\"kid\":\"k\",\"issuer\":\"i\"", &buf);
    }
    rki_buf_lit(&buf, "]}");
    jwks = rki_buf_str(&buf);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(rs256);
    free(hs256);
    free(bad);
    fx_free(fx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warm),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_sweep_with_libcrypto),
    };

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    json_set_alloc_funcs(alloc_fail_jansson, free);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
