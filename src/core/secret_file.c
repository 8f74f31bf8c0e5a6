/*
 * secret_file.c - one reader for all secret files: of the library's keys and of the service's
 * configuration.
 *
 * May touch: the file it is told to read. Not the heap: the bytes stay where the caller can wipe
 * them.
 */
#include "core/secret_file.h"

#include "core/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* fstat on the open file, not on the path: no race to win. */
static enum rk_err check_file(int fd, const char *field, struct stat *out_before,
                              bool *out_is_readable, struct rk_diag *diag)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return rki_diag_fail(diag, RK_E_IO, field, "expected a regular file");
    *out_before = st;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return rki_diag_fail(diag, RK_E_KEY, field,
                             "group or others can write the file; chmod go-w it");
    *out_is_readable = (st.st_mode & S_IROTH) != 0;
    return RK_OK;
}

/* Fills raw up to cap bytes or the end of the file. */
static enum rk_err read_up_to(int fd, char *raw, size_t cap, size_t *out_len)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t got = read(fd, raw + len, cap - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return RK_E_IO;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *out_len = len;
    return RK_OK;
}

/* Somebody writes it at this moment: half a secret is none. */
static bool has_changed(int fd, const struct stat *before)
{
    struct stat st;

    return fstat(fd, &st) != 0 || st.st_size != before->st_size ||
           st.st_mtim.tv_sec != before->st_mtim.tv_sec ||
           st.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

static struct rk_str without_newline(struct rk_str text)
{
    if (!rki_str_ends_with(text, RK_STR("\n")))
        return text;
    text.len--;
    if (rki_str_ends_with(text, RK_STR("\r")))
        text.len--;
    return text;
}

static enum rk_err check_text(struct rk_str text, const char *field, struct rk_diag *diag)
{
    if (text.len == 0)
        return rki_diag_fail(diag, RK_E_KEY, field, "the file is empty");
    if (memchr(text.ptr, '\0', text.len) != NULL)
        return rki_diag_fail(diag, RK_E_KEY, field, "the file holds a NUL byte");
    return RK_OK;
}

const char *rki_open_problem(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "there is no such file";
    case EACCES:
    case EPERM:
        return "this user may not read the file";
    default:
        return "the file cannot be opened";
    }
}

enum rk_err rki_secret_file_read(const char *path, const char *field, char *raw, size_t cap,
                                 struct rk_str *out_text, bool *out_is_readable,
                                 struct rk_diag *out_diag)
{
    struct rk_str text;
    struct stat before;
    size_t len = 0;
    enum rk_err err;
    /* O_NONBLOCK: a FIFO without a writer must not hold us up before fstat says what it is */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return rki_diag_fail(out_diag, RK_E_IO, field, rki_open_problem(errno));
    err = check_file(fd, field, &before, out_is_readable, out_diag);
    if (err != RK_OK)
        goto out;
    err = read_up_to(fd, raw, cap, &len);
    if (err != RK_OK) {
        rki_diag_set(out_diag, field, "the file cannot be read");
        goto out;
    }
    if (has_changed(fd, &before)) {
        err = rki_diag_fail(out_diag, RK_E_IO, field, "the file changed while it was read");
        goto out;
    }
    if (len == cap) { /* the last byte tells "exactly max" from "too long" */
        err = rki_diag_fail(out_diag, RK_E_TOO_LONG, field, "the file is too long for a secret");
        goto out;
    }
    text = without_newline(rki_str(raw, len));
    err = check_text(text, field, out_diag);
    if (err == RK_OK)
        *out_text = text;
out:
    (void)close(fd);
    return err;
}
