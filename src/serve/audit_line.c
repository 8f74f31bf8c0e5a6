/*
 * audit_line.c - one decision as a line of JSON.
 *
 * May touch: its arguments; of the audit only the hash key. No token is in the line, and nothing
 * unescaped: names come from requests and providers.
 */
#include "serve/audit_impl.h"

#include "core/grants.h"
#include "serve/clock.h"

#include <openssl/evp.h>

enum {
    NAME_MAX_SHOWN = 320, /* an identity with its #device has 273 bytes */
    SUBJECT_MAX_SHOWN = 512,
};

static void put_hex(struct rki_buf *buf, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        rki_buf_char(buf, digits[bytes[i] >> 4]);
        rki_buf_char(buf, digits[bytes[i] & 15]);
    }
}

enum rk_err rkd_audit_fingerprint(struct rk_str token, char out[RKD_AUDIT_FINGERPRINT_LEN])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    struct rki_buf hex = rki_buf_over(out, RKD_AUDIT_FINGERPRINT_LEN);

    if (EVP_Digest(token.len == 0 ? "" : token.ptr, token.len, hash, NULL, EVP_sha256(), NULL) != 1)
        return RK_E_CRYPTO;
    put_hex(&hex, hash, RKD_AUDIT_FINGERPRINT_LEN / 2);
    return RK_OK;
}

static struct rk_str kind_name(enum rkd_caller_kind kind)
{
    static const struct rk_str names[] = {
        [RKD_CALLER_ANONYMOUS] = RK_STR_INIT("anonymous"),
        [RKD_CALLER_OIDC] = RK_STR_INIT("oidc"),
        [RKD_CALLER_API_KEY] = RK_STR_INIT("api_key"),
        [RKD_CALLER_EASY_AUTH] = RK_STR_INIT("easy_auth"),
        [RKD_CALLER_ENTRA] = RK_STR_INIT("entra"),
    };

    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : (struct rk_str){0};
}

static void put_name(struct rki_buf *buf, const char *name)
{
    rki_buf_lit(buf, ",\"");
    rki_buf_put(buf, rki_cstr(name));
    rki_buf_lit(buf, "\":");
}

static void put_str(struct rki_buf *buf, const char *name, struct rk_str value, size_t max)
{
    put_name(buf, name);
    if (value.ptr == NULL)
        rki_buf_lit(buf, "null");
    else
        rki_buf_json_untrusted(buf, value, max);
}

static enum rk_err put_personal(struct rki_buf *buf, struct audit_hash *hash, const char *name,
                                struct rk_str value)
{
    unsigned char mac[RKI_MAC_SIZE];
    enum rk_err err;

    if (hash->mac == NULL || value.ptr == NULL) {
        put_str(buf, name, value, SUBJECT_MAX_SHOWN);
        return RK_OK;
    }
    (void)pthread_mutex_lock(&hash->lock); /* half a microsecond */
    err = rki_mac_run(hash->mac, value, mac);
    (void)pthread_mutex_unlock(&hash->lock);
    if (err != RK_OK)
        return err;
    put_name(buf, name);
    rki_buf_char(buf, '"');
    put_hex(buf, mac, sizeof(mac));
    rki_buf_char(buf, '"');
    return RK_OK;
}

static void put_grants(struct rki_buf *buf, uint32_t grants)
{
    bool is_first = true;

    put_name(buf, "grants");
    rki_buf_char(buf, '[');
    for (unsigned i = 1; i < RKI_GRANT_COUNT; i++) {
        if ((grants & rki_grant_bit((enum rk_grant)i)) == 0)
            continue;
        if (!is_first)
            rki_buf_char(buf, ',');
        is_first = false;
        rki_buf_json(buf, rki_grants[i].name);
    }
    rki_buf_char(buf, ']');
}

enum rk_err rkd_audit_line_write(struct rkd_audit *audit, const struct rkd_audit_record *record,
                                 struct rkd_audit_line *line)
{
    const struct {
        const char *name;
        struct rk_str value;
    } personal[] = {
        {"subject", record->subject},
        {"identity", record->identity},
        {"name", record->name},
        {"client", record->client},
    };
    struct rki_buf *buf = &line->buf;

    *buf = rki_buf_over(line->text, sizeof(line->text));
    rki_buf_lit(buf, "{\"event\":\"decision\",\"ts\":\"");
    rkd_clock_iso_ms(buf, record->now_ms);
    rki_buf_char(buf, '"');
    put_str(buf, "request_id", record->request_id, NAME_MAX_SHOWN);
    put_str(buf, "outcome", record->outcome, NAME_MAX_SHOWN);
    put_str(buf, "reason", record->reason, NAME_MAX_SHOWN);
    put_str(buf, "caller", record->caller, NAME_MAX_SHOWN);
    put_str(buf, "caller_kind", kind_name(record->caller_kind), NAME_MAX_SHOWN);
    for (size_t i = 0; i < ARRAY_LEN(personal); i++) {
        enum rk_err err = put_personal(buf, &audit->hash, personal[i].name, personal[i].value);

        if (err != RK_OK)
            return err;
    }
    if (audit->hash.mac != NULL)
        rki_buf_lit(buf, ",\"hashed\":true");
    put_str(buf, "rule", record->rule, NAME_MAX_SHOWN);
    put_str(buf, "room", record->room, NAME_MAX_SHOWN);
    put_str(buf, "profile", record->profile, NAME_MAX_SHOWN);
    put_grants(buf, record->grants);
    put_name(buf, "ttl_s");
    rki_buf_int(buf, record->ttl_s);
    put_str(buf, "jti", record->jti, NAME_MAX_SHOWN);
    put_str(buf, "token_sha256", record->fingerprint, NAME_MAX_SHOWN);
    rki_buf_lit(buf, "}\n");
    return buf->overflow ? RK_E_TOO_LONG : RK_OK;
}
