/* What /readyz says for each combination of what holds. */
#include "check.h"

#include "serve/ready.h"

static void test_every_check(void **state)
{
    static const struct {
        struct rkd_ready ready;
        unsigned status;
        struct rk_str body;
    } rows[] = {
        {{true, true, true, true, true, 7}, 200, RK_STR_INIT("{\"status\":\"pass\"}")},
        {{true, true, false, true, true, 1},
         200,
         RK_STR_INIT("{\"status\":\"warn\",\"missing\":[\"server_url\"]}")},
        {{false, true, true, true, true, 1},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"missing\":[\"credentials\"]}")},
        {{true, false, true, true, true, RKD_WANTS_KEY_SETS},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"missing\":[\"key_sets\"]}")},
        {{true, false, true, true, true, RKD_WANTS_API_KEYS},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"missing\":[\"api_keys\"]}")},
        {{true, false, true, true, true, RKD_WANTS_KEY_SETS | RKD_WANTS_EASY_AUTH},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"missing\":[\"key_sets\",\"easy_auth\"]}")},
        {{true, true, true, false, true, 1},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"failing\":[\"loop_lag\"]}")},
        {{true, true, true, true, false, 1},
         503,
         RK_STR_INIT("{\"status\":\"fail\",\"failing\":[\"draining\"]}")},
        {{false, false, false, false, false, 0},
         503,
         RK_STR_INIT(
             "{\"status\":\"fail\",\"missing\":[\"credentials\",\"server_url\",\"callers\"],"
             "\"failing\":[\"loop_lag\",\"draining\"]}")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        CHECK(rkd_ready_write(&buf, &rows[i].ready) == rows[i].status, rows[i].body.ptr);
        CHECK(rkd_ready_is_ok(&rows[i].ready) == (rows[i].status == 200), rows[i].body.ptr);
        CHECK_STR(rki_buf_str(&buf), rows[i].body, "body");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_check)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
