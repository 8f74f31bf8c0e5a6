/*
 * shim_inside.c - for LD_PRELOAD: from inside a process, on each of its threads, tries what nobody
 * should be able to do there.
 *
 * RK_TEST_GO is a file of one byte, mapped: once it is not zero every thread that comes by epoll,
 * poll or writev tries everything, once, and writes a line "TID NAME ERRNO" for each to descriptor
 * RK_TEST_OUT; errno 0 means that it worked. With RK_TEST_NOW it tries at once, in whatever program
 * this is: that shows what the same tries do where nothing is forbidden.
 * RK_TEST_INSIDE is a file it should be able to read, RK_TEST_OUTSIDE one it should not,
 * RK_TEST_PORT a port where somebody listens. Never ships.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const volatile char *go;
static int out = -1;
static __thread int has_tried;

static void tell(const char *name, long result)
{
    char line[96];
    const int len = snprintf(line, sizeof(line), "%d %s %d\n", (int)syscall(SYS_gettid), name,
                             result < 0 ? errno : 0);

    (void)!write(out, line, (size_t)len);
}

static void try_file(const char *name, const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);

    tell(name, fd);
    if (fd >= 0)
        close(fd);
}

static void try_socket(const char *name, int family, int type, int protocol)
{
    const int fd = socket(family, type, protocol);

    tell(name, fd);
    if (fd >= 0)
        close(fd);
}

static void try_tcp(const char *name, uint16_t port, int binds)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    tell(name, binds ? bind(fd, (struct sockaddr *)&addr, sizeof(addr))
                     : connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
    close(fd);
}

/* Ways to a port and to a listener that ask neither connect nor bind. */
static void try_tcp_otherwise(uint16_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct iovec iov = {&addr, 1};
    struct msghdr message = {
        .msg_name = &addr, .msg_namelen = sizeof(addr), .msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};

    tell("fast-open",
         sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&addr, sizeof(addr)));
    tell("fast-open-message", sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL));
    tell("fast-open-messages", sendmmsg(fd, &messages, 1, MSG_FASTOPEN | MSG_NOSIGNAL));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tell("listen", listen(fd, 1));
    tell("attach-filter",
         setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
                    &(struct sock_fprog){1, &(struct sock_filter){BPF_RET | BPF_K, 0, 0, 1}},
                    sizeof(struct sock_fprog)));
    tell("kernel-tls", setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4));
    tell("no-delay", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
    tell("own-signals", fcntl(fd, F_SETOWN, getppid()));
    close(fd);
}

static void try_files(void)
{
    const char *outside = getenv("RK_TEST_OUTSIDE"), *inside = getenv("RK_TEST_INSIDE");
    char beside[4096];

    try_file("read-inside", inside, O_RDONLY);
    try_file("write-inside", inside, O_WRONLY);
    try_file("read-outside", outside, O_RDONLY);
    try_file("write-outside", outside, O_WRONLY);
    try_file("read-shell", "/bin/sh", O_RDONLY);
    try_file("read-other-process", "/proc/1/status", O_RDONLY);
    try_file("list-outside", "/root", O_RDONLY | O_DIRECTORY);
    (void)snprintf(beside, sizeof(beside), "%s.made", outside);
    try_file("make-outside", beside, O_WRONLY | O_CREAT);
    (void)snprintf(beside, sizeof(beside), "%s.made", inside);
    try_file("make-inside", beside, O_WRONLY | O_CREAT);
    tell("unlink-outside", unlink(outside));
    tell("rename-inside", rename(inside, beside));
    tell("chmod-inside", chmod(inside, 0666));
}

static void try_memory(void)
{
    void *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    tell("map-writable-code", map == MAP_FAILED ? -1 : 0);
    tell("make-code", mprotect(plain, 4096, PROT_READ | PROT_EXEC));
    munmap(plain, 4096);
}

static void try_processes(void)
{
    const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    char byte;
    struct iovec iov = {&byte, 1};

    if (child == 0)
        syscall(SYS_exit_group, 0);
    tell("fork", child);
    tell("ptrace", ptrace(PTRACE_SEIZE, getppid(), 0, 0));
    tell("process-vm-readv", syscall(SYS_process_vm_readv, getppid(), &iov, 1, &iov, 1, 0));
    tell("kill", kill(getppid(), 0));
    tell("kill-itself", kill(getpid(), 0));
    tell("tgkill", syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static void try_kernel(void)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {
        {"unshare", SYS_unshare},
        {"setns", SYS_setns},
        {"mount", SYS_mount},
        {"bpf", SYS_bpf},
        {"keyctl", SYS_keyctl},
        {"perf-event-open", SYS_perf_event_open},
        {"userfaultfd", SYS_userfaultfd},
        {"kexec-load", SYS_kexec_load},
        {"init-module", SYS_init_module},
        {"delete-module", SYS_delete_module},
        {"seccomp", SYS_seccomp},
        {"chroot", SYS_chroot},
        {"setuid", SYS_setuid},
        {"io-uring-setup", SYS_io_uring_setup},
        {"clone3", SYS_clone3},
        {"memfd-create", SYS_memfd_create},
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        tell(calls[i].name, syscall(calls[i].number, -1, -1, -1, -1, -1, -1));
    tell("become-dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    tell("raise-limits", setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
}

static void try_all(void)
{
    const char *port = getenv("RK_TEST_PORT");
    char *const argv[] = {(char *)"true", NULL};

    has_tried = 1;
    try_files();
    try_memory();
    try_processes();
    try_socket("packet-socket", AF_PACKET, SOCK_RAW, 0);
    try_socket("raw-socket", AF_INET, SOCK_RAW, 0);
    try_socket("vsock", AF_VSOCK, SOCK_STREAM, 0);
    try_socket("multipath-socket", AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    try_socket("ping-socket", AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    try_socket("stream-socket", AF_INET6, SOCK_STREAM, 0);
    try_socket("tcp-socket", AF_INET, SOCK_STREAM, IPPROTO_TCP);
    try_socket("udp-socket", AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    try_tcp("bind", 0, 1);
    try_tcp("connect", (uint16_t)strtoul(port, NULL, 10), 0);
    try_tcp_otherwise((uint16_t)strtoul(port, NULL, 10));
    if (go != NULL) {
        try_kernel();
        tell("execve", execve("/bin/true", argv, argv + 1));
        tell("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1, 0));
    }
    tell("end", 0);
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("RK_TEST_GO"), *text = getenv("RK_TEST_OUT");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

    if (text != NULL)
        out = (int)strtol(text, NULL, 10);
    if (fd >= 0)
        close(fd);
    if (map != MAP_FAILED)
        go = map;
    else if (getenv("RK_TEST_NOW") != NULL)
        try_all();
}

static void look(void)
{
    if (!has_tried && go != NULL && *go != 0)
        try_all();
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
    look();
    return (int)syscall(SYS_epoll_wait, epfd, events, max, timeout);
}

int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *set)
{
    look();
    return (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout, set, 8);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    look();
    return (int)syscall(SYS_poll, fds, count, timeout);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    look();
    return syscall(SYS_writev, fd, pieces, count);
}
