/*
 * test_auth_jwt.c - JWT-01 to JWT-38 of the rule book (security.md s.5.1): forged, mangled and odd
 * tokens, and beside them those that must pass.
 *
 * No canary for JWT-12 and JWT-14: nothing in this room can open a connection.
 */
#include "fixture.h"

#include "core/b64.h"

#define RS_HEAD "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"

static struct fx *fx;

static int set_up(void **state)
{
    (void)state;
    fx = fx_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fx_free(fx);
    return 0;
}

/* Signed by FX_RSA with RS256, whatever the header says. */
static char *rs256(const char *header, struct rk_str payload)
{
    return jwt_make(fx->keys[FX_RSA], "RS256", rki_cstr(header), payload);
}

static char *copy_of(const char *text)
{
    return strdup(text);
}

/* ---- what must pass ---- */

static void test_every_algorithm(void **state)
{
    static const struct {
        const char *alg, *kid;
        enum fx_key key;
    } rows[] = {
        {"RS256", "rsa", FX_RSA},    {"RS256", "any+/=", FX_RSA}, {"RS384", "any+/=", FX_RSA},
        {"RS512", "any+/=", FX_RSA}, {"PS256", "any+/=", FX_RSA}, {"PS384", "any+/=", FX_RSA},
        {"PS512", "any+/=", FX_RSA}, {"ES256", "ec", FX_EC},      {"ES384", "p384", FX_P384},
        {"ES512", "p521", FX_P521},  {"EdDSA", "ed", FX_ED},
    };

    (void)state;
    for (size_t round = 0; round < 2; round++) { /* the second time from kept contexts */
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            char header[96];
            struct rki_buf buf = rki_buf_over(header, sizeof(header));
            char *token;

            rki_buf_lit(&buf, "{\"alg\":\"");
            rki_buf_put(&buf, rki_cstr(rows[i].alg));
            rki_buf_lit(&buf, "\",\"kid\":\"");
            rki_buf_put(&buf, rki_cstr(rows[i].kid));
            rki_buf_lit(&buf, "\"}");
            token = jwt_make(fx->keys[rows[i].key], rows[i].alg, rki_buf_str(&buf), RK_STR(CLAIMS));
            fx_expect(fx, copy_of(token), NULL, rows[i].alg);
            token[strlen(token) - 20] = token[strlen(token) - 20] == 'A' ? 'B' : 'A';
            fx_expect(fx, token, "jwt.sig", rows[i].alg);
        }
    }
}

/* The second issuer names no algorithms: RS256, ES256, EdDSA, PS256 and nothing else (s.1.4, V9).
 */
