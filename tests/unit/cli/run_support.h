/*
 * run_support.h - runs one command line in process and keeps what it said.
 *
 *     struct run run = {.env = {"LIVEKIT_API_KEY=k", NULL}};
 *     run_cli(&run, "token", "--room", "r", NULL);
 *     run.code, run.out, run.err; run_clear(&run);
 */
#ifndef RK_TEST_RUN_SUPPORT_H
#define RK_TEST_RUN_SUPPORT_H

#include "check.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RUN_NOW = 1800000000, RUN_ARGS_MAX = 300 };

struct run {
    const char *env[16]; /* in; copied, since secrets in it are wiped */
    struct rk_str in;    /* in: stdin */
    int out_fd;          /* in: where stdout goes; 0: into `out` */
    int code;
    char *out, *err; /* NUL-terminated */
    char *argv[RUN_ARGS_MAX + 1];
    char *environ_copy[17];
};

static inline char *run_slurp(int fd)
{
    const off_t len = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);

    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)len, 0), len);
    return text;
}

static inline int run_memory(struct rk_str content)
{
    int fd = memfd_create("run", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr == NULL ? "" : content.ptr, content.len),
                     (ssize_t)content.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static inline void run_clear(struct run *run)
{
    for (size_t i = 0; run->argv[i] != NULL; i++)
        free(run->argv[i]);
    for (size_t i = 0; run->environ_copy[i] != NULL; i++)
        free(run->environ_copy[i]);
    free(run->out);
    free(run->err);
    *run = (struct run){0};
}

/* argv[0] is "roomkey"; the list ends in NULL. */
static inline void run_argv(struct run *run, const char *const *args)
{
    struct rkd_cli cli = {.now_s = RUN_NOW};
    int argc = 1, out_fd = run_memory(rki_str(NULL, 0));

    run->argv[0] = strdup("roomkey");
    for (; *args != NULL; args++) {
        assert_true(argc < RUN_ARGS_MAX);
        run->argv[argc++] = strdup(*args);
    }
    for (size_t i = 0; i < ARRAY_LEN(run->env) && run->env[i] != NULL; i++)
        run->environ_copy[i] = strdup(run->env[i]);
    cli.env.entries = run->environ_copy;
    cli.in_fd = run_memory(run->in);
    cli.out_fd = run->out_fd != 0 ? run->out_fd : out_fd;
    cli.err_fd = run_memory(rki_str(NULL, 0));
    cli.out = rki_buf_over(malloc(RKD_OUT_MAX), RKD_OUT_MAX);
    assert_non_null(cli.out.ptr);
    run->code = rkd_cli_run(&cli, argc, run->argv);
    run->out = run_slurp(out_fd);
    run->err = run_slurp(cli.err_fd);
    free(cli.out.ptr);
    (void)close(cli.in_fd);
    (void)close(out_fd);
    (void)close(cli.err_fd);
}

static inline void run_cli(struct run *run, ...)
{
    const char *args[RUN_ARGS_MAX + 1];
    size_t count = 0;
    va_list list;

    va_start(list, run);
    do
        args[count] = va_arg(list, const char *);
    while (args[count++] != NULL);
    va_end(list);
    run_argv(run, args);
}

/* One line to stderr that holds `part`, nothing to stdout. */
static inline void run_expect_usage(struct run *run, const char *part)
{
    CHECK(run->code == RKD_EXIT_USAGE, part);
    CHECK_STR(rki_cstr(run->out), RK_STR(""), part);
    CHECK(strstr(run->err, part) != NULL, run->err);
    CHECK(strchr(run->err, '\n') == run->err + strlen(run->err) - 1, run->err);
    run_clear(run);
}

#endif
