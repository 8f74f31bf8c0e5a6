/*
 * listen.c - where to listen: by flag, by ROOMKEY_LISTEN, or where the host that starts us says.
 *
 * May touch: its arguments. Opens nothing; descriptors handed over are looked at by net.
 */
#include "config/addr.h"
#include "config/read.h"

enum { FIRST_INHERITED_FD = 3 }; /* sd_listen_fds(3) */

static const uint8_t any_v4[16] = {[10] = 0xff, [11] = 0xff};
static const uint8_t loopback_v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

static const char expected_address[] =
    "expected ADDRESS:PORT like 127.0.0.1:7071 or [::1]:7071, or unix:/path/of/socket";

static struct rkd_addr addr_v4(const uint8_t bytes[static 16])
{
    struct rkd_addr addr = {.is_v4 = true, .is_set = true};

    memcpy(addr.bytes, bytes, sizeof(addr.bytes));
    return addr;
}

static bool parse_unix(struct rk_str path, struct rkd_listen *out)
{
    if (path.len < 2 || path.len > RKD_UNIX_PATH_MAX || path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] < ' ' || path.ptr[i] == 0x7f)
            return false;
    *out = (struct rkd_listen){.kind = RKD_LISTEN_UNIX, .fd = -1};
    memcpy(out->path, path.ptr, path.len);
    return true;
}

/* "v4:port", "localhost:port", "[v6]:port". Brackets around IPv4, or none around IPv6, are refused:
 * 1::2:80 could be either. */
static bool parse_tcp(struct rk_str text, struct rkd_listen *out)
{
    const bool has_brackets = text.len != 0 && text.ptr[0] == '[';
    struct rk_str host, port;
    struct rkd_addr addr;
    uint64_t number;

    if (has_brackets) {
        rkd_str_cut(rki_str(text.ptr + 1, text.len - 1), ']', &host, &port);
        if (port.len == 0 || port.ptr[0] != ':')
            return false;
        port = rki_str(port.ptr + 1, port.len - 1);
    } else {
        rkd_str_cut(text, ':', &host, &port);
    }
    if (!rkd_number_parse(port, 65535, &number))
        return false;
    if (!has_brackets && rki_str_equal(host, RK_STR("localhost")))
        addr = addr_v4(loopback_v4); /* a name, but one that needs no resolver */
    else if (rkd_addr_parse(host, &addr) != RK_OK || addr.is_v4 == has_brackets)
        return false;
    *out = (struct rkd_listen){
        .kind = RKD_LISTEN_TCP, .addr = addr, .port = (uint16_t)number, .fd = -1};
    return true;
}

enum rk_err rkd_listen_add(const struct rkd_read *read, struct rk_str list,
                           struct rkd_listen out[static RKD_LISTEN_MAX], size_t *count)
{
    static const struct rk_str unix_prefix = RK_STR_INIT("unix:");
    struct rk_str rest = list, entry;

    for (size_t n = 0; rkd_list_next(&rest, ',', &entry); n++) {
        bool is_good;

        if (*count == RKD_LISTEN_MAX)
            return rkd_read_fail(read, "expected at most 16 addresses");
        if (rki_str_starts_with(entry, unix_prefix))
            is_good = parse_unix(rki_str(entry.ptr + unix_prefix.len, entry.len - unix_prefix.len),
                                 &out[*count]);
        else
            is_good = parse_tcp(entry, &out[*count]);
        if (!is_good)
            return rkd_read_fail_at(read, n, expected_address);
        (*count)++;
    }
    return RK_OK;
}

bool rkd_listen_is_loopback(const struct rkd_listen *listen)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};

    if (listen->kind != RKD_LISTEN_TCP)
        return false;
    if (listen->addr.is_v4)
        return listen->addr.bytes[12] == 127;
    return memcmp(listen->addr.bytes, loopback_v6, sizeof(loopback_v6)) == 0;
}

