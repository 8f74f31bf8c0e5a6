/*
 * store.c - blocks of memory for a configuration, and a list of its secrets.
 *
 * May touch: the heap, libcrypto's secure heap.
 */
#include "config/store.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_LEAST = 16 * 1024 };

struct block {
    struct block *next;
    size_t len, cap;
    alignas(max_align_t) char bytes[];
};

struct secret {
    struct secret *next;
    char *bytes;
    size_t len;
};

struct rkd_store {
    struct block *blocks; /* the first has room */
    struct secret *secrets;
};

struct rkd_store *rkd_store_new(void)
{
    return calloc(1, sizeof(struct rkd_store));
}

void rkd_store_free(struct rkd_store *store)
{
    if (store == NULL)
        return;
    for (struct secret *secret = store->secrets; secret != NULL; secret = secret->next)
        OPENSSL_secure_clear_free(secret->bytes, secret->len);
    while (store->blocks != NULL) { /* after the secrets, whose list lies in them */
        struct block *next = store->blocks->next;

        rk_wipe(store->blocks->bytes, store->blocks->len); /* an address may hold a password */
        free(store->blocks);
        store->blocks = next;
    }
    free(store);
}

static bool add_block(struct rkd_store *store, size_t size)
{
    const size_t cap = size < BLOCK_LEAST ? BLOCK_LEAST : size;
    struct block *block = cap > SIZE_MAX - sizeof(*block) ? NULL : calloc(1, sizeof(*block) + cap);

    if (block == NULL)
        return false;
    block->cap = cap;
    block->next = store->blocks;
    store->blocks = block;
    return true;
}

void *rkd_store_take(struct rkd_store *store, size_t count, size_t size)
{
    const size_t align = alignof(max_align_t);
    void *piece;

    if (size != 0 && count > (SIZE_MAX - align) / size)
        return NULL;
    size = (count * size + align - 1) / align * align;
    if ((store->blocks == NULL || size > store->blocks->cap - store->blocks->len) &&
        !add_block(store, size))
        return NULL;
    piece = store->blocks->bytes + store->blocks->len;
    store->blocks->len += size;
    return piece;
}

enum rk_err rkd_store_dup(struct rkd_store *store, struct rk_str text, struct rk_str *out)
{
    char *copy = text.len == SIZE_MAX ? NULL : rkd_store_take(store, text.len + 1, 1);

    if (copy == NULL)
        return RK_E_NOMEM;
    if (text.len != 0)
        memcpy(copy, text.ptr, text.len);
    *out = rki_str(copy, text.len);
    return RK_OK;
}

enum rk_err rkd_store_secret(struct rkd_store *store, struct rk_str bytes, struct rk_str *out)
{
    struct secret *secret = rkd_store_take(store, 1, sizeof(*secret));
    char *copy = secret == NULL ? NULL : OPENSSL_secure_malloc(bytes.len + 1);

    if (copy == NULL)
        return RK_E_NOMEM;
    if (bytes.len != 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    *secret = (struct secret){.next = store->secrets, .bytes = copy, .len = bytes.len + 1};
    store->secrets = secret;
    *out = rki_str(copy, bytes.len);
    return RK_OK;
}
