/*
 * inspect_types.c - names and types of the claims, as a LiveKit server reads them.
 *
 * May touch: its arguments, malloc. As livekit protocol's ClaimGrants declares them to Go's
 * encoding/json: names in any case, null is absent, one wrong type spoils the whole token.
 */
#include "core/inspect_impl.h"

#include <stdio.h>

#include "core/grants.h"
#include "core/json.h"
#include "core/room_config.h"
#include "core/utf8.h"

enum shape {
    SHAPE_TEXT,
    SHAPE_FLAG,
    SHAPE_TIME,
    SHAPE_TEXTS,
    SHAPE_TEXT_MAP,
    SHAPE_AUDIENCE,
    SHAPE_ROOM_CONFIG,
    SHAPE_SECTION,
};

struct known {
    const char *name;
    enum shape shape;
    enum rk_section section; /* SHAPE_SECTION */
};

static const struct known claims[] = {
    {"iss", SHAPE_TEXT, RK_SECTION_NONE},
    {"sub", SHAPE_TEXT, RK_SECTION_NONE},
    {"aud", SHAPE_AUDIENCE, RK_SECTION_NONE},
    {"exp", SHAPE_TIME, RK_SECTION_NONE},
    {"nbf", SHAPE_TIME, RK_SECTION_NONE},
    {"iat", SHAPE_TIME, RK_SECTION_NONE},
    {"jti", SHAPE_TEXT, RK_SECTION_NONE},
    {"identity", SHAPE_TEXT, RK_SECTION_NONE},
    {"name", SHAPE_TEXT, RK_SECTION_NONE},
    {"kind", SHAPE_TEXT, RK_SECTION_NONE},
    {"kindDetails", SHAPE_TEXTS, RK_SECTION_NONE},
    {"video", SHAPE_SECTION, RK_SECTION_VIDEO},
    {"sip", SHAPE_SECTION, RK_SECTION_SIP},
    {"agent", SHAPE_SECTION, RK_SECTION_AGENT},
    {"inference", SHAPE_SECTION, RK_SECTION_INFERENCE},
    {"observability", SHAPE_SECTION, RK_SECTION_OBSERVABILITY},
    {"roomConfig", SHAPE_ROOM_CONFIG, RK_SECTION_NONE},
    {"roomPreset", SHAPE_TEXT, RK_SECTION_NONE},
    {"sha256", SHAPE_TEXT, RK_SECTION_NONE},
    {"metadata", SHAPE_TEXT, RK_SECTION_NONE},
    {"attributes", SHAPE_TEXT_MAP, RK_SECTION_NONE},
};

static const struct known video_others[] = {
    {"room", SHAPE_TEXT, RK_SECTION_NONE},
    {"destinationRoom", SHAPE_TEXT, RK_SECTION_NONE},
    {"canPublishSources", SHAPE_TEXTS, RK_SECTION_NONE},
};

/* ---- names: what the server takes a member for ---- */

static bool find_in(const struct known *table, size_t count, struct rk_str name, struct known *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!rki_utf8_folds_to(name, rki_cstr(table[i].name)))
            continue;
        *out = table[i];
        return true;
    }
    return false;
}

/* A member of the payload (RK_SECTION_NONE) or of one of its sections. */
static bool find_known(enum rk_section section, struct rk_str name, struct known *out)
{
    if (section == RK_SECTION_NONE)
        return find_in(claims, ARRAY_LEN(claims), name, out);
    for (unsigned i = rki_sections[section].first; i <= (unsigned)rki_sections[section].last; i++) {
        if (!rki_utf8_folds_to(name, rki_grants[i].key))
            continue;
        *out = (struct known){rki_grants[i].key.ptr, SHAPE_FLAG, RK_SECTION_NONE}; /* a literal */
        return true;
    }
    return section == RK_SECTION_VIDEO && find_in(video_others, ARRAY_LEN(video_others), name, out);
}

void rki_inspect_path(enum rk_section section, const char *name, char out[RKI_INSPECT_PATH])
{
    (void)snprintf(out, RKI_INSPECT_PATH, "%s%s%s",
                   section == RK_SECTION_NONE ? "" : rki_sections[section].key.ptr,
                   section == RK_SECTION_NONE ? "" : ".", name);
}

/* Adds to `out` the known members of `object` under their own names; those of null are absent. */
static enum rk_err fold(struct rki_inspection *report, enum rk_section section, json_t *object,
                        json_t *out)
{
    struct known known;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        char path[RKI_INSPECT_PATH];

        if (!find_known(section, rki_cstr(name), &known))
            continue;
        rki_inspect_path(section, known.name, path);
        if (strcmp(name, known.name) != 0)
            rki_inspect_add(report, FINDING_LETTER_CASE, path, NULL);
        if (!json_is_null(value) && json_object_set(out, known.name, value) != 0)
            return RK_E_NOMEM;
    }
    return RK_OK;
}

enum rk_err rki_inspect_fold(struct rki_inspection *report, json_t **out)
{
    json_t *folded = json_object();
    enum rk_err err =
        folded == NULL ? RK_E_NOMEM : fold(report, RK_SECTION_NONE, report->payload, folded);

    for (size_t i = 0; err == RK_OK && i < ARRAY_LEN(claims); i++) {
        json_t *section = json_object_get(folded, claims[i].name), *inner;

        if (claims[i].shape != SHAPE_SECTION || !json_is_object(section))
            continue;
        inner = json_object();
        err = inner == NULL ? RK_E_NOMEM : fold(report, claims[i].section, section, inner);
        if (err != RK_OK)
            json_decref(inner);
        else if (json_object_set_new(folded, claims[i].name, inner) != 0)
            err = RK_E_NOMEM;
    }
    if (err != RK_OK) {
        json_decref(folded);
        return err;
    }
    *out = folded;
    return RK_OK;
}

