/*
 * notify.c - one datagram a message to the address in NOTIFY_SOCKET (hosting.md s.5.1).
 *
 * May touch: that socket. It is opened and connected once, before the process locks itself in; a
 * message is never waited for, since the manager may be stopped itself.
 */
#include "serve/notify.h"

#include "config/number.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PARTS = 2 }; /* a sign of life every half of the time that is allowed (sd_notify(3)) */

/* "/run/x" or "@abstract", whose name begins with NUL and ends nowhere. 0: no address of ours. */
static socklen_t read_address(struct rk_str path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.len < 2 || path.len >= sizeof(out->sun_path) ||
        (path.ptr[0] != '/' && path.ptr[0] != '@'))
        return 0;
    memcpy(out->sun_path, path.ptr, path.len);
    if (path.ptr[0] == '@')
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len +
                       (path.ptr[0] == '@' ? 0 : 1));
}

/* Left over from a parent when WATCHDOG_PID is somebody else's (sd_watchdog_enabled(3)). */
static uint64_t read_watchdog(const struct rkd_env *env)
{
    const struct rk_str usec = rkd_env_get(env, "WATCHDOG_USEC");
    const struct rk_str pid = rkd_env_get(env, "WATCHDOG_PID");
    uint64_t number = 0;

    if (pid.len != 0 &&
        (!rkd_number_parse(pid, INT32_MAX, &number) || number != (uint64_t)env->pid))
        return 0;
    if (usec.len == 0 || !rkd_number_parse(usec, UINT64_MAX / 1000, &number))
        return 0;
    return number * 1000 / PARTS;
}

void rkd_notify_open(struct rkd_notify *notify, const struct rkd_env *env)
{
    struct sockaddr_un addr;
    socklen_t len;

    *notify = (struct rkd_notify){.fd = -1};
    if (env == NULL)
        return;
    len = read_address(rkd_env_get(env, "NOTIFY_SOCKET"), &addr);
    if (len == 0)
        return;
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0)
        return;
    if (connect(notify->fd, (const struct sockaddr *)&addr, len) != 0) {
        rkd_notify_close(notify);
        return;
    }
    notify->is_open = true;
    notify->watchdog_ns = read_watchdog(env);
}

void rkd_notify_close(struct rkd_notify *notify)
{
    if (notify->fd >= 0 && (notify->is_open || notify->fd > STDERR_FILENO))
        (void)close(notify->fd);
    *notify = (struct rkd_notify){.fd = -1};
}

static void tell(struct rkd_notify *notify, struct rk_str text)
{
    if (!notify->is_open)
        return;
    while (send(notify->fd, text.ptr, text.len, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

void rkd_notify_ready(struct rkd_notify *notify)
{
    notify->is_ready = true;
    tell(notify, RK_STR("READY=1\nSTATUS=serving"));
}

/* The moment must lie behind the signal, and in the same datagram. */
void rkd_notify_reloading(struct rkd_notify *notify, uint64_t now_ns)
{
    char text[96];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    rki_buf_lit(&buf, "RELOADING=1\nMONOTONIC_USEC=");
    rki_buf_int(&buf, (int64_t)(now_ns / 1000));
    rki_buf_lit(&buf, "\nSTATUS=reading the configuration again");
    tell(notify, rki_buf_str(&buf));
}

void rkd_notify_reloaded(struct rkd_notify *notify, bool is_ok)
{
    tell(notify, is_ok ? RK_STR("READY=1\nSTATUS=serving")
                       : RK_STR("READY=1\nSTATUS=serving, but the last reload failed: the log "
                                "says why"));
}

void rkd_notify_stopping(struct rkd_notify *notify)
{
    tell(notify, RK_STR("STOPPING=1\nSTATUS=letting requests in progress end"));
}

void rkd_notify_alive(struct rkd_notify *notify, uint64_t now_ns)
{
    if (notify->watchdog_ns == 0 ||
        (notify->barked_ns != 0 && now_ns - notify->barked_ns < notify->watchdog_ns))
        return;
    notify->barked_ns = now_ns;
    tell(notify, RK_STR("WATCHDOG=1"));
}
