/*
 * serve.h - runs the service: from checked settings to the exit code.
 *
 * The room wires the others together; only cli includes this header.
 */
#ifndef RKD_SERVE_H
#define RKD_SERVE_H

#include "config/config.h"

/* What whoever starts the service adds to it; every member may be NULL. */
struct rkd_serve_hooks {
    /* Told once per listener, when connections are accepted: "127.0.0.1:7071", "[::1]:7071",
     * "unix:/path". */
    void (*on_listening)(void *ctx, const struct rkd_settings *settings, const char *address);
    /* SIGHUP: reads the configuration again. NULL: there is nothing to read again. On failure
     * *out_error owns its texts (rkd_raw_error_keep). */
    enum rk_err (*reload)(void *ctx, struct rkd_settings *out, struct rkd_raw_error *out_error);
    void *ctx;
    /* Where the service manager says how to reach it (NOTIFY_SOCKET, ...); NULL: there is none. */
    const struct rkd_env *env;
};

/*
 * Serves until SIGTERM or SIGINT, then drains (semantics H21). Takes *settings (all zero
 * afterwards); `hooks` may be NULL. Returns the process's exit code: 0 after a drain, 1 when it
 * could not start or a second signal came, 2 when callers or rules are not understood. Failures to
 * start are said on stderr in one line. Threads: once per process, from the first thread.
 */
int rkd_serve_run(struct rkd_settings *settings, const struct rkd_serve_hooks *hooks);

#endif
