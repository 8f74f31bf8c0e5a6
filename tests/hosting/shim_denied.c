/*
 * shim_denied.c - starts a program where the host forbids a sandbox: `shim_denied PROGRAM WORD…`.
 *
 * landlock_*, seccomp(2) and its older prctl(2) answer EPERM there, as under a container's or a
 * serverless host's own filter. Never ships.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define DENY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

int main(int argc, char **argv)
{
    struct sock_filter code[] = {
        LOAD(nr),
        UNLESS(444, 1),
        DENY, /* landlock_create_ruleset */
        UNLESS(SYS_seccomp, 1),
        DENY,
        UNLESS(SYS_prctl, 3),
        LOAD(args[0]),
        UNLESS(PR_SET_SECCOMP, 1),
        DENY,
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return 99;
    execv(argv[1], argv + 1);
    return 98;
}
