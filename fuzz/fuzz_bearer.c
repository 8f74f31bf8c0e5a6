/*
 * fuzz_bearer.c - credentials: whom they prove holds together, and the quick reader of payloads
 * agrees with jansson.
 *
 * The first byte chooses what the rest is: a bearer token as it stands; a payload, to be signed
 * with HS256; a header and a payload, separated by the first newline, to be signed; the value of
 * Authorization; the JSON of X-MS-CLIENT-PRINCIPAL.
 */
#include <stdlib.h>

#include "auth/auth.h"
#include "auth/plain.h"
#include "bearer_keys.h"
#include "core/b64.h"
#include "core/json.h"
#include "core/mac.h"
#include "fuzz.h"

enum { NOW = 1767225600, SKEW = 60 };

#define SECRET RK_STR("sec_0123456789abcdef0123456789abcdef")
#define PUBLIC_ISSUER RK_STR("https://login.example.org/")
#define SECRET_ISSUER RK_STR("https://hs.example.org/")

struct world {
    struct rkd_raw_text audience, provider;
    struct rkd_value_member require[1];
    struct rkd_raw_api_key key;
    struct rkd_raw_caller callers[4];
    struct rkd_raw raw;
    struct rkd_auth *auth;
    struct rkd_verifier *verifier;
    struct rkd_keyset *sets[1];
};

/* Public keys are only made where a token may have been signed with one: they take time. */
static void make_world(struct world *w, bool has_keys)
{
    /* SHA-256 of rk_ and 43 times A */
    static const uint8_t hash[32] = {0xf0, 0x95, 0x59, 0xe7, 0x66, 0xf6, 0x19, 0x96,
                                     0xb6, 0x30, 0x6a, 0x06, 0x4f, 0xff, 0x75, 0xa4,
                                     0xe3, 0x2b, 0x0b, 0x3c, 0x66, 0x42, 0xba, 0x0a,
                                     0x96, 0x40, 0xcd, 0xd9, 0x08, 0xf7, 0x08, 0x63};
    struct rkd_raw_error error;

    *w = (struct world){.audience = {.text = RK_STR("roomkey")},
                        .provider = {.text = RK_STR("aad")}};
    w->require[0] = (struct rkd_value_member){
        .key = RK_STR("azp"), .value = {.kind = RKD_VALUE_STRING, .text = RK_STR("app")}};
    for (size_t i = 0; i < 2; i++) {
        w->callers[i].kind = RKD_RAW_CALLER_OIDC;
        w->callers[i].oidc.audience = (struct rkd_raw_list){.items = &w->audience, .count = 1};
    }
    w->callers[0].name.text = RK_STR("public");
    w->callers[0].oidc.issuer.text = PUBLIC_ISSUER;
    w->callers[1].name.text = RK_STR("secret");
    w->callers[1].oidc.issuer.text = SECRET_ISSUER;
    w->callers[1].oidc.hs256_secret.bytes = SECRET;
    w->callers[1].oidc.require =
        (struct rkd_value){.kind = RKD_VALUE_MAP, .members = w->require, .count = 1};
    w->callers[2] = (struct rkd_raw_caller){.name = {.text = RK_STR("keys")},
                                            .kind = RKD_RAW_CALLER_API_KEYS,
                                            .keys = &w->key,
                                            .key_count = 1};
    w->key.name.text = RK_STR("k");
    memcpy(w->key.sha256, hash, sizeof(hash));
    w->callers[3] =
        (struct rkd_raw_caller){.name = {.text = RK_STR("portal")},
                                .kind = RKD_RAW_CALLER_EASY_AUTH,
                                .easy_auth_providers = {.items = &w->provider, .count = 1}};
    w->raw = (struct rkd_raw){.callers = w->callers, .caller_count = 4, .is_easy_auth_on = true};
    FUZZ_CHECK(rkd_auth_compile(&w->raw, NULL, NULL, &w->auth, &error) == RK_OK);
    FUZZ_CHECK(rkd_verifier_new(&w->verifier) == RK_OK);
    if (has_keys)
        FUZZ_CHECK(rkd_keyset_parse(RK_STR(BEARER_JWKS), &w->sets[0], NULL) == RK_OK);
}

static void free_world(struct world *w)
{
    rkd_auth_free(w->auth);
    rkd_verifier_free(w->verifier);
    rkd_keyset_unref(w->sets[0]);
}

