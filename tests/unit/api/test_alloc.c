/*
 * test_alloc.c - every contract's reader with the 1st, 2nd, ... nth allocation failing: the request
 * is refused as unavailable, nothing leaks (asan), and the next one is served.
 */
#include "api_support.h"

#include "alloc_fail.h"

static const struct {
    const struct rkd_contract *contract;
    const char *body;
} cases[] = {
    {&rkd_original, "{\"roomName\":\"a\",\"participantIdentity\":\"b\",\"x\":[1,{\"y\":\"z\"}]}"},
    {&rkd_token_route, "{\"room_name\":\"\\u0061\",\"participant_attributes\":{\"a\":\"b\"}}"},
    {&rkd_standard,
     "{\"room_name\":\"a\",\"participant_attributes\":{\"a\":\"b\"},\"room_config\":{\"agents\":[{"
     "\"agent_name\":\"n\",\"metadata\":\"m\"}],\"max_participants\":2}}"},
    {&rkd_sandbox_v1, "{\"roomName\":\"a\",\"x\":1.5}"},
    {&rkd_create_token, "{\"roomName\":\"a\",\"participantName\":\"b\"}"},
};

static void sweep(size_t which)
{
    struct trip trip;
    size_t failed = 0;

    trip_init(&trip);
    for (size_t n = 1;; n++) {
        enum rkd_err err;

        rki_arena_reset(&trip.arena);
        memset(&trip.ask, 0, sizeof(trip.ask));
        alloc_fail_at(n);
        err =
            trip_read(&trip, cases[which].contract, rki_cstr(cases[which].body), rki_str(NULL, 0));
        if (!alloc_fail_hit()) {
            CHECK(err == RKD_OK, "nothing failed any more");
            break;
        }
        CHECK(err == RKD_E_UNAVAILABLE, cases[which].body);
        failed++;
    }
    CHECK(failed > 2, "the reader does allocate");
    trip_clear(&trip);
}

static void test_sweep(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        sweep(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
