/*
 * test_webhook.c - webhooks: the official SDK's own, and one row for each refusal.
 */
#include "alloc_fail.h"
#include "check.h"
#include "forge.h"
#include "guard.h"

#include <roomkey/webhook.h>

#include <stdio.h>

#define NOW INT64_C(1767225600)
#define NAME RK_STR("APIroomkeyTest1")
#define SECRET RK_STR("0123456789abcdef0123456789abcdef")
#define HEAD "{\"iss\":\"APIroomkeyTest1\",\"exp\":1767225900,\"nbf\":1767225600"
#define BODY "{\"event\":\"room_started\"}"
/* SHA-256 of BODY and of nothing, by other tools (openssl dgst -sha256 -binary | base64) */
#define DIGEST "w9NV0uLHjSON8P7eonnkKXDHY4ICORefbHDCviKIgX8="
#define DIGEST_OF_NOTHING "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void test_sdk(void **state)
{
    json_t *all = json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/livekit-server-sdk-js.json",
                                 JSON_ALLOW_NUL, NULL);
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *vector = json_array_get(all, i);
        const json_t *body = json_object_get(json_object_get(vector, "input"), "body");
        const char *name = json_string_value(json_object_get(vector, "name"));
        int64_t now = json_integer_value(json_object_get(vector, "now"));
        struct rk_str raw = rki_str(json_string_value(body), json_string_length(body));
        struct rk_str token = rki_cstr(json_string_value(json_object_get(vector, "token")));
        struct rk_claims *claims = NULL;
        struct rk_keyring *ring;
        char *changed;

        if (body == NULL)
            continue;
        ring = forge_ring(rki_cstr(json_string_value(json_object_get(vector, "apiKey"))),
                          rki_cstr(json_string_value(json_object_get(vector, "apiSecret"))));
        CHECK_ERR(rk_webhook_verify(ring, token, raw, now, RK_LEEWAY_DEFAULT, &claims, NULL), RK_OK,
                  name);
        CHECK_STR(rk_claims_issuer(claims), NAME, name);
        rk_claims_free(claims);
        changed = malloc(raw.len);
        memcpy(changed, raw.ptr, raw.len);
        changed[raw.len - 1] ^= 1;
        CHECK_ERR(rk_webhook_verify(ring, token, rki_str(changed, raw.len), now, 60, NULL, NULL),
                  RK_E_DIGEST, name);
        CHECK_ERR(
            rk_webhook_verify(ring, token, rki_str(raw.ptr, raw.len - 1), now, 60, NULL, NULL),
            RK_E_DIGEST, name);
        free(changed);
        rk_keyring_free(ring);
        seen++;
    }
    CHECK(seen == 2, "the vectors are there");
    json_decref(all);
}

