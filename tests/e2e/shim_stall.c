/*
 * shim_stall.c - makes one loop of a process under test hang, for as long as a file is there.
 *
 * Preloaded by test_watching.py. Whatever thread receives bytes with RK_TEST_STALL in them stands
 * still while the file RK_TEST_STALL_FILE exists: a worker that is stuck, which no signal can make,
 * since a stop takes all threads. So does whoever opens RK_TEST_STALL_OPEN: the keeper, with the
 * configuration. May touch: that file's name. Never ships.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void stall(const char *path)
{
    while (path != NULL && access(path, F_OK) == 0)
        usleep(10000);
}

static int open_slowly(const char *path, int flags, mode_t mode)
{
    const char *slow = getenv("RK_TEST_STALL_OPEN");

    if (slow != NULL && strcmp(path, slow) == 0)
        stall(getenv("RK_TEST_STALL_FILE"));
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list more)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    int fd;

    va_start(more, flags);
    fd = open_slowly(path, flags, mode_of(flags, more));
    va_end(more);
    return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    static const char magic[] = "/RK_TEST_STALL";
    const char *path = getenv("RK_TEST_STALL_FILE");
    ssize_t len = syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);

    if (len > 0 && path != NULL && memmem(data, (size_t)len, magic, sizeof(magic) - 1) != NULL)
        stall(path);
    return len;
}
