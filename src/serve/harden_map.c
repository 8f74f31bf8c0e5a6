/*
 * harden_map.c - leaves all memory that is mapped without a file out of core dumps, in the static
 * build only (ROOMKEY_STATIC).
 *
 * musl's malloc maps what it hands out, here and there, so that no range could be marked as
 * rkd_harden_heap does it with glibc's: each mapping is marked as it is made. The linker puts this
 * in the place of musl's own mmap (--wrap), for malloc, for the stacks of threads, for everybody.
 * May touch: what it maps. Runs before main, with no lock held that it would need.
 */
#include <errno.h>
#include <sys/mman.h>

void *__real___mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap___mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

void *__wrap___mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *map = __real___mmap(at, size, protection, flags, fd, offset);
    const int saved = errno;

    if (map != MAP_FAILED && (flags & MAP_ANONYMOUS) != 0 && madvise(map, size, MADV_DONTDUMP) != 0)
        errno = saved; /* an old kernel: the process is not dumpable anyway */
    return map;
}
