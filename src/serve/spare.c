/*
 * spare.c - keeps a few blocks that libcrypto has freed for its next question.
 *
 * May touch: malloc, libcrypto's memory functions, and the thread's own list of blocks: the one
 * thing here that lives outside of an argument, since libcrypto hands its allocator none. The list
 * is not in the blocks, so that who writes to a freed block does not write to the list.
 */
#include "serve/spare.h"

#include "core/str.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

struct spare {
    unsigned count;
    void *blocks[RKD_SPARE_DEPTH];
};

static _Thread_local struct spare spares[RKD_SPARE_SIZES];

static size_t size_at(unsigned index)
{
    return (size_t)RKD_SPARE_LEAST << index;
}

/* The least size that holds so many bytes; RKD_SPARE_SIZES: none. Small ones are not worth it. */
static unsigned index_for(size_t size)
{
    unsigned index = 0;

    if (size <= RKD_SPARE_LEAST / 2)
        return RKD_SPARE_SIZES;
    while (index < RKD_SPARE_SIZES && size_at(index) < size)
        index++;
    return index;
}

bool rkd_spare_start(void)
{
    return CRYPTO_set_mem_functions(rkd_spare_malloc, rkd_spare_realloc, rkd_spare_free) == 1;
}

void *rkd_spare_malloc(size_t size, const char *file, int line)
{
    const unsigned index = index_for(size);
    struct spare *spare;

    (void)file;
    (void)line;
    if (size == 0)
        return NULL;
    if (index == RKD_SPARE_SIZES)
        return malloc(size);
    spare = &spares[index];
    return spare->count != 0 ? spare->blocks[--spare->count] : malloc(size_at(index));
}

/* False: the block is the caller's still. */
static bool keep(void *block)
{
    const size_t size = malloc_usable_size(block);
    unsigned index = 0;
    struct spare *spare;

    while (index < RKD_SPARE_SIZES && size >= 2 * size_at(index))
        index++;
    if (index == RKD_SPARE_SIZES || size < size_at(index))
        return false;
    spare = &spares[index];
    if (spare->count == RKD_SPARE_DEPTH || spare->count * size_at(index) == RKD_SPARE_BYTES)
        return false;
    for (unsigned i = 0; i < spare->count; i++)
        if (spare->blocks[i] == block)
            __builtin_trap(); /* freed twice: two would be given the same block */
    rk_wipe(block, size);
    spare->blocks[spare->count++] = block;
    return true;
}

void rkd_spare_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (block != NULL && !keep(block))
        free(block);
}

void *rkd_spare_realloc(void *block, size_t size, const char *file, int line)
{
    const unsigned index = index_for(size);

    if (block == NULL)
        return rkd_spare_malloc(size, file, line);
    if (size == 0) {
        rkd_spare_free(block, file, line);
        return NULL;
    }
    return realloc(block, index == RKD_SPARE_SIZES ? size : size_at(index));
}
