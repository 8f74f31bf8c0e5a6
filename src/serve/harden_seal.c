/*
 * harden_seal.c - locks the process in, and says what holds.
 *
 * May touch: the process, by harden_calls.c and harden_files.c; the log.
 */
#include "auth/url.h"
#include "net/redis.h"
#include "serve/clock.h"
#include "serve/harden_impl.h"
#include "serve/log.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { HTTPS = 443, DNS = 53 };

static const char *const names[RKD_MEASURE_COUNT] = {
    [RKD_MEASURE_NO_NEW_PRIVS] = "no_new_privs", [RKD_MEASURE_NO_DUMP] = "no_dump",
    [RKD_MEASURE_NO_CORE] = "no_core",           [RKD_MEASURE_SECURE_HEAP] = "secure_heap",
    [RKD_MEASURE_SECCOMP] = "seccomp",           [RKD_MEASURE_LANDLOCK] = "landlock",
};

/* ---- where it may connect to ---- */

static bool has_port(const struct rkd_seal *seal, uint16_t port)
{
    for (size_t i = 0; i < seal->port_count; i++)
        if (seal->ports[i] == port)
            return true;
    return false;
}

/* More of them than there is room for: the ports are not limited. */
static void add_port(struct rkd_seal *seal, uint16_t port)
{
    if (port == 0 || has_port(seal, port))
        return;
    if (seal->port_count == RKD_SEAL_PORTS_MAX)
        seal->limits_ports = false;
    else
        seal->ports[seal->port_count++] = port;
}

static void add_url(struct rkd_seal *seal, struct rk_str text)
{
    struct rkd_url url;

    if (text.len != 0 && rkd_url_read(text, &url))
        add_port(seal, url.port);
}

/* An origin, or a host alone, which is its https origin. */
static void add_origin(struct rkd_seal *seal, struct rk_str text)
{
    char whole[RKD_URL_MAX];
    struct rki_buf buf = rki_buf_over(whole, sizeof(whole));
    struct rkd_url url;

    rki_buf_lit(&buf, "https://");
    rki_buf_put(&buf, text);
    if (rkd_url_read(text, &url) || (!buf.overflow && rkd_url_read(rki_buf_str(&buf), &url)))
        add_port(seal, url.port);
}

static void add_keysets(struct rkd_seal *seal, const struct rkd_auth *auth)
{
    const size_t count = rkd_auth_keyset_count(auth);

    for (size_t i = 0; i < count; i++) {
        const struct rkd_keyset_spec *spec = rkd_auth_keyset_at(auth, i);

        add_url(seal, spec->issuer); /* whose document may name its own origin (D7) */
        add_url(seal, spec->jwks_uri);
        add_url(seal, spec->discovery_url);
        for (size_t k = 0; spec->jwks_hosts != NULL && k < spec->jwks_hosts->count; k++)
            add_origin(seal, spec->jwks_hosts->items[k].text);
    }
}

/* What a reload may change. */
static void add_peers(struct rkd_seal *seal, const struct rkd_snapshot *snapshot)
{
    add_keysets(seal, snapshot->auth);
    for (size_t i = 0; i < rkd_policy_hook_count(snapshot->policy); i++)
        add_url(seal, rkd_policy_hook_at(snapshot->policy, i)->url);
}

static void add_fixed(struct rkd_seal *seal, const struct rkd_settings *settings)
{
    struct rkd_redis_url redis;

    if (settings->redis.url.len != 0 &&
        rkd_redis_url_read(settings->redis.url, settings->redis.password.bytes, &redis, NULL) ==
            RK_OK) {
        add_port(seal, redis.port);
        rk_wipe(&redis, sizeof(redis)); /* it may hold a password */
    }
    if (settings->dev) /* it looks whether a LiveKit server is there */
        add_url(seal, settings->livekit_api_url);
}

uint16_t rkd_seal_misses_port(const struct rkd_seal *seal, const struct rkd_snapshot *snapshot)
{
    struct rkd_seal wanted = {.limits_ports = true};

    add_peers(&wanted, snapshot);
    if (!seal->limits_ports)
        return 0;
    for (size_t i = 0; i < wanted.port_count; i++)
        if (!has_port(seal, wanted.ports[i]))
            return wanted.ports[i];
    return 0;
}

/* ---- the measures ---- */

