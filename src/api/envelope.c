/*
 * envelope.c - unwraps what the Azure Functions host wraps, and wraps the answer.
 *
 * The host builds the envelope from a request it has parsed, but what is in it came from the
 * client: a header value with a line break, or a method with a blank, would write lines of its own
 * into the head. Those bytes are refused before the text is made; everything else is the scan's to
 * judge. May touch: its arguments, jansson.
 */
#include "api/envelope.h"

#include "core/json.h"

static bool is_visible(struct rk_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    return text.len != 0;
}

/* A colon would end the name, a line break the value, before the client meant it to. */
static bool is_safe_name(struct rk_str name)
{
    return is_visible(name) && memchr(name.ptr, ':', name.len) == NULL;
}

static bool is_safe_value(struct rk_str value)
{
    return value.len == 0 || (memchr(value.ptr, '\r', value.len) == NULL &&
                              memchr(value.ptr, '\n', value.len) == NULL &&
                              memchr(value.ptr, '\0', value.len) == NULL);
}

bool rkd_envelope_put_field(struct rki_buf *head, struct rk_str name, struct rk_str value)
{
    if (!is_safe_name(name) || !is_safe_value(value))
        return false;
    rki_buf_put(head, name);
    rki_buf_lit(head, ": ");
    rki_buf_put(head, value);
    rki_buf_lit(head, "\r\n");
    return true;
}

/* "http://host/path?query" -> "host" and "/path?query"; "/path" has no authority. False: neither.
 */
static bool split_url(struct rk_str url, struct rk_str *out_authority, struct rk_str *out_target)
{
    static const struct rk_str schemes[] = {RK_STR_INIT("http://"), RK_STR_INIT("https://")};
    size_t at = 0, begin;

    for (size_t i = 0; i < ARRAY_LEN(schemes) && at == 0; i++)
        if (url.len != schemes[i].len && rki_str_starts_with_nocase(url, schemes[i]))
            at = schemes[i].len;
    if (at == 0 && (url.len == 0 || url.ptr[0] != '/'))
        return false;
    begin = at;
    while (at < url.len && url.ptr[at] != '/' && url.ptr[at] != '?' && url.ptr[at] != '#')
        at++;
    *out_authority = rki_str(url.ptr + begin, at - begin);
    *out_target = rki_str(url.ptr + at, url.len - at);
    return true;
}

static enum rkd_envelope_err put_request_line(struct rki_buf *head, const json_t *req,
                                              struct rk_str *out_authority)
{
    const json_t *method = json_object_get(req, "Method"), *url = json_object_get(req, "Url");
    struct rk_str target;

    if (!json_is_string(method) || !json_is_string(url))
        return RKD_ENVELOPE_MALFORMED;
    if (!split_url(rki_json_str(url), out_authority, &target) ||
        !is_visible(rki_json_str(method)) || (target.len != 0 && !is_visible(target)))
        return RKD_ENVELOPE_BAD_HEAD;
    rki_buf_put(head, rki_json_str(method));
    rki_buf_char(head, ' ');
    if (target.len == 0 || target.ptr[0] != '/')
        rki_buf_char(head, '/');
    rki_buf_put(head, target);
    rki_buf_lit(head, " HTTP/1.1\r\n");
    return RKD_ENVELOPE_OK;
}

static enum rkd_envelope_err put_line(struct rki_buf *head, struct rk_str name, const json_t *value,
                                      size_t *line_count)
{
    /* a value that is none is an empty one: a credential does not become no credential */
    const struct rk_str text = rki_json_str(value);

    if (!json_is_string(value) && !json_is_null(value))
        return RKD_ENVELOPE_MALFORMED;
    if (!rkd_envelope_put_field(head, name, text))
        return RKD_ENVELOPE_BAD_HEAD;
    (*line_count)++;
    return RKD_ENVELOPE_OK;
}

/* The published example has no Host; whom the client asked is in its URL, too. Without either the
 * scan refuses (H4). */
static enum rkd_envelope_err put_host(struct rki_buf *head, struct rk_str authority,
                                      size_t *line_count)
{
    if (authority.len == 0)
        return RKD_ENVELOPE_OK;
    if (!is_visible(authority) || !rkd_envelope_put_field(head, RK_STR("Host"), authority))
        return RKD_ENVELOPE_BAD_HEAD;
    (*line_count)++;
    return RKD_ENVELOPE_OK;
}

/* A list has a line an entry, so that what may stand once only is refused by the scan (H6). */
static enum rkd_envelope_err put_headers(struct rki_buf *head, json_t *headers,
                                         struct rk_str authority, size_t *line_count)
{
    enum rkd_envelope_err err = RKD_ENVELOPE_OK;
    bool has_host = false;
    const char *name;
    json_t *value;

    if (headers != NULL && !json_is_object(headers))
        return RKD_ENVELOPE_MALFORMED;
    json_object_foreach(headers, name, value)
    {
        if (rki_str_equal_nocase(rki_cstr(name), RK_STR("Host")))
            has_host = has_host || !json_is_array(value) || json_array_size(value) != 0;
        if (!json_is_array(value))
            err = put_line(head, rki_cstr(name), value, line_count);
        for (size_t i = 0; i < json_array_size(value) && err == RKD_ENVELOPE_OK; i++)
            err = put_line(head, rki_cstr(name), json_array_get(value, i), line_count);
        if (err != RKD_ENVELOPE_OK)
            return err;
    }
    return has_host ? RKD_ENVELOPE_OK : put_host(head, authority, line_count);
}

