/*
 * harden_files.c - Landlock: which files and ports the process may still reach.
 *
 * May touch: the calling thread, which every later one descends from; paths are opened, never read.
 *
 * A rule holds for what a path led to when it was made: a directory stays good while files in it
 * are replaced by rename or by a swapped link, a file does not survive that. So rules are made on
 * directories wherever somebody may replace what is in them. A path that is not there is no rule.
 * The numbers are those of linux/landlock.h, whose copy on the building machine may be older than
 * the kernel.
 */
#include "serve/harden_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if RKD_HAS_SANDBOX && !defined(__alpha__) /* which numbers its calls otherwise */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { RULE_PATH = 1, RULE_PORT = 2, VERSION_FLAG = 1, ABI_KNOWN = 6 };

/* access to files */
#define EXECUTE (UINT64_C(1) << 0)
#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_REG (UINT64_C(1) << 8)
#define TRUNCATE (UINT64_C(1) << 14)
#define OF_A_FILE (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)
#define READ (READ_FILE | READ_DIR)
/* access to the net */
#define BIND_TCP (UINT64_C(1) << 0)
#define CONNECT_TCP (UINT64_C(1) << 1)
/* scopes */
#define ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define SIGNALS (UINT64_C(1) << 1)

struct ruleset_attr {
    uint64_t files, net, scoped;
};

struct path_attr {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed)); /* the kernel's is */

struct port_attr {
    uint64_t allowed, port;
};

/* What each ABI added to what can be handled: all of it is, so that nothing is left open. */
static const struct {
    uint64_t files, net, scoped;
    size_t size; /* of the attributes this ABI knows */
} abis[ABI_KNOWN + 1] = {
    [1] = {.files = (UINT64_C(1) << 13) - 1, .size = 8},
    [2] = {.files = (UINT64_C(1) << 14) - 1, .size = 8},
    [3] = {.files = (UINT64_C(1) << 15) - 1, .size = 8},
    [4] = {.files = (UINT64_C(1) << 15) - 1, .net = BIND_TCP | CONNECT_TCP, .size = 16},
    [5] = {.files = (UINT64_C(1) << 16) - 1, .net = BIND_TCP | CONNECT_TCP, .size = 16},
    [6] = {.files = (UINT64_C(1) << 16) - 1,
           .net = BIND_TCP | CONNECT_TCP,
           .scoped = ABSTRACT_SOCKETS | SIGNALS,
           .size = 24},
};

struct jail {
    int fd;
    uint64_t handled;
};

/* ---- rules ---- */

static bool is_same(const struct stat *st, const char *path)
{
    struct stat other;

    return stat(path, &other) == 0 && st->st_dev == other.st_dev && st->st_ino == other.st_ino;
}

static void allow(const struct jail *jail, const char *path, uint64_t access)
{
    struct path_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat st;

    if (rule.parent_fd < 0)
        return;
    /* a rule on the root would be one on everything */
    if (fstat(rule.parent_fd, &st) == 0 && !is_same(&st, "/")) {
        rule.allowed = access & jail->handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : OF_A_FILE);
        if (rule.allowed != 0) /* failing, it stays forbidden */
            (void)syscall(SYS_landlock_add_rule, jail->fd, RULE_PATH, &rule, 0);
    }
    (void)close(rule.parent_fd);
}

/* The directory `path` lies in. False: its name is too long. */
static bool dir_of(const char *path, char out[static PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= PATH_MAX)
        return false;
    memcpy(out, path, len);
    out[len] = '\0';
    if (len == 0)
        memcpy(out, slash == NULL ? "." : "/", sizeof("/"));
    return true;
}

/* The directory `path` lies in; of what lies in the root itself, whatever name it goes by, the file
 * alone. */
static void allow_dir_of(const struct jail *jail, const char *path, uint64_t access)
{
    char dir[PATH_MAX];
    struct stat st;

    allow(jail, !dir_of(path, dir) || (stat(dir, &st) == 0 && is_same(&st, "/")) ? path : dir,
          access);
}

/* Where it lies, and where it really lies when links lead elsewhere. */
static void allow_around(const struct jail *jail, const char *path, uint64_t access)
{
    char real[PATH_MAX];

    allow_dir_of(jail, path, access);
    if (realpath(path, real) != NULL)
        allow_dir_of(jail, real, access);
}

/* ---- what the configuration names ---- */

static void allow_audit(const struct jail *jail, const char *path)
{
    const uint64_t access = READ_FILE | WRITE_FILE | MAKE_REG; /* the end of a torn line is read */
    char real[PATH_MAX];
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        if (realpath(path, real) == NULL)
            return; /* a pipe behind /dev/stdout, which Landlock lets pass */
        path = real;
    }
    if (lstat(path, &st) == 0 && S_ISCHR(st.st_mode))
        allow(jail, path, access); /* not all of /dev */
    else
        allow_dir_of(jail, path, access);
}