static void test_default_algorithms(void **state)
{
    static const struct {
        const char *alg, *header, *reason;
    } rows[] = {
        {"RS256", "{\"alg\":\"RS256\",\"kid\":\"other\"}", NULL},
        {"PS256", "{\"alg\":\"PS256\",\"kid\":\"other\"}", NULL},
        {"RS384", "{\"alg\":\"RS384\",\"kid\":\"other\"}", "jwt.alg"},
        {"RS512", "{\"alg\":\"RS512\",\"kid\":\"other\"}", "jwt.alg"},
        {"PS384", "{\"alg\":\"PS384\",\"kid\":\"other\"}", "jwt.alg"},
        {"PS512", "{\"alg\":\"PS512\",\"kid\":\"other\"}", "jwt.alg"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fx_expect(fx,
                  jwt_make(fx->keys[FX_EVIL], rows[i].alg, rki_cstr(rows[i].header),
                           RK_STR("{\"iss\":\"https://other.example.org\"" AUD SUB EXP "}")),
                  rows[i].reason, rows[i].alg);
}

static void test_what_the_caller_holds(void **state)
{
    struct rkd_caller caller;
    struct rkd_auth_out out;
    char *token = rs256(RS_HEAD, RK_STR(CLAIMS));

    (void)state;
    CHECK(fx_bearer(fx, rki_cstr(token), &caller, &out) == RKD_AUTH_OK, "good");
    CHECK(caller.kind == RKD_CALLER_OIDC && caller.index == 0, "which");
    CHECK_STR(caller.name, RK_STR("staff"), "its name");
    CHECK_STR(caller.subject, RK_STR("alice"), "who");
    CHECK(caller.expires_s == NOW + 3600, "until when");
    CHECK(json_object_size(caller.claims) == 4 && caller.owned_claims == caller.claims, "claims");
    rkd_caller_clear(&caller);
    free(token);
}

/* ---- forged ---- */

static void test_none(void **state)
{
    static const char *const names[] = {"none", "None", "NONE", "nOnE"};
    char *good = rs256(RS_HEAD, RK_STR(CLAIMS));
    const char *signature = strrchr(good, '.') + 1;
    char bytes[512];
    size_t len = 0;

    (void)state;
    CHECK_ERR(rki_b64url_decode(rki_cstr(signature), bytes, sizeof(bytes), &len), RK_OK, "sig");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char header[64];
        struct rki_buf buf = rki_buf_over(header, sizeof(header));

        rki_buf_lit(&buf, "{\"alg\":\"");
        rki_buf_put(&buf, rki_cstr(names[i]));
        rki_buf_lit(&buf, "\",\"kid\":\"rsa\"}");
        fx_expect(fx, jwt_join(rki_buf_str(&buf), RK_STR(CLAIMS), RK_STR("")), "jwt.alg",
                  "JWT-01 none with nothing behind it");
        fx_expect(fx, jwt_join(rki_buf_str(&buf), RK_STR(CLAIMS), rki_str(bytes, len)), "jwt.alg",
                  "JWT-02 none with an old signature");
    }
    free(good);
}

static void test_segments(void **state)
{
    char *good = rs256(RS_HEAD, RK_STR(CLAIMS));
    char *text = malloc(2 * strlen(good) + 8);
    const size_t len = strlen(good);

    (void)state;
    memcpy(text, good, len + 1);
    *strrchr(text, '.') = '\0';
    fx_expect(fx, copy_of(text), "jwt.form", "JWT-03 two segments");
    memcpy(text + len, ".x", 3);
    memcpy(text, good, len);
    fx_expect(fx, copy_of(text), "jwt.form", "JWT-03 four segments");
    text[len + 1] = '\0';
    fx_expect(fx, copy_of(text), "jwt.form", "JWT-03 trailing dot");
    fx_expect(fx, copy_of("abc"), "jwt.form", "JWT-03 no dot");
    fx_expect(fx, copy_of(".."), "jwt.form", "JWT-03 only dots");
    fx_expect(fx, copy_of("a.b.c.d.e"), "jwt.form", "JWT-22 JWE");
    memcpy(text, good, len + 1);
    *(strrchr(text, '.') + 1) = '\0';
    fx_expect(fx, text, "jwt.sig", "the signature is missing");
    free(good);
}

static void test_confusion(void **state)
{
    static const char *const forms[] = {"PEM", "DER", "PKCS1"};
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}",
                                          "{\"alg\":\"HS384\",\"kid\":\"rsa\"}",
                                          "{\"alg\":\"HS512\",\"kid\":\"rsa\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct rk_str key = jwt_key_export(fx->keys[FX_RSA], forms[i]);

        for (size_t k = 0; k < ARRAY_LEN(digests); k++)
            fx_expect(fx, jwt_make_hmac(key, digests[k], rki_cstr(headers[k]), RK_STR(CLAIMS)),
                      "jwt.alg", "JWT-04, JWT-07 an RSA public key as secret");
        key.len--; /* without the last newline */
        fx_expect(fx, jwt_make_hmac(key, "SHA256", rki_cstr(headers[0]), RK_STR(CLAIMS)), "jwt.alg",
                  "JWT-04");
        free((void *)(uintptr_t)key.ptr);
    }
    fx_expect(fx,
              jwt_make_hmac(rki_cstr(fx->keys[FX_RSA]->jwk), "SHA256", rki_cstr(headers[0]),
                            RK_STR(CLAIMS)),
              "jwt.alg", "JWT-04 the JWK text");
    fx_expect(fx,
              jwt_make_hmac(rki_cstr(fx->keys[FX_EC]->jwk), "SHA256",
                            RK_STR("{\"alg\":\"HS256\",\"kid\":\"ec\"}"), RK_STR(CLAIMS)),
              "jwt.alg", "JWT-05");
    fx_expect(fx, jwt_make_hmac(RK_STR(""), "SHA256", rki_cstr(headers[0]), RK_STR(CLAIMS)),
              "jwt.alg", "JWT-06 empty");
    fx_expect(fx, jwt_make_hmac(RK_STR("secret"), "SHA256", rki_cstr(headers[0]), RK_STR(CLAIMS)),
              "jwt.alg", "JWT-06 secret");
    fx_expect(fx, jwt_make_hmac(RK_STR("\0"), "SHA256", rki_cstr(headers[0]), RK_STR(CLAIMS)),
              "jwt.alg", "JWT-06 a zero byte");
    fx_expect(fx,
              jwt_make_hmac(RK_STR("livekit-secret-livekit-secret-livek"), "SHA256",
                            RK_STR("{\"alg\":\"HS256\",\"kid\":\"APIkey\"}"), RK_STR(CLAIMS)),
              "jwt.alg", "JWT-08");
    fx_expect(fx,
              jwt_make_hmac(RK_STR("livekit-secret-livekit-secret-livek"), "SHA256",
                            RK_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
                            RK_STR("{\"iss\":\"APIkey\",\"sub\":\"a\",\"exp\":2000003600}")),
              "jwt.iss", "JWT-09");
}

