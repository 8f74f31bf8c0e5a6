/*
 * harden.h - what the process gives up: before it reads a secret, and before it reads a client's
 * first byte.
 */
#ifndef RKD_HARDEN_H
#define RKD_HARDEN_H

#include <roomkey/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rkd_snapshot;
struct rkd_log;
struct rki_buf;

/*
 * No core dumps, not dumpable (no ptrace by the same user), no new privileges, umask 077, SIGPIPE
 * ignored, libcrypto's secure heap (guarded, locked where allowed, left out of dumps) for keys, no
 * texts for libcrypto's errors (0.4 MiB that nobody reads).
 * Call first, before any secret is read. Returns false when a measure failed; none of them is worth
 * refusing service for by itself, so the caller may go on: rkd_seal_process looks again at what
 * holds. Sanitizer builds stay dumpable: their leak checker attaches to the process.
 */
bool rkd_harden_process(void);

/*
 * Leaves the heap, as it stands now, out of core dumps: libcrypto keeps the secret and the keyed
 * states of each HMAC context there, not in its secure heap. Call when the keyed contexts are made;
 * what the heap grows by later holds requests. Works where malloc lives behind the program (glibc);
 * musl's maps what it hands out, and each mapping is left out as it is made (harden_map.c, in the
 * static build). False elsewhere, where RLIMIT_CORE 0 has to do.
 */
bool rkd_harden_heap(void);

/* ---- the seal ---- */

enum { RKD_SEAL_PORTS_MAX = 32 };

enum rkd_measure {
    RKD_MEASURE_NO_NEW_PRIVS = 0,
    RKD_MEASURE_NO_DUMP,
    RKD_MEASURE_NO_CORE,
    RKD_MEASURE_SECURE_HEAP,
    RKD_MEASURE_SECCOMP,
    RKD_MEASURE_LANDLOCK,
    RKD_MEASURE_COUNT,
};

enum rkd_held {
    RKD_HELD_REFUSED = 0, /* the kernel or the host said no: see why[] */
    RKD_HELD_UNAVAILABLE, /* not in this build, or not in this kernel */
    RKD_HELD_ON,
};

/* What may be read of /etc for name resolution. */
enum rkd_resolver {
    RKD_RESOLVER_NONE = 0, /* nothing is looked up, or nothing is closed */
    RKD_RESOLVER_FIXED, /* its files; a resolv.conf that is put in the place of this one is not read
                         */
    RKD_RESOLVER_FOLLOWED, /* its files, and a resolv.conf that is put in the place of this one */
    RKD_RESOLVER_ETC, /* the same by all of /etc, of which this user reads what everybody may */
};

/* What holds. The process's, for as long as it lives. */
struct rkd_seal {
    enum rkd_held held[RKD_MEASURE_COUNT];
    int why[RKD_MEASURE_COUNT]; /* errno of what was refused */
    unsigned abi;               /* Landlock's, as it is used; 0: none */
    enum rkd_resolver resolver;
    bool limits_ports; /* TCP goes to these ports only (ABI 4) */
    uint16_t ports[RKD_SEAL_PORTS_MAX];
    size_t port_count;
};

/*
 * Locks the process in: from here on it reads the directories its configuration named, what name
 * resolution, TLS and the dynamic linker need, and nothing else; writes beside its audit log only;
 * binds no TCP port and connects to ports the configuration names; and makes no system call that
 * serving does not need (denied with an error, never killed). Everything that binds, lowers limits
 * or wants a privilege comes before; every thread after, for Landlock holds for the caller and for
 * the threads it makes. Best effort, *out says what came of it. Once per process.
 */
void rkd_seal_process(const struct rkd_snapshot *snapshot, struct rkd_seal *out);

/* The first measure that does not hold, and why: "seccomp: Operation not permitted". False: all do.
 */
bool rkd_seal_gap(const struct rkd_seal *seal, struct rki_buf *out);

/* The line that states each measure. */
void rkd_seal_say(const struct rkd_seal *seal, bool is_required, struct rkd_log *log);

/* A snapshot that came by a reload needs a port the process has closed to itself: which one; 0:
 * none. */
uint16_t rkd_seal_misses_port(const struct rkd_seal *seal, const struct rkd_snapshot *snapshot);

#endif
