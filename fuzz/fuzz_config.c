/*
 * fuzz_config.c - roomkey.yaml, whole: text -> settings, and every value with its position.
 *
 * The first byte chooses what the files are like that the text names (the file system is never
 * touched), the rest is the YAML. What loads must keep its promises, and a refusal is one line of
 * plain text.
 */
#include <stdlib.h>

#include "config/config.h"
#include "fuzz.h"

#define KEY "0123456789012345678901234567890123456789"
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static const char keys_file[] = "APIkey: \"" KEY "\"\n";
static const char api_keys_file[] =
    "t: { sha256: " HEX ", expires: 2027-01-01, claims: { org: acme } }\n";
static const char *const named[] = {KEY, keys_file, api_keys_file, ""};

struct files {
    struct rk_str config;
    unsigned which;
};

static const char *read_file(void *ctx, const char *path, char *raw, size_t cap, size_t *out_len)
{
    const struct files *files = ctx;
    const struct rk_str name = rki_cstr(path);
    struct rk_str text = files->config;

    if (!rki_str_equal(name, RK_STR("/roomkey.yaml"))) {
        const unsigned by_name = rki_str_ends_with(name, RK_STR("livekit-keys.yaml")) ? 1
                                 : rki_str_ends_with(name, RK_STR("api-keys.yaml"))   ? 2
                                                                                      : 0;

        if (files->which == 4)
            return "the file cannot be opened";
        text = rki_cstr(named[files->which == 0 ? by_name : files->which - 1]);
    }
    if (text.len >= cap)
        return "the file is too long";
    if (text.len != 0)
        memcpy(raw, text.ptr, text.len);
    *out_len = text.len;
    return NULL;
}

static void check_list(const struct rkd_raw_list *list)
{
    FUZZ_CHECK(list->is_set || list->count == 0);
    for (size_t i = 0; i < list->count; i++)
        FUZZ_CHECK(list->items[i].text.len != 0 && list->items[i].at.line != 0);
}

static void check_caller(const struct rkd_raw_caller *caller)
{
    FUZZ_CHECK(caller->name.text.len != 0 && caller->kind != RKD_RAW_CALLER_NONE);
    FUZZ_CHECK(caller->at.line != 0 && caller->at.column != 0 && caller->at.file != NULL);
    FUZZ_CHECK(!caller->identity_is_hashed || caller->identity.text.len != 0);
    check_list(&caller->oidc.audience);
    check_list(&caller->display_name);
    for (size_t i = 0; i < caller->key_count; i++)
        FUZZ_CHECK(caller->keys[i].name.text.len != 0 && caller->keys[i].expires_s >= 0);
}

static void check_settings(const struct rkd_settings *s)
{
    FUZZ_CHECK(s->listen_count != 0 && s->listen_count <= RKD_LISTEN_MAX);
    FUZZ_CHECK(s->workers >= 1 && s->workers <= RKD_WORKERS_MAX);
    FUZZ_CHECK(s->origin_count <= RKD_ORIGINS_MAX && s->trusted_count <= RKD_CIDRS_MAX);
    FUZZ_CHECK(s->limits.body_bytes != 0 && s->limits.headers_bytes != 0);
    for (size_t i = 0; i < s->origin_count; i++)
        FUZZ_CHECK(!(s->cors_credentials && s->origins[i].any));
    /* zero is deny: nobody is let in by leaving something out (D5) */
    if (s->anonymous == RKD_ANONYMOUS_ALLOW)
        FUZZ_CHECK(s->raw.caller_count == 0 && s->raw.rule_count == 0);
    else
        FUZZ_CHECK(s->raw.rule_count != 0);
    for (size_t i = 0; i < s->raw.caller_count; i++)
        check_caller(&s->raw.callers[i]);
    for (size_t i = 0; i < s->raw.rule_count; i++) {
        FUZZ_CHECK(s->raw.rules[i].id.text.len != 0 && s->raw.rules[i].room.is_set);
        check_list(&s->raw.rules[i].room);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *const no_entries[] = {NULL};
    static const struct rkd_env env = {.entries = no_entries};
    struct files files = {.which = size == 0 ? 0 : data[0] % 5};
    const struct rkd_files reader = {.read = read_file, .ctx = &files};
    const struct rkd_flags flags = {.config = "/roomkey.yaml", .files = &reader};
    struct rkd_raw_error error = {.text = ""};
    struct rkd_settings settings;
    enum rk_err err;

    if (size == 0)
        return 0;
    files.config = fuzz_str(data + 1, size - 1);
    err = rkd_settings_read(&env, &flags, &settings, &error);
    if (err == RK_OK) {
        check_settings(&settings);
        fuzz_reach();
    } else {
        char text[1024];
        struct rki_buf buf = rki_buf_over(text, sizeof(text));

        rkd_raw_error_write(&buf, &error);
        FUZZ_CHECK(!buf.overflow && error.text[0] != '\0' && settings.storage == NULL);
        for (size_t i = 0; i < buf.len; i++) /* one line, whatever the file holds */
            FUZZ_CHECK(text[i] >= ' ' && text[i] <= '~');
    }
    rkd_settings_clear(&settings);
    return 0;
}