static void test_rows(void **state)
{
    static const struct {
        const char *why, *prefix;
        struct rk_str payload, body;
        enum rk_err want;
        const char *field;
    } rows[] = {
        {"bare token", "", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"), RK_STR_INIT(BODY),
         RK_OK, ""},
        {"with the scheme", "Bearer ", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_OK, ""},
        {"the scheme in small letters", "bearer ", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_OK, ""},
        {"an empty body", "", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST_OF_NOTHING "\"}"),
         RK_STR_INIT(""), RK_OK, ""},
        {"another scheme", "Basic ", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_E_MALFORMED, ""},
        {"two schemes", "Bearer Bearer ", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_E_MALFORMED, ""},
        {"a blank too many", "Bearer  ", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_E_MALFORMED, ""},
        {"a participant's token is no webhook", "",
         RK_STR_INIT(HEAD ",\"sub\":\"a\",\"video\":{\"roomJoin\":true,\"room\":\"r\"}}"),
         RK_STR_INIT(BODY), RK_E_DIGEST, "sha256"},
        {"nor is it one for an empty body", "", RK_STR_INIT(HEAD "}"), RK_STR_INIT(""), RK_E_DIGEST,
         "sha256"},
        {"an empty digest", "", RK_STR_INIT(HEAD ",\"sha256\":\"\"}"), RK_STR_INIT(BODY),
         RK_E_DIGEST, "sha256"},
        {"a null digest", "", RK_STR_INIT(HEAD ",\"sha256\":null}"), RK_STR_INIT(BODY), RK_E_DIGEST,
         "sha256"},
        {"the digest of another body", "",
         RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST_OF_NOTHING "\"}"), RK_STR_INIT(BODY), RK_E_DIGEST,
         "sha256"},
        {"a body with one blank more", "", RK_STR_INIT(HEAD ",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY " "), RK_E_DIGEST, "sha256"},
        {"a short digest", "", RK_STR_INIT(HEAD ",\"sha256\":\"AAAA\"}"), RK_STR_INIT(BODY),
         RK_E_DIGEST, "sha256"},
        {"a digest that is no base64", "", RK_STR_INIT(HEAD ",\"sha256\":\"!\"}"),
         RK_STR_INIT(BODY), RK_E_DIGEST, "sha256"},
        {"a digest of the wrong type", "", RK_STR_INIT(HEAD ",\"sha256\":1}"), RK_STR_INIT(BODY),
         RK_E_TYPE, "sha256"},
        {"expired", "",
         RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"exp\":1767225000,\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_E_EXPIRED, "exp"},
        {"no exp", "", RK_STR_INIT("{\"iss\":\"APIroomkeyTest1\",\"sha256\":\"" DIGEST "\"}"),
         RK_STR_INIT(BODY), RK_E_STATE, "exp"},
    };
    struct rk_keyring *ring = forge_ring(NAME, SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_str token = forge_token(ring, NAME, FORGE_HEADER, rows[i].payload);
        struct guard guard = guard_new(rows[i].body.len);
        struct rk_diag diag = {.field = ""};
        struct rk_claims *claims = NULL;
        char header[1024];

        (void)snprintf(header, sizeof(header), "%s%.*s", rows[i].prefix, (int)token.len, token.ptr);
        CHECK_ERR(rk_webhook_verify(ring, rki_cstr(header), guard_put(&guard, rows[i].body), NOW,
                                    RK_LEEWAY_DEFAULT, &claims, &diag),
                  rows[i].want, rows[i].why);
        CHECK_STR(rki_cstr(diag.field), rki_cstr(rows[i].field), rows[i].why);
        CHECK((claims != NULL) == (rows[i].want == RK_OK), rows[i].why);
        rk_claims_free(claims);
        guard_free(&guard);
        forge_free(token);
    }
    CHECK_ERR(rk_webhook_verify(ring, RK_STR(""), RK_STR(BODY), NOW, 60, NULL, NULL), RK_E_STATE,
              "no header");
    CHECK_ERR(rk_webhook_verify(ring, RK_STR("Bearer "), RK_STR(BODY), NOW, 60, NULL, NULL),
              RK_E_STATE, "nothing behind the scheme");
    CHECK_ERR(rk_webhook_verify(ring, rki_str(NULL, 0), RK_STR(BODY), NOW, 60, NULL, NULL),
              RK_E_STATE, "absent");
    rk_keyring_free(ring);
}

static void test_out_of_memory(void **state)
{
    struct rk_keyring *ring = forge_ring(NAME, SECRET);
    struct rk_str token =
        forge_token(ring, NAME, FORGE_HEADER, RK_STR(HEAD ",\"sha256\":\"" DIGEST "\"}"));
    size_t n = 1;

    (void)state;
    for (;; n++) {
        struct rk_claims *claims = NULL;
        enum rk_err err;

        alloc_fail_at(n);
        err = rk_webhook_verify(ring, token, RK_STR(BODY), NOW, 60, &claims, NULL);
        if (!alloc_fail_hit()) {
            CHECK_ERR(err, RK_OK, "enough memory");
            rk_claims_free(claims);
            break;
        }
        CHECK((err == RK_OK) == (claims != NULL), "all or nothing");
        rk_claims_free(claims);
    }
    CHECK(n > 10, "the sweep swept");
    forge_free(token);
    rk_keyring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sdk),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
