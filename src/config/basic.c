/*
 * basic.c - settings of one value: words and small numbers.
 *
 * May touch: its arguments, the number of processors.
 */
#include "config/read.h"

#include <sched.h>

enum rk_err rkd_read_url(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    /* doctor says what is wrong with one, among everything else that is */
    if (value->kind != RKD_VALUE_STRING ||
        (!read->flags->is_for_looking && !rkd_url_is_valid(value->text)))
        return rkd_read_fail(read, value,
                             "expected a ws://, wss://, http:// or https:// URL with a host and "
                             "neither user, query nor fragment");
    *(struct rk_str *)target = value->text;
    return RK_OK;
}

unsigned rkd_workers_auto(void)
{
    cpu_set_t set;
    int count = 1;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = CPU_COUNT(&set);
    if (count < 1)
        return 1;
    return count > RKD_WORKERS_AUTO_MAX ? RKD_WORKERS_AUTO_MAX : (unsigned)count;
}

enum rk_err rkd_read_workers(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    const struct rk_str text = rkd_value_word(value);
    unsigned *out = &((struct rkd_settings *)target)->workers;
    uint64_t workers = 0;

    if (rki_str_equal(text, RK_STR("auto"))) {
        *out = rkd_workers_auto();
        return RK_OK;
    }
    if (!rkd_number_parse(text, RKD_WORKERS_MAX, &workers) || workers == 0)
        return rkd_read_fail(read, value, "expected auto or a number from 1 to 64");
    *out = (unsigned)workers;
    return RK_OK;
}

enum rk_err rkd_read_anonymous(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const char *const words[] = {"refuse", "allow", "rules"};
    static const enum rkd_anonymous values[] = {RKD_ANONYMOUS_REFUSE, RKD_ANONYMOUS_ALLOW,
                                                RKD_ANONYMOUS_RULES};
    struct rkd_settings *out = target;
    size_t index = 0;
    enum rk_err err = rkd_take_word(read, value, words, ARRAY_LEN(words),
                                    "expected refuse, allow or rules", &index);

    if (err != RK_OK)
        return err;
    out->anonymous = values[index];
    read->marks.anonymous = value->at;
    return RK_OK;
}

enum rk_err rkd_read_status(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    const struct rk_str text = rkd_value_word(value);
    struct rkd_settings *out = target;

    if (rki_str_equal(text, RK_STR("200")))
        out->success_status = 200;
    else if (rki_str_equal(text, RK_STR("201")))
        out->success_status = 201;
    else
        return rkd_read_fail(read, value, "expected 200 or 201");
    return RK_OK;
}

enum rk_err rkd_read_log_level(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    static const char *const words[] = {
        [RKD_LOG_ERROR] = "error",
        [RKD_LOG_WARN] = "warn",
        [RKD_LOG_INFO] = "info",
        [RKD_LOG_DEBUG] = "debug",
    };
    size_t index = 0;
    enum rk_err err = rkd_take_word(read, value, words, ARRAY_LEN(words),
                                    "expected error, warn, info or debug", &index);

    if (err == RK_OK)
        ((struct rkd_settings *)target)->log_level = (enum rkd_log_level)index;
    return err;
}
