/*
 * raw_json.c - see raw_json.h. Test code: aborts where a program would refuse.
 */
#include "raw_json.h"

#include "core/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct piece {
    struct piece *next;
    max_align_t bytes[];
};

struct raw_json {
    json_t *root;
    struct piece *pieces;
    unsigned line;
    struct rkd_raw raw;
};

static void fail(const char *what, const char *text)
{
    (void)fprintf(stderr, "raw_json: %s: %s\n", what, text);
    abort();
}

static void *take(struct raw_json *json, size_t count, size_t size)
{
    struct piece *piece = calloc(1, sizeof(*piece) + count * size + 1);

    if (piece == NULL)
        fail("memory", "");
    piece->next = json->pieces;
    json->pieces = piece;
    return piece->bytes;
}

static struct rkd_pos next_pos(struct raw_json *json)
{
    return (struct rkd_pos){.file = "test", .line = ++json->line, .column = 1};
}

static struct rk_str str_of(const json_t *value)
{
    return json_is_string(value) ? rki_str(json_string_value(value), json_string_length(value))
                                 : rki_str(NULL, 0);
}

/* ---- scalars, lists, trees ---- */

static struct rkd_raw_text text_of(struct raw_json *json, const json_t *value)
{
    struct rkd_raw_text text = {.text = str_of(value)};

    if (value != NULL && !json_is_string(value))
        fail("text", "not a string");
    if (value != NULL)
        text.at = next_pos(json);
    return text;
}

static struct rkd_raw_list list_of(struct raw_json *json, const json_t *value)
{
    struct rkd_raw_list list = {.is_set = value != NULL};

    if (value == NULL)
        return list;
    list.at = next_pos(json);
    list.count = json_is_array(value) ? json_array_size(value) : 1;
    list.items = take(json, list.count, sizeof(*list.items));
    for (size_t i = 0; i < list.count; i++)
        list.items[i] = text_of(json, json_is_array(value) ? json_array_get(value, i) : value);
    return list;
}

static struct rkd_raw_flag flag_of(struct raw_json *json, const json_t *value)
{
    struct rkd_raw_flag flag = {.value = json_is_true(value), .is_set = value != NULL};

    if (value != NULL)
        flag.at = next_pos(json);
    return flag;
}

/* "10m", "2s", "6h", "100ms", "1d" */
static struct rkd_raw_time time_of(struct raw_json *json, const json_t *value)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    struct rkd_raw_time time = {.is_set = value != NULL};
    const char *at = json_string_value(value);

    if (value == NULL)
        return time;
    time.at = next_pos(json);
    if (at == NULL)
        fail("time", "not a string");
    while (at != NULL && *at >= '0' && *at <= '9')
        time.ms = time.ms * 10 + (*at++ - '0');
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (at != NULL && strcmp(at, units[i].unit) == 0) {
            time.ms *= units[i].ms;
            return time;
        }
    fail("time", "no unit");
    return time;
}

static struct rkd_raw_secret secret_of(struct raw_json *json, const json_t *value)
{
    struct rkd_raw_secret secret = {.bytes = str_of(value)};

    if (value != NULL)
        secret.at = next_pos(json);
    return secret;
}

static struct rkd_value value_of(struct raw_json *json, json_t *from)
{
    struct rkd_value value = {.kind = RKD_VALUE_NONE};
    const char *key;
    json_t *item;
    size_t i = 0;

    if (from == NULL)
        return value;
    value.at = next_pos(json);
    value.boolean = json_is_true(from);
    value.number = json_number_value(from);
    value.text = str_of(from);
    value.kind = json_is_string(from)    ? RKD_VALUE_STRING
                 : json_is_number(from)  ? RKD_VALUE_NUMBER
                 : json_is_boolean(from) ? RKD_VALUE_BOOL
                 : json_is_array(from)   ? RKD_VALUE_LIST
                 : json_is_object(from)  ? RKD_VALUE_MAP
                                         : RKD_VALUE_NONE;
    if (json_is_array(from)) {
        value.count = json_array_size(from);
        value.items = take(json, value.count, sizeof(*value.items));
        for (i = 0; i < value.count; i++)
            value.items[i] = value_of(json, json_array_get(from, i));
    }
    if (json_is_object(from)) {
        value.count = json_object_size(from);
        value.members = take(json, value.count, sizeof(*value.members));
        json_object_foreach(from, key, item)
        {
            value.members[i].key = rki_cstr(key);
            value.members[i].at = next_pos(json);
            value.members[i++].value = value_of(json, item);
        }
    }
    return value;
}

