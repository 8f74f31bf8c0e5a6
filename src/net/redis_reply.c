/*
 * redis_reply.c - bytes of the server → replies, by hiredis.
 *
 * hiredis hands every element to functions of ours, which write it into one structure of fixed
 * size: no reply allocates by what the server says, and an array longer than we ask for ends the
 * parsing before hiredis makes room for it. What hiredis gathers of an unfinished reply is bounded
 * here as well. May touch: its arguments.
 */
#include "net/redis_impl.h"

#include <hiredis.h>
#include <stdlib.h>

#if HIREDIS_MAJOR >= 1
typedef size_t array_len;
#else
typedef int array_len;
#endif

struct redis_parser {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* the reader keeps a pointer to them */
    size_t gathered;                     /* bytes fed since the last whole reply */
    struct rkd_redis_reply reply;
    char text[REDIS_REPLY_MAX]; /* what items borrow */
    size_t text_len;
};

/* Where an element belongs; NULL: nowhere, it is deeper than we look. */
static struct rkd_redis_item *place_of(const redisReadTask *task)
{
    struct redis_parser *parser = task->privdata;

    if (task->parent == NULL) {
        parser->reply = (struct rkd_redis_reply){0};
        parser->text_len = 0;
        return &parser->reply.self;
    }
    if (task->parent->parent != NULL || task->idx < 0 || task->idx >= RKD_REDIS_ITEMS_MAX)
        return NULL;
    return &parser->reply.items[task->idx];
}

/* hiredis wants an object for what it read; one that is not NULL says that all is well. */
static void *taken(const redisReadTask *task)
{
    return task->privdata;
}

static void *on_string(const redisReadTask *task, char *bytes, size_t len)
{
    struct redis_parser *parser = task->privdata;
    struct rkd_redis_item *item = place_of(task);

    if (item == NULL)
        return taken(task);
    if (len > sizeof(parser->text) - parser->text_len)
        return NULL;
    item->kind = task->type == REDIS_REPLY_ERROR    ? RKD_REDIS_ERROR
                 : task->type == REDIS_REPLY_STATUS ? RKD_REDIS_STATUS
                 : task->type == REDIS_REPLY_STRING ? RKD_REDIS_STRING
                                                    : RKD_REDIS_OTHER;
    if (len != 0)
        memcpy(parser->text + parser->text_len, bytes, len);
    item->text = rki_str(parser->text + parser->text_len, len);
    parser->text_len += len;
    return taken(task);
}

static void *on_array(const redisReadTask *task, array_len count)
{
    struct redis_parser *parser = task->privdata;
    struct rkd_redis_item *item = place_of(task);

    if ((size_t)count > RKD_REDIS_ITEMS_MAX) /* or below 0 */
        return NULL;                         /* ends the connection: nobody here asks for so many */
    if (task->parent != NULL || task->type != REDIS_REPLY_ARRAY) {
        parser->reply.self.kind = RKD_REDIS_OTHER;
        parser->reply.item_count = 0;
        if (item != NULL)
            item->kind = RKD_REDIS_OTHER;
    } else if (item != NULL) {
        item->kind = RKD_REDIS_ARRAY;
        parser->reply.item_count = (size_t)count;
    }
    return taken(task);
}

static void *on_integer(const redisReadTask *task, long long value)
{
    struct rkd_redis_item *item = place_of(task);

    if (item != NULL)
        *item = (struct rkd_redis_item){.kind = RKD_REDIS_INTEGER, .integer = value};
    return taken(task);
}

static void *on_nil(const redisReadTask *task)
{
    struct rkd_redis_item *item = place_of(task);

    if (item != NULL)
        *item = (struct rkd_redis_item){.kind = RKD_REDIS_NIL};
    return taken(task);
}

#if HIREDIS_MAJOR < 1
#define MORE_FUNCTIONS
#else
#define MORE_FUNCTIONS , .createDouble = on_double, .createBool = on_bool
/* Types of RESP 3, which nobody asked for. */
static void *on_double(const redisReadTask *task, double value, char *bytes, size_t len)
{
    struct rkd_redis_item *item = place_of(task);

    (void)value;
    (void)bytes;
    (void)len;
    if (item != NULL)
        item->kind = RKD_REDIS_OTHER;
    return taken(task);
}

static void *on_bool(const redisReadTask *task, int value)
{
    return on_double(task, value, NULL, 0);
}
#endif

static void on_free(void *object)
{
    (void)object; /* it is the parser itself */
}

struct redis_parser *redis_parser_new(void)
{
    struct redis_parser *parser = malloc(sizeof(*parser));

    if (parser == NULL)
        return NULL;
    parser->gathered = parser->text_len = 0;
    parser->functions = (redisReplyObjectFunctions){
        .createString = on_string,
        .createArray = on_array,
        .createInteger = on_integer,
        .createNil = on_nil,
        .freeObject = on_free MORE_FUNCTIONS,
    };
    parser->reader = redisReaderCreateWithFunctions(&parser->functions);
    if (parser->reader == NULL) {
        free(parser);
        return NULL;
    }
    parser->reader->privdata = parser;
    return parser;
}

void redis_parser_free(struct redis_parser *parser)
{
    if (parser == NULL)
        return;
    redisReaderFree(parser->reader);
    free(parser);
}

bool redis_parser_feed(struct redis_parser *parser, struct rk_str bytes)
{
    parser->gathered += bytes.len;
    return redisReaderFeed(parser->reader, bytes.ptr, bytes.len) == REDIS_OK;
}

int redis_parser_next(struct redis_parser *parser, const struct rkd_redis_reply **out)
{
    void *object = NULL;

    if (redisReaderGetReply(parser->reader, &object) != REDIS_OK)
        return -1;
    if (object == NULL)
        return parser->gathered > REDIS_REPLY_MAX ? -1 : 0;
    parser->gathered = parser->reader->len - parser->reader->pos;
    *out = &parser->reply;
    return 1;
}
