/*
 * listen.c - where to listen: by flag, by ROOMKEY_LISTEN, or where the host that starts us says.
 *
 * May touch: its arguments. Opens nothing; descriptors handed over are looked at by net.
 */
#include "config/addr.h"
#include "config/local.h"
#include "config/read.h"

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

bool rkd_listen_parse(struct rk_str text, struct rkd_listen *out)
{
    static const struct rk_str unix_prefix = RK_STR_INIT("unix:");

    return rki_str_starts_with(text, unix_prefix)
               ? parse_unix(rki_str(text.ptr + unix_prefix.len, text.len - unix_prefix.len), out)
               : parse_tcp(text, out);
}

/* Behind those that are there: several --listen add up. */
static enum rk_err add_listen(struct rkd_read *read, const struct rkd_value *value,
                              struct rkd_settings *out)
{
    size_t count;
    const struct rkd_value *items = rkd_value_items(value, &count);

    if (items == NULL || count == 0)
        return rkd_read_fail(read, value, "expected an address or a list of them");
    if (count > RKD_LISTEN_MAX - out->listen_count)
        return rkd_read_fail(read, value, "expected at most 16 addresses");
    for (size_t i = 0; i < count; i++) {
        if (!rkd_listen_parse(rkd_value_word(&items[i]), &out->listen[out->listen_count]))
            return rkd_read_fail(read, &items[i], expected_address);
        out->listen_count++;
    }
    read->marks.listen = value->at;
    return RK_OK;
}

enum rk_err rkd_read_listen(struct rkd_read *read, const struct rkd_value *value, void *target)
{
    struct rkd_settings *out = target;

    out->listen_count = 0;
    return add_listen(read, value, out);
}

enum rk_err rkd_read_admin_listen(struct rkd_read *read, const struct rkd_value *value,
                                  void *target)
{
    struct rkd_settings *out = target;

    if (!rkd_listen_parse(rkd_value_word(value), &out->admin_listen))
        return rkd_read_fail(read, value, expected_address);
    out->has_admin_listen = true;
    read->marks.admin_listen = value->at;
    return RK_OK;
}

bool rkd_listen_equal(const struct rkd_listen *a, const struct rkd_listen *b)
{
    return a->kind == b->kind && a->port == b->port && a->fd == b->fd &&
           rkd_addr_equal(&a->addr, &b->addr) && strcmp(a->path, b->path) == 0;
}

/* Port 0 is another port each time. */
static bool is_admin_taken(const struct rkd_settings *out)
{
    const bool is_fixed = out->admin_listen.kind != RKD_LISTEN_TCP || out->admin_listen.port != 0;
    bool is_taken = false;

    for (size_t i = 0; i < out->listen_count && out->has_admin_listen && is_fixed; i++)
        is_taken = is_taken || rkd_listen_equal(&out->listen[i], &out->admin_listen);
    return is_taken;
}

bool rkd_listen_is_loopback(const struct rkd_listen *listen)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};

    if (listen->kind == RKD_LISTEN_UNIX)
        return false;
    if (listen->addr.is_v4)
        return listen->addr.bytes[12] == 127;
    return memcmp(listen->addr.bytes, loopback_v6, sizeof(loopback_v6)) == 0;
}

/* The descriptor that is named admin. The names may be fewer than the descriptors. */
static enum rk_err find_admin(struct rkd_read *read, struct rk_str names, struct rkd_settings *out)
{
    const struct rkd_pos at = {.file = "LISTEN_FDNAMES"};
    struct rk_str name;

    for (unsigned i = 0; i < out->inherited; i++) {
        rkd_str_cut(names, ':', &name, &names);
        if (!rki_str_equal(name, RK_STR("admin")))
            continue;
        if (out->inherited_admin != 0)
            return rkd_read_fail_at(read, at, rki_str(NULL, 0),
                                    "expected at most one descriptor named admin");
        out->inherited_admin = RKD_INHERITED_FIRST + (int)i;
    }
    return RK_OK;
}

/* systemd's descriptors, if they are meant for this very process. None are added when not. */
static enum rk_err count_inherited(struct rkd_read *read, const struct rkd_env *env,
                                   struct rkd_settings *out)
{
    const struct rkd_pos at = {.file = "LISTEN_FDS"};
    const struct rk_str pid = rkd_env_get(env, "LISTEN_PID");
    const struct rk_str fds = rkd_env_get(env, "LISTEN_FDS");
    uint64_t number = 0;

    if (pid.len == 0 || fds.len == 0 || env->pid <= 0 ||
        !rkd_number_parse(pid, INT32_MAX, &number) || number != (uint64_t)env->pid)
        return RK_OK; /* left over from a parent: sd_listen_fds(3) ignores it too */
    if (!rkd_number_parse(fds, RKD_LISTEN_MAX, &number))
        return rkd_read_fail_at(read, at, rki_str(NULL, 0),
                                "expected a number of descriptors, at most 16");
    out->inherited = (unsigned)number;
    return find_admin(read, rkd_env_get(env, "LISTEN_FDNAMES"), out);
}

/* All but admin's to the public. Which of them lies at admin_listen is net's to find out. */
static void serve_inherited(struct rkd_settings *out)
{
    for (int i = 0; i < (int)out->inherited; i++)
        if (RKD_INHERITED_FIRST + i != out->inherited_admin)
            out->listen[out->listen_count++] =
                (struct rkd_listen){.kind = RKD_LISTEN_INHERITED, .fd = RKD_INHERITED_FIRST + i};
}

