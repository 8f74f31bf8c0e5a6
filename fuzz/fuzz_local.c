/*
 * fuzz_local.c - local.settings.json against the strict JSON edge: whatever jansson reads as a map
 * of Values we read too, and the same; nothing we take is longer than its room.
 */
#include <jansson.h>
#include <stdlib.h>

#include "config/local.h"
#include "core/json.h"
#include "fuzz.h"

static char *const no_entries[] = {NULL};
static const struct rkd_env env = {.entries = no_entries};

/* The one variable that is looked at; as Json.NET has it, names of the top are told apart by any
 * case, so only files that have them once and as they are written are compared. */
static void compare(const json_t *root, const struct rkd_local *local, bool is_taken)
{
    const json_t *values = json_object_get(root, "Values");
    const json_t *url = json_object_get(values, "LIVEKIT_URL");

    if (json_object_size(root) != 1 || json_object_size(values) != 1 || !json_is_string(url))
        return;
    if (strncmp(json_string_value(url), "CfDJ8", 5) == 0)
        return; /* looks encrypted */
    FUZZ_CHECK(is_taken && local->count == 1);
    FUZZ_CHECK(strncmp(local->entries[0], "LIVEKIT_URL=", 12) == 0);
    FUZZ_CHECK(strcmp(local->entries[0] + 12, json_string_value(url)) == 0);
    fuzz_reach();
}

static void check_error(const struct rkd_raw_error *error)
{
    char text[1024];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    FUZZ_CHECK(error->text[0] != '\0' && error->at.line != 0 && error->at.column != 0);
    rkd_raw_error_write(&buf, error);
    for (size_t i = 0; i < buf.len; i++) /* one line, whatever the file holds */
        FUZZ_CHECK(text[i] >= ' ' && text[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rk_str text = fuzz_str(data, size);
    struct rkd_raw_error error = {.text = ""};
    struct rkd_local local;
    json_t *root = NULL;
    const enum rk_err err = rkd_local_parse(text, "l.json", &env, &local, &error);

    FUZZ_CHECK(local.memory_used <= local.memory_len);
    for (size_t i = 0; i < local.count; i++)
        FUZZ_CHECK(strchr(local.entries[i], '=') != NULL);
    if (err != RK_OK)
        check_error(&error);
    if (rki_json_parse(text, 0, &root, NULL) == RK_OK)
        compare(root, &local, err == RK_OK);
    json_decref(root);
    rkd_local_clear(&local);
    return 0;
}
