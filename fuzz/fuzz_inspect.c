/*
 * fuzz_inspect.c - the lenient reader beside the strict one: what rk_token_verify accepts, a server
 * accepts too, as far as the token itself goes.
 */
#include <stdlib.h>

#include "core/inspect.h"
#include "forged.h"

/* Refusals that come after the verification: joining, and sizes. */
static bool comes_later(const struct rki_finding *finding)
{
    static const char *const later[] = {
        "no_video",     "no_room_join",  "identity_missing",  "identity_too_long",
        "room_missing", "room_too_long", "metadata_too_long", "attributes_too_long"};

    for (size_t i = 0; i < ARRAY_LEN(later); i++)
        if (strcmp(finding->code, later[i]) == 0)
            return true;
    return false;
}

static void check_report(const struct rki_inspection *report)
{
    FUZZ_CHECK(report->count <= RKI_FINDINGS_MAX);
    FUZZ_CHECK((report->verdict == RK_OK) == (report->verdict_diag.text[0] == '\0'));
    for (size_t i = 0; i < report->count; i++) {
        const struct rki_finding *finding = &report->findings[i];

        FUZZ_CHECK(memchr(finding->field, '\0', sizeof(finding->field)) != NULL);
        FUZZ_CHECK(memchr(finding->detail, '\0', sizeof(finding->detail)) != NULL);
        FUZZ_CHECK(i == 0 || finding[-1].severity >= finding->severity);
        FUZZ_CHECK(report->verdict != RK_OK || finding->severity != RKI_SEVERITY_REFUSAL ||
                   comes_later(finding));
    }
    if (report->verdict == RK_OK && report->refusals == 0)
        fuzz_reach();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t cap = 2 * size + 256;
    struct rk_keyring *ring = NULL;
    struct rk_key *key = forged_key(), *own = forged_key();
    struct rki_inspection *report = NULL;
    char *room = malloc(cap);

    FUZZ_CHECK(room != NULL && rk_keyring_new(&ring) == RK_OK);
    FUZZ_CHECK(rk_keyring_add(ring, &key) == RK_OK);
    if (size > 0) {
        struct rk_str token =
            forged_token(own, data[0] % 3, fuzz_str(data + 1, size - 1), room, cap);

        FUZZ_CHECK(rki_token_inspect(ring, token, FORGED_NOW, &report) == RK_OK);
        check_report(report);
    }
    rki_inspection_free(report);
    rk_key_free(own);
    rk_keyring_free(ring);
    free(room);
    return 0;
}
