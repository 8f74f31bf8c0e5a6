/*
 * notify.h - tells the service manager how we are, by sd_notify(3)'s protocol, without libsystemd.
 *
 * Nobody to tell is no error, and neither is a message that does not arrive.
 */
#ifndef RKD_SERVE_NOTIFY_H
#define RKD_SERVE_NOTIFY_H

#include "config/config.h"

struct rkd_notify {
    int fd; /* -1 or, all zero, with is_open false: nobody is told */
    bool is_open;
    bool is_ready;        /* READY=1 went out */
    uint64_t watchdog_ns; /* 0: nobody waits for a sign of life */
    uint64_t barked_ns;
};

/* NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of `env` (NULL: none); env->pid is who we are. */
void rkd_notify_open(struct rkd_notify *notify, const struct rkd_env *env);
void rkd_notify_close(struct rkd_notify *notify);

/* We listen, and all that was to be loaded is. */
void rkd_notify_ready(struct rkd_notify *notify);
/* A reload begins; then how it went, which is READY=1 again: the old configuration is one too. */
void rkd_notify_reloading(struct rkd_notify *notify, uint64_t now_ns);
void rkd_notify_reloaded(struct rkd_notify *notify, bool is_ok);
/* The drain begins. */
void rkd_notify_stopping(struct rkd_notify *notify);
/* A sign of life, when the last is old enough. Only while every loop turns. */
void rkd_notify_alive(struct rkd_notify *notify, uint64_t now_ns);

#endif
