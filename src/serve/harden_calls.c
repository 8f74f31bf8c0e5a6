/*
 * harden_calls.c - seccomp: the system calls a roomkey that serves still makes, and no others.
 *
 * May touch: the process's filter. Source: reference/security.md s.7.2.
 *
 * What is on the list is allowed; what nobody here needs and somebody else would want is refused
 * (EPERM); everything else answers that there is no such call (ENOSYS): that is what makes a C
 * library which tries something newer first (clone3, openat2, io_uring) fall back to what is on the
 * list. Nothing is killed. The lists hold what glibc and musl use, on 64 and 32 bits; names that do
 * not exist on a machine are skipped.
 */
#include "serve/harden_impl.h"

#include <errno.h>

#if RKD_HAS_SANDBOX && defined(RKD_HAVE_SECCOMP)

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
/* For whatever arguments. */
static const char *const allowed[] = {
    /* sockets and loops */
    "accept", "accept4", "bind", "connect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "eventfd2", "getpeername", "getsockname", "getsockopt", "inotify_add_watch",
    "inotify_init1", "inotify_rm_watch", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6",
    "pselect6_time64", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "select", "shutdown",
    "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64",
    /* files: which ones is Landlock's business */
    "_llseek", "access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
    "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "getcwd", "getdents64", "lseek",
    "lstat", "lstat64", "newfstatat", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat",
    "readv", "stat", "stat64", "statfs", "statfs64", "statx", "unlink", "unlinkat", "write", "writev",
    /* memory */
    "brk", "madvise", "mlock", "mlock2", "mremap", "munlock", "munmap",
    /* threads, time, oneself */
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "exit", "exit_group", "futex", "futex_time64", "get_robust_list", "getcpu", "getegid",
    "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrusage", "gettid", "gettimeofday", "getuid",
    "membarrier", "nanosleep", "pause", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "set_robust_list",
    "set_tid_address", "sigaltstack", "sigreturn", "sysinfo", "time", "times", "ugetrlimit", "uname",
};

/* Named, so that whoever tries one is told that it is forbidden, and the list above does not grow over one unseen. */
static const char *const refused[] = {
    "acct", "add_key", "adjtimex", "bpf", "capset", "chroot", "clock_adjtime", "clock_settime", "delete_module",
    "execve", "execveat", "finit_module", "fork", "fsmount", "fsopen", "fspick", "init_module", "ioperm", "iopl",
    "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "memfd_create", "memfd_secret",
    "mknod", "mknodat", "modify_ldt", "mount", "mount_setattr", "move_mount", "name_to_handle_at",
    "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pidfd_open",
    "pidfd_send_signal", "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
    "quotactl", "reboot", "request_key", "seccomp", "setgid", "setgroups", "setns", "setregid", "setresgid",
    "setresuid", "setreuid", "settimeofday", "setuid", "swapoff", "swapon", "syslog", "umount2", "unshare",
    "userfaultfd", "vfork",
};

#define EQUAL(n, value) {.arg = (n), .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)(value)}
#define OTHER(n, value) {.arg = (n), .op = SCMP_CMP_NE, .datum_a = (scmp_datum_t)(value)}
#define MASKED(n, mask, value) \
    {.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (scmp_datum_t)(mask), .datum_b = (scmp_datum_t)(value)}
/* clang-format on */

/* For these arguments only; a call may stand here more than once. */
struct conditional {
    const char *name;
    unsigned count;
    struct scmp_arg_cmp args[3];
};

enum {
    TYPE_MASK = 0xf, /* of socket(2): the rest are flags */
    NEW_SPACES = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
                 CLONE_NEWUSER | CLONE_NEWUTS,
    OPENS_TO_WRITE = O_ACCMODE | O_CREAT | O_TRUNC,
    SET_VMA = 0x53564d41, /* PR_SET_VMA: a name for memory */
#ifdef __s390__
    CLONE_FLAGS = 1,
#else
    CLONE_FLAGS = 0,
#endif
};

