/*
 * breaker.c - a table of the addresses that fail.
 *
 * May touch: the table. Addresses are the operator's, so a plain hash of them will do.
 */
#include "serve/breaker.h"

static uint64_t key_of(struct rk_str url)
{
    uint64_t key = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < url.len; i++)
        key = (key ^ (unsigned char)url.ptr[i]) * UINT64_C(0x100000001b3);
    return key == 0 ? 1 : key;
}

static struct rkd_breaker_row *find(struct rkd_breaker *breaker, uint64_t key)
{
    for (size_t i = 0; i < RKD_BREAKER_ROWS; i++)
        if (breaker->rows[i].key == key)
            return &breaker->rows[i];
    return NULL;
}

/* A free row, or the closed one with the fewest failures. NULL: all are open. */
static struct rkd_breaker_row *take(struct rkd_breaker *breaker, uint64_t key)
{
    struct rkd_breaker_row *best = find(breaker, 0);

    for (size_t i = 0; i < RKD_BREAKER_ROWS && (best == NULL || best->key != 0); i++) {
        struct rkd_breaker_row *row = &breaker->rows[i];

        if (row->open_ms == 0 && (best == NULL || row->failures < best->failures))
            best = row;
    }
    if (best != NULL)
        *best = (struct rkd_breaker_row){.key = key};
    return best;
}

enum rkd_breaker_leave rkd_breaker_may_ask(struct rkd_breaker *breaker, struct rk_str url,
                                           int64_t now_ms)
{
    struct rkd_breaker_row *row = find(breaker, key_of(url));

    if (row == NULL || row->open_ms == 0)
        return RKD_BREAKER_ASK;
    if (row->is_probing || now_ms < row->until_ms)
        return RKD_BREAKER_NO;
    row->is_probing = true;
    return RKD_BREAKER_PROBE;
}

static void open_row(struct rkd_breaker_row *row, int64_t now_ms)
{
    row->open_ms = row->open_ms == 0 ? RKD_BREAKER_OPEN_MS : 2 * row->open_ms;
    if (row->open_ms > RKD_BREAKER_OPEN_MAX_MS)
        row->open_ms = RKD_BREAKER_OPEN_MAX_MS;
    row->until_ms = now_ms + row->open_ms;
    row->is_probing = false;
}

static enum rkd_breaker_news tell_good(struct rkd_breaker_row *row)
{
    const bool was_open = row != NULL && row->open_ms != 0;

    if (row != NULL)
        *row = (struct rkd_breaker_row){.key = 0};
    return was_open ? RKD_BREAKER_CLOSED : RKD_BREAKER_NOTHING;
}

enum rkd_breaker_news rkd_breaker_tell(struct rkd_breaker *breaker, struct rk_str url,
                                       bool is_probe, bool is_good, int64_t now_ms)
{
    const uint64_t key = key_of(url);
    struct rkd_breaker_row *row = find(breaker, key);

    if (is_good)
        return tell_good(row);
    if (row == NULL)
        row = take(breaker, key);
    if (row == NULL)
        return RKD_BREAKER_NOTHING;
    if (row->open_ms != 0) {
        if (is_probe && row->is_probing)
            open_row(row, now_ms);
        return RKD_BREAKER_NOTHING;
    }
    if (++row->failures < RKD_BREAKER_FAILURES)
        return RKD_BREAKER_NOTHING;
    open_row(row, now_ms);
    return RKD_BREAKER_OPENED;
}

void rkd_breaker_give_back(struct rkd_breaker *breaker, struct rk_str url)
{
    struct rkd_breaker_row *row = find(breaker, key_of(url));

    if (row != NULL)
        row->is_probing = false;
}

unsigned rkd_breaker_open(const struct rkd_breaker *breaker)
{
    unsigned open = 0;

    for (size_t i = 0; i < RKD_BREAKER_ROWS; i++)
        open += breaker->rows[i].key != 0 && breaker->rows[i].open_ms != 0;
    return open;
}
