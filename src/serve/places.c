/*
 * places.c - which socket is whose.
 *
 * A socket unit, or roomkey-handover, holds the admin listener's socket beside the public ones:
 * without that a new process could not bind it before the old one is gone. What is served on it
 * tells more than the public may see, so whatever looks like it never becomes public. May touch:
 * the names of inherited sockets.
 */
#include "serve/places.h"

#include "net/net.h"

#include <stdio.h>

static bool is_admins(const struct rkd_settings *settings, int fd)
{
    return fd == settings->inherited_admin ||
           (settings->has_admin_listen && rkd_net_is_bound(fd, &settings->admin_listen));
}

enum rk_err rkd_places_sort(const struct rkd_settings *settings, struct rkd_places *out,
                            struct rk_diag *out_diag)
{
    int admin = settings->inherited_admin;

    *out = (struct rkd_places){.admin = settings->admin_listen};
    for (size_t i = 0; i < settings->listen_count; i++)
        if (settings->listen[i].kind != RKD_LISTEN_INHERITED ||
            !is_admins(settings, settings->listen[i].fd))
            out->listen[out->count++] = settings->listen[i];
    for (int i = 0; i < (int)settings->inherited && admin == 0; i++)
        if (is_admins(settings, RKD_INHERITED_FIRST + i))
            admin = RKD_INHERITED_FIRST + i;
    out->is_admin_elsewhere = admin != 0 && settings->has_admin_listen &&
                              !rkd_net_is_bound(admin, &settings->admin_listen);
    if (admin != 0)
        out->admin = (struct rkd_listen){.kind = RKD_LISTEN_INHERITED, .fd = admin};
    if (out->count != 0)
        return RK_OK;
    (void)snprintf(out_diag->field, sizeof(out_diag->field), "LISTEN_FDS");
    (void)snprintf(out_diag->text, sizeof(out_diag->text),
                   "admin_listen takes the only socket, and none is left to serve clients");
    return RK_E_INVAL;
}