static void test_other_keys(void **state)
{
    char header[3000];
    static const char *const kids[] = {"\"kid\":\"own\",", "\"kid\":\"rsa\",", ""};
    static const char *const reasons[] = {"jwt.kid", "jwt.sig", "jwt.sig"};

    (void)state;
    fx_expect(fx, jwt_make(fx->keys[FX_EVIL], "RS256", RK_STR(RS_HEAD), RK_STR(CLAIMS)), "jwt.sig",
              "JWT-10");
    for (size_t i = 0; i < ARRAY_LEN(kids); i++) {
        struct rki_buf buf = rki_buf_over(header, sizeof(header));

        rki_buf_lit(&buf, "{\"alg\":\"ES256\",");
        rki_buf_put(&buf, rki_cstr(kids[i]));
        rki_buf_lit(&buf, "\"jwk\":");
        jwt_key_put(fx->keys[FX_EC], "", &buf);
        rki_buf_lit(&buf, "}");
        /* kid rsa is no key for ES256; without kid the EC key of the set is meant */
        fx_expect(fx, jwt_make(fx->keys[FX_EVIL], "RS256", rki_buf_str(&buf), RK_STR(CLAIMS)),
                  i == 1   ? "jwt.key"
                  : i == 2 ? "jwt.sig"
                           : reasons[i],
                  "JWT-11");
    }
    fx_expect(fx,
              jwt_make(fx->keys[FX_EVIL], "RS256",
                       RK_STR("{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jku\":\"http://t@evil/\","
                              "\"x5u\":\"https://evil/\",\"x5c\":[\"MIIB\"]}"),
                       RK_STR(CLAIMS)),
              "jwt.sig", "JWT-12, JWT-14");
    fx_expect(fx,
              rs256("{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jku\":\"https://evil/\",\"x5u\":\"https:"
                    "//evil/\",\"x5t\":\"AAAA\"}",
                    RK_STR(CLAIMS)),
              NULL, "JWT-13");
}

