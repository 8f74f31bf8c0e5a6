/*
 * test_golden.c - tokens that other implementations made, minted again through the public API.
 *
 * The 32 of npm livekit-server-sdk must come out byte for byte in its own form and equal in meaning
 * in ours (tests/vectors/README.md, points 2 to 4); the 12 in the style of Go are loaded and minted
 * again; the one with a lone surrogate cannot be set here and must be refused.
 */
#include "check.h"
#include "core/b64.h"
#include "core/json.h"
#include "core/mac.h"

#include <roomkey/roomkey.h>
#include <stdio.h>
#include <stdlib.h>

static char token_space[RK_TOKEN_MAX];
static char payload_space[RK_TOKEN_MAX];

static json_t *vectors(const char *name)
{
    char path[512];
    json_error_t error;
    json_t *all;

    (void)snprintf(path, sizeof(path), "%s/tests/vectors/%s", RK_TEST_SOURCE_DIR, name);
    all = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (all == NULL)
        fail_msg("%s: %s", path, error.text);
    return all;
}

static struct rk_str text(const json_t *object, const char *key)
{
    return rki_json_str(json_object_get(object, key));
}

static const char *why(const json_t *vector)
{
    return json_string_value(json_object_get(vector, "name"));
}

static struct rk_key *key_of(const json_t *vector)
{
    struct rk_key *key = NULL;

    CHECK_ERR(rk_key_new(text(vector, "apiKey"), text(vector, "apiSecret"), &key), RK_OK,
              why(vector));
    return key;
}

/* -- the steps of the Node SDK through our setters ------------------------------------------- */

static void set_sources(struct rk_claims *claims, json_t *list)
{
    enum rk_source sources[8];
    size_t count = json_array_size(list);

    CHECK(count <= ARRAY_LEN(sources), "sources in a vector");
    for (size_t i = 0; i < count; i++)
        sources[i] = rk_source_from_name(rki_json_str(json_array_get(list, i)));
    CHECK_ERR(rk_claims_set_publish_sources(claims, sources, count), RK_OK, "sources");
}

static void set_grants(struct rk_claims *claims, const char *section, json_t *grants)
{
    const char *key;
    json_t *value;

    json_object_foreach(grants, key, value)
    {
        char name[64];
        enum rk_grant grant;

        (void)snprintf(name, sizeof(name), "%s.%s", section, key);
        grant = rk_grant_from_name(rki_cstr(name));
        if (json_is_boolean(value))
            CHECK_ERR(rk_claims_set_grant(claims, grant, json_is_true(value)), RK_OK, name);
        else if (strcmp(key, "room") == 0)
            CHECK_ERR(rk_claims_set_room(claims, rki_json_str(value)), RK_OK, name);
        else if (strcmp(key, "destinationRoom") == 0)
            CHECK_ERR(rk_claims_set_destination_room(claims, rki_json_str(value)), RK_OK, name);
        else
            set_sources(claims, value);
    }
}

static void set_attributes(struct rk_claims *claims, json_t *attributes)
{
    const char *key;
    json_t *value;

    json_object_foreach(attributes, key, value)
        CHECK_ERR(rk_claims_set_attribute(claims, rki_cstr(key), rki_json_str(value)), RK_OK, key);
}

static void set_room_config(struct rk_claims *claims, json_t *config)
{
    char *json = json_dumps(config, JSON_COMPACT);
    struct rk_diag diag = {{0}, {0}};

    CHECK_ERR(rk_claims_set_room_config(claims, rki_cstr(json), &diag), RK_OK, diag.field);
    free(json);
}

static void apply(struct rk_claims *claims, const char *kind, json_t *value)
{
    static const struct {
        const char *kind;
        enum rk_err (*set)(struct rk_claims *claims, struct rk_str value);
    } texts[] = {
        {"name", rk_claims_set_name},
        {"metadata", rk_claims_set_metadata},
        {"sha256", rk_claims_set_sha256},
        {"roomPreset", rk_claims_set_room_preset},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].kind, kind) == 0) {
            CHECK_ERR(texts[i].set(claims, rki_json_str(value)), RK_OK, kind);
            return;
        }
    if (strcmp(kind, "attributes") == 0)
        set_attributes(claims, value);
    else if (strcmp(kind, "kind") == 0)
        CHECK_ERR(rk_claims_set_kind(claims, rk_kind_from_name(rki_json_str(value))), RK_OK, kind);
    else if (strcmp(kind, "roomConfig") == 0)
        set_room_config(claims, value);
    else
        set_grants(claims, kind, value);
}

