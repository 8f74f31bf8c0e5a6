/*
 * fuzz_b64url.c - base64: what decodes encodes back to the same text, what is encoded decodes.
 */
#include "core/b64.h"
#include "fuzz.h"

enum { MOST = 8192 };

typedef enum rk_err (*decode_fn)(struct rk_str text, void *out, size_t cap, size_t *out_len);
typedef void (*encode_fn)(struct rki_buf *buf, struct rk_str bytes);

static void check(struct rk_str input, decode_fn decode, encode_fn encode)
{
    char bytes[MOST], text[2 * MOST];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));
    size_t len = 0;

    if (decode(input, bytes, sizeof(bytes), &len) == RK_OK) {
        encode(&buf, rki_str(bytes, len));
        FUZZ_CHECK(!buf.overflow && rki_str_equal(rki_buf_str(&buf), input));
        if (len > 0)
            fuzz_reach();
    }
    buf = rki_buf_over(text, sizeof(text));
    encode(&buf, input);
    FUZZ_CHECK(!buf.overflow);
    FUZZ_CHECK(decode(rki_buf_str(&buf), bytes, sizeof(bytes), &len) == RK_OK);
    FUZZ_CHECK(rki_str_equal(rki_str(bytes, len), input));
    if (input.len > 0) /* one byte too few */
        FUZZ_CHECK(decode(rki_buf_str(&buf), bytes, input.len - 1, &len) == RK_E_TOO_LONG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str input = fuzz_str(data, size > MOST ? MOST : size);

    check(input, rki_b64url_decode, rki_b64url_encode);
    check(input, rki_b64_std_decode, rki_b64_std_encode);
    return 0;
}