static void test_headers(void **state)
{
    static const struct {
        const char *why, *header, *reason;
    } rows[] = {
        {"JWT-15 path", "{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", "jwt.kid"},
        {"JWT-15 sql", "{\"alg\":\"RS256\",\"kid\":\"' OR 1=1 --\"}", "jwt.kid"},
        {"JWT-15 shell", "{\"alg\":\"RS256\",\"kid\":\"|sleep 5\"}", "jwt.kid"},
        {"JWT-15 url", "{\"alg\":\"RS256\",\"kid\":\"https://evil/\"}", "jwt.kid"},
        {"JWT-15 CR LF", "{\"alg\":\"RS256\",\"kid\":\"rsa\\r\\n\"}", "jwt.header"},
        {"JWT-15 NUL suffix", "{\"alg\":\"RS256\",\"kid\":\"rsa\\u0000\"}", "jwt.form"},
        {"JWT-16 number", "{\"alg\":\"RS256\",\"kid\":1}", "jwt.header"},
        {"JWT-16 null", "{\"alg\":\"RS256\",\"kid\":null}", "jwt.header"},
        {"JWT-16 array", "{\"alg\":\"RS256\",\"kid\":[\"rsa\"]}", "jwt.header"},
        {"JWT-16 object", "{\"alg\":\"RS256\",\"kid\":{}}", "jwt.header"},
        {"JWT-16 true", "{\"alg\":\"RS256\",\"kid\":true}", "jwt.header"},
        {"JWT-16 empty", "{\"alg\":\"RS256\",\"kid\":\"\"}", "jwt.header"},
        {"JWT-17 an EC key's kid", "{\"alg\":\"RS256\",\"kid\":\"ec\"}", "jwt.key"},
        {"JWT-17 P-384 with ES256", "{\"alg\":\"ES256\",\"kid\":\"p384\"}", "jwt.key"},
        {"JWT-18 pinned: PS256", "{\"alg\":\"PS256\",\"kid\":\"rsa\"}", "jwt.key"},
        {"JWT-18 pinned: RS512", "{\"alg\":\"RS512\",\"kid\":\"rsa\"}", "jwt.key"},
        {"JWT-19 missing", "{\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 empty", "{\"alg\":\"\",\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 null", "{\"alg\":null,\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 number", "{\"alg\":256,\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 array", "{\"alg\":[\"RS256\"],\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 case", "{\"alg\":\"rs256\",\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 blank", "{\"alg\":\"RS256 \",\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 NUL", "{\"alg\":\"RS256\\u0000\",\"kid\":\"rsa\"}", "jwt.form"},
        {"JWT-19 RS1", "{\"alg\":\"RS1\",\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-19 ES256K", "{\"alg\":\"ES256K\",\"kid\":\"rsa\"}", "jwt.alg"},
        {"JWT-20 unknown", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"x\"]}", "jwt.header"},
        {"JWT-20 []", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[]}", "jwt.header"},
        {"JWT-20 string", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":\"x\"}", "jwt.header"},
        {"JWT-20 alg", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"alg\"]}", "jwt.header"},
        {"JWT-20 exp", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"exp\"]}", "jwt.header"},
        {"JWT-21", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"b64\":false}", "jwt.header"},
        {"JWT-22 zip", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"zip\":\"DEF\"}", "jwt.header"},
        {"JWT-22 enc", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"enc\":\"A256GCM\"}", "jwt.header"},
        {"JWT-23", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"cty\":\"JWT\"}", "jwt.header"},
        {"JWT-23 case", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"cty\":\"jwt\"}", "jwt.header"},
        {"JWT-31", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"logout+jwt\"}", "jwt.header"},
        {"JWT-31", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"secevent+jwt\"}", "jwt.header"},
        {"JWT-31", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"dpop+jwt\"}", "jwt.header"},
        {"JWT-31", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":1}", "jwt.header"},
        {"JWT-32 JWT", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", NULL},
        {"JWT-32 jwt", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"jwt\"}", NULL},
        {"JWT-32 at+jwt", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"at+jwt\"}", NULL},
        {"JWT-32", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"application/at+jwt\"}", NULL},
        {"JWT-33 alg", "{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"rsa\"}", "jwt.form"},
        {"JWT-33 kid", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"k\\u0069d\":\"rsa\"}", "jwt.form"},
        {"JWT-38", " { \"alg\" : \"RS256\" ,\n\"kid\":\"rsa\", \"x\":{\"y\":[1]}}\t", NULL},
        {"not an object", "[\"RS256\"]", "jwt.form"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fx_expect(fx, rs256(rows[i].header, RK_STR(CLAIMS)), rows[i].reason, rows[i].why);
}

/* `head`, `unit` again and again, `tail`; the caller frees. */
static char *repeat(const char *head, const char *unit, size_t count, const char *tail)
{
    const size_t cap = strlen(head) + count * strlen(unit) + strlen(tail) + 1;
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);

    rki_buf_put(&buf, rki_cstr(head));
    for (size_t i = 0; i < count; i++)
        rki_buf_put(&buf, rki_cstr(unit));
    rki_buf_put(&buf, rki_cstr(tail));
    rki_buf_char(&buf, '\0');
    CHECK(!buf.overflow, "room");
    return buf.ptr;
}

static void test_large(void **state)
{
    char *text = repeat("{\"alg\":\"RS256\",\"kid\":\"", "k", 6000, "\"}");

    (void)state;
    fx_expect(fx, rs256(text, RK_STR(CLAIMS)), "jwt.form", "JWT-15 6,000 bytes");
    free(text);
    text = repeat("{\"alg\":\"RS256\",\"x\":", "[", 900, "");
    fx_expect(fx, rs256(text, RK_STR(CLAIMS)), "jwt.form", "JWT-37 header");
    free(text);
    fx_expect(fx, repeat("a", ".", 5000, "b"), "jwt.form", "JWT-30 dots");
    fx_expect(fx, repeat("", "a", 16384, ".b.c"), "jwt.form", "JWT-30 16 KiB");
    fx_expect(fx, repeat("", "a", 1048576, ".b.c"), "jwt.form", "JWT-30 1 MiB");
    text = repeat("{" ISS AUD SUB EXP ",\"x\":", "[", 4000, "");
    fx_expect(fx, rs256(RS_HEAD, rki_cstr(text)), "jwt.form", "JWT-37 payload");
    free(text);
    text = repeat("{" ISS AUD SUB EXP ",\"n\":123456789012345678901234567890,\"e\":\"\xf0\x9f\x98"
                  "\x80\",\"groups\":[\"\"",
                  ",\"engineering-group\"", 200, "]}");
    fx_expect(fx, rs256(RS_HEAD, rki_cstr(text)), NULL, "JWT-38");
    free(text);
}

static void test_payloads(void **state)
{
    static const struct {
        const char *why;
        struct rk_str payload;
        const char *reason;
    } rows[] = {
        {"JWT-33 sub", RK_STR_INIT("{" ISS AUD SUB SUB EXP "}"), "jwt.form"},
        {"JWT-33 aud", RK_STR_INIT("{" ISS AUD AUD SUB EXP "}"), "jwt.form"},
        {"JWT-33 hidden", RK_STR_INIT("{" ISS AUD SUB ",\"s\\u0075b\":\"bob\"" EXP "}"),
         "jwt.form"},
        {"JWT-34 array", RK_STR_INIT("[]"), "jwt.form"},
        {"JWT-34 string", RK_STR_INIT("\"a\""), "jwt.form"},
        {"JWT-34 null", RK_STR_INIT("null"), "jwt.form"},
        {"JWT-34 empty", RK_STR_INIT(""), "jwt.form"},
        {"JWT-34 {}", RK_STR_INIT("{}"), "jwt.iss"},
        {"JWT-35 trailing", RK_STR_INIT(CLAIMS " x"), "jwt.form"},
        {"JWT-35 NUL", RK_STR_INIT(CLAIMS "\0x"), "jwt.form"},
        {"JWT-35 BOM", RK_STR_INIT("\xef\xbb\xbf" CLAIMS), "jwt.form"},
        {"JWT-35 comment", RK_STR_INIT("/**/" CLAIMS), "jwt.form"},
        {"JWT-35 quotes", RK_STR_INIT("{'iss':'x'}"), "jwt.form"},
        {"JWT-35 comma", RK_STR_INIT("{" ISS AUD SUB EXP ",}"), "jwt.form"},
        {"JWT-35 NaN", RK_STR_INIT("{" ISS AUD SUB EXP ",\"x\":NaN}"), "jwt.form"},
        {"JWT-36 UTF-8", RK_STR_INIT("{" ISS AUD ",\"sub\":\"\xc0\xaf\"" EXP "}"), "jwt.form"},
        {"JWT-36 surrogate", RK_STR_INIT("{" ISS AUD ",\"sub\":\"\\ud800\"" EXP "}"), "jwt.form"},
        {"JWT-36 NUL", RK_STR_INIT("{" ISS AUD ",\"sub\":\"a\\u0000b\"" EXP "}"), "jwt.form"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fx_expect(fx, rs256(RS_HEAD, rows[i].payload), rows[i].reason, rows[i].why);
    fx_expect(fx, copy_of("{\"payload\":\"e30\",\"signatures\":[]}"), "authorization.scheme",
              "JWT-24: no token68");
}

/* ---- signatures ---- */

static void test_es256_signatures(void **state)
{
    static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    const struct rk_str head = RK_STR("{\"alg\":\"ES256\",\"kid\":\"ec\"}");
    uint8_t sig[80] = {0};

    (void)state;
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str((char *)sig, 64)), "jwt.sig",
              "JWT-25 r = s = 0");
    sig[63] = 1;
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str((char *)sig, 64)), "jwt.sig",
              "JWT-25 r = 0, s = 1");
    memcpy(sig, n, 32);
    memcpy(sig + 32, n, 32);
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str((char *)sig, 64)), "jwt.sig",
              "JWT-25 r = s = n");
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), RK_STR("")), "jwt.sig", "JWT-25 empty");
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), RK_STR("\x30\x06\x02\x01\x01\x02\x01\x01")),
              "jwt.sig", "JWT-25 DER");
    fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str((char *)sig, 66)), "jwt.sig",
              "JWT-25 33 + 33");
}

