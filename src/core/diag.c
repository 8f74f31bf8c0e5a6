/*
 * diag.c - fills the caller's struct rk_diag.
 *
 * May touch: its arguments. Nothing else.
 */
#include "core/diag.h"

static void fill(char *member, size_t cap, struct rk_str text)
{
    size_t len = text.len < cap ? text.len : cap - 1;

    if (len != 0)
        memcpy(member, text.ptr, len);
    member[len] = '\0';
}

void rki_diag_set_str(struct rk_diag *diag, struct rk_str field, const char *text)
{
    if (diag == NULL)
        return;
    fill(diag->field, sizeof(diag->field), field);
    fill(diag->text, sizeof(diag->text), rki_cstr(text));
}

void rki_diag_set(struct rk_diag *diag, const char *field, const char *text)
{
    rki_diag_set_str(diag, rki_cstr(field), text);
}
