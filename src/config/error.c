/*
 * error.c - one refusal: filled, and written as people read it.
 *
 * May touch: its arguments. Nothing else.
 */
#include "config/error.h"

#include "config/config.h"

static void put_key(struct rki_buf *buf, struct rk_str key)
{
    for (size_t i = 0; i < key.len && !buf->overflow; i++) {
        const char c = key.ptr[i], lower = rki_lower(c);
        const bool is_plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
                              c == '_' || c == '-' || c == '.' || c == '/';

        rki_buf_put(buf, is_plain ? rki_str(key.ptr + i, 1) : RK_STR("?"));
    }
}

enum rk_err rkd_error_set(struct rkd_raw_error *error, enum rk_err err, struct rkd_pos at,
                          struct rk_str key, const char *text)
{
    struct rki_buf name = rki_buf_over(error->key, sizeof(error->key) - 1);
    const size_t len = strlen(text), most = sizeof(error->text) - 1;

    error->at = at;
    put_key(&name, key);
    error->key[name.len] = '\0';
    memcpy(error->text, text, len < most ? len : most);
    error->text[len < most ? len : most] = '\0';
    return err;
}

enum rk_err rkd_error_nomem(struct rkd_raw_error *error)
{
    return rkd_error_set(error, RK_E_NOMEM, (struct rkd_pos){.file = NULL}, rki_str(NULL, 0),
                         "out of memory");
}

/* A path goes to terminals and logs: no control bytes. */
static void put_file(struct rki_buf *buf, const char *file)
{
    for (; *file != '\0'; file++)
        rki_buf_put(buf,
                    (unsigned char)*file < ' ' || *file == 0x7f ? RK_STR("?") : rki_str(file, 1));
}

void rkd_pos_write(struct rki_buf *buf, struct rkd_pos at)
{
    if (at.file == NULL)
        return;
    put_file(buf, at.file);
    if (at.line != 0) {
        rki_buf_lit(buf, ":");
        rki_buf_int(buf, at.line);
        rki_buf_lit(buf, ":");
        rki_buf_int(buf, at.column);
    } else if (at.column != 0) {
        rki_buf_lit(buf, ": entry ");
        rki_buf_int(buf, at.column);
    }
    rki_buf_lit(buf, ": ");
}

void rkd_raw_error_write(struct rki_buf *buf, const struct rkd_raw_error *error)
{
    rkd_pos_write(buf, error->at);
    if (error->key[0] != '\0') {
        rki_buf_put(buf, rki_cstr(error->key));
        rki_buf_lit(buf, ": ");
    }
    rki_buf_put(buf, rki_cstr(error->text));
}
