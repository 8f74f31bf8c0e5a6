/*
 * harden_impl.h - what harden_seal.c (the whole), harden_calls.c (seccomp) and harden_files.c
 * (Landlock) share.
 */
#ifndef RKD_SERVE_HARDEN_IMPL_H
#define RKD_SERVE_HARDEN_IMPL_H

#include "serve/build.h"
#include "serve/harden.h"

/* Sanitizers and gcov make calls and open files of their own, too many to list. */
#if defined(RKD_WITHOUT_SANDBOX) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RKD_HAS_SANDBOX 0
#else
#define RKD_HAS_SANDBOX 1
#endif

/* Both: what came of it, errno of a refusal in *out_error. */
enum rkd_held rkd_seal_calls(bool may_write, int *out_error);
/* `goes_out`: names are resolved, certificates checked, libraries loaded late. Sets seal->abi, and
 * turns limits_ports off where the kernel cannot do it. */
enum rkd_held rkd_seal_files(const struct rkd_settings *settings, bool goes_out,
                             struct rkd_seal *seal, int *out_error);

#endif
