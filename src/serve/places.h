/*
 * places.h - who serves which socket: the public, or whoever runs roomkey.
 */
#ifndef RKD_SERVE_PLACES_H
#define RKD_SERVE_PLACES_H

#include "model/settings.h"

struct rkd_places {
    struct rkd_listen listen[RKD_LISTEN_MAX]; /* the public's */
    size_t count;
    struct rkd_listen admin; /* where there is an admin_listen */
    bool is_admin_elsewhere; /* the socket that is named admin is not bound there */
};

/*
 * Of the sockets that were handed over the one named admin, else the one that is bound at
 * admin_listen, is the admin listener's; it and every other bound there is kept from the public.
 * With none of them admin_listen is bound as it stands. Looks at the descriptors, changes none.
 * RK_E_INVAL, said in out_diag: nothing is left to serve.
 */
RK_NODISCARD enum rk_err rkd_places_sort(const struct rkd_settings *settings,
                                         struct rkd_places *out, struct rk_diag *out_diag);

#endif