/* The path of a Unix socket goes when the service ends. */
static void allow_removal(const struct jail *jail, const struct rkd_listen *listen)
{
    if (listen->kind == RKD_LISTEN_UNIX)
        allow_dir_of(jail, listen->path, REMOVE_FILE);
}

static void allow_configuration(const struct jail *jail, const struct rkd_settings *settings)
{
    for (const struct rkd_named_file *at = settings->files; at != NULL; at = at->next)
        allow_around(jail, at->path.ptr, READ_FILE);
    if (settings->audit.file.len != 0)
        allow_audit(jail, settings->audit.file.ptr);
    for (size_t i = 0; i < settings->listen_count; i++)
        allow_removal(jail, &settings->listen[i]);
    if (settings->has_admin_listen)
        allow_removal(jail, &settings->admin_listen);
}

/* ---- what libraries open late ---- */

static int allow_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    if (info->dlpi_name != NULL && info->dlpi_name[0] == '/')
        allow_dir_of(ctx, info->dlpi_name, READ_FILE);
    return 0;
}

/* libcurl is loaded by the first fetch, the modules of name resolution by the first lookup. */
static void allow_libraries(const struct jail *jail)
{
    static const char *const dirs[] = {"/lib",           "/lib64",     "/usr/lib",  "/usr/lib64",
                                       "/usr/local/lib", "/nix/store", "/gnu/store"};
    struct jail copy = *jail;

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        allow(jail, dirs[i], READ_FILE);
    allow(jail, "/etc/ld.so.cache", READ_FILE);
    (void)dl_iterate_phdr(allow_library, &copy);
}

/* Root, or who has root's rights or group: what others keep in /etc is closed to everybody else. */
static bool reads_secrets_of_etc(void)
{
    return geteuid() == 0 || faccessat(AT_FDCWD, "/etc/shadow", R_OK, AT_EACCESS) == 0;
}

/* A certificate among secrets that this process could read: the file alone, so that whoever
 * replaces it starts roomkey again. */
static void allow_certificate(const struct jail *jail, const char *path)
{
    static const char *const shared[] = {"/etc", "/etc/ssl", "/etc/pki", "/etc/pki/tls"};
    const bool is_careful = reads_secrets_of_etc();
    bool is_shared = false;
    char dir[PATH_MAX];
    struct stat st;

    if (is_careful && dir_of(path, dir) && stat(dir, &st) == 0)
        for (size_t i = 0; i < ARRAY_LEN(shared); i++)
            is_shared = is_shared || is_same(&st, shared[i]);
    if (is_shared)
        allow(jail, path, READ_FILE);
    else
        allow_dir_of(jail, path, READ_FILE);
}

static void allow_trust(const struct jail *jail)
{
    static const char *const places[] = {
        "/etc/ssl/certs", /* beside them, in /etc/ssl/private and /etc/pki/tls/private, lie keys */
        "/etc/ssl/openssl.cnf",
        "/etc/ssl/cert.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust",
        "/etc/pki/tls/certs",
        "/etc/pki/tls/cert.pem",
        "/etc/pki/tls/openssl.cnf",
        "/etc/pki/tls/openssl.d",
        "/etc/pki/tls/fips_local.cnf",
        "/etc/ca-certificates",
        "/etc/crypto-policies",
        "/usr/share/pki",
        "/usr/share/ca-certificates",
        "/usr/share/crypto-policies",
        "/usr/local/share/ca-certificates",
        "/var/lib/ca-certificates",
    };
    static const char *const variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        allow(jail, places[i], READ);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *path = getenv(variables[i]);
        char real[PATH_MAX];
        struct stat st;

        if (path == NULL || path[0] != '/')
            continue;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            allow(jail, path, READ);
            continue;
        }
        allow_certificate(jail, path);
        if (realpath(path, real) != NULL)
            allow_certificate(jail, real);
    }
}

/*
 * resolv.conf is rewritten while we run, by rename: each new lease of DHCP does it. A link leads to
 * a directory of its own, and a container mounts the very file; both can be told apart. For a plain
 * file of /etc the rule has to be on /etc, or the first new lease ends name resolution. Not for
 * root, to whom that would open every secret there: a file that is replaced then waits for a
 * restart, and the line at the start says so.
 */
