/*
 * bound.c - where a socket is bound, as the kernel says.
 *
 * May touch: sockets, for their names.
 */
#include "net/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* False: no name, or a family we do not serve. A descriptor that is no socket has none. */
static bool read_name(int fd, struct rkd_listen *out)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    *out = (struct rkd_listen){.fd = fd, .addr = {.is_set = true}};
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return false;
    switch (addr.ss_family) {
    case AF_INET:
        memcpy(&in, &addr, sizeof(in));
        out->port = ntohs(in.sin_port);
        out->addr.is_v4 = true;
        memset(out->addr.bytes + 10, 0xff, 2);
        memcpy(out->addr.bytes + 12, &in.sin_addr, sizeof(in.sin_addr));
        return true;
    case AF_INET6:
        memcpy(&in6, &addr, sizeof(in6));
        out->port = ntohs(in6.sin6_port);
        memcpy(out->addr.bytes, &in6.sin6_addr, sizeof(in6.sin6_addr));
        return true;
    case AF_UNIX:
        memcpy(&un, &addr, len < sizeof(un) ? len : sizeof(un) - 1);
        *out = (struct rkd_listen){.kind = RKD_LISTEN_UNIX, .fd = fd};
        (void)snprintf(out->path, sizeof(out->path), "%s", un.sun_path);
        return true;
    default:
        return false;
    }
}

void rkd_listen_learn(int fd, struct rkd_net_listener *name)
{
    char ip[INET6_ADDRSTRLEN] = "";
    struct rkd_listen at;

    if (!read_name(fd, &at))
        return;
    if (at.kind == RKD_LISTEN_UNIX) {
        (void)snprintf(name->text, sizeof(name->text), "unix:%s", at.path);
        return;
    }
    name->listen.addr = at.addr;
    name->listen.port = at.port;
    (void)inet_ntop(at.addr.is_v4 ? AF_INET : AF_INET6, at.addr.bytes + (at.addr.is_v4 ? 12 : 0),
                    ip, sizeof(ip));
    (void)snprintf(name->text, sizeof(name->text), at.addr.is_v4 ? "%s:%u" : "[%s]:%u", ip,
                   at.port);
}

bool rkd_net_is_bound(int fd, const struct rkd_listen *at)
{
    struct rkd_listen found;

    if (!read_name(fd, &found) || found.kind != at->kind)
        return false;
    if (at->kind == RKD_LISTEN_UNIX)
        return found.path[0] != '\0' && strcmp(found.path, at->path) == 0;
    /* IPv4 in an IPv6 socket has the same sixteen bytes, and is the same place */
    return found.port == at->port && at->port != 0 &&
           memcmp(found.addr.bytes, at->addr.bytes, sizeof(at->addr.bytes)) == 0;
}
