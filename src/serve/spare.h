/*
 * spare.h - keeps a few blocks that libcrypto has freed for its next question, where the C library
 * would give their pages back each time.
 *
 * Why: each verification of an RSA signature asks for nine blocks of 256 bytes and more, and frees
 * them. musl's malloc means to keep pages that come and go like that, after it has counted a
 * hundred times (`bounces`). But where another group of that size is nearly full, as it is with
 * some numbers of keys, each turn of that group takes one from the count again
 * (`decay_bounces`), and two regions are mapped, touched and unmapped for every verification.
 */
#ifndef RKD_SERVE_SPARE_H
#define RKD_SERVE_SPARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    RKD_SPARE_LEAST = 256, /* sizes are this, twice this, ... */
    RKD_SPARE_SIZES = 5,
    RKD_SPARE_DEPTH = 8,    /* blocks of a size, */
    RKD_SPARE_BYTES = 8192, /* and bytes of a size, which a thread keeps */
};

/*
 * libcrypto's memory comes from the functions below from now on. Call before anything that might
 * make it allocate; false, and nothing changed, when it has already.
 */
bool rkd_spare_start(void);

/*
 * As malloc, realloc and free, for CRYPTO_set_mem_functions; `file` and `line` are not looked at.
 * A size of 0 gives NULL, and frees what is reallocated to it. What is kept is wiped first. Each
 * thread keeps for itself, without a lock, and what it keeps when it ends is lost: at most 8 KiB of
 * each size, by the sizes above; a block may hold nearly twice as much as its size says. A block
 * that is freed while it is kept ends the process.
 */
void *rkd_spare_malloc(size_t size, const char *file, int line);
void *rkd_spare_realloc(void *block, size_t size, const char *file, int line);
void rkd_spare_free(void *block, const char *file, int line);

#endif