/* systemd's descriptors, if they are meant for this very process. *count stays 0 when not. */
static enum rk_err add_inherited(struct rkd_read *read, struct rkd_listen *out, size_t *count)
{
    const struct rk_str pid = rkd_env_get(read->env, "LISTEN_PID");
    const struct rk_str fds = rkd_env_get(read->env, "LISTEN_FDS");
    uint64_t number = 0;

    if (pid.len == 0 || fds.len == 0 || read->env->pid <= 0 ||
        !rkd_number_parse(pid, INT32_MAX, &number) || number != (uint64_t)read->env->pid)
        return RK_OK; /* left over from a parent: sd_listen_fds(3) ignores it too */
    read->name = "LISTEN_FDS";
    if (!rkd_number_parse(fds, RKD_LISTEN_MAX, &number))
        return rkd_read_fail(read, "expected a number of descriptors, at most 16");
    for (size_t i = 0; i < number; i++)
        out[(*count)++] =
            (struct rkd_listen){.kind = RKD_LISTEN_INHERITED, .fd = FIRST_INHERITED_FD + (int)i};
    return RK_OK;
}

/* hosting.md s.0: the order in which ports of the host count, and what to bind for each. */
static enum rk_err add_from_host(struct rkd_read *read, struct rkd_listen *out, size_t *count)
{
    static const struct {
        const char *name;
        const uint8_t *bind;
    } ports[] = {
        {"FUNCTIONS_CUSTOMHANDLER_PORT",
         loopback_v4}, /* these two connect from this machine only */
        {"AWS_LWA_PORT", loopback_v4},
        {"PORT", any_v4}, /* Cloud Run and its like come from outside */
    };
    enum rk_err err = add_inherited(read, out, count);
    uint64_t port = 7071;
    const uint8_t *bind = loopback_v4;

    if (err != RK_OK || *count != 0)
        return err;
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const struct rk_str value = rkd_env_get(read->env, ports[i].name);

        if (value.len == 0)
            continue;
        read->name = ports[i].name;
        if (!rkd_number_parse(value, 65535, &port) || port == 0)
            return rkd_read_fail(read, "expected a port from 1 to 65535");
        bind = ports[i].bind;
        break;
    }
    out[0] = (struct rkd_listen){
        .kind = RKD_LISTEN_TCP, .addr = addr_v4(bind), .port = (uint16_t)port, .fd = -1};
    *count = 1;
    return RK_OK;
}

static enum rk_err check_loopback(struct rkd_read *read, const struct rkd_listen *listen,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!rkd_listen_is_loopback(&listen[i]))
            return rkd_read_fail(read, "roomkey dev listens on loopback only: expected 127.0.0.1 "
                                       "or [::1] and a port");
    return RK_OK;
}

enum rk_err rkd_listen_read(const struct rkd_env *env, const struct rkd_flags *flags,
                            struct rkd_listen out[static RKD_LISTEN_MAX], size_t *out_count,
                            struct rk_diag *out_diag)
{
    static char *const no_entries[] = {NULL};
    static const struct rkd_env nothing = {.entries = no_entries};
    struct rkd_read read = {.env = env, .diag = out_diag, .name = "--listen"};
    const struct rk_str value = rkd_env_get(env, "ROOMKEY_LISTEN");
    enum rk_err err = RK_OK;
    size_t count = 0;

    for (size_t i = 0; i < flags->listen_count && err == RK_OK; i++)
        err = rkd_listen_add(&read, rki_cstr(flags->listen[i]), out, &count);
    if (err == RK_OK && value.ptr != NULL && flags->listen_count == 0) {
        read.name = "ROOMKEY_LISTEN";
        err = rkd_listen_add(&read, value, out, &count);
    }
    if (err == RK_OK && count == 0) {
        if (flags->dev) /* dev is started by people: what a host would say means nothing to it */
            read.env = &nothing;
        err = add_from_host(&read, out, &count);
    }
    if (err == RK_OK && flags->dev)
        err = check_loopback(&read, out, count);
    if (err == RK_OK)
        *out_count = count;
    return err;
}
