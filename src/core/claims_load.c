/*
 * claims_load.c - fills claims from the payload of a token somebody else may have made.
 *
 * May touch: its arguments, malloc. Reads as livekit-server does (reference livekit-tokens.md s.1
 * and 2.2), except that a known name in other letters is refused instead of honoured.
 */
#include "core/claims_impl.h"
#include "core/room_config.h"
#include "core/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct loader {
    struct rk_claims *claims;
    struct rk_diag *diag;
    char *scratch; /* RK_CLAIMS_MAX bytes, made when first needed */
};

typedef enum rk_err (*load_fn)(struct loader *loader, const char *path, json_t *value,
                               unsigned arg);

struct member {
    struct rk_str name;
    load_fn load; /* never called with null, which means absent */
    unsigned arg;
    const char *path;
};

static enum rk_err wrong_type(const struct loader *loader, const char *path, const char *want)
{
    return rki_diag_fail(loader->diag, RK_E_TYPE, path, want);
}

/* Says where a store refused; the error goes through. */
static enum rk_err stored(const struct loader *loader, const char *path, enum rk_err err)
{
    if (err != RK_OK)
        rki_diag_set(loader->diag, path, rk_err_text(err));
    return err;
}

static enum rk_err load_text(struct loader *loader, const char *path, json_t *value, unsigned arg)
{
    if (!json_is_string(value))
        return wrong_type(loader, path, "must be a string");
    if (json_string_length(value) == 0)
        return RK_OK;
    return stored(loader, path,
                  rki_claims_put_text(loader->claims, (enum rki_text_id)arg, rki_json_str(value)));
}

static enum rk_err check_text(struct loader *loader, const char *path, json_t *value, unsigned arg)
{
    (void)arg;
    return json_is_string(value) ? RK_OK : wrong_type(loader, path, "must be a string");
}

static enum rk_err load_time(struct loader *loader, const char *path, json_t *value, unsigned arg)
{
    struct rki_time *times[] = {&loader->claims->issued_at, &loader->claims->not_before,
                                &loader->claims->expires_at};
    const double limit = 9007199254740992.0; /* 2^53 */
    double s = json_number_value(value);

    if (!json_is_number(value) || !(fabs(s) < limit))
        return wrong_type(loader, path, "must be a number of seconds below 2^53");
    *times[arg] = (struct rki_time){.s = (int64_t)s, .present = true};
    return RK_OK;
}

static enum rk_err load_kind(struct loader *loader, const char *path, json_t *value, unsigned arg)
{
    (void)arg;
    if (!json_is_string(value))
        return wrong_type(loader, path, "must be a string");
    if (json_string_length(value) == 0)
        return RK_OK;
    loader->claims->kind = RK_KIND_STANDARD; /* what the server makes of kinds it does not know */
    for (unsigned i = RK_KIND_STANDARD; rk_kind_name((enum rk_kind)i).ptr != NULL; i++)
        if (rki_str_equal_nocase(rk_kind_name((enum rk_kind)i), rki_json_str(value)))
            loader->claims->kind = (enum rk_kind)i;
    rki_claims_note_claim(loader->claims, RKI_CLAIM_KIND);
    return RK_OK;
}

/* `path[index]` in the diagnostic. */
static enum rk_err wrong_element(const struct loader *loader, const char *path, size_t index)
{
    char field[sizeof(loader->diag->field)];

    (void)snprintf(field, sizeof(field), "%s[%zu]", path, index);
    return wrong_type(loader, field, "must be a string");
}

static enum rk_err load_kind_details(struct loader *loader, const char *path, json_t *value,
                                     unsigned arg)
{
    (void)arg;
    if (!json_is_array(value))
        return wrong_type(loader, path, "must be an array of strings");
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);

        if (!json_is_string(item) && !json_is_null(item))
            return wrong_element(loader, path, i);
        for (unsigned at = 1; rk_kind_detail_name((enum rk_kind_detail)at).ptr != NULL; at++)
            if (rki_str_equal_nocase(rk_kind_detail_name((enum rk_kind_detail)at),
                                     rki_json_str(item)))
                (void)!rk_claims_add_kind_detail(loader->claims, (enum rk_kind_detail)at);
    }
    return RK_OK;
}

/* Sources that match nothing stay as one UNKNOWN: dropping them could empty the list, and an empty
 * list allows everything. */
