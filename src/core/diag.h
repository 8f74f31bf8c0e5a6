/*
 * diag.h - fills the caller's struct rk_diag: where a value was wrong and what was expected.
 *
 * Only literals and names from our own tables go in here; input is never quoted, so nothing needs
 * escaping and no secret can leak.
 */
#ifndef RKI_DIAG_H
#define RKI_DIAG_H

#include "core/str.h"

/* Both texts are cut at the end of their member. diag may be NULL. */
void rki_diag_set(struct rk_diag *diag, const char *field, const char *text);

/* As above, for a path that is not NUL-terminated. */
void rki_diag_set_str(struct rk_diag *diag, struct rk_str field, const char *text);

/* Sets the diagnostic and hands `err` back, for `return rki_diag_fail(...)`. */
RK_NODISCARD static inline enum rk_err rki_diag_fail(struct rk_diag *diag, enum rk_err err,
                                                     const char *field, const char *text)
{
    rki_diag_set(diag, field, text);
    return err;
}

#endif
