/*
 * harden.h - what the process gives up before it reads a secret.
 */
#ifndef RKD_HARDEN_H
#define RKD_HARDEN_H

#include <stdbool.h>

/*
 * No core dumps, not dumpable (no ptrace by the same user), no new privileges, umask 077, SIGPIPE
 * ignored, libcrypto's secure heap (guarded, locked where allowed, left out of dumps) for keys.
 * Call first, before any secret is read. Returns false when a measure failed; none of them is worth
 * refusing service for, so the caller may say so and go on. Sanitizer builds stay dumpable: their
 * leak checker attaches to the process.
 */
bool rkd_harden_process(void);

/*
 * Leaves the heap, as it stands now, out of core dumps: libcrypto keeps the secret and the keyed
 * states of each HMAC context there, not in its secure heap. Call when the keyed contexts are made;
 * what the heap grows by later holds requests. Works where malloc lives behind the program (glibc);
 * false elsewhere, where RLIMIT_CORE 0 has to do.
 */
bool rkd_harden_heap(void);

#endif
