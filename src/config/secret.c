/*
 * secret.c - one secret, from its variable, a file or systemd's credentials.
 *
 * May touch: the environment it is given, the files that are named there.
 */
#include "config/secret.h"

#include "core/buf.h"
#include "core/diag.h"
#include "core/key.h"
#include "core/secret_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static enum rk_err read_file(const char *path, const struct rkd_secret_source *source,
                             struct rkd_keys *warn_to, struct rkd_secret *out, struct rk_diag *diag)
{
    bool is_readable = false;
    enum rk_err err;

    out->owned = malloc(RKD_SECRET_FILE_MAX);
    if (out->owned == NULL)
        return rki_diag_fail(diag, RK_E_NOMEM, source->file_name, "out of memory");
    err = rki_secret_file_read(path, source->file_name, out->owned, RKD_SECRET_FILE_MAX, &out->text,
                               &is_readable, diag);
    if (err == RK_OK && is_readable && warn_to != NULL)
        rkd_keys_warn(warn_to, source->readable);
    return err;
}

/* The path of the credential in `buf`, which ends in NUL; false: systemd gave none. */
static bool find_credential(const struct rkd_env *env, const struct rkd_secret_source *source,
                            char path[static PATH_MAX])
{
    const struct rk_str dir = rkd_env_get(env, "CREDENTIALS_DIRECTORY");
    struct rki_buf buf = rki_buf_over(path, PATH_MAX - 1);

    if (dir.len == 0 || dir.ptr[0] != '/') /* systemd's is absolute: anything else is nobody's */
        return false;
    rki_buf_put(&buf, dir);
    rki_buf_char(&buf, '/');
    rki_buf_put(&buf, rki_cstr(source->credential));
    path[buf.len] = '\0';
    return !buf.overflow && (access(path, F_OK) == 0 || errno != ENOENT);
}

size_t rkd_secret_doubts(const struct rk_key *key, const char *out[static RKD_SECRET_DOUBTS_MAX])
{
    const struct rk_str secret = rki_key_secret(key);
    size_t count = 0;

    if (rk_key_is_short(key))
        out[count++] = "the LiveKit secret has fewer than 32 bytes: it can be guessed, and other "
                       "SDKs refuse it";
    if (rki_str_trim(secret).len != secret.len)
        out[count++] = "the LiveKit secret begins or ends with a blank or a newline and signs with "
                       "it: is it the server's to the byte?";
    return count;
}

/* The platform takes its own word in any case. */
bool rkd_is_unresolved(struct rk_str text)
{
    static const struct rk_str words[] = {RK_STR_INIT("@Microsoft.KeyVault("),
                                          RK_STR_INIT("@Microsoft.AppConfiguration(")};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (rki_str_starts_with_nocase(text, words[i]))
            return true;
    return false;
}

enum rk_err rkd_secret_read(const struct rkd_env *env, const struct rkd_secret_source *source,
                            struct rkd_keys *warn_to, struct rkd_secret *out, struct rk_diag *diag)
{
    struct rk_str value = rkd_env_get(env, source->name);
    const struct rk_str path = rkd_env_get(env, source->file_name);
    char credential[PATH_MAX];
    const bool has_credential = path.len == 0 && find_credential(env, source, credential);

    *out = (struct rkd_secret){.is_given = value.len != 0 || path.len != 0 || has_credential};
    if (path.len != 0 && rkd_is_unresolved(value)) { /* it is missing, so there is one only */
        rkd_keys_warn(warn_to, source->unresolved);
        value = rki_str(NULL, 0);
    }
    if (value.len != 0 && path.len != 0)
        return rki_diag_fail(diag, RK_E_STATE, source->file_name,
                             "the secret is set directly as well; expected only one of the two");
    if (has_credential && value.len != 0)
        rkd_keys_warn(warn_to, source->overruled);
    if (path.len != 0 || has_credential) {
        /* who may read a credential is systemd's to see to: nothing to warn about */
        enum rk_err err = path.len != 0 ? read_file(path.ptr, source, warn_to, out, diag)
                                        : read_file(credential, source, NULL, out, diag);

        if (err != RK_OK) {
            rkd_secret_clear(out);
            return err;
        }
    } else {
        out->text = source->blanks == NULL ? value : rki_str_trim(value);
        if (source->blanks != NULL && out->text.len == 0)
            out->text = rki_str(NULL, 0); /* blanks alone: absent */
        if (out->text.len != value.len)
            rkd_keys_warn(warn_to, source->blanks);
    }
    if (rkd_is_unresolved(out->text)) {
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