static enum rk_err load_sources(struct loader *loader, const char *path, json_t *value,
                                unsigned arg)
{
    struct rk_claims *claims = loader->claims;

    (void)arg;
    if (!json_is_array(value))
        return wrong_type(loader, path, "must be an array of strings");
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        enum rk_source source = rk_source_from_name(rki_json_str(item));
        size_t at = 0;

        if (!json_is_string(item) && !json_is_null(item))
            return wrong_element(loader, path, i);
        while (at < claims->source_count && claims->sources[at] != (unsigned char)source)
            at++;
        claims->sources[at] = (unsigned char)source;
        if (at == claims->source_count)
            claims->source_count++;
    }
    claims->has_sources = true;
    rki_claims_note_member(claims, RK_SECTION_VIDEO, RKI_MEMBER_SOURCES);
    return RK_OK;
}

static enum rk_err load_attributes(struct loader *loader, const char *path, json_t *value,
                                   unsigned arg)
{
    const char *key;
    json_t *item;

    (void)arg;
    if (!json_is_object(value))
        return wrong_type(loader, path, "must be an object of strings");
    json_object_foreach(value, key, item)
    {
        enum rk_err err;

        if (!json_is_string(item) && !json_is_null(item))
            return wrong_type(loader, path, "values must be strings");
        err = rki_claims_put_attribute(loader->claims, rki_cstr(key), rki_json_str(item));
        if (err != RK_OK)
            return stored(loader, path, err);
    }
    return RK_OK;
}

static const struct member video_members[] = {
    {RK_STR_INIT("room"), load_text, RKI_TEXT_ROOM, "video.room"},
    {RK_STR_INIT("destinationRoom"), load_text, RKI_TEXT_DESTINATION_ROOM, "video.destinationRoom"},
    {RK_STR_INIT("canPublishSources"), load_sources, 0, "video.canPublishSources"},
};

static enum rk_err other_letters(const struct loader *loader, const char *path)
{
    return rki_diag_fail(loader->diag, RK_E_INVAL, path,
                         "a known name in other letters, which LiveKit would honour");
}

/* Loads a member the table names. Without one of that name: *out_found, if asked for, is false. */
static enum rk_err load_known(struct loader *loader, const struct member *table, size_t count,
                              struct rk_str name, json_t *value, bool *out_found)
{
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &table[i];

        if (!rki_utf8_folds_to(name, member->name))
            continue;
        if (!rki_str_equal(member->name, name))
            return other_letters(loader, member->path);
        return json_is_null(value) ? RK_OK : member->load(loader, member->path, value, member->arg);
    }
    if (out_found != NULL)
        *out_found = false;
    return RK_OK;
}

/* A grant of `section`, whose key is `name` but for the case of its letters. */
static enum rk_err load_grant(const struct loader *loader, const struct rki_section *section,
                              unsigned grant, struct rk_str name, json_t *value)
{
    char path[sizeof(loader->diag->field)];
    struct rk_str key = rki_grants[grant].key;

    if (rki_str_equal(key, name) && json_is_null(value))
        return RK_OK;
    if (rki_str_equal(key, name) && json_is_boolean(value))
        return rk_claims_set_grant(loader->claims, (enum rk_grant)grant, json_is_true(value));
    (void)snprintf(path, sizeof(path), "%s.%s", section->key.ptr, key.ptr); /* literals */
    if (!rki_str_equal(key, name))
        return other_letters(loader, path);
    return wrong_type(loader, path, "must be true or false");
}

/* Members nobody knows mean nothing to the server. */
static enum rk_err load_section_member(struct loader *loader, const struct rki_section *section,
                                       struct rk_str name, json_t *value)
{
    for (unsigned grant = section->first; grant <= (unsigned)section->last; grant++)
        if (rki_utf8_folds_to(name, rki_grants[grant].key))
            return load_grant(loader, section, grant, name, value);
    if (section->first == RK_GRANT_ROOM_CREATE)
        return load_known(loader, video_members, ARRAY_LEN(video_members), name, value, NULL);
    return RK_OK;
}

static enum rk_err load_section(struct loader *loader, const char *path, json_t *value,
                                unsigned arg)
{
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return wrong_type(loader, path, "must be an object");
    rki_claims_note_section(loader->claims, (enum rk_section)arg);
    json_object_foreach(value, key, item)
    {
        enum rk_err err = load_section_member(loader, &rki_sections[arg], rki_cstr(key), item);

        if (err != RK_OK)
            return err;
    }
    return RK_OK;
}

static enum rk_err need_scratch(struct loader *loader)
{
    if (loader->scratch == NULL)
        loader->scratch = malloc(RK_CLAIMS_MAX);
    return loader->scratch == NULL ? RK_E_NOMEM : RK_OK;
}