/* ---- types ---- */

static void wrong_type(struct rki_inspection *report, const char *path, const char *expected)
{
    rki_inspect_add(report, FINDING_CLAIM_TYPE, path, expected);
}

/* The number that `text` is by JSON's grammar; Go's json.Number takes it quoted too. */
static enum rk_err number_in_text(struct rk_str text, json_t **out)
{
    json_t *value = NULL;
    enum rk_err err;

    *out = NULL;
    if (text.len == 0 || (unsigned char)text.ptr[0] <= ' ' ||
        (unsigned char)text.ptr[text.len - 1] <= ' ')
        return RK_OK;
    err = rki_json_parse(text, RKI_JSON_HUGE_NUMBERS, &value, NULL);
    if (err == RK_OK && json_is_number(value))
        *out = value;
    else
        json_decref(value);
    return err == RK_E_NOMEM ? err : RK_OK;
}

/* A quoted time is replaced in `folded` by its number, so that the checks of time see it. */
static enum rk_err check_time(struct rki_inspection *report, json_t *folded, const char *name,
                              json_t *value)
{
    json_t *number = NULL;
    enum rk_err err = RK_OK;

    if (json_is_string(value)) {
        err = number_in_text(rki_json_str(value), &number);
        if (err == RK_OK && number != NULL) {
            rki_inspect_add(report, FINDING_TIME_TEXT, name, NULL);
            value = number;
            if (json_object_set(folded, name, number) != 0)
                err = RK_E_NOMEM;
        }
    }
    if (err == RK_OK && (!json_is_number(value) || rki_json_is_infinite(value) != 0))
        wrong_type(report, name, "expected a number of seconds");
    json_decref(number);
    return err;
}

static void check_texts(struct rki_inspection *report, const char *path, const json_t *value,
                        bool nulls)
{
    if (!json_is_array(value)) {
        wrong_type(report, path, "expected a list of strings");
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        char element[RKI_INSPECT_PATH];

        if (json_is_string(item) || (nulls && json_is_null(item)))
            continue;
        (void)snprintf(element, sizeof(element), "%s[%zu]", path, i);
        wrong_type(report, element, "expected a string");
    }
}

static void check_text_map(struct rki_inspection *report, const char *path, json_t *value)
{
    const char *name;
    json_t *item;

    if (!json_is_object(value)) {
        wrong_type(report, path, "expected an object of strings");
        return;
    }
    json_object_foreach(value, name, item)
    {
        if (json_is_string(item) || json_is_null(item))
            continue;
        wrong_type(report, path, "its values must be strings"); /* once; names are not quoted */
        return;
    }
}

static enum rk_err check_room_config(struct rki_inspection *report, const json_t *value)
{
    char nowhere;
    struct rki_buf out = rki_buf_over(&nowhere, 0); /* what it writes is not wanted */
    struct rk_diag diag = {.field = ""};
    unsigned members = 0;
    enum rk_err err = rki_room_config_write(value, RKI_RC_KEEP_CREDENTIALS, &out, &members, &diag);

    if (err == RK_E_NOMEM)
        return err;
    if (err == RK_E_UNKNOWN)
        rki_inspect_add(report, FINDING_ENUM_UNKNOWN, diag.field, NULL);
    else if (err != RK_OK)
        rki_inspect_add(report, FINDING_ROOM_CONFIG, diag.field, diag.text);
    if ((members & RKI_RC_CREDENTIALS) != 0)
        rki_inspect_add(report, FINDING_CREDENTIALS, "roomConfig", NULL);
    return RK_OK;
}

static enum rk_err check_shape(struct rki_inspection *report, json_t *folded,
                               const struct known *known, json_t *value)
{
    switch (known->shape) {
    case SHAPE_TEXT:
        if (!json_is_string(value))
            wrong_type(report, known->name, "expected a string");
        return RK_OK;
    case SHAPE_TIME:
        return check_time(report, folded, known->name, value);
    case SHAPE_TEXTS:
        check_texts(report, known->name, value, true);
        return RK_OK;
    case SHAPE_AUDIENCE:
        if (!json_is_string(value))
            check_texts(report, known->name, value, false);
        return RK_OK;
    case SHAPE_TEXT_MAP:
        check_text_map(report, known->name, value);
        return RK_OK;
    case SHAPE_ROOM_CONFIG:
        return check_room_config(report, value);
    case SHAPE_SECTION:
        if (!json_is_object(value))
            wrong_type(report, known->name, "expected an object");
        return RK_OK;
    case SHAPE_FLAG:
        break;
    }
    return RK_OK;
}

static void check_section(struct rki_inspection *report, enum rk_section section, json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        struct known known = {.name = name};
        char path[RKI_INSPECT_PATH];

        (void)find_known(section, rki_cstr(name), &known);
        rki_inspect_path(section, name, path);
        if (known.shape == SHAPE_FLAG && !json_is_boolean(value))
            wrong_type(report, path, "expected true or false");
        else if (known.shape == SHAPE_TEXT && !json_is_string(value))
            wrong_type(report, path, "expected a string");
        else if (known.shape == SHAPE_TEXTS)
            check_texts(report, path, value, true);
    }
}

enum rk_err rki_inspect_types(struct rki_inspection *report, json_t *folded)
{
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        json_t *value = json_object_get(folded, claims[i].name);
        enum rk_err err;

        if (value == NULL)
            continue;
        err = check_shape(report, folded, &claims[i], value);
        if (err != RK_OK)
            return err;
        if (claims[i].shape == SHAPE_SECTION && json_is_object(value))
            check_section(report, claims[i].section, value);
    }
    return RK_OK;
}