/* A good ES256 signature with a byte more, and a good RSA one moved about. */
static void test_moved_signatures(void **state)
{
    char *good[2] = {jwt_make(fx->keys[FX_EC], "ES256",
                              RK_STR("{\"alg\":\"ES256\",\"kid\":\"ec\"}"), RK_STR(CLAIMS)),
                     rs256(RS_HEAD, RK_STR(CLAIMS))};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *const why = i == 0 ? "JWT-25" : "JWT-26";
        const struct rk_str head =
            i == 0 ? RK_STR("{\"alg\":\"ES256\",\"kid\":\"ec\"}") : RK_STR(RS_HEAD);
        char sig[520] = {0};
        size_t len = 0;

        CHECK_ERR(rki_b64url_decode(rki_cstr(strrchr(good[i], '.') + 1), sig + 1, 512, &len), RK_OK,
                  "decode");
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig + 1, len)), NULL, why);
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig + 1, len + 1)), "jwt.sig", why);
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig + 1, len - 1)), "jwt.sig", why);
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig, len + 1)), "jwt.sig", why);
        memset(sig, 0, sizeof(sig));
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig, len)), "jwt.sig", why);
        sig[len - 1] = 1;
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig, len)), "jwt.sig", why);
        memset(sig, 0xff, sizeof(sig)); /* above the modulus */
        fx_expect(fx, jwt_join(head, RK_STR(CLAIMS), rki_str(sig, len)), "jwt.sig", why);
        free(good[i]);
    }
    fx_expect(fx,
              jwt_join(RK_STR("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}"), RK_STR(CLAIMS),
                       rki_str((char[64]){0}, 64)),
              "jwt.sig", "JWT-27 zeros");
}