/* hosting.md s.0: the order in which ports of the host count, and what to bind for each. */
static const struct {
    const char *name;
    const uint8_t *bind;
    const char *unused; /* a warning */
} ports[] = {
#define UNUSED(name) name " is set, but roomkey listens elsewhere: whoever set it waits in vain"
    {"FUNCTIONS_CUSTOMHANDLER_PORT", loopback_v4, /* these two connect from this machine only */
     UNUSED("FUNCTIONS_CUSTOMHANDLER_PORT")},
    {"AWS_LWA_PORT", loopback_v4, UNUSED("AWS_LWA_PORT")},
    {"PORT", any_v4, UNUSED("PORT")}, /* Cloud Run and its like come from outside */
#undef UNUSED
};

static bool listens_on(const struct rkd_settings *settings, uint64_t port)
{
    for (size_t i = 0; i < settings->listen_count; i++)
        if (settings->listen[i].kind == RKD_LISTEN_TCP && settings->listen[i].port == port)
            return true;
    return false;
}

/* What the host says, and what is not done: settings that contradict each other are no reason to
 * stop, since one of them was put before the others, but nobody should have to guess. */
static void warn_unused(struct rkd_read *read)
{
    const struct rkd_settings *out = read->out;
    const unsigned named = out->inherited_admin == 0 ? 0 : 1;

    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const struct rk_str value = rkd_env_get(read->env, ports[i].name);
        uint64_t port = 0;

        if (value.len != 0 && (!rkd_number_parse(value, 65535, &port) || !listens_on(out, port)))
            rkd_read_warn(read, ports[i].unused);
    }
    if (read->env->local != NULL && read->env->local->port != 0 &&
        !listens_on(out, read->env->local->port))
        rkd_read_warn(read, "Host.LocalHttpPort of the local settings is set, but roomkey listens "
                            "elsewhere: whoever set it waits in vain");
    if (named != 0 && !out->has_admin_listen)
        rkd_read_warn(read,
                      "LISTEN_FDNAMES names a socket admin, but there is no admin_listen: who "
                      "connects to that socket waits in vain");
    if (out->inherited > named && out->listen[0].kind != RKD_LISTEN_INHERITED)
        rkd_read_warn(read, "LISTEN_FDS hands over sockets, but listen says where to serve: who "
                            "connects to those sockets waits in vain, but for admin_listen's");
}

static enum rk_err add_from_host(struct rkd_read *read, const struct rkd_env *env,
                                 struct rkd_settings *out)
{
    uint64_t port = 7071;
    const uint8_t *bind = loopback_v4;

    serve_inherited(out);
    if (out->listen_count != 0)
        return RK_OK;
    if (out->inherited != 0) /* who hands sockets over has not asked for a port of the host's */
        return rkd_read_fail_at(
            read, (struct rkd_pos){.file = "LISTEN_FDS"}, rki_str(NULL, 0),
            "expected a socket besides the one that LISTEN_FDNAMES calls admin, "
            "or listen in roomkey.yaml");
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const struct rk_str value = rkd_env_get(env, ports[i].name);

        if (value.len == 0)
            continue;
        if (!rkd_number_parse(value, 65535, &port) || port == 0)
            return rkd_read_fail_at(read, (struct rkd_pos){.file = ports[i].name}, rki_str(NULL, 0),
                                    "expected a port from 1 to 65535");
        bind = ports[i].bind;
        break;
    }
    out->listen[0] = (struct rkd_listen){
        .kind = RKD_LISTEN_TCP, .addr = addr_v4(bind), .port = (uint16_t)port, .fd = -1};
    out->listen_count = 1;
    return RK_OK;
}

static enum rk_err add_flags(struct rkd_read *read, struct rkd_settings *out)
{
    enum rk_err err = RK_OK;

    if (read->flags->listen_count != 0)
        out->listen_count = 0;
    for (size_t i = 0; i < read->flags->listen_count && err == RK_OK; i++) {
        struct rkd_value value;

        err = rkd_shape_value(read, RKD_SHAPE_LIST, "--listen", rki_cstr(read->flags->listen[i]),
                              &value);
        if (err == RK_OK)
            err = add_listen(read, &value, out);
    }
    return err;
}

enum rk_err rkd_listen_finish(struct rkd_read *read)
{
    static char *const no_entries[] = {NULL};
    static const struct rkd_env nothing = {.entries = no_entries};
    struct rkd_settings *out = read->out;
    /* dev is started by people: what a host would say means nothing to it */
    const struct rkd_env *env = read->flags->dev ? &nothing : read->env;
    enum rk_err err;

    read->key = rki_str(NULL, 0);
    err = add_flags(read, out);
    if (err == RK_OK)
        err = count_inherited(read, env, out);
    if (err == RK_OK && out->listen_count == 0)
        err = add_from_host(read, env, out);
    if (err == RK_OK && !read->flags->dev)
        warn_unused(read);
    for (size_t i = 0; i < out->listen_count && read->flags->dev && err == RK_OK; i++)
        if (!rkd_listen_is_loopback(&out->listen[i]))
            err = rkd_read_fail_at(read, read->marks.listen, rki_str(NULL, 0),
                                   "roomkey dev listens on loopback only: expected 127.0.0.1 or "
                                   "[::1] and a port");
    if (err == RK_OK && is_admin_taken(out))
        err = rkd_read_fail_at(read, read->marks.admin_listen, RK_STR("admin_listen"),
                               "expected another address than those of listen");
    return err;
}