/* A string; the host leaves it out when there is none. */
static enum rkd_envelope_err take_body(const json_t *req, size_t body_max, struct rki_arena *arena,
                                       struct rkd_envelope *out)
{
    const json_t *body = json_object_get(req, "Body");

    if (body == NULL || json_is_null(body))
        return RKD_ENVELOPE_OK;
    if (!json_is_string(body))
        return RKD_ENVELOPE_MALFORMED;
    out->body_len = json_string_length(body);
    if (out->body_len > body_max)
        return RKD_ENVELOPE_OK;
    return rki_arena_dup(arena, rki_json_str(body), &out->body) == RK_OK ? RKD_ENVELOPE_OK
                                                                         : RKD_ENVELOPE_NOMEM;
}

static enum rkd_envelope_err read_request(const json_t *req, size_t head_max, size_t body_max,
                                          struct rki_arena *arena, struct rkd_envelope *out)
{
    char *memory = rki_arena_take(arena, head_max);
    struct rki_buf head = rki_buf_over(memory, head_max);
    struct rk_str authority = {.len = 0};
    enum rkd_envelope_err err;

    if (memory == NULL)
        return RKD_ENVELOPE_NOMEM;
    err = put_request_line(&head, req, &authority);
    if (err == RKD_ENVELOPE_OK)
        err = put_headers(&head, json_object_get(req, "Headers"), authority, &out->line_count);
    rki_buf_lit(&head, "\r\n");
    if (err == RKD_ENVELOPE_OK)
        err = take_body(req, body_max, arena, out);
    if (err == RKD_ENVELOPE_OK && head.overflow)
        err = RKD_ENVELOPE_LONG_HEAD;
    out->head = rki_buf_str(&head);
    return err;
}

enum rkd_envelope_err rkd_envelope_read(struct rk_str json, size_t head_max, size_t body_max,
                                        struct rki_arena *arena, struct rkd_envelope *out)
{
    json_t *root = NULL;
    enum rkd_envelope_err err = RKD_ENVELOPE_MALFORMED;
    enum rk_err parsed;

    *out = (struct rkd_envelope){.line_count = 0};
    /* a NUL may stand in the client's body; in a name or value it is refused above */
    parsed = rki_json_parse(json, RKI_JSON_ALLOW_NUL, &root, NULL);
    if (parsed == RK_E_NOMEM)
        return RKD_ENVELOPE_NOMEM;
    if (parsed == RK_OK) {
        const json_t *req = json_object_get(json_object_get(root, "Data"), "req");

        if (json_is_object(req))
            err = read_request(req, head_max, body_max, arena, out);
    }
    json_decref(root);
    if (err != RKD_ENVELOPE_OK)
        *out = (struct rkd_envelope){.line_count = 0};
    return err;
}

/* ---- the answer ---- */

/* What tells where the answer around this one ends is not this one's. */
static bool is_framing(struct rk_str name)
{
    return rki_str_equal_nocase(name, RK_STR("Connection")) ||
           rki_str_equal_nocase(name, RK_STR("Content-Length"));
}

bool rkd_envelope_next_field(struct rk_str *fields, struct rk_str *out_name,
                             struct rk_str *out_value)
{
    const char *end = fields->len == 0 ? NULL : memchr(fields->ptr, '\n', fields->len);
    const size_t len = end == NULL ? fields->len : (size_t)(end - fields->ptr) + 1;
    const char *colon = len == 0 ? NULL : memchr(fields->ptr, ':', len);
    const size_t at = colon == NULL ? len : (size_t)(colon - fields->ptr);
    const size_t value_at = at < len ? at + 1 : len;

    if (len == 0)
        return false;
    *out_name = rki_str_trim(rki_str(fields->ptr, at));
    *out_value = rki_str_trim(rki_str(fields->ptr + value_at, len - value_at));
    *fields = rki_str(fields->ptr + len, fields->len - len);
    return true;
}

void rkd_envelope_put_answer(struct rki_buf *out, unsigned status, struct rk_str fields,
                             struct rk_str body)
{
    struct rk_str name, value;
    bool is_first = true;

    rki_buf_lit(out, "\"statusCode\":");
    rki_buf_int(out, status);
    rki_buf_lit(out, ",\"headers\":{");
    while (rkd_envelope_next_field(&fields, &name, &value)) {
        if (is_framing(name))
            continue;
        if (!is_first)
            rki_buf_char(out, ',');
        is_first = false;
        rki_buf_json(out, name);
        rki_buf_char(out, ':');
        rki_buf_json(out, value);
    }
    rki_buf_lit(out, "},\"body\":");
    rki_buf_json(out, body);
}

void rkd_envelope_write(struct rki_buf *out, unsigned status, struct rk_str fields,
                        struct rk_str body)
{
    rki_buf_lit(out, "{\"Outputs\":{\"res\":{");
    rkd_envelope_put_answer(out, status, fields, body);
    rki_buf_lit(out, "}},\"Logs\":[],\"ReturnValue\":null}");
}
