/*
 * api_keys.c - a file of API keys: NAME: { sha256: 64 hex, expires: 2027-01-01, claims: { ... } }.
 *
 * It holds hashes, not keys, but whoever can write it is any caller he likes: the rules of secret
 * files hold (security.md s.3.1, D3). Positions are those in that file. May touch: the file.
 */
#include "config/read.h"
#include "config/tree.h"

#include <stdlib.h>

enum { HEX_LEN = 64 };

static int hex_value(char c)
{
    const char lower = rki_lower(c);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static enum rk_err read_sha256(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_api_key *key = target;
    /* 64 digits alone, or digits around one e, are a number to YAML and a hash to us */
    const struct rk_str text = rkd_value_word(value);

    for (size_t i = 0; i < HEX_LEN; i++) {
        const int digit = text.len == HEX_LEN ? hex_value(text.ptr[i]) : -1;

        if (digit < 0)
            return rkd_read_fail(read, value, "expected 64 hex digits, the SHA-256 of the key");
        key->sha256[i / 2] = (uint8_t)(key->sha256[i / 2] << 4 | digit);
    }
    key->sha256_at = value->at;
    return RK_OK;
}

static enum rk_err read_expires(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_api_key *key = target;

    if (value->kind != RKD_VALUE_STRING || !rkd_date_parse(value->text, &key->expires_s) ||
        key->expires_s <= 0)
        return rkd_read_fail(read, value,
                             "expected a date like 2027-01-01, which means 00:00 UTC, or a time "
                             "like 2027-01-01T12:00:00Z");
    key->expires_at = value->at;
    return RK_OK;
}

static enum rk_err read_claims(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_raw_api_key *key = target;
    enum rk_err err = rkd_take_map(read, value, &key->claims);

    for (size_t i = 0; i < value->count && err == RK_OK; i++)
        if (rki_str_equal(value->members[i].key, RK_STR("sub")))
            err = rkd_read_fail_at(read, value->members[i].at, RK_STR("sub"),
                                   "expected no sub among the claims of a key: it is the key's "
                                   "name");
    return err;
}

static const struct rkd_key api_key_keys[] = {
    {RK_STR_INIT("sha256"), read_sha256, 0, true},
    RKD_KEY_WHOLE("expires", read_expires),
    RKD_KEY_WHOLE("claims", read_claims),
};
const struct rkd_table rkd_api_key_table = {"api_keys_file: ", api_key_keys,
                                            ARRAY_LEN(api_key_keys)};

static enum rk_err read_entries(struct rkd_read *read, const struct rkd_value *map,
                                struct rkd_raw_caller *caller)
{
    struct rkd_raw_api_key *keys = rkd_store_take(read->store, map->count, sizeof(*keys));

    if (keys == NULL)
        return rkd_read_nomem(read);
    for (size_t i = 0; i < map->count; i++) {
        const struct rkd_value_member *member = &map->members[i];
        enum rk_err err;

        read->key = member->key;
        err = rkd_table_read(read, &rkd_api_key_table, &member->value, &keys[i]);
        if (err != RK_OK)
            return err;
        keys[i].name = (struct rkd_raw_text){.text = member->key, .at = member->at};
        for (size_t other = 0; other < i; other++)
            if (memcmp(keys[other].sha256, keys[i].sha256, sizeof(keys[i].sha256)) == 0)
                return rkd_read_fail_at(read, keys[i].sha256_at, RK_STR("sha256"),
                                        "this hash stands here twice");
    }
    caller->keys = keys;
    caller->key_count = map->count;
    return RK_OK;
}

enum rk_err rkd_read_api_keys(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    const struct rk_str outer = read->key;
    struct rkd_value map = {.kind = RKD_VALUE_NONE};
    struct rk_str path = {0}, text = {0};
    char *memory = NULL;
    bool is_readable = false;
    enum rk_err err =
        rkd_file_secret(read, value, RKD_TREE_TEXT_MAX + 1, &memory, &text, &is_readable);

    if (err == RK_OK && rkd_file_path(read, value->text, &path) != RK_OK)
        err = rkd_read_nomem(read);
    if (err == RK_OK)
        err = rkd_tree_read(text, path.ptr, read->store, &map, read->error);
    if (err == RK_OK && is_readable)
        rkd_read_warn_at(read, value->at, "api_keys_file", RKD_READABLE_TEXT);
    if (err == RK_OK)
        err = read_entries(read, &map, target);
    free(memory);
    if (err == RK_OK)
        read->key = outer;
    return err;
}
