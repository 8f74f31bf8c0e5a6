/*
 * fuzz_redis.c - replies of a server that may say anything, and the address in the configuration.
 *
 * The same bytes give the same replies whether they come at once or one by one; a reply stays
 * within its bounds. The first byte says in what pieces they come.
 */
#include "fuzz.h"
#include "net/redis_impl.h"

#include <stdlib.h>

enum { REPLIES_MAX = 64 };

/* What is compared: texts are borrowed, so their sum stands for them. */
struct seen {
    size_t count;
    bool is_broken;
    uint64_t sums[REPLIES_MAX];
};

static uint64_t add(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t add_item(uint64_t sum, const struct rkd_redis_item *item)
{
    FUZZ_CHECK(item->kind <= RKD_REDIS_OTHER);
    FUZZ_CHECK(item->text.len <= REDIS_REPLY_MAX);
    sum = add(add(sum, (uint64_t)item->kind), (uint64_t)item->integer);
    for (size_t i = 0; i < item->text.len; i++)
        sum = add(sum, (unsigned char)item->text.ptr[i]);
    return sum;
}

static void take_replies(struct redis_parser *parser, struct seen *seen)
{
    const struct rkd_redis_reply *reply;
    int got;

    while (!seen->is_broken && (got = redis_parser_next(parser, &reply)) != 0) {
        uint64_t sum = 0;

        if (got < 0) {
            seen->is_broken = true;
            return;
        }
        FUZZ_CHECK(reply->self.kind != RKD_REDIS_NONE);
        FUZZ_CHECK(reply->item_count <= RKD_REDIS_ITEMS_MAX);
        sum = add_item(sum, &reply->self);
        for (size_t i = 0; i < reply->item_count; i++) {
            FUZZ_CHECK(reply->items[i].kind != RKD_REDIS_NONE);
            FUZZ_CHECK(reply->items[i].kind != RKD_REDIS_ARRAY);
            sum = add_item(sum, &reply->items[i]);
        }
        if (seen->count < REPLIES_MAX)
            seen->sums[seen->count] = sum;
        seen->count++;
        fuzz_reach();
    }
}

static struct seen parse(struct rk_str bytes, size_t piece)
{
    struct redis_parser *parser = redis_parser_new();
    struct seen seen = {0};

    FUZZ_CHECK(parser != NULL);
    for (size_t at = 0; at < bytes.len && !seen.is_broken; at += piece) {
        const size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        char *flush = malloc(len); /* flush against its end: asan sees a byte read too far */

        FUZZ_CHECK(flush != NULL);
        memcpy(flush, bytes.ptr + at, len);
        FUZZ_CHECK(redis_parser_feed(parser, rki_str(flush, len)));
        free(flush);
        take_replies(parser, &seen);
    }
    redis_parser_free(parser);
    return seen;
}

static void check_url(struct rk_str text, struct rk_str password)
{
    struct rkd_redis_url url;
    struct rk_diag diag = {0};

    if (rkd_redis_url_read(text, password, &url, &diag) == RK_OK) {
        FUZZ_CHECK(url.host[0] != '\0' && url.port != 0);
        FUZZ_CHECK(url.user[0] == '\0' || url.password[0] != '\0');
        FUZZ_CHECK(password.ptr == NULL ||
                   rki_str_equal(rki_cstr(url.password), password)); /* and not the URL's */
        fuzz_reach();
    } else {
        FUZZ_CHECK(diag.text[0] != '\0' && url.password[0] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_str bytes;
    struct seen whole, pieces;

    check_url(fuzz_str(data, size), rki_str(NULL, 0));
    check_url(fuzz_str(data, size), RK_STR("beside"));
    if (size < 2)
        return 0;
    bytes = fuzz_str(data + 1, size - 1);
    whole = parse(bytes, bytes.len);
    pieces = parse(bytes, data[0] == 0 ? 1 : data[0]);
    FUZZ_CHECK(whole.count == pieces.count && whole.is_broken == pieces.is_broken);
    for (size_t i = 0; i < whole.count && i < REPLIES_MAX; i++)
        FUZZ_CHECK(whole.sums[i] == pieces.sums[i]);
    return 0;
}
