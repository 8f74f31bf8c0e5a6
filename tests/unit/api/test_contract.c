/*
 * test_contract.c - every stage-002 case of vectors/contract.json through reading, deciding and
 * writing. What only a socket can show (CORS, Allow) is counted here and shown by tests/e2e.
 */
#include "api_support.h"

#include <openssl/evp.h>

enum { STAGE_002_CASES = 125, PREFLIGHT_CASES = 2, MAX_BODY_BYTES = 64 * 1024 };

struct tally {
    size_t all, passes, refusals, preflights;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- the request ---- */

static struct rk_str generate(const json_t *plan)
{
    const char *prefix = text_of(plan, "prefix"), *suffix = text_of(plan, "suffix");
    const char *open = text_of(plan, "repeatOpen"), *close = text_of(plan, "repeatClose");
    size_t count = (size_t)json_integer_value(json_object_get(plan, "count"));
    size_t cap = strlen(prefix) + strlen(suffix) + count * (strlen(open) + 8) + 64;
    struct rki_buf out = rki_buf_over(malloc(cap), cap);

    CHECK(out.ptr != NULL, "memory");
    rki_buf_put(&out, rki_cstr(prefix));
    for (size_t i = 0; i < count; i++)
        rki_buf_put(&out, rki_cstr(open));
    for (size_t i = 0; close != NULL && i < count; i++)
        rki_buf_put(&out, rki_cstr(close));
    rki_buf_put(&out, rki_cstr(suffix));
    CHECK(!out.overflow, "a generated body fits");
    return rki_buf_str(&out);
}

static struct rk_str decode_base64(const char *text)
{
    size_t len = strlen(text);
    unsigned char *out = malloc(len + 4);
    int took;

    CHECK(out != NULL, "memory");
    took = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    CHECK(took >= 0, "base64 of a vector");
    while (len > 0 && text[len - 1] == '=') {
        took--;
        len--;
    }
    return rki_str((char *)out, (size_t)took);
}

/* Always the caller's to free, and flush against its end, so that asan sees a read behind it. */
static struct rk_str body_of(const json_t *request)
{
    const json_t *plan = json_object_get(request, "bodyGenerator");
    const json_t *text = json_object_get(request, "body");
    const char *base64 = text_of(request, "bodyBase64");
    char *copy;

    if (json_is_object(plan))
        return generate(plan);
    if (base64 != NULL)
        return decode_base64(base64);
    copy = malloc(json_string_length(text) + (json_string_length(text) == 0));
    CHECK(copy != NULL, "memory");
    if (json_string_length(text) != 0)
        memcpy(copy, json_string_value(text), json_string_length(text));
    return rki_str(copy, json_string_length(text));
}

/* ---- what serve does around this room, in short ---- */

static bool has_credentials(const json_t *env)
{
    const char *key = text_of(env, "LIVEKIT_API_KEY"), *secret = text_of(env, "LIVEKIT_API_SECRET");

    return key != NULL && key[0] != '\0' && secret != NULL && secret[0] != '\0';
}

static bool path_is(const char *path, const char *want)
{
    return strncmp(path, want, strlen(want)) == 0 &&
           (path[strlen(want)] == '\0' || path[strlen(want)] == '?');
}

/* The status; the body is in trip->answer. */
static unsigned answer(struct trip *trip, const json_t *test, struct rk_str body)
{
    const json_t *request = json_object_get(test, "request");
    enum rkd_err err = RKD_OK;

    trip->ask.contract = &rkd_token_route;
    if (!path_is(text_of(request, "path"), "/api/token")) {
        trip->ask.contract = &rkd_plain;
        err = RKD_E_NOT_FOUND;
    } else if (strcmp(text_of(request, "method"), "POST") != 0) {
        err = RKD_E_METHOD_NOT_ALLOWED;
    } else if (body.len > MAX_BODY_BYTES) {
        err = RKD_E_BODY_TOO_LARGE;
    }
    if (err == RKD_OK)
        err = trip_read(trip, &rkd_token_route, body, rki_str(NULL, 0));
    if (err == RKD_OK)
        err = trip_decide(trip);
    if (err == RKD_OK && !has_credentials(json_object_get(test, "env")))
        err = RKD_E_MISSING_CREDENTIALS;
    if (err == RKD_OK) {
        trip_write_pass(trip);
    } else {
        trip->problem.err = err;
        trip_write_error(trip);
    }
    return err == RKD_OK ? 200 : trip->ask.contract->status(err);
}

/* ---- comparing ---- */

static bool is_iso_ms(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    if (text == NULL || strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == 'd' ? (text[i] < '0' || text[i] > '9') : text[i] != form[i])
            return false;
    return true;
}

/* `want` as it is, but for its placeholders. */
static bool same(const json_t *got, const json_t *want)
{
    const char *text = json_string_value(want), *key;
    json_t *member;

    if (text != NULL && strcmp(text, "<jwt>") == 0)
        return json_is_string(got) && strcmp(json_string_value(got), TEST_TOKEN) == 0;
    if (text != NULL && strcmp(text, "<iso8601-ms-z>") == 0)
        return is_iso_ms(json_string_value(got));
    if (!json_is_object(want))
        return json_equal(got, want);
    if (json_object_size(got) != json_object_size(want))
        return false;
    json_object_foreach((json_t *)(uintptr_t)want, key,
                        member) if (!same(json_object_get(got, key), member)) return false;
    return true;
}

static struct rk_str str_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return rki_str(json_string_value(value), json_string_length(value));
}

