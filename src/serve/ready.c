/*
 * ready.c - writes what /readyz tells everybody.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/ready.h"

struct item {
    bool is_bad;
    struct rk_str name;
};

static void write_list(struct rki_buf *out, struct rk_str name, const struct item *items,
                       size_t count)
{
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        if (!items[i].is_bad)
            continue;
        if (is_first) {
            rki_buf_lit(out, ",\"");
            rki_buf_put(out, name);
            rki_buf_lit(out, "\":[\"");
        } else {
            rki_buf_lit(out, ",\"");
        }
        rki_buf_put(out, items[i].name);
        rki_buf_char(out, '"');
        is_first = false;
    }
    if (!is_first)
        rki_buf_char(out, ']');
}

bool rkd_ready_is_ok(const struct rkd_ready *ready)
{
    return ready->has_key && ready->can_verify && ready->loops_turn && ready->is_staying;
}

static bool wants(const struct rkd_ready *ready, unsigned what)
{
    return !ready->can_verify && (ready->wants & what) != 0;
}

unsigned rkd_ready_write(struct rki_buf *out, const struct rkd_ready *ready)
{
    const struct item missing[] = {
        {!ready->has_key, RK_STR("credentials")},
        /* the original contract works without a URL, so this alone is no reason to be taken out of
         * service */
        {!ready->has_url, RK_STR("server_url")},
        {wants(ready, RKD_WANTS_KEY_SETS), RK_STR("key_sets")},
        {wants(ready, RKD_WANTS_API_KEYS), RK_STR("api_keys")},
        {wants(ready, RKD_WANTS_EASY_AUTH), RK_STR("easy_auth")},
        {!ready->can_verify && ready->wants == 0, RK_STR("callers")}, /* not known yet */
    };
    const struct item failing[] = {
        {!ready->loops_turn, RK_STR("loop_lag")},
        {!ready->is_staying, RK_STR("draining")},
    };
    const bool is_ok = rkd_ready_is_ok(ready);

    rki_buf_lit(out, "{\"status\":\"");
    rki_buf_put(out, !is_ok ? RK_STR("fail") : ready->has_url ? RK_STR("pass") : RK_STR("warn"));
    rki_buf_char(out, '"');
    write_list(out, RK_STR("missing"), missing, ARRAY_LEN(missing));
    write_list(out, RK_STR("failing"), failing, ARRAY_LEN(failing));
    rki_buf_char(out, '}');
    return is_ok ? 200 : 503;
}
