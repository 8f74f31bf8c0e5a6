/*
 * room_config_value.c - reads and writes the single values of a RoomConfiguration by protojson's
 * rules.
 *
 * May touch: its arguments, jansson's readers. Nothing else.
 */
#include "core/room_config_value.h"

#include "core/room_config.h"

struct reading {
    unsigned flags;
    const char **expected;
};

static enum rk_err refuse(const struct reading *reading, enum rk_err err, const char *expected)
{
    *reading->expected = expected;
    return err;
}

/* A number, or outside the service the same in a string: exactly one JSON number, no blanks. */
static enum rk_err read_number(const struct reading *reading, const json_t *value, json_t **out)
{
    struct rk_str text = rki_json_str(value);
    json_t *number = NULL;
    enum rk_err err;

    *out = NULL;
    if (text.ptr == NULL || (reading->flags & RKI_RC_STRICT) != 0)
        return RK_OK;
    if (text.len == 0 || text.ptr[0] == '"' || (unsigned char)text.ptr[text.len - 1] <= ' ' ||
        (unsigned char)text.ptr[0] <= ' ')
        return RK_OK;
    err = rki_json_parse(text, 0, &number, NULL);
    if (err == RK_E_NOMEM)
        return refuse(reading, err, "out of memory");
    if (err == RK_OK && json_is_number(number))
        *out = number;
    else
        json_decref(number);
    return RK_OK;
}

static enum rk_err read_integer(const struct reading *reading, const json_t *value, int64_t least,
                                int64_t most, const char *expected, struct rki_rc_scalar *out)
{
    json_t *text = NULL;
    enum rk_err err = read_number(reading, value, &text);
    bool good;

    if (err != RK_OK)
        return err;
    good = rki_json_int(text != NULL ? text : value, &out->integer) && out->integer >= least &&
           out->integer <= most;
    json_decref(text);
    out->is_default = out->integer == 0;
    return good ? RK_OK : refuse(reading, RK_E_TYPE, expected);
}

/* protojson has names for what JSON has no number for. */
static bool is_named_double(struct rk_str text)
{
    return rki_str_equal(text, RK_STR("NaN")) || rki_str_equal(text, RK_STR("Infinity")) ||
           rki_str_equal(text, RK_STR("-Infinity"));
}

static enum rk_err read_double(const struct reading *reading, const json_t *value,
                               struct rki_rc_scalar *out)
{
    json_t *text = NULL;
    enum rk_err err = read_number(reading, value, &text);
    const json_t *number = text != NULL ? text : value;
    bool good = json_is_number(number);

    if (err != RK_OK)
        return err;
    if (!good && (reading->flags & RKI_RC_STRICT) == 0 && is_named_double(rki_json_str(value))) {
        out->text = rki_json_str(value);
        return RK_OK;
    }
    out->real = json_number_value(number);
    out->is_default = !(out->real < 0 || out->real > 0);
    json_decref(text);
    return good ? RK_OK : refuse(reading, RK_E_TYPE, "expected a number");
}

/* An exact name or an integer; integers without a name stay, as newer servers may know them. */
static enum rk_err read_enum(const struct reading *reading, const struct rki_rc_enum *names,
                             const json_t *value, struct rki_rc_scalar *out)
{
    struct rk_str text = rki_json_str(value);

    if (json_is_number(value)) {
        if (!rki_json_int(value, &out->integer) || out->integer < INT32_MIN ||
            out->integer > INT32_MAX)
            return refuse(reading, RK_E_TYPE, "expected a name or an integer");
    } else if (text.ptr == NULL) {
        return refuse(reading, RK_E_TYPE, "expected a name or an integer");
    } else {
        size_t i = 0;

        while (i < names->count && !rki_str_equal(text, rki_cstr(names->names[i])))
            i++;
        if (i == names->count)
            return refuse(reading, RK_E_UNKNOWN, "no value of this name exists");
        out->integer = (int64_t)i;
    }
    if (out->integer >= 0 && (uint64_t)out->integer < names->count)
        out->text = rki_cstr(names->names[out->integer]);
    out->is_default = out->integer == 0;
    return RK_OK;
}

enum rk_err rki_rc_read(const struct rki_rc_field *field, const json_t *value, unsigned flags,
                        struct rki_rc_scalar *out, const char **out_expected)
{
    const struct reading how = {.flags = flags, .expected = out_expected}, *reading = &how;

    switch (field->type) {
    case RKI_RC_TYPE_STRING:
        if (!json_is_string(value))
            return refuse(reading, RK_E_TYPE, "expected a string");
        out->text = rki_json_str(value);
        out->is_default = out->text.len == 0;
        return RK_OK;
    case RKI_RC_TYPE_BOOL:
        if (!json_is_boolean(value))
            return refuse(reading, RK_E_TYPE, "expected true or false");
        out->integer = json_is_true(value);
        out->is_default = out->integer == 0;
        return RK_OK;
    case RKI_RC_TYPE_UINT32:
        return read_integer(reading, value, 0, UINT32_MAX,
                            "expected an integer from 0 to 4294967295", out);
    case RKI_RC_TYPE_INT32:
        return read_integer(reading, value, INT32_MIN, INT32_MAX,
                            "expected an integer from -2147483648 to 2147483647", out);
    case RKI_RC_TYPE_DOUBLE:
        return read_double(reading, value, out);
    case RKI_RC_TYPE_ENUM:
        return read_enum(reading, field->names, value, out);
    case RKI_RC_TYPE_MESSAGE:
    case RKI_RC_TYPE_MAP:
        break; /* not scalars */
    }
    return refuse(reading, RK_E_TYPE, "unexpected value");
}

enum rk_err rki_rc_put(struct rki_buf *out, enum rki_rc_type type,
                       const struct rki_rc_scalar *value)
{
    if (type == RKI_RC_TYPE_STRING || value->text.len != 0) /* texts, enum names, NaN */
        rki_buf_json(out, value->text);
    else if (type == RKI_RC_TYPE_BOOL)
        rki_buf_put(out, value->integer != 0 ? RK_STR("true") : RK_STR("false"));
    else if (type == RKI_RC_TYPE_DOUBLE)
        return rki_json_put_double(out, value->real);
    else
        rki_buf_int(out, value->integer);
    return RK_OK;
}
