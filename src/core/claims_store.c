/*
 * claims_store.c - the memory of claims: one block of texts, what was set, and in which order.
 *
 * May touch: its arguments, malloc. Growth is the only allocation; a warm object makes none.
 */
#include "core/claims_impl.h"
#include "core/text.h"

#include <stdlib.h>

enum {
    FIRST_BLOCK = 1024, /* bytes; a usual token's texts are 100 to 400 */
};

enum rk_err rk_claims_new(struct rk_claims **out_claims)
{
    struct rk_claims *claims = calloc(1, sizeof(*claims));

    if (claims == NULL)
        return RK_E_NOMEM;
    *out_claims = claims;
    return RK_OK;
}

void rk_claims_reset(struct rk_claims *claims)
{
    const size_t from = offsetof(struct rk_claims, texts);

    claims->len = 0;
    memset((char *)claims + from, 0, offsetof(struct rk_claims, claim_codes) - from);
}

void rk_claims_free(struct rk_claims *claims)
{
    if (claims == NULL)
        return;
    free(claims->block);
    free(claims->retired);
    free(claims);
}

static void keep(const struct rk_claims *claims, struct rki_text *text, char *block, uint32_t *len)
{
    if (!text->present)
        return;
    if (text->len != 0)
        memcpy(block + *len, claims->block + text->at, text->len);
    text->at = *len;
    text->cap = text->len;
    *len += text->len;
}

static void keep_pairs(const struct rk_claims *claims, struct rki_pair *pairs, size_t count,
                       char *block, uint32_t *len)
{
    for (size_t i = 0; i < count; i++) {
        keep(claims, &pairs[i].key, block, len);
        keep(claims, &pairs[i].value, block, len);
    }
}

/*
 * A new block of `cap` bytes with the texts that are in use, without the holes that replaced ones
 * left. The old block stays until the next move: the text being set may lie in it.
 */
static enum rk_err move_to(struct rk_claims *claims, size_t cap)
{
    char *block = malloc(cap);
    uint32_t len = 0;

    if (block == NULL)
        return RK_E_NOMEM;
    for (size_t i = 0; i < RKI_TEXT_COUNT; i++)
        keep(claims, &claims->texts[i], block, &len);
    keep_pairs(claims, claims->attributes, claims->attribute_count, block, &len);
    keep_pairs(claims, claims->extras, claims->extra_count, block, &len);
    free(claims->retired);
    claims->retired = claims->block;
    claims->block = block;
    claims->cap = (uint32_t)cap;
    claims->len = len;
    return RK_OK;
}

enum rk_err rki_claims_grow(struct rk_claims *claims, size_t more)
{
    size_t cap = claims->cap == 0 ? FIRST_BLOCK : claims->cap;
    enum rk_err err;

    if (more > RK_CLAIMS_MAX)
        return RK_E_TOO_LONG;
    while (cap < claims->len + more && cap < RK_CLAIMS_MAX)
        cap = cap * 2 < RK_CLAIMS_MAX ? cap * 2 : RK_CLAIMS_MAX;
    err = move_to(claims, cap); /* drops holes, so what did not fit may do so now */
    if (err != RK_OK)
        return err;
    return more <= claims->cap - claims->len ? RK_OK : RK_E_TOO_LONG;
}

enum rk_err rki_claims_put_text(struct rk_claims *claims, enum rki_text_id id, struct rk_str s)
{
    unsigned flags = 0;
    enum rk_err err = rki_text_scan(s, &flags);

    return err == RK_OK ? rki_claims_put_scanned(claims, id, s, flags) : err;
}

/* The pair of this key, or the free one behind the last. */
static struct rki_pair *find_pair(const struct rk_claims *claims, struct rki_pair *pairs,
                                  size_t count, struct rk_str key)
{
    size_t i = 0;

    while (i < count && !rki_str_equal(rki_claims_view(claims, &pairs[i].key), key))
        i++;
    return &pairs[i];
}

static enum rk_err put_pair(struct rk_claims *claims, struct rki_pair *pair, bool is_new,
                            struct rk_str key, struct rk_str value)
{
    unsigned key_flags = 0, value_flags = 0;
    enum rk_err err = rki_text_scan(key, &key_flags);

    if (err == RK_OK)
        err = rki_text_scan(value, &value_flags);
    if (err != RK_OK)
        return err;
    if (!is_new)
        return rki_claims_put(claims, &pair->value, value, value_flags);
    if (key.len > RK_CLAIMS_MAX || value.len > RK_CLAIMS_MAX)
        return RK_E_TOO_LONG;
    err = rki_claims_reserve(
        claims, key.len + value.len); /* for both at once: a move keeps counted pairs only */
    if (err != RK_OK)
        return err;
    *pair = (struct rki_pair){0};
    rki_claims_append(claims, &pair->key, key, key_flags);
    rki_claims_append(claims, &pair->value, value, value_flags);
    return RK_OK;
}

enum rk_err rki_claims_put_attribute(struct rk_claims *claims, struct rk_str key,
                                     struct rk_str value)
{
    struct rki_pair *end = claims->attributes + claims->attribute_count;
    struct rki_pair *pair;
    enum rk_err err;

    pair = find_pair(claims, claims->attributes, claims->attribute_count, key);
    if (pair == end && claims->attribute_count == RK_ATTRIBUTES_MAX)
        return RK_E_TOO_LONG;
    err = put_pair(claims, pair, pair == end, key, value);
    if (err != RK_OK)
        return err;
    claims->attribute_count += pair == end;
    rki_claims_note_claim(claims, RKI_CLAIM_ATTRIBUTES);
    return RK_OK;
}

enum rk_err rki_claims_put_extra(struct rk_claims *claims, struct rk_str name, struct rk_str json)
{
    struct rki_pair *end = claims->extras + claims->extra_count;
    struct rki_pair *pair = find_pair(claims, claims->extras, claims->extra_count, name);
    enum rk_err err;

    if (pair == end && claims->extra_count == RK_EXTRAS_MAX)
        return RK_E_TOO_LONG;
    err = put_pair(claims, pair, pair == end, name, json);
    if (err != RK_OK)
        return err;
    rki_claims_note_claim(claims, RKI_CLAIM_COUNT + (unsigned)(pair - claims->extras));
    claims->extra_count += pair == end;
    return RK_OK;
}
