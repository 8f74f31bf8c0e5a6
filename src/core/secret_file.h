/*
 * secret_file.h - reads a file that holds a secret, and says no to one that others could have
 * written.
 */
#ifndef RKI_SECRET_FILE_H
#define RKI_SECRET_FILE_H

#include "core/str.h"

/*
 * Reads the file whole into raw (cap bytes, one more than is allowed) and gives its text without
 * one newline (LF or CRLF) at the end. *out_is_readable: others may read it, which deserves a
 * warning. The caller wipes raw, on failure too. `field` names the culprit in out_diag.
 *
 * Errors: RK_E_IO        not there, not readable, not a regular file, written at this moment
 *         RK_E_KEY       group or others can write it; empty; it holds a NUL byte
 *         RK_E_TOO_LONG  cap bytes or more
 */
RK_NODISCARD enum rk_err rki_secret_file_read(const char *path, const char *field, char *raw,
                                              size_t cap, struct rk_str *out_text,
                                              bool *out_is_readable, struct rk_diag *out_diag);

/* For people: why open() failed with errno `error`. A constant that names no path. */
const char *rki_open_problem(int error);

#endif
