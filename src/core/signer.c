/*
 * signer.c - turns claims and a key into a signed compact JWT.
 *
 * May touch: its arguments, libcrypto's HMAC. May not touch: the clock, files, sockets, the log,
 * or any static variable. The caller passes `now` in and decides what is worth logging.
 *
 * The payload is written as JSON into the far end of the output and encoded from there to its
 * place: with a quarter of the space free in front, reading stays ahead of writing (b64.h), so
 * nothing is copied and nothing is allocated.
 */
#include "core/b64.h"
#include "core/claims_impl.h"
#include "core/mac.h"
#include "core/text.h"

#include <roomkey/token.h>
#include <stdlib.h>

enum {
    PREFIX_MAX = 16 + 2 * RK_KEY_NAME_MAX, /* a name without control characters at most doubles */
    TIMES_MAX = 3 * (7 + 16),              /* `"iat":` and 16 digits with a comma */
    SIGNATURE_LEN = 43,                    /* 32 bytes in base64url */
};

/* the largest integer a JSON reader with doubles gets right, less the longest lifetime */
static const int64_t now_max = (INT64_C(1) << 53) - 1 - RK_TTL_MAX_S;

struct rk_signer {
    struct rki_mac *mac;
    size_t iss_len;
    char iss[PREFIX_MAX]; /* `"iss":"APIxxxx",` */
    /* the three times as text: thousands of tokens share a second */
    int64_t now_s, ttl_s;
    size_t times_len; /* 0: none yet */
    char times[TIMES_MAX];
};

static void write_iss(struct rk_signer *signer, struct rk_str name)
{
    struct rki_buf buf = rki_buf_over(signer->iss, sizeof(signer->iss));

    rki_buf_lit(&buf, "\"iss\":");
    rki_buf_json(&buf, name);
    rki_buf_char(&buf, ',');
    signer->iss_len = buf.len;
}

enum rk_err rk_signer_new(const struct rk_key *key, struct rk_signer **out_signer)
{
    struct rk_signer *signer = calloc(1, sizeof(*signer));
    enum rk_err err;

    if (signer == NULL)
        return RK_E_NOMEM;
    write_iss(signer, rk_key_name(key));
    err = rki_mac_new(key, &signer->mac);
    if (err != RK_OK) {
        free(signer);
        return err;
    }
    *out_signer = signer;
    return RK_OK;
}

void rk_signer_free(struct rk_signer *signer)
{
    if (signer == NULL)
        return;
    rki_mac_free(signer->mac);
    free(signer);
}

static void put_number(struct rki_buf *buf, struct rk_str key, int64_t value)
{
    rki_buf_put(buf, key);
    rki_buf_int(buf, value);
    rki_buf_char(buf, ',');
}

static struct rk_str times(struct rk_signer *signer, int64_t now_s, int64_t ttl_s)
{
    struct rki_buf buf = rki_buf_over(signer->times, sizeof(signer->times));

    if (signer->times_len == 0 || signer->now_s != now_s || signer->ttl_s != ttl_s) {
        put_number(&buf, RK_STR("\"iat\":"), now_s);
        put_number(&buf, RK_STR("\"nbf\":"), now_s);
        put_number(&buf, RK_STR("\"exp\":"), now_s + ttl_s);
        signer->now_s = now_s;
        signer->ttl_s = ttl_s;
        signer->times_len = buf.len;
    }
    return rki_str(signer->times, signer->times_len);
}

static enum rk_err write_payload(struct rk_signer *signer, const struct rk_claims *claims,
                                 int64_t now_s, struct rki_buf *buf)
{
    rki_buf_char(buf, '{');
    rki_buf_put(buf, rki_str(signer->iss, signer->iss_len));
    rki_claims_write_text(claims, buf, RK_STR("\"sub\":"), RKI_TEXT_IDENTITY);
    rki_buf_put(buf, times(signer, now_s, rk_claims_ttl(claims)));
    rki_claims_write_text(claims, buf, RK_STR("\"jti\":"), RKI_TEXT_ID);
    rki_claims_write(claims, buf);
    rki_claims_close(buf, '}');
    return RK_OK;
}

