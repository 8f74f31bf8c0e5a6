/*
 * secret.c - one secret, from its variable or from a file.
 *
 * May touch: the environment it is given, the file that is named there.
 */
#include "config/secret.h"

#include "core/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* fstat on the open file, not on the path: no race to win. */
static enum rk_err check_file(int fd, const struct rkd_secret_source *source,
                              struct rkd_keys *warn_to, struct rk_diag *diag)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return rki_diag_fail(diag, RK_E_IO, source->file_name, "expected a regular file");
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return rki_diag_fail(diag, RK_E_KEY, source->file_name,
                             "group or others can write the file; chmod go-w it");
    if ((st.st_mode & S_IROTH) != 0)
        rkd_keys_warn(warn_to, source->readable);
    return RK_OK;
}

static enum rk_err read_all(int fd, char *ptr, size_t cap, size_t *out_len)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t got = read(fd, ptr + len, cap - len);

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

static struct rk_str without_newline(struct rk_str text)
{
    if (!rki_str_ends_with(text, RK_STR("\n")))
        return text;
    text.len--;
    if (rki_str_ends_with(text, RK_STR("\r")))
        text.len--;
    return text;
}

static enum rk_err check_text(struct rk_str text, const char *name, struct rk_diag *diag)
{
    if (text.len == 0)
        return rki_diag_fail(diag, RK_E_KEY, name, "the file is empty");
    if (memchr(text.ptr, '\0', text.len) != NULL)
        return rki_diag_fail(diag, RK_E_KEY, name, "the file holds a NUL byte");
    return RK_OK;
}

static enum rk_err read_file(const char *path, const struct rkd_secret_source *source,
                             struct rkd_keys *warn_to, struct rkd_secret *out, struct rk_diag *diag)
{
    const char *name = source->file_name;
    enum rk_err err;
    size_t len = 0;
    /* O_NONBLOCK: a FIFO without a writer must not hold us up before fstat says what it is */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return rki_diag_fail(diag, RK_E_IO, name, "the file cannot be opened");
    err = check_file(fd, source, warn_to, diag);
    if (err != RK_OK)
        goto out;
    out->owned =
        malloc(RKD_SECRET_FILE_MAX); /* the last byte tells "exactly max" from "too long" */
    if (out->owned == NULL) {
        err = rki_diag_fail(diag, RK_E_NOMEM, name, "out of memory");
        goto out;
    }
    err = read_all(fd, out->owned, RKD_SECRET_FILE_MAX, &len);
    if (err != RK_OK) {
        rki_diag_set(diag, name, "the file cannot be read");
        goto out;
    }
    if (len == RKD_SECRET_FILE_MAX) {
        err = rki_diag_fail(diag, RK_E_TOO_LONG, name, "expected a file of less than 64 KiB");
        goto out;
    }
    out->text = without_newline(rki_str(out->owned, len));
    err = check_text(out->text, name, diag);
out:
    (void)close(fd);
    return err;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct rk_str without_blanks(struct rk_str text)
{
    while (text.len != 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    while (text.len != 0 && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    return text.len == 0 ? rki_str(NULL, 0) : text;
}

/* What stands in a variable when the platform could not resolve its reference: never a secret. */
static bool is_unresolved(struct rk_str text)
{
    return rki_str_starts_with(text, RK_STR("@Microsoft.KeyVault(")) ||
           rki_str_starts_with(text, RK_STR("@Microsoft.AppConfiguration("));
}

enum rk_err rkd_secret_read(const struct rkd_env *env, const struct rkd_secret_source *source,
                            struct rkd_keys *warn_to, struct rkd_secret *out, struct rk_diag *diag)
{
    const struct rk_str value = rkd_env_get(env, source->name);
    const struct rk_str path = rkd_env_get(env, source->file_name);

    *out = (struct rkd_secret){.is_given = value.len != 0 || path.len != 0};
    if (value.len != 0 && path.len != 0)
        return rki_diag_fail(diag, RK_E_STATE, source->file_name,
                             "the secret is set directly as well; expected only one of the two");
    if (path.len != 0) {
        enum rk_err err = read_file(path.ptr, source, warn_to, out, diag);

        if (err != RK_OK) {
            rkd_secret_clear(out);
            return err;
        }
    } else {
        out->text = source->blanks == NULL ? value : without_blanks(value);
        if (out->text.len != value.len)
            rkd_keys_warn(warn_to, source->blanks);
    }
    if (is_unresolved(out->text)) {
        rkd_keys_warn(warn_to, source->unresolved);
        out->text = rki_str(NULL, 0);
    }
    return RK_OK;
}

void rkd_secret_clear(struct rkd_secret *secret)
{
    if (secret->owned != NULL)
        rk_wipe(secret->owned, RKD_SECRET_FILE_MAX);
    free(secret->owned);
    *secret = (struct rkd_secret){0};
}
