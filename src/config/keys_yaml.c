/*
 * keys_yaml.c - LiveKit's own map of keys, `APIkey: secret`, from YAML text.
 *
 * The text holds secrets, so each scalar is wiped as soon as it is used; libyaml's own buffers are
 * wiped with the parser. Read by events: the map is flat, and so is this loop. What LiveKit would
 * silently drop or read as something else (an unquoted number, a null, a tag) is refused.
 *
 * May touch: its arguments.
 */
#include "config/number.h"
#include "config/secret.h"

#include "core/buf.h"
#include "core/diag.h"

#include <yaml.h>

struct reading {
    yaml_parser_t parser;
    yaml_event_t event; /* valid while has_event */
    bool has_event;
    const char *name; /* of the variable */
    struct rk_diag *diag;
};

static const char expected_map[] = "expected a map of \"key: secret\", one pair a line";

static enum rk_err fail(const struct reading *reading, size_t line, enum rk_err err,
                        const char *expected)
{
    char text[sizeof(reading->diag->text)];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rki_buf_lit(&buf, "line ");
    rki_buf_int(&buf, (int64_t)line + 1);
    rki_buf_lit(&buf, ": ");
    rki_buf_put(&buf, rki_cstr(expected));
    text[buf.len] = '\0';
    return rki_diag_fail(reading->diag, err, reading->name, text);
}

static void drop_event(struct reading *reading)
{
    yaml_event_t *event = &reading->event;

    if (!reading->has_event)
        return;
    if (event->type == YAML_SCALAR_EVENT)
        rk_wipe(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
    reading->has_event = false;
}

/* The next event into reading->event; its type must be `want`. */
static enum rk_err next(struct reading *reading, yaml_event_type_t want)
{
    drop_event(reading);
    if (yaml_parser_parse(&reading->parser, &reading->event) == 0) {
        if (reading->parser.error == YAML_MEMORY_ERROR)
            return rki_diag_fail(reading->diag, RK_E_NOMEM, reading->name, "out of memory");
        return fail(reading, reading->parser.problem_mark.line, RK_E_INVAL, "not YAML");
    }
    reading->has_event = true;
    if (reading->event.type != want)
        return fail(reading, reading->event.start_mark.line, RK_E_INVAL, expected_map);
    return RK_OK;
}

static bool is_one_of(struct rk_str text, const char *words)
{
    struct rk_str rest = rki_cstr(words);

    while (rest.len != 0) {
        const char *end = memchr(rest.ptr, ' ', rest.len);
        const size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);

        if (rki_str_equal_nocase(rki_str(rest.ptr, len), text))
            return true;
        rest = end == NULL ? rki_str(NULL, 0) : rki_str(end + 1, rest.len - len - 1);
    }
    return false;
}

/*
 * Would a YAML reader take this unquoted text for something that is no string? Numbers in all their
 * spellings, dates and times are runs of these characters that hold a digit; a few words are too.
 * Wider than YAML's own rule: quoting never hurts.
 */
static bool is_not_text(struct rk_str text)
{
    bool has_digit = false, is_number = true;

    if (text.len == 0 || is_one_of(text, "~ null true false yes no on off y n .inf -.inf +.inf "
                                         ".nan <<"))
        return true;
    if (text.len > 2 && text.ptr[0] == '0' && rkd_char_is_in(text.ptr[1], RK_STR("xXoObB"))) {
        for (size_t i = 2; i < text.len; i++)
            is_number = is_number && rkd_char_is_in(text.ptr[i], RK_STR("0123456789abcdefABCDEF_"));
        return is_number;
    }
    for (size_t i = 0; i < text.len && is_number; i++) {
        const bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';

        has_digit = has_digit || is_digit;
        is_number = is_digit || rkd_char_is_in(text.ptr[i], RK_STR("+-_.,:eETZ "));
    }
    return is_number && has_digit;
}

/* The scalar in reading->event, if it is plain or quoted text without anchor and tag. */
static enum rk_err scalar_text(const struct reading *reading, struct rk_str *out)
{
    const yaml_event_t *event = &reading->event;
    const size_t line = event->start_mark.line;
    struct rk_str text = rki_str((const char *)event->data.scalar.value, event->data.scalar.length);

    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
        return fail(reading, line, RK_E_INVAL, "expected neither an anchor nor a tag");
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_not_text(text))
        return fail(reading, line, RK_E_INVAL,
                    "LiveKit would read this as a number, date, boolean or null; put it in quotes");
    if (text.len != 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return fail(reading, line, RK_E_INVAL, "expected no NUL");
    *out = text;
    return RK_OK;
}

