/*
 * jws.c - V1 to V7 of security.md s.1.2: segments and header of a bearer token.
 *
 * May touch: its arguments, jansson through core. jku, x5u, jwk, x5c and x5t are not even looked
 * at: the token chooses among keys we have, it brings none.
 */
#include "auth/jws.h"

#include "core/b64.h"
#include "core/json.h"

enum {
    HEADER_MAX = 2048,
    HEADER_MEMBERS_MAX = 32,
};

/* Three segments, no array sized by the input (CVE-2025-30204). Five are a JWE: not ours. */
enum rkd_fault rkd_jws_split(struct rk_str token, struct rkd_jws *out)
{
    const char *one, *two, *end;

    if (token.len == 0 || token.len > RKD_BEARER_MAX)
        return RKD_FAULT_FORM;
    end = token.ptr + token.len;
    one = memchr(token.ptr, '.', token.len);
    if (one == NULL)
        return RKD_FAULT_FORM;
    two = memchr(one + 1, '.', (size_t)(end - one - 1));
    if (two == NULL || memchr(two + 1, '.', (size_t)(end - two - 1)) != NULL)
        return RKD_FAULT_FORM;
    out->header = rki_str(token.ptr, (size_t)(one - token.ptr));
    out->payload = rki_str(one + 1, (size_t)(two - one - 1));
    out->signature = rki_str(two + 1, (size_t)(end - two - 1));
    out->signed_text = rki_str(token.ptr, (size_t)(two - token.ptr));
    if (out->header.len == 0 || out->payload.len == 0)
        return RKD_FAULT_FORM;
    return RKD_FAULT_NONE;
}

/* V5: each changes what the token means, and we know none of them (RFC 7515 s.4.1.11). */
static bool has_extension(const json_t *header)
{
    static const char *const names[] = {"crit", "b64", "zip", "enc", "epk", "p2c", "p2s"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_object_get(header, names[i]) != NULL)
            return true;
    return false;
}

/* V6: tokens of other kinds (logout+jwt, secevent+jwt, ...) are no access tokens. */
static bool is_kind_of_ours(const json_t *header)
{
    static const struct rk_str kinds[] = {RK_STR_INIT("JWT"), RK_STR_INIT("at+jwt"),
                                          RK_STR_INIT("application/at+jwt")};
    const json_t *typ = json_object_get(header, "typ"), *cty = json_object_get(header, "cty");
    bool good = typ == NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds) && json_is_string(typ); i++)
        good = good || rki_str_equal_nocase(rki_json_str(typ), kinds[i]);
    if (cty != NULL)
        good = good && json_is_string(cty) && !rki_str_equal_nocase(rki_json_str(cty), kinds[0]);
    return good;
}

/* V7: a key for a table and nothing else. */
static bool read_kid(const json_t *header, struct rkd_header *out)
{
    const json_t *value = json_object_get(header, "kid");
    struct rk_str kid = rki_json_str(value);

    if (value == NULL)
        return true;
    if (kid.len == 0 || kid.len > sizeof(out->kid))
        return false;
    for (size_t i = 0; i < kid.len; i++)
        if ((unsigned char)kid.ptr[i] < 0x20 || kid.ptr[i] == 0x7f)
            return false;
    memcpy(out->kid, kid.ptr, kid.len);
    out->kid_len = kid.len;
    out->has_kid = true;
    return true;
}

static enum rkd_fault read_members(const json_t *header, struct rkd_header *out)
{
    struct rk_str alg = rki_json_str(json_object_get(header, "alg"));

    if (!json_is_object(header) || json_object_size(header) > HEADER_MEMBERS_MAX)
        return RKD_FAULT_FORM;
    if (has_extension(header) || !is_kind_of_ours(header) || !read_kid(header, out))
        return RKD_FAULT_HEADER;
    out->alg = rkd_alg_by_name(alg);
    out->is_hs256 = rki_str_equal(alg, RK_STR("HS256"));
    return RKD_FAULT_NONE;
}

enum rkd_fault rkd_jws_read_header(struct rk_str segment, struct rkd_header *out)
{
    static const struct rki_json_limits limits = {.depth = 8,
                                                  .values = 256,
                                                  .names = 256,
                                                  .string_bytes = HEADER_MAX,
                                                  .text_bytes = HEADER_MAX};
    char text[HEADER_MAX];
    size_t len = 0;
    json_t *header = NULL;
    enum rkd_fault fault;
    enum rk_err err;

    *out = (struct rkd_header){.alg = RKD_ALG_NONE};
    if (rki_b64url_decode(segment, text, sizeof(text), &len) != RK_OK)
        return RKD_FAULT_FORM;
    err = rki_json_bounds(rki_str(text, len), &limits, NULL);
    if (err == RK_OK)
        err = rki_json_parse(rki_str(text, len), 0, &header, NULL);
    if (err != RK_OK)
        return err == RK_E_NOMEM ? RKD_FAULT_MEMORY : RKD_FAULT_FORM;
    fault = read_members(header, out);
    json_decref(header);
    return fault;
}