static const struct conditional conditionals[] = {
    /* threads, never processes */
    {"clone", 1, {MASKED(CLONE_FLAGS, CLONE_THREAD | NEW_SPACES, CLONE_THREAD)}},
    /* memory is written to or run, not both; and nothing becomes code later */
    {"mmap", 1, {MASKED(2, PROT_EXEC, 0)}},
    {"mmap", 1, {MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)}},
    {"mmap2", 1, {MASKED(2, PROT_EXEC, 0)}},
    {"mmap2", 1, {MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)}},
    {"mprotect", 1, {MASKED(2, PROT_EXEC, 0)}},
    /* TCP and UDP: Landlock's ports are TCP's, and multipath TCP, SCTP and SMC go by them */
    {"socket", 3, {EQUAL(0, AF_INET), MASKED(1, TYPE_MASK, SOCK_STREAM), EQUAL(2, 0)}},
    {"socket", 3, {EQUAL(0, AF_INET), MASKED(1, TYPE_MASK, SOCK_STREAM), EQUAL(2, IPPROTO_TCP)}},
    {"socket", 3, {EQUAL(0, AF_INET), MASKED(1, TYPE_MASK, SOCK_DGRAM), EQUAL(2, 0)}},
    {"socket", 3, {EQUAL(0, AF_INET), MASKED(1, TYPE_MASK, SOCK_DGRAM), EQUAL(2, IPPROTO_UDP)}},
    {"socket", 3, {EQUAL(0, AF_INET6), MASKED(1, TYPE_MASK, SOCK_STREAM), EQUAL(2, 0)}},
    {"socket", 3, {EQUAL(0, AF_INET6), MASKED(1, TYPE_MASK, SOCK_STREAM), EQUAL(2, IPPROTO_TCP)}},
    {"socket", 3, {EQUAL(0, AF_INET6), MASKED(1, TYPE_MASK, SOCK_DGRAM), EQUAL(2, 0)}},
    {"socket", 3, {EQUAL(0, AF_INET6), MASKED(1, TYPE_MASK, SOCK_DGRAM), EQUAL(2, IPPROTO_UDP)}},
    {"socket", 1, {EQUAL(0, AF_UNIX)}},
    /* NETLINK_ROUTE: name resolution asks which addresses this machine has */
    {"socket", 2, {EQUAL(0, AF_NETLINK), EQUAL(2, 0)}},
    {"socketpair", 1, {EQUAL(0, AF_UNIX)}},
    /* no protocols of the kernel's on top of TCP, such as its TLS */
    {"setsockopt", 1, {EQUAL(1, SOL_SOCKET)}},
    {"setsockopt", 2, {EQUAL(1, IPPROTO_TCP), OTHER(2, TCP_ULP)}},
    {"setsockopt", 1, {EQUAL(1, IPPROTO_IP)}},
    {"setsockopt", 1, {EQUAL(1, IPPROTO_IPV6)}},
    /* not with TCP Fast Open, which connects without asking Landlock */
    {"send", 1, {MASKED(3, MSG_FASTOPEN, 0)}},
    {"sendto", 1, {MASKED(3, MSG_FASTOPEN, 0)}},
    {"sendmsg", 1, {MASKED(2, MSG_FASTOPEN, 0)}},
    {"sendmmsg", 1, {MASKED(3, MSG_FASTOPEN, 0)}},
    {"ioctl", 1, {EQUAL(1, FIONBIO)}},
    {"ioctl", 1, {EQUAL(1, FIONREAD)}},
    {"ioctl", 1, {EQUAL(1, FIOCLEX)}},
    {"ioctl", 1, {EQUAL(1, TCGETS)}},
    {"ioctl", 1, {EQUAL(1, TIOCGWINSZ)}}, /* what musl asks of a terminal */
    {"prctl", 1, {EQUAL(0, PR_SET_NAME)}},
    {"prctl", 1, {EQUAL(0, PR_GET_NAME)}},
    {"prctl", 1, {EQUAL(0, SET_VMA)}},
    /* limits are read, of oneself */
    {"prlimit64", 2, {EQUAL(0, 0), EQUAL(2, 0)}},
    {.name = "getrlimit"},
};

