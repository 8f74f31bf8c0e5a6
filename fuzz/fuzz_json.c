/*
 * fuzz_json.c - the JSON edge against plain jansson.
 *
 * Strict: we accept exactly what lies within the bounds and jansson accepts, and read the same.
 * Lenient: whatever jansson alone accepts we accept too; mending may only add to that.
 */
#include <jansson.h>

#include "core/json.h"
#include "fuzz.h"

static json_t *plain(struct rk_str text, size_t flags)
{
    return json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                      flags | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
}

static void check_strict(struct rk_str text)
{
    enum rk_err bounds = rki_json_bounds(text, &rki_json_default_limits, NULL);
    json_t *ours = NULL, *theirs = NULL;
    enum rk_err err = rki_json_parse(text, 0, &ours, NULL);

    FUZZ_CHECK((err == RK_OK) == (ours != NULL));
    FUZZ_CHECK(bounds == RK_OK || err == bounds);
    if (bounds != RK_OK)
        return; /* jansson would recurse; that is what the bounds are for */
    theirs = plain(text, JSON_REJECT_DUPLICATES);
    FUZZ_CHECK((err == RK_OK) == (theirs != NULL));
    FUZZ_CHECK(err != RK_OK || json_equal(ours, theirs));
    if (err == RK_OK && json_object_size(ours) > 0)
        fuzz_reach();
    json_decref(ours);
    json_decref(theirs);
}

static void check_lenient(struct rk_str text)
{
    const unsigned flags =
        RKI_JSON_ORIGINAL & ~(unsigned)(RKI_JSON_SKIP_BOM | RKI_JSON_HUGE_NUMBERS);
    json_t *original = NULL, *ours = NULL, *theirs = NULL;
    enum rk_err err = rki_json_parse(text, RKI_JSON_ORIGINAL, &original, NULL);

    FUZZ_CHECK((err == RK_OK) == (original != NULL));
    if (rki_json_bounds(text, &rki_json_default_limits, NULL) == RK_OK) {
        theirs = plain(text, JSON_ALLOW_NUL);
        FUZZ_CHECK(theirs == NULL || err == RK_OK);
        err = rki_json_parse(text, flags, &ours, NULL);
        FUZZ_CHECK(theirs == NULL || (err == RK_OK && json_equal(ours, theirs)));
    }
    (void)rki_json_type_name(original);
    json_decref(original);
    json_decref(ours);
    json_decref(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str text = fuzz_str(data, size);

    check_strict(text);
    check_lenient(text);
    return 0;
}