/* What rkd_harden_process asked for at the very start. */
static void look_at_process(struct rkd_seal *seal)
{
    struct rlimit core = {.rlim_cur = 1};

    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        seal->held[RKD_MEASURE_NO_NEW_PRIVS] = RKD_HELD_ON;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)
        seal->held[RKD_MEASURE_NO_DUMP] = RKD_HELD_ON;
    else if (!RKD_HAS_SANDBOX)
        seal->held[RKD_MEASURE_NO_DUMP] = RKD_HELD_UNAVAILABLE;
    if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0)
        seal->held[RKD_MEASURE_NO_CORE] = RKD_HELD_ON;
    if (CRYPTO_secure_malloc_initialized() == 1)
        seal->held[RKD_MEASURE_SECURE_HEAP] = RKD_HELD_ON;
}

void rkd_seal_process(const struct rkd_snapshot *snapshot, struct rkd_seal *out)
{
    const struct rkd_settings *settings = &snapshot->settings;
    bool goes_out;

    /* in Lambda a thread of ours goes to the runtime's port and to our own, which may be any */
    *out = (struct rkd_seal){.limits_ports = getenv("AWS_LAMBDA_RUNTIME_API") == NULL};
    look_at_process(out);
    add_peers(out, snapshot);
    add_fixed(out, settings);
    goes_out = out->port_count != 0 || settings->config_file.len != 0; /* a reload may bring it */
    if (goes_out) {
        add_port(out, HTTPS);
        add_port(out, DNS); /* answers that are too long for a datagram */
    }
    out->held[RKD_MEASURE_LANDLOCK] =
        rkd_seal_files(settings, goes_out, out, &out->why[RKD_MEASURE_LANDLOCK]);
    out->held[RKD_MEASURE_SECCOMP] =
        rkd_seal_calls(settings->audit.file.len != 0, &out->why[RKD_MEASURE_SECCOMP]);
}

bool rkd_seal_gap(const struct rkd_seal *seal, struct rki_buf *out)
{
    for (size_t i = 0; i < RKD_MEASURE_COUNT; i++) {
        if (seal->held[i] == RKD_HELD_ON)
            continue;
        rki_buf_put(out, rki_cstr(names[i]));
        rki_buf_lit(out, ": ");
        if (seal->held[i] == RKD_HELD_UNAVAILABLE)
            rki_buf_lit(out, "not in this build, or not in this kernel");
        else
            rki_buf_put(out, rki_cstr(seal->why[i] == 0 ? "refused" : strerror(seal->why[i])));
        return true;
    }
    return false;
}

void rkd_seal_say(const struct rkd_seal *seal, bool is_required, struct rkd_log *log)
{
    static const char *const words[] = {[RKD_HELD_REFUSED] = "refused",
                                        [RKD_HELD_UNAVAILABLE] = "unavailable",
                                        [RKD_HELD_ON] = "on"};
    static const char *const resolvers[] = {[RKD_RESOLVER_FIXED] = "until_replaced",
                                            [RKD_RESOLVER_FOLLOWED] = "followed",
                                            [RKD_RESOLVER_ETC] = "followed_by_all_of_etc"};
    enum rkd_log_level level = RKD_LOG_INFO;
    char text[160];
    struct rki_buf gap = rki_buf_over(text, sizeof(text));
    struct rkd_log_line line;

    for (size_t i = 0; i < RKD_MEASURE_COUNT; i++)
        if (seal->held[i] == RKD_HELD_REFUSED)
            level = RKD_LOG_WARN;
    if (!rkd_log_wants(log, level))
        return;
    rkd_log_begin(&line, rkd_log_format(log), level, RK_STR("hardening"), rkd_clock_wall_ms());
    rkd_log_word(&line, RK_STR("wanted"), is_required ? "required" : "best");
    for (size_t i = 0; i < RKD_MEASURE_COUNT; i++)
        rkd_log_word(&line, rki_cstr(names[i]), words[seal->held[i]]);
    rkd_log_int(&line, RK_STR("landlock_abi"), seal->abi);
    rkd_log_word(&line, RK_STR("tcp_ports"), seal->limits_ports ? "listed" : "any");
    if (seal->held[RKD_MEASURE_LANDLOCK] == RKD_HELD_ON && resolvers[seal->resolver] != NULL)
        rkd_log_word(&line, RK_STR("resolv_conf"), resolvers[seal->resolver]);
    if (rkd_seal_gap(seal, &gap))
        rkd_log_str(&line, RK_STR("missing"), rki_buf_str(&gap));
    rkd_log_say(log, level, rkd_log_end(&line));
}
