/* test_b64.c - base64 both ways: RFC 4648 vectors, every length, and every second spelling refused.
 */
#include "check.h"
#include "core/b64.h"
#include "guard.h"

static void test_rfc4648(void **state)
{
    static const struct {
        struct rk_str plain, url, padded;
    } rows[] = {
        {RK_STR_INIT(""), RK_STR_INIT(""), RK_STR_INIT("")},
        {RK_STR_INIT("f"), RK_STR_INIT("Zg"), RK_STR_INIT("Zg==")},
        {RK_STR_INIT("fo"), RK_STR_INIT("Zm8"), RK_STR_INIT("Zm8=")},
        {RK_STR_INIT("foo"), RK_STR_INIT("Zm9v"), RK_STR_INIT("Zm9v")},
        {RK_STR_INIT("foob"), RK_STR_INIT("Zm9vYg"), RK_STR_INIT("Zm9vYg==")},
        {RK_STR_INIT("fooba"), RK_STR_INIT("Zm9vYmE"), RK_STR_INIT("Zm9vYmE=")},
        {RK_STR_INIT("foobar"), RK_STR_INIT("Zm9vYmFy"), RK_STR_INIT("Zm9vYmFy")},
        {RK_STR_INIT("\xfb\xff\xbf"), RK_STR_INIT("-_-_"), RK_STR_INIT("+/+/")},
        {RK_STR_INIT("\0\0\0"), RK_STR_INIT("AAAA"), RK_STR_INIT("AAAA")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[16];
        struct rki_buf buf = rki_buf_over(out, sizeof(out));
        size_t len = 99;

        rki_b64url_encode(&buf, rows[i].plain);
        CHECK_STR(rki_buf_str(&buf), rows[i].url, "url");
        buf = rki_buf_over(out, sizeof(out));
        rki_b64_std_encode(&buf, rows[i].plain);
        CHECK_STR(rki_buf_str(&buf), rows[i].padded, "standard");
        CHECK_ERR(rki_b64url_decode(rows[i].url, out, sizeof(out), &len), RK_OK, rows[i].url.ptr);
        CHECK_STR(rki_str(out, len), rows[i].plain, "decoded");
        CHECK_ERR(rki_b64_std_decode(rows[i].padded, out, sizeof(out), &len), RK_OK,
                  rows[i].padded.ptr);
        CHECK_STR(rki_str(out, len), rows[i].plain, "decoded standard");
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *why;
        struct rk_str url;
    } rows[] = {
        {"one letter left over", RK_STR_INIT("Zm9vY")},
        {"padding", RK_STR_INIT("Zg==")},
        {"half the padding", RK_STR_INIT("Zm8=")},
        {"the other alphabet", RK_STR_INIT("+/+/")},
        {"unused bits set, two letters", RK_STR_INIT("Zh")},
        {"unused bits set, three letters", RK_STR_INIT("Zm9")},
        {"white space inside", RK_STR_INIT("Zm 9v")},
        {"a line break inside", RK_STR_INIT("Zm9v\n")},
        {"a line break in the tail", RK_STR_INIT("Zm9vZ\n")},
        {"NUL", RK_STR_INIT("Zm9\0")},
        {"not ASCII", RK_STR_INIT("Zm9\xc3")},
        {"not ASCII in the tail", RK_STR_INIT("Z\xc3")},
        {"a dot", RK_STR_INIT("Zm.v")},
    };
    static const struct {
        const char *why;
        struct rk_str padded;
    } std_rows[] = {
        {"no padding", RK_STR_INIT("Zg")},
        {"too little padding", RK_STR_INIT("Zg=")},
        {"too much padding", RK_STR_INIT("Z===")},
        {"nothing but padding", RK_STR_INIT("====")},
        {"padding in the middle", RK_STR_INIT("Zg==Zg==")},
        {"the other alphabet", RK_STR_INIT("-_-_")},
        {"unused bits set", RK_STR_INIT("Zh==")},
        {"unused bits set, three letters", RK_STR_INIT("Zm9=")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[16];
        size_t len = 99;

        CHECK_ERR(rki_b64url_decode(rows[i].url, out, sizeof(out), &len), RK_E_MALFORMED,
                  rows[i].why);
        CHECK(len == 99, "untouched");
    }
    for (size_t i = 0; i < ARRAY_LEN(std_rows); i++) {
        char out[16];
        size_t len = 99;

        CHECK_ERR(rki_b64_std_decode(std_rows[i].padded, out, sizeof(out), &len), RK_E_MALFORMED,
                  std_rows[i].why);
        CHECK(len == 99, "untouched");
    }
}

/* Every byte value in each place of a group: letters decode, the rest is refused. */
static void test_every_byte(void **state)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (unsigned place = 0; place < 4; place++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[4] = {'A', 'A', 'A', 'A'}, out[3];
            size_t len;
            bool letter = byte != 0 && strchr(letters, (int)byte) != NULL;

            text[place] = (char)byte;
            CHECK_ERR(rki_b64url_decode(rki_str(text, 4), out, sizeof(out), &len),
                      letter ? RK_OK : RK_E_MALFORMED, "a byte");
        }
}

/* Lengths 0 to 300: there and back, in a space that just fits, input flush against a dead page. */
static void test_round_trip(void **state)
{
    char bytes[300];
    struct guard guard = guard_new(sizeof(bytes) * 2);
    struct guard texts = guard_new(sizeof(bytes) * 2);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct rk_str in = guard_put(&guard, rki_str(bytes, n)), encoded;
        char out[400], back[300];
        struct rki_buf buf = rki_buf_over(out, rki_b64url_len(n));
        size_t len = 0;

        rki_b64url_encode(&buf, in);
        CHECK(!buf.overflow && buf.len == rki_b64url_len(n), "fits exactly");
        encoded = guard_put(&texts, rki_buf_str(&buf));
        CHECK_ERR(rki_b64url_decode(encoded, back, n, &len), RK_OK, "back");
        CHECK_STR(rki_str(back, len), rki_str(bytes, n), "same");
        if (n != 0) {
            CHECK_ERR(rki_b64url_decode(encoded, back, n - 1, &len), RK_E_TOO_LONG, "one short");
            buf = rki_buf_over(out, rki_b64url_len(n) - 1);
            rki_b64url_encode(&buf, in);
            CHECK(buf.overflow && buf.len == 0, "overflow writes nothing");
        }
    }
    guard_free(&texts);
    guard_free(&guard);
}

/* As the signer uses it: the bytes lie at the end of the space their letters will fill. */
static void test_in_place(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 300; n++) {
        char space[400], want[400];
        size_t len = rki_b64url_len(n);

        for (size_t i = 0; i < n; i++)
            space[len - n + i] = (char)(i * 31 + n);
        CHECK(rki_b64url_encode_raw(want, space + len - n, n) == len, "apart");
        CHECK(rki_b64url_encode_raw(space, space + len - n, n) == len, "in place");
        CHECK_STR(rki_str(space, len), rki_str(want, len), "same");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc4648),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
