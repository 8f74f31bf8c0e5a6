/*
 * tree.c - builds the tree from libyaml's events.
 *
 * Events and not libyaml's documents: a document has aliases resolved and anchors forgotten, both
 * of which we refuse where they stand, and it is there only once all of it was read; events have
 * the same marks and can be stopped at the first node too many. The stack is ours and 16 deep.
 *
 * May touch: its arguments, the heap while it builds.
 */
#include "config/tree.h"

#include "config/error.h"

#include <stdlib.h>
#include <yaml.h>

struct frame {
    enum rkd_value_kind kind; /* MAP or LIST */
    struct rkd_pos at;
    size_t first;      /* its first child in pending */
    struct rk_str key; /* MAP: of the value that comes next; ptr NULL: a key comes next */
    bool is_braces;    /* {...} */
    struct rkd_pos key_at;
};

struct building {
    struct rk_str text;
    yaml_parser_t parser;
    yaml_event_t event;
    const char *file;
    struct rkd_store *store;
    struct rkd_raw_error *error;
    struct frame frames[RKD_TREE_DEPTH_MAX];
    size_t depth;
    struct rkd_value_member *pending; /* children of open containers; list items have no key */
    size_t count, cap, nodes, documents;
    struct rkd_value top;
};

static struct rkd_pos pos_of(const struct building *b, const yaml_mark_t *mark)
{
    return (struct rkd_pos){
        .file = b->file, .line = (unsigned)mark->line + 1, .column = (unsigned)mark->column + 1};
}

/* At the event's beginning; the key is the innermost one that is open. */
static enum rk_err fail(struct building *b, enum rk_err err, const char *text)
{
    struct rk_str key = {0};

    for (size_t i = 0; i < b->depth; i++)
        if (b->frames[i].key.ptr != NULL)
            key = b->frames[i].key;
    return rkd_error_set(b->error, err, pos_of(b, &b->event.start_mark), key, text);
}

/* The reader is ahead of the scanner and knows only how many bytes it took. */
static struct rkd_pos pos_of_byte(const struct building *b, size_t offset)
{
    struct rkd_pos at = {.file = b->file, .line = 1, .column = 1};

    for (size_t i = 0; i < offset && i < b->text.len; i++) {
        const unsigned char c = (unsigned char)b->text.ptr[i];

        if (c == '\n') {
            at.line++;
            at.column = 1;
        } else if ((c & 0xc0) != 0x80) { /* characters, not bytes, as libyaml counts */
            at.column++;
        }
    }
    return at;
}

