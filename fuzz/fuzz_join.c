/*
 * fuzz_join.c - the first message of a LiveKit server: any bytes, and what is read lies within
 * them.
 *
 * What a whole message says, no piece of it says otherwise: a piece is "more is needed", or, where
 * it ends within a frame, never "read". Seeds are messages of real servers.
 */
#include "cli/doctor.h"
#include "fuzz.h"

enum { MOST = 8192 };

static void check_within(struct rk_str bytes, struct rk_str part)
{
    FUZZ_CHECK(part.ptr == NULL ||
               (part.ptr >= bytes.ptr && part.ptr + part.len <= bytes.ptr + bytes.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned least[3] = {1, 8, 2};
    const struct rk_str bytes = fuzz_str(data, size > MOST ? MOST : size);
    struct rkd_join join, other;
    const int whole = rkd_join_read(bytes, &join);

    check_within(bytes, join.version);
    check_within(bytes, join.sid);
    FUZZ_CHECK(join.version.len <= RKD_VERSION_MAX);
    (void)rkd_version_is_before(bytes, least);
    if (whole == 1 && join.version.len != 0 && join.sid.len != 0)
        fuzz_reach();
    for (size_t len = 0; len < bytes.len && len < 64; len++) {
        const int part = rkd_join_read(rki_str(bytes.ptr, len), &other);

        FUZZ_CHECK(part == 0 || part == whole);
    }
    return 0;
}