static void test_base64(void **state)
{
    char *good = rs256(RS_HEAD, RK_STR(CLAIMS)), *dot = strchr(good, '.');
    static const struct {
        const char *why, *put, *reason;
    } rows[] = {
        {"JWT-28 padding", "=", "authorization.scheme"},
        {"JWT-28 +", "+", "jwt.form"},
        {"JWT-28 /", "/", "jwt.form"},
        {"JWT-28 ?", "?", "authorization.scheme"},
        {"JWT-28 space", " ", "authorization.scheme"},
        {"JWT-28 1 mod 4", "AAAAA", "jwt.form"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const size_t cap = strlen(good) + 16;
        struct rki_buf buf = rki_buf_over(malloc(cap), cap);

        rki_buf_put(&buf, rki_str(good, (size_t)(dot - good)));
        rki_buf_put(&buf, rki_cstr(rows[i].put));
        rki_buf_put(&buf, rki_cstr(dot));
        rki_buf_char(&buf, '\0');
        fx_expect(fx, buf.ptr, rows[i].reason, rows[i].why);
    }
    free(good);
    /* 342 letters for 256 bytes: the last one has four bits that stand for nothing */
    good = rs256(RS_HEAD, RK_STR(CLAIMS));
    good[strlen(good) - 1]++;
    fx_expect(fx, good, "jwt.form", "JWT-28 unused bits");
}

/* Every byte of header and payload is signed (JWT-29). */
static void test_changed(void **state)
{
    char *good = rs256(RS_HEAD, RK_STR(CLAIMS));
    char *other = rs256(RS_HEAD, RK_STR("{" ISS AUD ",\"sub\":\"bobby\"" EXP "}"));
    const size_t cap = strlen(good) + strlen(other);
    struct rki_buf buf = rki_buf_over(malloc(cap), cap);

    (void)state;
    rki_buf_put(&buf, rki_str(other, (size_t)(strrchr(other, '.') - other)));
    rki_buf_put(&buf, rki_cstr(strrchr(good, '.')));
    rki_buf_char(&buf, '\0');
    fx_expect(fx, buf.ptr, "jwt.sig", "JWT-29");
    free(other);
    for (size_t i = 0; i < strlen(good); i++) {
        struct rkd_auth_out out;
        char *token = copy_of(good);

        token[i] = token[i] == 'A' ? 'B' : 'A';
        CHECK(fx_bearer(fx, rki_cstr(token), NULL, &out) == RKD_AUTH_REFUSED, "one byte changed");
        CHECK(out.is_charged, "and charged");
        free(token);
    }
    for (size_t i = 0; i < strlen(good); i++) {
        struct rkd_auth_out out;

        CHECK(fx_bearer(fx, rki_str(good, i), NULL, &out) == RKD_AUTH_REFUSED, "a prefix");
    }
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm),
        cmocka_unit_test(test_default_algorithms),
        cmocka_unit_test(test_what_the_caller_holds),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_es256_signatures),
        cmocka_unit_test(test_moved_signatures),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_changed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
