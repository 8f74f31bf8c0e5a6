/*
 * test_errors.c - every refusal in every shape.
 */
#include "api_support.h"

static const struct {
    enum rkd_err err;
    unsigned status;
    const char *code;
} rows[] = {
    /* design s.5 */
    {RKD_E_INVALID_REQUEST, 400, "invalid_request"},
    {RKD_E_ROOM_REQUIRED, 400, "room_required"},
    {RKD_E_INVALID_ROOM, 400, "invalid_room"},
    {RKD_E_INVALID_IDENTITY, 400, "invalid_identity"},
    {RKD_E_TOO_LARGE, 400, "too_large"},
    {RKD_E_UNAUTHENTICATED, 401, "unauthenticated"},
    {RKD_E_INVALID_TOKEN, 401, "invalid_token"},
    {RKD_E_NO_RULE, 403, "no_rule"},
    {RKD_E_NO_IDENTITY, 403, "no_identity"},
    {RKD_E_IDENTITY_MISMATCH, 403, "identity_mismatch"},
    {RKD_E_FIELD_NOT_ALLOWED, 403, "field_not_allowed"},
    {RKD_E_PROFILE_NOT_ALLOWED, 403, "profile_not_allowed"},
    {RKD_E_REFUSED_BY_HOOK, 403, "refused_by_hook"},
    {RKD_E_CROSS_SITE, 403, "no_rule"},
    {RKD_E_NOT_FOUND, 404, "not_found"},
    {RKD_E_METHOD_NOT_ALLOWED, 405, "method_not_allowed"},
    {RKD_E_TIMEOUT, 408, "timeout"},
    {RKD_E_BODY_TOO_LARGE, 413, "body_too_large"},
    {RKD_E_URI_TOO_LONG, 414, "uri_too_long"},
    {RKD_E_MEDIA_TYPE, 415, "media_type"},
    {RKD_E_EXPECTATION, 417, "expectation"},
    {RKD_E_RATE_LIMITED, 429, "rate_limited"},
    {RKD_E_HEADERS_TOO_LARGE, 431, "headers_too_large"},
    {RKD_E_INTERNAL, 500, "internal"},
    {RKD_E_MISSING_CREDENTIALS, 503, "missing_credentials"},
    {RKD_E_MISSING_SERVER_URL, 503, "missing_server_url"},
    {RKD_E_UNAVAILABLE, 503, "unavailable"},
    {RKD_E_DRAINING, 503, "draining"},
    {RKD_E_HTTP_VERSION, 505, "http_version"},
};

static const struct rkd_contract *const contracts[] = {
    &rkd_original, &rkd_token_route,  &rkd_standard, &rkd_sandbox_v1,
    &rkd_meet,     &rkd_create_token, &rkd_plain,
};

static json_t *refusal(struct trip *trip, const struct rkd_contract *contract, enum rkd_err err,
                       struct rk_str field)
{
    trip_init(trip);
    trip->ask.contract = contract;
    trip->problem.err = err;
    trip->problem.field = field;
    trip_write_error(trip);
    return trip_json(trip, rkd_error_row(err)->code.ptr);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "(none)" : text;
}

static void test_table(void **state)
{
    (void)state;
    CHECK(ARRAY_LEN(rows) == RKD_ERR_COUNT - 1, "every refusal is in the table of this test");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rkd_error_row *row = rkd_error_row(rows[i].err);

        CHECK(row->status == rows[i].status, rows[i].code);
        CHECK_STR(row->code, rki_cstr(rows[i].code), "code");
        CHECK(row->title.len != 0 && row->detail.len != 0, rows[i].code);
    }
    CHECK(rkd_error_row(RKD_OK) == rkd_error_row(RKD_E_INTERNAL), "no error is no answer");
    CHECK(rkd_error_row(RKD_ERR_COUNT) == rkd_error_row(RKD_E_INTERNAL), "past the end");
    CHECK(rkd_error_row((enum rkd_err)9999) == rkd_error_row(RKD_E_INTERNAL), "far past it");
}

static void test_problem_details(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trip trip;
        json_t *json = refusal(&trip, &rkd_standard, rows[i].err, rki_str(NULL, 0));

        CHECK(json_object_size(json) == 6, rows[i].code);
        CHECK_STR(rki_cstr(text_of(json, "type")), RK_STR("about:blank"), rows[i].code);
        CHECK_STR(rki_cstr(text_of(json, "title")), rkd_error_row(rows[i].err)->title, "title");
        CHECK_STR(rki_cstr(text_of(json, "code")), rki_cstr(rows[i].code), "code");
        CHECK_STR(rki_cstr(text_of(json, "detail")), rkd_error_row(rows[i].err)->detail, "detail");
        CHECK_STR(rki_cstr(text_of(json, "request_id")), RK_STR("request-id-of-22-bytes"), "id");
        CHECK(json_integer_value(json_object_get(json, "status")) == rows[i].status, "status");
        CHECK(rkd_standard.status(rows[i].err) == rows[i].status, "the status line's");
        json_decref(json);
        trip_clear(&trip);
    }
}

static void test_field_is_escaped(void **state)
{
    struct trip trip;
    json_t *json = refusal(&trip, &rkd_standard, RKD_E_INVALID_REQUEST,
                           RK_STR("participant_attributes.a\"b\\c\n"));

    (void)state;
    CHECK_STR(rki_cstr(text_of(json, "field")), RK_STR("participant_attributes.a\"b\\c\n"),
              "a field cannot break out");
    CHECK(json_object_size(json) == 7, "seven members");
    json_decref(json);
    trip_clear(&trip);
}

