/*
 * loop_uv.h - the keeper's loop as libuv knows it, for the other files of this room.
 */
#ifndef RKD_NET_LOOP_UV_H
#define RKD_NET_LOOP_UV_H

#include "net/net.h"

#include <uv.h>

/* Handles on it are closed before rkd_loop_free, which runs the loop until they are. */
uv_loop_t *rkd_loop_uv(struct rkd_loop *loop);

#endif
