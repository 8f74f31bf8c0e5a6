/*
 * local.c - local.settings.json as a file, and what is kept of it.
 *
 * May touch: the file it is told to read. Secrets stay in memory that is wiped.
 */
#include "config/local.h"

#include "config/error.h"
#include "core/secret_file.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *read_file(const char *path, char *raw, size_t cap, size_t *out_len,
                             struct stat *st)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *wrong = NULL;
    ssize_t got = 1;

    if (fd < 0)
        return rki_open_problem(errno);
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
        wrong = "expected a regular file";
    while (wrong == NULL && got != 0 && *out_len < cap) {
        got = read(fd, raw + *out_len, cap - *out_len);
        if (got > 0)
            *out_len += (size_t)got;
        else if (got < 0 && errno != EINTR)
            wrong = "the file cannot be read";
    }
    (void)close(fd);
    return wrong == NULL && *out_len == cap ? "the file is too long" : wrong;
}

enum rk_err rkd_local_read(const char *path, const struct rkd_env *env, struct rkd_local *out,
                           struct rkd_raw_error *out_error)
{
    const struct rkd_pos at = {.file = "--local-settings"};
    char *raw = malloc(RKD_LOCAL_TEXT_MAX + 1);
    const char *wrong = NULL;
    struct stat st = {0};
    size_t len = 0;
    enum rk_err err;

    *out = (struct rkd_local){.count = 0};
    if (raw == NULL)
        return rkd_error_nomem(out_error);
    wrong = read_file(path, raw, RKD_LOCAL_TEXT_MAX + 1, &len, &st);
    if (wrong != NULL)
        err = rkd_error_set(out_error, RK_E_IO, at, rki_str(NULL, 0), wrong);
    else if ((st.st_mode & S_IWOTH) != 0)
        err = rkd_error_set(out_error, RK_E_KEY, at, rki_str(NULL, 0),
                            "everybody on this machine can write the file; chmod o-w it");
    else
        err = rkd_local_parse(rki_str(raw, len), path, env, out, out_error);
    out->is_readable = out->has_secret && (st.st_mode & S_IROTH) != 0;
    rk_wipe(raw, len);
    free(raw);
    return err;
}

void rkd_local_wipe(struct rkd_local *local)
{
    if (local->memory != NULL)
        rk_wipe(local->memory, local->memory_len);
    free(local->memory);
    local->memory = NULL;
}

void rkd_local_clear(struct rkd_local *local)
{
    rkd_local_wipe(local);
    free(local->path);
    *local = (struct rkd_local){.count = 0};
}

void rkd_local_place_error(const struct rkd_local *local, struct rkd_raw_error *error)
{
    const char *name = error->at.file == NULL ? error->key : error->at.file;

    for (size_t i = 0; i < local->count && error->at.line == 0; i++) {
        const struct rkd_local_place *place = &local->places[i];
        const char *key = place->key != NULL ? place->key : place->name;
        const size_t len = strlen(key);

        if (!rki_str_equal(rki_cstr(place->name), rki_cstr(name)))
            continue;
        memcpy(error->key, key, len + 1);
        error->at =
            (struct rkd_pos){.file = local->path, .line = place->line, .column = place->column};
        return;
    }
}
