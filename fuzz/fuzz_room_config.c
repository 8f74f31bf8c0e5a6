/*
 * fuzz_room_config.c - RoomConfiguration: writing what was written gives the same bytes.
 *
 * The first byte chooses the flags, the rest is JSON.
 */
#include <stdlib.h>

#include "core/room_config.h"
#include "fuzz.h"

enum { MOST = 64 * 1024 };

static enum rk_err write_text(struct rk_str text, unsigned flags, struct rki_buf *out,
                              unsigned *out_members)
{
    json_t *config = NULL;
    struct rk_diag diag = {.field = ""};
    enum rk_err err = rki_json_parse(text, RKI_JSON_ALLOW_NUL, &config, &diag);

    if (err == RK_OK)
        err = rki_room_config_write(config, flags, out, out_members, &diag);
    FUZZ_CHECK(err == RK_OK || diag.text[0] != '\0');
    json_decref(config);
    return err;
}

static void check(struct rk_str text, unsigned flags, char *first, char *second)
{
    struct rki_buf once = rki_buf_over(first, MOST), twice = rki_buf_over(second, MOST);
    unsigned members = 0, again = 0;
    enum rk_err err = write_text(text, flags, &once, &members);

    if (err != RK_OK || once.overflow)
        return;
    FUZZ_CHECK((flags & RKI_RC_KEEP_CREDENTIALS) != 0 || (members & RKI_RC_CREDENTIALS) == 0);
    FUZZ_CHECK(write_text(rki_buf_str(&once), flags, &twice, &again) == RK_OK);
    if ((flags & RKI_RC_STRICT) == 0) { /* there {"egress":{"room":{}}} shrinks step by step */
        FUZZ_CHECK(rki_str_equal(rki_buf_str(&once), rki_buf_str(&twice)));
        FUZZ_CHECK(members == again);
    }
    if (members != 0)
        fuzz_reach();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *first = malloc(MOST), *second = malloc(MOST);

    if (size > 0 && first != NULL && second != NULL)
        check(fuzz_str(data + 1, size - 1), data[0] & 7U, first, second);
    free(first);
    free(second);
    return 0;
}