static json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

/* ---- callers ---- */

static void read_oidc(struct raw_json *json, const json_t *from, struct rkd_raw_oidc *out)
{
    const json_t *jwks = get(from, "jwks");

    out->at = next_pos(json);
    out->issuer = text_of(json, get(from, "issuer"));
    out->audience = list_of(json, get(from, "audience"));
    out->algorithms = list_of(json, get(from, "algorithms"));
    out->tenants = list_of(json, get(from, "tenants"));
    out->jwks_hosts = list_of(json, get(from, "jwks_hosts"));
    out->allow_http = list_of(json, get(from, "allow_http"));
    out->require = value_of(json, get(from, "require"));
    out->jwks_uri = text_of(json, get(from, "jwks_uri"));
    out->discovery_url = text_of(json, get(from, "discovery_url"));
    out->ca_file = text_of(json, get(from, "ca_file"));
    out->hs256_secret = secret_of(json, get(from, "hs256_secret"));
    out->clock_skew = time_of(json, get(from, "clock_skew"));
    out->fresh = time_of(json, get(jwks, "fresh"));
    out->cooldown = time_of(json, get(jwks, "cooldown"));
    out->stale = time_of(json, get(jwks, "stale"));
    out->timeout = time_of(json, get(jwks, "timeout"));
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_keys(struct raw_json *json, json_t *map, struct rkd_raw_caller *out)
{
    const char *name;
    json_t *from;

    out->key_count = 0;
    out->keys = take(json, json_object_size(map), sizeof(*out->keys));
    json_object_foreach(map, name, from)
    {
        struct rkd_raw_api_key *key = &out->keys[out->key_count++];
        const char *hex = json_string_value(get(from, "sha256"));

        key->name = (struct rkd_raw_text){.text = rki_cstr(name), .at = next_pos(json)};
        key->sha256_at = next_pos(json);
        for (size_t i = 0; hex != NULL && strlen(hex) == 64 && i < 32; i++)
            key->sha256[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
        key->expires_s = (int64_t)json_number_value(get(from, "expires"));
        key->expires_at = next_pos(json);
        key->claims = value_of(json, get(from, "claims"));
    }
}

static void read_kind(struct raw_json *json, const json_t *from, struct rkd_raw_caller *out)
{
    out->kind_at = next_pos(json);
    if (get(from, "oidc") != NULL) {
        out->kind = RKD_RAW_CALLER_OIDC;
        read_oidc(json, get(from, "oidc"), &out->oidc);
    } else if (get(from, "entra") != NULL) {
        out->kind = RKD_RAW_CALLER_ENTRA;
        read_oidc(json, get(from, "entra"), &out->oidc);
    } else if (get(from, "api_keys") != NULL) {
        out->kind = RKD_RAW_CALLER_API_KEYS;
        read_keys(json, get(from, "api_keys"), out);
    } else if (get(from, "easy_auth") != NULL) {
        out->kind = RKD_RAW_CALLER_EASY_AUTH;
        out->easy_auth_providers = list_of(json, get(get(from, "easy_auth"), "providers"));
    }
}

static void read_caller(struct raw_json *json, const json_t *from, struct rkd_raw_caller *out)
{
    json_t *identity = get(from, "identity");

    out->at = next_pos(json);
    out->name = text_of(json, get(from, "name"));
    read_kind(json, from, out);
    out->identity_is_hashed = json_is_object(identity);
    out->identity = text_of(json, json_is_object(identity) ? get(identity, "hash") : identity);
    out->devices_many = rki_str_equal(str_of(get(from, "devices")), RK_STR("many"));
    out->display_name = list_of(json, get(from, "display_name"));
    out->attributes = value_of(json, get(from, "attributes"));
    out->metadata = value_of(json, get(from, "metadata"));
    out->bind_to_caller_exp = flag_of(json, get(from, "bind_to_caller_exp"));
    out->explain = flag_of(json, get(from, "explain"));
    out->shares_identities = flag_of(json, get(from, "shares_identities"));
}

/* ---- rules ---- */

static void read_hook(struct raw_json *json, const json_t *from, struct rkd_raw_hook *out)
{
    if (from == NULL)
        return;
    out->is_set = true;
    out->at = next_pos(json);
    out->url = text_of(json, get(from, "url"));
    out->secret = secret_of(json, get(from, "secret"));
    out->timeout = time_of(json, get(from, "timeout"));
}

static void read_rule(struct raw_json *json, const json_t *from, struct rkd_raw_rule *out)
{
    out->at = next_pos(json);
    out->id = text_of(json, get(from, "id"));
    out->caller = text_of(json, get(from, "caller"));
    out->when = value_of(json, get(from, "when"));
    out->room = list_of(json, get(from, "room"));
    out->default_room = text_of(json, get(from, "default_room"));
    out->profile = list_of(json, get(from, "profile"));
    out->ttl = time_of(json, get(from, "ttl"));
    out->request_may_set = list_of(json, get(from, "request_may_set"));
    out->request_agents = list_of(json, get(from, "request_agents"));
    out->dispatch = list_of(json, get(from, "dispatch"));
    out->room_config = value_of(json, get(from, "room_config"));
    read_hook(json, get(from, "ask"), &out->ask);
}

static void read_all(struct raw_json *json)
{
    const json_t *callers = get(json->root, "callers"), *rules = get(json->root, "rules");
    json_t *profiles = get(json->root, "profiles"), *body;
    const json_t *ceiling = get(json->root, "ceiling");
    struct rkd_raw *raw = &json->raw;
    const char *name;

    raw->callers_at = next_pos(json);
    raw->caller_count = json_array_size(callers);
    raw->callers = take(json, raw->caller_count, sizeof(*raw->callers));
    for (size_t i = 0; i < raw->caller_count; i++)
        read_caller(json, json_array_get(callers, i), &raw->callers[i]);
    raw->profiles = take(json, json_object_size(profiles), sizeof(*raw->profiles));
    json_object_foreach(profiles, name, body)
    {
        struct rkd_raw_profile *profile = &raw->profiles[raw->profile_count++];

        profile->name = (struct rkd_raw_text){.text = rki_cstr(name), .at = next_pos(json)};
        profile->body = value_of(json, body);
    }
    raw->rules_at = next_pos(json);
    raw->rule_count = json_array_size(rules);
    raw->rules = take(json, raw->rule_count, sizeof(*raw->rules));
    for (size_t i = 0; i < raw->rule_count; i++)
        read_rule(json, json_array_get(rules, i), &raw->rules[i]);
    raw->ceiling.at = next_pos(json);
    raw->ceiling.ttl = time_of(json, get(ceiling, "ttl"));
    raw->ceiling.grants = list_of(json, get(ceiling, "grants"));
    raw->identity_hash_key = secret_of(json, get(json->root, "identity_hash_key"));
    raw->anonymous_by_rules = rki_str_equal(str_of(get(json->root, "anonymous")), RK_STR("rules"));
}

struct raw_json *raw_json_read(const char *text)
{
    struct raw_json *json = calloc(1, sizeof(*json));
    const size_t len = strlen(text);
    json_error_t error;
    char *copy;

    if (json == NULL)
        fail("memory", "");
    copy = take(json, len, 1);
    for (size_t i = 0; i < len; i++)
        copy[i] = text[i];
    for (size_t i = 0; i < len; i++)
        if (copy[i] == '\'')
            copy[i] = '"';
    json->root = json_loadb(copy, len, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error);
    if (json->root == NULL)
        fail(error.text, copy);
    read_all(json);
    return json;
}

const struct rkd_raw *raw_json_raw(const struct raw_json *json)
{
    return &json->raw;
}

void raw_json_free(struct raw_json *json)
{
    if (json == NULL)
        return;
    while (json->pieces != NULL) {
        struct piece *piece = json->pieces;

        json->pieces = piece->next;
        free(piece);
    }
    json_decref(json->root);
    free(json);
}
