/*
 * io.c - stdin, stdout, stderr and randomness for the verbs.
 *
 * May touch: the descriptors of struct rkd_cli, the kernel's random source.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static bool write_all(int fd, struct rk_str text)
{
    while (text.len != 0) {
        ssize_t put = write(fd, text.ptr, text.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        text = rki_str(text.ptr + put, text.len - (size_t)put);
    }
    return true;
}

void rkd_say_at(const struct rkd_cli *cli, const char *where, const char *text)
{
    char line[1024];
    struct rki_buf buf = rki_buf_over(line, sizeof(line) - 1);

    rki_buf_lit(&buf, "roomkey: ");
    if (where != NULL && *where != '\0') {
        rki_buf_put(&buf, rki_cstr(where));
        rki_buf_lit(&buf, ": ");
    }
    rki_buf_put(&buf, rki_cstr(text));
    line[buf.len++] = '\n';                          /* kept free above */
    (void)write_all(cli->err_fd, rki_buf_str(&buf)); /* there is nobody left to tell */
}

void rkd_say_line(const struct rkd_cli *cli, const char *text)
{
    char line[1024];
    struct rki_buf buf = rki_buf_over(line, sizeof(line) - 1);

    rki_buf_put(&buf, rki_cstr(text));
    line[buf.len++] = '\n';                          /* kept free above */
    (void)write_all(cli->err_fd, rki_buf_str(&buf)); /* there is nobody left to tell */
}

void rkd_say_error(const struct rkd_cli *cli, const struct rkd_raw_error *error)
{
    char text[768];
    struct rki_buf buf = rki_buf_over(text, sizeof(text) - 1);

    rkd_raw_error_write(&buf, error);
    text[buf.len] = '\0';
    rkd_say(cli, text);
}

void rkd_say(const struct rkd_cli *cli, const char *text)
{
    rkd_say_at(cli, NULL, text);
}

bool rkd_flush(struct rkd_cli *cli)
{
    const bool is_written = !cli->out.overflow && write_all(cli->out_fd, rki_buf_str(&cli->out));

    rk_wipe(cli->out.ptr, cli->out.len); /* a fresh key may have been in it */
    cli->out.len = 0;
    cli->out.overflow = false;
    if (!is_written)
        rkd_say(cli, "stdout did not take the whole answer");
    return is_written;
}

enum rk_err rkd_read_all(int fd, char **out, size_t *out_len)
{
    char *ptr = malloc(RKD_INPUT_MAX);
    size_t len = 0;

    if (ptr == NULL)
        return RK_E_NOMEM;
    while (len < RKD_INPUT_MAX) {
        ssize_t got = read(fd, ptr + len, RKD_INPUT_MAX - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(ptr);
            return RK_E_IO;
        }
        if (got == 0) {
            *out = ptr;
            *out_len = len;
            return RK_OK;
        }
        len += (size_t)got;
    }
    free(ptr);
    return RK_E_TOO_LONG;
}

bool rkd_random_bytes(void *out, size_t len)
{
    char *at = out;

    while (len != 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

bool rkd_random_text(char *out, size_t len, struct rk_str alphabet)
{
    bool is_good = true;

    for (size_t i = 0; i < len && is_good;) {
        uint8_t byte = 0;

        is_good = rkd_random_bytes(&byte, 1);
        byte &= 63;
        if (byte < alphabet.len) /* drawn again otherwise: a remainder would favour the first */
            out[i++] = alphabet.ptr[byte];
    }
    return is_good;
}

void rkd_put_percent(struct rki_buf *buf, struct rk_str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        const char lower = rki_lower((char)c);

        if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
            c == '_' || c == '~') {
            rki_buf_char(buf, (char)c);
        } else {
            rki_buf_char(buf, '%');
            rki_buf_char(buf, hex[c >> 4]);
            rki_buf_char(buf, hex[c & 15]);
        }
    }
}
