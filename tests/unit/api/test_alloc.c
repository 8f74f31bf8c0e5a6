/*
 * test_alloc.c - every contract's reader with jansson out of memory from the 1st, 2nd, ... nth
 * allocation on: the request is refused, as unavailable wherever that can be known, nothing leaks
 * (asan), and the next one is served.
 *
 * "From the nth on", not the nth alone (alloc_fail.h): when its token buffer cannot grow, jansson
 * drops a byte and goes on; core/json.c asks for that much beforehand, so that only a process that
 * finds memory again within the same call could read a text short.
 */
#include "api_support.h"

static const struct {
    const struct rkd_contract *contract;
    const char *body;
} cases[] = {
    {&rkd_original, "{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"x\":[1,{\"y\":\"z\"}]}"},
    {&rkd_token_route, "{\"room_name\":\"\\u0061\",\"participant_attributes\":{\"a\":\"b\"}}"},
    {&rkd_standard,
     "{\"room_name\":\"a\",\"participant_attributes\":{\"a\":\"b\"},\"room_config\":{\"agents\":[{"
     "\"agent_name\":\"n\",\"metadata\":\"m\"}],\"max_participants\":2}}"},
    {&rkd_sandbox_v1, "{\"roomName\":\"a\",\"x\":1.5,\"roomConfig\":{\"name\":\"n\"}}"},
    {&rkd_create_token, "{\"roomName\":\"a\",\"participantName\":\"b\"}"},
};

static size_t allocations_left; /* jansson's hook has no context */
static bool ran_out;

static void *give(size_t size)
{
    if (allocations_left == 0) {
        ran_out = true;
        return NULL;
    }
    allocations_left--;
    return malloc(size);
}

/* Some failed allocations jansson reports as bad syntax. A refusal all the same. */
static bool is_jansson_lie(const struct trip *trip, enum rkd_err err)
{
    return err == RKD_E_INVALID_REQUEST && strcmp(trip->problem.reason, "json") == 0;
}

static void sweep(size_t which)
{
    struct trip trip;
    size_t told = 0;

    trip_init(&trip);
    ran_out = true;
    for (size_t n = 0; ran_out; n++) {
        enum rkd_err err;

        rki_arena_reset(&trip.arena);
        memset(&trip.ask, 0, sizeof(trip.ask));
        allocations_left = n;
        ran_out = false;
        err =
            trip_read(&trip, cases[which].contract, rki_cstr(cases[which].body), rki_str(NULL, 0));
        CHECK(ran_out == (err != RKD_OK), "refused exactly when something was missing");
        CHECK(!ran_out || err == RKD_E_UNAVAILABLE || is_jansson_lie(&trip, err),
              cases[which].body);
        told += err == RKD_E_UNAVAILABLE;
    }
    CHECK(told > 0, "and mostly says so");
    trip_clear(&trip);
}

static void test_sweep(void **state)
{
    (void)state;
    json_set_alloc_funcs(give, free);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        sweep(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
