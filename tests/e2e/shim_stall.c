/*
 * shim_stall.c - makes one loop of a process under test hang, for as long as a file is there.
 *
 * Preloaded by test_watching.py. Whatever thread receives bytes with RK_TEST_STALL in them stands
 * still while the file RK_TEST_STALL_FILE exists: a worker that is stuck, which no signal can make,
 * since a stop takes all threads. May touch: that file's name. Never ships.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    static const char magic[] = "/RK_TEST_STALL";
    const char *path = getenv("RK_TEST_STALL_FILE");
    ssize_t len = syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);

    if (len > 0 && path != NULL && memmem(data, (size_t)len, magic, sizeof(magic) - 1) != NULL)
        while (access(path, F_OK) == 0)
            usleep(10000);
    return len;
}
