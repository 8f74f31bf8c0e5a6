/*
 * facts.c - the board, and the sheets that hang on it.
 *
 * May touch: its arguments, the heap.
 */
#include "serve/facts.h"

#include <stdlib.h>

enum rk_err rkd_board_init(struct rkd_board *board)
{
    *board = (struct rkd_board){.facts = NULL};
    board->is_made = pthread_mutex_init(&board->lock, NULL) == 0;
    return board->is_made ? RK_OK : RK_E_NOMEM;
}

void rkd_board_clear(struct rkd_board *board)
{
    if (!board->is_made)
        return;
    rkd_facts_unref(board->facts);
    (void)pthread_mutex_destroy(&board->lock);
    board->is_made = false;
}

void rkd_board_put(struct rkd_board *board, struct rkd_facts *facts)
{
    struct rkd_facts *old;

    (void)pthread_mutex_lock(&board->lock);
    old = board->facts;
    board->facts = facts;
    (void)pthread_mutex_unlock(&board->lock);
    rkd_facts_unref(old);
}

struct rkd_facts *rkd_board_take(struct rkd_board *board)
{
    struct rkd_facts *facts;

    (void)pthread_mutex_lock(&board->lock);
    facts = board->facts;
    if (facts != NULL)
        (void)atomic_fetch_add_explicit(&facts->refs, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&board->lock);
    return facts;
}

struct rkd_facts *rkd_facts_new(size_t keyset_count)
{
    struct rkd_facts *facts =
        calloc(1, sizeof(*facts) + keyset_count * sizeof(struct rkd_facts_keyset));

    if (facts == NULL)
        return NULL;
    atomic_init(&facts->refs, 1);
    facts->keyset_count = keyset_count;
    return facts;
}

void rkd_facts_unref(struct rkd_facts *facts)
{
    if (facts != NULL && atomic_fetch_sub_explicit(&facts->refs, 1, memory_order_acq_rel) == 1)
        free(facts);
}

void rkd_facts_text(char *out, size_t max, struct rk_str text)
{
    size_t len = text.len < max ? text.len : max;

    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--; /* what would be cut off goes on with this character */
    if (len != 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}