static void test_original_codes(void **state)
{
    static const struct {
        enum rkd_err err;
        unsigned status;
        const char *code;
    } wants[] = {
        {RKD_E_INVALID_REQUEST, 400, "VALIDATION_ERROR"},
        {RKD_E_TOO_LARGE, 400, "VALIDATION_ERROR"},
        {RKD_E_BODY_TOO_LARGE, 413, "VALIDATION_ERROR"},
        {RKD_E_PROFILE_NOT_ALLOWED, 403, "PROFILE_NOT_ALLOWED"},
        {RKD_E_CROSS_SITE, 403, "NO_RULE"},
        {RKD_E_METHOD_NOT_ALLOWED, 405, "METHOD_NOT_ALLOWED"},
        {RKD_E_TIMEOUT, 408, "TIMEOUT"},
        {RKD_E_MEDIA_TYPE, 415, "MEDIA_TYPE"},
        {RKD_E_RATE_LIMITED, 429, "RATE_LIMITED"},
        {RKD_E_INTERNAL, 500, "INTERNAL_ERROR"},
        {RKD_E_MISSING_CREDENTIALS, 500, "MISSING_CREDENTIALS"},
        {RKD_E_UNAVAILABLE, 503, "UNAVAILABLE"},
        {RKD_E_DRAINING, 503, "DRAINING"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        struct trip trip;
        json_t *json = refusal(&trip, &rkd_token_route, wants[i].err, RK_STR("x"));

        CHECK_STR(rki_cstr(text_of(json, "errorCode")), rki_cstr(wants[i].code), "errorCode");
        CHECK(json_integer_value(json_object_get(json, "statusCode")) == wants[i].status,
              wants[i].code);
        CHECK(rkd_token_route.status(wants[i].err) == wants[i].status, wants[i].code);
        CHECK_STR(rki_cstr(text_of(json, "timestamp")), RK_STR("2026-01-01T00:00:00.123Z"),
                  "timestamp");
        CHECK(json_object_size(json) == 4, "no validationErrors: the body is not to blame");
        json_decref(json);
        trip_clear(&trip);
    }
}

static void test_original_401(void **state)
{
    struct trip trip;
    json_t *json = refusal(&trip, &rkd_original, RKD_E_UNAUTHENTICATED, rki_str(NULL, 0)), *error;

    (void)state;
    CHECK_STR(rki_buf_str(&trip.answer),
              RK_STR("{\"error\":{\"code\":\"missing_token\",\"message\":\"Authorization header is "
                     "missing\",\"statusCode\":401},\"timestamp\":\"2026-01-01T00:00:00.123Z\","
                     "\"path\":\"/api/token\"}"),
              "stage 004, byte for byte");
    json_decref(json);
    trip_clear(&trip);

    json = refusal(&trip, &rkd_original, RKD_E_INVALID_TOKEN, rki_str(NULL, 0));
    error = json_object_get(json, "error");
    CHECK_STR(rki_cstr(text_of(error, "code")), RK_STR("invalid_token"), "code");
    CHECK(json_integer_value(json_object_get(error, "statusCode")) == 401, "statusCode");
    json_decref(json);
    trip_clear(&trip);
}

static void test_401_path_cannot_break_out(void **state)
{
    struct trip trip;
    json_t *json;

    (void)state;
    trip_init(&trip);
    trip.ask.contract = &rkd_original;
    trip.problem.err = RKD_E_INVALID_TOKEN;
    trip.path = RK_STR("/api/\"token\xff\r\n");
    trip_write_error(&trip);
    json = trip_json(&trip, "path");
    CHECK_STR(rki_cstr(text_of(json, "path")), RK_STR("/api/\"token\xef\xbf\xbd\r\n"), "escaped");
    json_decref(json);
    trip_clear(&trip);
}

/* Android reads whatever body came, whatever the status (reference s.4.3). */
static void test_no_token_in_a_refusal(void **state)
{
    static const char *const names[] = {"token",     "participant_token", "participantToken",
                                        "serverUrl", "server_url",        "accessToken"};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(contracts); c++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct trip trip;
            json_t *json = refusal(&trip, contracts[c], rows[i].err, RK_STR("room_name"));

            for (size_t n = 0; n < ARRAY_LEN(names); n++)
                CHECK(json_object_get(json, names[n]) == NULL, names[n]);
            json_decref(json);
            trip_clear(&trip);
        }
}

static void test_contracts_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(contracts); i++) {
        const struct rkd_contract *c = contracts[i];

        CHECK(c->name.len != 0 && c->write_error != NULL && c->status != NULL, "refuses");
        CHECK(c->error_type.len != 0, "has a type");
        if (c == &rkd_plain)
            continue;
        CHECK(c->read != NULL && c->write_pass != NULL && c->pass_type.len != 0, c->name.ptr);
        CHECK(c->terms.default_ttl_s > 0, "a lifetime");
    }
    CHECK(rkd_plain.read == NULL && rkd_plain.write_pass == NULL, "nothing but refusals");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_problem_details),
        cmocka_unit_test(test_field_is_escaped),
        cmocka_unit_test(test_original_codes),
        cmocka_unit_test(test_original_401),
        cmocka_unit_test(test_401_path_cannot_break_out),
        cmocka_unit_test(test_no_token_in_a_refusal),
        cmocka_unit_test(test_contracts_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
