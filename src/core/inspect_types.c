/*
 * inspect_types.c - names and types of the claims, as a LiveKit server reads them.
 *
 * May touch: its arguments, malloc. As livekit protocol's ClaimGrants declares them to Go's
 * encoding/json: names in any case, null leaves what was there, one wrong type spoils the token.
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

/* *out is the number of a quoted time, or NULL. */
static enum rk_err check_time(struct rki_inspection *report, const char *name, const json_t *value,
                              json_t **out)
{
    enum rk_err err = RK_OK;

    *out = NULL;
    if (json_is_string(value))
        err = number_in_text(rki_json_str(value), out);
    if (err != RK_OK)
        return err;
    if (*out != NULL) {
        rki_inspect_add(report, FINDING_TIME_TEXT, name, NULL);
        value = *out;
    }
    if (!json_is_number(value) || rki_json_is_infinite(value) != 0)
        wrong_type(report, name, "expected a number of seconds");
    return RK_OK;
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

/*
 * protojson gets the bytes as they stand, and is strict where encoding/json is not: no duplicates,
 * no replaced text.
 */
static enum rk_err check_room_config(struct rki_inspection *report, struct rk_str text,
                                     const json_t *value)
{
    char nowhere;
    struct rki_buf out = rki_buf_over(&nowhere, 0); /* what it writes is not wanted */
    struct rk_diag diag = {.field = ""};
    unsigned members = 0;
    json_t *strict = NULL;
    enum rk_err err =
        rki_json_parse(text, RKI_JSON_ALLOW_NUL | RKI_JSON_HUGE_NUMBERS, &strict, &diag);

    json_decref(strict);
    if (err == RK_E_NOMEM)
        return err;
    if (err != RK_OK)
        rki_inspect_add(report, FINDING_ROOM_CONFIG, "roomConfig", diag.text);
    err = rki_room_config_write(value, RKI_RC_KEEP_CREDENTIALS, &out, &members, &diag);
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

/* ---- one member ---- */

struct member {
    struct known known;
    char path[RKI_INSPECT_PATH];
    struct rk_str text; /* of the value, as it stands */
    json_t *value;      /* owned; NULL for null */
};

/* Reads a member. *known is false for one the server ignores. */
static enum rk_err read_member(struct rki_inspection *report, enum rk_section section,
                               struct rk_str name, struct rk_str value, struct member *out,
                               bool *known)
{
    json_t *text = NULL;
    enum rk_err err = rki_inspect_json(NULL, name, true, &text);

    *known = false;
    *out = (struct member){.text = value};
    if (err == RK_OK && find_known(section, rki_json_str(text), &out->known)) {
        *known = true;
        rki_inspect_path(section, out->known.name, out->path);
        if (!rki_str_equal(rki_json_str(text), rki_cstr(out->known.name)) &&
            !rki_inspect_has(report, FINDING_LETTER_CASE, out->path))
            rki_inspect_add(report, FINDING_LETTER_CASE, out->path, NULL);
        err = rki_inspect_json(NULL, value, true, &out->value);
    }
    json_decref(text);
    if (err == RK_OK && json_is_null(out->value)) /* a reference of its own: singletons need none */
        out->value = NULL;
    return err;
}

/* Checks the type of anything but a section; a quoted time becomes its number. */
static enum rk_err check_member(struct rki_inspection *report, struct member *member)
{
    json_t *number = NULL;
    enum rk_err err = RK_OK;

    switch (member->known.shape) {
    case SHAPE_TEXT:
        if (!json_is_string(member->value))
            wrong_type(report, member->path, "expected a string");
        break;
    case SHAPE_FLAG:
        if (!json_is_boolean(member->value))
            wrong_type(report, member->path, "expected true or false");
        break;
    case SHAPE_TIME:
        err = check_time(report, member->path, member->value, &number);
        break;
    case SHAPE_AUDIENCE:
        if (!json_is_string(member->value))
            check_texts(report, member->path, member->value, false);
        break;
    case SHAPE_TEXTS:
        check_texts(report, member->path, member->value, true);
        break;
    case SHAPE_TEXT_MAP:
        check_text_map(report, member->path, member->value);
        break;
    case SHAPE_ROOM_CONFIG:
        err = check_room_config(report, member->text, member->value);
        break;
    case SHAPE_SECTION:
        break;
    }
    if (number != NULL) {
        json_decref(member->value);
        member->value = number;
    }
    return err;
}

/* Checks a member that is no section and puts it into `out`. null leaves a Go string or bool as it
 * was, and clears everything else. */
static enum rk_err take_member(struct rki_inspection *report, struct member *member, json_t *out)
{
    enum rk_err err;

    if (member->value == NULL) {
        if (member->known.shape != SHAPE_TEXT && member->known.shape != SHAPE_FLAG)
            (void)json_object_del(out, member->known.name);
        return RK_OK;
    }
    err = check_member(report, member);
    if (err == RK_OK && json_object_set(out, member->known.name, member->value) != 0)
        err = RK_E_NOMEM;
    return err;
}

/* Adds a section's members to those an earlier one of its name had: Go decodes into what is there.
 */
static enum rk_err take_section(struct rki_inspection *report, const struct member *section,
                                json_t *out)
{
    struct rki_json_scan scan = {.text = section->text};
    struct rk_str name, value;
    json_t *inner = json_object_get(out, section->known.name);
    enum rk_err err = RK_OK;

    if (!json_is_object(section->value)) {
        wrong_type(report, section->path, "expected an object");
        return json_object_set(out, section->known.name, section->value) == 0 ? RK_OK : RK_E_NOMEM;
    }
    if (!json_is_object(inner)) {
        inner = json_object();
        if (inner == NULL || json_object_set_new(out, section->known.name, inner) != 0)
            return RK_E_NOMEM;
    }
    while (err == RK_OK && rki_inspect_member(&scan, &name, &value)) {
        struct member member;
        bool known = false;

        err = read_member(report, section->known.section, name, value, &member, &known);
        if (err == RK_OK && known)
            err = take_member(report, &member, inner);
        json_decref(member.value);
    }
    return err;
}

enum rk_err rki_inspect_fold(struct rki_inspection *report, struct rk_str text, json_t **out)
{
    struct rki_json_scan scan = {.text = text};
    struct rk_str name, value;
    json_t *folded = json_object();
    enum rk_err err = folded == NULL ? RK_E_NOMEM : RK_OK;

    while (err == RK_OK && rki_inspect_member(&scan, &name, &value)) {
        struct member member;
        bool known = false;

        err = read_member(report, RK_SECTION_NONE, name, value, &member, &known);
        if (err == RK_OK && known)
            err = member.known.shape == SHAPE_SECTION && member.value != NULL
                      ? take_section(report, &member, folded)
                      : take_member(report, &member, folded);
        json_decref(member.value);
    }
    if (err != RK_OK) {
        json_decref(folded);
        return err == RK_E_NOMEM ? err : RK_OK;
    }
    *out = folded;
    return RK_OK;
}
