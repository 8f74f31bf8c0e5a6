/*
 * base.h - the words every roomkey header uses: strings, errors, diagnostics, wiping.
 *
 * Strings are pointer and length; they need not end in NUL and may hold any byte.
 * The numbers of enum rk_err and the layout of the structures here are ABI: append only.
 */
#ifndef ROOMKEY_BASE_H
#define ROOMKEY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RK_API __attribute__((visibility("default")))
#define RK_NODISCARD __attribute__((warn_unused_result))
#else
#define RK_API
#define RK_NODISCARD
#endif

/* A borrowed run of bytes: not owned, not NUL-terminated. ptr NULL means absent, len 0 then. */
struct rk_str {
    const char *ptr;
    size_t len;
};

/* clang-format off */
#define RK_STR_INIT(lit) {("" lit), sizeof(lit) - 1} /* in static tables */
#ifndef __cplusplus
#define RK_STR(lit) ((struct rk_str)RK_STR_INIT(lit)) /* in code */
#endif
/* clang-format on */

/* What went wrong. Zero is the only success. Append-only: the numbers are ABI. */
enum rk_err {
    RK_OK = 0,
    RK_E_INVAL,       /* bytes or a value the contract forbids */
    RK_E_TOO_LONG,    /* over a documented limit; we refuse, we never truncate */
    RK_E_STATE,       /* something required was not set, or two settings exclude each other */
    RK_E_KEY,         /* secret missing or empty, or its file unreadable or writable by others */
    RK_E_NOMEM,       /* an allocation failed */
    RK_E_CRYPTO,      /* libcrypto refused */
    RK_E_TYPE,        /* a JSON value of the wrong type */
    RK_E_UNKNOWN,     /* a grant, source, kind or preset name that does not exist */
    RK_E_CREDENTIALS, /* a roomConfig that holds storage or stream credentials */
    RK_E_MALFORMED,   /* not a compact JWT, not canonical base64url, not strict JSON */
    RK_E_ALGORITHM,   /* the header names another algorithm than HS256 */
    RK_E_ISSUER,      /* no key of that name in the key ring */
    RK_E_SIGNATURE,   /* the MAC does not match */
    RK_E_EXPIRED,     /* exp lies in the past by the leeway or more */
    RK_E_NOT_YET,     /* nbf lies in the future by more than the leeway */
    RK_E_DIGEST,      /* a webhook whose body is not the one that was signed */
    RK_E_IO,          /* a file could not be read */
};

/* A constant English sentence for an error, never NULL; it names no input. Threads: safe. */
RK_API const char *rk_err_text(enum rk_err err);

/*
 * Where and what, for people. Owned by the caller; functions that take an `out_diag` accept NULL.
 * Both members are NUL-terminated, printable ASCII apart from quoted input, which is escaped; no
 * secret is ever written here. Untouched on success.
 */
struct rk_diag {
    char field[128]; /* path of the offending field, e.g. "video.canPublishSources[1]"; may be empty
                      */
    char text[192];  /* what was expected */
};

/* Overwrites memory in a way the optimiser may not drop. ptr may be NULL when len is 0. Threads:
 * safe. */
RK_API void rk_wipe(void *ptr, size_t len);

/* Equal contents in time that depends on the lengths only. Threads: safe. */
RK_API bool rk_ct_equal(struct rk_str a, struct rk_str b);

/* "0.1.0", the version of the library that runs, not of the header. Threads: safe. */
RK_API const char *rk_version(void);

#ifdef __cplusplus
}
#endif

#endif