static void check_claims(const struct rkd_decision *d, const json_t *claims, const char *id)
{
    const json_t *video = json_object_get(claims, "video");
    char exp[32];

    CHECK_STR(d->name, str_of(claims, "name"), id);
    CHECK_STR(d->room, str_of(video, "room"), id);
    CHECK_STR(d->identity, str_of(claims, "sub"), id);
    (void)snprintf(exp, sizeof(exp), "<now+%lld>", (long long)d->ttl_s);
    CHECK_STR(rki_cstr(exp), str_of(claims, "exp"), id);
    CHECK(((d->grants & RKD_GRANT_BIT(RK_GRANT_CAN_PUBLISH)) != 0) ==
              json_is_true(json_object_get(video, "canPublish")),
          id);
    CHECK(((d->grants & RKD_GRANT_BIT(RK_GRANT_CAN_SUBSCRIBE)) != 0) ==
              json_is_true(json_object_get(video, "canSubscribe")),
          id);
}

static void check_case(const json_t *test, struct tally *tally)
{
    const json_t *expected = json_object_get(test, "expected");
    const json_t *body = json_object_get(expected, "body");
    const char *id = text_of(test, "id");
    struct rk_str sent;
    struct trip trip;
    unsigned status, want = (unsigned)json_integer_value(json_object_get(expected, "status"));

    tally->all++;
    if (strcmp(text_of(json_object_get(test, "request"), "method"), "OPTIONS") == 0) {
        tally->preflights++;
        return;
    }
    trip_init(&trip);
    sent = body_of(json_object_get(test, "request"));
    status = answer(&trip, test, sent);
    if (status != want)
        fail_msg("%s: status %u, wanted %u: %.*s", id, status, want, (int)trip.answer.len,
                 trip.answer.ptr);
    if (json_is_object(body)) {
        json_t *got = trip_json(&trip, id);

        if (!same(got, body))
            fail_msg("%s: got %.*s", id, (int)trip.answer.len, trip.answer.ptr);
        json_decref(got);
    }
    if (json_object_get(expected, "tokenClaims") != NULL)
        check_claims(&trip.decision, json_object_get(expected, "tokenClaims"), id);
    *(status == 200 ? &tally->passes : &tally->refusals) += 1;
    trip_clear(&trip);
    free((void *)(uintptr_t)sent.ptr); /* borrowed from until here */
}

static void test_contract(void **state)
{
    json_error_t where;
    json_t *file =
        json_load_file(RK_TEST_SOURCE_DIR "/tests/vectors/contract.json", JSON_ALLOW_NUL, &where);
    struct tally tally = {0};
    size_t index;
    json_t *test;

    (void)state;
    CHECK(file != NULL, where.text);
    json_array_foreach(json_object_get(file, "cases"), index, test)
    {
        if (strcmp(text_of(test, "stage"), "002") == 0)
            check_case(test, &tally);
    }
    json_decref(file);
    CHECK(tally.all == STAGE_002_CASES, "every case was looked at");
    CHECK(tally.preflights == PREFLIGHT_CASES, "and only the preflights are left to e2e");
    CHECK(tally.passes > 20 && tally.refusals > 80, "both kinds are there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_contract)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
