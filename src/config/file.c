/*
 * file.c - roomkey.yaml itself, and the paths and secret files it names.
 *
 * May touch: the files it is told to read, unless the caller brought functions of his own for that.
 */
#include "config/read.h"

#include "config/trace.h"
#include "config/tree.h"
#include "core/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Into raw up to cap bytes. NULL, or what is wrong. */
static const char *read_open(int fd, char *raw, size_t cap, size_t *out_len, bool *out_is_writable)
{
    struct stat st;
    size_t len = 0;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return "expected a regular file";
    *out_is_writable = (st.st_mode & S_IWOTH) != 0;
    while (len < cap) {
        const ssize_t got = read(fd, raw + len, cap - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return "the file cannot be read";
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *out_len = len;
    return NULL;
}

/* What the operator writes: no secrets are in it, but whoever can write it decides everything. */
static const char *read_plain(const char *path, char *raw, size_t cap, size_t *out_len,
                              bool *out_is_writable)
{
    /* O_NONBLOCK: a FIFO without a writer must not hold us up before fstat says what it is */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *wrong;

    if (fd < 0)
        return rki_open_problem(errno);
    wrong = read_open(fd, raw, cap, out_len, out_is_writable);
    (void)close(fd);
    return wrong;
}

/* The path of roomkey.yaml and who says so; absent: nobody. */
static struct rk_str config_path(const struct rkd_read *read, const char **out_who)
{
    if (read->flags->config != NULL) {
        *out_who = "--config";
        return rki_cstr(read->flags->config);
    }
    *out_who = "ROOMKEY_CONFIG";
    return rkd_env_get(read->env, *out_who);
}

static struct rk_str dir_of(struct rk_str path)
{
    size_t len = path.len;

    while (len != 0 && path.ptr[len - 1] != '/')
        len--;
    return rki_str(path.ptr, len);
}

static enum rk_err read_tree(struct rkd_read *read, struct rk_str path, const char *who, char *raw,
                             struct rkd_value *out)
{
    const struct rkd_pos at = {.file = who};
    const char *wrong;
    size_t len = 0;
    bool is_writable = false;
    enum rk_err err;

    if (read->flags->files != NULL)
        wrong = read->flags->files->read(read->flags->files->ctx, path.ptr, raw,
                                         RKD_TREE_TEXT_MAX + 1, &len);
    else
        wrong = read_plain(path.ptr, raw, RKD_TREE_TEXT_MAX + 1, &len, &is_writable);
    if (wrong != NULL)
        return rkd_error_set(read->error, RK_E_IO, at, rki_str(NULL, 0), wrong);
    if (is_writable)
        rkd_read_warn_at(read, (struct rkd_pos){.file = path.ptr, .line = 1, .column = 1}, NULL,
                         "everybody on this machine can write this file; chmod o-w it");
    err = rkd_tree_read(rki_str(raw, len), path.ptr, read->store, out, read->error);
    rk_wipe(raw, len); /* an address may hold a password */
    return err;
}

enum rk_err rkd_file_note(struct rkd_read *read, struct rk_str path)
{
    struct rkd_named_file *file = rkd_store_take(read->store, 1, sizeof(*file));

    if (file == NULL)
        return RK_E_NOMEM;
    *file = (struct rkd_named_file){.path = path, .next = read->out->files};
    read->out->files = file;
    return RK_OK;
}

enum rk_err rkd_file_note_variables(struct rkd_read *read)
{
    const struct rkd_variable *variable;

    for (size_t i = 0; (variable = rkd_variable_at(i)) != NULL; i++) {
        char name[64];
        struct rki_buf buf = rki_buf_over(name, sizeof(name) - 1);
        struct rk_str path;

        if (variable->kind != RKD_VARIABLE_SECRET)
            continue;
        rki_buf_put(&buf, rki_cstr(variable->name));
        rki_buf_lit(&buf, "_FILE");
        name[buf.len] = '\0';
        path = rkd_env_get(read->env, name);
        if (path.len != 0 && (rkd_store_dup(read->store, path, &path) != RK_OK ||
                              rkd_file_note(read, path) != RK_OK))
            return rkd_read_nomem(read);
    }
    return RK_OK;
}

enum rk_err rkd_file_tree(struct rkd_read *read, struct rkd_value *out)
{
    const char *who;
    struct rk_str path = config_path(read, &who);
    enum rk_err err;
    char *raw;

    if (path.ptr == NULL || read->flags->dev)
        return RK_OK;
    if (path.len == 0)
        return rkd_error_set(read->error, RK_E_INVAL, (struct rkd_pos){.file = who},
                             rki_str(NULL, 0), "expected the path of a file");
    if (rkd_store_dup(read->store, path, &path) != RK_OK || rkd_file_note(read, path) != RK_OK)
        return rkd_read_nomem(read);
    raw = malloc(RKD_TREE_TEXT_MAX + 1);
    if (raw == NULL)
        return rkd_read_nomem(read);
    read->out->config_file = path;
    rkd_trace_path(read, path);
    read->dir = dir_of(path);
    err = read_tree(read, path, who, raw, out);
    free(raw);
    return err;
}

enum rk_err rkd_file_path(struct rkd_read *read, struct rk_str path, struct rk_str *out)
{
    const struct rk_str dir = path.len != 0 && path.ptr[0] == '/' ? rki_str(NULL, 0) : read->dir;
    struct rki_buf buf;
    char *whole;

    whole = rkd_store_take(read->store, dir.len + path.len + 1, 1);
    if (whole == NULL)
        return RK_E_NOMEM;
    buf = rki_buf_over(whole, dir.len + path.len);
    rki_buf_put(&buf, dir);
    rki_buf_put(&buf, path);
    *out = rki_buf_str(&buf); /* the store's memory is zero: it ends in NUL */
    return rkd_file_note(read, *out);
}

const char *rkd_file_problem(const struct rkd_read *read, struct rk_str path)
{
    return read->flags->files != NULL || access(path.ptr, R_OK) == 0 ? NULL
                                                                     : rki_open_problem(errno);
}

enum rk_err rkd_file_secret(struct rkd_read *read, const struct rkd_value *value, size_t cap,
                            char **out_memory, struct rk_str *out_text, bool *out_is_readable)
{
    struct rkd_raw_text named;
    struct rk_str path;
    struct rk_diag diag = {.text = ""};
    enum rk_err err = rkd_take_text(read, value, &named);

    if (err != RK_OK)
        return err;
    if (rkd_file_path(read, named.text, &path) != RK_OK)
        return rkd_read_nomem(read);
    *out_memory = malloc(cap);
    if (*out_memory == NULL)
        return rkd_read_nomem(read);
    rkd_trace_path(read, path);
    if (read->flags->files != NULL) {
        const char *wrong;
        size_t len = 0;

        wrong = read->flags->files->read(read->flags->files->ctx, path.ptr, *out_memory, cap, &len);
        *out_text = rki_str(*out_memory, len);
        return wrong == NULL ? RK_OK : rkd_read_fail(read, value, wrong);
    }
    err = rki_secret_file_read(path.ptr, "", *out_memory, cap, out_text, out_is_readable, &diag);
    if (err != RK_OK)
        return rkd_error_set(read->error, err, value->at, read->key, diag.text);
    rkd_trace_file(read, *out_text);
    return RK_OK;
}