/* What to look at, where libyaml's words say too little. */
static const char *hint_for(const char *problem)
{
    static const struct {
        const char *problem, *hint;
    } rows[] = {
        {"found character that cannot start any token",
         "; indent with blanks, not tabs, and quote a text that begins with @, ` or %"},
        {"did not find expected alphabetic or numeric character",
         "; quote a text that begins with * or &"},
        {"did not find expected '-' indicator", "; is the line indented as those before it?"},
        {"did not find expected key", "; is the line indented as those before it?"},
        {"mapping values are not allowed in this context",
         "; is the line indented as those before it? Quote a text with a colon and a blank in it"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(problem, rows[i].problem) == 0)
            return rows[i].hint;
    return "";
}

static enum rk_err fail_parse(struct building *b)
{
    const yaml_parser_t *parser = &b->parser;
    char text[sizeof(b->error->text)];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    if (parser->error == YAML_MEMORY_ERROR)
        return rkd_error_nomem(b->error);
    rki_buf_lit(&buf, "not YAML");
    if (parser->problem != NULL) { /* libyaml's own words, constants that quote nothing */
        rki_buf_lit(&buf, ": ");
        rki_buf_put(&buf, rki_cstr(parser->problem));
        rki_buf_put(&buf, rki_cstr(hint_for(parser->problem)));
    }
    text[buf.len] = '\0';
    return rkd_error_set(b->error, RK_E_INVAL,
                         parser->error == YAML_READER_ERROR ? pos_of_byte(b, parser->problem_offset)
                                                            : pos_of(b, &parser->problem_mark),
                         rki_str(NULL, 0), text);
}

static enum rk_err count_node(struct building *b)
{
    return ++b->nodes > RKD_TREE_NODES_MAX ? fail(b, RK_E_TOO_LONG, "expected at most 10000 nodes")
                                           : RK_OK;
}

static enum rk_err check_plain(struct building *b, const yaml_char_t *anchor,
                               const yaml_char_t *tag)
{
    if (anchor != NULL)
        return fail(
            b, RK_E_INVAL,
            "expected a value without an anchor (&); a text that begins with & needs quotes");
    if (tag != NULL && strcmp((const char *)tag, "!FILL_IN") == 0) /* of `roomkey init` */
        return fail(b, RK_E_INVAL,
                    "still to be filled in: write your value in place of the example, and take "
                    "the mark !FILL_IN away");
    if (tag != NULL)
        return fail(b, RK_E_INVAL, "expected a value without a tag (!)");
    return count_node(b);
}

/* A finished value into the container it stands in, or to the top. */
static enum rk_err deliver(struct building *b, const struct rkd_value *value)
{
    struct frame *frame = b->depth == 0 ? NULL : &b->frames[b->depth - 1];

    if (frame == NULL) {
        b->top = *value;
        return RK_OK;
    }
    if (b->pending == NULL || b->count == b->cap) {
        const size_t cap = b->cap == 0 ? 64 : b->cap * 2;
        struct rkd_value_member *grown = realloc(b->pending, cap * sizeof(*grown));

        if (grown == NULL)
            return rkd_error_nomem(b->error);
        b->pending = grown;
        b->cap = cap;
    }
    b->pending[b->count++] =
        (struct rkd_value_member){.key = frame->key, .at = frame->key_at, .value = *value};
    frame->key = rki_str(NULL, 0);
    return RK_OK;
}

static enum rk_err take_key(struct building *b, struct frame *frame, struct rk_str text)
{
    const yaml_event_t *event = &b->event;

    frame->key_at = pos_of(b, &event->start_mark);
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && rki_str_equal(text, RK_STR("<<")))
        return rkd_error_set(b->error, RK_E_INVAL, frame->key_at, rki_str(NULL, 0),
                             "expected no merge key (<<)");
    if (text.len == 0)
        return fail(b, RK_E_INVAL, "expected a key that is not empty");
    for (size_t i = frame->first; i < b->count; i++)
        if (rki_str_equal(b->pending[i].key, text))
            return rkd_error_set(b->error, RK_E_INVAL, frame->key_at, text, "stands here twice");
    frame->key = text;
    return RK_OK;
}

static enum rk_err add_scalar(struct building *b)
{
    const yaml_event_t *event = &b->event;
    struct frame *frame = b->depth == 0 ? NULL : &b->frames[b->depth - 1];
    struct rkd_value value = {.kind = RKD_VALUE_STRING, .at = pos_of(b, &event->start_mark)};
    struct rk_str text = rki_str((const char *)event->data.scalar.value, event->data.scalar.length);
    enum rk_err err = check_plain(b, event->data.scalar.anchor, event->data.scalar.tag);

    if (err != RK_OK)
        return err;
    if (frame == NULL)
        return fail(b, RK_E_INVAL, "expected a map of keys and values");
    if (text.len != 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return fail(b, RK_E_INVAL, "expected no NUL in a text");
    if (rkd_store_dup(b->store, text, &text) != RK_OK)
        return rkd_error_nomem(b->error);
    if (frame->kind == RKD_VALUE_MAP && frame->key.ptr == NULL)
        return take_key(b, frame, text);
    value.text = text;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !rkd_scalar_type(text, &value))
        return fail(b, RK_E_INVAL,
                    frame->is_braces ? "expected a value, not nothing (null); a template that "
                                       "begins with a brace needs quotes: \"{sub}\""
                                     : "expected a value, not nothing (null)");
    return deliver(b, &value);
}