/* Whatever the quick reader takes, jansson takes too, and reads the same. */
static void check_plain(struct rk_str text)
{
    json_t *ours = NULL, *theirs = NULL;

    if (!rkd_plain_read(text, &ours))
        return;
    FUZZ_CHECK(rki_json_parse(text, 0, &theirs, NULL) == RK_OK);
    FUZZ_CHECK(json_equal(ours, theirs) == 1);
    json_decref(ours);
    json_decref(theirs);
}

static void put_signed(struct rki_buf *buf, struct rk_str header, struct rk_str payload)
{
    const size_t from = buf->len;
    unsigned char bytes[RKI_MAC_SIZE];
    struct rki_mac *mac = NULL;
    struct rk_key *key = NULL;

    rki_b64url_encode(buf, header);
    rki_buf_char(buf, '.');
    rki_b64url_encode(buf, payload);
    FUZZ_CHECK(rk_key_new(RK_STR("k"), SECRET, &key) == RK_OK);
    FUZZ_CHECK(rki_mac_new(key, &mac) == RK_OK);
    FUZZ_CHECK(rki_mac_run(mac, rki_str(buf->ptr + from, buf->len - from), bytes) == RK_OK);
    rki_mac_free(mac);
    rk_key_free(key);
    rki_buf_char(buf, '.');
    rki_b64url_encode(buf, rki_str((const char *)bytes, sizeof(bytes)));
}

static struct rkd_credentials credentials_of(unsigned how, struct rk_str rest, struct rki_buf *buf)
{
    const char *line = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
    struct rk_str header = RK_STR("{\"alg\":\"HS256\"}");

    if (how == 3)
        return (struct rkd_credentials){.authorization = rest};
    if (how == 4) {
        rki_b64_std_encode(buf, rest);
        return (struct rkd_credentials){.principal = rki_buf_str(buf),
                                        .principal_id = RK_STR("u1"),
                                        .principal_idp = RK_STR("aad")};
    }
    rki_buf_lit(buf, "Bearer ");
    if (how == 2 && line != NULL) {
        header = rki_str(rest.ptr, (size_t)(line - rest.ptr));
        rest = rki_str(line + 1, rest.len - header.len - 1);
    }
    if (how == 0)
        rki_buf_put(buf, rest);
    else
        put_signed(buf, header, rest);
    check_plain(rest);
    return (struct rkd_credentials){.authorization = rki_buf_str(buf)};
}

static void check_caller(const struct rkd_caller *caller)
{
    const struct rk_str iss = rki_json_str(json_object_get(caller->claims, "iss"));

    FUZZ_CHECK(json_is_object(caller->claims));
    FUZZ_CHECK(caller->subject.len >= 1 && caller->subject.len <= 256);
    FUZZ_CHECK(memchr(caller->subject.ptr, '\n', caller->subject.len) == NULL);
    if (caller->kind == RKD_CALLER_OIDC) {
        FUZZ_CHECK(rki_str_equal(iss, caller->index == 0 ? PUBLIC_ISSUER : SECRET_ISSUER));
        FUZZ_CHECK(caller->expires_s + SKEW >= NOW);
        FUZZ_CHECK(
            rki_str_equal(rki_json_str(json_object_get(caller->claims, "sub")), caller->subject));
    } else if (caller->kind == RKD_CALLER_EASY_AUTH) {
        FUZZ_CHECK(rki_str_equal(caller->subject, RK_STR("u1")));
    } else {
        FUZZ_CHECK(caller->kind == RKD_CALLER_API_KEY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t cap = 4 * size + 512;
    struct world w;
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);

    FUZZ_CHECK(buf.ptr != NULL);
    make_world(&w, size > 0 && data[0] % 5 == 0);
    for (int round = 0; round < 2 && size > 0; round++) { /* again with what was kept */
        struct rkd_caller caller;
        struct rkd_auth_out out;
        struct rkd_credentials credentials;
        struct rkd_auth_in in = {.credentials = &credentials, .keysets = w.sets, .now_s = NOW};
        enum rkd_auth_verdict verdict;

        buf.len = 0;
        credentials = credentials_of(data[0] % 5, fuzz_str(data + 1, size - 1), &buf);
        verdict = rkd_auth_identify(w.auth, w.verifier, &in, &caller, &out);
        FUZZ_CHECK(!buf.overflow && verdict != RKD_AUTH_WAIT);
        FUZZ_CHECK((verdict == RKD_AUTH_OK) == (out.err == RKD_OK));
        FUZZ_CHECK((verdict == RKD_AUTH_OK) == (caller.kind != RKD_CALLER_NONE));
        if (verdict == RKD_AUTH_OK) {
            check_caller(&caller);
            fuzz_reach();
        }
        rkd_caller_clear(&caller);
    }
    free_world(&w);
    free(buf.ptr);
    return 0;
}