/* Unless there is an audit log: also where there is no Landlock nothing is opened for writing. */
static const struct conditional read_only[] = {
    {"open", 1, {MASKED(1, OPENS_TO_WRITE, 0)}},
    {"openat", 1, {MASKED(2, OPENS_TO_WRITE, 0)}},
};
static const struct conditional read_write[] = {{.name = "open"}, {.name = "openat"}};

/* Not F_SETOWN and F_SETSIG: they have the kernel send any signal to any process of this user. */
static const int controls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL,
                               F_SETFL, F_GETLK,         F_SETLK, F_SETLKW};

/* ---- the filter ---- */

/* -EDOM and -EFAULT: this machine has no such call. */
static int add(scmp_filter_ctx filter, uint32_t action, const struct conditional *call)
{
    const int number = seccomp_syscall_resolve_name(call->name);
    int failed;

    if (number == __NR_SCMP_ERROR)
        return 0;
    failed = seccomp_rule_add_array(filter, action, number, call->count, call->args);
    return failed == -EDOM || failed == -EFAULT ? 0 : failed;
}

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    int failed = 0;

    for (size_t i = 0; i < count && failed == 0; i++) {
        const struct conditional whatever = {.name = names[i]};

        failed = add(filter, action, &whatever);
    }
    return failed;
}

static int add_conditionals(scmp_filter_ctx filter, const struct conditional *calls, size_t count)
{
    int failed = 0;

    for (size_t i = 0; i < count && failed == 0; i++)
        failed = add(filter, SCMP_ACT_ALLOW, &calls[i]);
    return failed;
}

static int add_controls(scmp_filter_ctx filter)
{
    int failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(controls) && failed == 0; i++) {
        const struct conditional calls[] = {{"fcntl", 1, {EQUAL(1, controls[i])}},
                                            {"fcntl64", 1, {EQUAL(1, controls[i])}}};

        failed = add_conditionals(filter, calls, ARRAY_LEN(calls));
    }
    return failed;
}

/* abort() and raise(), and a thread that asks for the end: to this process alone. */
static int add_own_signals(scmp_filter_ctx filter)
{
    const struct conditional own[] = {
        {"tgkill", 1, {EQUAL(0, getpid())}},
        {"kill", 1, {EQUAL(0, getpid())}},
    };
    int failed = add_conditionals(filter, own, ARRAY_LEN(own));
#ifndef __GLIBC__ /* musl's way; Landlock's scope keeps it inside */
    const struct conditional any = {.name = "tkill"};

    if (failed == 0)
        failed = add(filter, SCMP_ACT_ALLOW, &any);
#endif
    return failed;
}

static int set_up(scmp_filter_ctx filter)
{
    /* a call by another architecture's numbers is refused as well, not killed */
    const int failed =
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO((uint32_t)EPERM));

    /* Each may be missing: there is one thread by now; without the tree the filter is slower. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return failed;
}

/* What libseccomp returns is not always what the kernel said. */
static int load(scmp_filter_ctx filter)
{
    int failed;

    errno = 0;
    failed = seccomp_load(filter);
    return failed != 0 && errno != 0 ? -errno : failed;
}

enum rkd_held rkd_seal_calls(bool may_write, int *out_error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO((uint32_t)ENOSYS));
    int failed = filter == NULL ? -ENOMEM : set_up(filter);

    if (failed == 0)
        failed = add_names(filter, SCMP_ACT_ALLOW, allowed, ARRAY_LEN(allowed));
    if (failed == 0)
        failed = add_names(filter, SCMP_ACT_ERRNO((uint32_t)EPERM), refused, ARRAY_LEN(refused));
    if (failed == 0)
        failed = add_conditionals(filter, conditionals, ARRAY_LEN(conditionals));
    if (failed == 0)
        failed = add_conditionals(filter, may_write ? read_write : read_only, ARRAY_LEN(read_only));
    if (failed == 0)
        failed = add_controls(filter);
    if (failed == 0)
        failed = add_own_signals(filter);
    if (failed == 0)
        failed = load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    *out_error = -failed;
    return failed == 0 ? RKD_HELD_ON : RKD_HELD_REFUSED;
}

#else

enum rkd_held rkd_seal_calls(bool may_write, int *out_error)
{
    (void)may_write;
    (void)out_error;
    return RKD_HELD_UNAVAILABLE;
}

#endif
