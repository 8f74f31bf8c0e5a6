/*
 * main.c - sets the process up and hands over to the verbs.
 *
 * May touch: the process: its descriptors 0 to 2, its environment, the clock.
 */
#include "cli/cli.h"
#include "serve/harden.h"
#include "serve/spare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef RKD_STATIC
enum { HAS_MUSL = 1 };
#else
enum { HAS_MUSL = 0 };
#endif

/* A closed stdin, stdout or stderr would be the next file we open: a key file, a client. Opened the
 * wrong way round, so that using them still fails. */
static bool keep_std_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    struct rkd_cli cli = {.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .err_fd = STDERR_FILENO};
    char *out;
    int code;

    if (!keep_std_descriptors())
        return RKD_EXIT_REFUSED;
    if (HAS_MUSL)
        (void)rkd_spare_start(); /* before libcrypto allocates for the first time */
    (void)rkd_harden_process();  /* before any secret is read; no measure is worth refusing for */
    cli.env = (struct rkd_env){.entries = environ, .pid = getpid()};
    cli.now_s = time(NULL);
    out = malloc(RKD_OUT_MAX);
    if (out == NULL) {
        rkd_say(&cli, "out of memory");
        return RKD_EXIT_REFUSED;
    }
    cli.out = rki_buf_over(out, RKD_OUT_MAX);
    code = rkd_cli_run(&cli, argc, argv);
    free(out);
    return code;
}