static enum rk_err open_container(struct building *b, enum rkd_value_kind kind,
                                  const yaml_char_t *anchor, const yaml_char_t *tag)
{
    const bool is_braces =
        kind == RKD_VALUE_MAP && b->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    const struct frame *frame = b->depth == 0 ? NULL : &b->frames[b->depth - 1];
    enum rk_err err = check_plain(b, anchor, tag);

    if (err != RK_OK)
        return err;
    if (frame == NULL && kind != RKD_VALUE_MAP)
        return fail(b, RK_E_INVAL, "expected a map of keys and values");
    if (frame != NULL && frame->kind == RKD_VALUE_MAP && frame->key.ptr == NULL)
        return fail(b, RK_E_INVAL, "expected a key that is a text");
    if (b->depth == RKD_TREE_DEPTH_MAX)
        return fail(b, RK_E_TOO_LONG, "expected at most 16 levels of nesting");
    b->frames[b->depth++] = (struct frame){.kind = kind,
                                           .at = pos_of(b, &b->event.start_mark),
                                           .is_braces = is_braces,
                                           .first = b->count};
    return RK_OK;
}

/* Its children move from pending to the store. */
static enum rk_err close_container(struct building *b)
{
    const struct frame *frame = &b->frames[--b->depth];
    const struct rkd_value_member *children = b->pending == NULL ? NULL : b->pending + frame->first;
    struct rkd_value value = {
        .kind = frame->kind, .at = frame->at, .count = b->count - frame->first};
    const bool is_map = frame->kind == RKD_VALUE_MAP;
    void *space = rkd_store_take(b->store, value.count,
                                 is_map ? sizeof(*value.members) : sizeof(*value.items));

    if (space == NULL)
        return rkd_error_nomem(b->error);
    if (is_map) {
        value.members = space;
        if (children != NULL)
            memcpy(value.members, children, value.count * sizeof(*children));
    } else {
        value.items = space;
        for (size_t i = 0; children != NULL && i < value.count; i++)
            value.items[i] = children[i].value;
    }
    b->count = frame->first;
    return deliver(b, &value);
}

static enum rk_err take_event(struct building *b, bool *is_done)
{
    const yaml_event_t *event = &b->event;

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++b->documents > 1 ? fail(b, RK_E_INVAL, "expected one document only") : RK_OK;
    case YAML_ALIAS_EVENT:
        return fail(b, RK_E_INVAL,
                    "expected a value, not an alias (*); a text that begins with * needs quotes");
    case YAML_SCALAR_EVENT:
        return add_scalar(b);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, RKD_VALUE_MAP, event->data.mapping_start.anchor,
                              event->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, RKD_VALUE_LIST, event->data.sequence_start.anchor,
                              event->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return close_container(b);
    case YAML_STREAM_END_EVENT:
        *is_done = true;
        return RK_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return RK_OK;
}

static enum rk_err build(struct building *b)
{
    enum rk_err err = RK_OK;
    bool is_done = false;

    while (err == RK_OK && !is_done) {
        if (yaml_parser_parse(&b->parser, &b->event) == 0)
            return fail_parse(b);
        err = take_event(b, &is_done);
        yaml_event_delete(&b->event);
    }
    return err;
}

enum rk_err rkd_tree_read(struct rk_str text, const char *file, struct rkd_store *store,
                          struct rkd_value *out, struct rkd_raw_error *error)
{
    const struct rkd_pos start = {.file = file, .line = 1, .column = 1};
    struct building b = {.text = text,
                         .file = file,
                         .store = store,
                         .error = error,
                         .top = {.kind = RKD_VALUE_MAP, .at = start}};
    enum rk_err err;

    if (text.len > RKD_TREE_TEXT_MAX)
        return rkd_error_set(error, RK_E_TOO_LONG, start, rki_str(NULL, 0),
                             "expected at most 1 MiB");
    if (yaml_parser_initialize(&b.parser) == 0)
        return rkd_error_nomem(error);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.ptr, text.len);
    err = build(&b);
    yaml_parser_delete(&b.parser);
    free(b.pending);
    if (err == RK_OK)
        *out = b.top;
    return err;
}

const struct rkd_value_member *rkd_tree_find(const struct rkd_value *map, struct rk_str key)
{
    for (size_t i = 0; i < map->count && map->kind == RKD_VALUE_MAP; i++)
        if (rki_str_equal(map->members[i].key, key))
            return &map->members[i];
    return NULL;
}
