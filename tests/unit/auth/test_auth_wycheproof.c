/*
 * test_auth_wycheproof.c - the JWS and JWK vectors of C2SP/wycheproof against the JWS layer: split,
 * header, choice of the key, signature. Their payloads are no claims, so claims are not looked at.
 *
 * Where we answer otherwise, a row below says why.
 */
#include "check.h"

#include "auth/hs256.h"
#include "auth/verifier.h"
#include "core/b64.h"
#include "core/json.h"

static const struct {
    const char *file;
    int tc_from, tc_to;
    bool accepts; /* what we do */
    const char *why;
} deviations[] = {
    {"signature", 259, 259, false, "an empty segment: V1 refuses it"},
    {"signature", 264, 264, false, "an empty segment"},
    {"signature", 268, 268, false, "an empty segment"},
    {"signature", 272, 272, false, "an empty segment"},
    {"signature", 320, 320, false, "an empty segment"},
    {"signature", 325, 325, false, "an empty segment"},
    {"signature", 346, 346, false, "the JWK's alg is PS256, the header's PS384: the key is pinned"},
    {"signature", 347, 347, false, "the JWK's alg is ES521, a slip for ES512"},
    {"signature", 350, 350, false, "as 346"},
    {"signature", 351, 351, false, "as 347"},
    {"signature", 367, 367, true, "byte for byte the token of 357: the file lost its padding"},
    {"signature", 370, 370, true, "byte for byte the token of 357"},
    {"signature", 372, 373, false, "a ? inside a segment: not canonical base64url"},
    {"key", 2, 2, false, "a secret in a key set: never used"},
    {"key", 7, 7, true, "a ROCA key: its fingerprint is not looked for"},
    {"key", 14, 15, false, "HS384 and HS512 are not here"},
    {"crypto", 46, 46, true, "a ROCA key"},
    {"crypto", 48, 48, false, "a secret in a key set"},
};

/* One oct JWK with alg HS256: the only way a secret comes in. */
static bool check_secret(const json_t *jwk, const struct rkd_jws *jws,
                         const struct rkd_header *header, struct rk_str signature)
{
    struct rk_str k = rki_json_str(json_object_get(jwk, "k"));
    struct rkd_hs256_secret *secret = NULL;
    char bytes[512];
    size_t len = 0;
    bool good = false;

    if (!header->is_hs256 ||
        !rki_str_equal(rki_json_str(json_object_get(jwk, "alg")), RK_STR("HS256")) ||
        rki_b64url_decode(k, bytes, sizeof(bytes), &len) != RK_OK)
        return false;
    if (rkd_hs256_secret_new(rki_str(bytes, len), &secret) == RK_OK)
        good = rkd_hs256_check(secret, jws->signed_text, signature) == RK_OK;
    rkd_hs256_secret_free(secret);
    return good;
}

static bool check_public(struct rkd_verifier *verifier, const json_t *document,
                         const struct rkd_jws *jws, const struct rkd_header *header,
                         struct rk_str signature)
{
    char *text = json_dumps(document, JSON_COMPACT);
    struct rkd_keyset *set = NULL;
    const struct rkd_public_key *key = NULL;
    bool good = false;

    if (rkd_keyset_parse(rki_cstr(text), &set, NULL) == RK_OK &&
        rkd_keyset_choose(set, header->alg, rkd_header_kid(header), &key) == RKD_CHOICE_FOUND)
        good = rkd_verifier_check(verifier, key, header->alg, jws->signed_text, signature) == RK_OK;
    rkd_keyset_unref(set);
    free(text);
    return good;
}