static enum rk_err add_key(const struct reading *reading, struct rk_str name, struct rk_str secret,
                           struct rk_keyring *ring, const struct rk_key **out_last)
{
    const size_t line = reading->event.start_mark.line;
    struct rk_key *key = NULL;
    enum rk_err err = rk_key_new(name, secret, &key);

    if (err == RK_E_NOMEM)
        return rki_diag_fail(reading->diag, err, reading->name, "out of memory");
    if (err == RK_E_KEY)
        return fail(reading, line, err, "the secret is empty");
    if (err != RK_OK)
        return fail(reading, line, err,
                    "expected a key of 1 to 256 bytes and a secret of at most 1024, no control "
                    "characters in the key");
    err = rk_keyring_add(ring, &key);
    if (err == RK_OK)
        *out_last = rk_keyring_find(ring, name);
    else
        err = fail(reading, line, err,
                   err == RK_E_STATE ? "this key stands here twice" : "expected at most 64 keys");
    rk_key_free(key);
    return err;
}

/* A pair whose key is in reading->event. */
static enum rk_err read_pair(struct reading *reading, struct rk_keyring *ring,
                             const struct rk_key **out_last)
{
    char name[RK_KEY_NAME_MAX];
    struct rk_str key, secret;
    enum rk_err err = scalar_text(reading, &key);

    if (err != RK_OK)
        return err;
    if (key.len > sizeof(name))
        return fail(reading, reading->event.start_mark.line, RK_E_TOO_LONG,
                    "expected a key of at most 256 bytes");
    memcpy(name, key.ptr, key.len); /* the next event takes its place */
    key.ptr = name;
    err = next(reading, YAML_SCALAR_EVENT);
    if (err == RK_OK)
        err = scalar_text(reading, &secret);
    if (err == RK_OK)
        err = add_key(reading, key, secret, ring, out_last);
    return err;
}

static enum rk_err read_map(struct reading *reading, struct rk_keyring *ring,
                            const struct rk_key **out_last)
{
    enum rk_err err = next(reading, YAML_STREAM_START_EVENT);

    if (err == RK_OK)
        err = next(reading, YAML_DOCUMENT_START_EVENT);
    if (err == RK_OK)
        err = next(reading, YAML_MAPPING_START_EVENT);
    if (err == RK_OK && (reading->event.data.mapping_start.anchor != NULL ||
                         reading->event.data.mapping_start.tag != NULL))
        err = fail(reading, reading->event.start_mark.line, RK_E_INVAL,
                   "expected neither an anchor nor a tag");
    while (err == RK_OK) {
        err = next(reading, YAML_SCALAR_EVENT);
        if (err != RK_OK && reading->has_event && reading->event.type == YAML_MAPPING_END_EVENT) {
            err = RK_OK;
            break;
        }
        if (err == RK_OK)
            err = read_pair(reading, ring, out_last);
    }
    if (err == RK_OK && rk_keyring_count(ring) == 0)
        err = fail(reading, 0, RK_E_INVAL, expected_map);
    if (err == RK_OK)
        err = next(reading, YAML_DOCUMENT_END_EVENT);
    if (err == RK_OK)
        err = next(reading, YAML_STREAM_END_EVENT);
    return err;
}

static void wipe_buffers(yaml_parser_t *parser)
{
    if (parser->buffer.start != NULL)
        rk_wipe(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    if (parser->raw_buffer.start != NULL)
        rk_wipe(parser->raw_buffer.start,
                (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
}

enum rk_err rkd_keys_from_yaml(struct rk_str text, const char *name, struct rk_keyring *ring,
                               const struct rk_key **out_last, struct rk_diag *diag)
{
    struct rk_diag own;
    struct reading reading = {.name = name, .diag = &own};
    enum rk_err err;

    if (yaml_parser_initialize(&reading.parser) == 0)
        return rki_diag_fail(diag, RK_E_NOMEM, name, "out of memory");
    yaml_parser_set_encoding(&reading.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.ptr, text.len);
    err = read_map(&reading, ring, out_last);
    drop_event(&reading);
    wipe_buffers(&reading.parser);
    yaml_parser_delete(&reading.parser);
    if (err != RK_OK)
        rki_diag_set(diag, own.field, own.text);
    return err;
}