static int64_t ttl_of(const json_t *input)
{
    const json_t *ttl = json_object_get(input, "ttl");

    if (ttl == NULL)
        return 6 * 3600;
    if (json_is_integer(ttl))
        return json_integer_value(ttl);
    CHECK(rki_str_equal(rki_json_str(ttl), RK_STR("90m")), "the only ttl in words");
    return 90 * 60;
}

static void set_input(struct rk_claims *claims, const json_t *vector)
{
    json_t *input = json_object_get(vector, "input");
    const char *const options[] = {"metadata", "attributes", "name"};
    size_t index;
    json_t *step;

    rk_claims_reset(claims);
    if (json_object_get(input, "identity") != NULL)
        CHECK_ERR(rk_claims_set_identity(claims, text(input, "identity")), RK_OK, why(vector));
    CHECK_ERR(rk_claims_set_ttl(claims, ttl_of(input)), RK_OK, why(vector));
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (json_object_get(input, options[i]) != NULL)
            apply(claims, options[i], json_object_get(input, options[i]));
    json_array_foreach(json_object_get(input, "steps"), index, step)
        apply(claims, json_string_value(json_array_get(step, 0)), json_array_get(step, 1));
}

/* -- comparison ------------------------------------------------------------------------------- */

static json_t *payload_of(struct rk_str token, const char *name)
{
    const char *first = memchr(token.ptr, '.', token.len);
    const char *last = token.ptr + token.len;
    size_t len = 0;
    json_t *payload;

    while (*--last != '.')
        continue;
    CHECK(first < last, name);
    CHECK_ERR(rki_b64url_decode(rki_str(first + 1, (size_t)(last - first - 1)), payload_space,
                                sizeof(payload_space), &len),
              RK_OK, name);
    payload = json_loadb(payload_space, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    CHECK(payload != NULL, name);
    return payload;
}

/* Nothing but default values, as protojson leaves out. */
static bool is_default(json_t *value)
{
    const char *const enums[] = {"JRP_ON_FAILURE", "DEFAULT_MIXING"};
    const char *key;
    json_t *member;

    for (size_t i = 0; i < ARRAY_LEN(enums); i++)
        if (rki_str_equal(rki_json_str(value), rki_cstr(enums[i])))
            return true;
    json_object_foreach(value, key, member) if (!is_default(member)) return false;
    return json_is_object(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

/* Every member of `got` is in `want` with the same value, and what is missing has its default. */
static bool same_config(json_t *got, json_t *want)
{
    const char *key;
    json_t *value;

    if (json_is_array(want)) {
        for (size_t i = 0; i < json_array_size(want); i++)
            if (!same_config(json_array_get(got, i), json_array_get(want, i)))
                return false;
        return json_array_size(got) == json_array_size(want);
    }
    if (!json_is_object(want))
        return json_equal(got, want) != 0;
    json_object_foreach(got, key, value) if (json_object_get(want, key) == NULL) return false;
    json_object_foreach(want, key, value)
    {
        json_t *mine = json_object_get(got, key);

        if (mine == NULL ? !is_default(value) : !same_config(mine, value))
            return false;
    }
    return true;
}

/* What the README allows to differ is taken out of both (point 4); both are changed. */
static void check_same(json_t *got, json_t *want, const char *name)
{
    json_t *mine = json_object_get(got, "roomConfig"),
           *theirs = json_object_get(want, "roomConfig");

    if (theirs != NULL)
        CHECK(mine == NULL ? is_default(theirs) : same_config(mine, theirs), name);
    else
        CHECK(mine == NULL, name);
    (void)json_object_del(got, "roomConfig");
    (void)json_object_del(want, "roomConfig");
    (void)json_object_del(want, "identity"); /* beside sub; the server ignores it */
    if (json_equal(got, want) == 0)
        fail_msg("%s:\n got %s\nwant %s", name, json_dumps(got, 0), json_dumps(want, 0));
}

/* -- the tests -------------------------------------------------------------------------------- */

static void test_js_bytes(void **state)
{
    json_t *all = vectors("livekit-server-sdk-js.json"), *vector;
    struct rk_claims *claims = NULL;
    size_t index;

    (void)state;
    CHECK(json_array_size(all) == 32, "all of them");
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    json_array_foreach(all, index, vector)
    {
        struct rk_key *key = key_of(vector);
        struct rk_signer *signer = NULL;
        size_t len = 0;

        set_input(claims, vector);
        CHECK_ERR(rk_signer_new(key, &signer), RK_OK, why(vector));
        CHECK_ERR(rk_signer_sign_js(signer, claims,
                                    json_integer_value(json_object_get(vector, "now")), token_space,
                                    sizeof(token_space), &len),
                  RK_OK, why(vector));
        CHECK_STR(rki_str(token_space, len), text(vector, "token"), why(vector));
        rk_signer_free(signer);
        rk_key_free(key);
    }
    rk_claims_free(claims);
    json_decref(all);
}

static void test_js_meaning(void **state)
{
    json_t *all = vectors("livekit-server-sdk-js.json"), *vector;
    struct rk_claims *claims = NULL;
    size_t index, refused = 0;

    (void)state;
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    json_array_foreach(all, index, vector)
    {
        struct rk_key *key = key_of(vector);
        int64_t now = json_integer_value(json_object_get(vector, "now"));
        size_t len = 0;
        json_t *got;

        set_input(claims, vector);
        if (strcmp(why(vector), "no-grants") == 0) { /* refused here, never defaulted */
            CHECK_ERR(rk_token_sign(key, claims, now, token_space, sizeof(token_space), &len),
                      RK_E_STATE, why(vector));
            refused++;
            rk_key_free(key);
            continue;
        }
        CHECK_ERR(rk_token_sign(key, claims, now, token_space, sizeof(token_space), &len), RK_OK,
                  why(vector));
        got = payload_of(rki_str(token_space, len), why(vector));
        CHECK(json_integer_value(json_object_get(got, "iat")) == now, why(vector));
        (void)json_object_del(got, "iat"); /* the Node SDK writes none */
        check_same(got, json_object_get(vector, "payload"), why(vector));
        json_decref(got);
        rk_key_free(key);
    }
    CHECK(refused == 1, "exactly one");
    rk_claims_free(claims);
    json_decref(all);
}

static void test_go_meaning(void **state)
{
    json_t *all = vectors("livekit-go-style.json"), *vector;
    struct rk_claims *claims = NULL;
    size_t index;

    (void)state;
    CHECK(json_array_size(all) == 12, "all of them");
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    json_array_foreach(all, index, vector)
    {
        struct rk_key *key = key_of(vector);
        int64_t now = json_integer_value(json_object_get(vector, "now")), exp = 0;
        struct rk_diag diag = {{0}, {0}};
        size_t len = 0;
        json_t *got;

        CHECK_ERR(rk_claims_load_json(claims, text(vector, "payloadText"), &diag), RK_OK,
                  why(vector));
        CHECK(rk_claims_expires_at(claims, &exp), why(vector));
        CHECK_ERR(rk_claims_set_ttl(claims, exp - now), RK_OK, why(vector));
        CHECK_ERR(rk_token_sign(key, claims, now, token_space, sizeof(token_space), &len), RK_OK,
                  why(vector));
        got = payload_of(rki_str(token_space, len), why(vector));
        check_same(got, json_object_get(vector, "payload"), why(vector));
        json_decref(got);
        rk_key_free(key);
    }
    rk_claims_free(claims);
    json_decref(all);
}

/* A payload that is read says the same when it is written. */
static void test_load_and_write(void **state)
{
    const char *const files[] = {"livekit-server-sdk-js.json", "livekit-go-style.json"};
    struct rk_claims *claims = NULL;

    (void)state;
    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        json_t *all = vectors(files[i]), *vector, *got;
        size_t index, len = 0;

        json_array_foreach(all, index, vector)
        {
            CHECK_ERR(rk_claims_load_json(claims, text(vector, "payloadText"), NULL), RK_OK,
                      why(vector));
            CHECK_ERR(rk_claims_write_json(claims, payload_space, sizeof(payload_space), &len),
                      RK_OK, why(vector));
            got = json_loadb(payload_space, len, JSON_ALLOW_NUL, NULL);
            CHECK(got != NULL, why(vector));
            check_same(got, json_object_get(vector, "payload"), why(vector));
            json_decref(got);
        }
        json_decref(all);
    }
    rk_claims_free(claims);
}

static void check_mac(struct rk_key *key, struct rk_str token, const char *name)
{
    struct rki_mac *mac = NULL;
    unsigned char digest[RKI_MAC_SIZE];
    char written[64];
    struct rki_buf buf = rki_buf_over(written, sizeof(written));
    size_t dot = token.len;

    while (token.ptr[--dot] != '.')
        continue;
    CHECK_ERR(rki_mac_new(key, &mac), RK_OK, name);
    CHECK_ERR(rki_mac_run(mac, rki_str(token.ptr, dot), digest), RK_OK, name);
    rki_b64url_encode(&buf, rki_str((const char *)digest, sizeof(digest)));
    CHECK_STR(rki_buf_str(&buf), rki_str(token.ptr + dot + 1, token.len - dot - 1), name);
    rki_mac_free(mac);
}

static void test_macs(void **state)
{
    const char *const files[] = {"livekit-server-sdk-js.json", "livekit-go-style.json"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        json_t *all = vectors(files[i]), *vector;
        size_t index;

        json_array_foreach(all, index, vector)
        {
            struct rk_key *key = key_of(vector);

            check_mac(key, text(vector, "token"), why(vector));
            rk_key_free(key);
        }
        json_decref(all);
    }
}

/* The file holds an escape that strict readers refuse, so its members are cut out by hand. */
static struct rk_str cut(const char *file, const char *key)
{
    const char *at = strstr(file, key);
    const char *end;

    CHECK(at != NULL, key);
    at += strlen(key);
    end = strchr(at, '"');
    CHECK(end != NULL, key);
    return rki_str(at, (size_t)(end - at));
}

static void test_lone_surrogate(void **state)
{
    struct rk_key *key = NULL;
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {{0}, {0}};
    struct rk_str token;
    size_t len;
    FILE *file;

    (void)state;
    file =
        fopen(RK_TEST_SOURCE_DIR "/tests/vectors/livekit-server-sdk-js-lone-surrogate.json", "r");
    CHECK(file != NULL, "the file");
    len = fread(payload_space, 1, sizeof(payload_space) - 1, file);
    payload_space[len] = '\0';
    (void)fclose(file);

    CHECK_ERR(rk_key_new(cut(payload_space, "\"apiKey\": \""),
                         cut(payload_space, "\"apiSecret\": \""), &key),
              RK_OK, "key");
    token = cut(payload_space, "\"token\": \"");
    check_mac(key, token, "lone surrogate");

    CHECK_ERR(rk_claims_new(&claims), RK_OK, "claims");
    CHECK_ERR(rk_claims_set_name(claims, RK_STR("a\xed\xa0\x80"
                                                "b")),
              RK_E_INVAL, "as bytes");
    CHECK_ERR(rk_claims_load_json(claims, RK_STR("{\"name\":\"a\\ud800b\"}"), &diag),
              RK_E_MALFORMED, "as an escape");
    rk_claims_free(claims);
    rk_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_js_bytes),   cmocka_unit_test(test_js_meaning),
        cmocka_unit_test(test_go_meaning), cmocka_unit_test(test_load_and_write),
        cmocka_unit_test(test_macs),       cmocka_unit_test(test_lone_surrogate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
