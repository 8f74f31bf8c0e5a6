/*
 * fuzz_verify.c - token verification, with the key known so that mutations get past the MAC.
 *
 * The first byte chooses what the rest is: a token as it stands; a payload to be signed under the
 * usual header; a header and a payload, separated by the first newline, to be signed.
 */
#include <stdlib.h>

#include "core/b64.h"
#include "core/mac.h"
#include "fuzz.h"
#include <roomkey/token.h>
#include <roomkey/verify.h>

enum { NOW = 1767225600 };

static struct rk_key *new_key(void)
{
    struct rk_key *key = NULL;

    FUZZ_CHECK(rk_key_new(RK_STR("APIroomkeyTest1"), RK_STR("sec_0123456789abcdef0123456789abcdef"),
                          &key) == RK_OK);
    return key;
}

static struct rk_str sign(const struct rk_key *key, struct rk_str header, struct rk_str payload,
                          char *room, size_t cap)
{
    struct rki_buf buf = rki_buf_over(room, cap);
    unsigned char bytes[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;

    rki_b64url_encode(&buf, header);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, payload);
    FUZZ_CHECK(rki_mac_new(key, &mac) == RK_OK);
    FUZZ_CHECK(rki_mac_run(mac, rki_buf_str(&buf), bytes) == RK_OK);
    rki_mac_free(mac);
    rki_buf_char(&buf, '.');
    rki_b64url_encode(&buf, rki_str((const char *)bytes, sizeof(bytes)));
    return rki_buf_str(&buf);
}

static struct rk_str make_token(const struct rk_key *key, unsigned how, struct rk_str rest,
                                char *room, size_t cap)
{
    const char *line = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
    struct rk_str header = RK_STR("{\"alg\":\"HS256\"}");

    if (how == 0)
        return rest;
    if (how == 2 && line != NULL) {
        header = rki_str(rest.ptr, (size_t)(line - rest.ptr));
        rest = rki_str(line + 1, rest.len - header.len - 1);
    }
    return sign(key, header, rest, room, cap);
}

/* What was accepted holds together: it names our key, ends, and can be signed or says why not. */
static void check_claims(const struct rk_key *key, const struct rk_claims *claims)
{
    char *out = malloc(RK_TOKEN_MAX);
    size_t len = 0;
    int64_t exp = 0, nbf = 0;
    struct rk_claims *again = NULL;

    FUZZ_CHECK(rki_str_equal(rk_claims_issuer(claims), rk_key_name(key)));
    FUZZ_CHECK(rk_claims_expires_at(claims, &exp) && exp + RK_LEEWAY_DEFAULT > NOW);
    FUZZ_CHECK(!rk_claims_not_before(claims, &nbf) || nbf - RK_LEEWAY_DEFAULT <= NOW);
    if (out != NULL && rk_claims_write_json(claims, out, RK_TOKEN_MAX, &len) == RK_OK) {
        FUZZ_CHECK(rk_claims_new(&again) == RK_OK);
        FUZZ_CHECK(rk_claims_load_json(again, rki_str(out, len), NULL) == RK_OK);
        rk_claims_free(again);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t cap = 2 * size + 256;
    struct rk_keyring *ring = NULL;
    struct rk_key *key = new_key(), *own = new_key();
    struct rk_claims *claims = NULL;
    struct rk_diag diag = {.field = ""};
    char *room = malloc(cap);

    FUZZ_CHECK(room != NULL && rk_keyring_new(&ring) == RK_OK);
    FUZZ_CHECK(rk_keyring_add(ring, &key) == RK_OK);
    if (size > 0) {
        struct rk_str token = make_token(own, data[0] % 3, fuzz_str(data + 1, size - 1), room, cap);
        enum rk_err err = rk_token_verify(ring, token, NOW, RK_LEEWAY_DEFAULT, &claims, &diag);

        FUZZ_CHECK((err == RK_OK) == (claims != NULL));
        FUZZ_CHECK((err == RK_OK) == (diag.text[0] == '\0'));
        if (err == RK_OK) {
            check_claims(own, claims);
            fuzz_reach();
        }
    }
    rk_claims_free(claims);
    rk_key_free(own);
    rk_keyring_free(ring);
    free(room);
    return 0;
}
