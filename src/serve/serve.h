/*
 * serve.h - runs the service: from checked settings to the exit code.
 *
 * The room wires the others together; only cli includes this header.
 */
#ifndef RKD_SERVE_H
#define RKD_SERVE_H

#include "model/settings.h"

/* Told once per listener, when connections are accepted: "127.0.0.1:7071", "[::1]:7071",
 * "unix:/run/x". */
struct rkd_serve_hooks {
    void (*on_listening)(void *ctx, const char *address);
    void *ctx;
};

/*
 * Hardens the process, listens, serves, drains on SIGTERM or SIGINT. `settings` is only read and
 * must outlive the call; `hooks` may be NULL. Returns the process's exit code: 0 after a drain, 1
 * when it could not start or a second signal came. Failures to start are said on stderr in one
 * line. Threads: once per process, from the first thread.
 */
int rkd_serve_run(const struct rkd_settings *settings, const struct rkd_serve_hooks *hooks);

#endif
