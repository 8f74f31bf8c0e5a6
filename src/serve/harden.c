/*
 * harden.c - gives up what a token service never needs.
 *
 * May touch: the process's own limits and flags. Source: reference/security.md s.7.1 and s.7.2.
 */
#include "serve/harden.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STAY_DUMPABLE = 1 };
#else
enum { STAY_DUMPABLE = 0 };
#endif

enum { SECURE_HEAP_BYTES = 65536, SECURE_HEAP_LEAST = 32 };

bool rkd_harden_process(void)
{
    const struct rlimit none = {0, 0};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    bool all = true;

    (void)umask(077);
    all = sigaction(SIGPIPE, &ignore, NULL) == 0 && all;
    all = setrlimit(RLIMIT_CORE, &none) == 0 && all;
    all = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && all;
    if (!STAY_DUMPABLE)
        all = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && all;
    /* 1: made; 2: made but not locked, as where RLIMIT_MEMLOCK is small; 0: none, keys then live on
     * the heap */
    all = CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_LEAST) != 0 && all;
    /* the texts of libcrypto's errors, which nobody here prints; a refusal leaves them in */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
    return all;
}

extern char end[]; /* the linker's: the end of the program, behind which the heap begins */

bool rkd_harden_heap(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *const first = end + (page - (uintptr_t)end % page) % page;
    const uintptr_t from = (uintptr_t)first, to = (uintptr_t)sbrk(0);

    /* ENOMEM only says that there is a hole in between; what is mapped was marked all the same */
    return to > from && (madvise(first, to - from, MADV_DONTDUMP) == 0 || errno == ENOMEM);
}