static enum rk_err load_room_config(struct loader *loader, const char *path, json_t *value,
                                    unsigned arg)
{
    struct rki_buf buf;
    unsigned members = 0;
    enum rk_err err = need_scratch(loader);

    (void)arg;
    if (err != RK_OK)
        return stored(loader, path, err);
    buf = rki_buf_over(loader->scratch, RK_CLAIMS_MAX);
    err = rki_room_config_write(value, RKI_RC_KEEP_CREDENTIALS, &buf, &members, loader->diag);
    if (err != RK_OK)
        return err;
    if (buf.overflow)
        return stored(loader, path, RK_E_TOO_LONG);
    err = rki_claims_set_room_config_raw(loader->claims, rki_buf_str(&buf));
    loader->claims->has_credentials = (members & RKI_RC_CREDENTIALS) != 0;
    return stored(loader, path, err);
}

static enum rk_err load_extra(struct loader *loader, struct rk_str name, json_t *value)
{
    struct rki_buf buf;
    enum rk_err err = need_scratch(loader);

    if (err != RK_OK)
        return stored(loader, "", err);
    buf = rki_buf_over(loader->scratch, RK_CLAIMS_MAX);
    err = rki_claims_write_value(&buf, value);
    if (err == RK_OK && buf.overflow)
        err = RK_E_TOO_LONG;
    if (err == RK_OK)
        err = rki_claims_put_extra(loader->claims, name, rki_buf_str(&buf));
    return stored(loader, "", err);
}

/* clang-format off */
#define MEMBER(name, load, arg) {RK_STR_INIT(name), load, arg, name}
/* clang-format on */

static const struct member members[] = {
    MEMBER("iss", load_text, RKI_TEXT_ISSUER),
    MEMBER("sub", load_text, RKI_TEXT_IDENTITY),
    MEMBER("iat", load_time, 0),
    MEMBER("nbf", load_time, 1),
    MEMBER("exp", load_time, 2),
    MEMBER("jti", load_text, RKI_TEXT_ID),
    MEMBER("identity", check_text, 0),
    MEMBER("name", load_text, RKI_TEXT_NAME),
    MEMBER("kind", load_kind, 0),
    MEMBER("kindDetails", load_kind_details, 0),
    MEMBER("video", load_section, RK_SECTION_VIDEO),
    MEMBER("sip", load_section, RK_SECTION_SIP),
    MEMBER("agent", load_section, RK_SECTION_AGENT),
    MEMBER("inference", load_section, RK_SECTION_INFERENCE),
    MEMBER("observability", load_section, RK_SECTION_OBSERVABILITY),
    MEMBER("roomConfig", load_room_config, 0),
    MEMBER("roomPreset", load_text, RKI_TEXT_ROOM_PRESET),
    MEMBER("sha256", load_text, RKI_TEXT_SHA256),
    MEMBER("metadata", load_text, RKI_TEXT_METADATA),
    MEMBER("attributes", load_attributes, 0),
};

static enum rk_err load_member(struct loader *loader, struct rk_str name, json_t *value)
{
    bool found = true;
    enum rk_err err = load_known(loader, members, ARRAY_LEN(members), name, value, &found);

    return found ? err : load_extra(loader, name, value);
}

enum rk_err rki_claims_load(struct rk_claims *claims, json_t *payload, struct rk_diag *out_diag)
{
    struct loader loader = {.claims = claims, .diag = out_diag};
    enum rk_err err = RK_OK;
    const char *key;
    json_t *value;

    rk_claims_reset(claims);
    if (!json_is_object(payload))
        return rki_diag_fail(out_diag, RK_E_MALFORMED, "", "the payload must be a JSON object");
    json_object_foreach(payload, key, value)
    {
        err = load_member(&loader, rki_cstr(key), value);
        if (err != RK_OK)
            break;
    }
    free(loader.scratch);
    if (err != RK_OK)
        rk_claims_reset(claims);
    return err;
}

enum rk_err rk_claims_load_json(struct rk_claims *claims, struct rk_str json,
                                struct rk_diag *out_diag)
{
    json_t *payload = NULL;
    /* names of others may hold U+0000: the Node SDK writes it, the server reads it */
    enum rk_err err = rki_json_parse(json, RKI_JSON_ALLOW_NUL, &payload, out_diag);

    if (err == RK_OK)
        err = rki_claims_load(claims, payload, out_diag);
    else
        rk_claims_reset(claims);
    json_decref(payload);
    return err;
}