static void allow_resolv_conf(const struct jail *jail, struct rkd_seal *seal)
{
    const char *const path = "/etc/resolv.conf";
    struct stat file, dir;

    seal->resolver = RKD_RESOLVER_FOLLOWED;
    if (lstat(path, &file) != 0)
        return;
    if (S_ISLNK(file.st_mode)) {
        char real[PATH_MAX];

        if (realpath(path, real) != NULL)
            allow_dir_of(jail, real, READ_FILE);
        return;
    }
    allow(jail, path, READ_FILE);
    if (stat("/etc", &dir) != 0 || dir.st_dev != file.st_dev)
        return; /* a mount, which nobody renames */
    if (reads_secrets_of_etc()) {
        seal->resolver = RKD_RESOLVER_FIXED;
        return;
    }
    seal->resolver = RKD_RESOLVER_ETC;
    allow(jail, "/etc", READ_FILE);
}

static void allow_resolver(const struct jail *jail, struct rkd_seal *seal)
{
    static const char *const files[] = {
        "/etc/hosts",     "/etc/nsswitch.conf", "/etc/authselect", /* where that one leads to */
        "/etc/host.conf", "/etc/gai.conf",      "/etc/services",   "/etc/protocols",
        "/etc/hostname",  "/etc/machine-id",    "/run/nscd",       "/run/systemd/resolve",
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        allow(jail, files[i], READ_FILE);
    allow_resolv_conf(jail, seal);
}

static void allow_system(const struct jail *jail)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    allow(jail, "/dev/null", READ_FILE | WRITE_FILE);
    allow(jail, "/dev/urandom", READ_FILE);
    allow(jail, "/proc/self", READ); /* its own numbers; malloc looks at the processors */
    allow(jail, "/proc/sys/crypto", READ_FILE);
    allow(jail, "/sys/devices/system/cpu", READ);
    allow(jail, "/usr/share/zoneinfo", READ_FILE);
    allow(jail, "/etc/localtime", READ_FILE);
    if (credentials != NULL && credentials[0] == '/')
        allow(jail, credentials, READ_FILE);
}

static void allow_ports(const struct jail *jail, const struct rkd_seal *seal)
{
    for (size_t i = 0; i < seal->port_count; i++) {
        const struct port_attr rule = {.allowed = CONNECT_TCP, .port = seal->ports[i]};

        (void)syscall(SYS_landlock_add_rule, jail->fd, RULE_PORT, &rule, 0);
    }
}

/* ---- the whole ---- */

/* systemd may listen for our notifications in the abstract namespace. */
static bool is_notify_abstract(void)
{
    const char *path = getenv("NOTIFY_SOCKET");

    return path != NULL && path[0] == '@';
}

static enum rkd_held refused(int *out_error)
{
    *out_error = errno;
    return errno == ENOSYS || errno == EOPNOTSUPP ? RKD_HELD_UNAVAILABLE : RKD_HELD_REFUSED;
}

static enum rkd_held enter(const struct jail *jail, int *out_error)
{
    return syscall(SYS_landlock_restrict_self, jail->fd, 0) == 0 ? RKD_HELD_ON : refused(out_error);
}

enum rkd_held rkd_seal_files(const struct rkd_settings *settings, bool goes_out,
                             struct rkd_seal *seal, int *out_error)
{
    const long found = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
    const size_t abi = found > ABI_KNOWN ? ABI_KNOWN : (size_t)(found < 0 ? 0 : found);
    const bool can_limit_ports = seal->limits_ports && abis[abi].net != 0;
    struct ruleset_attr attr = {abis[abi].files, abis[abi].net, abis[abi].scoped};
    struct jail jail = {.handled = attr.files};
    enum rkd_held held;

    seal->limits_ports = false;
    if (abi == 0)
        return refused(out_error);
    if (!can_limit_ports)
        attr.net &= ~CONNECT_TCP;
    if (is_notify_abstract())
        attr.scoped &= ~ABSTRACT_SOCKETS;
    jail.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, abis[abi].size, 0);
    if (jail.fd < 0)
        return refused(out_error);
    allow_configuration(&jail, settings);
    allow_system(&jail);
    if (goes_out) {
        allow_libraries(&jail);
        allow_trust(&jail);
        allow_resolver(&jail, seal);
    }
    if (can_limit_ports)
        allow_ports(&jail, seal);
    held = enter(&jail, out_error);
    (void)close(jail.fd);
    if (held == RKD_HELD_ON) {
        seal->abi = (unsigned)abi;
        seal->limits_ports = can_limit_ports;
    }
    return held;
}

#else

enum rkd_held rkd_seal_files(const struct rkd_settings *settings, bool goes_out,
                             struct rkd_seal *seal, int *out_error)
{
    (void)settings;
    (void)goes_out;
    (void)out_error;
    seal->limits_ports = false;
    return RKD_HELD_UNAVAILABLE;
}

#endif
