/*
 * audit_file.c - the audit's file or pipe: opened without waiting, written line by line.
 *
 * May touch: the path it is given. audit_file_write may wait; only the audit thread calls it.
 */
#include "serve/audit_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 100 };

static enum rk_err fail(struct rk_diag *diag, const char *what)
{
    if (diag != NULL)
        (void)snprintf(diag->text, sizeof(diag->text), "%s: %s", what, strerror(errno));
    return RK_E_IO;
}

/* O_NONBLOCK: a FIFO without a reader is ENXIO and not a wait; a pipe that is full is polled. */
static int open_sink(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

/* Does the file end in the middle of a line, left by a full disk or a crash? Unknown is no. */
static bool ends_torn(const char *path, int fd)
{
    struct stat ours, same;
    char last = '\n';
    int reader;

    if (fstat(fd, &ours) != 0 || !S_ISREG(ours.st_mode) || ours.st_size == 0)
        return false;
    reader = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (reader < 0)
        return false;
    if (fstat(reader, &same) == 0 && same.st_dev == ours.st_dev && same.st_ino == ours.st_ino)
        (void)!pread(reader, &last, 1, ours.st_size - 1);
    (void)close(reader);
    return last != '\n';
}

enum rk_err audit_file_open(struct audit_file *file, const char *path, struct rk_diag *diag)
{
    file->path = strdup(path);
    if (file->path == NULL)
        return RK_E_NOMEM;
    file->fd = open_sink(path);
    if (file->fd < 0)
        return fail(diag, errno == ENXIO ? "a socket, or a pipe nobody reads" : "cannot be opened");
    file->is_torn = ends_torn(path, file->fd);
    return RK_OK;
}

enum rk_err audit_file_reopen(struct audit_file *file, struct rk_diag *diag)
{
    const int fd = open_sink(file->path);
    int before;

    if (fd < 0)
        return fail(diag, "cannot be opened again");
    before = atomic_exchange(&file->next_fd, fd);
    if (before >= 0) /* reopened twice before a line came */
        (void)close(before);
    return RK_OK;
}

/* True: another file from here on. */
static bool adopt_next(struct audit_file *file)
{
    const int fd = atomic_exchange(&file->next_fd, -1);

    if (fd < 0)
        return false;
    (void)close(file->fd);
    file->fd = fd;
    file->is_torn = ends_torn(file->path, fd);
    return true;
}

/* What is missing of the line; a torn one before it is ended first. Bytes taken of it, or -1. */
static ssize_t write_rest(struct audit_file *file, const char *text, size_t len, bool ends_other)
{
    char line_feed[] = "\n";
    struct iovec pieces[2] = {{.iov_base = line_feed, .iov_len = 1}};
    ssize_t wrote;

    memcpy(&pieces[1].iov_base, &text, sizeof(text)); /* writev does not write there */
    pieces[1].iov_len = len;
    wrote = writev(file->fd, ends_other ? pieces : pieces + 1, ends_other ? 2 : 1);
    if (wrote <= 0) {
        errno = wrote == 0 ? EIO : errno;
        return -1;
    }
    file->is_torn = (size_t)wrote != len + (ends_other ? 1 : 0) && !(ends_other && wrote == 1);
    return ends_other ? wrote - 1 : wrote;
}

bool audit_file_write(struct audit_file *file, const char *text, size_t len)
{
    size_t at = 0;

    (void)adopt_next(file);
    while (!atomic_load(&file->given_up)) {
        struct pollfd ready = {.fd = file->fd, .events = POLLOUT};
        const ssize_t took = write_rest(file, text + at, len - at, at == 0 && file->is_torn);

        if (took >= 0)
            at += (size_t)took;
        else if (errno == EAGAIN)
            (void)poll(&ready, 1, LOOK_AGAIN_MS);
        else if (errno != EINTR)
            return false;
        if (at == len)
            return true;
        if (took < 0 && adopt_next(file))
            at = 0; /* whole in the new one */
    }
    return false;
}

void audit_file_close(struct audit_file *file)
{
    const int next = atomic_exchange(&file->next_fd, -1);

    if (next >= 0)
        (void)close(next);
    if (file->fd >= 0)
        (void)close(file->fd);
    free(file->path);
}
