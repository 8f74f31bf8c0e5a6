/*
 * loop_impl.h - the keeper's loop as other files of this room see it: the libuv loop inside.
 */
#ifndef RKD_NET_LOOP_IMPL_H
#define RKD_NET_LOOP_IMPL_H

#include "net/net.h"

#include <uv.h>

/* A handle put on it must be closed before rkd_loop_free, which runs the close callbacks. */
uv_loop_t *rkd_loop_uv(struct rkd_loop *loop);

#endif