static enum rk_err write_payload_js(struct rk_signer *signer, const struct rk_claims *claims,
                                    int64_t now_s, struct rki_buf *buf)
{
    enum rk_err err;

    rki_buf_char(buf, '{');
    err = rki_claims_write_js(claims, buf);
    rki_buf_put(buf, rki_str(signer->iss, signer->iss_len));
    put_number(buf, RK_STR("\"exp\":"), now_s + rk_claims_ttl(claims));
    put_number(buf, RK_STR("\"nbf\":"), now_s);
    rki_claims_write_text(claims, buf, RK_STR("\"sub\":"), RKI_TEXT_IDENTITY);
    rki_claims_write_text(claims, buf, RK_STR("\"jti\":"), RKI_TEXT_ID);
    rki_claims_close(buf, '}');
    return err;
}

typedef enum rk_err (*payload_fn)(struct rk_signer *signer, const struct rk_claims *claims,
                                  int64_t now_s, struct rki_buf *buf);

struct form {
    struct rk_str header; /* encoded, with the dot */
    payload_fn write_payload;
    bool needs_grant;
};

/* clang-format off */
static const struct form form_plain = {
    RK_STR_INIT("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."), /* {"alg":"HS256","typ":"JWT"} */
    write_payload, true,
};
static const struct form form_js = {
    RK_STR_INIT("eyJhbGciOiJIUzI1NiJ9."), /* {"alg":"HS256"} */
    write_payload_js, false,
};
/* clang-format on */

/* "." and the signature behind the `len` bytes of token that lie in out. */
static enum rk_err put_signature(struct rk_signer *signer, char *out, size_t len)
{
    unsigned char mac[RKI_MAC_SIZE];
    enum rk_err err = rki_mac_run(signer->mac, rki_str(out, len), mac);

    if (err != RK_OK)
        return err;
    out[len] = '.';
    (void)rki_b64url_encode_raw(out + len + 1, (const char *)mac, sizeof(mac));
    return RK_OK;
}

static enum rk_err put_token(struct rk_signer *signer, const struct form *form,
                             const struct rk_claims *claims, int64_t now_s, struct rki_buf *out)
{
    size_t fixed = form->header.len + 1 + SIGNATURE_LEN;
    size_t cap = out->cap < RK_TOKEN_MAX ? out->cap : RK_TOKEN_MAX;
    size_t space, json_cap;
    struct rki_buf json;
    enum rk_err err;

    if (cap < fixed)
        return RK_E_TOO_LONG;
    space = cap - fixed;
    json_cap = space / 4 * 3 + space % 4 * 3 / 4;
    json = rki_buf_over(out->ptr + form->header.len + (space - json_cap), json_cap);
    err = form->write_payload(signer, claims, now_s, &json);
    if (err != RK_OK)
        return err;
    if (json.overflow)
        return RK_E_TOO_LONG;
    rki_buf_put(out, form->header);
    out->len += rki_b64url_encode_raw(out->ptr + out->len, json.ptr, json.len);
    err = put_signature(signer, out->ptr, out->len);
    out->len += 1 + SIGNATURE_LEN;
    return err;
}

static enum rk_err sign(struct rk_signer *signer, const struct form *form,
                        const struct rk_claims *claims, int64_t now_s, char *out, size_t cap,
                        size_t *out_len)
{
    struct rki_buf buf = rki_buf_over(out, cap);
    enum rk_err err = now_s < 0 || now_s > now_max ? RK_E_INVAL : RK_OK;

    if (err == RK_OK)
        err = rki_claims_check(claims, form->needs_grant, NULL);
    if (err == RK_OK)
        err = put_token(signer, form, claims, now_s, &buf);
    if (err != RK_OK) {
        rk_wipe(out, cap);
        return err;
    }
    *out_len = buf.len;
    return RK_OK;
}

enum rk_err rk_signer_sign(struct rk_signer *signer, const struct rk_claims *claims, int64_t now_s,
                           char *out, size_t cap, size_t *out_len)
{
    return sign(signer, &form_plain, claims, now_s, out, cap, out_len);
}

enum rk_err rk_signer_sign_js(struct rk_signer *signer, const struct rk_claims *claims,
                              int64_t now_s, char *out, size_t cap, size_t *out_len)
{
    return sign(signer, &form_js, claims, now_s, out, cap, out_len);
}

enum rk_err rk_token_sign(const struct rk_key *key, const struct rk_claims *claims, int64_t now_s,
                          char *out, size_t cap, size_t *out_len)
{
    struct rk_signer *signer = NULL;
    enum rk_err err = rk_signer_new(key, &signer);

    if (err != RK_OK)
        rk_wipe(out, cap);
    else
        err = rk_signer_sign(signer, claims, now_s, out, cap, out_len);
    rk_signer_free(signer);
    return err;
}