/* `key` is a JWK or a set of them. */
static bool accepts(struct rkd_verifier *verifier, const json_t *key, struct rk_str token)
{
    struct rkd_jws jws;
    struct rkd_header header;
    char signature[RKD_SIGNATURE_MAX], payload[16384];
    size_t len = 0, payload_len = 0;
    const json_t *keys = json_object_get(key, "keys");
    const json_t *only = json_array_size(keys) == 1 ? json_array_get(keys, 0) : key;
    json_t *document;
    bool good;

    if (rkd_jws_split(token, &jws) != RKD_FAULT_NONE ||
        rkd_jws_read_header(jws.header, &header) != RKD_FAULT_NONE ||
        rki_b64url_decode(jws.payload, payload, sizeof(payload), &payload_len) != RK_OK ||
        rki_b64url_decode(jws.signature, signature, sizeof(signature), &len) != RK_OK)
        return false;
    if (rki_str_equal(rki_json_str(json_object_get(only, "kty")), RK_STR("oct")))
        return check_secret(only, &jws, &header, rki_str(signature, len));
    document = keys != NULL ? json_incref((json_t *)(uintptr_t)key)
                            : json_pack("{s:[O]}", "keys", (json_t *)(uintptr_t)key);
    good = check_public(verifier, document, &jws, &header, rki_str(signature, len));
    json_decref(document);
    return good;
}

/* Whether a row says that we answer otherwise. */
static bool is_deviation(const char *file, int tc, bool accepted)
{
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i].file, file) == 0 && tc >= deviations[i].tc_from &&
            tc <= deviations[i].tc_to)
            return deviations[i].accepts == accepted;
    return false;
}

static size_t check_group(struct rkd_verifier *verifier, const char *file, const json_t *group,
                          size_t *deviating)
{
    const json_t *tests = json_object_get(group, "tests");
    const json_t *key = json_object_get(group, "public");
    size_t count = 0;

    if (key == NULL)
        key = json_object_get(group, "private");
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        const json_t *jws = json_object_get(test, "jws");
        const int tc = (int)json_integer_value(json_object_get(test, "tcId"));
        const bool is_valid =
            strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
        bool accepted;

        if (jws == NULL) { /* JWE: there is no code for it, so every one must be no JWS */
            CHECK(!accepts(verifier, key, rki_json_str(json_object_get(test, "jwe"))), "JWE");
            count++;
            continue;
        }
        accepted = accepts(verifier, key, rki_json_str(jws));
        if (accepted == is_valid && is_deviation(file, tc, accepted))
            fail_msg("%s %d: its row is not needed", file, tc);
        if (accepted != is_valid && !is_deviation(file, tc, accepted))
            fail_msg("%s %d (%s): %s", file, tc,
                     json_string_value(json_object_get(test, "comment")),
                     accepted ? "accepted" : "refused");
        *deviating += accepted != is_valid;
        count++;
    }
    return count;
}

static void test_file(const char *file, const char *path, size_t want)
{
    json_t *document = json_load_file(path, JSON_ALLOW_NUL, NULL);
    const json_t *groups = json_object_get(document, "testGroups");
    struct rkd_verifier *verifier = NULL;
    size_t count = 0, deviating = 0, rows = 0;

    CHECK(document != NULL, path);
    CHECK_ERR(rkd_verifier_new(&verifier), RK_OK, "verifier");
    for (size_t i = 0; i < json_array_size(groups); i++)
        count += check_group(verifier, file, json_array_get(groups, i), &deviating);
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i].file, file) == 0)
            rows += (size_t)(deviations[i].tc_to - deviations[i].tc_from + 1);
    CHECK(count == want, "every case");
    CHECK(rows == deviating, "every row");
    rkd_verifier_free(verifier);
    json_decref(document);
}

#define DIR RK_TEST_SOURCE_DIR "/tests/vectors/wycheproof/"

static void test_signature(void **state)
{
    (void)state;
    test_file("signature", DIR "json_web_signature_test.json", 401);
}

static void test_key(void **state)
{
    (void)state;
    test_file("key", DIR "json_web_key_test.json", 26);
}

static void test_crypto(void **state)
{
    (void)state;
    test_file("crypto", DIR "json_web_crypto_test.json", 83);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_crypto),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
